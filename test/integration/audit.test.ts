/** Who read or changed what of an athlete: every answer that names one is on record before it leaves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { athletesNamed } from '../../src/rest/audit/record.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { seedTeam, type SeededTeam } from '../support/rest-seed.ts';

interface Entry {
  readonly action: string;
  readonly statusCode: number;
  readonly caller: string;
  readonly others: number;
}

let api: RestApp;
let reds: SeededTeam;
let blues: SeededTeam;
beforeAll(async () => {
  api = await startRestApp({ webhookAllowPrivate: true });
  reds = await seedTeam(api, 'reds');
  blues = await seedTeam(api, 'blues');
});
afterAll(() => api.close());

async function entriesOf(team: SeededTeam): Promise<Entry[]> {
  const answer = await api.call(team.key, 'GET', `/v1/athletes/${team.athleteId}/audit?limit=200`);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<{ items: Entry[] }>().items;
}

describe('the audit log', () => {
  it('holds reads, changes and refusals of an athlete, newest first, and who asked', async () => {
    const athlete = `/v1/athletes/${reds.athleteId}`;
    await api.call(reds.key, 'GET', `${athlete}/state`);
    await api.call(reds.key, 'PATCH', athlete, { name: 'Runner renamed' });
    await api.call(await api.key(reds.teamId, ['read']), 'GET', `${athlete}/injuries`);
    await api.call(reds.key, 'POST', `/v1/alerts/${reds.alertId}/acknowledge`, {});
    const entries = await entriesOf(reds);
    expect(entries.slice(0, 4).map(({ action, statusCode }) => [action, statusCode])).toEqual([
      ['acknowledgeAlert', 200],
      ['listInjuries', 403],
      ['changeAthlete', 200],
      ['getAthleteState', 200],
    ]);
    expect(entries[0]?.caller).toMatch(/./);
  });

  it('records a refusal of a key that was known', async () => {
    await api.call(blues.key, 'GET', `/v1/athletes/${reds.athleteId}/scores`);
    expect((await entriesOf(reds))[0]).toMatchObject({ action: 'listScores', statusCode: 404 });
  });

  it('names every athlete of a list, and counts the others', async () => {
    await api.athlete(blues.teamId, 'blues-11');
    await api.call(blues.key, 'GET', '/v1/athletes');
    expect((await entriesOf(blues))[0]).toMatchObject({ action: 'listAthletes', others: 1 });
  });

  it('shows no entry of another team, and needs the scope admin', async () => {
    expect((await api.call(blues.key, 'GET', `/v1/athletes/${reds.athleteId}/audit`)).statusCode).toBe(404);
    const coach = await api.key(reds.teamId, ['read', 'write', 'medical']);
    expect((await api.call(coach, 'GET', `/v1/athletes/${reds.athleteId}/audit`)).statusCode).toBe(403);
  });

  it('gives no answer where the entry cannot be kept', async () => {
    await api.database.pool.query('ALTER TABLE audit_entry RENAME TO audit_away');
    try {
      const answer = await api.call(reds.key, 'GET', `/v1/athletes/${reds.athleteId}`);
      expect(answer.statusCode).toBe(500);
      for (const mark of reds.marks) expect(answer.body.includes(mark) && mark !== reds.athleteId, mark).toBe(false);
    } finally {
      await api.database.pool.query('ALTER TABLE audit_away RENAME TO audit_entry');
    }
  });
});

describe('athletes that a request names', () => {
  const [a, b, c] = [
    '3f0c4f3e-6a0d-4c42-9c5e-0a1b2c3d4e5f',
    '4f0c4f3e-6a0d-4c42-9c5e-0a1b2c3d4e5f',
    '5f0c4f3e-6a0d-4c42-9c5e-0a1b2c3d4e5f',
  ];
  it.each([
    ['/v1/athletes/:id/scores', [{ id: a }], { items: [{ id: b }] }, [a]],
    ['/v1/athletes', [{}], { items: [{ id: a }, { id: b }] }, [a, b]],
    ['/v1/alerts/:id', [{ id: b }], { id: b, athleteId: a }, [a]],
    ['/v1/alerts', [{ athleteId: a }], { items: [{ id: b, athleteId: c }, { athleteId: a }] }, [a, c]],
    ['/v1/teams', [{}], { items: [{ id: a }] }, []],
    ['/v1/athletes/:id', [{ id: 'not a uuid' }], { code: 'validation-failed' }, []],
    ['/v1/sessions', [undefined, null, { athleteId: a.toUpperCase() }], null, [a]],
  ])('%s', (route, request, answer, named) => {
    expect(athletesNamed(route, { request, answer })).toEqual(named);
  });
});
