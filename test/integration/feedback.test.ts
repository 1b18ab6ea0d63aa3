/** What outcomes teach, over a real PostgreSQL and HTTP: steps, corrections, undo, the guard, calibration. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAILY_METHODS, createDailyWorker } from '../../src/queue/daily/worker.ts';
import type { AthleteFeedback, Calibration, Step, TeamFeedback } from '../../src/rest/feedback/schemas.ts';
import { createDailyStore } from '../../src/store/daily-store.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';
import { ATTN, MODEL, activateModel, hazardModel, insertSession, insertWindows } from '../support/hazard-season.ts';

const DAY_MS = 86_400_000;
const todayMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const JUMP = { name: 'jump-height', unit: 'cm', smallestWorthwhileChange: 1.2, reference: 38, higherIsBetter: true };

let api: RestApp;
let key: string;
let coach: string;
let teamId: string;
let athletes = 0;
beforeAll(async () => {
  api = await startRestApp();
  teamId = await api.team('Reds');
  key = await api.key(teamId, ['read', 'write', 'medical']);
  coach = await api.key(teamId, ['write']);
  await activateModel(api.database.pool, JSON.stringify(hazardModel()));
  await api.call(coach, 'POST', `/v1/teams/${teamId}/performance-metrics`, JUMP);
});
afterAll(() => api.close());

const store = () => createDailyStore(api.database.pool, { methods: DAILY_METHODS });
const run = (subject: 'athlete' | 'team', id: string) => createDailyWorker({ store: store() }).work({ subject, id });
const work = (id: string) => run('athlete', id);
const person = (): Promise<string> => api.athlete(teamId, `f${(athletes += 1)}`);
const fAttnOf = (session: number): number[] => Array.from({ length: ATTN }, (_, i) => Math.sin(1 + session * (i + 1)));
/** A session `back` days ago with its windows. */
async function played(id: string, back: number, team = teamId): Promise<{ sessionId: string; at: string }> {
  const startMs = todayMs - back * DAY_MS + 10 * 3_600_000;
  await insertWindows(api.database.pool, id, startMs, 10, { fAttn: fAttnOf(back) });
  const sessionId = await insertSession(api.database.pool, team, id, startMs, 12);
  return { sessionId, at: new Date(startMs + 60_000).toISOString() };
}
const jump = (id: string, { sessionId, at }: { sessionId: string; at: string }, value: number, as = key) =>
  api.call(as, 'POST', `/v1/athletes/${id}/outcomes`, {
    kind: 'performance',
    at,
    value: { sessionId, metric: JUMP.name, unit: JUMP.unit, value },
  });
const correct = (id: string, outcomeId: string, value: object, as = key) =>
  api.call(as, 'POST', `/v1/athletes/${id}/outcomes/${outcomeId}/corrections`, { value });
const steps = async (id: string, query = '', as = key): Promise<Step[]> => {
  const answer = await api.call(as, 'GET', `/v1/athletes/${id}/feedback/steps?limit=200${query}`);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<{ items: Step[] }>().items;
};
/** All that a ledger says, in order, but when it was written. */
const ledger = async (id: string, target: string) =>
  (
    await api.database.pool.query(
      `SELECT position, lesson_id, lesson, outcome_ids, known_us, forecast_us, method_version, population_version, lessons, intercept_only, personal, judged, reason
       FROM feedback_step WHERE athlete_id = $1 AND target = $2 AND undone_at IS NULL ORDER BY position`,
      [id, target],
    )
  ).rows;
const outcomesOf = async (id: string) =>
  (await api.database.pool.query('SELECT * FROM outcome WHERE athlete_id = $1 ORDER BY created_at, id', [id])).rows;
const TARGET = 'performance:jump-height';

describe('performance', () => {
  it('moves the athlete’s own head, a step an outcome, with loss before and after and a sentence', async () => {
    const id = await person();
    for (const [i, back] of [9, 7, 5].entries()) {
      const answer = await jump(id, await played(id, back), 40 + i);
      expect(answer.statusCode, answer.body).toBe(201);
      await work(id);
    }
    const all = await steps(id);
    expect(all.map(({ position }) => position)).toEqual([2, 1, 0]);
    expect(all[2]).toMatchObject({ target: TARGET, lessons: 1, undone: null, forecast: { population: 0, personal: 0 } });
    expect(all[2]?.label).toBeCloseTo(2 / 1.2, 12);
    for (const { personal, interceptOnly, reason } of all) {
      expect(personal.lossAfter).toBeLessThanOrEqual(personal.lossBefore);
      expect(interceptOnly.lossAfter).toBeLessThanOrEqual(interceptOnly.lossBefore);
      expect(reason).toMatch(/^Measured \+\d/);
    }
    const { targets } = (await api.call(coach, 'GET', `/v1/athletes/${id}/feedback`)).json<AthleteFeedback>();
    expect(targets).toMatchObject([{ target: TARGET, steps: 3, serves: 'population' }]);
    expect(targets[0]?.personal[0]).toBeGreaterThan(0.5);
    // Nothing new, nothing written.
    const before = await ledger(id, TARGET);
    await work(id);
    expect(await ledger(id, TARGET)).toEqual(before);
  });

  it('learned live and corrected late is bit for bit what a fresh replay learns', async () => {
    const id = await person();
    const sent: string[] = [];
    for (const [i, back] of [20, 18, 16, 14, 12, 10, 8].entries()) {
      const answer = await jump(id, await played(id, back), 38 + Math.sin(i) * 3);
      sent.push(answer.json<{ id: string }>().id);
      await work(id);
    }
    const live = await ledger(id, TARGET);
    expect(live).toHaveLength(7);
    // Late: the third of seven was 41.7, and a measurement of three weeks ago comes in now.
    const [third] = (await outcomesOf(id)).filter((row) => row.id === sent[2]);
    const answer = await correct(id, sent[2]!, { ...third.value, value: 41.7 });
    expect(answer.json(), answer.body).toMatchObject({ kind: 'performance', replaces: sent[2] });
    await work(id);
    await jump(id, await played(id, 21), 36.5);
    await work(id);
    const corrected = await ledger(id, TARGET);
    expect(corrected).toHaveLength(8);
    expect(corrected[3].outcome_ids).toEqual([answer.json<{ id: string }>().id]);
    expect(corrected[7].personal).not.toEqual(live[6].personal);
    await api.database.pool.query('DELETE FROM feedback_step WHERE athlete_id = $1', [id]);
    await work(id);
    expect(await ledger(id, TARGET)).toEqual(corrected);
    // The outcome before stands in the table as it was sent.
    expect((await outcomesOf(id)).find((row) => row.id === sent[2])).toEqual(third);
  });

  it('is undone by staff: the rest is learned again without it, the step stays with who and why', async () => {
    const [id, twin] = [await person(), await person()];
    const sessions = [];
    for (const [i, back] of [20, 17, 14, 11].entries()) {
      const session = await played(id, back);
      sessions.push(session);
      await jump(id, session, 39 + i * i);
      if (i !== 1) await jump(twin, await played(twin, back), 39 + i * i);
    }
    await work(id);
    await work(twin);
    const step = (await steps(id)).find(({ position }) => position === 1)!;
    const path = `/v1/athletes/${id}/feedback/steps/${step.id}/undo`;
    expect((await api.call(coach, 'POST', path, { reason: '' })).statusCode).toBe(400);
    const answer = await api.call(coach, 'POST', path, { reason: 'In running shoes' });
    expect(answer.json(), answer.body).toMatchObject({
      athleteId: id,
      step: { id: step.id, undone: { by: 'key write', reason: 'In running shoes' } },
    });
    expect((await api.call(coach, 'POST', path, { reason: 'Again' })).json()).toMatchObject({ status: 409, code: 'already-undone' });
    expect((await api.call(coach, 'POST', path.replace(step.id, randomUUID()), { reason: 'x' })).json()).toMatchObject({ status: 404 });
    await work(id);
    const figures = (rows: readonly Record<string, unknown>[]) =>
      rows.map(({ intercept_only, personal, lessons }) => ({ intercept_only, personal, lessons }));
    expect(figures(await ledger(id, TARGET))).toEqual(figures(await ledger(twin, TARGET)));
    expect((await steps(id)).filter(({ undone }) => undone !== null)).toMatchObject([{ id: step.id, lessonId: step.lessonId }]);
    // Again it stays away; corrected, it comes back.
    await work(id);
    expect(await ledger(id, TARGET)).toHaveLength(3);
    await correct(id, step.outcomeIds[0]!, { sessionId: sessions[1]!.sessionId, metric: JUMP.name, unit: JUMP.unit, value: 40.5 });
    await work(id);
    expect(await ledger(id, TARGET)).toHaveLength(4);
  });

  it('refuses what cannot stand, says what to do, and changes nothing', async () => {
    const id = await person();
    const stranger = await person();
    const session = await played(id, 3);
    expect((await jump(stranger, await played(id, 4), 40)).json()).toMatchObject({
      status: 422,
      code: 'outcome-refused',
      detail: expect.stringContaining('No window of this athlete') as string,
    });
    const first = (await jump(id, session, 40)).json<{ id: string }>();
    const empty = await insertSession(api.database.pool, teamId, id, todayMs - 2 * DAY_MS, 60);
    const before = await outcomesOf(id);
    const value = { sessionId: session.sessionId, metric: JUMP.name, unit: JUMP.unit, value: 40 };
    const at = session.at;
    for (const [outcome, fault, path] of [
      [{ at, value: { ...value, value: 44 } }, 'contradicts', '/value'],
      [{ at: new Date(Date.now() + DAY_MS).toISOString(), value }, 'in-the-future', '/at'],
      [{ at: new Date(todayMs).toISOString(), value: { ...value, sessionId: empty } }, 'not-scored', '/value/sessionId'],
      [{ at, value: { ...value, sessionId: randomUUID() } }, 'unknown-session', '/value/sessionId'],
      [{ at, value: { ...value, metric: 'sprint' } }, 'unknown-metric', '/value/metric'],
      [{ at, value: { ...value, unit: 'm' } }, 'unknown-unit', '/value/unit'],
      [{ at, value: { ...value, value: 4000 } }, 'out-of-range', '/value/value'],
      [{ at, value: { ...value, value: 'high' } }, 'not-a-number', '/value/value'],
      [{ at: '2020-01-01T00:00:00Z', value }, 'before-scores', '/at'],
    ] as const) {
      const answer = await api.call(key, 'POST', `/v1/athletes/${id}/outcomes`, { kind: 'performance', ...outcome });
      expect(answer.json(), fault).toMatchObject({ status: 422, code: 'outcome-refused' });
      const { errors } = answer.json<{ errors: { in: string; path: string; message: string }[] }>();
      expect(errors.map((one) => [one.message.split(':')[0], one.in, one.path])).toContainEqual([fault, 'body', path]);
    }
    const injury = { kind: 'injury', at, value: { region: 'knee', severity: 'mild' } };
    expect(
      (await api.call(key, 'POST', `/v1/athletes/${id}/outcomes`, { ...injury, value: { region: 'soul', severity: 'mild' } })).json(),
    ).toMatchObject({ code: 'outcome-refused' });
    expect((await api.call(key, 'POST', `/v1/athletes/${stranger}/outcomes`, injury)).json()).toMatchObject({ code: 'outcome-refused' });
    // The same said twice is one outcome.
    expect((await jump(id, session, 40)).json()).toMatchObject({ id: first.id });
    expect(await outcomesOf(id)).toEqual(before);
    // A correction of a correction goes to the newest.
    const second = (await correct(id, first.id, { ...value, value: 42 })).json<{ id: string }>();
    expect((await correct(id, first.id, { ...value, value: 43 })).json()).toMatchObject({
      code: 'outcome-refused',
      detail: expect.stringContaining(second.id) as string,
      errors: [
        { in: 'params', path: '/outcomeId' },
        { in: 'body', path: '/value' },
      ],
    });
    expect((await correct(id, second.id, { ...value, value: 43 })).statusCode).toBe(201);
    expect((await correct(stranger, second.id, value)).json()).toMatchObject({ status: 404 });
    expect((await correct(id, randomUUID(), value)).json()).toMatchObject({ status: 404 });
  });
});

/** Days with a hazard as the job would have stored them (it computes the last 35 itself), ending `back` days ago; the logit is a function of the day. */
async function insertHazards(id: string, days: number, back: number): Promise<void> {
  await api.database.pool.query(
    `INSERT INTO daily_hazard (athlete_id, day, model_version, probability, lower, upper, terms, input, method_version)
     SELECT $1, $2::date - n, $3, 0.03 + 0.02 * sin(n), 0.01, 0.1, '{"binn": 0, "load": 0, "hrv": 0, "history": 0, "context": 0}', '{}', 'test'
     FROM generate_series($4::int, $4::int + $5::int - 1) AS n
     ON CONFLICT (athlete_id, day, model_version) DO UPDATE SET probability = excluded.probability, lower = excluded.lower, upper = excluded.upper,
       terms = excluded.terms, not_enough_data = null`,
    [id, new Date(todayMs).toISOString().slice(0, 10), MODEL, back, days],
  );
  await api.database.pool.query(`UPDATE athlete SET created_at = now() - interval '400 days' WHERE id = $1`, [id]);
}
const injure = async (id: string, back: number, clearedBack: number | null): Promise<string> => {
  const onset = todayMs - back * DAY_MS + 15 * 3_600_000;
  const body = { diagnosisCode: 'TMHXX', region: 'thigh', onsetAt: new Date(onset).toISOString(), timeLossDays: 10 };
  const answer = await api.call(key, 'POST', `/v1/athletes/${id}/injuries`, body);
  expect(answer.statusCode, answer.body).toBe(201);
  const injuryId = answer.json<{ id: string }>().id;
  if (clearedBack !== null)
    await api.database.pool.query('UPDATE injury SET cleared_at = $2 WHERE id = $1', [
      injuryId,
      new Date(todayMs - clearedBack * DAY_MS).toISOString(),
    ]);
  return injuryId;
};

describe('injuries', () => {
  it('move an intercept and a scale, from matured days; a late report is a replay', async () => {
    const id = await person();
    await insertHazards(id, 40, 45);
    await work(id);
    const calm = await ledger(id, 'injury');
    expect(calm).toHaveLength(40);
    expect(calm.at(-1).personal.after[0]).toBeLessThan(0);
    expect(await steps(id, '&target=injury')).toHaveLength(40);
    // Reported now, of 60 days ago: seven days before it were wrong, ten after it were out.
    const injuryId = await injure(id, 60, 50);
    await work(id);
    const late = await ledger(id, 'injury');
    expect(late).toHaveLength(30);
    expect(late.filter((row) => row.lesson.label === 1).map((row) => row.outcome_ids)).toEqual(Array.from({ length: 7 }, () => [injuryId]));
    await api.database.pool.query('DELETE FROM feedback_step WHERE athlete_id = $1', [id]);
    await work(id);
    expect(await ledger(id, 'injury')).toEqual(late);
    expect(late.at(-1).personal.after[0]).toBeGreaterThan(calm.at(-1).personal.after[0]);
  });

  it('are for the scope medical', async () => {
    const id = await person();
    await insertHazards(id, 10, 40);
    await work(id);
    expect(await steps(id, '', coach)).toEqual([]);
    expect((await api.call(coach, 'GET', `/v1/athletes/${id}/feedback/steps?target=injury`)).json()).toMatchObject({ status: 403 });
    const [step] = await steps(id, '&target=injury');
    expect((await api.call(coach, 'POST', `/v1/athletes/${id}/feedback/steps/${step!.id}/undo`, { reason: 'x' })).json()).toMatchObject({
      status: 403,
    });
    expect((await steps(id, '&target=injury')).every(({ undone }) => undone === null)).toBe(true);
    expect((await api.call(coach, 'GET', `/v1/athletes/${id}/feedback`)).json<AthleteFeedback>().targets).toEqual([]);
    expect((await api.call(key, 'GET', `/v1/athletes/${id}/feedback`)).json<AthleteFeedback>().targets).toMatchObject([
      { target: 'injury', steps: 10 },
    ]);
  });

  it('are counted once: an outcome that an injury record stands for is the record', async () => {
    const id = await person();
    await played(id, 80);
    await insertHazards(id, 40, 45);
    const injuryId = await injure(id, 60, 50);
    const at = new Date(todayMs - 60 * DAY_MS + 16 * 3_600_000).toISOString();
    expect(
      (await api.call(key, 'POST', `/v1/athletes/${id}/outcomes`, { kind: 'injury', at, value: { region: 'thigh', severity: 'moderate' } }))
        .statusCode,
    ).toBe(201);
    const alone = await api.call(key, 'POST', `/v1/athletes/${id}/outcomes`, {
      kind: 'injury',
      at: new Date(todayMs - 47 * DAY_MS + 9 * 3_600_000).toISOString(),
      value: { region: 'ankle', severity: 'minimal' },
    });
    await work(id);
    const settled = new Set((await ledger(id, 'injury')).flatMap((row) => row.outcome_ids));
    expect(settled).toEqual(new Set([injuryId, alone.json<{ id: string }>().id]));
  });
});

describe('days under an accepted plan', () => {
  it('teach nothing, whichever way they went, and are counted as treated; a plan acts from its decision on', async () => {
    const whites = await api.team('Whites');
    const white = await api.key(whites, ['read', 'medical']);
    const [id, declined] = [await api.athlete(whites, 'w1'), await api.athlete(whites, 'w2')];
    const dayOf = (back: number): string => new Date(todayMs - back * DAY_MS).toISOString().slice(0, 10);
    const plan = (athleteId: string, status: string) =>
      api.database.pool.query(
        `INSERT INTO plan (id, athlete_id, recommendation_id, first_day, last_day, problem, sources, outcome, status, decided_at, method_version, trigger)
         VALUES (gen_random_uuid(), $1, gen_random_uuid(), $2, $3, '{}', '{}', '{}', $4, $5, 'test', 'staff')`,
        [athleteId, dayOf(60), dayOf(54), status, `${dayOf(58)}T12:00:00Z`],
      );
    await plan(id, 'changed');
    await plan(declined, 'declined');
    for (const one of [id, declined]) {
      await insertHazards(one, 30, 41);
      await work(one);
    }
    // Horizons that touch days 58 to 54 before today: forecasts of days 65 to 55.
    expect(await ledger(id, 'injury')).toHaveLength(30 - 11);
    expect(await ledger(declined, 'injury')).toHaveLength(30);
    const panel = (await api.call(white, 'GET', `/v1/teams/${whites}/calibration`)).json<Calibration>();
    expect(panel.total).toMatchObject({ rows: 49, treated: 11, unknown: 0 });
  });
});

describe('the guard and the calibration panel', () => {
  it('judge the squad: too few outcomes first, then a verdict that decides what is shown', async () => {
    const blues = await api.team('Blues');
    const blue = await api.key(blues, ['read', 'write', 'medical']);
    const verdict = async () => (await api.call(blue, 'GET', `/v1/teams/${blues}/feedback`)).json<TeamFeedback>().targets;
    await run('team', blues);
    expect(await verdict()).toMatchObject([{ target: 'injury', decision: 'not-enough-outcomes', serves: 'population', athletes: 0 }]);
    const squad: string[] = [];
    for (let i = 0; i < 9; i += 1) {
      const id = await api.athlete(blues, `blue-${i}`);
      squad.push(id);
      await insertHazards(id, 45, 40);
      if (i < 3) {
        const onset = new Date(todayMs - 60 * DAY_MS + 9 * 3_600_000).toISOString();
        await api.database.pool.query(
          `INSERT INTO injury (id, athlete_id, diagnosis_code, region, onset_at, cleared_at, time_loss_days) VALUES (gen_random_uuid(), $1, 'K', 'knee', $2, $3, 12)`,
          [id, onset, new Date(todayMs - 48 * DAY_MS).toISOString()],
        );
      }
      await work(id);
      // The job would compute the last five weeks from records, of which there are none here.
      await insertHazards(id, 7, 1);
    }
    expect(await store().teamsToJudge(Date.now(), 0, 10)).toContain(blues);
    await run('team', blues);
    const [injury] = await verdict();
    expect(injury).toMatchObject({ target: 'injury', decision: 'not-enough-outcomes', athletes: 9, events: 3 });
    expect(injury?.sentence).toContain('3 injuries');

    const calibration = async (query = ''): Promise<Calibration> => {
      const answer = await api.call(blue, 'GET', `/v1/teams/${blues}/calibration${query}`);
      expect(answer.statusCode, answer.body).toBe(200);
      return answer.json<Calibration>();
    };
    const panel = await calibration('?threshold=0.04');
    // 45 days each, 12 out for three of them (onset to the day before clearance), and the last seven, which are not known yet.
    expect(panel.total).toMatchObject({ rows: 9 * 45 - 3 * 12, observed: 21, unknown: 9 * 7 + 3 * 12, treated: 0 });
    expect(panel.weeks.reduce((sum, { rows }) => sum + rows, 0)).toBe(panel.total?.rows);
    expect(panel.candidate).toBe('population');
    expect(panel.total?.after).toEqual(panel.total?.before);
    expect(panel.alarms.raised).toBe(panel.alarms.rightly + panel.alarms.falsely + panel.alarms.unknown);
    expect(panel.alarms.ppv).toBeCloseTo(panel.alarms.rightly / (panel.alarms.rightly + panel.alarms.falsely), 12);
    const personal = await calibration('?candidate=personal');
    expect(personal.total?.after.brier).not.toBe(personal.total?.before.brier);
    expect(
      (await calibration(`?from=${new Date(todayMs).toISOString().slice(0, 10)}&to=${new Date(todayMs).toISOString().slice(0, 10)}`)).total,
    ).toBeNull();

    // What serves is shown with the day.
    const day = async () =>
      (await api.call(blue, 'GET', `/v1/athletes/${squad[0]}/hazard`))
        .json<{ days: { probability: number; shown: number; shownBy: string }[] }>()
        .days.at(-1)!;
    expect(await day()).toMatchObject({ shownBy: 'population', shown: (await day()).probability });
    await api.database.pool.query(`UPDATE feedback_verdict SET serves = 'personal' WHERE team_id = $1`, [blues]);
    expect((await day()).shownBy).toBe('personal');
    expect((await day()).shown).not.toBe((await day()).probability);
    expect((await calibration()).candidate).toBe('personal');

    for (const path of ['feedback', 'calibration', 'performance-metrics']) {
      expect((await api.call(coach, 'GET', `/v1/teams/${blues}/${path}`)).json(), path).toMatchObject({ status: 404 });
    }
  });

  it('fit the squad’s head once there are sessions enough, and learn again from it', async () => {
    const greens = await api.team('Greens');
    const green = await api.key(greens, ['read', 'write', 'medical']);
    expect((await api.call(green, 'POST', `/v1/teams/${greens}/performance-metrics`, JUMP)).statusCode).toBe(201);
    const squad = await Promise.all(Array.from({ length: 5 }, (_, i) => api.athlete(greens, `green-${i}`)));
    for (const [i, id] of squad.entries()) {
      for (let back = 2; back < 15; back += 1) {
        const session = await played(id, back, greens);
        const value = 38 + i + 2 * fAttnOf(back)[0]! - fAttnOf(back)[2]!;
        expect((await jump(id, session, value, green)).statusCode).toBe(201);
      }
      await work(id);
    }
    const verdict = async () =>
      (await api.call(green, 'GET', `/v1/teams/${greens}/feedback`)).json<TeamFeedback>().targets.find(({ target }) => target === TARGET);
    await run('team', greens);
    expect(await verdict()).toMatchObject({ decision: 'not-enough-outcomes', population: { sessions: 65, athletes: 5 } });
    expect(await store().athletesDue(Date.now(), 1_000)).toEqual(expect.arrayContaining(squad));
    await work(squad[0]!);
    const learned = await ledger(squad[0]!, TARGET);
    expect(new Set(learned.map((row) => row.population_version))).toEqual(
      new Set([expect.stringMatching(/^head-65-\d+ of binn-hazard-test$/)]),
    );
    // The head knows the way: its forecasts are off by the athlete's level only.
    const [first, last] = [learned[0].judged, learned.at(-1).judged];
    expect(Math.abs(first.forecast.population - first.label - (last.forecast.population - last.label))).toBeLessThan(0.6);
    // Fitted once: a correction of a session it was fitted on moves steps, not the head.
    await run('team', greens);
    expect(await verdict()).toMatchObject({ population: { sessions: 65 } });
    // Another meaning of the metric: everything anew.
    expect((await api.call(green, 'POST', `/v1/teams/${greens}/performance-metrics`, { ...JUMP, reference: 40 })).statusCode).toBe(201);
    await work(squad[0]!);
    expect((await ledger(squad[0]!, TARGET))[0].lesson.label).toBeCloseTo(learned[0].lesson.label - 2 / 1.2, 9);
    expect(
      (await api.call(green, 'POST', `/v1/teams/${greens}/performance-metrics`, { ...JUMP, smallestWorthwhileChange: 0 })).statusCode,
    ).toBe(400);
  });
});
