/** Session ratings (outcomes of kind session-rpe) and sessions as loaded sessions, and which ratings cannot be counted. Pure. */
import { MAXIMUM_MINUTES } from './feedback/outcomes.ts';
import type { LoadedSession, TeamDay } from './load-history.ts';
import { LOAD_SERIES, sessionRpeLoad, type SessionLoads } from './session-load.ts';
import type { CalendarDay } from './team-days.ts';

/** A session-rpe outcome as stored: `value` is whatever was sent. */
export interface StoredRating {
  readonly id: string;
  readonly atUs: number;
  readonly value: unknown;
}

export interface StoredSession {
  readonly id: string;
  readonly startUs: number;
}

/** A session's load and where it came from: a rating, or null for a session that nobody rated soundly. */
export interface SourcedSession extends LoadedSession {
  readonly outcomeId: string | null;
  /** Of the session record. Null: the rating names none and none began in its stretch. */
  readonly recordId: string | null;
  /** As rated; 0 states a rest day, null: not soundly rated. */
  readonly minutes: number | null;
}

export interface RefusedRating {
  readonly outcomeId: string;
  readonly atUs: number;
  /** Decides the day it is listed with; atUs where its minutes cannot be used. */
  readonly startUs: number;
  readonly reason: string;
}

interface Rating {
  readonly outcomeId: string;
  readonly atUs: number;
  readonly startUs: number;
  readonly rpe: number;
  readonly minutes: number;
  readonly recordId: string | null;
  readonly replaces: string | null;
}

const MINUTE_US = 60e6;
/** A rating is often given some time after the session: sessions that began this much before its stretch are its own too. (chosen) */
const LATE_US = 60 * MINUTE_US;

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
const textOf = (value: unknown, name: string): string | null => {
  const text = field(value, name);
  return typeof text === 'string' ? text : null;
};

/** A number from 0 to `most`, or the sentence that says why not. */
function readFigure(value: unknown, name: string, most: number): number | string {
  const figure = field(value, name);
  if (figure === undefined || figure === null) return `It has no ${name}: the load is rpe times minutes`;
  if (typeof figure !== 'number') return `${name} is not a number`;
  return figure >= 0 && figure <= most ? figure : `${name} is ${figure}, not from 0 to ${most}`;
}

/** The rating, or why it cannot be counted on its own. `at` is the end of the session. */
function readRating({ id, atUs, value }: StoredRating, records: ReadonlyMap<string, StoredSession>, nowUs: number): Rating | string {
  const [rpe, minutes] = [readFigure(value, 'rpe', 10), readFigure(value, 'minutes', MAXIMUM_MINUTES)];
  if (typeof rpe === 'string') return rpe;
  if (typeof minutes === 'string') return minutes;
  if (minutes === 0 && rpe > 0) return `It rates 0 minutes with ${rpe}: a rest day is stated by rpe 0 and minutes 0`;
  if (atUs > nowUs) return 'It lies in the future';
  const recordId = textOf(value, 'sessionId');
  const record = recordId === null ? null : records.get(recordId);
  if (record === undefined) return 'It names a session that the athlete does not have';
  if (record !== null && record.startUs > atUs) return 'It names a session that began after it';
  return {
    outcomeId: id,
    atUs,
    startUs: record?.startUs ?? atUs - minutes * MINUTE_US,
    rpe,
    minutes,
    recordId,
    replaces: textOf(value, 'replaces'),
  };
}

/** Two ratings of one session: of the same record, or given for the same instant. */
const rateTheSame = (a: Rating, b: Rating): boolean => (a.recordId !== null && a.recordId === b.recordId) || a.atUs === b.atUs;
const agree = (a: Rating, b: Rating): boolean => a.rpe === b.rpe && a.minutes === b.minutes;

/** What becomes of a rating: counted, refused (its day is not recorded), or put aside (it stands for nothing). */
type Verdict =
  | { readonly kind: 'counted'; readonly rating: Rating }
  | { readonly kind: 'refused' | 'aside'; readonly reason: string; readonly startUs: number; readonly recordId: string | null };

/** How a sound rating stands beside the others; `at` is its place among them. */
function judge(rating: Rating, at: number, sound: readonly Rating[]): Verdict {
  const { startUs, recordId } = rating;
  const same = (other: Rating): boolean => other !== rating && rateTheSame(rating, other);
  const against = sound.find((other) => same(other) && !agree(rating, other));
  if (against !== undefined) {
    return { kind: 'refused', reason: `It contradicts outcome ${against.outcomeId}, which rates the same session`, startUs, recordId };
  }
  const first = sound.slice(0, at).find(same);
  return first === undefined
    ? { kind: 'counted', rating }
    : { kind: 'aside', reason: `It repeats outcome ${first.outcomeId}`, startUs, recordId };
}

/** What sensors measured is not here: measured-sessions.ts. */
const rpeOnly = (rpe: number | null, minutes: number | null): SessionLoads => ({
  'session-rpe': sessionRpeLoad(rpe, minutes),
  trimp: null,
  distance: null,
  'high-speed-distance': null,
});

const loaded = (
  sessionId: string,
  startUs: number,
  rated: { readonly rpe: number; readonly minutes: number } | null,
  source: Pick<SourcedSession, 'outcomeId' | 'recordId'>,
): SourcedSession => ({
  sessionId,
  startUs,
  loads: rpeOnly(rated?.rpe ?? null, rated?.minutes ?? null),
  minutes: rated?.minutes ?? null,
  ...source,
});

/**
 * What was asked and what was recorded, as sessions with loads, in order of their start. A rating that cannot be counted stands as a session without a
 * value, so that its day is not recorded rather than too low; it is listed in `refused`. One that another `replaces`, or that repeats another, is listed
 * and stands for nothing. A session record that no sound rating covers stands without a value too.
 * @param ratings in order of time, then of their storing
 */
export function readRatings(
  ratings: readonly StoredRating[],
  sessions: readonly StoredSession[],
  nowUs: number,
): { readonly sessions: readonly SourcedSession[]; readonly refused: readonly RefusedRating[] } {
  const records = new Map(sessions.map((session) => [session.id, session]));
  const read = ratings.map((stored) => ({ stored, rating: readRating(stored, records, nowUs) }));
  const replacedBy = new Map(
    read.flatMap(({ rating }) =>
      typeof rating === 'string' || rating.replaces === null ? [] : [[rating.replaces, rating.outcomeId] as const],
    ),
  );
  const sound = read.flatMap(({ rating }) => (typeof rating === 'string' || replacedBy.has(rating.outcomeId) ? [] : [rating]));
  const verdictOf = ({ stored: { id, atUs }, rating }: (typeof read)[number]): Verdict => {
    const corrected = replacedBy.get(id);
    if (corrected !== undefined) return { kind: 'aside', reason: `Outcome ${corrected} corrects it`, startUs: atUs, recordId: null };
    if (typeof rating === 'string') return { kind: 'refused', reason: rating, startUs: atUs, recordId: null };
    return judge(rating, sound.indexOf(rating), sound);
  };
  const verdicts = read.map((one) => ({ outcomeId: one.stored.id, atUs: one.stored.atUs, verdict: verdictOf(one) }));

  const counted = verdicts.flatMap(({ verdict }) => (verdict.kind === 'counted' ? [verdict.rating] : []));
  const rated = verdicts.flatMap(({ outcomeId, verdict }) => {
    if (verdict.kind === 'counted') {
      const { rating } = verdict;
      const recordId = rating.recordId ?? sessions.find((session) => covers(rating, session))?.id ?? null;
      return [loaded(outcomeId, rating.startUs, rating, { outcomeId, recordId })];
    }
    if (verdict.kind === 'aside') return [];
    return [loaded(outcomeId, verdict.startUs, null, { outcomeId, recordId: verdict.recordId })];
  });
  const unrated = sessions
    .filter((session) => !counted.some((rating) => covers(rating, session)))
    .map(({ id, startUs }) => loaded(id, startUs, null, { outcomeId: null, recordId: id }));
  return {
    sessions: [...rated, ...unrated].toSorted((a, b) => a.startUs - b.startUs),
    refused: verdicts.flatMap(({ outcomeId, atUs, verdict }) =>
      verdict.kind === 'counted' ? [] : [{ outcomeId, atUs, startUs: verdict.startUs, reason: verdict.reason }],
    ),
  };
}

/** A session may be cut in two by a silence: every record that began in the rating's stretch is its own. A stated rest day covers none. */
const covers = ({ recordId, startUs, atUs, minutes }: Rating, session: StoredSession): boolean =>
  minutes > 0 && (session.id === recordId || (session.startUs >= startUs - LATE_US && session.startUs < atUs));

export const isWithin = ({ fromUs, toUs }: CalendarDay, us: number): boolean => us >= fromUs && us < toUs;

const isRated = ({ loads }: SourcedSession): boolean => LOAD_SERIES.some((series) => loads[series] !== null);

/** Nothing but an outcome says that the team rested or that every session is known, so a day is complete where a sound rating stands. */
export const recordedDays = (days: readonly CalendarDay[], sessions: readonly SourcedSession[]): readonly TeamDay[] =>
  days.map((day) => ({ ...day, complete: sessions.some((session) => isWithin(day, session.startUs) && isRated(session)) }));
