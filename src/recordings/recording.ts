/** What a parsed recording is, whatever file it came from. Parsers take bytes and read no files. */
import type { ChannelDeclaration, StreamKind } from '../contracts/protocol.ts';
import { KinewatchError } from '../contracts/errors.ts';

export type RecordingFormat = 'gait-imu' | 'squat-jump' | 'cmj' | 'vo2master' | 'moxy' | 'train.red';

export interface RecordedSegment {
  /** Seconds from the file's first sample. */
  readonly startS: number;
  /** Row-major, rows by channels; int16 where the stream's encoding says so, with its scale. No NaN: what is missing is between segments. */
  readonly samples: Int16Array | Float32Array;
}

export interface RecordedStream {
  readonly kind: StreamKind;
  readonly placement: string;
  readonly rateHz: number;
  readonly channels: readonly ChannelDeclaration[];
  readonly gravity?: 'included' | 'removed';
  readonly frame?: 'sensor' | 'earth';
  readonly encoding: 'int16' | 'float32';
  readonly scale?: readonly number[];
  /** In time order, without overlap. */
  readonly segments: readonly RecordedSegment[];
}

export interface Recording {
  readonly format: RecordingFormat;
  /** Never empty. */
  readonly streams: readonly RecordedStream[];
  /** Unix microseconds of the first sample, where the file says so with its year; null otherwise. */
  readonly startUs: number | null;
  /** What the file says about whom and what, by format. */
  readonly metadata: Readonly<Record<string, string | number | null>>;
}

/** A file that is not, or not wholly, what it looks like. `line` counts from one; null where the file has no lines. */
export class RecordingError extends KinewatchError {
  readonly line: number | null;
  constructor(message: string, line: number | null = null, cause?: unknown) {
    super('unreadable-recording', line === null ? message : `line ${line}: ${message}`, cause === undefined ? {} : { cause });
    this.name = 'RecordingError';
    this.line = line;
  }
}

/** Samples of a stream, rows times channels. */
export const countSamples = (stream: RecordedStream): number =>
  stream.segments.reduce((sum, segment) => sum + segment.samples.length / stream.channels.length, 0);

/** Length in seconds from the file's first sample to the end of its last. */
export function durationS(recording: Recording): number {
  let end = 0;
  for (const stream of recording.streams) {
    const last = stream.segments.at(-1);
    if (last !== undefined) end = Math.max(end, last.startS + last.samples.length / stream.channels.length / stream.rateHz);
  }
  return end;
}

/** A segment's samples in the declared units. */
export function toFloat32(stream: RecordedStream, segment: RecordedSegment): Float32Array {
  if (segment.samples instanceof Float32Array) return segment.samples;
  const width = stream.channels.length;
  return Float32Array.from(segment.samples, (value, i) => value * (stream.scale?.[i % width] ?? 1));
}
