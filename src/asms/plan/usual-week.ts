/** The athlete's own usual week: what is planned where staff have planned nothing. */
import type { DayLoad } from '../load-history.ts';

/**
 * What a unit of load in a match counts against one in training, as the chance of a new injury goes. A match has 27.5 injuries for 1,000 h against 4.1 in
 * training (Ekstrand 2011†), 6.7 times an hour; an hour of it is rated about twice as hard (chosen).
 */
export const MATCH_RISK_PER_LOAD = 3;

/** Exposure of a day's load, in units of training load. */
export const exposureOfLoad = (load: number, isMatch: boolean): number => load * (isMatch ? MATCH_RISK_PER_LOAD : 1);

/** (chosen) Four weeks, each weekday four times at most. */
const USUAL_DAYS = 28;

export interface UsualWeek {
  /** Mean of the recorded days, rest days as 0. */
  readonly dailyLoad: number;
  readonly recordedDays: number;
  /** Mean of the weekday's recorded days, by getUTCDay (0 is Sunday); the mean of all where that weekday has none. */
  readonly byWeekday: readonly number[];
  /** The same of exposure, in units of training load. */
  readonly exposure: { readonly daily: number; readonly byWeekday: readonly number[] };
}

/** Over the last 28 of `days`, oldest first; null where none of them is recorded. `matchDays` are those with a match. */
export function usualWeekOf(days: readonly DayLoad[], matchDays: ReadonlySet<string>): UsualWeek | null {
  const recorded = days
    .slice(-USUAL_DAYS)
    .flatMap(({ day, value }) =>
      value === null ? [] : [{ weekday: weekdayOf(day), value, exposure: exposureOfLoad(value, matchDays.has(day)) }],
    );
  if (recorded.length === 0) return null;
  const week = (of: (one: (typeof recorded)[number]) => number) => {
    const daily = meanOf(recorded.map(of), 0);
    const onWeekday = (weekday: number): readonly number[] => recorded.filter((one) => one.weekday === weekday).map(of);
    return { daily, byWeekday: Array.from({ length: 7 }, (_, weekday) => meanOf(onWeekday(weekday), daily)) };
  };
  const load = week(({ value }) => value);
  return { dailyLoad: load.daily, byWeekday: load.byWeekday, recordedDays: recorded.length, exposure: week(({ exposure }) => exposure) };
}

const meanOf = (values: readonly number[], otherwise: number): number =>
  values.length === 0 ? otherwise : values.reduce((sum, value) => sum + value, 0) / values.length;

/** 0 is Sunday. `day` is an ISO date. */
export const weekdayOf = (day: string): number => new Date(`${day}T00:00:00Z`).getUTCDay();
