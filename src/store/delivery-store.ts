/** Webhook deliveries: rows are the truth, queue jobs are hints. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { AttemptResult, DeliveryStore } from '../queue/ports.ts';
import { inTransaction } from './transaction.ts';

export interface DeliveryStoreOptions {
  /** Milliseconds since the epoch: decides what is due. */
  readonly nowMs?: () => number;
}

interface ClaimedRow {
  readonly id: string;
  readonly endpoint_id: string;
  readonly url: string;
  readonly event_type: string;
  readonly body: string;
  readonly attempts: number;
  readonly secret: string;
  readonly previous_secret: string | null;
}

export function createDeliveryStore(pool: pg.Pool, { nowMs = Date.now }: DeliveryStoreOptions = {}): DeliveryStore {
  return {
    async claim(deliveryId, leaseMs) {
      const now = nowMs();
      const { rows } = await pool.query<ClaimedRow>(
        `UPDATE webhook_delivery d SET next_attempt_at = $3 FROM webhook_endpoint e
         WHERE d.id = $1 AND e.id = d.endpoint_id AND e.disabled_at IS NULL AND d.status = 'pending' AND d.next_attempt_at <= $2
         RETURNING d.id, d.endpoint_id, e.url, d.event_type, d.body, d.attempts, e.secret,
           CASE WHEN e.previous_secret_until > $2 THEN e.previous_secret END AS previous_secret`,
        [deliveryId, new Date(now), new Date(now + leaseMs)],
      );
      const [row] = rows;
      if (row === undefined) return null;
      return {
        deliveryId: row.id,
        endpointId: row.endpoint_id,
        url: row.url,
        eventType: row.event_type,
        body: row.body,
        attempts: row.attempts,
        secrets: row.previous_secret === null ? [row.secret] : [row.secret, row.previous_secret],
      };
    },
    recordAttempt: (deliveryId, result) => inTransaction(pool, (client) => record(client, deliveryId, result)),
    async dueDeliveries(limit) {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT d.id FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id AND e.disabled_at IS NULL
         WHERE d.status = 'pending' AND d.next_attempt_at <= $1 ORDER BY d.next_attempt_at LIMIT $2`,
        [new Date(nowMs()), limit],
      );
      return rows.map((row) => row.id);
    },
  };
}

/** Every attempt is kept; only a delivery that is still pending changes its state (a claim whose lease ran out may report late). */
async function record(
  client: pg.PoolClient,
  deliveryId: string,
  { atUs, statusCode, error, durationMs, outcome }: AttemptResult,
): Promise<void> {
  const at = new Date(atUs / 1000);
  await client.query('INSERT INTO webhook_attempt (id, delivery_id, at, status_code, error, duration_ms) VALUES ($1, $2, $3, $4, $5, $6)', [
    randomUUID(),
    deliveryId,
    at,
    statusCode,
    error,
    durationMs,
  ]);
  const nextAttempt = outcome.status === 'pending' ? new Date(outcome.nextAttemptUs / 1000) : null;
  const { rows } = await client.query<{ endpoint_id: string }>(
    `UPDATE webhook_delivery SET attempts = attempts + 1, status = CASE status WHEN 'pending' THEN $2 ELSE status END,
       next_attempt_at = CASE status WHEN 'pending' THEN $3::timestamptz END,
       delivered_at = CASE WHEN status = 'pending' AND $2 = 'delivered' THEN $4::timestamptz ELSE delivered_at END
     WHERE id = $1 RETURNING endpoint_id`,
    [deliveryId, outcome.status, nextAttempt, at],
  );
  const [row] = rows;
  if (row === undefined || outcome.status !== 'failed' || outcome.disable === undefined) return;
  await client.query('UPDATE webhook_endpoint SET disabled_at = $2, disabled_reason = $3 WHERE id = $1 AND disabled_at IS NULL', [
    row.endpoint_id,
    at,
    outcome.disable,
  ]);
  // The receiver wants no more: what still waits for it is settled too, and stays on record as failed.
  await client.query(
    `UPDATE webhook_delivery SET status = 'failed', next_attempt_at = NULL WHERE endpoint_id = $1 AND status = 'pending'`,
    [row.endpoint_id],
  );
}
