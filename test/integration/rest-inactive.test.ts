/** What a deactivated athlete takes and what it does not, over a real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { seedTeam, type SeededTeam } from '../support/rest-seed.ts';

let api: RestApp;
let squad: SeededTeam;
let path: string;
beforeAll(async () => {
  api = await startRestApp();
  squad = await seedTeam(api, 'squad');
  path = `/v1/athletes/${squad.athleteId}`;
  await call('POST', `${path}/consents`, { kind: 'morning-hrv' });
  await call('DELETE', path);
});
afterAll(() => api.close());

const call = (method: string, url: string, body?: object) => api.call(squad.key, method, url, body);

/** Every route that creates something of an athlete, with a body that its schema takes. */
const records = (): Record<string, object> => {
  const at = '2026-03-02T10:00:00Z';
  const day = at.slice(0, 10);
  const load = { days: [{ day: new Date().toISOString().slice(0, 10), load: 1 }] };
  return {
    [`POST ${path}/outcomes`]: { kind: 'session-rpe', at, value: { rpe: 4, minutes: 60 } },
    [`POST ${path}/consents`]: { kind: 'illness' },
    [`POST ${path}/wellness`]: { day, value: { sleep: 4 } },
    [`POST ${path}/morning-hrv`]: { day, value: { lnRmssd: 4, beats: 60 } },
    [`POST ${path}/menstrual`]: { day, value: { flow: 'light' } },
    [`POST ${path}/illnesses`]: { onsetDay: day, availability: 'out' },
    [`POST ${path}/injuries`]: { diagnosisCode: 'KJ1', region: 'knee', onsetAt: at, timeLossDays: 10 },
    [`POST ${path}/therapies`]: { injuryId: squad.injuryId, kind: 'rest', dosePerDay: 1, startsAt: at },
    [`POST ${path}/measurements`]: { name: 'pain', value: 1, unit: '0 to 10', at },
    [`POST ${path}/limits`]: { restBpm: 50 },
    [`POST ${path}/load-ceilings`]: { series: 'session-rpe', ceiling: 300 },
    [`POST ${path}/plans`]: {},
    [`POST ${path}/plans/what-if`]: {},
    [`PUT ${path}/plan-limits`]: { costBudget: 5 },
    [`PUT ${path}/plan-conditions`]: { conditions: [] },
    [`PUT ${path}/planned-load`]: load,
    [`PUT ${path}/doses`]: { doses: [{ day, interventionId: 'rest-day', share: 1 }] },
    [`PUT ${path}/alarm-settings`]: { settings: {}, basedOnVersion: 1, why: 'x' },
    [`POST ${path}/alarm-settings/reset`]: { why: 'x' },
    'POST /v1/sessions': { athleteId: squad.athleteId, startedAt: at, minutes: 60 },
    [`POST /v1/devices/${squad.deviceId}/assignments`]: { athleteId: squad.athleteId },
  };
};
const split = (route: string): [method: string, url: string] => route.split(' ') as [string, string];
const rowsOf = async (): Promise<unknown> => {
  const tables = [
    'outcome',
    'consent',
    'diary_entry',
    'illness',
    'injury',
    'therapy',
    'measurement',
    'session',
    'device_assignment',
    'plan',
  ];
  return Promise.all(tables.map(async (table) => (await api.database.pool.query(`SELECT count(*) FROM ${table}`)).rows));
};

describe('a deactivated athlete', () => {
  it('takes no new record, and the refusal says how to make the athlete active again', async () => {
    const before = await rowsOf();
    for (const [route, body] of Object.entries(records())) {
      const answer = await call(...split(route), body);
      expect(answer.json(), route).toMatchObject({ status: 409, code: 'athlete-inactive' });
      expect(answer.json<{ detail: string }>().detail).toContain(`PATCH ${path} {"active": true}`);
    }
    expect(await rowsOf()).toEqual(before);
  });

  it('has in the list above every route that creates something of an athlete', async () => {
    const { paths } = (await api.call(null, 'GET', '/openapi.json')).json<{
      paths: Record<string, Record<string, { operationId: string }>>;
    }>();
    const creating = Object.entries(paths)
      .filter(([url]) => url.startsWith('/v1/athletes/{id}/'))
      .flatMap(([url, operations]) =>
        ['post', 'put'].flatMap((method) => (method in operations ? [`${method.toUpperCase()} ${url}`] : [])),
      );
    const listed = Object.keys(records()).map((route) => route.replace(path, '/v1/athletes/{id}'));
    expect(creating.filter((route) => !listed.includes(route)).toSorted()).toEqual([
      'POST /v1/athletes/{id}/consents/erase',
      'POST /v1/athletes/{id}/consents/withdraw',
      'POST /v1/athletes/{id}/feedback/steps/{stepId}/undo',
      'POST /v1/athletes/{id}/outcomes/{outcomeId}/corrections',
      'POST /v1/athletes/{id}/return-to-play/{injuryId}/advance',
      'POST /v1/athletes/{id}/return-to-play/{injuryId}/demote',
      'POST /v1/athletes/{id}/return-to-play/{injuryId}/sign',
      'POST /v1/athletes/{id}/scores/{windowIndex}/explanation',
    ]);
  });

  it('is read, corrected and concluded as before, hidden from other teams, and takes records again once active', async () => {
    for (const part of ['', '/outcomes', '/injuries', '/illnesses', '/load', '/consents'])
      expect((await call('GET', `${path}${part}`)).statusCode, part).toBe(200);
    expect((await call('POST', `${path}/consents/withdraw`, { kind: 'morning-hrv' })).statusCode).toBe(200);
    expect((await call('POST', `${path}/consents/erase`, { kind: 'morning-hrv' })).statusCode).toBe(200);
    expect((await call('PATCH', `/v1/injuries/${squad.injuryId}`, { why: 'Scan', timeLossDays: 30 })).statusCode).toBe(200);
    const rating = { kind: 'session-rpe', at: '2026-03-02T10:00:00Z', value: { rpe: 4, minutes: 60 } };
    const stranger = await api.key(await api.team('others'), ['read', 'write']);
    expect((await api.call(stranger, 'POST', `${path}/outcomes`, rating)).json()).toMatchObject({ code: 'not-found' });
    expect((await call('PATCH', path, { active: true })).statusCode).toBe(200);
    expect((await call('POST', `${path}/outcomes`, rating)).statusCode).toBe(201);
  });
});
