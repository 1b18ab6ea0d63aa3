/**
 * From a problem to a plan: build, solve, add tangent cuts at the solution, solve again, until what is known of the optimum is close enough.
 * The cuts lie below exp, so every bound the solver proves holds for the true objective too: gap and tangent error are both in `gap`.
 */
import { buildPlan, decisionOf, tangentRow, valueAt, type BuiltPlan, type ExpCell } from './build.ts';
import { checkProblem } from './check-problem.ts';
import { findConflict, type Conflict } from './conflict.ts';
import { evaluate, noPlan, objectiveOf, type Outlook } from './evaluate.ts';
import type { Decision, PlanProblem } from './problem.ts';
import { withRows, type Programme, type Row } from './programme.ts';
import type { Solver } from './solver.ts';

export interface PlanSettings {
  /** Asked of (objective - bound) / |objective|. */
  readonly relativeGap: number;
  readonly timeLimitS: number;
}

/** (chosen) One percent of the burden is far below what the effects are known to. */
export const DEFAULT_SETTINGS: PlanSettings = { relativeGap: 0.01, timeLimitS: 5 };

export interface SolveReport {
  /** (objective - bound) / |objective|: no plan is better by more than this. It holds the solver's gap and the tangent error together. */
  readonly gap: number;
  /** No plan has an objective below it. */
  readonly bound: number;
  /** True objective of the plan less the programme's value of it: what the cuts still hide at this plan. */
  readonly tangentError: number;
  /** The largest that error could have been over all plans with the first cuts. */
  readonly tangentErrorBound: number;
  readonly rounds: number;
  readonly elapsedS: number;
  /** False: time was up before the gap was reached. */
  readonly isWithinGap: boolean;
  readonly columns: number;
  readonly rows: number;
}

export interface Plan {
  readonly decision: Decision;
  readonly with: Outlook;
  /** The planned loads as they are, no intervention. */
  readonly without: Outlook;
  readonly report: SolveReport;
}

export type PlanOutcome =
  | { readonly status: 'planned'; readonly plan: Plan }
  | { readonly status: 'infeasible'; readonly conflict: Conflict }
  /** Time was up before any plan was found: give more of it, or a shorter horizon. */
  | { readonly status: 'no-answer'; readonly elapsedS: number };

/** The solver's part of the gap; what is left is for the cuts. (chosen) */
const SOLVER_SHARE = 0.6;
/** (chosen) Two or three are the rule. */
const MAXIMUM_ROUNDS = 20;
/** Two tangents closer than this say the same. */
const SAME_POINT = 1e-7;
/** An objective nearer to 0 than this (days) counts as this far: a share of nothing is never reached. (chosen) 1e-3 days are a minute and a half. */
const LEAST_OBJECTIVE = 1e-3;

export const relativeGapOf = (objective: number, bound: number): number =>
  Math.max(0, objective - bound) / Math.max(LEAST_OBJECTIVE, Math.abs(objective));

export interface SearchResult {
  readonly decision: Decision;
  readonly objective: number;
  readonly report: SolveReport;
}

export type SearchOutcome = SearchResult | { readonly status: 'infeasible' | 'no-answer'; readonly elapsedS: number };

/** The best plan of a checked problem among those that `extraRows` leave; the rows are functions of the programme that is built. */
export function search(
  problem: PlanProblem,
  solver: Solver,
  settings: PlanSettings,
  extraRows: (built: BuiltPlan) => readonly Row[] = () => [],
): SearchOutcome {
  const built = buildPlan(problem, 'plan');
  const extra = extraRows(built);
  const isFree = extra.length === 0;
  let programme: Programme = withRows(built.programme, extra);
  let best: { readonly decision: Decision; readonly objective: number; readonly tangentError: number } | null = null;
  let bound = -Infinity;
  let elapsedS = 0;
  let rounds = 0;
  let start: readonly number[] | undefined;
  const report = (): SearchOutcome => {
    if (best === null) return { status: 'no-answer', elapsedS };
    const gap = relativeGapOf(best.objective, bound);
    return {
      decision: best.decision,
      objective: best.objective,
      report: {
        gap,
        bound,
        tangentError: best.tangentError,
        tangentErrorBound: built.tangentErrorBound,
        rounds,
        elapsedS,
        isWithinGap: gap <= settings.relativeGap,
        columns: programme.cost.length,
        rows: programme.rowLower.length,
      },
    };
  };
  while (rounds < MAXIMUM_ROUNDS && elapsedS < settings.timeLimitS) {
    const solution = solver.solve(programme, {
      relativeGap: settings.relativeGap * SOLVER_SHARE,
      timeLimitS: settings.timeLimitS - elapsedS,
      ...(start === undefined ? {} : { start }),
    });
    rounds += 1;
    elapsedS += solution.elapsedS;
    if (!('x' in solution)) {
      if (solution.status === 'infeasible') return { status: 'infeasible', elapsedS };
      break;
    }
    bound = Math.max(bound, solution.bound);
    const found = decisionOf(problem, built, solution.x);
    const decision = isFree ? withoutIdleDoses(problem, found) : found;
    const objective = objectiveOf(problem, decision);
    if (best === null || objective < best.objective) best = { decision, objective, tangentError: errorAt(built.cells, solution.x) };
    if (relativeGapOf(best.objective, bound) <= settings.relativeGap) break;
    const cuts = built.cells.flatMap((cell) => cutsAt(cell, solution.x));
    if (cuts.length === 0) break;
    programme = withRows(programme, cuts);
    start = startFrom(built.cells, solution.x);
  }
  return report();
}

const largestExp = (cell: ExpCell, x: readonly number[]): number =>
  Math.max(...cell.expressions.map((expression) => Math.exp(valueAt(expression, x))));

/** How far the objective of the programme lies below the true one at x. */
const errorAt = (cells: readonly ExpCell[], x: readonly number[]): number =>
  cells.reduce((sum, cell) => sum + cell.weight * Math.max(0, largestExp(cell, x) - x[cell.column]!), 0);

/** A tangent at x for each expression that the cell's column lies below. */
const cutsAt = (cell: ExpCell, x: readonly number[]): readonly Row[] =>
  cell.expressions
    .filter((expression) => Math.exp(valueAt(expression, x)) - x[cell.column]! > SAME_POINT)
    .map((expression) => tangentRow(cell.column, expression, valueAt(expression, x)));

/** x again, with every exp at its true value: feasible whatever cuts were added. */
function startFrom(cells: readonly ExpCell[], x: readonly number[]): readonly number[] {
  const start = [...x];
  for (const cell of cells) start[cell.column] = Math.max(x[cell.column]!, largestExp(cell, x));
  return start;
}

/**
 * The plan without doses that do not earn their place: within the gap the solver may leave some. Taking a session away keeps every limit but a fixed choice.
 * From the last day back, each dose is lowered a step where the objective does not rise.
 */
function withoutIdleDoses(problem: PlanProblem, decision: Decision): Decision {
  let current = decision;
  let objective = objectiveOf(problem, current);
  const isFixed = (m: number, d: number): boolean =>
    problem.fixedDoses.some((fixed) => fixed.day === d && fixed.interventionId === problem.interventions[m]!.id);
  for (let d = problem.days.length - 1; d >= 0; d -= 1) {
    problem.interventions.forEach((one, m) => {
      const isIdleChange = one.action === 'load-change' && current.loads[d] === problem.days[d]!.load;
      if (isFixed(m, d) || (one.action !== 'session' && !isIdleChange)) return;
      while (current.levels[m]![d]! > 0) {
        const lowered = withLevel(current, m, d, current.levels[m]![d]! - 1);
        const without = objectiveOf(problem, lowered);
        if (without > objective) return;
        [current, objective] = [lowered, without];
      }
    });
  }
  return current;
}

const withLevel = (decision: Decision, m: number, d: number, level: number): Decision => ({
  ...decision,
  levels: decision.levels.map((days, i) => (i === m ? days.map((old, j) => (j === d ? level : old)) : days)),
});

/**
 * Plans the horizon. The same problem gives the same plan, unless the time limit cut the search short (`isWithinGap` false).
 * @throws PlanRefused for a problem that contradicts itself
 */
export function solvePlan(problem: PlanProblem, solver: Solver, settings: PlanSettings = DEFAULT_SETTINGS): PlanOutcome {
  checkProblem(problem);
  const found = search(problem, solver, settings);
  if ('decision' in found) return { status: 'planned', plan: planOf(problem, found) };
  if (found.status === 'no-answer') return { status: 'no-answer', elapsedS: found.elapsedS };
  return { status: 'infeasible', conflict: findConflict(problem, solver, settings.timeLimitS) };
}

export const planOf = (problem: PlanProblem, { decision, report }: SearchResult): Plan => ({
  decision,
  with: evaluate(problem, decision),
  without: evaluate(problem, noPlan(problem)),
  report,
});
