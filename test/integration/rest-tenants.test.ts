/** NO team sees another's rows, and nothing a client sends makes the service fail: both checked over every route of the document. */
import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examplesOf, operationsOf, readDocument, type Operation } from '../support/openapi.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { seedTeam, type SeededTeam } from '../support/rest-seed.ts';

interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly operation: Operation;
}

let api: RestApp;
let routes: readonly Route[];
let reds: SeededTeam;
let blues: SeededTeam;
beforeAll(async () => {
  api = await startRestApp({ webhookAllowPrivate: true });
  routes = operationsOf(await readDocument(api)).map(({ path, method, operation }) => ({
    method: method.toUpperCase() as Route['method'],
    path,
    operation,
  }));
  reds = await seedTeam(api, 'reds');
  blues = await seedTeam(api, 'blues');
});
afterAll(() => api.close());

/** The path with the team's own rows in it. */
function fill(path: string, team: SeededTeam): string {
  const kind = path.split('/')[2] ?? '';
  const ids: Record<string, string> = {
    teams: team.teamId,
    athletes: team.athleteId,
    sessions: team.sessionId,
    alerts: team.alertId,
    recipients: team.recipientId,
    injuries: team.injuryId,
    therapies: team.therapyId,
    measurements: team.measurementId,
    webhooks: team.webhookId,
    gateways: team.gatewayId,
    devices: team.deviceId,
    'load-ceilings': team.loadCeilingId,
  };
  return path
    .replace('{id}', ids[kind] ?? randomUUID())
    .replace('{recommendationId}', team.recommendationId)
    .replace('{planId}', team.planId)
    .replace('{injuryId}', team.injuryId)
    .replace('{windowIndex}', '1700000001')
    .replace('{deliveryId}', team.deliveryId)
    .replace(/\{(stepId|outcomeId)\}/, randomUUID());
}

/** Live streams do not end; models are the service's; the other paths outside /v1 hold nothing of a team. */
const isReadable = ({ method, path }: Route): boolean =>
  method === 'GET' && path.startsWith('/v1/') && path !== '/v1/live' && path !== '/v1/models' && !path.includes('/me/');

/** What a write could change. */
const rowsOfTeams = (): Promise<unknown[]> =>
  Promise.all(
    [
      'athlete',
      'alert',
      'recommendation',
      'plan',
      'webhook_endpoint',
      'gateway',
      'session',
      'injury',
      'therapy',
      'therapy_adherence',
      'return_to_play',
      'measurement',
      'medical_change',
    ].map(async (table) => (await api.database.pool.query(`SELECT * FROM ${table} ORDER BY 1`)).rows),
  );

describe('a key bound to a team', () => {
  it('reads its own rows on every GET route (so that the next tests can fail)', async () => {
    for (const route of routes.filter(isReadable)) {
      const answer = await api.call(blues.key, 'GET', fill(route.path, blues));
      expect(answer.statusCode, `${route.path} ${answer.body}`).toBe(200);
      expect(
        blues.marks.some((mark) => answer.body.includes(mark)),
        `${route.path} shows nothing of the team: ${answer.body}`,
      ).toBe(true);
    }
  });

  it('finds no row of another team by id', async () => {
    const withId = routes.filter((route) => isReadable(route) && route.path.includes('{id}'));
    expect(withId.length).toBeGreaterThan(10);
    for (const route of withId) {
      const answer = await api.call(reds.key, 'GET', fill(route.path, blues));
      expect(answer.statusCode, route.path).toBe(404);
      expect(answer.json(), route.path).toMatchObject({ code: 'not-found' });
    }
  });

  it('sees nothing of another team in any list, whatever filter names it', async () => {
    for (const route of routes.filter((route) => isReadable(route) && !route.path.includes('{id}'))) {
      const filters: Record<string, string> = { athleteId: blues.athleteId, externalId: 'blues-10', serial: 'imu-blues' };
      const named = (route.operation.parameters ?? []).filter(({ name }) => name in filters).map(({ name }) => `?${name}=${filters[name]}`);
      for (const query of ['', '?limit=200', ...named]) {
        const answer = await api.call(reds.key, 'GET', `${route.path}${query}`);
        expect(answer.statusCode, route.path + query).toBe(200);
        const seen = blues.marks.filter((mark) => answer.body.includes(mark));
        expect(seen, route.path + query).toEqual([]);
      }
    }
  });

  it('changes no row of another team', async () => {
    const bodies: Record<string, unknown> = {
      'PATCH /v1/athletes/{id}': { name: 'Stolen' },
      'PATCH /v1/athletes/{id}/recommendations/{recommendationId}': { status: 'accepted' },
      'POST /v1/athletes/{id}/injuries': { diagnosisCode: 'KJ1', region: 'knee', onsetAt: '2026-01-01T00:00:00Z', timeLossDays: 10 },
      'POST /v1/athletes/{id}/therapies': { injuryId: blues.injuryId, kind: 'rest', dosePerDay: 1, startsAt: '2026-01-01T00:00:00Z' },
      'PATCH /v1/sessions/{id}': { minutes: 50 },
      'POST /v1/athletes/{id}/consents': { kind: 'illness' },
      'POST /v1/athletes/{id}/consents/withdraw': { kind: 'wellness' },
      'POST /v1/athletes/{id}/consents/erase': { kind: 'wellness' },
      'POST /v1/athletes/{id}/wellness': { day: '2026-01-01', value: { sleep: 4 } },
      'POST /v1/athletes/{id}/morning-hrv': { day: '2026-01-01', value: { lnRmssd: 4, beats: 60 } },
      'POST /v1/athletes/{id}/menstrual': { day: '2026-01-01', value: { flow: 'light' } },
      'POST /v1/athletes/{id}/illnesses': { onsetDay: '2026-01-01', availability: 'out' },
      'PATCH /v1/illnesses/{id}': { why: 'x', availability: 'full' },
      'POST /v1/illnesses/{id}/close': { returnedDay: '2026-01-05' },
      'POST /v1/athletes/{id}/limits': { restBpm: 50 },
      'POST /v1/teams/{id}/limits': { highSpeedMps: 6 },
      'POST /v1/athletes/{id}/load-ceilings': { series: 'session-rpe', ceiling: 300 },
      'PATCH /v1/injuries/{id}': { why: 'x', region: 'knee' },
      'POST /v1/injuries/{id}/withdraw': { why: 'x' },
      'POST /v1/injuries/{id}/clear': { why: 'x' },
      'PATCH /v1/therapies/{id}': { why: 'x', dosePerDay: 9 },
      'POST /v1/therapies/{id}/withdraw': { why: 'x' },
      'POST /v1/therapies/{id}/adherence': { day: '2026-10-03', share: 1 },
      'POST /v1/athletes/{id}/return-to-play/{injuryId}/advance': { why: 'x' },
      'POST /v1/athletes/{id}/return-to-play/{injuryId}/demote': { why: 'x' },
      'POST /v1/athletes/{id}/measurements': { name: 'pain', value: 1, unit: '0 to 10', at: '2026-01-01T00:00:00Z' },
      'POST /v1/measurements/{id}/withdraw': { why: 'x' },
      'POST /v1/athletes/{id}/outcomes': { kind: 'session-rpe', at: '2026-01-01T00:00:00Z', value: { rpe: 4, minutes: 60 } },
      'PUT /v1/athletes/{id}/plan-limits': { costBudget: 5 },
      'PUT /v1/teams/{id}/plan-limits': { costBudget: 5 },
      'PUT /v1/athletes/{id}/plan-conditions': { conditions: [] },
      'PUT /v1/athletes/{id}/planned-load': { days: [{ day: '2026-01-01', load: 1 }] },
      'PUT /v1/teams/{id}/planned-load': { days: [{ day: '2026-01-01', load: 1 }] },
      'PUT /v1/athletes/{id}/doses': { doses: [{ day: '2026-01-01', interventionId: 'rest-day', share: 1 }] },
      'POST /v1/athletes/{id}/plans': {},
      'POST /v1/athletes/{id}/plans/what-if': {},
      'PATCH /v1/athletes/{id}/plans/{planId}': { status: 'accepted' },
      'POST /v1/athletes/{id}/outcomes/{outcomeId}/corrections': { value: { sleep: 1 } },
      'POST /v1/athletes/{id}/feedback/steps/{stepId}/undo': { reason: 'stolen' },
      'POST /v1/teams/{id}/performance-metrics': {
        name: 'jump',
        unit: 'cm',
        smallestWorthwhileChange: 1,
        reference: 1,
        higherIsBetter: true,
      },
      'POST /v1/alerts/{id}/acknowledge': {},
      'POST /v1/alerts/{id}/snooze': { minutes: 5 },
      'POST /v1/alerts/{id}/assign': { to: 'Thief' },
      'POST /v1/alerts/{id}/close': { outcome: 'other' },
      'POST /v1/alerts/{id}/outcome': { outcome: 'other' },
      'PUT /v1/alerts/{id}/rating': { rating: 1 },
      'POST /v1/teams/{id}/recipients': { name: 'Thief' },
      'PATCH /v1/recipients/{id}': { active: false },
      'PUT /v1/teams/{id}/alarm-settings': { settings: {}, basedOnVersion: 1, why: 'x' },
      'POST /v1/teams/{id}/alarm-settings/reset': { why: 'x' },
      'PUT /v1/athletes/{id}/alarm-settings': { settings: {}, basedOnVersion: 1, why: 'x' },
      'POST /v1/athletes/{id}/alarm-settings/reset': { why: 'x' },
      'PATCH /v1/webhooks/{id}': { enabled: false },
      'POST /v1/webhooks/{id}/replay': { from: new Date(Date.now() - 60_000).toISOString(), to: new Date().toISOString() },
      'POST /v1/devices/{id}/assignments': { athleteId: reds.athleteId },
    };
    const writes = routes.filter(({ method, path }) => method !== 'GET' && path.includes('{id}'));
    expect(writes.length).toBeGreaterThan(15);
    const before = await rowsOfTeams();
    for (const { method, path } of writes) {
      const body = bodies[`${method} ${path}`];
      const answer = await api.call(reds.key, method, fill(path, blues), body);
      expect(answer.statusCode, `${method} ${path} ${answer.body}`).toBe(404);
    }
    const after = await rowsOfTeams();
    expect(after).toEqual(before);
    expect(api.calls).toEqual({ daysChanged: [], gatewaysRevoked: [], sessionsClosed: [], webhooksTested: [], plansMade: [] });
  });

  it('creates nothing in another team, nor ties its rows to another team', async () => {
    const refused: readonly (readonly [path: string, body: object, status: number])[] = [
      ['/v1/teams', { name: 'Third' }, 403],
      ['/v1/athletes', { teamId: blues.teamId, externalId: '1', name: 'X' }, 403],
      ['/v1/devices', { teamId: blues.teamId, serial: 's', kind: 'imu' }, 403],
      ['/v1/gateways', { teamId: blues.teamId, name: 'g' }, 403],
      ['/v1/webhooks', { teamId: blues.teamId, url: 'https://example.org/', eventTypes: ['alert.raised'] }, 403],
      ['/v1/api-keys', { teamId: blues.teamId, name: 'k', scopes: ['read'] }, 403],
      ['/v1/sessions', { athleteId: blues.athleteId }, 404],
      ['/v1/catalogue/load-change/retire', { teamId: blues.teamId, reason: 'theirs' }, 403],
      [`/v1/devices/${reds.deviceId}/assignments`, { athleteId: blues.athleteId }, 422],
      [
        `/v1/athletes/${reds.athleteId}/therapies`,
        { injuryId: blues.injuryId, kind: 'rest', dosePerDay: 1, startsAt: '2026-01-01T00:00:00Z' },
        422,
      ],
    ];
    for (const [path, body, status] of refused) {
      const answer = await api.call(reds.key, 'POST', path, body);
      expect(answer.statusCode, `${path} ${answer.body}`).toBe(status);
    }
  });

  it('hears nothing of another team', async () => {
    for (const query of [`team=${blues.teamId}`, `athlete=${blues.athleteId}`]) {
      expect((await api.call(reds.key, 'GET', `/v1/live?${query}`)).statusCode).toBe(404);
    }
  });
});

/** encodeURIComponent throws on half a surrogate pair. */
const wellFormed = (text: string): string => Buffer.from(text).toString();

describe('random requests', () => {
  it('never make the service fail', async () => {
    const key = await api.key(null, ['read', 'write', 'medical', 'admin']);
    const ids = [...reds.marks, ...blues.marks];
    const text = fc.oneof(
      fc.constantFrom(
        '',
        '0',
        '-1',
        '1e400',
        'true',
        'null',
        '\0',
        '\ud800',
        "'; --",
        '2026-02-30',
        '9999-12-31T23:59:60Z',
        '0000-01-01T00:00:00Z',
        '2026-01-01T00:00:00Z[x]',
        'attention',
      ),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...ids),
      fc.base64String(),
      fc.array(fc.jsonValue(), { maxLength: 4 }).map((key) => Buffer.from(JSON.stringify(key)).toString('base64url')),
      fc
        .tuple(
          fc.constantFrom('athletes', 'scores', 'alerts', 'deliveries', 'sessions'),
          fc.array(fc.oneof(fc.constantFrom(...ids), fc.maxSafeInteger(), fc.string())),
        )
        .map(([collection, key]) => Buffer.from(JSON.stringify([collection, ...key])).toString('base64url')),
    );
    const value = fc.oneof(text, fc.double(), fc.maxSafeInteger(), fc.jsonValue({ maxDepth: 3 }));
    const request = fc.constantFrom(...routes.filter(({ path }) => path !== '/v1/live')).chain((route) => {
      const { parameters = [], requestBody } = route.operation;
      const media = requestBody?.content['application/json'];
      const members = Object.keys(media?.schema?.['properties'] ?? {});
      const [example] = media === undefined ? [] : examplesOf(media);
      const queries = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
      const query = fc.dictionary(queries.length > 0 ? fc.constantFrom(...queries) : fc.string(), text, { maxKeys: 3 });
      // An example with some members put out of shape goes further than noise.
      const changed = fc
        .dictionary(members.length > 0 ? fc.constantFrom(...members) : fc.string(), value, { maxKeys: 2 })
        .map((change) => ({ ...(example as object | undefined), ...change }));
      const body =
        media === undefined
          ? fc.constant(undefined)
          : fc.oneof({ weight: 3, arbitrary: changed }, { weight: 1, arbitrary: fc.jsonValue() });
      const path = fc
        .array(fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: text }), { minLength: 2, maxLength: 2 })
        .map(([first, second]) =>
          fill(
            route.path
              .replace('{id}', first === null || first === undefined ? '{id}' : encodeURIComponent(wellFormed(first)))
              .replace(
                '{recommendationId}',
                second === null || second === undefined ? '{recommendationId}' : encodeURIComponent(wellFormed(second)),
              ),
            reds,
          ),
        );
      return fc.record({ method: fc.constant(route.method), path, query, body });
    });
    const checked = fc.assert(
      fc.asyncProperty(request, async ({ method, path, query, body }) => {
        const url = `${path}?${new URLSearchParams(query).toString()}`;
        const payload = body === undefined ? {} : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
        const options: InjectOptions = { method, url, ...payload };
        const answer = await api.app.inject({
          ...options,
          headers: { ...options.headers, authorization: `Bearer ${path.includes('/me/') ? reds.gatewayToken : key}` },
        });
        if (answer.statusCode >= 500)
          throw new Error(`${method} ${url} ${JSON.stringify(body)} answered ${answer.statusCode} ${answer.body}`);
        if (answer.statusCode >= 400) {
          if (answer.headers['content-type'] !== 'application/problem+json') throw new Error(`${method} ${url} answered ${answer.body}`);
          if (answer.json<{ status: number }>().status !== answer.statusCode) throw new Error(`${method} ${url} answered ${answer.body}`);
        }
      }),
      { numRuns: 600, interruptAfterTimeLimit: 60_000 },
    );
    await expect(checked).resolves.toBeUndefined();
  }, 120_000);

  it('that are not even JSON or HTTP in shape get their problem', async () => {
    const key = await api.key(reds.teamId, ['admin']);
    const post = (payload: string, type: string) =>
      api.app.inject({ method: 'POST', url: '/v1/athletes', payload, headers: { authorization: `Bearer ${key}`, 'content-type': type } });
    expect((await post('{"name": ', 'application/json')).json()).toMatchObject({ status: 400, code: 'malformed-json' });
    expect((await post('', 'application/json')).json()).toMatchObject({ status: 400, code: 'malformed-json' });
    expect((await post('{"__proto__": {"x": 1}, "name": "a", "externalId": "b"}', 'application/json')).json()).toMatchObject({
      status: 400,
    });
    expect((await post('a=b', 'application/x-www-form-urlencoded')).json()).toMatchObject({ status: 415, code: 'unsupported-media-type' });
    expect((await post(JSON.stringify({ name: 'x'.repeat(70_000) }), 'application/json')).json()).toMatchObject({
      status: 413,
      code: 'body-too-large',
    });
    expect((await post(`${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'application/json')).statusCode).toBe(400);
    expect((await api.call(key, 'GET', `/v1/athletes/${'a'.repeat(300)}`)).statusCode).toBeLessThan(500);
    expect((await api.call(key, 'GET', '/v1/athletes/%zz')).json()).toMatchObject({ status: 400, code: 'bad-request' });
    expect((await api.call(key, 'GET', '/v2/nothing')).json()).toMatchObject({
      status: 404,
      code: 'route-not-found',
      instance: '/v2/nothing',
    });
  });
});
