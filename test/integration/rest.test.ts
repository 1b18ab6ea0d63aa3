/** The coaches' API over a real PostgreSQL: what each resource promises. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureFirstAdminKey, hashSecret } from '../../src/rest/credentials.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { insertScore, seedTeam, type SeededTeam } from '../support/rest-seed.ts';

let api: RestApp;
let squad: SeededTeam;
const call = (method: string, url: string, body?: unknown, key: string = squad.key) => api.call(key, method, url, body);

/** What the tests read of the rows of different collections. */
interface Row {
  readonly id: string;
  readonly name: string;
  readonly windowIndex: number;
  readonly modelVersion: string;
  readonly startUs: number;
  readonly attempts: readonly unknown[];
}
interface PageBody {
  readonly items: readonly Row[];
  readonly nextCursor: string | null;
}

/** Every item of a collection, page by page. */
async function readAll(path: string, limit: number): Promise<{ items: Row[]; pages: number }> {
  const items: Row[] = [];
  let pages = 0;
  for (let cursor = ''; ; pages += 1) {
    const answer = await call('GET', `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor}`);
    expect(answer.statusCode, answer.body).toBe(200);
    const page = answer.json<PageBody>();
    items.push(...page.items);
    if (page.nextCursor === null) return { items, pages: pages + 1 };
    cursor = `&cursor=${page.nextCursor}`;
  }
}

beforeAll(async () => {
  api = await startRestApp();
  squad = await seedTeam(api, 'squad');
});
afterAll(() => api.close());

describe('credentials', () => {
  it('refuses a request without a token, with an unknown, an expired and a revoked one', async () => {
    const missing = await api.call(null, 'GET', '/v1/athletes');
    expect(missing.headers['www-authenticate']).toBe('Bearer realm="kinewatch"');
    expect(missing.headers['content-type']).toBe('application/problem+json');
    expect(missing.json()).toMatchObject({ status: 401, code: 'missing-credentials', type: 'urn:kinewatch:problem:missing-credentials' });
    for (const token of ['nonsense', 'kw_unknown', squad.gatewayToken]) {
      expect((await api.call(token, 'GET', '/v1/athletes')).json()).toMatchObject({ status: 401, code: 'invalid-credentials' });
    }
    const expired = await api.key(squad.teamId, ['read'], new Date(Date.now() - 1_000));
    expect((await api.call(expired, 'GET', '/v1/athletes')).json()).toMatchObject({ status: 401, code: 'invalid-credentials' });
    const made = (await call('POST', '/v1/api-keys', { name: 'Tablet', scopes: ['read'] })).json<{ id: string; key: string }>();
    expect((await api.call(made.key, 'GET', '/v1/athletes')).statusCode).toBe(200);
    expect((await call('POST', `/v1/api-keys/${made.id}/revoke`)).json()).toMatchObject({ revokedAt: expect.any(String) as string });
    expect((await api.call(made.key, 'GET', '/v1/athletes')).json()).toMatchObject({ status: 401, code: 'invalid-credentials' });
  });

  it('keeps a key as its hash, shows it once and never in a list', async () => {
    const made = (await call('POST', '/v1/api-keys', { name: 'Once', scopes: ['read', 'write'] })).json<{
      id: string;
      key: string;
      prefix: string;
    }>();
    expect(made.key).toMatch(/^kw_[A-Za-z0-9_-]{43}$/);
    expect(made.key.startsWith(made.prefix)).toBe(true);
    const { rows } = await api.database.pool.query<{ hash: Buffer; row: string }>(
      'SELECT hash, api_key::text AS row FROM api_key WHERE id = $1',
      [made.id],
    );
    expect(rows[0]?.hash).toEqual(Buffer.from(hashSecret(made.key)));
    expect(rows[0]?.row).not.toContain(made.key);
    expect((await call('GET', '/v1/api-keys?limit=200')).body).not.toContain(made.key);
  });

  it('gives a key an expiry to come and none that has passed', async () => {
    const make = (expiresAt: string) => call('POST', '/v1/api-keys', { name: 'Season', scopes: ['read'], expiresAt });
    const passed = new Date(Date.now() - 1_000).toISOString();
    expect((await make(passed)).json()).toMatchObject({
      status: 422,
      code: 'time-out-of-range',
      detail: `expiresAt ${passed} has passed: give a time to come, or leave it out for a key that does not expire`,
    });
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    expect((await make(expiresAt)).json()).toMatchObject({ expiresAt });
    expect((await call('GET', '/v1/api-keys?limit=200')).body).not.toContain(passed);
  });

  it('lets a scope do what it is for and no more', async () => {
    const read = await api.key(squad.teamId, ['read']);
    const write = await api.key(squad.teamId, ['write']);
    const admin = await api.key(squad.teamId, ['admin']);
    const medical = await api.key(squad.teamId, ['medical']);
    const status = async (key: string, method: string, url: string, body?: unknown) => (await api.call(key, method, url, body)).statusCode;
    const injuries = `/v1/athletes/${squad.athleteId}/injuries`;
    expect(await status(read, 'GET', '/v1/athletes')).toBe(200);
    expect(await status(read, 'POST', '/v1/athletes', { externalId: 'x', name: 'X' })).toBe(403);
    expect(await status(read, 'GET', '/v1/api-keys')).toBe(403);
    expect(await status(write, 'GET', '/v1/athletes')).toBe(200);
    expect(await status(write, 'POST', '/v1/gateways', { name: 'x' })).toBe(403);
    expect(await status(admin, 'GET', '/v1/webhooks')).toBe(200);
    expect(await status(medical, 'GET', '/v1/athletes')).toBe(403);
    expect(await status(medical, 'GET', injuries)).toBe(200);
    for (const key of [read, write, admin]) expect(await status(key, 'GET', injuries)).toBe(403);
    expect((await api.call(read, 'GET', injuries)).json()).toMatchObject({
      code: 'insufficient-scope',
      detail: 'This needs the scope medical',
    });
  });

  it('lets no key give what it does not have', async () => {
    const admin = await api.key(squad.teamId, ['admin']);
    expect((await api.call(admin, 'POST', '/v1/api-keys', { name: 'x', scopes: ['medical'] })).json()).toMatchObject({
      status: 403,
      code: 'insufficient-scope',
    });
    const made = (await api.call(admin, 'POST', '/v1/api-keys', { name: 'x', scopes: ['read'] })).json();
    expect(made).toMatchObject({ teamId: squad.teamId });
  });

  it('makes a first admin key once, also when two processes start at the same time', async () => {
    const fresh = await startRestApp();
    const keys = await Promise.all([ensureFirstAdminKey(fresh.repositories), ensureFirstAdminKey(fresh.repositories)]);
    const [key, ...others] = keys.filter((made) => made !== null);
    expect(others).toEqual([]);
    expect(await ensureFirstAdminKey(fresh.repositories)).toBeNull();
    expect((await fresh.call(key ?? '', 'POST', '/v1/teams', { name: 'First', timeZone: 'Europe/Rome' })).statusCode).toBe(201);
    await fresh.close();
  });
});

describe('teams and athletes', () => {
  it('creates teams with a time zone that exists and a name of their own', async () => {
    const all = await api.key(null, ['admin']);
    expect((await api.call(all, 'POST', '/v1/teams', { name: 'Under 21' })).json()).toMatchObject({ name: 'Under 21', timeZone: 'UTC' });
    expect((await api.call(all, 'POST', '/v1/teams', { name: 'Under 21' })).json()).toMatchObject({ status: 409, code: 'already-exists' });
    expect((await api.call(all, 'POST', '/v1/teams', { name: 'U', timeZone: 'Mars/Base' })).json()).toMatchObject({
      status: 400,
      code: 'validation-failed',
    });
    expect((await api.call(all, 'POST', '/v1/athletes', { externalId: '1', name: 'X' })).json()).toMatchObject({
      status: 400,
      errors: [{ in: 'body', path: '/teamId' }],
    });
    expect((await api.call(all, 'POST', '/v1/athletes', { teamId: randomUUID(), externalId: '1', name: 'X' })).json()).toMatchObject({
      status: 422,
      code: 'unknown-reference',
    });
  });

  it('creates, reads, changes, deactivates and reactivates an athlete', async () => {
    const body = {
      externalId: '77',
      name: 'Åsa Ö.',
      sex: 'f',
      birthDate: '2001-02-28',
      heightM: 1.71,
      massKg: 62.5,
      context: { surfaceHardness: 0.4 },
    };
    const made = (await call('POST', '/v1/athletes', body)).json<{ id: string }>();
    expect(made).toMatchObject({ ...body, active: true, teamId: squad.teamId });
    const path = `/v1/athletes/${made.id}`;
    expect((await call('GET', path)).json()).toEqual(made);
    expect((await call('PATCH', path, { massKg: null, name: 'Åsa' })).json()).toEqual({ ...made, massKg: null, name: 'Åsa' });
    expect((await call('DELETE', path)).json()).toMatchObject({ active: false });
    expect((await call('GET', '/v1/athletes?limit=200')).body).not.toContain(made.id);
    expect((await call('GET', '/v1/athletes?active=false')).json()).toMatchObject({ items: [{ id: made.id }] });
    expect((await call('PATCH', path, { active: true })).json()).toMatchObject({ active: true });
    expect((await call('GET', '/v1/athletes?externalId=77')).json()).toMatchObject({ items: [{ id: made.id }], nextCursor: null });
    expect((await call('POST', '/v1/athletes', body)).json()).toMatchObject({ status: 409, code: 'already-exists' });
    expect((await call('PATCH', path, { externalId: 'squad-10' })).json()).toMatchObject({ status: 409, code: 'already-exists' });
    expect((await call('GET', `/v1/athletes/${randomUUID()}`)).json()).toMatchObject({ status: 404, code: 'not-found' });
  });

  it('says in each refusal what to do next', async () => {
    const athlete = (await call('POST', '/v1/athletes', { externalId: 'next', name: 'Next' })).json<{ id: string }>().id;
    const device = (await call('POST', '/v1/devices', { serial: 'next', kind: 'imu' })).json<{ id: string }>().id;
    const session = (await call('POST', '/v1/sessions', { athleteId: athlete })).json<{ id: string }>().id;
    const assign = { athleteId: athlete, validFrom: '2026-01-01T00:00:00Z', validTo: '2026-01-02T00:00:00Z' };
    expect((await call('POST', `/v1/devices/${device}/assignments`, assign)).statusCode).toBe(201);
    const injury = { region: 'Knee', diagnosisCode: 'KJ1', onsetAt: '2026-01-01T00:00:00Z', timeLossDays: 3 };
    for (const [url, body, next] of [
      ['/v1/athletes', { externalId: 'next', name: 'X' }, 'GET /v1/athletes?active=false'],
      ['/v1/athletes', { teamId: randomUUID(), externalId: 'x', name: 'X' }, 'leave teamId out'],
      ['/v1/sessions', { athleteId: athlete }, `GET /v1/sessions?athleteId=${athlete}&open=true`],
      [`/v1/devices/${device}/assignments`, assign, `POST /v1/devices/${device}/unassign`],
      [`/v1/devices/${device}/assignments`, { athleteId: randomUUID() }, 'GET /v1/athletes lists'],
      [`/v1/devices/${device}/unassign`, undefined, 'there is nothing to end'],
      ['/v1/webhooks', { url: 'not a url', eventTypes: ['alert.raised'] }, 'give one such as https://'],
      ['/v1/api-keys', { name: 'x', role: 'athlete', athleteId: randomUUID() }, 'GET /v1/athletes lists'],
      [`/v1/athletes/${athlete}/injuries`, injury, '/region'],
    ] as const) {
      const answer = await call('POST', url, body);
      expect(answer.statusCode, `${url} ${answer.body}`).toBeGreaterThanOrEqual(400);
      expect(answer.body, url).toContain(next);
    }
    expect((await call('POST', `/v1/athletes/${athlete}/injuries`, injury)).json()).toMatchObject({
      errors: [{ path: '/region', message: expect.stringContaining('allowed values: head, neck, shoulder') as string }],
    });
    expect((await call('POST', `/v1/sessions/${session}/close`)).statusCode).toBe(200);
    expect((await call('POST', `/v1/sessions/${session}/close`)).body).toContain(`PATCH /v1/sessions/${session}`);
    expect((await call('GET', '/v1/athletes?cursor=x')).body).toContain('none for the first page');
    api.calls.sessionsClosed.splice(0);
  });

  it('names every fault of a body', async () => {
    const answer = await call('POST', '/v1/athletes', { externalId: '', heightM: 17, weight: 3 });
    expect(answer.json()).toMatchObject({ status: 400, code: 'validation-failed', instance: '/v1/athletes' });
    expect(answer.json<{ errors: { path: string; message: string }[] }>().errors).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: '', message: expect.stringContaining('name') as string }),
        expect.objectContaining({ path: '', message: expect.stringContaining('weight') as string }),
        expect.objectContaining({ path: '/externalId' }),
        expect.objectContaining({ path: '/heightM' }),
      ]),
    );
    expect((await call('POST', '/v1/athletes', { externalId: 'a\0', name: 'x' })).json()).toMatchObject({
      status: 400,
      errors: [{ path: '/externalId' }],
    });
    expect((await call('POST', '/v1/athletes', { externalId: 'a', name: 'x', birthDate: '0001-01-01' })).json()).toMatchObject({
      status: 422,
      code: 'time-out-of-range',
    });
    const tomorrow = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);
    expect((await call('POST', '/v1/athletes', { externalId: 'a', name: 'x', birthDate: tomorrow })).json()).toMatchObject({
      status: 422,
      detail: `birthDate ${tomorrow} lies in the future: give the day of birth, or null`,
    });
  });

  it('pages through a list: every row once, in order, with any page size', async () => {
    await Promise.all(Array.from({ length: 25 }, (_, i) => api.athlete(squad.teamId, `page-${String(i).padStart(2, '0')}`)));
    const whole = (await call('GET', '/v1/athletes?limit=200')).json<PageBody>();
    expect(whole.nextCursor).toBeNull();
    for (const limit of [1, 7, whole.items.length - 1, whole.items.length]) {
      const { items, pages } = await readAll('/v1/athletes', limit);
      expect(items).toEqual(whole.items);
      expect(pages).toBe(Math.ceil(whole.items.length / limit));
    }
    expect(whole.items.map(({ name }) => name)).toEqual(whole.items.map(({ name }) => name).toSorted());
  });

  it('refuses a cursor of another collection, a forged one and a page too large', async () => {
    const { nextCursor } = (await call('GET', '/v1/athletes?limit=1')).json<PageBody>();
    for (const cursor of [nextCursor, 'x', Buffer.from('["sessions",7]').toString('base64url')]) {
      expect((await call('GET', `/v1/sessions?cursor=${cursor}`)).json()).toMatchObject({ status: 400, code: 'invalid-cursor' });
    }
    for (const limit of ['0', '201', 'all'])
      expect((await call('GET', `/v1/athletes?limit=${limit}`)).json()).toMatchObject({ status: 400 });
  });
});

const storeAsms = (athleteId: string, state: unknown) =>
  api.database.pool.query(
    `INSERT INTO asms_state (athlete_id, last_window_index, model_version, method_version, state) VALUES ($1, 1700000001, 'binn-test', 'asms-1', $2)
       ON CONFLICT (athlete_id) DO UPDATE SET state = $2`,
    [athleteId, JSON.stringify(state)],
  );

describe('state and scores', () => {
  const sketch = { count: 100, heights: [0, 1, 2, 3, 4, 5, 6], ranks: [1, 20, 40, 60, 80, 90, 100] };
  const asmsState = (reference: 'own' | 'population') => ({
    methodVersion: 'asms-1',
    deviation: { lastEndUs: null, recent: [], classes: { run: { roughnessSketch: sketch, driftSketch: sketch } } },
    recovery: { loadMetHours: 0, atUs: null, injuries: { [squad.injuryId]: { r: 0.42, atUs: 1 } } },
    latest: {
      activity: 'run',
      recovery: 0.42,
      provisional: false,
      deviation: { roughness: { value: 2.5, amber: 2, red: 4, reference, band: 'amber' }, drift: null },
    },
  });
  it('says that there is nothing yet', async () => {
    const athleteId = await api.athlete(squad.teamId, 'no-data');
    expect((await call('GET', `/v1/athletes/${athleteId}/state`)).json()).toMatchObject({
      status: 'no-data',
      at: null,
      state: { value: null },
      deviation: { roughness: { value: null, band: null }, drift: { value: null } },
      recovery: { value: 1 },
      provenance: { modelVersion: null, provisional: true },
    });
  });

  it('gives state, deviation with percentiles, recovery, units and provenance', async () => {
    await storeAsms(squad.athleteId, asmsState('own'));
    const view = (await call('GET', `/v1/athletes/${squad.athleteId}/state`)).json();
    expect(view).toMatchObject({
      status: 'ok',
      reason: null,
      at: new Date((1_700_000_001 + 2) * 1_000 + 1).toISOString(),
      state: { value: 0.25, unit: '1', logitSd: 0.1 },
      rehab: { value: 0.9, unit: '1' },
      window: { windowIndex: 1_700_000_001, activity: 'run', observedFraction: 0.5 },
      deviation: {
        roughness: { value: 2.5, unit: 'SD2', band: 'amber', amberAt: 2, redAt: 4, reference: 'own' },
        drift: { value: null, unit: 'SD', band: null },
      },
      recovery: { value: 0.42, unit: '1', injuries: [{ injuryId: squad.injuryId, value: 0.42 }] },
      openAlerts: 1,
      provenance: { modelVersion: 'binn-test', methodVersion: 'asms-1', asmsWindowIndex: 1_700_000_001, provisional: true },
    });
    // Halfway between the markers at ranks 40 and 60 of 100.
    expect((view as { deviation: { roughness: { percentile: number } } }).deviation.roughness.percentile).toBeCloseTo((49 / 99) * 100, 6);
  });

  it('gives no percentile against the population, and no diagnosis without the scope medical', async () => {
    await storeAsms(squad.athleteId, asmsState('population'));
    const read = await api.key(squad.teamId, ['read']);
    const answer = await api.call(read, 'GET', `/v1/athletes/${squad.athleteId}/state`);
    expect(answer.json()).toMatchObject({
      deviation: { roughness: { percentile: null, reference: 'population' } },
      recovery: { value: 0.42 },
    });
    expect(answer.body).not.toContain(squad.injuryId);
  });

  it('does not guess at a state another method version wrote', async () => {
    for (const state of [null, {}, { ...asmsState('own'), latest: { activity: 'run' } }]) {
      await storeAsms(squad.athleteId, state);
      expect((await call('GET', `/v1/athletes/${squad.athleteId}/state`)).json()).toMatchObject({
        deviation: { roughness: { value: null } },
        recovery: { value: null },
      });
    }
  });

  it('says "not enough data" and why', async () => {
    const athleteId = await api.athlete(squad.teamId, 'little-data');
    await insertScore(api.database.pool, athleteId, 1_700_000_000, { state: null });
    await api.database.pool.query(
      `INSERT INTO checkpoint (athlete_id, model_version, window_index, data) VALUES ($1, 'binn-test', 1700000000, '')`,
      [athleteId],
    );
    expect((await call('GET', `/v1/athletes/${athleteId}/state`)).json()).toMatchObject({
      status: 'not-enough-data',
      reason: 'Only 50 % of the movement channels were observed in the newest window',
      state: { value: null },
    });
    expect((await call('GET', `/v1/athletes/${athleteId}/scores`)).json()).toMatchObject({
      items: [{ status: 'not-enough-data', state: null }],
    });
  });

  it('pages scores both ways over two active models and days, the shadow only where it is asked for, within a range, and keeps blobs back unless asked', async () => {
    const athleteId = await api.athlete(squad.teamId, 'scored');
    const day = 86_400;
    const first = 1_700_000_000;
    for (let i = 0; i < 40; i += 1) {
      const windowIndex = first + (i - 10) * Math.floor(day / 10);
      await insertScore(api.database.pool, athleteId, windowIndex, i < 10 ? { modelVersion: 'binn-older' } : {});
      if (i % 3 === 0) await insertScore(api.database.pool, athleteId, windowIndex, { modelVersion: 'binn-newer', shadow: true });
    }
    const path = `/v1/athletes/${athleteId}/scores`;
    const up = await readAll(`${path}?order=asc`, 7);
    const down = await readAll(path, 9);
    expect(up.items).toHaveLength(40);
    expect(down.items).toEqual(up.items.toReversed());
    const keys = up.items.map(({ windowIndex, modelVersion }) => `${windowIndex} ${modelVersion}`);
    expect(new Set(keys).size).toBe(40);
    expect(up.items.map(({ windowIndex }) => windowIndex)).toEqual(
      up.items.map(({ windowIndex }) => windowIndex).toSorted((a, b) => a - b),
    );
    expect(new Set(up.items.map(({ modelVersion }) => modelVersion))).toEqual(new Set(['binn-older', 'binn-test']));
    const beside = await readAll(`${path}?modelVersion=binn-newer`, 5);
    expect(beside.items).toHaveLength(14);
    expect(beside.items[0]).toMatchObject({ modelVersion: 'binn-newer', shadow: true });
    const from = new Date((first + day) * 1_000).toISOString();
    const to = new Date((first + 2 * day) * 1_000).toISOString();
    const ranged = await readAll(`${path}?from=${from}&to=${to}&modelVersion=binn-test`, 3);
    expect(ranged.items).toHaveLength(10);
    expect(ranged.items.every(({ startUs }) => startUs >= Date.parse(from) * 1_000 && startUs < Date.parse(to) * 1_000)).toBe(true);
    expect(up.items[0]).not.toHaveProperty('attention');
    const asked = (await call('GET', `${path}?limit=1&include=attention`)).json<PageBody>();
    expect(asked.items[0]).toMatchObject({ attention: { time: [0.5, 0.25] }, observations: { phys: [null, 61] } });
    expect((await call('GET', `${path}?from=yesterday`)).json()).toMatchObject({ status: 400 });
    expect((await call('GET', `${path}?from=${to}&to=${from}`)).json()).toMatchObject({ status: 422, code: 'time-out-of-range' });
    expect((await call('GET', `${path}?from=${from}&to=${from}`)).json()).toMatchObject({ items: [] });
    expect((await call('GET', `/v1/athletes/${athleteId}/metrics?from=${to}&to=${from}`)).json()).toMatchObject({ status: 422 });
  });

  it('lists metrics with unit, method and parameters', async () => {
    const path = `/v1/athletes/${squad.athleteId}/metrics`;
    const item = {
      name: 'cadence',
      value: 168.5,
      unit: '1/min',
      method: 'gait-1',
      parameters: {},
      provisional: false,
      sessionId: squad.sessionId,
    };
    expect((await call('GET', `${path}?name=cadence&sessionId=${squad.sessionId}`)).json()).toMatchObject({ items: [item] });
    expect((await call('GET', `${path}?name=other`)).json()).toEqual({ items: [], nextCursor: null });
    expect((await call('GET', `${path}?to=2020-01-01T00:00:00Z`)).json()).toEqual({ items: [], nextCursor: null });
  });
});

describe('decisions of staff', () => {
  it('decides a recommendation once, with a reason where it is not simply accepted', async () => {
    const path = `/v1/athletes/${squad.athleteId}/recommendations/${squad.recommendationId}`;
    expect((await call('PATCH', path, { status: 'declined' })).json()).toMatchObject({ status: 400, errors: [{ path: '/reason' }] });
    const decided = await Promise.all([
      call('PATCH', path, { status: 'declined', reason: 'Match day' }),
      call('PATCH', path, { status: 'accepted' }),
    ]);
    expect(decided.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect((await call('PATCH', path, { status: 'accepted' })).json()).toMatchObject({ status: 409, code: 'already-decided' });
    const listed = (await call('GET', `/v1/athletes/${squad.athleteId}/recommendations?status=proposed`)).json();
    expect(listed).toEqual({ items: [], nextCursor: null });
  });

  it('acknowledges an alert once and tells the live stream, snoozes it while it is active, and keeps the history', async () => {
    const heard: string[] = [];
    const client = await api.database.pool.connect();
    client.on('notification', ({ payload }) => void heard.push(payload ?? ''));
    await client.query('LISTEN kinewatch_live');
    const path = `/v1/alerts/${squad.alertId}`;
    expect((await call('GET', '/v1/alerts?status=active&acknowledged=false&severity=red&type=risk')).json()).toMatchObject({
      items: [{ id: squad.alertId }],
    });
    const first = (await call('POST', `${path}/acknowledge`, { note: 'Seen' })).json<{ acknowledgedAt: string }>();
    const again = (await call('POST', `${path}/acknowledge`, {})).json<{ acknowledgedAt: string }>();
    expect(again.acknowledgedAt).toBe(first.acknowledgedAt);
    expect((await call('POST', `${path}/snooze`, { minutes: 30 })).json()).toMatchObject({ snoozedUntil: expect.any(String) as string });
    expect((await call('GET', path)).json()).toMatchObject({
      status: 'active',
      acknowledgedBy: 'key read write medical admin',
      history: [{ change: 'raised' }, { change: 'acknowledged', detail: { note: 'Seen' } }, { change: 'snoozed' }],
    });
    await client.query('SELECT 1');
    const told = { alertId: squad.alertId, athleteId: squad.athleteId, teamId: squad.teamId, alertType: 'risk', severity: 'red' };
    expect(heard.map((text) => JSON.parse(text) as object)).toMatchObject([
      { type: 'alert.acknowledged', ...told, at: first.acknowledgedAt },
      { type: 'alert.snoozed', ...told },
    ]);
    client.release(true);
    await api.database.pool.query('UPDATE alert SET cleared_at = now() WHERE id = $1', [squad.alertId]);
    expect((await call('POST', `${path}/snooze`, { minutes: 30 })).json()).toMatchObject({ status: 409, code: 'already-cleared' });
    expect((await call('GET', `/v1/alerts?athleteId=${squad.athleteId}&status=cleared`)).json()).toMatchObject({
      items: [{ id: squad.alertId, status: 'cleared' }],
    });
  });

  it('opens one session an athlete and closes it once; the metrics are asked for then', async () => {
    const athleteId = await api.athlete(squad.teamId, 'session');
    const opened = await Promise.all([
      call('POST', '/v1/sessions', { athleteId, type: 'test' }),
      call('POST', '/v1/sessions', { athleteId }),
    ]);
    expect(opened.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([201, 409]);
    expect(opened.find(({ statusCode }) => statusCode === 409)?.json()).toMatchObject({ code: 'session-open' });
    const { items } = (await call('GET', `/v1/sessions?athleteId=${athleteId}&open=true`)).json<PageBody>();
    const id = items[0]?.id ?? '';
    expect((await call('POST', `/v1/sessions/${id}/close`)).json()).toMatchObject({
      closedBy: 'staff',
      openedBy: 'staff',
      endedAt: expect.any(String) as string,
    });
    expect((await call('POST', `/v1/sessions/${id}/close`)).json()).toMatchObject({ status: 409, code: 'already-closed' });
    expect(api.calls.sessionsClosed).toEqual([id]);
    expect((await call('GET', `/v1/sessions/${id}`)).json()).toMatchObject({ id, athleteId });
  });

  it('records and clears injuries, prescribes and ends therapies', async () => {
    const path = `/v1/athletes/${squad.athleteId}`;
    const onsetAt = '2026-10-20T09:30:00.000Z';
    const injury = (
      await call('POST', `${path}/injuries`, { diagnosisCode: 'KJ1', region: 'knee', side: 'left', onsetAt, timeLossDays: 21 })
    ).json<{ id: string }>();
    expect(injury).toMatchObject({ diagnosisCode: 'KJ1', onsetAt, clearedAt: null, severity: null });
    const plan = { injuryId: injury.id, kind: 'cryotherapy', dosePerDay: 2, startsAt: onsetAt };
    const therapy = (await call('POST', `${path}/therapies`, plan)).json<{ id: string }>();
    expect(therapy).toMatchObject({ adherence: 1, prescribedBy: 'key read write medical admin', endsAt: null });
    expect((await call('POST', `${path}/therapies`, { ...plan, endsAt: '2026-10-19T00:00:00Z' })).json()).toMatchObject({ status: 400 });
    expect((await call('POST', `/v1/therapies/${therapy.id}/end`)).json()).toMatchObject({ endsAt: expect.any(String) as string });
    expect((await call('POST', `/v1/therapies/${therapy.id}/end`)).json()).toMatchObject({ code: 'already-ended' });
    expect((await call('POST', `/v1/injuries/${injury.id}/clear`, { why: 'healed' })).json()).toMatchObject({ code: 'not-cleared-yet' });
    expect((await call('PATCH', `/v1/injuries/${injury.id}`, { why: 'trained on', timeLoss: false })).json()).toMatchObject({
      timeLoss: false,
    });
    const cleared = (await call('POST', `/v1/injuries/${injury.id}/clear`, { why: 'healed' })).json();
    expect(cleared).toMatchObject({ clearedBy: 'key read write medical admin' });
    expect((await call('POST', `/v1/injuries/${injury.id}/clear`, { why: 'again' })).json()).toMatchObject({ code: 'already-closed' });
    expect((await call('GET', `${path}/injuries?open=false`)).json()).toMatchObject({ items: [{ id: injury.id }], nextCursor: null });
    expect((await call('GET', `${path}/therapies?open=true`)).json()).toMatchObject({ items: [{ id: squad.therapyId }], nextCursor: null });
  });

  it('keeps injury outcomes from those without the scope medical', async () => {
    const path = `/v1/athletes/${squad.athleteId}/outcomes`;
    const write = await api.key(squad.teamId, ['write']);
    const outcome = { kind: 'injury', at: '2026-10-20T09:30:00Z', value: { diagnosisCode: 'KJ1', region: 'knee', severity: 'mild' } };
    expect((await api.call(write, 'POST', path, outcome)).json()).toMatchObject({ status: 403, code: 'insufficient-scope' });
    expect((await call('POST', path, outcome)).json()).toMatchObject({ kind: 'injury', value: { diagnosisCode: 'KJ1' } });
    expect((await api.call(write, 'POST', path, { ...outcome, kind: 'session-rpe', value: { rpe: 7, minutes: 60 } })).statusCode).toBe(201);
    expect((await api.call(write, 'GET', path)).body).not.toContain('KJ1');
    expect((await api.call(write, 'GET', `${path}?kind=injury`)).json()).toMatchObject({ status: 403 });
    expect((await call('GET', `${path}?kind=injury`)).json()).toMatchObject({ items: [{ value: { diagnosisCode: 'KJ1' } }] });
  });
});

describe('devices and gateways', () => {
  it('assigns a device from a time on, ends the assignment before it, and refuses an overlap', async () => {
    const device = (await call('POST', '/v1/devices', { serial: 'vest-1', kind: 'wearable', label: 'Vest' })).json<{ id: string }>();
    expect(device).toMatchObject({ athleteId: null, kind: 'wearable' });
    expect((await call('POST', '/v1/devices', { serial: 'vest-1', kind: 'imu' })).json()).toMatchObject({
      status: 409,
      code: 'already-exists',
    });
    expect((await call('POST', '/v1/devices', { serial: 'vest 2', kind: 'imu' })).json()).toMatchObject({ status: 400 });
    const [anna, berta] = [await api.athlete(squad.teamId, 'anna'), await api.athlete(squad.teamId, 'berta')];
    const path = `/v1/devices/${device.id}/assignments`;
    const first = (await call('POST', path, { athleteId: anna, validFrom: '2026-01-01T00:00:00Z' })).json();
    expect(first).toMatchObject({ athleteId: anna, validTo: null });
    expect((await call('POST', path, { athleteId: berta, validFrom: '2026-03-01T00:00:00Z' })).statusCode).toBe(201);
    expect((await call('GET', path)).json()).toMatchObject({
      items: [
        { athleteId: berta, validTo: null },
        { athleteId: anna, validTo: '2026-03-01T00:00:00.000Z' },
      ],
    });
    expect((await call('GET', `/v1/devices/${device.id}`)).json()).toMatchObject({ athleteId: berta });
    expect((await call('GET', `/v1/devices?athleteId=${berta}`)).json()).toMatchObject({ items: [{ id: device.id }], nextCursor: null });
    const overlap = await call('POST', path, { athleteId: anna, validFrom: '2026-02-01T00:00:00Z', validTo: '2026-02-02T00:00:00Z' });
    expect(overlap.json()).toMatchObject({ status: 409, code: 'assignment-overlap' });
    expect((await call('POST', path, { athleteId: berta })).statusCode).toBe(201);
    expect((await call('POST', `/v1/devices/${device.id}/unassign`)).json()).toMatchObject({
      athleteId: berta,
      validTo: expect.any(String) as string,
    });
    expect((await call('POST', `/v1/devices/${device.id}/unassign`)).json()).toMatchObject({ status: 409, code: 'already-closed' });
  });

  it('provisions a gateway, shows its token once, reports its progress, and revokes it', async () => {
    const made = (await call('POST', '/v1/gateways', { name: 'Pitch 1' })).json<{ id: string; token: string }>();
    expect(made.token).toMatch(/^kwg_[A-Za-z0-9_-]{43}$/);
    expect((await call('GET', '/v1/gateways')).body).not.toContain(made.token);
    expect((await call('POST', '/v1/gateways', { name: 'Pitch 1' })).json()).toMatchObject({ status: 409, code: 'already-exists' });
    expect((await api.call(made.token, 'GET', '/v1/gateways/me/progress')).json()).toEqual({ streams: [], athletes: [] });
    expect((await api.call(squad.gatewayToken, 'GET', '/v1/gateways/me/progress')).json()).toEqual({
      streams: [{ athleteId: squad.athleteId, streamId: expect.any(Number) as number, nextSequence: 17 }],
      athletes: [{ athleteId: squad.athleteId, windowsDue: 4, windowsScored: 3 }],
    });
    expect((await api.call(squad.key, 'GET', '/v1/gateways/me/progress')).statusCode).toBe(401);
    expect((await call('POST', `/v1/gateways/${made.id}/revoke`)).json()).toMatchObject({ revokedAt: expect.any(String) as string });
    expect(api.calls.gatewaysRevoked).toEqual([made.id]);
    expect((await api.call(made.token, 'GET', '/v1/gateways/me/progress')).json()).toMatchObject({
      status: 401,
      code: 'invalid-credentials',
    });
  });
});

describe('webhooks', () => {
  const body = { url: 'https://example.org/hook?x=1', eventTypes: ['alert.raised', 'recommendation.created'] };

  it('shows the secret once, rotates it with both valid for a day, and deletes with the deliveries', async () => {
    const made = (await call('POST', '/v1/webhooks', body)).json<{ id: string; secret: string }>();
    expect(made).toMatchObject({ ...body, disabledAt: null });
    expect(Buffer.from(made.secret.replace('whsec_', ''), 'base64')).toHaveLength(32);
    expect((await call('GET', `/v1/webhooks/${made.id}`)).body).not.toContain('whsec_');
    const rotated = (await call('POST', `/v1/webhooks/${made.id}/rotate-secret`)).json<{ secret: string; previousSecretUntil: string }>();
    const { rows } = await api.database.pool.query('SELECT secret, previous_secret FROM webhook_endpoint WHERE id = $1', [made.id]);
    expect(rows).toEqual([{ secret: rotated.secret, previous_secret: made.secret }]);
    expect(Date.parse(rotated.previousSecretUntil) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    expect((await call('POST', `/v1/webhooks/${made.id}/test`)).statusCode).toBe(202);
    const removed = await call('DELETE', `/v1/webhooks/${made.id}`);
    expect([removed.statusCode, removed.body]).toEqual([204, '']);
    expect((await call('GET', `/v1/webhooks/${made.id}`)).statusCode).toBe(404);
    expect((await api.database.pool.query('SELECT 1 FROM webhook_delivery WHERE endpoint_id = $1', [made.id])).rowCount).toBe(0);
  });

  it('stores a test event, hands it on, and lists deliveries with every attempt', async () => {
    const sent = (await call('POST', `/v1/webhooks/${squad.webhookId}/test`)).json<{ id: string }>();
    expect(sent).toMatchObject({ eventType: 'webhook.test', status: 'pending', attempts: [] });
    expect(api.calls.webhooksTested.at(-1)).toBe(sent.id);
    const { items } = await readAll(`/v1/webhooks/${squad.webhookId}/deliveries`, 1);
    expect(items.map(({ id }) => id)).toEqual([sent.id, squad.deliveryId]);
    expect(items[1]?.attempts).toEqual([{ at: expect.any(String) as string, statusCode: 500, error: null, fault: null, durationMs: 12.5 }]);
    expect((await call('PATCH', `/v1/webhooks/${squad.webhookId}`, { enabled: false })).json()).toMatchObject({
      disabledReason: 'by staff',
    });
    expect((await call('POST', `/v1/webhooks/${squad.webhookId}/test`)).json()).toMatchObject({ status: 409, code: 'webhook-disabled' });
    expect((await call('PATCH', `/v1/webhooks/${squad.webhookId}`, { enabled: true, eventTypes: ['alert.cleared'] })).json()).toMatchObject(
      {
        disabledAt: null,
        eventTypes: ['alert.cleared'],
      },
    );
  });

  it('refuses addresses no webhook may have', async () => {
    for (const url of [
      'ftp://example.org/',
      'not a url',
      'https://user:secret@example.org/',
      'http://localhost:8080/hook',
      'http://127.0.0.1/',
      'http://2130706433/',
      'http://[::1]/',
      'http://[::ffff:10.0.0.1]/',
      'http://169.254.169.254/latest',
      'https://intranet/hook',
    ]) {
      expect((await call('POST', '/v1/webhooks', { ...body, url })).json(), url).toMatchObject({
        status: 422,
        code: 'webhook-url-refused',
      });
    }
    expect((await call('POST', '/v1/webhooks', { ...body, eventTypes: ['alert.raised', 'alert.raised'] })).statusCode).toBe(400);
  });
});

describe('operations', () => {
  it('is healthy while it is not ready, and says why it is not', async () => {
    expect((await api.call(null, 'GET', '/healthz')).json()).toEqual({ status: 'ok' });
    expect((await api.call(null, 'GET', '/readyz')).json()).toMatchObject({
      ready: true,
      checks: { executionProvider: { ok: true, detail: 'cpu' } },
    });
    api.setReadiness({ ready: false, checks: { database: { ok: false, detail: 'connection refused' } } });
    const answer = await api.call(null, 'GET', '/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({ ready: false, checks: { database: { ok: false, detail: 'connection refused' } } });
  });

  it('serves metrics as text, and lets no cache keep an answer', async () => {
    const answer = await api.call(null, 'GET', '/metrics');
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.body).toContain('kinewatch_up 1');
    expect((await call('GET', '/v1/athletes')).headers['cache-control']).toBe('no-store');
  });
});
