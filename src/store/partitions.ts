/**
 * Daily partitions (UTC days of a column of microseconds): raw_frame and kept_checkpoint by receipt, score by the window's start. Made ahead, made for past days
 * on demand (recordings), dropped when their time is over. Days that have none fall into the default partition, so no insert fails.
 */
import type pg from 'pg';

export const DAY_US = 86_400_000_000;

export type PartitionedTable = 'raw_frame' | 'kept_checkpoint' | 'score';

const COLUMN: Readonly<Record<PartitionedTable, string>> = { raw_frame: 'received_us', kept_checkpoint: 'received_us', score: 'start_us' };

/** A frame or checkpoint up to 8 KB stays in its row: a second table for each larger one costs more than it saves. */
const SETTINGS: Readonly<Record<PartitionedTable, string>> = {
  raw_frame: 'WITH (toast_tuple_target = 8160)',
  kept_checkpoint: 'WITH (toast_tuple_target = 8160)',
  score: '',
};

/** 'kwpa': one maker of partitions at a time. */
const PARTITION_LOCK = 0x6b777061;

/** Days since the epoch. */
export const dayOf = (timeUs: number): number => Math.floor(timeUs / DAY_US);

/** e.g. raw_frame_p20261122 */
export function partitionName(table: PartitionedTable, day: number): string {
  return `${table}_p${new Date(day * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

async function existing(client: pg.Pool | pg.PoolClient, table: PartitionedTable): Promise<Set<string>> {
  const found = await client.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass`,
    [table],
  );
  return new Set(found.rows.map((row) => row.name));
}

async function create(client: pg.PoolClient, table: PartitionedTable, day: number): Promise<void> {
  const name = partitionName(table, day);
  const column = COLUMN[table];
  const [from, to] = [day * DAY_US, (day + 1) * DAY_US];
  await client.query(`CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL) ${SETTINGS[table]}`);
  // Rows that came before their partition did: without moving them the partition could not be attached. No writer may add one meanwhile.
  await client.query(`LOCK TABLE ${table}_default IN ACCESS EXCLUSIVE MODE`);
  await client.query(
    `WITH moved AS (DELETE FROM ${table}_default WHERE ${column} >= ${from} AND ${column} < ${to} RETURNING *) INSERT INTO ${name} SELECT * FROM moved`,
  );
  await client.query(`ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`);
}

/** Makes the partitions of these days where they are missing; safe beside writers and beside another maker. Returns the names of new ones. */
export async function ensureDays(pool: pg.Pool, table: PartitionedTable, days: Iterable<number>): Promise<string[]> {
  const known = await existing(pool, table);
  const missing = [...new Set(days)].filter((day) => !known.has(partitionName(table, day))).toSorted((a, b) => a - b);
  if (missing.length === 0) return [];
  const made: string[] = [];
  const client = await pool.connect();
  let failed = true;
  try {
    for (const day of missing) {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
      if (!(await existing(client, table)).has(partitionName(table, day))) {
        await create(client, table, day);
        made.push(partitionName(table, day));
      }
      await client.query('COMMIT');
    }
    failed = false;
    return made;
  } finally {
    client.release(failed);
  }
}

/**
 * Partitions of all tables for the day of `nowUs` and the `days` after it. Called at start and every hour.
 * Returns the names of those made now.
 */
export async function ensurePartitions(pool: pg.Pool, nowUs: number, days: number): Promise<string[]> {
  const today = dayOf(nowUs);
  const wanted = Array.from({ length: days + 1 }, (_, ahead) => today + ahead);
  const made: string[] = [];
  for (const table of ['raw_frame', 'kept_checkpoint', 'score'] as const) made.push(...(await ensureDays(pool, table, wanted)));
  return made;
}

const dayOfPartition = (name: string): number | null => {
  const found = /_p(\d{4})(\d{2})(\d{2})$/.exec(name);
  return found === null ? null : Date.UTC(Number(found[1]), Number(found[2]) - 1, Number(found[3])) / 86_400_000;
};

/** A recording of years ago that was scored today is today's work: a score goes by the day it was made, not by the day it is about. */
async function isOver(pool: pg.Pool, table: PartitionedTable, name: string, beforeUs: number): Promise<boolean> {
  if (table !== 'score') return true;
  const newest = await pool.query<{ newest: string | null }>(`SELECT max(scored_at_us) AS newest FROM ${name}`);
  return Number(newest.rows[0]?.newest ?? 0) < beforeUs;
}

async function dropPartition(pool: pg.Pool, name: string): Promise<boolean> {
  const client = await pool.connect();
  try {
    // Dropping needs the whole table for a moment; behind a long query it would make every writer wait, so it gives way and is tried next time.
    await client.query(`SET lock_timeout = '2s'`);
    await client.query(`DROP TABLE ${name}`);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === '55P03') return false;
    throw error;
  } finally {
    client.release(true);
  }
}

/**
 * Retention: drops partitions whose day ended more than the table's `retentionDays` before `nowUs` (scores: none of whose scores is younger), and deletes
 * as old rows from the default partitions and from refused_frame. A kept checkpoint is of no use without the frames that followed it and goes with them. Returns the names of what was dropped.
 */
export async function dropOldPartitions(
  pool: pg.Pool,
  nowUs: number,
  retentionDays: Readonly<Record<'raw_frame' | 'score', number>>,
): Promise<string[]> {
  const framesUs = nowUs - retentionDays.raw_frame * DAY_US;
  const before = { raw_frame: framesUs, kept_checkpoint: framesUs, score: nowUs - retentionDays.score * DAY_US };
  const dropped: string[] = [];
  for (const table of ['raw_frame', 'kept_checkpoint', 'score'] as const) {
    for (const name of [...(await existing(pool, table))].toSorted()) {
      const day = dayOfPartition(name);
      if (day === null || (day + 1) * DAY_US > before[table] || !(await isOver(pool, table, name, before[table]))) continue;
      if (await dropPartition(pool, name)) dropped.push(name);
    }
  }
  await pool.query('DELETE FROM raw_frame_default WHERE received_us < $1', [before.raw_frame]);
  await pool.query('DELETE FROM kept_checkpoint_default WHERE received_us < $1', [before.kept_checkpoint]);
  await pool.query('DELETE FROM score_default WHERE start_us < $1 AND scored_at_us < $1', [before.score]);
  await pool.query('DELETE FROM refused_frame WHERE received_us < $1', [before.raw_frame]);
  return dropped;
}
