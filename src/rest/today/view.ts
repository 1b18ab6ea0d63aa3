/** The morning of a squad from what is stored. Pure. */
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { AvailabilityNow } from '../../asms/availability.ts';
import { loadDays } from '../../asms/load-history.ts';
import { inMorningOrder, morningWord, type MorningFacts } from '../../asms/morning.ts';
import { readRatings, recordedDays } from '../../asms/session-ratings.ts';
import type { CalendarDay } from '../../asms/team-days.ts';
import { isoOrNull, OneOf } from '../schemas.ts';
import type { StoredMorning } from './ports.ts';
import type { Morning, Today } from './schemas.ts';

/** What is read of the drift that ASMS left; of another version of the method it counts as not there. */
const Drift = Type.Object({
  value: Type.Number(),
  amber: Type.Number(),
  red: Type.Number(),
  band: OneOf(['green', 'amber', 'red']),
  reference: OneOf(['own', 'population']),
});

export interface MorningMoment {
  readonly nowUs: number;
  readonly yesterday: CalendarDay;
  readonly today: CalendarDay;
  readonly threshold: number | null;
}

export interface MorningSubject {
  readonly stored: StoredMorning;
  readonly availability: AvailabilityNow;
  /** The athlete's own hazards of the last 28 days, without the newest. */
  readonly usualHazards: readonly number[];
}

const REASONS: Readonly<Record<string, string>> = {
  'not-at-risk': 'from the onset of an injury to clearance there is no new injury to forecast',
  'load-history': 'too little load is recorded',
  'active-windows': 'too few windows were scored while the athlete moved',
  'f-attn': 'the F_attn of the day cannot be read by the hazard model',
  'no-hazard-model': 'there is no hazard model for this graph',
};

function viewHazard({ hazard }: StoredMorning): Morning['hazard'] {
  const none = { probability: null, lower: null, upper: null };
  if (hazard === null) return { day: null, ...none, reason: 'no day of the athlete has been computed yet' };
  const { day, probability, lower, upper, notEnoughData } = hazard;
  if (probability === null) return { day, ...none, reason: REASONS[notEnoughData ?? ''] ?? 'not enough data' };
  return { day, probability, lower, upper, reason: null };
}

function viewLoad(stored: StoredMorning, { nowUs, yesterday, today }: MorningMoment): Morning['load'] {
  const { sessions } = readRatings(stored.ratings, stored.sessions, nowUs);
  const days = [yesterday, today];
  const loads = loadDays('session-rpe', sessions, recordedDays(days, sessions));
  const [before, now] = days.map(({ day, toUs }, i): Morning['load']['today'] => {
    const load = loads[i];
    const isKnown = load !== undefined && (load.value !== null || load.recorded > 0);
    return {
      day,
      planned: stored.planned.find((plan) => plan.day === day)?.load ?? null,
      actual: isKnown ? load.recorded : null,
      complete: toUs <= nowUs && load?.value !== null && load !== undefined,
    };
  }) as [Morning['load']['yesterday'], Morning['load']['today']];
  return { unit: 'AU', today: now, yesterday: before };
}

function viewAthlete({ stored, availability, usualHazards }: MorningSubject, moment: MorningMoment): Morning {
  const { athleteId, name, alerts, windows, observedShare, lastWindowEndUs } = stored;
  const drift = Value.Check(Drift, stored.drift) ? stored.drift : null;
  const hazard = viewHazard(stored);
  const load = viewLoad(stored, moment);
  const { day, probability, lower, upper } = hazard;
  const facts: MorningFacts = {
    availability: availability.availability,
    hazard: day === null || probability === null || lower === null || upper === null ? null : { day, probability, lower, upper },
    noHazard: hazard.reason,
    usualHazards,
    drift,
    alerts,
    today: load.today,
    yesterday: load.yesterday,
    windows,
    observedShare,
  };
  return {
    athleteId,
    name,
    ...morningWord(facts, moment.threshold),
    availability: { status: availability.availability, since: isoOrNull(availability.sinceUs) },
    hazard,
    deviation: {
      value: drift?.value ?? null,
      band: drift?.band ?? null,
      amberAt: drift?.amber ?? null,
      redAt: drift?.red ?? null,
      reference: drift?.reference ?? null,
    },
    load,
    data: { windows, observedShare, lastAt: isoOrNull(lastWindowEndUs) },
    alerts: alerts.map(({ alertId, type, severity, raisedAt }) => ({ alertId, type, severity, raisedAt })),
  };
}

const rankOf = ({ hazard: { probability } }: Morning): number => probability ?? -1;

/** Rows of the squad, whom to look at first at the top, and how many of each kind. */
export function viewMorning(squad: readonly MorningSubject[], moment: MorningMoment): Pick<Today, 'counts' | 'items'> {
  const items = inMorningOrder(
    squad.map((subject) => viewAthlete(subject, moment)),
    rankOf,
  );
  const count = (is: (row: Morning) => boolean): number => items.filter(is).length;
  return {
    counts: {
      full: count(({ availability }) => availability.status === 'full'),
      modified: count(({ availability }) => availability.status === 'modified'),
      out: count(({ availability }) => availability.status === 'out'),
      act: count(({ attention }) => attention === 'act'),
      look: count(({ attention }) => attention === 'look'),
    },
    items,
  };
}
