/** What a transaction tells: the live stream and the webhooks, both with its commit and not at all where it does not commit. */
import type pg from 'pg';
import { LIVE_CHANNEL, type LiveEvent, type StoredEvent } from '../contracts/events.ts';
import { queueDeliveries } from './webhook-outbox.ts';

/** To the live stream alone. */
export async function notify(client: pg.PoolClient, events: readonly LiveEvent[]): Promise<void> {
  if (events.length === 0) return;
  await client.query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) WITH ORDINALITY AS e(payload, n) ORDER BY n', [
    LIVE_CHANNEL,
    events.map((event) => JSON.stringify(event)),
  ]);
}

/** To the live stream and to every endpoint that wants it. Returns the deliveries made. */
export async function tell(client: pg.PoolClient, events: readonly StoredEvent[]): Promise<string[]> {
  await notify(client, events);
  const deliveryIds: string[] = [];
  for (const event of events) deliveryIds.push(...(await queueDeliveries(client, event)));
  return deliveryIds;
}
