/** Synthetic devices of one athlete: frames with device time, arrival time and hellos, deterministic in the seed. */
import { encodeFrame } from '../../src/contracts/frame.ts';
import { FrameFlag, type StreamDeclaration } from '../../src/contracts/protocol.ts';
import type { OpenedStream } from '../../src/contracts/stream.ts';

/** mulberry32: small, seeded, good enough for jitter. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface StoredFrame {
  readonly streamId: number;
  readonly sequence: number;
  readonly receivedUs: number;
  readonly bytes: Uint8Array;
}

export interface DeviceOptions {
  readonly streamId: number;
  readonly athleteId: string;
  readonly declaration: Partial<StreamDeclaration> & Pick<StreamDeclaration, 'device' | 'kind' | 'placement' | 'channels' | 'rateHz'>;
  readonly startUs: number;
  readonly seconds: number;
  readonly samplesPerFrame: number;
  /** Device clock: device = (true - startUs) * (1 + ppm / 1e6) + bootUs, with steps at true times. */
  readonly driftPpm?: number;
  readonly bootUs?: number;
  readonly jumps?: readonly { readonly atUs: number; readonly byUs: number }[];
  readonly baseDelayUs?: number;
  readonly jitterUs?: number;
  /** No link between these true times: frames of that time arrive after it, those in flight at its start are sent again. */
  readonly outage?: { readonly fromUs: number; readonly toUs: number };
  readonly value: (timeUs: number, channel: number) => number;
  readonly random: () => number;
}

export const IMU_CHANNELS = [
  ...['ax', 'ay', 'az'].map((name) => ({ name, unit: 'm/s2' })),
  ...['gx', 'gy', 'gz'].map((name) => ({ name, unit: 'rad/s' })),
];

export function makeDevice(options: DeviceOptions): { readonly opened: OpenedStream; readonly frames: StoredFrame[] } {
  const { declaration, startUs } = options;
  const mode = declaration.mode ?? 'live';
  const full: StreamDeclaration = { stream: 0, boot: 'b1', mode, encoding: 'float32', gravity: 'removed', ...declaration };
  const deviceTime = (trueUs: number): number => {
    if (mode === 'recorded') return trueUs;
    const steps = (options.jumps ?? []).filter((jump) => jump.atUs <= trueUs).reduce((sum, jump) => sum + jump.byUs, 0);
    return (trueUs - startUs) * (1 + (options.driftPpm ?? 0) / 1e6) + (options.bootUs ?? 5_000_000) + steps;
  };
  const channels = full.channels.length;
  const periodUs = 1e6 / full.rateHz;
  const frames: StoredFrame[] = [];
  const count = Math.floor((options.seconds * full.rateHz) / options.samplesPerFrame);
  let lastArrivalUs = 0;
  for (let sequence = 0; sequence < count; sequence += 1) {
    const firstUs = startUs + sequence * options.samplesPerFrame * periodUs;
    const samples = new Float32Array(options.samplesPerFrame * channels);
    for (let i = 0; i < options.samplesPerFrame; i += 1) {
      for (let c = 0; c < channels; c += 1) samples[i * channels + c] = options.value(firstUs + i * periodUs, c);
    }
    const sentUs = firstUs + (options.samplesPerFrame - 1) * periodUs;
    let arrivalUs = sentUs + (options.baseDelayUs ?? 2_000) + options.random() * (options.jitterUs ?? 5_000);
    let flags = 0;
    if (options.outage !== undefined && arrivalUs >= options.outage.fromUs && sentUs < options.outage.toUs) {
      // Sent into the dead link before the outage was noticed: sent again. The rest was buffered and goes out for the first time.
      if (sentUs < options.outage.fromUs + 500_000) flags = FrameFlag.resent;
      arrivalUs = options.outage.toUs + options.random() * 20_000;
    }
    // TCP keeps the order of a connection.
    arrivalUs = Math.max(arrivalUs, lastArrivalUs + 1);
    lastArrivalUs = arrivalUs;
    const bytes = encodeFrame({ flags, channels, stream: 0, sequence, deviceTimeUs: deviceTime(firstUs) }, samples);
    frames.push({ streamId: options.streamId, sequence, receivedUs: Math.round(arrivalUs), bytes });
  }
  const opened: OpenedStream = {
    streamId: options.streamId,
    athleteId: options.athleteId,
    declaration: full,
    receivedUs: startUs - 1_000,
    nextSequence: 0,
    lastDeviceTimeUs: null,
  };
  return { opened, frames };
}

/** All frames in receipt order with strictly increasing stamps, as one gateway process gives them. */
export function inReceiptOrder(...lists: readonly StoredFrame[][]): StoredFrame[] {
  let last = Number.NEGATIVE_INFINITY;
  return lists
    .flat()
    .toSorted((a, b) => a.receivedUs - b.receivedUs || a.streamId - b.streamId || a.sequence - b.sequence)
    .map((frame) => {
      last = Math.max(last + 1, frame.receivedUs);
      return { ...frame, receivedUs: last };
    });
}
