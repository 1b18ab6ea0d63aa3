/**
 * Has a metric really changed? The latest value against the athlete's own baseline, with the probability that the true change is larger than the smallest
 * worthwhile one (science.md, "Figures users expect"; Hopkins 2000†, 2004†). Pure: values in, probabilities out.
 */
import { mean, sampleSd } from '../signal/order-statistics.ts';
import { normalCdf } from './normal.ts';

/** Every chosen number; the share of the SD is Cohen's small effect, as Hopkins takes it. */
export const CHANGE_PARAMETERS = {
  /** Sessions before the latest that make the baseline: the newest so many, at least so many. (chosen) */
  baselineSessions: 10,
  leastBaseline: 3,
  /** Sessions from which an athlete's own typical error is taken: with fewer its own error is a third and more. (chosen) */
  leastRepeats: 8,
  /** Athletes from which a between-athlete SD is taken: with fewer it is known to a quarter at best. (chosen) */
  leastAthletes: 8,
  shareOfSd: 0.2,
} as const;

export const CHANGE_METHOD = 'change-1';

/**
 * Typical error from an athlete's own sessions, in order of time: SD of the differences of neighbours over sqrt(2). It holds what changes from session to
 * session beside the instrument's error. Null below 8 values; NaN is left out.
 */
export function ownTypicalError(values: readonly number[]): number | null {
  const known = values.filter((value) => Number.isFinite(value));
  if (known.length < CHANGE_PARAMETERS.leastRepeats) return null;
  return sampleSd(known.slice(1).map((value, i) => value - (known[i] as number))) / Math.SQRT2;
}

/** SD between athletes, of one value each; null below 8 of them. */
export function betweenAthleteSd(values: readonly number[]): number | null {
  const known = values.filter((value) => Number.isFinite(value));
  return known.length < CHANGE_PARAMETERS.leastAthletes ? null : sampleSd(known);
}

export interface Chances {
  /** sqrt(2) * typical error. */
  readonly errorSd: number;
  /** P(true change > smallest worthwhile change), P(< minus it), and what is left. They add up to 1. */
  readonly increase: number;
  readonly decrease: number;
  readonly trivial: number;
}

/**
 * A true change is normal about the observed one with SD sqrt(2) * typical error. The baseline is a mean of several sessions and its own error is smaller
 * than that of one: the SD is on the safe side.
 * @throws RangeError where the typical error is not above 0, or the smallest worthwhile change is below 0
 */
export function chancesOfChange(change: number, typicalError: number, smallestWorthwhileChange: number): Chances {
  if (!(typicalError > 0)) throw new RangeError(`typical error ${typicalError}`);
  if (!(smallestWorthwhileChange >= 0)) throw new RangeError(`smallest worthwhile change ${smallestWorthwhileChange}`);
  const errorSd = Math.SQRT2 * typicalError;
  const increase = normalCdf((change - smallestWorthwhileChange) / errorSd);
  const decrease = normalCdf((-smallestWorthwhileChange - change) / errorSd);
  return { errorSd, increase, decrease, trivial: Math.max(0, 1 - increase - decrease) };
}

/** The athlete's own baseline: the newest sessions before the latest; null where there are too few. */
export function baselineOf(values: readonly number[]): { readonly mean: number; readonly sd: number; readonly sessions: number } | null {
  const before = values.filter((value) => Number.isFinite(value)).slice(-CHANGE_PARAMETERS.baselineSessions - 1, -1);
  return before.length < CHANGE_PARAMETERS.leastBaseline ? null : { mean: mean(before), sd: sampleSd(before), sessions: before.length };
}
