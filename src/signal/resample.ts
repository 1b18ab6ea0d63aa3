/** Resampling kernels: one table a native rate, shared by all streams of that rate. */
import { KAISER_BETA_50_DB, kaiser, sinc } from './fir.ts';

/**
 * A polyphase interpolation kernel. Weights for a position between native samples i and i + 1 (fraction f) apply to the samples
 * i - half + 1 .. i + half; the table holds `phases + 1` rows of 2 * half weights, each row summing to 1, and rows are interpolated linearly.
 */
export interface ResampleKernel {
  readonly half: number;
  readonly phases: number;
  readonly table: Float64Array;
  /** True where the kernel also removes what the target rate cannot carry. */
  readonly antiAliasing: boolean;
}

/** Linear interpolation between 64 phases leaves an error below -90 dB for these kernels, less than float32 IMU noise. */
const PHASES = 64;
/** Half width of the anti-aliasing kernel in target samples: 8 give 50 dB at 0.5 of the target rate with the pass band up to about 0.32 of it. */
const HALF_WIDTH_TARGET_SAMPLES = 8;
/** -6 dB point as a share of the target rate: half of it less half of Kaiser's transition width for that length. */
const CUTOFF_SHARE = 0.41;
/** Rates up to this multiple of the target need no low-pass: nothing above the target's Nyquist frequency is left to fold by more than a sliver. */
const DECIMATION_FROM = 1.05;

const kernels = new Map<string, ResampleKernel>();
/** BOUNDED: rates are declared by gateways; beyond this many distinct ones the table starts anew. */
const MAX_KERNELS = 64;

/**
 * Kernel from a native to a target rate: a Kaiser-windowed sinc (50 dB) when decimating, Catmull-Rom cubic otherwise.
 * @throws RangeError where a rate is not positive and finite
 */
export function resampleKernel(nativeHz: number, targetHz: number): ResampleKernel {
  if (!(nativeHz > 0 && targetHz > 0 && Number.isFinite(nativeHz / targetHz))) throw new RangeError(`rates ${nativeHz} and ${targetHz} Hz`);
  const key = `${nativeHz}/${targetHz}`;
  const known = kernels.get(key);
  if (known !== undefined) return known;
  const made = nativeHz > targetHz * DECIMATION_FROM ? lowPassKernel(nativeHz / targetHz) : cubicKernel();
  if (kernels.size >= MAX_KERNELS) kernels.clear();
  kernels.set(key, made);
  return made;
}

function tableOf(half: number, weight: (distance: number) => number): Float64Array {
  const taps = 2 * half;
  const table = new Float64Array((PHASES + 1) * taps);
  for (let p = 0; p <= PHASES; p += 1) {
    let sum = 0;
    for (let j = 0; j < taps; j += 1) sum += table[p * taps + j] = weight(j - half + 1 - p / PHASES);
    for (let j = 0; j < taps; j += 1) table[p * taps + j] = (table[p * taps + j] as number) / sum;
  }
  return table;
}

function lowPassKernel(ratio: number): ResampleKernel {
  const half = Math.ceil(HALF_WIDTH_TARGET_SAMPLES * ratio);
  const cutoff = CUTOFF_SHARE / ratio;
  const table = tableOf(half, (d) => sinc(2 * cutoff * d) * kaiser(d / (half + 1), KAISER_BETA_50_DB));
  return { half, phases: PHASES, table, antiAliasing: true };
}

function cubicKernel(): ResampleKernel {
  const table = tableOf(2, (distance) => {
    const d = Math.abs(distance);
    if (d < 1) return 1.5 * d * d * d - 2.5 * d * d + 1;
    return d < 2 ? -0.5 * d * d * d + 2.5 * d * d - 4 * d + 2 : 0;
  });
  return { half: 2, phases: PHASES, table, antiAliasing: false };
}

/** Writes the 2 * half weights for a fraction in [0, 1) into `out`. */
export function kernelWeights(kernel: ResampleKernel, fraction: number, out: Float64Array): void {
  const taps = 2 * kernel.half;
  const at = fraction * kernel.phases;
  const row = Math.min(kernel.phases - 1, Math.floor(at));
  const share = at - row;
  const { table } = kernel;
  let a = row * taps;
  for (let j = 0; j < taps; j += 1, a += 1) {
    const low = table[a] as number;
    out[j] = low + share * ((table[a + taps] as number) - low);
  }
}

/**
 * Value at a position from the samples in [low, high] only (indices into `plane`): weights outside and of NaN samples are left out and the rest renormalised.
 * NaN where no sample has weight, or where what is left carries less than a third of the weight (an answer from the tails alone would be noise).
 */
export function interpolateEdge(
  plane: Float32Array,
  index: number,
  weights: Float64Array,
  half: number,
  low: number,
  high: number,
): number {
  let sum = 0;
  let weight = 0;
  for (let j = 0, i = index - half + 1; j < 2 * half; j += 1, i += 1) {
    if (i < low || i > high) continue;
    const value = plane[i] as number;
    if (Number.isNaN(value)) continue;
    sum += (weights[j] as number) * value;
    weight += weights[j] as number;
  }
  return weight > 1 / 3 ? sum / weight : Number.NaN;
}
