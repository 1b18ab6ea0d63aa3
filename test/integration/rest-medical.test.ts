/** Injuries, therapies and returns to play over HTTP on a real PostgreSQL: what is recorded, who sees it, and what is refused. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_PROTOCOL } from '../../src/asms/return-protocol.ts';
import { availabilityAt } from '../../src/asms/availability.ts';
import { therapyPieces } from '../../src/asms/medical-record.ts';
import type { AthleteFacts } from '../../src/queue/ports.ts';
import { mintApiKey } from '../../src/rest/credentials.ts';
import type { Role } from '../../src/rest/ports.ts';
import { ROLE_SCOPES } from '../../src/rest/ports.ts';
import { createAsmsStore } from '../../src/store/asms-store.ts';
import { insertScore } from '../support/rest-seed.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

type Keys = Readonly<Record<Role, string>>;
interface Row {
  readonly id: string;
  readonly [field: string]: unknown;
}
interface Return {
  readonly injuryId: string;
  readonly phase: string;
  readonly stage: { readonly name: string; readonly place: number } | null;
  readonly ceiling: { readonly share: number; readonly value: number | null } | null;
  readonly openPoints: readonly string[];
  readonly criteria?: readonly {
    readonly metric: string;
    readonly met: boolean;
    readonly share: number | null;
    readonly ownBefore: number | null;
  }[];
  readonly history?: readonly { readonly change: string }[];
}

const DAY_MS = 86_400_000;
/** Of one moment: two of them a millisecond apart would put a report before its onset. */
const NOW_MS = Date.now();
const daysAgo = (days: number): string => new Date(NOW_MS - days * DAY_MS).toISOString();
const dayOf = (iso: string): string => iso.slice(0, 10);

let api: RestApp;
let teamId: string;
let athleteId: string;
let path: string;
let keys: Keys;
beforeAll(async () => {
  api = await startRestApp();
  teamId = await api.team('Reds');
}, 300_000);
afterAll(() => api.close());

const keyOf = async (role: Role): Promise<string> => {
  const { secret, prefix, hash } = mintApiKey();
  const owner = role === 'athlete' ? athleteId : null;
  await api.repositories.apiKeys.create({
    teamId,
    name: `the ${role}`,
    scopes: ROLE_SCOPES[role],
    role,
    athleteId: owner,
    expiresAt: null,
    prefix,
    hash,
  });
  return secret;
};

beforeEach(async () => {
  athleteId = await api.athlete(teamId, randomUUID());
  path = `/v1/athletes/${athleteId}`;
  const [coach, medical, analyst, admin, athlete] = await Promise.all(
    (['coach', 'medical', 'analyst', 'admin', 'athlete'] as const).map(keyOf),
  );
  keys = { coach, medical, analyst, admin, athlete } as Keys;
});

const call = async <T>(method: 'GET' | 'POST' | 'PATCH', url: string, body?: object, key = keys.medical): Promise<T> => {
  const answer = await api.call(key, method, url, body);
  if (answer.statusCode >= 300) throw new Error(`${method} ${url} answered ${answer.statusCode} ${answer.body}`);
  return answer.json<T>();
};
const refused = async (method: 'GET' | 'POST' | 'PATCH', url: string, body?: object, key = keys.medical) => {
  const before = await everything();
  const answer = await api.call(key, method, url, body);
  expect(answer.headers['content-type'], answer.body).toBe('application/problem+json');
  expect(await everything(), `${method} ${url} changed something`).toEqual(before);
  return answer.json<{ status: number; code: string; detail: string }>();
};
/** All rows of the medical record. */
const everything = async (): Promise<unknown> => {
  const tables = ['injury', 'therapy', 'therapy_adherence', 'return_to_play', 'measurement', 'medical_change', 'return_protocol'];
  return Promise.all(tables.map(async (table) => (await api.database.pool.query(`SELECT * FROM ${table} ORDER BY 1`)).rows));
};

const thigh = (onsetAt: string, more: object = {}) => ({
  diagnosisCode: 'TMHXX',
  region: 'thigh',
  side: 'left',
  onsetAt,
  timeLossDays: 18,
  ...more,
});
const KNEE = { diagnosisCode: 'KJ1', region: 'knee' };
const hurt = (days: number, more: object = {}) => call<Row>('POST', `${path}/injuries`, thigh(daysAgo(days), more));
const treat = (injuryId: string, days: number, more: object = {}) =>
  call<Row>('POST', `${path}/therapies`, { injuryId, kind: 'physiotherapy', dosePerDay: 1, startsAt: daysAgo(days), ...more });
const measure = (name: string, value: number, unit: string, days: number, more: object = {}) =>
  call<Row>('POST', `${path}/measurements`, { name, value, unit, at: daysAgo(days), ...more });
const returnsOf = async (key = keys.medical): Promise<readonly Return[]> =>
  (await call<{ items: Return[] }>('GET', `${path}/return-to-play`, undefined, key)).items;
const history = async (subjectId: string): Promise<readonly Row[]> =>
  (await call<{ items: Row[] }>('GET', `${path}/medical-history?subjectId=${subjectId}`)).items;

describe('injuries', () => {
  it('keep what was said: code, region, side, onset and report, contact, time loss; and every correction with what was there before', async () => {
    const onsetAt = daysAgo(3);
    const injury = await call<Row>(
      'POST',
      `${path}/injuries`,
      thigh(onsetAt, { severity: 'moderate', reportedAt: daysAgo(2), contact: false }),
    );
    expect(injury).toMatchObject({ onsetAt, contact: false, timeLoss: true, severity: 'moderate', clearedAt: null, relapseOf: null });
    const corrected = await call<Row>('PATCH', `/v1/injuries/${injury.id}`, {
      why: 'Imaging',
      diagnosisCode: 'TMHR2',
      side: null,
      timeLossDays: 35,
    });
    expect(corrected).toEqual({ ...injury, diagnosisCode: 'TMHR2', side: null, timeLossDays: 35 });
    expect(await history(injury.id)).toMatchObject([
      { change: 'corrected', by: 'the medical', why: 'Imaging', before: injury, after: corrected },
      { change: 'recorded', before: null, after: injury },
    ]);
  });

  it('can be taken back: the row goes, the history keeps it, and nothing is left of the return', async () => {
    const { id } = await hurt(3);
    expect(await returnsOf()).toHaveLength(1);
    const therapy = await treat(id, 2);
    expect(await refused('POST', `/v1/injuries/${id}/withdraw`, { why: 'Wrong athlete' })).toMatchObject({
      status: 409,
      code: 'not-allowed',
    });
    await call('POST', `/v1/therapies/${therapy.id}/withdraw`, { why: 'Wrong athlete' });
    await call('POST', `/v1/injuries/${id}/withdraw`, { why: 'Wrong athlete' });
    expect(await call('GET', `${path}/injuries`)).toMatchObject({ items: [] });
    expect(await returnsOf()).toEqual([]);
    expect(await history(id)).toMatchObject([{ change: 'withdrawn', why: 'Wrong athlete', after: null }, { change: 'recorded' }]);
    expect((await api.call(keys.medical, 'POST', `/v1/injuries/${id}/withdraw`, { why: 'x' })).json()).toMatchObject({ status: 404 });
  });

  it('of the same region within 8 weeks are a relapse, which ends the earlier return; a correction takes that back', async () => {
    const first = await hurt(60, { clearedAt: daysAgo(20), reportedAt: daysAgo(60) });
    const again = await hurt(5);
    expect(again['relapseOf']).toBe(first.id);
    const elsewhere = await call<Row>('PATCH', `/v1/injuries/${again.id}`, { why: 'It is the knee', ...KNEE });
    expect(elsewhere['relapseOf']).toBeNull();
    expect((await hurt(4))['relapseOf']).toBe(first.id);
  });

  it('that cannot be are refused with what to do, and change nothing', async () => {
    const { id } = await hurt(10);
    const closed = await hurt(10, { ...KNEE, clearedAt: daysAgo(2) });
    const cases: readonly (readonly [status: number, code: string, url: string, body: object, method?: 'PATCH'])[] = [
      [409, 'contradicts-open-injury', `${path}/injuries`, thigh(daysAgo(5))],
      [409, 'contradicts-open-injury', `${path}/injuries`, thigh(daysAgo(12), { clearedAt: daysAgo(9) })],
      [422, 'in-the-future', `${path}/injuries`, thigh(daysAgo(-1), { side: 'right' })],
      [422, 'in-the-future', `${path}/injuries`, thigh(daysAgo(1), { side: 'right', reportedAt: daysAgo(-1) })],
      [422, 'in-the-future', `${path}/injuries`, thigh(daysAgo(1), { side: 'right', clearedAt: daysAgo(-1) })],
      [422, 'before-onset', `${path}/injuries`, thigh(daysAgo(5), { side: 'right', reportedAt: daysAgo(6) })],
      [422, 'before-onset', `${path}/injuries`, thigh(daysAgo(5), { side: 'right', clearedAt: daysAgo(6) })],
      [400, 'validation-failed', `${path}/injuries`, thigh(daysAgo(5), { side: 'right', timeLossDays: 0 })],
      [400, 'validation-failed', `${path}/injuries`, thigh(daysAgo(5), { region: 'Thigh ' })],
      [400, 'validation-failed', `${path}/injuries`, thigh(daysAgo(5), { side: 'right', diagnosisCode: 'hamstring' })],
      [422, 'code-contradicts-region', `${path}/injuries`, thigh(daysAgo(5), { region: 'lower-leg' })],
      [422, 'code-contradicts-region', `/v1/injuries/${id}`, { why: 'x', region: 'knee' }, 'PATCH'],
      [422, 'time-out-of-range', `${path}/injuries`, thigh('1066-10-14T09:00:00Z')],
      [409, 'already-closed', `/v1/injuries/${closed.id}/clear`, { why: 'healed twice' }],
      [409, 'not-cleared-yet', `/v1/injuries/${id}/clear`, { why: 'healed' }],
      [400, 'validation-failed', `/v1/injuries/${id}/clear`, { why: '  ' }],
      [422, 'in-the-future', `/v1/injuries/${id}`, { why: 'x', onsetAt: daysAgo(-1) }, 'PATCH'],
      [422, 'before-onset', `/v1/injuries/${id}`, { why: 'x', onsetAt: daysAgo(1), reportedAt: daysAgo(2) }, 'PATCH'],
      [409, 'contradicts-open-injury', `/v1/injuries/${closed.id}`, { why: 'x', diagnosisCode: 'TMHXX', region: 'thigh' }, 'PATCH'],
    ];
    for (const [status, code, url, body, method = 'POST'] of cases) {
      const problem = await refused(method, url, body);
      expect(problem, `${url} ${JSON.stringify(body)}`).toMatchObject({ status, code });
      expect(problem.detail.length).toBeGreaterThan(20);
    }
  });

  it('of two people at once are recorded once', async () => {
    const body = thigh(daysAgo(3));
    const answers = await Promise.all(Array.from({ length: 4 }, () => api.call(keys.medical, 'POST', `${path}/injuries`, body)));
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409]);
  });
});

describe('therapies', () => {
  it('have a log of what was done, and ASMS heals by it', async () => {
    const { id: injuryId } = await hurt(10);
    const therapy = await treat(injuryId, 8, { adherence: 0.8 });
    const log = `/v1/therapies/${therapy.id}/adherence`;
    await call('POST', log, { day: dayOf(daysAgo(5)), share: 0.5 });
    await call('POST', log, { day: dayOf(daysAgo(3)), share: 1 });
    expect(await call('POST', log, { day: dayOf(daysAgo(5)), share: 0.25 })).toMatchObject({ share: 0.25, by: 'the medical' });
    expect(await call('GET', log)).toMatchObject({
      items: [
        { day: dayOf(daysAgo(3)), share: 1 },
        { day: dayOf(daysAgo(5)), share: 0.25 },
      ],
    });
    expect((await history(therapy.id)).map(({ subject, change }) => [subject, change])).toEqual([
      ['adherence', 'corrected'],
      ['adherence', 'recorded'],
      ['adherence', 'recorded'],
      ['therapy', 'recorded'],
    ]);
    const file = await api.repositories.medical.read(teamId, { athleteId });
    const expected = therapyPieces(file ?? { injuries: [], therapies: [] });
    expect(expected.map(({ adherence }) => adherence)).toEqual([0.8, 0.25, 1]);
    expect((await facts()).therapies).toEqual(expected);
    // Corrected, ended: both ways of reading it still agree.
    await call('PATCH', `/v1/therapies/${therapy.id}`, { why: 'Twice a day', dosePerDay: 2 });
    await call('POST', `/v1/therapies/${therapy.id}/end`);
    const ended = await api.repositories.medical.read(teamId, { athleteId });
    expect((await facts()).therapies).toEqual(therapyPieces(ended ?? { injuries: [], therapies: [] }));
    expect((await facts()).therapies.map(({ dosePerDay }) => dosePerDay)).toEqual([2, 2, 2]);
  });

  it('that cannot be are refused with what to do, and change nothing', async () => {
    const { id: injuryId } = await hurt(10);
    const closed = await hurt(10, { ...KNEE, clearedAt: daysAgo(2) });
    const plan = { injuryId, kind: 'physiotherapy', dosePerDay: 1, startsAt: daysAgo(5) };
    const therapy = await treat(injuryId, 5);
    const over = await treat(injuryId, 5, { kind: 'cryotherapy', endsAt: daysAgo(2) });
    const log = `/v1/therapies/${therapy.id}/adherence`;
    const cases: readonly (readonly [status: number, code: string, url: string, body: object, method?: 'PATCH'])[] = [
      [422, 'in-the-future', `${path}/therapies`, { ...plan, startsAt: daysAgo(-1) }],
      [422, 'before-onset', `${path}/therapies`, { ...plan, startsAt: daysAgo(11) }],
      [409, 'injury-closed', `${path}/therapies`, { ...plan, injuryId: closed.id }],
      [422, 'unknown-reference', `${path}/therapies`, { ...plan, injuryId: randomUUID() }],
      [400, 'validation-failed', `${path}/therapies`, { ...plan, endsAt: daysAgo(6) }],
      [400, 'validation-failed', `${path}/therapies`, { ...plan, dosePerDay: -1 }],
      [400, 'validation-failed', `${path}/therapies`, { ...plan, dosePerDay: 0 }],
      [400, 'validation-failed', `${path}/therapies`, { ...plan, dosePerDay: 11 }],
      [409, 'already-recorded', `${path}/therapies`, { ...plan, startsAt: daysAgo(4) }],
      [400, 'validation-failed', `${path}/therapies`, { ...plan, adherence: 1.5 }],
      [409, 'already-ended', `/v1/therapies/${over.id}/end`, {}],
      [422, 'in-the-future', `/v1/therapies/${therapy.id}`, { why: 'x', startsAt: daysAgo(-1) }, 'PATCH'],
      [422, 'value-out-of-range', `/v1/therapies/${therapy.id}`, { why: 'x', endsAt: daysAgo(6) }, 'PATCH'],
      [422, 'before-onset', `/v1/injuries/${injuryId}`, { why: 'x', onsetAt: daysAgo(1), reportedAt: daysAgo(0.5) }, 'PATCH'],
      [422, 'value-out-of-range', log, { day: dayOf(daysAgo(7)), share: 1 }],
      [422, 'in-the-future', log, { day: dayOf(daysAgo(-2)), share: 1 }],
      [422, 'value-out-of-range', `/v1/therapies/${over.id}/adherence`, { day: dayOf(daysAgo(0)), share: 1 }],
      [400, 'validation-failed', log, { day: dayOf(daysAgo(3)), share: 1.1 }],
      [422, 'time-out-of-range', log, { day: '1800-01-01', share: 1 }],
    ];
    for (const [status, code, url, body, method = 'POST'] of cases) {
      const sent = url.endsWith('/end') ? undefined : body;
      expect(await refused(method, url, sent), `${url} ${JSON.stringify(body)}`).toMatchObject({ status, code });
    }
  });
});

/** What ASMS is stepped with. */
async function facts(): Promise<AthleteFacts> {
  const index = 1_800_000_000 + Math.floor(Math.random() * 1e6);
  await insertScore(api.database.pool, athleteId, index);
  let seen: AthleteFacts | null = null;
  await createAsmsStore(api.database.pool)
    .advance(athleteId, 'test', 10, (_state, _news, given) => {
      seen = given;
      throw new Error('only looking');
    })
    .catch(() => undefined);
  return seen as unknown as AthleteFacts;
}

/** Fit again: every criterion of the default protocol met today, against own values from before. */
async function fit(): Promise<void> {
  for (const [name, before, now, unit, side] of [
    ['isometricStrength', 400, 396, 'N', 'left'],
    ['jumpHeight', 0.4, 0.39, 'm', undefined],
    ['sprintPeak', 9, 8.9, 'm/s', undefined],
  ] as const) {
    await measure(name, before, unit, 40, side === undefined ? {} : { side });
    await measure(name, now, unit, 0, side === undefined ? {} : { side });
  }
  await measure('pain', 0, '0 to 10', 0);
}

/** Time passes in the store: everything of the return happened so many days earlier. */
async function age(injuryId: string, days: number): Promise<void> {
  const { rows } = await api.database.pool.query<{ state: { enteredUs: number; history: { atUs: number }[] } }>(
    'SELECT state FROM return_to_play WHERE injury_id = $1',
    [injuryId],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('there is no return');
  const by = days * 86_400e6;
  const state = {
    ...row.state,
    enteredUs: row.state.enteredUs - by,
    history: row.state.history.map((change) => ({ ...change, atUs: change.atUs - by })),
  };
  await api.database.pool.query('UPDATE return_to_play SET state = $2 WHERE injury_id = $1', [injuryId, JSON.stringify(state)]);
}

const act = (
  injuryId: string,
  action: string,
  key = keys.medical,
  body: object | undefined = action === 'sign' ? undefined : { why: 'looked at' },
) => call<Return>('POST', `${path}/return-to-play/${injuryId}/${action}`, body, key);

async function signAll(injuryId: string, stage: number): Promise<void> {
  for (const role of DEFAULT_PROTOCOL.stages[stage]?.signOff ?? []) await act(injuryId, 'sign', keys[role]);
}

describe('a return to play', () => {
  it('goes through the stages by criteria, days and signatures, ends with the signed clearance, and is monitored', async () => {
    const { id } = await hurt(30, { reportedAt: daysAgo(30) });
    expect(await returnsOf()).toMatchObject([
      { injuryId: id, phase: 'stages', stage: { name: 'protection', place: 1, of: 5 }, ceiling: { share: 0.1, value: null } },
    ]);
    const blocked = await refused('POST', `${path}/return-to-play/${id}/advance`, { why: 'looks good' });
    expect(blocked).toMatchObject({ status: 409, code: 'not-cleared-yet' });
    expect(blocked.detail).toContain('pain was not measured since the injury');
    expect(blocked.detail).toContain('the role medical has not signed');
    await fit();
    for (let stage = 0; stage < 5; stage += 1) {
      await age(id, 10);
      await signAll(id, stage);
      if (stage < 4) {
        expect((await act(id, 'advance')).stage?.place).toBe(stage + 2);
        expect((await facts()).openInjuries[0]?.ceilings.at(-1)?.share).toBe(DEFAULT_PROTOCOL.stages[stage + 1]?.loadCeilingShare);
      }
    }
    const cleared = await call<Row>('POST', `/v1/injuries/${id}/clear`, { why: 'back to the team' });
    expect(cleared).toMatchObject({ clearedBy: 'the medical' });
    expect(await refused('POST', `/v1/injuries/${id}/clear`, { why: 'again' })).toMatchObject({ status: 409, code: 'already-closed' });
    expect(await refused('POST', `${path}/return-to-play/${id}/sign`)).toMatchObject({ status: 409, code: 'already-closed' });
    expect(await returnsOf()).toMatchObject([{ phase: 'monitored', stage: null, ceiling: null, openPoints: [] }]);
    expect((await facts()).monitoredInjuries).toMatchObject([{ injuryId: id }]);
    // Hurt again in the monitored time.
    const again = await call<Row>('POST', `${path}/injuries`, thigh(new Date().toISOString()));
    expect(again['relapseOf']).toBe(id);
    expect((await returnsOf()).map(({ injuryId }) => injuryId)).toEqual([again.id]);
    await call('POST', `/v1/injuries/${again.id}/withdraw`, { why: 'It was cramp' });
    expect(await returnsOf()).toMatchObject([{ injuryId: id, phase: 'monitored' }]);
  }, 300_000);

  it('is judged by the newest own value before the injury, of the injured side, and by session metrics', async () => {
    const { id } = await hurt(10, { reportedAt: daysAgo(10) });
    await measure('pain', 1, '0 to 10', 0);
    await measure('isometricStrength', 300, 'N', 60, { side: 'left' });
    await measure('isometricStrength', 400, 'N', 20, { side: 'left' });
    await measure('isometricStrength', 500, 'N', 12, { side: 'right' });
    await measure('isometricStrength', 320, 'N', 0, { side: 'left' });
    await measure('isometricStrength', 400, 'N', 0, { side: 'right' });
    const session = await api.repositories.sessions.open(teamId, { athleteId, type: 'test' });
    for (const [value, days, provisional] of [
      [0.4, 15, false],
      [0.3, 1, false],
      [0.5, 0.5, true],
    ] as const)
      await api.database.pool.query(
        `INSERT INTO session_metric (id, session_id, athlete_id, name, value, unit, method, provisional, at) VALUES ($1, $2, $3, 'jumpHeight', $4, 'm', 'jump-1', $5, $6)`,
        [randomUUID(), session?.id, athleteId, value, provisional, daysAgo(days)],
      );
    for (const stage of [0, 1]) {
      await age(id, 10);
      await signAll(id, stage);
      await act(id, 'advance');
    }
    const [running] = await returnsOf();
    expect(running?.stage?.name).toBe('running');
    expect(running?.criteria).toMatchObject([
      { metric: 'pain', met: true, value: 1 },
      { metric: 'isometricStrength', met: true, value: 320, ownBefore: 400, share: 0.8, limbSymmetryPct: 80 },
      { metric: 'jumpHeight', met: false, value: 0.3, ownBefore: 0.4 },
    ]);
  }, 300_000);

  it('shows the coach and the athlete stage, limits and signatures, and no medical detail', async () => {
    const { id } = await hurt(3);
    await measure('pain', 7, '0 to 10', 0);
    for (const key of [keys.coach, keys.athlete, keys.analyst, keys.admin]) {
      const answer = await api.call(key, 'GET', `${path}/return-to-play`);
      const [shown] = answer.json<{ items: Return[] }>().items;
      expect(shown).toMatchObject({ injuryId: id, stage: { name: 'protection' }, openPoints: ['the role medical has not signed'] });
      expect(Object.keys(shown ?? {})).not.toEqual(expect.arrayContaining(['criteria']));
      for (const detail of ['TMHXX', 'thigh', 'pain', '"history"', 'backReasons', 'criteria']) expect(answer.body).not.toContain(detail);
      const availability = await api.call(key, 'GET', `${path}/availability`);
      expect(availability.json()).toMatchObject({ availability: 'out' });
      expect(availability.body).not.toContain(id);
      expect((await api.call(key, 'GET', `${path}/medical-history`)).statusCode).toBe(403);
      expect((await api.call(key, 'GET', `${path}/measurements`)).statusCode).toBe(403);
    }
    expect((await returnsOf())[0]).toMatchObject({ backReasons: ['pain 7 of 10, above 4'] });
  });

  it('is signed by roles, each its own, and decided by medical staff', async () => {
    const { id } = await hurt(3);
    const sign = `${path}/return-to-play/${id}/sign`;
    for (const key of [keys.analyst, keys.admin, await api.key(teamId, ['write', 'admin'])])
      expect(await refused('POST', sign, undefined, key)).toMatchObject({ status: 403, code: 'insufficient-scope' });
    expect(await refused('POST', sign, undefined, keys.coach)).toMatchObject({ status: 409, code: 'not-allowed' });
    await call('POST', sign, undefined, await api.key(teamId, ['read', 'medical']));
    expect(await refused('POST', sign)).toMatchObject({ status: 409, code: 'already-recorded' });
    for (const action of ['advance', 'demote'])
      for (const key of [keys.coach, keys.athlete, keys.admin])
        expect(await refused('POST', `${path}/return-to-play/${id}/${action}`, { why: 'x' }, key)).toMatchObject({ status: 403 });
    expect(await refused('POST', `${path}/return-to-play/${id}/demote`, { why: 'worse' })).toMatchObject({
      status: 409,
      code: 'not-allowed',
    });
    const other = await api.athlete(teamId, randomUUID());
    expect(await refused('POST', `/v1/athletes/${other}/return-to-play/${id}/sign`)).toMatchObject({ status: 404 });
    expect(await refused('POST', `/v1/athletes/${other}/return-to-play/${id}/sign`, undefined, keys.athlete)).toMatchObject({
      status: 404,
    });
  });

  it('lets one of two decisions at once pass', async () => {
    const { id } = await hurt(30, { reportedAt: daysAgo(30) });
    await fit();
    await age(id, 10);
    await signAll(id, 0);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => api.call(keys.medical, 'POST', `${path}/return-to-play/${id}/advance`, { why: 'fit' })),
    );
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409]);
    expect((await returnsOf())[0]?.stage?.place).toBe(2);
  });

  it('begins under the newest protocol of the team and goes on under it', async () => {
    const team = await api.team(randomUUID());
    const own = await api.athlete(team, '1');
    const key = await api.key(team, ['read', 'write', 'medical']);
    const { stages, demotion } = DEFAULT_PROTOCOL;
    const short = { version: 'short-1', stages: stages.slice(0, 1), demotion };
    await call('POST', '/v1/return-protocols', short, key);
    await call('POST', `/v1/athletes/${own}/injuries`, thigh(daysAgo(3)), key);
    await call('POST', '/v1/return-protocols', { ...short, version: 'short-2' }, key);
    expect(await call('GET', '/v1/return-protocols', undefined, key)).toMatchObject({
      items: [
        { version: 'short-2', current: true },
        { version: 'short-1', current: false },
        { version: 'return-1.0.0', current: false, teamId: null },
      ],
    });
    expect(await call('GET', `/v1/athletes/${own}/return-to-play`, undefined, key)).toMatchObject({
      items: [{ protocolVersion: 'short-1', stage: { place: 1, of: 1 } }],
    });
    const [first] = stages;
    for (const [code, body] of [
      ['already-exists', { ...short, version: 'short-1' }],
      ['already-exists', { ...short, version: 'return-1.0.0' }],
      ['value-out-of-range', { ...short, version: 'x', stages: [{ ...first, signOff: ['coach'] }] }],
      ['value-out-of-range', { ...short, version: 'x', stages: [stages[4], first] }],
      ['validation-failed', { ...short, version: 'x', stages: [] }],
      ['validation-failed', { ...short, version: 'x', stages: [{ ...first, loadCeilingShare: -1 }] }],
    ] as const)
      expect(await refused('POST', '/v1/return-protocols', body, key)).toMatchObject({ code });
  });
});

describe('measurements', () => {
  it('are taken back, never changed; a unit, a range and a time that cannot be are refused', async () => {
    const { id } = await measure('pain', 3, '0 to 10', 0);
    await call('POST', `/v1/measurements/${id}/withdraw`, { why: 'Asked the wrong player' });
    expect(await call('GET', `${path}/measurements`)).toMatchObject({ items: [] });
    expect(await history(id)).toMatchObject([
      { change: 'withdrawn', after: null },
      { change: 'recorded', before: null },
    ]);
    expect((await api.call(keys.medical, 'POST', `/v1/measurements/${id}/withdraw`, { why: 'x' })).statusCode).toBe(404);
    const at = daysAgo(0);
    const strength = { name: 'isometricStrength', value: 40, unit: 'N', at };
    for (const [code, detail, body] of [
      ['value-out-of-range', 'pain is 11 of 10. Give a value from 0 to 10.', { name: 'pain', value: 11, unit: '0 to 10', at }],
      ['value-out-of-range', 'isometricStrength is 30000 N. Give a value from 0 to 20000.', { ...strength, value: 30_000 }],
      ['value-out-of-range', 'The unit of isometricStrength is "N", not "kg". Give the value in that unit.', { ...strength, unit: 'kg' }],
      ['in-the-future', 'once it has been made', { ...strength, at: daysAgo(-1) }],
      ['validation-failed', 'The body does not match', { ...strength, name: 'pain level' }],
    ] as const)
      expect(await refused('POST', `${path}/measurements`, body)).toMatchObject({
        code,
        detail: expect.stringContaining(detail) as string,
      });
  });
});

describe('availability', () => {
  it('is full without a record, out from onset, modified by the stage, full after clearance; and the same for a squad in one query', async () => {
    const availability = () => call<Row>('GET', `${path}/availability`);
    expect(await availability()).toMatchObject({ athleteId, availability: 'full', since: null, why: [] });
    await hurt(2, { diagnosisCode: 'PJ1', region: 'hand', timeLoss: false });
    expect(await availability()).toMatchObject({ availability: 'full', since: null });
    const onsetAt = daysAgo(30);
    const { id } = await call<Row>('POST', `${path}/injuries`, thigh(onsetAt, { reportedAt: onsetAt }));
    expect(await availability()).toMatchObject({
      availability: 'out',
      since: onsetAt,
      why: [{ kind: 'injury', id, diagnosisCode: 'TMHXX', region: 'thigh', side: 'left', onsetAt }],
    });
    await fit();
    for (const stage of [0, 1, 2]) {
      await age(id, 10);
      await signAll(id, stage);
      await act(id, 'advance');
    }
    const modified = await availability();
    expect(modified).toMatchObject({ availability: 'modified', why: [{ id }] });
    const squad = await api.repositories.medical.availability(teamId, null);
    const own = squad.find((one) => one.athleteId === athleteId);
    const now = availabilityAt(own?.problems ?? [], Date.now() * 1_000);
    expect([now.availability, new Date((now.sinceUs ?? 0) / 1_000).toISOString()]).toEqual(['modified', modified['since']]);
    expect(squad.length).toBeGreaterThan(3);
    await call('POST', `${path}/return-to-play/${id}/demote`, { why: 'sore' });
    expect(await availability()).toMatchObject({ availability: 'out' });
    expect((await api.call(keys.medical, 'GET', `/v1/athletes/${randomUUID()}/availability`)).statusCode).toBe(404);
  }, 300_000);

  it('is what an open illness says, from its first day to the day of return, as long as its consent stands', async () => {
    const availability = () => call<Row>('GET', `${path}/availability`);
    const sinceIllness = dayOf(daysAgo(3));
    await call('POST', `${path}/consents`, { kind: 'illness' });
    const ill = await call<Row>('POST', `${path}/illnesses`, { onsetDay: sinceIllness, availability: 'out', diagnosisCode: 'MPXX' });
    expect(await availability()).toMatchObject({
      availability: 'out',
      since: `${sinceIllness}T00:00:00.000Z`,
      why: [{ kind: 'illness', id: ill.id, diagnosisCode: 'MPXX', region: null }],
    });
    await call('POST', `/v1/illnesses/${ill.id}/close`, { returnedDay: dayOf(daysAgo(1)) });
    expect(await availability()).toMatchObject({ availability: 'full', since: `${dayOf(daysAgo(1))}T00:00:00.000Z`, why: [] });
    await call('POST', `${path}/illnesses`, { onsetDay: dayOf(daysAgo(0)), availability: 'modified' });
    expect(await availability()).toMatchObject({ availability: 'modified' });
    await call('POST', `${path}/consents/withdraw`, { kind: 'illness' });
    expect(await availability()).toMatchObject({ availability: 'full', why: [] });
  });
});
