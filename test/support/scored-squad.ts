/** A squad whose frames are stored and whose windows are scored as the live path does it. */
import type pg from 'pg';
import type { ScoringModel } from '../../src/shard/shard.ts';
import { packFrames } from '../../src/shard/pool.ts';
import { createShard } from '../../src/shard/shard.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { makeSquad, storeFrames, type Squad } from './squad.ts';

export async function scoreSquad(
  pool: pg.Pool,
  active: ScoringModel,
  { athletes, startUs, seconds }: { readonly athletes: number; readonly startUs: number; readonly seconds: number },
): Promise<Squad> {
  const squad = await makeSquad(pool, athletes, startUs, seconds);
  const shard = createShard({
    store: createShardStore(pool),
    models: { active, shadow: null },
    nowUs: () => Date.now() * 1000,
    liveFromUs: startUs - 1e6,
    onScored: () => undefined,
    onClock: () => undefined,
    onPressure: () => undefined,
    log: () => undefined,
  });
  shard.open(squad.opened);
  await storeFrames(pool, squad.frames, (frames) => shard.push(packFrames(frames)));
  await shard.drain();
  await shard.close();
  return squad;
}
