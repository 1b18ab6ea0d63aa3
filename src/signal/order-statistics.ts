/**
 * The q-quantile (0 to 1) with linear interpolation between order statistics (type 7 of Hyndman and Fan 1996).
 * NaN values are left out; NaN where nothing is left. Does not change its input.
 */
export function quantile(values: ArrayLike<number>, q: number): number {
  const kept: number[] = [];
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    if (!Number.isNaN(value)) kept.push(value);
  }
  if (kept.length === 0) return Number.NaN;
  const sorted = Float64Array.from(kept).toSorted();
  const at = Math.min(1, Math.max(0, q)) * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (at - below);
}

/** The 0.5-quantile; NaN where there is nothing. */
export const median = (values: ArrayLike<number>): number => quantile(values, 0.5);

/** Arithmetic mean of the values that are not NaN; NaN where there is none. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? Number.NaN : sum / count;
}

/** Standard deviation with n - 1 of the values that are not NaN; NaN below two of them. */
export function sampleSd(values: ArrayLike<number>): number {
  const centre = mean(values);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    if (Number.isNaN(value)) continue;
    sum += (value - centre) ** 2;
    count += 1;
  }
  return count < 2 ? Number.NaN : Math.sqrt(sum / (count - 1));
}
