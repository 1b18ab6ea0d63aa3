/** From where things happen to ASMS and its alerts, beside windows: all eight types raised and cleared, and replay, on a real PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asmsParams } from '../../src/asms/params.ts';
import type { AsmsStateValue } from '../../src/asms/step.ts';
import type { NewObservation, Observed } from '../../src/contracts/observation.ts';
import type { ScoredWindow } from '../../src/contracts/score.ts';
import { createAsmsWorker } from '../../src/queue/asms-worker.ts';
import type { NewMetric } from '../../src/queue/ports.ts';
import { createMetricsWorker } from '../../src/queue/session-metrics-worker.ts';
import { createWatch } from '../../src/queue/watch.ts';
import { createAsmsStore } from '../../src/store/asms-store.ts';
import { createMetricsStore } from '../../src/store/metrics-store.ts';
import { dropOldObservations, tellObservations } from '../../src/store/observations.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { inTransaction } from '../../src/store/transaction.ts';
import { createWatchStore } from '../../src/store/watch-store.ts';
import { addAthlete, type TestPeople } from '../support/people.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { FIRST_INDEX, scoredWindow, TEST_CHANNELS } from '../support/scored-windows.ts';

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
const DAY_S = 86_400;
const usOf = (hop: number): number => (FIRST_INDEX + hop) * 1e6;
const dateOf = (us: number): Date => new Date(us / 1_000);

let api: RestApp;
let key: string;
beforeAll(async () => {
  api = await startRestApp();
  key = await api.key(null, ['read', 'write', 'medical', 'admin']);
});
afterAll(() => api.close());

interface Subject extends TestPeople {
  readonly work: (batch?: number) => Promise<void>;
  readonly commit: (windows: readonly ScoredWindow[], clocks?: readonly NewObservation[]) => Promise<void>;
  readonly windows: (hops: readonly number[], given?: Partial<ScoredWindow> & { level?: number }) => ScoredWindow[];
  readonly session: (from: Date, to: Date | null, lastReceivedUs?: number) => Promise<string>;
  readonly tell: (observed: Observed, subject: string, atUs: number) => Promise<void>;
  readonly alerts: () => Promise<string[]>;
  readonly state: () => Promise<AsmsStateValue | undefined>;
}

async function subject(): Promise<Subject> {
  const { pool } = api.database;
  const people = await addAthlete(pool);
  const { athleteId, teamId } = people;
  const store = createAsmsStore(pool);
  return {
    ...people,
    work: (batch) =>
      createAsmsWorker({ store, paramsOf: () => params, onDeliveries: () => undefined, ...(batch === undefined ? {} : { batch }) }).work({
        athleteId,
      }),
    commit: async (windows, clocks = []) => {
      const last = windows.at(-1);
      if (last === undefined) return;
      const { modelVersion, windowIndex } = last;
      await createShardStore(pool).commitScores(
        windows,
        [{ athleteId, modelVersion, windowIndex, data: new Uint8Array(8) }],
        false,
        clocks,
      );
    },
    windows: (hops, given = {}) => hops.map((hop) => scoredWindow(hop, { athleteId, level: Math.sin(hop * 1.7), ...given })),
    session: async (from, to, lastReceivedUs = (to ?? from).getTime() * 1_000) => {
      const id = randomUUID();
      await pool.query(
        `INSERT INTO session (id, team_id, athlete_id, started_at, first_received_us, last_received_us, ended_at, opened_by, closed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'first-frame', $8)`,
        [id, teamId, athleteId, from, from.getTime() * 1_000, lastReceivedUs, to, to === null ? null : 'staff'],
      );
      return id;
    },
    tell: (observed, about, atUs) =>
      inTransaction(pool, async (client) => {
        await tellObservations(client, [{ athleteId, subject: about, atUs, observed }]);
      }),
    alerts: async () => {
      const { rows } = await pool.query<{ alert: string }>(
        `SELECT type || CASE WHEN cleared_at IS NULL THEN ' open' ELSE ' cleared' END AS alert FROM alert WHERE athlete_id = $1 ORDER BY raised_at`,
        [athleteId],
      );
      return rows.map((row) => row.alert);
    },
    state: async () => {
      const { rows } = await pool.query<{ state: AsmsStateValue }>('SELECT state FROM asms_state WHERE athlete_id = $1', [athleteId]);
      return rows[0]?.state;
    },
  };
}

describe('alerts that windows raise and clear', () => {
  it('risk', async () => {
    const one = await subject();
    await one.commit(one.windows(range(0, 20), { state: 0.9 }));
    await one.work();
    expect(await one.alerts()).toEqual(['risk open']);
    await one.commit(one.windows(range(20, 40)));
    await one.work();
    expect(await one.alerts()).toEqual(['risk cleared']);
  });

  it('data stopped: within a session alone', async () => {
    const [inside, outside] = [await subject(), await subject()];
    await inside.session(dateOf(usOf(-10)), null);
    await outside.session(dateOf(usOf(-7_200)), dateOf(usOf(-3_600)));
    for (const one of [inside, outside]) {
      await one.commit([...one.windows(range(0, 30)), ...one.windows(range(30, 60), { observedFraction: 0.1 })]);
      await one.work();
    }
    expect(await outside.alerts()).toEqual([]);
    expect(await inside.alerts()).toEqual(['data-stopped open']);
    await inside.commit(inside.windows(range(60, 90)));
    await inside.work();
    expect(await inside.alerts()).toEqual(['data-stopped cleared']);
  });

  it('deviation', async () => {
    const one = await subject();
    await one.commit(one.windows(range(0, 1_900)));
    await one.commit(one.windows(range(1_900, 2_000), { level: 4 }));
    await one.work(500);
    expect(await one.alerts()).toEqual(['deviation open']);
    await one.commit(one.windows(range(2_000, 2_300)));
    await one.work(500);
    expect(await one.alerts()).toEqual(['deviation cleared']);
  });

  it('recovery regression', async () => {
    const one = await subject();
    await api.database.pool.query(
      `INSERT INTO injury (id, athlete_id, diagnosis_code, region, onset_at, reported_at, time_loss_days) VALUES (gen_random_uuid(), $1, 'TH0', 'thigh', $2, $2, 10)`,
      [one.athleteId, dateOf(usOf(-60 * DAY_S))],
    );
    await one.commit(one.windows(range(0, 2_700), { rehab: 0 }));
    await one.work(500);
    expect(await one.alerts()).toEqual(['recovery-regression open']);
    // Three weeks later tissue has healed.
    await one.commit(one.windows(range(21 * DAY_S, 21 * DAY_S + 60)));
    await one.work(500);
    expect(await one.alerts()).toEqual(['recovery-regression cleared']);
  });
});

describe('alerts that observations raise and clear', () => {
  const metric = (name: string, value: number, detail: unknown = null): NewMetric => ({
    name,
    value,
    unit: '%',
    typicalError: null,
    method: 'm',
    parameters: {},
    detail,
    provisional: false,
    atUs: usOf(0),
  });
  const measure = async (one: Subject, day: number, metrics: readonly NewMetric[]): Promise<void> => {
    const sessionId = await one.session(dateOf(usOf(day * DAY_S)), dateOf(usOf(day * DAY_S + 3_600)));
    const told: string[] = [];
    const worker = createMetricsWorker({
      store: createMetricsStore(api.database.pool),
      compute: () => Promise.resolve({ metrics, histograms: [], minutes: 60 }),
      onRefused: (error) => {
        throw error;
      },
      onObserved: (athleteId) => told.push(athleteId),
    });
    // Twice: the same session is not told twice.
    await worker.work({ sessionId });
    await worker.work({ sessionId });
    expect(told).toContain(one.athleteId);
    expect(await createAsmsStore(api.database.pool).athletesBehind(100)).toContain(one.athleteId);
    await one.work();
    expect(await createAsmsStore(api.database.pool).athletesBehind(100)).not.toContain(one.athleteId);
  };

  it('asymmetry, from session metrics', async () => {
    const one = await subject();
    for (const [day, value] of [4, 5, 4.5, 5.5, 4, 5].entries()) await measure(one, day, [metric('jumpAsymmetry', value)]);
    expect((await one.state())?.observed.asymmetry['jumpAsymmetry']?.sessions).toBe(6);
    for (const [i, value] of [16, -9].entries()) await measure(one, 6 + i, [metric('jumpAsymmetry', value)]);
    expect(await one.alerts()).toEqual(['asymmetry open']);
    for (const day of [8, 9]) await measure(one, day, [metric('jumpAsymmetry', 7)]);
    expect(await one.alerts()).toEqual(['asymmetry cleared']);
  });

  it('sides swapped, from session metrics', async () => {
    const one = await subject();
    const strides = { strides: { left: 40, right: 40 } };
    await measure(one, 0, [metric('sides-swapped', 1, strides)]);
    expect(await one.alerts()).toEqual(['sides-swapped open']);
    await measure(one, 1, [metric('sides-swapped', 0, strides)]);
    expect(await one.alerts()).toEqual(['sides-swapped cleared']);
  });

  it('device clock fault, committed with the scores', async () => {
    const one = await subject();
    const clocks = (turn: number, driftPpm: number): NewObservation => ({
      athleteId: one.athleteId,
      subject: `every 10 minutes ${turn}`,
      atUs: usOf(turn * 600),
      observed: { kind: 'clocks', devices: [{ deviceId: 'imu-1', jumpS: null, driftPpm }] },
    });
    for (const turn of [0, 1]) await one.commit(one.windows([turn * 600]), [clocks(turn, 320)]);
    await one.work();
    expect(await one.alerts()).toEqual(['device-clock-fault open']);
    // After a restart the shard tells the same turn again.
    for (const turn of [1, 2, 3]) await one.commit(one.windows([turn * 600]), [clocks(turn, 10)]);
    await one.work();
    expect(await one.alerts()).toEqual(['device-clock-fault cleared']);
    expect((await one.state())?.observed.lastSequence).toBe(3);
  });

  it('data stopped: silence in an open session, and its end by data or by the end of the session', async () => {
    const one = await subject();
    const startMs = Date.UTC(2026, 10, 2, 10);
    const sessionId = await one.session(new Date(startMs), null, (startMs + 60_000) * 1_000);
    let nowMs = startMs;
    const watch = createWatch({
      store: createWatchStore(api.database.pool),
      silentS: params.alarms['data-stopped'].silentS,
      nowMs: () => nowMs,
      onError: (error) => {
        throw error;
      },
    });
    const at = async (seconds: number): Promise<readonly string[]> => {
      nowMs = startMs + seconds * 1_000;
      const told = await watch.round();
      await one.work();
      return told;
    };
    expect(await at(89)).toEqual([]);
    expect(await at(91)).toEqual([one.athleteId]);
    expect(await one.alerts()).toEqual(['data-stopped open']);
    expect(await at(120)).toEqual([]);
    await api.database.pool.query('UPDATE session SET last_received_us = $2 WHERE id = $1', [sessionId, (startMs + 121_000) * 1_000]);
    expect(await at(122)).toEqual([one.athleteId]);
    expect(await one.alerts()).toEqual(['data-stopped cleared']);
    expect(await at(160)).toEqual([one.athleteId]);
    expect(await one.alerts()).toEqual(['data-stopped cleared', 'data-stopped open']);
    await createMetricsStore(api.database.pool, { nowMs: () => nowMs }).closeSilentSessions(10_000);
    expect(await at(161)).toEqual([one.athleteId]);
    expect(await one.alerts()).toEqual(['data-stopped cleared', 'data-stopped cleared']);
    expect(await at(900)).toEqual([]);
  });

  it('tells of silence at the limit that staff set, the athlete’s before the team’s', async () => {
    const one = await subject();
    const startMs = Date.UTC(2026, 10, 4, 10);
    await one.session(new Date(startMs), null, (startMs + 60_000) * 1_000);
    const set = (version: number, subjectId: string, athleteId: string | null, silentS: number) =>
      api.database.pool.query(
        `INSERT INTO alarm_settings (id, team_id, athlete_id, subject_id, version, settings, at, by, why)
         SELECT gen_random_uuid(), team_id, $2, $3, $4, jsonb_build_object('data-stopped', jsonb_build_object('silentS', $5::float8)), now(), 'Ada', 'a test'
         FROM athlete WHERE id = $1`,
        [one.athleteId, athleteId, subjectId, version, silentS],
      );
    let nowMs = startMs;
    const store = createWatchStore(api.database.pool);
    const watch = createWatch({
      store,
      silentS: 30,
      nowMs: () => nowMs,
      onError: (error) => {
        throw error;
      },
    });
    const at = async (seconds: number): Promise<readonly string[]> => {
      nowMs = startMs + seconds * 1_000;
      return watch.round();
    };
    await set(1, one.athleteId, one.athleteId, 300);
    await set(2, one.athleteId, one.athleteId, 120);
    expect(await at(179)).toEqual([]);
    expect(await at(181)).toEqual([one.athleteId]);
    await api.database.pool.query('UPDATE session SET ended_at = now() WHERE athlete_id = $1', [one.athleteId]);
    expect(await at(182)).toEqual([one.athleteId]);
  });

  it('tells of no silence that the service itself was away for, nor before a first frame', async () => {
    const [one, staff] = [await subject(), await subject()];
    const startMs = Date.UTC(2026, 10, 3, 10);
    await one.session(new Date(startMs), null, (startMs + 60_000) * 1_000);
    await staff.session(new Date(startMs), null);
    let nowMs = startMs + 600_000;
    const watch = createWatch({
      store: createWatchStore(api.database.pool),
      silentS: 30,
      nowMs: () => nowMs,
      onError: (error) => {
        throw error;
      },
    });
    expect(await watch.round()).toEqual([]);
    nowMs += 31_000;
    expect(await watch.round()).toEqual([one.athleteId]);
    await api.database.pool.query('UPDATE session SET ended_at = now() WHERE athlete_id = ANY ($1)', [[one.athleteId, staff.athleteId]]);
  });

  it('load above a ceiling that staff set, from the rating to the alert, and to the end of a day below it', async () => {
    const one = await subject();
    let nowMs = Date.now();
    const watch = createWatch({
      store: createWatchStore(api.database.pool),
      silentS: 1e9,
      nowMs: () => nowMs,
      onError: (error) => {
        throw error;
      },
    });
    const round = async (): Promise<boolean> => {
      const told = await watch.round();
      await one.work();
      return told.includes(one.athleteId);
    };
    const rate = async (minutes: number, hoursAgo: number): Promise<void> => {
      const at = new Date(nowMs - hoursAgo * 3_600_000).toISOString();
      const answer = await api.call(key, 'POST', `/v1/athletes/${one.athleteId}/outcomes`, {
        kind: 'session-rpe',
        at,
        value: { rpe: 5, minutes },
      });
      expect(answer.statusCode, answer.body).toBe(201);
    };
    // A session of ten minutes at five in the afternoon lies within the team's day, whenever the test runs.
    nowMs = Math.floor(nowMs / (DAY_S * 1_000)) * DAY_S * 1_000 - 7 * 3_600_000;
    const set = await api.call(key, 'POST', `/v1/athletes/${one.athleteId}/load-ceilings`, { series: 'session-rpe', ceiling: 100 });
    expect(set.statusCode, set.body).toBe(201);
    await api.database.pool.query(`UPDATE load_ceiling SET from_day = from_day - 10 WHERE athlete_id = $1`, [one.athleteId]);
    await rate(10, 3);
    expect(await round()).toBe(true);
    expect(await one.alerts()).toEqual([]);
    await rate(30, 1);
    expect(await round()).toBe(true);
    expect(await one.alerts()).toEqual(['load-above-ceiling open']);
    expect(await round()).toBe(false);
    nowMs += DAY_S * 1_000;
    // The day above is over and complete; the next one stays below and is over too.
    expect(await round()).toBe(true);
    expect(await one.alerts()).toEqual(['load-above-ceiling open']);
    await api.database.pool.query(
      `INSERT INTO outcome (id, athlete_id, kind, at, value) VALUES (gen_random_uuid(), $1, 'session-rpe', $2, '{"rpe": 2, "minutes": 10}')`,
      [one.athleteId, new Date(nowMs - 60_000)],
    );
    nowMs += DAY_S * 1_000;
    expect(await round()).toBe(true);
    expect(await one.alerts()).toEqual(['load-above-ceiling cleared']);
  });

  it('load above the ceiling of a return-to-play stage', async () => {
    const one = await subject();
    const { pool } = api.database;
    const nowMs = Math.floor(Date.now() / (DAY_S * 1_000)) * DAY_S * 1_000 - 7 * 3_600_000;
    for (const day of range(1, 45))
      await pool.query(
        `INSERT INTO outcome (id, athlete_id, kind, at, value) VALUES (gen_random_uuid(), $1, 'session-rpe', $2, '{"rpe": 5, "minutes": 60}')`,
        [one.athleteId, new Date(nowMs - day * DAY_S * 1_000)],
      );
    const injuryId = randomUUID();
    const onset = new Date(nowMs - 12 * 3_600_000);
    await pool.query(
      `INSERT INTO injury (id, athlete_id, diagnosis_code, region, onset_at, reported_at, time_loss_days) VALUES ($1, $2, 'TH0', 'thigh', $3, $3, 20)`,
      [injuryId, one.athleteId, onset],
    );
    const watch = createWatch({
      store: createWatchStore(pool),
      silentS: 1e9,
      nowMs: () => nowMs,
      onError: (error) => {
        throw error;
      },
    });
    await watch.round();
    await pool.query(
      `INSERT INTO return_to_play (injury_id, athlete_id, protocol_version, state, ceilings) VALUES ($1, $2, 'return-1.0.0', '{}', $3)`,
      [injuryId, one.athleteId, JSON.stringify([{ fromUs: onset.getTime() * 1_000, share: 0.1 }])],
    );
    await watch.round();
    await one.work();
    expect(await one.alerts()).toEqual([]);
    await pool.query(
      `INSERT INTO outcome (id, athlete_id, kind, at, value) VALUES (gen_random_uuid(), $1, 'session-rpe', $2, '{"rpe": 4, "minutes": 10}')`,
      [one.athleteId, new Date(nowMs - 1_000)],
    );
    await watch.round();
    await one.work();
    expect(await one.alerts()).toEqual(['load-above-ceiling open']);
    const { rows } = await pool.query<{ sentence: string }>('SELECT sentence FROM alert WHERE athlete_id = $1', [one.athleteId]);
    expect(rows[0]?.sentence).toContain('session-rpe 40 AU against a ceiling of 30 AU');
  });
});

describe('the sequence of observations', () => {
  it('commits in order under writers at once, and each subject once', async () => {
    const one = await subject();
    const silence = (i: number) => one.tell({ kind: 'silence', sessionOpen: true, silentS: i }, `s ${i}`, usOf(i));
    await Promise.all([...range(0, 20), ...range(0, 20)].map(silence));
    const { rows } = await api.database.pool.query<{ sequence: string; subject: string }>(
      'SELECT sequence, subject FROM observation WHERE athlete_id = $1 ORDER BY sequence',
      [one.athleteId],
    );
    expect(rows.map((row) => Number(row.sequence))).toEqual(range(0, 20));
    expect(new Set(rows.map((row) => row.subject)).size).toBe(20);
  });

  it('is kept until it is applied, and then for its time', async () => {
    const [applied, waiting] = [await subject(), await subject()];
    for (const one of [applied, waiting]) await one.tell({ kind: 'silence', sessionOpen: true, silentS: 40 }, 's', 1_000_000);
    await applied.work();
    expect(await dropOldObservations(api.database.pool, Date.now(), 30)).toBe(1);
    const { rows } = await api.database.pool.query<{ athlete_id: string }>('SELECT athlete_id FROM observation WHERE at_us = 1000000');
    expect(rows).toEqual([{ athlete_id: waiting.athleteId }]);
  });
});

describe('replay', () => {
  it('of a season of windows and observations from empty gives the live state bit for bit', async () => {
    const one = await subject();
    const { pool } = api.database;
    let seed = 7;
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    const injuryId = randomUUID();
    for (const day of range(0, 24)) {
      const hop = day * DAY_S;
      const sessionId = await one.session(dateOf(usOf(hop)), null);
      if (day === 8)
        await pool.query(
          `INSERT INTO injury (id, athlete_id, diagnosis_code, region, onset_at, reported_at, time_loss_days) VALUES ($1, $2, 'TH0', 'thigh', $3, $3, 9)`,
          [injuryId, one.athleteId, dateOf(usOf(hop))],
        );
      if (day === 16) await pool.query('UPDATE injury SET cleared_at = $2 WHERE id = $1', [injuryId, dateOf(usOf(hop))]);
      for (const part of range(0, 4)) {
        const hops = range(hop + part * 40, hop + part * 40 + 40);
        const state = day % 5 === 3 && part > 1 ? 0.9 : 0.1;
        await one.commit(
          one.windows(hops, {
            state,
            observedFraction: day % 7 === 2 && part === 2 ? 0.1 : 1,
            rehab: day < 8 ? null : 0.6,
            level: random(),
          }),
        );
        if (random() < 0.5)
          await one.tell(
            { kind: 'clocks', devices: [{ deviceId: 'd', jumpS: null, driftPpm: random() < 0.4 ? 300 : 20 }] },
            `${day} ${part}`,
            usOf(hop + part * 40),
          );
        if (random() < 0.3)
          await one.tell({ kind: 'silence', sessionOpen: true, silentS: 60 * random() }, `${day} ${part}`, usOf(hop + part * 40));
        if (random() < 0.6) await one.work(random() < 0.5 ? 64 : 7);
      }
      await pool.query(`UPDATE session SET ended_at = $2, last_received_us = $3, closed_by = 'silence' WHERE id = $1`, [
        sessionId,
        dateOf(usOf(hop + 170)),
        usOf(hop + 170),
      ]);
      const value = 4 + 2 * random() + (day > 18 ? 16 : 0);
      await one.tell(
        { kind: 'asymmetry', sessionId, metrics: [{ name: 'jumpAsymmetry', valuePct: value, typicalErrorPct: 1, provisional: false }] },
        sessionId,
        usOf(hop + 170),
      );
      await one.tell({ kind: 'sides', sessionId, swapped: day % 6 === 4, strides: 60 }, sessionId, usOf(hop + 170));
      const load = Math.round(600 * random());
      const loads = [{ series: 'session-rpe', unit: 'AU', load, ceiling: 500 }];
      await one.tell(
        { kind: 'day-load', day: `2027-01-${String(day + 1).padStart(2, '0')}`, complete: true, loads },
        `${day}`,
        usOf(hop + DAY_S - 1),
      );
    }
    await one.work();
    const live = await one.state();
    const raised = new Set((await one.alerts()).map((alert) => alert.split(' ')[0]));
    expect([...raised].toSorted((a = '', b = '') => (a < b ? -1 : 1))).toEqual([
      'asymmetry',
      'data-stopped',
      'device-clock-fault',
      'load-above-ceiling',
      'risk',
      'sides-swapped',
    ]);
    const { rows } = await pool.query<{ canonical: string }>('SELECT state::text AS canonical FROM asms_state WHERE athlete_id = $1', [
      one.athleteId,
    ]);
    await pool.query('UPDATE alert SET cleared_at = now() WHERE athlete_id = $1 AND cleared_at IS NULL', [one.athleteId]);
    await pool.query('DELETE FROM asms_state WHERE athlete_id = $1', [one.athleteId]);
    await one.work(1_000);
    const again = await pool.query<{ canonical: string }>('SELECT state::text AS canonical FROM asms_state WHERE athlete_id = $1', [
      one.athleteId,
    ]);
    expect(await one.state()).toStrictEqual(live);
    expect(again.rows[0]?.canonical).toBe(rows[0]?.canonical);
  });
});

describe('ceilings that staff set', () => {
  const post = (path: string, body?: unknown) => api.call(key, 'POST', path, body);

  it('are set, listed and ended, and refused with what to do', async () => {
    const one = await subject();
    const path = `/v1/athletes/${one.athleteId}/load-ceilings`;
    const today = new Date().toISOString().slice(0, 10);
    const set = await post(path, { series: 'session-rpe', ceiling: 450, reason: 'Third match in eight days' });
    expect(set.statusCode).toBe(201);
    expect(set.json()).toMatchObject({
      athleteId: one.athleteId,
      from: today,
      to: null,
      endedAt: null,
      setBy: 'key read write medical admin',
    });
    const { id } = set.json<{ id: string }>();
    const refusals: readonly (readonly [body: unknown, status: number, code: string])[] = [
      [{ series: 'session-rpe', ceiling: 300 }, 409, 'already-exists'],
      [{ series: 'session-rpe', ceiling: 0 }, 400, 'validation-failed'],
      [{ series: 'session-rpe', ceiling: -1 }, 400, 'validation-failed'],
      [{ series: 'steps', ceiling: 300 }, 400, 'validation-failed'],
      [{ series: 'distance', ceiling: 300, from: '2026-01-01' }, 422, 'time-out-of-range'],
      [{ series: 'distance', ceiling: 300, from: '2199-01-02', to: '2199-01-01' }, 400, 'validation-failed'],
    ];
    for (const [body, status, code] of refusals) {
      const answer = await post(path, body);
      expect([answer.statusCode, answer.json<{ code: string }>().code], JSON.stringify(body)).toEqual([status, code]);
    }
    expect((await post(path, { series: 'distance', ceiling: 9_000, from: '2199-01-01' })).statusCode).toBe(201);
    const list = async (query: string) =>
      (await api.call(key, 'GET', `${path}${query}`)).json<{ items: { series: string }[] }>().items.map(({ series }) => series);
    expect(await list('?open=true')).toEqual(['distance', 'session-rpe']);

    const ended = await post(`/v1/load-ceilings/${id}/end`);
    expect(ended.json()).toMatchObject({
      endedBy: 'key read write medical admin',
      to: new Date(Date.parse(today) - DAY_S * 1_000).toISOString().slice(0, 10),
    });
    expect((await post(`/v1/load-ceilings/${id}/end`)).json()).toMatchObject({ code: 'already-closed' });
    expect(await list('?open=true')).toEqual(['distance']);
    expect(await list('')).toEqual(['distance', 'session-rpe']);
    expect((await post(path, { series: 'session-rpe', ceiling: 300 })).statusCode).toBe(201);
    expect((await post(`/v1/athletes/${randomUUID()}/load-ceilings`, { series: 'session-rpe', ceiling: 300 })).statusCode).toBe(404);
  });

  it('two at once: one of them stands', async () => {
    const one = await subject();
    const path = `/v1/athletes/${one.athleteId}/load-ceilings`;
    const answers = await Promise.all([300, 400].map((ceiling) => post(path, { series: 'session-rpe', ceiling })));
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([201, 409]);
  });
});
