/** One job of queue `webhook`: try to deliver one delivery now. When the next try is due stands in its row, never in the queue. */
import { DEFAULT_TIMEOUT_MS, deliverWebhook, type DeliveryAttempt } from '../alert/deliver.ts';
import { nextDelayMs } from '../alert/retry-schedule.ts';
import type { WebhookJob } from '../contracts/jobs.ts';
import type { AttemptResult, DeliveryStore } from './ports.ts';

export interface WebhookWorkerOptions {
  readonly store: DeliveryStore;
  readonly allowPrivate: boolean;
  readonly timeoutMs?: number;
  readonly nowMs?: () => number;
  /** In [0, 1); spreads retries. */
  readonly random?: () => number;
}

export interface WebhookCounters {
  delivered: number;
  /** Attempts that failed and will be repeated. */
  retried: number;
  /** Deliveries given up. */
  failed: number;
  disabled: number;
}

/** Time beyond the request's own limit before another worker may take a claimed delivery over. */
const LEASE_SLACK_MS = 15_000;

/** Outcome of attempt number `attempt` (1 for the first). */
function outcomeOf(result: DeliveryAttempt, attempt: number, nowMs: number, random: number): AttemptResult['outcome'] {
  if (result.ok) return { status: 'delivered' };
  if (result.gone) return { status: 'failed', disable: 'the receiver answered 410 Gone' };
  const delayMs = nextDelayMs(attempt, random, result.retryAfterMs);
  return delayMs === null ? { status: 'failed' } : { status: 'pending', nextAttemptUs: (nowMs + delayMs) * 1000 };
}

export function createWebhookWorker({
  store,
  allowPrivate,
  timeoutMs = DEFAULT_TIMEOUT_MS,
  nowMs = Date.now,
  random = Math.random,
}: WebhookWorkerOptions) {
  const counters: WebhookCounters = { delivered: 0, retried: 0, failed: 0, disabled: 0 };
  const work = async ({ deliveryId }: WebhookJob): Promise<void> => {
    const due = await store.claim(deliveryId, timeoutMs + LEASE_SLACK_MS);
    if (due === null) return;
    const startMs = nowMs();
    const message = { id: due.deliveryId, url: due.url, body: due.body, secrets: due.secrets };
    const result = await deliverWebhook(message, { timeoutMs, nowMs, allowPrivate });
    const outcome = outcomeOf(result, due.attempts + 1, nowMs(), random());
    await store.recordAttempt(deliveryId, {
      atUs: startMs * 1000,
      statusCode: result.statusCode,
      error: result.error,
      durationMs: result.durationMs,
      outcome,
    });
    if (outcome.status === 'delivered') counters.delivered += 1;
    else if (outcome.status === 'pending') counters.retried += 1;
    else counters.failed += 1;
    if (outcome.status === 'failed' && outcome.disable !== undefined) counters.disabled += 1;
  };
  return { work, counters: (): Readonly<WebhookCounters> => counters };
}
