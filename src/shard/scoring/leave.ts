/** An athlete's pipelines go: to be loaded anew, because nothing comes from the athlete any more, or because a fault stopped them. */
import { dropShadow } from './shadow.ts';
import { messageOf, type Athlete, type ShardState } from './shard-state.ts';
import { addStats } from './shard-stats.ts';

/** Lets an athlete's pipelines go; a window in flight is not counted as due, it will fall due again. */
export function detach(shard: ShardState, athlete: Athlete): void {
  const stats = athlete.pipeline?.stats() ?? null;
  athlete.past = addStats(athlete.past, stats === null ? null : { ...stats, windowsDue: stats.windowsCompleted });
  dropPipelines(shard, athlete);
}

/** Until the next start, or until another model is the active one. */
export function quarantine(shard: ShardState, athlete: Athlete, error: unknown): void {
  if (athlete.status === 'quarantined') return;
  athlete.status = 'quarantined';
  athlete.reason = messageOf(error);
  shard.counts.droppedFrames += athlete.waiting.length + (athlete.pipeline?.pendingFrames ?? 0);
  keepCounts(athlete);
  dropPipelines(shard, athlete);
  athlete.waiting = [];
  athlete.waitingBytes = 0;
  athlete.opens = [];
  const { athleteId, reason } = athlete;
  shard.options.log('error', 'athlete is quarantined until the next start', { athleteId, reason });
}

/** A silent athlete who has nothing left to do: the next frame or hello loads the athlete again. */
export function unload(shard: ShardState, athlete: Athlete): void {
  keepCounts(athlete);
  dropPipelines(shard, athlete);
  readUpToPushed(athlete);
  shard.asleep.set(athlete.athleteId, athlete);
}

/** What was pushed before is read from the store at the next load. */
export function readUpToPushed(athlete: Athlete): void {
  athlete.liveFromUs = Math.max(athlete.liveFromUs, athlete.lastPushedUs + 1);
}

function keepCounts(athlete: Athlete): void {
  athlete.past = addStats(athlete.past, athlete.pipeline?.stats() ?? null);
}

function dropPipelines(shard: ShardState, athlete: Athlete): void {
  athlete.pipeline = null;
  shard.batcher.remove(athlete);
  dropShadow(shard, athlete);
}
