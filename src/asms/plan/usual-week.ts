/** The athlete's own usual week: what is planned where staff have planned nothing. */
import type { DayLoad } from '../load-history.ts';

/** (chosen) Four weeks, each weekday four times at most. */
const USUAL_DAYS = 28;

export interface UsualWeek {
  /** Mean of the recorded days, rest days as 0. */
  readonly dailyLoad: number;
  readonly recordedDays: number;
  /** Mean of the weekday's recorded days, by getUTCDay (0 is Sunday); the mean of all where that weekday has none. */
  readonly byWeekday: readonly number[];
}

/** Over the last 28 of `days`, oldest first; null where none of them is recorded. */
export function usualWeekOf(days: readonly DayLoad[]): UsualWeek | null {
  const recorded = days.slice(-USUAL_DAYS).flatMap(({ day, value }) => (value === null ? [] : [{ weekday: weekdayOf(day), value }]));
  if (recorded.length === 0) return null;
  const mean = (values: readonly number[], otherwise: number): number =>
    values.length === 0 ? otherwise : values.reduce((sum, value) => sum + value, 0) / values.length;
  const dailyLoad = mean(
    recorded.map(({ value }) => value),
    0,
  );
  return {
    dailyLoad,
    recordedDays: recorded.length,
    byWeekday: Array.from({ length: 7 }, (_, weekday) =>
      mean(
        recorded.filter((one) => one.weekday === weekday).map(({ value }) => value),
        dailyLoad,
      ),
    ),
  };
}

/** 0 is Sunday. `day` is an ISO date. */
export const weekdayOf = (day: string): number => new Date(`${day}T00:00:00Z`).getUTCDay();
