/** What a scoring process is handed from the tables: every stored frame once, in receipt order, with notices or without. */
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { encodeFrame } from '../../src/contracts/frame.ts';
import type { OpenedStream } from '../../src/contracts/stream.ts';
import { openFrameTail, type FrameTail, type TailSink } from '../../src/shard/frame-tail.ts';
import { createFrameNotices, listenFrames, payloadsOf } from '../../src/store/frame-notices.ts';
import { createFrameWriter } from '../../src/store/frame-writer.ts';
import { createGatewayDirectory } from '../../src/store/gateway-directory.ts';
import { createTailStore } from '../../src/store/tail-store.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { gate } from '../support/gate.ts';
import { createRoster, imuDeclaration } from '../support/roster.ts';

let database: TestDatabase;
let pool: pg.Pool;
let stampUs = Date.now() * 1000;
const tails: FrameTail[] = [];

beforeAll(async () => {
  database = await startTestDatabase();
  ({ pool } = database);
});
afterEach(async () => {
  await Promise.all(tails.splice(0).map((tail) => tail.close()));
});
afterAll(() => database.stop());

/** Two athletes with three streams each, opened by one hello. */
async function openStreams(): Promise<readonly OpenedStream[]> {
  const roster = await createRoster(pool, 2);
  const declarations = ['trunk', 'foot-left', 'foot-right'].flatMap((placement, i) =>
    roster.athletes.map(({ serial }, a) => imuDeclaration(serial, { stream: i * 2 + a, placement })),
  );
  stampUs += 10;
  return createGatewayDirectory(pool).openStreams(
    { gatewayId: roster.gatewayId, teamId: roster.teamId, name: 'gateway' },
    declarations,
    stampUs,
  );
}

/** Stores frames `from` to `to` of every stream, every seventh refused; streams take turns. Returns [stream, sequence] of those that count. */
async function store(streams: readonly OpenedStream[], from: number, to: number): Promise<string[]> {
  const writer = createFrameWriter({
    pool,
    commitIntervalMs: 1,
    maxBufferedBytes: 1e7,
    onCommitted: () => undefined,
    log: () => undefined,
  });
  const kept: string[] = [];
  for (let sequence = from; sequence < to; sequence += 1) {
    for (const { streamId, athleteId } of streams) {
      stampUs += 1;
      const refused = sequence % 7 === 6;
      if (!refused) kept.push(`${streamId} ${sequence}`);
      const bytes = encodeFrame({ flags: 0, channels: 1, stream: 0, sequence, deviceTimeUs: sequence }, new Int16Array([sequence]));
      const frame = { streamId, athleteId, sequence, receivedUs: stampUs, bytes, endDeviceTimeUs: sequence + 1 };
      writer.append(refused ? { ...frame, refusal: { reason: 'non-finite', detail: '' } } : frame, { onStored: () => undefined });
    }
  }
  await writer.close();
  return kept;
}

/** Collects what the shards would get; `whenHas` resolves at so many frames. */
function collector() {
  const frames: { key: string; athleteId: string; receivedUs: number }[] = [];
  const opened: OpenedStream[] = [];
  let ready = true;
  let relief = gate();
  let watch: { count: number; open: () => void } | null = null;
  const sink: TailSink = {
    open: (streams) => opened.push(...streams),
    push: (pushed) => {
      for (const { streamId, sequence, athleteId, receivedUs } of pushed) {
        if (!opened.some((stream) => stream.streamId === streamId)) throw new Error(`stream ${streamId} was not opened`);
        frames.push({ key: `${streamId} ${sequence}`, athleteId, receivedUs });
      }
      if (watch !== null && frames.length >= watch.count) watch.open();
    },
    get isReady() {
      return ready;
    },
    whenReady: () => relief.opened,
  };
  return {
    sink,
    frames,
    opened,
    whenHas: async (count: number): Promise<void> => {
      const reached = gate();
      watch = { count, open: () => reached.open() };
      if (frames.length < count) await reached.opened;
    },
    press: () => {
      ready = false;
      relief = gate();
    },
    relieve: () => {
      ready = true;
      relief.open();
    },
  };
}

async function openTail(change: { sweepMs?: number; errors?: unknown[] } = {}): Promise<FrameTail> {
  const tail = await openFrameTail({
    store: createTailStore(pool),
    onError: (error) => change.errors?.push(error),
    sweepMs: change.sweepMs ?? 3_600_000,
    retryMs: 10,
  });
  tails.push(tail);
  return tail;
}

test('what is stored after the first snapshot comes once, in receipt order, its hello before it, refused frames left out', async () => {
  const streams = await openStreams();
  await store(streams, 0, 20);
  const tail = await openTail();
  expect(tail.liveFromUs).toBe(stampUs + 1);
  const got = collector();
  const athleteIds = new Set(streams.map(({ athleteId }) => athleteId));
  const notices = createFrameNotices(pool, (error) => expect.fail(String(error)));
  const listener = await listenFrames(database.connectionString, (ids) => tail.notice(ids));
  tail.start(got.sink);
  const kept = [...(await store(streams, 20, 200))];
  notices.tell(athleteIds);
  await got.whenHas(kept.length);
  kept.push(...(await store(streams, 200, 300)));
  notices.tell(athleteIds);
  notices.tell(athleteIds);
  await got.whenHas(kept.length);
  expect(got.frames.map(({ key }) => key)).toEqual(kept);
  expect(new Set(got.opened.map(({ streamId }) => streamId))).toEqual(new Set(streams.map(({ streamId }) => streamId)));
  expect(got.opened).toHaveLength(streams.length);
  await notices.close();
  await listener.close();
  expect(tail.stats()).toMatchObject({ frames: kept.length, failedReads: 0, swept: 0 });
});

test('a lost notice costs time, never a frame: the sweep finds the athlete', async () => {
  const streams = await openStreams();
  const tail = await openTail({ sweepMs: 20 });
  const got = collector();
  tail.start(got.sink);
  const kept = await store(streams, 0, 30);
  await got.whenHas(kept.length);
  expect(got.frames.map(({ key }) => key).toSorted()).toEqual(kept.toSorted());
  for (const athleteId of new Set(streams.map((stream) => stream.athleteId))) {
    const stamps = got.frames.filter((frame) => frame.athleteId === athleteId).map(({ receivedUs }) => receivedUs);
    expect(stamps).toEqual(stamps.toSorted((a, b) => a - b));
  }
});

test('full shards leave the frames in the tables until they can take them', async () => {
  const streams = await openStreams();
  const tail = await openTail();
  const got = collector();
  got.press();
  tail.start(got.sink);
  const kept = await store(streams, 0, 12);
  tail.notice(streams.map(({ athleteId }) => athleteId));
  await tail.sweep();
  expect(got.frames).toEqual([]);
  got.relieve();
  await got.whenHas(kept.length);
  expect(got.frames.map(({ key }) => key)).toEqual(kept);
});

test('a close does not wait for shards that are full', async () => {
  const streams = await openStreams();
  const tail = await openTail();
  const got = collector();
  got.press();
  tail.start(got.sink);
  await store(streams, 0, 5);
  tail.notice(streams.map(({ athleteId }) => athleteId));
  await tail.close();
  expect(got.frames).toEqual([]);
});

test('a read that breaks off goes on where it was', async () => {
  const streams = await openStreams();
  const errors: unknown[] = [];
  let broken = 2;
  const real = createTailStore(pool);
  const tail = await openFrameTail({
    store: {
      ...real,
      async *readRanges(ranges) {
        for await (const frames of real.readRanges(ranges)) {
          yield frames;
          if (broken > 0) {
            broken -= 1;
            throw new Error('the connection ended');
          }
        }
      },
    },
    onError: (error) => errors.push(error),
    sweepMs: 3_600_000,
    retryMs: 1,
  });
  tails.push(tail);
  const got = collector();
  tail.start(got.sink);
  const kept = await store(streams, 0, 400);
  tail.notice(streams.map(({ athleteId }) => athleteId));
  await got.whenHas(kept.length);
  expect(got.frames.map(({ key }) => key)).toEqual(kept);
  expect(errors).toHaveLength(2);
});

test('every payload of a notice is shorter than PostgreSQL takes', () => {
  const ids = Array.from({ length: 1_001 }, () => crypto.randomUUID());
  const payloads = payloadsOf(ids);
  expect(Math.max(...payloads.map((payload) => Buffer.byteLength(payload)))).toBeLessThan(8_000);
  expect(payloads.flatMap((payload) => JSON.parse(payload) as string[])).toEqual(ids);
  expect(payloadsOf([])).toEqual([]);
});
