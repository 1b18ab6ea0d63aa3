/**
 * Whether the sensors of the left and the right foot have been exchanged, told from how bodies move and not from who the athlete is.
 *
 * Two pieces of evidence, each blind to how a foot sensor sits on its foot: in any orientation, another one on each foot, gravity in or out. Assumed:
 * axes are right-handed on both feet (a sensor turned round on the other foot still is; one whose software flips an axis is not) and do not move
 * against the foot within a stride.
 * - path: between two quiet instants the foot's path is integrated. Its own chord says forward, its own pitching (toes down first) says left. In the
 *   second half of its swing a foot runs outside its chord: a left foot to the left, a right foot to the right.
 * - trunk, where there is one: after a foot's contact the pelvis turns towards that foot, since the other leg swings forward (the sign of the yaw rate
 *   is how McCamley et al. 2012†, Gait & Posture 36:316, tell left from right contacts). Assumed: the sensor sits at the pelvis or the lower back, and
 *   where gravity is removed, that its z points up, within 45 degrees (it does not vote where z does not look like that); with gravity included its
 *   mean says up.
 * Evidence below its threshold does not vote; votes that disagree give null.
 */
import { type FootImu, motionIndex } from './gait.ts';
import { mean, median } from './order-statistics.ts';

/** Chosen on the odd-numbered subjects of the gait recordings and on simulated athletes of seeds below 5,000; test/ reports on the others. */
export const SIDE_SWAP_PARAMETERS = {
  /** A quiet instant is the least motion within this of itself: shorter than half of a running stride. */
  quietReachS: 0.3,
  /** Unless a quieter one lies nearer than this both before and after it. */
  betweenS: 0.45,
  /** And below this share of the largest motion of the strides beside it. */
  quietShare: 0.4,
  shortestStrideS: 0.45,
  longestStrideS: 2.5,
  /** Below this peak of the motion index a foot fidgets, rad/s. */
  leastPeakRadS: 2,
  /** Motion phase: above the quiet level by this share of the way to the peak. */
  motionShare: 0.12,
  /** Part of the motion phase in which the path is compared with its chord. */
  pathFrom: 0.55,
  pathTo: 0.8,
  /** Gravity is read over this much to both sides of the quiet instant. */
  restingS: 0.03,
  /** Strides that turn by more (rad), or are shorter than this share of the usual one, are left out. */
  mostTurnRad: 0.35,
  leastLengthShare: 0.6,
  leastStrides: 6,
  /** Trunk: the part of a stride after contact over which the yaw rate is averaged. */
  trunkShare: 0.4,
  /** Least difference between the feet, as a share of the stride's length, for the path to vote. */
  pathThreshold: 0.02,
  /** Least difference between the feet, rad/s, for the trunk to vote. */
  trunkThresholdRadS: 0.1,
} as const;

export const SIDE_SWAP_METHOD = 'foot-path-trunk-yaw-1';

/** A stretch of a six-channel IMU; `startS` is the time of its first row on one clock for all of them. */
export interface ImuStretch extends FootImu {
  readonly startS: number;
}

export interface SideSwapStreams {
  readonly left: readonly ImuStretch[];
  readonly right: readonly ImuStretch[];
  readonly trunk: readonly ImuStretch[];
}

export interface SideSwap {
  /** null: not enough strides, evidence below both thresholds, or evidence that disagrees. */
  readonly swapped: boolean | null;
  readonly evidence: {
    /** Left minus right of the path's distance to the left of its chord, share of stride length; positive as worn by name. NaN: no strides. */
    readonly path: number;
    /** Left minus right of the trunk's yaw rate after contact, rad/s; positive as worn by name. NaN: no trunk. */
    readonly trunkRadS: number;
  };
  /** Strides that count, by the name of the stream. */
  readonly strides: { readonly left: number; readonly right: number };
}

type Vector = readonly [x: number, y: number, z: number];
type Matrix = readonly [Vector, Vector, Vector];

const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const scaled = (a: Vector, k: number): Vector => [a[0] * k, a[1] * k, a[2] * k];
const sum = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const length = (a: Vector): number => Math.sqrt(dot(a, a));
const apply = (m: Matrix, v: Vector): Vector => [dot(m[0], v), dot(m[1], v), dot(m[2], v)];
const IDENTITY: Matrix = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

/** m after a further turn by `angle` (rotation vector, rad, in the turned frame): Rodrigues' formula. */
function turned(m: Matrix, angle: Vector): Matrix {
  const theta = length(angle);
  if (theta < 1e-9) return m;
  const [x, y, z] = scaled(angle, 1 / theta);
  const [s, c] = [Math.sin(theta), 1 - Math.cos(theta)];
  const columns: Matrix = [
    [1 - c * (y * y + z * z), c * x * y + s * z, c * x * z - s * y],
    [c * x * y - s * z, 1 - c * (x * x + z * z), c * y * z + s * x],
    [c * x * z + s * y, c * y * z - s * x, 1 - c * (x * x + y * y)],
  ];
  const row = (r: Vector): Vector => [dot(r, columns[0]), dot(r, columns[1]), dot(r, columns[2])];
  return [row(m[0]), row(m[1]), row(m[2])];
}

/** Direction of most of the vectors' squared length, by power iteration; its sign means nothing. */
function mainAxis(vectors: readonly Vector[]): Vector {
  let axis: Vector = [0.5, 0.7, 0.5];
  for (let turn = 0; turn < 30; turn += 1) {
    let next: Vector = [0, 0, 0];
    for (const vector of vectors) next = sum(next, scaled(vector, dot(vector, axis)));
    const size = length(next);
    if (!(size > 0)) return axis;
    axis = scaled(next, 1 / size);
  }
  return axis;
}

const vectorAt = (imu: FootImu, row: number, column: 0 | 3): Vector => [
  imu.samples[row * 6 + column] as number,
  imu.samples[row * 6 + column + 1] as number,
  imu.samples[row * 6 + column + 2] as number,
];

interface StridePath {
  /** Rows: quiet instant before, end of the motion, quiet instant after. */
  readonly from: number;
  readonly contact: number;
  readonly to: number;
  readonly lengthM: number;
  readonly turnRad: number;
  /** To the left of the chord, share of the length. */
  readonly offset: number;
}

/** Rows of least motion within quietReachS on both sides; of equal ones the first. In running, the turn between push-off and swing can be one. */
function leastRows(index: Float64Array, rateHz: number): number[] {
  const reach = Math.round(SIDE_SWAP_PARAMETERS.quietReachS * rateHz);
  const rows: number[] = [];
  for (let i = reach; i < index.length - reach; i += 1) {
    const value = index[i] as number;
    let least = true;
    for (let k = i - reach; least && k <= i + reach; k += 1) least = k < i ? (index[k] as number) > value : (index[k] as number) >= value;
    if (least) rows.push(i);
  }
  return rows;
}

/** Rows in which the foot stands: those of least motion but for the ones that lie near a quieter one on both sides. */
function quietRows(index: Float64Array, rateHz: number): number[] {
  const rows = leastRows(index, rateHz);
  const near = SIDE_SWAP_PARAMETERS.betweenS * rateHz;
  const quieter = (row: number, other: number | undefined): boolean =>
    other !== undefined && Math.abs(other - row) < near && (index[other] as number) < (index[row] as number);
  return rows.filter((row, k) => !(quieter(row, rows[k - 1]) && quieter(row, rows[k + 1])));
}

interface Travel {
  readonly position: readonly Vector[];
  readonly turning: readonly Vector[];
  /** Sine of the whole rotation along its axis: near the rotation vector where it is small. */
  readonly turn: Vector;
}

/** Mean acceleration over the rows next to `row`: gravity, where it is in the signal of a foot that rests. */
function restingAcceleration(imu: FootImu, row: number): Vector {
  const half = Math.max(1, Math.round(SIDE_SWAP_PARAMETERS.restingS * imu.rateHz));
  let total: Vector = [0, 0, 0];
  for (let k = row - half; k <= row + half; k += 1) total = sum(total, vectorAt(imu, k, 0));
  return scaled(total, 1 / (2 * half + 1));
}

/** Strap-down integration over rows [from, to) in the frame of the first row; at rest at both ends. Metres, rad/s. */
function travelOf(imu: FootImu, from: number, to: number): Travel {
  const dt = 1 / imu.rateHz;
  const resting: Vector = imu.gravity === 'included' ? restingAcceleration(imu, from) : [0, 0, 0];
  const [velocity, turning]: [Vector[], Vector[]] = [[], []];
  let attitude = IDENTITY;
  let speed: Vector = [0, 0, 0];
  for (let row = from; row < to; row += 1) {
    const rate = vectorAt(imu, row, 3);
    turning.push(apply(attitude, rate));
    speed = sum(speed, scaled(sum(apply(attitude, vectorAt(imu, row, 0)), scaled(resting, -1)), dt));
    velocity.push(speed);
    attitude = turned(attitude, scaled(rate, dt));
  }
  let at: Vector = [0, 0, 0];
  const position = velocity.map((value, i) => (at = sum(at, scaled(sum(value, scaled(speed, -(i + 1) / velocity.length)), dt))));
  const [x, y, z] = attitude;
  return { position, turning, turn: scaled([z[1] - y[2], x[2] - z[0], y[0] - x[1]], 0.5) };
}

/** The pitch axis, to the foot's left: the turning axis about which the toes go down first and most. */
function leftOf(turning: readonly Vector[]): Vector {
  const axis = mainAxis(turning);
  let [angle, least, most] = [0, 0, 0];
  for (const rate of turning) {
    angle += dot(rate, axis);
    least = Math.min(least, angle);
    most = Math.max(most, angle);
  }
  return -least > most ? scaled(axis, -1) : axis;
}

/** Part of [from, to) in motion: first and last row above the level. */
function motionPhase(index: Float64Array, from: number, to: number, peak: number): readonly [number, number] {
  const quiet = Math.max(index[from] as number, index[to] as number);
  const level = quiet + SIDE_SWAP_PARAMETERS.motionShare * (peak - quiet);
  let [first, last] = [from, to - 1];
  while (first < last && (index[first] as number) < level) first += 1;
  while (last > first && (index[last] as number) < level) last -= 1;
  return [first, last];
}

/** The stride between two quiet rows; null where it is none: too short or long, no motion, a gap in it, or the foot did not move on. */
function strideBetween(imu: FootImu, index: Float64Array, from: number, to: number): StridePath | null {
  const p = SIDE_SWAP_PARAMETERS;
  const seconds = (to - from) / imu.rateHz;
  if (seconds < p.shortestStrideS || seconds > p.longestStrideS) return null;
  const peak = index.subarray(from, to).reduce((most, value) => Math.max(most, value), 0);
  if (peak < p.leastPeakRadS || Math.max(index[from] as number, index[to] as number) > p.quietShare * peak) return null;
  const { position, turning, turn } = travelOf(imu, from, to);
  const chord = position.at(-1) as Vector;
  const lengthM = length(chord);
  if (!(lengthM > 0)) return null;
  const forward = scaled(chord, 1 / lengthM);
  const axis = leftOf(turning);
  const across = sum(axis, scaled(forward, -dot(axis, forward)));
  const left = scaled(across, 1 / length(across));
  // About the foot's own up, forward x left: what is left of the pitching does not count as a turn.
  const up: Vector = [
    forward[1] * left[2] - forward[2] * left[1],
    forward[2] * left[0] - forward[0] * left[2],
    forward[0] * left[1] - forward[1] * left[0],
  ];
  const [first, last] = motionPhase(index, from, to, peak);
  const rowAt = (share: number): number => Math.round(first + share * (last - first)) - from;
  const offset = mean(position.slice(rowAt(p.pathFrom), rowAt(p.pathTo) + 1).map((at) => dot(at, left))) / lengthM;
  return Number.isFinite(offset) ? { from, contact: last, to, lengthM, turnRad: Math.abs(dot(turn, up)), offset } : null;
}

/** Strides of one stretch, straight ones of usual length. */
function stridesOf(imu: FootImu): StridePath[] {
  const index = motionIndex(imu);
  const quiet = quietRows(index, imu.rateHz);
  const all = quiet.slice(1).flatMap((to, k) => strideBetween(imu, index, quiet[k] as number, to) ?? []);
  const usual = median(all.map((stride) => stride.lengthM));
  const { leastLengthShare, mostTurnRad } = SIDE_SWAP_PARAMETERS;
  return all.filter((stride) => stride.lengthM >= leastLengthShare * usual && stride.turnRad <= mostTurnRad);
}

/** Sums of the first three powers of a channel's finite values about zero, for its spread and skew. */
function momentsOf(imu: FootImu, column: number): { readonly variance: number; readonly skew: number } {
  let [count, first, second, third] = [0, 0, 0, 0];
  for (let i = column; i < imu.samples.length; i += 6) {
    const value = imu.samples[i] as number;
    if (!Number.isFinite(value)) continue;
    count += 1;
    first += value;
    second += value * value;
    third += value ** 3;
  }
  const average = first / count;
  const variance = second / count - average ** 2;
  return { variance, skew: third / count - 3 * average * variance - average ** 3 };
}

/** Whether z can be up where gravity is removed: most of the acceleration along it, and its peaks (contacts) above its troughs. */
function looksUpright(trunk: FootImu): boolean {
  const z = momentsOf(trunk, 2);
  return z.variance > momentsOf(trunk, 0).variance && z.variance > momentsOf(trunk, 1).variance && z.skew > 0;
}

/** Direction of up in the trunk sensor: its mean acceleration where gravity is in it; z where it is not, or null where z cannot be up. */
function upOf(trunk: FootImu): Vector | null {
  if (trunk.gravity === 'removed') return looksUpright(trunk) ? [0, 0, 1] : null;
  let total: Vector = [0, 0, 0];
  for (let row = 0; row < trunk.samples.length / 6; row += 1) {
    const value = vectorAt(trunk, row, 0);
    if (Number.isFinite(length(value))) total = sum(total, value);
  }
  return scaled(total, 1 / length(total));
}

/** Mean yaw rate of the trunk in the part of a stride after `contactS`; NaN where the trunk was not recorded then. */
function yawAfter(trunk: ImuStretch, up: Vector, contactS: number, strideS: number): number {
  const from = Math.round((contactS - trunk.startS) * trunk.rateHz);
  const to = from + Math.round(SIDE_SWAP_PARAMETERS.trunkShare * strideS * trunk.rateHz);
  if (from < 0 || to > trunk.samples.length / 6) return Number.NaN;
  let total = 0;
  for (let row = from; row < to; row += 1) total += dot(vectorAt(trunk, row, 3), up);
  return total / (to - from);
}

interface FootEvidence {
  readonly offsets: readonly number[];
  readonly yaw: readonly number[];
}

function evidenceOf(feet: readonly ImuStretch[], trunk: readonly ImuStretch[]): FootEvidence {
  const upright = trunk.flatMap((stretch) => {
    const up = upOf(stretch);
    return up === null ? [] : [{ stretch, up }];
  });
  const offsets: number[] = [];
  const yaw: number[] = [];
  for (const foot of feet) {
    for (const { from, contact, to, offset } of stridesOf(foot)) {
      offsets.push(offset);
      const contactS = foot.startS + contact / foot.rateHz;
      const values = upright.map(({ stretch, up }) => yawAfter(stretch, up, contactS, (to - from) / foot.rateHz));
      yaw.push(...values.filter((value) => Number.isFinite(value)));
    }
  }
  return { offsets, yaw };
}

/** Difference of the medians; NaN below leastStrides on either side. */
function difference(left: readonly number[], right: readonly number[]): number {
  if (Math.min(left.length, right.length) < SIDE_SWAP_PARAMETERS.leastStrides) return Number.NaN;
  return median(left) - median(right);
}

/** 1: as worn by name, -1: exchanged, 0: no vote. */
const voteOf = (value: number, threshold: number): number => (Math.abs(value) >= threshold ? Math.sign(value) : 0);

/**
 * Whether left and right are exchanged. Streams may be in any number of stretches and may be empty; rows with NaN (gaps) end the stride they lie in.
 * Ten or so straight strides of each foot are enough; fewer than leastStrides give null.
 */
export function detectSideSwap({ left, right, trunk }: SideSwapStreams): SideSwap {
  const ofLeft = evidenceOf(left, trunk);
  const ofRight = evidenceOf(right, trunk);
  const path = difference(ofLeft.offsets, ofRight.offsets);
  const trunkRadS = difference(ofLeft.yaw, ofRight.yaw);
  const votes = [voteOf(path, SIDE_SWAP_PARAMETERS.pathThreshold), voteOf(trunkRadS, SIDE_SWAP_PARAMETERS.trunkThresholdRadS)];
  const says = votes.filter((vote) => vote !== 0);
  const agreed = says.length > 0 && says.every((vote) => vote === says[0]);
  return {
    swapped: agreed ? says[0] === -1 : null,
    evidence: { path, trunkRadS },
    strides: { left: ofLeft.offsets.length, right: ofRight.offsets.length },
  };
}
