/** GET /v1/athletes/{id}/load over a real PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AthleteLoad } from '../../src/rest/load/schemas.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { insertOutcome } from '../support/stored-outcomes.ts';

let api: RestApp;
let key: string;
let teamId: string;
beforeAll(async () => {
  api = await startRestApp();
  teamId = (await api.repositories.teams.create({ name: 'Berlin', timeZone: 'Europe/Berlin' })).id;
  key = await api.key(teamId, ['read', 'write']);
});
afterAll(() => api.close());

const rate = async (athleteId: string, at: string, value: object): Promise<string> => {
  const answer = await api.call(key, 'POST', `/v1/athletes/${athleteId}/outcomes`, { kind: 'session-rpe', at, value });
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json<{ id: string }>().id;
};
/** As ratings were recorded before they were judged on the way in. */
const unjudged = (athleteId: string, at: string, value: object): Promise<string> =>
  insertOutcome(api.database.pool, athleteId, 'session-rpe', new Date(at), value);
const load = (athleteId: string, query: string, as: string = key) => api.call(as, 'GET', `/v1/athletes/${athleteId}/load${query}`);

describe('the load of an athlete', () => {
  it('is what its outcomes and sessions say, by the team’s days; what cannot be counted is listed', async () => {
    const athleteId = await api.athlete(teamId, '10');
    // 28 March 2026 ends at 23:00 UTC, 29 March has 23 hours and ends at 22:00 UTC.
    const late = await rate(athleteId, '2026-03-28T23:30:00Z', { rpe: 5, minutes: 60 });
    const short = await rate(athleteId, '2026-03-29T21:59:00Z', { rpe: 4, minutes: 50 });
    await rate(athleteId, '2026-03-29T22:00:00Z', { rpe: 0, minutes: 0 });
    const eleven = await unjudged(athleteId, '2026-03-31T12:00:00Z', { rpe: 11, minutes: 60 });
    const negative = await unjudged(athleteId, '2026-03-31T13:00:00Z', { rpe: 6, minutes: -5 });
    const none = await unjudged(athleteId, '2026-03-31T14:00:00Z', { rpe: 6 });
    await api.database.pool.query(
      `INSERT INTO outcome (id, athlete_id, kind, at, value) VALUES ($1, $2, 'wellness', '2026-03-30T12:00:00Z', '{"rpe": 9, "minutes": 90}')`,
      [randomUUID(), athleteId],
    );
    const sessionId = randomUUID();
    await api.database.pool.query(
      `INSERT INTO session (id, team_id, athlete_id, started_at, ended_at, first_received_us, last_received_us, opened_by)
       VALUES ($1, $2, $3, '2026-03-28T22:25:00Z', '2026-03-28T23:20:00Z', 0, 0, 'staff'), ($4, $2, $3, '2026-04-01T10:00:00Z', '2026-04-01T11:00:00Z', 0, 0, 'staff')`,
      [sessionId, teamId, athleteId, randomUUID()],
    );
    const answer = await load(athleteId, '?from=2026-03-28&to=2026-04-01');
    expect(answer.statusCode, answer.body).toBe(200);
    const body = answer.json<AthleteLoad>();
    expect(body).toMatchObject({ athleteId, timeZone: 'Europe/Berlin', from: '2026-03-28', to: '2026-04-01' });
    expect(body.series.map(({ series }) => series)).toEqual(['session-rpe']);
    expect(body.series[0]?.days.map(({ value }) => value)).toEqual([300, 200, 0, null, null]);
    expect(body.series[0]?.sessions.slice(0, 2)).toMatchObject([
      { day: '2026-03-28', outcomeId: late, sessionId, value: 300 },
      { day: '2026-03-29', outcomeId: short, sessionId: null, value: 200 },
    ]);
    expect(body.series[0]).toMatchObject({ figures: null, hiddenBecause: expect.stringContaining('28 days') as string });
    expect(body.refused).toEqual([
      { outcomeId: eleven, at: '2026-03-31T12:00:00.000Z', reason: 'rpe is 11, not from 0 to 10' },
      { outcomeId: negative, at: '2026-03-31T13:00:00.000Z', reason: 'minutes is -5, not from 0 to 600' },
      { outcomeId: none, at: '2026-03-31T14:00:00.000Z', reason: 'It has no minutes: the load is rpe times minutes' },
    ]);
  });

  it('counts a session once that is rated again minutes later: the second is refused with what to do', async () => {
    const athleteId = await api.athlete(teamId, '15');
    const path = `/v1/athletes/${athleteId}/outcomes`;
    const first = await rate(athleteId, '2026-03-03T17:00:00Z', { rpe: 6, minutes: 60 });
    const again = { kind: 'session-rpe', at: '2026-03-03T17:06:00Z', value: { rpe: 7, minutes: 60 } };
    const refused = (await api.call(key, 'POST', path, again)).json<{ detail: string; errors: readonly object[] }>();
    expect(refused).toMatchObject({ status: 422, code: 'outcome-refused', errors: [{ in: 'body', path: '/at' }] });
    expect(refused.detail).toContain(`Outcome ${first} rates 2026-03-03T16:00:00.000Z to 2026-03-03T17:00:00.000Z already`);
    const values = async () =>
      (await load(athleteId, '?from=2026-03-03&to=2026-03-03')).json<AthleteLoad>().series[0]?.days.map(({ value }) => value);
    expect(await values()).toEqual([360]);
    const corrected = await api.call(key, 'POST', `${path}/${first}/corrections`, { at: again.at, value: again.value });
    expect(corrected.statusCode, corrected.body).toBe(201);
    expect(await values()).toEqual([420]);
    await rate(athleteId, '2026-03-03T19:00:00Z', { rpe: 3, minutes: 30 });
    expect(await values()).toEqual([510]);
    // Stored before overlaps were looked at: as it was counted then.
    await unjudged(athleteId, '2026-03-03T19:05:00Z', { rpe: 3, minutes: 30 });
    expect(await values()).toEqual([600]);
  });

  it('has figures where 28 days are recorded', async () => {
    const athleteId = await api.athlete(teamId, '11');
    await api.database.pool.query(
      `INSERT INTO outcome (id, athlete_id, kind, at, value)
       SELECT gen_random_uuid(), $1, 'session-rpe', '2026-02-01T12:00:00Z'::timestamptz + day * interval '1 day', '{"rpe": 5, "minutes": 60}'
       FROM generate_series(0, 27) AS day`,
      [athleteId],
    );
    const [series] = (await load(athleteId, '?from=2026-02-28&to=2026-02-28')).json<AthleteLoad>().series;
    // 300 every day: a steady state, the means are 300 and Banister's sums 300 / (1 - exp(-1 / tau)).
    expect(series?.days).toHaveLength(1);
    expect(series?.figures).toMatchObject({ weekLoad: 2_100, uncoupledRatio: 1, monotony: null, strain: null });
    expect(series?.figures?.acute).toBeCloseTo(300, 9);
    expect(series?.figures?.chronic).toBeCloseTo(300, 9);
    expect(series?.figures?.fitness).toBeCloseTo(300 / (1 - Math.exp(-1 / 42)), 6);
    expect(series?.figures?.fatigue).toBeCloseTo(300 / (1 - Math.exp(-1 / 7)), 6);
  });

  it('says what is missing of an athlete without anything', async () => {
    const athleteId = await api.athlete(teamId, '12');
    const body = (await load(athleteId, '')).json<AthleteLoad>();
    expect(body).toMatchObject({ athleteId, series: [], refused: [] });
    expect(body.missing.map(({ series }) => series)).toEqual(['session-rpe', 'trimp', 'distance', 'high-speed-distance']);
    expect(Date.parse(body.to) - Date.parse(body.from)).toBe(55 * 86_400_000);
  });

  it('refuses a range that begins after it ends, is too long, or is no range of days', async () => {
    const athleteId = await api.athlete(teamId, '13');
    for (const [query, status, code] of [
      ['?from=2026-03-02&to=2026-03-01', 422, 'time-out-of-range'],
      ['?from=2025-01-01&to=2026-03-01', 422, 'time-out-of-range'],
      ['?to=2190-01-01', 422, 'time-out-of-range'],
      ['?to=1800-01-01', 422, 'time-out-of-range'],
      ['?from=yesterday', 400, 'validation-failed'],
      ['?from=2026-02-30', 400, 'validation-failed'],
      ['?until=2026-02-01', 400, 'validation-failed'],
    ] as const) {
      const answer = await load(athleteId, query);
      expect(answer.json(), query).toMatchObject({ status, code });
      expect(answer.headers['content-type']).toBe('application/problem+json');
    }
  });

  it('is found by its own team only, and its reading is in the audit log', async () => {
    const athleteId = await api.athlete(teamId, '14');
    const other = await api.key(await api.team('Others'), ['read']);
    expect((await load(athleteId, '', other)).json()).toMatchObject({ status: 404, code: 'not-found' });
    expect((await load(athleteId, '')).statusCode).toBe(200);
    const { rows } = await api.database.pool.query(
      `SELECT a.action, a.status_code FROM audit_entry a WHERE $1 = ANY (a.athlete_ids) ORDER BY a.at`,
      [athleteId],
    );
    expect(rows).toEqual([
      { action: 'getAthleteLoad', status_code: 404 },
      { action: 'getAthleteLoad', status_code: 200 },
    ]);
  });
});
