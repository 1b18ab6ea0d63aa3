/** Load a day, by series, and its figures. A day is what the team's time zone says: its borders are arguments. */
import { LOAD_DAYS, loadFigures, type LoadFigures } from './load.ts';
import { LOAD_METHODS, LOAD_SERIES, type LoadSeries, type LoadValue, type SessionLoads } from './session-load.ts';

export const LOAD_FIGURES_METHOD = 'load-figures-1';

/** One day of the team: [fromUs, toUs), 23, 24 or 25 hours. */
export interface TeamDay {
  /** ISO date. */
  readonly day: string;
  readonly fromUs: number;
  readonly toUs: number;
  /** Every session of the day is known (or that there was none): only then is a day without a session a rest day. */
  readonly complete: boolean;
}

export interface LoadedSession {
  readonly sessionId: string;
  readonly startUs: number;
  readonly loads: SessionLoads;
}

export interface DayLoad {
  readonly day: string;
  /** Null: not recorded. A rest day is 0. */
  readonly value: number | null;
  /** What was recorded of it, also where a session is missing: for display, no figure is made of it. */
  readonly recorded: number;
  readonly sessions: number;
  /** Sessions without a value in this series. */
  readonly unrecorded: number;
  readonly provisional: boolean;
}

export interface LoadHistory {
  readonly series: LoadSeries;
  readonly unit: string;
  /** How a session's value came about, and how the figures did. */
  readonly method: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly figuresMethod: string;
  readonly days: readonly DayLoad[];
  /** Null before there are 28 days, or where too few of the last 28 were recorded. */
  readonly figures: LoadFigures | null;
  /** A day of the last 28 is provisional or was not recorded. */
  readonly provisional: boolean;
}

/**
 * The days of one series. A day with a session that has no value in the series is not recorded: its sum would be too low. A day without a session is a
 * rest day (0) where it is complete, and not recorded where it is not.
 * @throws RangeError where days overlap or do not ascend, or a session stands twice
 */
export function loadDays(series: LoadSeries, sessions: readonly LoadedSession[], days: readonly TeamDay[]): readonly DayLoad[] {
  checkDays(days);
  checkSessions(sessions);
  return days.map(({ day, fromUs, toUs, complete }) => {
    const own = sessions.filter(({ startUs }) => startUs >= fromUs && startUs < toUs).map(({ loads }) => loads[series]);
    const known = own.filter((load): load is LoadValue => load !== null);
    const recorded = known.reduce((sum, { value }) => sum + value, 0);
    const isRecorded = complete && known.length === own.length;
    return {
      day,
      value: isRecorded ? recorded : null,
      recorded,
      sessions: own.length,
      unrecorded: own.length - known.length,
      provisional: known.some(({ provisional }) => provisional),
    };
  });
}

function checkDays(days: readonly TeamDay[]): void {
  days.forEach(({ day, fromUs, toUs }, i) => {
    if (!(toUs > fromUs)) throw new RangeError(`day ${day} ends before it begins`);
    const before = days[i - 1];
    if (before !== undefined && before.toUs !== fromUs) throw new RangeError(`day ${day} does not begin where ${before.day} ends`);
  });
}

function checkSessions(sessions: readonly LoadedSession[]): void {
  const seen = new Set<string>();
  for (const { sessionId } of sessions) {
    if (seen.has(sessionId)) throw new RangeError(`session ${sessionId} stands twice`);
    seen.add(sessionId);
  }
}

/** Every series with its figures at the end of the last day of `days`. @throws as loadDays */
export function loadHistory(sessions: readonly LoadedSession[], days: readonly TeamDay[]): Readonly<Record<LoadSeries, LoadHistory>> {
  const one = (series: LoadSeries): LoadHistory => {
    const { unit, method, parameters } = LOAD_METHODS[series];
    const loads = loadDays(series, sessions, days);
    return {
      series,
      unit,
      method,
      parameters,
      figuresMethod: LOAD_FIGURES_METHOD,
      days: loads,
      figures: loadFigures(loads.map(({ value }) => value)),
      provisional: loads.slice(-LOAD_DAYS).some(({ provisional, value }) => provisional || value === null),
    };
  };
  return Object.fromEntries(LOAD_SERIES.map((series) => [series, one(series)])) as unknown as Record<LoadSeries, LoadHistory>;
}

/**
 * Chronic load (28-day EWMA) of a series at the end of the last day before `onsetUs`: what a return is measured by. Null where there was none yet.
 * @throws as loadDays
 */
export function chronicLoadBefore(
  series: LoadSeries,
  onsetUs: number,
  sessions: readonly LoadedSession[],
  days: readonly TeamDay[],
): number | null {
  const before = days.filter(({ toUs }) => toUs <= onsetUs);
  return loadFigures(loadDays(series, sessions, before).map(({ value }) => value))?.state.chronic ?? null;
}
