import type { SessionStream } from '../signal/session-metrics.ts';
import { type Recording, type RecordedStream, toFloat32 } from './recording.ts';

/** One stream as a session sees it: gaps between segments are rows of NaN. */
function sessionStream(stream: RecordedStream, baseUs: number): SessionStream {
  const width = stream.channels.length;
  const startS = stream.segments[0]?.startS ?? 0;
  const rowOf = (atS: number): number => Math.round((atS - startS) * stream.rateHz);
  const last = stream.segments.at(-1);
  const rows = last === undefined ? 0 : rowOf(last.startS) + last.samples.length / width;
  const samples = new Float32Array(rows * width).fill(Number.NaN);
  for (const segment of stream.segments) samples.set(toFloat32(stream, segment), rowOf(segment.startS) * width);
  return {
    kind: stream.kind,
    placement: stream.placement,
    channels: stream.channels,
    rateHz: stream.rateHz,
    ...(stream.gravity === undefined ? {} : { gravity: stream.gravity }),
    startUs: baseUs + startS * 1e6,
    samples,
  };
}

/** A recording as the native streams of a session that began at `baseUs` (its file's first sample). */
export const recordingSession = (recording: Recording, baseUs: number): SessionStream[] =>
  recording.streams.map((stream) => sessionStream(stream, baseUs));
