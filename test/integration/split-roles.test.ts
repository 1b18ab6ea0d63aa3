/**
 * The roles in processes of their own that share a database: a gateway, a scorer that is killed (kill -9) and started again in mid-stream,
 * the workers and the API. Every score equals an offline replay of the stored rows within 1e-5, ASMS follows, a second scorer is refused.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectGateway, type GatewayClient } from '../../src/client/gateway-client.ts';
import { createProvisioner, readProgress } from '../../src/cli/rest-client.ts';
import { createOnnxScorer } from '../../src/score/onnx/onnx-scorer.ts';
import { loadModelContract } from '../../src/score/model-contract.ts';
import { replayAthlete } from '../../src/shard/replay.ts';
import { createSimulatedAthlete } from '../../src/simulate/simulated-athlete.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts';

const ATHLETES = 2;
const SESSION_S = 48;
const FRAME_S = 0.25;
const PATIENCE_MS = 60_000;
const POLL_MS = 100;

describe('roles split over processes', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  let gateway: ServiceProcess;
  let scorer: ServiceProcess;
  let api: ServiceProcess;
  let workers: ServiceProcess[];
  const processes: ServiceProcess[] = [];
  const aborts: (() => void)[] = [];

  async function startRoles(roles: string): Promise<ServiceProcess> {
    const started = await startServiceProcess({
      DATABASE_URL: database.connectionString,
      REDIS_URL: '',
      ROLES: roles,
      PORT: '0',
      LOG_LEVEL: 'warn',
      EXECUTION_PROVIDER: 'cpu',
    });
    processes.push(started);
    return started;
  }

  beforeAll(async () => {
    database = await startTestDatabase();
    ({ pool } = database);
    [gateway, scorer, api, ...workers] = (await Promise.all(['gateway', 'score', 'api', 'asms', 'webhook'].map(startRoles))) as [
      ServiceProcess,
      ServiceProcess,
      ServiceProcess,
      ...ServiceProcess[],
    ];
  }, 120_000);
  afterAll(async () => {
    for (const abort of aborts) abort();
    await Promise.all(processes.map((one) => one.kill().catch(() => undefined)));
    await database.stop();
  });

  const count = async (sql: string, values: readonly unknown[] = []): Promise<number> =>
    Number((await pool.query<{ n: string }>(sql, [...values])).rows[0]?.n);

  /** Until the condition holds; fails with what the processes logged where it does not in good time. */
  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + PATIENCE_MS; !(await holds()); await delay(POLL_MS)) {
      if (Date.now() > end) throw new Error(`${what}: not in ${PATIENCE_MS} ms\n${processes.flatMap((one) => one.log).join('\n')}`);
    }
  }

  it('serves only health and metrics where the role api is not', async () => {
    for (const one of [gateway, scorer, ...workers]) {
      expect((await fetch(`${one.url}/healthz`)).status).toBe(200);
      expect((await fetch(`${one.url}/readyz`)).status).toBe(200);
      expect((await fetch(`${one.url}/metrics`)).status).toBe(200);
      expect((await fetch(`${one.url}/v1/teams`)).status).toBe(404);
      expect((await fetch(`${one.url}/docs`)).status).toBe(404);
    }
    expect((await fetch(`${api.url}/v1/teams`)).status).toBe(401);
    expect((await fetch(`${api.url}/v1/ingest`)).status).toBe(404);
  });

  it('refuses a second scorer, and a scorer that is a gateway too beside another gateway', { timeout: 60_000 }, async () => {
    await expect(startRoles('score')).rejects.toThrow('scorer-running: another process with the role score uses this database');
    await expect(startRoles('all')).rejects.toThrow('scorer-running');
  });

  it('scores what the gateway stores, across a killed scorer, as an offline replay does', { timeout: 180_000 }, async () => {
    // Whichever process was the first to look has shown it.
    const adminKey = processes.map((one) => one.adminKey).find((key) => key !== null) ?? '';
    const provisioner = await createProvisioner(api.url, adminKey, 'Split');
    const startUs = (Date.now() - 3_600_000) * 1000;
    const athletes = Array.from({ length: ATHLETES }, (_, i) =>
      createSimulatedAthlete({ seed: 700 + i, durationS: SESSION_S, profile: 'healthy', name: `split-${i}`, mode: 'recorded', startUs }),
    );
    const athleteIds: string[] = [];
    for (const [i, athlete] of athletes.entries()) {
      const id = await provisioner.ensureAthlete({ externalId: `athlete-${i}`, name: `Athlete ${i}` });
      for (const { declaration } of athlete.streams) await provisioner.ensureDevice(declaration.device, declaration.kind, id);
      athleteIds.push(id);
    }
    const token = await provisioner.createGateway('gateway');
    const live = await listenToLive(api.url, adminKey);
    aborts.push(() => live.abort());
    const client: GatewayClient = await connectGateway({
      url: `${gateway.url.replace('http', 'ws')}/v1/ingest`,
      token,
      streams: athletes.flatMap((athlete) => athlete.streams).map((stream, index) => ({ ...stream.declaration, stream: index })),
    });
    aborts.push(() => client.abort());
    const push = async (fromS: number, toS: number): Promise<void> => {
      for (let atS = fromS; atS < toS; atS += FRAME_S) {
        for (const [a, athlete] of athletes.entries()) {
          const first = athletes.slice(0, a).reduce((sum, other) => sum + other.streams.length, 0);
          for (const block of athlete.render(atS, atS + FRAME_S))
            await client.send(first + block.stream, block.deviceTimeUs, block.samples);
        }
      }
    };
    const scores = (): Promise<number> => count('SELECT count(*) AS n FROM score');

    await push(0, SESSION_S / 3);
    await until('the first windows are scored', async () => (await scores()) > ATHLETES * 2);
    await push(SESSION_S / 3, SESSION_S / 2);
    await scorer.kill();
    // The gateway goes on without a scorer.
    await push(SESSION_S / 2, (SESSION_S * 2) / 3);
    await client.flush();
    const atRest = await scores();
    scorer = await startRoles('score');
    await push((SESSION_S * 2) / 3, SESSION_S);
    await client.flush();
    const { sent, acked } = client.stats();
    expect(acked).toBe(sent);
    await client.close();

    const { contract, modelPath } = loadModelContract('models');
    const offline = await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: 1 });
    const store = createShardStore(pool);
    for (const athleteId of athleteIds) {
      const oracle = await replayAthlete(store, offline, contract, athleteId);
      expect(oracle.length).toBeGreaterThan(SESSION_S / 2);
      await until(
        'every window is scored',
        async () => (await count('SELECT count(*) AS n FROM score WHERE athlete_id = $1', [athleteId])) >= oracle.length,
      );
      const stored = await pool.query<{ window_index: string; state_logit: number | null }>(
        'SELECT window_index, state_logit FROM score WHERE athlete_id = $1 ORDER BY window_index',
        [athleteId],
      );
      expect(stored.rows.map((row) => Number(row.window_index))).toEqual(oracle.map((window) => window.windowIndex));
      for (const [i, row] of stored.rows.entries()) {
        const wanted = oracle[i]?.stateLogit ?? null;
        if (wanted === null) expect(row.state_logit).toBeNull();
        else expect(Math.abs((row.state_logit ?? Number.NaN) - wanted)).toBeLessThan(1e-5);
      }
      const last = oracle.at(-1)?.windowIndex ?? 0;
      await until(
        'ASMS has followed',
        async () => (await count('SELECT last_window_index AS n FROM asms_state WHERE athlete_id = $1', [athleteId])) === last,
      );
      const state = await fetch(`${api.url}/v1/athletes/${athleteId}/state`, { headers: { authorization: `Bearer ${adminKey}` } });
      expect(await state.json()).toMatchObject({ athleteId, window: { windowIndex: last } });
      await until('the live stream tells of it', async () => live.newest(athleteId) === last);
    }
    expect(atRest).toBeLessThan(await scores());
    await offline.close();

    const progress = await readProgress(api.url, token);
    for (const { athleteId, windowsScored } of progress.athletes)
      expect(windowsScored).toBe(await count('SELECT count(*) AS n FROM score WHERE athlete_id = $1', [athleteId]));
    expect(progress.athletes.map(({ athleteId }) => athleteId).toSorted()).toEqual(athleteIds.toSorted());
    expect(await Promise.all([gateway, scorer, api, ...workers].map((one) => one.stop()))).toEqual([0, 0, 0, 0, 0]);
  });
});

/** Follows /v1/live and keeps the newest window told of each athlete. */
async function listenToLive(url: string, key: string): Promise<{ newest(athleteId: string): number | undefined; abort(): void }> {
  const abort = new AbortController();
  const newest = new Map<string, number>();
  const response = await fetch(`${url}/v1/live`, { headers: { authorization: `Bearer ${key}` }, signal: abort.signal });
  expect(response.status).toBe(200);
  const read = async (): Promise<void> => {
    let text = '';
    for await (const chunk of response.body ?? []) {
      const lines = (text + Buffer.from(chunk as Uint8Array).toString()).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.startsWith('data:')) continue;
        const event = JSON.parse(line.slice(5)) as { type: string; athleteId: string; windowIndex: number };
        if (event.type === 'athlete.state') newest.set(event.athleteId, event.windowIndex);
      }
    }
  };
  read().catch(() => undefined);
  return { newest: (athleteId) => newest.get(athleteId), abort: () => abort.abort() };
}
