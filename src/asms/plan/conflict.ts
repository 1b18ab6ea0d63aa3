/** Why there is no plan: a smallest set of limits that cannot hold together, by a deletion filter over their names. */
import { buildPlan } from './build.ts';
import type { PlanProblem } from './problem.ts';
import { withoutGroups } from './programme.ts';
import type { Solver } from './solver.ts';

export interface Conflict {
  /** Names of limits (LIMITS in limits.ts): together they leave no plan, and without any one of them there is one. */
  readonly limits: readonly string[];
  /** False: time ran out, and not every one of them is needed for the conflict. */
  readonly isSmallest: boolean;
}

/** Takes each limit away in turn: where there is still no plan it is not needed and stays away. `problem` is checked and infeasible. */
export function findConflict(problem: PlanProblem, solver: Solver, timeLimitS: number): Conflict {
  const { programme } = buildPlan(problem, 'feasibility');
  let leftS = timeLimitS;
  const isInfeasible = (dropped: ReadonlySet<string>): boolean => {
    const { status, elapsedS } = solver.solve(withoutGroups(programme, dropped), { relativeGap: 1, timeLimitS: Math.max(0.01, leftS) });
    leftS -= elapsedS;
    return status === 'infeasible';
  };
  const names = [...new Set(programme.rowGroup.filter((name) => name !== null))];
  const dropped = new Set<string>();
  let isSmallest = true;
  for (const name of names) {
    if (leftS <= 0) {
      isSmallest = false;
      break;
    }
    if (isInfeasible(new Set([...dropped, name]))) dropped.add(name);
  }
  return { limits: names.filter((name) => !dropped.has(name)), isSmallest };
}
