/** A session's stored frames as native streams on one clock, the input of the session metrics. */
import { decodeFrameHeader, decodeSamples } from '../contracts/frame.ts';
import { FrameFlag, type StreamDeclaration } from '../contracts/protocol.ts';
import { INDEX_FIELDS, type FrameBatch, type OpenedStream } from '../contracts/stream.ts';
import type { SessionStream } from '../signal/session-metrics.ts';

/** (chosen) a pause longer than this, or a clock that jumps, starts a new stretch; a shorter one is filled with missing samples. */
const LONGEST_FILLED_S = 10;
/** Two frames follow each other without a gap where the second starts within this many sample periods of the first one's end. */
const CONTIGUOUS_PERIODS = 1.5;

/** One uninterrupted stretch of one stream. */
interface Stretch {
  readonly declaration: StreamDeclaration;
  readonly startDeviceUs: number;
  nextDeviceUs: number;
  /** Least of (receipt - device time of the last sample): arrival cannot be early, so the least delayed frame carries the offset. */
  offsetUs: number;
  readonly parts: Float32Array[];
  rows: number;
}

export interface SessionCollector {
  /** Adds frames in receipt order; false where the bound is reached and nothing more is taken. */
  add(batch: FrameBatch): boolean;
  /** True where frames were left out because of the bound. */
  readonly truncated: () => boolean;
  streams(): SessionStream[];
}

/**
 * Collects the streams that the metrics use (feet, trunk, force plates, wearables, position devices). Live streams are placed on the service's clock by the least delayed
 * frame of each stretch; drift inside a stretch (a few hundred ppm at most) is left, since no metric compares instants of two devices closer than a few tenths of a second.
 * @param maxValues BOUNDED: values held over all streams (4 bytes each)
 */
export function createSessionCollector(opened: readonly OpenedStream[], maxValues: number): SessionCollector {
  const declarations = new Map(
    opened.filter(({ declaration }) => isUsed(declaration)).map(({ streamId, declaration }) => [streamId, declaration]),
  );
  const current = new Map<number, Stretch>();
  const stretches: Stretch[] = [];
  let held = 0;
  let full = false;

  const place = (streamId: number, declaration: StreamDeclaration, deviceTimeUs: number): Stretch => {
    const known = current.get(streamId);
    const gapUs = known === undefined ? Number.POSITIVE_INFINITY : deviceTimeUs - known.nextDeviceUs;
    if (known !== undefined && gapUs <= LONGEST_FILLED_S * 1e6 && gapUs >= -1e6) {
      fillGap(known, gapUs);
      return known;
    }
    const stretch: Stretch = {
      declaration,
      startDeviceUs: deviceTimeUs,
      nextDeviceUs: deviceTimeUs,
      offsetUs: Number.POSITIVE_INFINITY,
      parts: [],
      rows: 0,
    };
    current.set(streamId, stretch);
    stretches.push(stretch);
    return stretch;
  };
  const addFrame = (streamId: number, receivedUs: number, bytes: Uint8Array): void => {
    const declaration = declarations.get(streamId);
    const header = declaration === undefined ? null : decodeFrameHeader(bytes);
    if (declaration === undefined || header === null || header.count === 0) return;
    const values = header.count * header.channels;
    if (held + values > maxValues) {
      full = true;
      return;
    }
    held += values;
    const stretch = place(streamId, declaration, header.deviceTimeUs);
    const samples = new Float32Array(values);
    decodeSamples(bytes, header, declaration.scale, samples);
    stretch.parts.push(samples);
    stretch.rows += header.count;
    stretch.nextDeviceUs = header.deviceTimeUs + (header.count / declaration.rateHz) * 1e6;
    // A frame sent again after a reconnect arrives long after its samples.
    if ((header.flags & FrameFlag.resent) === 0) stretch.offsetUs = Math.min(stretch.offsetUs, receivedUs - stretch.nextDeviceUs);
  };
  return {
    add({ bytes, index }) {
      for (let i = 0; i < index.length; i += INDEX_FIELDS) {
        if (full) break;
        const [streamId = 0, , receivedUs = 0, offset = 0, length = 0] = index.subarray(i, i + INDEX_FIELDS);
        addFrame(streamId, receivedUs, bytes.subarray(offset, offset + length));
      }
      return !full;
    },
    truncated: () => full,
    streams: () => stretches.map(toStream),
  };
}

function isUsed({ kind, placement }: StreamDeclaration): boolean {
  return (
    kind === 'force-plate' ||
    kind === 'wearable' ||
    kind === 'position' ||
    (kind === 'imu' && (placement.startsWith('foot-') || placement === 'trunk'))
  );
}

function fillGap(stretch: Stretch, gapUs: number): void {
  const periods = (gapUs / 1e6) * stretch.declaration.rateHz;
  if (periods < CONTIGUOUS_PERIODS) return;
  const rows = Math.round(periods);
  stretch.parts.push(new Float32Array(rows * stretch.declaration.channels.length).fill(Number.NaN));
  stretch.rows += rows;
}

function toStream(stretch: Stretch): SessionStream {
  const { declaration } = stretch;
  const samples = new Float32Array(stretch.rows * declaration.channels.length);
  let at = 0;
  for (const part of stretch.parts.splice(0)) {
    samples.set(part, at);
    at += part.length;
  }
  // Recorded device time is Unix time; a stretch of resent frames alone keeps the device's own clock.
  const offsetUs = declaration.mode === 'recorded' || !Number.isFinite(stretch.offsetUs) ? 0 : stretch.offsetUs;
  return {
    kind: declaration.kind,
    placement: declaration.placement,
    channels: declaration.channels,
    rateHz: declaration.rateHz,
    ...(declaration.gravity === undefined ? {} : { gravity: declaration.gravity }),
    startUs: stretch.startDeviceUs + offsetUs,
    samples,
  };
}
