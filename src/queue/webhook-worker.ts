/**
 * One job of queue `webhook`: deliver the delivery it names, and while the receiver takes them, what else is due for the same endpoint.
 * When the next try is due stands in its row, never in the queue.
 *
 * One receiver delays nobody else: at most ENDPOINT_CONCURRENCY (delivery-store.ts) of an endpoint's deliveries are under way over all processes, at most
 * WEBHOOK_CONCURRENCY in this process; an endpoint that does not answer is paused as a whole, and one that does gives its place up after CHAIN deliveries.
 */
import { DEFAULT_TIMEOUT_MS, deliverWebhook, type DeliveryAttempt } from '../alert/deliver.ts';
import { askedPauseMs, nextDelayMs, nextOwnDelayMs, pauseMs } from '../alert/retry-schedule.ts';
import type { WebhookJob } from '../contracts/jobs.ts';
import type { AttemptResult, DeliveryStore, DueDelivery } from './ports.ts';

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
  /** Attempts that failed through our own fault. */
  ownFaults: number;
  /** Deliveries given up. */
  failed: number;
  disabled: number;
}

/** (chosen) jobs at once in a process: they wait for receivers, not for this machine. */
export const WEBHOOK_CONCURRENCY = 32;
/** (chosen) deliveries of one endpoint by one job; the sweeper finds the rest a second later at most. */
const CHAIN = 64;
/** Time beyond the request's own limit before another worker may take a claimed delivery over. */
const LEASE_SLACK_MS = 15_000;

/** What an attempt at `due` makes of its delivery. */
function outcomeOf(result: DeliveryAttempt, due: DueDelivery, nowMs: number, random: number): AttemptResult['outcome'] {
  if (result.ok) return { status: 'delivered' };
  if (result.gone) return { status: 'failed', disable: 'the receiver answered 410 Gone' };
  const delayMs =
    result.fault === 'ours' ? nextOwnDelayMs(due.ownFaults + 1, random) : nextDelayMs(due.receiverFaults + 1, random, result.retryAfterMs);
  return delayMs === null ? { status: 'failed' } : { status: 'pending', nextAttemptUs: (nowMs + delayMs) * 1000 };
}

/** How long the endpoint as a whole is left alone, milliseconds; null: not at all. */
function pauseAfter({ statusCode, retryAfterMs }: DeliveryAttempt, due: DueDelivery): number | null {
  if (statusCode === null) return pauseMs(due.unanswered + 1);
  return (statusCode === 429 || statusCode === 503) && retryAfterMs !== null ? askedPauseMs(retryAfterMs) : null;
}

export function createWebhookWorker({
  store,
  allowPrivate,
  timeoutMs = DEFAULT_TIMEOUT_MS,
  nowMs = Date.now,
  random = Math.random,
}: WebhookWorkerOptions) {
  const counters: WebhookCounters = { delivered: 0, retried: 0, ownFaults: 0, failed: 0, disabled: 0 };
  const stopping = new AbortController();
  const { signal } = stopping;
  const leaseMs = timeoutMs + LEASE_SLACK_MS;

  const count = (fault: DeliveryAttempt['fault'], outcome: AttemptResult['outcome']): void => {
    if (outcome.status === 'delivered') counters.delivered += 1;
    else if (outcome.status === 'pending') counters.retried += 1;
    else counters.failed += 1;
    if (fault === 'ours') counters.ownFaults += 1;
    if (outcome.status === 'failed' && outcome.disable !== undefined) counters.disabled += 1;
  };
  const attempt = async (due: DueDelivery): Promise<boolean> => {
    const startMs = nowMs();
    const message = { id: due.deliveryId, url: due.url, body: due.body, secrets: due.secrets };
    const result = await deliverWebhook(message, { timeoutMs, nowMs, allowPrivate, signal });
    const outcome = outcomeOf(result, due, nowMs(), random());
    // An attempt that was broken off says nothing about the endpoint.
    const pause = signal.aborted ? null : pauseAfter(result, due);
    await store.recordAttempt(due.deliveryId, {
      claim: due.claim,
      atUs: startMs * 1000,
      statusCode: result.statusCode,
      error: result.error,
      fault: result.fault,
      durationMs: result.durationMs,
      pauseUntilUs: pause === null ? null : (nowMs() + pause) * 1000,
      outcome,
    });
    count(result.fault, outcome);
    return result.ok;
  };
  const work = async ({ deliveryId }: WebhookJob): Promise<void> => {
    let due = signal.aborted ? null : await store.claim({ deliveryId }, leaseMs);
    for (let sent = 1; due !== null; sent += 1) {
      const { endpointId } = due;
      const taken = await attempt(due);
      // What else is due for an endpoint that failed is left to the sweeper: no job waits for it twice.
      if (!taken || sent === CHAIN || signal.aborted) return;
      due = await store.claim({ endpointId }, leaseMs);
    }
  };
  return {
    work,
    /** Breaks off what is under way, which is recorded as our own fault and due again soon, and takes no more. */
    stop: (): void => stopping.abort(),
    counters: (): Readonly<WebhookCounters> => counters,
  };
}
