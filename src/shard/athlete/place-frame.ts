/** PURE. A stored frame onto the athlete's own clock: decoded under the declaration it was sent with, timed, and put into its stream's buffer. */
import { firstWindowFrom } from '../../align/grid.ts';
import { createStreamBuffer } from '../../align/stream-buffer.ts';
import { decodeFrameHeader, decodeSamples, sampleBytes, type FrameHeader } from '../../contracts/frame.ts';
import { FRAME_HEADER_BYTES, type StreamDeclaration } from '../../contracts/protocol.ts';
import { bringUpToHello, helloAt } from './adopt-hello.ts';
import type { AthleteState, TrackedStream } from './athlete-state.ts';
import { boundStreams, follow } from './follow-streams.ts';
import type { PendingFrame } from './frame-queue.ts';
import { IDENTITY, timeMapOf } from './stream-time.ts';
import { tickClock } from './tick-clock.ts';

/** Decoded samples of the frame in hand; one per thread, grown to the largest frame (bounded by the protocol). */
let decoded = new Float32Array(8_192);

/** False for a frame that the checkpoint had seen: it is only read again to refill buffers. */
export function isNew({ restored, streams }: AthleteState, frame: PendingFrame): boolean {
  if (restored === null) return true;
  if (restored.streams.has(frame.streamId)) return frame.sequence >= (streams.get(frame.streamId)?.nextSequence ?? 0);
  // A stream that the checkpoint does not name was let go before it, or came after it.
  return frame.receivedUs > restored.newestReceivedUs;
}

/** Refused and duplicate frames are counted and change nothing else. */
export function placeFrame(state: AthleteState, frame: PendingFrame): void {
  const stream = state.streams.get(frame.streamId);
  const header = decodeFrameHeader(frame.bytes);
  if (stream === undefined || stream.hellos.length === 0 || header === null) {
    state.stats.refusedFrames += 1;
    return;
  }
  if (frame.sequence < stream.bufferedTo) {
    state.stats.duplicateFrames += 1;
    return;
  }
  const fresh = isNew(state, frame);
  stream.bufferedTo = frame.sequence + 1;
  if (!fresh && state.restored?.streams.has(frame.streamId) !== true) return;
  if (fresh) bringUpToHello(state, stream, frame.receivedUs);
  // A frame is read with the declaration it was sent under, also when it is read again after a later hello.
  const declaration = helloAt(stream, frame.receivedUs)?.declaration;
  if (declaration === undefined || !fits(declaration, header, frame.bytes)) {
    state.stats.refusedFrames += 1;
    stream.nextSequence = Math.max(stream.nextSequence, frame.sequence + 1);
    return;
  }
  const values = header.count * header.channels;
  if (decoded.length < values) decoded = new Float32Array(values);
  decodeSamples(frame.bytes, header, declaration.scale, decoded);
  if (fresh) placeNew(state, stream, frame, header, declaration);
  else buffer(state, stream, frame, header, refillSegment(stream, frame.sequence));
}

const fits = (declaration: StreamDeclaration, header: FrameHeader, bytes: Uint8Array): boolean =>
  header.count > 0 &&
  header.channels === declaration.channels.length &&
  bytes.byteLength === FRAME_HEADER_BYTES + header.count * header.channels * sampleBytes(header.flags);

/** The segment a re-read frame was in: the stream's own, or before its start the one before. */
function refillSegment(stream: TrackedStream, sequence: number): number | null {
  return stream.segmentId === null ? null : sequence >= stream.segmentFrom ? stream.segmentId : stream.segmentId - 1;
}

function placeNew(
  state: AthleteState,
  stream: TrackedStream,
  frame: PendingFrame,
  header: FrameHeader,
  declaration: StreamDeclaration,
): void {
  stream.nextSequence = frame.sequence + 1;
  state.newestReceivedUs = Math.max(state.newestReceivedUs, frame.receivedUs);
  const periodUs = 1e6 / declaration.rateHz;
  const lastUs = header.deviceTimeUs + (header.count - 1) * periodUs;
  if (stream.clock === null) {
    state.recordedNowUs = Math.max(state.recordedNowUs, header.deviceTimeUs);
    stream.heardUs = Math.max(stream.heardUs, lastUs);
  } else {
    state.liveNowUs = Math.max(state.liveNowUs, frame.receivedUs);
    stream.heardUs = state.liveNowUs;
    tickClock(state, stream, stream.clock, frame, header, lastUs, declaration);
  }
  if (!stream.followed) follow(state, stream);
  stream.endDeviceUs = header.deviceTimeUs + header.count * periodUs;
  if (!stream.followed) return;
  buffer(state, stream, frame, header, stream.segmentId);
  const map = timeMapOf(stream, stream.segmentId) ?? IDENTITY;
  const startUs = header.deviceTimeUs * map.rate + map.offsetUs;
  if (Number.isNaN(state.nextIndex)) state.nextIndex = firstWindowFrom(startUs, state.phaseUs);
  state.stats.lateSamples += Math.min(header.count, Math.max(0, Math.ceil((state.closedEndUs - startUs) / (periodUs * map.rate))));
  boundStreams(state);
}

function buffer(state: AthleteState, stream: TrackedStream, frame: PendingFrame, header: FrameHeader, segmentId: number | null): void {
  stream.buffer ??= createStreamBuffer(header.channels, stream.declaration?.rateHz ?? 1);
  const lost = stream.buffer.samples.overwritten;
  stream.buffer.append(frame.sequence, header.deviceTimeUs, segmentId, decoded, header.count);
  state.stats.overwrittenSamples += stream.buffer.samples.overwritten - lost;
}
