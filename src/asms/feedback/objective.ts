/**
 * The regularised feedback loss (eq. 33, 34, 36) of one athlete and target, its gradient and its curvature:
 *   L(theta) = (1/N) [ v sum w_i l(offset_i + x_i . theta, label_i) + sum_j lambda_j (theta_j - prior_j)^2 ]
 * l: squared error (performance) or log loss (injury). v = lessonWeight, w of eq. 34. lambda over N: the population weighs as much as lambda
 * lessons however many there are, so that data win in the end. Convex, strictly where lambda > 0.
 */
import type { Lesson } from './lessons.ts';
import { ERROR_CAP, type FeedbackTarget, type TargetKind } from './params.ts';

/** theta is one number for each x. */
export const linear = (lesson: Pick<Lesson, 'x' | 'offset'>, theta: readonly number[]): number =>
  lesson.x.reduce((sum, value, j) => sum + value * theta[j]!, lesson.offset);

export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** log(1 + exp(eta)) - label * eta, without overflow. */
export const logLoss = (eta: number, label: number): number => Math.max(eta, 0) + Math.log1p(Math.exp(-Math.abs(eta))) - label * eta;

/** The loss of one forecast, unweighted: what the guard compares. */
export const lossOf = (kind: TargetKind, eta: number, label: number): number =>
  kind === 'performance' ? (eta - label) ** 2 : logLoss(eta, label);

/**
 * Weights of eq. 34, from the errors at theta: w_i = 1 + kappa (r_i - mean r), r_i = min(|e_i| / mean|e|, cap) / cap. Larger errors weigh more;
 * by construction the mean is one and every weight lies within kappa of it. All one where kappa or all errors are 0.
 */
export function errorWeights(errors: readonly number[], kappa: number): number[] {
  const meanError = errors.reduce((sum, error) => sum + Math.abs(error), 0) / errors.length;
  if (kappa === 0 || !(meanError > 0)) return errors.map(() => 1);
  const ranks = errors.map((error) => Math.min(Math.abs(error) / meanError, ERROR_CAP) / ERROR_CAP);
  const middle = ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length;
  return ranks.map((rank) => 1 + kappa * (rank - middle));
}

export interface Objective {
  loss(theta: readonly number[]): number;
  gradient(theta: readonly number[]): number[];
  /** d' H d, H the Hessian at theta. */
  curvature(theta: readonly number[], direction: readonly number[]): number;
  /** No eigenvalue of the Hessian, anywhere, is above this: its trace with l'' at its greatest (2, or 1/4 for log loss). */
  readonly largestCurvature: number;
}

const errorOf = (kind: TargetKind, eta: number, label: number): number => (kind === 'performance' ? eta - label : sigmoid(eta) - label);

/** l' and l'' by eta. */
const slopeOf = (kind: TargetKind, eta: number, label: number): number => errorOf(kind, eta, label) * (kind === 'performance' ? 2 : 1);
const bendOf = (kind: TargetKind, eta: number): number => (kind === 'performance' ? 2 : sigmoid(eta) * sigmoid(-eta));

/** Inputs of all lessons in one block, row by row: the loops below run over it millions of times in a season's replay. */
function pack(lessons: readonly Lesson[], width: number): Float64Array {
  const block = new Float64Array(lessons.length * width);
  lessons.forEach(({ x }, i) => block.set(x, i * width));
  return block;
}

/** The weights of eq. 34 are those of the errors at `weightsAt` and stay so: within one step the loss is one function. */
export function objective(target: FeedbackTarget, lessons: readonly Lesson[], weightsAt: readonly number[]): Objective {
  const { kind, prior, lambda } = target;
  const width = prior.length;
  const count = Math.max(1, lessons.length);
  const block = pack(lessons, width);
  /** x_i . theta, without the offset. */
  const product = (i: number, theta: readonly number[]): number => {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += block[i * width + j]! * theta[j]!;
    return sum;
  };
  const etaOf = (i: number, theta: readonly number[]): number => lessons[i]!.offset + product(i, theta);
  const errors = lessons.map(({ label }, i) => errorOf(kind, etaOf(i, weightsAt), label));
  const weights = errorWeights(errors, target.errorWeight).map((weight) => (weight * target.lessonWeight) / count);
  const pull = lambda.map((value) => value / count);
  const greatestBend = kind === 'performance' ? 2 : 0.25;
  const squares = lessons.reduce((sum, { x }, i) => sum + weights[i]! * product(i, x), 0);
  return {
    loss(theta) {
      const data = lessons.reduce((sum, { label }, i) => sum + weights[i]! * lossOf(kind, etaOf(i, theta), label), 0);
      return pull.reduce((sum, value, j) => sum + value * (theta[j]! - prior[j]!) ** 2, data);
    },
    gradient(theta) {
      const gradient = pull.map((value, j) => 2 * value * (theta[j]! - prior[j]!));
      lessons.forEach(({ label }, i) => {
        const slope = weights[i]! * slopeOf(kind, etaOf(i, theta), label);
        for (let j = 0; j < width; j++) gradient[j]! += slope * block[i * width + j]!;
      });
      return gradient;
    },
    curvature(theta, direction) {
      const data = lessons.reduce((sum, _, i) => sum + weights[i]! * bendOf(kind, etaOf(i, theta)) * product(i, direction) ** 2, 0);
      return pull.reduce((sum, value, j) => sum + 2 * value * direction[j]! ** 2, data);
    },
    largestCurvature: 2 * Math.max(...pull) + greatestBend * squares,
  };
}
