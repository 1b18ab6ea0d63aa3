/** The planner under test: the service's programme of eq. 7 and 28 to 32 and its solver, asked for a week at the coach's load. */
import { DEFAULT_CATALOGUE, DEFAULT_REGIONS } from '../../asms/catalogue.ts';
import type { HazardModel, LoadTerms } from '../../asms/hazard.ts';
import { combine } from '../../asms/plan/affine.ts';
import type { BuiltPlan } from '../../asms/plan/build.ts';
import { checkProblem } from '../../asms/plan/check-problem.ts';
import { logDailyRateFor } from '../../asms/plan/evaluate.ts';
import { DEFAULT_LOAD_TERMS, DEFAULT_WEIGHTS, nextEffect, type PlanProblem } from '../../asms/plan/problem.ts';
import type { Row } from '../../asms/plan/programme.ts';
import { search } from '../../asms/plan/solve-plan.ts';
import type { Solver } from '../../asms/plan/solver.ts';
import { SCHEDULE } from '../../simulate/season/constants.ts';
import { exposureOf, MEAN_EXPOSURE, MEAN_SHARE } from '../../simulate/season/dynamics.ts';
import { coachPlan, type Ask, type Records, type WeekPlan } from '../../simulate/squad-season/advice.ts';
import { SESSIONS } from '../../simulate/squad-season/worlds.ts';
import { slotsOf } from './patterns.ts';
import { ADVICE } from './settings.ts';
import { hazardOf, type HazardView } from './watch.ts';

const LOAD_CHANGE = DEFAULT_CATALOGUE.filter((one) => one.action === 'load-change');

/** Build-up of each session's effect by the catalogue's rho, from the doses on record. */
function effectsNow({ doneLevels }: Records): Record<string, number> {
  return Object.fromEntries(
    SESSIONS.map((one, m) => [
      one.id,
      Math.min(
        1,
        doneLevels.reduce((effect, levels) => nextEffect(one, effect, levels[m]! / one.doseLevels), 0),
      ),
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

/** The week of the coach's timetable from a weekday on, for an athlete who does all of it. */
const usualWeek = (records: Records, firstWeekday: number) =>
  Array.from({ length: 7 }, (_, d) => (firstWeekday + d) % 7).map((weekday) => {
    const load = SCHEDULE.week[weekday]! * records.trainingDayAu;
    return { load, minimumLoad: load, maximumLoad: load, exposure: exposureOf(SCHEDULE.week[weekday]!, weekday) / MEAN_EXPOSURE };
  });

function problemOf(ask: Ask, { load, probability }: HazardView, ofLoad: LoadTerms): PlanProblem {
  const { records } = ask;
  const usualDailyLoad = MEAN_SHARE * records.trainingDayAu;
  const week = { days: usualWeek(records, ask.days[0]!.weekday), load, usualDailyLoad };
  return {
    days: ask.days.map(({ load, minimumLoad, maximumLoad, exposure }) => ({
      load,
      minimumLoad,
      maximumLoad,
      exposure: exposure / MEAN_EXPOSURE,
    })),
    tailExposure: usualWeek(records, (ask.days.at(-1)!.weekday + 1) % 7).map(({ exposure }) => exposure),
    load,
    usualDailyLoad,
    hazard: { ...ofLoad, logDailyRate: logDailyRateFor(week, ofLoad, probability) },
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
  const problem = problemOf(ask, hazard, model.planning ?? DEFAULT_LOAD_TERMS);
  checkProblem(problem);
  const found = search(problem, solver, ADVICE.solver, equalLoad(ask.days.reduce((sum, day) => sum + day.load, 0)));
  if (!('decision' in found)) return coachPlan(ask);
  const { levels, loads } = found.decision;
  return { loads, levels: levels.slice(LOAD_CHANGE.length) };
}
