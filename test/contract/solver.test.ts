import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { column, combine, constant } from '../../src/asms/plan/affine.ts';
import { BINARY, createProgramme, withoutGroups, withRows, type Programme } from '../../src/asms/plan/programme.ts';
import type { Solver } from '../../src/asms/plan/solver.ts';
import { DEFAULT_CATALOGUE, DEFAULT_REGIONS } from '../../src/asms/catalogue.ts';
import { steadyLoad } from '../../src/asms/load.ts';
import { DEFAULT_WEIGHTS, type PlanProblem } from '../../src/asms/plan/problem.ts';
import { createHighsSolver } from '../../src/plan/highs-solver.ts';
import { createLane, type Lane } from '../../src/plan/lane.ts';
import type { PlannerTask } from '../../src/plan/messages.ts';
import { createPlanner, type Planner } from '../../src/plan/planner.ts';

const EXACT = { relativeGap: 0, timeLimitS: 30 };

/** Values and weights of a knapsack of 10; the best is 1, 2 and 4: 24. */
const VALUES = [4, 9, 10, 3, 5];
const WEIGHTS = [5, 4, 5, 3, 1];

function knapsack(): Programme {
  const programme = createProgramme();
  const items = VALUES.map(() => programme.addColumn(BINARY));
  const weight = combine(items.map((item, i) => [WEIGHTS[i]!, column(item)] as const));
  programme.addRow({ expression: weight, lower: -Infinity, upper: 10, group: 'room' });
  return programme.finish(combine([[1, constant(100)], ...items.map((item, i) => [-VALUES[i]!, column(item)] as const)]));
}

describe.each([['HiGHS', createHighsSolver]] as const)('a solver behind the port: %s', (_, create) => {
  let solver: Solver;
  beforeAll(async () => {
    solver = await create();
  });

  it('solves a knapsack, and says how close it is', () => {
    const solution = solver.solve(knapsack(), EXACT);
    if (!('x' in solution)) throw new Error(solution.status);
    expect(solution.status).toBe('optimal');
    expect(solution.x.map((value) => Math.round(value) + 0)).toEqual([0, 1, 1, 0, 1]);
    expect(solution.objective).toBeCloseTo(76, 6);
    expect(solution.bound).toBeCloseTo(76, 6);
  });

  it('gives a bound for a programme without whole numbers', () => {
    const relaxed = { ...knapsack(), isInteger: VALUES.map(() => false) };
    const solution = solver.solve(relaxed, EXACT);
    if (!('x' in solution)) throw new Error(solution.status);
    expect(solution.bound).toBeCloseTo(solution.objective, 6);
    expect(solution.objective).toBeLessThanOrEqual(76);
  });

  it('takes a start and rows that were added', () => {
    const first = knapsack();
    const other = withRows(first, [{ expression: column(1), lower: -Infinity, upper: 0, group: null }]);
    const solution = solver.solve(other, { ...EXACT, start: [0, 0, 1, 0, 1] });
    if (!('x' in solution)) throw new Error(solution.status);
    expect(solution.objective).toBeCloseTo(82, 6);
  });

  it('says infeasible, and no longer when the group in the way is dropped', () => {
    const impossible = withRows(knapsack(), [{ expression: column(0), lower: 2, upper: 2, group: 'two of one' }]);
    expect(solver.solve(impossible, EXACT).status).toBe('infeasible');
    expect(solver.solve(withoutGroups(impossible, new Set(['two of one'])), EXACT).status).toBe('optimal');
  });

  it('gives the same answer to the same programme', () => {
    const [a, b] = [solver.solve(knapsack(), EXACT), solver.solve(knapsack(), EXACT)];
    expect({ ...a, elapsedS: 0 }).toEqual({ ...b, elapsedS: 0 });
  });

  it('throws on a programme without a bottom', () => {
    const programme = createProgramme();
    const free = programme.addColumn({ lower: -Infinity, upper: Infinity, isInteger: false });
    expect(() => solver.solve(programme.finish(column(free)), EXACT)).toThrow(/model status/);
  });
});

/** A thread that answers its task number, ends where asked for cost 13 (settings.timeLimitS), and stays silent at 14. */
const SCRIPT = `
import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ task, asked }) => {
  if (asked.settings.timeLimitS === 13) process.exit(3);
  if (asked.settings.timeLimitS !== 14) parentPort.postMessage({ task, result: task });
});`;
const task = (timeLimitS: number): PlannerTask => ({ kind: 'plan', problem: {} as PlanProblem, settings: { relativeGap: 0, timeLimitS } });
const LONG_MS = 30_000;

describe('a planner lane', () => {
  let lane: Lane | undefined;
  const start = (maximumWaiting = 4): Lane =>
    (lane = createLane({ name: 'test', workerUrl: new URL(`data:text/javascript,${encodeURIComponent(SCRIPT)}`), maximumWaiting }));
  afterEach(async () => {
    await lane?.close();
  });

  it('runs tasks in turn', async () => {
    const one = start();
    expect(await Promise.all([one.run(task(1), LONG_MS), one.run(task(1), LONG_MS)])).toEqual([1, 2]);
  });

  it('fails the task whose thread ended with one error, and starts a new thread for the next', async () => {
    const one = start();
    const [died, next] = await Promise.allSettled([one.run(task(13), LONG_MS), one.run(task(1), LONG_MS)]);
    expect(died).toMatchObject({ status: 'rejected', reason: { code: 'planner-died', retry: true } });
    expect(next).toEqual({ status: 'fulfilled', value: 2 });
  });

  it('ends a thread that does not answer in time', async () => {
    const one = start();
    const silent = one.run(task(14), 50);
    await expect(silent).rejects.toMatchObject({ code: 'planner-timeout', retry: true });
    expect(await one.run(task(1), LONG_MS)).toBe(2);
  });

  it('refuses what its queue has no room for, and everything once it is closed', async () => {
    const one = start(1);
    const silent = one.run(task(14), LONG_MS);
    const waits = one.run(task(1), LONG_MS);
    await expect(one.run(task(1), LONG_MS)).rejects.toMatchObject({ code: 'planner-busy', retry: true });
    expect(one.waiting).toBe(1);
    const settled = Promise.allSettled([silent, waits]);
    await one.close();
    for (const result of await settled)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'planner-closed', retry: false } });
    await expect(one.run(task(1), LONG_MS)).rejects.toMatchObject({ code: 'planner-closed' });
  });
});

describe('the planner', () => {
  let planner: Planner;
  const problem: PlanProblem = {
    days: [40, 0, 100, 125, 90, 55, 190].map((load) => ({ load, minimumLoad: 0, maximumLoad: load * 1.2 })),
    load: steadyLoad(100),
    usualDailyLoad: 100,
    hazard: { logDailyRate: Math.log(0.004), fatigue: 1, loadExcess: 0.2 },
    regions: DEFAULT_REGIONS,
    injuries: [],
    performance: null,
    interventions: DEFAULT_CATALOGUE,
    effectsNow: {},
    adherence: 0.8,
    doneDaysAgo: {},
    conditions: [],
    stages: [],
    dailyLoadLimit: 170,
    costBudget: 10,
    loadStep: null,
    fixedDoses: [],
    fixedLoads: [],
    weights: DEFAULT_WEIGHTS,
  };
  beforeAll(() => {
    planner = createPlanner();
    return () => planner.close();
  });

  it('plans in its thread while this one goes on, and gives alternatives afterwards', async () => {
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 1);
    const outcome = await planner.plan(problem);
    clearInterval(ticking);
    if (outcome.status !== 'planned') throw new Error(outcome.status);
    expect(turns).toBeGreaterThan(3);
    expect(outcome.plan.with.objective).toBeLessThan(outcome.plan.without.objective);
    expect(Math.max(...outcome.plan.decision.loads)).toBeLessThanOrEqual(170);
    const { runnerUp, prices, plan } = await planner.alternatives(problem, outcome.plan);
    expect(plan.with.objective).toBeLessThanOrEqual(outcome.plan.with.objective);
    expect(runnerUp?.with.objective).toBeGreaterThanOrEqual(plan.with.objective);
    expect(prices.map((price) => price.limit)).toContain('cost-budget');
  }, 240_000);

  it('refuses a problem that contradicts itself at once', async () => {
    await expect(planner.plan({ ...problem, days: [] })).rejects.toMatchObject({ code: 'plan-horizon' });
  });
});
