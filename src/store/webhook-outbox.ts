/** Deliveries are rows written with the event they tell of: the event is matched when it happens, a job only delivers. Events are kept for replay. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { StoredEvent } from '../contracts/events.ts';

/** (chosen) days that events, deliveries and attempts are kept. */
export const WEBHOOK_RETENTION_DAYS = 30;
const DAY_MS = 86_400_000;

/**
 * Does endpoint e want event v? The team of the athlete (an endpoint without one takes every team's), the event's type, and for events of an alert its type
 * and severity. One text for what happens now and for what is replayed, so that the two cannot differ.
 */
export const ENDPOINT_WANTS_EVENT = `(e.team_id IS NULL OR e.team_id = v.team_id) AND v.event_type = ANY (e.event_types)
  AND (v.alert_type IS NULL OR cardinality(e.alert_types) = 0 OR v.alert_type = ANY (e.alert_types))
  AND (v.severity IS NULL OR e.min_severity = 'amber' OR v.severity = 'red')`;

/** A new webhook-id. */
export const NEW_DELIVERY_ID = `'msg_' || replace(gen_random_uuid()::text, '-', '')`;

/** Ids alone: who may read more asks the API. */
function dataOf(event: StoredEvent): Record<string, string | null> {
  const { athleteId, teamId } = event;
  switch (event.type) {
    case 'recommendation.created':
      return { recommendationId: event.recommendationId, athleteId, teamId };
    case 'common-cause.raised':
      return { commonCauseId: event.commonCauseId, teamId };
    case 'notice.sent': {
      const { noticeId, recipientId, alertId, commonCauseId } = event;
      return { noticeId, recipientId, alertId, commonCauseId, athleteId, teamId };
    }
    case 'alert.raised':
    case 'alert.cleared':
    case 'alert.acknowledged':
    case 'alert.snoozed':
    case 'alert.assigned':
    case 'alert.closed':
    case 'alert.outcome-corrected':
      break;
  }
  return { alertId: event.alertId, athleteId, teamId };
}

/** Stores the event, and one pending delivery for each enabled endpoint that wants it. Returns their ids (webhook-id). */
export async function queueDeliveries(client: pg.PoolClient, event: StoredEvent): Promise<string[]> {
  const eventId = randomUUID();
  const body = JSON.stringify({ type: event.type, timestamp: event.at, data: dataOf(event) });
  const [alertType, severity] = event.type === 'recommendation.created' ? [null, null] : [event.alertType, event.severity];
  await client.query(
    'INSERT INTO webhook_event (id, team_id, athlete_id, event_type, alert_type, severity, body) VALUES ($1, $2, $3, $4, $5, $6, $7)',
    [eventId, event.teamId, event.athleteId, event.type, alertType, severity, body],
  );
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO webhook_delivery (id, endpoint_id, event_id, event_type, body, next_attempt_at)
     SELECT ${NEW_DELIVERY_ID}, e.id, v.id, v.event_type, v.body, now() FROM webhook_event v
     JOIN webhook_endpoint e ON e.disabled_at IS NULL AND ${ENDPOINT_WANTS_EVENT} WHERE v.id = $1 RETURNING id`,
    [eventId],
  );
  return rows.map((row) => row.id);
}

/** The oldest time of which every event is still there. */
export const eventsSince = (nowMs: number): Date => new Date(nowMs - WEBHOOK_RETENTION_DAYS * DAY_MS);

/** Retention: deletes events and deliveries (with their attempts, given up or not) older than WEBHOOK_RETENTION_DAYS. Returns how many of each. */
export async function dropOldWebhookEvents(
  pool: pg.Pool,
  nowMs: number,
): Promise<{ readonly events: number; readonly deliveries: number }> {
  const before = eventsSince(nowMs);
  // Events first: one whose delivery is gone could be replayed a second time.
  const events = await pool.query('DELETE FROM webhook_event WHERE created_at < $1', [before]);
  await pool.query('DELETE FROM webhook_attempt a USING webhook_delivery d WHERE d.id = a.delivery_id AND d.created_at < $1', [before]);
  // One that was recorded between the two statements keeps its delivery until next time.
  const deliveries = await pool.query(
    'DELETE FROM webhook_delivery d WHERE d.created_at < $1 AND NOT EXISTS (SELECT 1 FROM webhook_attempt a WHERE a.delivery_id = d.id)',
    [before],
  );
  return { events: events.rowCount ?? 0, deliveries: deliveries.rowCount ?? 0 };
}
