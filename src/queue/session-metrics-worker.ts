/** One job of queue `session-metrics`: read a closed session's frames, compute its gait, jump and heart metrics, store them. */
import type { MetricsJob } from '../contracts/jobs.ts';
import type { SessionStream } from '../signal/session-metrics.ts';
import { computeInThread } from './metrics-thread.ts';
import type { MetricsStore, NewMetric } from './ports.ts';
import { createSessionCollector } from './session-streams.ts';

export interface MetricsWorkerOptions {
  readonly store: MetricsStore;
  readonly compute?: (streams: readonly SessionStream[]) => Promise<readonly NewMetric[]>;
  readonly maxValues?: number;
  readonly onRefused: (error: RangeError, sessionId: string) => void;
}

export interface MetricsCounters {
  sessions: number;
  metrics: number;
  /** Sessions longer than the bound: measured over their first part. */
  truncated: number;
  /** Sessions whose streams cannot be measured at all. */
  refused: number;
}

/** (chosen) 180 MB: two feet and the trunk at 200 Hz for about three and a half hours. Run with a concurrency of 1. */
const MAX_VALUES = 45_000_000;

/** Streams that the computation refuses (RangeError) are counted and the session is settled without metrics, or it would come back for ever. */
export function createMetricsWorker({ store, compute = computeInThread, maxValues = MAX_VALUES, onRefused }: MetricsWorkerOptions) {
  const counters: MetricsCounters = { sessions: 0, metrics: 0, truncated: 0, refused: 0 };
  const work = async ({ sessionId }: MetricsJob): Promise<void> => {
    const session = await store.readSession(sessionId);
    if (session === null) return;
    const collector = createSessionCollector(session.streams, maxValues);
    for await (const batch of session.frames) if (!collector.add(batch)) break;
    const truncated = collector.truncated();
    try {
      const computed = await compute(collector.streams());
      const metrics = truncated ? computed.map((metric) => asTruncated(metric, maxValues)) : computed;
      await store.saveMetrics(sessionId, metrics);
      counters.metrics += metrics.length;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      counters.refused += 1;
      onRefused(error, sessionId);
      await store.saveMetrics(sessionId, []);
    }
    counters.sessions += 1;
    if (truncated) counters.truncated += 1;
  };
  return { work, counters: (): Readonly<MetricsCounters> => counters };
}

const asTruncated = (metric: NewMetric, maxValues: number): NewMetric => ({
  ...metric,
  provisional: true,
  parameters: { ...metric.parameters, truncatedAtValues: maxValues },
});
