/** The life of an alert and the settings it is judged by, over HTTP and a real PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { asmsParams } from '../../src/asms/params.ts';
import { stepAsms, type AsmsFacts, type AsmsStateValue } from '../../src/asms/step.ts';
import type { ScoredWindow } from '../../src/contracts/score.ts';
import { createAsmsWorker } from '../../src/queue/asms-worker.ts';
import { hashSecret } from '../../src/rest/credentials.ts';
import { createAsmsStore } from '../../src/store/asms-store.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { scoredWindow, TEST_CHANNELS } from '../support/scored-windows.ts';

interface Alert {
  readonly status: string;
  readonly acknowledgedBy: string | null;
  readonly outcome: string | null;
  readonly injuryId: string | null;
  readonly outcomeWithheld: boolean;
  readonly settingsVersion: string;
  readonly history: readonly { readonly change: string; readonly by: string | null; readonly detail: Record<string, unknown> }[];
}

let api: RestApp;
let teamId: string;
let athleteId: string;
/** Two coaches and a doctor of the team. */
let coach: string;
let other: string;
let doctor: string;
beforeAll(async () => {
  api = await startRestApp();
});
afterAll(() => api.close());
beforeEach(async () => {
  teamId = await api.team(`team ${randomUUID()}`);
  athleteId = await api.athlete(teamId, 'a');
  [coach, other] = [await api.key(teamId, ['write']), await api.key(teamId, ['read', 'write'])];
  doctor = await api.key(teamId, ['read', 'write', 'medical']);
});

async function raise(type = 'deviation', severity = 'amber', raisedAt = new Date()): Promise<string> {
  const id = randomUUID();
  await api.database.pool.query(
    `INSERT INTO alert (id, team_id, athlete_id, type, severity, title, sentence, evidence, raised_window_index, raised_at, method_version)
     VALUES ($1, $2, $3, $4, $5, 't', 's', '{}', 1, $6, 'asms-test')`,
    [id, teamId, athleteId, type, severity, raisedAt],
  );
  await api.database.pool.query(
    `INSERT INTO alert_event (id, alert_id, at, change, by) VALUES (gen_random_uuid(), $1, $2, 'raised', 'asms')`,
    [id, raisedAt],
  );
  return id;
}
const post = (key: string, id: string, what: string, body: object = {}) => api.call(key, 'POST', `/v1/alerts/${id}/${what}`, body);
const get = async (id: string, key = doctor): Promise<Alert> => (await api.call(key, 'GET', `/v1/alerts/${id}`)).json<Alert>();
const codes = (answers: readonly { readonly statusCode: number }[]): number[] =>
  answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b);
const told = async (id: string): Promise<string[]> => {
  const { rows } = await api.database.pool.query<{ event_type: string; body: string }>(
    `SELECT event_type, body FROM webhook_event WHERE body LIKE '%' || $1 || '%' ORDER BY created_at, event_type`,
    [id],
  );
  for (const { body } of rows) expect(Object.keys((JSON.parse(body) as { data: object }).data)).toEqual(['alertId', 'athleteId', 'teamId']);
  return rows.map((row) => row.event_type);
};
const changesOf = (alert: Alert): string[] => alert.history.map(({ change }) => change);

describe('an alert that people work on', () => {
  it('is acknowledged, snoozed, assigned and closed, and shows every change with who made it', async () => {
    const id = await raise();
    await post(coach, id, 'acknowledge', { note: 'Seen' });
    const until = new Date(Date.now() + 3_600_000).toISOString();
    expect((await post(coach, id, 'snooze', { until })).json()).toMatchObject({ snoozedUntil: until });
    expect((await post(other, id, 'assign', { to: 'Kim Larsen' })).json()).toMatchObject({ assignedTo: 'Kim Larsen' });
    const closed = await post(other, id, 'close', { outcome: 'load-changed', note: 'Half the session' });
    expect(closed.json()).toMatchObject({
      status: 'cleared',
      acknowledgedBy: 'key write',
      closedBy: 'key read write',
      outcome: 'load-changed',
      outcomeNote: 'Half the session',
      snoozedUntil: null,
    });
    expect((await get(id)).history).toMatchObject([
      { change: 'raised', by: 'asms' },
      { change: 'acknowledged', by: 'key write', detail: { note: 'Seen' } },
      { change: 'snoozed', by: 'key write', detail: { until } },
      { change: 'assigned', by: 'key read write', detail: { to: 'Kim Larsen' } },
      { change: 'closed', by: 'key read write', detail: { outcome: 'load-changed', note: 'Half the session', injuryId: null } },
    ]);
    expect((await told(id)).toSorted()).toEqual(
      ['alert.acknowledged', 'alert.snoozed', 'alert.assigned', 'alert.cleared', 'alert.closed'].toSorted(),
    );
    for (const [query, found] of [
      ['closed=true', true],
      ['closed=false', false],
      ['assignedTo=Kim%20Larsen', true],
      ['assignedTo=Somebody', false],
    ] as const) {
      const { body } = await api.call(coach, 'GET', `/v1/alerts?athleteId=${athleteId}&${query}`);
      expect(body.includes(id), query).toBe(found);
    }
  });

  it('is acknowledged once and closed once where two do it at the same moment', async () => {
    const id = await raise();
    expect(codes(await Promise.all([post(coach, id, 'acknowledge'), post(other, id, 'acknowledge')]))).toEqual([200, 200]);
    expect(changesOf(await get(id))).toEqual(['raised', 'acknowledged']);
    const both = await Promise.all([post(coach, id, 'close', { outcome: 'other' }), post(other, id, 'close', { outcome: 'load-changed' })]);
    expect(codes(both)).toEqual([200, 409]);
    expect(both.find(({ statusCode }) => statusCode === 409)?.json()).toMatchObject({ code: 'already-closed' });
    expect(changesOf(await get(id))).toEqual(['raised', 'acknowledged', 'closed']);
    expect((await told(id)).filter((type) => type === 'alert.closed')).toHaveLength(1);
  });

  it('refuses what cannot be, says what to do, and changes nothing', async () => {
    const id = await raise();
    const before = await get(id);
    const sensors = await raise('data-stopped');
    const past = new Date(Date.now() - 60_000).toISOString();
    const late = new Date(Date.now() + 8 * 86_400_000).toISOString();
    const refused: readonly (readonly [string, string, object, number, string])[] = [
      [id, 'snooze', { until: past }, 422, 'value-out-of-range'],
      [id, 'snooze', { until: late }, 422, 'value-out-of-range'],
      [id, 'snooze', { until: '0001-01-01T00:00:00Z' }, 422, 'time-out-of-range'],
      [id, 'snooze', {}, 400, 'validation-failed'],
      [id, 'snooze', { minutes: 5, until: late }, 400, 'validation-failed'],
      [id, 'snooze', { minutes: 0 }, 400, 'validation-failed'],
      [id, 'assign', {}, 400, 'validation-failed'],
      [id, 'assign', { to: 'x', keyId: randomUUID() }, 400, 'validation-failed'],
      [id, 'assign', { keyId: randomUUID() }, 422, 'unknown-reference'],
      [id, 'outcome', { outcome: 'other' }, 409, 'not-closed'],
      [id, 'close', { outcome: 'load-changed', injuryId: randomUUID() }, 422, 'outcome-refused'],
      [id, 'close', { outcome: 'injury-confirmed', injuryId: randomUUID() }, 422, 'unknown-reference'],
      [id, 'close', { outcome: 'cured' }, 400, 'validation-failed'],
      [sensors, 'close', { outcome: 'injury-confirmed' }, 422, 'outcome-refused'],
      [sensors, 'close', { outcome: 'new-normal' }, 422, 'outcome-refused'],
      [randomUUID(), 'close', { outcome: 'other' }, 404, 'not-found'],
    ];
    for (const [alert, what, body, status, code] of refused) {
      const answer = await post(doctor, alert, what, body);
      expect(answer.json(), `${what} ${JSON.stringify(body)}`).toMatchObject({ status, code, detail: expect.any(String) as string });
    }
    expect(await get(id)).toEqual(before);
    expect(await told(id)).toEqual([]);
  });

  it('is not snoozed once it is over', async () => {
    const id = await raise();
    await api.database.pool.query('UPDATE alert SET cleared_at = now() WHERE id = $1', [id]);
    expect((await post(coach, id, 'snooze', { minutes: 5 })).json()).toMatchObject({ status: 409, code: 'already-cleared' });
  });

  it('is assigned to a key by its name, of this team or of every team, and to no other', async () => {
    const id = await raise();
    const keyId = async (key: string): Promise<string> => {
      const { rows } = await api.database.pool.query<{ id: string }>('SELECT id FROM api_key WHERE hash = $1', [hashSecret(key)]);
      return rows[0]?.id ?? '';
    };
    const everywhere = await api.key(null, ['read']);
    const elsewhere = await api.key(await api.team(`elsewhere ${randomUUID()}`), ['read']);
    const assign = async (key: string): Promise<number> => (await post(coach, id, 'assign', { keyId: await keyId(key) })).statusCode;
    expect([await assign(doctor), await assign(everywhere), await assign(elsewhere)]).toEqual([200, 200, 422]);
    expect(await get(id)).toMatchObject({ assignedTo: 'key read' });
  });

  it('that a device clock dates a moment ahead can be changed at once', async () => {
    const id = await raise('risk', 'red', new Date(Date.now() + 400));
    expect((await post(coach, id, 'acknowledge')).statusCode).toBe(200);
    expect(changesOf(await get(id))).toEqual(['raised', 'acknowledged']);
  });
});

describe('an outcome', () => {
  it('is corrected, and the one before stays in the history', async () => {
    const id = await raise();
    await post(coach, id, 'close', { outcome: 'checked-no-finding' });
    expect((await post(coach, id, 'outcome', { outcome: 'sensor-fault', note: 'Loose strap' })).json()).toMatchObject({
      outcome: 'sensor-fault',
      outcomeNote: 'Loose strap',
    });
    expect((await get(id)).history.slice(1)).toMatchObject([
      { change: 'closed', detail: { outcome: 'checked-no-finding' } },
      { change: 'outcome-corrected', detail: { outcome: 'sensor-fault' } },
    ]);
    expect((await told(id)).at(-1)).toBe('alert.outcome-corrected');
  });

  it('that is an injury is for the scope medical: to give, to read, and to take back', async () => {
    const id = await raise();
    const injury = await api.call(doctor, 'POST', `/v1/athletes/${athleteId}/injuries`, {
      diagnosisCode: 'TMHXX',
      region: 'thigh',
      onsetAt: '2026-11-02T15:10:00Z',
      timeLossDays: 18,
    });
    expect(injury.statusCode, injury.body).toBe(201);
    const injuryId = injury.json<{ id: string }>().id;
    const body = { outcome: 'injury-confirmed', injuryId, note: 'Hamstring' };
    expect((await post(coach, id, 'close', body)).json()).toMatchObject({ status: 403, code: 'insufficient-scope' });
    expect(await get(id)).toMatchObject({ outcome: null });
    expect((await post(doctor, id, 'close', body)).json()).toMatchObject({ outcome: 'injury-confirmed', injuryId });
    const seen = [(await api.call(coach, 'GET', `/v1/alerts/${id}`)).body, (await api.call(coach, 'GET', '/v1/alerts')).body];
    for (const text of seen) {
      expect(text).toContain('"outcomeWithheld":true');
      for (const hidden of ['injury-confirmed', injuryId, 'Hamstring']) expect(text).not.toContain(hidden);
    }
    expect((await post(coach, id, 'outcome', { outcome: 'other' })).json()).toMatchObject({ status: 403, code: 'insufficient-scope' });
    expect((await post(doctor, id, 'outcome', { outcome: 'other' })).statusCode).toBe(200);
    expect((await api.call(coach, 'GET', `/v1/alerts/${id}`)).body).not.toContain(injuryId);
    expect((await get(id)).history[1]).toMatchObject({ detail: { outcome: 'injury-confirmed', injuryId } });
  });
});

describe('ratings', () => {
  it('are one a clinician and alert, can be changed, and need the scope medical', async () => {
    const id = await raise();
    const rate = (key: string, body: object) => api.call(key, 'PUT', `/v1/alerts/${id}/rating`, body);
    expect((await rate(coach, { rating: 3 })).statusCode).toBe(403);
    for (const rating of [0, 6, 2.5]) expect((await rate(doctor, { rating })).statusCode).toBe(400);
    const second = await api.key(teamId, ['read', 'medical']);
    expect(codes(await Promise.all([rate(doctor, { rating: 3 }), rate(doctor, { rating: 3 }), rate(second, { rating: 5 })]))).toEqual([
      200, 200, 200,
    ]);
    await rate(doctor, { rating: 4, note: 'On second thoughts' });
    const alert = (await api.call(doctor, 'GET', `/v1/alerts/${id}`)).json<{ ratings: { rater: string; rating: number }[] }>();
    expect(alert.ratings.map(({ rater, rating }) => `${rater}: ${rating}`).toSorted()).toEqual([
      'key read medical: 5',
      'key read write medical: 4',
    ]);
    const rated = (await get(id)).history.filter(({ change }) => change === 'rated').map(({ detail }) => Number(detail['rating']));
    expect(rated.toSorted((a, b) => a - b)).toEqual([3, 4, 5]);
    expect(rated.at(-1)).toBe(4);
  });
});

const params = asmsParams({
  bio: TEST_CHANNELS.map((name) => ({
    name,
    unit: 'rad/s',
    kind: 'imu',
    placement: 'foot-left',
    channel: name,
    prior: { rest: ONE(), walk: ONE(), run: ONE(), jump: ONE() },
  })),
  thresholds: { high: 0.7, low: 0.4, k: 4, n: 6, source: 'test' },
});
function ONE() {
  return { location: 0, scale: 1 };
}

/** The athlete's windows, hop after hop up to now, so that staff's decisions fall between them. */
class Season {
  readonly played: ScoredWindow[] = [];
  #hop = Math.floor(Date.now() / 1_000) - 1_000 - Math.floor(scoredWindow(0).startUs / 1e6);

  async go(count: number, given: Parameters<typeof scoredWindow>[1] = {}): Promise<void> {
    const from = this.#hop;
    this.#hop += count;
    const windows = Array.from({ length: count }, (_, i) => scoredWindow(from + i, { athleteId, level: Math.sin(from + i), ...given }));
    this.played.push(...windows);
    const last = windows.at(-1);
    if (last === undefined) return;
    const { modelVersion, windowIndex } = last;
    await createShardStore(api.database.pool).commitScores(
      windows,
      [{ athleteId, modelVersion, windowIndex, data: new Uint8Array(8) }],
      false,
    );
    await createAsmsWorker({ store: createAsmsStore(api.database.pool), paramsOf: () => params, onDeliveries: () => undefined }).work({
      athleteId,
    });
  }

  /** From here on windows lie after now: what is decided now comes before them. */
  leapAhead(): void {
    this.#hop += Math.ceil(Date.now() / 1_000 + 30 - scoredWindow(this.#hop).startUs / 1e6);
  }

  replayed(facts: Partial<AsmsFacts>): { readonly state: AsmsStateValue; readonly raised: readonly (readonly [number, string])[] } {
    const whole = { athleteId, teamId, openInjuries: [], therapies: [], openAlerts: [], ...facts };
    const { state, raise } = stepAsms(null, this.played, whole, params);
    return { state, raised: raise.map(({ windowIndex, settingsVersion }) => [windowIndex, settingsVersion]) };
  }
}

const stored = async (): Promise<AsmsStateValue> => {
  const { rows } = await api.database.pool.query<{ state: AsmsStateValue }>('SELECT state FROM asms_state WHERE athlete_id = $1', [
    athleteId,
  ]);
  if (rows[0] === undefined) throw new Error('no state');
  return rows[0].state;
};
const raisedAlerts = async (): Promise<(readonly [number, string])[]> => {
  const { rows } = await api.database.pool.query<{ n: string; v: string }>(
    'SELECT raised_window_index AS n, settings_version AS v FROM alert WHERE athlete_id = $1 AND raised_window_index > 1 ORDER BY 1',
    [athleteId],
  );
  return rows.map(({ n, v }) => [Number(n), v]);
};
const microsOf = async (sql: string): Promise<number[]> => {
  const { rows } = await api.database.pool.query<{ us: string }>(`SELECT (extract(epoch FROM at) * 1000000)::bigint AS us FROM ${sql}`, [
    athleteId,
  ]);
  return rows.map(({ us }) => Number(us));
};

describe('a new normal', () => {
  it('begins the baselines anew from the next window on, and a replay gives the same state', async () => {
    const season = new Season();
    await season.go(40);
    const id = await raise();
    season.leapAhead();
    const closed = (await post(coach, id, 'close', { outcome: 'new-normal' })).json<Alert>();
    expect(closed.history.at(-1)).toMatchObject({ change: 'closed', detail: { newNormal: 'begins' } });
    await season.go(30, { level: 2 });
    const newNormals = await microsOf('new_normal WHERE athlete_id = $1');
    expect(newNormals).toHaveLength(1);
    const state = await stored();
    expect(state).toStrictEqual(season.replayed({ newNormals }).state);
    expect(state).not.toEqual(season.replayed({}).state);
    // It has been judged by: taking it back keeps it, so that the replay still holds.
    expect((await post(coach, id, 'outcome', { outcome: 'other' })).json<Alert>().history.at(-1)?.detail['newNormal']).toMatch(/^kept/u);
    expect(await microsOf('new_normal WHERE athlete_id = $1')).toEqual(newNormals);
  });

  it('that no window was judged by is withdrawn where the outcome is corrected', async () => {
    const season = new Season();
    await season.go(5);
    const id = await raise('asymmetry');
    await post(coach, id, 'close', { outcome: 'new-normal' });
    expect((await post(coach, id, 'outcome', { outcome: 'other' })).json<Alert>().history.at(-1)?.detail['newNormal']).toBe('withdrawn');
    expect(await microsOf('new_normal WHERE athlete_id = $1')).toEqual([]);
  });

  it('lies after the newest window applied, whatever this machine takes for now', async () => {
    const season = new Season();
    season.leapAhead();
    await season.go(5);
    const id = await raise();
    await post(coach, id, 'close', { outcome: 'new-normal' });
    expect(await microsOf('new_normal WHERE athlete_id = $1')).toEqual([(season.played.at(-1)?.endUs ?? 0) + 1]);
  });
});

interface Settings {
  readonly version: number;
  readonly settingsVersion: string;
  readonly effective: Record<string, Record<string, { value: unknown; from: string }>>;
}
const settingsPath = (kind: 'team' | 'athlete', what = ''): string =>
  kind === 'team' ? `/v1/teams/${teamId}/alarm-settings${what}` : `/v1/athletes/${athleteId}/alarm-settings${what}`;
const set = (kind: 'team' | 'athlete', settings: object, basedOnVersion: number, key = coach) =>
  api.call(key, 'PUT', settingsPath(kind), { settings, basedOnVersion, why: 'Test' });

describe('alarm settings', () => {
  it('say of each value where it comes from: method and model, team, athlete; a reset gives the level above back', async () => {
    expect((await set('team', { risk: { high: 0.98, k: 4 }, asymmetry: { enabled: false } }, 0)).json()).toMatchObject({ version: 1 });
    expect((await set('athlete', { risk: { high: 0.95 } }, 0)).statusCode).toBe(200);
    const read = async (): Promise<Settings> => (await api.call(coach, 'GET', settingsPath('athlete'))).json();
    expect(await read()).toMatchObject({
      version: 1,
      teamVersion: 1,
      settingsVersion: 'team-1+athlete-1',
      effective: {
        risk: { high: { value: 0.95, from: 'athlete' }, k: { value: 4, from: 'team' }, n: { value: 5, from: 'default' } },
        asymmetry: { enabled: { value: false, from: 'team' } },
        deviation: { redFactor: { from: 'default' } },
      },
      leftOut: [],
    });
    const reset = await api.call(coach, 'POST', settingsPath('athlete', '/reset'), { why: 'End of block' });
    expect(reset.json()).toMatchObject({ version: 2, settings: {}, effective: { risk: { high: { value: 0.98, from: 'team' } } } });
    const versions = (await api.call(coach, 'GET', settingsPath('athlete', '/versions?limit=1'))).json<{
      items: object[];
      nextCursor: string;
    }>();
    expect(versions.items).toMatchObject([{ version: 2, settings: {}, by: 'key write', why: 'End of block' }]);
    const next = await api.call(coach, 'GET', settingsPath('athlete', `/versions?cursor=${versions.nextCursor}`));
    expect(next.json()).toMatchObject({ items: [{ version: 1, settings: { risk: { high: 0.95 } } }], nextCursor: null });
  });

  it('that cannot be are refused with every fault, and nothing is stored', async () => {
    const answer = await set('team', { risk: { high: 2, hihg: 1 }, mood: {} }, 0);
    expect(answer.json()).toMatchObject({ status: 422, code: 'alarm-settings-refused' });
    expect(answer.json<{ errors: { path: string }[] }>().errors.map(({ path }) => path)).toEqual([
      '/settings/risk/high',
      '/settings/risk/hihg',
      '/settings/mood',
    ]);
    expect((await api.call(coach, 'GET', settingsPath('team'))).json()).toMatchObject({ version: 0, settingsVersion: 'default' });
  });

  it("of a team are refused where an athlete's own would not fit any more", async () => {
    await set('athlete', { risk: { high: 0.75 } }, 0);
    const refused = (await set('team', { risk: { low: 0.8 } }, 0)).json<{ detail: string }>();
    expect(refused).toMatchObject({ status: 422, code: 'alarm-settings-refused', errors: [{ in: 'body', path: '/settings/risk/low' }] });
    expect(refused.detail).toContain(`The settings of athlete ${athleteId} would not fit any more: change those first`);
    expect(refused.detail).toContain('low 0.8 must be below high 0.75');
    expect((await set('team', { risk: { low: 0.72 } }, 0)).statusCode).toBe(200);
    // Of two fields that do not fit, the one that was sent is named.
    const own = (await set('athlete', { risk: { high: 0.71 } }, 1)).json<{ detail: string }>();
    expect(own).toMatchObject({ status: 422, errors: [{ path: '/settings/risk/high', message: 'low 0.72 must be below high 0.71' }] });
    expect(own.detail).not.toContain('would not fit any more');
    expect((await set('athlete', { risk: { n: 2 } }, 1)).json()).toMatchObject({
      status: 422,
      errors: [{ path: '/settings/risk/n', message: 'k 3 of n 2 can never be: give k at most n' }],
    });
  });

  it('of two who set them at once one wins, and the other is told to read again', async () => {
    const both = await Promise.all([set('team', { risk: { k: 2 } }, 0), set('team', { risk: { k: 3 } }, 0, other)]);
    expect(codes(both)).toEqual([200, 409]);
    expect(both.find(({ statusCode }) => statusCode === 409)?.json()).toMatchObject({ code: 'changed-meanwhile' });
    expect((await api.call(coach, 'GET', settingsPath('team', '/versions'))).json<{ items: object[] }>().items).toHaveLength(1);
  });

  it('decide what is raised from the next window on, stand with the alert, and a replay raises the same', async () => {
    const season = new Season();
    await season.go(20);
    await season.go(20, { state: 0.75 });
    await season.go(30);
    expect((await set('team', { risk: { high: 0.8 } }, 0)).statusCode).toBe(200);
    season.leapAhead();
    await season.go(20, { state: 0.75 });
    await season.go(10);
    await season.go(20, { state: 0.85 });
    const raised = await raisedAlerts();
    expect(raised.map(([, version]) => version)).toEqual(['default', 'team-1']);
    const [fromUs = 0] = await microsOf('alarm_settings WHERE subject_id = (SELECT team_id FROM athlete WHERE id = $1)');
    const alarmSettings = [{ level: 'team', version: 1, fromUs, settings: { risk: { high: 0.8 } } }] as const;
    const replay = season.replayed({ alarmSettings });
    expect(replay.raised).toEqual(raised);
    expect(await stored()).toStrictEqual(replay.state);
  });

  it('of an athlete nobody knows, or of another team, are not found', async () => {
    const elsewhere = await api.key(await api.team(`elsewhere ${randomUUID()}`), ['write']);
    for (const kind of ['team', 'athlete'] as const) {
      expect((await api.call(elsewhere, 'GET', settingsPath(kind))).statusCode).toBe(404);
      expect((await set(kind, {}, 0, elsewhere)).statusCode).toBe(404);
    }
  });
});
