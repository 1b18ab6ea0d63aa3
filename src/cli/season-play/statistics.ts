/** Means over seeds with their intervals. Seeds are the independent units; differences are taken within a seed (same chance in every arm). */
import { studentQuantile } from '../../asms/feedback/guard.ts';

export interface Estimate {
  readonly mean: number;
  /** Two-sided 95 % by Student's t over seeds; null below two seeds. */
  readonly lower: number | null;
  readonly upper: number | null;
  readonly seeds: number;
}

const Z975 = 1.959963984540054;

/** Mean of the values with its 95 % interval. @throws RangeError without values */
export function estimate(values: readonly number[]): Estimate {
  const seeds = values.length;
  if (seeds === 0) throw new RangeError('an estimate needs a seed');
  const mean = values.reduce((sum, value) => sum + value, 0) / seeds;
  if (seeds < 2) return { mean, lower: null, upper: null, seeds };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (seeds - 1);
  const reach = studentQuantile(Z975, seeds - 1) * Math.sqrt(variance / seeds);
  return { mean, lower: mean - reach, upper: mean + reach, seeds };
}

/** Whether the interval lies wholly above 0: not so where there is none. */
export const isAbove0 = ({ lower }: Estimate): boolean => lower !== null && lower > 0;
/** Whether 0 lies in the interval, its ends counted in. */
export const covers0 = ({ lower, upper }: Estimate): boolean => lower !== null && upper !== null && lower <= 0 && upper >= 0;
