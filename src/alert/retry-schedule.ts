/**
 * When a failed delivery is tried again. Two budgets, counted apart for each delivery from when it was made or last sent again:
 * - the receiver's: ten attempts over 75 h (Standard Webhooks 1.0, "Deliverability and reliability"), spent by statuses outside 200 to 299, timeouts and
 *   broken connections; a Retry-After lengthens a delay, up to 24 h; 410 ends it at once and disables the endpoint;
 * - ours: 80 attempts over about 3 days (chosen), 5 s doubling up to an hour, spent by what we are to blame for: a name we cannot resolve, a target our own rule
 *   refuses, no network here, a service that stops. An attempt that could not be recorded (store down, process killed) spends nothing: its claim runs out.
 * Beside them an endpoint that does not answer at all is paused as a whole, for all its deliveries: 5 s doubling up to a minute (chosen), until it answers.
 */

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];

/** Delay after the first, second ... fault of the receiver, milliseconds; after the last one the delivery has failed. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];
/** (chosen) attempts that may fail through our own fault: 5 s to 42 min in ten steps, then an hour each. */
export const OWN_ATTEMPTS = 80;

/** (chosen) up to a fifth is added, so that retries of many deliveries do not come back as one wave. */
export const JITTER_SHARE = 0.2;
/** A receiver's Retry-After is followed up to the longest delay of the schedule. */
const LONGEST_MS = 24 * HOUR;
const LONGEST_PAUSE_MS = MINUTE;

const doubling = (count: number, longestMs: number): number => Math.min(5 * SECOND * 2 ** (count - 1), longestMs);

/**
 * Milliseconds to the next attempt after `receiverFaults` (1 or more), or null where none is left.
 * @param random a number in [0, 1)
 * @param retryAfterMs the receiver's wish; it can lengthen the delay, never shorten it
 */
export function nextDelayMs(receiverFaults: number, random: number, retryAfterMs: number | null = null): number | null {
  const delayMs = RETRY_DELAYS_MS[receiverFaults - 1];
  if (delayMs === undefined) return null;
  return Math.round(Math.max(delayMs * (1 + JITTER_SHARE * random), Math.min(retryAfterMs ?? 0, LONGEST_MS)));
}

/** The same after `ownFaults` (1 or more) of ours. */
export function nextOwnDelayMs(ownFaults: number, random: number): number | null {
  if (ownFaults >= OWN_ATTEMPTS) return null;
  return Math.round(doubling(ownFaults, HOUR) * (1 + JITTER_SHARE * random));
}

/** Milliseconds an endpoint is left alone after `unanswered` (1 or more) attempts without an answer in a row. */
export const pauseMs = (unanswered: number): number => doubling(unanswered, LONGEST_PAUSE_MS);

/** Milliseconds an endpoint is left alone where it asked for time (429 or 503 with Retry-After): (chosen) an hour at most. */
export const askedPauseMs = (retryAfterMs: number): number => Math.min(retryAfterMs, HOUR);
