/** The shard's loop: what fell due for the models that count, then, when nothing is, for the shadow, then sleep until something comes. */
import type { Commits } from './commits.ts';
import { relievePressure } from './pressure.ts';
import { scoreBatch, scoreShadow, takeDue, takeShadow } from './score-batch.ts';
import { nextTurn, stir, type ShardState } from './shard-state.ts';
import { sweep } from './sweep.ts';

/** BOUNDED: windows scored and not committed; the loop waits for the store beyond it. Eight full batches. */
const MAX_UNCOMMITTED = 256;

export interface ScoringLoop {
  /** Resolves when the batch in hand, if any, has been scored. */
  whenBatchEnds(): Promise<void>;
  /** Resolves when nothing is loaded, due, in hand or uncommitted. */
  whenIdle(): Promise<void>;
  /** Resolves when the loop has ended, after `stopped` was set. */
  readonly ended: Promise<void>;
}

export function startLoop(shard: ShardState, commits: Commits): ScoringLoop {
  let scoring = false;
  let inHand: Promise<void> = Promise.resolve();
  let idleWatchers: (() => void)[] = [];

  /** A batch is in hand until it ends. */
  async function hold(batch: Promise<void>): Promise<void> {
    scoring = true;
    inHand = batch;
    await batch;
    scoring = false;
  }

  /** Takes what is due and scores it; null where nothing is. */
  function startBatch(): Promise<void> | null {
    const batch = shard.batcher.next((athlete) => takeDue(shard, athlete));
    relievePressure(shard);
    if (batch.length > 0) return hold(scoreBatch(shard, commits, batch)).then(() => commits.active.whenBelow(MAX_UNCOMMITTED));
    const beside = commits.beside.length < MAX_UNCOMMITTED ? shard.shadowBatcher.next((athlete) => takeShadow(shard, athlete)) : [];
    return beside.length > 0 ? hold(scoreShadow(shard, commits, beside)) : null;
  }

  const isIdle = (): boolean => {
    const isWaiting = shard.batcher.waiting > 0 || shard.shadowBatcher.waiting > 0 || shard.loads.length > 0;
    return !isWaiting && !scoring && shard.loading === 0 && commits.active.length === 0 && commits.beside.length === 0;
  };

  async function untilStirred(): Promise<void> {
    if (isIdle()) {
      const watchers = idleWatchers;
      idleWatchers = [];
      for (const resolve of watchers) resolve();
    }
    for (const queue of [commits.active, commits.beside]) if (queue.length > 0) void queue.whenBelow(1).then(() => stir(shard));
    await new Promise<void>((resolve) => {
      shard.wake = resolve;
    });
  }

  async function run(): Promise<void> {
    while (!shard.stopped) {
      sweep(shard);
      const batch = startBatch();
      // In the same turn, or what came in between would wake nobody.
      if (batch === null) await untilStirred();
      else {
        await batch;
        await nextTurn();
      }
    }
  }

  return {
    ended: run(),
    whenBatchEnds: () => inHand,
    whenIdle: () =>
      new Promise((resolve) => {
        idleWatchers.push(resolve);
        stir(shard);
      }),
  };
}
