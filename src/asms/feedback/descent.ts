/** Gradient steps of eq. 35 with a length that cannot raise the loss. */
import type { Objective } from './objective.ts';
import { DESCENT } from './params.ts';

/** Parameters before and after, and the regularised loss (eq. 36) of both over the same lessons with the same weights. */
export interface Move {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly lossBefore: number;
  readonly lossAfter: number;
  readonly iterations: number;
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
/** + 0: no negative zero, which JSON would not bring back. */
const along = (theta: readonly number[], gradient: readonly number[], length: number): number[] =>
  theta.map((value, j) => value - length * gradient[j]! + 0);

/**
 * theta <- theta - s g. First s = g'g / g'Hg, the least point along g of the parabola that touches the loss there: exact for squared error. For log
 * loss it may be too long: halved until the loss falls by sufficientDecrease * s * g'g, but never below 1 / largestCurvature, at which length
 * the loss falls by at least s g'g / 2 whatever the data. Null where nothing is gained any more.
 */
function gradientStep(problem: Objective, theta: readonly number[], loss: number, gradient: readonly number[]) {
  const square = dot(gradient, gradient);
  const least = 1 / problem.largestCurvature;
  for (let length = Math.max(least, square / problem.curvature(theta, gradient)); ; length = Math.max(least, length / 2)) {
    const next = along(theta, gradient, length);
    const lower = problem.loss(next);
    if (lower < loss - DESCENT.sufficientDecrease * length * square) return { theta: next, loss: lower };
    if (!(length > least)) return null;
  }
}

/**
 * At most `iterations` gradient steps from `before`; the first `free` coordinates move, the rest stay. Deterministic: the same input gives the same
 * bits. lossAfter <= lossBefore always; without lessons nothing moves from the prior.
 */
export function descend(problem: Objective, before: readonly number[], free: number, iterations: number = DESCENT.iterations): Move {
  const lossBefore = problem.loss(before);
  let at = { theta: before, loss: lossBefore };
  let done = 0;
  for (; done < iterations; done++) {
    const gradient = problem.gradient(at.theta).map((value, j) => (j < free ? value : 0));
    if (Math.sqrt(dot(gradient, gradient)) < DESCENT.gradientTolerance) break;
    const next = gradientStep(problem, at.theta, at.loss, gradient);
    if (next === null) break;
    at = next;
  }
  return { before, after: at.theta, lossBefore, lossAfter: at.loss, iterations: done };
}
