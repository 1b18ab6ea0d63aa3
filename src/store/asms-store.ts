/** The ASMS state and all that one step of it changes, in one transaction. IN-ORDER-ONCE is kept here. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { LIVE_CHANNEL, type AlertChanged, type LiveEvent, type RecommendationMade } from '../contracts/events.ts';
import type { AsmsChange, AsmsStore, AthleteFacts } from '../queue/ports.ts';
import { SCORE_COLUMNS, decodeScore, type ScoreRow } from './decode-score.ts';
import { Rollback, inTransaction } from './transaction.ts';
import { queueDeliveries } from './webhook-outbox.ts';

export interface AsmsStoreOptions {
  /** The active model: only its scores move the state. */
  readonly modelVersion: string;
}

interface StoredState<State> {
  readonly fence: number;
  readonly state: State | null;
}

const NOTHING = { applied: 0, deliveryIds: [] } as const;

/** @throws the driver's errors; nothing is kept of a step that fails */
export function createAsmsStore(pool: pg.Pool, { modelVersion }: AsmsStoreOptions): AsmsStore {
  return {
    advance: (athleteId, methodVersion, limit, step) =>
      inTransaction(pool, async (client) => {
        const teamId = await teamOf(client, athleteId);
        if (teamId === null) return new Rollback<Awaited<ReturnType<AsmsStore['advance']>>>(NOTHING);
        const { fence, state } = await lockState<Parameters<typeof step>[0]>(client, athleteId, modelVersion, methodVersion);
        const windows = await windowsAfter(client, athleteId, modelVersion, fence, limit);
        const last = windows.at(-1);
        if (last === undefined) return new Rollback<Awaited<ReturnType<AsmsStore['advance']>>>(NOTHING);
        const change = step(state, windows, await factsOf(client, athleteId, teamId));
        await client.query(
          `UPDATE asms_state SET last_window_index = $2, model_version = $3, method_version = $4, state = $5, updated_at = now() WHERE athlete_id = $1`,
          [athleteId, last.windowIndex, modelVersion, methodVersion, JSON.stringify(change.state)],
        );
        const deliveryIds = await writeAlerts(client, athleteId, teamId, methodVersion, change);
        return { applied: windows.length, deliveryIds };
      }),
    athletesBehind: async (limit) => {
      // The checkpoint commits with the scores: it is the cheap list of candidates. The scores themselves decide.
      const { rows } = await pool.query<{ athlete_id: string }>(
        `SELECT c.athlete_id FROM checkpoint c LEFT JOIN asms_state s ON s.athlete_id = c.athlete_id
         WHERE c.model_version = $1 AND c.window_index > coalesce(s.last_window_index, -1)
           AND EXISTS (SELECT 1 FROM score w WHERE w.athlete_id = c.athlete_id AND w.model_version = $1
             AND w.window_index > coalesce(s.last_window_index, -1) AND w.start_us >= coalesce(s.last_window_index, -1) * 1000000)
         ORDER BY c.updated_at LIMIT $2`,
        [modelVersion, limit],
      );
      return rows.map((row) => row.athlete_id);
    },
  };
}

async function teamOf(client: pg.PoolClient, athleteId: string): Promise<string | null> {
  const { rows } = await client.query<{ team_id: string }>('SELECT team_id FROM athlete WHERE id = $1', [athleteId]);
  return rows[0]?.team_id ?? null;
}

/**
 * IN-ORDER-ONCE: the row is locked until the commit, so that a second job for the athlete waits and then reads the new fence.
 * A state of another method version is not read: the new method starts empty behind the old fence.
 */
async function lockState<State>(client: pg.PoolClient, athleteId: string, modelVersion: string, methodVersion: string): Promise<StoredState<State>> {
  await client.query(
    `INSERT INTO asms_state (athlete_id, last_window_index, model_version, method_version, state) VALUES ($1, -1, $2, $3, 'null') ON CONFLICT DO NOTHING`,
    [athleteId, modelVersion, methodVersion],
  );
  const { rows } = await client.query<{ last_window_index: string; method_version: string; state: State | null }>(
    'SELECT last_window_index, method_version, state FROM asms_state WHERE athlete_id = $1 FOR UPDATE',
    [athleteId],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`the ASMS state of ${athleteId} vanished while it was being locked`);
  return { fence: Number(row.last_window_index), state: row.method_version === methodVersion ? row.state : null };
}

/** Scores past the fence, in order. start_us is at least windowIndex * 1e6, which leaves older daily partitions unread. */
async function windowsAfter(client: pg.PoolClient, athleteId: string, modelVersion: string, fence: number, limit: number) {
  const { rows } = await client.query<ScoreRow>(
    `SELECT ${SCORE_COLUMNS} FROM score WHERE athlete_id = $1 AND model_version = $2 AND window_index > $3 AND start_us >= $4 ORDER BY window_index LIMIT $5`,
    [athleteId, modelVersion, fence, fence * 1_000_000, limit],
  );
  return rows.map(decodeScore);
}

const US = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::bigint`;
const orNull = (us: string | null): number | null => (us === null ? null : Number(us));

async function factsOf(client: pg.PoolClient, athleteId: string, teamId: string): Promise<AthleteFacts> {
  const injuries = await client.query<{ id: string; diagnosis_code: string; onset_us: string; time_loss_days: number }>(
    `SELECT id, diagnosis_code, ${US('onset_at')} AS onset_us, time_loss_days FROM injury WHERE athlete_id = $1 AND cleared_at IS NULL ORDER BY onset_at, id`,
    [athleteId],
  );
  const therapies = await client.query<{ injury_id: string; kind: string; dose_per_day: number; adherence: number; starts_us: string; ends_us: string | null }>(
    `SELECT t.injury_id, t.kind, t.dose_per_day, t.adherence, ${US('t.starts_at')} AS starts_us, ${US('t.ends_at')} AS ends_us
     FROM therapy t JOIN injury i ON i.id = t.injury_id WHERE t.athlete_id = $1 AND i.cleared_at IS NULL ORDER BY t.starts_at, t.id`,
    [athleteId],
  );
  const alerts = await client.query<{ id: string; type: AthleteFacts['openAlerts'][number]['type']; snoozed_us: string | null }>(
    `SELECT id, type, ${US('snoozed_until')} AS snoozed_us FROM alert WHERE athlete_id = $1 AND cleared_at IS NULL ORDER BY type`,
    [athleteId],
  );
  return {
    athleteId,
    teamId,
    openInjuries: injuries.rows.map((row) => ({
      injuryId: row.id,
      diagnosisCode: row.diagnosis_code,
      onsetUs: Number(row.onset_us),
      timeLossDays: row.time_loss_days,
    })),
    therapies: therapies.rows.map((row) => ({
      injuryId: row.injury_id,
      kind: row.kind,
      dosePerDay: row.dose_per_day,
      adherence: row.adherence,
      startsUs: Number(row.starts_us),
      endsUs: orNull(row.ends_us),
    })),
    openAlerts: alerts.rows.map((row) => ({ alertId: row.id, type: row.type, snoozedUntilUs: orNull(row.snoozed_us) })),
  };
}

type Change = AsmsChange<unknown>;
type Raise = Change['raise'][number];
type Clear = Change['clear'][number];

/** Alerts in the order of their windows, their history, recommendations, deliveries and notifications. Returns the deliveries. */
async function writeAlerts(client: pg.PoolClient, athleteId: string, teamId: string, methodVersion: string, change: Change): Promise<string[]> {
  const steps = [
    ...change.raise.map((raise) => ({ windowIndex: raise.windowIndex, write: () => writeRaise(client, athleteId, teamId, methodVersion, raise) })),
    ...change.clear.map((clear) => ({ windowIndex: clear.windowIndex, write: () => writeClear(client, athleteId, teamId, clear) })),
  ].toSorted((a, b) => a.windowIndex - b.windowIndex);
  const events: (AlertChanged | RecommendationMade)[] = [];
  for (const step of steps) events.push(...(await step.write()));
  await notify(client, [...change.live, ...events]);
  const deliveryIds: string[] = [];
  for (const event of events) deliveryIds.push(...(await queueDeliveries(client, event)));
  return deliveryIds;
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
    `INSERT INTO alert (id, team_id, athlete_id, type, severity, title, sentence, evidence, raised_window_index, raised_at, method_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
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
    ],
  );
  // One open alert an athlete and type: the one that is open already stands.
  if (inserted.rowCount === 0) return [];
  await writeHistory(client, alertId, at, 'raised');
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
    `UPDATE alert SET cleared_at = $3 WHERE athlete_id = $1 AND type = $2 AND cleared_at IS NULL AND ($4::uuid IS NULL OR id = $4) RETURNING id, severity`,
    [athleteId, clear.type, at, clear.alertId],
  );
  const [row] = rows;
  if (row === undefined) return [];
  await writeHistory(client, row.id, at, 'cleared');
  return [{ type: 'alert.cleared', alertId: row.id, athleteId, teamId, alertType: clear.type, severity: row.severity, at }];
}

async function writeHistory(client: pg.PoolClient, alertId: string, at: string, change: string): Promise<void> {
  await client.query('INSERT INTO alert_event (id, alert_id, at, change, by) VALUES ($1, $2, $3, $4, $5)', [randomUUID(), alertId, at, change, 'asms']);
}

/** Sent by PostgreSQL when the transaction commits, and not at all where it does not. */
async function notify(client: pg.PoolClient, events: readonly LiveEvent[]): Promise<void> {
  if (events.length === 0) return;
  await client.query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) WITH ORDINALITY AS e(payload, n) ORDER BY n', [
    LIVE_CHANNEL,
    events.map((event) => JSON.stringify(event)),
  ]);
}
