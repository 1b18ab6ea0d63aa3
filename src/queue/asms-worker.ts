/** One job of queue `asms`: bring an athlete's ASMS state up to the newest score and the newest observation. */
import { stepNews } from '../asms/step-news.ts';
import type { AsmsStateValue } from '../asms/step.ts';
import { METHOD_VERSION, type AsmsParams } from '../asms/params.ts';
import type { AsmsJob } from '../contracts/jobs.ts';
import type { AsmsStore } from './ports.ts';

export interface AsmsWorkerOptions {
  readonly store: AsmsStore;
  /** The method's parameters for a model version. @throws where the version is not known here (yet): the job fails and is found again */
  readonly paramsOf: (modelVersion: string) => AsmsParams;
  /** Windows a transaction. Bounds how long an athlete's row is locked; what is left is done in the next round. */
  readonly batch?: number;
  readonly onDeliveries: (deliveryIds: readonly string[]) => void;
}

export interface AsmsCounters {
  jobs: number;
  /** Jobs that found nothing to do: late or repeated hints. */
  idle: number;
  windows: number;
  observations: number;
  deliveries: number;
}

/** (chosen) about a minute of one athlete. */
const BATCH = 64;

/** The job is a hint: a late, repeated or concurrent one finds nothing past the fence and changes nothing (IN-ORDER-ONCE). */
export function createAsmsWorker({ store, paramsOf, batch = BATCH, onDeliveries }: AsmsWorkerOptions) {
  const counters: AsmsCounters = { jobs: 0, idle: 0, windows: 0, observations: 0, deliveries: 0 };
  const work = async ({ athleteId }: AsmsJob): Promise<void> => {
    let total = 0;
    for (;;) {
      const { applied, observed, more, deliveryIds } = await store.advance<AsmsStateValue>(
        athleteId,
        METHOD_VERSION,
        batch,
        // No observation is judged by a model's thresholds.
        (state, news, facts) => stepNews(state, news, facts, paramsOf(news.windows[0]?.modelVersion ?? '')),
      );
      total += applied + observed;
      counters.windows += applied;
      counters.observations += observed;
      counters.deliveries += deliveryIds.length;
      if (deliveryIds.length > 0) onDeliveries(deliveryIds);
      if (!more) break;
    }
    counters.jobs += 1;
    if (total === 0) counters.idle += 1;
  };
  return { work, counters: (): Readonly<AsmsCounters> => counters };
}
