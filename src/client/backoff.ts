export interface BackoffOptions {
  /** Upper bound of the first wait. */
  readonly baseMs: number;
  /** Upper bound of every wait. */
  readonly capMs: number;
}
export const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 200, capMs: 15_000 };

/**
 * Exponential backoff with full jitter: uniform between 0 and min(cap, base * 2^attempt), so that gateways that lost the same service do not
 * come back together.
 *
 * @param attempt failures since data last flowed, from 0
 * @param random number in [0, 1)
 */
export const backoffMs = (attempt: number, { baseMs, capMs }: BackoffOptions, random: number): number =>
  random * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
