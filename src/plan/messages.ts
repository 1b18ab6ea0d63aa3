/** What the planner and its worker thread tell each other. */
import type { Alternatives } from '../asms/plan/alternatives.ts';
import type { PlanProblem } from '../asms/plan/problem.ts';
import type { Plan, PlanOutcome, PlanSettings } from '../asms/plan/solve-plan.ts';

export type PlannerTask =
  | { readonly kind: 'plan'; readonly problem: PlanProblem; readonly settings: PlanSettings }
  | { readonly kind: 'alternatives'; readonly problem: PlanProblem; readonly given: Plan; readonly settings: PlanSettings };

export interface ToPlannerWorker {
  readonly task: number;
  readonly asked: PlannerTask;
}

export type FromPlannerWorker = { readonly task: number } & (
  { readonly result: PlanOutcome | Alternatives } | { readonly fault: { readonly code: string; readonly message: string } }
);
