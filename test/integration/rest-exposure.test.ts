/** Sessions with plan, minutes and exposure, the squad's injury figures and the change of metrics, over a real PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InjuryFigures } from '../../src/asms/injury-figures.ts';
import type { MetricChanges } from '../../src/rest/metrics/schemas.ts';
import type { Session } from '../../src/rest/ports.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

let api: RestApp;
let teamId: string;
let key: string;
beforeAll(async () => {
  api = await startRestApp();
  teamId = (await api.repositories.teams.create({ name: 'Exposed', timeZone: 'Europe/Berlin' })).id;
  key = await api.key(teamId, ['read', 'write']);
});
afterAll(() => api.close());

const post = (body: object) => api.call(key, 'POST', '/v1/sessions', body);
const past = async (athleteId: string, startedAt: string, minutes: number, type = 'training'): Promise<string> => {
  const answer = await post({ athleteId, startedAt, minutes, type });
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json<Session>().id;
};

describe('a session', () => {
  it('has a plan, and its exposure from its type until staff say otherwise', async () => {
    const athleteId = await api.athlete(teamId, 's1');
    const opened = (await post({ athleteId, type: 'match', plannedMinutes: 90, plannedLoad: 700 })).json<Session>();
    expect(opened).toMatchObject({
      exposure: 'match',
      exposureOf: 'type',
      minutes: null,
      minutesOf: null,
      plannedMinutes: 90,
      plannedLoad: 700,
    });
    // It began two hours ago: 62 minutes of it are over.
    await api.database.pool.query("UPDATE session SET started_at = now() - interval '2 hours' WHERE id = $1", [opened.id]);
    const patch = (body: object) => api.call(key, 'PATCH', `/v1/sessions/${opened.id}`, body);
    expect((await patch({ exposure: 'other', minutes: 62, plannedLoad: null })).json()).toMatchObject({
      type: 'match',
      exposure: 'other',
      exposureOf: 'staff',
      minutes: 62,
      minutesOf: 'staff',
      plannedMinutes: 90,
      plannedLoad: null,
    });
    await api.database.pool.query('UPDATE session SET measured_minutes = 71.5 WHERE id = $1', [opened.id]);
    expect((await patch({ exposure: null, minutes: null, type: 'rehabilitation' })).json()).toMatchObject({
      exposure: 'other',
      exposureOf: 'type',
      minutes: 71.5,
      minutesOf: 'measured',
    });
    for (const body of [{}, { minutes: -1 }, { plannedLoad: 1e9 }, { exposure: 'friendly' }, { startedAt: '2026-01-01T00:00:00Z' }])
      expect((await patch(body)).statusCode, JSON.stringify(body)).toBe(400);
    const other = await api.key(await api.team('Other exposed'), ['write']);
    expect((await api.call(other, 'PATCH', `/v1/sessions/${opened.id}`, { minutes: 1 })).statusCode).toBe(404);
  });

  it('of the past is recorded by staff, closed, once', async () => {
    const athleteId = await api.athlete(teamId, 's2');
    const answer = await post({ athleteId, type: 'match', startedAt: '2026-03-01T14:00:00Z', minutes: 90 });
    expect(answer.json(), answer.body).toMatchObject({
      endedAt: '2026-03-01T15:30:00.000Z',
      openedBy: 'staff',
      closedBy: 'staff',
      minutes: 90,
      minutesOf: 'staff',
    });
    const again = await Promise.all([
      post({ athleteId, startedAt: '2026-03-01T15:00:00Z', minutes: 60 }),
      post({ athleteId, startedAt: '2026-03-01T17:00:00Z', minutes: 60 }),
      post({ athleteId, startedAt: '2026-03-01T17:30:00Z', minutes: 60 }),
    ]);
    // The first overlaps the match; of the other two the one that came first stands.
    expect(again[0]?.json()).toMatchObject({ status: 409, code: 'session-overlap' });
    expect([again[1]?.statusCode, again[2]?.statusCode].toSorted((a = 0, b = 0) => a - b)).toEqual([201, 409]);
    // Corrected minutes are held to the same: not into the next session, nor past now; fewer always.
    const { id } = answer.json<Session>();
    const patch = (minutes: number, of = id) => api.call(key, 'PATCH', `/v1/sessions/${of}`, { minutes });
    expect((await patch(240)).json()).toMatchObject({ status: 409, code: 'session-overlap' });
    expect((await patch(80)).json()).toMatchObject({ minutes: 80 });
    expect((await patch(95)).json()).toMatchObject({ minutes: 95 });
    expect((await post({ athleteId, startedAt: '2026-03-01T15:32:00Z', minutes: 10 })).statusCode).toBe(409);
    const now = (await post({ athleteId: await api.athlete(teamId, 's3') })).json<Session>();
    expect((await patch(30, now.id)).json()).toMatchObject({ status: 422, code: 'time-out-of-range' });
    for (const [body, status] of [
      [{ athleteId, minutes: 60 }, 400],
      [{ athleteId, startedAt: '2026-03-05T15:00:00Z' }, 400],
      [{ athleteId, startedAt: '2190-03-05T15:00:00Z', minutes: 60 }, 422],
      [{ athleteId: randomUUID(), startedAt: '2026-03-05T15:00:00Z', minutes: 60 }, 404],
    ] as const)
      expect((await post(body)).statusCode, JSON.stringify(body)).toBe(status);
  });
});

type Figures = Omit<InjuryFigures, 'regions'> & { readonly regions: InjuryFigures['regions'] | null };
const figures = async (query = '?from=2026-03-01&to=2026-03-31', as = key, team = teamId) => {
  const answer = await api.call(as, 'GET', `/v1/teams/${team}/injury-figures${query}`);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<Figures>();
};

describe('injury figures', () => {
  it('set injuries against the hours of the sessions they happened in, by the team’s days', async () => {
    const own = (await api.repositories.teams.create({ name: 'Figures', timeZone: 'Europe/Berlin' })).id;
    const [staff, medical] = [await api.key(own, ['read', 'write']), await api.key(own, ['read', 'medical'])];
    const [a, b] = [await api.athlete(own, '1'), await api.athlete(own, '2')];
    await api.database.pool.query(`UPDATE athlete SET created_at = '2026-01-01T00:00:00Z' WHERE team_id = $1`, [own]);
    const session = async (athleteId: string, startedAt: string, minutes: number, type: string) => {
      const answer = await api.call(staff, 'POST', '/v1/sessions', { athleteId, startedAt, minutes, type });
      expect(answer.statusCode, answer.body).toBe(201);
    };
    await session(a, '2026-03-07T14:00:00Z', 90, 'match');
    await session(b, '2026-03-07T14:00:00Z', 90, 'match');
    await session(a, '2026-03-05T09:00:00Z', 60, 'training');
    await session(b, '2026-03-10T09:00:00Z', 120, 'rehabilitation');
    await session(b, '2026-04-01T09:00:00Z', 600, 'training');
    const injure = (athleteId: string, code: string, onset: string, cleared: string | null, timeLoss = true) =>
      api.database.pool.query(
        `INSERT INTO injury (id, athlete_id, diagnosis_code, region, onset_at, cleared_at, time_loss_days, time_loss) VALUES ($1, $2, $3, 'x', $4, $5, 10, $6)`,
        [randomUUID(), athleteId, code, onset, cleared, timeLoss],
      );
    // In the match; back on 15 March in Berlin, still the 14th in UTC: 7 days lost.
    await injure(a, 'TMHXX', '2026-03-07T14:40:00Z', '2026-03-14T23:30:00Z');
    await injure(b, 'KJLXX', '2026-03-20T20:00:00Z', '2026-03-23T10:00:00Z');
    await injure(b, 'AXXXX', '2026-03-07T14:10:00Z', '2026-03-07T14:12:00Z', false);
    await injure(a, 'HNCXX', '2026-02-20T12:00:00Z', '2026-03-03T12:00:00Z');
    const body = await figures(undefined, medical, own);
    const of = (exposure: string) => body.classes.find((one) => one.exposure === exposure);
    expect(of('match')).toMatchObject({ hours: 3, sessions: 2, injuries: 2, timeLossInjuries: 1, daysLost: 7 });
    const hiddenBecause = expect.stringContaining('3 h of exposure, 100 are needed') as string;
    expect(of('match')).toMatchObject({ incidence: null, burden: null, hiddenBecause });
    expect(of('training')).toMatchObject({ hours: 1, injuries: 0, severity: null });
    expect(of('other')).toMatchObject({ hours: 2, sessions: 1 });
    expect(of('all')).toMatchObject({ hours: 6, injuries: 3, timeLossInjuries: 2, daysLost: 9, severity: { classes: [0, 2, 0, 0] } });
    expect(body.outsideSessions).toBe(1);
    expect(body.regions?.map(({ region, daysLost }) => [region, daysLost])).toEqual([
      ['thigh', 7],
      ['knee', 2],
      ['ankle', 0],
    ]);
    // 62 athlete-days; out on 1 and 2 March (an injury of February), 8 to 14 and 21 to 22 March.
    expect(body.availability).toEqual({ athleteDays: 62, daysOut: 11, share: 1 - 11 / 62 });
    // A season's worth of hours.
    for (let day = 1; day <= 11; day += 1) await session(a, `2026-01-${10 + day}T06:00:00Z`, 600, 'match');
    const season = (await figures('?from=2026-01-01&to=2026-03-31', medical, own)).classes.find((one) => one.exposure === 'match');
    expect(season).toMatchObject({ hours: 113, timeLossInjuries: 1, hiddenBecause: null });
    expect(season?.incidence?.value).toBeCloseTo(1_000 / 113, 9);
    expect(season?.incidence?.upper).toBeCloseTo((1_000 * 5.5716) / 113, 1);
    const coach = await figures(undefined, staff, own);
    expect(coach.regions).toBeNull();
    expect(coach.classes).toEqual(body.classes);
  });

  it('follow when staff correct a session, and are empty for a team without anything', async () => {
    const athleteId = await api.athlete(teamId, 'f1');
    const id = await past(athleteId, '2026-02-01T10:00:00Z', 60);
    const hours = async () => (await figures('?from=2026-02-01&to=2026-02-01')).classes.map((one) => one.hours);
    expect(await hours()).toEqual([0, 1, 0, 1]);
    await api.call(key, 'PATCH', `/v1/sessions/${id}`, { minutes: 90, exposure: 'match' });
    expect(await hours()).toEqual([1.5, 0, 0, 1.5]);
    const empty = await api.team('Nobody');
    const body = await figures('', await api.key(empty, ['read']), empty);
    expect(body.classes.at(-1)).toMatchObject({ hours: 0, incidence: null, burden: null });
    expect(body.availability).toEqual({ athleteDays: 0, daysOut: 0, share: null });
  });

  it('are refused for a range that cannot be, and not found by another team', async () => {
    for (const [query, status] of [
      ['?from=2026-03-02&to=2026-03-01', 422],
      ['?from=2024-01-01&to=2026-03-01', 422],
      ['?to=2190-01-01', 422],
      ['?from=soon', 400],
    ] as const)
      expect((await api.call(key, 'GET', `/v1/teams/${teamId}/injury-figures${query}`)).statusCode, query).toBe(status);
    const other = await api.key(await api.team('Other figures'), ['read', 'medical']);
    expect((await api.call(other, 'GET', `/v1/teams/${teamId}/injury-figures`)).json()).toMatchObject({ code: 'not-found' });
  });
});

describe('the change of a metric', () => {
  it('is judged against the athlete’s own baseline and the spread of the team', async () => {
    const team = await api.team('Jumpers');
    const reader = await api.key(team, ['read']);
    const jump = async (athleteId: string, daysAgo: number, value: number) => {
      const session = randomUUID();
      await api.database.pool.query(
        `INSERT INTO session (id, team_id, athlete_id, started_at, ended_at, first_received_us, last_received_us, opened_by)
         VALUES ($1, $2, $3, now() - $4 * interval '1 day', now(), 0, 0, 'staff')`,
        [session, team, athleteId, daysAgo],
      );
      await api.database.pool.query(
        `INSERT INTO session_metric (id, session_id, athlete_id, name, value, unit, method, at)
         VALUES ($1, $2, $3, 'jumpHeight', $4, 'm', 'impulse-momentum-1', now() - $5 * interval '1 day')`,
        [randomUUID(), session, athleteId, value, daysAgo],
      );
    };
    const athletes = await Promise.all(Array.from({ length: 8 }, (_, i) => api.athlete(team, `j${i}`)));
    for (const [i, id] of athletes.entries()) await jump(id, 400, i);
    const [first = ''] = athletes;
    for (const [i, id] of athletes.entries()) for (const day of [9, 8, 7]) await jump(id, day, 0.3 + i / 50);
    await jump(first, 1, 0.2);
    const change = async (id: string, query = '') => {
      const answer = await api.call(reader, 'GET', `/v1/athletes/${id}/metrics/change${query}`);
      expect(answer.statusCode, answer.body).toBe(200);
      return answer.json<MetricChanges>();
    };
    const [item] = (await change(first, '?name=jumpHeight')).items;
    expect(item).toMatchObject({ baseline: { sessions: 3 }, typicalError: { of: 'published' }, smallestWorthwhileChange: { athletes: 8 } });
    expect(item?.change).toBeCloseTo(-0.1, 9);
    expect(item?.chances?.decrease).toBeGreaterThan(0.99);
    expect((await change(first, '?name=nothing')).items).toEqual([]);
    const other = await api.key(await api.team('Other jumpers'), ['read']);
    expect((await api.call(other, 'GET', `/v1/athletes/${first}/metrics/change`)).statusCode).toBe(404);
  });
});
