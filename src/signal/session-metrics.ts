/**
 * What a session's native streams say: jumps from force plates, gait from foot IMUs, heart and muscle figures from wearables.
 * The session-metrics worker stores computeSessionMetrics; the replay prints summariseSession. Both come from the same numbers.
 */
import type { StreamKind } from '../contracts/protocol.ts';
import { unitConversion } from '../align/units.ts';
import {
  detectSteps,
  GAIT_METHOD,
  GAIT_PARAMETERS,
  type GaitSummary,
  stepTimes,
  type StepTimes,
  summariseGait,
  SYMMETRY_DEFINITION,
} from './gait.ts';
import { publishedTypicalError } from './typical-errors.ts';
import { HEART_PARAMETERS, heartRateBpm, lnRmssd, smo2Pct, type Variability } from './heart-rate.ts';
import { detectSensorFaults, SENSOR_FAULT_METHOD, SENSOR_FAULT_PARAMETERS, type SensorFault } from './sensor-faults.ts';
import { detectSideSwap, type ImuStretch, SIDE_SWAP_METHOD, SIDE_SWAP_PARAMETERS, type SideSwap } from './side-swap.ts';
import { detectJumps, type Jump, JUMP_ASYMMETRY_DEFINITION, JUMP_METHOD, JUMP_PARAMETERS, meanOverJumps, summariseJumps } from './jump.ts';

/** One native stream of a session, decoded. Several streams of one placement (boots) may stand side by side. */
export interface SessionStream {
  readonly kind: StreamKind;
  readonly placement: string;
  readonly channels: readonly { readonly name: string; readonly unit: string }[];
  readonly rateHz: number;
  /** IMUs only; included where absent. */
  readonly gravity?: 'included' | 'removed';
  /** Time of the first row, microseconds, on one clock for all streams of the session. */
  readonly startUs: number;
  /** Row-major, rows by channels, in declared units. NaN where a sample is missing; gaps in time are rows of NaN. */
  readonly samples: Float32Array;
}

/** Structurally what the queue stores. */
export interface SessionMetric {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  readonly typicalError: number | null;
  readonly method: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly detail: unknown;
  readonly provisional: boolean;
  readonly atUs: number;
}

export interface TimedJump {
  /** Seconds from the earliest sample of the session's streams. */
  readonly takeoffS: number;
  readonly jump: Jump;
}

export interface WearableSummary {
  readonly heartRateBpm: number | null;
  readonly variability: Variability | null;
  readonly smo2Pct: number | null;
}

/** A fault of the sensor at a placement; seconds from the earliest sample of the session's streams. */
export interface PlacedFault extends SensorFault {
  readonly placement: string;
}

/** Null where the session has no stream of the kind; sideSwap where it lacks one of the feet. */
export interface SessionSummary {
  readonly startUs: number;
  readonly endUs: number;
  readonly jumps: readonly TimedJump[] | null;
  readonly gait: GaitSummary | null;
  readonly sideSwap: SideSwap | null;
  /** In order of placement, then time; null where the session has no IMU. */
  readonly sensorFaults: readonly PlacedFault[] | null;
  readonly wearable: WearableSummary | null;
}

const rowsOf = (stream: SessionStream): number => Math.floor(stream.samples.length / stream.channels.length);
/** End of the last row's period. */
export const endUsOf = (stream: SessionStream): number => stream.startUs + (rowsOf(stream) / stream.rateHz) * 1e6;

/** A channel's values in `unit`; null where the stream has none of that name, or its unit cannot be brought over. */
export function column(stream: SessionStream, name: string, unit: string): Float64Array | null {
  const index = stream.channels.findIndex((channel) => channel.name === name);
  const conversion = unitConversion(stream.channels[index]?.unit ?? '', unit, null);
  if (index < 0 || conversion === null) return null;
  const width = stream.channels.length;
  return Float64Array.from(
    { length: rowsOf(stream) },
    (_, row) => (stream.samples[row * width + index] as number) * conversion.factor + conversion.offset,
  );
}

const IMU_COLUMNS = [
  ['ax', 'm/s2'],
  ['ay', 'm/s2'],
  ['az', 'm/s2'],
  ['gx', 'rad/s'],
  ['gy', 'rad/s'],
  ['gz', 'rad/s'],
] as const;

/** Whether the stream already is rows of six in SI units. */
const isPlainImu = ({ channels }: SessionStream): boolean =>
  channels.length === IMU_COLUMNS.length &&
  channels.every(({ name, unit }, c) => name === IMU_COLUMNS[c]?.[0] && unit === IMU_COLUMNS[c]?.[1]);

/** Rows of six in SI units, the stream's own where they are that already; null where a channel is missing. */
function imuSamples(stream: SessionStream): Float32Array | Float64Array | null {
  if (isPlainImu(stream)) return stream.samples;
  const columns = IMU_COLUMNS.map(([name, unit]) => column(stream, name, unit));
  if (columns.some((values) => values === null)) return null;
  const samples = new Float64Array(rowsOf(stream) * 6);
  columns.forEach((values, c) => {
    for (let row = 0; row < rowsOf(stream); row += 1) samples[row * 6 + c] = (values as Float64Array)[row] as number;
  });
  return samples;
}

/** The stretches of the IMUs at a placement in order of time, in SI units, times in seconds from `zeroUs`. */
function imuStretches(streams: readonly SessionStream[], placement: string, zeroUs: number): ImuStretch[] {
  return streams
    .filter((stream) => stream.kind === 'imu' && stream.placement === placement)
    .toSorted((a, b) => a.startUs - b.startUs)
    .flatMap((stream) => {
      const samples = imuSamples(stream);
      if (samples === null) return [];
      return [{ samples, rateHz: stream.rateHz, gravity: stream.gravity ?? 'included', startS: (stream.startUs - zeroUs) / 1e6 }];
    });
}

/** Steps of one foot over all its stretches. */
const footSteps = (feet: readonly ImuStretch[]): StepTimes =>
  feet.flatMap((foot) => stepTimes(detectSteps(foot), foot.rateHz).map(([from, to]) => [from + foot.startS, to + foot.startS] as const));

interface FeetSummary {
  readonly gait: GaitSummary | null;
  readonly sideSwap: SideSwap | null;
}

function feetOf(streams: readonly SessionStream[], zeroUs: number): FeetSummary {
  const has = (placement: string): boolean => streams.some((stream) => stream.kind === 'imu' && stream.placement.startsWith(placement));
  if (!has('foot-')) return { gait: null, sideSwap: null };
  const [left, right] = [imuStretches(streams, 'foot-left', zeroUs), imuStretches(streams, 'foot-right', zeroUs)];
  const gait = summariseGait(footSteps(left), footSteps(right));
  if (left.length === 0 || right.length === 0) return { gait, sideSwap: null };
  return { gait, sideSwap: detectSideSwap({ left, right, trunk: imuStretches(streams, 'trunk', zeroUs) }) };
}

function sensorFaultsOf(streams: readonly SessionStream[], zeroUs: number): PlacedFault[] | null {
  const placements = new Set(streams.filter(({ kind }) => kind === 'imu').map(({ placement }) => placement));
  if (placements.size === 0) return null;
  return [...placements]
    .toSorted()
    .flatMap((placement) => detectSensorFaults(imuStretches(streams, placement, zeroUs)).map((fault) => ({ placement, ...fault })));
}

/** The stream of the other plate that shares most time with this one, if any does and its rate is the same. */
function partnerOf(plate: SessionStream, others: readonly SessionStream[]): SessionStream | null {
  let best: SessionStream | null = null;
  let most = 0;
  for (const other of others) {
    const shared = Math.min(endUsOf(plate), endUsOf(other)) - Math.max(plate.startUs, other.startUs);
    if (other.rateHz === plate.rateHz && shared > most) [best, most] = [other, shared];
  }
  return best;
}

function jumpsOfPlates(left: SessionStream, right: SessionStream, zeroUs: number): TimedJump[] {
  const { rateHz } = left;
  const startUs = Math.max(left.startUs, right.startUs);
  const from = (stream: SessionStream): Float64Array | null =>
    column(stream, 'fv', 'N')?.subarray(Math.round(((startUs - stream.startUs) / 1e6) * rateHz)) ?? null;
  const forceLeft = from(left);
  const forceRight = from(right);
  if (forceLeft === null || forceRight === null) return [];
  return timed(detectJumps({ left: forceLeft, right: forceRight, rateHz }), startUs, rateHz, zeroUs);
}

const timed = (jumps: readonly Jump[], startUs: number, rateHz: number, zeroUs: number): TimedJump[] =>
  jumps.map((jump) => ({ jump, takeoffS: (startUs - zeroUs) / 1e6 + jump.takeoff / rateHz }));

function jumpsOf(streams: readonly SessionStream[], zeroUs: number): TimedJump[] | null {
  const plates = streams.filter((stream) => stream.kind === 'force-plate');
  if (plates.length === 0) return null;
  const rights = plates.filter((plate) => plate.placement === 'right');
  const lefts = plates.filter((plate) => plate.placement === 'left');
  const paired = lefts.flatMap((left) => {
    const right = partnerOf(left, rights);
    return right === null ? [] : jumpsOfPlates(left, right, zeroUs);
  });
  const single = plates
    .filter((plate) => plate.placement === 'single')
    .flatMap((plate) => {
      const total = column(plate, 'fv', 'N');
      return total === null ? [] : timed(detectJumps({ total, rateHz: plate.rateHz }), plate.startUs, plate.rateHz, zeroUs);
    });
  return [...paired, ...single].toSorted((a, b) => a.takeoffS - b.takeoffS);
}

function wearableOf(streams: readonly SessionStream[]): WearableSummary | null {
  const wearables = streams.filter((stream) => stream.kind === 'wearable');
  if (wearables.length === 0) return null;
  const columns = (names: readonly string[], unit: string): Float64Array[] =>
    wearables.flatMap((stream) => names.flatMap((name) => column(stream, name, unit) ?? []));
  const beats = wearables
    .flatMap((stream) => {
      const rr = column(stream, 'rrMs', 'ms');
      return rr === null ? [] : [lnRmssd(rr, stream.rateHz)];
    })
    .filter((value) => value !== null);
  return {
    heartRateBpm:
      columns(['heartRate'], 'bpm')
        .map(heartRateBpm)
        .find((value) => value !== null) ?? null,
    // Two devices may send RR: the one with more beats knows more.
    variability: beats.toSorted((a, b) => b.pairs - a.pairs)[0] ?? null,
    smo2Pct: smo2Pct(columns(['smo2', 'smo2Left', 'smo2Right'], '%')),
  };
}

/**
 * Jumps, gait and wearable figures of a session. No streams give nulls throughout. Times count from the earliest first sample.
 * @throws RangeError where a stream's rate is not positive or its samples are not whole rows.
 */
export function summariseSession(streams: readonly SessionStream[]): SessionSummary {
  for (const stream of streams) {
    if (!(stream.rateHz > 0) || stream.samples.length % stream.channels.length !== 0) {
      throw new RangeError(
        `${stream.kind} ${stream.placement}: ${stream.samples.length} values at ${stream.rateHz} Hz are not rows of ${stream.channels.length}`,
      );
    }
  }
  const startUs = streams.length === 0 ? 0 : Math.min(...streams.map((stream) => stream.startUs));
  return {
    startUs,
    endUs: streams.length === 0 ? 0 : Math.max(...streams.map(endUsOf)),
    jumps: jumpsOf(streams, startUs),
    ...feetOf(streams, startUs),
    sensorFaults: sensorFaultsOf(streams, startUs),
    wearable: wearableOf(streams),
  };
}

type MetricDraft = Omit<SessionMetric, 'typicalError' | 'provisional' | 'atUs' | 'detail' | 'parameters'> & Partial<SessionMetric>;

/** A typical error that the session's own repeats did not give is the published one, where there is one; its source stands with the parameters. */
function fill(draft: MetricDraft, atUs: number): SessionMetric {
  const metric = { typicalError: null, provisional: false, parameters: {}, detail: null, atUs, ...draft };
  const published = metric.typicalError === null ? publishedTypicalError(metric.name, metric.unit, metric.value) : null;
  if (published === null) return metric;
  return { ...metric, typicalError: published.value, parameters: { ...metric.parameters, typicalErrorFrom: published.source } };
}

function jumpMetrics(jumps: readonly TimedJump[], atUs: number): SessionMetric[] {
  const only = jumps.map(({ jump }) => jump);
  const summary = summariseJumps(only);
  if (summary === null) return [];
  const common = { method: JUMP_METHOD, parameters: JUMP_PARAMETERS, provisional: only.some((jump) => jump.provisional) };
  const detail = jumps.map(({ takeoffS, jump }) => ({ takeoffS, ...jump }));
  return [
    fill({ name: 'jumpHeight', value: summary.heightM, unit: 'm', ...common, typicalError: summary.typicalErrorM, detail }, atUs),
    fill({ name: 'jumpHeightBest', value: summary.bestM, unit: 'm', ...common, typicalError: summary.typicalErrorM }, atUs),
    fill({ name: 'rsiMod', value: meanOverJumps(only, (jump) => jump.rsiModMS), unit: 'm/s', ...common }, atUs),
    fill(
      {
        name: 'jumpAsymmetry',
        value: meanOverJumps(only, (jump) => jump.asymmetryPct),
        unit: '%',
        ...common,
        parameters: { ...JUMP_PARAMETERS, formula: JUMP_ASYMMETRY_DEFINITION },
      },
      atUs,
    ),
  ];
}

/** Twenty strides are what a stable average takes; below that the figures are shown as provisional. */
const STABLE_STRIDES = 20;

function gaitMetrics(gait: GaitSummary, atUs: number): SessionMetric[] {
  if (gait.strideTimeS === null) return [];
  const common = {
    method: GAIT_METHOD,
    parameters: GAIT_PARAMETERS,
    provisional: gait.strides.left + gait.strides.right < STABLE_STRIDES,
    detail: { strides: gait.strides },
  };
  return [
    fill({ name: 'strideTime', value: gait.strideTimeS, unit: 's', ...common }, atUs),
    fill({ name: 'footFlatTimeLeft', value: gait.footFlatTimeS.left, unit: 's', ...common }, atUs),
    fill({ name: 'footFlatTimeRight', value: gait.footFlatTimeS.right, unit: 's', ...common }, atUs),
    fill({ name: 'cadence', value: gait.cadenceSpm, unit: '1/min', ...common }, atUs),
    fill(
      {
        name: 'gaitSymmetry',
        value: gait.symmetryPct,
        unit: '%',
        ...common,
        parameters: { ...GAIT_PARAMETERS, formula: SYMMETRY_DEFINITION },
      },
      atUs,
    ),
  ];
}

/** 1 where left and right are exchanged, 0 where not, null where the strides do not tell; absent without strides of both feet. */
function sideMetrics({ swapped, evidence, strides }: SideSwap, atUs: number): SessionMetric[] {
  if (Math.min(strides.left, strides.right) < SIDE_SWAP_PARAMETERS.leastStrides) return [];
  const trunkRadS = Number.isFinite(evidence.trunkRadS) ? evidence.trunkRadS : null;
  return [
    fill(
      {
        name: 'sides-swapped',
        value: swapped === null ? null : Number(swapped),
        unit: '1',
        method: SIDE_SWAP_METHOD,
        parameters: SIDE_SWAP_PARAMETERS,
        provisional: strides.left + strides.right < STABLE_STRIDES,
        detail: { strides, path: evidence.path, trunkRadS },
      },
      atUs,
    ),
  ];
}

/** BOUNDED: intervals that are listed; all are counted. */
const MAX_LISTED_FAULTS = 200;

function faultMetrics(faults: readonly PlacedFault[], atUs: number): SessionMetric[] {
  const seconds: Record<string, number> = {};
  for (const { kind, startS, endS } of faults) seconds[kind] = (seconds[kind] ?? 0) + endS - startS;
  return [
    fill(
      {
        name: 'sensor-faults',
        value: faults.length,
        unit: '1',
        method: SENSOR_FAULT_METHOD,
        parameters: SENSOR_FAULT_PARAMETERS,
        detail: { seconds, intervals: faults.slice(0, MAX_LISTED_FAULTS) },
      },
      atUs,
    ),
  ];
}

function wearableMetrics(wearable: WearableSummary, atUs: number): SessionMetric[] {
  const common = { method: 'session-mean-1', parameters: HEART_PARAMETERS };
  const { variability } = wearable;
  return [
    ...(wearable.heartRateBpm === null ? [] : [fill({ name: 'heartRate', value: wearable.heartRateBpm, unit: 'bpm', ...common }, atUs)]),
    ...(variability === null
      ? []
      : [
          fill(
            {
              name: 'lnRmssd',
              value: variability.lnRmssd,
              unit: 'ln(ms)',
              method: 'rmssd-artefact-corrected-1',
              parameters: HEART_PARAMETERS,
              provisional: variability.provisional,
              detail: { pairs: variability.pairs, rejected: variability.rejected },
            },
            atUs,
          ),
        ]),
    ...(wearable.smo2Pct === null ? [] : [fill({ name: 'smo2', value: wearable.smo2Pct, unit: '%', ...common }, atUs)]),
  ];
}

/**
 * The metrics to store for a session; those it has no sensor for are absent. `atUs` of each is the end of the session's data.
 * A typical error is the SD over the session's own repeats where there are three, else a published one; null where there is neither.
 * @throws RangeError as summariseSession.
 */
export function computeSessionMetrics(streams: readonly SessionStream[]): SessionMetric[] {
  const { endUs, jumps, gait, sideSwap, sensorFaults, wearable } = summariseSession(streams);
  return [
    ...(jumps === null ? [] : jumpMetrics(jumps, endUs)),
    ...(gait === null ? [] : gaitMetrics(gait, endUs)),
    ...(sideSwap === null ? [] : sideMetrics(sideSwap, endUs)),
    ...(sensorFaults === null ? [] : faultMetrics(sensorFaults, endUs)),
    ...(wearable === null ? [] : wearableMetrics(wearable, endUs)),
  ];
}
