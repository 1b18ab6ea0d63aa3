/** PURE. A stream's device time as server time. */
import type { TimeMap } from '../../align/align-window.ts';
import type { Block } from '../../align/stream-buffer.ts';
import type { TrackedStream } from './athlete-state.ts';

export const IDENTITY: TimeMap = { rate: 1, offsetUs: 0 };

/** Of one segment of the stream's clock; null where the segment is no longer known. */
export function timeMapOf(stream: TrackedStream, segmentId: number | null): TimeMap | null {
  if (segmentId === null) return stream.clock === null ? IDENTITY : null;
  const line = stream.clock?.segment(segmentId)?.line();
  return line === undefined ? null : { rate: 1 + line.driftPpm / 1e6, offsetUs: line.offsetUs };
}

/** Time map of each segment, looked up once for a pass over a stream. */
export function mapperOf(stream: TrackedStream): (segmentId: number | null) => TimeMap | null {
  let lastId: number | null | undefined;
  let last: TimeMap | null = null;
  return (segmentId) => {
    if (segmentId !== lastId) {
      lastId = segmentId;
      last = timeMapOf(stream, segmentId);
    }
    return last;
  };
}

/** From a block's first sample to just past its last one, server time. */
export function spanUs(stream: TrackedStream, block: Block, map: TimeMap): readonly [startUs: number, endUs: number] {
  const startUs = block.startUs * map.rate + map.offsetUs;
  return [startUs, startUs + ((block.count * 1e6) / (stream.buffer?.rateHz ?? 1)) * map.rate];
}
