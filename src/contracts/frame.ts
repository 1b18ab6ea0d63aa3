/** Encoding and decoding of the binary data frame (docs/protocol.md, "Data frames"). Pure; used by gateway, client, shard and simulator. */
import { FRAME_HEADER_BYTES, FRAME_MAGIC, FrameFlag, FrameOffset, PROTOCOL_VERSION } from './protocol.ts';

export interface FrameHeader {
  readonly flags: number;
  readonly channels: number;
  readonly stream: number;
  readonly count: number;
  readonly sequence: number;
  /** Time of the first sample on the device's clock, microseconds. */
  readonly deviceTimeUs: number;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Bytes one sample of one channel takes. */
export const sampleBytes = (flags: number): 2 | 4 => ((flags & FrameFlag.float32) === 0 ? 2 : 4);

/** The header, or null where the bytes are too short or do not begin with magic and version. Lengths are not checked here. */
export function decodeFrameHeader(bytes: Uint8Array): FrameHeader | null {
  if (bytes.byteLength < FRAME_HEADER_BYTES) return null;
  if (bytes[FrameOffset.magic] !== FRAME_MAGIC || bytes[FrameOffset.version] !== PROTOCOL_VERSION) return null;
  const view = viewOf(bytes);
  return {
    flags: view.getUint8(FrameOffset.flags),
    channels: view.getUint8(FrameOffset.channels),
    stream: view.getUint16(FrameOffset.stream, true),
    count: view.getUint16(FrameOffset.count, true),
    sequence: view.getUint32(FrameOffset.sequence, true),
    deviceTimeUs: Number(view.getBigInt64(FrameOffset.deviceTimeUs, true)),
  };
}

/**
 * Builds a frame. `samples` is row-major, count x channels; its type decides the encoding.
 * @throws RangeError where the samples do not divide into rows or a header field does not fit.
 */
export function encodeFrame(header: Omit<FrameHeader, 'count'>, samples: Int16Array | Float32Array): Uint8Array<ArrayBuffer> {
  const count = samples.length / header.channels;
  if (!Number.isInteger(count) || count > 65_535)
    throw new RangeError(`${samples.length} values do not form rows of ${header.channels} channels`);
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + samples.byteLength);
  const view = viewOf(bytes);
  const float = samples instanceof Float32Array;
  view.setUint8(FrameOffset.magic, FRAME_MAGIC);
  view.setUint8(FrameOffset.version, PROTOCOL_VERSION);
  view.setUint8(FrameOffset.flags, float ? header.flags | FrameFlag.float32 : header.flags & ~FrameFlag.float32);
  view.setUint8(FrameOffset.channels, header.channels);
  view.setUint16(FrameOffset.stream, header.stream, true);
  view.setUint16(FrameOffset.count, count, true);
  view.setUint32(FrameOffset.sequence, header.sequence, true);
  view.setBigInt64(FrameOffset.deviceTimeUs, BigInt(Math.round(header.deviceTimeUs)), true);
  bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), FRAME_HEADER_BYTES);
  return bytes;
}

/**
 * Samples of a frame as float32 in the declared units, row-major, count x channels, written to `out` from `outOffset`.
 * int16 values are multiplied by `scale` (1 where absent). NaN (a sample that was null in JSON) stays NaN.
 */
export function decodeSamples(
  bytes: Uint8Array,
  header: FrameHeader,
  scale: readonly number[] | undefined,
  out: Float32Array,
  outOffset = 0,
): void {
  const view = viewOf(bytes);
  const values = header.count * header.channels;
  let at = FRAME_HEADER_BYTES;
  if ((header.flags & FrameFlag.float32) !== 0) {
    for (let i = 0; i < values; i += 1, at += 4) out[outOffset + i] = view.getFloat32(at, true);
    return;
  }
  for (let i = 0; i < values; i += 1, at += 2) out[outOffset + i] = view.getInt16(at, true) * (scale?.[i % header.channels] ?? 1);
}
