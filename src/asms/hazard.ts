/**
 * The hazard: probability of a new time-loss injury in the next 7 days, a figure an athlete and day (science.md, "What is predicted, and when").
 * A discrete-time survival model, linear in the log-odds: eta = eta_BINN (a linear map of the day's pooled F_attn, against the athlete's earlier sessions) +
 * load, heart-rate variability, history and context. models/hazard.json is its contract, written by models/binn/hazard.py. Pure: (model, features) -> probability with interval, or the reason why there is none.
 */

export interface HazardFeature {
  /** A name of HazardInput.values, or movementChange or movementAboveLowest (group binn). */
  readonly name: string;
  readonly unit: string;
  /** The term is one of these parts of eta. */
  readonly group: 'binn' | 'load' | 'hrv' | 'history' | 'context';
  readonly location: number;
  readonly scale: number;
  readonly coefficient: number;
}

/** What a session's pooled F_attn shows of an athlete's severity, on a scale without a zero: weights . (F - location). */
export interface Movement {
  readonly location: readonly number[];
  readonly weights: readonly number[];
  /** Sessions that the population's mean counts for in the athlete's usual movement. */
  readonly prior: number;
}

/**
 * What more load does to a day's rate, all ways taken together, for the planner: log-odds for a relative fatigue of 1, and for a 7-day mean one usual
 * daily load above the 28-day mean. Fitted without what load works through (heart-rate variability, movement), so these are no terms of the daily hazard.
 */
export interface LoadTerms {
  readonly fatigue: number;
  readonly loadExcess: number;
}

export interface HazardModel {
  readonly format: 2;
  readonly name: 'binn-hazard';
  readonly version: string;
  /** SHA-256 of the graph whose F_attn it reads: with another graph its numbers mean nothing. */
  readonly binnSha256: string;
  readonly horizonDays: 7;
  /** Calibrated log-odds = intercept + sum of coefficient * (value - location) / scale. */
  readonly intercept: number;
  readonly features: readonly HazardFeature[];
  readonly movement: Movement;
  /** Lower triangle of the Cholesky factor of the covariance of (intercept, coefficients), row by row: the interval comes from it. */
  readonly cholesky: readonly (readonly number[])[];
  /** Standard normal quantile of the interval: 1.96 for 95 %. */
  readonly quantile: number;
  /** Absent in files of earlier versions. */
  readonly planning?: LoadTerms;
  /** Below these there is no figure. */
  readonly minimum: { readonly activeWindows: number; readonly loadDays: number };
}

export interface HazardInput {
  /** Load, HRV, history and context in their own units; null = not known: the term is then 0, as at the population's middle. */
  readonly values: Readonly<Record<string, number | null>>;
  /** F_attn, mean over the day's active scored windows; null where there were none. */
  readonly fAttn: ArrayLike<number> | null;
  /** The same of each of the athlete's earlier session days, in any order; empty before the first is over. */
  readonly earlier: readonly ArrayLike<number>[];
  readonly activeWindows: number;
  /** Days of load history. */
  readonly loadDays: number;
  /** From the onset of an injury to clearance there is no new injury to forecast. */
  readonly atRisk: boolean;
}

export interface DailyHazard {
  readonly probability: number;
  /** 95 % interval from the uncertainty of the coefficients; neither the direction's error nor the day's measurement noise is in it. */
  readonly lower: number;
  readonly upper: number;
  /** Sum of the log-odds by group; with the intercept they give the logit of `probability`. */
  readonly terms: Readonly<Record<HazardFeature['group'], number>>;
}

export interface NoHazard {
  readonly notEnoughData: 'not-at-risk' | 'load-history' | 'active-windows' | 'f-attn';
}

/** NaN where the session has no F_attn of the model's width. */
const movementOf = ({ location, weights }: Movement, fAttn: ArrayLike<number>): number =>
  weights.reduce((sum, weight, i) => sum + weight * ((fAttn[i] ?? NaN) - location[i]!), 0);

/**
 * movementChange: the day's movement less the athlete's usual one, which is the mean of the earlier sessions with `prior` sessions at the population's mean (0) beside them.
 * movementAboveLowest: less the lowest of all sessions so far, 0 in the first one: a severity is never below 0, so the lowest is nearest to healthy.
 */
function movementFeatures(model: HazardModel, input: HazardInput): Readonly<Record<string, number>> {
  const { movement } = model;
  if (input.fAttn === null) return {};
  const now = movementOf(movement, input.fAttn);
  const earlier = input.earlier.map((fAttn) => movementOf(movement, fAttn));
  const usual = earlier.reduce((sum, value) => sum + value, 0) / (earlier.length + movement.prior);
  return { movementChange: now - usual, movementAboveLowest: now - Math.min(now, ...earlier) };
}

function missing(model: HazardModel, input: HazardInput, movement: Readonly<Record<string, number>>): NoHazard['notEnoughData'] | null {
  if (!input.atRisk) return 'not-at-risk';
  if (input.loadDays < model.minimum.loadDays) return 'load-history';
  if (input.activeWindows < model.minimum.activeWindows) return 'active-windows';
  return Number.isFinite(movement['movementChange']) ? null : 'f-attn';
}

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/**
 * The day's hazard. A feature that is not known adds 0 to the log-odds; the day's pooled F_attn must be known, and those of
 * earlier days that are given.
 * The interval is sigmoid(logit -+ quantile * |cholesky' x|).
 * @throws RangeError where the model's covariance does not fit its features
 */
export function dailyHazard(model: HazardModel, input: HazardInput): DailyHazard | NoHazard {
  const { features, cholesky } = model;
  if (cholesky.length !== features.length + 1) throw new RangeError(`${features.length} features, covariance of ${cholesky.length}`);
  const movement = movementFeatures(model, input);
  const notEnoughData = missing(model, input, movement);
  if (notEnoughData !== null) return { notEnoughData };
  const x = [1];
  const terms = { binn: 0, load: 0, hrv: 0, history: 0, context: 0 };
  let logit = model.intercept;
  for (const feature of features) {
    const value = (feature.group === 'binn' ? movement : input.values)[feature.name] ?? NaN;
    const z = Number.isFinite(value) ? (value - feature.location) / feature.scale : 0;
    x.push(z);
    terms[feature.group] += feature.coefficient * z;
    logit += feature.coefficient * z;
  }
  const reach = model.quantile * Math.sqrt(variance(cholesky, x));
  return { probability: sigmoid(logit), lower: sigmoid(logit - reach), upper: sigmoid(logit + reach), terms };
}

/** x' L L' x. */
function variance(cholesky: HazardModel['cholesky'], x: readonly number[]): number {
  const projected = x.map(() => 0);
  cholesky.forEach((row, i) => {
    row.forEach((value, j) => {
      projected[j]! += value * x[i]!;
    });
  });
  return projected.reduce((sum, value) => sum + value * value, 0);
}

/** Mornings of the last week, and of the three weeks before it, that must be valid. (Plews 2014†: 3 a week; the latter chosen) */
const WEEK_VALID = 3;
const BASELINE_VALID = 10;

/**
 * Fall of ln rMSSD: mean of the 21 days before the last 7, less the mean of the last 7, in ln units (0.1 = about 10 % lower than the athlete's own).
 * `mornings`: one entry a day, oldest first, the last is today's; null or NaN where there was no valid recording. Null where too few are valid.
 */
export function hrvFall(mornings: readonly (number | null)[]): number | null {
  const valid = (part: readonly (number | null)[]): number[] =>
    part.filter((value): value is number => value !== null && Number.isFinite(value));
  const week = valid(mornings.slice(-7));
  const before = valid(mornings.slice(-28, -7));
  if (week.length < WEEK_VALID || before.length < BASELINE_VALID) return null;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return mean(before) - mean(week);
}
