/** When a failed delivery is tried again (Standard Webhooks 1.0, "Deliverability and reliability"). */

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];

/** Delay after the first, second ... failed attempt, milliseconds; after the last one the delivery has failed. */
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

/** (chosen) up to a fifth is added, so that retries of many deliveries do not come back as one wave. */
export const JITTER_SHARE = 0.2;
/** A receiver's Retry-After is followed up to the longest delay of the schedule. */
const LONGEST_MS = 24 * HOUR;

/**
 * Milliseconds to the next attempt after `failedAttempts` (1 or more), or null where none is left.
 * @param random a number in [0, 1)
 * @param retryAfterMs the receiver's wish; it can lengthen the delay, never shorten it
 */
export function nextDelayMs(failedAttempts: number, random: number, retryAfterMs: number | null = null): number | null {
  const delayMs = RETRY_DELAYS_MS[failedAttempts - 1];
  if (delayMs === undefined) return null;
  return Math.round(Math.max(delayMs * (1 + JITTER_SHARE * random), Math.min(retryAfterMs ?? 0, LONGEST_MS)));
}
