/** The streams of an athlete: what each device declares, how it stamps, what it renders and where it has gaps. */
import type { StreamDeclaration } from '../contracts/protocol.ts';
import { EMG, FAULTS, type Muscle } from './constants.ts';
import { drawClock, type DeviceClock } from './device.ts';
import { createEmg } from './emg.ts';
import { gapsOf, isNarrow, spoilImu, type Fault, type PlannedFault } from './faults.ts';
import type { PhysiologyTimeline } from './physiology.ts';
import { gaussianTable, hash32, smoothNoise } from './random.ts';
import { createForcePlate, createImu, FORCE_SCALE_N, type Movement, type Renderer } from './sensors.ts';

/** Which sensors are worn. */
export interface SensorOptions {
  readonly imus?: boolean;
  readonly forcePlates?: boolean;
  readonly wearable?: boolean;
  readonly position?: boolean;
  /** Envelopes of quadriceps and hamstrings, both sides. */
  readonly emg?: boolean;
  /** Further channels of the wearable. */
  readonly vo2?: boolean;
  readonly spo2?: boolean;
}

/** What the streams need to know of the session. */
export interface StreamOptions {
  readonly name: string;
  /** Of the day: clocks, gaps and noise. */
  readonly seed: number;
  readonly boot: string;
  readonly mode: 'live' | 'recorded';
  readonly startUs: number;
  readonly imuRateHz: 100 | 200;
  readonly positionRateHz: number;
  readonly gravity: 'included' | 'removed';
  readonly sensors: SensorOptions;
  /** Chance of a gap in a stream's minute and of narrow ranges. */
  readonly chance: boolean;
  readonly faults: readonly PlannedFault[];
}

export interface SimulatedStream {
  /** As `hello` wants it, but for the index on the connection. */
  readonly declaration: Omit<StreamDeclaration, 'stream'>;
  readonly channels: number;
  /** Samples taken per second of true time: the declared rate times the crystal's error. */
  readonly trueRateHz: number;
  /** First sample at or after tS. */
  sampleAt(tS: number): number;
  /** True time of sample n, seconds of the session. */
  timeS(n: number): number;
  /** The device's stamp on sample n, microseconds. */
  deviceTimeUs(n: number): number;
  /** Samples [first, first + count), row-major, gaps not applied. Int16 where the declaration says so. */
  render(first: number, count: number): Int16Array | Float32Array;
}

/** A run of samples without a gap. */
export interface RenderedBlock {
  /** Index into `streams`. */
  readonly stream: number;
  readonly firstSample: number;
  readonly count: number;
  readonly deviceTimeUs: number;
  readonly samples: Int16Array | Float32Array;
}

interface StreamPlan {
  readonly kind: StreamDeclaration['kind'];
  readonly placement: string;
  readonly rateHz: number;
  readonly channels: StreamDeclaration['channels'];
  readonly render: Renderer;
  readonly scale?: number[];
  readonly gravity?: 'included' | 'removed';
}

const IMU_CHANNELS = ['ax', 'ay', 'az', 'gx', 'gy', 'gz'].map((name, i) => ({ name, unit: i < 3 ? 'm/s2' : 'rad/s' }));

const MUSCLES: readonly Muscle[] = ['quadriceps', 'hamstring'];

/** The streams of the sensors worn, IMUs first; further kinds are appended, so that a stream's gaps do not depend on what else is worn after it. */
export function createStreams(options: StreamOptions, movement: Movement, physiology: PhysiologyTimeline): SimulatedStream[] {
  const { imus = true, forcePlates = false, wearable = true, position = true, emg = false } = options.sensors;
  const plans = [
    ...(imus ? imuPlans(options, movement) : []),
    ...(forcePlates ? platePlans(movement) : []),
    ...(wearable ? [wearablePlan(movement.seed, physiology, options.sensors)] : []),
    ...(position ? [positionPlan(movement.seed, physiology, options.positionRateHz)] : []),
    ...(emg ? emgPlans(movement) : []),
  ];
  return plans.map((plan) => createStream(options, plan));
}

function imuPlans({ gravity, imuRateHz, chance, faults }: StreamOptions, movement: Movement): StreamPlan[] {
  const swapped = faults.some(({ kind }) => kind === 'swapped');
  return (['left', 'right', 'trunk'] as const).map((place) => {
    const worn = place === 'trunk' || !swapped ? place : place === 'left' ? 'right' : 'left';
    const sensor = createImu(movement, worn, gravity, chance);
    const placement = place === 'trunk' ? 'trunk' : `foot-${place}`;
    const render = spoilImu(
      sensor.render,
      sensor.scale,
      faults.filter((fault) => fault.placement === placement),
    );
    return { kind: 'imu', placement, rateHz: imuRateHz, channels: IMU_CHANNELS, render, scale: [...sensor.scale], gravity };
  });
}

function platePlans(movement: Movement): StreamPlan[] {
  const channels = ['fv', 'fap', 'fml'].map((name) => ({ name, unit: 'N' }));
  const scale = [FORCE_SCALE_N, FORCE_SCALE_N, FORCE_SCALE_N];
  return (['left', 'right'] as const).map((side) => ({
    kind: 'force-plate',
    placement: side,
    rateHz: 200,
    channels,
    render: createForcePlate(movement, side),
    scale,
  }));
}

function emgPlans(movement: Movement): StreamPlan[] {
  return MUSCLES.flatMap((muscle) =>
    (['left', 'right'] as const).map((side) => ({
      kind: 'emg' as const,
      placement: `${muscle}-${side}`,
      rateHz: EMG.rateHz,
      channels: [{ name: 'envelope', unit: '%MVC' }],
      render: createEmg(movement, muscle, side),
      scale: [EMG.scale],
    })),
  );
}

function wearablePlan(seed: number, physiology: PhysiologyTimeline, { vo2 = false, spo2 = false }: SensorOptions): StreamPlan {
  const readings: readonly { readonly name: string; readonly unit: string; readonly at: (second: number) => number }[] = [
    { name: 'heartRate', unit: 'bpm', at: (second) => physiology.heartRate(second) },
    { name: 'rrMs', unit: 'ms', at: (second) => physiology.rrMs(second) },
    { name: 'respirationRate', unit: '1/min', at: (second) => physiology.respiration(second) },
    { name: 'skinTemperature', unit: 'Cel', at: (second) => physiology.skinTemperature(second) + 0.02 * smoothNoise(seed ^ 0x91, second) },
    { name: 'smo2', unit: '%', at: (second) => physiology.smo2(second) },
    ...(vo2 ? [{ name: 'vo2', unit: 'mL/min/kg', at: (second: number) => physiology.vo2(second) }] : []),
    ...(spo2 ? [{ name: 'spo2', unit: '%', at: (second: number) => physiology.spo2(second) }] : []),
  ];
  const render: Renderer = (first, count, rate, out) => {
    for (let i = 0; i < count; i += 1) {
      const second = Math.floor((first + i) / rate + 1e-6);
      readings.forEach(({ at }, c) => void (out[i * readings.length + c] = at(second)));
    }
  };
  return { kind: 'wearable', placement: 'chest', rateHz: 1, channels: readings.map(({ name, unit }) => ({ name, unit })), render };
}

/** Speed with 0.1 m/s of noise while moving, as satellite or local positioning gives it (chosen), and distance covered. */
function positionPlan(seed: number, physiology: PhysiologyTimeline, rateHz: number): StreamPlan {
  const channels = [
    { name: 'speed', unit: 'm/s' },
    { name: 'distance', unit: 'm' },
  ];
  const noise = gaussianTable();
  const render: Renderer = (first, count, rate, out) => {
    for (let i = 0; i < count; i += 1) {
      const n = first + i;
      const speed = physiology.speedMS(n / rate);
      const sd = speed > 0 ? 0.1 : 0.02;
      out[i * 2] = Math.max(0, speed + sd * noise[(hash32(seed, 0x92, n >>> 10) + n) & 0xffff]!);
      out[i * 2 + 1] = physiology.distanceM(n / rate);
    }
  };
  return { kind: 'position', placement: 'body', rateHz, channels, render };
}

function createStream(options: StreamOptions, plan: StreamPlan): SimulatedStream {
  const { mode } = options;
  const device = `${options.name}-${plan.kind === 'imu' ? plan.placement : `${plan.kind}-${plan.placement}`}`;
  const clock: DeviceClock =
    mode === 'recorded'
      ? { offsetUs: options.startUs, driftPpm: 0 }
      : drawClock(hash32(options.seed, 910, ...device.split('').map((c) => c.charCodeAt(0))));
  const own = options.faults.filter(({ placement }) => plan.kind === 'imu' && placement === plan.placement).map(({ kind }) => kind);
  const takenHz = plan.rateHz * (own.includes('rate') ? FAULTS.rateFactor : 1);
  const lateUs = own.includes('misaligned') ? FAULTS.misalignedUs : 0;
  const trueRateHz = takenHz * (1 + clock.driftPpm / 1e6);
  const channels = plan.channels.length;
  const int16 = plan.scale !== undefined;
  return {
    declaration: {
      device,
      boot: options.boot,
      kind: plan.kind,
      placement: plan.placement,
      channels: plan.channels,
      ...(plan.gravity === undefined ? {} : { gravity: plan.gravity, frame: 'sensor' as const }),
      mode,
      rateHz: plan.rateHz,
      encoding: int16 ? 'int16' : 'float32',
      ...(plan.scale === undefined ? {} : { scale: plan.scale }),
    },
    channels,
    trueRateHz,
    sampleAt: (tS) => Math.max(0, Math.ceil(tS * trueRateHz - 1e-6)),
    timeS: (n) => n / trueRateHz,
    deviceTimeUs: (n) => Math.round(clock.offsetUs + lateUs + (n * 1e6) / takenHz),
    render: (first, count) => {
      const out = int16 ? new Int16Array(count * channels) : new Float32Array(count * channels);
      plan.render(first, count, trueRateHz, out);
      return out;
    },
  };
}

/** What the gaps of a stream hang on; its index among the athlete's streams. */
interface GapPlan {
  readonly seed: number;
  readonly perMinute: number;
  readonly heavy: PlannedFault | undefined;
}

function gapPlanOf(options: StreamOptions, stream: SimulatedStream, index: number): GapPlan {
  const { kind, placement } = stream.declaration;
  return {
    seed: hash32(options.seed, 900, index),
    perMinute: options.chance ? FAULTS.dropoutPerMinute : 0,
    heavy: options.faults.find((fault) => fault.kind === 'dropout' && kind === 'imu' && fault.placement === placement),
  };
}

/** The blocks of [fromS, toS) of stream `index`, cut at its gaps. */
export function renderBlocks(options: StreamOptions, stream: SimulatedStream, index: number, fromS: number, toS: number): RenderedBlock[] {
  const plan = gapPlanOf(options, stream, index);
  const blocks: RenderedBlock[] = [];
  const last = stream.sampleAt(toS);
  let first = stream.sampleAt(fromS);
  const emit = (until: number): void => {
    const count = Math.min(until, last) - first;
    if (count > 0) {
      blocks.push({
        stream: index,
        firstSample: first,
        count,
        deviceTimeUs: stream.deviceTimeUs(first),
        samples: stream.render(first, count),
      });
    }
  };
  for (const gap of gapsOf(plan.seed, plan.perMinute, plan.heavy, fromS, toS)) {
    emit(stream.sampleAt(gap.startS));
    first = Math.max(first, stream.sampleAt(gap.endS));
  }
  emit(last);
  return blocks;
}

/** Truth of the session's faults, by stream and time: gaps and narrow ranges of chance included. */
export function faultsOf(options: StreamOptions, streams: readonly SimulatedStream[], durationS: number): Fault[] {
  return streams
    .flatMap((stream, index) => {
      const { kind, placement, scale } = stream.declaration;
      const { seed, perMinute, heavy } = gapPlanOf(options, stream, index);
      const of = (what: Fault['kind'], startS: number, endS: number): Fault => ({ kind: what, stream: index, placement, startS, endS });
      const gaps = gapsOf(seed, perMinute, heavy, 0, durationS).map((gap) => of('dropout', gap.startS, Math.min(gap.endS, durationS)));
      const narrow = kind === 'imu' && scale !== undefined && isNarrow(scale) ? [of('saturation', 0, durationS)] : [];
      const planned = options.faults.filter((fault) => kind === 'imu' && fault.placement === placement && fault.kind !== 'dropout');
      return [...gaps, ...narrow, ...planned.map((fault) => of(fault.kind, fault.startS, fault.endS))];
    })
    .toSorted((a, b) => a.startS - b.startS || a.stream - b.stream);
}
