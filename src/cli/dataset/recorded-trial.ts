/** One gait trial on its way into a data set: standing mean off, walking found, windows made by the service's own pipeline. */
import { encodeFrame } from '../../contracts/frame.ts';
import type { ModelContract } from '../../contracts/model.ts';
import type { TrialRow } from '../../recordings/gait-imu.ts';
import { type Recording, type RecordedStream, RecordingError, toFloat32 } from '../../recordings/recording.ts';
import { recordingSession } from '../../recordings/session.ts';
import { createAthletePipeline, type DueWindow } from '../../shard/athlete-pipeline.ts';
import { asymmetryPct } from '../../signal/asymmetry.ts';
import { motionIndex, type StepTimes } from '../../signal/gait.ts';
import { mean, sampleSd } from '../../signal/order-statistics.ts';
import { summariseSession } from '../../signal/session-metrics.ts';
import { SESSION_START_US } from './cast.ts';
import { stepsBesideAnnotation, type FootSteps } from './recorded-steps.ts';

/** Standing is read from this much before the first annotated step (shared/data/README.md: two seconds carry the leak). */
const STANDING_S = 2;
/** With less than this before the first step, standing after the last one counts as well. (chosen) */
const ENOUGH_STANDING_S = 0.5;
/** Steps of either foot further apart than this end a walking bout: slow walkers stand on both feet for half a second. (chosen) */
const BOUT_GAP_S = 1;
/** Session time of a frame, as a gateway that sends twice a second. */
const FRAME_S = 0.5;
const GRAVITY_M_S2 = 9.80665;
const DEGREE = Math.PI / 180;
/** Factors of the recording's units (g, deg/s) to the contract's (m/s2, rad/s), ax ay az gx gy gz. */
const TO_SI = [GRAVITY_M_S2, GRAVITY_M_S2, GRAVITY_M_S2, DEGREE, DEGREE, DEGREE];

/** Seconds from the trial's first sample, half-open. */
export type Span = readonly [startS: number, endS: number];

export interface GaitTrial {
  readonly row: TrialRow;
  /** float32, in g and deg/s, the standing mean of each channel taken off. */
  readonly recording: Recording;
  /** Mean of the standing samples, left foot then right foot, ax ay az in m/s2, gx gy gz in rad/s. */
  readonly standingMean: readonly number[];
  readonly standingSamples: number;
  readonly bouts: readonly Span[];
  /** Values of GAIT_FEATURES; NaN where the trial does not show it. */
  readonly features: readonly number[];
  /** Of the recording as it was read. */
  readonly steps: readonly FootSteps[];
}

/** Figures of a whole trial from the service's own step detector. Signed ones are left against right. */
export const GAIT_FEATURES = [
  { name: 'strideTimeS', unit: 's' },
  { name: 'footFlatTimeS', unit: 's' },
  { name: 'footFlatShare', unit: 'share of stride' },
  { name: 'footFlatSymmetryPct', unit: '%' },
  { name: 'strideTimeCv', unit: '1' },
  { name: 'stepDurationCv', unit: '1' },
  { name: 'interLimbPhase', unit: 'share of stride' },
  { name: 'peakMotionRadS', unit: 'rad/s' },
  { name: 'peakMotionSymmetryPct', unit: '%' },
  { name: 'peakMotionCv', unit: '1' },
  { name: 'strides', unit: '1' },
] as const;

const stepsOfBoth = (row: TrialRow): (readonly [number, number])[] => [...row.leftSteps, ...row.rightSteps].toSorted((a, b) => a[0] - b[0]);

/**
 * Sample ranges [from, to) in which the subject stands: up to two seconds before the first annotated step, and as long after the last one where
 * there is too little before.
 * @throws RecordingError where no step is annotated, or no sample lies before the first or after the last.
 */
export function standingRanges(row: TrialRow, rateHz: number): [number, number][] {
  const steps = stepsOfBoth(row);
  if (steps.length === 0) throw new RecordingError(`trial ${row.code} has no annotated step`);
  const first = Math.max(0, Math.min(row.samples, (steps[0] as readonly [number, number])[0]));
  const last = Math.min(row.samples, Math.max(...steps.map((step) => step[1])));
  const before: [number, number] = [Math.max(0, first - STANDING_S * rateHz), first];
  const after: [number, number] = [last, Math.min(row.samples, last + STANDING_S * rateHz)];
  const ranges = (first >= ENOUGH_STANDING_S * rateHz ? [before] : [before, after]).filter(([from, to]) => to > from);
  if (ranges.length === 0) throw new RecordingError(`trial ${row.code} has no standing sample before its first or after its last step`);
  return ranges;
}

/** Steps of both feet joined where at most BOUT_GAP_S lies between them: what is outside is standing. */
export function walkingBouts(row: TrialRow, rateHz: number): Span[] {
  const bouts: [number, number][] = [];
  for (const [start, end] of stepsOfBoth(row)) {
    const last = bouts.at(-1);
    if (last !== undefined && start / rateHz - last[1] <= BOUT_GAP_S) last[1] = Math.max(last[1], end / rateHz);
    else bouts.push([start / rateHz, end / rateHz]);
  }
  return bouts;
}

/** Mean of each column over the ranges of rows. */
function columnMeans(samples: Float32Array, width: number, ranges: readonly (readonly [number, number])[]): number[] {
  const sums = Array.from<number>({ length: width }).fill(0);
  let rows = 0;
  for (const [from, to] of ranges) {
    for (let row = from; row < to; row += 1) for (let c = 0; c < width; c += 1) sums[c]! += samples[row * width + c]!;
    rows += to - from;
  }
  return sums.map((sum) => sum / rows);
}

/** The stream as float32 with `offsets` taken off each channel. A gait-imu stream is one segment without gaps. */
function withoutOffsets(stream: RecordedStream, offsets: readonly number[]): RecordedStream {
  const { scale: _, ...rest } = stream;
  const width = stream.channels.length;
  const segments = stream.segments.map((segment) => ({
    startS: segment.startS,
    samples: toFloat32(stream, segment).map((value, i) => value - offsets[i % width]!),
  }));
  return { ...rest, encoding: 'float32', segments };
}

const strideTimes = (steps: StepTimes): number[] => steps.slice(1).map(([start], i) => start - steps[i]![0]);

/** Coefficient of variation over values within a factor of 1.5 of their median-like mean; NaN below three. */
function variation(values: readonly number[]): number {
  const centre = values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  const kept = values.filter((value) => value <= 1.5 * centre && value * 1.5 >= centre);
  return kept.length < 3 ? Number.NaN : sampleSd(kept) / mean(kept);
}

/** Share of the left stride that has gone by when the right foot lifts, mean over strides; one half is even. NaN without a pair. */
function interLimbPhase(left: StepTimes, right: StepTimes): number {
  const shares = left.slice(1).flatMap(([next], i) => {
    const start = left[i]![0];
    const other = right.find(([at]) => at > start && at < next);
    return other === undefined || next - start > 3 ? [] : [(other[0] - start) / (next - start)];
  });
  return mean(shares);
}

/** Largest motion index of each step, rad/s. */
function stepPeaks(stream: RecordedStream, steps: StepTimes): number[] {
  const width = stream.channels.length;
  const samples = toFloat32(stream, stream.segments[0]!).map((value, i) => value * TO_SI[i % width]!);
  const index = motionIndex({ samples, rateHz: stream.rateHz, gravity: 'removed' });
  return steps.map(([from, to]) =>
    index.subarray(Math.round(from * stream.rateHz), Math.round(to * stream.rateHz)).reduce((a, b) => Math.max(a, b), 0),
  );
}

/** Values of GAIT_FEATURES from the service's step detector; the annotation is not looked at. */
export function gaitFeatures(recording: Recording): number[] {
  const { gait } = summariseSession(recordingSession(recording, 0));
  const [leftStream, rightStream] = recording.streams as [RecordedStream, RecordedStream];
  if (gait === null) return GAIT_FEATURES.map(() => Number.NaN);
  const { left, right } = gait.steps;
  const orNaN = (value: number | null): number => value ?? Number.NaN;
  const flat = mean([orNaN(gait.footFlatTimeS.left), orNaN(gait.footFlatTimeS.right)]);
  const peaks = [stepPeaks(leftStream, left), stepPeaks(rightStream, right)] as const;
  const durations = [left, right].map((steps) => steps.map(([from, to]) => to - from));
  const values: Record<(typeof GAIT_FEATURES)[number]['name'], number> = {
    strideTimeS: orNaN(gait.strideTimeS),
    footFlatTimeS: flat,
    footFlatShare: flat / orNaN(gait.strideTimeS),
    footFlatSymmetryPct: orNaN(gait.symmetryPct),
    strideTimeCv: mean([variation(strideTimes(left)), variation(strideTimes(right))]),
    stepDurationCv: mean(durations.map(variation)),
    interLimbPhase: interLimbPhase(left, right),
    peakMotionRadS: mean([mean(peaks[0]), mean(peaks[1])]),
    peakMotionSymmetryPct: asymmetryPct(mean(peaks[0]), mean(peaks[1])),
    peakMotionCv: mean(peaks.map(variation)),
    strides: gait.strides.left + gait.strides.right,
  };
  return GAIT_FEATURES.map(({ name }) => values[name]);
}

/**
 * A trial ready for windows. `recording` is what readRecording gives for the row.
 * @throws RecordingError where there is no annotated step or no standing sample.
 */
export function prepareTrial(row: TrialRow, recording: Recording): GaitTrial {
  const rateHz = recording.streams[0]!.rateHz;
  const ranges = standingRanges(row, rateHz);
  const offsets = recording.streams.map((stream) => columnMeans(toFloat32(stream, stream.segments[0]!), stream.channels.length, ranges));
  const streams = recording.streams.map((stream, i) => withoutOffsets(stream, offsets[i]!));
  const cleaned = { ...recording, streams };
  return {
    row,
    recording: cleaned,
    standingMean: offsets.flatMap((means) => means.map((value, c) => value * TO_SI[c]!)),
    standingSamples: ranges.reduce((sum, [from, to]) => sum + to - from, 0),
    bouts: walkingBouts(row, rateHz),
    features: gaitFeatures(cleaned),
    steps: stepsBesideAnnotation(row, recording),
  };
}

/** Context channels of the contract that the list of trials tells; what it does not tell is masked. */
export function contextOf(row: TrialRow): Record<string, number> {
  const { age, massKg, heightM } = row;
  return {
    ...(age === null ? {} : { age }),
    ...(row.sex === 'M' || row.sex === 'F' ? { sex: row.sex === 'M' ? 1 : 0 } : {}),
    ...(massKg === null ? {} : { massKg }),
    ...(heightM === null ? {} : { heightM }),
  };
}

/** Where a window lies: wholly inside a walking bout, wholly outside every one, or across a border (both false). */
export interface Place {
  readonly walking: boolean;
  readonly standing: boolean;
}

export function placeOf(span: Span, bouts: readonly Span[]): Place {
  return {
    walking: bouts.some(([from, to]) => span[0] >= from && span[1] <= to),
    standing: bouts.every(([from, to]) => span[1] <= from || span[0] >= to),
  };
}

/**
 * Every window of the trial in order through the service's own pipeline, in recorded mode, baselines frozen: a trial of twenty seconds starts no
 * baseline of its own. `visit` must copy what it keeps. The last window stays open, as it does in the service until a later sample comes.
 */
export function eachTrialWindow(trial: GaitTrial, contract: ModelContract, visit: (due: DueWindow, place: Place) => void): void {
  const { recording, row } = trial;
  const pipeline = createAthletePipeline({
    contract,
    athlete: { athleteId: row.code, context: contextOf(row), baselineFrozen: true },
  });
  recording.streams.forEach((stream, index) => {
    const { kind, placement, rateHz, channels, gravity, frame } = stream;
    pipeline.open({
      streamId: index + 1,
      athleteId: row.code,
      declaration: {
        stream: index,
        device: `${row.code}-${placement}`,
        boot: row.code,
        kind,
        placement,
        channels: [...channels],
        ...(gravity === undefined ? {} : { gravity }),
        ...(frame === undefined ? {} : { frame }),
        mode: 'recorded',
        rateHz,
        encoding: 'float32',
      },
      receivedUs: SESSION_START_US + index,
      nextSequence: 0,
      lastDeviceTimeUs: null,
    });
  });
  let receivedUs = SESSION_START_US + recording.streams.length;
  for (let sequence = 0; sequence * FRAME_S * 100 < row.samples; sequence += 1) {
    recording.streams.forEach((stream, index) => {
      const width = stream.channels.length;
      const rows = Math.round(FRAME_S * stream.rateHz);
      const samples = toFloat32(stream, stream.segments[0]!).subarray(sequence * rows * width, (sequence + 1) * rows * width);
      if (samples.length === 0) return;
      const deviceTimeUs = SESSION_START_US + sequence * FRAME_S * 1e6;
      const bytes = encodeFrame({ flags: 0, channels: width, stream: index, sequence, deviceTimeUs }, samples);
      receivedUs += 1;
      pipeline.push(index + 1, sequence, receivedUs, bytes);
    });
    for (let due = pipeline.takeDue(); due !== null; due = pipeline.takeDue()) {
      const span: Span = [(due.meta.startUs - SESSION_START_US) / 1e6, (due.meta.endUs - SESSION_START_US) / 1e6];
      visit(due, placeOf(span, trial.bouts));
      pipeline.skip(due);
    }
  }
}
