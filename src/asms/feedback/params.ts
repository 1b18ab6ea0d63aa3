/**
 * Constants of the feedback (eq. 33 to 36), named and versioned (PROVENANCE), and the two things it learns: how an athlete's performance reads
 * from F_attn, and how the hazard reads for this athlete. docs/feedback.md says why each is as it is.
 */

/** A change of any constant or formula of this folder is a change of this version; stored steps then come again by replay. */
export const FEEDBACK_VERSION = 'feedback-1.0.0';

export type TargetKind = 'performance' | 'injury';

/**
 * What a personal parameter vector theta does: eta = offset + x . theta. Coordinate 0 is the intercept, x[0] = 1.
 * performance: eta is the session's performance in smallest worthwhile changes, judged by squared error.
 * injury: eta is the hazard's log-odds, judged by log loss.
 */
export interface FeedbackTarget {
  readonly kind: TargetKind;
  /** The population's parameters and where they come from: a new version asks for a replay from the first outcome. */
  readonly populationVersion: string;
  /** theta of the population: where everybody starts and is shrunk to. */
  readonly prior: readonly number[];
  /** lambda of eq. 36 for each coordinate, in lessons: so many lessons weigh as much as the population does. */
  readonly lambda: readonly number[];
  /** What one lesson counts: 1, or less where several lessons tell of the same days. */
  readonly lessonWeight: number;
  /** kappa of eq. 34: weights lie between 1 - kappa and 1 + kappa with mean one. 0 = no weighting. */
  readonly errorWeight: number;
  /** At most this many lessons, the newest, are learned from (BOUNDED). */
  readonly maximumLessons: number;
}

/** eq. 34, performance. (chosen) a miss four times the mean counts three times what a hit does: 1.5 against 0.5 */
const ERROR_WEIGHT = 0.5;
/** Errors beyond this multiple of the mean error weigh no more. (chosen) */
export const ERROR_CAP = 4;

/**
 * lambda of the intercept in sessions: noise variance over the variance of athletes' levels. Between athletes the SD is 5 smallest worthwhile
 * changes (SWC = 0.2 SD, science.md); (chosen) a session's noise of 2 of them: (2/5)^2.
 */
const LEVEL_LAMBDA = 0.16;
/** (chosen) An athlete's own way from F_attn to performance explains at most a quarter as much as a session's noise. */
const OWN_SLOPE_SHARE = 0.25;
const PERFORMANCE_LESSONS = 200; // (chosen) about a year of sessions

/** (chosen) A priori SD of an athlete's intercept: the simulated season's frailty has 0.4; shrunk harder than that. */
const INTERCEPT_SD = 0.3;
/** (chosen) A priori SD of the logit scale about 1. */
const SCALE_SD = 0.15;
const HORIZON_DAYS = 7;
const INJURY_LESSONS = 730; // (chosen) two years of days

/** The population's way from a session's pooled F_attn to one metric, in smallest worthwhile changes above the metric's reference. */
export interface PopulationHead {
  readonly version: string;
  readonly metric: string;
  /** Of pooled F_attn over the squad's sessions, a number a feature. */
  readonly location: readonly number[];
  readonly scale: readonly number[];
  readonly intercept: number;
  /** For (F_attn - location) / scale. */
  readonly weights: readonly number[];
}

/** The weights share their lambda, width / OWN_SLOPE_SHARE: so the prior says the same for any width of F_attn. */
export function performanceTarget(head: PopulationHead): FeedbackTarget {
  const width = head.weights.length;
  return {
    kind: 'performance',
    populationVersion: head.version,
    prior: [head.intercept, ...head.weights],
    lambda: [LEVEL_LAMBDA, ...head.weights.map(() => width / OWN_SLOPE_SHARE)],
    lessonWeight: 1,
    errorWeight: ERROR_WEIGHT,
    maximumLessons: PERFORMANCE_LESSONS,
  };
}

/** The hazard model that an athlete's intercept and scale correct. */
export interface HazardReference {
  readonly version: string;
  /** The squad's usual log-odds: the scale turns about it, so that intercept and scale are nearly independent. */
  readonly centreLogit: number;
  /** Days from one forecast to the next: 1, or 7 for weekly landmark days. Horizons that overlap tell of one injury several times. */
  readonly strideDays: number;
}

/** theta = (intercept, scale), (0, 1) for the population; log loss, so lambda = 1 / (2 SD^2). Unweighted: weighting harms calibration†. */
export function injuryTarget({ version, strideDays }: HazardReference): FeedbackTarget {
  return {
    kind: 'injury',
    populationVersion: version,
    prior: [0, 1],
    lambda: [1 / (2 * INTERCEPT_SD ** 2), 1 / (2 * SCALE_SD ** 2)],
    lessonWeight: Math.min(1, strideDays / HORIZON_DAYS),
    errorWeight: 0,
    maximumLessons: INJURY_LESSONS,
  };
}

/** The line search of eq. 35. */
export const DESCENT = {
  /** Gradient steps an outcome. (chosen) */
  iterations: 25,
  /** Ends where the gradient's length is below this: SWC or log-odds a lesson, far below any noise. (chosen) */
  gradientTolerance: 1e-6,
  /** Armijo's constant (Nocedal and Wright 2006†). */
  sufficientDecrease: 1e-4,
} as const;

/** The guard's rule, a kind: science.md asks for a judgement over the squad, the numbers are chosen. */
export interface GuardRule {
  /** One-sided level of the lower bound of the mean gain. */
  readonly level: 0.05;
  readonly minimumAthletes: number;
  readonly minimumOutcomes: number;
  /** Injuries (days that came true, each injury once) there must be among the outcomes. */
  readonly minimumEvents: number;
}

export const GUARD: Readonly<Record<TargetKind, GuardRule>> = {
  performance: { level: 0.05, minimumAthletes: 8, minimumOutcomes: 100, minimumEvents: 0 },
  injury: { level: 0.05, minimumAthletes: 8, minimumOutcomes: 100, minimumEvents: 10 },
};
