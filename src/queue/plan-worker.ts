/** Jobs of the queues `plan` and `plan-alternatives`: plan for an athlete who is due, then price the plan. Never inside an ASMS update. */
import type { PlanAlternativesJob, PlanJob } from '../contracts/jobs.ts';

/** What the jobs need of the planning service. */
export interface PlanJobs {
  planIfDue(
    athleteId: string,
  ): Promise<
    { readonly made: 'plan'; readonly planId: string; readonly deliveryIds: readonly string[] } | { readonly made: 'refusal' | 'nothing' }
  >;
  findAlternatives(planId: string): Promise<boolean>;
}

export interface PlanWorkerOptions {
  readonly planning: PlanJobs;
  readonly onPlan: (planId: string, deliveryIds: readonly string[]) => void;
}

export interface PlanCounters {
  plans: number;
  /** Athletes who could not be planned for: no data, or limits that cannot hold together. */
  refused: number;
  /** Jobs that found nothing to do: late or repeated hints. */
  idle: number;
  priced: number;
}

/** Jobs at once: the planner's thread solves one plan at a time, the others read and write meanwhile. (chosen) */
export const PLAN_CONCURRENCY = 4;

export function createPlanWorker({ planning, onPlan }: PlanWorkerOptions) {
  const counters: PlanCounters = { plans: 0, refused: 0, idle: 0, priced: 0 };
  return {
    plan: async ({ athleteId }: PlanJob): Promise<void> => {
      const result = await planning.planIfDue(athleteId);
      if (result.made === 'plan') {
        counters.plans += 1;
        onPlan(result.planId, result.deliveryIds);
      } else if (result.made === 'refusal') counters.refused += 1;
      else counters.idle += 1;
    },
    alternatives: async ({ planId }: PlanAlternativesJob): Promise<void> => {
      if (await planning.findAlternatives(planId)) counters.priced += 1;
      else counters.idle += 1;
    },
    counters: (): Readonly<PlanCounters> => counters,
  };
}
