/**
 * Finds athletes a plan is due for (weekly, a red alert, a change of stage) and plans without prices, and hints them: the tables say what is due, a lost
 * hint costs one sweep.
 */
import { single } from './single.ts';
import type { SweeperTimers } from './sweeper.ts';

export interface PlanSweepStore {
  athletesToPlan(at: Date, limit: number): Promise<readonly string[]>;
  plansWithoutAlternatives(limit: number): Promise<readonly string[]>;
}

export interface PlanSweeperOptions {
  readonly store: PlanSweepStore;
  readonly queues: {
    enqueuePlan(athleteId: string): void;
    enqueuePlanAlternatives(planId: string): void;
    release(name: 'plan' | 'plan-alternatives', subject: string): Promise<void>;
  };
  readonly timers: SweeperTimers;
  readonly nowMs?: () => number;
  readonly onError: (error: unknown, what: string) => void;
}

/** (chosen) A coach waits no longer than this for a plan to begin after an alert. */
const SWEEP_MS = 5_000;
/** BOUNDED: subjects a sweep; the next one takes the next. */
const LIMIT = 64;
/** (chosen) Sweeps a subject may stay due before its deduplication mark is taken for an orphan: well beyond the longest job. */
const ORPHAN_SWEEPS = 60;

export function startPlanSweeper({ store, queues, timers, nowMs = Date.now, onError }: PlanSweeperOptions) {
  let waiting = new Map<string, number>();
  const hint = async (
    name: 'plan' | 'plan-alternatives',
    subjects: readonly string[],
    enqueue: (subject: string) => void,
    next: Map<string, number>,
  ): Promise<void> => {
    for (const subject of subjects) {
      const sweeps = (waiting.get(`${name} ${subject}`) ?? 0) + 1;
      next.set(`${name} ${subject}`, sweeps);
      if (sweeps % ORPHAN_SWEEPS === 0) await queues.release(name, subject);
      enqueue(subject);
    }
  };
  const sweep = single(async () => {
    try {
      const next = new Map<string, number>();
      await hint('plan', await store.athletesToPlan(new Date(nowMs()), LIMIT), (id) => queues.enqueuePlan(id), next);
      await hint('plan-alternatives', await store.plansWithoutAlternatives(LIMIT), (id) => queues.enqueuePlanAlternatives(id), next);
      waiting = next;
    } catch (error) {
      onError(error, 'sweep of plans');
    }
  });
  const stop = timers.every(SWEEP_MS, () => void sweep.run());
  return {
    /** One round now. */
    sweep: (): Promise<void> => sweep.run(),
    close: async (): Promise<void> => {
      stop();
      await sweep.idle();
    },
  };
}
