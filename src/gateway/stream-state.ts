/** Where one stream of a connection stands: sequences, bytes under way, and what its next device time may be. */
import type { FrameRefusal } from '../contracts/errors.ts';
import type { ChannelDeclaration } from '../contracts/protocol.ts';
import type { OpenedStream } from '../contracts/stream.ts';

/** Going back further than this is a clock that was set, not a frame out of order; so is a leap ahead (plan of the live clock). */
export const CLOCK_JUMP_US = 1_000_000;
export const DAY_US = 86_400_000_000;
/** Share of the last frame's length by which a device clock may run slower than the nominal rate says; real ones stay within 0.05 %. */
const RATE_SLACK = 0.01;

export interface StreamState {
  readonly index: number;
  readonly streamId: number;
  readonly athleteId: string;
  readonly channels: number;
  readonly channelDeclarations: readonly ChannelDeclaration[];
  readonly float32: boolean;
  readonly live: boolean;
  readonly intervalUs: number;
  /** Sequence of the next frame that will be taken. */
  expected: number;
  /** Everything below is stored or settled (ACKED-IS-STORED). */
  stored: number;
  /** Device time just past the last sample taken, NaN before the first. */
  endDeviceTimeUs: number;
  /** How far before endDeviceTimeUs a frame may begin: one sample, and what a slow clock loses over the last frame. */
  slackUs: number;
  /** Server time minus device time in this clock segment, NaN where not known yet. 0 for recorded streams. */
  offsetUs: number;
  lastReceivedUs: number;
  /** The gap that was reported last, so that a burst behind one lost frame gets one error. */
  gapReportedAt: number;
  ackDue: boolean;
  /** Costs in bytes of the frames between `stored` and `expected`: a ring, indexed by sequence. */
  costs: Uint32Array;
}

/** State of a stream that was just opened. */
export function createStreamState(opened: OpenedStream): StreamState {
  const { declaration } = opened;
  const live = declaration.mode === 'live';
  const intervalUs = 1e6 / declaration.rateHz;
  return {
    index: declaration.stream,
    streamId: opened.streamId,
    athleteId: opened.athleteId,
    channels: declaration.channels.length,
    channelDeclarations: declaration.channels,
    float32: declaration.encoding === 'float32',
    live,
    intervalUs,
    expected: opened.nextSequence,
    stored: opened.nextSequence,
    endDeviceTimeUs: opened.lastDeviceTimeUs ?? Number.NaN,
    slackUs: intervalUs + RATE_SLACK * CLOCK_JUMP_US,
    offsetUs: live ? (declaration.clock?.offsetUs ?? Number.NaN) : 0,
    lastReceivedUs: Number.NaN,
    gapReportedAt: -1,
    ackDue: false,
    costs: new Uint32Array(16),
  };
}

export type TimeVerdict = 'fits' | 'jump' | Extract<FrameRefusal, 'time-backwards' | 'time-ahead'>;

/**
 * Whether a frame may begin at this device time. Live clocks may be set (a jump of more than 1 s either way opens a new clock segment) but not
 * stumble backwards; recorded time is trusted and may only leave gaps. Neither may lie more than a day ahead of now.
 *
 * @param deviceTimeUs device time of the first sample; not a safe integer is refused
 * @param receivedUs receipt stamp
 */
export function judgeDeviceTime(stream: StreamState, deviceTimeUs: number, receivedUs: number): TimeVerdict {
  if (!Number.isSafeInteger(deviceTimeUs)) return deviceTimeUs < 0 ? 'time-backwards' : 'time-ahead';
  // NaN offset (nothing known yet) makes the comparison false: the first frame of a live clock says nothing about the time of day.
  if (deviceTimeUs + stream.offsetUs - receivedUs > DAY_US) return 'time-ahead';
  const stepUs = deviceTimeUs - stream.endDeviceTimeUs;
  if (stepUs < -stream.slackUs) return stream.live && stepUs + stream.intervalUs < -CLOCK_JUMP_US ? 'jump' : 'time-backwards';
  return stream.live && stepUs > CLOCK_JUMP_US + stream.intervalUs ? 'jump' : 'fits';
}

/** Moves the stream's clock past an accepted frame. */
export function advanceDeviceTime(stream: StreamState, deviceTimeUs: number, count: number, receivedUs: number, jumped: boolean): void {
  if (stream.live && (jumped || Number.isNaN(stream.offsetUs))) stream.offsetUs = receivedUs - deviceTimeUs;
  const spanUs = count * stream.intervalUs;
  stream.endDeviceTimeUs = deviceTimeUs + Math.round(spanUs);
  stream.slackUs = stream.intervalUs + RATE_SLACK * spanUs;
}

/** Takes the next sequence and remembers what it costs until it is stored. */
export function enterFrame(stream: StreamState, costBytes: number): void {
  if (stream.expected - stream.stored >= stream.costs.length) growCosts(stream);
  stream.costs[stream.expected & (stream.costs.length - 1)] = costBytes;
  stream.expected += 1;
}

function growCosts(stream: StreamState): void {
  const costs = new Uint32Array(stream.costs.length * 2);
  for (let sequence = stream.stored; sequence < stream.expected; sequence += 1) {
    costs[sequence & (costs.length - 1)] = stream.costs[sequence & (stream.costs.length - 1)] ?? 0;
  }
  stream.costs = costs;
}

/** Everything below `next` is stored: returns the bytes that are no longer under way. */
export function settleBelow(stream: StreamState, next: number): number {
  let freed = 0;
  const settled = Math.min(next, stream.expected);
  for (let sequence = stream.stored; sequence < settled; sequence += 1) freed += stream.costs[sequence & (stream.costs.length - 1)] ?? 0;
  stream.stored = Math.max(stream.stored, next);
  stream.expected = Math.max(stream.expected, next);
  return freed;
}
