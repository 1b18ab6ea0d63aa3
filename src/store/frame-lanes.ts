/**
 * Several frame writers side by side, an athlete always in the same one. One PostgreSQL backend stores about as much as one core carries, and
 * waits for its commits; two lanes use that time. What is promised holds an athlete: frames are committed and handed on in receipt order.
 */
import type { FrameSink } from '../gateway/ports.ts';
import { createFrameWriter, type FrameWriter, type FrameWriterOptions, type FrameWriterStats } from './frame-writer.ts';

/** By the last digits of the athlete's id, a random UUID. */
const laneOf = (athleteId: string, lanes: number): number => Number.parseInt(athleteId.slice(-4), 16) % lanes;

function sumStats(stats: readonly FrameWriterStats[]): FrameWriterStats {
  const total = (pick: (one: FrameWriterStats) => number): number => stats.reduce((sum, one) => sum + pick(one), 0);
  return {
    storedFrames: total((one) => one.storedFrames),
    storedBytes: total((one) => one.storedBytes),
    refusedFrames: total((one) => one.refusedFrames),
    duplicateFrames: total((one) => one.duplicateFrames),
    gapFrames: total((one) => one.gapFrames),
    rejectedFrames: total((one) => one.rejectedFrames),
    commits: total((one) => one.commits),
    failedCommits: total((one) => one.failedCommits),
    bufferedBytes: total((one) => one.bufferedBytes),
    bufferedFrames: total((one) => one.bufferedFrames),
    lastCommitMs: Math.max(...stats.map((one) => one.lastCommitMs)),
    healthy: stats.every((one) => one.healthy),
  };
}

/** As createFrameWriter, over `lanes` connections of the pool; the bound on buffered bytes is shared out. `onCommitted` gets one lane's commit at a time. */
export function createFrameLanes(lanes: number, options: FrameWriterOptions): FrameWriter {
  const writers = Array.from({ length: lanes }, () =>
    createFrameWriter({ ...options, maxBufferedBytes: options.maxBufferedBytes / lanes }),
  );
  const append: FrameSink['append'] = (frame, owner) => (writers[laneOf(frame.athleteId, lanes)] as FrameWriter).append(frame, owner);
  const all = async (act: (writer: FrameWriter) => Promise<void>): Promise<void> => {
    await Promise.all(writers.map(act));
  };
  return {
    append,
    whenDrained: () => all((writer) => writer.whenDrained()),
    flush: () => all((writer) => writer.flush()),
    close: () => all((writer) => writer.close()),
    stats: () => sumStats(writers.map((writer) => writer.stats())),
  };
}
