/** Content checks of a data frame, straight from the bytes: nothing is allocated for a frame that is well. */
import type { FrameRefusal } from '../contracts/errors.ts';
import { FRAME_HEADER_BYTES, FRAME_MAGIC, FrameFlag, FrameOffset, PROTOCOL_VERSION, type Limits } from '../contracts/protocol.ts';
import type { StreamState } from './stream-state.ts';

const KNOWN_FLAGS = FrameFlag.float32 | FrameFlag.resent;

const u8 = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;
const u16 = (bytes: Uint8Array, at: number): number => u8(bytes, at) | (u8(bytes, at + 1) << 8);
const u32 = (bytes: Uint8Array, at: number): number => (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;

/** True where the bytes hold a whole header of this protocol version; only then do the readers below mean anything. */
export const hasHeader = (bytes: Uint8Array): boolean =>
  bytes.length >= FRAME_HEADER_BYTES && bytes[FrameOffset.magic] === FRAME_MAGIC && bytes[FrameOffset.version] === PROTOCOL_VERSION;

export const readStream = (bytes: Uint8Array): number => u16(bytes, FrameOffset.stream);
export const readSequence = (bytes: Uint8Array): number => u32(bytes, FrameOffset.sequence);
export const readCount = (bytes: Uint8Array): number => u16(bytes, FrameOffset.count);

/** Device time of the first sample, microseconds. Beyond 2^53 the low bits are lost; judgeDeviceTime refuses such times. */
export const readDeviceTimeUs = (bytes: Uint8Array): number =>
  (u32(bytes, FrameOffset.deviceTimeUs + 4) | 0) * 4_294_967_296 + u32(bytes, FrameOffset.deviceTimeUs);

/** True where a float32 of the payload is NaN or infinite: its exponent bits are all ones. */
function holdsNonFinite(bytes: Uint8Array): boolean {
  for (let at = FRAME_HEADER_BYTES + 3; at < bytes.length; at += 4) {
    if ((u8(bytes, at) & 0x7f) === 0x7f && u8(bytes, at - 1) >= 0x80) return true;
  }
  return false;
}

/**
 * The reason for which a frame's content is refused, or null where it is well. Time is judged apart (stream-state.ts).
 * @param bytes a frame for which hasHeader is true
 */
export function refusalOf(bytes: Uint8Array, stream: StreamState, limits: Limits): FrameRefusal | null {
  const flags = u8(bytes, FrameOffset.flags);
  const float32 = (flags & FrameFlag.float32) !== 0;
  const count = readCount(bytes);
  if (bytes.length > limits.maxFrameBytes || count > limits.maxSamplesPerFrame) return 'frame-too-large';
  if ((flags & ~KNOWN_FLAGS) !== 0 || float32 !== stream.float32 || u32(bytes, FrameOffset.reserved) !== 0) return 'bad-encoding';
  if (bytes[FrameOffset.channels] !== stream.channels) return 'channel-count';
  if (count === 0) return 'empty-frame';
  if (bytes.length !== FRAME_HEADER_BYTES + count * stream.channels * (float32 ? 4 : 2)) return 'bad-length';
  return float32 && holdsNonFinite(bytes) ? 'non-finite' : null;
}

type Explanation = (bytes: Uint8Array, stream: StreamState, limits: Limits) => string;

const EXPLANATIONS: Readonly<Record<FrameRefusal, Explanation>> = {
  'frame-too-large': (bytes, _stream, { maxFrameBytes, maxSamplesPerFrame }) =>
    `${bytes.length} bytes and ${readCount(bytes)} samples; at most ${maxFrameBytes} bytes and ${maxSamplesPerFrame} samples are taken`,
  'bad-encoding': (bytes, { float32 }) =>
    `flags ${u8(bytes, FrameOffset.flags)}, reserved ${u32(bytes, FrameOffset.reserved)}; the stream was declared as ${float32 ? 'float32' : 'int16'}`,
  'channel-count': (bytes, { channels }) => `${u8(bytes, FrameOffset.channels)} channels; ${channels} were declared`,
  'empty-frame': () => 'a frame needs at least one sample',
  'bad-length': (bytes, { channels }) => `${bytes.length} bytes for ${readCount(bytes)} samples of ${channels} channels`,
  'non-finite': () => 'NaN or infinite sample',
  'time-backwards': (bytes, { endDeviceTimeUs }) =>
    `device time ${readDeviceTimeUs(bytes)} us; the last frame ended at ${endDeviceTimeUs} us`,
  'time-ahead': (bytes) => `device time ${readDeviceTimeUs(bytes)} us lies more than a day ahead of now`,
  'bad-senml': () => 'the pack does not resolve to samples of this stream',
};

/** One sentence for the gateway's log: what was found and what was wanted. */
export const explainRefusal = (reason: FrameRefusal, bytes: Uint8Array, stream: StreamState, limits: Limits): string =>
  EXPLANATIONS[reason](bytes, stream, limits);
