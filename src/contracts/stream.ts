import type { StreamDeclaration } from './protocol.ts';

/** A stream as the service knows it after `hello`: identity, owner, where it stands. */
export interface OpenedStream {
  /** Database id; a stream is (device, boot, kind, placement). */
  readonly streamId: number;
  readonly athleteId: string;
  readonly declaration: StreamDeclaration;
  /** Receipt stamp of the hello, microseconds since the epoch; orders it among the frames. */
  readonly receivedUs: number;
  readonly nextSequence: number;
  /** Device time just past the last stored sample, or null on a new stream. */
  readonly lastDeviceTimeUs: number | null;
}

/**
 * Stored frames on their way to a shard: one buffer for many frames, cheap to transfer.
 * `index` holds INDEX_FIELDS numbers a frame: streamId, sequence, receivedUs, byte offset, byte length.
 * An athlete's frames stand in receipt order; receivedUs strictly increases within a gateway process.
 */
export interface FrameBatch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly index: Float64Array<ArrayBuffer>;
}
export const INDEX_FIELDS = 5;
