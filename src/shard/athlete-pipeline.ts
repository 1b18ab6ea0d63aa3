/**
 * One athlete from stored frames to windows and scores: clocks, grid, baselines, model state, checkpoint. Wires align, normalise and the
 * model's carried state; PURE: no clock, no timer, no I/O. Scoring is a function of stored frames, stored receipt stamps, the hellos and the
 * athlete's context, nothing else (SCORED-IS-STORED): the same calls give the same windows bit for bit, also when cut at any
 * point and continued from a checkpoint.
 *
 * Frames are consumed only while no window is in flight, one at a time, and due windows are looked for after each: so neither batching nor
 * the speed of the scorer can change what a window sees.
 */
import { alignStream, framesBetween, reachUs, type TimeMap } from '../align/align-window.ts';
import { mapChannels, type ChannelMap, type ScalarName } from '../align/channel-map.ts';
import { createDeviceClock, type DeviceClock } from '../align/device-clock.ts';
import { firstWindowFrom, firstWindowWith, hashOf, phaseUsOf, STEPS, windowStartUs, WINDOW_US } from '../align/grid.ts';
import { lookBackUs, readLnRmssd, readScalar, type ScalarReading } from '../align/scalars.ts';
import { createStreamBuffer, type Block, type StreamBuffer } from '../align/stream-buffer.ts';
import { decodeFrameHeader, decodeSamples, sampleBytes, type FrameHeader } from '../contracts/frame.ts';
import { KinewatchError } from '../contracts/errors.ts';
import { ACTIVITY_CLASSES, type ActivityClass, type ModelContract } from '../contracts/model.ts';
import { FRAME_HEADER_BYTES, FrameFlag, type StreamDeclaration } from '../contracts/protocol.ts';
import type { ScoredWindow, WindowStream } from '../contracts/score.ts';
import type { OpenedStream } from '../contracts/stream.ts';
import { classifyActivity } from '../normalise/activity.ts';
import { createBaselines, moveBaselines, normaliseWindow, useDevice, type NormalisedWindow } from '../normalise/baseline.ts';
import type { ModelState, WindowInput, WindowOutput } from '../score/ports.ts';
import { decodeCheckpoint, encodeCheckpoint, MAX_CHECKPOINT_BYTES, type Checkpoint, type StreamCheckpoint } from './checkpoint.ts';
import type { AthleteContext } from './ports.ts';
import { meanOf, planFeatures, windowFeatures } from './window-features.ts';
import { scalarValue, scaleScalars } from './window-scalars.ts';

/** A window closes this long after its end whatever is missing, and a stream silent for this long no longer holds windows back. */
const WAIT_US = 2_000_000;
/** BOUNDED: streams of an athlete that are followed at once; the one not heard for longest goes. */
const MAX_STREAMS = 16;
/** A stream silent for this long is no longer followed (its clock starts anew when it speaks again). */
const FORGET_US = 1_800_000_000;

export interface PipelineOptions {
  readonly contract: ModelContract;
  readonly athlete: AthleteContext;
  /** Bytes of the athlete's newest checkpoint of this model version. The pipeline then refills its buffers until `endRefill`. */
  readonly checkpoint?: Uint8Array;
}

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

export interface ClockJump {
  readonly athleteId: string;
  readonly streamId: number;
  readonly device: string;
  readonly boot: string;
  readonly atUs: number;
  readonly jumpUs: number;
}

export interface PipelineStats {
  windowsDue: number;
  windowsCompleted: number;
  /** Rows with state null for want of data. */
  windowsUnscored: number;
  /** Samples that came after a window they belonged to had closed. */
  lateSamples: number;
  /** z values clipped. */
  clipped: number;
  /** Frames whose bytes did not decode, or of a stream without a hello. */
  refusedFrames: number;
  duplicateFrames: number;
  /** Samples lost at the bound of a buffer. */
  overwrittenSamples: number;
  clockJumps: number;
  /** Declared offsets that contradicted the frames. */
  seedsRefused: number;
  /** Streams dropped from a checkpoint that would not fit, or over the bound of streams followed. */
  streamsShed: number;
}

export interface AthletePipeline {
  readonly athleteId: string;
  /** A hello's stream. All streams of one hello are opened together, before the first frame that followed it. */
  open(stream: OpenedStream): void;
  /** Queues a stored frame; frames come in receipt order. `bytes` is kept until it is consumed. */
  push(streamId: number, sequence: number, receivedUs: number, bytes: Uint8Array): void;
  /** All frames that the checkpoint had already seen have been pushed again. Implied by the first frame that is new. */
  endRefill(): void;
  /** Consumes frames until a window falls due; null where none is, or while one is in flight. */
  takeDue(): DueWindow | null;
  /**
   * Ends the window in flight: baselines move, model state is carried (unchanged where output is null), the fence advances.
   * @throws KinewatchError score-not-finite where the model's answer is not a number
   */
  complete(
    due: DueWindow,
    output: WindowOutput | null,
    scoredAtUs: number,
  ): { readonly scored: ScoredWindow; readonly checkpoint: Uint8Array<ArrayBuffer> };
  /** Ends the window in flight without a score (data set export): baselines move and `elapsed` counts on, model state does not. */
  skip(due: DueWindow): void;
  stats(): PipelineStats;
  /** Clock jumps since the last call. */
  takeClockJumps(): readonly ClockJump[];
  readonly pendingFrames: number;
  readonly pendingBytes: number;
}

interface Tracked {
  readonly streamId: number;
  hellos: OpenedStream[];
  declaration: StreamDeclaration | null;
  helloUs: number;
  map: ChannelMap;
  buffer: StreamBuffer | null;
  lookBackUs: number;
  clockKey: string | null;
  clock: DeviceClock | null;
  /** Everything below was processed. */
  nextSequence: number;
  /** Everything below is in the buffer or was let go. */
  bufferedTo: number;
  heardUs: number;
  endDeviceUs: number;
  segmentId: number | null;
  segmentFrom: number;
  /** Receipt stamp of the hello whose time exchange the clock has seen. */
  seededUs: number;
  followed: boolean;
}

interface PendingFrame {
  readonly streamId: number;
  readonly sequence: number;
  readonly receivedUs: number;
  readonly bytes: Uint8Array;
}

const IDENTITY: TimeMap = { rate: 1, offsetUs: 0 };
const NO_CHANNELS: ChannelMap = { bio: [], scalars: [], unmapped: [] };
/** Decoded samples of the frame in hand; one per thread, grown to the largest frame (bounded by the protocol). */
let decoded = new Float32Array(8_192);

export function createAthletePipeline(options: PipelineOptions): AthletePipeline {
  const { contract, athlete } = options;
  const channels = contract.bio.length;
  const phaseUs = phaseUsOf(athlete.athleteId);
  const massKg = athlete.context['massKg'] ?? null;
  const features = planFeatures(contract);
  const restored = options.checkpoint === undefined ? null : decodeCheckpoint(options.checkpoint, contract);
  const baselines = restored?.baselines ?? createBaselines(contract);
  const bio = new Float32Array(STEPS * channels);
  const mask = new Float32Array(STEPS * channels);
  const contextValues = Float32Array.from(contract.context, (c) => athlete.context[c.name] ?? Number.NaN);
  const context = scaleScalars(contextValues, contract.context, contract.zClip);

  let state: ModelState = restored?.state ?? {
    final: new Float32Array(contract.sizes.final),
    a: new Float32Array(contract.sizes.hidden),
    h: new Float32Array(2 * contract.sizes.hidden),
  };
  let newestReceivedUs = restored?.newestReceivedUs ?? Number.NEGATIVE_INFINITY;
  let liveNowUs = restored?.liveNowUs ?? Number.NEGATIVE_INFINITY;
  let recordedNowUs = restored?.recordedNowUs ?? Number.NEGATIVE_INFINITY;
  let nextIndex = restored?.nextIndex ?? Number.NaN;
  let lastScoredIndex = restored?.lastScoredIndex ?? Number.NaN;
  let closedEndUs = restored?.closedEndUs ?? Number.NEGATIVE_INFINITY;
  let activity: ActivityClass = ACTIVITY_CLASSES[restored?.activityIndex ?? 0] ?? 'rest';

  const streams = new Map<number, Tracked>();
  /** Followed streams, newest id first: the order in which they fill a window. */
  let followed: Tracked[] = [];
  const clocks = new Map<string, DeviceClock>();
  const restoredClocks = (restored?.clocks ?? []).map((clock) => createDeviceClock(clock));
  const restoredStreams = new Map((restored?.streams ?? []).map((s) => [s.streamId, s]));
  let refilling = restored !== null;

  let pending: PendingFrame[] = [];
  let head = 0;
  let pendingBytes = 0;
  let inFlight: { due: DueWindow; normalised: NormalisedWindow } | null = null;
  let jumps: ClockJump[] = [];
  const stats: PipelineStats = {
    windowsDue: 0,
    windowsCompleted: 0,
    windowsUnscored: 0,
    lateSamples: 0,
    clipped: 0,
    refusedFrames: 0,
    duplicateFrames: 0,
    overwrittenSamples: 0,
    clockJumps: 0,
    seedsRefused: 0,
    streamsShed: 0,
  };

  // ---- streams and hellos

  function open(stream: OpenedStream): void {
    const known = streams.get(stream.streamId) ?? track(stream.streamId);
    if (known.hellos.some((hello) => hello.receivedUs === stream.receivedUs)) return;
    known.hellos = [...known.hellos, stream].toSorted((a, b) => a.receivedUs - b.receivedUs);
    const saved = restoredStreams.get(stream.streamId);
    if (saved !== undefined && known.clockKey === null) {
      const key = clockKeyOf(stream.declaration);
      const clock = saved.clock === null ? undefined : restoredClocks[saved.clock];
      if (clock !== undefined && !clocks.has(key)) clocks.set(key, clock);
      known.clockKey = key;
    }
  }

  function track(streamId: number): Tracked {
    const saved = restoredStreams.get(streamId);
    const made: Tracked = {
      streamId,
      hellos: [],
      declaration: null,
      helloUs: Number.NEGATIVE_INFINITY,
      map: NO_CHANNELS,
      buffer: null,
      lookBackUs: 0,
      clockKey: null,
      clock: null,
      nextSequence: saved?.nextSequence ?? 0,
      bufferedTo: saved?.firstNeeded ?? 0,
      heardUs: saved?.heardUs ?? Number.NEGATIVE_INFINITY,
      endDeviceUs: saved?.endDeviceUs ?? Number.NaN,
      segmentId: saved?.segmentId ?? null,
      segmentFrom: saved?.segmentFrom ?? 0,
      seededUs: saved?.seeded === true ? saved.helloUs : Number.NEGATIVE_INFINITY,
      followed: false,
    };
    streams.set(streamId, made);
    return made;
  }

  /** Puts a hello in force for one stream: from the first frame of any stream of that hello, so that live and re-read order agree. */
  function adopt(stream: Tracked, hello: OpenedStream): void {
    const { declaration } = hello;
    const before = stream.declaration;
    if (before !== null && (before.channels.length !== declaration.channels.length || before.rateHz !== declaration.rateHz))
      stream.buffer = null;
    stream.declaration = declaration;
    stream.helloUs = hello.receivedUs;
    stream.map = mapChannels(declaration, contract, massKg);
    stream.lookBackUs = lookBackUs(stream.map.scalars.map((s) => s.name));
    if (declaration.mode === 'live') {
      const key = clockKeyOf(declaration);
      const clock = clocks.get(key) ?? createDeviceClock();
      clocks.set(key, clock);
      stream.clockKey = key;
      stream.clock = clock;
    } else {
      stream.clock = null;
      stream.segmentId = null;
    }
    follow(stream);
  }

  function follow(stream: Tracked): void {
    if (stream.followed || (stream.map.bio.length === 0 && stream.map.scalars.length === 0)) return;
    stream.followed = true;
    followed = [...followed, stream].toSorted((a, b) => b.streamId - a.streamId);
  }

  function unfollow(stream: Tracked): void {
    stream.followed = false;
    stream.buffer = null;
    stream.endDeviceUs = Number.NaN;
    stream.heardUs = Number.NEGATIVE_INFINITY;
    stream.segmentId = null;
    stream.declaration = null;
    stream.helloUs = Number.NEGATIVE_INFINITY;
    stream.seededUs = Number.NEGATIVE_INFINITY;
    followed = followed.filter((s) => s !== stream);
    const { clockKey } = stream;
    if (clockKey !== null && !followed.some((s) => s.clockKey === clockKey)) clocks.delete(clockKey);
    stream.clock = null;
  }

  const helloAt = (stream: Tracked, receivedUs: number): OpenedStream | undefined =>
    stream.hellos.findLast((hello) => hello.receivedUs < receivedUs) ?? stream.hellos[0];

  /** Puts the hello in force at a new frame's receipt, and its siblings, in force where they are not yet. */
  function bringUpToHello(stream: Tracked, receivedUs: number): void {
    const hello = helloAt(stream, receivedUs);
    if (hello === undefined || (stream.declaration !== null && stream.helloUs >= hello.receivedUs)) return;
    adopt(stream, hello);
    for (const sibling of streams.values()) {
      const own = sibling.hellos.find((h) => h.receivedUs === hello.receivedUs);
      if (own === undefined || (sibling.declaration !== null && sibling.helloUs > hello.receivedUs)) continue;
      if (sibling !== stream) adopt(sibling, own);
      sibling.heardUs = Math.max(sibling.heardUs, own.declaration.mode === 'live' ? receivedUs : recordedNowUs);
    }
  }

  /** After a restart the declarations in force at the checkpoint are put back before anything is read. */
  function restoreHellos(): void {
    for (const saved of restoredStreams.values()) {
      const stream = streams.get(saved.streamId);
      const hello = stream?.hellos.findLast((h) => h.receivedUs <= saved.helloUs);
      if (stream !== undefined && stream.declaration === null && hello !== undefined) adopt(stream, hello);
    }
  }

  // ---- frames

  function isNew(frame: PendingFrame): boolean {
    if (restored === null) return true;
    if (restoredStreams.has(frame.streamId)) return frame.sequence >= (streams.get(frame.streamId)?.nextSequence ?? 0);
    // A stream that the checkpoint does not name was let go before it, or came after it.
    return frame.receivedUs > restored.newestReceivedUs;
  }

  function consume(frame: PendingFrame): void {
    const stream = streams.get(frame.streamId);
    const header = decodeFrameHeader(frame.bytes);
    if (stream === undefined || stream.hellos.length === 0 || header === null) {
      stats.refusedFrames += 1;
      return;
    }
    if (frame.sequence < stream.bufferedTo) {
      stats.duplicateFrames += 1;
      return;
    }
    const fresh = isNew(frame);
    stream.bufferedTo = frame.sequence + 1;
    if (!fresh && !restoredStreams.has(frame.streamId)) return;
    if (fresh) bringUpToHello(stream, frame.receivedUs);
    // A frame is read with the declaration it was sent under, also when it is read again after a later hello.
    const declaration = helloAt(stream, frame.receivedUs)?.declaration;
    const fits =
      declaration !== undefined &&
      header.count > 0 &&
      header.channels === declaration.channels.length &&
      frame.bytes.byteLength === FRAME_HEADER_BYTES + header.count * header.channels * sampleBytes(header.flags);
    if (!fits) {
      stats.refusedFrames += 1;
      stream.nextSequence = Math.max(stream.nextSequence, frame.sequence + 1);
      return;
    }
    const values = header.count * header.channels;
    if (decoded.length < values) decoded = new Float32Array(values);
    decodeSamples(frame.bytes, header, declaration.scale, decoded);
    if (fresh) placeNew(stream, frame, header, declaration);
    else buffer(stream, frame, header, refillSegment(stream, frame.sequence));
  }

  /** The segment a re-read frame was in: the stream's own, or before its start the one before. */
  function refillSegment(stream: Tracked, sequence: number): number | null {
    return stream.segmentId === null ? null : sequence >= stream.segmentFrom ? stream.segmentId : stream.segmentId - 1;
  }

  function placeNew(stream: Tracked, frame: PendingFrame, header: FrameHeader, declaration: StreamDeclaration): void {
    stream.nextSequence = frame.sequence + 1;
    newestReceivedUs = Math.max(newestReceivedUs, frame.receivedUs);
    const periodUs = 1e6 / declaration.rateHz;
    const lastUs = header.deviceTimeUs + (header.count - 1) * periodUs;
    if (stream.clock === null) {
      recordedNowUs = Math.max(recordedNowUs, header.deviceTimeUs);
      stream.heardUs = Math.max(stream.heardUs, lastUs);
    } else {
      liveNowUs = Math.max(liveNowUs, frame.receivedUs);
      stream.heardUs = liveNowUs;
      tick(stream, stream.clock, frame, header, lastUs, declaration);
    }
    if (!stream.followed) follow(stream);
    stream.endDeviceUs = header.deviceTimeUs + header.count * periodUs;
    if (!stream.followed) return;
    buffer(stream, frame, header, stream.segmentId);
    const map = timeMapOf(stream, stream.segmentId) ?? IDENTITY;
    const startUs = header.deviceTimeUs * map.rate + map.offsetUs;
    if (Number.isNaN(nextIndex)) nextIndex = firstWindowFrom(startUs, phaseUs);
    stats.lateSamples += Math.min(header.count, Math.max(0, Math.ceil((closedEndUs - startUs) / (periodUs * map.rate))));
    if (followed.length > MAX_STREAMS) shedOldest();
  }

  /** One step of the device's clock: the segment, a jump, the hello's time exchange, the arrival. */
  function tick(
    stream: Tracked,
    clock: DeviceClock,
    frame: PendingFrame,
    header: FrameHeader,
    lastUs: number,
    declaration: StreamDeclaration,
  ): void {
    const previousEndUs = Number.isNaN(stream.endDeviceUs) ? null : stream.endDeviceUs;
    const started = clock.newestId;
    const choice = clock.choose(stream.segmentId, previousEndUs, header.deviceTimeUs, lastUs, frame.receivedUs);
    if (choice.segmentId !== stream.segmentId) {
      stream.segmentId = choice.segmentId;
      stream.segmentFrom = frame.sequence;
    }
    if (choice.jumpUs !== null) {
      stats.clockJumps += 1;
      jumps = [
        ...jumps.slice(-63),
        {
          athleteId: athlete.athleteId,
          streamId: stream.streamId,
          device: declaration.device,
          boot: declaration.boot,
          atUs: frame.receivedUs,
          jumpUs: choice.jumpUs,
        },
      ];
    }
    const segment = clock.segment(choice.segmentId);
    if (segment === null) return;
    const begun = clock.newestId !== started;
    if (declaration.clock !== undefined && stream.helloUs !== stream.seededUs) {
      stream.seededUs = stream.helloUs;
      const exchange = declaration.clock;
      // The exchange belongs to the clock as it ran at the hello: not to what a later jump began.
      const believed =
        choice.jumpUs === null &&
        segment.seed({ deviceUs: lastUs, arrivalUs: frame.receivedUs }, stream.helloUs, exchange.offsetUs, exchange.roundTripUs);
      if (!believed) stats.seedsRefused += 1;
    }
    // A frame sent again says when the link came back, not when it was sampled.
    if (!begun && (header.flags & FrameFlag.resent) === 0) segment.observe(lastUs, frame.receivedUs);
  }

  function buffer(stream: Tracked, frame: PendingFrame, header: FrameHeader, segmentId: number | null): void {
    stream.buffer ??= createStreamBuffer(header.channels, stream.declaration?.rateHz ?? 1);
    const lost = stream.buffer.samples.overwritten;
    stream.buffer.append(frame.sequence, header.deviceTimeUs, segmentId, decoded, header.count);
    stats.overwrittenSamples += stream.buffer.samples.overwritten - lost;
  }

  // ---- time

  function timeMapOf(stream: Tracked, segmentId: number | null): TimeMap | null {
    if (segmentId === null) return stream.clock === null ? IDENTITY : null;
    const line = stream.clock?.segment(segmentId)?.line();
    return line === undefined ? null : { rate: 1 + line.driftPpm / 1e6, offsetUs: line.offsetUs };
  }

  /** Time map of each segment, looked up once for a pass over a stream. */
  function mapperOf(stream: Tracked): (segmentId: number | null) => TimeMap | null {
    let lastId: number | null | undefined;
    let last: TimeMap | null = null;
    return (segmentId) => {
      if (segmentId !== lastId) {
        lastId = segmentId;
        last = timeMapOf(stream, segmentId);
      }
      return last;
    };
  }

  const span = (stream: Tracked, block: Block, map: TimeMap): [startUs: number, endUs: number] => {
    const startUs = block.startUs * map.rate + map.offsetUs;
    return [startUs, startUs + ((block.count * 1e6) / (stream.buffer?.rateHz ?? 1)) * map.rate];
  };

  /** Receipt stamps close windows, never a timer: all open streams are past the end, or the athlete's newest stamp is 2 s past it. */
  function isClosable(endUs: number): boolean {
    if (Math.max(liveNowUs, recordedNowUs) >= endUs + WAIT_US) return true;
    let open = 0;
    for (const stream of followed) {
      const now = stream.clock === null ? recordedNowUs : liveNowUs;
      if (stream.heardUs < now - WAIT_US) continue;
      open += 1;
      const map = timeMapOf(stream, stream.segmentId);
      if (map === null || Number.isNaN(stream.endDeviceUs)) return false;
      const reach = stream.map.bio.length > 0 ? reachUs(stream.declaration?.rateHz ?? 1) : 0;
      if (stream.endDeviceUs * map.rate + map.offsetUs < endUs + reach) return false;
    }
    return open > 0;
  }

  /** The next window with samples that may close now, or null. Windows without a sample in any stream are passed over. */
  function nextDueIndex(): number | null {
    while (!Number.isNaN(nextIndex)) {
      const startUs = windowStartUs(nextIndex, phaseUs);
      const endUs = startUs + WINDOW_US;
      if (!isClosable(endUs)) return null;
      let earliestUs = Number.POSITIVE_INFINITY;
      for (const stream of followed) {
        const mapOf = mapperOf(stream);
        for (const block of stream.buffer?.blocks ?? []) {
          const map = mapOf(block.segmentId);
          if (map === null) continue;
          const [fromUs, toUs] = span(stream, block, map);
          if (toUs <= startUs) continue;
          if (fromUs < endUs) return nextIndex;
          earliestUs = Math.min(earliestUs, fromUs);
        }
      }
      if (earliestUs === Number.POSITIVE_INFINITY) return null;
      nextIndex = Math.max(nextIndex + 1, firstWindowWith(earliestUs, phaseUs));
    }
    return null;
  }

  // ---- windows

  function build(windowIndex: number): DueWindow {
    const startUs = windowStartUs(windowIndex, phaseUs);
    bio.fill(0);
    mask.fill(0);
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
          ? alignStream(buffer, stream.map.bio, startUs, mapOf, bio, mask, channels)
          : framesBetween(buffer, startUs + WINDOW_US - Math.max(stream.lookBackUs, WINDOW_US), startUs + WINDOW_US, mapOf);
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
    activity = classifyActivity(windowFeatures(features, bio, mask, readings), activity);
    const emgActivation = meanOf(features.emg, bio, mask, channels);
    const values = { byName: readings, lnRmssd, emgActivation };
    const phys = Float32Array.from(contract.phys, (c) => scalarValue(c.name, values, activity));
    const perf = Float32Array.from(contract.perf, (c) => scalarValue(c.name, values, activity));
    const physZ = scaleScalars(phys, contract.phys, contract.zClip);
    const perfZ = scaleScalars(perf, contract.perf, contract.zClip);
    const normalised = normaliseWindow(bio, mask, STEPS, contract, baselines, activity);
    const clipped = normalised.clipped + physZ.clipped + perfZ.clipped;
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
        elapsedHops: Number.isNaN(lastScoredIndex) ? 0 : windowIndex - lastScoredIndex,
        state,
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
        closedByUs: newestReceivedUs,
        provisional: normalised.provisional,
      },
      scorable: normalised.observedChannels >= contract.minimum.bioChannels,
    };
    inFlight = { due, normalised };
    stats.windowsDue += 1;
    stats.clipped += clipped;
    return due;
  }

  function finish(due: DueWindow, carriesState: boolean): void {
    if (inFlight?.due !== due)
      throw new KinewatchError('window-order', `window ${due.meta.windowIndex} of ${athlete.athleteId} is not in flight`);
    if (!athlete.baselineFrozen) moveBaselines(baselines, contract, inFlight.normalised, due.meta.activity);
    if (carriesState) lastScoredIndex = due.meta.windowIndex;
    inFlight = null;
    closedEndUs = due.meta.endUs;
    nextIndex = due.meta.windowIndex + 1;
    trim();
  }

  /** Lets go of blocks, streams and clock segments that no later window needs. Only here, so that a restart holds the same. */
  function trim(): void {
    const startUs = windowStartUs(nextIndex, phaseUs);
    for (const stream of followed) {
      const now = stream.clock === null ? recordedNowUs : liveNowUs;
      const { buffer } = stream;
      if (buffer !== null) {
        const mapOf = mapperOf(stream);
        const reach = stream.map.bio.length > 0 ? reachUs(buffer.rateHz) : 0;
        const keepFromUs = startUs - Math.max(reach, stream.lookBackUs - WINDOW_US);
        buffer.dropWhile((block) => {
          const map = mapOf(block.segmentId);
          return map === null || span(stream, block, map)[1] < keepFromUs;
        });
      }
      if (stream.heardUs < now - FORGET_US) unfollow(stream);
    }
    for (const [key, clock] of clocks) {
      let oldest = clock.newestId;
      for (const stream of followed) {
        if (stream.clockKey !== key || stream.clock === null) continue;
        oldest = Math.min(oldest, stream.segmentId ?? oldest, stream.buffer?.blocks[0]?.segmentId ?? oldest);
      }
      clock.forgetBefore(oldest);
    }
  }

  function shedOldest(): void {
    let oldest = followed[0];
    for (const stream of followed) if (oldest === undefined || stream.heardUs < oldest.heardUs) oldest = stream;
    if (oldest === undefined) return;
    stats.streamsShed += 1;
    unfollow(oldest);
  }

  // ---- checkpoint

  function snapshot(segmentsKept = 2): Checkpoint {
    const keys = [...new Set(followed.flatMap((s) => (s.clock === null || s.clockKey === null ? [] : [s.clockKey])))];
    return {
      newestReceivedUs,
      liveNowUs,
      recordedNowUs,
      nextIndex,
      lastScoredIndex,
      closedEndUs,
      activityIndex: ACTIVITY_CLASSES.indexOf(activity),
      state,
      baselines,
      clocks: keys.map((key) => {
        const clock = (clocks.get(key) as DeviceClock).state();
        return { ...clock, segments: clock.segments.slice(-segmentsKept) };
      }),
      streams: followed.map((s): StreamCheckpoint => ({
        streamId: s.streamId,
        nextSequence: s.nextSequence,
        firstNeeded: s.buffer?.blocks[0]?.sequence ?? s.nextSequence,
        helloUs: s.helloUs,
        heardUs: s.heardUs,
        endDeviceUs: s.endDeviceUs,
        clock: s.clock === null || s.clockKey === null ? null : keys.indexOf(s.clockKey),
        segmentId: s.segmentId,
        segmentFrom: s.segmentFrom,
        seeded: s.seededUs === s.helloUs,
      })),
    };
  }

  /**
   * BOUNDED at 4 KiB. First the segments before a clock jump stay out (a restart within seconds of the jump masks what lay before it),
   * then the streams that have been silent for longest are let go.
   */
  function checkpointBytes(): Uint8Array<ArrayBuffer> {
    let bytes = encodeCheckpoint(snapshot());
    if (bytes.byteLength > MAX_CHECKPOINT_BYTES) bytes = encodeCheckpoint(snapshot(1));
    while (bytes.byteLength > MAX_CHECKPOINT_BYTES && followed.length > 1) {
      shedOldest();
      bytes = encodeCheckpoint(snapshot(1));
    }
    return bytes;
  }

  return {
    athleteId: athlete.athleteId,
    open,
    push(streamId, sequence, receivedUs, bytes) {
      pending.push({ streamId, sequence, receivedUs, bytes });
      pendingBytes += bytes.byteLength;
    },
    endRefill() {
      if (refilling) restoreHellos();
      while (refilling && head < pending.length) {
        const frame = pending[head] as PendingFrame;
        if (isNew(frame)) break;
        advance();
        consume(frame);
      }
      refilling = false;
    },
    takeDue() {
      if (inFlight !== null) return null;
      if (refilling) restoreHellos();
      for (;;) {
        const index = refilling ? null : nextDueIndex();
        if (index !== null) return build(index);
        const frame = pending[head];
        if (frame === undefined) return null;
        if (refilling && isNew(frame)) {
          refilling = false;
          continue;
        }
        advance();
        consume(frame);
      }
    },
    complete(due, output, scoredAtUs) {
      if (output !== null && !Number.isFinite(output.stateLogit)) {
        throw new KinewatchError(
          'score-not-finite',
          `model ${contract.version} gave ${output.stateLogit} for window ${due.meta.windowIndex} of ${athlete.athleteId}`,
        );
      }
      finish(due, output !== null);
      stats.windowsCompleted += 1;
      if (output === null) stats.windowsUnscored += 1;
      else state = output.next; // the caller's own copies (Scorer)
      const scored = output === null ? unscored(due.meta, scoredAtUs) : scoredWindow(due.meta, output, scoredAtUs);
      return { scored, checkpoint: checkpointBytes() };
    },
    skip(due) {
      finish(due, due.scorable);
      stats.windowsCompleted += 1;
    },
    stats: () => ({ ...stats }),
    takeClockJumps() {
      const taken = jumps;
      jumps = [];
      return taken;
    },
    get pendingFrames() {
      return pending.length - head;
    },
    get pendingBytes() {
      return pendingBytes;
    },
  };

  function advance(): void {
    pendingBytes -= (pending[head] as PendingFrame).bytes.byteLength;
    head += 1;
    // Consumed frames are let go in bulk: shifting one at a time would be quadratic over a long re-read.
    if (head > 256 && head * 2 > pending.length) {
      pending = pending.slice(head);
      head = 0;
    }
  }
}

const clockKeyOf = (declaration: StreamDeclaration): string => `${declaration.device} ${declaration.boot}`;
const NOTHING = new Float32Array(0);

function unscored(meta: WindowMeta, scoredAtUs: number): ScoredWindow {
  return {
    ...meta,
    state: null,
    stateLogit: null,
    logitSd: null,
    rehab: null,
    performance: null,
    residualNorm: null,
    fAttn: NOTHING,
    attnTime: NOTHING,
    attnTokens: NOTHING,
    scoredAtUs,
  };
}

function scoredWindow(meta: WindowMeta, output: WindowOutput, scoredAtUs: number): ScoredWindow {
  return {
    ...meta,
    state: 1 / (1 + Math.exp(-output.stateLogit)),
    stateLogit: output.stateLogit,
    logitSd: output.logitSd,
    rehab: output.rehab,
    performance: output.performance,
    residualNorm: output.residualNorm,
    fAttn: output.fAttn,
    attnTime: output.attnTime,
    attnTokens: output.attnTokens,
    scoredAtUs,
  };
}
