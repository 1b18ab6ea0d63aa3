import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { findAlternatives } from '../../src/asms/plan/alternatives.ts';
import { PlanRefused } from '../../src/asms/plan/check-problem.ts';
import { TAIL_DAYS, riskGroups } from '../../src/asms/plan/dynamics.ts';
import { evaluate, logDailyRateFor, noPlan } from '../../src/asms/plan/evaluate.ts';
import { LIMITS } from '../../src/asms/plan/limits.ts';
import { DEFAULT_WEIGHTS, type Decision, type Intervention, type PlanProblem } from '../../src/asms/plan/problem.ts';
import { solvePlan, type Plan, type PlanSettings } from '../../src/asms/plan/solve-plan.ts';
import type { Solver } from '../../src/asms/plan/solver.ts';
import { cutPoints, largestError, tangentAt } from '../../src/asms/plan/tangents.ts';
import { steadyLoad } from '../../src/asms/load.ts';
import { DEFAULT_CATALOGUE, DEFAULT_REGIONS } from '../../src/asms/catalogue.ts';
import { createHighsSolver } from '../../src/plan/highs-solver.ts';

const CLOSE: PlanSettings = { relativeGap: 1e-6, timeLimitS: 60 };
/** Room for the solver's own tolerances (1e-6 of a row), in expected days lost. */
const NOISE = 2e-5;

let solver: Solver;
beforeAll(async () => {
  solver = await createHighsSolver();
});

const SESSION: Intervention = {
  id: 'strength',
  name: 'Strength',
  kind: 'strength',
  action: 'session',
  doseLevels: 1,
  doseUnit: 'sets',
  costPerLevel: 1,
  maximumDaysAWeek: 7,
  restDaysAfter: 0,
  riskEffects: [{ scope: ['thigh'], relativeRisk: 0.5, lower: 0.3, upper: 0.8 }],
  effectKept: 0.9,
  recoveryEffects: [],
  soreness: 0,
  contraindications: [],
  evidence: 'made up for the test',
};
const THERAPY: Intervention = {
  ...SESSION,
  id: 'therapy',
  kind: 'therapy',
  riskEffects: [],
  recoveryEffects: [{ scope: 'all', gainPerDay: 0.05 }],
};
const LOAD_CHANGE: Intervention = { ...SESSION, id: 'change', kind: 'load', action: 'load-change', riskEffects: [], effectKept: 0 };
const REST_DAY: Intervention = { ...LOAD_CHANGE, id: 'rest', action: 'rest-day' };

const BASE: PlanProblem = {
  days: [100, 100, 200].map((load) => ({ load, minimumLoad: 0, maximumLoad: 300 })),
  load: steadyLoad(100),
  usualDailyLoad: 100,
  hazard: { logDailyRate: Math.log(0.01), fatigue: 1, loadExcess: 1 },
  regions: [
    { code: 'thigh', share: 0.4, severityDays: 20 },
    { code: 'knee', share: 0.3, severityDays: 30 },
    { code: 'foot', share: 0.3, severityDays: 30 },
  ],
  injuries: [],
  performance: null,
  interventions: [LOAD_CHANGE, REST_DAY, SESSION, THERAPY],
  effectsNow: {},
  adherence: 1,
  doneDaysAgo: {},
  conditions: [],
  stages: [],
  dailyLoadLimit: null,
  costBudget: null,
  loadStep: 50,
  fixedDoses: [],
  fixedLoads: [],
  weights: DEFAULT_WEIGHTS,
};

function planned(problem: PlanProblem, settings: PlanSettings = CLOSE): Plan {
  const outcome = solvePlan(problem, solver, settings);
  if (outcome.status !== 'planned') throw new Error(JSON.stringify(outcome));
  return outcome.plan;
}

// A second statement of the model, in plain numbers and day by day: it shares no code with the planner but the problem's types.
const LEFT_OF_CHRONIC = 27 / 29;
const FITNESS_KEPT = Math.exp(-1 / 42);
const FATIGUE_KEPT = Math.exp(-1 / 7);
const isIn = (scope: 'all' | readonly string[], region: string): boolean => scope === 'all' || scope.includes(region);

function trueObjective(problem: PlanProblem, { levels, loads }: Decision): number {
  const { load, hazard, interventions, usualDailyLoad: usual, weights, performance } = problem;
  if (load === null || hazard === null) throw new Error('no data');
  let { acute, chronic, fitness, fatigue } = load;
  let ofLoads = fatigue;
  const effects = interventions.map((one) => problem.effectsNow[one.id] ?? 0);
  const q = problem.injuries.map((injury) => -Math.log(Math.max(1e-4, 1 - injury.recovery)));
  const changes: number[] = [];
  const at = { fitness, fatigue };
  const note = (): void => {
    if (performance === null) return;
    const gained = performance.fitnessGain * (fitness - at.fitness) - performance.fatigueLoss * (ofLoads - at.fatigue);
    changes.push(gained / performance.smallestWorthwhileChange);
  };
  const logRisk = (region: string, effect: (m: number) => number): number =>
    interventions.reduce(
      (sum, one, m) =>
        sum +
        one.riskEffects.filter((risk) => isIn(risk.scope, region)).reduce((a, risk) => a + Math.log(risk.relativeRisk), 0) * effect(m),
      0,
    );
  const tiredness = (): number => (fatigue * (1 - FATIGUE_KEPT)) / usual - 1;
  let lost = 0;
  loads.forEach((today, d) => {
    const common = hazard.logDailyRate + hazard.fatigue * tiredness() + hazard.loadExcess * Math.max(0, (acute - chronic) / usual);
    for (const region of problem.regions)
      lost +=
        (problem.days[d]!.exposure ?? 1) * region.share * region.severityDays * Math.exp(common + logRisk(region.code, (m) => effects[m]!));
    const doses = interventions.map((one, m) => (one.action === 'session' ? (problem.adherence * levels[m]![d]!) / one.doseLevels : 0));
    const soreness = interventions.reduce((sum, one, m) => sum + one.soreness * usual * doses[m]!, 0);
    fatigue = fatigue * FATIGUE_KEPT + today + soreness;
    ofLoads = ofLoads * FATIGUE_KEPT + today;
    fitness = fitness * FITNESS_KEPT + today;
    acute = acute * 0.75 + today * 0.25;
    chronic = chronic * LEFT_OF_CHRONIC + (today * 2) / 29;
    interventions.forEach((one, m) => {
      const gain = Math.min(7 / one.maximumDaysAWeek, 1 / (1 - one.effectKept));
      effects[m] = one.effectKept * effects[m]! + (1 - one.effectKept) * gain * doses[m]!;
    });
    problem.injuries.forEach((injury, i) => {
      q[i]! += injury.healingPerDay;
      interventions.forEach((one, m) => {
        for (const gain of one.recoveryEffects) if (isIn(gain.scope, injury.region)) q[i]! += injury.response * gain.gainPerDay * doses[m]!;
      });
    });
    note();
  });
  const { tailExposure = [1] } = problem;
  let [exposure, leftOf] = [0, (_kept: number): number => 0];
  for (let t = 0; t < TAIL_DAYS; t += 1) {
    const [today, before] = [tailExposure[t % tailExposure.length]!, leftOf];
    exposure += today;
    leftOf = (kept) => before(kept) + today * kept ** t;
  }
  const meanOver = (kept: number): number => (exposure === 0 ? 0 : leftOf(kept) / exposure);
  const tail =
    hazard.logDailyRate +
    hazard.fatigue * tiredness() * meanOver(FATIGUE_KEPT) +
    hazard.loadExcess * Math.max(0, (acute - chronic) / usual) * meanOver(0.75);
  for (const region of problem.regions)
    lost +=
      exposure *
      region.share *
      region.severityDays *
      Math.exp(tail + logRisk(region.code, (m) => effects[m]! * meanOver(interventions[m]!.effectKept)));
  for (let t = 0; t < TAIL_DAYS; t += 1) {
    ofLoads = ofLoads * FATIGUE_KEPT + usual;
    fitness = fitness * FITNESS_KEPT + usual;
    note();
  }
  const gained = changes.length === 0 ? 0 : changes.reduce((a, b) => a + b, 0) / changes.length;
  const worth = interventions.reduce(
    (sum, one, m) => sum + (one.action === 'session' ? 0.001 * one.costPerLevel : 0.02) * levels[m]!.reduce((a, b) => a + b, 0),
    0,
  );
  const left = Math.max(0, ...q.map((one) => Math.exp(-one)));
  return weights.daysLost * lost - weights.performance * gained + weights.recovery * left + worth;
}

/** Whether a decision keeps every limit, by reading the problem. */
function keepsLimits(problem: PlanProblem, { levels, loads }: Decision): boolean {
  const { days, interventions } = problem;
  const level = (action: Intervention['action'], d: number): number => {
    const m = interventions.findIndex((one) => one.action === action);
    return m < 0 ? 0 : levels[m]![d]!;
  };
  const loadsHold = loads.every((load, d) => {
    const day = days[d]!;
    const isRest = level('rest-day', d) === 1;
    if (isRest && level('load-change', d) === 1) return false;
    if (isRest ? load !== 0 : level('load-change', d) === 0 && load !== day.load) return false;
    if (load < day.minimumLoad || load > day.maximumLoad) return false;
    if (problem.dailyLoadLimit !== null && load > problem.dailyLoadLimit) return false;
    const steps = problem.loadStep === null ? 0 : (load - day.load) / problem.loadStep;
    if (!isRest && Math.abs(steps - Math.round(steps)) > 1e-9) return false;
    return problem.stages.every((stage) => d < stage.firstDay || d > stage.lastDay || load <= (stage.loadCeiling ?? Infinity));
  });
  const cost = interventions.reduce((sum, one, m) => sum + one.costPerLevel * levels[m]!.reduce((a, b) => a + b, 0), 0);
  const dosesHold = interventions.every((one, m) => {
    const before = problem.doneDaysAgo[one.id] ?? [];
    const done = (d: number): number => (d >= 0 ? Math.min(1, levels[m]![d] ?? 0) : before.includes(-d) ? 1 : 0);
    return days.every((_, d) => {
      if (done(d) === 0) return true;
      if (one.contraindications.some((name) => problem.conditions.includes(name))) return false;
      const isKindAllowed = problem.stages.every(
        (stage) =>
          d < stage.firstDay ||
          d > stage.lastDay ||
          stage.allowedKinds === null ||
          one.kind === 'load' ||
          stage.allowedKinds.includes(one.kind),
      );
      if (!isKindAllowed) return false;
      for (let back = 1; back <= one.restDaysAfter; back += 1) if (done(d - back) === 1) return false;
      let week = 0;
      for (let back = 0; back < 7; back += 1) week += done(d - back);
      return week <= one.maximumDaysAWeek;
    });
  });
  const choicesHold =
    problem.fixedDoses.every(
      (fixed) => levels[interventions.findIndex((one) => one.id === fixed.interventionId)]![fixed.day] === fixed.level,
    ) && problem.fixedLoads.every((fixed) => Math.abs(loads[fixed.day]! - fixed.load) < 1e-9);
  return loadsHold && dosesHold && choicesHold && cost <= (problem.costBudget ?? Infinity);
}

/** Every decision with loads on the step, whether it keeps the limits or not. */
function* everyDecision(problem: PlanProblem): Generator<Decision> {
  const { days, interventions, loadStep } = problem;
  if (loadStep === null) throw new Error('loads must be discretised');
  const change = interventions.findIndex((one) => one.action === 'load-change');
  const rest = interventions.findIndex((one) => one.action === 'rest-day');
  const optionsOf = (d: number): { load: number; levels: number[] }[] => {
    const day = days[d]!;
    const loads: [number, number][] = [[day.load, -1]];
    if (rest >= 0) loads.push([0, rest]);
    if (change >= 0)
      for (let n = Math.ceil((day.minimumLoad - day.load) / loadStep); day.load + n * loadStep <= day.maximumLoad; n += 1)
        loads.push([day.load + n * loadStep, change]);
    let found = loads.map(([load, action]) => ({ load, levels: interventions.map((_, m): number => (m === action ? 1 : 0)) }));
    interventions.forEach((one, m) => {
      if (one.action !== 'session') return;
      found = found.flatMap((option) =>
        Array.from({ length: one.doseLevels + 1 }, (_, level) => ({ ...option, levels: option.levels.with(m, level) })),
      );
    });
    return found;
  };
  const options = days.map((_, d) => optionsOf(d));
  const pick = days.map(() => 0);
  for (;;) {
    const chosen = pick.map((index, d) => options[d]![index]!);
    yield { loads: chosen.map((one) => one.load), levels: interventions.map((_, m) => chosen.map((one) => one.levels[m]!)) };
    let d = 0;
    while (d < pick.length && pick[d] === options[d]!.length - 1) pick[d++] = 0;
    if (d === pick.length) return;
    pick[d]! += 1;
  }
}

/** The least true objective over every decision that keeps the limits and passes `allowed`; null where there is none. */
function bruteForce(problem: PlanProblem, allowed: (decision: Decision) => boolean = () => true): number | null {
  let best: number | null = null;
  for (const decision of everyDecision(problem)) {
    if (!keepsLimits(problem, decision) || !allowed(decision)) continue;
    const objective = trueObjective(problem, decision);
    if (best === null || objective < best) best = objective;
  }
  return best;
}

const hundredths = (low: number, high: number) => fc.integer({ min: low * 100, max: high * 100 }).map((value) => value / 100);

const sessions = fc
  .array(
    fc.record({
      doseLevels: fc.integer({ min: 1, max: 2 }),
      costPerLevel: fc.integer({ min: 0, max: 3 }),
      maximumDaysAWeek: fc.integer({ min: 0, max: 3 }),
      restDaysAfter: fc.integer({ min: 0, max: 2 }),
      relativeRisk: hundredths(0.3, 1.2),
      scope: fc.constantFrom('all' as const, ['thigh'], ['knee', 'foot']),
      effectKept: hundredths(0, 0.95),
      gainPerDay: hundredths(0, 0.1),
      soreness: hundredths(0, 0.5),
      isContraindicated: fc.boolean(),
    }),
    { minLength: 1, maxLength: 2 },
  )
  .map((drawn) =>
    drawn.map(({ relativeRisk, scope, gainPerDay, isContraindicated, ...rest }, index): Intervention => ({
      ...SESSION,
      ...rest,
      id: `session-${index}`,
      kind: index === 0 ? 'strength' : 'therapy',
      riskEffects: [{ scope, relativeRisk, lower: relativeRisk, upper: relativeRisk }],
      recoveryEffects: gainPerDay === 0 ? [] : [{ scope: 'all', gainPerDay }],
      contraindications: isContraindicated && index === 1 ? ['acute'] : [],
    })),
  );

const plannedDay = fc
  .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 4 }))
  .map(([load, below, above, exposure]) => ({
    load: load * 50,
    minimumLoad: Math.max(0, load - below) * 50,
    maximumLoad: (load + above) * 50,
    exposure,
  }));

const problems: fc.Arbitrary<PlanProblem> = fc
  .record({
    days: fc.array(plannedDay, { minLength: 1, maxLength: 3 }),
    tailExposure: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 7 }),
    ratio: hundredths(0.5, 1.6),
    rate: fc.integer({ min: 1, max: 20 }),
    fatigue: hundredths(0, 2),
    loadExcess: hundredths(0, 1.5),
    recovery: fc.option(hundredths(0, 1), { nil: null }),
    smallestChange: fc.option(fc.integer({ min: 100, max: 1000 }), { nil: null }),
    adherence: hundredths(0.3, 1),
    limit: fc.option(fc.integer({ min: 0, max: 5 }), { nil: null }),
    budget: fc.option(fc.integer({ min: 0, max: 6 }), { nil: null }),
    ceiling: fc.option(fc.integer({ min: 0, max: 4 }), { nil: null }),
    isStaged: fc.boolean(),
    isAcute: fc.boolean(),
    doneYesterday: fc.boolean(),
    effectNow: hundredths(0, 1),
    isFixed: fc.boolean(),
    sessions,
  })
  .map((drawn) => ({
    ...BASE,
    days: drawn.days,
    tailExposure: drawn.tailExposure,
    load: { ...steadyLoad(100), acute: 100 * drawn.ratio, fatigue: steadyLoad(100).fatigue * drawn.ratio },
    hazard: { logDailyRate: Math.log(drawn.rate / 1000), fatigue: drawn.fatigue, loadExcess: drawn.loadExcess },
    injuries:
      drawn.recovery === null
        ? []
        : [
            { injuryId: 'a', region: 'thigh', recovery: drawn.recovery, healingPerDay: 0.1, response: 1 },
            { injuryId: 'b', region: 'knee', recovery: 0.5, healingPerDay: 0.05, response: 2 },
          ],
    performance: drawn.smallestChange === null ? null : { fitnessGain: 1, fatigueLoss: 2, smallestWorthwhileChange: drawn.smallestChange },
    interventions: [LOAD_CHANGE, REST_DAY, ...drawn.sessions],
    effectsNow: { 'session-0': drawn.effectNow },
    adherence: drawn.adherence,
    doneDaysAgo: drawn.doneYesterday ? { 'session-0': [1, 3] } : {},
    conditions: drawn.isAcute ? ['acute'] : [],
    stages: drawn.isStaged
      ? [
          {
            name: 'running',
            firstDay: 0,
            lastDay: drawn.days.length - 1,
            loadCeiling: drawn.ceiling === null ? null : drawn.ceiling * 50,
            allowedKinds: ['therapy' as const],
          },
        ]
      : [],
    dailyLoadLimit: drawn.limit === null ? null : drawn.limit * 50,
    costBudget: drawn.budget,
    fixedDoses: drawn.isFixed ? [{ day: 0, interventionId: 'session-0', level: 1 }] : [],
  }));

describe('the plan', () => {
  it('is the best of all plans by the true objective, or there is none, on every small problem with loads in steps', () => {
    let feasible = 0;
    let infeasible = 0;
    fc.assert(
      fc.property(problems, (problem) => {
        const best = bruteForce(problem);
        const outcome = solvePlan(problem, solver, CLOSE);
        if (best === null) {
          infeasible += 1;
          expect(outcome.status).toBe('infeasible');
          return;
        }
        feasible += 1;
        if (outcome.status !== 'planned') throw new Error(`${outcome.status}, brute force has ${best}`);
        expect(keepsLimits(problem, outcome.plan.decision)).toBe(true);
        expect(trueObjective(problem, outcome.plan.decision)).toBeCloseTo(outcome.plan.with.objective, 9);
        expect(Math.abs(outcome.plan.with.objective - best)).toBeLessThan(NOISE * Math.max(1, Math.abs(best)));
      }),
      { numRuns: 40 },
    );
    expect(feasible).toBeGreaterThan(10);
    expect(infeasible).toBeGreaterThan(3);
  }, 240_000);

  it('lies within the gap it reports, with free loads too, and keeps every limit exactly', () => {
    const settings = { relativeGap: 0.01, timeLimitS: 60 };
    fc.assert(
      fc.property(problems, fc.boolean(), (problem, isFree) => {
        const outcome = solvePlan({ ...problem, loadStep: isFree ? null : 50 }, solver, settings);
        if (outcome.status !== 'planned') return;
        const { plan } = outcome;
        expect(keepsLimits({ ...problem, loadStep: isFree ? null : 50 }, plan.decision)).toBe(true);
        expect(plan.report.gap).toBeLessThanOrEqual(0.01);
        const best = bruteForce(problem);
        if (best !== null) expect(plan.report.bound).toBeLessThanOrEqual(best + NOISE * Math.max(1, Math.abs(best)));
      }),
      { numRuns: 20 },
    );
  }, 240_000);

  it('is the same for the same problem', () => {
    expect(planned(BASE).decision).toEqual(planned(BASE).decision);
  });

  it('plans no dose that changes nothing', () => {
    const idle = { ...SESSION, id: 'idle', riskEffects: [], costPerLevel: 0 };
    const { levels } = planned({ ...BASE, interventions: [LOAD_CHANGE, REST_DAY, SESSION, idle] }).decision;
    expect(levels[3]).toEqual([0, 0, 0]);
    expect(levels[2]).not.toEqual([0, 0, 0]);
  });

  it('moves loads to 0 under a limit of 0', () => {
    const { decision } = planned({ ...BASE, dailyLoadLimit: 0 });
    expect(decision.loads).toEqual([0, 0, 0]);
  });

  it('buys nothing with a budget of 0', () => {
    const { decision } = planned({ ...BASE, costBudget: 0 });
    expect(decision).toEqual(noPlan(BASE));
  });

  it('shows what happens without it', () => {
    const plan = planned(BASE);
    expect(plan.without.objective).toBeCloseTo(trueObjective(BASE, noPlan(BASE)), 9);
    expect(plan.with.expectedDaysLost).toBeLessThan(plan.without.expectedDaysLost);
    expect(plan.with.injuryProbabilityLower).toBeLessThan(plan.with.injuryProbability);
    expect(plan.with.injuryProbabilityUpper).toBeGreaterThan(plan.with.injuryProbability);
  });

  it('keeps the choices of the coach', () => {
    const { decision } = planned({
      ...BASE,
      fixedDoses: [{ day: 1, interventionId: 'strength', level: 0 }],
      fixedLoads: [{ day: 2, load: 150 }],
    });
    expect(decision.levels[2]![1]).toBe(0);
    expect(decision.loads[2]).toBe(150);
  });
});

describe('a problem without a plan', () => {
  const conflictOf = (problem: PlanProblem): readonly string[] => {
    const outcome = solvePlan(problem, solver, CLOSE);
    if (outcome.status !== 'infeasible') throw new Error(outcome.status);
    expect(outcome.conflict.isSmallest).toBe(true);
    return outcome.conflict.limits;
  };

  it('names the stage and the least load that it does not allow', () => {
    const days = BASE.days.map((day, d) => (d === 1 ? { load: 200, minimumLoad: 150, maximumLoad: 200 } : day));
    const stages = [{ name: 'running', firstDay: 0, lastDay: 2, loadCeiling: 100, allowedKinds: null }];
    expect(conflictOf({ ...BASE, days, stages, dailyLoadLimit: 500 })).toEqual([LIMITS.allowedLoad(1), LIMITS.stageCeiling('running')]);
  });

  it('names the budget and the choice that it does not pay for', () => {
    const fixedDoses = [{ day: 0, interventionId: 'strength', level: 1 }];
    expect(conflictOf({ ...BASE, costBudget: 0, fixedDoses })).toEqual([LIMITS.choice(0, 'strength'), LIMITS.cost]);
  });

  it('names a choice that is contraindicated', () => {
    const interventions = BASE.interventions.map((one) => (one === SESSION ? { ...one, contraindications: ['acute'] } : one));
    const fixedDoses = [{ day: 2, interventionId: 'strength', level: 1 }];
    expect(conflictOf({ ...BASE, interventions, fixedDoses, conditions: ['acute'] })).toEqual([
      LIMITS.contraindication('strength'),
      LIMITS.choice(2, 'strength'),
    ]);
  });
});

describe('prices and runner-up', () => {
  const problem: PlanProblem = {
    ...BASE,
    costBudget: 2,
    injuries: [{ injuryId: 'a', region: 'knee', recovery: 0.3, healingPerDay: 0.05, response: 1 }],
  };
  const isOther = (plan: Decision) => (decision: Decision) =>
    decision.levels.some(
      (days, m) => problem.interventions[m]!.action !== 'load-change' && days.some((level, d) => level !== plan.levels[m]![d]),
    );

  it('price the budget at what one unit more of it saves', () => {
    const plan = planned(problem);
    const { prices } = findAlternatives(problem, plan, solver, CLOSE);
    const budget = prices.find((price) => price.limit === LIMITS.cost);
    const saved = bruteForce(problem)! - bruteForce({ ...problem, costBudget: 3 })!;
    expect(saved).toBeGreaterThan(0.01);
    expect(Math.abs((budget?.price ?? Number.NaN) - saved)).toBeLessThan(2 * NOISE);
  }, 60_000);

  it('give no price to a limit that does not bind, and none below 0', () => {
    fc.assert(
      fc.property(problems, (drawn) => {
        const outcome = solvePlan(drawn, solver, CLOSE);
        if (outcome.status !== 'planned') return;
        const { prices } = findAlternatives(drawn, outcome.plan, solver, CLOSE);
        for (const { price } of prices) expect(price).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 10 },
    );
    const roomy = { ...BASE, costBudget: 1000, dailyLoadLimit: 10_000 };
    expect(findAlternatives(roomy, planned(roomy), solver, CLOSE).prices.map((price) => price.limit)).not.toContain(LIMITS.cost);
  }, 240_000);

  it('name the best plan with other sessions or rest days, which is not better', () => {
    const plan = planned(problem);
    const { runnerUp } = findAlternatives(problem, plan, solver, CLOSE);
    if (runnerUp === null) throw new Error('no runner-up');
    const isAnother = isOther(plan.decision);
    expect(isAnother(runnerUp.decision)).toBe(true);
    expect(keepsLimits(problem, runnerUp.decision)).toBe(true);
    expect(runnerUp.with.objective).toBeGreaterThanOrEqual(plan.with.objective - NOISE);
    expect(Math.abs(runnerUp.with.objective - bruteForce(problem, isAnother)!)).toBeLessThan(NOISE);
  }, 60_000);

  it('have no runner-up where every other plan is forbidden', () => {
    const only: PlanProblem = { ...BASE, interventions: [LOAD_CHANGE, SESSION], costBudget: 0 };
    expect(findAlternatives(only, planned(only), solver, CLOSE).runnerUp).toBeNull();
  });
});

describe('the model', () => {
  it('has the daily rate of the hazard at usual load, in balance', () => {
    const steady = { ...BASE, days: BASE.days.map(() => ({ load: 100, minimumLoad: 100, maximumLoad: 100 })) };
    const { dailyRate } = evaluate(steady, noPlan(steady));
    for (const rate of dailyRate) expect(rate).toBeCloseTo(0.01, 12);
  });

  it('gives a week the probability that the daily hazard says, whatever its exposure, fatigue and excess', () => {
    const tired = { ...steadyLoad(100), acute: 160, fatigue: 1.3 * steadyLoad(100).fatigue };
    const days = [0, 1, 4].map((exposure) => ({ load: 100, minimumLoad: 100, maximumLoad: 100, exposure }));
    const week = { days, load: tired, usualDailyLoad: 100 };
    const ofLoad = { fatigue: 1.7, loadExcess: 2 };
    const hazard = { ...ofLoad, logDailyRate: logDailyRateFor(week, ofLoad, 0.04) };
    const problem = { ...BASE, ...week, hazard };
    expect(evaluate(problem, noPlan(problem)).injuryProbability).toBeCloseTo(0.04, 12);
    for (const wrong of [0, 1, Number.NaN]) expect(() => logDailyRateFor(week, ofLoad, wrong)).toThrow(RangeError);
  });

  it('takes regions together that no intervention tells apart', () => {
    const groups = riskGroups(BASE);
    expect(groups.map((group) => group.regions)).toEqual([['thigh'], ['knee', 'foot']]);
    expect(groups[1]?.severityDays).toBeCloseTo(18, 12);
  });

  it('knows the largest error of its tangents', () => {
    const points = cutPoints(-2, 1, 0.4);
    let worst = 0;
    let least = 0;
    for (let x = -2; x <= 1; x += 1e-3) {
      const below = Math.exp(x) - Math.max(...points.map((point) => tangentAt(point).slope * x + tangentAt(point).intercept));
      worst = Math.max(worst, below);
      least = Math.min(least, below);
    }
    expect(least).toBeGreaterThan(-1e-12);
    expect(largestError(points, -2, 1)).toBeGreaterThanOrEqual(worst);
    expect(largestError(points, -2, 1)).toBeLessThan(worst + 1e-3);
    expect(worst / Math.exp(1)).toBeLessThan(0.4 ** 2 / 8);
  });
});

describe('a problem that contradicts itself', () => {
  const cases: readonly [string, Partial<PlanProblem>, string, RegExp][] = [
    ['no days', { days: [] }, 'plan-horizon', /1 to 14/],
    ['too many days', { days: Array.from({ length: 15 }, () => BASE.days[0]!) }, 'plan-horizon', /1 to 14/],
    ['a load outside its range', { days: [{ load: 5, minimumLoad: 6, maximumLoad: 7 }] }, 'plan-range', /day 0/],
    ['a load that is no number', { days: [{ load: Number.NaN, minimumLoad: 0, maximumLoad: 7 }] }, 'plan-number', /load of day 0/],
    ['no load record', { load: null }, 'plan-no-data', /28 days/],
    ['no hazard', { hazard: null }, 'plan-no-data', /hazard/],
    ['no usual load', { usualDailyLoad: 0 }, 'plan-no-data', /usualDailyLoad/],
    ['a negative limit', { dailyLoadLimit: -1 }, 'plan-number', /dailyLoadLimit/],
    ['a budget that is no number', { costBudget: Number.NaN }, 'plan-number', /costBudget/],
    ['a negative coefficient', { hazard: { logDailyRate: -5, fatigue: -1, loadExcess: 0 } }, 'plan-number', /hazard.fatigue/],
    ['shares that do not add up', { regions: [{ code: 'thigh', share: 0.5, severityDays: 1 }] }, 'plan-regions', /add up to 1/],
    [
      'an effect out of range',
      { interventions: [{ ...SESSION, riskEffects: [{ scope: 'all', relativeRisk: 0.01, lower: 0.01, upper: 1 }] }] },
      'plan-catalogue',
      /relative risk/,
    ],
    [
      'a region nobody knows',
      { interventions: [{ ...SESSION, riskEffects: [{ scope: ['wing'], relativeRisk: 1, lower: 1, upper: 1 }] }] },
      'plan-catalogue',
      /wing/,
    ],
    ['an entry without evidence', { interventions: [{ ...SESSION, evidence: ' ' }] }, 'plan-catalogue', /evidence/],
    ['two load changes', { interventions: [LOAD_CHANGE, { ...LOAD_CHANGE, id: 'again' }] }, 'plan-catalogue', /load-change/],
    ['the same entry twice', { interventions: [SESSION, SESSION] }, 'plan-catalogue', /twice/],
    ['a choice of nothing', { fixedDoses: [{ day: 0, interventionId: 'yoga', level: 1 }] }, 'plan-choice', /yoga/],
    ['two choices for one day', { fixedLoads: [0, 1].map((load) => ({ day: 0, load })) }, 'plan-choice', /twice/],
    [
      'a stage past the end',
      { stages: [{ name: 's', firstDay: 2, lastDay: 3, loadCeiling: 1, allowedKinds: null }] },
      'plan-number',
      /lastDay of stage s/,
    ],
  ];
  it.each(cases)('is refused: %s', (_, change, code, says) => {
    let refused: unknown;
    try {
      solvePlan({ ...BASE, ...change }, solver);
    } catch (error) {
      refused = error;
    }
    if (!(refused instanceof PlanRefused)) throw new Error('not refused');
    expect(refused.code).toBe(code);
    expect(refused.message).toMatch(says);
  });
});

describe('the default catalogue', () => {
  it('plans an ordinary week', () => {
    const week = [40, 0, 100, 125, 90, 55, 190].map((load) => ({ load, minimumLoad: 0, maximumLoad: load * 1.2 }));
    const plan = planned(
      { ...BASE, days: week, regions: DEFAULT_REGIONS, interventions: DEFAULT_CATALOGUE, costBudget: 12, loadStep: null },
      { relativeGap: 0.01, timeLimitS: 60 },
    );
    expect(plan.report.gap).toBeLessThanOrEqual(0.01);
    expect(plan.with.cost).toBeLessThanOrEqual(12);
    expect(plan.with.objective).toBeLessThan(plan.without.objective);
  }, 120_000);
});
