import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeFrame } from '../../src/contracts/frame.ts';
import type { StreamDeclaration } from '../../src/contracts/protocol.ts';
import type { ScoredWindow } from '../../src/contracts/score.ts';
import { INDEX_FIELDS, type FrameBatch, type OpenedStream } from '../../src/contracts/stream.ts';
import type { GatewayDirectory } from '../../src/gateway/ports.ts';
import { SCORE_COLUMNS, decodeScore } from '../../src/store/decode-score.ts';
import { createFrameWriter } from '../../src/store/frame-writer.ts';
import { createGatewayDirectory, newestReceiptUs } from '../../src/store/gateway-directory.ts';
import { partitionName } from '../../src/store/partitions.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { createRoster, imuDeclaration, type Roster } from '../support/roster.ts';

let database: TestDatabase;
let pool: pg.Pool;
let directory: GatewayDirectory;
let stampUs = Date.now() * 1000;

beforeAll(async () => {
  database = await startTestDatabase();
  pool = database.pool;
  directory = createGatewayDirectory(pool);
});
afterAll(() => database.stop());

const gatewayOf = (roster: Roster) => ({ gatewayId: roster.gatewayId, teamId: roster.teamId, name: 'gateway' });

describe('gateway directory', () => {
  test('a token is known by its hash until it is revoked', async () => {
    const roster = await createRoster(pool, 1);
    expect(await directory.authenticate(roster.token)).toEqual({ gatewayId: roster.gatewayId, teamId: roster.teamId, name: 'gateway' });
    expect(await directory.authenticate(`${roster.token}x`)).toBeNull();
    await pool.query('UPDATE gateway SET revoked_at = now() WHERE id = $1', [roster.gatewayId]);
    expect(await directory.authenticate(roster.token)).toBeNull();
  });

  test('a hello opens its streams; a later one finds where they stand and is kept beside the first', async () => {
    const roster = await createRoster(pool, 2);
    const declarations = [
      imuDeclaration('device-0', { stream: 4, placement: 'foot-left' }),
      imuDeclaration('device-1', { stream: 9, athlete: { externalId: 'athlete-1' } }),
    ];
    const first = await directory.openStreams(gatewayOf(roster), declarations, 1_000);
    expect(first).toEqual([
      {
        streamId: expect.any(Number),
        athleteId: roster.athletes[0]!.id,
        declaration: declarations[0],
        receivedUs: 1_000,
        nextSequence: 0,
        lastDeviceTimeUs: null,
      },
      {
        streamId: expect.any(Number),
        athleteId: roster.athletes[1]!.id,
        declaration: declarations[1],
        receivedUs: 1_000,
        nextSequence: 0,
        lastDeviceTimeUs: null,
      },
    ]);
    await pool.query('UPDATE stream SET next_sequence = 7, last_device_time_us = 123 WHERE id = $1', [first[0]!.streamId]);
    const [again] = await directory.openStreams(gatewayOf(roster), [declarations[0]!], 2_000);
    expect(again).toMatchObject({ streamId: first[0]!.streamId, nextSequence: 7, lastDeviceTimeUs: 123 });
    const streams = await createShardStore(pool).loadStreams(roster.athletes[0]!.id);
    expect(streams.map(({ receivedUs, nextSequence }) => [receivedUs, nextSequence])).toEqual([
      [1_000, 0],
      [2_000, 7],
    ]);
    expect(streams[0]?.declaration).toEqual(declarations[0]);
  });

  test('twenty hellos at once with the same streams in different orders', async () => {
    const roster = await createRoster(pool, 6);
    const declarations = roster.athletes.map(({ serial }, stream) => imuDeclaration(serial, { stream }));
    const opened = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        directory.openStreams(gatewayOf(roster), i % 2 === 0 ? declarations : declarations.toReversed(), 5_000 + i),
      ),
    );
    expect(new Set(opened.flat().map((stream) => stream.streamId)).size).toBe(6);
  });

  test.each([
    ['unknown-device', imuDeclaration('nobody')],
    ['unknown-athlete', imuDeclaration('device-0', { athlete: { externalId: 'nobody' } })],
    ['unknown-athlete', imuDeclaration('device-0', { athlete: { id: '00000000-0000-4000-8000-000000000000' } })],
    ['assignment-mismatch', imuDeclaration('device-0', { athlete: { externalId: 'athlete-1' } })],
    ['assignment-mismatch', imuDeclaration('device-2')],
    ['stream-conflict', imuDeclaration('device-1', { stream: 0 })],
    ['stream-conflict', imuDeclaration('device-3')],
    ['stream-conflict', imuDeclaration('device-4', { mode: 'recorded' })],
  ])('%s refuses the hello as a whole', async (code, bad) => {
    const roster = await createRoster(pool, 5);
    const good = imuDeclaration('device-1', { stream: 1 });
    await pool.query(`UPDATE device_assignment SET valid_to = '2020-01-01Z' WHERE device_id = $1`, [roster.athletes[2]!.deviceId]);
    await directory.openStreams(gatewayOf(roster), [imuDeclaration('device-3'), imuDeclaration('device-4', { stream: 1 })], stampUs);
    await pool.query('UPDATE device_assignment SET athlete_id = $2 WHERE device_id = $1', [
      roster.athletes[3]!.deviceId,
      roster.athletes[0]!.id,
    ]);
    await expect(directory.openStreams(gatewayOf(roster), [good, bad], stampUs + 1)).rejects.toMatchObject({
      name: 'KinewatchError',
      code,
    });
    const streams = await pool.query('SELECT 1 FROM stream WHERE device_id = $1', [roster.athletes[1]!.deviceId]);
    expect(streams.rowCount).toBe(0);
  });

  const told = imuDeclaration('device-0', {
    channels: ['ax', 'ay'].map((name) => ({ name, unit: 'g' })),
    scale: [0.001, 0.001],
    gravity: 'included',
    frame: 'sensor',
  });
  test.each<[string, Partial<StreamDeclaration>]>([
    ['channels', { channels: ['ay', 'ax'].map((name) => ({ name, unit: 'g' })) }],
    ['channels', { channels: ['ax', 'ay'].map((name) => ({ name, unit: 'mg' })) }],
    ['channels', { channels: [{ name: 'ax', unit: 'g' }], scale: [0.001] }],
    ['encoding', { encoding: 'float32' }],
    ['scale', { scale: [0.001, 0.002] }],
    ['rateHz', { rateHz: 100 }],
    ['gravity', { gravity: 'removed' }],
    ['frame', { frame: 'earth' }],
    ['mode', { mode: 'recorded' }],
  ])('another %s in the same boot is a stream-conflict that names it; a new boot may', async (field, change) => {
    const roster = await createRoster(pool, 1);
    const open = (declaration: StreamDeclaration): Promise<readonly OpenedStream[]> =>
      directory.openStreams(gatewayOf(roster), [declaration], (stampUs += 1));
    await open(told);
    await expect(open({ ...told, ...change })).rejects.toMatchObject({
      code: 'stream-conflict',
      message: expect.stringContaining(`declared with ${field} `),
    });
    expect(await open({ ...told, ...change, boot: 'boot-2' })).toHaveLength(1);
  });

  test('within a boot the stream index and the clock may differ, and what is left out reads as what it means', async () => {
    const roster = await createRoster(pool, 1);
    const { gravity: _, ...unsaid } = told;
    const ones = { ...unsaid, scale: [1, 1] };
    const { scale: __, ...plain } = unsaid;
    const opened = [];
    for (const declaration of [
      ones,
      { ...ones, gravity: 'included' as const, stream: 5 },
      { ...plain, clock: { offsetUs: 1, roundTripUs: 2 } },
    ]) {
      // oxlint-disable-next-line no-await-in-loop
      opened.push(...(await directory.openStreams(gatewayOf(roster), [declaration], (stampUs += 1))));
    }
    expect(new Set(opened.map(({ streamId }) => streamId)).size).toBe(1);
  });

  test("another team's device does not exist", async () => {
    const [mine, theirs] = [await createRoster(pool, 1), await createRoster(pool, 3)];
    await expect(directory.openStreams(gatewayOf(mine), [imuDeclaration(theirs.athletes[2]!.serial)], stampUs)).rejects.toMatchObject({
      code: 'unknown-device',
    });
  });
});

/** Stores `count` frames of each stream, streams taking turns, every seventh of the first refused. Returns the stored ones as [stream, sequence]. */
async function fill(streams: readonly OpenedStream[], count: number): Promise<number[][]> {
  const writer = createFrameWriter({
    pool,
    commitIntervalMs: 1,
    maxBufferedBytes: 1e7,
    onCommitted: () => undefined,
    log: () => undefined,
  });
  const kept: number[][] = [];
  for (let sequence = 0; sequence < count; sequence += 1) {
    for (const [turn, { streamId, athleteId }] of streams.entries()) {
      stampUs += 3;
      const refused = turn === 0 && sequence % 7 === 6;
      if (!refused) kept.push([streamId, sequence]);
      const bytes = encodeFrame(
        { flags: 0, channels: 1, stream: turn, sequence, deviceTimeUs: sequence },
        new Int16Array((sequence % 5) + 1).fill(sequence),
      );
      const frame = { streamId, athleteId, sequence, receivedUs: stampUs, bytes, endDeviceTimeUs: sequence + 1 };
      writer.append(refused ? { ...frame, refusal: { reason: 'non-finite', detail: '' } } : frame, { onStored: () => undefined });
    }
  }
  await writer.close();
  return kept;
}

function rowsOf(batch: FrameBatch): { key: number[]; receivedUs: number; bytes: Uint8Array }[] {
  return Array.from({ length: batch.index.length / INDEX_FIELDS }, (_, i) => {
    const [streamId = 0, sequence = 0, receivedUs = 0, offset = 0, length = 0] = batch.index.subarray(
      i * INDEX_FIELDS,
      (i + 1) * INDEX_FIELDS,
    );
    return { key: [streamId, sequence], receivedUs, bytes: batch.bytes.subarray(offset, offset + length) };
  });
}

async function readAll(athleteId: string, from: ReadonlyMap<number, number>) {
  const rows: ReturnType<typeof rowsOf> = [];
  for await (const batch of createShardStore(pool).readFrames(athleteId, from)) rows.push(...rowsOf(batch));
  return rows;
}

describe('stored frames', () => {
  test('come back in receipt order over all streams of the athlete, whole, refused ones left out, from the sequences asked for', async () => {
    const roster = await createRoster(pool, 2);
    const placements = ['trunk', 'foot-left', 'foot-right'];
    const mine = await directory.openStreams(
      gatewayOf(roster),
      placements.map((placement, stream) => imuDeclaration('device-0', { stream, placement })),
      stampUs,
    );
    const theirs = await directory.openStreams(gatewayOf(roster), [imuDeclaration('device-1')], stampUs);
    // More than one read takes, so that every stream is read on several times.
    const kept = await fill([...mine, ...theirs], 700);
    const expected = kept.filter(([streamId]) => streamId !== theirs[0]!.streamId);
    const rows = await readAll(roster.athletes[0]!.id, new Map());
    expect(rows.map((row) => row.key)).toEqual(expected);
    expect(rows.every((row, i) => i === 0 || row.receivedUs > rows[i - 1]!.receivedUs)).toBe(true);
    expect(rows.every((row) => row.bytes.byteLength === 24 + 2 * ((row.key[1]! % 5) + 1))).toBe(true);
    const from = new Map([
      [mine[0]!.streamId, 650],
      [mine[1]!.streamId, 10_000],
    ]);
    const tail = await readAll(roster.athletes[0]!.id, from);
    expect(tail.map((row) => row.key)).toEqual(expected.filter(([streamId, sequence]) => sequence! >= (from.get(streamId!) ?? 0)));
  });

  test('of an athlete without any: none', async () => {
    const roster = await createRoster(pool, 1);
    expect(await readAll(roster.athletes[0]!.id, new Map())).toEqual([]);
  });

  test('recent athletes are those with a hello or an open session since then; stamps go on above the newest', async () => {
    const roster = await createRoster(pool, 3);
    const [old, live] = (await directory.openStreams(
      gatewayOf(roster),
      [imuDeclaration('device-0'), imuDeclaration('device-1', { stream: 1 })],
      77,
    )) as [OpenedStream, OpenedStream];
    await fill([live], 2);
    const sinceUs = stampUs - 1;
    await directory.openStreams(gatewayOf(roster), [imuDeclaration('device-2')], stampUs + 5);
    const found = await createShardStore(pool).recentAthletes(sinceUs);
    expect(found).toEqual(expect.arrayContaining([live.athleteId, roster.athletes[2]!.id]));
    expect(found).not.toContain(old.athleteId);
    expect(await newestReceiptUs(pool)).toBe(stampUs + 5);
  });
});

function scoredWindow(athleteId: string, windowIndex: number, change: Partial<ScoredWindow> = {}): ScoredWindow {
  return {
    athleteId,
    modelVersion: 'test-1',
    windowIndex,
    startUs: windowIndex * 1_000_000 + 250_000,
    endUs: windowIndex * 1_000_000 + 2_250_000,
    activity: 'run',
    state: 0.25,
    stateLogit: -1.0986,
    logitSd: 0.5,
    rehab: 0.1,
    performance: 0.9,
    residualNorm: 2,
    observedFraction: 0.75,
    clipped: 3,
    streams: [{ streamId: 5, firstSequence: 1, lastSequence: 9, offsetUs: 12.5, driftPpm: -3 }],
    channelSummary: Float32Array.of(1, Number.NaN),
    fAttn: Float32Array.of(0.5, 0.25),
    attnTime: Float32Array.of(1),
    attnTokens: new Float32Array([9, 8, 7]).subarray(1),
    phys: Float32Array.of(61),
    perf: Float32Array.of(Number.NaN),
    closedByUs: windowIndex * 1_000_000 + 2_300_000,
    scoredAtUs: windowIndex * 1_000_000 + 2_400_000,
    provisional: false,
    ...change,
  };
}

const checkpoint = (athleteId: string, windowIndex: number, bytes = 10) => ({
  athleteId,
  modelVersion: 'test-1',
  windowIndex,
  data: new Uint8Array(bytes).fill(windowIndex % 256),
});

describe('scores', () => {
  test('a window is stored once, whatever is repeated, and reads back as it was; the checkpoint only goes forward', async () => {
    const store = createShardStore(pool);
    const athleteId = (await createRoster(pool, 1)).athletes[0]!.id;
    const index = Math.floor(Date.now() / 1000);
    expect(
      await store.commitScores([scoredWindow(athleteId, index), scoredWindow(athleteId, index + 1)], [checkpoint(athleteId, index + 1)]),
    ).toBe(2);
    const changed = scoredWindow(athleteId, index + 1, { state: 0.99 });
    expect(await store.commitScores([changed, scoredWindow(athleteId, index + 2)], [checkpoint(athleteId, index)])).toBe(1);
    const rows = await pool.query(`SELECT ${SCORE_COLUMNS} FROM score WHERE athlete_id = $1 ORDER BY window_index`, [athleteId]);
    expect(rows.rows.map(decodeScore)).toEqual([0, 1, 2].map((hop) => scoredWindow(athleteId, index + hop)));
    expect((await store.loadCheckpoint(athleteId, 'test-1'))?.windowIndex).toBe(index + 1);
    expect(await store.loadCheckpoint(athleteId, 'other')).toBeNull();
    await store.commitScores([], [checkpoint(athleteId, index + 3), checkpoint(athleteId, index + 2)]);
    expect(await store.loadCheckpoint(athleteId, 'test-1')).toMatchObject(checkpoint(athleteId, index + 3));
  });

  test('not enough data is null; a number that is none is not stored as one', async () => {
    const athleteId = (await createRoster(pool, 1)).athletes[0]!.id;
    const index = Math.floor(Date.now() / 1000);
    await createShardStore(pool).commitScores(
      [scoredWindow(athleteId, index, { state: null, stateLogit: Number.NaN, rehab: Number.POSITIVE_INFINITY })],
      [],
    );
    expect((await pool.query('SELECT state, state_logit, rehab FROM score WHERE athlete_id = $1', [athleteId])).rows).toEqual([
      { state: null, state_logit: null, rehab: null },
    ]);
  });

  test('scores and checkpoint are one transaction: a checkpoint that is refused takes its scores with it', async () => {
    const store = createShardStore(pool);
    const athleteId = (await createRoster(pool, 1)).athletes[0]!.id;
    await expect(
      store.commitScores([scoredWindow(athleteId, 1_700_000_000)], [checkpoint(athleteId, 1_700_000_000, 4097)]),
    ).rejects.toMatchObject({ code: 'checkpoint-too-large' });
    await expect(
      store.commitScores([scoredWindow(athleteId, 1_700_000_000)], [{ ...checkpoint(athleteId, 1), athleteId: 'nobody' }]),
    ).rejects.toThrow('uuid');
    expect((await pool.query('SELECT 1 FROM score WHERE athlete_id = $1', [athleteId])).rowCount).toBe(0);
  });

  test("a recording of the past gets its day's partition", async () => {
    const athleteId = (await createRoster(pool, 1)).athletes[0]!.id;
    const index = Date.UTC(2019, 4, 17) / 1000 + 100;
    await Promise.all(
      [createShardStore(pool), createShardStore(pool)].map((store, i) => store.commitScores([scoredWindow(athleteId, index + i)], [])),
    );
    const place = await pool.query('SELECT DISTINCT tableoid::regclass::text AS name FROM score WHERE athlete_id = $1', [athleteId]);
    expect(place.rows).toEqual([{ name: partitionName('score', Date.UTC(2019, 4, 17) / 86_400_000) }]);
  });
});

test("an athlete's context holds what is known and nothing else; an open injury freezes the baselines", async () => {
  const { athletes } = await createRoster(pool, 2);
  const [known, unknown] = [athletes[0]!.id, athletes[1]!.id];
  await pool.query(
    `UPDATE athlete SET sex = 'female', birth_date = current_date - interval '24 years 3 months', height_m = 1.8, mass_kg = 70, context = '{"altitude": 400, "note": "x"}' WHERE id = $1`,
    [known],
  );
  const injure = (clearedAt: string | null, daysAgo: number, severity: string): Promise<unknown> =>
    pool.query(
      `INSERT INTO injury (id, athlete_id, diagnosis_code, region, severity, onset_at, cleared_at, time_loss_days)
       VALUES (gen_random_uuid(), $1, 'TMHXX', 'thigh', $4, now() - $2 * interval '1 day' - interval '1 hour', $3, 20)`,
      [known, daysAgo, clearedAt, severity],
    );
  await injure('2026-01-01Z', 400, 'severe');
  const store = createShardStore(pool);
  const healed = await store.loadAthletes([known, unknown]);
  expect(new Map(healed.map((one) => [one.athleteId, one]))).toEqual(
    new Map([
      [
        known,
        {
          athleteId: known,
          context: { age: 24, sex: 0, heightM: 1.8, massKg: 70, altitude: 400, pastInjuries: 1, daysSinceInjury: 400, injurySeverity: 3 },
          baselineFrozen: false,
        },
      ],
      [unknown, { athleteId: unknown, context: { pastInjuries: 0 }, baselineFrozen: false }],
    ]),
  );
  await injure(null, 3, 'moderate');
  expect((await store.loadAthletes([known]))[0]).toMatchObject({
    baselineFrozen: true,
    context: { pastInjuries: 2, daysSinceInjury: 3, injurySeverity: 2 },
  });
});
