import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScoredWindow } from '../../src/contracts/score.ts';
import type { Scorer } from '../../src/score/ports.ts';
import { packFrames } from '../../src/shard/pool.ts';
import type { ShardStore } from '../../src/shard/ports.ts';
import { replayAthlete } from '../../src/shard/replay.ts';
import { createShard, type Shard, type ShardOptions } from '../../src/shard/shard.ts';
import { openPool } from '../../src/store/pool.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { standInContract } from '../support/contract.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { createFakeScorer } from '../support/fake-scorer.ts';
import { makeSquad, SQUAD_SECONDS as SECONDS, storeFrames as store, type Squad } from '../support/squad.ts';

const contract = standInContract();
const nowUs = (): number => Date.now() * 1000;

async function storedScores(
  pool: TestDatabase['pool'],
  athleteId: string,
): Promise<{ window_index: string; state_logit: number | null; closed_by_us: string }[]> {
  const found = await pool.query<{ window_index: string; state_logit: number | null; closed_by_us: string }>(
    'SELECT window_index, state_logit, closed_by_us FROM score WHERE athlete_id = $1 ORDER BY window_index',
    [athleteId],
  );
  return found.rows;
}

function start(shardStore: ShardStore, scorer: Scorer, liveFromUs: number, change: Partial<ShardOptions> = {}): Shard {
  return createShard({
    store: shardStore,
    models: { active: { scorer, contract }, shadow: null },
    nowUs,
    liveFromUs,
    onScored: () => undefined,
    onClock: () => undefined,
    onPressure: () => undefined,
    log: () => undefined,
    ...change,
  });
}

/** Every stored score equals the oracle's, none is missing, none is there twice. */
async function expectOracle(database: TestDatabase, squad: Squad): Promise<number> {
  let windows = 0;
  for (const athleteId of squad.athleteIds) {
    const expected: ScoredWindow[] = await replayAthlete(createShardStore(database.pool), createFakeScorer(contract), contract, athleteId);
    const rows = await storedScores(database.pool, athleteId);
    expect(rows.map((row) => Number(row.window_index))).toEqual(expected.map((w) => w.windowIndex));
    rows.forEach((row, i) => {
      expect(Math.abs((row.state_logit ?? 0) - (expected[i]?.stateLogit ?? 0))).toBeLessThan(1e-5);
      expect(Number(row.closed_by_us)).toBe(expected[i]?.closedByUs);
    });
    windows += rows.length;
  }
  return windows;
}

describe('shard on PostgreSQL', () => {
  let database: TestDatabase;
  const startUs = Math.floor(nowUs() / 1e6) * 1e6 - 60e6;
  beforeAll(async () => {
    database = await startTestDatabase();
  });
  afterAll(() => database.stop());

  /** Stores the squad's frames and pushes them as they commit, until all is scored and committed. */
  async function scoreWhole(shard: Shard, squad: Squad): Promise<ReturnType<Shard['stats']>> {
    shard.open(squad.opened);
    await store(database.pool, squad.frames, (frames) => {
      shard.push(packFrames(frames));
    });
    await shard.drain();
    const stats = shard.stats();
    await shard.close();
    return stats;
  }

  it('scores what is pushed as the offline replay of the stored rows does, in batches', async () => {
    const squad = await makeSquad(database.pool, 6, startUs);
    const scorer = createFakeScorer(contract, 4);
    const notices: number[] = [];
    const shard = start(createShardStore(database.pool), scorer, startUs - 1e6, {
      onScored: (windows) => notices.push(...windows.map((w) => w.windowIndex)),
    });
    const stats = await scoreWhole(shard, squad);
    const windows = await expectOracle(database, squad);
    expect(windows).toBeGreaterThanOrEqual(6 * (SECONDS - 4));
    expect(stats).toMatchObject({ windowsDue: windows, windowsScored: windows, quarantined: [], lateSamples: 0, droppedFrames: 0 });
    expect(notices).toHaveLength(windows);
    expect(stats.largestBatch).toBeGreaterThan(1);
    expect(stats.largestBatch).toBeLessThanOrEqual(4);
  });

  it('ONE-SCORE: ended in mid-stream and started again, nothing is missing, nothing is twice, values equal the replay', async () => {
    const squad = await makeSquad(database.pool, 3, startUs);
    const cuts = [0.31, 0.62, 1].map((share) => Math.floor(squad.frames.length * share));
    let from = 0;
    for (const to of cuts) {
      const part = squad.frames.slice(from, to);
      const shard = start(createShardStore(database.pool), createFakeScorer(contract), part[0]?.receivedUs ?? 0);
      shard.recover(squad.athleteIds);
      if (from === 0) shard.open(squad.opened);
      await store(database.pool, part, (frames) => {
        shard.push(packFrames(frames));
      });
      // Only the last life is drained: the others end with frames queued, windows scored and not committed, or athletes still loading.
      if (to === squad.frames.length) await shard.drain();
      await shard.close();
      from = to;
    }
    expect(await expectOracle(database, squad)).toBeGreaterThan(3 * (SECONDS - 4));
  });

  it('scores what fell due before a crash although no frame comes any more', async () => {
    const squad = await makeSquad(database.pool, 2, startUs);
    await store(database.pool, squad.frames);
    const shardStore = createShardStore(database.pool);
    const recent = await shardStore.recentAthletes(startUs - 60e6);
    expect(recent).toEqual(expect.arrayContaining([...squad.athleteIds]));
    const shard = start(shardStore, createFakeScorer(contract), nowUs());
    shard.recover(squad.athleteIds);
    await shard.drain();
    await shard.close();
    expect(await expectOracle(database, squad)).toBeGreaterThan(30);
  });

  it('quarantines the athlete whose model answer is no number, and scores the others', async () => {
    const squad = await makeSquad(database.pool, 3, startUs);
    const [sick] = squad.athleteIds as [string];
    const healthy = createFakeScorer(contract);
    let spoiled = 0;
    const scorer: Scorer = {
      ...healthy,
      score: async (windows) => {
        const outputs = await healthy.score(windows);
        // The athlete's own context marks the window: no other way to tell whose it is, by design.
        return outputs.map((output, i) => {
          if (windows[i]?.context[2] !== 1) return output;
          spoiled += 1;
          return spoiled > 3 ? { ...output, stateLogit: Number.NaN } : output;
        });
      },
    };
    await database.pool.query('UPDATE athlete SET mass_kg = 1 WHERE id = $1', [sick]);
    const shard = start(createShardStore(database.pool), scorer, startUs - 1e6);
    const stats = await scoreWhole(shard, squad);
    expect(stats.quarantined).toEqual([{ athleteId: sick, reason: expect.stringContaining('score-not-finite') }]);
    expect(await storedScores(database.pool, sick)).toHaveLength(3);
    await expectOracle(database, { ...squad, athleteIds: squad.athleteIds.slice(1) });
  });

  it('waits out a database that ends its connections, and loses nothing', async () => {
    const squad = await makeSquad(database.pool, 3, startUs);
    const own = openPool(database.connectionString, { max: 2, name: 'shard under test' });
    own.on('connect', (client) => client.on('error', () => undefined));
    const shard = start(createShardStore(own), createFakeScorer(contract, 2), startUs - 1e6);
    shard.open(squad.opened);
    let kills = 0;
    await store(database.pool, squad.frames, (frames) => {
      shard.push(packFrames(frames));
      if (kills >= 10) return;
      kills += 1;
      void database.pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shard under test'`);
    });
    await shard.drain();
    await shard.close();
    await own.end();
    expect(await expectOracle(database, squad)).toBeGreaterThan(3 * (SECONDS - 4));
  });
});
