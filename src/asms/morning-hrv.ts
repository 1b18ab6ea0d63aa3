/** Morning heart-rate variability as a daily series with the athlete's own baseline. Pure. */
import { mean, sampleSd } from '../signal/order-statistics.ts';
import { hrvFall } from './hazard.ts';

export const MORNING_HRV_METHOD = 'morning-hrv-1';

/** Valid intervals of a recording: (chosen) a minute at 40 bpm. A minute agrees with five (Esco and Flatt 2014†). */
export const LEAST_BEATS = 40;

const WEEK_DAYS = 7;
const MONTH_DAYS = 28;
/** As hrvFall. */
const LEAST_WEEK = 3;
const LEAST_BASELINE = 10;

export interface Summary {
  readonly mean: number;
  readonly sd: number | null;
  readonly days: number;
}

export interface MorningTrend {
  /** Null below 3 valid mornings of the last 7, and below 10 of the 21 before them. */
  readonly week: Summary | null;
  readonly baseline: Summary | null;
  /** hrvFall: above 0 where the week lies below the baseline. */
  readonly fall: number | null;
  /** Why there is no fall. */
  readonly missing: string | null;
}

const validOf = (mornings: readonly (number | null)[]): number[] => mornings.filter((value): value is number => value !== null);

function summaryOf(values: readonly number[], least: number): Summary | null {
  if (values.length < least) return null;
  const sd = sampleSd(values);
  return { mean: mean(values), sd: Number.isFinite(sd) ? sd : null, days: values.length };
}

/** The trend at the last of `mornings`: ln rMSSD, one entry a day, oldest first, null where there was no valid recording. */
export function morningTrend(mornings: readonly (number | null)[]): MorningTrend {
  const week = validOf(mornings.slice(-WEEK_DAYS));
  const before = validOf(mornings.slice(-MONTH_DAYS, -WEEK_DAYS));
  const few = [
    ...(week.length < LEAST_WEEK ? [`${week.length} valid mornings in the last 7 days, ${LEAST_WEEK} are needed`] : []),
    ...(before.length < LEAST_BASELINE ? [`${before.length} valid mornings in the 21 days before them, ${LEAST_BASELINE} are needed`] : []),
  ];
  return {
    week: summaryOf(week, LEAST_WEEK),
    baseline: summaryOf(before, LEAST_BASELINE),
    fall: hrvFall(mornings),
    missing: few.length === 0 ? null : few.join('; '),
  };
}
