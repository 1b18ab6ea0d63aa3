/** The demo's account: what was sent against what the service says it stored, scored and delivered, asked through its own API. */
import type { GatewayClientStats } from '../../client/gateway-client.ts';
import type { RestClient } from './rest.ts';
import type { StoredCounts } from '../../store/count-stored.ts';
import type { Receiver } from './receiver.ts';

export interface DemoResult {
  readonly athletes: number;
  readonly frames: { readonly sent: number; readonly acked: number; readonly stored: number; readonly duplicates: number };
  readonly windows: { readonly due: number; readonly scored: number };
  readonly alerts: { readonly raised: number };
  readonly webhooks: { readonly delivered: number; readonly verified: number };
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null };
  readonly lost: number;
}

/** One gateway: its own view of the service, and the client's count. */
export interface GatewayAccount {
  readonly rest: RestClient;
  stats(): GatewayClientStats;
}

interface ProgressAnswer {
  readonly streams: readonly { readonly streamId: number; readonly nextSequence: number }[];
  readonly athletes: readonly { readonly windowsDue: number; readonly windowsScored: number }[];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

async function progressOf(
  accounts: readonly GatewayAccount[],
): Promise<{ readonly settled: number; readonly due: number; readonly scored: number }> {
  const answers = await Promise.all(accounts.map(({ rest }) => rest.get<ProgressAnswer>('/v1/gateways/me/progress')));
  return {
    settled: sum(answers.flatMap((answer) => answer.streams.map((stream) => stream.nextSequence))),
    due: sum(answers.flatMap((answer) => answer.athletes.map((athlete) => athlete.windowsDue))),
    scored: sum(answers.flatMap((answer) => answer.athletes.map((athlete) => athlete.windowsScored))),
  };
}

const POLL_MS = 200;
const SETTLE_MS = 15_000;

async function pendingDeliveries(rest: RestClient, webhookId: string): Promise<number> {
  const page = await rest.get<{ items: readonly unknown[] }>(`/v1/webhooks/${webhookId}/deliveries?status=pending`);
  return page.items.length;
}

/**
 * Waits until every due window is scored and no delivery is pending, and nothing has changed for a second; 15 s at most: what is missing
 * then is counted as lost.
 */
export async function settle(rest: RestClient, accounts: readonly GatewayAccount[], webhookId: string, receiver: Receiver): Promise<void> {
  const deadlineMs = Date.now() + SETTLE_MS;
  let last = '';
  let sinceMs = Date.now();
  while (Date.now() < deadlineMs) {
    const progress = await progressOf(accounts);
    const pending = await pendingDeliveries(rest, webhookId);
    const now = JSON.stringify([progress, pending, receiver.counts()]);
    if (now !== last) {
      last = now;
      sinceMs = Date.now();
    } else if (progress.due <= progress.scored && pending === 0 && Date.now() - sinceMs >= 1e3) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** `stored` is counted in the tables, not concluded from what the service answered. */
export async function tally(
  rest: RestClient,
  accounts: readonly GatewayAccount[],
  stored: StoredCounts,
  receiver: Receiver,
  athletes: number,
): Promise<DemoResult> {
  const { due } = await progressOf(accounts);
  const stats = accounts.map((account) => account.stats());
  const [sent, acked] = [sum(stats.map((s) => s.sent)), sum(stats.map((s) => s.acked))];
  const metrics = readMetrics(await rest.text('/metrics'));
  return {
    athletes,
    frames: { sent, acked, stored: stored.frames, duplicates: metrics.duplicates },
    windows: { due, scored: stored.scores },
    alerts: { raised: await countAlerts(rest) },
    webhooks: receiver.counts(),
    latencyMs: metrics.latencyMs,
    lost: acked - stored.frames - stored.refusedFrames + (due - stored.scores),
  };
}

async function countAlerts(rest: RestClient): Promise<number> {
  let count = 0;
  let cursor: string | null = null;
  do {
    const page: { items: readonly unknown[]; nextCursor: string | null } = await rest.get(
      `/v1/alerts?limit=200${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    count += page.items.length;
    cursor = page.nextCursor;
  } while (cursor !== null);
  return count;
}

const LATENCY = 'kinewatch_score_latency_seconds';
const DUPLICATES = 'kinewatch_gateway_frames_duplicate_total';

/** Latency from the receipt of the last needed frame to the stored score: quantiles of the histogram, linear within a bucket. */
export function readMetrics(text: string): { readonly duplicates: number; readonly latencyMs: DemoResult['latencyMs'] } {
  const buckets: { le: number; count: number }[] = [];
  let duplicates = 0;
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+)(?:\{([^}]*)\})? ([0-9.e+-]+)$/i.exec(line);
    if (match === null) continue;
    const [, name, labels = '', value] = match;
    if (name === DUPLICATES) duplicates += Number(value);
    const le = name === `${LATENCY}_bucket` ? /le="([^"]+)"/.exec(labels)?.[1] : undefined;
    if (le === undefined) continue;
    const bound = le === '+Inf' ? Infinity : Number(le);
    const bucket = buckets.find((candidate) => candidate.le === bound);
    if (bucket === undefined) buckets.push({ le: bound, count: Number(value) });
    else bucket.count += Number(value);
  }
  buckets.sort((a, b) => a.le - b.le);
  return { duplicates, latencyMs: { p50: quantileMs(buckets, 0.5), p99: quantileMs(buckets, 0.99) } };
}

function quantileMs(buckets: readonly { readonly le: number; readonly count: number }[], q: number): number | null {
  const total = buckets.at(-1)?.count ?? 0;
  if (total === 0) return null;
  const rank = q * total;
  let [low, below] = [0, 0];
  for (const { le, count } of buckets) {
    if (count >= rank) {
      const high = Number.isFinite(le) ? le : low;
      return Math.round(1e4 * (low + ((high - low) * (rank - below)) / Math.max(1, count - below))) / 10;
    }
    [low, below] = [le, count];
  }
  return null;
}
