/** The load history of an athlete as a coach reads it, from stored ratings and sessions. Pure. */
import { LOAD_DAYS, type LoadFigures } from '../../asms/load.ts';
import { loadDays, loadHistory, type LoadHistory } from '../../asms/load-history.ts';
import { LOAD_SERIES, type LoadSeries } from '../../asms/session-load.ts';
import { isWithin, readRatings, recordedDays, type StoredRating, type StoredSession } from '../../asms/session-ratings.ts';
import { countDays, shiftDay, teamDayOf, teamDays, type CalendarDay } from '../../asms/team-days.ts';
import { ProblemError } from '../problems.ts';
import { readTime } from '../schemas.ts';
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

/** Why a series has no record. */
const MISSING: Readonly<Record<LoadSeries, string>> = {
  'session-rpe': `No session was soundly rated in the ${MOST_DAYS} days up to the last day of the range`,
  trimp: "Only the mean heart rate of a session is stored, and the athlete's resting and maximum heart rate are not",
  distance: 'The speed over a session is not stored with it',
  'high-speed-distance': 'The speed over a session is not stored with it',
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

const iso = (us: number): string => new Date(us / 1_000).toISOString();

/**
 * Days from the range's first to its last; figures from the first day with a record, at the end of the last. A day without a
 * sound rating is not recorded.
 * @param stored what the repository has between the first and the last of `range.days` and a day beside them, for sessions across midnight
 */
export function viewLoad(
  athleteId: string,
  { timeZone, from, to, days }: LoadRange,
  stored: { readonly ratings: readonly StoredRating[]; readonly sessions: readonly StoredSession[] },
  nowMs: number,
): AthleteLoad {
  const nowUs = nowMs * 1_000;
  const read = readRatings(stored.ratings, stored.sessions, nowUs);
  const known = recordedDays(days, read.sessions);
  const shown = known.filter(({ day }) => day >= from);
  const placed = read.sessions.flatMap((session) => {
    const day = shown.find((one) => isWithin(one, session.startUs));
    return day === undefined ? [] : [{ session, day: day.day }];
  });
  const open = new Set(known.filter(({ toUs }) => toUs > nowUs).map(({ day }) => day));

  const viewSeries = (series: LoadSeries, first: number): AthleteLoad['series'][number] => {
    const history = loadHistory(read.sessions, known.slice(first))[series];
    return {
      series,
      unit: history.unit,
      method: history.method,
      parameters: history.parameters,
      days: loadDays(series, read.sessions, shown).map((day) => ({ ...day, provisional: day.provisional || open.has(day.day) })),
      sessions: placed.map(({ session, day }) => ({
        day,
        startedAt: iso(session.startUs),
        outcomeId: session.outcomeId,
        sessionId: session.recordId,
        value: session.loads[series]?.value ?? null,
        provisional: session.loads[series]?.provisional ?? false,
      })),
      figures: history.figures === null ? null : viewFigures(history.figures),
      figuresMethod: history.figuresMethod,
      hiddenBecause: hiddenBecause(history),
      provisional: history.provisional || open.has(to),
    };
  };
  const firsts = LOAD_SERIES.map((series) => ({
    series,
    first: known.findIndex((day) => read.sessions.some(({ startUs, loads }) => isWithin(day, startUs) && loads[series] !== null)),
  }));
  const begin = shown[0]?.fromUs ?? Number.POSITIVE_INFINITY;
  const end = shown.at(-1)?.toUs ?? Number.NEGATIVE_INFINITY;
  return {
    athleteId,
    timeZone,
    from,
    to,
    series: firsts.filter(({ first }) => first >= 0).map(({ series, first }) => viewSeries(series, first)),
    missing: firsts.filter(({ first }) => first < 0).map(({ series }) => ({ series, reason: MISSING[series] })),
    refused: read.refused
      .filter(({ startUs }) => startUs >= begin && startUs < end)
      .map(({ outcomeId, atUs, reason }) => ({ outcomeId, at: iso(atUs), reason })),
  };
}
