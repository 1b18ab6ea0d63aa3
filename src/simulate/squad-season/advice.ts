/** What an arm is asked and what it may answer: the limits that make all arms equal in load and cost. */
import type { RandomStream } from '../random.ts';
import type { SeasonAthlete } from '../season/athlete.ts';
import type { Body } from './body.ts';
import type { TrueSession } from './truth.ts';
import { SESSIONS, type World } from './worlds.ts';

/** A day that can be planned. */
export interface OpenDay {
  readonly day: number;
  readonly weekday: number;
  /** The load as it stands (the coach's; within a week, what an earlier plan made of it), and the range about the coach's that an arm may move it in. AU. */
  readonly load: number;
  readonly minimumLoad: number;
  readonly maximumLoad: number;
  /** Exposure to injury of the coach's load, in normal training days. */
  readonly exposure: number;
}

/** What records and sensors hold of an athlete at the end of a day. One entry a day, from the first day of the run-in. */
export interface Records {
  readonly age: number;
  readonly trainingDayAu: number;
  readonly pastInjuries: number;
  /** Null without an injury in this season. */
  readonly daysSinceClearance: number | null;
  readonly dailyLoadAu: readonly number[];
  /** Morning ln rMSSD; null where not valid. */
  readonly mornings: readonly (number | null)[];
  /** Surrogate of the monitored sessions' pooled F_attn, oldest first; the last is the newest. */
  readonly movement: readonly number[];
  /** Levels of each of SESSIONS that were done, a day. */
  readonly doneLevels: readonly (readonly number[])[];
  /** From the report of an injury to its clearance. */
  readonly isReportedInjured: boolean;
}

/** What the monitor made of the records that evening. */
export interface Watch {
  /** Probability of a new time-loss injury in the next 7 days; null where there is no figure. */
  readonly probability: number | null;
  readonly isFlagged: boolean;
  readonly isRaised: boolean;
}

/** Looks at an athlete's records at the end of each day, in order. */
export type Monitor = (athlete: number, day: number, records: Records) => Watch;

export interface Ask {
  /** Days to plan, at most 7, up to the next plan day. */
  readonly days: readonly OpenDay[];
  /** Quarter hours left: loads must add up to the sum of `days`, and no more than this may be spent on changing them and on sessions. */
  readonly allowance: number;
  readonly records: Records;
  readonly watch: Watch;
  /** Chance of the arm's own, the same for the same seed, athlete and day. */
  readonly random: RandomStream;
}

/** What only an oracle sees. */
export interface Truth {
  readonly world: World;
  readonly athlete: SeasonAthlete;
  readonly sessions: readonly TrueSession[];
  readonly adherence: number;
  readonly body: Body;
  readonly pastInjuries: number;
  readonly daysSinceClearance: number | null;
}

export interface WeekPlan {
  /** AU, one a day of the ask. */
  readonly loads: readonly number[];
  /** levels[m][d] of SESSIONS[m]. */
  readonly levels: readonly (readonly number[])[];
}

export type Adviser =
  | { readonly sees: 'records'; readonly advise: (ask: Ask) => WeekPlan }
  | { readonly sees: 'truth'; readonly advise: (ask: Ask, truth: Truth) => WeekPlan };

/** The coach's plan unchanged: the whole allowance goes into general sessions without effect. */
export const coachPlan = ({ days }: Pick<Ask, 'days'>): WeekPlan => ({
  loads: days.map((day) => day.load),
  levels: SESSIONS.map(() => days.map(() => 0)),
});

/** Loads in AU are equal where they differ by less. */
const SAME_AU = 1e-6;
/** The solver's tolerance over a week's sum. */
const SAME_SUM_AU = 1e-3;

/** Quarter hours of a day's sessions. */
export const sessionCost = (plan: WeekPlan, d: number): number =>
  SESSIONS.reduce((sum, one, m) => sum + one.costPerLevel * plan.levels[m]![d]!, 0);

/** Days whose load is changed: a quarter hour each. */
export const changeCost = ({ loads }: WeekPlan, days: readonly OpenDay[]): number =>
  days.filter((day, d) => Math.abs(loads[d]! - day.load) > SAME_AU).length;

/** Quarter hours of a plan. */
export const costOf = (plan: WeekPlan, days: readonly OpenDay[]): number =>
  changeCost(plan, days) + days.reduce((sum, _, d) => sum + sessionCost(plan, d), 0);

/** @throws RangeError where a plan is not of equal load, costs more than the allowance, or leaves a range or a dose's limits */
export function checkPlan(plan: WeekPlan, { days, allowance }: Pick<Ask, 'days' | 'allowance'>): void {
  const sum = plan.loads.reduce((a, b) => a + b, 0);
  const totalLoad = days.reduce((total, day) => total + day.load, 0);
  const refuse = (what: string): never => {
    throw new RangeError(`plan from day ${days[0]?.day}: ${what}`);
  };
  if (!(Math.abs(sum - totalLoad) <= SAME_SUM_AU)) refuse(`loads of ${sum} AU, ${totalLoad} were to be planned`);
  const cost = costOf(plan, days);
  if (!(cost <= allowance)) refuse(`a cost of ${cost}, ${allowance} is allowed`);
  days.forEach((day, d) => {
    const load = plan.loads[d]!;
    if (!(load >= day.minimumLoad - SAME_AU && load <= day.maximumLoad + SAME_AU)) refuse(`${load} AU on day ${day.day}`);
  });
  plan.levels.forEach((levels, m) => {
    const { id, doseLevels, maximumDaysAWeek, restDaysAfter } = SESSIONS[m]!;
    if (levels.some((level) => !Number.isInteger(level) || level < 0 || level > doseLevels)) refuse(`levels of ${id}: ${levels.join()}`);
    const done = levels.flatMap((level, d) => (level > 0 ? [d] : []));
    if (done.length > maximumDaysAWeek) refuse(`${id} on ${done.length} days`);
    if (done.some((d, i) => i > 0 && d - done[i - 1]! <= restDaysAfter)) refuse(`${id} without its rest days: ${done.join()}`);
  });
}
