/** The planner's port to a solver of mixed-integer linear programmes. */
import type { Programme } from './programme.ts';

export interface SolveOptions {
  /** Stop when (objective - bound) / |objective| is at most this. */
  readonly relativeGap: number;
  readonly timeLimitS: number;
  /** A feasible point to start from, one value a column. */
  readonly start?: readonly number[];
}

export type Solution =
  | {
      /** `time-limit`: the best found when time was up. */
      readonly status: 'optimal' | 'time-limit';
      readonly x: readonly number[];
      readonly objective: number;
      /** No feasible point is below this. */
      readonly bound: number;
      readonly elapsedS: number;
    }
  /** `no-answer`: time was up before a feasible point was found. */
  | { readonly status: 'infeasible' | 'no-answer'; readonly elapsedS: number };

/**
 * Solves in place and returns when it is done: call it where nothing else waits. The same programme and options give the same answer, unless time
 * ran out. An unbounded programme or a fault of the solver is thrown.
 */
export interface Solver {
  readonly name: string;
  solve(programme: Programme, options: SolveOptions): Solution;
}
