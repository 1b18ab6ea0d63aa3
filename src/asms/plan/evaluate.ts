/** What a plan leads to by the model, evaluated exactly: no tangent, no solver. */
import { constant, ZERO } from './affine.ts';
import { courseOf, logRateOf, riskGroups, tailExposureOf, tailLogRateOf, type Course, type RiskBound } from './dynamics.ts';
import type { LoadTerms } from '../hazard.ts';
import { DEFAULT_WEIGHTS, worthOf, type Decision, type Intervention, type PlanProblem } from './problem.ts';

export interface Outlook {
  /** Probability of a new time-loss injury within the horizon, and with every relative risk at the lower and upper end of its interval. */
  readonly injuryProbability: number;
  readonly injuryProbabilityLower: number;
  readonly injuryProbabilityUpper: number;
  /** Expected injuries of each day. */
  readonly dailyRate: readonly number[];
  /** Hazard times severity over the horizon, and over the 28 days after it that it still reaches. */
  readonly expectedDaysLost: number;
  readonly expectedDaysLostAfter: number;
  /** R at the end: the least over open injuries, 1 without one. */
  readonly recovery: number;
  /** In smallest worthwhile changes from now: mean over horizon and tail (what the objective counts), and at the end of the horizon. Null without performance. */
  readonly performanceChange: number | null;
  readonly performanceChangeAtEnd: number | null;
  readonly totalLoad: number;
  readonly cost: number;
  /** alpha J - beta P + lambda2 (1 - R) and what each dose must save (WORTH): what the plan makes small. */
  readonly objective: number;
}

/** Nothing but the planned loads. It may break limits: it is what plans are compared with. */
export const noPlan = (problem: PlanProblem): Decision => ({
  levels: problem.interventions.map(() => problem.days.map(() => 0)),
  loads: problem.days.map((day) => day.load),
});

const sumOverDoses = ({ interventions }: PlanProblem, { levels }: Decision, of: (one: Intervention) => number): number =>
  interventions.reduce((sum, one, m) => sum + of(one) * levels[m]!.reduce((a, b) => a + b, 0), 0);

/** Cost of the doses. */
export const costOf = (problem: PlanProblem, decision: Decision): number =>
  sumOverDoses(problem, decision, ({ costPerLevel }) => costPerLevel);

function courseUnder(problem: PlanProblem, decision: Decision): Course {
  const doses = problem.interventions.map((one, m) =>
    decision.levels[m]!.map((level) => constant((problem.adherence * level) / one.doseLevels)),
  );
  return courseOf(problem, decision.loads.map(constant), doses);
}

interface Burden {
  readonly dailyRate: readonly number[];
  readonly daysLost: number;
  readonly daysLostAfter: number;
}

function burdenOf(problem: PlanProblem, course: Course, bound: RiskBound): Burden {
  const baseRate = Math.exp(problem.hazard?.logDailyRate ?? -Infinity);
  const groups = riskGroups(problem, bound);
  const daily = problem.days.map(({ exposure = 1 }, d) => {
    const excess = constant(Math.max(0, course.overload[d]!.constant));
    return groups.map((group) => exposure * baseRate * Math.exp(logRateOf(problem, course, group, d, excess).constant));
  });
  const weigh = (rates: readonly number[], by: 'share' | 'severityDays'): number =>
    rates.reduce((sum, rate, g) => sum + rate * groups[g]![by], 0);
  const excessAfter = constant(Math.max(0, course.overload.at(-1)!.constant));
  const after = groups.map(
    (group) => tailExposureOf(problem) * baseRate * Math.exp(tailLogRateOf(problem, course, group, excessAfter).constant),
  );
  return {
    dailyRate: daily.map((rates) => weigh(rates, 'share')),
    daysLost: daily.reduce((sum, rates) => sum + weigh(rates, 'severityDays'), 0),
    daysLostAfter: weigh(after, 'severityDays'),
  };
}

const probability = ({ dailyRate }: Burden): number => -Math.expm1(-dailyRate.reduce((a, b) => a + b, 0));

/** 1 - R at the end: the most that is left over open injuries. */
const leftOf = (course: Course): number => Math.max(0, ...course.healing.map((states) => Math.exp(-(states.at(-1) ?? ZERO).constant)));

const objectiveFrom = (problem: PlanProblem, decision: Decision, course: Course, burden: Burden): number =>
  problem.weights.daysLost * (burden.daysLost + burden.daysLostAfter) -
  problem.weights.performance * (course.performance?.mean.constant ?? 0) +
  problem.weights.recovery * leftOf(course) +
  sumOverDoses(problem, decision, worthOf);

/** alpha J - beta P + lambda2 (1 - R) of a plan, and what its doses must save. */
export function objectiveOf(problem: PlanProblem, decision: Decision): number {
  const course = courseUnder(problem, decision);
  return objectiveFrom(problem, decision, course, burdenOf(problem, course, 'relativeRisk'));
}

/** Levels are whole, loads not negative; a checked problem. */
export function evaluate(problem: PlanProblem, decision: Decision): Outlook {
  const course = courseUnder(problem, decision);
  const burden = burdenOf(problem, course, 'relativeRisk');
  return {
    injuryProbability: probability(burden),
    injuryProbabilityLower: probability(burdenOf(problem, course, 'lower')),
    injuryProbabilityUpper: probability(burdenOf(problem, course, 'upper')),
    dailyRate: burden.dailyRate,
    expectedDaysLost: burden.daysLost,
    expectedDaysLostAfter: burden.daysLostAfter,
    recovery: 1 - leftOf(course),
    performanceChange: course.performance?.mean.constant ?? null,
    performanceChangeAtEnd: course.performance?.end.constant ?? null,
    totalLoad: decision.loads.reduce((a, b) => a + b, 0),
    cost: costOf(problem, decision),
    objective: objectiveFrom(problem, decision, course, burden),
  };
}

/** A week as it would go without a plan. */
export type Week = Pick<PlanProblem, 'days' | 'load' | 'usualDailyLoad'>;

/**
 * ln of the daily rate with which the loads of a week give this probability of a new injury in it: the daily hazard says how much the week holds, the terms
 * of load how that is spread over its days.
 * @throws RangeError unless 0 < p < 1
 */
export function logDailyRateFor(week: Week, ofLoad: LoadTerms, probability: number): number {
  if (!(probability > 0 && probability < 1))
    throw new RangeError(`a probability of an injury lies between 0 and 1, this is ${probability}`);
  const problem: PlanProblem = { ...NOTHING_DONE, ...week, hazard: { ...ofLoad, logDailyRate: 0 } };
  const { dailyRate } = burdenOf(problem, courseUnder(problem, noPlan(problem)), 'relativeRisk');
  return Math.log(-Math.log1p(-probability) / dailyRate.reduce((a, b) => a + b, 0));
}

const NOTHING_DONE: Omit<PlanProblem, keyof Week> = {
  hazard: null,
  regions: [{ code: 'any', share: 1, severityDays: 1 }],
  injuries: [],
  performance: null,
  interventions: [],
  effectsNow: {},
  adherence: 0,
  doneDaysAgo: {},
  conditions: [],
  stages: [],
  dailyLoadLimit: null,
  costBudget: null,
  loadStep: null,
  fixedDoses: [],
  fixedLoads: [],
  weights: DEFAULT_WEIGHTS,
};
