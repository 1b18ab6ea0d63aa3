/** Windowed-sinc FIR design (Kaiser window: Kaiser 1974, "Nonrecursive digital filter design using the I0-sinh window function"). */

/** Modified Bessel function of the first kind, order 0, by its power series (converges for every finite x; NaN in, NaN out). */
export function besselI0(x: number): number {
  const quarter = (x * x) / 4;
  let term = 1;
  let sum = 1;
  for (let k = 1; k < 64 && term > sum * 1e-17; k += 1) {
    term *= quarter / (k * k);
    sum += term;
  }
  return Number.isNaN(x) ? Number.NaN : sum;
}

/** Kaiser window at `u` in [-1, 1] (0 outside), 1 at the centre. */
export function kaiser(u: number, beta: number): number {
  if (!(Math.abs(u) <= 1)) return 0;
  return besselI0(beta * Math.sqrt(1 - u * u)) / besselI0(beta);
}

/** sin(pi x) / (pi x), 1 at 0. */
export const sinc = (x: number): number => (Math.abs(x) < 1e-12 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Stop-band 50 dB: beta = 0.5842 (A - 21)^0.4 + 0.07886 (A - 21), A = 50 (Kaiser's formula). */
export const KAISER_BETA_50_DB = 4.5335;

/**
 * Linear-phase low-pass of 2 * halfLength + 1 taps whose sum is 1 (unit gain at 0 Hz).
 * @param cutoffHz -6 dB point, below rateHz / 2
 * @throws RangeError where the cutoff is not inside (0, rateHz / 2) or halfLength is not a positive integer
 */
export function designLowPass(cutoffHz: number, rateHz: number, halfLength: number, beta = KAISER_BETA_50_DB): Float64Array {
  if (!(cutoffHz > 0 && cutoffHz < rateHz / 2)) throw new RangeError(`cutoff ${cutoffHz} Hz is not inside (0, ${rateHz / 2}) Hz`);
  if (!Number.isInteger(halfLength) || halfLength < 1) throw new RangeError(`half length ${halfLength} is not a positive integer`);
  const taps = new Float64Array(2 * halfLength + 1);
  let sum = 0;
  for (let i = -halfLength; i <= halfLength; i += 1) {
    const tap = sinc((2 * cutoffHz * i) / rateHz) * kaiser(i / (halfLength + 1), beta);
    taps[i + halfLength] = tap;
    sum += tap;
  }
  for (let i = 0; i < taps.length; i += 1) taps[i] = (taps[i] as number) / sum;
  return taps;
}

/**
 * Filters with no delay (odd, symmetric taps). At the ends and beside NaN the taps that have a value are renormalised;
 * where less than half the taps' weight has a value the result is NaN. Empty in, empty out.
 */
export function applyFir(signal: ArrayLike<number>, taps: Float64Array): Float64Array {
  const half = (taps.length - 1) >> 1;
  const out = new Float64Array(signal.length);
  for (let n = 0; n < signal.length; n += 1) {
    let sum = 0;
    let weight = 0;
    const from = Math.max(0, n - half);
    const to = Math.min(signal.length - 1, n + half);
    for (let i = from; i <= to; i += 1) {
      const value = signal[i] as number;
      if (Number.isNaN(value)) continue;
      const tap = taps[i - n + half] as number;
      sum += tap * value;
      weight += tap;
    }
    out[n] = weight >= 0.5 ? sum / weight : Number.NaN;
  }
  return out;
}
