/** Plans over HTTP: real PostgreSQL, real HiGHS. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_CATALOGUE } from '../../src/asms/catalogue.ts';
import { shiftDay } from '../../src/asms/team-days.ts';
import { KinewatchError } from '../../src/contracts/errors.ts';
import { createPlanner, type Planner } from '../../src/plan/planner.ts';
import { createPlanning } from '../../src/plan/planning.ts';
import { startPlanSweeper } from '../../src/queue/plan-sweeper.ts';
import type { CatalogueEntry } from '../../src/rest/catalogue/schemas.ts';
import type { PlanView } from '../../src/rest/plans/schemas.ts';
import { seedCatalogue } from '../../src/store/repositories/plan-settings.ts';
import { createPlanStore } from '../../src/store/plan-store.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

const DAY_MS = 86_400_000;
const today = (): string => new Date().toISOString().slice(0, 10);

let api: RestApp;
let planner: Planner;
let isBusy = false;
let teamId: string;
let coach: string;
let medical: string;
beforeAll(async () => {
  const real = createPlanner();
  planner = real;
  // The lane's own refusal, when it is asked for.
  const busy = createPlanner({ maximumWaiting: 0 });
  const switched: Planner = {
    plan: (...asked) => (isBusy ? busy : real).plan(...asked),
    alternatives: (...asked) => real.alternatives(...asked),
    get waiting() {
      return real.waiting;
    },
    close: async () => {
      await Promise.all([real.close(), busy.close()]);
    },
  };
  api = await startRestApp({}, switched);
  teamId = await api.team('Planned');
  coach = await api.key(teamId, ['read', 'write']);
  medical = await api.key(teamId, ['read', 'write', 'medical']);
}, 120_000);
afterAll(() => api.close());
beforeEach(() => {
  isBusy = false;
});

let athletes = 0;
/** An athlete with 35 days of load behind them: five hard days a week. */
async function athleteWithLoad(days = 35): Promise<string> {
  athletes += 1;
  const athleteId = await api.athlete(teamId, `p-${athletes}`);
  await api.database.pool.query(
    `INSERT INTO outcome (id, athlete_id, kind, at, value)
     SELECT gen_random_uuid(), $1, 'session-rpe', date_trunc('day', now()) - d * interval '1 day' + interval '9 hours',
       CASE WHEN d % 7 IN (2, 5) THEN '{"rpe": 0, "minutes": 0}'::jsonb ELSE '{"rpe": 7, "minutes": 75}'::jsonb END
     FROM generate_series(1, $2) AS d`,
    [athleteId, days],
  );
  return athleteId;
}

/** The same with a daily hazard of six times the average: sessions pay. */
async function athleteAtRisk(): Promise<string> {
  const athleteId = await athleteWithLoad();
  await api.database.pool.query(
    `INSERT INTO daily_hazard (athlete_id, day, model_version, probability, lower, upper, terms, input, method_version)
     VALUES ($1, current_date - 1, 'test', 0.2, 0.1, 0.3, '{}', '{}', 'test')`,
    [athleteId],
  );
  return athleteId;
}

async function injure(athleteId: string): Promise<string> {
  const injuryId = randomUUID();
  await api.database.pool.query(
    `INSERT INTO injury (id, athlete_id, diagnosis_code, region, onset_at, time_loss_days) VALUES ($1, $2, 'TMHXX', 'secret region', now() - interval '3 days', 20)`,
    [injuryId, athleteId],
  );
  return injuryId;
}

const rowsOf = async (athleteId: string): Promise<readonly { status: string; kind?: string }[]> =>
  (await api.database.pool.query<{ status: string }>('SELECT * FROM plan WHERE athlete_id = $1 ORDER BY created_at', [athleteId])).rows;
const plan = async (athleteId: string, body: object = {}, key = coach): Promise<PlanView> => {
  const answer = await api.call(key, 'POST', `/v1/athletes/${athleteId}/plans`, body);
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json<PlanView>();
};
const planning = () => createPlanning({ store: createPlanStore(api.database.pool), planner });

describe('a plan for an athlete', () => {
  it('is stored as a proposal with its recommendation and event, and shows with and without, limits, sources and sentences', async () => {
    const athleteId = await athleteWithLoad();
    const webhook = await api.call(await api.key(teamId, ['admin']), 'POST', '/v1/webhooks', {
      url: 'https://example.org/plans',
      eventTypes: ['recommendation.created'],
    });
    expect(webhook.statusCode, webhook.body).toBe(201);
    const made = await plan(athleteId);
    expect(made).toMatchObject({
      athleteId,
      status: 'proposed',
      trigger: 'staff',
      firstDay: today(),
      lastDay: shiftDay(today(), 6),
      medical: null,
    });
    expect(made.days).toHaveLength(7);
    expect(made.outlook.objective).toBeLessThanOrEqual(made.without.objective);
    expect(made.outlook.cost).toBeLessThanOrEqual(12);
    expect(made.report.gap).toBeLessThanOrEqual(0.01);
    expect(made.hazard.source).toBe('population');
    expect(made.catalogue).toMatchObject({ 'nordic-hamstring': 1 });
    expect(made.sentences.join(' ')).toMatch(/with the plan .*without it/u);
    expect(made.alternatives).toBeNull();
    const recommendation = (await api.call(coach, 'GET', `/v1/athletes/${athleteId}/recommendations`)).json<{ items: object[] }>().items[0];
    expect(recommendation).toMatchObject({ id: made.recommendationId, kind: 'plan', status: 'proposed', evidence: { planId: made.id } });
    const { rows } = await api.database.pool.query<{ body: string }>(
      `SELECT body FROM webhook_event WHERE event_type = 'recommendation.created' AND athlete_id = $1`,
      [athleteId],
    );
    expect(rows.map(({ body }) => (JSON.parse(body) as { data: object }).data)).toEqual([
      { recommendationId: made.recommendationId, athleteId, teamId },
    ]);
    expect(api.calls.plansMade.at(-1)).toBe(made.id);
    const { action } = (
      await api.database.pool.query<{ action: string }>('SELECT action FROM audit_entry WHERE $1 = ANY (athlete_ids) ORDER BY at LIMIT 1', [
        athleteId,
      ])
    ).rows[0] ?? { action: '' };
    expect(action).toBe('createPlan');
  }, 60_000);

  it('has its prices and runner-up added by the second job, once, in the plan and in the recommendation', async () => {
    const athleteId = await athleteAtRisk();
    const made = await plan(athleteId);
    expect(await planning().findAlternatives(made.id)).toBe(true);
    const shown = (await api.call(coach, 'GET', `/v1/athletes/${athleteId}/plans/${made.id}`)).json<PlanView>();
    expect(shown.alternatives?.prices.length).toBeGreaterThan(0);
    for (const { limit, price } of shown.alternatives?.prices ?? []) {
      expect(limit).toMatch(/^the (load allowed on|cost budget of|most days a week of)/u);
      expect(price).toBeGreaterThanOrEqual(0);
    }
    expect(shown.alternatives?.runnerUp?.days).not.toEqual(shown.days);
    const { rows } = await api.database.pool.query<{ rationale: string }>('SELECT rationale FROM recommendation WHERE id = $1', [
      made.recommendationId,
    ]);
    expect(rows[0]?.rationale).toMatch(/Next best|No other plan was found/u);
    expect(await planning().findAlternatives(made.id)).toBe(false);
  }, 120_000);

  it('supersedes what was proposed before, the rule’s first recommendation too; what was decided stays', async () => {
    const athleteId = await athleteWithLoad();
    await api.database.pool.query(
      `INSERT INTO recommendation (id, athlete_id, kind, title, rationale, evidence, method_version, status)
       VALUES (gen_random_uuid(), $1, 'reduce-load', 'first', '', '{}', 'asms', 'proposed'), (gen_random_uuid(), $1, 'reduce-load', 'decided', '', '{}', 'asms', 'accepted')`,
      [athleteId],
    );
    await plan(athleteId);
    await plan(athleteId);
    expect((await rowsOf(athleteId)).map(({ status }) => status)).toEqual(['superseded', 'proposed']);
    const { rows } = await api.database.pool.query<{ kind: string; status: string }>(
      'SELECT kind, status FROM recommendation WHERE athlete_id = $1 ORDER BY kind, status',
      [athleteId],
    );
    expect(rows).toEqual([
      { kind: 'plan', status: 'proposed' },
      { kind: 'plan', status: 'superseded' },
      { kind: 'reduce-load', status: 'accepted' },
      { kind: 'reduce-load', status: 'superseded' },
    ]);
  }, 60_000);

  it('is refused for an athlete without data, with what is missing, and nothing is stored', async () => {
    const athleteId = await athleteWithLoad(10);
    const answer = await api.call(coach, 'POST', `/v1/athletes/${athleteId}/plans`, {});
    expect(answer.json()).toMatchObject({
      status: 422,
      code: 'plan-no-data',
      detail: expect.stringContaining('10 days since the first record') as string,
    });
    expect(await rowsOf(athleteId)).toEqual([]);
  });

  it('keeps an injured athlete under the stage’s ceiling and shows the injury to medical staff only', async () => {
    const athleteId = await athleteWithLoad();
    const injuryId = await injure(athleteId);
    const made = await plan(athleteId);
    const seen = (await api.call(medical, 'GET', `/v1/athletes/${athleteId}/plans/${made.id}`)).json<PlanView>();
    const stages = seen.medical?.['stages'] as { loadCeiling: number; name: string }[];
    expect(stages[0]?.loadCeiling).toBeGreaterThan(0);
    for (const { load } of made.days) expect(load).toBeLessThanOrEqual((stages[0]?.loadCeiling ?? 0) + 1e-6);
    expect(seen.medical?.['injuries']).toMatchObject([{ injuryId, region: 'secret region' }]);
    const list = await api.call(coach, 'GET', `/v1/athletes/${athleteId}/plans`);
    const recommendations = await api.call(coach, 'GET', `/v1/athletes/${athleteId}/recommendations`);
    for (const body of [list.body, recommendations.body, JSON.stringify(made)]) expect(body).not.toMatch(/secret region|protection/u);
    expect(list.body).not.toContain(injuryId);
  }, 60_000);

  it('reckons with the planned load, the limits and the conditions that staff set', async () => {
    const athleteId = await athleteWithLoad();
    const at = `/v1/athletes/${athleteId}`;
    expect(
      (await api.call(coach, 'PUT', `${at}/planned-load`, { days: [{ day: today(), load: 900, minimum: 200, maximum: 950 }] })).statusCode,
    ).toBe(200);
    expect((await api.call(coach, 'PUT', `${at}/plan-limits`, { dailyLoadLimit: 450, costBudget: 20 })).statusCode).toBe(200);
    expect((await api.call(medical, 'PUT', `${at}/plan-conditions`, { conditions: ['hamstring-injury-acute'] })).statusCode).toBe(200);
    const made = await plan(athleteId);
    expect(made.planned[0]).toEqual({ day: today(), load: 900, minimum: 200, maximum: 950, source: 'athlete' });
    for (const { load, doses } of made.days) {
      expect(load).toBeLessThanOrEqual(450 + 1e-6);
      expect(doses.map(({ interventionId }) => interventionId)).not.toContain('nordic-hamstring');
    }
    expect(made.limits).toMatchObject({ dailyLoadLimit: 450, costBudget: 20 });
    expect(made.limitSources).toMatchObject({ dailyLoadLimit: 'athlete', loadStep: 'default' });
  }, 60_000);
});

describe('a decision', () => {
  it('accepts once: plan and recommendation together, and the recommendation is not decided apart from it', async () => {
    const athleteId = await athleteWithLoad();
    const made = await plan(athleteId);
    const at = `/v1/athletes/${athleteId}/plans/${made.id}`;
    const apart = await api.call(coach, 'PATCH', `/v1/athletes/${athleteId}/recommendations/${made.recommendationId}`, {
      status: 'accepted',
    });
    expect(apart.json()).toMatchObject({ status: 409, code: 'decide-the-plan', detail: expect.stringContaining(at) as string });
    expect((await api.call(coach, 'PATCH', at, { status: 'accepted' })).json()).toMatchObject({
      status: 'accepted',
      decidedBy: 'key read write',
    });
    const { rows } = await api.database.pool.query('SELECT status, decided_by FROM recommendation WHERE id = $1', [made.recommendationId]);
    expect(rows).toEqual([{ status: 'accepted', decided_by: 'key read write' }]);
    expect((await api.call(coach, 'PATCH', at, { status: 'declined', reason: 'late' })).json()).toMatchObject({
      status: 409,
      code: 'already-decided',
    });
  }, 60_000);

  it('declines with a reason only', async () => {
    const made = await plan(await athleteWithLoad());
    const at = `/v1/athletes/${made.athleteId}/plans/${made.id}`;
    expect((await api.call(coach, 'PATCH', at, { status: 'declined' })).json()).toMatchObject({ code: 'validation-failed' });
    expect((await api.call(coach, 'PATCH', at, { status: 'declined', reason: 'Match on Saturday' })).json()).toMatchObject({
      status: 'declined',
      reason: 'Match on Saturday',
    });
  }, 60_000);

  it('changes doses and loads: the rest stays, its own outlook is shown, and the limits still hold', async () => {
    const made = await plan(await athleteWithLoad());
    const at = `/v1/athletes/${made.athleteId}/plans/${made.id}`;
    const hardest = made.days.reduce((most, { load }, d) => (load > (made.days[most]?.load ?? 0) ? d : most), 0);
    const first = made.days[hardest];
    const lower = 0.8 * (first?.load ?? 0);
    const body = (doses: object[], loads: object[]) => ({ status: 'changed', reason: 'travel', doses, loads });
    for (const [change, code] of [
      [body([], []), 'validation-failed'],
      [{ status: 'accepted', loads: [{ day: first?.day, load: 0 }] }, 'validation-failed'],
      [body([], [{ day: first?.day, load: 5_000 }]), 'plan-infeasible'],
      [body([{ day: first?.day, interventionId: 'sleep-extension', level: 3 }], []), 'plan-choice'],
      [body([], [{ day: '2020-01-01', load: 0 }]), 'plan-choice'],
      [
        body(
          made.days.map(({ day }) => ({ day, interventionId: 'nordic-hamstring', level: 1 })),
          [],
        ),
        'plan-infeasible',
      ],
    ] as const) {
      const answer = await api.call(coach, 'PATCH', at, change);
      expect(answer.json(), JSON.stringify(change)).toMatchObject({ code });
    }
    expect((await rowsOf(made.athleteId))[0]).toMatchObject({ status: 'proposed', decision: null });
    const answer = await api.call(coach, 'PATCH', at, body([], [{ day: first?.day, load: lower }]));
    const changed = answer.json<PlanView>();
    expect(changed, answer.body).toMatchObject({ status: 'changed', reason: 'travel' });
    // Told of what staff made of it, and without the proposal's claim that nothing is better.
    expect(changed.changed?.sentences.join(' ')).not.toEqual(changed.sentences.join(' '));
    expect(changed.changed?.sentences.join(' ')).not.toContain('no plan is better');
    made.days.forEach(({ load }, d) => expect(changed.changed?.days[d]?.load).toBeCloseTo(d === hardest ? lower : load, 6));
    expect(changed.days).toEqual(made.days);
    expect(changed.changed?.outlook.totalLoad).toBeCloseTo(made.outlook.totalLoad - (first?.load ?? 0) + lower, 4);
  }, 120_000);

  it('of a plan whose days are over is refused', async () => {
    const made = await plan(await athleteWithLoad());
    await api.database.pool.query(`UPDATE plan SET sources = jsonb_set(sources, '{firstDay}', '"2026-01-01"') WHERE id = $1`, [made.id]);
    const answer = await api.call(coach, 'PATCH', `/v1/athletes/${made.athleteId}/plans/${made.id}`, { status: 'accepted' });
    expect(answer.json()).toMatchObject({ status: 409, code: 'plan-over' });
  }, 60_000);
});

describe('what-if', () => {
  it('answers for other limits and fixed choices, and stores nothing', async () => {
    const athleteId = await athleteWithLoad();
    const at = `/v1/athletes/${athleteId}/plans/what-if`;
    const ask = async (body: object) => {
      const answer = await api.call(coach, 'POST', at, body);
      expect(answer.statusCode, answer.body).toBe(200);
      return answer.json<{ status: string; plan: PlanView | null; conflict: { sentence: string } | null }>();
    };
    const [none, tight, loose] = [
      await ask({ limits: { costBudget: 0 } }),
      await ask({ limits: { costBudget: 4 } }),
      await ask({ limits: { costBudget: 40 } }),
    ];
    expect(none.plan?.outlook.cost).toBe(0);
    expect(tight.plan?.outlook.cost).toBeLessThanOrEqual(4);
    // Each within 1 % of the best there is.
    expect(loose.plan?.outlook.objective).toBeLessThanOrEqual(
      (tight.plan?.outlook.objective ?? 0) + 0.02 * Math.abs(tight.plan?.outlook.objective ?? 0),
    );
    const fixed = await ask({ fixedDoses: [{ day: today(), interventionId: 'physiotherapy', level: 1 }], horizonDays: 3 });
    expect(fixed.plan?.days).toHaveLength(3);
    expect(fixed.plan?.days[0]?.doses).toContainEqual(expect.objectContaining({ interventionId: 'physiotherapy', level: 1 }));
    expect(await rowsOf(athleteId)).toEqual([]);
    expect((await api.database.pool.query('SELECT 1 FROM plan_attempt WHERE athlete_id = $1', [athleteId])).rowCount).toBe(0);
  }, 60_000);

  it('names in words what cannot hold together', async () => {
    const athleteId = await athleteWithLoad();
    const answer = await api.call(coach, 'POST', `/v1/athletes/${athleteId}/plans/what-if`, {
      limits: { costBudget: 2 },
      fixedDoses: [{ day: today(), interventionId: 'medical-review', level: 1 }],
    });
    expect(answer.json()).toMatchObject({
      status: 'infeasible',
      plan: null,
      conflict: {
        isSmallest: true,
        sentence: `No plan keeps these together: the choice of Medical review on ${today()} and the cost budget of 2. Change any one of them.`,
      },
    });
  }, 60_000);

  it('is refused where limits are meaningless, choices unknown, or the data is missing', async () => {
    const athleteId = await athleteWithLoad();
    const bare = await athleteWithLoad(3);
    for (const [id, body, status, code] of [
      [athleteId, { limits: { dailyLoadLimit: 0 } }, 422, 'limit-refused'],
      [athleteId, { limits: { loadStep: 0 } }, 422, 'limit-refused'],
      [athleteId, { horizonDays: 15 }, 400, 'validation-failed'],
      [athleteId, { fixedDoses: [{ day: today(), interventionId: 'yoga', level: 1 }] }, 422, 'plan-choice'],
      [athleteId, { fixedLoads: [{ day: '2020-01-01', load: 1 }] }, 422, 'plan-choice'],
      [bare, {}, 422, 'plan-no-data'],
      [randomUUID(), {}, 404, 'not-found'],
    ] as const) {
      const answer = await api.call(coach, 'POST', `/v1/athletes/${id}/plans/what-if`, body);
      expect(answer.json(), JSON.stringify(body)).toMatchObject({ status, code });
    }
  });

  it('is 503 with Retry-After where the planner’s lane is full', async () => {
    const athleteId = await athleteWithLoad();
    isBusy = true;
    for (const path of ['plans/what-if', 'plans']) {
      const answer = await api.call(coach, 'POST', `/v1/athletes/${athleteId}/${path}`, {});
      expect(answer.json()).toMatchObject({ status: 503, code: 'planner-busy' });
      expect(answer.headers['retry-after']).toBe('5');
    }
    expect(await rowsOf(athleteId)).toEqual([]);
  });
});

describe('what was done', () => {
  it('is reported a day, corrected when said again, and sets the adherence that plans reckon with', async () => {
    const athleteId = await athleteAtRisk();
    const made = await plan(athleteId);
    const at = `/v1/athletes/${athleteId}`;
    await api.call(coach, 'PATCH', `${at}/plans/${made.id}`, { status: 'accepted' });
    // As if it had been accepted a week ago.
    await api.database.pool.query(`UPDATE plan SET first_day = first_day - 7, last_day = last_day - 7 WHERE id = $1`, [made.id]);
    const planned = made.days.flatMap(({ day, doses }) =>
      doses.map(({ interventionId, level, levels }) => ({ day: shiftDay(day, -7), interventionId, share: level / levels })),
    );
    expect(planned.length).toBeGreaterThan(0);
    const report = planned.slice(0, 3).map((one) => ({ ...one, share: 0 }));
    for (const share of [1, 0]) {
      const answer = await api.call(coach, 'PUT', `${at}/doses`, { doses: report.map((one) => ({ ...one, share })) });
      expect(answer.statusCode, answer.body).toBe(200);
    }
    const view = (await api.call(coach, 'GET', `${at}/doses`)).json<{
      items: { done: number | null }[];
      adherence: { share: number; plannedDoses: number };
    }>();
    expect(view.items.filter(({ done }) => done === 0)).toHaveLength(report.length);
    expect(view.adherence).toMatchObject({ plannedDoses: planned.length, reportedDoses: report.length });
    expect(view.adherence.share).toBeLessThan(0.8);
    expect((await plan(athleteId)).adherence).toBeCloseTo(view.adherence.share, 12);
  }, 60_000);

  it('refuses the future, the long past, what is no intervention, and a dose twice', async () => {
    const athleteId = await athleteWithLoad(3);
    const dose = (day: string, interventionId = 'rest-day') => ({ day, interventionId, share: 1 });
    for (const [doses, code] of [
      [[dose(shiftDay(today(), 2))], 'time-out-of-range'],
      [[dose(shiftDay(today(), -100))], 'time-out-of-range'],
      [[dose(today(), 'yoga')], 'unknown-reference'],
      [[dose(today()), dose(today())], 'validation-failed'],
      [[{ ...dose(today()), share: 1.2 }], 'validation-failed'],
    ] as const)
      expect((await api.call(coach, 'PUT', `/v1/athletes/${athleteId}/doses`, { doses })).json(), JSON.stringify(doses)).toMatchObject({
        code,
      });
    expect((await api.database.pool.query('SELECT 1 FROM dose_done WHERE athlete_id = $1', [athleteId])).rowCount).toBe(0);
  });
});

describe('the catalogue', () => {
  const [nordic] = DEFAULT_CATALOGUE.filter(({ id }) => id === 'nordic-hamstring');
  const { id: _id, ...fields } = nordic ?? { id: '' };
  const list = async (key: string, query = '') =>
    (await api.call(key, 'GET', `/v1/catalogue${query}`)).json<{ items: CatalogueEntry[] }>().items;

  it('is the default for everybody, and a team’s own versions stand before it; nothing is overwritten', async () => {
    const mine = await api.team('Catalogued');
    const key = await api.key(mine, ['read', 'write']);
    expect((await list(key)).map(({ entryId }) => entryId)).toEqual(DEFAULT_CATALOGUE.map(({ id }) => id).toSorted());
    for (const costPerLevel of [2, 3]) {
      const answer = await api.call(key, 'PUT', '/v1/catalogue/nordic-hamstring', { ...fields, costPerLevel });
      expect(answer.statusCode, answer.body).toBe(200);
    }
    expect((await list(key, '?entryId=nordic-hamstring'))[0]).toMatchObject({ teamId: mine, version: 2, entry: { costPerLevel: 3 } });
    expect((await list(coach, '?entryId=nordic-hamstring'))[0]).toMatchObject({ teamId: null, version: 1, entry: { costPerLevel: 1 } });
    const history = await list(key, '?entryId=nordic-hamstring&history=true');
    expect(history.map(({ teamId: of, version }) => [of, version])).toEqual([
      [mine, 2],
      [mine, 1],
      [null, 1],
    ]);
    const retired = await api.call(key, 'POST', '/v1/catalogue/cold-water/retire', { reason: 'no pool' });
    expect(retired.json()).toMatchObject({ teamId: mine, version: 1, retired: true, reason: 'no pool' });
    expect((await list(key)).map(({ entryId }) => entryId)).not.toContain('cold-water');
    expect((await list(coach)).map(({ entryId }) => entryId)).toContain('cold-water');
    expect((await api.call(key, 'POST', '/v1/catalogue/cold-water/retire', { reason: 'again' })).json()).toMatchObject({ status: 404 });
  });

  it('refuses an effect out of range with the range, a missing source, an unknown region and a second load change; nothing is stored', async () => {
    const before = (await list(coach, '?history=true')).length;
    const effect = { scope: ['hamstring'], relativeRisk: 0.5, lower: 0.3, upper: 0.7 };
    for (const [change, words] of [
      [{ riskEffects: [{ ...effect, relativeRisk: 5 }] }, '0.1 to 3'],
      [{ riskEffects: [{ ...effect, lower: 0.6 }] }, 'does not hold'],
      [{ riskEffects: [{ ...effect, scope: ['elbow'] }] }, 'hip-groin'],
      [{ recoveryEffects: [{ scope: 'all', gainPerDay: 0.9 }] }, '0 to 0.5'],
      [{ evidence: '  ' }, 'evidence'],
      [{ doseLevels: 9 }, '1 to 4'],
      [{ effectKept: 1 }, '0 to below 1'],
      [{ action: 'rest-day', doseLevels: 1, riskEffects: [], soreness: 0 }, 'retire it first'],
    ] as const) {
      const answer = await api.call(coach, 'PUT', '/v1/catalogue/nordic-hamstring', { ...fields, ...change });
      expect(answer.json(), JSON.stringify(change)).toMatchObject({
        status: 422,
        code: 'plan-catalogue',
        detail: expect.stringContaining(words) as string,
      });
    }
    expect(await list(coach, '?history=true')).toHaveLength(before);
  });

  it('is changed for everybody with admin alone; the package adds what is new and leaves what staff changed', async () => {
    const every = await api.key(null, ['read', 'write']);
    expect((await api.call(every, 'PUT', '/v1/catalogue/calf-raises', fields)).json()).toMatchObject({
      status: 403,
      code: 'insufficient-scope',
    });
    const admin = await api.key(null, ['admin']);
    expect((await api.call(admin, 'PUT', '/v1/catalogue/active-recovery', { ...fields, name: 'Ours', action: 'session' })).statusCode).toBe(
      200,
    );
    const changed = DEFAULT_CATALOGUE.map((one) => ({ ...one, name: `${one.name} (new)` }));
    expect(await seedCatalogue(api.database.pool, DEFAULT_CATALOGUE)).toEqual([]);
    const written = await seedCatalogue(api.database.pool, changed);
    expect(written).toHaveLength(DEFAULT_CATALOGUE.length - 1);
    const now = await list(admin, '?entryId=active-recovery');
    expect(now[0]).toMatchObject({ version: 2, entry: { name: 'Ours' } });
    expect((await list(admin, '?entryId=rest-day'))[0]).toMatchObject({ version: 2, by: 'package' });
    await seedCatalogue(api.database.pool, DEFAULT_CATALOGUE);
  });
});

describe('limits', () => {
  it('are versions: the athlete’s before the team’s before the default, with who and when; zeros mean something or are refused', async () => {
    const athleteId = await athleteWithLoad(3);
    const other = await api.team('Limited');
    const key = await api.key(other, ['read', 'write']);
    for (const body of [{ costBudget: 0 }, { costBudget: 6, loadStep: 25 }])
      expect((await api.call(key, 'PUT', `/v1/teams/${other}/plan-limits`, body)).statusCode).toBe(200);
    const view = (await api.call(key, 'GET', `/v1/teams/${other}/plan-limits`)).json<{ history: { version: number; by: string }[] }>();
    expect(view.history.map(({ version, by }) => [version, by])).toEqual([
      [2, 'key read write'],
      [1, 'key read write'],
    ]);
    const zero = (await api.call(coach, 'PUT', `/v1/athletes/${athleteId}/plan-limits`, { costBudget: 0 })).json<{ notes: string[] }>();
    expect(zero).toMatchObject({
      athleteId,
      inForce: { costBudget: { value: 0, source: 'athlete' }, loadStep: { value: null, source: 'default' } },
    });
    expect(zero.notes[0]).toContain('nothing that costs');
    for (const [body, words] of [
      [{ dailyLoadLimit: 0 }, 'plan a load of 0 for that day'],
      [{ loadStep: 0 }, 'null for any change'],
      [{ weights: { daysLost: 0, performance: 0, recovery: 0 } }, 'positive weight'],
    ] as const)
      expect((await api.call(coach, 'PUT', `/v1/athletes/${athleteId}/plan-limits`, body)).json()).toMatchObject({
        status: 422,
        code: 'limit-refused',
        detail: expect.stringContaining(words) as string,
      });
    expect((await api.database.pool.query('SELECT 1 FROM plan_limits WHERE athlete_id = $1', [athleteId])).rowCount).toBe(1);
  });

  it('of conditions are for the scope medical, and a name that rules out nothing is refused', async () => {
    const athleteId = await athleteWithLoad(3);
    const at = `/v1/athletes/${athleteId}/plan-conditions`;
    expect((await api.call(coach, 'GET', at)).statusCode).toBe(403);
    expect((await api.call(medical, 'PUT', at, { conditions: ['hamstring-injury'] })).json()).toMatchObject({
      status: 422,
      code: 'unknown-reference',
    });
    expect((await api.call(medical, 'PUT', at, { conditions: ['open-wound'] })).json()).toMatchObject({
      conditions: ['open-wound'],
      version: 1,
    });
    expect((await api.call(medical, 'PUT', at, { conditions: [] })).json()).toMatchObject({ conditions: [], version: 2 });
  });

  it('of a planned week are checked day by day; the athlete’s stand before the team’s', async () => {
    const athleteId = await athleteWithLoad(3);
    const [first, second] = [shiftDay(today(), 1), shiftDay(today(), 2)];
    const put = (path: string, days: object[]) => api.call(coach, 'PUT', `${path}/planned-load`, { days });
    expect(
      (
        await put(`/v1/teams/${teamId}`, [
          { day: first, load: 300 },
          { day: second, load: 0, match: true },
        ])
      ).statusCode,
    ).toBe(200);
    expect((await put(`/v1/athletes/${athleteId}`, [{ day: first, load: 100 }])).statusCode).toBe(200);
    const view = (await api.call(coach, 'GET', `/v1/athletes/${athleteId}/planned-load?from=${today()}&to=${second}`)).json<{
      days: object[];
    }>();
    expect(view.days).toMatchObject([
      { day: today(), load: null, source: null },
      { day: first, load: 100, minimum: 70, maximum: 100, match: false, source: 'athlete' },
      { day: second, load: 0, maximum: 0, match: true, source: 'team' },
    ]);
    for (const [days, code] of [
      [[{ day: first, load: 100, minimum: 150 }], 'plan-range'],
      [[{ day: first, load: 100, maximum: 50 }], 'plan-range'],
      [[{ day: '2020-01-01', load: 1 }], 'time-out-of-range'],
      [
        [
          { day: first, load: 1 },
          { day: first, load: 2 },
        ],
        'validation-failed',
      ],
      [[{ day: first, load: -1 }], 'validation-failed'],
    ] as const)
      expect((await put(`/v1/athletes/${athleteId}`, [...days])).json(), JSON.stringify(days)).toMatchObject({ code });
    await api.database.pool.query('DELETE FROM planned_load WHERE team_id = $1 AND athlete_id IS NULL', [teamId]);
  });
});

describe('the job', () => {
  const at = (ms: number) => createPlanning({ store: createPlanStore(api.database.pool), planner, nowMs: () => ms });
  const store = () => createPlanStore(api.database.pool);

  it('plans weekly, on a red alert and on a change of stage, not twice within ten minutes, and notes what it cannot plan', async () => {
    const athleteId = await athleteWithLoad();
    const now = Date.now();
    const due = (ms: number) => store().dueFor(athleteId, new Date(ms));
    expect(await due(now)).toBe('weekly');
    expect(await at(now).planIfDue(athleteId)).toMatchObject({ made: 'plan' });
    expect(await at(now).planIfDue(athleteId)).toEqual({ made: 'nothing' });
    expect(await due(now + 6.9 * DAY_MS)).toBeNull();
    expect(await due(now + 7 * DAY_MS)).toBe('weekly');
    await api.database.pool.query(
      `INSERT INTO alert (id, team_id, athlete_id, type, severity, title, sentence, evidence, raised_window_index, raised_at, method_version)
       VALUES (gen_random_uuid(), $1, $2, 'risk', 'red', '', '', '{}', 1, '2020-01-01', 'asms')`,
      [teamId, athleteId],
    );
    expect(await due(now + 9 * 60_000)).toBeNull();
    expect(await due(now + 10 * 60_000)).toBe('alert');
    expect(await at(now + 10 * 60_000).planIfDue(athleteId)).toMatchObject({ made: 'plan' });
    expect(await due(now + 60 * 60_000)).toBeNull();
    const injuryId = await injure(athleteId);
    await api.database.pool.query(
      `INSERT INTO return_to_play (injury_id, athlete_id, protocol_version, state, ceilings) VALUES ($1, $2, 'return-1.0.0', $3, '[]')`,
      [
        injuryId,
        athleteId,
        {
          injuryId,
          protocolVersion: 'return-1.0.0',
          phase: 'stages',
          stage: 2,
          enteredUs: 0,
          signatures: [],
          clearedUs: null,
          history: [],
        },
      ],
    );
    expect(await due(now + 60 * 60_000)).toBe('stage');
    expect(await at(now + 60 * 60_000).planIfDue(athleteId)).toMatchObject({ made: 'plan' });
    const list = (await api.call(coach, 'GET', `/v1/athletes/${athleteId}/plans?limit=2`)).json<{
      items: PlanView[];
      nextCursor: string;
    }>();
    expect(list.items.map(({ trigger, status }) => [trigger, status])).toEqual([
      ['stage', 'proposed'],
      ['alert', 'superseded'],
    ]);
    const rest = await api.call(coach, 'GET', `/v1/athletes/${athleteId}/plans?limit=2&cursor=${list.nextCursor}`);
    expect(rest.json()).toMatchObject({
      items: [{ trigger: 'weekly' }],
      nextCursor: null,
      lastAttempt: { trigger: 'stage', refusal: null },
    });

    const bare = await athleteWithLoad(5);
    expect(await at(now).planIfDue(bare)).toEqual({ made: 'refusal' });
    expect(await store().dueFor(bare, new Date(now + 0.9 * DAY_MS))).toBeNull();
    expect(await store().dueFor(bare, new Date(now + DAY_MS))).toBe('weekly');
    expect((await api.call(coach, 'GET', `/v1/athletes/${bare}/plans`)).json()).toMatchObject({
      items: [],
      lastAttempt: { refusal: { code: 'plan-no-data' } },
    });
  }, 120_000);

  it('notes a fault of the solver as what it could not plan, and leaves an athlete due while the planner is busy', async () => {
    const athleteId = await athleteWithLoad();
    const failing = (code: string) =>
      createPlanning({
        store: store(),
        planner: {
          plan: () => Promise.reject(new KinewatchError(code, 'it failed')),
          alternatives: () => Promise.reject(new Error('none')),
        },
      });
    await expect(failing('planner-busy').planIfDue(athleteId)).rejects.toThrow('it failed');
    expect(await store().dueFor(athleteId, new Date())).toBe('weekly');
    expect(await failing('plan-solver').planIfDue(athleteId)).toEqual({ made: 'refusal' });
    expect(await store().dueFor(athleteId, new Date())).toBeNull();
    expect((await api.call(coach, 'GET', `/v1/athletes/${athleteId}/plans`)).json()).toMatchObject({
      lastAttempt: { refusal: { code: 'plan-solver', message: 'it failed' } },
    });
  });

  it('is found by the sweeper where its hint is lost, and a plan without prices too', async () => {
    const athleteId = await athleteWithLoad();
    const made = await plan(await athleteWithLoad());
    const hints: string[] = [];
    const sweeper = startPlanSweeper({
      store: store(),
      queues: {
        enqueuePlan: (id) => void hints.push(id),
        enqueuePlanAlternatives: (id) => void hints.push(id),
        release: async () => undefined,
      },
      timers: { every: () => () => undefined },
      onError: (error) => {
        throw error;
      },
    });
    await sweeper.sweep();
    await sweeper.close();
    expect(hints).toContain(athleteId);
    expect(hints).toContain(made.id);
    expect(hints).not.toContain(made.athleteId);
  }, 60_000);

  it('gives two at once for one athlete one proposal', async () => {
    const athleteId = await athleteWithLoad();
    await Promise.all([plan(athleteId), plan(athleteId), plan(athleteId)]);
    expect((await rowsOf(athleteId)).filter(({ status }) => status === 'proposed')).toHaveLength(1);
  }, 60_000);
});
