/** One job of queue `session-metrics`: read a closed session's frames, compute its gait, jump and heart metrics and its loads, store them. */
import { measuredLoads } from '../asms/load-limits.ts';
import type { MetricsJob } from '../contracts/jobs.ts';
import type { SessionStream } from '../signal/session-metrics.ts';
import { computeInThread } from './metrics-thread.ts';
import type { MetricsStore, NewMetric, SessionMeasures } from './ports.ts';
import { observationsOfSession } from './session-observations.ts';
import { createSessionCollector } from './session-streams.ts';

export interface MetricsWorkerOptions {
  readonly store: MetricsStore;
  readonly compute?: (streams: readonly SessionStream[], truncated: boolean) => Promise<SessionMeasures>;
  readonly maxValues?: number;
  readonly onRefused: (error: RangeError, sessionId: string) => void;
  /** ASMS has news of the athlete. */
  readonly onObserved: (athleteId: string) => void;
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

const NOTHING: SessionMeasures = { metrics: [], histograms: [], minutes: null };

/** Streams that the computation refuses (RangeError) are counted and the session is settled without metrics, or it would come back for ever. */
export function createMetricsWorker({
  store,
  compute = computeInThread,
  maxValues = MAX_VALUES,
  onRefused,
  onObserved,
}: MetricsWorkerOptions) {
  const counters: MetricsCounters = { sessions: 0, metrics: 0, truncated: 0, refused: 0 };
  const work = async ({ sessionId }: MetricsJob): Promise<void> => {
    const session = await store.readSession(sessionId);
    if (session === null) return;
    const collector = createSessionCollector(session.streams, maxValues);
    for await (const batch of session.frames) if (!collector.add(batch)) break;
    const truncated = collector.truncated();
    try {
      const computed = await compute(collector.streams(), truncated);
      const metrics = truncated ? computed.metrics.map((metric) => asTruncated(metric, maxValues)) : computed.metrics;
      const observations = observationsOfSession(session.athleteId, sessionId, metrics);
      await store.saveMeasures(sessionId, { ...computed, metrics }, measuredLoads, observations);
      if (observations.length > 0) onObserved(session.athleteId);
      counters.metrics += metrics.length;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      counters.refused += 1;
      onRefused(error, sessionId);
      await store.saveMeasures(sessionId, NOTHING, measuredLoads, []);
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
