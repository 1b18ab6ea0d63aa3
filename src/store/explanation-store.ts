/** Explanations as work and as results, and the quiet windows they take for normal. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type {
  Explanation,
  ExplainStore,
  ExplainTask,
  OwnAndSquad,
  QuietScore,
  QuietSearch,
  Refusal,
  StoredBackground,
  UsedBackground,
} from '../explain/ports.ts';
import type { ExplanationQueueStore } from '../queue/ports.ts';
import { SCORE_COLUMNS, decodeScore, type ScoreRow } from './decode-score.ts';
import { DAY_US } from './partitions.ts';
import { inTransaction } from './transaction.ts';

/** Times a row is taken without an end before it is refused: what it asks for ends the thread, or the store is not there. */
const MAX_ATTEMPTS = 3;
/** Normal is looked for and stays normal this long before the window (chosen: two weeks of training). */
const NORMAL_DAYS = 14;
/** BOUNDED: newest windows looked through, of the athlete's own (an hour) and of each other (10 minutes), and how many others. */
const OWN_WINDOWS = 3_600;
const SQUAD_WINDOWS = 600;
const SQUAD_ATHLETES = 8;
/** BOUNDED: candidates handed out, of the athlete's own and of each other. */
const OWN_CANDIDATES = 24;
const SQUAD_CANDIDATES = 3;
/** BOUNDED: stored windows of an athlete: two for each of four activity classes. */
const STORED_WINDOWS = 8;
/** Stored windows of others handed out. */
const STORED_SQUAD = 16;

interface TaskRow {
  readonly id: string;
  readonly athlete_id: string;
  readonly team_id: string;
  readonly window_index: string;
  readonly model_version: string;
  readonly start_us: string;
  readonly grain: ExplainTask['grain'];
  readonly attempts: number;
}

async function claim(pool: pg.Pool, id: string, leaseMs: number): Promise<ExplainTask | null> {
  const { rows } = await pool.query<TaskRow>(
    `UPDATE explanation e SET attempts = attempts + 1, claimed_until = now() + $2 * interval '1 millisecond'
     FROM athlete a WHERE e.id = $1 AND a.id = e.athlete_id AND e.status = 'pending' AND (e.claimed_until IS NULL OR e.claimed_until <= now())
     RETURNING e.id, e.athlete_id, a.team_id, e.window_index, e.model_version, e.start_us, e.grain, e.attempts`,
    [id, leaseMs],
  );
  const [row] = rows;
  if (row === undefined) return null;
  if (row.attempts > MAX_ATTEMPTS) {
    await refuse(pool, id, {
      code: 'explain-failed',
      detail: `the explanation was begun ${MAX_ATTEMPTS} times and never ended; the log says why`,
    });
    return null;
  }
  return {
    id,
    athleteId: row.athlete_id,
    teamId: row.team_id,
    windowIndex: Number(row.window_index),
    modelVersion: row.model_version,
    startUs: Number(row.start_us),
    grain: row.grain,
  };
}

const refuse = (pool: pg.Pool, id: string, refusal: Refusal): Promise<unknown> =>
  pool.query(
    `UPDATE explanation SET status = 'refused', refusal = $2, claimed_until = NULL, finished_at = now() WHERE id = $1 AND status = 'pending'`,
    [id, JSON.stringify(refusal)],
  );

async function save(
  pool: pg.Pool,
  id: string,
  explanation: Explanation,
  background: readonly UsedBackground[],
  tookMs: number,
): Promise<void> {
  const { method, enumerated, evaluations, baseLogit, logit, contributions, attention } = explanation;
  await pool.query(
    `UPDATE explanation SET status = 'done', refusal = NULL, claimed_until = NULL, finished_at = now(), method = $2, enumerated = $3, evaluations = $4,
       base_logit = $5, logit = $6, contributions = $7, attention = $8, background = $9, took_ms = $10 WHERE id = $1 AND status = 'pending'`,
    [
      id,
      method,
      enumerated,
      evaluations,
      baseLogit,
      logit,
      JSON.stringify(contributions),
      JSON.stringify({ time: Array.from(attention.time), modality: attention.modality }),
      JSON.stringify({ ...explanation.background, windows: background }),
      tookMs,
    ],
  );
}

/** Columns of a candidate; the rest of the decoder's is not asked for. */
const QUIET_COLUMNS =
  'athlete_id, window_index, model_version, activity, state, state_logit, provisional, channel_summary, phys, perf, start_us';
/** Quiet among the newest of an athlete's windows: $2 version, $3 window explained, $4 to $5 its days, $6 state at most, $7 activity. */
const quietOf = (athlete: string, windows: number, candidates: number): string => `
  SELECT * FROM (SELECT ${QUIET_COLUMNS} FROM score
     WHERE athlete_id = ${athlete} AND NOT shadow AND model_version = $2 AND window_index < $3 AND start_us >= $4 AND start_us < $5
     ORDER BY window_index DESC LIMIT ${windows}) newest
  WHERE state <= $6 AND activity = $7
    AND NOT EXISTS (SELECT 1 FROM background_window b WHERE b.athlete_id = newest.athlete_id AND b.model_version = $2 AND b.window_index = newest.window_index)
  ORDER BY provisional, window_index > $3 - 600, md5(window_index::text) LIMIT ${candidates}`;

/** Own baselines before the population's, at least ten minutes before the window where there are such, then by a fixed shuffle: not the newest, which may lead up to it. */
async function quietScores(pool: pg.Pool, search: QuietSearch): Promise<OwnAndSquad<QuietScore>> {
  const { athleteId, teamId, modelVersion, beforeIndex, maxState, activity } = search;
  // A window starts within a second of its index.
  const toUs = (beforeIndex + 1) * 1_000_000;
  const values = [athleteId, modelVersion, beforeIndex, toUs - NORMAL_DAYS * DAY_US, toUs, maxState, activity];
  const own = await pool.query<ScoreRow>(quietOf('$1', OWN_WINDOWS, OWN_CANDIDATES), values);
  const squad = await pool.query<ScoreRow>(
    `SELECT quiet.* FROM (SELECT id FROM athlete WHERE team_id = $8 AND id <> $1 AND active ORDER BY md5(id::text || $1::text) LIMIT ${SQUAD_ATHLETES}) other,
       LATERAL (${quietOf('other.id', SQUAD_WINDOWS, SQUAD_CANDIDATES)}) quiet
     ORDER BY quiet.provisional, md5(quiet.athlete_id::text || $1::text), md5(quiet.window_index::text)`,
    [...values, teamId],
  );
  return { own: own.rows.map(decodeQuiet), squad: squad.rows.map(decodeQuiet) };
}

const EMPTY = Buffer.alloc(0);
const decodeQuiet = (row: ScoreRow): QuietScore => decodeScore({ ...row, f_attn: EMPTY, attn_time: EMPTY, attn_tokens: EMPTY });

async function storedBackgrounds(pool: pg.Pool, search: QuietSearch): Promise<OwnAndSquad<StoredBackground>> {
  const { athleteId, teamId, modelVersion, beforeIndex, activity } = search;
  const span = NORMAL_DAYS * 86_400;
  const read = async (who: string, limit: number, more: readonly unknown[]): Promise<StoredBackground[]> => {
    const { rows } = await pool.query<{ athlete_id: string; window_index: string; input: Buffer }>(
      `SELECT athlete_id, window_index, input FROM background_window
       WHERE ${who} AND model_version = $2 AND activity = $3 AND window_index BETWEEN $4 AND $5 AND window_index <> $6
       ORDER BY provisional, window_index DESC, athlete_id LIMIT ${limit}`,
      [athleteId, modelVersion, activity, beforeIndex - span, beforeIndex + span, beforeIndex, ...more],
    );
    return rows.map((row) => ({ athleteId: row.athlete_id, windowIndex: Number(row.window_index), packed: row.input }));
  };
  return {
    own: await read('athlete_id = $1', STORED_WINDOWS, []),
    squad: await read('athlete_id <> $1 AND athlete_id IN (SELECT id FROM athlete WHERE team_id = $7)', STORED_SQUAD, [teamId]),
  };
}

const saveBackground = (pool: pg.Pool, score: QuietScore, packed: Uint8Array): Promise<void> =>
  inTransaction(pool, async (client) => {
    await client.query(
      `INSERT INTO background_window (athlete_id, model_version, window_index, activity, provisional, input) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
      [score.athleteId, score.modelVersion, score.windowIndex, score.activity, score.provisional, packed],
    );
    await client.query(
      `DELETE FROM background_window WHERE athlete_id = $1 AND (model_version, window_index) NOT IN
         (SELECT model_version, window_index FROM background_window WHERE athlete_id = $1 ORDER BY created_at DESC, window_index DESC LIMIT ${STORED_WINDOWS})`,
      [score.athleteId],
    );
  });

/** Retention: explanations go with the scores that they explain, `days` after the window. One that is still to be made goes too: there is nothing left to make it from. */
export async function dropOldExplanations(pool: pg.Pool, nowMs: number, days: number): Promise<number> {
  const { rowCount } = await pool.query('DELETE FROM explanation WHERE start_us < $1', [nowMs * 1_000 - days * DAY_US]);
  return rowCount ?? 0;
}

export function createExplanationStore(pool: pg.Pool): ExplainStore & ExplanationQueueStore {
  return {
    claim: (id, leaseMs) => claim(pool, id, leaseMs),
    async renew(id, leaseMs) {
      await pool.query(
        `UPDATE explanation SET claimed_until = now() + $2 * interval '1 millisecond' WHERE id = $1 AND status = 'pending'`,
        [id, leaseMs],
      );
    },
    async release(id) {
      await pool.query(`UPDATE explanation SET claimed_until = NULL, attempts = attempts - 1 WHERE id = $1 AND status = 'pending'`, [id]);
    },
    async score({ athleteId, windowIndex, modelVersion, startUs }) {
      const { rows } = await pool.query<ScoreRow>(
        `SELECT ${SCORE_COLUMNS} FROM score WHERE athlete_id = $1 AND window_index = $2 AND model_version = $3 AND start_us = $4`,
        [athleteId, windowIndex, modelVersion, startUs],
      );
      return rows[0] === undefined ? null : decodeScore(rows[0]);
    },
    storedBackgrounds: (search) => storedBackgrounds(pool, search),
    quietScores: (search) => quietScores(pool, search),
    saveBackground: (score, packed) => saveBackground(pool, score, packed),
    save: (id, explanation, background, tookMs) => save(pool, id, explanation, background, tookMs),
    refuse: async (id, refusal) => {
      await refuse(pool, id, refusal);
    },
    async pendingExplanations(limit) {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT id FROM explanation WHERE status = 'pending' AND (claimed_until IS NULL OR claimed_until <= now())
         ORDER BY asked_by IS NOT NULL, created_at, id LIMIT $1`,
        [limit],
      );
      return rows.map((row) => row.id);
    },
  };
}

/** Alert types whose score is explained. */
const EXPLAINED: ReadonlySet<string> = new Set(['risk', 'deviation']);

/** In the transaction that raises an alert: its window is to be explained. A window without a score that counts has none. */
export async function queueAlertExplanation(
  client: pg.PoolClient,
  alert: { readonly type: string; readonly athleteId: string; readonly windowIndex: number },
): Promise<void> {
  if (!EXPLAINED.has(alert.type)) return;
  await client.query(
    `INSERT INTO explanation (id, athlete_id, window_index, model_version, grain, start_us)
     SELECT $1, athlete_id, window_index, model_version, 'sensor', start_us FROM score
     WHERE athlete_id = $2 AND window_index = $3 AND start_us >= $4 AND NOT shadow AND state IS NOT NULL ON CONFLICT DO NOTHING`,
    [randomUUID(), alert.athleteId, alert.windowIndex, alert.windowIndex * 1_000_000],
  );
}
