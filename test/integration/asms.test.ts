/** From stored scores to state, alerts, recommendations and live events: IN-ORDER-ONCE on a real PostgreSQL and real queues. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { asmsParams } from '../../src/asms/params.ts';
import { stepAsms, type AsmsStateValue } from '../../src/asms/step.ts';
import type { LiveEvent } from '../../src/contracts/events.ts';
import type { ScoredWindow } from '../../src/contracts/score.ts';
import { createAsmsWorker } from '../../src/queue/asms-worker.ts';
import type { AsmsStore, AthleteFacts } from '../../src/queue/ports.ts';
import { openQueues, type Queues } from '../../src/queue/queues.ts';
import { startSweeper } from '../../src/queue/sweeper.ts';
import { createAsmsStore } from '../../src/store/asms-store.ts';
import { listenLive } from '../../src/store/live.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { gate } from '../support/gate.ts';
import { addAthlete, addEndpoint, type TestPeople } from '../support/people.ts';
import { scoredWindow, TEST_CHANNELS } from '../support/scored-windows.ts';

const location = { location: 0, scale: 1 };
const params = asmsParams({
  bio: TEST_CHANNELS.map((name) => ({
    name,
    unit: 'rad/s',
    kind: 'imu',
    placement: 'foot-left',
    channel: name,
    prior: { rest: location, walk: location, run: location, jump: location },
  })),
  thresholds: { high: 0.7, low: 0.4, k: 4, n: 6, source: 'test' },
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('ASMS on the store', () => {
  let database: TestDatabase;
  let store: AsmsStore;
  let people: TestPeople;
  const open: Queues[] = [];

  const windows = (hops: readonly number[], given: Partial<ScoredWindow> = {}): ScoredWindow[] =>
    hops.map((hop) => scoredWindow(hop, { athleteId: people.athleteId, level: Math.sin(hop), ...given }));
  const commit = async (scored: readonly ScoredWindow[], shadow = false): Promise<void> => {
    const last = scored.at(-1);
    if (last === undefined) return;
    const { athleteId, modelVersion, windowIndex } = last;
    await createShardStore(database.pool).commitScores(scored, [{ athleteId, modelVersion, windowIndex, data: new Uint8Array(8) }], shadow);
  };
  const stored = async (): Promise<{ last_window_index: string; state: AsmsStateValue } | undefined> => {
    const { rows } = await database.pool.query<{ last_window_index: string; state: AsmsStateValue }>(
      'SELECT last_window_index, state FROM asms_state WHERE athlete_id = $1',
      [people.athleteId],
    );
    return rows[0];
  };
  const replayed = (scored: readonly ScoredWindow[]): AsmsStateValue =>
    stepAsms(
      null,
      scored,
      { athleteId: people.athleteId, teamId: people.teamId, openInjuries: [], therapies: [], openAlerts: [], sessions: [] },
      params,
    ).state;
  const worker = (batch?: number) =>
    createAsmsWorker({ store, paramsOf: () => params, onDeliveries: () => undefined, ...(batch === undefined ? {} : { batch }) });
  const count = async (sql: string): Promise<number> => {
    const { rows } = await database.pool.query<{ n: string }>(`SELECT count(*) AS n FROM ${sql}`);
    return Number(rows[0]?.n);
  };

  beforeAll(async () => {
    database = await startTestDatabase();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((queues) => queues.close()));
  });
  afterAll(() => database.stop());

  const fresh = async (): Promise<void> => {
    people = await addAthlete(database.pool);
    store = createAsmsStore(database.pool);
  };

  it('applies windows in order, each once, under repeated, concurrent and late jobs', async () => {
    await fresh();
    const all = windows(range(0, 90), { rehab: 0.5 });
    const { work, counters } = worker(7);
    const job = { athleteId: people.athleteId };
    for (const at of range(0, 9)) {
      await commit(all.slice(at * 10, at * 10 + 10));
      // Two workers on one athlete at once, and a job too many.
      await Promise.all([work(job), work(job)]);
      await work(job);
    }
    const row = await stored();
    expect(Number(row?.last_window_index)).toBe(all.at(-1)?.windowIndex);
    expect(row?.state).toStrictEqual(replayed(all));
    expect(counters().windows).toBe(90);
    expect(counters().idle).toBeGreaterThanOrEqual(9);
  });

  it('leaves a late window, and the scores of a shadow, alone', async () => {
    await fresh();
    await commit(windows([10, 11]));
    const { work } = worker();
    await work({ athleteId: people.athleteId });
    const before = await stored();
    await commit(windows([5], { state: 0.9 }));
    await commit(windows([12], { modelVersion: 'other-model' }), true);
    await work({ athleteId: people.athleteId });
    expect(await stored()).toStrictEqual(before);
    expect(await store.athletesBehind(10)).toEqual([]);
  });

  it('keeps nothing of a step that fails, and nothing for an athlete without scores or unknown', async () => {
    await fresh();
    await work0();
    expect(await stored()).toBeUndefined();
    await commit(windows([0, 1]));
    const broken = store.advance(people.athleteId, params.methodVersion, 10, () => {
      throw new Error('planted');
    });
    await expect(broken).rejects.toThrow('planted');
    expect(await stored()).toBeUndefined();
    await work0();
    expect(Number((await stored())?.last_window_index)).toBe(scoredWindow(1).windowIndex);
    await expect(worker().work({ athleteId: '00000000-0000-4000-8000-000000000000' })).resolves.toBeUndefined();

    async function work0(): Promise<void> {
      await worker().work({ athleteId: people.athleteId });
    }
  });

  it('raises one alert with history, recommendation, deliveries and live events, and clears it', async () => {
    await fresh();
    await addEndpoint(database.pool, people.teamId, 'http://127.0.0.1:9/', 'whsec_x', ['alert.raised', 'recommendation.created']);
    await addEndpoint(database.pool, people.teamId, 'http://127.0.0.1:9/', 'whsec_x', ['webhook.test']);
    const events: LiveEvent[] = [];
    const { opened: cleared, open: seen } = gate();
    const live = await listenLive(database.connectionString, (event) => {
      if (event.athleteId !== people.athleteId) return;
      events.push(event);
      if (event.type === 'alert.cleared') seen();
    });
    const deliveries: string[] = [];
    const { work } = createAsmsWorker({ store, paramsOf: () => params, onDeliveries: (ids) => deliveries.push(...ids) });
    await commit([...windows(range(0, 20)), ...windows(range(20, 40), { state: 0.9 })]);
    await work({ athleteId: people.athleteId });
    const alert = await database.pool.query<{ id: string; title: string; sentence: string; cleared_at: Date | null }>(
      'SELECT id, title, sentence, cleared_at FROM alert WHERE athlete_id = $1',
      [people.athleteId],
    );
    expect(alert.rows).toMatchObject([{ title: 'Movement score above its threshold', cleared_at: null }]);
    const [recommendation] = (
      await database.pool.query<{ alert_id: string; status: string }>('SELECT alert_id, status FROM recommendation WHERE athlete_id = $1', [
        people.athleteId,
      ])
    ).rows;
    expect(recommendation).toEqual({ alert_id: alert.rows[0]?.id, status: 'proposed' });
    expect(deliveries).toHaveLength(2);
    const bodies = (
      await database.pool.query<{ body: string }>('SELECT body FROM webhook_delivery WHERE id = ANY ($1) ORDER BY event_type', [deliveries])
    ).rows;
    const [raised] = bodies.map((row) => JSON.parse(row.body) as Record<string, unknown>);
    expect(raised).toEqual({
      type: 'alert.raised',
      timestamp: new Date(scoredWindow(26).endUs / 1000).toISOString(),
      data: { alertId: alert.rows[0]?.id, athleteId: people.athleteId, teamId: people.teamId },
    });
    expect(bodies.map((row) => row.body).join(' ')).not.toMatch(/Test Person|score|SD/u);

    await commit(windows(range(40, 70)));
    await work({ athleteId: people.athleteId });
    await cleared;
    await live.close();
    expect(events.map((event) => event.type)).toEqual([
      'athlete.state',
      'alert.raised',
      'recommendation.created',
      'athlete.state',
      'alert.cleared',
    ]);
    const history = await database.pool.query<{ change: string }>('SELECT change FROM alert_event WHERE alert_id = $1 ORDER BY at', [
      alert.rows[0]?.id,
    ]);
    expect(history.rows.map((row) => row.change)).toEqual(['raised', 'cleared']);
  });

  it('writes raise and clear of one batch in the order of their windows', async () => {
    await fresh();
    await commit([...windows(range(0, 20), { state: 0.9 }), ...windows(range(20, 40)), ...windows(range(40, 60), { state: 0.9 })]);
    await worker().work({ athleteId: people.athleteId });
    const { rows } = await database.pool.query<{ open: boolean }>(
      'SELECT cleared_at IS NULL AS open FROM alert WHERE athlete_id = $1 ORDER BY raised_at',
      [people.athleteId],
    );
    expect(rows.map((row) => row.open)).toEqual([false, true]);
  });

  it('clears in one batch the alert that was open and the one that it raised since', async () => {
    await fresh();
    await commit(windows(range(0, 20), { state: 0.9 }));
    await worker().work({ athleteId: people.athleteId });
    await commit([...windows(range(20, 40)), ...windows(range(40, 60), { state: 0.9 }), ...windows(range(60, 80))]);
    await worker().work({ athleteId: people.athleteId });
    const { rows } = await database.pool.query<{ open: boolean }>(
      'SELECT cleared_at IS NULL AS open FROM alert WHERE athlete_id = $1 ORDER BY raised_at',
      [people.athleteId],
    );
    expect(rows.map((row) => row.open)).toEqual([false, false]);
    expect((await stored())?.state.alarms.risk.open).toBe(false);
  });

  it('reads injuries and therapies: recovery falls to the least, and returns to 1 when the injury is cleared', async () => {
    await fresh();
    const onset = new Date(scoredWindow(0).endUs / 1000 - 10 * 86_400_000);
    await database.pool.query(
      `INSERT INTO injury (id, athlete_id, diagnosis_code, region, onset_at, time_loss_days) VALUES (gen_random_uuid(), $1, 'TH0', 'thigh', $2, 20)`,
      [people.athleteId, onset],
    );
    await commit(windows([0]));
    await worker().work({ athleteId: people.athleteId });
    expect((await stored())?.state.latest?.recovery).toBeCloseTo(1 - Math.exp((-Math.log(20) / 20) * 10), 4);
    await database.pool.query('UPDATE injury SET cleared_at = now() WHERE athlete_id = $1', [people.athleteId]);
    await commit(windows([1]));
    await worker().work({ athleteId: people.athleteId });
    expect((await stored())?.state.latest?.recovery).toBe(1);
  });

  it('steps each window with the medical record of its own time: a stage, an adherence and a clearance known late change no earlier window', async () => {
    await fresh();
    const { athleteId } = people;
    const [injuryId, therapyId] = [randomUUID(), randomUUID()];
    const at = (hop: number): Date => new Date(scoredWindow(hop).endUs / 1000);
    const say = (sql: string, ...values: unknown[]) => database.pool.query(sql, values);
    const ceilings = (...pieces: readonly (readonly [hop: number, share: number | null])[]): string =>
      JSON.stringify(pieces.map(([hop, share]) => ({ fromUs: scoredWindow(hop).endUs, share })));
    const log = `INSERT INTO therapy_adherence (therapy_id, day, from_at, share, by) VALUES ($1, $2, $3, $4, 'physio')`;
    /** What becomes known before the batch that begins with the hop. */
    const known: Readonly<Record<number, () => Promise<unknown>>> = {
      0: async () => {
        await say(
          `INSERT INTO injury (id, athlete_id, diagnosis_code, region, onset_at, time_loss_days) VALUES ($1, $2, 'TH0', 'thigh', $3, 20)`,
          injuryId,
          athleteId,
          at(-86_400),
        );
        await say(
          `INSERT INTO therapy (id, athlete_id, injury_id, kind, dose_per_day, adherence, starts_at) VALUES ($1, $2, $3, 'x', 900, 0.9, $4)`,
          therapyId,
          athleteId,
          injuryId,
          at(-100),
        );
      },
      20: () =>
        say(
          `INSERT INTO return_to_play (injury_id, athlete_id, protocol_version, state, ceilings) VALUES ($1, $2, 'v', '{}', $3)`,
          injuryId,
          athleteId,
          ceilings([25, 0.001]),
        ),
      30: () => say(log, therapyId, '2027-01-15', at(35), 0.1),
      40: () => say('UPDATE return_to_play SET ceilings = $1', ceilings([25, 0.001], [45, 0.5])),
      60: async () => {
        await say('UPDATE return_to_play SET ceilings = $1', ceilings([25, 0.001], [45, 0.5], [65, null]));
        await say('UPDATE therapy SET ends_at = $1', at(65));
        await say('UPDATE injury SET cleared_at = $1', at(65));
      },
    };
    let facts: AthleteFacts | null = null;
    const watched: AsmsStore = {
      ...store,
      advance: <State>(...[id, version, limit, step]: Parameters<typeof store.advance<State>>) =>
        store.advance<State>(id, version, limit, (state, news, given) => {
          facts = given;
          return step(state, news, given);
        }),
    };
    const { work } = createAsmsWorker({ store: watched, paramsOf: () => params, onDeliveries: () => undefined, batch: 7 });
    const all = windows(range(0, 90), { activity: 'run' });
    const recoveries: number[] = [];
    for (const hop of range(0, 9).map((n) => n * 10)) {
      await known[hop]?.();
      await commit(all.slice(hop, hop + 10));
      await work({ athleteId });
      recoveries.push((await stored())?.state.latest?.recovery ?? Number.NaN);
    }
    const live = (await stored())?.state;
    expect(facts).toMatchObject({
      openInjuries: [{ injuryId, untilUs: scoredWindow(65).endUs, ceilings: [{ share: 0.001 }, { share: 0.5 }, { share: null }] }],
      monitoredInjuries: [{ injuryId, fromUs: scoredWindow(65).endUs }],
      therapies: [
        { injuryId, dosePerDay: 900, adherence: 0.9, startsUs: scoredWindow(-100).endUs, endsUs: scoredWindow(35).endUs },
        { injuryId, adherence: 0.1, startsUs: scoredWindow(35).endUs, endsUs: scoredWindow(65).endUs },
      ],
    });
    expect(live).toStrictEqual(stepAsms(null, all, facts as unknown as AthleteFacts, params).state);
    // Open until hop 65, then out of the athlete's R; healing slower once less of the therapy was done.
    expect(recoveries.findIndex((r) => r === 1)).toBe(6);
    expect(live?.recovery).toMatchObject({ injuries: {}, monitored: { [injuryId]: { since: { deviation: 0 } } } });
    const gain = (of: number): number => (recoveries[of] ?? Number.NaN) - (recoveries[of - 1] ?? Number.NaN);
    expect(gain(4)).toBeLessThan(gain(1) / 4);
  });

  it('loses time and no data when the queue is wiped: the sweeper finds who is behind', async () => {
    await fresh();
    const queues = await openQueues({ connectionString: database.connectionString });
    open.push(queues);
    const all = windows(range(0, 30));
    await commit(all);
    queues.enqueueAsms(people.athleteId);
    await queues.settled();
    await queues.wipe();
    expect(await store.athletesBehind(10)).toEqual([people.athleteId]);

    const { opened: applied, open: done } = gate();
    const { work } = worker();
    await queues.startWorker(
      'asms',
      async (job) => {
        await work(job);
        done();
      },
      2,
    );
    const sweeper = startSweeper({
      asms: store,
      deliveries: null,
      daily: null,
      metrics: null,
      watch: null,
      explanations: null,
      queues,
      sessionSilenceMs: 1_000,
      timers: { every: () => () => undefined },
      onError: (error) => {
        throw error;
      },
    });
    await sweeper.sweep();
    await applied;
    await sweeper.close();
    expect((await stored())?.state).toStrictEqual(replayed(all));
    expect(await store.athletesBehind(10)).toEqual([]);
    expect(sweeper.counters().athletes).toBe(1);
  });

  it('keeps one open alert an athlete and type whatever raises it', async () => {
    await fresh();
    await commit(windows(range(0, 20), { state: 0.9 }));
    await worker().work({ athleteId: people.athleteId });
    const again = createAsmsStore(database.pool);
    await commit(windows([20]));
    await again.advance(people.athleteId, params.methodVersion, 10, (state) => ({
      state,
      raise: [
        {
          type: 'risk',
          severity: 'red',
          title: 't',
          sentence: 's',
          evidence: {},
          windowIndex: scoredWindow(20).windowIndex,
          atUs: 1,
          settingsVersion: 'default',
          recommendation: null,
        },
      ],
      clear: [],
      live: [],
    }));
    expect(await count(`alert WHERE athlete_id = '${people.athleteId}'`)).toBe(1);
  });
});
