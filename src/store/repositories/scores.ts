/** Scores and the ASMS row, read through pg: the same rows the hot path writes. */
import type pg from 'pg';
import type { CurrentState, Score, ScoreFilter, ScoreKey, ScoreRepository, TeamScope } from '../../rest/ports.ts';
import { SCALAR_COLUMNS, decodeFloats, type ScalarRow, type ScoreRow } from '../decode-score.ts';

const BLOBS = 'f_attn, attn_time, attn_tokens, phys, perf';

type RowWithBlobs = Omit<ScoreRow, 'channel_summary'>;

const US_PER_DAY = 86_400_000_000;

/** NaN marks a masked value; JSON has no NaN. */
const vector = (bytes: Buffer): (number | null)[] => Array.from(decodeFloats(bytes), (value) => (Number.isFinite(value) ? value : null));

function view(row: ScalarRow | RowWithBlobs): Score {
  const score: Score = {
    athleteId: row.athlete_id,
    windowIndex: Number(row.window_index),
    modelVersion: row.model_version,
    startUs: Number(row.start_us),
    endUs: Number(row.end_us),
    activity: row.activity as Score['activity'],
    status: row.state === null ? 'not-enough-data' : 'scored',
    state: row.state,
    stateLogit: row.state_logit,
    logitSd: row.logit_sd,
    rehab: row.rehab,
    performance: row.performance,
    residualNorm: row.residual_norm,
    observedFraction: row.observed_fraction,
    clipped: row.clipped,
    streams: [...row.streams],
    closedByUs: Number(row.closed_by_us),
    scoredAtUs: Number(row.scored_at_us),
    provisional: row.provisional,
    shadow: row.shadow,
  };
  if (!('f_attn' in row)) return score;
  return {
    ...score,
    attention: { time: vector(row.attn_time), tokens: vector(row.attn_tokens), fAttn: vector(row.f_attn) },
    observations: { phys: vector(row.phys), perf: vector(row.perf) },
  };
}

async function isVisible(pool: pg.Pool, team: TeamScope, athleteId: string): Promise<boolean> {
  const { rowCount } = await pool.query('SELECT 1 FROM athlete WHERE id = $1 AND ($2::uuid IS NULL OR team_id = $2)', [athleteId, team]);
  return rowCount === 1;
}

/**
 * The checkpoint commits with the scores and names the newest window, which leaves all but its day's partition unread. Without one
 * (scores written by a tool) every partition is asked.
 */
async function newestScore(pool: pg.Pool, athleteId: string): Promise<Score | null> {
  const checkpoint = await pool.query<{ active_index: string }>(
    'SELECT max(active_index) AS active_index FROM checkpoint WHERE athlete_id = $1 HAVING max(active_index) IS NOT NULL',
    [athleteId],
  );
  const [known] = checkpoint.rows;
  if (known !== undefined) {
    const startUs = Number(known.active_index) * 1_000_000;
    const { rows } = await pool.query<ScalarRow>(
      `SELECT ${SCALAR_COLUMNS} FROM score WHERE athlete_id = $1 AND NOT shadow AND start_us BETWEEN $2 AND $3 ORDER BY window_index DESC LIMIT 1`,
      [athleteId, startUs - US_PER_DAY, startUs + 1_000_000],
    );
    if (rows[0] !== undefined) return view(rows[0]);
  }
  const { rows } = await pool.query<ScalarRow>(
    `SELECT ${SCALAR_COLUMNS} FROM score WHERE athlete_id = $1 AND NOT shadow ORDER BY window_index DESC LIMIT 1`,
    [athleteId],
  );
  return rows[0] === undefined ? null : view(rows[0]);
}

interface AsmsRow {
  readonly last_window_index: string;
  readonly model_version: string;
  readonly method_version: string;
  readonly state: unknown;
  readonly updated_at: Date;
}

async function current(pool: pg.Pool, athleteId: string): Promise<CurrentState> {
  const score = await newestScore(pool, athleteId);
  const asms = await pool.query<AsmsRow>(
    'SELECT last_window_index, model_version, method_version, state, updated_at FROM asms_state WHERE athlete_id = $1 AND last_window_index >= 0',
    [athleteId],
  );
  const open = await pool.query<{ alerts: string; injuries: string }>(
    `SELECT (SELECT count(*) FROM alert WHERE athlete_id = $1 AND cleared_at IS NULL) AS alerts,
       (SELECT count(*) FROM injury WHERE athlete_id = $1 AND cleared_at IS NULL) AS injuries`,
    [athleteId],
  );
  const [row] = asms.rows;
  return {
    score,
    asms:
      row === undefined
        ? null
        : {
            lastWindowIndex: Number(row.last_window_index),
            modelVersion: row.model_version,
            methodVersion: row.method_version,
            state: row.state,
            updatedAt: row.updated_at.toISOString(),
          },
    openAlerts: Number(open.rows[0]?.alerts ?? 0),
    openInjuries: Number(open.rows[0]?.injuries ?? 0),
  };
}

/** start_us stands in every bound beside the key, so that partitions outside it are not read. */
function listQuery(athleteId: string, filter: ScoreFilter, limit: number, after: ScoreKey | null): { text: string; values: unknown[] } {
  const values: unknown[] = [athleteId];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const where = ['athlete_id = $1'];
  if (filter.fromUs !== null) where.push(`start_us >= ${bind(filter.fromUs)}`);
  if (filter.toUs !== null) where.push(`start_us < ${bind(filter.toUs)}`);
  // Unless a version is asked for, a window has the one score that counts.
  where.push(filter.modelVersion === null ? 'NOT shadow' : `model_version = ${bind(filter.modelVersion)}`);
  const down = filter.order === 'desc';
  if (after !== null) {
    where.push(`start_us ${down ? '<=' : '>='} ${bind(after.startUs)}`);
    where.push(`(window_index, model_version) ${down ? '<' : '>'} (${bind(after.windowIndex)}, ${bind(after.modelVersion)})`);
  }
  const direction = down ? 'DESC' : 'ASC';
  const text = `SELECT ${filter.attention ? `${SCALAR_COLUMNS}, ${BLOBS}` : SCALAR_COLUMNS} FROM score WHERE ${where.join(' AND ')}
    ORDER BY window_index ${direction}, model_version ${direction} LIMIT ${bind(limit)}`;
  return { text, values };
}

export function createScoreRepository(pool: pg.Pool): ScoreRepository {
  return {
    current: async (team, athleteId) => ((await isVisible(pool, team, athleteId)) ? current(pool, athleteId) : null),
    async list(team, athleteId, filter, { limit, after }) {
      if (!(await isVisible(pool, team, athleteId))) return null;
      const { rows } = await pool.query<ScalarRow | RowWithBlobs>(listQuery(athleteId, filter, limit + 1, after));
      const items = rows.slice(0, limit).map(view);
      const last = items.at(-1);
      const next =
        rows.length > limit && last !== undefined
          ? { windowIndex: last.windowIndex, modelVersion: last.modelVersion, startUs: last.startUs }
          : null;
      return { items, next };
    },
  };
}
