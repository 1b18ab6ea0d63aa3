/**
 * The service is killed (kill -9) in mid-stream and started again, three times, while gateways push. Held against the stored rows: no
 * acknowledged frame is missing, no window is there twice, and every score equals an offline replay of the stored rows within 1e-5.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectGateway, type GatewayClient } from '../../src/client/gateway-client.ts';
import { createProvisioner } from '../../src/cli/rest-client.ts';
import { createOnnxScorer } from '../../src/score/onnx/onnx-scorer.ts';
import { loadModelContract } from '../../src/score/model-contract.ts';
import { replayAthlete } from '../../src/shard/replay.ts';
import { createSimulatedAthlete, type SimulatedAthlete } from '../../src/simulate/simulated-athlete.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/store/embedded-postgres.ts';
import { openPool } from '../../src/store/pool.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { freePort, startServiceProcess, type ServiceProcess } from '../support/service-process.ts';

const ATHLETES = 4;
const KILLS = 3;
/** Recorded streams carry their own time, so the test need not wait for it: this much is pushed as fast as it is taken. */
const SESSION_S = 60;
const FRAME_S = 0.25;

describe('kill -9 of the service in mid-stream', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kinewatch-kill-'));
  let environment: Record<string, string>;
  let service: ServiceProcess;
  let postgres: EmbeddedPostgres | null = null;
  const clients: GatewayClient[] = [];

  beforeAll(async () => {
    environment = {
      KINEWATCH_DIR: directory,
      PORT: String(await freePort()),
      LOG_LEVEL: 'warn',
      EXECUTION_PROVIDER: 'cpu',
      DATABASE_URL: '',
      REDIS_URL: '',
      ROLES: '',
    };
    service = await startServiceProcess(environment);
  });
  afterAll(async () => {
    for (const client of clients) client.abort();
    await service.kill().catch(() => undefined);
    await postgres?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function provision(athletes: readonly SimulatedAthlete[]): Promise<{ token: string; athleteIds: string[] }> {
    const provisioner = await createProvisioner(service.url, service.adminKey ?? '', 'Killed');
    const athleteIds: string[] = [];
    for (const [i, athlete] of athletes.entries()) {
      const id = await provisioner.ensureAthlete({ externalId: `athlete-${i}`, name: `Athlete ${i}` });
      for (const { declaration } of athlete.streams) await provisioner.ensureDevice(declaration.device, declaration.kind, id);
      athleteIds.push(id);
    }
    return { token: await provisioner.createGateway('gateway'), athleteIds };
  }

  /** Pushes every athlete's session over one connection; `at` is called as each quarter second has been handed over. */
  async function push(client: GatewayClient, athletes: readonly SimulatedAthlete[], at: (timeS: number) => Promise<void>): Promise<void> {
    for (let fromS = 0; fromS < SESSION_S; fromS += FRAME_S) {
      for (const [a, athlete] of athletes.entries()) {
        const first = athletes.slice(0, a).reduce((sum, other) => sum + other.streams.length, 0);
        for (const block of athlete.render(fromS, fromS + FRAME_S))
          await client.send(first + block.stream, block.deviceTimeUs, block.samples);
      }
      await at(fromS + FRAME_S);
    }
  }

  it('loses no acknowledged frame, doubles no window, and scores what an offline replay scores', { timeout: 240_000 }, async () => {
    const startUs = (Date.now() - 3_600_000) * 1000;
    const athletes = Array.from({ length: ATHLETES }, (_, i) =>
      createSimulatedAthlete({
        seed: 900 + i,
        durationS: SESSION_S,
        profile: i === 0 ? 'fatigue-drift' : 'healthy',
        name: `kill-${i}`,
        mode: 'recorded',
        startUs,
      }),
    );
    const { token, athleteIds } = await provision(athletes);
    const streams = athletes.flatMap((athlete) => athlete.streams).map((stream, index) => ({ ...stream.declaration, stream: index }));
    const client = await connectGateway({
      url: `${service.url.replace('http', 'ws')}/v1/ingest`,
      token,
      streams,
      // Small enough that the sender feels each outage instead of running ahead of it.
      maxBufferedBytes: 256 * 1024,
      backoff: { baseMs: 20, capMs: 200 },
    });
    clients.push(client);
    const killAt = Array.from({ length: KILLS }, (_, i) => ((i + 1) * SESSION_S) / (KILLS + 1));
    await push(client, athletes, async (timeS) => {
      if (timeS !== killAt[0]) return;
      killAt.shift();
      await service.kill();
      service = await startServiceProcess(environment);
    });
    await client.flush();
    const { sent, acked, refused, reconnects } = client.stats();
    expect(killAt).toEqual([]);
    expect(reconnects).toBeGreaterThanOrEqual(KILLS);
    expect(acked).toBe(sent);
    await client.close();
    expect(await service.stop()).toBe(0);

    postgres = await startEmbeddedPostgres({ directory });
    const pool = openPool(postgres.connectionString, { max: 2, name: 'oracle' });
    const count = async (sql: string): Promise<number> => Number((await pool.query<{ n: string }>(sql)).rows[0]?.n);
    expect(await count('SELECT count(*) AS n FROM raw_frame')).toBe(acked - refused);
    expect(await count('SELECT count(*) AS n FROM (SELECT DISTINCT stream_id, sequence FROM raw_frame) AS distinct_frames')).toBe(
      acked - refused,
    );
    expect(
      await count(
        'SELECT count(*) AS n FROM stream s WHERE next_sequence <> (SELECT max(sequence) + 1 FROM raw_frame f WHERE f.stream_id = s.id)',
      ),
    ).toBe(0);

    const { contract, modelPath } = loadModelContract('models');
    const scorer = await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: 1 });
    const store = createShardStore(pool);
    for (const athleteId of athleteIds) {
      const stored = await pool.query<{ window_index: string; state_logit: number | null }>(
        'SELECT window_index, state_logit FROM score WHERE athlete_id = $1 ORDER BY window_index',
        [athleteId],
      );
      const oracle = await replayAthlete(store, scorer, contract, athleteId);
      expect(oracle.length).toBeGreaterThan(SESSION_S / 2);
      expect(stored.rows.map((row) => Number(row.window_index))).toEqual(oracle.map((window) => window.windowIndex));
      for (const [i, row] of stored.rows.entries()) {
        const wanted = oracle[i]?.stateLogit ?? null;
        if (wanted === null) expect(row.state_logit).toBeNull();
        else expect(Math.abs((row.state_logit ?? Number.NaN) - wanted)).toBeLessThan(1e-5);
      }
    }
    await scorer.close();
    await pool.end();
  });
});
