/** The daily hazard as staff read it, with what feedback makes of it. Pure. */
import { probabilityBy } from '../../asms/feedback/shown.ts';
import { countDays, shiftDay, teamDayOf, teamDays } from '../../asms/team-days.ts';
import { ProblemError } from '../problems.ts';
import { readTime } from '../schemas.ts';
import type { AthleteHazard as Stored, StoredDay } from './ports.ts';
import type { AthleteHazard, REASONS } from './schemas.ts';

const DEFAULT_DAYS = 28;
/** Days of one answer at most. */
const MOST_DAYS = 400;

export interface DayRange {
  readonly from: string;
  readonly to: string;
}

/**
 * The days a query names, both counted, up to yesterday unless told: the last day that is over.
 * @throws ProblemError `time-out-of-range`: it begins after it ends, ends after today, or is longer than 400 days
 */
export function readDayRange(
  query: { readonly from?: string; readonly to?: string },
  timeZone: string,
  nowMs: number,
  defaultDays = DEFAULT_DAYS,
): DayRange {
  const today = teamDayOf(nowMs, timeZone);
  const to = query.to ?? shiftDay(today, -1);
  readTime(to);
  const from = query.from ?? shiftDay(to, 1 - defaultDays);
  readTime(from);
  if (from > to) throw new ProblemError('time-out-of-range', `The range begins after it ends: from ${from} is later than to ${to}`);
  if (to > today) throw new ProblemError('time-out-of-range', `to ${to} lies in the future: it is ${today} in ${timeZone}`);
  const count = countDays(from, to);
  if (count > MOST_DAYS) throw new ProblemError('time-out-of-range', `The range has ${count} days, at most ${MOST_DAYS} can be asked for`);
  return { from, to };
}

type Reason = (typeof REASONS)[number];

const SENTENCES: Readonly<Record<Reason, string>> = {
  'not-computed': 'Not computed yet: a day is computed when it is over, in the time zone of the team, or the athlete was not in the squad',
  'not-at-risk': 'From the onset of an injury to clearance there is no new injury to forecast',
  'load-history':
    'Too little load is recorded: 28 days are needed, 21 of the last 28 recorded; a rest day is stated by a session-rpe outcome with rpe 0 and minutes 0',
  'active-windows': 'Too few windows of the day were scored while the athlete moved',
  'f-attn': 'The F_attn of the day cannot be read by the hazard model',
  'no-hazard-model': 'No hazard model for this graph',
};

function viewDay(day: string, endUs: number, stored: StoredDay | undefined, { learned, serves }: Stored): AthleteHazard['days'][number] {
  const none = { probability: null, lower: null, upper: null, terms: null, shown: null, shownBy: 'population' as const };
  if (stored === undefined) {
    const unknown = { input: null, modelVersion: null, methodVersion: null, computedAt: null };
    return { day, ...none, reason: 'not-computed', sentence: SENTENCES['not-computed'], ...unknown };
  }
  const { input, modelVersion, methodVersion, computedAt, probability } = stored;
  const provenance = { input, modelVersion, methodVersion, computedAt };
  if (probability === null) {
    const reason = stored.notEnoughData as Reason;
    const told = typeof input['reason'] === 'string' ? input['reason'] : SENTENCES[reason];
    return { day, ...none, reason, sentence: told, ...provenance };
  }
  return {
    day,
    probability,
    lower: stored.lower,
    upper: stored.upper,
    terms: stored.terms as AthleteHazard['days'][number]['terms'],
    shown: probabilityBy(serves, probability, endUs, learned),
    shownBy: serves,
    reason: null,
    sentence: null,
    ...provenance,
  };
}

/** Every day of the range. */
export function viewHazard(athleteId: string, { from, to }: DayRange, stored: Stored): AthleteHazard {
  const byDay = new Map(stored.days.map((one) => [one.day, one]));
  const days = teamDays(from, to, stored.timeZone).map(({ day, toUs }) => viewDay(day, toUs, byDay.get(day), stored));
  return { athleteId, timeZone: stored.timeZone, from, to, days };
}
