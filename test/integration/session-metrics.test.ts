/** From stored frames of a silent session to its metrics. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/contracts/frame.ts';
import type { StreamDeclaration } from '../../src/contracts/protocol.ts';
import type { SessionStream } from '../../src/signal/session-metrics.ts';
import { createMetricsWorker } from '../../src/queue/session-metrics-worker.ts';
import type { NewMetric } from '../../src/queue/ports.ts';
import { createMetricsStore } from '../../src/store/metrics-store.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAthlete } from '../support/people.ts';

const START_US = 1_790_000_000_000_000;

const heart = (given: Partial<StreamDeclaration> = {}): StreamDeclaration => ({
  stream: 0,
  device: `strap-${randomUUID()}`,
  boot: 'b1',
  kind: 'wearable',
  placement: 'chest',
  channels: [{ name: 'heartRate', unit: 'bpm' }],
  mode: 'live',
  rateHz: 1,
  encoding: 'int16',
  scale: [0.5],
  ...given,
});

const frame = (sequence: number, deviceTimeUs: number, flags = 0) =>
  encodeFrame({ flags, channels: 1, stream: 0, sequence, deviceTimeUs }, Int16Array.of(100, 102));

describe('session metrics', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startTestDatabase();
  });
  afterAll(() => database.stop());

  const addSession = async (athleteId: string, teamId: string, lastUs: number): Promise<string> => {
    const id = randomUUID();
    await database.pool.query(
      `INSERT INTO session (id, team_id, athlete_id, started_at, first_received_us, last_received_us, opened_by) VALUES ($1, $2, $3, now(), $4, $5, 'first-frame')`,
      [id, teamId, athleteId, START_US, lastUs],
    );
    return id;
  };
  const addStream = async (athleteId: string, teamId: string, declaration: StreamDeclaration): Promise<number> => {
    const [deviceId, gatewayId] = [randomUUID(), randomUUID()];
    await database.pool.query('INSERT INTO device (id, team_id, serial, kind) VALUES ($1, $2, $3, $4)', [
      deviceId,
      teamId,
      declaration.device,
      declaration.kind,
    ]);
    const { rows } = await database.pool.query<{ id: string }>(
      'INSERT INTO stream (device_id, boot, kind, placement, athlete_id) VALUES ($1, $2, $3, $4, $5) RETURNING id',
      [deviceId, declaration.boot, declaration.kind, declaration.placement, athleteId],
    );
    const streamId = Number(rows[0]?.id);
    await database.pool.query(
      'INSERT INTO stream_hello (stream_id, received_us, from_sequence, gateway_id, declaration) VALUES ($1, $2, 0, $3, $4)',
      [streamId, START_US - 1, gatewayId, JSON.stringify(declaration)],
    );
    return streamId;
  };
  const addFrame = (streamId: number, sequence: number, receivedUs: number, bytes: Uint8Array) =>
    database.pool.query('INSERT INTO raw_frame (stream_id, sequence, received_us, bytes) VALUES ($1, $2, $3, $4)', [
      streamId,
      sequence,
      receivedUs,
      bytes,
    ]);

  it('closes a silent session, reads its frames in receipt order, computes and stores, once', async () => {
    const { athleteId, teamId } = await addAthlete(database.pool);
    const sessionId = await addSession(athleteId, teamId, START_US + 1_000e6);
    const streamId = await addStream(athleteId, teamId, heart());
    for (let sequence = 0; sequence < 600; sequence += 1) {
      const bytes = encodeFrame(
        { flags: 0, channels: 1, stream: 0, sequence, deviceTimeUs: 5e6 + sequence * 1e6 },
        Int16Array.of(2 * (140 + (sequence % 2))),
      );
      await addFrame(streamId, sequence, START_US + sequence * 1_000_000 + 20_000, bytes);
    }
    const store = createMetricsStore(database.pool, { nowMs: () => START_US / 1000 + 1_000_000 + 60_001 });
    expect(await store.closeSilentSessions(120_000)).toEqual([]);
    expect(await store.closeSilentSessions(60_000)).toEqual([sessionId]);
    expect(await store.closeSilentSessions(60_000)).toEqual([]);
    expect(await store.sessionsWithoutMetrics(10)).toEqual([sessionId]);

    const worker = createMetricsWorker({
      store,
      onRefused: (error) => {
        throw error;
      },
      onObserved: () => undefined,
    });
    await worker.work({ sessionId });
    await worker.work({ sessionId });
    expect(await store.sessionsWithoutMetrics(10)).toEqual([]);
    const { rows } = await database.pool.query<{ name: string; value: number; unit: string; method: string }>(
      'SELECT name, value, unit, method FROM session_metric WHERE session_id = $1',
      [sessionId],
    );
    expect(rows).toMatchObject([{ name: 'heartRate', unit: 'bpm' }]);
    expect(rows[0]?.value).toBeCloseTo(140.5, 1);
    const histograms = await database.pool.query('SELECT quantity, bins, observed_seconds FROM session_histogram WHERE session_id = $1', [
      sessionId,
    ]);
    expect(histograms.rows).toEqual([
      {
        quantity: 'heart-rate',
        bins: [
          [140, 300, 42_000],
          [141, 300, 42_300],
        ],
        observed_seconds: 600,
      },
    ]);
    const loads = await database.pool.query('SELECT series, value, minutes_covered FROM session_load WHERE session_id = $1', [sessionId]);
    expect(loads.rows).toEqual([{ series: 'trimp', value: null, minutes_covered: 10 }]);
    const minutes = await database.pool.query('SELECT measured_minutes FROM session WHERE id = $1', [sessionId]);
    expect(minutes.rows).toEqual([{ measured_minutes: 10 }]);
  });

  it('puts streams on one clock, fills short gaps with missing samples, parts long ones, and leaves unused streams out', async () => {
    const { athleteId, teamId } = await addAthlete(database.pool);
    const sessionId = await addSession(athleteId, teamId, START_US + 200e6);
    const live = await addStream(athleteId, teamId, heart());
    const recorded = await addStream(athleteId, teamId, heart({ mode: 'recorded', encoding: 'float32' }));
    const trunk = await addStream(athleteId, teamId, heart({ kind: 'imu', placement: 'trunk', mode: 'recorded' }));
    const wrist = await addStream(athleteId, teamId, heart({ kind: 'imu', placement: 'wrist' }));
    // Device seconds 0..2, (3 s missing) 5..7, then a pause of a minute; the second frame arrives least delayed, the third was sent again.
    await addFrame(live, 0, START_US + 2_500_000, frame(0, 0));
    await addFrame(live, 1, START_US + 7_100_000, frame(1, 5e6));
    await addFrame(live, 2, START_US + 90_000_000, frame(2, 67e6, 2));
    await addFrame(
      recorded,
      0,
      START_US + 3,
      encodeFrame({ flags: 1, channels: 1, stream: 0, sequence: 0, deviceTimeUs: START_US + 250_000 }, Float32Array.of(61)),
    );
    await addFrame(wrist, 0, START_US + 4, frame(0, 0));
    await addFrame(trunk, 0, START_US + 5, frame(0, 0));

    const seen: SessionStream[] = [];
    const worker = createMetricsWorker({
      store: createMetricsStore(database.pool),
      compute: (streams) => {
        seen.push(...streams);
        return Promise.resolve({ metrics: [], histograms: [], minutes: null });
      },
      onRefused: () => undefined,
      onObserved: () => undefined,
    });
    await worker.work({ sessionId });
    expect(seen.map(({ placement }) => placement).toSorted()).toEqual(['chest', 'chest', 'chest', 'trunk']);
    const byMode = seen.filter(({ kind }) => kind === 'wearable').toSorted((a, b) => a.samples.length - b.samples.length);
    expect(byMode.map((stream) => [...stream.samples])).toEqual([[61], [50, 51], [50, 51, Number.NaN, Number.NaN, Number.NaN, 50, 51]]);
    expect(byMode[0]?.startUs).toBe(START_US + 250_000);
    expect(byMode[2]?.startUs).toBe(START_US + 100_000);
    expect(worker.counters()).toMatchObject({ sessions: 1, truncated: 0 });
  });

  it('stops at its bound and says so, and settles a session that cannot be measured', async () => {
    const { athleteId, teamId } = await addAthlete(database.pool);
    const sessionId = await addSession(athleteId, teamId, START_US + 200e6);
    const streamId = await addStream(athleteId, teamId, heart());
    for (let sequence = 0; sequence < 4; sequence += 1) {
      const bytes = encodeFrame({ flags: 0, channels: 1, stream: 0, sequence, deviceTimeUs: sequence * 2e6 }, Int16Array.of(200, 202));
      await addFrame(streamId, sequence, START_US + sequence * 2_000_000, bytes);
    }
    const store = createMetricsStore(database.pool);
    const metric: NewMetric = {
      name: 'x',
      value: 1,
      unit: '1',
      typicalError: null,
      method: 'm',
      parameters: {},
      detail: null,
      provisional: false,
      atUs: START_US,
    };
    const onObserved = (): void => undefined;
    const short = createMetricsWorker({
      store,
      maxValues: 5,
      compute: () => Promise.resolve({ metrics: [metric], histograms: [], minutes: 1 }),
      onRefused: () => undefined,
      onObserved,
    });
    await short.work({ sessionId });
    const stored = await database.pool.query<{ provisional: boolean; parameters: unknown }>(
      'SELECT provisional, parameters FROM session_metric WHERE session_id = $1',
      [sessionId],
    );
    expect(stored.rows).toEqual([{ provisional: true, parameters: { truncatedAtValues: 5 } }]);

    const refused: string[] = [];
    const broken = createMetricsWorker({
      store,
      compute: () => Promise.reject(new RangeError('no rows')),
      onRefused: (error, id) => refused.push(`${id} ${error.message}`),
      onObserved,
    });
    await broken.work({ sessionId });
    expect(refused).toEqual([`${sessionId} no rows`]);
    await expect(broken.work({ sessionId: randomUUID() })).resolves.toBeUndefined();
  });
});
