/** Features of a raw window (physical units, before normalisation) that decide the activity class. */
import type { ScalarName } from '../../align/channel-map.ts';
import type { ScalarReading } from '../../align/scalars.ts';
import type { ModelContract } from '../../contracts/model.ts';
import type { ActivityFeatures } from '../../normalise/activity.ts';

/** Below this total force the athlete is off the plates, in body weights. */
const OFF_PLATE_BW = 0.05;

export interface FeaturePlan {
  readonly channels: number;
  readonly footGyro: readonly (readonly number[])[];
  readonly footAcceleration: readonly (readonly number[])[];
  readonly trunkAcceleration: readonly number[];
  readonly force: readonly number[];
  readonly emg: readonly number[];
}

export function planFeatures(contract: ModelContract): FeaturePlan {
  const find = (kind: string, placement: string, names: readonly string[]): number[] =>
    names
      .map((name) => contract.bio.findIndex((c) => c.kind === kind && c.placement === placement && c.channel === name))
      .filter((i) => i >= 0);
  const each = (kind: string, channel: string): number[] =>
    contract.bio.flatMap((c, i) => (c.kind === kind && c.channel === channel ? [i] : []));
  const feet = ['foot-left', 'foot-right'];
  return {
    channels: contract.bio.length,
    footGyro: feet.map((foot) => find('imu', foot, ['gx', 'gy', 'gz'])),
    footAcceleration: feet.map((foot) => find('imu', foot, ['ax', 'ay', 'az'])),
    trunkAcceleration: find('imu', 'trunk', ['ax', 'ay', 'az']),
    force: each('force-plate', 'fv'),
    emg: each('emg', 'envelope'),
  };
}

export function windowFeatures(
  plan: FeaturePlan,
  bio: Float32Array,
  mask: Float32Array,
  scalars: ReadonlyMap<ScalarName, ScalarReading>,
): ActivityFeatures {
  const scalar = (name: ScalarName): number => scalars.get(name)?.mean ?? Number.NaN;
  const trunk = magnitude(plan.trunkAcceleration, bio, mask, plan.channels);
  return {
    footGyro: meanRms(plan.footGyro, bio, mask, plan.channels),
    footAcceleration: meanRms(plan.footAcceleration, bio, mask, plan.channels),
    trunkAcceleration: trunk.rms,
    trunkPeak: trunk.peak,
    ...forceFeatures(plan.force, bio, mask, plan.channels),
    speed: scalar('speed'),
    cadence: scalar('cadence'),
    power: scalar('power'),
    heartRate: scalar('heartRate'),
  };
}

/** Mean over all observed places of the named channels; NaN where none. */
export function meanOf(indices: readonly number[], bio: Float32Array, mask: Float32Array, channels: number): number {
  let sum = 0;
  let count = 0;
  for (const index of indices) {
    for (let at = index; at < bio.length; at += channels) {
      if (mask[at] === 0) continue;
      sum += bio[at] as number;
      count += 1;
    }
  }
  return count === 0 ? Number.NaN : sum / count;
}

function meanRms(groups: readonly (readonly number[])[], bio: Float32Array, mask: Float32Array, channels: number): number {
  const values = groups.map((group) => magnitude(group, bio, mask, channels).rms).filter((value) => !Number.isNaN(value));
  return values.length === 0 ? Number.NaN : values.reduce((a, b) => a + b, 0) / values.length;
}

/** RMS and peak of the vector's length over the steps where all its channels were observed. */
function magnitude(group: readonly number[], bio: Float32Array, mask: Float32Array, channels: number): { rms: number; peak: number } {
  let sum = 0;
  let count = 0;
  let peak = 0;
  const [x, y, z] = group;
  if (x === undefined || y === undefined || z === undefined) return { rms: Number.NaN, peak: Number.NaN };
  for (let row = 0; row < bio.length; row += channels) {
    if (mask[row + x] === 0 || mask[row + y] === 0 || mask[row + z] === 0) continue;
    const square = (bio[row + x] as number) ** 2 + (bio[row + y] as number) ** 2 + (bio[row + z] as number) ** 2;
    sum += square;
    if (square > peak) peak = square;
    count += 1;
  }
  return count === 0 ? { rms: Number.NaN, peak: Number.NaN } : { rms: Math.sqrt(sum / count), peak: Math.sqrt(peak) };
}

function forceFeatures(
  plates: readonly number[],
  bio: Float32Array,
  mask: Float32Array,
  channels: number,
): { flightShare: number; forcePeak: number; forceSd: number } {
  let count = 0;
  let off = 0;
  let sum = 0;
  let squares = 0;
  let peak = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < bio.length; row += channels) {
    let force = 0;
    let seen = false;
    for (const plate of plates) {
      if (mask[row + plate] === 0) continue;
      force += bio[row + plate] as number;
      seen = true;
    }
    if (!seen) continue;
    count += 1;
    if (force < OFF_PLATE_BW) off += 1;
    sum += force;
    squares += force * force;
    if (force > peak) peak = force;
  }
  if (count === 0) return { flightShare: Number.NaN, forcePeak: Number.NaN, forceSd: Number.NaN };
  return { flightShare: off / count, forcePeak: peak, forceSd: Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2)) };
}
