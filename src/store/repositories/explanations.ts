/** Explanations as staff ask for and read them. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { KinewatchError } from '../../contracts/errors.ts';
import type { Explanation, ExplanationRepository, StoredExplanation, SummaryRange, WindowKey } from '../../rest/explanations/ports.ts';
import type { TeamScope } from '../../rest/ports.ts';
import { inTransaction } from '../transaction.ts';

/** BOUNDED: explanations that staff asked for and that are not made: about a minute's work. */
const MAX_WAITING = 32;
/** 'kwex' as a number: one asks at a time, or two could pass the bound together. */
const ASK_LOCK = 0x6b776578;
/** BOUNDED: explanations of a summary (chosen: a month of a squad's alerts; each is some kilobytes). */
const MAX_SUMMED = 500;

interface Row {
  readonly athlete_id: string;
  readonly window_index: string;
  readonly model_version: string;
  readonly grain: StoredExplanation['grain'];
  readonly status: StoredExplanation['status'];
  readonly refusal: StoredExplanation['refusal'];
  readonly asked_by: string | null;
  readonly method: Explanation['method'] | null;
  readonly enumerated: number;
  readonly evaluations: number;
  readonly base_logit: number;
  readonly logit: number;
  readonly contributions: Explanation['contributions'];
  readonly attention: { readonly time: readonly number[]; readonly modality: Explanation['attention']['modality'] };
  readonly background: Explanation['background'];
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

const COLUMNS = `e.athlete_id, e.window_index, e.model_version, e.grain, e.status, e.refusal, e.asked_by, e.method, e.enumerated, e.evaluations, e.base_logit,
  e.logit, e.contributions, e.attention, e.background, e.created_at, e.finished_at`;

const explanationOf = (row: Row): Explanation | null =>
  row.method === null
    ? null
    : {
        modelVersion: row.model_version,
        grain: row.grain,
        method: row.method,
        enumerated: row.enumerated,
        evaluations: row.evaluations,
        background: { own: row.background.own, squad: row.background.squad },
        baseLogit: row.base_logit,
        logit: row.logit,
        contributions: row.contributions,
        attention: { time: Float32Array.from(row.attention.time), modality: row.attention.modality },
      };

const view = (row: Row): StoredExplanation => ({
  athleteId: row.athlete_id,
  windowIndex: Number(row.window_index),
  modelVersion: row.model_version,
  grain: row.grain,
  status: row.status,
  refusal: row.refusal,
  askedBy: row.asked_by,
  createdAt: row.created_at.toISOString(),
  finishedAt: row.finished_at?.toISOString() ?? null,
  explanation: explanationOf(row),
});

async function get(
  pool: pg.Pool | pg.PoolClient,
  team: TeamScope,
  { athleteId, windowIndex, grain }: WindowKey,
): Promise<StoredExplanation | null> {
  const { rows } = await pool.query<Row>(
    `SELECT ${COLUMNS} FROM explanation e JOIN athlete a ON a.id = e.athlete_id
     WHERE e.athlete_id = $1 AND e.window_index = $2 AND e.grain = $3 AND ($4::uuid IS NULL OR a.team_id = $4) ORDER BY e.created_at DESC LIMIT 1`,
    [athleteId, windowIndex, grain, team],
  );
  return rows[0] === undefined ? null : view(rows[0]);
}

interface ScoreRow {
  readonly model_version: string;
  readonly start_us: string;
  readonly state: number | null;
}

/** A window starts within a second of its index, which leaves other partitions unread. */
async function scoreOf(client: pg.PoolClient, team: TeamScope, { athleteId, windowIndex }: WindowKey): Promise<ScoreRow | null> {
  const { rows } = await client.query<ScoreRow>(
    `SELECT s.model_version, s.start_us, s.state FROM score s JOIN athlete a ON a.id = s.athlete_id
     WHERE s.athlete_id = $1 AND s.window_index = $2 AND s.start_us BETWEEN $3 AND $4 AND NOT s.shadow AND ($5::uuid IS NULL OR a.team_id = $5)`,
    [athleteId, windowIndex, windowIndex * 1_000_000, (windowIndex + 1) * 1_000_000, team],
  );
  return rows[0] ?? null;
}

async function makeRoom(client: pg.PoolClient): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [ASK_LOCK]);
  const { rows } = await client.query<{ n: string }>(
    `SELECT count(*) AS n FROM explanation WHERE status = 'pending' AND asked_by IS NOT NULL`,
  );
  if (Number(rows[0]?.n) < MAX_WAITING) return;
  throw new KinewatchError('explain-busy', `${MAX_WAITING} explanations that were asked for are not made yet: try again in a minute`, {
    retry: true,
  });
}

const ask = (pool: pg.Pool, team: TeamScope, key: WindowKey, by: string): Promise<StoredExplanation | null> =>
  inTransaction(pool, async (client) => {
    const score = await scoreOf(client, team, key);
    if (score === null) return null;
    if (score.state === null) {
      throw new KinewatchError(
        'window-not-scored',
        `Window ${key.windowIndex} has too little data for a score: there is nothing to explain`,
      );
    }
    const known = await client.query<{ status: string }>(
      'SELECT status FROM explanation WHERE athlete_id = $1 AND window_index = $2 AND model_version = $3 AND grain = $4',
      [key.athleteId, key.windowIndex, score.model_version, key.grain],
    );
    const status = known.rows[0]?.status;
    if (status === undefined || status === 'refused') {
      await makeRoom(client);
      await client.query(
        `INSERT INTO explanation AS e (id, athlete_id, window_index, model_version, grain, start_us, asked_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (athlete_id, window_index, model_version, grain) DO UPDATE
           SET status = 'pending', refusal = NULL, attempts = 0, claimed_until = NULL, finished_at = NULL, asked_by = excluded.asked_by WHERE e.status = 'refused'`,
        [randomUUID(), key.athleteId, key.windowIndex, score.model_version, key.grain, score.start_us, by],
      );
    }
    return get(client, team, key);
  });

async function ofTeam(pool: pg.Pool, team: TeamScope, teamId: string, { from, to, grain, modelVersion }: SummaryRange) {
  const teams = await pool.query<{ name: string }>('SELECT name FROM team WHERE id = $1 AND ($2::uuid IS NULL OR id = $2)', [teamId, team]);
  const [known] = teams.rows;
  if (known === undefined) return null;
  const { rows } = await pool.query<Row>(
    `WITH found AS (SELECT e.* FROM explanation e JOIN athlete a ON a.id = e.athlete_id
       WHERE a.team_id = $1 AND e.status = 'done' AND e.grain = $2 AND e.start_us >= $3 AND e.start_us < $4)
     SELECT ${COLUMNS} FROM found e
     WHERE e.model_version = coalesce($5, (SELECT model_version FROM found ORDER BY start_us DESC, id LIMIT 1))
     ORDER BY e.start_us DESC, e.id LIMIT ${MAX_SUMMED + 1}`,
    [teamId, grain, from.getTime() * 1_000, to.getTime() * 1_000, modelVersion],
  );
  return {
    teamName: known.name,
    explanations: rows.slice(0, MAX_SUMMED).flatMap((row) => explanationOf(row) ?? []),
    truncated: rows.length > MAX_SUMMED,
  };
}

export function createExplanationRepository(pool: pg.Pool): ExplanationRepository {
  return {
    ask: (team, key, by) => ask(pool, team, key, by),
    get: (team, key) => get(pool, team, key),
    ofTeam: (team, teamId, range) => ofTeam(pool, team, teamId, range),
  };
}
