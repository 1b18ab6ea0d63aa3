/**
 * Finds what is to be done from the tables and hints it again: a wiped queue costs time, never data. Every second athletes
 * whose newest score or observation is past its fence, deliveries that are due, explanations that nobody works on, and silence and load that are to be told;
 * every minute sessions that fell silent, sessions without metrics, athletes with days to compute and teams to judge.
 */
import type { DailyJob } from '../contracts/jobs.ts';
import type { DailyStore } from './daily/ports.ts';
import type { AsmsStore, DeliveryStore, ExplanationQueueStore, MetricsStore } from './ports.ts';
import type { Watch } from './watch.ts';
import { single } from './single.ts';

export interface SweeperOptions {
  readonly asms: AsmsStore | null;
  readonly deliveries: DeliveryStore | null;
  readonly metrics: MetricsStore | null;
  /** A round of notices (notice-sweep.ts); absent: another process does them. */
  readonly notices?: () => Promise<void>;
  /** Of silence and of load; null: not in this process. */
  readonly watch: Pick<Watch, 'round'> | null;
  readonly explanations: ExplanationQueueStore | null;
  readonly daily: Pick<DailyStore, 'athletesDue' | 'teamsToJudge'> | null;
  readonly queues: {
    enqueueAsms(athleteId: string): void;
    enqueueWebhook(deliveryId: string): void;
    enqueueMetrics(sessionId: string): void;
    enqueueExplain(explanationId: string): void;
    enqueueDaily(job: DailyJob): void;
    release(name: 'asms' | 'explain', subject: string): Promise<void>;
  };
  readonly sessionSilenceMs: number;
  readonly timers?: SweeperTimers;
  readonly onError: (error: unknown, what: string) => void;
}

/** A timer that calls again and again; returns its stop. */
export interface SweeperTimers {
  every(ms: number, call: () => void): () => void;
}

export interface SweepCounters {
  athletes: number;
  deliveries: number;
  sessionsClosed: number;
  sessionsMeasured: number;
  explanations: number;
  athletesDue: number;
  teamsToJudge: number;
  released: number;
}

const FAST_MS = 1_000;
const SLOW_MS = 60_000;
/** BOUNDED: rows a sweep; the next one takes the next. */
const LIMIT = 1_000;
/** (chosen) what a few seconds' work is: the table keeps their order, with alerts first, a queue would not. */
const EXPLANATIONS = 4;
/** (chosen) sweeps an athlete may stay behind, well beyond a dead worker's lock, before its deduplication mark is taken for an orphan. */
const ORPHAN_SWEEPS = 30;
/** (chosen) A team is judged at most this often: over a large squad it is work, and a verdict that is a little old does no harm. */
const JUDGE_PAUSE_MS = 600_000;

export const processTimers: SweeperTimers = {
  every(ms, call) {
    const timer = setInterval(call, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** Starts both sweeps; a sweep that is still running when the next is due is left to finish. `close` waits for it. */
export function startSweeper({
  asms,
  deliveries,
  metrics,
  watch,
  explanations,
  daily,
  notices,
  queues,
  sessionSilenceMs,
  timers = processTimers,
  onError,
}: SweeperOptions) {
  const counters: SweepCounters = {
    athletes: 0,
    deliveries: 0,
    sessionsClosed: 0,
    sessionsMeasured: 0,
    explanations: 0,
    athletesDue: 0,
    teamsToJudge: 0,
    released: 0,
  };
  let behind = new Map<string, number>();
  let unexplained = new Map<string, number>();

  const sweepAthletes = async (store: AsmsStore): Promise<void> => {
    const athletes = await store.athletesBehind(LIMIT);
    const next = new Map(athletes.map((athleteId) => [athleteId, (behind.get(athleteId) ?? 0) + 1]));
    for (const [athleteId, sweeps] of next) {
      if (sweeps % ORPHAN_SWEEPS === 0) {
        counters.released += 1;
        await queues.release('asms', athleteId);
      }
      queues.enqueueAsms(athleteId);
    }
    counters.athletes += athletes.length;
    behind = next;
  };
  const sweepWatch = async ({ round }: Pick<Watch, 'round'>): Promise<void> => {
    for (const athleteId of await round()) queues.enqueueAsms(athleteId);
  };
  const sweepDeliveries = async (store: DeliveryStore): Promise<void> => {
    const due = await store.dueDeliveries(LIMIT);
    for (const deliveryId of due) queues.enqueueWebhook(deliveryId);
    counters.deliveries += due.length;
  };
  const sweepExplanations = async (store: ExplanationQueueStore): Promise<void> => {
    const ids = await store.pendingExplanations(EXPLANATIONS);
    const next = new Map(ids.map((id) => [id, (unexplained.get(id) ?? 0) + 1]));
    for (const [id, sweeps] of next) {
      // A worker that died leaves its mark, and no hint would be written any more.
      if (sweeps % ORPHAN_SWEEPS === 0) await queues.release('explain', id);
      queues.enqueueExplain(id);
    }
    counters.explanations += ids.length;
    unexplained = next;
  };
  const sweepSessions = async (store: MetricsStore): Promise<void> => {
    counters.sessionsClosed += (await store.closeSilentSessions(sessionSilenceMs)).length;
    const sessions = await store.sessionsWithoutMetrics(LIMIT);
    for (const sessionId of sessions) queues.enqueueMetrics(sessionId);
    counters.sessionsMeasured += sessions.length;
  };
  const sweepDays = async (store: NonNullable<SweeperOptions['daily']>): Promise<void> => {
    const athletes = await store.athletesDue(Date.now(), LIMIT);
    for (const id of athletes) queues.enqueueDaily({ subject: 'athlete', id });
    const teams = await store.teamsToJudge(Date.now(), JUDGE_PAUSE_MS, LIMIT);
    for (const id of teams) queues.enqueueDaily({ subject: 'team', id });
    counters.athletesDue += athletes.length;
    counters.teamsToJudge += teams.length;
  };

  const fast = single(async () => {
    if (asms !== null) await sweepAthletes(asms).catch((error: unknown) => onError(error, 'sweep of athletes'));
    if (deliveries !== null) await sweepDeliveries(deliveries).catch((error: unknown) => onError(error, 'sweep of deliveries'));
    if (watch !== null) await sweepWatch(watch).catch((error: unknown) => onError(error, 'watch of silence and load'));
    if (explanations !== null) await sweepExplanations(explanations).catch((error: unknown) => onError(error, 'sweep of explanations'));
    if (notices !== undefined) await notices().catch((error: unknown) => onError(error, 'round of notices'));
  });
  const slow = single(async () => {
    if (metrics !== null) await sweepSessions(metrics).catch((error: unknown) => onError(error, 'sweep of sessions'));
    if (daily !== null) await sweepDays(daily).catch((error: unknown) => onError(error, 'sweep of days'));
  });
  const stops = [timers.every(FAST_MS, () => void fast.run()), timers.every(SLOW_MS, () => void slow.run())];
  return {
    /** One round of each now; resolves when both are done. */
    sweep: async (): Promise<void> => {
      await Promise.all([fast.run(), slow.run()]);
    },
    counters: (): Readonly<SweepCounters> => counters,
    close: async (): Promise<void> => {
      for (const stop of stops) stop();
      await Promise.all([fast.idle(), slow.idle()]);
    },
  };
}
