/**
 * ASMS jobs against a BullMQ worker that runs the same SQL transaction and nothing else, on the same backend: the texts that one job sends are recorded,
 * and sent again by the limit program with its own athletes, answers left as text. So the ratio is what deciding costs: decoding, the step, the state's
 * JSON, the coalescing of hints. And a second mode, a squad whose athletes are all updated every five seconds.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, Worker, createPostgresBackend, withBackend } from 'bullmq';
import type pg from 'pg';
import { METHOD_VERSION, asmsParams, type AsmsParams } from '../src/asms/params.ts';
import { stepAsms, type AsmsStateValue } from '../src/asms/step.ts';
import type { ModelContract } from '../src/contracts/model.ts';
import type { ScoredWindow } from '../src/contracts/score.ts';
import { createAsmsWorker } from '../src/queue/asms-worker.ts';
import { openQueues } from '../src/queue/queues.ts';
import { createAsmsStore } from '../src/store/asms-store.ts';
import { startEmbeddedPostgres } from '../src/store/embedded-postgres.ts';
import { migrate } from '../src/store/migrate.ts';
import { ensurePartitions } from '../src/store/partitions.ts';
import { openPool } from '../src/store/pool.ts';
import { createShardStore } from '../src/store/shard-store.ts';
import type { BenchResult } from './persist.ts';

const ATHLETES = 200;
const ROUNDS = 7;
/** As the service runs them. */
const CONCURRENCY = 4;
/** Windows of an athlete's past: enough for every activity and speed band to be known. */
const PAST = 720;
const US = 1e6;

interface Squad {
  readonly pool: pg.Pool;
  readonly connectionString: string;
  readonly params: AsmsParams;
  readonly contract: ModelContract;
  readonly firstIndex: number;
  /** Both programs' athletes, of one team. */
  readonly ours: readonly string[];
  readonly limit: readonly string[];
}

/** Deterministic noise, 0 to 1. */
const noise = (i: number): number => Math.abs(Math.sin(i * 12.9898) * 43_758.5453) % 1;

function windowOf(
  { params, contract, firstIndex }: Pick<Squad, 'params' | 'contract' | 'firstIndex'>,
  athleteId: string,
  hop: number,
): ScoredWindow {
  const startUs = (firstIndex + hop) * US;
  const perf = new Float32Array(contract.perf.length).fill(Number.NaN);
  if (params.speedIndex !== null) perf[params.speedIndex] = 3 + 3.5 * noise(hop);
  const activities = ['walk', 'run', 'run', 'run', 'jump', 'rest'] as const;
  return {
    athleteId,
    modelVersion: contract.version,
    windowIndex: firstIndex + hop,
    startUs,
    endUs: startUs + 2 * US,
    activity: activities[Math.floor(hop / 60) % activities.length] ?? 'walk',
    state: 0.1,
    stateLogit: -2.2,
    logitSd: 0.4,
    rehab: null,
    performance: null,
    residualNorm: 0,
    observedFraction: 1,
    clipped: 0,
    streams: [],
    channelSummary: Float32Array.from({ length: 2 * params.channels.length }, (_, i) => 2 * noise(hop * 97 + i) - 1),
    fAttn: new Float32Array(contract.sizes.final),
    attnTime: new Float32Array(8),
    attnTokens: new Float32Array(8),
    phys: new Float32Array(contract.phys.length).fill(Number.NaN),
    perf,
    closedByUs: startUs + 2.1 * US,
    scoredAtUs: startUs + 2.2 * US,
    provisional: false,
  };
}

async function makeSquad(connectionString: string, athletes: number): Promise<Squad> {
  await migrate(connectionString);
  const pool = openPool(connectionString, { max: 8, name: 'bench' });
  const contract = JSON.parse(readFileSync('models/binn.json', 'utf8')) as ModelContract;
  const params = asmsParams(contract);
  const firstIndex = Math.floor(Date.now() / 1_000) - PAST;
  await ensurePartitions(pool, firstIndex * US, 2);
  const teamId = randomUUID();
  await pool.query('INSERT INTO team (id, name) VALUES ($1, $2)', [teamId, `bench ${teamId}`]);
  const ids = Array.from({ length: 2 * athletes }, () => randomUUID());
  await pool.query(
    `INSERT INTO athlete (id, team_id, external_id, name) SELECT id, $2, id::text, 'bench' FROM unnest($1::uuid[]) AS a(id)`,
    [ids, teamId],
  );
  await pool.query(
    `INSERT INTO session (id, team_id, athlete_id, started_at, first_received_us, last_received_us, opened_by)
     SELECT gen_random_uuid(), $2, id, to_timestamp($3::bigint), $3::bigint * 1000000, $3::bigint * 1000000, 'first-frame' FROM unnest($1::uuid[]) AS a(id)`,
    [ids, teamId, firstIndex],
  );
  const squad = { pool, connectionString, params, contract, firstIndex, ours: ids.slice(0, athletes), limit: ids.slice(athletes) };
  const facts = { athleteId: ids[0] ?? '', teamId, openInjuries: [], therapies: [], openAlerts: [] };
  let state: AsmsStateValue | null = null;
  for (let hop = 0; hop < PAST; hop += 1) ({ state } = stepAsms(state, [windowOf(squad, '', hop)], facts, params));
  await pool.query(
    `INSERT INTO asms_state (athlete_id, last_window_index, model_version, method_version, state) SELECT id, $2, $3, $4, $5 FROM unnest($1::uuid[]) AS a(id)`,
    [ids, firstIndex + PAST - 1, contract.version, METHOD_VERSION, JSON.stringify(state)],
  );
  return squad;
}

/** Scores of a hop for all of them, as a shard commits them. */
async function commitHop(squad: Squad, ids: readonly string[], hop: number): Promise<void> {
  const store = createShardStore(squad.pool);
  for (let at = 0; at < ids.length; at += 250)
    await store.commitScores(
      ids.slice(at, at + 250).map((id) => windowOf(squad, id, hop)),
      [],
    );
}

interface Sent {
  readonly text: string;
  readonly name?: string;
  readonly values: readonly unknown[];
}

/** What one job sends, between BEGIN and COMMIT. */
async function record(squad: Squad, athleteId: string): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  const client = await squad.pool.connect();
  const watched = {
    query: (query: string | { text: string; name?: string; values?: unknown[] }, values?: unknown[]) => {
      if (typeof query !== 'string') sent.push({ values: [], ...query });
      else if (values !== undefined) sent.push({ text: query, values });
      return client.query(query as string, values);
    },
    release: () => undefined,
  };
  const store = createAsmsStore({ connect: () => Promise.resolve(watched) } as unknown as pg.Pool);
  await createAsmsWorker({ store, paramsOf: () => squad.params, onDeliveries: () => undefined }).work({ athleteId });
  client.release();
  return sent;
}

/** Answers are left as they came: nobody reads them here. */
const RAW = { getTypeParser: () => (value: unknown) => value };
const isIndex = (value: number): boolean => value > 1e9 && value < 1e11;
const isMicros = (value: number): boolean => value > 1e15;

/** The same transaction for another athlete, `hops` later. */
async function bareTransaction(pool: pg.Pool, sent: readonly Sent[], from: string, to: string, hops: number): Promise<void> {
  const shift = (value: unknown): unknown => {
    if (value === from) return to;
    if (typeof value !== 'number') return value;
    return isIndex(value) ? value + hops : isMicros(value) ? value + hops * US : value;
  };
  const client = await pool.connect();
  await client.query('BEGIN');
  for (const { text, name, values } of sent)
    await client.query({ text, values: values.map(shift), types: RAW, ...(name === undefined ? {} : { name: `bare ${name}` }) });
  await client.query('COMMIT');
  client.release();
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** A BullMQ queue and worker as ours are set up, with nothing of ours between. */
function bareQueue(connectionString: string, redisUrl: string | null, work: (athleteId: string) => Promise<void>) {
  const name = `bare-${randomUUID().slice(0, 8)}`;
  const options = { removeOnComplete: { count: 0 }, removeOnFail: { count: 0 }, concurrency: CONCURRENCY };
  const run = async (job: { data: { athleteId: string } }): Promise<void> => work(job.data.athleteId);
  if (redisUrl !== null) {
    const connection = { url: redisUrl, maxRetriesPerRequest: null };
    return { queue: new Queue(name, { connection }), worker: new Worker(name, run, { connection, ...options }) };
  }
  const { Queue: PgQueue, Worker: PgWorker } = withBackend(createPostgresBackend);
  const connect = (max: number) => ({ connectionString, migrate: true, max });
  return { queue: new PgQueue(name, { connection: connect(2) }), worker: new PgWorker(name, run, { connection: connect(4), ...options }) };
}

async function measure(squad: Squad, redisUrl: string | null): Promise<BenchResult> {
  const { pool, connectionString, params } = squad;
  const [pattern] = squad.limit;
  if (pattern === undefined) throw new Error('no athletes');
  await commitHop(squad, [...squad.ours, ...squad.limit], PAST);
  const sent = await record(squad, pattern);
  const queues = await openQueues({
    connectionString,
    redisUrl,
    asmsHintsPerSecond: Number.MAX_SAFE_INTEGER,
    prefix: `bench-${randomUUID()}`,
  });
  const worker = createAsmsWorker({ store: createAsmsStore(pool), paramsOf: () => params, onDeliveries: () => undefined });
  await queues.startWorker('asms', worker.work, CONCURRENCY);
  let hop = 0;
  let done = 0;
  const bare = bareQueue(connectionString, redisUrl, async (athleteId) => {
    await bareTransaction(pool, sent, pattern, athleteId, hop);
    done += 1;
  });
  await Promise.all([bare.queue.waitUntilReady(), bare.worker.waitUntilReady()]);
  const rates: { ours: number[]; limit: number[] } = { ours: [], limit: [] };
  const until = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) await delay(1);
  };
  try {
    for (let round = 0; round < ROUNDS + 1; round += 1) {
      hop = round;
      if (round > 0) await commitHop(squad, [...squad.ours, ...squad.limit], PAST + round);
      const before = worker.counters().windows;
      const startMs = performance.now();
      for (const athleteId of squad.ours) queues.enqueueAsms(athleteId);
      await until(() => worker.counters().windows >= before + squad.ours.length);
      const oursMs = performance.now() - startMs;
      done = 0;
      const limitMs = performance.now();
      await Promise.all(
        squad.limit.map((athleteId) =>
          bare.queue.add(
            'bare',
            { athleteId },
            { removeOnComplete: true, removeOnFail: true, deduplication: { id: athleteId, keepLastIfActive: true } },
          ),
        ),
      );
      await until(() => done >= squad.limit.length);
      // The first round warms both up.
      if (round === 0) continue;
      rates.ours.push((squad.ours.length * 1_000) / oursMs);
      rates.limit.push((squad.limit.length * 1_000) / (performance.now() - limitMs));
    }
  } finally {
    await bare.worker.close();
    await bare.queue.close();
    await queues.close();
  }
  const [ours, limit] = [median(rates.ours), median(rates.limit)];
  return { name: `ASMS jobs on ${redisUrl === null ? 'PostgreSQL' : 'Redis'}`, ours, limit, ratio: ours / limit, unit: 'jobs/s' };
}

/** A redis-server of its own, on a socket file; null where there is none on this machine. */
async function startRedis(directory: string): Promise<{ readonly url: string; stop(): void } | null> {
  const port = 20_000 + (process.pid % 20_000);
  const child = spawn('redis-server', ['--port', String(port), '--save', '', '--dir', directory], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ready = new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false));
    child.once('exit', () => resolve(false));
    child.stdout.on('data', (text: Buffer) => text.includes('Ready to accept') && resolve(true));
  });
  return (await ready) ? { url: `redis://127.0.0.1:${port}`, stop: () => void child.kill() } : null;
}

async function withDatabase<T>(use: (connectionString: string, directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'kwb-'));
  const postgres = await startEmbeddedPostgres({ directory });
  try {
    return await use(postgres.connectionString, directory);
  } finally {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Interleaved medians over rounds, one window a job: on PostgreSQL, and on Redis (printed) where there is a redis-server. */
export const benchAsms = (): Promise<BenchResult> =>
  withDatabase(async (connectionString, directory) => {
    const squad = await makeSquad(connectionString, ATHLETES);
    const redis = await startRedis(directory);
    try {
      if (redis !== null) {
        const { name, ours, limit, ratio } = await measure(await makeSquad(connectionString, ATHLETES), redis.url);
        process.stderr.write(`${name}: ${Math.round(ours)} of ${Math.round(limit)} jobs/s, ratio ${ratio.toFixed(2)}\n`);
      }
      return await measure(squad, null);
    } finally {
      redis?.stop();
      await squad.pool.end();
    }
  });

export interface AsmsSquad {
  readonly athletes: number;
  readonly rounds: number;
  /** From the hints of a round until its last athlete is up to date, seconds. */
  readonly servedS: { readonly median: number; readonly worst: number };
  /** From the beginning of a round to that of the next: 5, or more where the machine cannot keep up. */
  readonly everyS: number;
  /** Of this process and of nobody else; PostgreSQL's and Redis's are beside it. */
  readonly cpuCores: number;
}

/** `athletes` with five windows each, every five seconds, on Redis, hints paced as in the service. Null without a redis-server. */
export const benchAsmsSquad = (athletes: number, seconds: number): Promise<AsmsSquad | null> =>
  withDatabase(async (connectionString, directory) => {
    const redis = await startRedis(directory);
    if (redis === null) return null;
    const squad = await makeSquad(connectionString, athletes / 2);
    const ids = [...squad.ours, ...squad.limit];
    const queues = await openQueues({ connectionString, redisUrl: redis.url });
    const worker = createAsmsWorker({ store: createAsmsStore(squad.pool), paramsOf: () => squad.params, onDeliveries: () => undefined });
    await queues.startWorker('asms', worker.work, CONCURRENCY);
    const served: number[] = [];
    const cpu = process.cpuUsage();
    const beganMs = performance.now();
    try {
      // A machine that cannot keep up does fewer rounds in the time, not the same for longer.
      for (let round = 0; round === 0 || performance.now() - beganMs < seconds * 1_000; round += 1) {
        const roundMs = performance.now();
        for (let hop = 0; hop < 5; hop += 1) await commitHop(squad, ids, PAST + 5 * round + hop);
        const startMs = performance.now();
        for (const athleteId of ids) queues.enqueueAsms(athleteId);
        while (worker.counters().windows < ids.length * 5 * (round + 1)) await delay(5);
        served.push((performance.now() - startMs) / 1_000);
        await delay(Math.max(0, 5_000 - (performance.now() - roundMs)));
      }
      const { user, system } = process.cpuUsage(cpu);
      const elapsedMs = performance.now() - beganMs;
      const cpuCores = (user + system) / 1_000 / elapsedMs;
      const everyS = elapsedMs / 1_000 / served.length;
      return { athletes, rounds: served.length, servedS: { median: median(served), worst: Math.max(...served) }, everyS, cpuCores };
    } finally {
      await queues.close();
      redis.stop();
      await squad.pool.end();
    }
  });
