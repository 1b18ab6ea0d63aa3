/** Four-stamp clock exchange (as NTP, RFC 5905 section 8), best of several. */
export interface ClockOffset {
  /** Server time minus device time, microseconds. */
  readonly offsetUs: number;
  readonly roundTripUs: number;
}

/** Offset and round trip from the four stamps: request left (device), came (server), answer left (server), came (device). */
export const offsetOf = (t0: number, t1: number, t2: number, t3: number): ClockOffset => ({
  offsetUs: (t1 - t0 + (t2 - t3)) / 2,
  roundTripUs: Math.max(0, t3 - t0 - (t2 - t1)),
});

/** The exchange with the least round trip: its error is bounded by half of it. Null for none. */
export const bestOffset = (offsets: readonly ClockOffset[]): ClockOffset | null =>
  offsets.reduce<ClockOffset | null>((best, offset) => (best === null || offset.roundTripUs < best.roundTripUs ? offset : best), null);
