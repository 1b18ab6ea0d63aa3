/** Whether an athlete is there for the team's training and matches (IOC 2020): full, modified, out, and since when. */
import type { LimitPiece } from './return-to-play.ts';

export const AVAILABILITIES = ['full', 'modified', 'out'] as const;
export type Availability = (typeof AVAILABILITIES)[number];

export interface AvailabilityInjury {
  readonly injuryId: string;
  readonly onsetUs: number;
  /** Clearance; null: open. */
  readonly closedUs: number | null;
  /** An injury that costs no time keeps nobody out. */
  readonly timeLoss: boolean;
  /** What its return allowed, by time, ascending; before the first, and without any, the athlete is out. */
  readonly limits: readonly Pick<LimitPiece, 'fromUs' | 'availability'>[];
}

export interface AvailabilityNow {
  readonly availability: Availability;
  /** Since when without a break; null: never anything else. */
  readonly sinceUs: number | null;
  /** Injuries that make it so, oldest onset first; none where it is full. */
  readonly because: readonly string[];
}

function ofInjury({ onsetUs, closedUs, timeLoss, limits }: AvailabilityInjury, atUs: number): Availability {
  if (!timeLoss || atUs < onsetUs || (closedUs !== null && atUs >= closedUs)) return 'full';
  return limits.findLast(({ fromUs }) => fromUs <= atUs)?.availability ?? 'out';
}

const worst = (injuries: readonly AvailabilityInjury[], atUs: number): Availability => {
  const levels = injuries.map((injury) => ofInjury(injury, atUs));
  return AVAILABILITIES.findLast((level) => levels.includes(level)) ?? 'full';
};

/** The worst over all injuries of one athlete, the past ones among them. Pure, and small enough for a squad at once: times of change squared. */
export function availabilityAt(injuries: readonly AvailabilityInjury[], atUs: number): AvailabilityNow {
  const availability = worst(injuries, atUs);
  const changes = injuries
    .flatMap(({ onsetUs, closedUs, limits }) => [onsetUs, ...(closedUs === null ? [] : [closedUs]), ...limits.map(({ fromUs }) => fromUs)])
    .filter((us) => us <= atUs)
    .toSorted((a, b) => a - b);
  // The last moment of change after which nothing was different.
  const other = changes.findLastIndex((us) => worst(injuries, us) !== availability);
  const everOther = other >= 0 || availability !== 'full';
  const because =
    availability === 'full'
      ? []
      : injuries.filter((injury) => ofInjury(injury, atUs) === availability).toSorted((a, b) => a.onsetUs - b.onsetUs);
  return { availability, sinceUs: everOther ? (changes[other + 1] ?? null) : null, because: because.map(({ injuryId }) => injuryId) };
}
