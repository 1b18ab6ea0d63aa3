/**
 * The real service with the real graph: a second version is registered, scores beside the first, becomes the active one while gateways push,
 * and the service is killed in the middle. No restart is needed for any change, and every window has exactly one score that counts.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectGateway, type GatewayClient } from '../../src/client/gateway-client.ts';
import { createProvisioner } from '../../src/cli/rest-client.ts';
import { loadModelContract } from '../../src/score/model-contract.ts';
import { createOnnxScorer } from '../../src/score/onnx/onnx-scorer.ts';
import { replayAthlete } from '../../src/shard/replay.ts';
import { createSimulatedAthlete } from '../../src/simulate/simulated-athlete.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { copyModel, SHIPPED } from '../support/model-copy.ts';
import { freePort, startServiceProcess, type ServiceProcess } from '../support/service-process.ts';

const NEW = '9.5.0';
const SESSION_S = 60;
const FRAME_S = 0.25;
const ATHLETES = 3;

async function until(what: string, reached: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 60_000; !(await reached()); await delay(50)) if (Date.now() > endMs) throw new Error(`never: ${what}`);
}

describe('a model is changed while the service runs', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kws-'));
  const copy = copyModel(NEW);
  let database: TestDatabase;
  let environment: Record<string, string>;
  let service: ServiceProcess;
  let key: string;
  let client: GatewayClient | null = null;

  beforeAll(async () => {
    database = await startTestDatabase();
    environment = {
      KINEWATCH_DIR: directory,
      PORT: String(await freePort()),
      LOG_LEVEL: 'info',
      EXECUTION_PROVIDER: 'cpu',
      DATABASE_URL: database.connectionString,
      REDIS_URL: '',
      ROLES: '',
    };
    service = await startServiceProcess(environment);
    key = service.adminKey ?? '';
  });
  afterAll(async () => {
    client?.abort();
    await service.kill().catch(() => undefined);
    await database.stop();
    for (const path of [directory, copy]) rmSync(path, { recursive: true, force: true });
  });

  const call = async (method: string, path: string): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${service.url}${path}`, { method, headers: { authorization: `Bearer ${key}` } });
    expect(answer.status, path).toBe(200);
    return (await answer.json()) as Record<string, unknown>;
  };
  const count = async (where: string): Promise<number> =>
    Number((await database.pool.query<{ n: string }>(`SELECT count(*) AS n FROM score WHERE ${where}`)).rows[0]?.n);
  const scoring = async (): Promise<string> => {
    const { checks } = (await (await fetch(`${service.url}/readyz`)).json()) as { checks: { scoring: { detail: string } } };
    return checks.scoring.detail;
  };

  const readMetrics = async (): Promise<string> => (await fetch(`${service.url}/metrics`)).text();

  it('needs no restart, mixes no window, misses none, and says what scores', { timeout: 240_000 }, async () => {
    const { contract: first, modelPath } = loadModelContract(SHIPPED);
    expect(await call('GET', '/v1/models')).toMatchObject({
      items: [{ version: first.version, status: 'active', registeredBy: 'first start' }],
    });

    expect(await readMetrics()).toContain(`kinewatch_model{version="${first.version}",status="active"} 1`);

    const startUs = (Date.now() - 3_600_000) * 1000;
    const athletes = Array.from({ length: ATHLETES }, (_, i) =>
      createSimulatedAthlete({ seed: 700 + i, durationS: SESSION_S, profile: 'healthy', name: `switch-${i}`, mode: 'recorded', startUs }),
    );
    const provisioner = await createProvisioner(service.url, key, 'Switched');
    const athleteIds: string[] = [];
    for (const [i, athlete] of athletes.entries()) {
      const id = await provisioner.ensureAthlete({ externalId: `athlete-${i}`, name: `Athlete ${i}` });
      for (const { declaration } of athlete.streams) await provisioner.ensureDevice(declaration.device, declaration.kind, id);
      athleteIds.push(id);
    }
    const gateway = await connectGateway({
      url: `${service.url.replace('http', 'ws')}/v1/ingest`,
      token: await provisioner.createGateway('gateway'),
      streams: athletes.flatMap((athlete) => athlete.streams).map((stream, index) => ({ ...stream.declaration, stream: index })),
      maxBufferedBytes: 256 * 1024,
      backoff: { baseMs: 20, capMs: 200 },
    });
    client = gateway;
    const push = async (fromS: number, toS: number): Promise<void> => {
      for (let at = fromS; at < toS; at += FRAME_S) {
        for (const [a, athlete] of athletes.entries()) {
          const stream = athletes.slice(0, a).reduce((sum, other) => sum + other.streams.length, 0);
          for (const block of athlete.render(at, at + FRAME_S))
            await gateway.send(stream + block.stream, block.deviceTimeUs, block.samples);
        }
      }
    };

    const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: database.connectionString };
    await promisify(execFile)(process.execPath, [resolve('dist/src/cli/admin.js'), 'model', 'register', copy], { env });
    await call('POST', `/v1/models/${NEW}/shadow`);
    await until('the shadow scores', async () => (await scoring()).endsWith(`model ${first.version}, shadow ${NEW}`));

    await push(0, 15);
    await until('a shadow score is stored', async () => (await count(`shadow AND model_version = '${NEW}'`)) > 20);
    await call('POST', `/v1/models/${NEW}/activate`);
    await push(15, 30);
    await until('the new version is the active one', async () => (await scoring()).endsWith(`model ${NEW}, shadow ${first.version}`));
    await until('its scores count', async () => (await count(`NOT shadow AND model_version = '${NEW}'`)) > 0);
    const metrics = await readMetrics();
    expect(metrics).toContain(`kinewatch_model{version="${NEW}",status="active"} 1`);
    expect(metrics).toContain(`kinewatch_model{version="${first.version}",status="active"} 0`);
    expect(metrics).toMatch(/kinewatch_shadow_windows_scored_total [1-9]/);

    // Back again, and killed before the change is through.
    await call('POST', `/v1/models/${first.version}/activate`);
    await push(30, 40);
    await service.kill();
    service = await startServiceProcess(environment);
    expect(service.adminKey).toBeNull();
    expect(await scoring()).toContain(`model ${first.version}, shadow ${NEW}`);
    await push(40, SESSION_S);
    await gateway.flush();
    await gateway.close();

    const store = createShardStore(database.pool);
    const scorer = await createOnnxScorer({ modelPath, contract: first, executionProvider: 'cpu', maxBatch: 1 });
    for (const athleteId of athleteIds) {
      const oracle = await replayAthlete(store, scorer, first, athleteId);
      await until('every window counts', async () => (await count(`NOT shadow AND athlete_id = '${athleteId}'`)) >= oracle.length);
      const { rows } = await database.pool.query<{ window_index: string; state_logit: number | null; model_version: string }>(
        'SELECT window_index, state_logit, model_version FROM score WHERE athlete_id = $1 AND NOT shadow ORDER BY window_index',
        [athleteId],
      );
      expect(rows.map((row) => Number(row.window_index))).toEqual(oracle.map((window) => window.windowIndex));
      expect(new Set(rows.map((row) => row.model_version))).toEqual(new Set([first.version, NEW]));
      const last = oracle.at(-1)?.windowIndex ?? 0;
      await until('ASMS has followed over both borders', async () => {
        const state = await database.pool.query<{ n: string }>('SELECT last_window_index AS n FROM asms_state WHERE athlete_id = $1', [
          athleteId,
        ]);
        return Number(state.rows[0]?.n) === last;
      });
      // The same weights under both names: with its state carried over the borders the score is the one of a single version throughout.
      const versions = rows.map((row) => row.model_version);
      rows.forEach((row, i) => {
        const wanted = oracle[i]?.stateLogit ?? null;
        if (wanted === null) expect(row.state_logit).toBeNull();
        else
          expect(Math.abs((row.state_logit ?? Number.NaN) - wanted), `${row.model_version} at ${i} of ${versions.join(' ')}`).toBeLessThan(
            1e-5,
          );
      });
    }
    await scorer.close();
    expect(await service.stop()).toBe(0);
  });
});
