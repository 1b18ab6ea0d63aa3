/** Consents and what is entered under them, over a real PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintApiKey } from '../../src/rest/credentials.ts';
import type { MorningSeries } from '../../src/rest/diary/schemas.ts';
import type { Consent, DiaryEntry, Illness } from '../../src/rest/ports.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

let api: RestApp;
let teamId: string;
let coach: string;
let medic: string;
beforeAll(async () => {
  api = await startRestApp();
  teamId = (await api.repositories.teams.create({ name: 'Diary', timeZone: 'Europe/Berlin' })).id;
  coach = await api.key(teamId, ['read', 'write']);
  medic = await api.key(teamId, ['read', 'write', 'medical']);
});
afterAll(() => api.close());

/** A key of the role athlete. */
async function ownKey(athleteId: string): Promise<string> {
  const { secret, prefix, hash } = mintApiKey();
  await api.repositories.apiKeys.create({
    teamId,
    name: 'the athlete',
    role: 'athlete',
    scopes: [],
    athleteId,
    prefix,
    hash,
    expiresAt: null,
  });
  return secret;
}
const consent = (as: string, athleteId: string, kind: string, given: object = {}) =>
  api.call(as, 'POST', `/v1/athletes/${athleteId}/consents`, { kind, ...given });
const enter = (as: string, athleteId: string, path: string, body: object) =>
  api.call(as, 'POST', `/v1/athletes/${athleteId}/${path}`, body);
const list = (as: string, athleteId: string, path: string, query = '?from=2026-03-01&to=2026-03-31') =>
  api.call(as, 'GET', `/v1/athletes/${athleteId}/${path}${query}`);
const morning = { day: '2026-03-02', value: { sleep: 4, fatigue: 2, mood: 5 } };

describe('a consent', () => {
  it('comes before entries, which are refused without it with how to give it', async () => {
    const athleteId = await api.athlete(teamId, 'c1');
    const refused = await enter(coach, athleteId, 'wellness', morning);
    expect(refused.json()).toMatchObject({ status: 409, code: 'consent-missing' });
    expect(refused.json<{ detail: string }>().detail).toContain(`POST /v1/athletes/${athleteId}/consents {"kind": "wellness"}`);
    expect((await list(coach, athleteId, 'wellness')).json()).toMatchObject({
      items: [],
      hiddenBecause: expect.stringContaining('consent') as string,
    });
    const given = await consent(coach, athleteId, 'wellness');
    expect(given.json<Consent>(), given.body).toMatchObject({ athleteId, kind: 'wellness', purpose: 'monitoring', withdrawnAt: null });
    expect((await enter(coach, athleteId, 'wellness', morning)).statusCode).toBe(201);
    expect((await list(coach, athleteId, 'wellness')).json()).toMatchObject({ hiddenBecause: null, items: [morning] });
    // A consent is for its kind alone, and is given once.
    expect((await enter(coach, athleteId, 'morning-hrv', { day: '2026-03-02', value: { lnRmssd: 4, beats: 60 } })).statusCode).toBe(409);
    expect((await consent(coach, athleteId, 'wellness')).json()).toMatchObject({ status: 409, code: 'already-exists' });
    expect((await consent(coach, athleteId, 'morning-hrv', { givenAt: '2190-01-01T00:00:00Z' })).json()).toMatchObject({
      code: 'time-out-of-range',
    });
    expect((await consent(coach, athleteId, 'sleep')).statusCode).toBe(400);
  });

  it('hides what was entered once it is withdrawn, also from a later consent, and erasing deletes it', async () => {
    const athleteId = await api.athlete(teamId, 'c2');
    await consent(coach, athleteId, 'wellness');
    await enter(coach, athleteId, 'wellness', morning);
    const erase = () => api.call(coach, 'POST', `/v1/athletes/${athleteId}/consents/erase`, { kind: 'wellness' });
    const withdraw = () => api.call(coach, 'POST', `/v1/athletes/${athleteId}/consents/withdraw`, { kind: 'wellness' });
    expect((await erase()).json()).toMatchObject({ status: 409, code: 'consent-given' });
    const nothing = await api.call(coach, 'POST', `/v1/athletes/${athleteId}/consents/withdraw`, { kind: 'morning-hrv' });
    expect(nothing.json()).toMatchObject({
      status: 409,
      code: 'consent-missing',
      detail: 'The athlete never consented to morning-hrv: there is nothing to withdraw',
    });
    expect((await withdraw()).json<Consent>()).toMatchObject({ kind: 'wellness', withdrawnBy: 'key read write' });
    const again = (await withdraw()).json<{ detail: string }>();
    expect(again).toMatchObject({ status: 409, code: 'already-ended' });
    expect(again.detail).toMatch(/^The consent to wellness was withdrawn by key read write at 2\S+Z: its entries are hidden/u);
    expect(again.detail).toContain(`POST /v1/athletes/${athleteId}/consents/erase {"kind": "wellness"}`);
    expect(again.detail).not.toContain('once the athlete has given it');
    expect((await list(coach, athleteId, 'wellness')).json()).toMatchObject({ items: [] });
    expect((await enter(coach, athleteId, 'wellness', { ...morning, day: '2026-03-03' })).statusCode).toBe(409);

    await consent(coach, athleteId, 'wellness');
    expect((await list(coach, athleteId, 'wellness')).json()).toMatchObject({ items: [], hiddenBecause: null });
    expect((await enter(coach, athleteId, 'wellness', { ...morning, value: { mood: 1 } })).statusCode).toBe(201);
    await withdraw();
    expect((await erase()).json()).toEqual({ athleteId, kind: 'wellness', erased: 2 });
    const { rows } = await api.database.pool.query('SELECT count(*)::int AS n FROM diary_entry WHERE athlete_id = $1', [athleteId]);
    expect(rows).toEqual([{ n: 0 }]);
    const consents = (await list(coach, athleteId, 'consents', '')).json<{ items: Consent[] }>().items;
    expect(consents.map(({ withdrawnAt }) => withdrawnAt === null)).toEqual([false, false]);
  });

  it('that is withdrawn while entries come leaves none after it', async () => {
    const athleteId = await api.athlete(teamId, 'c3');
    await consent(coach, athleteId, 'wellness');
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, (_, i) => enter(coach, athleteId, 'wellness', { ...morning, day: `2026-03-0${i + 1}` })),
      api.call(coach, 'POST', `/v1/athletes/${athleteId}/consents/withdraw`, { kind: 'wellness' }),
    ]);
    const taken = answers.slice(0, 5).filter(({ statusCode }) => statusCode === 201).length;
    expect(answers.slice(0, 5).filter(({ statusCode }) => statusCode === 409)).toHaveLength(5 - taken);
    const { rows } = await api.database.pool.query(
      `SELECT count(*)::int AS n, count(*) FILTER (WHERE e.at > c.withdrawn_at)::int AS after FROM diary_entry e JOIN consent c ON c.id = e.consent_id
       WHERE e.athlete_id = $1`,
      [athleteId],
    );
    expect(rows).toMatchObject([{ n: taken }]);
  });
});

describe('an entry', () => {
  it('stands once a day and is corrected by naming it; one out of range or to come is refused', async () => {
    const athleteId = await api.athlete(teamId, 'e1');
    await consent(coach, athleteId, 'wellness');
    const first = (await enter(coach, athleteId, 'wellness', morning)).json<DiaryEntry>();
    expect((await enter(coach, athleteId, 'wellness', { ...morning, value: { sleep: 1 } })).json()).toMatchObject({
      code: 'already-exists',
    });
    const fixed = await enter(coach, athleteId, 'wellness', { ...morning, value: { sleep: 1 }, replaces: first.id });
    expect(fixed.json<DiaryEntry>()).toMatchObject({ replaces: first.id, value: { sleep: 1 } });
    expect((await enter(coach, athleteId, 'wellness', { ...morning, value: { sleep: 2 }, replaces: first.id })).json()).toMatchObject({
      status: 422,
      code: 'unknown-reference',
    });
    for (const [body, status] of [
      [{ ...morning, day: '2026-03-05', value: {} }, 400],
      [{ ...morning, day: '2026-03-05', value: { sleep: 6 } }, 400],
      [{ ...morning, day: '2026-03-05', value: { sleep: 0 } }, 400],
      [{ ...morning, day: '2026-03-05', value: { happiness: 3 } }, 400],
      [{ ...morning, day: '2190-03-05' }, 422],
      [{ ...morning, day: '2026-03-06', replaces: fixed.json<DiaryEntry>().id }, 422],
    ] as const)
      expect((await enter(coach, athleteId, 'wellness', body)).statusCode, JSON.stringify(body)).toBe(status);
    expect((await list(coach, athleteId, 'wellness')).json<{ items: DiaryEntry[] }>().items.map(({ value }) => value)).toEqual([
      { sleep: 1 },
    ]);
    const { rows } = await api.database.pool.query('SELECT count(*)::int AS n FROM diary_entry WHERE athlete_id = $1', [athleteId]);
    expect(rows).toEqual([{ n: 2 }]);
  });

  it('of the cycle is for medical staff and the athlete alone, its consent too', async () => {
    const athleteId = await api.athlete(teamId, 'e2');
    const self = await ownKey(athleteId);
    const entry = { day: '2026-03-02', value: { flow: 'light', symptoms: ['cramps'] } };
    expect((await consent(coach, athleteId, 'menstrual')).json()).toMatchObject({ status: 403, code: 'insufficient-scope' });
    expect((await enter(self, athleteId, 'menstrual', entry)).json()).toMatchObject({ code: 'consent-missing' });
    expect((await consent(self, athleteId, 'menstrual')).statusCode).toBe(201);
    expect((await enter(self, athleteId, 'menstrual', entry)).statusCode).toBe(201);
    expect((await list(self, athleteId, 'menstrual')).json()).toMatchObject({ items: [entry] });
    expect((await list(medic, athleteId, 'menstrual')).json()).toMatchObject({ items: [entry] });
    expect((await list(coach, athleteId, 'menstrual')).statusCode).toBe(403);
    expect((await enter(coach, athleteId, 'menstrual', { ...entry, day: '2026-03-03' })).statusCode).toBe(403);
    expect((await list(coach, athleteId, 'consents', '')).json()).toMatchObject({ items: [] });
    expect((await list(medic, athleteId, 'consents', '')).json()).toMatchObject({ items: [{ kind: 'menstrual' }] });
    const other = await api.athlete(teamId, 'e3');
    expect((await list(self, other, 'menstrual')).statusCode).toBe(404);
    expect((await enter(self, other, 'wellness', morning)).statusCode).toBe(404);
  });
});

describe('an illness', () => {
  it('shows days and availability to all, what it is to medical staff and the athlete; it is closed once', async () => {
    const athleteId = await api.athlete(teamId, 'i1');
    const self = await ownKey(athleteId);
    const body = { onsetDay: '2026-03-02', availability: 'out', diagnosisCode: 'MPXX', system: 'respiratory', note: 'Fever' };
    expect((await enter(medic, athleteId, 'illnesses', body)).json()).toMatchObject({ code: 'consent-missing' });
    expect((await enter(coach, athleteId, 'illnesses', body)).statusCode).toBe(403);
    await consent(medic, athleteId, 'illness');
    const illness = (await enter(medic, athleteId, 'illnesses', body)).json<Illness>();
    expect(illness).toMatchObject({ ...body, returnedDay: null });
    expect((await list(self, athleteId, 'illnesses', '')).json()).toMatchObject({ items: [body] });
    const seen = await list(coach, athleteId, 'illnesses', '');
    expect(seen.json()).toMatchObject({
      items: [{ onsetDay: '2026-03-02', availability: 'out', diagnosisCode: null, system: null, note: null }],
    });
    expect(seen.body).not.toContain('Fever');
    const close = (returnedDay: string, as = medic) => api.call(as, 'POST', `/v1/illnesses/${illness.id}/close`, { returnedDay });
    expect((await close('2026-03-01')).json()).toMatchObject({ status: 422, code: 'time-out-of-range' });
    expect((await close('2190-03-01')).json()).toMatchObject({ status: 422, code: 'time-out-of-range' });
    expect((await close('2026-03-06', coach)).statusCode).toBe(403);
    expect((await close('2026-03-06')).json()).toMatchObject({ returnedDay: '2026-03-06', availability: 'full' });
    expect((await close('2026-03-07')).json()).toMatchObject({ status: 409, code: 'already-closed' });
    await api.call(medic, 'POST', `/v1/athletes/${athleteId}/consents/withdraw`, { kind: 'illness' });
    expect((await list(medic, athleteId, 'illnesses', '')).json()).toMatchObject({ items: [] });
    expect((await close('2026-03-07')).statusCode).toBe(404);
  });

  it('is one at a time: another that overlaps it is refused with the one it overlaps, of two at once one stands', async () => {
    const athleteId = await api.athlete(teamId, 'i2');
    await consent(medic, athleteId, 'illness');
    const report = (onsetDay: string, returnedDay?: string) =>
      enter(medic, athleteId, 'illnesses', { onsetDay, availability: 'out', ...(returnedDay === undefined ? {} : { returnedDay }) });
    const past = (await report('2026-02-10', '2026-02-14')).json<Illness>();
    expect(past).toMatchObject({ returnedDay: '2026-02-14', availability: 'full', closedBy: 'key read write medical' });
    const answers = await Promise.all([report('2026-03-02'), report('2026-03-02'), report('2026-03-02')]);
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
    const open = answers.find(({ statusCode }) => statusCode === 201)?.json<Illness>();
    const refusal = answers.find(({ statusCode }) => statusCode === 409)?.json<{ code: string; detail: string }>();
    expect(refusal).toMatchObject({
      code: 'illness-overlap',
      detail: `The athlete is ill since 2026-03-02 as illness ${open?.id}. If it is the same, medical staff correct that: PATCH /v1/illnesses/${open?.id}. If it is another, close that first, POST /v1/illnesses/${open?.id}/close`,
    });
    for (const [onset, returned] of [['2026-02-13'], ['2026-02-01'], ['2026-02-01', '2026-02-11'], ['2026-03-10', '2026-03-12']] as const)
      expect((await report(onset, returned)).json(), onset).toMatchObject({ status: 409, code: 'illness-overlap' });
    expect((await report('2026-02-14', '2026-02-13')).json()).toMatchObject({ status: 422, code: 'time-out-of-range' });
    for (const [onset, returned] of [
      ['2026-02-14', '2026-03-02'],
      ['2026-02-05', '2026-02-10'],
    ] as const)
      expect((await report(onset, returned)).statusCode, onset).toBe(201);
  });

  it('is corrected with a reason, opened again by a return taken back, and keeps what it was in the history', async () => {
    const athleteId = await api.athlete(teamId, 'i3');
    await consent(medic, athleteId, 'illness');
    const body = { onsetDay: '2026-03-02', availability: 'out', system: 'respiratory', note: 'Fever' };
    const illness = (await enter(medic, athleteId, 'illnesses', body)).json<Illness>();
    const patch = (more: object, as = medic) => api.call(as, 'PATCH', `/v1/illnesses/${illness.id}`, { why: 'Said wrongly', ...more });
    const corrected = (
      await patch({ onsetDay: '2026-03-01', availability: 'modified', note: null, diagnosisCode: 'MPXX' })
    ).json<Illness>();
    expect(corrected).toEqual({ ...illness, onsetDay: '2026-03-01', availability: 'modified', note: null, diagnosisCode: 'MPXX' });
    expect((await patch({ returnedDay: '2026-03-05' })).json()).toMatchObject({
      returnedDay: '2026-03-05',
      availability: 'full',
      closedBy: 'key read write medical',
    });
    const closeAgain = await api.call(medic, 'POST', `/v1/illnesses/${illness.id}/close`, { returnedDay: '2026-03-06' });
    expect(closeAgain.json()).toMatchObject({
      code: 'already-closed',
      detail: `key read write medical closed the illness, returned on 2026-03-05. If the day is wrong, correct it: PATCH /v1/illnesses/${illness.id}`,
    });
    expect((await patch({ returnedDay: null })).json()).toEqual(corrected);
    const second = await enter(medic, athleteId, 'illnesses', { onsetDay: '2026-02-01', returnedDay: '2026-02-10', availability: 'out' });
    expect(second.statusCode).toBe(201);
    const history = async () =>
      (await list(medic, athleteId, 'medical-history', `?subjectId=${illness.id}`)).json<{ items: readonly object[] }>().items;
    const before = await history();
    expect(before).toMatchObject([
      { subject: 'illness', change: 'corrected', after: corrected },
      { change: 'corrected', before: corrected },
      { change: 'corrected', why: 'Said wrongly', by: 'key read write medical', before: illness, after: corrected },
      { change: 'recorded', before: null, after: illness },
    ]);
    for (const [more, status, code] of [
      [{ onsetDay: '2026-02-05' }, 409, 'illness-overlap'],
      [{ onsetDay: '2190-01-01' }, 422, 'time-out-of-range'],
      [{ returnedDay: '2026-02-28' }, 422, 'time-out-of-range'],
      [{ why: ' ' }, 400, 'validation-failed'],
      [{ mood: 3 }, 400, 'validation-failed'],
    ] as const)
      expect((await patch(more)).json(), code).toMatchObject({ status, code });
    expect((await patch({ note: 'x' }, coach)).statusCode).toBe(403);
    expect((await patch({ note: 'x' }, await ownKey(athleteId))).statusCode).toBe(403);
    expect(await history()).toEqual(before);
    // The history of an illness goes with its consent: hidden, then erased.
    await api.call(medic, 'POST', `/v1/athletes/${athleteId}/consents/withdraw`, { kind: 'illness' });
    expect((await patch({ note: 'x' })).statusCode).toBe(404);
    expect(await history()).toEqual([]);
    const erased = await api.call(medic, 'POST', `/v1/athletes/${athleteId}/consents/erase`, { kind: 'illness' });
    expect(erased.json()).toMatchObject({ erased: 2 });
    const { rows } = await api.database.pool.query('SELECT count(*)::int AS n FROM medical_change WHERE athlete_id = $1', [athleteId]);
    expect(rows).toEqual([{ n: 0 }]);
  });
});

describe('morning heart-rate variability', () => {
  it('is a daily series of entries and morning recordings, with the fall from the own baseline', async () => {
    const athleteId = await api.athlete(teamId, 'h1');
    expect((await list(coach, athleteId, 'morning-hrv')).json()).toMatchObject({
      days: [],
      hiddenBecause: expect.stringContaining('consent') as string,
    });
    await consent(coach, athleteId, 'morning-hrv');
    const day = (n: number) => `2026-03-${String(n).padStart(2, '0')}`;
    for (const n of [4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
      expect((await enter(coach, athleteId, 'morning-hrv', { day: day(n), value: { lnRmssd: 4.2, beats: 60 } })).statusCode).toBe(201);
    for (const n of [25, 26]) await enter(coach, athleteId, 'morning-hrv', { day: day(n), value: { lnRmssd: 4, beats: 60 } });
    const record = async (startedAt: string, value: number, pairs: number, provisional = false) => {
      const session = randomUUID();
      await api.database.pool.query(
        `INSERT INTO session (id, team_id, athlete_id, started_at, ended_at, first_received_us, last_received_us, opened_by) VALUES ($1, $2, $3, $4, $4, 0, 0, 'staff')`,
        [session, teamId, athleteId, startedAt],
      );
      await api.database.pool.query(
        `INSERT INTO session_metric (id, session_id, athlete_id, name, value, unit, method, detail, provisional, at)
         VALUES ($1, $2, $3, 'lnRmssd', $4, 'ln(ms)', 'm', $5, $6, $7)`,
        [randomUUID(), session, athleteId, value, JSON.stringify({ pairs }), provisional, startedAt],
      );
      return session;
    };
    const series = async () => (await list(coach, athleteId, 'morning-hrv', '?from=2026-03-20&to=2026-03-31')).json<MorningSeries>();
    expect(await series()).toMatchObject({ week: null, fall: null, hiddenBecause: '2 valid mornings in the last 7 days, 3 are needed' });
    // Too few beats, in the evening, in exercise, and on a day that has an entry: none of them counts.
    await record('2026-03-27T06:00:00Z', 9, 39);
    await record('2026-03-28T18:00:00Z', 9, 300);
    await record('2026-03-29T06:00:00Z', 9, 300, true);
    await record('2026-03-26T06:00:00Z', 9, 300);
    const recorded = await record('2026-03-30T05:30:00Z', 3.85, 300);
    const body = await series();
    expect(
      body.days.filter(({ lnRmssd }) => lnRmssd !== null).map(({ day: at, of, id }) => [at, of, of === 'session' ? id : null]),
    ).toEqual([
      ['2026-03-25', 'entry', null],
      ['2026-03-26', 'entry', null],
      ['2026-03-30', 'session', recorded],
    ]);
    expect(body).toMatchObject({ hiddenBecause: null, week: { days: 3 }, baseline: { days: 10 } });
    expect(body.fall).toBeCloseTo(4.2 - (4 + 4 + 3.85) / 3, 9);
  });

  it('takes no recording of too few beats', async () => {
    const athleteId = await api.athlete(teamId, 'h2');
    await consent(coach, athleteId, 'morning-hrv');
    for (const value of [{ lnRmssd: 4, beats: 39 }, { lnRmssd: 0, beats: 60 }, { lnRmssd: 4 }])
      expect((await enter(coach, athleteId, 'morning-hrv', { day: '2026-03-02', value })).statusCode).toBe(400);
  });
});

describe('another team', () => {
  it('finds none of it, and every answer is in the audit log', async () => {
    const athleteId = await api.athlete(teamId, 't1');
    const other = await api.key(await api.team('Other diary'), ['read', 'write', 'medical']);
    for (const path of ['consents', 'wellness', 'menstrual', 'morning-hrv', 'illnesses'])
      expect((await list(other, athleteId, path, '')).statusCode, path).toBe(404);
    expect((await consent(other, athleteId, 'wellness')).statusCode).toBe(404);
    expect((await enter(other, athleteId, 'wellness', morning)).statusCode).toBe(404);
    const { rows } = await api.database.pool.query<{ action: string }>(
      'SELECT action FROM audit_entry WHERE $1 = ANY (athlete_ids) ORDER BY at',
      [athleteId],
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'listConsents',
      'listWellness',
      'listMenstrual',
      'getMorningHrv',
      'listIllnesses',
      'giveConsent',
      'enterWellness',
    ]);
  });
});
