/**
 * Simulated athletes with their sensors: a seeded generative model of gait as foot and trunk IMUs, force plates, a wearable and a position
 * sensor would see it, with the truth beside it. Everything is a function of the options: no clock, no global randomness, any piece can be
 * rendered alone and equals the same piece of a longer rendering. Constants and their sources: constants.ts.
 */
import { ALTERED_THRESHOLD, GAIT, PHYSIOLOGY } from './constants.ts';
import { planFaults, type Fault, type FaultOption } from './faults.ts';
import { buildJumps, type SimulatedJump } from './jump.ts';
import { createPhysiology, fatigueAt } from './physiology.ts';
import { drawPerson, type Person } from './person.ts';
import { planSegments, type Protocol, type Segment, type SimulatedActivity } from './protocol.ts';
import { hash32, smoothNoise } from './random.ts';
import { strideAt, type Movement } from './sensors.ts';
import { planSeverity, type Profile, type SeverityOptions } from './severity.ts';
import {
  createStreams,
  faultsOf,
  renderBlocks,
  type RenderedBlock,
  type SensorOptions,
  type SimulatedStream,
  type StreamOptions,
} from './streams.ts';
import { buildStrides, type Strides } from './stride-timeline.ts';

export type { RenderedBlock, SimulatedStream } from './streams.ts';

export const SIMULATOR_VERSION = '2.0.0';

export interface SimulatedAthleteOptions {
  /** Who it is: body, gait, healthy asymmetry, expression, affected side. */
  readonly seed: number;
  /** Which day: protocol, course of severity, strides, noise, mountings, clocks and faults. Drawn from `seed` alone where absent. */
  readonly daySeed?: number;
  /** State brought to the session; fresh and sound unless told. */
  readonly condition?: Condition;
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
  readonly sensors?: SensorOptions;
  readonly positionRateHz?: number;
  /** Short dropouts and narrow ranges at the rates of constants.ts; true unless told. 'all' adds every other kind at its natural rate. */
  readonly faults?: boolean | 'all';
  /** A fault that one drawn foot (both where they are swapped) has for certain. */
  readonly fault?: FaultOption;
  /** Series of jumps in a mixed session, in the place of its rests. */
  readonly jumps?: boolean;
}

/** What an athlete brings to a session, each in [0, 1]. */
export interface Condition {
  /** Lowers rest heart-rate variability and jump height, raises rest heart rate. */
  readonly fatigue?: number;
  /** Tissue damage: the severity of the session before any rise (`severity.niggle` overrides it). */
  readonly damage?: number;
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
  /** The strides of every segment of walking or running, in order: what perfect sensors would see. Built anew at each call. */
  strides(): { readonly segment: Segment; readonly strides: Strides }[];
  /** What is wrong with the sensors, in order of start: the truth. Bounded by the session's length. */
  faults(): readonly Fault[];
  /** The jumps that begin in [fromS, toS), in order. */
  jumps(fromS: number, toS: number): readonly SimulatedJump[];
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
  const daySeed = options.daySeed === undefined ? seed : hash32(seed, 1001, options.daySeed);
  const { fatigue = 0, damage } = options.condition ?? {};
  const person = drawPerson(seed);
  const segments = planSegments(daySeed, options.protocol ?? 'mixed', durationS, options.jumps);
  const severity = planSeverity(daySeed, profile, durationS, { ...(damage === undefined ? {} : { niggle: damage }), ...options.severity });
  const segmentAt = segmentFinder(segments);
  const movement: Movement = {
    seed: daySeed,
    personSeed: seed,
    person,
    segmentAt,
    stridesOf: segmentCache((segment) => buildStrides(daySeed, person, segment, severity.at)),
    jumpsOf: segmentCache((segment) => buildJumps(daySeed, person, segment, severity.at, fatigueAt, fatigue)),
    severityAt: severity.at,
  };
  const tired = fatigue === 0 ? person : { ...person, restHr: person.restHr + PHYSIOLOGY.fatigueHr * fatigue };
  const physiology = createPhysiology(daySeed, tired, segmentAt, severity.at, profile === 'fatigue-drift', fatigue);
  const streamOptions = streamOptionsOf(options, daySeed);
  const streams = createStreams(streamOptions, movement, physiology);

  return {
    person,
    profile,
    durationS,
    context: contextOf(person),
    streams,
    render: (fromS, toS) => streams.flatMap((stream, index) => renderBlocks(streamOptions, stream, index, fromS, toS)),
    strides: () =>
      segments
        .filter(({ activity }) => activity === 'walk' || activity === 'run')
        .map((segment) => ({ segment, strides: buildStrides(daySeed, person, segment, severity.at) })),
    faults: () => faultsOf(streamOptions, streams, durationS),
    jumps: (fromS, toS) =>
      segments
        .filter((segment) => segment.activity === 'jump' && segment.endS > fromS && segment.startS < toS)
        .flatMap((segment) => movement.jumpsOf(segment))
        .filter((jump) => jump.startS >= fromS && jump.startS < toS),
    labels: (tS) => {
      const level = severity.at(tS);
      return {
        altered: level > ALTERED_THRESHOLD ? 1 : 0,
        severity: level,
        rehab: clamp01(1 - level + 0.06 * smoothNoise(daySeed ^ 0x7e, tS / 40)),
        performance: clamp01((1 - 0.3 * level) * (1 - 0.15 * fatigueAt(tS)) - 0.02 + 0.02 * smoothNoise(daySeed ^ 0x7f, tS / 20)),
        activity: segmentAt(tS).activity,
        domain: domainFeatures(movement, segments, tS),
      };
    },
  };
}

function streamOptionsOf(options: SimulatedAthleteOptions, daySeed: number): StreamOptions {
  return {
    name: options.name ?? `sim-${options.seed}`,
    seed: daySeed,
    boot: options.boot ?? 'boot-1',
    mode: options.mode ?? 'live',
    startUs: options.startUs ?? 0,
    imuRateHz: options.imuRateHz ?? 200,
    positionRateHz: options.positionRateHz ?? 5,
    gravity: options.gravity ?? 'removed',
    sensors: options.sensors ?? {},
    chance: options.faults !== false,
    faults: planFaults(daySeed, options.durationS, options.fault, options.faults === 'all'),
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

/** BOUNDED: what was built of the last few segments; older ones are built again when asked for. */
function segmentCache<T>(build: (segment: Segment) => T): (segment: Segment) => T {
  const kept = new Map<number, T>();
  return (segment) => {
    const found = kept.get(segment.index);
    if (found !== undefined) return found;
    const built = build(segment);
    if (kept.size >= KEPT_SEGMENTS) kept.delete(kept.keys().next().value!);
    kept.set(segment.index, built);
    return built;
  };
}

/** Walks back over the strides of the bout that have ended by tS, across its segments. */
function domainFeatures(movement: Movement, segments: readonly Segment[], tS: number): DomainFeatures {
  const none = { contactSymmetryPct: NaN, peakSymmetryPct: NaN, interLimbPhase: NaN, strideTimeCv: NaN, loadingRateBwS: NaN };
  let segment: Segment | undefined = movement.segmentAt(tS);
  if (segment.activity === 'rest' || segment.activity === 'jump') return none;
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
