/**
 * Steps of a foot from the IMU on it, and what a session says about gait.
 *
 * A step here is the foot's motion phase, heel-off to foot-flat: what the annotation of the gait recordings marks. Its complement is
 * foot-flat time, not stance (science.md).
 */
import { ASYMMETRY_FORMULA, asymmetryPct } from './asymmetry.ts';
import { mean, median, quantile } from './order-statistics.ts';

const GRAVITY_M_S2 = 9.80665;

/**
 * Every chosen number of the step detector, fitted on all subjects of the gait recordings, so no subject of them is a test set. What to expect of
 * others was estimated by cross-validation over subjects: test/integration/recordings-gait.test.ts has the figures and says what they leave out.
 */
export const GAIT_PARAMETERS = {
  /** What an acceleration counts beside an angular velocity, (rad/s)/(m/s2): the zero crossing between push-off and swing must not look like rest. */
  accelWeight: 0.6,
  /** Length of the moving root mean square: longer than the dip inside a swing, shorter than the shortest foot-flat phase. */
  smoothS: 0.13,
  /** Samples above this count as motion when the swing level is read: five times what a standing foot shows. */
  motionFloorRadS: 1.05,
  swingQuantile: 0.9,
  stanceQuantile: 0.2,
  /** Region threshold above the stance level, as a share of the way to the swing level. */
  regionShare: 0.12,
  /** A region that never gets this far is a fidget. */
  peakShare: 0.3,
  joinGapS: 0.09,
  shortestS: 0.2,
  /** A region this many times the usual length holds two steps: it is cut at the lowest threshold that divides it. */
  splitFactor: 1.6,
  splitQuantile: 0.3,
  splitShareStep: 0.03,
  splitShareMax: 0.6,
  /**
   * On its way for longer than this and this fast the foot runs: it hardly rests between steps, which are parted at the valleys of the motion index. The time is
   * longer than a step of walking; two steps of a walker can run together, but are slower. (chosen)
   */
  longestWalkS: 1.2,
  slowestRunRadS: 8.5,
  /** Strides of running, seconds: from a sprint's to the slowest jog's. (chosen) */
  shortestRunStrideS: 0.45,
  longestRunStrideS: 1,
  /** Valleys lie at least this share of a stride apart, and below this share of the swing level: between push-off and swing a runner's foot does not rest. (chosen) */
  valleySpacing: 0.7,
  valleyShare: 0.6,
  /** Heel-off: share of the push-off peak; foot-flat: share of the step's peak. Both for a peak of referencePeakRadS, see boundaryLevel. */
  startShare: 0.28,
  endShare: 0.17,
  referencePeakRadS: 10,
  /** 1 would make the level a fixed share of every peak, 0 one level for all. */
  peakExponent: 0.75,
  reachS: 0.15,
  /** A motion with no other this near, before or after it, is no walking. */
  loneGapS: 3,
  /** Levels are read afresh for each stretch of this length, so that a warm-up walk does not set the threshold of a run. */
  levelBlockS: 120,
} as const;

export interface FootImu {
  /** Row-major samples: ax ay az in m/s2, gx gy gz in rad/s. */
  readonly samples: ArrayLike<number>;
  readonly rateHz: number;
  /** Included: the length of the acceleration less 1 g is used, which needs no orientation. */
  readonly gravity: 'included' | 'removed';
}

/** Half-open in samples of the stream: [start, end). */
export type StepInterval = readonly [start: number, end: number];

interface Levels {
  readonly stance: number;
  readonly swing: number;
}

/** Squared motion of one row; NaN (a gap) counts as no motion, so that a gap ends a step. */
function motionSquared(imu: FootImu, row: number): number {
  const at = (column: number): number => imu.samples[row * 6 + column] as number;
  const a2 = at(0) ** 2 + at(1) ** 2 + at(2) ** 2;
  const accel = imu.gravity === 'removed' ? a2 : (Math.sqrt(a2) - GRAVITY_M_S2) ** 2;
  const value = at(3) ** 2 + at(4) ** 2 + at(5) ** 2 + GAIT_PARAMETERS.accelWeight ** 2 * accel;
  return Number.isFinite(value) ? value : 0;
}

/**
 * Motion index in rad/s: centred moving root mean square of angular velocity and weighted acceleration.
 * The idea of the generalised likelihood ratio zero-velocity detector (Skog et al. 2010, IEEE Trans Biomed Eng 57:2657): a foot at rest shows neither.
 */
export function motionIndex(imu: FootImu): Float64Array {
  const rows = Math.floor(imu.samples.length / 6);
  const half = Math.max(0, Math.round((GAIT_PARAMETERS.smoothS * imu.rateHz - 1) / 2));
  const cumulative = new Float64Array(rows + 1);
  for (let i = 0; i < rows; i += 1) cumulative[i + 1] = (cumulative[i] as number) + motionSquared(imu, i);
  const index = new Float64Array(rows);
  for (let i = 0; i < rows; i += 1) {
    const from = Math.max(0, i - half);
    const to = Math.min(rows, i + half + 1);
    index[i] = Math.sqrt(Math.max(0, (cumulative[to] as number) - (cumulative[from] as number)) / (to - from));
  }
  return index;
}

/** Stance and swing level of a stretch; null where nothing moves in it. */
function levelsOf(index: Float64Array): Levels | null {
  const moving = index.filter((value) => value > GAIT_PARAMETERS.motionFloorRadS);
  if (moving.length === 0) return null;
  const swing = quantile(moving, GAIT_PARAMETERS.swingQuantile);
  const quiet = index.filter((value) => value < swing / 2);
  return { swing, stance: quiet.length === 0 ? 0 : quantile(quiet, GAIT_PARAMETERS.stanceQuantile) };
}

const peakOf = (index: Float64Array, from: number, to: number): number => {
  let at = from;
  for (let i = from + 1; i < to; i += 1) if ((index[i] as number) > (index[at] as number)) at = i;
  return at;
};

/** Stretches of [from, to) above a threshold, joined over gaps shorter than joinGapS. */
function regionsAbove(index: Float64Array, from: number, to: number, threshold: number, rateHz: number): [number, number][] {
  const gap = GAIT_PARAMETERS.joinGapS * rateHz;
  const regions: [number, number][] = [];
  let start = -1;
  for (let i = from; i <= to; i += 1) {
    const above = i < to && (index[i] as number) > threshold;
    if (above && start < 0) start = i;
    if (above || start < 0) continue;
    const last = regions.at(-1);
    if (last !== undefined && start - last[1] < gap) last[1] = i;
    else regions.push([start, i]);
    start = -1;
  }
  return regions;
}

/** Cuts a region that is too long for one step at the lowest threshold that leaves two or more parts of sensible length. */
function splitRegion(index: Float64Array, region: [number, number], usual: number, levels: Levels, rateHz: number): [number, number][] {
  const p = GAIT_PARAMETERS;
  if (region[1] - region[0] <= p.splitFactor * usual) return [region];
  for (let share = p.regionShare + p.splitShareStep; share <= p.splitShareMax; share += p.splitShareStep) {
    const parts = regionsAbove(index, region[0], region[1], share * levels.swing, rateHz).filter(([a, b]) => b - a >= usual / 2);
    if (parts.length > 1) return parts;
  }
  return [region];
}

/** Length of a stride in samples: where the autocorrelation is largest within the strides of running. */
function runStride(index: Float64Array, rateHz: number): number {
  const { shortestRunStrideS, longestRunStrideS } = GAIT_PARAMETERS;
  const centre = mean(index);
  let best = -Infinity;
  let stride = 0;
  for (let lag = Math.round(shortestRunStrideS * rateHz); lag <= Math.round(longestRunStrideS * rateHz); lag += 1) {
    let sum = 0;
    for (let i = lag; i < index.length; i += 1) sum += ((index[i] as number) - centre) * ((index[i - lag] as number) - centre);
    const correlation = sum / (index.length - lag);
    if (correlation > best) [best, stride] = [correlation, lag];
  }
  return stride;
}

/** Cuts a stretch of running at its valleys, the deepest first; what lies before the first and after the last is no whole step. */
function runningSteps(
  index: Float64Array,
  [from, to]: readonly [number, number],
  levels: Levels,
  strideSamples: number,
): [number, number][] {
  const p = GAIT_PARAMETERS;
  const spacing = p.valleySpacing * strideSamples;
  const at = (i: number): number => index[i] as number;
  const minima: number[] = [];
  for (let i = from + 1; i < to - 1; i += 1)
    if (at(i) <= at(i - 1) && at(i) < at(i + 1) && at(i) < p.valleyShare * levels.swing) minima.push(i);
  const valleys: number[] = [];
  for (const i of minima.toSorted((a, b) => at(a) - at(b))) if (valleys.every((valley) => Math.abs(valley - i) >= spacing)) valleys.push(i);
  const inOrder = [from, ...valleys.toSorted((a, b) => a - b), to];
  return inOrder.slice(1).flatMap((end, k): [number, number][] => {
    const start = inOrder[k] as number;
    return end - start >= spacing / 2 ? [[start, end]] : [];
  });
}

/** Parts what runs: where a region is longer than any walker's, all that are longer than a stride of running. Else the regions as they are. */
function partRunning(index: Float64Array, regions: [number, number][], levels: Levels, rateHz: number): [number, number][] {
  const { longestWalkS, slowestRunRadS, longestRunStrideS } = GAIT_PARAMETERS;
  if (levels.swing < slowestRunRadS || regions.every(([a, b]) => b - a <= longestWalkS * rateHz)) return regions;
  const stride = runStride(index, rateHz);
  return regions.flatMap((region) =>
    region[1] - region[0] > longestRunStrideS * rateHz ? runningSteps(index, region, levels, stride) : [region],
  );
}

/**
 * Level of the motion index at which a step begins or ends. It follows the peak less than in proportion: a fixed share of the low peak of a shuffling foot
 * is reached on its slow rise, long before the heel-off that was annotated.
 */
function boundaryLevel(share: number, peak: number): number {
  const { peakExponent, referencePeakRadS } = GAIT_PARAMETERS;
  return share * peak ** peakExponent * referencePeakRadS ** (1 - peakExponent);
}

/** Moves a region's ends to heel-off and foot-flat; `from` and `to` are the neighbours it must not reach into. */
function refine(index: Float64Array, region: [number, number], from: number, to: number): StepInterval {
  const [a, b] = region;
  const middle = (a + b) >> 1;
  const pushOff = peakOf(index, a, Math.max(a + 1, middle));
  const startLevel = boundaryLevel(GAIT_PARAMETERS.startShare, index[pushOff] as number);
  const endLevel = boundaryLevel(GAIT_PARAMETERS.endShare, index[peakOf(index, a, b)] as number);
  let start = pushOff;
  while (start > from && (index[start - 1] as number) > startLevel) start -= 1;
  let end = b;
  if ((index[b - 1] as number) > endLevel) while (end < to && (index[end] as number) > endLevel) end += 1;
  else while (end > middle && (index[end - 1] as number) <= endLevel) end -= 1;
  return [start, end];
}

function stepsOfBlock(index: Float64Array, rateHz: number): StepInterval[] {
  const p = GAIT_PARAMETERS;
  const levels = levelsOf(index);
  if (levels === null) return [];
  const shortest = p.shortestS * rateHz;
  const threshold = levels.stance + p.regionShare * (levels.swing - levels.stance);
  const found = partRunning(index, regionsAbove(index, 0, index.length, threshold, rateHz), levels, rateHz).filter(
    ([a, b]) => b - a >= shortest && (index[peakOf(index, a, b)] as number) >= p.peakShare * levels.swing,
  );
  const usual = quantile(
    found.map(([a, b]) => b - a),
    p.splitQuantile,
  );
  const regions = found.flatMap((region) => splitRegion(index, region, usual, levels, rateHz));
  const reach = Math.round(p.reachS * rateHz);
  return regions
    .map((region, k) => {
      const before = Math.max(regions[k - 1]?.[1] ?? 0, region[0] - reach);
      const after = Math.min(regions[k + 1]?.[0] ?? index.length, region[1] + reach);
      return refine(index, region, before, after);
    })
    .filter(([a, b]) => b - a >= shortest);
}

/** Leaves out steps that the stream's start or end cuts off, whose heel-off or foot-flat nobody has seen, and lone motions. */
function wholeStepsOfWalks(steps: readonly StepInterval[], rows: number, rateHz: number): StepInterval[] {
  const near = GAIT_PARAMETERS.loneGapS * rateHz;
  return steps.filter(([start, end], k) => {
    const sinceLast = start - (steps[k - 1]?.[1] ?? -Infinity);
    const untilNext = (steps[k + 1]?.[0] ?? Infinity) - end;
    return start > 0 && end < rows && Math.min(sinceLast, untilNext) < near;
  });
}

/**
 * Steps of one foot, in order, without overlap, in samples of the stream. A stream in which nothing moves, or an empty one, has none; nor has one with a
 * single step.
 * @throws RangeError where rateHz is not positive or the samples are not rows of six.
 */
export function detectSteps(imu: FootImu): StepInterval[] {
  if (!(imu.rateHz > 0)) throw new RangeError(`rateHz must be positive, not ${imu.rateHz}`);
  if (imu.samples.length % 6 !== 0) throw new RangeError(`${imu.samples.length} values are not rows of six channels`);
  const index = motionIndex(imu);
  const block = Math.round(GAIT_PARAMETERS.levelBlockS * imu.rateHz);
  const blocks = Math.max(1, Math.round(index.length / block));
  const steps: StepInterval[] = [];
  for (let k = 0; k < blocks; k += 1) {
    const from = k * block;
    const to = k === blocks - 1 ? index.length : from + block;
    for (const [a, b] of stepsOfBlock(index.subarray(from, to), imu.rateHz)) {
      const last = steps.at(-1);
      // A step that a block's edge has cut in two.
      if (last !== undefined && last[1] === from && a === 0) steps[steps.length - 1] = [last[0], from + b];
      else steps.push([from + a, from + b]);
    }
  }
  return wholeStepsOfWalks(steps, index.length, imu.rateHz);
}

export type StepTimes = readonly (readonly [startS: number, endS: number])[];

export interface GaitSummary {
  readonly steps: { readonly left: StepTimes; readonly right: StepTimes };
  /** Heel-off to heel-off of one foot, mean over the strides of both; null without a stride, as all figures below. */
  readonly strideTimeS: number | null;
  readonly footFlatTimeS: { readonly left: number | null; readonly right: number | null };
  readonly cadenceSpm: number | null;
  /** Signed, of the foot-flat times averaged over strides. */
  readonly symmetryPct: number | null;
  readonly strides: { readonly left: number; readonly right: number };
}

export const GAIT_METHOD = 'foot-imu-motion-index-3';
export const SYMMETRY_DEFINITION = `${ASYMMETRY_FORMULA} of foot-flat time averaged over strides`;

/** Longer than this is a stop or a turn, not a stride: two seconds is under half of the slowest habitual cadence of healthy adults. */
const LONGEST_STRIDE_S = 3;
const SHORTEST_STRIDE_S = 0.35;
/** A stride is judged beside the foot's median, so that the turn does not enter the averages. */
const STRIDE_TOLERANCE = 1.5;
/** Foot-flat takes some 40 % of a walking stride. With less than this the foot ran, and foot-flat, hence symmetry, has no meaning. (chosen) */
const LEAST_WALKING_SHARE = 0.2;

interface Stride {
  readonly durationS: number;
  readonly footFlatS: number;
}

function stridesOf(steps: StepTimes): Stride[] {
  const all: Stride[] = [];
  for (let i = 1; i < steps.length; i += 1) {
    const [start, end] = steps[i - 1] as readonly [number, number];
    const next = (steps[i] as readonly [number, number])[0];
    const durationS = next - start;
    if (durationS >= SHORTEST_STRIDE_S && durationS <= LONGEST_STRIDE_S) all.push({ durationS, footFlatS: next - end });
  }
  const usual = median(all.map((stride) => stride.durationS));
  return all.filter((stride) => stride.durationS <= STRIDE_TOLERANCE * usual && stride.durationS * STRIDE_TOLERANCE >= usual);
}

const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Mean over walking strides; NaN without one. */
const footFlatOf = (strides: readonly Stride[]): number =>
  mean(strides.filter(({ durationS, footFlatS }) => footFlatS >= LEAST_WALKING_SHARE * durationS).map(({ footFlatS }) => footFlatS));

/**
 * Averages over strides of the steps of both feet, in seconds. A foot that is missing has an empty list: its figures are null. Foot-flat times and their
 * symmetry are of walking strides alone.
 */
export function summariseGait(left: StepTimes, right: StepTimes): GaitSummary {
  const ofLeft = stridesOf(left);
  const ofRight = stridesOf(right);
  const strideTimeS = mean([...ofLeft, ...ofRight].map((stride) => stride.durationS));
  const flatLeft = footFlatOf(ofLeft);
  const flatRight = footFlatOf(ofRight);
  return {
    steps: { left, right },
    strideTimeS: orNull(strideTimeS),
    footFlatTimeS: { left: orNull(flatLeft), right: orNull(flatRight) },
    // A stride is two steps.
    cadenceSpm: orNull(120 / strideTimeS),
    symmetryPct: orNull(asymmetryPct(flatLeft, flatRight)),
    strides: { left: ofLeft.length, right: ofRight.length },
  };
}

/** Steps as seconds from the stream's first sample. */
export function stepTimes(steps: readonly StepInterval[], rateHz: number): StepTimes {
  return steps.map(([a, b]) => [a / rateHz, b / rateHz] as const);
}
