import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { KinewatchError } from '../../contracts/errors.ts';
import type { CatalogueRepository } from '../../rest/catalogue/ports.ts';
import type { PlanSettingsRepository, PlanSubject, SettingVersion, StoredPlannedLoad } from '../../rest/plan-settings/ports.ts';
import { inTransaction } from '../transaction.ts';
import { UNKNOWN_TEAM } from './support.ts';

type StoredEntry = Awaited<ReturnType<CatalogueRepository['list']>>[number];
type EntryRow = Omit<StoredEntry, 'at'> & { readonly at: Date };
type Query = Pick<pg.Pool | pg.PoolClient, 'query'>;

const ENTRY = `entry_id AS "entryId", team_id AS "teamId", version, retired, reason, by, at, entry`;
const viewEntry = (row: EntryRow): StoredEntry => ({ ...row, at: row.at.toISOString() });
/** (chosen) Versions shown at most. */
const MOST_VERSIONS = 200;

async function readCatalogue(on: Query, teamId: string | null, entryId: string | null, history: boolean): Promise<StoredEntry[]> {
  const mine = `(team_id IS NULL OR team_id = $1) AND ($2::text IS NULL OR entry_id = $2)`;
  const { rows } = history
    ? await on.query<EntryRow>(
        `SELECT ${ENTRY} FROM catalogue_entry WHERE ${mine} ORDER BY entry_id, team_id NULLS LAST, version DESC LIMIT ${MOST_VERSIONS}`,
        [teamId, entryId],
      )
    : await on.query<EntryRow>(
        `SELECT * FROM (SELECT DISTINCT ON (entry_id) ${ENTRY} FROM catalogue_entry WHERE ${mine} ORDER BY entry_id, team_id NULLS LAST, version DESC) AS newest
         WHERE NOT retired ORDER BY "entryId"`,
        [teamId, entryId],
      );
  return rows.map(viewEntry);
}

const insertEntry = async (
  on: Query,
  {
    teamId,
    entryId,
    entry,
    retired,
    reason,
    by,
  }: Pick<StoredEntry, 'teamId' | 'entryId' | 'retired' | 'reason' | 'by'> & { readonly entry: object },
): Promise<StoredEntry | undefined> => {
  const { rows } = await on.query<EntryRow>(
    `INSERT INTO catalogue_entry (id, team_id, entry_id, version, entry, retired, reason, by)
     SELECT $1, $2, $3, coalesce(max(version), 0) + 1, $4, $5, $6, $7 FROM catalogue_entry WHERE entry_id = $3 AND team_id IS NOT DISTINCT FROM $2::uuid
     RETURNING ${ENTRY}`,
    [randomUUID(), teamId, entryId, JSON.stringify(entry), retired, reason, by],
  );
  return rows.map(viewEntry)[0];
};

/** One writer of the catalogue at a time: what is in force is checked before a version is added. */
const lockCatalogue = (client: pg.PoolClient): Promise<unknown> =>
  client.query(`SELECT pg_advisory_xact_lock(hashtext('kinewatch catalogue'))`);

export function createCatalogueRepository(pool: pg.Pool): CatalogueRepository {
  return {
    list: (teamId, { entryId, history }) => readCatalogue(pool, teamId, entryId ?? null, history),
    put: ({ teamId, entryId, entry, reason, by }, check) =>
      inTransaction(pool, async (client) => {
        if (teamId !== null && (await client.query('SELECT 1 FROM team WHERE id = $1', [teamId])).rowCount === 0)
          throw new KinewatchError('unknown-reference', UNKNOWN_TEAM);
        await lockCatalogue(client);
        const inForce = await readCatalogue(client, teamId, null, false);
        const current = inForce.find((one) => one.entryId === entryId);
        if (entry === null && current === undefined) return null;
        check(inForce);
        return (
          (await insertEntry(client, { teamId, entryId, entry: entry ?? current?.entry ?? {}, retired: entry === null, reason, by })) ??
          null
        );
      }),
  };
}

/** By whom the default's versions are that came with the package. */
const PACKAGE = 'package';

/**
 * Everybody's default: a new version of each entry of the package that is not there, or whose newest version came with an earlier package and differs.
 * What staff changed or retired stays as it is. Returns the ids written.
 */
export function seedCatalogue(pool: pg.Pool, entries: readonly { readonly id: string }[]): Promise<string[]> {
  return inTransaction(pool, async (client) => {
    await lockCatalogue(client);
    const { rows } = await client.query<{ id: string }>(
      `SELECT e.id FROM jsonb_to_recordset($1::jsonb) AS e(id text, entry jsonb)
       LEFT JOIN LATERAL (SELECT c.entry, c.by FROM catalogue_entry c WHERE c.team_id IS NULL AND c.entry_id = e.id ORDER BY c.version DESC LIMIT 1) AS newest ON true
       WHERE newest.entry IS NULL OR (newest.by = $2 AND newest.entry <> e.entry)`,
      [JSON.stringify(entries.map((entry) => ({ id: entry.id, entry: withoutId(entry) }))), PACKAGE],
    );
    for (const { id } of rows) {
      const entry = entries.find((one) => one.id === id);
      if (entry !== undefined)
        await insertEntry(client, { teamId: null, entryId: id, entry: withoutId(entry), retired: false, reason: null, by: PACKAGE });
    }
    return rows.map(({ id }) => id);
  });
}

const withoutId = ({ id: _id, ...entry }: { readonly id: string }): object => entry;

const PLANNED = `to_char(day, 'YYYY-MM-DD') AS day, load, minimum, maximum, is_match AS match, by, at`;
const OF_SUBJECT = 'team_id = $1 AND athlete_id IS NOT DISTINCT FROM $2::uuid';

export function createPlanSettingsRepository(pool: pg.Pool): PlanSettingsRepository {
  const versions = async <Value>({ teamId, athleteId }: PlanSubject, kind: string): Promise<SettingVersion<Value>[]> => {
    const { rows } = await pool.query<{ version: number; value: Value; by: string; at: Date }>(
      `SELECT version, value, by, at FROM plan_limits WHERE ${OF_SUBJECT} AND kind = $3 ORDER BY version DESC LIMIT 100`,
      [teamId, athleteId, kind],
    );
    return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
  };
  const put = ({ teamId, athleteId }: PlanSubject, kind: string, value: unknown, by: string): Promise<void> =>
    inTransaction(pool, async (client) => {
      await client.query('SELECT 1 FROM team WHERE id = $1 FOR NO KEY UPDATE', [teamId]);
      await client.query(
        `INSERT INTO plan_limits (id, team_id, athlete_id, kind, version, value, by)
         SELECT $3, $1, $2, $4, coalesce(max(version), 0) + 1, $5, $6 FROM plan_limits WHERE ${OF_SUBJECT} AND kind = $4`,
        [teamId, athleteId, randomUUID(), kind, JSON.stringify(value), by],
      );
    });
  return {
    hasTeam: async (team, teamId) =>
      (await pool.query('SELECT 1 FROM team WHERE id = $1 AND ($2::uuid IS NULL OR id = $2)', [teamId, team])).rowCount === 1,
    timeZone: async (teamId) =>
      (await pool.query<{ time_zone: string }>('SELECT time_zone FROM team WHERE id = $1', [teamId])).rows[0]?.time_zone ?? 'UTC',
    limits: (subject) => versions(subject, 'limits'),
    putLimits: (subject, value, by) => put(subject, 'limits', value, by),
    conditions: async (athleteId) => {
      const { rows } = await pool.query<{ version: number; value: readonly string[]; by: string; at: Date }>(
        `SELECT version, value, by, at FROM plan_limits WHERE athlete_id = $1 AND kind = 'conditions' ORDER BY version DESC LIMIT 100`,
        [athleteId],
      );
      return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
    },
    putConditions: (subject, value, by) => put(subject, 'conditions', value, by),
    plannedLoads: async ({ teamId, athleteId }, { from, to }) => {
      const { rows } = await pool.query<StoredPlannedLoad & { readonly by: string; readonly at: Date }>(
        `SELECT ${PLANNED} FROM planned_load WHERE ${OF_SUBJECT} AND day BETWEEN $3 AND $4 ORDER BY planned_load.day`,
        [teamId, athleteId, from, to],
      );
      return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
    },
    putPlannedLoads: async ({ teamId, athleteId }, days, by) => {
      await pool.query(
        `INSERT INTO planned_load (id, team_id, athlete_id, day, load, minimum, maximum, is_match, by)
         SELECT gen_random_uuid(), $1, $2, d.day, d.load, d.minimum, d.maximum, d.match, $4
         FROM jsonb_to_recordset($3::jsonb) AS d(day date, load float8, minimum float8, maximum float8, match boolean)
         ON CONFLICT (team_id, athlete_id, day) DO UPDATE SET load = excluded.load, minimum = excluded.minimum, maximum = excluded.maximum,
           is_match = excluded.is_match, by = excluded.by, at = now()`,
        [teamId, athleteId, JSON.stringify(days), by],
      );
    },
    putDoses: async (athleteId, doses, by) => {
      await pool.query(
        `INSERT INTO dose_done (athlete_id, day, intervention_id, share, by)
         SELECT $1, d.day, d."interventionId", d.share, $3 FROM jsonb_to_recordset($2::jsonb) AS d(day date, "interventionId" text, share float8)
         ON CONFLICT (athlete_id, day, intervention_id) DO UPDATE SET share = excluded.share, by = excluded.by, at = now()`,
        [athleteId, JSON.stringify(doses), by],
      );
    },
  };
}
