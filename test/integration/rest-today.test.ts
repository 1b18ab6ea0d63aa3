/** The morning of a squad, over a real PostgreSQL and HTTP. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Today } from '../../src/rest/today/schemas.ts';
import { activateModel, hazardModel, insertRatings, insertWindows, MODEL } from '../support/hazard-season.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

const DAY_MS = 86_400_000;
const ZONE = 'Europe/Berlin';
const isoDay = (back: number): string => new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE }).format(Date.now() - back * DAY_MS);
const midnightMs = (back: number): number => Date.parse(`${isoDay(back)}T00:00:00Z`);

let api: RestApp;
let key: string;
let teamId: string;
beforeAll(async () => {
  api = await startRestApp();
  await activateModel(api.database.pool, JSON.stringify(hazardModel()));
  teamId = (await api.repositories.teams.create({ name: 'Berlin', timeZone: ZONE })).id;
  key = await api.key(teamId, ['read', 'write']);
});
afterAll(() => api.close());

const today = async (): Promise<Today> => {
  const answer = await api.call(key, 'GET', `/v1/teams/${teamId}/today`);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<Today>();
};

/** Hazards of the last `days` days, yesterday's last. */
const insertHazards = (athleteId: string, probabilities: readonly number[]) =>
  api.database.pool.query(
    `INSERT INTO daily_hazard (athlete_id, day, model_version, probability, lower, upper, terms, input, method_version)
     SELECT $1, $2::date - ($4::bigint - n)::int, $5, p, p * 0.7, p * 1.4, '{}', '{}', 'daily-hazard-2' FROM unnest($3::float8[]) WITH ORDINALITY AS f(p, n)`,
    [athleteId, isoDay(1), probabilities, probabilities.length, MODEL],
  );

const raise = (athleteId: string, severity: 'amber' | 'red', sentence: string) =>
  api.database.pool.query(
    `INSERT INTO alert (id, team_id, athlete_id, type, severity, title, sentence, evidence, raised_window_index, raised_at, method_version)
     VALUES ($1, $2, $3, 'risk', $4, 'Movement altered', $5, '{}', 1, now(), 'asms-2.1.0')`,
    [randomUUID(), teamId, athleteId, severity, sentence],
  );

describe('the morning of a squad', () => {
  it('of nobody is empty, and has no threshold', async () => {
    expect(await today()).toMatchObject({ items: [], threshold: { probability: null, ppv: null, judged: 0 }, truncated: false });
  });

  it('puts first whom to look at, says why, and shows what it rests on', async () => {
    const quiet = await api.athlete(teamId, 'quiet');
    const high = await api.athlete(teamId, 'high');
    const red = await api.athlete(teamId, 'red');
    const fresh = await api.athlete(teamId, 'fresh');
    for (const [id, last] of [
      [quiet, 0.02],
      [high, 0.09],
      [red, 0.03],
    ] as const)
      await insertHazards(id, [...Array.from({ length: 59 }, (_, i) => 0.02 + (i % 5) * 0.002), last]);
    await insertWindows(api.database.pool, quiet, midnightMs(1) + 11 * 3_600_000, 20, { fAttn: [0.1, 0, 0, 0] });
    await insertRatings(api.database.pool, quiet, midnightMs(1), [60]);
    await raise(red, 'red', 'The left foot rests for longer than is usual.');
    const planned = await api.call(key, 'PUT', `/v1/teams/${teamId}/planned-load`, { days: [{ day: isoDay(0), load: 400 }] });
    expect(planned.statusCode, planned.body).toBeLessThan(300);

    const { items, counts, threshold } = await today();
    // The squad has 28 days of three athletes: too few for a threshold of its own.
    expect(threshold).toMatchObject({ probability: null, athleteDays: 84 });
    expect(items.map(({ athleteId }) => athleteId)[0]).toBe(red);
    expect(items[0]).toMatchObject({
      attention: 'act',
      why: 'The left foot rests for longer than is usual.',
      alerts: [{ severity: 'red' }],
    });
    const of = (id: string) => items.find(({ athleteId }) => athleteId === id)!;
    expect(of(high)).toMatchObject({ attention: 'none', hazard: { day: isoDay(1), probability: 0.09 } });
    expect(of(quiet)).toMatchObject({
      why: 'Nothing unusual.',
      availability: { status: 'full', since: null },
      load: { today: { planned: 400, actual: null }, yesterday: { planned: null, complete: true } },
      data: { windows: 20 },
    });
    expect(of(quiet).load.yesterday.actual).toBeGreaterThan(0);
    expect(of(fresh).hazard.reason).toBe('no day of the athlete has been computed yet');
    expect(counts).toEqual({ full: 4, modified: 0, out: 0, act: 1, look: 0 });
  });

  it('flags a tenth of the athlete-days, and says how often an injury followed', async () => {
    for (let n = 0; n < 4; n += 1)
      await insertHazards(
        await api.athlete(teamId, `more-${n}`),
        Array.from({ length: 60 }, () => 0.02),
      );
    const { items, threshold } = await today();
    expect(threshold.athleteDays).toBe(196);
    const flagged = items.filter(({ why }) => why.startsWith('Probability'));
    expect(flagged.map(({ name }) => name)).toEqual(['Athlete high']);
    expect(flagged[0]!.why).toContain('9.0 % (6.3 % to 13 %)');
    // None of the days was followed by an injury.
    expect(threshold.ppv).toBe(0);
    expect(threshold.judged).toBeGreaterThan(10);
  });

  it('is the team’s own: another team’s key does not find it, and the log names whose records were read', async () => {
    const other = await api.key((await api.repositories.teams.create({ name: 'Other' })).id, ['read', 'write']);
    expect((await api.call(other, 'GET', `/v1/teams/${teamId}/today`)).statusCode).toBe(404);
    expect((await api.call(key, 'GET', `/v1/teams/${randomUUID()}/today`)).statusCode).toBe(404);
    const [first] = (await today()).items;
    const { rows } = await api.database.pool.query(
      `SELECT 1 FROM audit_entry WHERE action = 'getTeamToday' AND $1::uuid = ANY (athlete_ids)`,
      [first!.athleteId],
    );
    expect(rows.length).toBeGreaterThan(0);
  });
});
