/** A shard's counters, over pipelines that are loaded and those that were. */
import type { PipelineStats } from '../athlete-pipeline.ts';
import { noStats } from '../athlete/athlete-state.ts';
import type { AthleteCounts, ShardStats } from '../messages.ts';
import type { CommitQueue } from '../commit-queue.ts';
import { queued } from './pressure.ts';
import type { ShardState } from './shard-state.ts';

/** Sum of both; null where there is neither. */
export function addStats(past: PipelineStats | null, now: PipelineStats | null): PipelineStats | null {
  if (past === null || now === null) return past ?? now;
  const added = { ...now };
  for (const key of Object.keys(now) as (keyof PipelineStats)[]) added[key] = now[key] + past[key];
  return added;
}

export function shardStats(shard: ShardState, commits: CommitQueue): ShardStats {
  const { athletes, batcher, counts } = shard;
  const quarantined: { athleteId: string; reason: string }[] = [];
  const perAthlete: AthleteCounts[] = [];
  let sum = noStats();
  for (const { athleteId, status, reason, past, pipeline, scored } of athletes.values()) {
    const stats = addStats(past, pipeline?.stats() ?? null);
    sum = addStats(stats, sum) ?? sum;
    if (status === 'quarantined') quarantined.push({ athleteId, reason });
    perAthlete.push({ athleteId, due: stats?.windowsDue ?? 0, scored });
  }
  const { windowsCompleted: _, ...ofPipelines } = sum;
  const { frames, bytes } = queued(shard);
  const { batches, largest } = batcher.stats();
  return {
    athletes: athletes.size,
    ...ofPipelines,
    ...counts,
    quarantined,
    batches,
    largestBatch: largest,
    queuedFrames: frames,
    queuedBytes: bytes,
    uncommitted: commits.length,
    perAthlete,
  };
}
