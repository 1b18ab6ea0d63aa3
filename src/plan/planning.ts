/** Plans as they are served: from facts to a stored proposal, what-if, decisions, and the prices that follow. */
import type { Alternatives } from '../asms/plan/alternatives.ts';
import { adherenceOf, plannedDoses, type Adherence } from '../asms/plan/carried-out.ts';
import type { DayDose } from '../asms/plan/facts.ts';
import { assemblePlan, planDays, type AssembledPlan, type PlanAsk } from '../asms/plan/assemble.ts';
import { changedProblem, type PlanChange } from '../asms/plan/change-plan.ts';
import { describePlan } from '../asms/plan/describe-plan.ts';
import { conflictInWords } from '../asms/plan/limits-in-words.ts';
import type { PlanProblem } from '../asms/plan/problem.ts';
import type { Plan } from '../asms/plan/solve-plan.ts';
import { teamDayOf } from '../asms/team-days.ts';
import { KinewatchError } from '../contracts/errors.ts';
import { PlanInfeasible } from './infeasible.ts';
import type { Planner } from './planner.ts';
import type { PlanDecision, PlanStore, PlanTrigger, StoredPlan } from './ports.ts';

export interface SolvedPlan extends AssembledPlan {
  readonly days: readonly string[];
  readonly plan: Plan;
}

export type JobResult =
  { readonly made: 'plan'; readonly planId: string; readonly deliveryIds: readonly string[] } | { readonly made: 'refusal' | 'nothing' };

export interface Planning {
  /**
   * A plan now, stored as a proposal. Null: no such athlete.
   * @throws PlanRefused (what is missing), PlanInfeasible, KinewatchError `plan-no-answer`, or the planner's (planner-busy and the like)
   */
  planNow(
    team: string | null,
    athleteId: string,
    ask?: PlanAsk,
  ): Promise<{ readonly planId: string; readonly deliveryIds: readonly string[] } | null>;
  /** The same without storing anything. Errors as there. */
  whatIf(team: string | null, athleteId: string, ask: PlanAsk): Promise<SolvedPlan | null>;
  /**
   * Null: no such plan. A changed plan is evaluated again under the limits it was made for.
   * @throws KinewatchError `already-decided`, `plan-over`; PlanRefused, PlanInfeasible and the planner's for a change
   */
  decide(
    team: string | null,
    athleteId: string,
    planId: string,
    decision: { readonly status: PlanDecision; readonly by: string; readonly reason: string | null; readonly change: PlanChange | null },
  ): Promise<StoredPlan | null>;
  /** What accepted plans asked for in the last 90 days, what was reported, and the adherence. Null: no such athlete. */
  doses(
    team: string | null,
    athleteId: string,
  ): Promise<{ readonly planned: readonly DayDose[]; readonly done: readonly DayDose[]; readonly adherence: Adherence } | null>;
  /** One job: plans where a plan is due. What cannot be planned is noted and tried again later. @throws planner-busy and planner-closed */
  planIfDue(athleteId: string): Promise<JobResult>;
  /** One job: prices and runner-up of a plan. False: they are there, or nothing needs them. */
  findAlternatives(planId: string): Promise<boolean>;
}

export interface PlanningOptions {
  readonly store: PlanStore;
  readonly planner: Pick<Planner, 'plan' | 'alternatives'>;
  readonly nowMs?: () => number;
}

/** What has nothing to do with the athlete: the sweep finds them again. Anything else would come back at every sweep, and is tried a day later. */
const AGAIN_SOON: ReadonlySet<string> = new Set(['planner-busy', 'planner-closed']);

export const daysOf = ({ sources, problem }: AssembledPlan): readonly string[] => planDays(sources.firstDay, problem.days.length);

export function createPlanning({ store, planner, nowMs = Date.now }: PlanningOptions): Planning {
  /** @throws PlanInfeasible, KinewatchError `plan-no-answer` */
  const solve = async (problem: PlanProblem, days: readonly string[], loadUnit: string): Promise<Plan> => {
    const outcome = await planner.plan(problem);
    if (outcome.status === 'planned') return outcome.plan;
    if (outcome.status === 'no-answer')
      throw new KinewatchError('plan-no-answer', 'Time was up before any plan was found: ask for a shorter horizon', { retry: true });
    const { limits, isSmallest } = outcome.conflict;
    throw new PlanInfeasible(isSmallest, (isMedical) => conflictInWords(limits, isSmallest, { problem, days, loadUnit, isMedical }));
  };
  const solved = async (assembled: AssembledPlan): Promise<SolvedPlan> => {
    const days = daysOf(assembled);
    return { ...assembled, days, plan: await solve(assembled.problem, days, assembled.sources.loadUnit) };
  };
  type Known = NonNullable<Awaited<ReturnType<PlanStore['facts']>>>;
  const make = async ({ facts, seen }: Known, trigger: PlanTrigger, ask: PlanAsk) => {
    const made = await solved(assemblePlan(facts, nowMs(), ask));
    return store.save({ ...made, facts, seen, trigger, text: describePlan({ ...made, alternatives: 'to-follow' }), at: new Date(nowMs()) });
  };

  return {
    async planNow(team, athleteId, ask = {}) {
      const known = await store.facts(team, athleteId, new Date(nowMs()));
      return known === null ? null : make(known, 'staff', ask);
    },
    async whatIf(team, athleteId, ask) {
      const known = await store.facts(team, athleteId, new Date(nowMs()));
      return known === null ? null : solved(assemblePlan(known.facts, nowMs(), ask));
    },
    async decide(team, athleteId, planId, { status, by, reason, change }) {
      const stored = await store.get(team, athleteId, planId);
      if (stored === null) return null;
      const days = daysOf(stored);
      if (stored.status !== 'proposed') throw new KinewatchError('already-decided', `The plan was ${stored.status} before`);
      const today = teamDayOf(nowMs(), stored.timeZone);
      if ((days.at(-1) ?? today) < today) throw new KinewatchError('plan-over', `The plan ended on ${days.at(-1)}: ask for a new one`);
      const changed =
        change === null
          ? null
          : await solve(changedProblem(stored.problem, days, stored.plan.decision, change), days, stored.sources.loadUnit);
      if (!(await store.decide(planId, { status, by, reason, changed, at: new Date(nowMs()) })))
        throw new KinewatchError('already-decided', 'The plan was decided before, at the same moment');
      return store.get(team, athleteId, planId);
    },
    async doses(team, athleteId) {
      const known = await store.facts(team, athleteId, new Date(nowMs()));
      if (known === null) return null;
      const { accepted, done, timeZone } = known.facts;
      return { planned: plannedDoses(accepted), done, adherence: adherenceOf(accepted, done, teamDayOf(nowMs(), timeZone)) };
    },
    async planIfDue(athleteId) {
      const at = new Date(nowMs());
      const trigger = await store.dueFor(athleteId, at);
      if (trigger === null) return { made: 'nothing' };
      const known = await store.facts(null, athleteId, at);
      if (known === null) return { made: 'nothing' };
      try {
        return { made: 'plan', ...(await make(known, trigger, {})) };
      } catch (error) {
        if (!(error instanceof KinewatchError) || AGAIN_SOON.has(error.code)) throw error;
        await store.refuse({ athleteId, seen: known.seen, trigger, at, refusal: { code: error.code, message: error.message } });
        return { made: 'refusal' };
      }
    },
    async findAlternatives(planId) {
      const stored = await store.takeForAlternatives(planId);
      if (stored === null) return false;
      const { problem, sources, plan } = stored;
      const alternatives: Alternatives = await planner.alternatives(problem, plan);
      await store.saveAlternatives(planId, alternatives, describePlan({ problem, sources, plan, alternatives, days: daysOf(stored) }));
      return true;
    },
  };
}
