/** Quiet hours as people write them, read as minutes of the day. */
import type { QuietMinutes } from '../ports.ts';

const minuteOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));

/** null: none. Equal ends are none too. The schema has checked the clocks. */
export const readQuietHours = (given: { readonly from: string; readonly to: string } | null): QuietMinutes | null =>
  given === null || given.from === given.to ? null : { fromMinute: minuteOf(given.from), toMinute: minuteOf(given.to) };
