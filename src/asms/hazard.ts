/**
 * The hazard: probability of a new time-loss injury in the next 7 days, a figure an athlete and day (science.md, "What is predicted, and when").
 * A discrete-time survival model, linear in the log-odds: eta = eta_BINN (a linear map of the day's pooled F_attn, state logit and
 * rehabilitation estimate and of their change from the athlete's own reference) + load, heart-rate variability, history and context. models/hazard.json is its contract, written by
 * models/binn/hazard.py. Pure: (model, features) -> probability with interval, or the reason why there is none.
 */

export interface HazardFeature {
  /** A name of HazardInput.values, or fAttn[i], fAttnChange[i], stateLogit, stateLogitChange, rehab, rehabChange. */
  readonly name: string;
  readonly unit: string;
  /** The term is one of these parts of eta. */
  readonly group: 'binn' | 'load' | 'hrv' | 'history' | 'context';
  readonly location: number;
  readonly scale: number;
  readonly coefficient: number;
}

export interface HazardModel {
  readonly format: 1;
  readonly name: 'binn-hazard';
  readonly version: string;
  /** SHA-256 of the graph whose F_attn it reads: with another graph its numbers mean nothing. */
  readonly binnSha256: string;
  readonly horizonDays: 7;
  /** Calibrated log-odds = intercept + sum of coefficient * (value - location) / scale. */
  readonly intercept: number;
  readonly features: readonly HazardFeature[];
  /** Lower triangle of the Cholesky factor of the covariance of (intercept, coefficients), row by row: the interval comes from it. */
  readonly cholesky: readonly (readonly number[])[];
  /** Standard normal quantile of the interval: 1.96 for 95 %. */
  readonly quantile: number;
  /** Below these there is no figure. */
  readonly minimum: { readonly activeWindows: number; readonly loadDays: number; readonly referenceSessions: number };
}

/** What BINN gave, mean over windows. */
export interface PooledOutputs {
  readonly fAttn: ArrayLike<number>;
  readonly stateLogit: number;
  readonly rehab: number;
}

export interface HazardInput {
  /** Load, HRV, history and context in their own units; null = not known: the term is then 0, as at the population's middle. */
  readonly values: Readonly<Record<string, number | null>>;
  /** Mean over the day's active scored windows; null where there were none. */
  readonly pooled: PooledOutputs | null;
  /** The same, mean over the athlete's earlier session days; null before there are minimum.referenceSessions of them: no change is known. */
  readonly reference: PooledOutputs | null;
  readonly activeWindows: number;
  /** Days of load history. */
  readonly loadDays: number;
  /** From the onset of an injury to clearance there is no new injury to forecast. */
  readonly atRisk: boolean;
}

export interface DailyHazard {
  readonly probability: number;
  /** 95 % interval from the uncertainty of the coefficients; it does not hold the day's measurement noise. */
  readonly lower: number;
  readonly upper: number;
  /** Sum of the log-odds by group; with the intercept they give the logit of `probability`. */
  readonly terms: Readonly<Record<HazardFeature['group'], number>>;
}

export interface NoHazard {
  readonly notEnoughData: 'not-at-risk' | 'load-history' | 'active-windows' | 'f-attn';
}

const INDEXED = /^fAttn\[(\d+)\]$/;

/** NaN where there is no such output. */
function outputOf(name: string, pooled: PooledOutputs | null): number {
  if (pooled === null) return NaN;
  if (name === 'stateLogit') return pooled.stateLogit;
  if (name === 'rehab') return pooled.rehab;
  return pooled.fAttn[Number(INDEXED.exec(name)?.[1])] ?? NaN;
}

/** NaN where the feature's value is not known. A change is today's less the reference's. */
function valueOf({ name, group }: HazardFeature, input: HazardInput): number {
  if (group !== 'binn') return input.values[name] ?? NaN;
  const level = name.replace('Change', '');
  const now = outputOf(level, input.pooled);
  return level === name ? now : now - outputOf(level, input.reference);
}

function missing(model: HazardModel, input: HazardInput): NoHazard['notEnoughData'] | null {
  if (!input.atRisk) return 'not-at-risk';
  if (input.loadDays < model.minimum.loadDays) return 'load-history';
  if (input.activeWindows < model.minimum.activeWindows) return 'active-windows';
  const levels = model.features.filter(({ name, group }) => group === 'binn' && !name.includes('Change'));
  return levels.every((feature) => Number.isFinite(valueOf(feature, input))) ? null : 'f-attn';
}

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/**
 * The day's hazard. A feature that is not known adds 0 to the log-odds; the day's pooled F_attn must be known.
 * The interval is sigmoid(logit -+ quantile * |cholesky' x|).
 * @throws RangeError where the model's covariance does not fit its features
 */
export function dailyHazard(model: HazardModel, input: HazardInput): DailyHazard | NoHazard {
  const { features, cholesky } = model;
  if (cholesky.length !== features.length + 1) throw new RangeError(`${features.length} features, covariance of ${cholesky.length}`);
  const notEnoughData = missing(model, input);
  if (notEnoughData !== null) return { notEnoughData };
  const x = [1];
  const terms = { binn: 0, load: 0, hrv: 0, history: 0, context: 0 };
  let logit = model.intercept;
  for (const feature of features) {
    const value = valueOf(feature, input);
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
