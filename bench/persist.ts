/**
 * Raw frames persisted: the frame writer (fence, sessions, partitions, acknowledgements) against a bare loop that sends the same rows in the
 * same batches with one UNNEST insert each, over one connection, every batch committed durably. Both use PostgreSQL's binary arrays, the
 * fastest way to send bytea from Node, and tables of the same columns and key; the bare loop into a table without a key, and with the `pg`
 * package's own text arrays, is printed beside it.
 */
import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import type { IncomingFrame } from '../src/gateway/ports.ts';
import { byteaArray, int8Array } from '../src/store/binary-array.ts';
import { startEmbeddedPostgres } from '../src/store/embedded-postgres.ts';
import { createFrameWriter } from '../src/store/frame-writer.ts';
import { migrate } from '../src/store/migrate.ts';
import { ensurePartitions } from '../src/store/partitions.ts';
import { openPool } from '../src/store/pool.ts';

/** 200 athletes with three IMUs and a wearable each. */
const ATHLETES = 200;
const STREAMS = 800;
/** Header and 50 samples of 6 int16 channels: a quarter of a second of a 200 Hz IMU. */
const FRAME_BYTES = 624;
/** What one commit carries when the writer is saturated. */
const BATCH_FRAMES = 4_000;
const BATCHES = 5;
const ROUNDS = 9;

export interface BenchResult {
  readonly name: string;
  readonly ours: number;
  readonly limit: number;
  readonly ratio: number;
  readonly unit: string;
}

interface Bench {
  readonly pool: pg.Pool;
  readonly athletes: readonly string[];
  readonly streams: readonly number[];
  readonly frames: readonly Uint8Array<ArrayBuffer>[];
  sequence: number;
  stampUs: number;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function prepare(pool: pg.Pool): Promise<Bench> {
  const stampUs = Date.now() * 1000;
  await ensurePartitions(pool, stampUs, 2);
  const team = await pool.query<{ id: string }>(
    `INSERT INTO team (id, name) VALUES (gen_random_uuid(), 'bench ' || gen_random_uuid()) RETURNING id`,
  );
  const teamId = team.rows[0]?.id;
  const athletes = await pool.query<{ id: string }>(
    `INSERT INTO athlete (id, team_id, external_id, name) SELECT gen_random_uuid(), $1, 'bench-' || n, 'bench' FROM generate_series(1, $2::int) n RETURNING id`,
    [teamId, ATHLETES],
  );
  const ids = athletes.rows.map((row) => row.id);
  const streams = await pool.query<{ id: string }>(
    `WITH made AS (INSERT INTO device (id, team_id, serial, kind) SELECT gen_random_uuid(), $1, 'bench-' || n, 'imu' FROM generate_series(1, $2::int) n RETURNING id, serial)
     INSERT INTO stream (device_id, boot, kind, placement, athlete_id)
     SELECT id, 'b', 'imu', 'trunk', ($3::uuid[])[1 + substring(serial FROM 7)::int % $4] FROM made RETURNING id`,
    [teamId, STREAMS, ids, ATHLETES],
  );
  for (const [table, key] of [
    ['bench_keyed', ', PRIMARY KEY (stream_id, sequence, received_us)'],
    ['bench_heap', ''],
  ]) {
    await pool.query(`DROP TABLE IF EXISTS ${table}`);
    await pool.query(
      `CREATE TABLE ${table} (stream_id bigint NOT NULL, sequence bigint NOT NULL, received_us bigint NOT NULL, bytes bytea NOT NULL${key})`,
    );
    await pool.query(`ALTER TABLE ${table} ALTER COLUMN bytes SET STORAGE EXTERNAL`);
  }
  return {
    pool,
    athletes: ids,
    streams: streams.rows.map((row) => Number(row.id)),
    frames: Array.from({ length: STREAMS }, () => randomFillSync(new Uint8Array(FRAME_BYTES))),
    sequence: 0,
    stampUs,
  };
}

/** The same rows for everyone: each stream gives its next frames, streams taking turns. */
function nextRows(bench: Bench, count: number): IncomingFrame[] {
  const rows: IncomingFrame[] = [];
  for (let i = 0; i < count; i += 1) {
    const turn = i % STREAMS;
    bench.stampUs += 1;
    rows.push({
      streamId: bench.streams[turn] ?? 0,
      athleteId: bench.athletes[turn % ATHLETES] ?? '',
      sequence: bench.sequence + Math.floor(i / STREAMS),
      receivedUs: bench.stampUs,
      bytes: bench.frames[turn] ?? new Uint8Array(FRAME_BYTES),
      endDeviceTimeUs: bench.stampUs,
    });
  }
  bench.sequence += count / STREAMS;
  return rows;
}

async function framesPerSecond(frames: number, act: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await act();
  return (frames * 1e9) / Number(process.hrtime.bigint() - start);
}

/** Binary: bytes as they are. Text: what `pg` does with an array of Buffers. */
const bareLoop = (bench: Bench, table: string, encoding: 'binary' | 'text'): Promise<number> => {
  const batches = Array.from({ length: BATCHES }, () => nextRows(bench, BATCH_FRAMES));
  return framesPerSecond(BATCHES * BATCH_FRAMES, async () => {
    for (const rows of batches) {
      const numbers = [rows.map((row) => row.streamId), rows.map((row) => row.sequence), rows.map((row) => row.receivedUs)];
      const bytes = rows.map((row) => row.bytes);
      await bench.pool.query({
        name: `bare-${table}-${encoding}`,
        text: `INSERT INTO ${table} SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[])`,
        values:
          encoding === 'binary'
            ? [...numbers.map((column) => int8Array(column)), byteaArray(bytes)]
            : [...numbers, bytes.map((part) => Buffer.from(part.buffer))],
      });
    }
  });
};

async function ourLoop(bench: Bench): Promise<number> {
  const batches = Array.from({ length: BATCHES }, () => nextRows(bench, BATCH_FRAMES));
  const writer = createFrameWriter({
    pool: bench.pool,
    commitIntervalMs: 25,
    maxBufferedBytes: 64 * 1024 * 1024,
    onCommitted: () => undefined,
    log: console.error,
  });
  const told = new Map<number, number>();
  const owner = { onStored: ({ streamId, next }: { streamId: number; next: number }) => void told.set(streamId, next) };
  const rate = await framesPerSecond(BATCHES * BATCH_FRAMES, async () => {
    for (const rows of batches) {
      for (const row of rows) writer.append(row, owner);
      await writer.flush();
    }
  });
  await writer.close();
  const stats = writer.stats();
  if (stats.storedFrames !== BATCHES * BATCH_FRAMES || [...told.values()].some((next) => next !== bench.sequence))
    throw new Error(`not all frames were stored: ${JSON.stringify(stats)}`);
  return rate;
}

async function measure(pool: pg.Pool): Promise<BenchResult> {
  const bench = await prepare(pool);
  const rates = { ours: [] as number[], keyed: [] as number[], heap: [] as number[], text: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    // The loops that are not ours also advance the sequence: give the streams the same one.
    await pool.query('UPDATE stream SET next_sequence = $1 WHERE id = ANY($2::bigint[])', [bench.sequence, bench.streams]);
    rates.ours.push(await ourLoop(bench));
    rates.keyed.push(await bareLoop(bench, 'bench_keyed', 'binary'));
    rates.heap.push(await bareLoop(bench, 'bench_heap', 'binary'));
    rates.text.push(await bareLoop(bench, 'bench_heap', 'text'));
  }
  const [ours, limit] = [median(rates.ours), median(rates.keyed)];
  process.stderr.write(
    `persist: ours ${Math.round(ours)} frames/s; bare UNNEST into a table with the same key ${Math.round(limit)}, ` +
      `without a key ${Math.round(median(rates.heap))}, without a key and as text ${Math.round(median(rates.text))}\n`,
  );
  await pool.query('DROP TABLE bench_keyed, bench_heap');
  return { name: 'raw frames persisted', ours, limit, ratio: ours / limit, unit: 'frames/s' };
}

/**
 * Interleaved medians over rounds of both programs, on the given PostgreSQL or an embedded one of its own.
 * @param connectionString a migrated database; frames and a bench team stay in it
 */
export async function benchPersist(connectionString?: string): Promise<BenchResult> {
  const directory = connectionString === undefined ? await mkdtemp(join(tmpdir(), 'kwb-')) : undefined;
  const postgres = directory === undefined ? undefined : await startEmbeddedPostgres({ directory });
  const link = connectionString ?? postgres?.connectionString ?? '';
  if (postgres !== undefined) await migrate(link);
  const pool = openPool(link, { max: 2, name: 'bench' });
  try {
    return await measure(pool);
  } finally {
    await pool.end();
    await postgres?.stop();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }
}
