/** Session records with what sensors measured of them, as the sessions and days of a load series. Pure. */
import type { TeamDay } from './load-history.ts';
import type { MeasuredLoad, MeasuredSeries } from './load-limits.ts';
import { LOAD_SERIES, type SessionLoads } from './session-load.ts';
import { isWithin, recordedDays, type SourcedSession, type StoredSession } from './session-ratings.ts';
import type { CalendarDay } from './team-days.ts';

/** A row of session_load. */
export type StoredLoad = Omit<MeasuredLoad, 'series'> & { readonly series: string };

export interface MeasuredSession extends StoredSession {
  /** None before it was measured, or without a sensor. */
  readonly loads: readonly StoredLoad[];
}

/** A session of a measured series: `row` says what its value was made with, or why there is none; null: nothing was measured. */
export interface SourcedMeasurement extends SourcedSession {
  readonly row: StoredLoad | null;
}

const only = (series: MeasuredSeries, row: StoredLoad | null): SessionLoads => {
  const load =
    row === null || row.value === null ? null : { value: row.value, provisional: row.provisional, observedShare: row.observedShare };
  return Object.fromEntries(LOAD_SERIES.map((name) => [name, name === series ? load : null])) as unknown as SessionLoads;
};

/**
 * The sessions of a measured series, in order of their start: the session records with what is stored of them, and the ratings of training without a
 * record, which nothing measured. A stated rest day is no session.
 */
export function measuredSessions(
  series: MeasuredSeries,
  stored: readonly MeasuredSession[],
  rated: readonly SourcedSession[],
): readonly SourcedMeasurement[] {
  const records = stored.map(({ id, startUs, loads }): SourcedMeasurement => {
    const row = loads.find((load) => load.series === series) ?? null;
    const outcomeId = rated.find(({ recordId }) => recordId === id)?.outcomeId ?? null;
    return { sessionId: id, startUs, loads: only(series, row), outcomeId, recordId: id, minutes: null, row };
  });
  const unmeasured = rated
    .filter(({ recordId, minutes }) => recordId === null && minutes !== 0)
    .map((session) => ({ ...session, loads: only(series, null), row: null }));
  return [...records, ...unmeasured].toSorted((a, b) => a.startUs - b.startUs);
}

/** A day is complete where a sound rating stands, which may state a rest day, or where a session was recorded (chosen: sensors are worn or they are not). */
export const measuredDays = (
  days: readonly CalendarDay[],
  stored: readonly StoredSession[],
  rated: readonly SourcedSession[],
): readonly TeamDay[] =>
  recordedDays(days, rated).map((day) => ({ ...day, complete: day.complete || stored.some(({ startUs }) => isWithin(day, startUs)) }));
