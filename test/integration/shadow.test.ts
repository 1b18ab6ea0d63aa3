/** A second model beside the active one, and the change from one to the other in mid-stream: every window has one score that counts. */
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ModelContract } from '../../src/contracts/model.ts';
import type { Scorer } from '../../src/score/ports.ts';
import { packFrames } from '../../src/shard/pool.ts';
import type { ShardStore } from '../../src/shard/ports.ts';
import { replayAthlete } from '../../src/shard/replay.ts';
import { createShard, type ScoringModel, type Shard } from '../../src/shard/shard.ts';
import { createAsmsStore } from '../../src/store/asms-store.ts';
import { createScoreRepository } from '../../src/store/repositories/scores.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { standInContract } from '../support/contract.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { createFakeScorer } from '../support/fake-scorer.ts';
import { makeSquad, SQUAD_SECONDS, storeFrames, type Squad } from '../support/squad.ts';

const one = standInContract({ version: 'one' });
/** Its own normalisation: other priors, another clip. */
const two = standInContract({
  version: 'two',
  zClip: 3,
  bio: one.bio.map((channel) => ({
    ...channel,
    prior: Object.fromEntries(Object.entries(channel.prior).map(([k, p]) => [k, { ...p, scale: p.scale * 2 }])) as typeof channel.prior,
  })),
});
const model = (contract: ModelContract, scorer: Scorer = createFakeScorer(contract)): ScoringModel => ({ contract, scorer });
const nowUs = (): number => Date.now() * 1000;

async function until(reached: () => Promise<boolean>): Promise<void> {
  while (!(await reached())) await delay(20);
}

interface Row {
  readonly index: number;
  readonly version: string;
  readonly shadow: boolean;
  readonly logit: number | null;
  readonly provisional: boolean;
}

async function rowsOf(pool: pg.Pool, athleteId: string): Promise<Row[]> {
  const { rows } = await pool.query<Omit<Row, 'index'> & { index: string }>(
    `SELECT window_index AS index, model_version AS version, shadow, state_logit AS logit, provisional FROM score WHERE athlete_id = $1
     ORDER BY window_index, model_version`,
    [athleteId],
  );
  return rows.map((row) => ({ ...row, index: Number(row.index) }));
}

describe('a shadow model', () => {
  let database: TestDatabase;
  let store: ShardStore;
  let squad: Squad;
  let startUs: number;
  beforeAll(async () => {
    database = await startTestDatabase();
    store = createShardStore(database.pool);
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    startUs = Math.floor(nowUs() / 1e6) * 1e6 - 60e6;
    squad = await makeSquad(database.pool, 3, startUs);
  });

  const logged: string[] = [];
  const start = (active: ScoringModel, shadow: ScoringModel | null, liveFromUs = startUs - 1e6, over = store): Shard =>
    createShard({
      store: over,
      models: { active, shadow },
      nowUs,
      liveFromUs,
      onScored: () => undefined,
      onClock: () => undefined,
      onPressure: () => undefined,
      log: (_level, message) => logged.push(message),
    });
  const part = (from: number, to: number): Squad['frames'] =>
    squad.frames.slice(Math.floor(squad.frames.length * from), Math.floor(squad.frames.length * to));
  const push = (shard: Shard, frames: Squad['frames']): Promise<void> =>
    storeFrames(database.pool, frames, (stored) => shard.push(packFrames(stored)));
  const oracle = async (contract: ModelContract, athleteId: string): Promise<Map<number, number | null>> =>
    new Map((await replayAthlete(store, createFakeScorer(contract), contract, athleteId)).map((w) => [w.windowIndex, w.stateLogit]));

  /** Each window once with a score that counts, no window missing, every score that of its version's own replay. */
  async function expectOneEach(athleteId: string, exact: readonly ModelContract[]): Promise<Row[]> {
    const rows = await rowsOf(database.pool, athleteId);
    const counting = rows.filter((row) => !row.shadow);
    const replayed = new Map(await Promise.all([one, two].map(async (c) => [c.version, await oracle(c, athleteId)] as const)));
    expect(counting.map(({ index }) => index)).toEqual([...(replayed.get('one') ?? new Map<number, never>()).keys()]);
    for (const row of rows.filter(({ version }) => exact.some((contract) => contract.version === version)))
      expect(Math.abs((row.logit ?? 0) - (replayed.get(row.version)?.get(row.index) ?? 0)), `${row.version} ${row.index}`).toBeLessThan(
        1e-5,
      );
    return counting;
  }

  it('scores beside the active one, by its own normalisation, and nobody sees it who does not ask', async () => {
    const shard = start(model(one), model(two));
    shard.open(squad.opened);
    await push(shard, part(0, 1));
    await shard.drain();
    expect(shard.stats()).toMatchObject({ shadowLagged: 0, shadowFailed: 0, quarantined: [] });
    await shard.close();
    const asms = createAsmsStore(database.pool);
    const scores = createScoreRepository(database.pool);
    const seen = { fromUs: null, toUs: null, order: 'asc', attention: false } as const;
    for (const athleteId of squad.athleteIds) {
      const counting = await expectOneEach(athleteId, [one, two]);
      expect(new Set(counting.map(({ version }) => version))).toEqual(new Set(['one']));
      const beside = (await rowsOf(database.pool, athleteId)).filter(({ shadow }) => shadow);
      expect(beside.map(({ index, version }) => `${index} ${version}`)).toEqual(counting.map(({ index }) => `${index} two`));
      expect(beside.map(({ logit }) => logit)).not.toEqual(counting.map(({ logit }) => logit));
      const page = { limit: 200, after: null };
      const shown = await scores.list(null, athleteId, { ...seen, modelVersion: null }, page);
      expect(shown?.items.map(({ modelVersion, shadow }) => `${modelVersion} ${shadow}`)).toEqual(counting.map(() => 'one false'));
      const asked = await scores.list(null, athleteId, { ...seen, modelVersion: 'two' }, page);
      expect(asked?.items.map(({ modelVersion, shadow }) => `${modelVersion} ${shadow}`)).toEqual(counting.map(() => 'two true'));
      expect((await scores.current(null, athleteId))?.score).toMatchObject({ modelVersion: 'one', windowIndex: counting.at(-1)?.index });
      const given: string[] = [];
      await asms.advance(athleteId, 'm', 500, (_state, { windows }) => {
        given.push(...windows.map(({ modelVersion }) => modelVersion));
        return { state: null, raise: [], clear: [], live: [] };
      });
      expect(given).toEqual(counting.map(() => 'one'));
    }
    const sizes = await database.pool.query<{ n: number }>('SELECT max(octet_length(data)) AS n FROM checkpoint');
    expect(sizes.rows[0]?.n).toBeLessThanOrEqual(4_096);
  });

  it('that throws, or answers no number, harms no active score', async () => {
    const fake = createFakeScorer(two);
    let calls = 0;
    const failing: Scorer = {
      ...fake,
      score: async (windows) => {
        calls += 1;
        if (calls === 3) throw new Error('planted');
        const outputs = await fake.score(windows);
        return calls < 5 ? outputs : outputs.map((output) => ({ ...output, stateLogit: Number.NaN }));
      },
    };
    const shard = start(model(one), model(two, failing));
    shard.open(squad.opened);
    await push(shard, part(0, 1));
    await shard.drain();
    const stats = shard.stats();
    await shard.close();
    expect(stats).toMatchObject({ quarantined: [], shadowFailed: 3 });
    expect(logged).toContain('the shadow model failed: it is set aside for this athlete until the next start');
    for (const athleteId of squad.athleteIds) await expectOneEach(athleteId, [one]);
  });

  it('whose rows the store refuses harms no active score', async () => {
    const refusing: ShardStore = {
      ...store,
      commitScores: (windows, checkpoints, shadow) =>
        shadow === true ? Promise.reject(Object.assign(new Error('planted'), { code: '23514' })) : store.commitScores(windows, checkpoints),
    };
    const shard = createShard({
      store: refusing,
      models: { active: model(one), shadow: model(two) },
      nowUs,
      liveFromUs: startUs - 1e6,
      onScored: () => undefined,
      onClock: () => undefined,
      onPressure: () => undefined,
      log: () => undefined,
    });
    shard.open(squad.opened);
    await push(shard, part(0, 1));
    await shard.drain();
    expect(shard.stats()).toMatchObject({ quarantined: [], shadowFailed: 3, shadowScored: 0 });
    await shard.close();
    for (const athleteId of squad.athleteIds) await expectOneEach(athleteId, [one]);
  });

  it('too slow to keep up is set aside, counted, and holds nothing up', async () => {
    const never: Scorer = { ...createFakeScorer(two) };
    const busy = createFakeScorer(one, 1);
    const shard = createShard({
      store,
      models: { active: model(one, busy), shadow: model(two, never) },
      nowUs,
      liveFromUs: startUs - 1e6,
      maxShadowBytes: 20_000,
      onScored: () => undefined,
      onClock: () => undefined,
      onPressure: () => undefined,
      log: () => undefined,
    });
    shard.open(squad.opened);
    await storeFrames(database.pool, part(0, 1));
    shard.push(packFrames(part(0, 1)));
    await shard.drain();
    expect(shard.stats()).toMatchObject({ quarantined: [], shadowLagged: 3, shadowFailed: 0, droppedFrames: 0 });
    await shard.close();
    for (const athleteId of squad.athleteIds) await expectOneEach(athleteId, [one]);
  });

  it('becomes the active one in mid-stream: one border an athlete, no window twice, none missing, its state unbroken', async () => {
    const shard = start(model(one), model(two));
    shard.open(squad.opened);
    await push(shard, part(0, 0.3));
    await shard.drain();
    await push(shard, part(0.3, 0.5));
    // Not drained: windows are in flight, waiting and uncommitted, the shadow is behind.
    const changed = shard.useModels({ active: model(two), shadow: model(one) });
    await push(shard, part(0.5, 1));
    await changed;
    await shard.drain();
    const stats = shard.stats();
    await shard.close();
    expect(stats).toMatchObject({ quarantined: [], shadowFailed: 0, droppedFrames: 0 });
    for (const { due, scored } of stats.perAthlete) expect(scored).toBe(due);
    for (const athleteId of squad.athleteIds) {
      const counting = await expectOneEach(athleteId, [one, two]);
      const border = counting.findIndex(({ version }) => version === 'two');
      expect(border).toBeGreaterThan(0);
      // Both have every window: what the new one caught up on stands beside.
      expect(await rowsOf(database.pool, athleteId)).toHaveLength(2 * counting.length);
      expect(counting.slice(border).every(({ version }) => version === 'two')).toBe(true);
    }
  });

  it('survives the death of the shard in the middle of the change, at any moment', async () => {
    const lives: readonly (readonly [share: number, before: boolean])[] = [
      [0.2, false],
      [0.35, true],
      [0.5, false],
      [0.7, true],
      [1, false],
    ];
    let [active, shadow] = [one, two];
    let from = 0;
    for (const [share, changes] of lives) {
      const frames = part(from, share);
      const shard = start(model(active), model(shadow), frames[0]?.receivedUs ?? 0);
      shard.recover(squad.athleteIds);
      if (from === 0) shard.open(squad.opened);
      await push(shard, frames);
      if (changes) {
        [active, shadow] = [shadow, active];
        // The change is begun and the shard ends before it is made.
        void shard.useModels({ active: model(active), shadow: model(shadow) });
      }
      // Every other life comes to its end, so that each version has windows that count (and the shadow a checkpoint of its own before
      // the first change: without one it would begin afresh). The others end with windows queued, in flight and uncommitted.
      if (!changes) await shard.drain();
      await shard.close();
      from = share;
    }
    for (const athleteId of squad.athleteIds) {
      const counting = await expectOneEach(athleteId, [one, two]);
      expect(counting.length).toBeGreaterThanOrEqual(SQUAD_SECONDS - 4);
      expect(new Set(counting.map(({ version }) => version)).size).toBe(2);
    }
  });

  it('was ahead when the shard died: what it had scored counts when it takes over', async () => {
    let isStalled = false;
    const stalling: ShardStore = {
      ...store,
      commitScores: (windows, checkpoints, shadow) =>
        isStalled && shadow !== true ? new Promise<number>(() => undefined) : store.commitScores(windows, checkpoints, shadow),
    };
    const dying = start(model(one), model(two), startUs - 1e6, stalling);
    dying.open(squad.opened);
    await push(dying, part(0, 0.25));
    await dying.drain();
    isStalled = true;
    await push(dying, part(0.25, 0.5));
    await until(async () => {
      const { rows } = await database.pool.query<{ ahead: number }>(
        `SELECT count(*)::int AS ahead FROM checkpoint o JOIN checkpoint t ON t.athlete_id = o.athlete_id AND t.model_version = 'two'
         WHERE o.model_version = 'one' AND o.athlete_id = ANY($1::uuid[]) AND t.window_index > o.window_index + 2`,
        [squad.athleteIds],
      );
      return rows[0]?.ahead === squad.athleteIds.length;
    });
    void dying.close();
    const frames = part(0.5, 1);
    const shard = start(model(two), model(one), frames[0]?.receivedUs ?? 0);
    shard.recover(squad.athleteIds);
    await push(shard, frames);
    await shard.drain();
    await shard.close();
    for (const athleteId of squad.athleteIds) {
      const counting = await expectOneEach(athleteId, [one, two]);
      expect(new Set(counting.map(({ version }) => version))).toEqual(new Set(['one', 'two']));
    }
  });

  it('that was never a shadow begins afresh at the border: elapsed 0, provisional', async () => {
    const elapsed: number[] = [];
    const fake = createFakeScorer(two);
    const watched: Scorer = {
      ...fake,
      score: (windows) => {
        elapsed.push(...windows.map(({ elapsedHops }) => elapsedHops));
        return fake.score(windows);
      },
    };
    const shard = start(model(one), null);
    shard.open(squad.opened);
    await push(shard, part(0, 0.5));
    await shard.drain();
    await shard.useModels({ active: model(two, watched), shadow: null });
    await push(shard, part(0.5, 1));
    await shard.drain();
    await shard.close();
    expect(elapsed.filter((hops) => hops === 0)).toHaveLength(squad.athleteIds.length);
    for (const athleteId of squad.athleteIds) {
      const counting = await expectOneEach(athleteId, [one]);
      const border = counting.findIndex(({ version }) => version === 'two');
      expect(counting[border]).toMatchObject({ provisional: true });
      expect((await rowsOf(database.pool, athleteId)).filter(({ shadow }) => shadow)).toEqual([]);
    }
  });

  it('never makes a second score of a window count: the table has a key for that', async () => {
    const shard = start(model(one), model(two));
    shard.open(squad.opened);
    await push(shard, part(0, 0.5));
    await shard.drain();
    await shard.close();
    const second = database.pool.query('UPDATE score SET shadow = false WHERE athlete_id = $1', [squad.athleteIds[0]]);
    await expect(second).rejects.toMatchObject({ code: '23505' });
  });
});
