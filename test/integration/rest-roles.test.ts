/** Roles of API keys: what each opens, and that an athlete's key opens its own record and nothing else. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { seedTeam, type SeededTeam } from '../support/rest-seed.ts';

interface Made {
  readonly id: string;
  readonly key: string;
}

let api: RestApp;
let reds: SeededTeam;
let blues: SeededTeam;
beforeAll(async () => {
  api = await startRestApp();
  reds = await seedTeam(api, 'reds');
  blues = await seedTeam(api, 'blues');
});
afterAll(() => api.close());

const make = (team: SeededTeam, body: object) => api.call(team.key, 'POST', '/v1/api-keys', { name: 'k', ...body });
const keyOf = async (team: SeededTeam, body: object): Promise<string> => {
  const answer = await make(team, body);
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json<Made>().key;
};
const status = async (key: string, method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): Promise<number> =>
  (await api.call(key, method, path, body)).statusCode;

const rating = { kind: 'session-rpe', at: '2026-10-20T09:30:00Z', value: { rpe: 5, minutes: 60 } };

describe('a role', () => {
  it('is the scopes it stands for, and is shown with the key', async () => {
    const expected = {
      coach: ['read', 'write'],
      medical: ['read', 'write', 'medical'],
      analyst: ['read'],
      admin: ['read', 'write', 'admin'],
    };
    for (const [role, scopes] of Object.entries(expected))
      expect((await make(reds, { role })).json()).toMatchObject({ role, scopes, athleteId: null, teamId: reds.teamId });
    expect((await make(reds, { scopes: ['read'] })).json()).toMatchObject({ role: null, scopes: ['read'] });
  });

  it('opens what it says: no coach reads injuries, no analyst writes, no admin reads diagnoses', async () => {
    const [coach, medical, analyst, admin] = await Promise.all(
      ['coach', 'medical', 'analyst', 'admin'].map((role) => keyOf(reds, { role })),
    );
    const athlete = `/v1/athletes/${reds.athleteId}`;
    const seen = async (key = '') =>
      Promise.all([
        status(key, 'GET', `${athlete}/state`),
        status(key, 'POST', `${athlete}/outcomes`, rating),
        status(key, 'GET', `${athlete}/injuries`),
        status(key, 'GET', '/v1/api-keys'),
      ]);
    expect(await seen(coach)).toEqual([200, 201, 403, 403]);
    expect(await seen(medical)).toEqual([200, 201, 200, 403]);
    expect(await seen(analyst)).toEqual([200, 403, 403, 403]);
    expect(await seen(admin)).toEqual([200, 201, 403, 200]);
  });

  it('is not given by a key that lacks one of its scopes', async () => {
    const admin = await keyOf(reds, { role: 'admin' });
    expect((await api.call(admin, 'POST', '/v1/api-keys', { name: 'k', role: 'medical' })).json()).toMatchObject({
      status: 403,
      code: 'insufficient-scope',
    });
    expect(await status(admin, 'POST', '/v1/api-keys', { name: 'k', role: 'coach' })).toBe(201);
  });

  it('stands alone, and names an athlete where it is athlete and only there', async () => {
    for (const [body, path] of [
      [{}, '/role'],
      [{ role: 'coach', scopes: ['read'] }, '/role'],
      [{ role: 'athlete' }, '/athleteId'],
      [{ role: 'coach', athleteId: reds.athleteId }, '/athleteId'],
      [{ scopes: ['read'], athleteId: reds.athleteId }, '/athleteId'],
    ] as const)
      expect((await make(reds, body)).json(), JSON.stringify(body)).toMatchObject({ code: 'validation-failed', errors: [{ path }] });
    expect((await make(reds, { role: 'surgeon' })).statusCode).toBe(400);
    const unknown = { status: 422, code: 'unknown-reference' };
    expect((await make(reds, { role: 'athlete', athleteId: blues.athleteId })).json()).toMatchObject(unknown);
    expect((await make(reds, { role: 'athlete', athleteId: randomUUID() })).json()).toMatchObject(unknown);
  });
});

describe("an athlete's key", () => {
  let key: string;
  let mate: string;
  beforeAll(async () => {
    key = await keyOf(reds, { role: 'athlete', athleteId: reds.athleteId });
    mate = await api.athlete(reds.teamId, 'reds-11');
  });

  it('is of the team of its athlete, also where a key of every team makes it', async () => {
    const every = await api.key(null, ['admin']);
    const made = await api.call(every, 'POST', '/v1/api-keys', { name: 'k', role: 'athlete', athleteId: reds.athleteId });
    expect(made.json()).toMatchObject({ role: 'athlete', teamId: reds.teamId, athleteId: reds.athleteId, scopes: [] });
  });

  it('opens its own record, and posts its session RPE; wellness is entered under a consent', async () => {
    const own = `/v1/athletes/${reds.athleteId}`;
    for (const path of ['', '/state', '/scores', '/metrics', '/load', '/outcomes', '/availability', '/return-to-play'])
      expect(await status(key, 'GET', own + path), path).toBe(200);
    expect(await status(key, 'GET', `/v1/athletes/${reds.athleteId.toUpperCase()}`)).toBe(200);
    expect(await status(key, 'POST', `${own}/outcomes`, rating)).toBe(201);
    const wellness = await api.call(key, 'POST', `${own}/outcomes`, { ...rating, kind: 'wellness', value: { sleep: 4 } });
    expect(wellness.json(), wellness.body).toMatchObject({ status: 422, code: 'outcome-refused' });
    expect(wellness.json<{ detail: string }>().detail).toContain('/consents');
    const faulty = [{ rpe: 11, minutes: 60 }, { rpe: 5 }, { rpe: 5, minutes: 60, replaces: randomUUID() }, { rpe: '5', minutes: 60 }];
    for (const value of faulty) expect(await status(key, 'POST', `${own}/outcomes`, { ...rating, value }), JSON.stringify(value)).toBe(422);
    expect(await status(key, 'POST', `${own}/outcomes`, { ...rating, at: '2199-01-01T00:00:00Z' })).toBe(422);
    for (const kind of ['performance', 'injury'])
      expect((await api.call(key, 'POST', `${own}/outcomes`, { ...rating, kind })).json()).toMatchObject({
        status: 403,
        code: 'insufficient-scope',
      });
    expect(await status(key, 'GET', `${own}/outcomes?kind=injury`)).toBe(403);
  });

  it('opens no other athlete, of its team or another', async () => {
    for (const other of [mate, blues.athleteId, randomUUID(), 'nobody'])
      for (const path of ['', '/state', '/scores', '/metrics', '/load', '/outcomes', '/availability', '/return-to-play']) {
        const answer = await api.call(key, 'GET', `/v1/athletes/${other}${path}`);
        expect(answer.json(), path).toMatchObject({ status: 404, code: 'not-found' });
      }
    expect(await status(key, 'POST', `/v1/athletes/${mate}/outcomes`, rating)).toBe(404);
    expect(await api.database.pool.query('SELECT 1 FROM outcome WHERE athlete_id = $1', [mate])).toMatchObject({ rowCount: 0 });
  });

  it('opens nothing else: every route of the document refuses it unless it names the own record', async () => {
    const { paths } = (await api.call(null, 'GET', '/openapi.json')).json<{ paths: Record<string, Record<string, unknown>> }>();
    const OWN = [
      'get /v1/athletes/{id}',
      'get /v1/athletes/{id}/consents',
      'post /v1/athletes/{id}/consents',
      'post /v1/athletes/{id}/consents/erase',
      'post /v1/athletes/{id}/consents/withdraw',
      'get /v1/athletes/{id}/doses',
      'put /v1/athletes/{id}/doses',
      'get /v1/athletes/{id}/availability',
      'get /v1/athletes/{id}/load',
      'get /v1/athletes/{id}/return-to-play',
      'post /v1/athletes/{id}/return-to-play/{injuryId}/sign',
      'get /v1/athletes/{id}/illnesses',
      'post /v1/athletes/{id}/illnesses',
      'get /v1/athletes/{id}/limits',
      'get /v1/athletes/{id}/menstrual',
      'post /v1/athletes/{id}/menstrual',
      'get /v1/athletes/{id}/metrics',
      'get /v1/athletes/{id}/metrics/change',
      'get /v1/athletes/{id}/morning-hrv',
      'post /v1/athletes/{id}/morning-hrv',
      'get /v1/athletes/{id}/outcomes',
      'post /v1/athletes/{id}/outcomes',
      'get /v1/athletes/{id}/planned-load',
      'get /v1/athletes/{id}/plans',
      'get /v1/athletes/{id}/plans/{planId}',
      'get /v1/athletes/{id}/scores',
      'get /v1/athletes/{id}/state',
      'get /v1/athletes/{id}/wellness',
      'post /v1/athletes/{id}/wellness',
    ];
    const opened: string[] = [];
    for (const [path, methods] of Object.entries(paths))
      for (const method of Object.keys(methods)) {
        if (!path.startsWith('/v1/') || path.includes('/me/')) continue;
        const url = path.replace('{id}', reds.athleteId).replaceAll(/\{\w+\}/g, randomUUID());
        const answer = await api.call(key, method.toUpperCase(), url, method === 'get' || method === 'delete' ? undefined : {});
        if (answer.statusCode !== 403) opened.push(`${method} ${path}`);
      }
    expect(opened.toSorted()).toEqual(OWN.toSorted());
  });

  it('ends with the athlete, and opens again with them', async () => {
    const leaver = await api.athlete(reds.teamId, 'reds-12');
    const own = await keyOf(reds, { role: 'athlete', athleteId: leaver });
    expect(await status(own, 'GET', `/v1/athletes/${leaver}`)).toBe(200);
    expect(await status(reds.key, 'PATCH', `/v1/athletes/${leaver}`, { active: false })).toBe(200);
    expect(await status(own, 'GET', `/v1/athletes/${leaver}`)).toBe(401);
    expect(await status(reds.key, 'PATCH', `/v1/athletes/${leaver}`, { active: true })).toBe(200);
    expect(await status(own, 'GET', `/v1/athletes/${leaver}`)).toBe(200);
  });

  it('is never a key without its athlete, whatever is written past the API', async () => {
    const orphan = api.database.pool.query('UPDATE api_key SET athlete_id = NULL WHERE athlete_id = $1', [reds.athleteId]);
    await expect(orphan).rejects.toThrow(/api_key_athlete_check/u);
    const gone = api.database.pool.query('DELETE FROM athlete WHERE id = $1', [reds.athleteId]);
    await expect(gone).rejects.toThrow(/foreign key/u);
  });
});
