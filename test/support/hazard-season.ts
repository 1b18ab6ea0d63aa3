/** Rows of a squad's weeks as the service would have stored them: a model with a hazard file, active windows, ratings, injuries. Numbers are made up. */
import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { HazardModel } from '../../src/asms/hazard.ts';

/** Width of F_attn. */
export const ATTN = 4;
export const MODEL = 'binn-hazard-test';
const GRAPH = Buffer.from('a graph');
export const GRAPH_SHA256 = createHash('sha256').update(GRAPH).digest('hex');

export const hazardModel = (change: Partial<HazardModel> = {}): HazardModel => ({
  format: 2,
  name: 'binn-hazard',
  version: '9.9.9',
  binnSha256: GRAPH_SHA256,
  horizonDays: 7,
  intercept: -3.2,
  features: [
    { name: 'acuteExcess', unit: '1', group: 'load', location: 0.05, scale: 0.1, coefficient: 0.4 },
    { name: 'hrvFall', unit: 'ln ms', group: 'hrv', location: 0, scale: 0.1, coefficient: 0.2 },
    { name: 'lnPastInjuries', unit: 'ln(1 + n)', group: 'history', location: 0.5, scale: 0.5, coefficient: 0.3 },
    { name: 'age', unit: 'a', group: 'context', location: 26, scale: 5, coefficient: 0.1 },
    { name: 'movementChange', unit: 'severity', group: 'binn', location: 0, scale: 0.05, coefficient: 0.25 },
  ],
  movement: { location: [0, 0, 0, 0], weights: [0.1, -0.1, 0.05, 0.02], prior: 2 },
  cholesky: Array.from({ length: 6 }, (_, i) => Array.from({ length: i + 1 }, (_row, j) => (i === j ? 0.05 : 0.001))),
  quantile: 1.96,
  minimum: { activeWindows: 5, loadDays: 28 },
  ...change,
});

/** Makes it the active one. */
export async function activateModel(pool: pg.Pool, hazard: string | null, version = MODEL): Promise<void> {
  await pool.query(`UPDATE model SET status = 'retired' WHERE status = 'active'`);
  await pool.query(
    `INSERT INTO model (version, name, status, sha256, contract_sha256, contract, graph, registered_by, hazard)
     VALUES ($1, 'binn', 'active', $2, '', $3, $4, 'a test', $5) ON CONFLICT (version) DO UPDATE SET status = 'active', hazard = excluded.hazard`,
    [version, GRAPH_SHA256, JSON.stringify({ version, sizes: { attn: ATTN } }), GRAPH, hazard],
  );
}

const floats = (values: readonly number[]): Buffer => Buffer.from(new Float32Array(values).buffer);

export interface WindowsOptions {
  readonly fAttn?: readonly number[];
  readonly activity?: string;
  readonly state?: number | null;
  readonly version?: string;
}

/** `count` windows, a second apart. */
export async function insertWindows(
  pool: pg.Pool,
  athleteId: string,
  startMs: number,
  count: number,
  options: WindowsOptions = {},
): Promise<void> {
  const { fAttn = [0.1, 0.2, 0.3, 0.4], activity = 'run', state = 0.2, version = MODEL } = options;
  await pool.query(
    `INSERT INTO score (athlete_id, window_index, model_version, start_us, end_us, activity, state, observed_fraction, clipped, streams, channel_summary, f_attn,
       attn_time, attn_tokens, phys, perf, closed_by_us, scored_at_us, provisional)
     SELECT $1, s, $5, s * 1000000, s * 1000000 + 2000000, $6, $7, 1, 0, '[]', '', $4, '', '', '', '', s * 1000000 + 2000000, s * 1000000 + 2500000, false
     FROM generate_series($2::bigint, $2::bigint + $3 - 1) AS s`,
    [athleteId, Math.floor(startMs / 1_000), count, floats(fAttn), version, activity, state],
  );
}

/** A closed session that holds the windows of its stretch. */
export async function insertSession(pool: pg.Pool, teamId: string, athleteId: string, startMs: number, seconds: number): Promise<string> {
  const id = randomUUID();
  const [first, last] = [startMs, startMs + seconds * 1_000];
  await pool.query(
    `INSERT INTO session (id, team_id, athlete_id, started_at, first_received_us, last_received_us, ended_at, metrics_at, opened_by, closed_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 'first-frame', 'silence')`,
    [id, teamId, athleteId, new Date(first).toISOString(), first * 1_000, last * 1_000, new Date(last).toISOString()],
  );
  return id;
}

/** A rating of rpe 5 and the minutes given at noon of each of `days` days from `fromMs` (midnight UTC) on; 0 minutes: a rest day. */
export async function insertRatings(pool: pg.Pool, athleteId: string, fromMs: number, minutes: readonly number[]): Promise<void> {
  await pool.query(
    `INSERT INTO outcome (id, athlete_id, kind, at, value)
     SELECT gen_random_uuid(), $1, 'session-rpe', $2::timestamptz + (n - 1) * interval '1 day' + interval '12 hours',
       jsonb_build_object('rpe', CASE WHEN m = 0 THEN 0 ELSE 5 END, 'minutes', m) FROM unnest($3::float8[]) WITH ORDINALITY AS t(m, n)`,
    [athleteId, new Date(fromMs).toISOString(), minutes],
  );
}
