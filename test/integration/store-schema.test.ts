import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byteaArray, int8Array } from '../../src/store/binary-array.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openPool } from '../../src/store/pool.ts';
import { DAY_US, dayOf, dropOldPartitions, ensureDays, ensurePartitions, partitionName } from '../../src/store/partitions.ts';
import { openSchemaEngine } from '../../src/store/schema-engine.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { createRoster } from '../support/roster.ts';

const MIGRATIONS = [
  '00000000000000_init',
  '20261123000000_model_registry',
  '20261124000000_webhook_filters',
  '20261124010000_audit',
  '20261128010000_medical',
  '20261128020000_alerts',
  '20261128030000_observations',
  '20261128040000_hazard_feedback',
  '20261128040100_day_windows',
  '20261128050000_plans',
  '20261128060000_explanations',
  '20261128070000_load_exposure',
  '20261128071000_measured_load_look',
  '20261128080000_mornings',
  '20261128090000_planned_match',
];

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await startTestDatabase();
  pool = database.pool;
});
afterAll(() => database.stop());

/** An empty database beside the test's own. */
async function withEmptyDatabase(use: (connectionString: string) => Promise<void>): Promise<void> {
  const name = `empty_${randomUUID().slice(0, 8)}`;
  await pool.query(`CREATE DATABASE ${name} TEMPLATE template0`);
  const url = new URL(database.connectionString);
  url.pathname = `/${name}`;
  await use(url.toString());
  await pool.query(`DROP DATABASE ${name} WITH (FORCE)`);
}

/** Columns, defaults, keys, indexes and foreign keys; what only the migration can say is left out by name. */
async function describeTables(client: pg.Pool): Promise<unknown> {
  const columns = await client.query(
    `SELECT table_name, column_name, udt_name, is_nullable, column_default, datetime_precision FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name NOT LIKE '%\\_default' AND table_name <> '_prisma_migrations' ORDER BY table_name, column_name`,
  );
  const indexes = await client.query(
    `SELECT tablename, indexname, replace(indexdef, ' ON ONLY ', ' ON ') AS definition FROM pg_indexes
     WHERE schemaname = 'public' AND tablename NOT LIKE '%\\_default' AND tablename <> '_prisma_migrations' AND indexname !~ '_(open|active|shadow)_key$' ORDER BY indexname`,
  );
  const foreignKeys = await client.query(
    `SELECT conname, conrelid::regclass::text AS "table", pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE contype = 'f' ORDER BY conname`,
  );
  return { columns: columns.rows, indexes: indexes.rows, foreignKeys: foreignKeys.rows };
}

describe('migrations', () => {
  test('two at once on an empty database apply each migration once and record it as Prisma does', async () => {
    await withEmptyDatabase(async (connectionString) => {
      const results = await Promise.all([migrate(connectionString), migrate(connectionString)]);
      expect(results.flatMap((result) => result.applied)).toEqual(MIGRATIONS);
      const other = openPool(connectionString, { max: 1, name: 'test' });
      const recorded = await other.query('SELECT migration_name, finished_at IS NOT NULL AS finished FROM _prisma_migrations ORDER BY 1');
      await other.end();
      expect(recorded.rows).toEqual(MIGRATIONS.map((migration_name) => ({ migration_name, finished: true })));
      expect(await migrate(connectionString)).toEqual({ applied: [] });
    });
  });

  test('a start that was killed in the middle of a migration is made good by the next', async () => {
    await withEmptyDatabase(async (connectionString) => {
      await migrate(connectionString);
      const other = openPool(connectionString, { max: 1, name: 'test' });
      // What a kill -9 leaves: the row that says "started", and nothing of the migration's own transaction.
      await other.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
      await other.query(`CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz,
        migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0)`);
      await other.query(`INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('1', 'x', '00000000000000_init')`);
      expect(await migrate(connectionString)).toEqual({ applied: MIGRATIONS });
      expect((await other.query('SELECT count(*)::int AS n FROM team')).rows).toEqual([{ n: 0 }]);
      await other.end();
    });
  });

  test('schema.prisma and the migrations make the same tables', async () => {
    await withEmptyDatabase(async (connectionString) => {
      const other = openPool(connectionString, { max: 2, name: 'test' });
      const engine = await openSchemaEngine(other);
      const content = readFileSync(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8');
      const written = await engine.diff({
        from: { tag: 'empty' },
        to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content }] },
        script: true,
        exitCode: null,
        filters: { externalTables: [], externalEnums: [] },
      });
      engine.free();
      await other.query(written.stdout ?? '');
      expect(await describeTables(pool)).toEqual(await describeTables(other));
      await other.end();
    });
  });
});

describe('the migration of the model registry', () => {
  test('takes a database that saw two versions: the score that was made first counts, checkpoints go on', async () => {
    await withEmptyDatabase(async (connectionString) => {
      const other = openPool(connectionString, { max: 1, name: 'test' });
      const [init = '', registry = ''] = MIGRATIONS.map((name) =>
        readFileSync(new URL(`../../prisma/migrations/${name}/migration.sql`, import.meta.url), 'utf8'),
      );
      await other.query(init);
      const athleteId = randomUUID();
      for (const [version, index, scoredAtUs] of [
        ['old', 7, 100],
        ['new', 7, 900],
        ['new', 8, 901],
      ])
        await other.query(
          `INSERT INTO score VALUES ($1, $2::bigint, $3, $2::bigint * 1000000, $2::bigint * 1000000 + 1, 'rest', null, null, null, null, null, null, 0, 0, '[]', '', '', '', '', '', '', 1, $4, true)`,
          [athleteId, index, version, scoredAtUs],
        );
      for (const [version, index] of [
        ['old', 7],
        ['new', 8],
      ])
        await other.query(`INSERT INTO checkpoint (athlete_id, model_version, window_index, data) VALUES ($1, $2, $3, '')`, [
          athleteId,
          version,
          index,
        ]);
      await other.query(registry);
      const { rows } = await other.query('SELECT window_index::int AS n, model_version AS v FROM score WHERE NOT shadow ORDER BY 1');
      expect(rows).toEqual([
        { n: 7, v: 'old' },
        { n: 8, v: 'new' },
      ]);
      const held = await other.query('SELECT model_version AS v, active_index::int AS n FROM checkpoint ORDER BY 2 DESC');
      expect(held.rows).toEqual([
        { v: 'new', n: 8 },
        { v: 'old', n: 7 },
      ]);
      await other.end();
    });
  });
});

describe('what the migration adds to the schema', () => {
  test('a device belongs to one athlete at a time; assignments may touch; two writers at once cannot get past it', async () => {
    const { athletes } = await createRoster(pool, 2);
    const [a, b] = [athletes[0]!, athletes[1]!];
    const assign = (from: string, to: string | null): Promise<unknown> =>
      pool.query(
        'INSERT INTO device_assignment (id, device_id, athlete_id, valid_from, valid_to) VALUES (gen_random_uuid(), $1, $2, $3, $4)',
        [a.deviceId, b.id, from, to],
      );
    await expect(assign('2026-01-01Z', '2026-02-01Z')).rejects.toMatchObject({ code: '23P01', constraint: 'device_assignment_no_overlap' });
    await pool.query(`UPDATE device_assignment SET valid_to = '2026-01-01Z' WHERE device_id = $1`, [a.deviceId]);
    await assign('2026-01-01Z', '2026-02-01Z');
    const both = await Promise.allSettled([assign('2026-03-01Z', null), assign('2026-04-01Z', null)]);
    expect(both.map((one) => one.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(assign('2026-02-20Z', '2026-02-10Z')).rejects.toMatchObject({ code: expect.stringMatching(/^2[23]/) });
  });

  test('one open session an athlete, one open alert an athlete and type, a checkpoint of at most 4 KiB', async () => {
    const { teamId, athletes } = await createRoster(pool, 1);
    const athleteId = athletes[0]!.id;
    const session = (): Promise<unknown> =>
      pool.query(
        `INSERT INTO session (id, team_id, athlete_id, started_at, first_received_us, last_received_us, opened_by) VALUES (gen_random_uuid(), $1, $2, now(), 1, 1, 'staff')`,
        [teamId, athleteId],
      );
    const alert = (type: string): Promise<unknown> =>
      pool.query(
        `INSERT INTO alert (id, team_id, athlete_id, type, severity, title, sentence, evidence, raised_window_index, raised_at, method_version)
         VALUES (gen_random_uuid(), $1, $2, $3, 'red', '', '', '{}', 1, now(), '1')`,
        [teamId, athleteId, type],
      );
    await session();
    await expect(session()).rejects.toMatchObject({ constraint: 'session_open_key' });
    await alert('risk');
    await alert('deviation');
    await expect(alert('risk')).rejects.toMatchObject({ constraint: 'alert_open_key' });
    await pool.query('UPDATE alert SET cleared_at = now() WHERE athlete_id = $1', [athleteId]);
    await alert('risk');
    const checkpoint = (bytes: number): Promise<unknown> =>
      pool.query('INSERT INTO checkpoint (athlete_id, model_version, window_index, data) VALUES ($1, $2, 1, $3)', [
        athleteId,
        `${bytes}`,
        Buffer.alloc(bytes),
      ]);
    await checkpoint(4096);
    await expect(checkpoint(4097)).rejects.toMatchObject({ constraint: 'checkpoint_data_check' });
  });
});

test('binary array parameters arrive as they were: bytes of every value, integers to 2^53, empty arrays', async () => {
  const integers = [0, 1, -1, 255, 4_294_967_295, 4_294_967_296, -4_294_967_297, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  const bytes = [new Uint8Array(0), Uint8Array.from({ length: 256 }, (_, i) => i), new Uint8Array(70_000).fill(7)];
  const found = await pool.query('SELECT $1::bigint[] AS integers, $2::bytea[] AS bytes', [int8Array(integers), byteaArray(bytes)]);
  expect(found.rows[0].integers.map(Number)).toEqual(integers);
  expect(found.rows[0].bytes.map((one: Buffer) => Buffer.compare(one, bytes.shift() ?? new Uint8Array(1)))).toEqual([0, 0, 0]);
  const empty = await pool.query('SELECT cardinality($1::bigint[]) AS a, cardinality($2::bytea[]) AS b', [int8Array([]), byteaArray([])]);
  expect(empty.rows).toEqual([{ a: 0, b: 0 }]);
});

const frame = (receivedUs: number): Promise<unknown> => pool.query(`INSERT INTO raw_frame VALUES (1, $1, $1, '\\x00')`, [receivedUs]);
const placeOf = async (receivedUs: number): Promise<string | undefined> =>
  (await pool.query<{ name: string }>('SELECT tableoid::regclass::text AS name FROM raw_frame WHERE received_us = $1', [receivedUs]))
    .rows[0]?.name;

describe('partitions', () => {
  test('are made ahead, and once', async () => {
    const nowUs = 20_500 * DAY_US + 5;
    expect(await ensurePartitions(pool, nowUs, 2)).toEqual(
      (['raw_frame', 'kept_checkpoint', 'score'] as const).flatMap((table) =>
        [20_500, 20_501, 20_502].map((day) => partitionName(table, day)),
      ),
    );
    expect(await ensurePartitions(pool, nowUs, 2)).toEqual([]);
    await frame(nowUs);
    expect(await placeOf(nowUs)).toBe('raw_frame_p20260216');
  });

  test('a row of a day that has none is kept, and moves when its partition is made', async () => {
    const [stampUs, nextDayUs] = [9_000 * DAY_US, 9_001 * DAY_US];
    await frame(stampUs);
    await frame(nextDayUs);
    expect(await placeOf(stampUs)).toBe('raw_frame_default');
    await ensureDays(pool, 'raw_frame', [dayOf(stampUs)]);
    expect(await placeOf(stampUs)).toBe(partitionName('raw_frame', 9_000));
    expect(await placeOf(nextDayUs)).toBe('raw_frame_default');
  });

  test('makers and writers at once: nothing fails, nothing is lost', async () => {
    const days = [1, 2, 3, 4, 5].map((day) => 10_000 + day);
    const before = Number((await pool.query('SELECT count(*) AS n FROM raw_frame')).rows[0].n);
    const writes = Array.from({ length: 50 }, (_, i) => frame((10_001 + (i % 5)) * DAY_US + i));
    await Promise.all([...writes, ensureDays(pool, 'raw_frame', days), ensureDays(pool, 'raw_frame', days)]);
    expect(Number((await pool.query('SELECT count(*) AS n FROM raw_frame')).rows[0].n)).toBe(before + 50);
    await expect(frame(10_001 * DAY_US)).rejects.toMatchObject({ code: '23505' });
  });

  test('retention drops days that are over; an old recording scored today is kept', async () => {
    const nowUs = 20_500 * DAY_US;
    await ensureDays(pool, 'score', [8_000, 8_001]);
    const score = (day: number, scoredAtUs: number): Promise<unknown> =>
      pool.query(
        `INSERT INTO score VALUES (gen_random_uuid(), 1, 'v', $1::bigint, $1::bigint + 1, 'rest', null, null, null, null, null, null, 0, 0, '[]', '', '', '', '', '', '', 1, $2, true)`,
        [day * DAY_US, scoredAtUs],
      );
    await score(8_000, nowUs - 40 * DAY_US);
    await score(8_001, nowUs - DAY_US);
    const dropped = await dropOldPartitions(pool, nowUs, { raw_frame: 30, score: 30 });
    expect(dropped).toContain(partitionName('score', 8_000));
    expect(dropped).not.toContain(partitionName('score', 8_001));
    expect(dropped).toContain(partitionName('raw_frame', 9_000));
    expect(dropped).not.toContain(partitionName('raw_frame', 20_500));
    expect(await placeOf(9_001 * DAY_US)).toBeUndefined();
    expect(await dropOldPartitions(pool, nowUs, { raw_frame: 30, score: 30 })).toEqual([]);
  });
});
