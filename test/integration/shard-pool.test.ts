import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFrameHeader } from '../../src/contracts/frame.ts';
import type { OpenedStream } from '../../src/contracts/stream.ts';
import { loadModelContract } from '../../src/score/model-contract.ts';
import { readModelPackage } from '../../src/score/model-package.ts';
import { createOnnxScorer } from '../../src/score/onnx/onnx-scorer.ts';
import { startShards, type ShardPoolOptions } from '../../src/shard/pool.ts';
import type { ScoredNotice } from '../../src/shard/messages.ts';
import { replayAthlete } from '../../src/shard/replay.ts';
import { createFrameWriter } from '../../src/store/frame-writer.ts';
import { createGatewayDirectory } from '../../src/store/gateway-directory.ts';
import { createModelRegistry } from '../../src/store/model-registry.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { IMU_CHANNELS, inReceiptOrder, makeDevice, randomFrom } from '../support/athlete-frames.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { createRoster } from '../support/roster.ts';

const MODELS = new URL('../../models', import.meta.url).pathname;
const VERSION = loadModelContract(MODELS).contract.version;
const WORKER = new URL('../../dist/src/shard/worker.js', import.meta.url);

/** Worker threads run compiled code: `npm test` builds first. */
describe.skipIf(!existsSync(WORKER))('shard pool: worker threads with the real graph', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startTestDatabase();
    await createModelRegistry(database.pool).ensureFirst(readModelPackage(MODELS), 'test');
  });
  afterAll(() => database.stop());

  const options = (change: Partial<ShardPoolOptions>): ShardPoolOptions => ({
    count: 2,
    connectionString: database.connectionString,
    models: { active: VERSION, shadow: null },
    executionProvider: 'cpu',
    onScored: () => undefined,
    onClock: () => undefined,
    log: () => undefined,
    ...change,
  });

  it('scores athletes of both shards as the replay does, tells of each window after its commit, and reports a clock jump', async () => {
    const startUs = Math.floor(Date.now() / 1000) * 1e6 - 60e6;
    const roster = await createRoster(database.pool, 6);
    const made = roster.athletes.map(({ id, serial }, i) =>
      makeDevice({
        streamId: 0,
        athleteId: id,
        declaration: { stream: i, device: serial, kind: 'imu', placement: 'trunk', channels: IMU_CHANNELS, rateHz: 200 },
        startUs,
        seconds: 15,
        samplesPerFrame: 50,
        value: (timeUs, c) => 3 * Math.sin(timeUs / 9e4 + c + i),
        random: randomFrom(i),
        jumps: i === 0 ? [{ atUs: startUs + 8e6, byUs: 3_600e6 }] : [],
      }),
    );
    const opened = await createGatewayDirectory(database.pool).openStreams(
      { gatewayId: roster.gatewayId, teamId: roster.teamId, name: 'gateway' },
      made.map((m) => m.opened.declaration),
      startUs - 1_000,
    );
    const notices: ScoredNotice[] = [];
    const jumps: number[] = [];
    const pool = await startShards(
      options({
        liveFromUs: startUs - 1e6,
        onScored: (windows) => notices.push(...windows),
        onClock: (found) => jumps.push(...found.map((jump) => jump.jumpUs)),
      }),
    );
    pool.open(opened);
    const writer = createFrameWriter({
      pool: database.pool,
      commitIntervalMs: 5,
      maxBufferedBytes: 64e6,
      onCommitted: (frames) => {
        pool.push(frames);
      },
      log: () => undefined,
    });
    const lists = made.map((m, i) => m.frames.map((frame) => ({ ...frame, streamId: (opened[i] as OpenedStream).streamId })));
    const athleteOf = new Map(opened.map((stream) => [stream.streamId, stream.athleteId]));
    for (const frame of inReceiptOrder(...lists)) {
      const header = decodeFrameHeader(frame.bytes);
      const endDeviceTimeUs = (header?.deviceTimeUs ?? 0) + (header?.count ?? 0) * 5_000;
      writer.append({ ...frame, athleteId: athleteOf.get(frame.streamId) as string, endDeviceTimeUs }, { onStored: () => undefined });
    }
    await writer.flush();
    await pool.drain();
    const stats = await pool.stats();
    await pool.close();
    await writer.close();

    const { contract, modelPath } = loadModelContract(MODELS);
    const scorer = await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: 1 });
    let windows = 0;
    for (const { id } of roster.athletes) {
      const expected = await replayAthlete(createShardStore(database.pool), scorer, contract, id);
      const found = await database.pool.query<{ window_index: string; state: number }>(
        'SELECT window_index, state FROM score WHERE athlete_id = $1 ORDER BY window_index',
        [id],
      );
      expect(found.rows.map((row) => Number(row.window_index))).toEqual(expected.map((w) => w.windowIndex));
      found.rows.forEach((row, i) => {
        expect(Math.abs(row.state - (expected[i]?.state ?? Number.NaN))).toBeLessThan(1e-5);
      });
      windows += expected.length;
    }
    await scorer.close();
    expect(windows).toBeGreaterThan(60);
    expect(pool.provider).toBe('cpu');
    expect(stats).toMatchObject({ athletes: 6, windowsDue: windows, windowsScored: windows, clockJumps: 1, quarantined: [] });
    expect(notices).toHaveLength(windows);
    expect(jumps).toEqual([expect.closeTo(3_600e6, -6)]);
  });

  it('fails its start with a sentence where the model cannot be read', async () => {
    await expect(startShards(options({ models: { active: 'none', shadow: null } }))).rejects.toMatchObject({ code: 'unknown-model' });
  });
});
