/** The pure half of serving plans: facts to a problem, what was carried out, a change by staff, and the words. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_CATALOGUE } from '../../src/asms/catalogue.ts';
import { assemblePlan, type PlanAsk } from '../../src/asms/plan/assemble.ts';
import { adherenceOf, carriedOut, plannedDoses } from '../../src/asms/plan/carried-out.ts';
import { changedProblem } from '../../src/asms/plan/change-plan.ts';
import { checkEntry } from '../../src/asms/plan/check-entry.ts';
import { PlanRefused, checkProblem } from '../../src/asms/plan/check-problem.ts';
import { describeCourse, describePlan } from '../../src/asms/plan/describe-plan.ts';
import { evaluate, noPlan } from '../../src/asms/plan/evaluate.ts';
import type { PlanFacts } from '../../src/asms/plan/facts.ts';
import { conflictInWords, limitInWords } from '../../src/asms/plan/limits-in-words.ts';
import { steadyLoad } from '../../src/asms/load.ts';
import { LIMITS } from '../../src/asms/plan/limits.ts';
import { DEFAULT_LOAD_TERMS } from '../../src/asms/plan/problem.ts';
import { usualWeekOf } from '../../src/asms/plan/usual-week.ts';
import { DEFAULT_PROTOCOL } from '../../src/asms/return-protocol.ts';
import { beginReturn } from '../../src/asms/return-to-play.ts';
import { shiftDay } from '../../src/asms/team-days.ts';
import '../support/properties.ts';

const NOW_MS = Date.parse('2026-11-30T09:00:00Z');
const TODAY = '2026-11-30';
const DAY_US = 86_400e6;
/** 60 minutes at this RPE on each weekday, Sunday first. */
const WEEK = [0, 5, 6, 7, 6, 4, 8];
const weekday = (day: string): number => new Date(`${day}T00:00:00Z`).getUTCDay();
const ratingsOf = (days: number, rpe: (day: string) => number = (day) => WEEK[weekday(day)] ?? 0): PlanFacts['ratings'] =>
  Array.from({ length: days }, (_, i) => shiftDay(TODAY, i - days)).map((day) => ({
    id: day,
    atUs: Date.parse(`${day}T12:00:00Z`) * 1_000,
    value: rpe(day) === 0 ? { rpe: 0, minutes: 0 } : { rpe: rpe(day), minutes: 60 },
  }));
const FACTS: PlanFacts = {
  athleteId: 'a',
  teamId: 't',
  timeZone: 'UTC',
  ratings: ratingsOf(56),
  sessions: [],
  matchDays: [],
  plannedLoads: { athlete: [], team: [] },
  limits: { athlete: {}, team: {} },
  conditions: [],
  catalogue: DEFAULT_CATALOGUE.map((entry) => ({ entryId: entry.id, version: 1, entry })),
  hazard: null,
  hazardText: null,
  injuries: [],
  accepted: [],
  done: [],
};
const assemble = (facts: Partial<PlanFacts> = {}, ask: PlanAsk = {}) => assemblePlan({ ...FACTS, ...facts }, NOW_MS, ask);
const INJURY: PlanFacts['injuries'][number] = {
  injuryId: '6f0e9c1e-0000-4000-8000-000000000001',
  region: 'thigh',
  onsetUs: (NOW_MS - 4 * 86_400_000) * 1_000,
  timeLossDays: 20,
  recovery: null,
  returning: beginReturn('6f0e9c1e-0000-4000-8000-000000000001', DEFAULT_PROTOCOL, 'physio', NOW_MS * 1_000 - 4 * DAY_US),
  protocol: null,
};

describe('facts become a problem', () => {
  it('that can be planned, from today on, with the usual week where nothing is planned', () => {
    const { problem, sources } = assemble();
    expect(() => checkProblem(problem)).not.toThrow();
    expect(sources).toMatchObject({ firstDay: TODAY, days: Array.from({ length: 7 }, () => 'usual') });
    // Monday first.
    expect(problem.days.map(({ load }) => load)).toEqual([300, 360, 420, 360, 240, 480, 0]);
    expect(problem.days[0]).toMatchObject({ load: 300, minimumLoad: 210, maximumLoad: 300 });
    expect(problem.usualDailyLoad).toBeCloseTo((5 + 6 + 7 + 6 + 4 + 8) * (60 / 7), 9);
    expect(problem.costBudget).toBe(12);
  });

  it('whose days have their share of the usual exposure: a match three times that of training, a day off none', () => {
    const saturdays = [-2, -9, -16, -23].map((back) => shiftDay(TODAY, back));
    const exposure = (facts: Partial<PlanFacts>) => assemble(facts).problem.days.map((one) => one.exposure ?? NaN);
    // A usual week has 36 * 60 AU, with a match on Saturday 16 * 60 more.
    expect(exposure({})[5]).toBeCloseTo((8 / 36) * 7, 9);
    const played = exposure({ matchDays: saturdays });
    expect(played[5]).toBeCloseTo((24 / 52) * 7, 9);
    expect(played[6]).toBe(0);
    expect(played.reduce((a, b) => a + b, 0)).toBeCloseTo(7, 9);
    const on = { day: TODAY, load: 480, minimum: 480, maximum: 480 };
    const [match, training] = [true, false].map(
      (isMatch) => exposure({ matchDays: saturdays, plannedLoads: { athlete: [], team: [{ ...on, isMatch }] } })[0]!,
    );
    expect(match).toBeCloseTo((24 / 52) * 7, 9);
    expect(training).toBeCloseTo((8 / 52) * 7, 9);
  });

  it('that begins tomorrow where today is rated already', () => {
    const today = { id: 'now', atUs: (NOW_MS - 3_600_000) * 1_000, value: { rpe: 5, minutes: 60 } };
    expect(assemble({ ratings: [...FACTS.ratings, today] }).sources.firstDay).toBe('2026-12-01');
  });

  it('in which the athlete’s own planned load stands before the team’s, and the team’s before the usual week', () => {
    const on = (day: string, load: number) => ({ day, load, minimum: 0, maximum: load + 50, isMatch: false });
    const { problem, sources } = assemble({
      plannedLoads: { athlete: [on(TODAY, 111)], team: [on(TODAY, 222), on('2026-12-01', 333)] },
    });
    expect(sources.days.slice(0, 3)).toEqual(['athlete', 'team', 'usual']);
    expect(problem.days.slice(0, 2).map(({ load }) => load)).toEqual([111, 333]);
  });

  it('keeps the usual and the team’s week under a ceiling, and what staff planned for the athlete as it is, but for its least load', () => {
    const on = (day: string) => ({ day, load: 600, minimum: 400, maximum: 700, isMatch: false });
    const { problem } = assemble({
      plannedLoads: { athlete: [on(TODAY)], team: [on('2026-12-01')] },
      limits: { athlete: { dailyLoadLimit: 250 }, team: {} },
    });
    expect(problem.days.slice(0, 3)).toMatchObject([
      { load: 600, minimumLoad: 250, maximumLoad: 700 },
      { load: 250, minimumLoad: 250, maximumLoad: 250 },
      { load: 250, minimumLoad: 250, maximumLoad: 250 },
    ]);
  });

  it('in which a lighter week pays for an athlete at risk, and not for one of average risk', () => {
    const { problem } = assemble({ ratings: ratingsOf(200, () => 5) });
    const usual = noPlan(problem);
    const lighter = { ...usual, loads: usual.loads.map((load) => 0.7 * load) };
    const gain = (factor: number): number => {
      const { hazard } = problem;
      if (hazard === null) throw new Error('no hazard');
      const at = { ...problem, hazard: { ...hazard, logDailyRate: Math.log(0.005 * factor) } };
      return evaluate(at, usual).objective - evaluate(at, lighter).objective;
    };
    expect(gain(1)).toBeLessThan(0);
    expect(gain(1.3)).toBeLessThan(0);
    expect(gain(1.7)).toBeGreaterThan(0);
    expect(gain(3)).toBeGreaterThan(0);
  });

  it('whose limits come from what is asked, the athlete, the team, the default, in this order; null is no limit', () => {
    const limits = { athlete: { costBudget: 3, loadStep: null }, team: { costBudget: 9, dailyLoadLimit: 700, loadStep: 50 } };
    const { problem, sources } = assemble({ limits });
    expect(problem).toMatchObject({ costBudget: 3, dailyLoadLimit: 700, loadStep: null });
    expect(sources.limits).toEqual({ costBudget: 'athlete', dailyLoadLimit: 'team', loadStep: 'athlete', weights: 'default' });
    expect(assemble({ limits }, { limits: { costBudget: null }, horizonDays: 14 }).problem.costBudget).toBeNull();
    expect(assemble({ limits }, { horizonDays: 14 }).problem.costBudget).toBe(6);
  });

  it('with the own hazard less the fatigue of its day, or the population’s rate and a sentence that says so', () => {
    const hazard = { day: '2026-11-29', modelVersion: '0.2.0', probability: 0.08, notEnoughData: null };
    const own = assemble({ hazard });
    expect(own.problem.hazard).toMatchObject(DEFAULT_LOAD_TERMS);
    const terms = { fatigue: 0.8, loadExcess: 0.3 };
    const told = assemble({ hazard, hazardText: JSON.stringify({ planning: terms }) });
    expect(told.problem.hazard).toMatchObject(terms);
    // What the usual week holds is what the daily hazard says, however the terms spread it.
    for (const { problem } of [own, told]) expect(evaluate(problem, noPlan(problem)).injuryProbability).toBeCloseTo(0.08, 9);
    expect(own.sources.missing).toEqual([]);
    for (const [known, why] of [
      [null, 'none was computed yet'],
      [{ ...hazard, day: '2026-11-01' }, '2026-11-01'],
      [{ ...hazard, probability: null, notEnoughData: 'load-history' }, 'load-history'],
    ] as const) {
      const { problem, sources } = assemble({ hazard: known });
      // Half a percent a day for a rested athlete at the usual load.
      expect(evaluate({ ...problem, load: steadyLoad(problem.usualDailyLoad) }, noPlan(problem)).injuryProbability).toBeCloseTo(
        -Math.expm1(-7 * 0.005),
        9,
      );
      expect(sources.hazard.source).toBe('population');
      expect(sources.missing[0]).toContain(why);
    }
  });

  it('under the stage of an open injury: a ceiling on every day, usual days kept under it, work that is not allowed left out', () => {
    const { problem } = assemble({ injuries: [INJURY] });
    expect(() => checkProblem(problem)).not.toThrow();
    const [stage] = problem.stages;
    expect(stage).toMatchObject({ name: 'protection', firstDay: 0, lastDay: 6 });
    expect(stage?.allowedKinds).toEqual(['load', 'recovery', 'therapy', 'medical']);
    expect(stage?.loadCeiling).toBeGreaterThan(0);
    for (const day of problem.days) expect(day.load).toBeLessThanOrEqual(stage?.loadCeiling ?? 0);
    // Four days of k0 = ln 20 / 20.
    expect(problem.injuries[0]?.recovery).toBeCloseTo(1 - 20 ** (-4 / 20), 9);
  });

  it('with a ceiling also where too little was recorded before the injury for a chronic load, and says from what', () => {
    const ratings = ratingsOf(56).filter(({ atUs }) => atUs >= INJURY.onsetUs - 26 * DAY_US);
    const { problem, sources } = assemble({ ratings, injuries: [INJURY] });
    const [stage] = problem.stages;
    expect(stage?.loadCeiling).toBeCloseTo((DEFAULT_PROTOCOL.stages[0]?.loadCeilingShare ?? 0) * problem.usualDailyLoad, 9);
    for (const day of problem.days) expect(day.load).toBeLessThanOrEqual(stage?.loadCeiling ?? 0);
    expect(sources.missing.join(' ')).toContain('a share of the usual daily load');
  });

  it('with the first stage where no return was begun, and refused where its protocol is not known', () => {
    const unknown = assemble({ injuries: [{ ...INJURY, returning: null }] });
    expect(unknown.problem.stages[0]?.name).toBe('protection');
    expect(unknown.sources.missing.join(' ')).toContain('first stage');
    const other = { ...DEFAULT_PROTOCOL, version: 'club-2' };
    const returning = beginReturn(INJURY.injuryId, other, 'physio', INJURY.onsetUs);
    expect(() => assemble({ injuries: [{ ...INJURY, returning }] })).toThrow(/club-2/u);
    expect(assemble({ injuries: [{ ...INJURY, returning, protocol: other }] }).problem.stages).toHaveLength(1);
  });

  it('refuses an athlete without data, and says what is missing', () => {
    for (const [ratings, words] of [
      [[], /0 days since the first record/u],
      [ratingsOf(20), /20 days since the first record \(28 are needed\)/u],
      [ratingsOf(56).filter((_, i) => i % 3 === 0), /of the last 28 recorded \(21 are needed\)/u],
      [ratingsOf(56, () => 0), /no load in the last 28 days/u],
    ] as const) {
      expect(() => assemble({ ratings })).toThrow(PlanRefused);
      expect(() => assemble({ ratings })).toThrow(words);
    }
  });

  it('refuses a choice on a day that is not planned', () => {
    expect(() => assemble({}, { fixedLoads: [{ day: '2026-12-24', load: 0 }] })).toThrow(/2026-12-24 is not among the days planned/u);
  });

  it('is a function of facts and time: the same give the same', () => {
    expect(assemble({ injuries: [INJURY] })).toEqual(assemble({ injuries: [INJURY] }));
  });
});

describe('the usual week', () => {
  it('is the mean of each weekday over the last 28 days; a day nobody recorded is no rest day', () => {
    const day = (iso: string, value: number | null) => ({ day: iso, value, recorded: 0, sessions: 0, unrecorded: 0, provisional: false });
    expect(usualWeekOf([], new Set())).toBeNull();
    const week = usualWeekOf(
      [day('2026-11-02', 100), day('2026-11-03', null), day('2026-11-09', 300), day('2026-11-10', 50)],
      new Set(['2026-11-09']),
    );
    expect(week).toMatchObject({ dailyLoad: 150, recordedDays: 3 });
    expect(week?.byWeekday[1]).toBe(200);
    // The match on the second Monday counts three times.
    expect(week?.exposure.byWeekday[1]).toBe((100 + 3 * 300) / 2);
    expect(week?.exposure.daily).toBe((100 + 3 * 300 + 50) / 3);
    expect(week?.byWeekday[2]).toBe(50);
    expect(week?.byWeekday[0]).toBe(150);
  });
});

const accepted = (planId: string, firstDay: string, shares: readonly number[]): PlanFacts['accepted'][number] => ({
  planId,
  days: shares.map((_, d) => shiftDay(firstDay, d)),
  doses: shares.flatMap((share, d) => (share > 0 ? [{ day: shiftDay(firstDay, d), interventionId: 'nordic-hamstring', share }] : [])),
});
const done = (day: string, share: number) => ({ day, interventionId: 'nordic-hamstring', share });

describe('what was carried out', () => {
  it('counts the later of two plans that hold a day', () => {
    const plans = [accepted('old', '2026-11-01', [1, 1, 1]), accepted('new', '2026-11-02', [0, 0.5])];
    expect(plannedDoses(plans)).toEqual([done('2026-11-01', 1), done('2026-11-03', 0.5)]);
  });

  it('measures adherence over reported doses, from 0.8 as if over five; what nobody reported says nothing', () => {
    const plans = [accepted('p', '2026-11-10', [1, 1, 1, 1])];
    expect(adherenceOf(plans, [], TODAY)).toEqual({ share: 0.8, plannedDoses: 4, reportedDoses: 0 });
    const reports = [done('2026-11-10', 1), done('2026-11-11', 0)];
    expect(adherenceOf(plans, reports, TODAY)).toEqual({ share: 5 / 7, plannedDoses: 4, reportedDoses: 2 });
    // More than planned counts as planned.
    expect(adherenceOf([accepted('p', '2026-11-10', [0.5])], [done('2026-11-10', 1)], TODAY).share).toBeCloseTo(4.5 / 5.5, 12);
  });

  it('stays in [0, 1], and more done is never less adherence', () => {
    const report = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(report, { maxLength: 20 }), fc.integer({ min: 0, max: 20 }), (reports, at) => {
        const plans = [
          accepted(
            'p',
            '2026-11-01',
            Array.from({ length: 21 }, (_, i) => (i % 2) / 2 + 0.5),
          ),
        ];
        const rows = [...new Map(reports.map(([d, share]) => [d, share]))].map(([d, share]) => done(shiftDay('2026-11-01', d), share));
        const more = rows.map((row, i) => (i === at ? { ...row, share: 1 } : row));
        const [less, full] = [adherenceOf(plans, rows, TODAY).share, adherenceOf(plans, more, TODAY).share];
        expect(less).toBeGreaterThanOrEqual(0);
        expect(full).toBeLessThanOrEqual(1);
        expect(full).toBeGreaterThanOrEqual(less - 1e-12);
      }),
    );
  });

  it('builds the effect by the planner’s recursion, from reports where there are any', () => {
    const nordic = DEFAULT_CATALOGUE.filter(({ id }) => id === 'nordic-hamstring');
    const kept = nordic[0]?.effectKept ?? 0;
    const yesterday = '2026-11-29';
    const effectOf = (reports: PlanFacts['done']) =>
      carriedOut(nordic, [accepted('p', yesterday, [1])], reports, TODAY).effectsNow['nordic-hamstring'] ?? 0;
    // Two full doses a week hold the effect where it is whole: one counts as three and a half days.
    expect(effectOf([])).toBeCloseTo((1 - kept) * 3.5 * 0.8, 12);
    expect(effectOf([done(yesterday, 0.5)])).toBeCloseTo((1 - kept) * 3.5 * 0.5, 12);
    expect(effectOf([done(yesterday, 0)])).toBe(0);
    expect(carriedOut(nordic, [accepted('p', '2026-11-25', [1, 0, 1])], [done('2026-11-27', 0)], TODAY).doneDaysAgo).toEqual({
      'nordic-hamstring': [5],
    });
  });
});

describe('a plan that staff change', () => {
  const { problem, sources } = assemble();
  const days = Array.from({ length: 7 }, (_, d) => shiftDay(sources.firstDay, d));

  it('leaves nothing to choose but how a new load comes about', () => {
    const changed = changedProblem(problem, days, noPlan(problem), {
      doses: [{ day: days[1] ?? '', interventionId: 'nordic-hamstring', level: 2 }],
      loads: [{ day: days[0] ?? '', load: 250 }],
    });
    expect(() => checkProblem(changed)).not.toThrow();
    expect(changed.fixedLoads.map(({ load }) => load)).toEqual([250, 360, 420, 360, 240, 480, 0]);
    const free = problem.interventions.filter(({ action }) => action !== 'session').length;
    expect(changed.fixedDoses).toHaveLength(problem.interventions.length * 7 - free);
    expect(changed.fixedDoses).toContainEqual({ day: 1, interventionId: 'nordic-hamstring', level: 2 });
  });

  it('refuses what the plan does not have, and load actions by name', () => {
    const change = (day: string, interventionId: string) => () =>
      changedProblem(problem, days, noPlan(problem), { doses: [{ day, interventionId, level: 1 }], loads: [] });
    expect(change('2026-12-24', 'nordic-hamstring')).toThrow(/not among the days/u);
    expect(change(days[0] ?? '', 'yoga')).toThrow(/not among the interventions/u);
    expect(change(days[0] ?? '', 'rest-day')).toThrow(/give the load of the day/u);
  });
});

describe('words', () => {
  const { problem, sources } = assemble({ injuries: [INJURY], conditions: ['hamstring-injury-acute'] });
  const days = Array.from({ length: 7 }, (_, d) => shiftDay(sources.firstDay, d));
  const context = { problem, days, loadUnit: 'AU', isMedical: false };

  it('name no condition and no stage to a coach, and both to medical staff', () => {
    const names = [LIMITS.contraindication('nordic-hamstring'), LIMITS.stageCeiling('protection'), LIMITS.stageKinds('protection')];
    const coach = names.map((name) => limitInWords(name, context)).join(' ');
    expect(coach).not.toMatch(/protection|hamstring-injury|thigh/u);
    expect(names.map((name) => limitInWords(name, { ...context, isMedical: true })).join(' ')).toContain('protection');
  });

  it('say which limits cannot hold together and what to do', () => {
    expect(conflictInWords([LIMITS.cost, LIMITS.choice(2, 'nordic-hamstring')], true, context)).toBe(
      'No plan keeps these together: the cost budget of 12 and the choice of Eccentric hamstring strength (Nordic hamstring exercise) on 2026-12-02. Change any one of them.',
    );
    expect(conflictInWords([LIMITS.dailyLoad], true, { ...context, problem: { ...problem, dailyLoadLimit: 90 } })).toBe(
      'No plan keeps the daily load limit of 90 AU. Change it.',
    );
  });

  it('of a plan hold what, how much, when, with and without, evidence and what is missing, and nothing medical', () => {
    const levels = problem.interventions.map(({ id }) => problem.days.map((_, d) => (id === 'sleep-extension' && d < 2 ? 1 : 0)));
    const decision = { levels, loads: problem.days.map(({ load }, d) => (d === 0 ? 0 : load)) };
    const report = {
      gap: 0.004,
      bound: 0,
      tangentError: 0,
      tangentErrorBound: 0,
      rounds: 1,
      elapsedS: 0,
      isWithinGap: true,
      columns: 1,
      rows: 1,
    };
    const plan = { decision, with: evaluate(problem, decision), without: evaluate(problem, noPlan(problem)), report };
    const alternatives = {
      plan,
      runnerUp: { ...plan, decision: noPlan(problem), with: plan.without },
      prices: [{ limit: LIMITS.cost, movedBy: 1, price: 0.02, error: 0.001 }],
    };
    const text = describePlan({ problem, sources, days, plan, alternatives });
    const all = text.sentences.join(' ');
    expect(all).not.toContain('The cost budget is 0');
    const broke = describePlan({ problem: { ...problem, costBudget: 0 }, sources, days, plan, alternatives });
    expect(broke.sentences.join(' ')).toContain('The cost budget is 0: plans hold nothing that costs');
    expect(text.title).toBe('Plan for 2026-11-30 to 2026-12-06');
    expect(all).toContain('Longer sleep (60 to 90 minutes more in bed) on 2026-11-30, 2026-12-01');
    expect(all).toMatch(/rest on 2026-11-30 instead of \d+/u);
    for (const part of [
      'with the plan',
      'without it',
      'Recovery at the end',
      'moving the cost budget of 12 by 1 is worth 0.020',
      'Next best',
      'Evidence, Longer sleep',
      'no hazard of their own',
    ])
      expect(all, part).toContain(part);
    expect(all).not.toMatch(/thigh|hamstring-injury-acute|protection/u);
    expect(describePlan({ problem, sources, days, plan, alternatives: 'to-follow' }).sentences.join(' ')).toContain('follow');
    expect(describePlan({ problem, sources, days, plan, alternatives: 'not-asked' }).sentences.join(' ')).not.toContain('follow');
    expect(describeCourse({ problem, sources, days, plan }).join(' ')).not.toMatch(/no plan is better|follow/u);
  });
});

describe('a catalogue entry', () => {
  const nordic = DEFAULT_CATALOGUE.find(({ id }) => id === 'nordic-hamstring');
  if (nordic === undefined) throw new Error('no nordic');
  const regions = { risk: ['hamstring', 'knee'], recovery: ['thigh', 'knee'] };
  it('is refused with the range where an effect lies out of it, the region where it is unknown, and a second load change', () => {
    const effect = (relativeRisk: number) => ({ ...nordic, riskEffects: [{ scope: ['hamstring'], relativeRisk, lower: 0.3, upper: 0.7 }] });
    expect(() => checkEntry(effect(0.5), regions, [])).not.toThrow();
    expect(() => checkEntry(effect(4), regions, [])).toThrow(/give a finite number, 0.1 to 3/u);
    expect(() => checkEntry({ ...nordic, riskEffects: [{ scope: ['elbow'], relativeRisk: 1, lower: 1, upper: 1 }] }, regions, [])).toThrow(
      /hamstring, knee/u,
    );
    const helps = (area: string) => ({ ...nordic, recoveryEffects: [{ scope: [area], gainPerDay: 0.01 }] });
    expect(() => checkEntry(helps('thigh'), regions, [])).not.toThrow();
    expect(() => checkEntry(helps('hamstring'), regions, [])).toThrow(
      /effect on recovery .* "hamstring": give all, or some of thigh, knee/u,
    );
    expect(() => checkEntry({ ...nordic, evidence: ' ' }, regions, [])).toThrow(/evidence/u);
    const [change] = DEFAULT_CATALOGUE.filter(({ action }) => action === 'load-change');
    if (change === undefined) throw new Error('no load change');
    expect(() => checkEntry({ ...change, id: 'other' }, regions, [change])).toThrow(/load-change is the load-change in force/u);
    expect(() => checkEntry(change, regions, [change])).not.toThrow();
    const forty = Array.from({ length: 40 }, (_, i) => ({ ...nordic, id: `n${i}` }));
    expect(() => checkEntry({ ...nordic, id: 'more' }, regions, forty)).toThrow(/retire one first/u);
  });
});
