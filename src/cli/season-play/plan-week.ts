/** The planner under test: the service's programme of eq. 7 and 28 to 32 and its solver, asked for a week at the coach's load. */
import { DEFAULT_CATALOGUE, DEFAULT_REGIONS } from '../../asms/catalogue.ts';
import type { HazardModel } from '../../asms/hazard.ts';
import { combine } from '../../asms/plan/affine.ts';
import type { BuiltPlan } from '../../asms/plan/build.ts';
import { checkProblem } from '../../asms/plan/check-problem.ts';
import { DEFAULT_WEIGHTS, type PlanProblem } from '../../asms/plan/problem.ts';
import type { Row } from '../../asms/plan/programme.ts';
import { search } from '../../asms/plan/solve-plan.ts';
import type { Solver } from '../../asms/plan/solver.ts';
import { MEAN_SHARE } from '../../simulate/season/dynamics.ts';
import { coachPlan, type Ask, type Records, type WeekPlan } from '../../simulate/squad-season/advice.ts';
import { SESSIONS } from '../../simulate/squad-season/worlds.ts';
import { slotsOf } from './patterns.ts';
import { ADVICE } from './settings.ts';
import { hazardOf, type HazardView } from './watch.ts';

const LOAD_CHANGE = DEFAULT_CATALOGUE.filter((one) => one.action === 'load-change');

/** Build-up of each session's effect by the catalogue's rho, from the doses on record. */
function effectsNow({ doneLevels }: Records): Record<string, number> {
  return Object.fromEntries(
    SESSIONS.map(({ id, effectKept, doseLevels }, m) => [
      id,
      doneLevels.reduce((effect, levels) => effectKept * effect + ((1 - effectKept) * levels[m]!) / doseLevels, 0),
    ]),
  );
}

/** Days of the last week on which each session was done; 1 is the newest day on record. */
const doneDaysAgo = ({ doneLevels }: Records): Record<string, readonly number[]> =>
  Object.fromEntries(
    SESSIONS.map(({ id }, m) => [
      id,
      doneLevels
        .slice(-7)
        .toReversed()
        .flatMap((levels, ago) => (levels[m]! > 0 ? [ago + 1] : [])),
    ]),
  );

/** The club's timetable: sessions have their weekdays in every arm. */
const timetable = ({ days }: Ask): PlanProblem['fixedDoses'] =>
  SESSIONS.flatMap(({ id }) => {
    const slots = slotsOf(id, days);
    return days.flatMap((_, day) => (slots.includes(day) ? [] : [{ day, interventionId: id, level: 0 }]));
  });

function problemOf(ask: Ask, hazard: HazardView): PlanProblem {
  const { records } = ask;
  return {
    days: ask.days.map(({ load, minimumLoad, maximumLoad }) => ({ load, minimumLoad, maximumLoad })),
    load: hazard.load,
    usualDailyLoad: MEAN_SHARE * records.trainingDayAu,
    hazard: hazard.terms,
    regions: DEFAULT_REGIONS,
    injuries: [],
    performance: null,
    interventions: [...LOAD_CHANGE, ...SESSIONS],
    effectsNow: effectsNow(records),
    adherence: ADVICE.adherence,
    doneDaysAgo: doneDaysAgo(records),
    conditions: [],
    stages: [],
    dailyLoadLimit: null,
    costBudget: ask.allowance,
    loadStep: ADVICE.loadStepShare * records.trainingDayAu,
    fixedDoses: timetable(ask),
    fixedLoads: [],
    weights: DEFAULT_WEIGHTS,
  };
}

/** The week's load stays the coach's: what makes arms equal is a row of the programme. */
const equalLoad =
  (total: number) =>
  ({ choices }: BuiltPlan): readonly Row[] => [
    { expression: combine(choices.loads.map((load) => [1, load] as const)), lower: total, upper: total, group: null },
  ];

/** The plan of the week; the coach's where there is no hazard yet or no answer in time. */
export function planWeek(ask: Ask, model: HazardModel, solver: Solver): WeekPlan {
  const hazard = hazardOf(model, ask.records);
  if (hazard === null) return coachPlan(ask);
  const problem = problemOf(ask, hazard);
  checkProblem(problem);
  const found = search(problem, solver, ADVICE.solver, equalLoad(ask.days.reduce((sum, day) => sum + day.load, 0)));
  if (!('decision' in found)) return coachPlan(ask);
  const { levels, loads } = found.decision;
  return { loads, levels: levels.slice(LOAD_CHANGE.length) };
}
