/** Now and then: who is silent is unloaded, and shadows that were set aside for their lag are tried again. */
import { unload } from './leave.ts';
import { loadAnew, MAX_LOADS } from './load-athlete.ts';
import { isSettled, type Athlete, type ShardState } from './shard-state.ts';

/** An athlete silent for this long is unloaded: memory follows who is active, and the next session begins with fresh context. */
const UNLOAD_AFTER_US = 600_000_000;
const SWEEP_EVERY_US = 30_000_000;

export function sweep(shard: ShardState): void {
  const nowUs = shard.options.nowUs();
  if (nowUs - shard.lastSweepUs < SWEEP_EVERY_US) return;
  shard.lastSweepUs = nowUs;
  let retried = 0;
  for (const athlete of shard.athletes.values()) {
    if (isBusy(athlete)) continue;
    if (athlete.shadowWaits && shard.models.shadow !== null && retried < MAX_LOADS) {
      retried += 1;
      loadAnew(shard, athlete);
    } else if ((athlete.shadow?.pipeline.pendingFrames ?? 0) === 0 && nowUs - athlete.lastActiveUs >= UNLOAD_AFTER_US) {
      unload(shard, athlete);
    }
  }
}

/** Those that are asleep have nothing to unload: they count as busy. */
const isBusy = (athlete: Athlete): boolean =>
  athlete.status !== 'ready' || !isSettled(athlete) || athlete.pipeline === null || athlete.pipeline.pendingFrames > 0;
