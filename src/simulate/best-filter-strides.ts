/** What perfect sensors would measure of each stride: the table that the best filter reads. Nothing latent is in it. */
import { AMPLITUDE_JITTER, GAIT } from './constants.ts';
import type { Segment } from './protocol.ts';
import type { Strides } from './stride-timeline.ts';

/** Columns of `StrideMeasurements.values`. D: half the difference left minus right. S: half the sum. Amplitudes in logarithms. */
export const MEASURE = {
  pushD: 0,
  stepD: 1,
  swingD: 2,
  impactD: 3,
  stanceD: 4,
  phase: 5,
  sway: 6,
  pushS: 7,
  stepS: 8,
  swingS: 9,
  impactS: 10,
  stanceS: 11,
} as const;
export const MEASURES = 12;

/** Structure of arrays, one entry a stride, in order of time. Empty where the athlete has not moved. */
export interface StrideMeasurements {
  readonly count: number;
  /** Session time of the stride's middle and end, seconds. */
  readonly midS: Float64Array;
  readonly endS: Float64Array;
  /** Number of the bout, from 0: pace and with it the size of movement are constant within one. */
  readonly bout: Int32Array;
  /** 1 running, 0 walking. */
  readonly running: Uint8Array;
  /** Square of the stride-to-stride scatter of amplitudes in healthy movement. */
  readonly scatter: Float64Array;
  /** count x MEASURES, row-major, of MEASURE's columns. */
  readonly values: Float64Array;
}

export interface SegmentStrides {
  readonly segment: Segment;
  readonly strides: Strides;
}

/**
 * Measures the strides of segments given in order of time. Severity, the renderer's mean phase and the size of movement are not read:
 * latent or not measurable apart from the amplitudes. Segments that are neither walking nor running must be left out.
 */
export function measureStrides(parts: readonly SegmentStrides[]): StrideMeasurements {
  const count = parts.reduce((sum, { strides }) => sum + strides.count, 0);
  const measured = {
    count,
    midS: new Float64Array(count),
    endS: new Float64Array(count),
    bout: new Int32Array(count),
    running: new Uint8Array(count),
    scatter: new Float64Array(count),
    values: new Float64Array(count * MEASURES),
  };
  let at = 0;
  let bout = -1;
  let boutStartS = NaN;
  for (const { segment, strides } of parts) {
    if (segment.boutStartS !== boutStartS) bout += 1;
    boutStartS = segment.boutStartS;
    const activity = segment.activity === 'run' ? 'run' : 'walk';
    for (let k = 0; k < strides.count; k += 1, at += 1) {
      measured.midS[at] = strides.startS[k]! + strides.durationS[k]! / 2;
      measured.endS[at] = strides.startS[k]! + strides.durationS[k]!;
      measured.bout[at] = bout;
      measured.running[at] = activity === 'run' ? 1 : 0;
      measured.scatter[at] = AMPLITUDE_JITTER[activity] ** 2;
      measureStride(strides, k, GAIT[activity].stance, measured.values.subarray(at * MEASURES, (at + 1) * MEASURES));
    }
  }
  return measured;
}

function measureStride(strides: Strides, k: number, stance: number, row: Float64Array): void {
  const pair = (left: Float64Array, right: Float64Array, difference: number, sum: number): void => {
    const [l, r] = [Math.log(left[k]!), Math.log(right[k]!)];
    row[difference] = (l - r) / 2;
    row[sum] = (l + r) / 2;
  };
  pair(strides.pushLeft, strides.pushRight, MEASURE.pushD, MEASURE.pushS);
  pair(strides.stepLeft, strides.stepRight, MEASURE.stepD, MEASURE.stepS);
  pair(strides.swingLeft, strides.swingRight, MEASURE.swingD, MEASURE.swingS);
  pair(strides.impactLeft, strides.impactRight, MEASURE.impactD, MEASURE.impactS);
  row[MEASURE.stanceD] = (strides.stanceLeft[k]! - strides.stanceRight[k]!) / 2;
  row[MEASURE.stanceS] = (strides.stanceLeft[k]! + strides.stanceRight[k]!) / 2 - stance;
  row[MEASURE.phase] = strides.phase[k]! - 0.5;
  row[MEASURE.sway] = strides.sway[k]!;
}
