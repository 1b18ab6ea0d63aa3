/** The daily job's part of the store: pooled F_attn by day, hazards, ledgers, the guard. One athlete in one transaction. */
import type pg from 'pg';
import type { ModelContract } from '../contracts/model.ts';
import type {
  ActiveModel,
  AthleteJudged,
  CalendarDay,
  DailyAthlete,
  DailyRecordRows,
  DailyStore,
  DailyTransaction,
  FittedHead,
  HazardOfDay,
  JudgedForecast,
  MeasuredSession,
  Movement,
  PerformanceMetric,
  PopulationHead,
  RecordedInjury,
  SessionMovement,
  TeamTransaction,
} from '../queue/daily/ports.ts';
import { readAcceptedPlans } from './accepted-plans.ts';
import { decodeFloats } from './decode-score.ts';
import { lockDaily, readLedger, writeLedger } from './feedback-rows.ts';
import { readMornings } from './stored-mornings.ts';
import { Rollback, inTransaction } from './transaction.ts';
import { us } from './sql-json.ts';

/** How a pooled F_attn came about (PROVENANCE): the mean over active windows that could be scored. */
const MOVEMENT_METHOD = 'movement-mean-1';

export interface DailyStoreOptions {
  /** The methods in use: where they change, what is stored of the last days comes again. */
  readonly methods: string;
}

/** What an athlete's work was done for: the active model with its hazard file, and the methods. The query of athletesDue says the same. */
const DONE_FOR = `coalesce((SELECT version || ' ' || coalesce(md5(hazard), '-') FROM model WHERE status = 'active'), 'no model')`;

export function createDailyStore(pool: pg.Pool, { methods }: DailyStoreOptions): DailyStore {
  return {
    compute: (athleteId, work) =>
      inTransaction(pool, async (client) => {
        await lockDaily(client, athleteId);
        const athlete = await readAthlete(client, athleteId);
        if (athlete === null) return new Rollback(false);
        const begun = await beginWork(client, athleteId, methods);
        const day = await openDay(client, athlete, begun.isMarked);
        const { lastDay } = await work(day);
        await client.query(
          'UPDATE daily_work SET done_marks = $2, done_day = $3, done_for = $4, done_at = clock_timestamp() WHERE athlete_id = $1',
          [athleteId, begun.marks, lastDay, begun.doneFor],
        );
        return true;
      }),
    async athletesDue(nowMs, limit) {
      const { rows } = await pool.query<{ id: string }>(
        `WITH wanted AS MATERIALIZED (SELECT ${DONE_FOR} || ' ' || $3 AS done_for)
         SELECT a.id FROM athlete a JOIN team t ON t.id = a.team_id CROSS JOIN wanted LEFT JOIN daily_work w ON w.athlete_id = a.id
         WHERE a.active AND (w.athlete_id IS NULL OR w.marks <> w.done_marks OR w.done_for IS DISTINCT FROM wanted.done_for
           OR w.done_day < (to_timestamp($1::float8 / 1000) AT TIME ZONE t.time_zone)::date - 1)
         ORDER BY w.done_at NULLS FIRST, a.id LIMIT $2`,
        [nowMs, limit, methods],
      );
      return rows.map((row) => row.id);
    },
    judge: (teamId, work) => inTransaction(pool, async (client) => work(await openTeam(client, teamId))),
    async teamsToJudge(nowMs, pauseMs, limit) {
      const { rows } = await pool.query<{ team_id: string }>(
        `SELECT a.team_id FROM daily_work w JOIN athlete a ON a.id = w.athlete_id
         LEFT JOIN (SELECT team_id, max(judged_at) AS judged_at FROM feedback_verdict GROUP BY team_id) v ON v.team_id = a.team_id
         WHERE w.done_at IS NOT NULL AND (v.judged_at IS NULL OR v.judged_at < to_timestamp($1::float8 / 1000))
         GROUP BY a.team_id, v.judged_at HAVING v.judged_at IS NULL OR max(w.done_at) > v.judged_at ORDER BY v.judged_at NULLS FIRST LIMIT $2`,
        [nowMs - pauseMs, limit],
      );
      return rows.map((row) => row.team_id);
    },
  };
}

async function readAthlete(client: pg.PoolClient, athleteId: string): Promise<DailyAthlete | null> {
  const { rows } = await client.query<{ team_id: string; time_zone: string; birth_date: string | null; created_us: string }>(
    `SELECT a.team_id, t.time_zone, a.birth_date::text AS birth_date, ${us('a.created_at')} AS created_us
     FROM athlete a JOIN team t ON t.id = a.team_id WHERE a.id = $1 AND a.active`,
    [athleteId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  return { athleteId, teamId: row.team_id, timeZone: row.time_zone, birthDate: row.birth_date, createdUs: Number(row.created_us) };
}

/** Read before anything else: the mark of a change that this transaction does not see is not among them, nor a model that comes after. */
async function beginWork(client: pg.PoolClient, athleteId: string, methods: string) {
  await client.query('INSERT INTO daily_work (athlete_id) VALUES ($1) ON CONFLICT DO NOTHING', [athleteId]);
  const { rows } = await client.query<{ marks: string; is_marked: boolean; wanted: string }>(
    `SELECT marks, marks <> done_marks OR done_for IS DISTINCT FROM wanted AS is_marked, wanted
     FROM daily_work, (SELECT ${DONE_FOR} || ' ' || $2 AS wanted) AS w WHERE athlete_id = $1`,
    [athleteId, methods],
  );
  const [{ marks, is_marked: isMarked, wanted: doneFor } = { marks: '0', is_marked: true, wanted: '' }] = rows;
  return { marks, isMarked, doneFor };
}

async function readActiveModel(client: pg.PoolClient): Promise<ActiveModel | null> {
  const { rows } = await client.query<{ version: string; sha256: string; contract: string; hazard: string | null }>(
    `SELECT version, sha256, contract, hazard FROM model WHERE status = 'active'`,
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { sizes } = JSON.parse(row.contract) as ModelContract;
  return { version: row.version, sha256: row.sha256, attn: sizes.attn, hazard: row.hazard };
}

export async function readMetrics(client: pg.Pool | pg.PoolClient, teamId: string): Promise<PerformanceMetric[]> {
  const { rows } = await client.query<PerformanceMetric>(
    `SELECT name, unit, smallest_worthwhile_change AS "smallestWorthwhileChange", reference, higher_is_better AS "higherIsBetter"
     FROM performance_metric WHERE team_id = $1 ORDER BY name`,
    [teamId],
  );
  return rows;
}

async function openDay(client: pg.PoolClient, athlete: DailyAthlete, isMarked: boolean): Promise<DailyTransaction> {
  const { athleteId, teamId } = athlete;
  return {
    athlete,
    isMarked,
    model: await readActiveModel(client),
    metrics: await readMetrics(client, teamId),
    countWindows: (version, days) => countWindows(client, athleteId, version, days),
    poolDay: (version, { fromUs, toUs }) =>
      poolWindows(client, athleteId, version, 'start_us >= $3 AND start_us < $4', [fromUs, toUs], [fromUs, toUs]),
    movements: (version) => readMovements(client, athleteId, version),
    async saveMovement(version, day, windows, { activeWindows, fAttn }) {
      await client.query(
        `INSERT INTO day_movement (athlete_id, day, model_version, active_windows, windows, f_attn, method_version) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (athlete_id, day, model_version) DO UPDATE SET active_windows = excluded.active_windows, windows = excluded.windows,
           f_attn = excluded.f_attn, method_version = excluded.method_version, computed_at = now()`,
        [athleteId, day, version, activeWindows, windows, encode(fAttn), MOVEMENT_METHOD],
      );
    },
    records: async (from, to) => ({
      ...(await readRecords(client, athleteId, from, to)),
      plans: (await readAcceptedPlans(client, [athleteId])).get(athleteId) ?? [],
    }),
    mornings: (days) => readMornings(client, athleteId, days),
    saveHazards: (version, hazards) => saveHazards(client, athleteId, version, hazards),
    async hazards(version) {
      const { rows } = await client.query<{ day: string; probability: number }>(
        `SELECT day::text AS day, probability FROM daily_hazard WHERE athlete_id = $1 AND model_version = $2 AND probability IS NOT NULL ORDER BY day`,
        [athleteId, version],
      );
      return rows;
    },
    sessionsToPool: (version, ids) => readSessionsToPool(client, athleteId, version, ids),
    poolSession: (version, session) => poolSession(client, athleteId, version, session),
    sessionMovements: (version) => readSessionMovements(client, athleteId, version),
    async saveSessionMovement(version, { sessionId, activeWindows, endUs, fAttn }) {
      await client.query(
        `INSERT INTO session_movement (session_id, athlete_id, model_version, active_windows, end_us, f_attn, method_version) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (session_id, model_version) DO UPDATE SET active_windows = excluded.active_windows, end_us = excluded.end_us, f_attn = excluded.f_attn,
           method_version = excluded.method_version, computed_at = now()`,
        [sessionId, athleteId, version, activeWindows, endUs, encode(fAttn), MOVEMENT_METHOD],
      );
    },
    population: async (target, version) => (await readPopulation(client, teamId, target, version))?.head ?? null,
    ledger: (target) => readLedger(client, athleteId, target),
    saveLedger: (target, before, after, judged) => writeLedger(client, athleteId, target, before, after, judged),
  };
}

/** float32, little-endian, as the scores have it. */
const encode = (values: ArrayLike<number>): Buffer => Buffer.from(Float32Array.from(values).buffer);

/** windowIndex is start_us in whole seconds: with it the key's index serves a stretch of time. */
const indexRange = (fromUs: number, toUs: number): [number, number] => [Math.floor(fromUs / 1e6) - 1, Math.ceil(toUs / 1e6)];

/** Counted over the key's index alone: rows are not read. */
async function countWindows(client: pg.PoolClient, athleteId: string, version: string, days: readonly CalendarDay[]) {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { rows } = await client.query<{ at: number; windows: string }>(
    `SELECT width_bucket(start_us, $7::bigint[]) AS at, count(*) AS windows FROM score
     WHERE athlete_id = $1 AND model_version = $2 AND window_index BETWEEN $3 AND $4 AND start_us >= $5 AND start_us < $6 GROUP BY 1`,
    [athleteId, version, ...indexRange(first.fromUs, last.toUs), first.fromUs, last.toUs, days.map(({ fromUs }) => fromUs)],
  );
  const stored = await client.query<{ day: string; windows: number }>(
    `SELECT day::text AS day, windows FROM day_movement WHERE athlete_id = $1 AND model_version = $2 AND day BETWEEN $3 AND $4`,
    [athleteId, version, first.day, last.day],
  );
  const counted = new Map(rows.map(({ at, windows }) => [at, Number(windows)]));
  const pooled = new Map(stored.rows.map(({ day, windows }) => [day, windows]));
  return days.map((day, i) => ({ day, windows: counted.get(i + 1) ?? 0, pooled: pooled.get(day.day) ?? 0 }));
}

/** BOUNDED: F_attn of so many windows is held at a time; a day of 24 h has 86,400. */
const PAGE_WINDOWS = 4_096;

/** What was measured and could be scored while the athlete moved, live or beside: a version's own scores all the same. */
export const ACTIVE = `activity <> 'rest' AND state IS NOT NULL`;

interface Pooled extends Movement {
  readonly fAttn: Float64Array;
  readonly endUs: number;
}

/** In the order of windows, in double precision: the same windows give the same bits. `where` takes $3 and $4. */
async function poolWindows(
  client: pg.PoolClient,
  athleteId: string,
  version: string,
  where: string,
  [low, high]: readonly [number, number],
  stretchUs: readonly [number, number],
): Promise<Pooled> {
  let sum = new Float64Array(0);
  let activeWindows = 0;
  let endUs = 0;
  const [firstIndex, lastIndex] = indexRange(...stretchUs);
  for (let after = firstIndex - 1; ;) {
    const { rows } = await client.query<{ window_index: string; end_us: string; f_attn: Buffer }>(
      `SELECT window_index, end_us, f_attn FROM score WHERE athlete_id = $1 AND model_version = $2 AND ${where} AND ${ACTIVE}
         AND window_index > $5 AND window_index <= $6 ORDER BY window_index LIMIT ${PAGE_WINDOWS}`,
      [athleteId, version, low, high, after, lastIndex],
    );
    for (const row of rows) {
      const fAttn = decodeFloats(row.f_attn);
      if (activeWindows === 0) sum = new Float64Array(fAttn.length);
      for (let i = 0; i < sum.length; i += 1) sum[i]! += fAttn[i] ?? NaN;
      activeWindows += 1;
      endUs = Math.max(endUs, Number(row.end_us));
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_WINDOWS) break;
    after = Number(last.window_index);
  }
  return { activeWindows, fAttn: sum.map((value) => value / activeWindows), endUs };
}

async function readMovements(client: pg.PoolClient, athleteId: string, version: string): Promise<Map<string, Movement>> {
  const { rows } = await client.query<{ day: string; active_windows: number; f_attn: Buffer }>(
    `SELECT day::text AS day, active_windows, f_attn FROM day_movement WHERE athlete_id = $1 AND model_version = $2 AND active_windows > 0 ORDER BY day`,
    [athleteId, version],
  );
  return new Map(rows.map((row) => [row.day, { activeWindows: row.active_windows, fAttn: decodeFloats(row.f_attn) }]));
}

interface OutcomeRow {
  readonly id: string;
  readonly kind: string;
  readonly at_us: string;
  readonly value: unknown;
  readonly replaces: string | null;
}

const viewOutcome = (row: OutcomeRow) => ({
  id: row.id,
  kind: row.kind,
  atUs: Number(row.at_us),
  value: row.value,
  replaces: row.replaces,
});

async function readRecords(client: pg.PoolClient, athleteId: string, from: Date, to: Date): Promise<Omit<DailyRecordRows, 'plans'>> {
  const range = [athleteId, from.toISOString(), to.toISOString()];
  const ratings = await client.query<{ id: string; at_us: string; value: unknown }>(
    `SELECT id, ${us('at')} AS at_us, value FROM outcome
     WHERE athlete_id = $1 AND kind = 'session-rpe' AND at >= $2 AND at < $3 ORDER BY at, created_at, id`,
    range,
  );
  const sessions = await client.query<{ id: string; start_us: string }>(
    `SELECT id, ${us('started_at')} AS start_us FROM session WHERE athlete_id = $1 AND started_at >= $2 AND started_at < $3 ORDER BY started_at, id`,
    range,
  );
  const outcomes = await client.query<OutcomeRow>(
    `SELECT id, kind, ${us('at')} AS at_us, value, replaces FROM outcome WHERE athlete_id = $1 AND kind <> 'session-rpe' ORDER BY at, created_at, id`,
    [athleteId],
  );
  return {
    ratings: ratings.rows.map((row) => ({ id: row.id, atUs: Number(row.at_us), value: row.value })),
    sessions: sessions.rows.map((row) => ({ id: row.id, startUs: Number(row.start_us) })),
    outcomes: outcomes.rows.map(viewOutcome),
    injuries: await readInjuries(client, [athleteId]).then((all) => all.get(athleteId) ?? []),
  };
}

/** Injury records of athletes, by athlete. */
export async function readInjuries(
  client: pg.Pool | pg.PoolClient,
  athleteIds: readonly string[],
): Promise<ReadonlyMap<string, readonly RecordedInjury[]>> {
  const { rows } = await client.query<{
    athlete_id: string;
    id: string;
    region: string;
    severity: string | null;
    onset_us: string;
    reported_us: string;
    cleared_us: string | null;
    time_loss_days: number;
  }>(
    `SELECT athlete_id, id, region, severity, ${us('onset_at')} AS onset_us, ${us('reported_at')} AS reported_us, ${us('cleared_at')} AS cleared_us,
       CASE WHEN time_loss THEN time_loss_days ELSE 0 END AS time_loss_days
     FROM injury WHERE athlete_id = ANY($1::uuid[]) ORDER BY onset_at, id`,
    [athleteIds],
  );
  const byAthlete = new Map<string, RecordedInjury[]>();
  for (const row of rows) {
    const own = byAthlete.get(row.athlete_id) ?? [];
    own.push({
      id: row.id,
      source: 'record',
      region: row.region,
      severity: row.severity,
      onsetUs: Number(row.onset_us),
      reportedUs: Number(row.reported_us),
      clearedUs: row.cleared_us === null ? null : Number(row.cleared_us),
      timeLossDays: row.time_loss_days,
    });
    byAthlete.set(row.athlete_id, own);
  }
  return byAthlete;
}

/** A row that says the same as before stays, with the time at which it was first computed. */
async function saveHazards(client: pg.PoolClient, athleteId: string, version: string, hazards: readonly HazardOfDay[]): Promise<void> {
  const rows = hazards.map(({ day, input, method, result }) =>
    'notEnoughData' in result
      ? { day, input, method_version: method, not_enough_data: result.notEnoughData }
      : {
          day,
          input,
          method_version: method,
          probability: result.probability,
          lower: result.lower,
          upper: result.upper,
          terms: result.terms,
        },
  );
  const figures = ['probability', 'lower', 'upper', 'terms', 'not_enough_data', 'input', 'method_version'];
  const list = figures.join(', ');
  await client.query(
    `INSERT INTO daily_hazard AS h (athlete_id, model_version, day, ${list})
     SELECT $1, $2, day, ${list} FROM json_populate_recordset(null::daily_hazard, $3)
     ON CONFLICT (athlete_id, day, model_version) DO UPDATE SET ${figures.map((name) => `${name} = excluded.${name}`).join(', ')}, computed_at = now()
     WHERE (${figures.map((name) => `h.${name}`).join(', ')}) IS DISTINCT FROM (${figures.map((name) => `excluded.${name}`).join(', ')})`,
    [athleteId, version, JSON.stringify(rows)],
  );
}

async function readSessionsToPool(
  client: pg.PoolClient,
  athleteId: string,
  version: string,
  ids: readonly string[],
): Promise<MeasuredSession[]> {
  const { rows } = await client.query<{ id: string; first_received_us: string; last_received_us: string }>(
    `SELECT s.id, s.first_received_us, s.last_received_us FROM session s
     LEFT JOIN session_movement m ON m.session_id = s.id AND m.model_version = $3
     WHERE s.athlete_id = $1 AND s.id::text = ANY($2) AND (m.session_id IS NULL OR s.ended_at IS NULL OR s.metrics_at > m.computed_at) ORDER BY s.id`,
    [athleteId, ids, version],
  );
  return rows.map((row) => ({
    sessionId: row.id,
    firstReceivedUs: Number(row.first_received_us),
    lastReceivedUs: Number(row.last_received_us),
  }));
}

/** A window may be closed by a stamp up to so much after its session's last frame: open streams hold it back for 2 s. */
export const CLOSING_US = 3_000_000;

/** Windows of a session are those closed by a receipt stamp of it. A recording's lie in another time: every window of the athlete is looked at. */
async function poolSession(
  client: pg.PoolClient,
  athleteId: string,
  version: string,
  session: MeasuredSession,
): Promise<SessionMovement | null> {
  const closed: readonly [number, number] = [session.firstReceivedUs, session.lastReceivedUs + CLOSING_US];
  const pooled = await poolWindows(client, athleteId, version, 'closed_by_us BETWEEN $3 AND $4', closed, [
    0,
    session.lastReceivedUs + CLOSING_US,
  ]);
  return pooled.activeWindows === 0 ? null : { sessionId: session.sessionId, ...pooled };
}

async function readSessionMovements(client: pg.PoolClient, athleteId: string, version: string): Promise<SessionMovement[]> {
  const { rows } = await client.query<{ session_id: string; active_windows: number; end_us: string; f_attn: Buffer }>(
    `SELECT session_id, active_windows, end_us, f_attn FROM session_movement WHERE athlete_id = $1 AND model_version = $2 ORDER BY end_us, session_id`,
    [athleteId, version],
  );
  return rows.map((row) => ({
    sessionId: row.session_id,
    activeWindows: row.active_windows,
    endUs: Number(row.end_us),
    fAttn: decodeFloats(row.f_attn),
  }));
}

async function readPopulation(client: pg.PoolClient, teamId: string, target: string, version: string): Promise<FittedHead | null> {
  const { rows } = await client.query<{ parameters: PopulationHead; sessions: number; athletes: number; fitted_through_us: string }>(
    `SELECT parameters, sessions, athletes, fitted_through_us FROM feedback_population WHERE team_id = $1 AND target = $2 AND model_version = $3`,
    [teamId, target, version],
  );
  const [row] = rows;
  if (row === undefined) return null;
  return { head: row.parameters, sessions: row.sessions, athletes: row.athletes, fittedThroughUs: Number(row.fitted_through_us) };
}

async function openTeam(client: pg.PoolClient, teamId: string): Promise<TeamTransaction> {
  return {
    model: await readActiveModel(client),
    metrics: await readMetrics(client, teamId),
    population: (target, version) => readPopulation(client, teamId, target, version),
    async squadPerformances(version, { name, unit }) {
      const { rows } = await client.query<{ athlete_id: string; f_attn: Buffer; value: number; end_us: string }>(
        `SELECT o.athlete_id, m.f_attn, (o.value->>'value')::float8 AS value, m.end_us
         FROM outcome o JOIN athlete a ON a.id = o.athlete_id JOIN session_movement m ON m.athlete_id = o.athlete_id AND m.session_id::text = o.value->>'sessionId'
         WHERE a.team_id = $1 AND m.model_version = $2 AND o.kind = 'performance' AND o.value->>'metric' = $3 AND o.value->>'unit' = $4
           AND jsonb_typeof(o.value->'value') = 'number' AND NOT EXISTS (SELECT 1 FROM outcome later WHERE later.replaces = o.id)
         ORDER BY m.end_us, o.id`,
        [teamId, version, name, unit],
      );
      return rows.map((row) => ({
        athleteId: row.athlete_id,
        fAttn: decodeFloats(row.f_attn),
        value: row.value,
        endUs: Number(row.end_us),
      }));
    },
    async savePopulation(target, version, { head, sessions, athletes, fittedThroughUs }) {
      await client.query(
        `INSERT INTO feedback_population (team_id, target, version, model_version, parameters, sessions, athletes, fitted_through_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
        [teamId, target, head.version, version, JSON.stringify(head), sessions, athletes, fittedThroughUs],
      );
      await client.query('UPDATE daily_work w SET marks = marks + 1 FROM athlete a WHERE a.id = w.athlete_id AND a.team_id = $1', [teamId]);
    },
    judged: (target, afterUs) => readJudged(client, teamId, target, afterUs),
    async saveVerdict(target, verdict) {
      await client.query(
        `INSERT INTO feedback_verdict (team_id, target, decision, serves, verdict, judged_at) VALUES ($1, $2, $3, $4, $5, now())
         ON CONFLICT (team_id, target) DO UPDATE SET decision = excluded.decision, serves = excluded.serves, verdict = excluded.verdict, judged_at = now()`,
        [teamId, target, verdict.decision, verdict.serves, JSON.stringify(verdict)],
      );
    },
  };
}

async function readJudged(client: pg.PoolClient, teamId: string, target: string, afterUs: number): Promise<AthleteJudged[]> {
  const { rows } = await client.query<{ athlete_id: string; judged: JudgedForecast }>(
    `SELECT s.athlete_id, s.judged FROM feedback_step s JOIN athlete a ON a.id = s.athlete_id
     WHERE a.team_id = $1 AND s.target = $2 AND s.undone_at IS NULL AND s.judged IS NOT NULL AND s.forecast_us > $3 ORDER BY s.athlete_id, s.position`,
    [teamId, target, afterUs],
  );
  const byAthlete = new Map<string, JudgedForecast[]>();
  for (const { athlete_id, judged } of rows) {
    const own = byAthlete.get(athlete_id) ?? [];
    own.push(judged);
    byAthlete.set(athlete_id, own);
  }
  return [...byAthlete].map(([athleteId, forecasts]) => ({ athleteId, forecasts }));
}
