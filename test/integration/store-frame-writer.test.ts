import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { encodeFrame } from '../../src/contracts/frame.ts';
import type { OpenedStream } from '../../src/contracts/stream.ts';
import type { FrameOwner, IncomingFrame } from '../../src/gateway/ports.ts';
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts';
import { createFrameWriter, type FrameWriter, type FrameWriterOptions } from '../../src/store/frame-writer.ts';
import { createGatewayDirectory } from '../../src/store/gateway-directory.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openPool } from '../../src/store/pool.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { createRoster, imuDeclaration } from '../support/roster.ts';

let stampUs = Date.now() * 1000;

interface Recorder extends FrameOwner {
  readonly next: Map<number, number>;
  readonly updates: (readonly [number, number])[];
}

function recorder(): Recorder {
  const next = new Map<number, number>();
  const updates: (readonly [number, number])[] = [];
  return {
    next,
    updates,
    onStored: (update) => {
      next.set(update.streamId, update.next);
      updates.push([update.streamId, update.next]);
    },
  };
}

function frameOf(stream: OpenedStream, sequence: number, change: Partial<IncomingFrame> = {}): IncomingFrame {
  stampUs += 10;
  const deviceTimeUs = sequence * 5_000;
  const bytes = encodeFrame({ flags: 0, channels: 1, stream: 0, sequence, deviceTimeUs }, Int16Array.of(sequence % 1000));
  return {
    streamId: stream.streamId,
    athleteId: stream.athleteId,
    sequence,
    receivedUs: stampUs,
    bytes,
    endDeviceTimeUs: deviceTimeUs + 5_000,
    ...change,
  };
}

async function openStreams(pool: pg.Pool, athleteCount: number): Promise<OpenedStream[]> {
  const roster = await createRoster(pool, athleteCount);
  const gateway = { gatewayId: roster.gatewayId, teamId: roster.teamId, name: 'gateway' };
  stampUs += 10;
  const declarations = roster.athletes.map(({ serial }, stream) => imuDeclaration(serial, { stream }));
  return [...(await createGatewayDirectory(pool).openStreams(gateway, declarations, stampUs))];
}

const storedSequences = async (pool: pg.Pool, stream: OpenedStream): Promise<number[]> => {
  const found = await pool.query<{ sequence: string }>('SELECT sequence FROM raw_frame WHERE stream_id = $1 ORDER BY sequence', [
    stream.streamId,
  ]);
  return found.rows.map((row) => Number(row.sequence));
};

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('frame writer', () => {
  let database: TestDatabase;
  const writers: FrameWriter[] = [];
  const write = (change: Partial<FrameWriterOptions> = {}): FrameWriter => {
    const writer = createFrameWriter({
      pool: database.pool,
      commitIntervalMs: 10,
      maxBufferedBytes: 1e6,
      onCommitted: () => undefined,
      log: () => undefined,
      ...change,
    });
    writers.push(writer);
    return writer;
  };

  beforeAll(async () => {
    database = await startTestDatabase();
  });
  afterEach(async () => {
    await Promise.all(writers.splice(0).map((writer) => writer.close()));
  });
  afterAll(() => database.stop());

  test('frames are in the store before they are acknowledged and handed on in receipt order', async () => {
    const [a, b] = (await openStreams(database.pool, 2)) as [OpenedStream, OpenedStream];
    const handed: IncomingFrame[] = [];
    const writer = write({ onCommitted: (frames) => handed.push(...frames) });
    const owner = recorder();
    const frames = [frameOf(a, 0), frameOf(b, 0), frameOf(a, 1), frameOf(b, 1), frameOf(a, 2)];
    for (const frame of frames) writer.append(frame, owner);
    expect(owner.updates).toEqual([]);
    await writer.flush();
    expect(handed).toEqual(frames);
    expect([...owner.next]).toEqual([
      [a.streamId, 3],
      [b.streamId, 2],
    ]);
    const stored = await database.pool.query('SELECT bytes, received_us FROM raw_frame WHERE stream_id = $1 ORDER BY sequence', [
      a.streamId,
    ]);
    expect(stored.rows.map((row) => Buffer.compare(row.bytes, frames[0]!.bytes))).toEqual([0, expect.any(Number), expect.any(Number)]);
    const row = await database.pool.query('SELECT next_sequence, last_device_time_us FROM stream WHERE id = $1', [a.streamId]);
    expect(row.rows[0]).toEqual({ next_sequence: '3', last_device_time_us: '15000' });
  });

  test('the commit comes by itself within the interval', async () => {
    const [a] = (await openStreams(database.pool, 1)) as [OpenedStream];
    const told = await new Promise((done) => write({ commitIntervalMs: 25 }).append(frameOf(a, 0), { onStored: done }));
    expect(told).toEqual({ streamId: a.streamId, next: 1 });
  });

  test('what is stored already is acknowledged again and not handed on; a gap stores nothing', async () => {
    const [a, b] = (await openStreams(database.pool, 2)) as [OpenedStream, OpenedStream];
    const handed: IncomingFrame[] = [];
    const writer = write({ onCommitted: (frames) => handed.push(...frames) });
    for (const sequence of [0, 1, 1, 0, 2]) writer.append(frameOf(a, sequence), recorder());
    await writer.flush();
    const owner = recorder();
    writer.append(frameOf(a, 2), owner);
    writer.append(frameOf(b, 5), owner);
    await writer.flush();
    expect([...owner.next]).toEqual([
      [a.streamId, 3],
      [b.streamId, 0],
    ]);
    expect(await storedSequences(database.pool, a)).toEqual([0, 1, 2]);
    expect(await storedSequences(database.pool, b)).toEqual([]);
    expect(handed.map((frame) => frame.sequence)).toEqual([0, 1, 2]);
    expect(writer.stats()).toMatchObject({ storedFrames: 3, duplicateFrames: 3, gapFrames: 1, bufferedBytes: 0, bufferedFrames: 0 });
  });

  test('two writers on the same streams store each frame once', async () => {
    const streams = await openStreams(database.pool, 8);
    const handed: string[] = [];
    const both = [1, 2].map(() =>
      write({ commitIntervalMs: 1, onCommitted: (frames) => handed.push(...frames.map((f) => `${f.streamId}/${f.sequence}`)) }),
    );
    for (let sequence = 0; sequence < 60; sequence += 1) {
      for (const writer of both) for (const stream of streams) writer.append(frameOf(stream, sequence), recorder());
      if (sequence % 7 === 0) await Promise.all(both.map((writer) => writer.flush()));
    }
    await Promise.all(both.map((writer) => writer.flush()));
    for (const stream of streams) expect(await storedSequences(database.pool, stream)).toEqual(upTo(60));
    expect(new Set(handed).size).toBe(handed.length);
    expect(handed.length).toBe(60 * streams.length);
  });

  test('a refused frame is settled: stored with its reason, acknowledged, not handed on, no device time taken from it', async () => {
    const [a] = (await openStreams(database.pool, 1)) as [OpenedStream];
    const handed: IncomingFrame[] = [];
    const writer = write({ onCommitted: (frames) => handed.push(...frames) });
    const owner = recorder();
    writer.append(frameOf(a, 0), owner);
    writer.append(frameOf(a, 1, { refusal: { reason: 'time-ahead', detail: 'a day ahead\0' }, endDeviceTimeUs: 9e15 }), owner);
    await writer.flush();
    writer.append(frameOf(a, 2, { refusal: { reason: 'non-finite', detail: 'NaN' } }), owner);
    await writer.flush();
    expect(owner.next.get(a.streamId)).toBe(3);
    expect(handed.map((frame) => frame.sequence)).toEqual([0]);
    const refused = await database.pool.query(
      'SELECT sequence, reason, detail, octet_length(header) AS bytes FROM refused_frame WHERE stream_id = $1 ORDER BY 1',
      [a.streamId],
    );
    expect(refused.rows).toEqual([
      { sequence: '1', reason: 'time-ahead', detail: 'a day ahead\uFFFD', bytes: 24 },
      { sequence: '2', reason: 'non-finite', detail: 'NaN', bytes: 24 },
    ]);
    const row = await database.pool.query('SELECT last_device_time_us FROM stream WHERE id = $1', [a.streamId]);
    expect(row.rows[0]).toEqual({ last_device_time_us: '5000' });
  });

  test("the athlete's first frame opens a session and later ones move its end; after its close the next frame opens another", async () => {
    const [a] = (await openStreams(database.pool, 1)) as [OpenedStream];
    const writer = write();
    const [first, second, third] = [frameOf(a, 0), frameOf(a, 1), frameOf(a, 2)];
    for (const frame of [first, second]) {
      writer.append(frame, recorder());
      await writer.flush();
    }
    await database.pool.query(`UPDATE session SET ended_at = now(), closed_by = 'staff' WHERE athlete_id = $1`, [a.athleteId]);
    writer.append(third, recorder());
    await writer.flush();
    const found = await database.pool.query(
      'SELECT first_received_us, last_received_us, opened_by, ended_at IS NULL AS open FROM session WHERE athlete_id = $1 ORDER BY first_received_us',
      [a.athleteId],
    );
    expect(found.rows).toEqual([
      { first_received_us: `${first.receivedUs}`, last_received_us: `${second.receivedUs}`, opened_by: 'first-frame', open: false },
      { first_received_us: `${third.receivedUs}`, last_received_us: `${third.receivedUs}`, opened_by: 'first-frame', open: true },
    ]);
  });

  test('a stream that does not exist harms no other', async () => {
    const [a] = (await openStreams(database.pool, 1)) as [OpenedStream];
    const writer = write();
    const owner = recorder();
    writer.append(frameOf({ ...a, streamId: 9_999_999 }, 0), owner);
    writer.append(frameOf(a, 0), owner);
    await writer.flush();
    expect([...owner.next]).toEqual([[a.streamId, 1]]);
    expect(writer.stats().rejectedFrames).toBe(1);
  });

  test('append says false at the bound and whenDrained resolves once half is gone', async () => {
    const [a] = (await openStreams(database.pool, 1)) as [OpenedStream];
    const writer = write({ maxBufferedBytes: 100 });
    const owner = recorder();
    expect([0, 1, 2, 3].map((sequence) => writer.append(frameOf(a, sequence), owner))).toEqual([true, true, true, false]);
    await writer.whenDrained();
    expect(owner.next.get(a.streamId)).toBe(4);
    expect(writer.append(frameOf(a, 4), owner)).toBe(true);
  });

  test('a connection cut in a transaction: the batch is tried again and stored once', async () => {
    const [a] = (await openStreams(database.pool, 1)) as [OpenedStream];
    const writer = write();
    const owner = recorder();
    writer.append(frameOf(a, 0), owner);
    await writer.flush();
    // Hold the stream's row so that the writer waits inside its transaction, then end its backend.
    const holder = await database.pool.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM stream WHERE id = $1 FOR UPDATE', [a.streamId]);
    writer.append(frameOf(a, 1), owner);
    const flushed = writer.flush();
    for (let cut = 0; cut === 0;) {
      // On another connection: within a transaction the view shows what it showed first.
      const ended = await database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM stream%NO KEY%'`,
      );
      cut = ended.rowCount ?? 0;
    }
    await holder.query('COMMIT');
    holder.release();
    await flushed;
    expect(owner.next.get(a.streamId)).toBe(2);
    expect(await storedSequences(database.pool, a)).toEqual([0, 1]);
    expect(writer.stats()).toMatchObject({ failedCommits: 1, healthy: true });
  });

  test('a COMMIT that took effect although its answer was lost: nothing twice, and the frames are still acknowledged and handed on', async () => {
    const [a] = (await openStreams(database.pool, 1)) as [OpenedStream];
    const link = await startCutter(database.connectionString);
    const pool = openPool(link.connectionString, { max: 2, name: 'cut' });
    const handed: IncomingFrame[] = [];
    const writer = write({ pool, onCommitted: (frames) => handed.push(...frames) });
    const owner = recorder();
    const frames = [0, 1, 2].map((sequence) => frameOf(a, sequence));
    writer.append(frames[0]!, owner);
    await writer.flush();
    link.cutAtNextCommit();
    writer.append(frames[1]!, owner);
    writer.append(frames[2]!, owner);
    await writer.flush();
    expect(link.cuts()).toBe(1);
    expect(await storedSequences(database.pool, a)).toEqual([0, 1, 2]);
    expect(handed).toEqual(frames);
    expect(owner.next.get(a.streamId)).toBe(3);
    expect(writer.stats().duplicateFrames).toBe(0);
    await writer.close();
    await pool.end();
    link.close();
  });
});

interface Cutter {
  readonly connectionString: string;
  cutAtNextCommit(): void;
  cuts(): number;
  close(): void;
}

/** A Unix-socket proxy that can swallow the server's answer to a COMMIT and cut the connection instead. */
async function startCutter(connectionString: string): Promise<Cutter> {
  const target = new URL(connectionString);
  const path = `${target.searchParams.get('host')}/.s.PGSQL.5432`;
  const directory = mkdtempSync(join(tmpdir(), 'kwc-'));
  let armed = false;
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = createConnection(path);
    sockets.add(near).add(far);
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk: Buffer) => {
      if (armed && chunk.includes('COMMIT\0')) {
        armed = false;
        cuts += 1;
        near.destroy();
        far.destroy();
      } else near.write(chunk);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('close', () => other.destroy());
      one.on('error', () => other.destroy());
    }
  });
  await new Promise<void>((done) => server.listen(join(directory, '.s.PGSQL.5432'), done));
  target.searchParams.set('host', directory);
  return {
    connectionString: target.toString(),
    cutAtNextCommit: () => (armed = true),
    cuts: () => cuts,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The whole server at once, as a machine that loses power: a lone backend could go on for a moment after its postmaster. */
function killWithChildren(pid: number): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  for (const one of [pid, ...children]) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // Gone with its postmaster.
    }
  }
}

test.skipIf(process.platform !== 'linux')(
  'PostgreSQL killed with -9 while frames come in: no acknowledgement in the outage, then everything exactly once',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kwk-'));
    const postgres = await startEmbeddedPostgres({ directory });
    await migrate(postgres.connectionString);
    const pool = openPool(postgres.connectionString, { max: 3, name: 'killed' });
    const streams = await openStreams(pool, 4);
    const handed = new Map<number, number[]>();
    const acknowledged = new Map<number, number>();
    const writer = createFrameWriter({
      pool,
      commitIntervalMs: 5,
      maxBufferedBytes: 1e6,
      onCommitted: (frames) => {
        for (const { streamId, sequence } of frames) handed.set(streamId, [...(handed.get(streamId) ?? []), sequence]);
      },
      log: () => undefined,
    });
    onTestFinished(async () => {
      await writer.close();
      await pool.end();
      await postgres.stop();
      rmSync(directory, { recursive: true, force: true });
    });
    const owner: FrameOwner = {
      onStored: ({ streamId, next }) => {
        acknowledged.set(streamId, next);
      },
    };
    const send = (from: number, to: number): void => {
      for (let sequence = from; sequence < to; sequence += 1) {
        for (const stream of streams) writer.append(frameOf(stream, sequence), owner);
      }
    };
    for (let from = 0; from < 50; from += 10) {
      send(from, from + 10);
      await writer.flush();
    }
    const pid = postgres.pid;
    killWithChildren(pid);
    send(50, 80);
    while (writer.stats().failedCommits === 0) await new Promise((done) => setImmediate(done));
    // All that was acknowledged is what was committed before; the launcher needs longer than this to bring the server up again by itself.
    expect(writer.stats()).toMatchObject({ healthy: false, bufferedFrames: 30 * streams.length });
    for (const stream of streams) expect(acknowledged.get(stream.streamId)).toBe(50);
    send(80, 100);
    await writer.flush();
    expect(postgres.pid).not.toBe(pid);
    for (const stream of streams) {
      expect(await storedSequences(pool, stream)).toEqual(upTo(100));
      expect(handed.get(stream.streamId)).toEqual(upTo(100));
      expect(acknowledged.get(stream.streamId)).toBe(100);
    }
  },
  60_000,
);
