/**
 * Simulated athletes with their sensors: a seeded generative model of gait as foot and trunk IMUs, force plates, a wearable and a position
 * sensor would see it, with the truth beside it. Everything is a function of the options: no clock, no global randomness, any piece can be
 * rendered alone and equals the same piece of a longer rendering. Constants and their sources: constants.ts.
 */
import type { StreamDeclaration } from '../contracts/protocol.ts';
import { ALTERED_THRESHOLD, FAULTS, GAIT } from './constants.ts';
import { drawClock, gapOfMinute, type DeviceClock } from './device.ts';
import { createPhysiology, fatigueAt } from './physiology.ts';
import { drawPerson, type Person } from './person.ts';
import { planSegments, type Protocol, type Segment, type SimulatedActivity } from './protocol.ts';
import { gaussianTable, hash32, smoothNoise } from './random.ts';
import { createForcePlate, createImu, FORCE_SCALE_N, strideAt, type Movement, type Renderer } from './sensors.ts';
import { planSeverity, type Profile, type SeverityOptions } from './severity.ts';
import { buildStrides, type Strides } from './stride-timeline.ts';

export const SIMULATOR_VERSION = '1.1.0';

export interface SimulatedAthleteOptions {
  readonly seed: number;
  /** Length of the session; time runs from 0 to this. */
  readonly durationS: number;
  readonly profile: Profile;
  readonly protocol?: Protocol;
  readonly severity?: SeverityOptions;
  /** Device names start with this; sim-SEED unless told. */
  readonly name?: string;
  readonly boot?: string;
  /** live: each device has its own clock with offset and drift. recorded: Unix time from startUs, no drift. */
  readonly mode?: 'live' | 'recorded';
  readonly startUs?: number;
  readonly imuRateHz?: 100 | 200;
  readonly gravity?: 'included' | 'removed';
  /** Which sensors are worn: IMUs, wearable and position unless told. */
  readonly sensors?: { readonly imus?: boolean; readonly forcePlates?: boolean; readonly wearable?: boolean; readonly position?: boolean };
  readonly positionRateHz?: number;
  /** Dropouts and narrow ranges at the rates of constants.ts; true unless told. */
  readonly faults?: boolean;
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

/** Measured over the strides before tS of the bout: NaN below 20 strides (50 for the variability). */
export interface DomainFeatures {
  /** (L - R) / (L + R) * 100 of contact time. */
  readonly contactSymmetryPct: number;
  /** The same of peak vertical force. */
  readonly peakSymmetryPct: number;
  /** Right contact as a share of the left stride: 0.5 is even. */
  readonly interLimbPhase: number;
  /** Coefficient of variation of stride time. */
  readonly strideTimeCv: number;
  /** Mean vertical loading rate, body weights per second. */
  readonly loadingRateBwS: number;
}

export interface SimulatedLabels {
  /** 1 where severity is above ALTERED_THRESHOLD (0.35). */
  readonly altered: 0 | 1;
  readonly severity: number;
  /** Rehabilitation progress, 1 = recovered: one minus severity with a slow error of its own, in [0, 1]. */
  readonly rehab: number;
  /** Output at the same effort over the athlete's own fresh, healthy output, in [0, 1]. */
  readonly performance: number;
  readonly activity: SimulatedActivity;
  readonly domain: DomainFeatures;
}

export interface SimulatedAthlete {
  readonly person: Person;
  readonly profile: Profile;
  readonly durationS: number;
  /** Values of the model contract's context channels. */
  readonly context: Readonly<Record<string, number>>;
  readonly streams: readonly SimulatedStream[];
  /** Every stream's samples of [fromS, toS) in stream order, cut at gaps. */
  render(fromS: number, toS: number): RenderedBlock[];
  labels(tS: number): SimulatedLabels;
}

const MIN_STRIDES = 20;
const MIN_STRIDES_CV = 50;
/** Segments whose strides are kept: enough for the renderers and the look-back of the domain features. */
const KEPT_SEGMENTS = 6;

/**
 * Creates an athlete. Cheap: tables are built here, strides and physiology as they are needed.
 * @throws RangeError where durationS is not positive or a protocol is empty.
 */
export function createSimulatedAthlete(options: SimulatedAthleteOptions): SimulatedAthlete {
  const { seed, durationS, profile } = options;
  const person = drawPerson(seed);
  const segments = planSegments(seed, options.protocol ?? 'mixed', durationS);
  const severity = planSeverity(seed, profile, durationS, options.severity);
  const segmentAt = segmentFinder(segments);
  const movement: Movement = { seed, person, segmentAt, stridesOf: strideCache(seed, person, severity.at), severityAt: severity.at };
  const physiology = createPhysiology(seed, person, segmentAt, severity.at, profile === 'fatigue-drift');
  const streams = createStreams(options, movement, physiology);
  const gapsPerMinute = options.faults === false ? 0 : FAULTS.dropoutPerMinute;

  return {
    person,
    profile,
    durationS,
    context: contextOf(person),
    streams,
    render: (fromS, toS) =>
      streams.flatMap((stream, index) => renderBlocks(stream, index, hash32(seed, 900, index), gapsPerMinute, fromS, toS)),
    labels: (tS) => {
      const level = severity.at(tS);
      return {
        altered: level > ALTERED_THRESHOLD ? 1 : 0,
        severity: level,
        rehab: clamp01(1 - level + 0.06 * smoothNoise(seed ^ 0x7e, tS / 40)),
        performance: clamp01((1 - 0.3 * level) * (1 - 0.15 * fatigueAt(tS)) - 0.02 + 0.02 * smoothNoise(seed ^ 0x7f, tS / 20)),
        activity: segmentAt(tS).activity,
        domain: domainFeatures(movement, segments, tS),
      };
    },
  };
}

const clamp01 = (value: number): number => Math.min(1, Math.max(0, value));

function contextOf(person: Person): Record<string, number> {
  return {
    age: person.age,
    sex: person.sex,
    massKg: person.massKg,
    heightM: person.heightM,
    pastInjuries: person.pastInjuries,
    ...(person.daysSinceInjury === null ? {} : { daysSinceInjury: person.daysSinceInjury }),
  };
}

function segmentFinder(segments: readonly Segment[]): (tS: number) => Segment {
  let last = segments[0]!;
  return (tS) => {
    if (tS >= last.startS && tS < last.endS) return last;
    let low = 0;
    let high = segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (segments[middle]!.startS <= tS) low = middle;
      else high = middle - 1;
    }
    last = segments[low]!;
    return last;
  };
}

/** BOUNDED: strides of the last few segments; older ones are built again when asked for. */
function strideCache(seed: number, person: Person, severityAt: (tS: number) => number): (segment: Segment) => Strides {
  const kept = new Map<number, Strides>();
  return (segment) => {
    const found = kept.get(segment.index);
    if (found !== undefined) return found;
    const built = buildStrides(seed, person, segment, severityAt);
    if (kept.size >= KEPT_SEGMENTS) kept.delete(kept.keys().next().value!);
    kept.set(segment.index, built);
    return built;
  };
}

function renderBlocks(
  stream: SimulatedStream,
  index: number,
  gapSeed: number,
  gapsPerMinute: number,
  fromS: number,
  toS: number,
): RenderedBlock[] {
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
  for (let minute = Math.floor(fromS / 60); minute * 60 < toS; minute += 1) {
    const gap = gapOfMinute(gapSeed, minute, gapsPerMinute);
    if (gap === null) continue;
    emit(stream.sampleAt(gap.startS));
    first = Math.max(first, stream.sampleAt(gap.endS));
  }
  emit(last);
  return blocks;
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

function createStreams(
  options: SimulatedAthleteOptions,
  movement: Movement,
  physiology: ReturnType<typeof createPhysiology>,
): SimulatedStream[] {
  const { imus = true, forcePlates = false, wearable = true, position = true } = options.sensors ?? {};
  const gravity = options.gravity ?? 'removed';
  const rateHz = options.imuRateHz ?? 200;
  const plans: StreamPlan[] = [];
  if (imus) {
    for (const place of ['left', 'right', 'trunk'] as const) {
      const sensor = createImu(movement, place, gravity, options.faults !== false);
      const placement = place === 'trunk' ? 'trunk' : `foot-${place}`;
      plans.push({ kind: 'imu', placement, rateHz, channels: IMU_CHANNELS, render: sensor.render, scale: [...sensor.scale], gravity });
    }
  }
  if (forcePlates) {
    const channels = ['fv', 'fap', 'fml'].map((name) => ({ name, unit: 'N' }));
    for (const side of ['left', 'right'] as const) {
      const scale = [FORCE_SCALE_N, FORCE_SCALE_N, FORCE_SCALE_N];
      plans.push({ kind: 'force-plate', placement: side, rateHz: 200, channels, render: createForcePlate(movement, side), scale });
    }
  }
  if (wearable) plans.push(wearablePlan(movement.seed, physiology));
  if (position) plans.push(positionPlan(movement.seed, physiology, options.positionRateHz ?? 5));
  return plans.map((plan) => createStream(options, plan));
}

function wearablePlan(seed: number, physiology: ReturnType<typeof createPhysiology>): StreamPlan {
  const channels = [
    { name: 'heartRate', unit: 'bpm' },
    { name: 'rrMs', unit: 'ms' },
    { name: 'respirationRate', unit: '1/min' },
    { name: 'skinTemperature', unit: 'Cel' },
    { name: 'smo2', unit: '%' },
  ];
  const render: Renderer = (first, count, rate, out) => {
    for (let i = 0; i < count; i += 1) {
      const second = Math.floor((first + i) / rate + 1e-6);
      out[i * 5] = physiology.heartRate(second);
      out[i * 5 + 1] = physiology.rrMs(second);
      out[i * 5 + 2] = physiology.respiration(second);
      out[i * 5 + 3] = physiology.skinTemperature(second) + 0.02 * smoothNoise(seed ^ 0x91, second);
      out[i * 5 + 4] = physiology.smo2(second);
    }
  };
  return { kind: 'wearable', placement: 'chest', rateHz: 1, channels, render };
}

/** Speed with 0.1 m/s of noise while moving, as satellite or local positioning gives it (chosen), and distance covered. */
function positionPlan(seed: number, physiology: ReturnType<typeof createPhysiology>, rateHz: number): StreamPlan {
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

function createStream(options: SimulatedAthleteOptions, plan: StreamPlan): SimulatedStream {
  const mode = options.mode ?? 'live';
  const device = `${options.name ?? `sim-${options.seed}`}-${plan.kind === 'imu' ? plan.placement : `${plan.kind}-${plan.placement}`}`;
  const clock: DeviceClock =
    mode === 'recorded'
      ? { offsetUs: options.startUs ?? 0, driftPpm: 0 }
      : drawClock(hash32(options.seed, 910, ...device.split('').map((c) => c.charCodeAt(0))));
  const trueRateHz = plan.rateHz * (1 + clock.driftPpm / 1e6);
  const channels = plan.channels.length;
  const int16 = plan.scale !== undefined;
  return {
    declaration: {
      device,
      boot: options.boot ?? 'boot-1',
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
    deviceTimeUs: (n) => Math.round(clock.offsetUs + (n * 1e6) / plan.rateHz),
    render: (first, count) => {
      const out = int16 ? new Int16Array(count * channels) : new Float32Array(count * channels);
      plan.render(first, count, trueRateHz, out);
      return out;
    },
  };
}

/** Walks back over the strides of the bout that have ended by tS, across its segments. */
function domainFeatures(movement: Movement, segments: readonly Segment[], tS: number): DomainFeatures {
  const none = { contactSymmetryPct: NaN, peakSymmetryPct: NaN, interLimbPhase: NaN, strideTimeCv: NaN, loadingRateBwS: NaN };
  let segment: Segment | undefined = movement.segmentAt(tS);
  if (segment.activity === 'rest') return none;
  const { activity, boutStartS } = segment;
  const gait = GAIT[activity];
  const times: number[] = [];
  let [contact, peak, phase, loading] = [0, 0, 0, 0];
  while (segment !== undefined && segment.boutStartS === boutStartS && times.length < MIN_STRIDES_CV) {
    const strides = movement.stridesOf(segment);
    let k = strideAt(strides, tS);
    if (strides.startS[k]! + strides.durationS[k]! > tS) k -= 1;
    for (; k >= 0 && times.length < MIN_STRIDES_CV; k -= 1) {
      times.push(strides.durationS[k]!);
      if (times.length > MIN_STRIDES) continue;
      contact += (strides.stanceLeft[k]! - strides.stanceRight[k]!) / (strides.stanceLeft[k]! + strides.stanceRight[k]!);
      const left = Math.max(gait.firstPeakBw * strides.impactLeft[k]!, gait.secondPeakBw * strides.pushLeft[k]!);
      const right = Math.max(gait.firstPeakBw * strides.impactRight[k]!, gait.secondPeakBw * strides.pushRight[k]!);
      peak += (left - right) / (left + right);
      phase += strides.phase[k]!;
      loading += (gait.loadingRateBwS * strides.amplitude * (strides.impactLeft[k]! + strides.impactRight[k]!)) / 2;
    }
    segment = segments[segment.index - 1];
  }
  if (times.length < MIN_STRIDES) return none;
  return {
    contactSymmetryPct: (100 * contact) / MIN_STRIDES,
    peakSymmetryPct: (100 * peak) / MIN_STRIDES,
    interLimbPhase: phase / MIN_STRIDES,
    strideTimeCv: times.length < MIN_STRIDES_CV ? NaN : variation(times),
    loadingRateBwS: loading / MIN_STRIDES,
  };
}

function variation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1)) / mean;
}
