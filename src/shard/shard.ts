/**
 * A shard: the athletes it owns, each with a pipeline, and the loop that scores what falls due and commits it. Runs inside a worker thread
 * (worker.ts) and, the same code, inside a test. Nothing is shared between shards.
 *
 * - Natural batching: a batch is what fell due while the one before was computed; one window in flight an athlete.
 * - Scores and checkpoints commit together while the next batch is computed (SCORED-IS-STORED); a fault of the store is waited out.
 * - A fault of one athlete's data or model answer quarantines that athlete until the next start: counted, logged, reported. Never the shard.
 * - Frames of an athlete who is not loaded load the athlete: checkpoint, hellos, stored frames, then the live ones that waited.
 *
 * A frame's way through the folder `scoring/`: load-athlete (leave, sweep), loop, score-batch, commits; shadow beside it, pressure and
 * shard-stats around it. What they move is shard-state.
 */
import type { OpenedStream } from '../contracts/stream.ts';
import type { ShardFrames, ShardStats } from './messages.ts';
import { eachFrame } from './recovery.ts';
import { createCommits } from './scoring/commits.ts';
import { athleteOf, awake, loadAnew, openStream, pushFrame } from './scoring/load-athlete.ts';
import { startLoop } from './scoring/loop.ts';
import { raisePressure } from './scoring/pressure.ts';
import { boundShadows, dropShadow, offerShadow } from './scoring/shadow.ts';
import {
  createShardState,
  nextTurn,
  sleep,
  stir,
  type ScoringModel,
  type ScoringModels,
  type ShardOptions,
  type ShardState,
} from './scoring/shard-state.ts';
import { shardStats } from './scoring/shard-stats.ts';

export type { ScoringModel, ScoringModels, ShardOptions };

export interface Shard {
  open(streams: readonly OpenedStream[]): void;
  push(frames: ShardFrames): void;
  /** Loads an athlete (at a start: those with recent streams), so that what fell due before is scored. */
  recover(athleteIds: readonly string[]): void;
  /**
   * Scores with these models from each athlete's next window on: every athlete is loaded anew, from what is committed, so that no window mixes
   * versions. Resolves when no batch uses the models before, which can then be closed.
   */
  useModels(models: ScoringModels): Promise<void>;
  /** Resolves when everything pushed has been consumed, scored and committed. */
  drain(): Promise<void>;
  stats(): ShardStats;
  /** Ends after the batch in hand; what is not committed is scored again after the next start. */
  close(): Promise<void>;
}

const CLOSE_WAIT_MS = 5_000;

export function createShard(options: ShardOptions): Shard {
  const shard = createShardState(options);
  const commits = createCommits(shard);
  const loop = startLoop(shard, commits);
  return {
    open: (streams) => openStreams(shard, streams),
    push: (frames) => takeFrames(shard, frames),
    recover: (athleteIds) => {
      for (const athleteId of athleteIds) athleteOf(shard, athleteId);
      stir(shard);
    },
    useModels: async (models) => {
      changeModels(shard, models);
      await loop.whenBatchEnds();
    },
    drain: async () => {
      stir(shard);
      await nextTurn();
      await loop.whenIdle();
    },
    stats: () => shardStats(shard, commits.active),
    close: async () => {
      shard.stopped = true;
      stir(shard);
      await loop.ended;
      // What is scored is worth keeping, but a store that is away must not hold up the end: it will be scored again.
      await Promise.race([Promise.all([commits.active.whenBelow(1), commits.beside.whenBelow(1)]), sleep(CLOSE_WAIT_MS)]);
    },
  };
}

function openStreams(shard: ShardState, streams: readonly OpenedStream[]): void {
  for (const stream of streams) {
    const athlete = awake(shard, stream.athleteId);
    athlete.lastActiveUs = shard.options.nowUs();
    if (athlete.status === 'ready') openStream(athlete, stream);
    else if (athlete.status === 'loading') athlete.opens.push(stream);
  }
  stir(shard);
}

/** Frames of a commit to their athletes' pipelines, or to those who wait to be loaded. */
function takeFrames(shard: ShardState, { batch, athleteIds, owners }: ShardFrames): void {
  const touched = athleteIds.map((athleteId) => awake(shard, athleteId));
  const nowUs = shard.options.nowUs();
  eachFrame(batch, (streamId, sequence, receivedUs, bytes, position) => {
    const athlete = touched[owners[position] as number];
    if (athlete !== undefined) athlete.lastPushedUs = Math.max(athlete.lastPushedUs, receivedUs);
    if (athlete === undefined || athlete.status === 'quarantined') {
      shard.counts.droppedFrames += 1;
      return;
    }
    athlete.lastActiveUs = nowUs;
    if (athlete.status === 'ready' && athlete.pipeline !== null) pushFrame(athlete, streamId, sequence, receivedUs, bytes);
    else {
      athlete.waiting.push({ streamId, sequence, receivedUs, bytes });
      athlete.waitingBytes += bytes.byteLength;
    }
  });
  for (const athlete of touched) {
    if (athlete.status !== 'ready') continue;
    shard.batcher.offer(athlete);
    offerShadow(shard, athlete);
  }
  boundShadows(shard);
  raisePressure(shard);
  stir(shard);
}

function changeModels(shard: ShardState, next: ScoringModels): void {
  const before = shard.models;
  shard.models = next;
  const sameActive = next.active.contract.version === before.active.contract.version;
  for (const athlete of shard.athletes.values()) {
    athlete.shadowWaits = false;
    if (sameActive && next.shadow === null) dropShadow(shard, athlete);
    // Another active model is a new start for who was set aside under the one before.
    else if (!shard.asleep.has(athlete.athleteId) && !(sameActive && athlete.status === 'quarantined')) loadAnew(shard, athlete);
  }
  stir(shard);
}
