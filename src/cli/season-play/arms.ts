/** The arms: who plans the squad's weeks. All answer the same ask, within the same load and cost. */
import type { HazardModel } from '../../asms/hazard.ts';
import { loadFigures } from '../../asms/load.ts';
import type { Solver } from '../../asms/plan/solver.ts';
import { coachPlan, costOf, type Adviser, type Ask, type WeekPlan } from '../../simulate/squad-season/advice.ts';
import { SESSIONS } from '../../simulate/squad-season/worlds.ts';
import { oraclePlan } from './oracle.ts';
import { movableDays, moveLoad, slotsOf } from './patterns.ts';
import { planWeek } from './plan-week.ts';
import { ADVICE } from './settings.ts';

export const ARMS = ['no-advice', 'random', 'ratio-rule', 'planner', 'oracle'] as const;
export type Arm = (typeof ARMS)[number];

/** Load moved between two training days or four, then sessions at random places until the allowance is used or eight draws were too dear. (chosen) */
function randomPlan(ask: Ask): WeekPlan {
  const { days, random, allowance } = ask;
  const pick = <T>(values: readonly T[]): T | undefined => values[Math.floor(random.next() * values.length)];
  let plan = coachPlan(ask);
  const consider = (next: WeekPlan): void => {
    if (costOf(next, days) <= allowance) plan = next;
  };
  for (let move = 0; move < 2; move += 1) {
    const [from, to] = [pick(movableDays(days)), pick(movableDays(days))];
    const share = random.next();
    if (random.next() < 0.5 && from !== undefined && to !== undefined && from !== to)
      consider({ ...plan, loads: moveLoad(plan.loads, days, [from], [to], share) });
  }
  for (let draw = 0; draw < 8; draw += 1) {
    const m = Math.floor(random.next() * SESSIONS.length);
    const session = SESSIONS[m]!;
    const d = pick(slotsOf(session.id, days));
    const level = 1 + Math.floor(random.next() * session.doseLevels);
    if (d === undefined) continue;
    consider({ ...plan, levels: plan.levels.map((levels, i) => (i === m ? levels.map((old, at) => (at === d ? level : old)) : levels)) });
  }
  return plan;
}

/** Acute over chronic load decides: too high puts load off to the second half of the days, too low brings it forward. No sessions. */
function ratioRule(ask: Ask): WeekPlan {
  const plan = coachPlan(ask);
  const figures = loadFigures(ask.records.dailyLoadAu);
  if (figures === null || !(figures.state.chronic > 0)) return plan;
  const ratio = figures.state.acute / figures.state.chronic;
  const movable = movableDays(ask.days);
  const half = Math.ceil(movable.length / 2);
  const [early, late] = [movable.slice(0, half), movable.slice(half)];
  const moved =
    ratio > ADVICE.ratio.high
      ? moveLoad(plan.loads, ask.days, early, late, 1)
      : ratio < ADVICE.ratio.low
        ? moveLoad(plan.loads, ask.days, late, early, 1)
        : plan.loads;
  const next = { ...plan, loads: moved };
  return costOf(next, ask.days) <= ask.allowance ? next : plan;
}

export const adviserOf = (arm: Arm, model: HazardModel, solver: Solver): Adviser =>
  ({
    'no-advice': { sees: 'records', advise: coachPlan },
    random: { sees: 'records', advise: randomPlan },
    'ratio-rule': { sees: 'records', advise: ratioRule },
    planner: { sees: 'records', advise: (ask: Ask) => planWeek(ask, model, solver) },
    oracle: { sees: 'truth', advise: oraclePlan },
  })[arm] as Adviser;
