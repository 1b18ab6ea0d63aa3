/** The daily hazard: from rows to figures, and what comes in late, over a real PostgreSQL and HTTP. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dailyHazard } from '../../src/asms/hazard.ts';
import { DAILY_METHODS, createDailyWorker } from '../../src/queue/daily/worker.ts';
import type { AthleteHazard } from '../../src/rest/hazard/schemas.ts';
import { createDailyStore } from '../../src/store/daily-store.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { insertOutcome } from '../support/stored-outcomes.ts';
import { activateModel, hazardModel, insertRatings, insertSession, insertWindows } from '../support/hazard-season.ts';

const DAY_MS = 86_400_000;
/** Yesterday began at 00:00 in Berlin: the team's days are not those of UTC. */
const ZONE = 'Europe/Berlin';

let api: RestApp;
let key: string;
let teamId: string;
let athletes = 0;
beforeAll(async () => {
  api = await startRestApp();
  teamId = (await api.repositories.teams.create({ name: 'Berlin', timeZone: ZONE })).id;
  key = await api.key(teamId, ['read', 'write', 'medical']);
});
beforeEach(() => activateModel(api.database.pool, JSON.stringify(hazardModel())));
afterAll(() => api.close());

const store = () => createDailyStore(api.database.pool, { methods: DAILY_METHODS });
const work = (id: string, nowMs = Date.now()) => createDailyWorker({ store: store(), nowMs: () => nowMs }).work({ subject: 'athlete', id });
const due = (nowMs = Date.now()) => store().athletesDue(nowMs, 100);
const isoDay = (ms: number) => new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE }).format(ms);
/** Noon in Berlin, give or take an hour, of the day `back` days ago. */
const noonMs = (back: number): number => Date.parse(`${isoDay(Date.now() - back * DAY_MS)}T11:00:00Z`);
const midnightMs = (back: number): number => Date.parse(`${isoDay(Date.now() - back * DAY_MS)}T00:00:00Z`);
const hazard = async (id: string, query = ''): Promise<AthleteHazard['days']> => {
  const answer = await api.call(key, 'GET', `/v1/athletes/${id}/hazard${query}`);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<AthleteHazard>().days;
};
/** 60 days of load up to yesterday, and 20 active windows on each of the last two days. */
const person = async (): Promise<string> => {
  const id = await api.athlete(teamId, `h${(athletes += 1)}`);
  await insertRatings(
    api.database.pool,
    id,
    midnightMs(60),
    Array.from({ length: 60 }, (_, i) => 40 + (i % 7) * 10),
  );
  await insertWindows(api.database.pool, id, noonMs(2), 20, { fAttn: [0.1, 0, 0, 0] });
  await insertWindows(api.database.pool, id, noonMs(1), 20, { fAttn: [0.5, 0, 0, 0] });
  return id;
};

describe('the daily hazard', () => {
  it('is the model’s over what is recorded, with its terms and what it was made of', async () => {
    const id = await person();
    await api.call(key, 'PATCH', `/v1/athletes/${id}`, { birthDate: '2000-01-01' });
    await work(id);
    const days = await hazard(id);
    expect(days).toHaveLength(28);
    const [before, last] = days.slice(-2);
    expect(last).toMatchObject({ day: isoDay(Date.now() - DAY_MS), reason: null, shownBy: 'population', methodVersion: 'daily-hazard-2' });
    const input = last?.input as {
      values: Record<string, number | null>;
      loadDays: number;
      activeWindows: number;
      earlierSessionDays: number;
    };
    expect(input).toMatchObject({ hazardModel: 'binn-hazard-9.9.9', activeWindows: 20, earlierSessionDays: 1, loadDays: 60, atRisk: true });
    expect(input.values).toMatchObject({ hrvFall: null, lnChronicPlan: null, lnPastInjuries: 0, returned: 0 });
    const fAttn = (x: number) => new Float32Array([x, 0, 0, 0]);
    const expected = dailyHazard(hazardModel(), { ...input, fAttn: fAttn(0.5), earlier: [fAttn(0.1)], atRisk: true });
    if ('notEnoughData' in expected) throw new Error(expected.notEnoughData);
    expect(last?.probability).toBeCloseTo(expected.probability, 12);
    expect(last?.terms).toEqual(expected.terms);
    expect(last?.shown).toBe(last?.probability);
    expect([last!.lower! < last!.probability!, last!.probability! < last!.upper!, before?.probability !== last?.probability]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('stays "not enough data" with its reason: no load, no windows, only rest or unscored windows, injured', async () => {
    const id = await api.athlete(teamId, `h${(athletes += 1)}`);
    await insertWindows(api.database.pool, id, noonMs(1), 20);
    await work(id);
    expect((await hazard(id)).at(-1)).toMatchObject({ probability: null, shown: null, reason: 'load-history', input: { loadDays: 0 } });
    expect((await hazard(id))[0]).toMatchObject({ reason: 'not-computed', computedAt: null });

    const other = await person();
    await insertWindows(api.database.pool, other, noonMs(3), 20, { activity: 'rest' });
    await insertWindows(api.database.pool, other, noonMs(4), 20, { state: null });
    await work(other);
    const days = await hazard(other);
    expect([days.at(-3)?.reason, days.at(-4)?.reason, days.at(-1)?.reason]).toEqual(['active-windows', 'active-windows', null]);

    const injury = { diagnosisCode: 'TMHXX', region: 'thigh', onsetAt: new Date(noonMs(2)).toISOString(), timeLossDays: 18 };
    expect((await api.call(key, 'POST', `/v1/athletes/${other}/injuries`, injury)).statusCode).toBe(201);
    await work(other);
    // From the onset, not from the report.
    expect((await hazard(other)).slice(-2).map(({ reason }) => reason)).toEqual(['not-at-risk', 'not-at-risk']);
  });

  it('says where the graph has no hazard model, and computes the days again when it has one', async () => {
    const id = await person();
    await activateModel(api.database.pool, null);
    await work(id);
    expect((await hazard(id)).at(-1)).toMatchObject({
      reason: 'no-hazard-model',
      sentence: expect.stringContaining('no hazard.json') as string,
    });
    await activateModel(api.database.pool, JSON.stringify(hazardModel({ binnSha256: 'f'.repeat(64) })));
    expect(await due()).toContain(id);
    await work(id);
    expect((await hazard(id)).at(-1)).toMatchObject({
      reason: 'no-hazard-model',
      sentence: expect.stringContaining('ffffffffffff') as string,
    });
    await activateModel(api.database.pool, '{"format": 2');
    await work(id);
    expect((await hazard(id)).at(-1)?.sentence).toContain('not JSON');
    await activateModel(api.database.pool, JSON.stringify(hazardModel()));
    await work(id);
    expect((await hazard(id)).at(-1)?.reason).toBeNull();
  });

  it('is due when a day is over and when something comes in late, and computed once: the tables say so', async () => {
    const id = await person();
    expect(await due()).toContain(id);
    await work(id);
    expect(await due()).not.toContain(id);
    const stamp = async () => (await hazard(id)).map(({ computedAt }) => computedAt);
    const first = await stamp();
    await work(id);
    expect(await stamp()).toEqual(first);
    // The next day, in the time zone of the team.
    const tomorrow = Date.parse(`${isoDay(Date.now() + DAY_MS)}T12:00:00Z`);
    expect(await due(tomorrow)).toContain(id);
    // A second session, rated late; one of three weeks ago that is scored now.
    await api.call(key, 'POST', `/v1/athletes/${id}/outcomes`, {
      kind: 'session-rpe',
      at: new Date(noonMs(1) + 3 * 3_600_000).toISOString(),
      value: { rpe: 3, minutes: 20 },
    });
    expect(api.calls.daysChanged).toContain(id);
    expect(await due()).toContain(id);
    await work(id);
    expect(await due()).not.toContain(id);
    await insertWindows(api.database.pool, id, noonMs(21), 30);
    const session = await insertSession(api.database.pool, teamId, id, noonMs(21), 30);
    await api.database.pool.query('UPDATE session SET metrics_at = now() WHERE id = $1', [session]);
    expect(await due()).toContain(id);
    await work(id);
    const days = await hazard(id);
    expect(days.at(-21)).toMatchObject({ reason: null, input: { activeWindows: 30, earlierSessionDays: 0 } });
    expect(days.at(-1)).toMatchObject({ input: { earlierSessionDays: 2 } });
  });

  it('leaves an athlete in the risk set whose injury costs no time, and says nothing of days before there was an athlete', async () => {
    const id = await person();
    const bruise = {
      diagnosisCode: 'TMHXX',
      region: 'thigh',
      onsetAt: new Date(noonMs(2)).toISOString(),
      timeLossDays: 1,
      timeLoss: false,
    };
    const recorded = await api.call(key, 'POST', `/v1/athletes/${id}/injuries`, bruise);
    expect(recorded.statusCode, recorded.body).toBe(201);
    await work(id);
    expect((await hazard(id)).slice(-2)).toMatchObject([{ reason: null }, { reason: null }]);
    const fresh = await api.athlete(teamId, `h${(athletes += 1)}`);
    await work(fresh);
    expect(new Set((await hazard(fresh)).map(({ reason }) => reason))).toEqual(new Set(['not-computed']));
  });

  it('reads mornings from the diary and from recordings at rest as long as the athlete consents, and never from outcomes', async () => {
    const id = await person();
    const post = async (path: string, body: object): Promise<{ id: string }> => {
      const answer = await api.call(key, 'POST', `/v1/athletes/${id}/${path}`, body);
      expect(answer.statusCode, answer.body).toBeLessThan(300);
      return answer.json<{ id: string }>();
    };
    const enter = (back: number, lnRmssd: number, replaces?: string) =>
      post('morning-hrv', { day: isoDay(Date.now() - back * DAY_MS), value: { lnRmssd, beats: 60 }, ...(replaces && { replaces }) });
    /** Computes what is due, which the last change made it. */
    const fall = async (): Promise<number | null> => {
      expect(await due()).toContain(id);
      await work(id);
      expect(await due()).not.toContain(id);
      return ((await hazard(id)).at(-1)!.input as { values: { hrvFall: number | null } }).values.hrvFall;
    };
    for (let back = 28; back >= 1; back -= 1) {
      const startMs = noonMs(back) - 5 * 3_600_000;
      await insertOutcome(api.database.pool, id, 'wellness', new Date(startMs), { lnRmssd: back <= 7 ? 3 : 5 });
      const session = await insertSession(api.database.pool, teamId, id, startMs, 120);
      await api.database.pool.query(
        `INSERT INTO session_metric (id, session_id, athlete_id, name, value, unit, method, detail, at)
         VALUES (gen_random_uuid(), $1, $2, 'lnRmssd', $3, 'ln(ms)', 'm', '{"pairs": 110}', now())`,
        [session, id, back <= 7 ? 3.6 : 4.1],
      );
    }
    expect(await fall()).toBeNull();
    await post('consents', { kind: 'morning-hrv' });
    expect(await fall()).toBeCloseTo(0.5, 9);
    let wrong = '';
    for (let back = 7; back >= 1; back -= 1) wrong = (await enter(back, 3.9)).id;
    expect(await fall()).toBeCloseTo(0.2, 9);
    await enter(1, 3.2, wrong);
    expect(await fall()).toBeCloseTo(0.3, 9);
    const shown = await api.call(key, 'GET', `/v1/athletes/${id}/morning-hrv?to=${isoDay(Date.now() - DAY_MS)}`);
    expect(shown.json<{ fall: number }>().fall).toBeCloseTo(0.3, 9);

    await post('consents/withdraw', { kind: 'morning-hrv' });
    expect(await fall()).toBeNull();
    for (const { input } of await hazard(id)) expect(input).toMatchObject({ values: { hrvFall: null } });
    await post('consents', { kind: 'morning-hrv' });
    // The entries stay hidden, with the consent that they were made under.
    expect(await fall()).toBeCloseTo(0.5, 9);
    await post('consents/withdraw', { kind: 'morning-hrv' });
    await work(id);
    await post('consents/erase', { kind: 'morning-hrv' });
    expect(await fall()).toBeNull();
  });

  it('is not due for what is entered of another kind', async () => {
    const id = await person();
    await work(id);
    await api.call(key, 'POST', `/v1/athletes/${id}/consents`, { kind: 'wellness' });
    const entered = await api.call(key, 'POST', `/v1/athletes/${id}/wellness`, { day: isoDay(Date.now() - DAY_MS), value: { sleep: 4 } });
    expect(entered.statusCode, entered.body).toBe(201);
    expect(await due()).not.toContain(id);
  });

  it('keeps a day’s pooled F_attn when its scores are gone', async () => {
    const id = await person();
    await work(id);
    const before = await hazard(id);
    await api.database.pool.query('DELETE FROM score WHERE athlete_id = $1', [id]);
    await api.database.pool.query('UPDATE daily_work SET marks = marks + 1 WHERE athlete_id = $1', [id]);
    await work(id);
    expect(await hazard(id)).toEqual(before);
  });

  it('does two jobs at once as one: the second waits, and changes nothing', async () => {
    const id = await person();
    await Promise.all([work(id), work(id), work(id)]);
    const { rows } = await api.database.pool.query('SELECT count(*)::int AS n FROM daily_hazard WHERE athlete_id = $1', [id]);
    expect(rows[0].n).toBe(35);
  });

  it('refuses ranges that are none, and shows no other team’s athlete', async () => {
    const id = await person();
    const other = await api.key(await api.team('Others'), ['read', 'write', 'medical']);
    expect((await api.call(other, 'GET', `/v1/athletes/${id}/hazard`)).json()).toMatchObject({ status: 404, code: 'not-found' });
    for (const query of ['?from=2026-03-02&to=2026-03-01', '?to=2190-01-01', '?from=2020-01-01&to=2026-03-01']) {
      expect((await api.call(key, 'GET', `/v1/athletes/${id}/hazard${query}`)).json(), query).toMatchObject({
        status: 422,
        code: 'time-out-of-range',
      });
    }
    const { rows } = await api.database.pool.query(`SELECT DISTINCT action FROM audit_entry WHERE $1 = ANY (athlete_ids)`, [id]);
    expect(rows).toEqual([{ action: 'getAthleteHazard' }]);
  });
});
