/** The load history of an athlete as a coach reads it, from stored ratings and sessions. Pure. */
import { LOAD_DAYS, type LoadFigures } from '../../asms/load.ts';
import { loadDays, loadHistory, type LoadHistory, type TeamDay } from '../../asms/load-history.ts';
import { LOAD_SERIES, type LoadSeries } from '../../asms/session-load.ts';
import { measuredDays, measuredSessions, type MeasuredSession, type StoredLoad } from '../../asms/measured-sessions.ts';
import { isWithin, readRatings, recordedDays, type SourcedSession, type StoredRating } from '../../asms/session-ratings.ts';
import { countDays, shiftDay, teamDayOf, teamDays, type CalendarDay } from '../../asms/team-days.ts';
import { ProblemError } from '../problems.ts';
import { isoOf, readTime } from '../schemas.ts';
import type { AthleteLoad } from './schemas.ts';

const DEFAULT_DAYS = 56;
/** Days of one answer at most, and how far back figures look. */
const MOST_DAYS = 400;

export interface LoadRange {
  readonly timeZone: string;
  readonly from: string;
  readonly to: string;
  /** `MOST_DAYS` days up to `to`, whatever `from` is: figures do not depend on what is shown. */
  readonly days: readonly CalendarDay[];
}

/**
 * The range a query names, both days counted, in the team's time zone.
 * @throws ProblemError `time-out-of-range`: it begins after it ends, ends after today, or is longer than 400 days
 */
export function readDays(query: { readonly from?: string; readonly to?: string }, timeZone: string, nowMs: number): LoadRange {
  const today = teamDayOf(nowMs, timeZone);
  const to = query.to ?? today;
  readTime(to);
  const from = query.from ?? shiftDay(to, 1 - DEFAULT_DAYS);
  readTime(from);
  if (from > to) throw new ProblemError('time-out-of-range', `The range begins after it ends: from ${from} is later than to ${to}`);
  if (to > today) throw new ProblemError('time-out-of-range', `to ${to} lies in the future: it is ${today} in ${timeZone}`);
  const count = countDays(from, to);
  if (count > MOST_DAYS) throw new ProblemError('time-out-of-range', `The range has ${count} days, at most ${MOST_DAYS} can be asked for`);
  return { timeZone, from, to, days: teamDays(shiftDay(to, 1 - MOST_DAYS), to, timeZone) };
}

/** Why a series has no record, where its sessions do not say it themselves. */
const MISSING: Readonly<Record<LoadSeries, string>> = {
  'session-rpe': `No session was soundly rated in the ${MOST_DAYS} days up to the last day of the range`,
  trimp: `No measured session of the ${MOST_DAYS} days up to the last day of the range has a heart rate`,
  distance: `No measured session of the ${MOST_DAYS} days up to the last day of the range has a speed`,
  'high-speed-distance': `No measured session of the ${MOST_DAYS} days up to the last day of the range has a speed`,
};

const viewFigures = ({ state, uncoupledRatio, weekLoad, monotony, strain }: LoadFigures) => ({
  acute: state.acute,
  chronic: state.chronic,
  uncoupledRatio,
  weekLoad,
  monotony,
  strain,
  fitness: state.fitness,
  fatigue: state.fatigue,
});

function hiddenBecause({ days, figures }: LoadHistory): string | null {
  if (figures !== null) return null;
  if (days.length < LOAD_DAYS) return `Figures need ${LOAD_DAYS} days: the first record is ${days.length} days old`;
  const recorded = days.slice(-LOAD_DAYS).filter(({ value }) => value !== null).length;
  return `Only ${recorded} of the last ${LOAD_DAYS} days are recorded; a rest day is stated by a session-rpe outcome with rpe 0 and minutes 0`;
}

/** A session of a series; `row`: what a sensor measured of it. */
type Sourced = SourcedSession & { readonly row?: StoredLoad | null };

/** What one series is made of. */
interface Source {
  readonly series: LoadSeries;
  readonly sessions: readonly Sourced[];
  /** Every day that is looked back to. */
  readonly days: readonly TeamDay[];
  /** Place of the first day with a record; -1: none. */
  readonly first: number;
}

function sourceOf(
  series: LoadSeries,
  days: readonly CalendarDay[],
  rated: readonly SourcedSession[],
  stored: readonly MeasuredSession[],
): Source {
  const sessions = series === 'session-rpe' ? rated : measuredSessions(series, stored, rated);
  const known = series === 'session-rpe' ? recordedDays(days, rated) : measuredDays(days, stored, rated);
  const first = known.findIndex((day) => sessions.some(({ startUs, loads }) => isWithin(day, startUs) && loads[series] !== null));
  return { series, sessions, days: known, first };
}

const viewSession = (series: LoadSeries, day: string, { startUs, outcomeId, recordId, loads, row }: Sourced) => ({
  day,
  startedAt: isoOf(startUs),
  outcomeId,
  sessionId: recordId,
  value: loads[series]?.value ?? null,
  provisional: loads[series]?.provisional ?? false,
  minutesCovered: row?.minutesCovered ?? null,
  parameters: row?.parameters ?? null,
  reason: row?.reason ?? null,
});

/** Days from the range's first to its last; figures from the first day with a record, at the end of the last. `open`: days that are not over. */
function viewSeries({ series, sessions, days, first }: Source, from: string, open: ReadonlySet<string>): AthleteLoad['series'][number] {
  const history = loadHistory(sessions, days.slice(first))[series];
  const shown = days.filter(({ day }) => day >= from);
  const placed = sessions.flatMap((session) => {
    const day = shown.find((one) => isWithin(one, session.startUs));
    return day === undefined ? [] : [viewSession(series, day.day, session)];
  });
  return {
    series,
    unit: history.unit,
    method: history.method,
    parameters: history.parameters,
    days: loadDays(series, sessions, shown).map((day) => ({ ...day, provisional: day.provisional || open.has(day.day) })),
    sessions: placed,
    figures: history.figures === null ? null : viewFigures(history.figures),
    figuresMethod: history.figuresMethod,
    hiddenBecause: hiddenBecause(history),
    provisional: history.provisional || open.has(days.at(-1)?.day ?? ''),
  };
}

/** The newest session that says why it has no value, or that there is none with such a sensor. */
const whyMissing = ({ series, sessions }: Source): string => sessions.findLast(({ row }) => row?.reason)?.row?.reason ?? MISSING[series];

/**
 * Every series of an athlete over a range.
 * @param stored what the repository has between the first and the last of `range.days` and a day beside them, for sessions across midnight
 */
export function viewLoad(
  athleteId: string,
  { timeZone, from, to, days }: LoadRange,
  stored: { readonly ratings: readonly StoredRating[]; readonly sessions: readonly MeasuredSession[] },
  nowMs: number,
): AthleteLoad {
  const nowUs = nowMs * 1_000;
  const read = readRatings(stored.ratings, stored.sessions, nowUs);
  const open = new Set(days.filter(({ toUs }) => toUs > nowUs).map(({ day }) => day));
  const sources = LOAD_SERIES.map((series) => sourceOf(series, days, read.sessions, stored.sessions));
  const shown = days.filter(({ day }) => day >= from);
  const begin = shown[0]?.fromUs ?? Number.POSITIVE_INFINITY;
  const end = shown.at(-1)?.toUs ?? Number.NEGATIVE_INFINITY;
  return {
    athleteId,
    timeZone,
    from,
    to,
    series: sources.filter(({ first }) => first >= 0).map((source) => viewSeries(source, from, open)),
    missing: sources.filter(({ first }) => first < 0).map((source) => ({ series: source.series, reason: whyMissing(source) })),
    refused: read.refused
      .filter(({ startUs }) => startUs >= begin && startUs < end)
      .map(({ outcomeId, atUs, reason }) => ({ outcomeId, at: isoOf(atUs), reason })),
  };
}
