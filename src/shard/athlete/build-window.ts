/** PURE. A due window: samples on the grid, activity class, values on the athlete's own scale. What the network is given, and what is known beside it. */
import { alignStream, framesBetween } from '../../align/align-window.ts';
import type { ScalarName } from '../../align/channel-map.ts';
import { hashOf, STEPS, windowStartUs, WINDOW_US } from '../../align/grid.ts';
import { readLnRmssd, readScalar, type ScalarReading } from '../../align/scalars.ts';
import type { ModelContract, ScalarChannel } from '../../contracts/model.ts';
import type { ScoredWindow, WindowStream } from '../../contracts/score.ts';
import { classifyActivity } from '../../normalise/activity.ts';
import { normaliseWindow, useDevice, type NormalisedWindow } from '../../normalise/baseline.ts';
import type { WindowInput } from '../../score/ports.ts';
import type { AthleteContext } from '../ports.ts';
import type { AthleteState } from './athlete-state.ts';
import { IDENTITY, mapperOf } from './stream-time.ts';
import { meanOf, planFeatures, windowFeatures, type FeaturePlan } from './window-features.ts';
import { scalarValue, scaleScalars, type ScalarReadings, type ScalarTensors } from './window-scalars.ts';

/** What is known of a due window before it is scored. */
export type WindowMeta = Omit<
  ScoredWindow,
  'state' | 'stateLogit' | 'logitSd' | 'rehab' | 'performance' | 'residualNorm' | 'fAttn' | 'attnTime' | 'attnTokens' | 'scoredAtUs'
>;

export interface DueWindow {
  /** Arrays belong to the pipeline and are valid until `complete` or `skip`: copy what is kept. */
  readonly input: WindowInput;
  readonly meta: WindowMeta;
  /** False where the contract's minimum is not met: complete it with null ("not enough data"). */
  readonly scorable: boolean;
}

/** A due window, and what moves the baselines when it ends. */
export interface BuiltWindow {
  readonly due: DueWindow;
  readonly normalised: NormalisedWindow;
}

/** Arrays that every window of the athlete is built in, and what does not change from window to window. */
export interface WindowBench {
  /** Row-major, STEPS x channels of the contract. */
  readonly bio: Float32Array;
  readonly mask: Float32Array;
  readonly features: FeaturePlan;
  readonly context: ScalarTensors;
}

export function createWindowBench(contract: ModelContract, athlete: AthleteContext): WindowBench {
  const places = STEPS * contract.bio.length;
  const context = Float32Array.from(contract.context, (c) => athlete.context[c.name] ?? Number.NaN);
  return {
    bio: new Float32Array(places),
    mask: new Float32Array(places),
    features: planFeatures(contract),
    context: scaleScalars(context, contract.context, contract.zClip),
  };
}

/** Writes the window's samples into the bench, names its activity, and gives both in z. Counted as due. */
export function buildWindow(state: AthleteState, bench: WindowBench, windowIndex: number): BuiltWindow {
  const { contract, athlete, baselines, stats } = state;
  const { bio, mask, context } = bench;
  const startUs = windowStartUs(windowIndex, state.phaseUs);
  const { used, readings, lnRmssd } = fillWindow(state, bench, startUs);
  state.activity = classifyActivity(windowFeatures(bench.features, bio, mask, readings), state.activity);
  const { activity } = state;
  const emgActivation = meanOf(bench.features.emg, bio, mask, contract.bio.length);
  const values: ScalarReadings = { byName: readings, lnRmssd, emgActivation };
  const valuesOf = (channels: readonly ScalarChannel[]): Float32Array =>
    Float32Array.from(channels, (c) => scalarValue(c.name, values, activity));
  const phys = valuesOf(contract.phys);
  const perf = valuesOf(contract.perf);
  const physZ = scaleScalars(phys, contract.phys, contract.zClip);
  const perfZ = scaleScalars(perf, contract.perf, contract.zClip);
  const normalised = normaliseWindow(bio, mask, STEPS, contract, baselines, activity);
  const clipped = normalised.clipped + physZ.clipped + perfZ.clipped;
  stats.windowsDue += 1;
  stats.clipped += clipped;
  const due: DueWindow = {
    input: {
      bio,
      bioMask: mask,
      phys: physZ.z,
      physMask: physZ.mask,
      perf: perfZ.z,
      perfMask: perfZ.mask,
      context: context.z,
      contextMask: context.mask,
      elapsedHops: Number.isNaN(state.lastScoredIndex) ? 0 : windowIndex - state.lastScoredIndex,
      state: state.modelState,
    },
    meta: {
      athleteId: athlete.athleteId,
      modelVersion: contract.version,
      windowIndex,
      startUs,
      endUs: startUs + WINDOW_US,
      activity,
      observedFraction: normalised.observedFraction,
      clipped,
      streams: used,
      channelSummary: normalised.summary,
      phys,
      perf,
      closedByUs: state.newestReceivedUs,
      provisional: normalised.provisional,
    },
    scorable: normalised.observedChannels >= contract.minimum.bioChannels,
  };
  return { due, normalised };
}

interface Filled {
  /** Streams with samples in the window, newest id first. */
  readonly used: readonly WindowStream[];
  /** The first stream that has a scalar wins. */
  readonly readings: ReadonlyMap<ScalarName, ScalarReading>;
  readonly lnRmssd: number;
}

/** The window's samples in physical units on the grid; places that nothing was measured at stay masked. */
function fillWindow({ followed, contract, baselines }: AthleteState, { bio, mask }: WindowBench, startUs: number): Filled {
  bio.fill(0);
  mask.fill(0);
  const endUs = startUs + WINDOW_US;
  const used: WindowStream[] = [];
  const readings = new Map<ScalarName, ScalarReading>();
  let lnRmssd = Number.NaN;
  const claimed = new Set<number>();
  for (const stream of followed) {
    if (stream.buffer === null || stream.declaration === null) continue;
    const mapOf = mapperOf(stream);
    const { buffer } = stream;
    const frames =
      stream.map.bio.length > 0
        ? alignStream(buffer, stream.map.bio, startUs, mapOf, bio, mask, contract.bio.length)
        : framesBetween(buffer, endUs - Math.max(stream.lookBackUs, WINDOW_US), endUs, mapOf);
    for (const source of stream.map.scalars) {
      if (source.name === 'rrMs' && Number.isNaN(lnRmssd)) lnRmssd = readLnRmssd(buffer, source, startUs, mapOf);
      const reading = readScalar(buffer, source, startUs, mapOf);
      if (!Number.isNaN(reading.mean) && !readings.has(source.name)) readings.set(source.name, reading);
    }
    if (frames === null) continue;
    const map = mapOf(frames.segmentId) ?? IDENTITY;
    used.push({
      streamId: stream.streamId,
      firstSequence: frames.firstSequence,
      lastSequence: frames.lastSequence,
      offsetUs: map.offsetUs,
      driftPpm: (map.rate - 1) * 1e6,
    });
    const device = hashOf(stream.declaration.device) & 0xffff || 1;
    for (const { target } of stream.map.bio) {
      if (!claimed.has(target)) useDevice(baselines, contract, target, device);
      claimed.add(target);
    }
  }
  return { used, readings, lnRmssd };
}
