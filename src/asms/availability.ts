/** Whether an athlete is there for the team's training and matches (IOC 2020): full, modified, out, and since when. */
import type { LimitPiece } from './return-to-play.ts';

export const AVAILABILITIES = ['full', 'modified', 'out'] as const;
export type Availability = (typeof AVAILABILITIES)[number];

/** An injury or an illness. */
export interface HealthProblem {
  readonly id: string;
  readonly onsetUs: number;
  /** Clearance; null: open. */
  readonly closedUs: number | null;
  /** One that costs no time keeps nobody out. */
  readonly timeLoss: boolean;
  /** What it allowed (an injury: the stage of its return), by time, ascending; before the first, and without any, the athlete is out. */
  readonly limits: readonly Pick<LimitPiece, 'fromUs' | 'availability'>[];
}

export interface AvailabilityNow {
  readonly availability: Availability;
  /** Since when without a break; null: never anything else. */
  readonly sinceUs: number | null;
  /** Problems that make it so, oldest onset first; none where it is full. */
  readonly because: readonly string[];
}

function ofProblem({ onsetUs, closedUs, timeLoss, limits }: HealthProblem, atUs: number): Availability {
  if (!timeLoss || atUs < onsetUs || (closedUs !== null && atUs >= closedUs)) return 'full';
  return limits.findLast(({ fromUs }) => fromUs <= atUs)?.availability ?? 'out';
}

const worst = (problems: readonly HealthProblem[], atUs: number): Availability => {
  const levels = problems.map((problem) => ofProblem(problem, atUs));
  return AVAILABILITIES.findLast((level) => levels.includes(level)) ?? 'full';
};

/** The worst over all injuries and illnesses of one athlete, the past ones among them. Pure, and small enough for a squad at once: times of change squared. */
export function availabilityAt(problems: readonly HealthProblem[], atUs: number): AvailabilityNow {
  const availability = worst(problems, atUs);
  const changes = problems
    .flatMap(({ onsetUs, closedUs, limits }) => [onsetUs, ...(closedUs === null ? [] : [closedUs]), ...limits.map(({ fromUs }) => fromUs)])
    .filter((us) => us <= atUs)
    .toSorted((a, b) => a - b);
  // The last moment of change after which nothing was different.
  const other = changes.findLastIndex((us) => worst(problems, us) !== availability);
  const everOther = other >= 0 || availability !== 'full';
  const because =
    availability === 'full'
      ? []
      : problems.filter((problem) => ofProblem(problem, atUs) === availability).toSorted((a, b) => a.onsetUs - b.onsetUs);
  return { availability, sinceUs: everOther ? (changes[other + 1] ?? null) : null, because: because.map(({ id }) => id) };
}
