/**
 * The planner as the service uses it. Plans and alternatives have a worker thread each: prices and runner-up take seconds, and no plan waits for them.
 * A problem that contradicts itself is refused here, before it is queued.
 */
import { CLOSE_SETTINGS, type Alternatives } from '../asms/plan/alternatives.ts';
import { checkProblem } from '../asms/plan/check-problem.ts';
import type { PlanProblem } from '../asms/plan/problem.ts';
import { DEFAULT_SETTINGS, type Plan, type PlanOutcome, type PlanSettings } from '../asms/plan/solve-plan.ts';
import { createLane } from './lane.ts';

export interface Planner {
  /** @throws PlanRefused, or KinewatchError with planner-busy, planner-died, planner-timeout, planner-closed, plan-solver */
  plan(problem: PlanProblem, settings?: PlanSettings): Promise<PlanOutcome>;
  /** Prices of the binding limits and the runner-up of a plan that `plan` gave for this problem. Errors as there. */
  alternatives(problem: PlanProblem, given: Plan, settings?: PlanSettings): Promise<Alternatives>;
  /** Tasks that wait, both lanes. */
  readonly waiting: number;
  /** Stops both threads; what waits is refused with planner-closed. */
  close(): Promise<void>;
}

/** (chosen) A squad of 30 and as many what-ifs. */
const MAXIMUM_WAITING = 64;
/** Time beyond the solver's own limit: start of the thread, building, the conflict of an infeasible problem (as long again). */
const GRACE_MS = 10_000;
/** Solves of one call of alternatives, at most about: runner-up, the plan again, and a price for each limit. (chosen) */
const ALTERNATIVE_SOLVES = 30;

/** The compiled worker: beside this file in dist; from a source run (tests) the build's. */
const workerUrl = (): URL =>
  import.meta.url.endsWith('.ts')
    ? new URL('../../dist/src/plan/highs-worker.js', import.meta.url)
    : new URL('./highs-worker.js', import.meta.url);

export function createPlanner(options: { readonly maximumWaiting?: number; readonly workerUrl?: URL } = {}): Planner {
  const lane = (name: string) =>
    createLane({ name, workerUrl: options.workerUrl ?? workerUrl(), maximumWaiting: options.maximumWaiting ?? MAXIMUM_WAITING });
  const plans = lane('planner');
  const alternatives = lane('planner alternatives');
  return {
    plan: async (problem, settings = DEFAULT_SETTINGS) => {
      checkProblem(problem);
      return (await plans.run({ kind: 'plan', problem, settings }, settings.timeLimitS * 2000 + GRACE_MS)) as PlanOutcome;
    },
    alternatives: async (problem, given, settings = CLOSE_SETTINGS) => {
      checkProblem(problem);
      const limitMs = settings.timeLimitS * 1000 * ALTERNATIVE_SOLVES + GRACE_MS;
      return (await alternatives.run({ kind: 'alternatives', problem, given, settings }, limitMs)) as Alternatives;
    },
    get waiting() {
      return plans.waiting + alternatives.waiting;
    },
    close: async () => {
      await Promise.all([plans.close(), alternatives.close()]);
    },
  };
}
