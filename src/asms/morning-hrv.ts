/** Morning heart-rate variability as a daily series with the athlete's own baseline. Pure. */
import { mean, sampleSd } from '../signal/order-statistics.ts';
import { hrvFall } from './hazard.ts';
import { isWithin } from './session-ratings.ts';
import type { CalendarDay } from './team-days.ts';

export const MORNING_HRV_METHOD = 'morning-hrv-1';

/** Valid intervals of a recording: (chosen) a minute at 40 bpm. A minute agrees with five (Esco and Flatt 2014†). */
export const LEAST_BEATS = 40;
/** (chosen) a recording after noon is no morning. */
const NOON_US = 12 * 3_600e6;

const WEEK_DAYS = 7;
/** Mornings that a trend looks back to, its own day among them. */
export const TREND_DAYS = 28;
/** As hrvFall. */
const LEAST_WEEK = 3;
const LEAST_BASELINE = 10;

/** What the athlete entered; lnRmssd in ln(ms). */
export interface MorningEntry {
  readonly id: string;
  /** ISO date. */
  readonly day: string;
  readonly lnRmssd: number;
  readonly beats: number;
}

/** ln rMSSD, ln(ms), of a session at rest with every beat recorded. */
export interface RestRecording {
  readonly sessionId: string;
  readonly startUs: number;
  readonly lnRmssd: number;
  readonly beats: number;
}

/** Entries in force, none of them under a consent that was withdrawn. */
export interface StoredMornings {
  /** The athlete consents to morning-hrv now. */
  readonly consented: boolean;
  readonly entries: readonly MorningEntry[];
  /** By start. */
  readonly recordings: readonly RestRecording[];
}

export interface MorningDay {
  /** ISO date. */
  readonly day: string;
  /** ln(ms); null: no valid recording. */
  readonly lnRmssd: number | null;
  readonly beats: number | null;
  readonly of: 'entry' | 'session' | null;
  readonly id: string | null;
}

function morningOf({ day, fromUs, toUs }: CalendarDay, { entries, recordings }: StoredMornings): MorningDay {
  const entry = entries.find((one) => one.day === day);
  if (entry !== undefined) return { day, lnRmssd: entry.lnRmssd, beats: entry.beats, of: 'entry', id: entry.id };
  const morning = { day, fromUs, toUs: Math.min(toUs, fromUs + NOON_US) };
  const recording = recordings.find(({ startUs, beats }) => beats >= LEAST_BEATS && isWithin(morning, startUs));
  return recording === undefined
    ? { day, lnRmssd: null, beats: null, of: null, id: null }
    : { day, lnRmssd: recording.lnRmssd, beats: recording.beats, of: 'session', id: recording.sessionId };
}

/**
 * The morning of each of `days`, in order; none of any day without a consent. What was entered stands before what a session measured; of several sessions of a
 * morning the first.
 */
export const morningDays = (days: readonly CalendarDay[], stored: StoredMornings): readonly MorningDay[] =>
  stored.consented ? days.map((day) => morningOf(day, stored)) : [];

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
  const before = validOf(mornings.slice(-TREND_DAYS, -WEEK_DAYS));
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
