/** The last days' load against its ceilings: what is to be said of it, and when to look again. Pure: the caller reads, stores and keeps the time. */
import type { CeiledLoad, Observed } from '../contracts/observation.ts';
import { chronicLoadBefore, loadDays } from './load-history.ts';
import { measuredDays, measuredSessions, type MeasuredSession } from './measured-sessions.ts';
import { LOAD_METHODS, LOAD_SERIES, type LoadSeries } from './session-load.ts';
import { readRatings, recordedDays, type SourcedSession, type StoredRating } from './session-ratings.ts';
import { shiftDay, teamDayOf, teamDays, type CalendarDay } from './team-days.ts';

/** A limit on each day's load, both days counted. */
export interface LoadLimit {
  readonly series: LoadSeries;
  readonly ceiling: number;
  /** ISO dates of the team's calendar; to null: no end. */
  readonly from: string;
  readonly to: string | null;
}

/** The return after an injury: its ceilings by time, ascending, as shares of the chronic load before it; share null: none. */
export interface LimitingReturn {
  readonly onsetUs: number;
  readonly ceilings: readonly { readonly fromUs: number; readonly share: number | null }[];
}

/** What is stored of an athlete's load; ratings by time, sessions by start. */
export interface LoadRecord {
  readonly timeZone: string;
  readonly ratings: readonly StoredRating[];
  readonly sessions: readonly MeasuredSession[];
  readonly limits: readonly LoadLimit[];
  readonly returns: readonly LimitingReturn[];
  /** An alert about load is open: it ends with a complete day, also under no limit. */
  readonly alertOpen: boolean;
}

export interface LoadLook {
  readonly told: readonly { readonly subject: string; readonly observed: Extract<Observed, { kind: 'day-load' }> }[];
  /** null: nothing is to be watched until somebody writes a rating or a limit. */
  readonly againUs: number | null;
}

/** (chosen) a rating or a correction that comes later than this is history: no alert is made of it. */
const LOOK_BACK_DAYS = 7;

/** Stages are set against this series: the one that ratings make (a chronic load of no other is known). */
const STAGED: LoadSeries = 'session-rpe';

/** The ceilings of one day. */
type Ceilings = (day: CalendarDay) => readonly { readonly series: LoadSeries; readonly ceiling: number }[];

/**
 * Says of each of the last seven days, today with them, what it has of a limited series so far, and of one that is over and recorded that it is complete.
 * The least of the ceilings of a day holds. A return without a chronic load from before its injury sets none.
 * @throws RangeError where the time zone is unknown
 */
export function lookAtLoad(record: LoadRecord, nowUs: number): LoadLook {
  const { timeZone, alertOpen } = record;
  const today = teamDayOf(nowUs / 1_000, timeZone);
  const days = teamDays(shiftDay(today, 1 - LOOK_BACK_DAYS), today, timeZone);
  const { sessions } = readRatings(record.ratings, record.sessions, nowUs);
  const staged = record.returns.flatMap((one) => stageCeilings(one, sessions, timeZone));
  const ceilings: Ceilings = (day) => [
    ...record.limits.filter(({ from, to }) => from <= day.day && (to === null || day.day <= to)),
    ...staged.flatMap((ceilingAt) => ceilingAt(day)),
  ];
  const recorded = { rated: sessions, stored: record.sessions };
  const told = days.flatMap((day) => tellDay(day, recorded, ceilings(day), alertOpen, nowUs));
  const limited = days.some((day) => ceilings(day).length > 0) || record.limits.some(({ to }) => to === null || to >= today);
  return { told, againUs: alertOpen || limited ? (days.at(-1)?.toUs ?? null) : null };
}

/** Of one return: the ceiling of the stage in which a day ends. */
function stageCeilings({ onsetUs, ceilings }: LimitingReturn, sessions: readonly SourcedSession[], timeZone: string): Ceilings[] {
  const first = sessions.find(({ loads }) => loads[STAGED] !== null);
  if (first === undefined || first.startUs >= onsetUs) return [];
  const days = teamDays(teamDayOf(first.startUs / 1_000, timeZone), teamDayOf(onsetUs / 1_000, timeZone), timeZone);
  const chronic = chronicLoadBefore(STAGED, onsetUs, sessions, recordedDays(days, sessions));
  if (chronic === null) return [];
  return [
    ({ toUs }) => {
      const share = ceilings.findLast(({ fromUs }) => fromUs < toUs)?.share ?? null;
      return share === null ? [] : [{ series: STAGED, ceiling: share * chronic }];
    },
  ];
}

/** What the series are made of. */
interface Recorded {
  readonly rated: readonly SourcedSession[];
  readonly stored: readonly MeasuredSession[];
}

function tellDay(
  day: CalendarDay,
  recorded: Recorded,
  ceilings: ReturnType<Ceilings>,
  alertOpen: boolean,
  nowUs: number,
): LoadLook['told'] {
  if (ceilings.length === 0 && !alertOpen) return [];
  const limited = LOAD_SERIES.flatMap((series) => {
    const own = ceilings.filter((one) => one.series === series).map(({ ceiling }) => ceiling);
    return own.length === 0 ? [] : [{ series, ceiling: Math.min(...own), ...loadOn(series, day, recorded) }];
  });
  // Under no limit the ratings say whether the day is known.
  const known = limited.length === 0 ? loadOn(STAGED, day, recorded).value !== null : limited.every(({ value }) => value !== null);
  const complete = day.toUs <= nowUs && known;
  if (!complete && limited.every(({ load }) => load === 0)) return [];
  const loads = limited.map(({ series, load, ceiling }): CeiledLoad => ({ series, unit: LOAD_METHODS[series].unit, load, ceiling }));
  const figures = loads.map(({ series, load, ceiling }) => `${series} ${load}/${ceiling}`);
  const observed = { kind: 'day-load', day: day.day, complete, loads } as const;
  return [{ subject: [day.day, ...(complete ? ['complete'] : []), ...figures].join(' '), observed }];
}

/** The load so far, and the day's own where every session of it is known. */
function loadOn(
  series: LoadSeries,
  day: CalendarDay,
  { rated, stored }: Recorded,
): { readonly load: number; readonly value: number | null } {
  const load =
    series === 'session-rpe'
      ? loadDays(series, rated, recordedDays([day], rated))[0]
      : loadDays(series, measuredSessions(series, stored, rated), measuredDays([day], stored, rated))[0];
  return { load: load?.recorded ?? 0, value: load?.value ?? null };
}
