/**
 * The oracle: knows the world, its effects, the athlete's adherence and latents of this evening, and takes the best of some dozens of plans by the true
 * equations, with chance at its mean. It is no optimum over all plans and futures, but what advice could reach that knew everything.
 */
import { returnShare } from '../../simulate/season/predict.ts';
import { SCHEDULE } from '../../simulate/season/constants.ts';
import { coachPlan, costOf, type Ask, type OpenDay, type Truth, type WeekPlan } from '../../simulate/squad-season/advice.ts';
import { coachLoad, expectedChance, nextBody } from '../../simulate/squad-season/body.ts';
import { exposureIn, regionRates } from '../../simulate/squad-season/rates.ts';
import { SESSIONS, SQUAD_REGIONS } from '../../simulate/squad-season/worlds.ts';
import { levelsFor, movableDays, moveLoad } from './patterns.ts';

/** Days after the plan that are looked at, as in the planner. */
const TAIL_DAYS = 28;
const SEVERITY_DAYS = SQUAD_REGIONS.map(({ medianDays, logSd }) => medianDays * Math.exp(logSd ** 2 / 2));

type Wanted = Parameters<typeof levelsFor>[0];
const nordic = (level: number, count: number) => ({ id: 'nordic-hamstring', level, count });
const adductor = (level: number, count: number) => ({ id: 'copenhagen-adductor', level, count });
const balance = (count: number) => ({ id: 'balance-training', level: 1, count });

/** Ways to spend six quarter hours or less on sessions. */
const PROGRAMMES: readonly Wanted[] = [
  [],
  [balance(2)],
  [balance(4)],
  [balance(5)],
  [nordic(1, 2)],
  [nordic(2, 2)],
  [adductor(1, 3)],
  [adductor(2, 2)],
  [adductor(2, 3)],
  [nordic(1, 2), balance(4)],
  [nordic(2, 2), balance(2)],
  [nordic(2, 2), adductor(1, 2)],
  [nordic(1, 2), adductor(2, 2)],
  [nordic(1, 2), adductor(1, 2), balance(2)],
  [adductor(2, 2), balance(2)],
  [adductor(1, 3), balance(3)],
];

/** Loads as they stand; the hard days lowered for the easy ones; the first half for the second; the second for the first. */
function loadPatterns(days: readonly OpenDay[]): readonly (readonly number[])[] {
  const loads = days.map((day) => day.load);
  const movable = movableDays(days);
  const byLoad = movable.toSorted((a, b) => loads[b]! - loads[a]! || a - b);
  const [hard, easy] = [byLoad.slice(0, 2), byLoad.slice(2)];
  const half = Math.ceil(movable.length / 2);
  const [early, late] = [movable.slice(0, half), movable.slice(half)];
  return [
    loads,
    moveLoad(loads, days, hard, easy, 1),
    moveLoad(loads, days, hard.slice(0, 1), easy.slice(0, 1), 1),
    moveLoad(loads, days, easy, hard, 1),
    moveLoad(loads, days, early, late, 1),
    moveLoad(loads, days, late, early, 1),
  ];
}

/** Expected days lost over the plan and the four weeks after it, from this evening's true state. */
function expectedDaysLost(plan: WeekPlan, ask: Ask, truth: Truth): number {
  const { world, athlete, sessions, adherence, daysSinceClearance } = truth;
  const firstDay = ask.days[0]!.day;
  let { body } = truth;
  let lost = 0;
  for (let d = 0; d < ask.days.length + TAIL_DAYS; d += 1) {
    const weekday = (firstDay + d) % 7;
    const since = daysSinceClearance === null ? null : daysSinceClearance + 1 + d;
    const open = ask.days[d];
    const plannedAu = coachLoad(athlete, weekday, returnShare(since));
    const asked = open === undefined ? plannedAu : adherence * plan.loads[d]! + (1 - adherence) * plannedAu;
    const loadAu = SCHEDULE.adherence * asked;
    const exposure = exposureIn(world, { loadAu, plannedAu }, athlete, weekday);
    const known = { pastInjuries: truth.pastInjuries, age: athlete.age, daysSinceClearance: since };
    const rates = regionRates(world, athlete.frailty, known, body, sessions);
    lost += exposure * rates.reduce((sum, rate, r) => sum + rate * SEVERITY_DAYS[r]!, 0);
    const doses = SESSIONS.map(({ doseLevels }, m) => (open === undefined ? 0 : (adherence * plan.levels[m]![d]!) / doseLevels));
    body = nextBody(body, athlete, sessions, { loadAu, plannedAu, exposure, doses }, expectedChance(exposure));
  }
  return lost;
}

/** A plan must be better by more than rounding to be taken. */
const WORTH = 1e-9;

export function oraclePlan(ask: Ask, truth: Truth): WeekPlan {
  let best = coachPlan(ask);
  let least = expectedDaysLost(best, ask, truth);
  for (const loads of loadPatterns(ask.days)) {
    for (const programme of PROGRAMMES) {
      const plan = { loads, levels: levelsFor(programme, ask.days) };
      if (costOf(plan, ask.days) > ask.allowance) continue;
      const lost = expectedDaysLost(plan, ask, truth);
      if (lost < least - WORTH) [best, least] = [plan, lost];
    }
  }
  return best;
}
