/** The second step, after the plan is out: what each binding limit costs, and the next best plan. Each is another solve, so it may take seconds. */
import { combine, column, constant, type Affine } from './affine.ts';
import type { BuiltPlan } from './build.ts';
import { checkProblem } from './check-problem.ts';
import { costOf } from './evaluate.ts';
import { LIMITS } from './limits.ts';
import type { Decision, PlanProblem } from './problem.ts';
import type { Row } from './programme.ts';
import { planOf, search, type Plan, type PlanSettings, type SearchResult } from './solve-plan.ts';
import type { Solver } from './solver.ts';

export interface LimitPrice {
  /** Name of the limit (LIMITS in limits.ts). */
  readonly limit: string;
  /** What it was moved by, outwards, in its own unit. */
  readonly movedBy: number;
  /** Fall of the objective: never negative, since the plan stays possible. */
  readonly price: number;
  /** The price lies within this of the true one: the solver's gaps and the cuts' errors of both solves. */
  readonly error: number;
}

export interface Alternatives {
  /** The plan solved more closely: the one that was given out, or a better one that it was within its gap of. */
  readonly plan: Plan;
  /** The best plan with other sessions or rest days; null where there is no other. */
  readonly runnerUp: Plan | null;
  readonly prices: readonly LimitPrice[];
}

/** (chosen) A price is a difference of two objectives: they are solved far closer than the plan. */
export const CLOSE_SETTINGS: PlanSettings = { relativeGap: 0.001, timeLimitS: 5 };

/** A load limit moves by a step of the loads, or by a tenth of the usual daily load: one unit of load is less than the solver resolves. (chosen) */
export const loadUnitOf = (problem: PlanProblem): number => problem.loadStep ?? problem.usualDailyLoad / 10;

interface Move {
  readonly limit: string;
  readonly movedBy: number;
  readonly isBinding: (decision: Decision) => boolean;
  readonly moved: PlanProblem;
}

const TOUCHES = 1e-6;

/** Every limit that is a number, with the problem in which it lies one unit further out. */
function moves(problem: PlanProblem): readonly Move[] {
  const unit = loadUnitOf(problem);
  const list: Move[] = [];
  const { costBudget, dailyLoadLimit } = problem;
  const reachesAt = (ceiling: number, first: number, last: number) => (decision: Decision) =>
    decision.loads.slice(first, last + 1).some((load) => load >= ceiling - TOUCHES);
  if (costBudget !== null) {
    const cheapest = Math.min(...problem.interventions.map((one) => one.costPerLevel).filter((cost) => cost > 0));
    list.push({
      limit: LIMITS.cost,
      movedBy: 1,
      // Costs come in lumps: the budget binds where what is left buys nothing more.
      isBinding: (decision) => costBudget - costOf(problem, decision) < cheapest,
      moved: { ...problem, costBudget: costBudget + 1 },
    });
  }
  if (dailyLoadLimit !== null)
    list.push({
      limit: LIMITS.dailyLoad,
      movedBy: unit,
      isBinding: reachesAt(dailyLoadLimit, 0, problem.days.length - 1),
      moved: { ...problem, dailyLoadLimit: dailyLoadLimit + unit },
    });
  for (const stage of problem.stages) {
    const ceiling = stage.loadCeiling;
    if (ceiling === null) continue;
    list.push({
      limit: LIMITS.stageCeiling(stage.name),
      movedBy: unit,
      isBinding: reachesAt(ceiling, stage.firstDay, stage.lastDay),
      moved: { ...problem, stages: problem.stages.map((one) => (one === stage ? { ...one, loadCeiling: ceiling + unit } : one)) },
    });
  }
  problem.interventions.forEach((one, m) => {
    if (one.maximumDaysAWeek >= 7) return;
    list.push({
      limit: LIMITS.weekly(one.id),
      movedBy: 1,
      isBinding: (decision) => busiestWeek(problem, one.id, decision.levels[m]!) >= one.maximumDaysAWeek,
      moved: {
        ...problem,
        interventions: problem.interventions.map((other) =>
          other === one ? { ...other, maximumDaysAWeek: other.maximumDaysAWeek + 1 } : other,
        ),
      },
    });
  });
  problem.days.forEach((day, d) => {
    list.push({
      limit: LIMITS.allowedLoad(d),
      movedBy: unit,
      isBinding: ({ loads }) => loads[d] !== day.load && (loads[d]! <= day.minimumLoad + TOUCHES || loads[d]! >= day.maximumLoad - TOUCHES),
      moved: {
        ...problem,
        days: problem.days.map((other) =>
          other === day ? { ...day, minimumLoad: Math.max(0, day.minimumLoad - unit), maximumLoad: day.maximumLoad + unit } : other,
        ),
      },
    });
  });
  return list;
}

/** Most days with it in any 7 in a row, history counted. */
function busiestWeek({ doneDaysAgo }: PlanProblem, id: string, levels: readonly number[]): number {
  const done = [
    ...Array.from({ length: 6 }, (_, i) => ((doneDaysAgo[id] ?? []).includes(6 - i) ? 1 : 0)),
    ...levels.map((level) => (level > 0 ? 1 : 0)),
  ];
  return Math.max(...levels.map((_, d) => done.slice(d, d + 7).reduce<number>((sum, one) => sum + one, 0)));
}

/** The no-good cut: at least one step of a session or a rest day is other than in `decision`. Loads alone do not make another plan. */
function otherThan(problem: PlanProblem, decision: Decision): (built: BuiltPlan) => readonly Row[] {
  return ({ choices }) => {
    const parts: (readonly [number, Affine])[] = [];
    choices.steps.forEach((days, m) => {
      if (problem.interventions[m]!.action === 'load-change') return;
      days.forEach((steps, d) => {
        steps.forEach((index, step) => {
          const isTaken = step < decision.levels[m]![d]!;
          parts.push(isTaken ? [1, constant(1)] : [1, column(index)]);
          if (isTaken) parts.push([-1, column(index)]);
        });
      });
    });
    return [{ expression: combine(parts), lower: 1, upper: Infinity, group: 'other-plan' }];
  };
}

const better = (a: SearchResult, b: SearchResult): SearchResult => (b.objective < a.objective ? b : a);

/**
 * Prices and runner-up of a plan that was given out for the problem. Every solve takes at most the settings' time.
 * @throws PlanRefused for a problem that contradicts itself
 */
export function findAlternatives(problem: PlanProblem, given: Plan, solver: Solver, settings: PlanSettings = CLOSE_SETTINGS): Alternatives {
  checkProblem(problem);
  const before: SearchResult = { decision: given.decision, objective: given.with.objective, report: given.report };
  const closer = search(problem, solver, settings);
  const first = 'decision' in closer ? closest(before, closer) : before;
  const other = search(problem, solver, settings, otherThan(problem, first.decision));
  // Only where time ran out can the runner-up be the better one: then the two change places.
  const [best, second] = 'decision' in other ? (other.objective < first.objective ? [other, first] : [first, other]) : [first, null];
  const prices = moves(problem)
    .filter((move) => move.isBinding(best.decision))
    .flatMap((move) => {
      const found = search(move.moved, solver, settings);
      if (!('decision' in found)) return [];
      const errorOf = ({ objective, report }: SearchResult): number => Math.max(0, objective - report.bound);
      const moved = better({ ...found, decision: best.decision, objective: best.objective }, found);
      return [
        {
          limit: move.limit,
          movedBy: move.movedBy,
          price: best.objective - moved.objective,
          error: errorOf(best) + Math.max(0, moved.objective - found.report.bound),
        },
      ];
    });
  return { plan: planOf(problem, best), runnerUp: second === null ? null : planOf(problem, second), prices };
}

/** The better plan, with the higher of the two bounds. */
function closest(a: SearchResult, b: SearchResult): SearchResult {
  const one = better(a, b);
  const bound = Math.max(a.report.bound, b.report.bound);
  return { ...one, report: { ...b.report, bound } };
}
