/** The ASMS state and all that one step of it changes, in one transaction. IN-ORDER-ONCE is kept here. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { AlertChanged, RecommendationMade } from '../contracts/events.ts';
import type { AsmsChange, AsmsStore, AthleteFacts } from '../queue/ports.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import { ALARM_FACTS } from './alarm-facts.ts';
import { SCORE_COLUMNS, decodeScore, type ScoreRow } from './decode-score.ts';
import { notify, tell } from './live-events.ts';
import { MEDICAL_FACTS } from './medical-facts.ts';
import { listOf, us } from './sql-json.ts';
import { observationsAfter } from './observations.ts';
import { queueAlertExplanation } from './explanation-store.ts';
import { Rollback, inTransaction } from './transaction.ts';

type Advanced = Awaited<ReturnType<AsmsStore['advance']>>;

interface HeldState<State> {
  readonly teamId: string;
  readonly fence: number;
  readonly observationFence: number;
  readonly state: State | null;
}

const NOTHING: Advanced = { applied: 0, observed: 0, more: false, deliveryIds: [] };

/** Only scores that count move the state, whichever version gave them. @throws the driver's errors; nothing is kept of a step that fails */
export function createAsmsStore(pool: pg.Pool): AsmsStore {
  return {
    advance: (athleteId, methodVersion, limit, step) =>
      inTransaction(pool, async (client) => {
        const held = await lockState<Parameters<typeof step>[0]>(client, athleteId, methodVersion);
        if (held === null) return new Rollback<Advanced>(NOTHING);
        const found = await windowsAfter(client, athleteId, held.fence, limit);
        // A step has one model's thresholds: windows of the next version are the next step's.
        const other = found.findIndex(({ modelVersion }) => modelVersion !== found[0]?.modelVersion);
        const windows = other < 0 ? found : found.slice(0, other);
        const observations = await observationsAfter(client, athleteId, held.observationFence, limit);
        if (windows.length === 0 && observations.length === 0) return new Rollback<Advanced>(NOTHING);
        const change = step(held.state, { windows, observations }, await factsOf(client, athleteId, held.teamId, windows));
        const last = windows.at(-1);
        await client.query({
          name: 'kw-asms-save',
          text: `UPDATE asms_state SET last_window_index = coalesce($2, last_window_index), model_version = coalesce($3, model_version),
            last_observation = coalesce($4, last_observation), method_version = $5, state = $6, updated_at = now() WHERE athlete_id = $1`,
          values: [
            athleteId,
            last?.windowIndex ?? null,
            last?.modelVersion ?? null,
            observations.at(-1)?.sequence ?? null,
            methodVersion,
            JSON.stringify(change.state),
          ],
        });
        const deliveryIds = await writeAlerts(client, athleteId, held.teamId, methodVersion, change);
        const more = found.length === limit || windows.length < found.length || observations.length === limit;
        return { applied: windows.length, observed: observations.length, more, deliveryIds };
      }),
    athletesBehind: async (limit) => {
      const { rows } = await pool.query<{ athlete_id: string }>(BEHIND, [limit]);
      return rows.map((row) => row.athlete_id);
    },
  };
}

/**
 * The checkpoint commits with the scores, and `observing` with the observations: they are the cheap lists of candidates. Of windows the scores themselves
 * decide. Longest behind first; an observation counts as old, there are few of them.
 */
const BEHIND = `SELECT athlete_id FROM (
    SELECT c.athlete_id, min(c.updated_at) AS since FROM checkpoint c LEFT JOIN asms_state s ON s.athlete_id = c.athlete_id
    WHERE c.active_index > coalesce(s.last_window_index, -1)
      AND EXISTS (SELECT 1 FROM score w WHERE w.athlete_id = c.athlete_id AND NOT w.shadow
        AND w.window_index > coalesce(s.last_window_index, -1) AND w.start_us >= coalesce(s.last_window_index, -1) * 1000000)
    GROUP BY c.athlete_id
    UNION ALL
    SELECT o.athlete_id, '-infinity' FROM observing o LEFT JOIN asms_state s ON s.athlete_id = o.athlete_id
    WHERE o.last_sequence > coalesce(s.last_observation, -1)
  ) AS behind GROUP BY athlete_id ORDER BY min(since) LIMIT $1`;

interface StateRow<State> {
  readonly team_id: string;
  readonly last_window_index: string;
  readonly last_observation: string;
  readonly state: State | null;
}

/**
 * IN-ORDER-ONCE: the row is locked until the commit, so that a second job for the athlete waits and then reads the new fence. Null where there is no
 * such athlete. A state of another method version is handed on as it is: the step upgrades it or begins anew, behind the old fence.
 */
async function lockState<State>(client: pg.PoolClient, athleteId: string, methodVersion: string): Promise<HeldState<State> | null> {
  const lock = async (): Promise<StateRow<State> | undefined> => {
    const { rows } = await client.query<StateRow<State>>({
      name: 'kw-asms-lock',
      text: `SELECT a.team_id, s.last_window_index, s.last_observation, s.state FROM asms_state s JOIN athlete a ON a.id = s.athlete_id
        WHERE s.athlete_id = $1 FOR UPDATE OF s`,
      values: [athleteId],
    });
    return rows[0];
  };
  let row = await lock();
  if (row === undefined) {
    // Two first jobs at once: the second insert waits for the first one's commit, and its lock then reads what that one left.
    await client.query(
      `INSERT INTO asms_state (athlete_id, last_window_index, model_version, method_version, state)
       SELECT id, -1, 'none', $2, 'null' FROM athlete WHERE id = $1 ON CONFLICT DO NOTHING`,
      [athleteId, methodVersion],
    );
    row = await lock();
  }
  if (row === undefined) return null;
  return { teamId: row.team_id, fence: Number(row.last_window_index), observationFence: Number(row.last_observation), state: row.state };
}

/** Scores past the fence, in order. start_us is at least windowIndex * 1e6, which leaves older daily partitions unread. */
async function windowsAfter(client: pg.PoolClient, athleteId: string, fence: number, limit: number) {
  const { rows } = await client.query<ScoreRow>({
    name: 'kw-asms-scores',
    text: `SELECT ${SCORE_COLUMNS} FROM score WHERE athlete_id = $1 AND NOT shadow AND window_index > $2 AND start_us >= $3
      ORDER BY window_index LIMIT $4`,
    values: [athleteId, fence, fence * 1_000_000, limit],
  });
  return rows.map(decodeScore);
}

/** $2 and $3: ends of the first and the last window. A session closes with its last frame, which a window may end with: hence the microsecond. */
const SESSIONS = `(
    SELECT ${us('started_at')} AS "fromUs", ${us('ended_at')} + 1 AS "toUs" FROM session
    WHERE athlete_id = $1 AND ended_at >= to_timestamp($2::bigint / 1e6) AND started_at <= to_timestamp($3::bigint / 1e6)
    UNION ALL SELECT ${us('started_at')}, NULL FROM session
    WHERE athlete_id = $1 AND ended_at IS NULL AND started_at <= to_timestamp($3::bigint / 1e6)
  ) AS s ORDER BY "fromUs"`;

/** One query for all of them: this runs for every athlete every second. Names are those of AthleteFacts. */
const FACTS = `SELECT
  ${MEDICAL_FACTS},
  ${listOf(
    'alert WHERE athlete_id = $1 AND cleared_at IS NULL ORDER BY type',
    `id AS "alertId", type, ${us('snoozed_until')} AS "snoozedUntilUs"`,
  )} AS "openAlerts",
  ${listOf(SESSIONS, `"fromUs", "toUs"`)} AS sessions,
  ${ALARM_FACTS}`;

/** @param windows of the step, in order: only sessions that touch them matter */
async function factsOf(client: pg.PoolClient, athleteId: string, teamId: string, windows: readonly ScoredWindow[]): Promise<AthleteFacts> {
  const { rows } = await client.query<Omit<AthleteFacts, 'athleteId' | 'teamId'>>({
    name: 'kw-asms-facts',
    text: FACTS,
    values: [athleteId, windows[0]?.endUs ?? null, windows.at(-1)?.endUs ?? null, teamId],
  });
  return {
    athleteId,
    teamId,
    openInjuries: [],
    monitoredInjuries: [],
    therapies: [],
    openAlerts: [],
    sessions: [],
    newNormals: [],
    alarmSettings: [],
    ...rows[0],
  };
}

type Change = AsmsChange<unknown>;
type Raise = Change['raise'][number];
type Clear = Change['clear'][number];

/** Alerts in the order of their windows, their history, recommendations, deliveries and notifications. Returns the deliveries. */
async function writeAlerts(
  client: pg.PoolClient,
  athleteId: string,
  teamId: string,
  methodVersion: string,
  change: Change,
): Promise<string[]> {
  const steps = [
    ...change.raise.map((raise) => ({
      windowIndex: raise.windowIndex,
      write: () => writeRaise(client, athleteId, teamId, methodVersion, raise),
    })),
    ...change.clear.map((clear) => ({ windowIndex: clear.windowIndex, write: () => writeClear(client, athleteId, teamId, clear) })),
  ].toSorted((a, b) => a.windowIndex - b.windowIndex);
  const events: (AlertChanged | RecommendationMade)[] = [];
  for (const step of steps) events.push(...(await step.write()));
  await notify(client, change.live);
  return tell(client, events);
}

async function writeRaise(
  client: pg.PoolClient,
  athleteId: string,
  teamId: string,
  methodVersion: string,
  raise: Raise,
): Promise<(AlertChanged | RecommendationMade)[]> {
  const alertId = randomUUID();
  const at = new Date(raise.atUs / 1000).toISOString();
  const inserted = await client.query(
    `INSERT INTO alert (id, team_id, athlete_id, type, severity, title, sentence, evidence, raised_window_index, raised_at, method_version, settings_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
    [
      alertId,
      teamId,
      athleteId,
      raise.type,
      raise.severity,
      raise.title,
      raise.sentence,
      JSON.stringify(raise.evidence),
      raise.windowIndex,
      at,
      methodVersion,
      raise.settingsVersion,
    ],
  );
  // One open alert an athlete and type: the one that is open already stands.
  if (inserted.rowCount === 0) return [];
  await writeHistory(client, alertId, at, 'raised');
  await queueAlertExplanation(client, { athleteId, type: raise.type, windowIndex: raise.windowIndex });
  const raised: AlertChanged = { type: 'alert.raised', alertId, athleteId, teamId, alertType: raise.type, severity: raise.severity, at };
  if (raise.recommendation === null) return [raised];
  const recommendationId = randomUUID();
  const { kind, title, rationale, evidence } = raise.recommendation;
  await client.query(
    `INSERT INTO recommendation (id, athlete_id, alert_id, kind, title, rationale, evidence, method_version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [recommendationId, athleteId, alertId, kind, title, rationale, JSON.stringify(evidence), methodVersion],
  );
  return [raised, { type: 'recommendation.created', recommendationId, athleteId, teamId, at }];
}

async function writeClear(client: pg.PoolClient, athleteId: string, teamId: string, clear: Clear): Promise<AlertChanged[]> {
  const at = new Date(clear.atUs / 1000).toISOString();
  const { rows } = await client.query<{ id: string; severity: AlertChanged['severity'] }>(
    `UPDATE alert SET cleared_at = $3, snoozed_until = NULL WHERE athlete_id = $1 AND type = $2 AND cleared_at IS NULL AND ($4::uuid IS NULL OR id = $4) RETURNING id, severity`,
    [athleteId, clear.type, at, clear.alertId],
  );
  const [row] = rows;
  if (row === undefined) return [];
  await writeHistory(client, row.id, at, 'cleared');
  return [{ type: 'alert.cleared', alertId: row.id, athleteId, teamId, alertType: clear.type, severity: row.severity, at }];
}

async function writeHistory(client: pg.PoolClient, alertId: string, at: string, change: string): Promise<void> {
  await client.query('INSERT INTO alert_event (id, alert_id, at, change, by) VALUES ($1, $2, $3, $4, $5)', [
    randomUUID(),
    alertId,
    at,
    change,
    'asms',
  ]);
}
