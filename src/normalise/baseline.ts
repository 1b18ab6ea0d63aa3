/**
 * Running robust location and scale of one athlete, per channel and activity class, for the device that feeds the channel now.
 * Started by Bayesian shrinkage from the population (the contract's priors), forgotten with a stated half-life, frozen by staff only.
 * All state is float32 and integers, as in the checkpoint, so that a restart continues bit for bit.
 */
import { ACTIVITY_CLASSES, type ActivityClass, type ModelContract } from '../contracts/model.ts';
import { gainOfHalfLife, HUBER_CLIP, huber, shrinkageGain, stepLocation, stepScale } from '../signal/running-statistics.ts';

/** Windows of a class after which half of a baseline is new: half an hour of that activity (chosen: several sessions' warm-ups, not one bout). */
export const HALF_LIFE_WINDOWS = 1_800;
/** The population counts as two minutes of own data (chosen: a warm-up decides, a single bout does not). */
export const PRIOR_WINDOWS = 120;
/** An own scale stays within these shares of the population's. */
const SCALE_LOW = 0.05;
const SCALE_HIGH = 20;
const MAX_COUNT = 65_535;
const MINIMUM_GAIN = gainOfHalfLife(HALF_LIFE_WINDOWS);

export interface Baselines {
  /** Index classIndex * channels + channel. */
  readonly location: Float32Array;
  readonly scale: Float32Array;
  /** Windows seen. */
  readonly count: Uint16Array;
  /** Hash of the device that feeds a channel; 0 = none yet. */
  readonly device: Uint16Array;
}

export const classIndexOf = (activity: ActivityClass): number => ACTIVITY_CLASSES.indexOf(activity);

/** Population baselines. */
export function createBaselines(contract: ModelContract): Baselines {
  const channels = contract.bio.length;
  const size = channels * ACTIVITY_CLASSES.length;
  const made = {
    location: new Float32Array(size),
    scale: new Float32Array(size),
    count: new Uint16Array(size),
    device: new Uint16Array(channels),
  };
  for (let channel = 0; channel < channels; channel += 1) resetChannel(made, contract, channel);
  return made;
}

function resetChannel(baselines: Baselines, contract: ModelContract, channel: number): void {
  const channels = contract.bio.length;
  ACTIVITY_CLASSES.forEach((activity, c) => {
    const prior = contract.bio[channel]?.prior[activity];
    baselines.location[c * channels + channel] = prior?.location ?? 0;
    baselines.scale[c * channels + channel] = prior?.scale ?? 1;
    baselines.count[c * channels + channel] = 0;
  });
}

/** A channel that another device feeds now starts from the population again: its mounting and gain are not the old device's. */
export function useDevice(baselines: Baselines, contract: ModelContract, channel: number, device: number): void {
  if (baselines.device[channel] === device) return;
  if (baselines.device[channel] !== 0) resetChannel(baselines, contract, channel);
  baselines.device[channel] = device;
}

export interface NormalisedWindow {
  clipped: number;
  /** Share of all channel samples observed. */
  observedFraction: number;
  /** Channels observed over at least the contract's share of the window. */
  observedChannels: number;
  /** Mean of z per channel, then RMS of z per channel; NaN where masked. */
  readonly summary: Float32Array;
  /** Mean and mean square of the Huber-clipped z, kept for the step of the baselines. */
  readonly meanZ: number[];
  readonly meanSquareZ: number[];
  /** Some observed channel still leans on the population by half or more. */
  provisional: boolean;
}

/**
 * Turns raw values into clipped z in place (row-major steps x channels; the mask is 0 or 1; masked places, finite before, become 0, which the mask marks as "no sensor").
 * The baselines are read, not moved: `moveBaselines` does that once the window is done.
 */
export function normaliseWindow(
  bio: Float32Array,
  mask: Float32Array,
  steps: number,
  contract: ModelContract,
  baselines: Baselines,
  activity: ActivityClass,
): NormalisedWindow {
  const channels = contract.bio.length;
  const offset = classIndexOf(activity) * channels;
  const clip = contract.zClip;
  const minimumSamples = contract.minimum.observedFraction * steps;
  const result: NormalisedWindow = {
    clipped: 0,
    observedFraction: 0,
    observedChannels: 0,
    summary: new Float32Array(2 * channels).fill(Number.NaN),
    meanZ: Array.from<number>({ length: channels }).fill(Number.NaN),
    meanSquareZ: Array.from<number>({ length: channels }).fill(Number.NaN),
    provisional: false,
  };
  const end = steps * channels;
  let observed = 0;
  for (let c = 0; c < channels; c += 1) {
    const location = baselines.location[offset + c] as number;
    const inverse = 1 / (baselines.scale[offset + c] as number);
    let count = 0;
    let sum = 0;
    let squares = 0;
    // What the robust sums leave out is rare and summed apart: the usual path is two sums in registers.
    let excess = 0;
    let excessSquares = 0;
    for (let at = c; at < end; at += channels) {
      // The mask is a factor: a branch here would cost more than the rest.
      const observedHere = mask[at] as number;
      let z = ((bio[at] as number) - location) * inverse * observedHere + 0;
      if (z > HUBER_CLIP || z < -HUBER_CLIP) {
        if (z > clip || z < -clip) {
          z = z > 0 ? clip : -clip;
          result.clipped += 1;
        }
        const h = huber(z);
        excess += z - h;
        excessSquares += z * z - h * h;
      }
      bio[at] = z;
      sum += z;
      squares += z * z;
      count += observedHere;
    }
    if (count === 0) continue;
    observed += count;
    result.summary[c] = sum / count;
    result.summary[channels + c] = Math.sqrt(squares / count);
    result.meanZ[c] = (sum - excess) / count;
    result.meanSquareZ[c] = Math.max(0, squares - excessSquares) / count;
    if (count < minimumSamples) continue;
    result.observedChannels += 1;
    if ((baselines.count[offset + c] as number) < PRIOR_WINDOWS) result.provisional = true;
  }
  result.observedFraction = observed / (steps * channels);
  return result;
}

/** One step of the observed channels' baselines of the window's class. */
export function moveBaselines(baselines: Baselines, contract: ModelContract, window: NormalisedWindow, activity: ActivityClass): void {
  const channels = contract.bio.length;
  const offset = classIndexOf(activity) * channels;
  for (let c = 0; c < channels; c += 1) {
    const meanZ = window.meanZ[c] as number;
    if (Number.isNaN(meanZ)) continue;
    const at = offset + c;
    const gain = shrinkageGain(baselines.count[at] as number, PRIOR_WINDOWS, MINIMUM_GAIN);
    const scale = baselines.scale[at] as number;
    const prior = contract.bio[c]?.prior[activity].scale ?? 1;
    baselines.location[at] = stepLocation(baselines.location[at] as number, scale, meanZ, gain);
    baselines.scale[at] = stepScale(scale, window.meanSquareZ[c] as number, gain, SCALE_LOW * prior, SCALE_HIGH * prior);
    baselines.count[at] = Math.min(MAX_COUNT, (baselines.count[at] as number) + 1);
  }
}
