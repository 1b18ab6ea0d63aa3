/**
 * A squad's injuries set against its exposure, after the IOC consensus on recording injuries (Bahr 2020): incidence and burden per 1,000 h, severity, and the
 * share of days on which athletes were available. Days are whole numbers, the days of the team's calendar. Pure: records in, figures out.
 */
import { quantile } from '../signal/order-statistics.ts';
import { EXPOSURES, type Exposure } from './exposure.ts';
import type { BodyRegion } from './feedback/outcomes.ts';
import { poissonInterval } from './poisson.ts';

export const INJURY_FIGURES_METHOD = 'injury-figures-2';

/** Sessions of one kind, added up. */
export interface ExposureSum {
  readonly exposure: Exposure;
  readonly sessions: number;
  /** Sessions whose minutes are not known: their hours are missing, and what is per 1,000 h is too high. */
  readonly withoutMinutes: number;
  readonly minutes: number;
}

export interface FiguredInjury {
  readonly athleteId: string;
  readonly region: BodyRegion;
  readonly onsetDay: number;
  /** First day fully available again; null: still open. */
  readonly returnDay: number | null;
  readonly timeLoss: boolean;
  /** Of the session during which it happened; null: in none, or it came on slowly. */
  readonly exposure: Exposure | null;
}

export interface FiguredMember {
  readonly athleteId: string;
  /** First day in the squad. */
  readonly joinedDay: number;
}

export interface FiguredSquad {
  /** Both counted. */
  readonly fromDay: number;
  readonly toDay: number;
  /** Last day of which anything is known: today. Days after it are not counted. */
  readonly throughDay: number;
  readonly exposures: readonly ExposureSum[];
  /** Those whose onset lies in the range, and those before that reach into it. */
  readonly injuries: readonly FiguredInjury[];
  readonly members: readonly FiguredMember[];
}

/** A rate per 1,000 h with its 95 % interval; the bounds are null where there is nothing to take them from. */
export interface Rate {
  readonly value: number;
  readonly lower: number | null;
  readonly upper: number | null;
}

export interface InjuryCounts {
  /** Everything recorded, with or without time loss. */
  readonly injuries: number;
  readonly timeLossInjuries: number;
  /** Of the time-loss injuries, not cleared yet: their days go on. */
  readonly open: number;
  readonly daysLost: number;
}

export interface InjuryRates extends InjuryCounts {
  /** Time-loss injuries per 1,000 h; null below LEAST_EXPOSURE_HOURS. */
  readonly incidence: Rate | null;
  /** Days lost per 1,000 h; null below LEAST_EXPOSURE_HOURS. */
  readonly burden: Rate | null;
  /** Why both are null; null where they are there. */
  readonly hiddenBecause: string | null;
}

/** Of the time-loss injuries, days lost so far; null without any. */
export interface Severity {
  readonly mean: number;
  readonly median: number;
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
  /** The consensus's classes: 0, 1 to 7, 8 to 28, more than 28 days. */
  readonly classes: readonly [none: number, week: number, month: number, longer: number];
}

export interface ClassFigures extends InjuryRates {
  readonly exposure: Exposure | 'all';
  readonly hours: number;
  readonly sessions: number;
  readonly sessionsWithoutMinutes: number;
  readonly severity: Severity | null;
}

export interface InjuryFigures {
  readonly classes: readonly ClassFigures[];
  /** Injuries of the range that happened in no recorded session: in `all` only. */
  readonly outsideSessions: number;
  /** Per 1,000 h of all exposure; most days lost first. */
  readonly regions: readonly (InjuryRates & { readonly region: BodyRegion })[];
  readonly availability: { readonly athleteDays: number; readonly daysOut: number; readonly share: number | null };
}

/** Athlete-hours below which there is no rate: one injury more or less would move it by more than 10 per 1,000 h. (chosen) */
export const LEAST_EXPOSURE_HOURS = 100;

/** 97.5 % quantile of the standard normal. */
const Z = 1.959963984540054;

/** Days on which the athlete could not take part: the day of onset and the day of return are not counted, and a return on the next day costs 0. */
const daysLost = ({ timeLoss, onsetDay, returnDay }: FiguredInjury, throughDay: number): number =>
  timeLoss ? Math.max(0, (returnDay ?? throughDay + 1) - onsetDay - 1) : 0;

/** Time-loss injuries per 1,000 h with Garwood's interval. */
function incidence(count: number, hours: number): Rate {
  const { lower, upper } = poissonInterval(count);
  return { value: (1_000 * count) / hours, lower: (1_000 * lower) / hours, upper: (1_000 * upper) / hours };
}

/**
 * Days lost per 1,000 h. Days come in injuries, so their sum is a compound Poisson count of variance sum d^2; the interval is symmetric about its logarithm.
 * Without a lost day nothing says how wide it is.
 */
function burden(days: readonly number[], hours: number): Rate {
  const total = days.reduce((sum, day) => sum + day, 0);
  const value = (1_000 * total) / hours;
  if (total === 0) return { value, lower: null, upper: null };
  const reach = Math.exp((Z * Math.sqrt(days.reduce((sum, day) => sum + day * day, 0))) / total);
  return { value, lower: value / reach, upper: value * reach };
}

function ratesOf(injuries: readonly FiguredInjury[], hours: number, throughDay: number): InjuryRates {
  const costing = injuries.filter(({ timeLoss }) => timeLoss);
  const days = costing.map((injury) => daysLost(injury, throughDay));
  const enough = hours >= LEAST_EXPOSURE_HOURS;
  return {
    injuries: injuries.length,
    timeLossInjuries: costing.length,
    open: costing.filter(({ returnDay }) => returnDay === null).length,
    daysLost: days.reduce((sum, day) => sum + day, 0),
    incidence: enough ? incidence(costing.length, hours) : null,
    burden: enough ? burden(days, hours) : null,
    hiddenBecause: enough
      ? null
      : `${Math.floor(10 * hours) / 10} h of exposure, ${LEAST_EXPOSURE_HOURS} are needed: ask for a longer range, or complete the minutes of its sessions`,
  };
}

function severityOf(injuries: readonly FiguredInjury[], throughDay: number): Severity | null {
  const days = injuries.filter(({ timeLoss }) => timeLoss).map((injury) => daysLost(injury, throughDay));
  if (days.length === 0) return null;
  const within = (least: number, most: number): number => days.filter((day) => day >= least && day <= most).length;
  return {
    mean: days.reduce((sum, day) => sum + day, 0) / days.length,
    median: quantile(days, 0.5),
    lowerQuartile: quantile(days, 0.25),
    upperQuartile: quantile(days, 0.75),
    classes: [within(0, 0), within(1, 7), within(8, 28), within(29, Number.POSITIVE_INFINITY)],
  };
}

function classFigures(
  exposure: Exposure | 'all',
  sums: readonly ExposureSum[],
  injuries: readonly FiguredInjury[],
  throughDay: number,
): ClassFigures {
  const add = (of: (sum: ExposureSum) => number): number => sums.reduce((total, sum) => total + of(sum), 0);
  const hours = add(({ minutes }) => minutes) / 60;
  return {
    exposure,
    hours,
    sessions: add(({ sessions }) => sessions),
    sessionsWithoutMinutes: add(({ withoutMinutes }) => withoutMinutes),
    severity: severityOf(injuries, throughDay),
    ...ratesOf(injuries, hours, throughDay),
  };
}

/** Days of a range on which each member was out, of days in the squad. Two injuries at once are one day out. */
function availabilityOf({ fromDay, toDay, throughDay, injuries, members }: FiguredSquad): InjuryFigures['availability'] {
  const last = Math.min(toDay, throughDay);
  let [athleteDays, daysOut] = [0, 0];
  for (const { athleteId, joinedDay } of members) {
    const first = Math.max(fromDay, joinedDay);
    if (first > last) continue;
    athleteDays += last - first + 1;
    const out = new Set<number>();
    for (const injury of injuries) {
      if (injury.athleteId !== athleteId || !injury.timeLoss) continue;
      const until = Math.min(last, (injury.returnDay ?? throughDay + 1) - 1);
      for (let day = Math.max(first, injury.onsetDay + 1); day <= until; day += 1) out.add(day);
    }
    daysOut += out.size;
  }
  return { athleteDays, daysOut, share: athleteDays === 0 ? null : 1 - daysOut / athleteDays };
}

/**
 * Figures of a range: injuries whose onset lies in it, their days lost to the end of each (or to today), the exposure of the range.
 * @throws RangeError where the range begins after it ends, or an injury's return lies before its onset
 */
export function injuryFigures(squad: FiguredSquad): InjuryFigures {
  const { fromDay, toDay, throughDay, exposures, injuries } = squad;
  if (fromDay > toDay) throw new RangeError(`the range begins on day ${fromDay} and ends on day ${toDay}`);
  const backwards = injuries.find(({ onsetDay, returnDay }) => returnDay !== null && returnDay < onsetDay);
  if (backwards !== undefined) throw new RangeError(`an injury of day ${backwards.onsetDay} ended on day ${backwards.returnDay}`);
  const own = injuries.filter(({ onsetDay }) => onsetDay >= fromDay && onsetDay <= toDay);
  const of = (exposure: Exposure): ClassFigures =>
    classFigures(
      exposure,
      exposures.filter((sum) => sum.exposure === exposure),
      own.filter((injury) => injury.exposure === exposure),
      throughDay,
    );
  const all = classFigures('all', exposures, own, throughDay);
  const regions = [...new Set(own.map(({ region }) => region))]
    .map((region) => ({
      region,
      ...ratesOf(
        own.filter((injury) => injury.region === region),
        all.hours,
        throughDay,
      ),
    }))
    .toSorted((a, b) => b.daysLost - a.daysLost || b.injuries - a.injuries || a.region.localeCompare(b.region));
  return {
    classes: [...EXPOSURES.map(of), all],
    outsideSessions: own.filter(({ exposure }) => exposure === null).length,
    regions,
    availability: availabilityOf(squad),
  };
}
