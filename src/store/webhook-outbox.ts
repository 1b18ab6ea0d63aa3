/** Deliveries are rows written with the event they tell of: the event is matched when it happens, a job only delivers. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { AlertChanged, RecommendationMade } from '../contracts/events.ts';

/** Ids alone: who may read more asks the API. */
function dataOf(event: AlertChanged | RecommendationMade): Record<string, string> {
  const { athleteId, teamId } = event;
  return event.type === 'recommendation.created'
    ? { recommendationId: event.recommendationId, athleteId, teamId }
    : { alertId: event.alertId, athleteId, teamId };
}

/** One pending delivery for each enabled endpoint of the team that asked for the event's type. Returns their ids (webhook-id). */
export async function queueDeliveries(client: pg.PoolClient, event: AlertChanged | RecommendationMade): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM webhook_endpoint WHERE team_id = $1 AND disabled_at IS NULL AND $2 = ANY (event_types) ORDER BY created_at, id',
    [event.teamId, event.type],
  );
  if (rows.length === 0) return [];
  const body = JSON.stringify({ type: event.type, timestamp: event.at, data: dataOf(event) });
  const ids = rows.map(() => `msg_${randomUUID().replaceAll('-', '')}`);
  await client.query(
    `INSERT INTO webhook_delivery (id, endpoint_id, event_type, body, next_attempt_at)
     SELECT d.id, d.endpoint_id, $3, $4, now() FROM unnest($1::text[], $2::uuid[]) AS d(id, endpoint_id)`,
    [ids, rows.map((row) => row.id), event.type, body],
  );
  return ids;
}
