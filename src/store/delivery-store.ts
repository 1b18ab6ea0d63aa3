/** Webhook deliveries: rows are the truth, queue jobs are hints. Whoever changes a delivery has locked its endpoint's row before. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { AttemptResult, DeliveryStore, DueDelivery } from '../queue/ports.ts';
import { Rollback, inTransaction } from './transaction.ts';

export interface DeliveryStoreOptions {
  /** Milliseconds since the epoch: decides what is due. */
  readonly nowMs?: () => number;
}

/** BOUNDED (chosen): deliveries of one endpoint under way at once, over all processes. */
export const ENDPOINT_CONCURRENCY = 2;

/** Of endpoint e at the time $1. */
const MAY_BE_CALLED = 'e.disabled_at IS NULL AND (e.paused_until IS NULL OR e.paused_until <= $1)';
/** Of delivery d at the time $1. */
const IS_DUE = `d.status = 'pending' AND d.next_attempt_at <= $1 AND (d.claimed_until IS NULL OR d.claimed_until <= $1)`;

interface EndpointRow {
  readonly id: string;
  readonly url: string;
  readonly unanswered: number;
  readonly secret: string;
  readonly previous_secret: string | null;
}

interface ClaimedRow {
  readonly id: string;
  readonly event_type: string;
  readonly body: string;
  readonly receiver_faults: number;
  readonly own_faults: number;
}

export function createDeliveryStore(pool: pg.Pool, { nowMs = Date.now }: DeliveryStoreOptions = {}): DeliveryStore {
  return {
    claim: (wanted, leaseMs) =>
      inTransaction(pool, async (client) => (await claim(client, wanted, nowMs(), leaseMs)) ?? new Rollback<DueDelivery | null>(null)),
    recordAttempt: (deliveryId, result) => inTransaction(pool, (client) => record(client, deliveryId, result)),
    async dueDeliveries(limit) {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT due.id FROM webhook_endpoint e CROSS JOIN LATERAL (
           SELECT d.id, d.next_attempt_at, row_number() OVER (ORDER BY d.next_attempt_at, d.id) AS turn FROM webhook_delivery d
           WHERE d.endpoint_id = e.id AND ${IS_DUE} ORDER BY d.next_attempt_at, d.id LIMIT $3
         ) due WHERE ${MAY_BE_CALLED} ORDER BY due.turn, due.next_attempt_at, due.id LIMIT $2`,
        [new Date(nowMs()), limit, ENDPOINT_CONCURRENCY],
      );
      return rows.map((row) => row.id);
    },
  };
}

/** The endpoint's row is locked, so that two workers do not both see its last free place. */
async function claim(
  client: pg.PoolClient,
  wanted: Parameters<DeliveryStore['claim']>[0],
  nowMs: number,
  leaseMs: number,
): Promise<DueDelivery | null> {
  const now = new Date(nowMs);
  const [whose, id] =
    'deliveryId' in wanted
      ? ['(SELECT endpoint_id FROM webhook_delivery WHERE id = $2)', wanted.deliveryId]
      : ['$2::uuid', wanted.endpointId];
  const endpoints = await client.query<EndpointRow>(
    `SELECT e.id, e.url, e.unanswered, e.secret, CASE WHEN e.previous_secret_until > $1 THEN e.previous_secret END AS previous_secret
     FROM webhook_endpoint e WHERE e.id = ${whose} AND ${MAY_BE_CALLED} FOR NO KEY UPDATE`,
    [now, id],
  );
  const [endpoint] = endpoints.rows;
  if (endpoint === undefined) return null;
  // A statement of its own: it has to see what was claimed while this one waited for the lock.
  const claimId = randomUUID();
  const claimed = await client.query<ClaimedRow>(
    `UPDATE webhook_delivery SET claim = $4, claimed_until = $5
     WHERE id = (SELECT d.id FROM webhook_delivery d WHERE d.endpoint_id = $2 AND ($3::text IS NULL OR d.id = $3) AND ${IS_DUE}
         ORDER BY d.next_attempt_at, d.id LIMIT 1)
       AND (SELECT count(*) FROM webhook_delivery b WHERE b.endpoint_id = $2 AND b.claimed_until > $1) < $6
     RETURNING id, event_type, body, receiver_faults, own_faults`,
    [now, endpoint.id, 'deliveryId' in wanted ? wanted.deliveryId : null, claimId, new Date(nowMs + leaseMs), ENDPOINT_CONCURRENCY],
  );
  const [row] = claimed.rows;
  if (row === undefined) return null;
  return {
    deliveryId: row.id,
    endpointId: endpoint.id,
    url: endpoint.url,
    eventType: row.event_type,
    body: row.body,
    claim: claimId,
    receiverFaults: row.receiver_faults,
    ownFaults: row.own_faults,
    unanswered: endpoint.unanswered,
    secrets: endpoint.previous_secret === null ? [endpoint.secret] : [endpoint.secret, endpoint.previous_secret],
  };
}

/**
 * Every attempt is kept. A delivery that is still pending is settled by the attempt that holds its claim, and by any that delivered it: a claim whose lease ran
 * out may report late, and one that was sent again meanwhile has a new budget.
 */
async function record(client: pg.PoolClient, deliveryId: string, result: AttemptResult): Promise<void> {
  const { atUs, statusCode, error, fault, durationMs, outcome } = result;
  const at = new Date(atUs / 1000);
  const locked = await client.query<{ id: string }>(
    'SELECT id FROM webhook_endpoint WHERE id = (SELECT endpoint_id FROM webhook_delivery WHERE id = $1) FOR NO KEY UPDATE',
    [deliveryId],
  );
  const [endpoint] = locked.rows;
  // Deleted while the attempt was under way.
  if (endpoint === undefined) return;
  await client.query(
    'INSERT INTO webhook_attempt (id, delivery_id, at, status_code, error, fault, duration_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)',
    [randomUUID(), deliveryId, at, statusCode, error, fault, durationMs],
  );
  await client.query(
    `UPDATE webhook_delivery d SET attempts = d.attempts + 1,
       receiver_faults = d.receiver_faults + (s.holds AND $3 = 'receiver')::int, own_faults = d.own_faults + (s.holds AND $3 = 'ours')::int,
       status = CASE WHEN s.settles THEN $4 ELSE d.status END,
       next_attempt_at = CASE WHEN s.settles THEN $5::timestamptz ELSE d.next_attempt_at END,
       delivered_at = CASE WHEN s.settles AND $4 = 'delivered' THEN $6::timestamptz ELSE d.delivered_at END,
       claim = CASE WHEN s.settles THEN NULL ELSE d.claim END, claimed_until = CASE WHEN s.settles THEN NULL ELSE d.claimed_until END
     FROM (SELECT id, coalesce(claim = $2, false) AS holds, status = 'pending' AND (coalesce(claim = $2, false) OR $4 = 'delivered') AS settles
       FROM webhook_delivery WHERE id = $1) s WHERE d.id = s.id`,
    [
      deliveryId,
      result.claim,
      fault ?? '',
      outcome.status,
      outcome.status === 'pending' ? new Date(outcome.nextAttemptUs / 1000) : null,
      at,
    ],
  );
  await settleEndpoint(client, endpoint.id, result);
  if (outcome.status === 'failed' && outcome.disable !== undefined) await disable(client, endpoint.id, at, outcome.disable);
}

/** An answer of any kind ends the count of attempts without one, a success the pause too. */
async function settleEndpoint(
  client: pg.PoolClient,
  endpointId: string,
  { statusCode, fault, pauseUntilUs }: AttemptResult,
): Promise<void> {
  if (pauseUntilUs !== null) {
    await client.query(
      `UPDATE webhook_endpoint SET paused_until = greatest(paused_until, $2), unanswered = CASE WHEN $3 THEN 0 ELSE unanswered + 1 END WHERE id = $1`,
      [endpointId, new Date(pauseUntilUs / 1000), statusCode !== null],
    );
  } else if (statusCode !== null) {
    await client.query(
      `UPDATE webhook_endpoint SET unanswered = 0, paused_until = CASE WHEN $2 THEN NULL ELSE paused_until END
       WHERE id = $1 AND (unanswered > 0 OR paused_until IS NOT NULL)`,
      [endpointId, fault === null],
    );
  }
}

/** The receiver wants no more: what still waits for it is settled too, and stays on record as failed. */
async function disable(client: pg.PoolClient, endpointId: string, at: Date, reason: string): Promise<void> {
  await client.query('UPDATE webhook_endpoint SET disabled_at = $2, disabled_reason = $3 WHERE id = $1 AND disabled_at IS NULL', [
    endpointId,
    at,
    reason,
  ]);
  await client.query(
    `UPDATE webhook_delivery SET status = 'failed', next_attempt_at = NULL, claim = NULL, claimed_until = NULL WHERE endpoint_id = $1 AND status = 'pending'`,
    [endpointId],
  );
}
