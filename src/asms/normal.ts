/** The standard normal distribution function, to about 1e-14. Pure. */

/** erf(x) for 0 <= x < 3 by its series (Abramowitz and Stegun 7.1.6), all terms positive. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc(x) for x >= 3 by its continued fraction (7.1.14), from the inside out. */
function erfcFraction(x: number): number {
  let tail = 0;
  for (let k = 60; k >= 1; k -= 1) tail = k / 2 / (x + tail);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + tail);
}

/** P(Z <= z). NaN for NaN. */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const upper = x < 3 ? (1 - erfSeries(x)) / 2 : erfcFraction(x) / 2;
  return z < 0 ? upper : 1 - upper;
}
