/**
 * The checkpoint of one athlete, at most 4 KiB (2 KiB rows commit at thousands a second, 32 KiB rows at hundreds): model state, clocks,
 * observed baselines, and per stream where to read on. No samples. Everything is stored at the precision the pipeline computes with, so that
 * a restored pipeline continues bit for bit.
 *
 * Little-endian. Header, three state vectors, baselines by class (bit map of channels with data, then location, scale, count),
 * device tags, clocks, streams.
 */
import type { ClockSegmentState } from '../align/clock.ts';
import type { DeviceClockState } from '../align/device-clock.ts';
import { ACTIVITY_CLASSES, type ModelContract } from '../contracts/model.ts';
import { KinewatchError } from '../contracts/errors.ts';
import { createBaselines, type Baselines } from '../normalise/baseline.ts';
import type { ModelState } from '../score/ports.ts';

export const MAX_CHECKPOINT_BYTES = 4_096;
const FORMAT = 1;
const NONE = 127;
const SEEDED = 128;

export interface StreamCheckpoint {
  readonly streamId: number;
  /** Everything below was processed. */
  readonly nextSequence: number;
  /** First sequence the next window needs. */
  readonly firstNeeded: number;
  /** Receipt stamp of the hello in force. */
  readonly helloUs: number;
  /** Newest receipt stamp (live) or sample time (recorded). */
  readonly heardUs: number;
  /** Device time just past the newest sample; NaN before the first. */
  readonly endDeviceUs: number;
  /** Index into `clocks`, or null for a recorded stream. */
  readonly clock: number | null;
  readonly segmentId: number | null;
  /** First sequence in that segment; earlier ones belong to the one before. */
  readonly segmentFrom: number;
  /** The hello's time exchange has been given to the clock. */
  readonly seeded: boolean;
}

export interface Checkpoint {
  /** Newest receipt stamp processed; frames up to it are only read again to refill buffers. */
  readonly newestReceivedUs: number;
  readonly liveNowUs: number;
  readonly recordedNowUs: number;
  readonly nextIndex: number;
  /** NaN before the first score. */
  readonly lastScoredIndex: number;
  readonly closedEndUs: number;
  readonly activityIndex: number;
  readonly state: ModelState;
  readonly baselines: Baselines;
  readonly clocks: readonly DeviceClockState[];
  readonly streams: readonly StreamCheckpoint[];
}

/** Scratch of the thread: encoding never allocates more than the result. Large enough for anything before shedding. */
const scratch = new DataView(new ArrayBuffer(65_536));

/** Encoded size may exceed MAX_CHECKPOINT_BYTES: the caller sheds and encodes again. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const out = writer(scratch);
  const channels = checkpoint.baselines.device.length;
  out.u8(FORMAT);
  out.u8(channels);
  out.u8(checkpoint.activityIndex);
  for (const value of [
    checkpoint.newestReceivedUs,
    checkpoint.liveNowUs,
    checkpoint.recordedNowUs,
    checkpoint.nextIndex,
    checkpoint.lastScoredIndex,
    checkpoint.closedEndUs,
  ]) {
    out.f64(value);
  }
  for (const vector of [checkpoint.state.final, checkpoint.state.a, checkpoint.state.h]) {
    out.u16(vector.length);
    for (const value of vector) out.f32(value);
  }
  writeBaselines(out, checkpoint.baselines, channels);
  out.u8(checkpoint.clocks.length);
  for (const clock of checkpoint.clocks) writeClock(out, clock);
  out.u8(checkpoint.streams.length);
  for (const stream of checkpoint.streams) {
    out.u32(stream.streamId % 2 ** 32);
    out.u16(Math.floor(stream.streamId / 2 ** 32));
    out.u32(stream.nextSequence);
    out.u32(stream.firstNeeded);
    out.f64(stream.helloUs);
    out.f64(stream.heardUs);
    out.f64(stream.endDeviceUs);
    out.u8(stream.clock ?? NONE);
    const back = stream.segmentId === null ? NONE : (checkpoint.clocks[stream.clock ?? 0]?.newestId ?? 0) - stream.segmentId;
    out.u8(Math.min(NONE, back) | (stream.seeded ? SEEDED : 0));
    out.u32(stream.segmentFrom);
  }
  return new Uint8Array(scratch.buffer.slice(0, out.length()));
}

/**
 * @throws KinewatchError checkpoint-unreadable where the bytes are of another format or another contract's widths, or truncated
 */
export function decodeCheckpoint(bytes: Uint8Array, contract: ModelContract): Checkpoint {
  const { vectors, baselines, ...grid } = parse(bytes);
  const unreadable = (what: string): never => {
    throw new KinewatchError('checkpoint-unreadable', `checkpoint does not fit model ${contract.version}: ${what}`);
  };
  if (baselines.device.length !== contract.bio.length) unreadable(`${baselines.device.length} channels, expected ${contract.bio.length}`);
  const { final, a, h } = vectors;
  const { sizes } = contract;
  for (const [name, vector, width] of [
    ['state_final', final, sizes.final],
    ['state_a', a, sizes.hidden],
    ['state_h', h, 2 * sizes.hidden],
  ] as const) {
    if (vector.length !== width) unreadable(`${name} of ${vector.length}, expected ${width}`);
  }
  return { ...grid, state: vectors, baselines: fillBaselines(baselines, contract) };
}

/**
 * The checkpoint of another model at the same place: clocks, streams and the next window of `grid` (a checkpoint of any version), model state
 * and baselines of `own` (an older checkpoint of this version), or none: then the model begins with this window, `elapsed` 0, on the
 * population's baselines, and its windows are provisional until it has its own.
 * @throws KinewatchError checkpoint-unreadable
 */
export function graftCheckpoint(grid: Uint8Array, own: Uint8Array | null, contract: ModelContract): Uint8Array<ArrayBuffer> {
  const { vectors: _vectors, baselines: _baselines, ...place } = parse(grid);
  const { sizes } = contract;
  const fresh = {
    lastScoredIndex: Number.NaN,
    state: { final: new Float32Array(sizes.final), a: new Float32Array(sizes.hidden), h: new Float32Array(2 * sizes.hidden) },
    baselines: createBaselines(contract),
  };
  const { lastScoredIndex, state, baselines } = own === null ? fresh : decodeCheckpoint(own, contract);
  return encodeCheckpoint({ ...place, lastScoredIndex, state, baselines });
}

/** What the bytes say, whatever model they are of. */
interface Parsed extends Omit<Checkpoint, 'state' | 'baselines'> {
  readonly vectors: ModelState;
  readonly baselines: ParsedBaselines;
}

interface ParsedBaselines {
  readonly device: readonly number[];
  /** Channels with data by class: place in the list of class x channel, then what is known there. */
  readonly known: readonly { readonly at: number; readonly location: number; readonly scale: number; readonly count: number }[];
}

function parse(bytes: Uint8Array): Parsed {
  try {
    return parseView(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    if (cause instanceof KinewatchError) throw cause;
    throw new KinewatchError('checkpoint-unreadable', `checkpoint of ${bytes.byteLength} bytes is truncated`, { cause });
  }
}

function parseView(view: DataView): Parsed {
  const input = reader(view);
  const format = input.u8();
  if (format !== FORMAT) throw new KinewatchError('checkpoint-unreadable', `checkpoint of format ${format}, expected ${FORMAT}`);
  const channels = input.u8();
  const activityIndex = input.u8();
  const [newestReceivedUs, liveNowUs, recordedNowUs, nextIndex, lastScoredIndex, closedEndUs] = Array.from({ length: 6 }, input.f64) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const vector = (): Float32Array => Float32Array.from({ length: input.u16() }, input.f32);
  const vectors = { final: vector(), a: vector(), h: vector() };
  const baselines = readBaselines(input, channels);
  const clocks = Array.from({ length: input.u8() }, () => readClock(input));
  const streams = Array.from({ length: input.u8() }, () => {
    const low = input.u32();
    const streamId = low + input.u16() * 2 ** 32;
    const [nextSequence, firstNeeded] = [input.u32(), input.u32()];
    const [helloUs, heardUs, endDeviceUs] = [input.f64(), input.f64(), input.f64()];
    const [clock, placing, segmentFrom] = [input.u8(), input.u8(), input.u32()];
    const segmentsBack = placing & NONE;
    return {
      streamId,
      nextSequence,
      firstNeeded,
      helloUs,
      heardUs,
      endDeviceUs,
      clock: clock === NONE ? null : clock,
      segmentId: segmentsBack === NONE ? null : (clocks[clock]?.newestId ?? 0) - segmentsBack,
      segmentFrom,
      seeded: (placing & SEEDED) !== 0,
    };
  });
  return {
    newestReceivedUs,
    liveNowUs,
    recordedNowUs,
    nextIndex,
    lastScoredIndex,
    closedEndUs,
    activityIndex,
    vectors,
    baselines,
    clocks,
    streams,
  };
}

function writeBaselines(out: Writer, baselines: Baselines, channels: number): void {
  for (let c = 0; c < channels; c += 1) out.u16(baselines.device[c] as number);
  for (let k = 0; k < ACTIVITY_CLASSES.length; k += 1) {
    for (let from = 0; from < channels; from += 8) {
      let bits = 0;
      for (let c = from; c < Math.min(channels, from + 8); c += 1) if (baselines.count[k * channels + c] !== 0) bits |= 1 << (c - from);
      out.u8(bits);
    }
    for (let at = k * channels; at < (k + 1) * channels; at += 1) {
      if (baselines.count[at] === 0) continue;
      out.f32(baselines.location[at] as number);
      out.f32(baselines.scale[at] as number);
      out.u16(baselines.count[at] as number);
    }
  }
}

function readBaselines(input: Reader, channels: number): ParsedBaselines {
  const device = Array.from({ length: channels }, input.u16);
  const known: { at: number; location: number; scale: number; count: number }[] = [];
  for (let k = 0; k < ACTIVITY_CLASSES.length; k += 1) {
    const bits = Array.from({ length: Math.ceil(channels / 8) }, input.u8);
    for (let c = 0; c < channels; c += 1) {
      if ((((bits[c >> 3] as number) >> (c & 7)) & 1) === 0) continue;
      known.push({ at: k * channels + c, location: input.f32(), scale: input.f32(), count: input.u16() });
    }
  }
  return { device, known };
}

/** The population's baselines, with what is known of the athlete in their place. */
function fillBaselines({ device, known }: ParsedBaselines, contract: ModelContract): Baselines {
  const baselines = createBaselines(contract);
  baselines.device.set(device);
  for (const { at, location, scale, count } of known) {
    baselines.location[at] = location;
    baselines.scale[at] = scale;
    baselines.count[at] = count;
  }
  return baselines;
}

function writeClock(out: Writer, clock: DeviceClockState): void {
  out.u16(clock.newestId);
  out.u8(clock.segments.length);
  for (const segment of clock.segments) {
    out.f64(segment.referenceUs);
    out.f64(segment.referenceOffsetUs);
    out.f32(segment.baseDelayUs);
    out.u8(segment.points.length / 2);
    for (const value of segment.points) out.f32(value);
  }
}

function readClock(input: Reader): DeviceClockState {
  const newestId = input.u16();
  const segments = Array.from({ length: input.u8() }, (): ClockSegmentState => {
    const [referenceUs, referenceOffsetUs, baseDelayUs] = [input.f64(), input.f64(), input.f32()];
    return { referenceUs, referenceOffsetUs, baseDelayUs, points: Array.from({ length: 2 * input.u8() }, input.f32) };
  });
  return { newestId, segments };
}

type Writer = ReturnType<typeof writer>;
function writer(view: DataView) {
  let at = 0;
  return {
    length: () => at,
    u8: (value: number) => {
      view.setUint8(at, value);
      at += 1;
    },
    u16: (value: number) => {
      view.setUint16(at, value, true);
      at += 2;
    },
    u32: (value: number) => {
      view.setUint32(at, value, true);
      at += 4;
    },
    f32: (value: number) => {
      view.setFloat32(at, value, true);
      at += 4;
    },
    f64: (value: number) => {
      view.setFloat64(at, value, true);
      at += 8;
    },
  };
}

type Reader = ReturnType<typeof reader>;
function reader(view: DataView) {
  let at = 0;
  const step = (bytes: number): number => {
    at += bytes;
    return at - bytes;
  };
  return {
    u8: () => view.getUint8(step(1)),
    u16: () => view.getUint16(step(2), true),
    u32: () => view.getUint32(step(4), true),
    f32: () => view.getFloat32(step(4), true),
    f64: () => view.getFloat64(step(8), true),
  };
}
