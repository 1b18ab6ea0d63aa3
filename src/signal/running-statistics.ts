/** Running robust location and scale: a one-step M-estimator with Huber clipping, started from a prior. */

/** |z| beyond this counts as this much (Huber 1964's psi; 3 keeps 99.7 % of a normal signal untouched). */
export const HUBER_CLIP = 3;
/** E[min(|z|, 3)^2] of a standard normal: the scale is right where the mean square of clipped z equals this. */
const CLIPPED_VARIANCE = 0.995;

/** Gain of an exponential forgetting with the given half-life in observations. */
export const gainOfHalfLife = (halfLife: number): number => 1 - 2 ** (-1 / halfLife);

/**
 * Gain of the next observation: Bayesian shrinkage while young (a prior worth `priorCount` observations), exponential forgetting once
 * 1 / (priorCount + count + 1) falls below `minimumGain`.
 */
export const shrinkageGain = (count: number, priorCount: number, minimumGain: number): number =>
  Math.max(minimumGain, 1 / (priorCount + count + 1));

/** psi(z), Huber. NaN stays NaN. */
export const huber = (z: number): number => (z > HUBER_CLIP ? HUBER_CLIP : z < -HUBER_CLIP ? -HUBER_CLIP : z);

/** New location after a window whose clipped z had mean `meanZ`. */
export const stepLocation = (location: number, scale: number, meanZ: number, gain: number): number => location + gain * scale * meanZ;

/** New scale after a window whose clipped z had mean square `meanSquareZ`, kept within the bounds (a flat channel must not divide by nothing). */
export function stepScale(scale: number, meanSquareZ: number, gain: number, lowest: number, highest: number): number {
  const next = scale * Math.exp(0.5 * gain * (meanSquareZ / CLIPPED_VARIANCE - 1));
  return Math.min(highest, Math.max(lowest, next));
}
