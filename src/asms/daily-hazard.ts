/**
 * The hazard of an athlete's days from what is recorded: loads, mornings, injuries, the day's pooled F_attn. Days are those of the team's calendar. Pure:
 * records in, figures out, so that what comes in late gives the figure that it would have given in time.
 */
import { dailyHazard, hrvFall, type DailyHazard, type HazardModel, type NoHazard } from './hazard.ts';
import { LOAD_DAYS, loadFigures, type LoadFigures } from './load.ts';
import { loadDays, type DayLoad } from './load-history.ts';
import { isAtRisk, type RiskFacts, type RiskInjury } from './risk-set.ts';
import { isWithin, readRatings, recordedDays, type StoredRating, type StoredSession } from './session-ratings.ts';
import { shiftDay, type CalendarDay } from './team-days.ts';
import { US_PER_DAY } from './time.ts';

/** A change of what a day's figure is made of is a change of this version; stored days then come again. */
export const DAILY_HAZARD_METHOD = 'daily-hazard-2';
/** What comes in late moves the figures of so many days back. (chosen) five weeks: a week's horizon beyond the 28 days that loads remember. */
export const RECOMPUTED_DAYS = 35;
/** Load is read so many days back, as the load view does. */
export const LOAD_LOOKBACK_DAYS = 400;
/** How fresh a return is: 1 on the day of clearance, fading by exp(-days/28); what models/binn/hazard.py was fitted on. */
const RETURNED_DAYS = 28;
const DAYS_PER_YEAR = 365.25;

/** Whole days since 1970-01-01 of a day of the calendar: what risk-set.ts counts in. */
export const dayNumber = (day: string): number => Math.round(Date.parse(day) / 86_400_000);
export const dayOfNumber = (number: number): string => shiftDay('1970-01-01', number);

/** An injury record, or an injury outcome that no record stands for. Times in microseconds. */
export interface RecordedInjury {
  readonly id: string;
  readonly source: 'record' | 'outcome';
  readonly region: string;
  readonly onsetUs: number;
  readonly reportedUs: number;
  readonly clearedUs: number | null;
  /** Days lost as expected; null: only a severity is known. */
  readonly timeLossDays: number | null;
  readonly severity: string | null;
}

/**
 * Days out of an injury outcome that no injury record stands for, by severity: the upper end of its class (IOC 2020†: minimal 1 to 3, mild 4 to 7, moderate 8 to
 * 28, severe above; the last is chosen). A record with its clearance says it better.
 */
const DAYS_OUT: Readonly<Record<string, number>> = { minimal: 3, mild: 7, moderate: 28, severe: 84 };
/** Less than a day lost is no time loss (IOC 2020†). */
const LEAST_DAYS_LOST = 1;

/** Pooled F_attn of a day or session. */
export interface Movement {
  readonly activeWindows: number;
  readonly fAttn: ArrayLike<number>;
}

export interface DailyRecords {
  /** The team's days, ascending without a gap; the last is the last that is over. */
  readonly days: readonly CalendarDay[];
  /** A session of the last day may be rated on the next: ratings up to now. */
  readonly nowUs: number;
  readonly ratings: readonly StoredRating[];
  readonly sessions: readonly StoredSession[];
  /** ln rMSSD at rest by day; days without a valid morning are absent. */
  readonly mornings: ReadonlyMap<string, number>;
  /** By day, of one model version; also of days before `days`. */
  readonly movements: ReadonlyMap<string, Movement>;
  readonly injuries: readonly RecordedInjury[];
  /** ISO date. */
  readonly birthDate: string | null;
  /** First day in the squad. */
  readonly arrivalDay: string;
}

/** PROVENANCE: what a stored day was computed from; F_attn itself stands in its own table. */
export interface HazardProvenance {
  readonly hazardModel: string | null;
  readonly values: Readonly<Record<string, number | null>>;
  readonly activeWindows: number;
  readonly earlierSessionDays: number;
  readonly loadDays: number;
  readonly atRisk: boolean;
  /** Why there is no model; absent where there is one. */
  readonly reason?: string;
}

export interface HazardOfDay {
  readonly day: string;
  readonly method: typeof DAILY_HAZARD_METHOD;
  readonly input: HazardProvenance;
  readonly result: DailyHazard | { readonly notEnoughData: NoHazard['notEnoughData'] | 'no-hazard-model' };
}

/** The team's day on which a time falls, also before the first and after the last of `days` (those are taken as 24 h long). */
export function dayOfTime(days: readonly CalendarDay[], us: number): number {
  const found = days.find((day) => isWithin(day, us));
  if (found !== undefined) return dayNumber(found.day);
  const edge = us < (days[0]?.fromUs ?? 0) ? days[0] : days.at(-1);
  return edge === undefined ? Math.floor(us / US_PER_DAY) : dayNumber(edge.day) + Math.floor((us - edge.fromUs) / US_PER_DAY);
}

/** An outcome within a day of a record's onset in the same region tells of the same injury: the record is the better of the two. (chosen) */
const isRecorded = (outcome: RecordedInjury, all: readonly RecordedInjury[]): boolean =>
  all.some((one) => one.source === 'record' && one.region === outcome.region && Math.abs(one.onsetUs - outcome.onsetUs) <= US_PER_DAY);

/** An injury as the risk set sees it, with what names it. */
export interface PlacedInjury extends RiskInjury {
  readonly id: string;
  readonly onsetUs: number;
}

/** Each injury once, in days of the team's calendar, by onset. A clearance before the onset (a slip) counts on the onset's day. */
export function placeInjuries(days: readonly CalendarDay[], injuries: readonly RecordedInjury[]): readonly PlacedInjury[] {
  return injuries
    .filter((injury) => injury.source === 'record' || !isRecorded(injury, injuries))
    .map((injury) => {
      const onsetDay = dayOfTime(days, injury.onsetUs);
      const lost = injury.timeLossDays ?? DAYS_OUT[injury.severity ?? ''] ?? LEAST_DAYS_LOST;
      const cleared = injury.clearedUs === null ? null : Math.max(onsetDay, dayOfTime(days, injury.clearedUs));
      return {
        id: injury.id,
        onsetUs: injury.onsetUs,
        onsetDay,
        reportDay: Math.max(onsetDay, dayOfTime(days, injury.reportedUs)),
        clearanceDay: injury.source === 'outcome' ? onsetDay + lost + 1 : cleared,
        timeLoss: lost >= LEAST_DAYS_LOST,
      };
    })
    .toSorted((a, b) => a.onsetUs - b.onsetUs || (a.id < b.id ? -1 : 1));
}

export interface PlacedFacts extends RiskFacts {
  readonly injuries: readonly PlacedInjury[];
}

/** Who is at risk when; `departureDay` null: still in the squad. */
export const riskFacts = (
  { days, injuries, arrivalDay }: Pick<DailyRecords, 'days' | 'injuries' | 'arrivalDay'>,
  departureDay: number | null,
): PlacedFacts => ({
  injuries: placeInjuries(days, injuries),
  arrivalDay: dayNumber(arrivalDay),
  departureDay,
  observedThroughDay: days.length === 0 ? -Infinity : dayNumber(days.at(-1)!.day),
});

/** session-RPE times minutes of each day, as the load view has them. */
function dailyLoads({ days, ratings, sessions, nowUs }: DailyRecords): readonly DayLoad[] {
  const read = readRatings(ratings, sessions, nowUs);
  return loadDays('session-rpe', read.sessions, recordedDays(days, read.sessions));
}

interface LoadAt {
  readonly figures: LoadFigures | null;
  /** Days of history; where there are no figures the days recorded of the last 28, which are too few. */
  readonly loadDays: number;
}

/** Figures at the end of the day at `at`, from the first recorded day of the 400 before it. */
function loadAt(loads: readonly DayLoad[], at: number): LoadAt {
  const range = loads.slice(Math.max(0, at + 1 - LOAD_LOOKBACK_DAYS), at + 1).map(({ value }) => value);
  const first = range.findIndex((value) => value !== null);
  const history = first < 0 ? [] : range.slice(first);
  const figures = loadFigures(history);
  return { figures, loadDays: figures === null ? history.slice(-LOAD_DAYS).filter((value) => value !== null).length : history.length };
}

/** In the units of the model's features. The athlete's planned load of a normal training day is not recorded: lnChronicPlan is not known. */
function loadValues(figures: LoadFigures | null): Record<string, number | null> {
  const state = figures?.state;
  return {
    relativeFatigue: figures?.relativeFatigue ?? null,
    acuteExcess: figures?.acuteExcess ?? null,
    // Loads below one unit a day are as good as none: models/binn/hazard_data.py has the same floor.
    lnAcuteChronic: state === undefined ? null : Math.log(Math.max(state.acute, 1) / Math.max(state.chronic, 1)),
    lnChronicPlan: null,
  };
}

/** Past injuries and how long ago the last return was, as known now: a late report counts from its onset. */
function historyValues(day: number, injuries: readonly PlacedInjury[]): Record<string, number | null> {
  const past = injuries.filter(({ timeLoss, onsetDay }) => timeLoss && onsetDay <= day);
  const returns = past.flatMap(({ clearanceDay }) => (clearanceDay !== null && clearanceDay <= day ? [clearanceDay] : []));
  const since = returns.length === 0 ? null : day - Math.max(...returns);
  return { lnPastInjuries: Math.log1p(past.length), returned: since === null ? 0 : Math.exp(-since / RETURNED_DAYS) };
}

const ageOn = (day: string, birthDate: string | null): number | null =>
  birthDate === null ? null : (Date.parse(day) - Date.parse(birthDate)) / 86_400_000 / DAYS_PER_YEAR;

/** What `hazardsOf` needs of the model: the model, or why there is none. */
export type HazardSource = { readonly model: HazardModel } | { readonly fault: string };

/**
 * The hazard of each of the last `count` of `records.days`, in order, or the reason why a day has none. A day's figure is made of that day and those before it,
 * and of what is known of them now.
 * @throws RangeError where the model's covariance does not fit its features
 */
export function hazardsOf(records: DailyRecords, source: HazardSource, count: number): readonly HazardOfDay[] {
  const { days, mornings, movements } = records;
  const loads = dailyLoads(records);
  const risk = riskFacts(records, null);
  const sessionDays = [...movements.keys()].toSorted();
  return days.slice(Math.max(0, days.length - count)).map(({ day }) => {
    const at = days.findIndex((one) => one.day === day);
    const { figures, loadDays: history } = loadAt(loads, at);
    const movement = movements.get(day);
    const earlier = sessionDays.filter((one) => one < day);
    const values = {
      ...loadValues(figures),
      hrvFall: hrvFall(days.slice(Math.max(0, at - 27), at + 1).map((one) => mornings.get(one.day) ?? null)),
      ...historyValues(dayNumber(day), risk.injuries),
      age: ageOn(day, records.birthDate),
    };
    const atRisk = isAtRisk(dayNumber(day), risk);
    const known = { values, activeWindows: movement?.activeWindows ?? 0, loadDays: history, atRisk };
    const input = { ...known, earlierSessionDays: earlier.length };
    if ('fault' in source) {
      const none = { notEnoughData: 'no-hazard-model' } as const;
      return { day, method: DAILY_HAZARD_METHOD, input: { hazardModel: null, ...input, reason: source.fault }, result: none };
    }
    const result = dailyHazard(source.model, {
      ...known,
      fAttn: movement?.fAttn ?? null,
      earlier: earlier.map((one) => movements.get(one)!.fAttn),
    });
    return { day, method: DAILY_HAZARD_METHOD, input: { hazardModel: `${source.model.name}-${source.model.version}`, ...input }, result };
  });
}
