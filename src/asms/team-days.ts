/** Days of a team's calendar as stretches of time, summer time and all. Pure. */

export interface CalendarDay {
  /** ISO date. */
  readonly day: string;
  readonly fromUs: number;
  /** Exclusive: where the next day begins. */
  readonly toUs: number;
}

const DAY_MS = 86_400_000;

const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** `count` days on, backwards where negative. */
export const shiftDay = (day: string, count: number): string => isoDay(Date.parse(day) + count * DAY_MS);

/** Days from `from` to `to`, both counted; 0 or less where the range begins after it ends. */
export const countDays = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS) + 1;

/** What the clock on the wall shows, as milliseconds since 1970 in UTC's calendar. */
function wallClock(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (ms) => {
    const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
}

/** Minutes by which the wall clock is ahead of UTC at a time in microseconds. @throws RangeError where the time zone is unknown */
export function offsetMinutesIn(timeZone: string): (us: number) => number {
  const wall = wallClock(timeZone);
  return (us) => {
    const ms = Math.floor(us / 1_000_000) * 1_000;
    return Math.round((wall(ms) - ms) / 60_000);
  };
}

/** The day a time falls on. @throws RangeError where the time zone is unknown */
export const teamDayOf = (ms: number, timeZone: string): string => isoDay(wallClock(timeZone)(ms));

/**
 * First instant of a day, in milliseconds. Where the clocks are set within a day of it, it is searched for: midnight itself may be skipped (Santiago),
 * and the day then begins at 1 o'clock.
 */
function startOfDayMs(day: string, wall: (ms: number) => number): number {
  const midnight = Date.parse(day);
  let [before, after] = [midnight - DAY_MS, midnight + DAY_MS];
  const offsetMs = wall(before) - before;
  if (wall(after) - after === offsetMs) return midnight - offsetMs;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (wall(middle) >= midnight) after = middle;
    else before = middle;
  }
  return after;
}

/**
 * The days from `from` to `to`, both counted, 23, 24 or 25 hours each; none where the range begins after it ends. A day that a change of time zone
 * left out of the calendar is left out here.
 * @throws RangeError where the time zone is unknown
 */
export function teamDays(from: string, to: string, timeZone: string): readonly CalendarDay[] {
  const wall = wallClock(timeZone);
  const days = Array.from({ length: Math.max(0, countDays(from, to)) }, (_, i) => shiftDay(from, i));
  const startsUs = [...days, shiftDay(to, 1)].map((day) => startOfDayMs(day, wall) * 1_000);
  return days
    .map((day, i) => ({ day, fromUs: startsUs[i] as number, toUs: startsUs[i + 1] as number }))
    .filter(({ fromUs, toUs }) => toUs > fromUs);
}
