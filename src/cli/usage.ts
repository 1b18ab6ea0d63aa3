/** What the data-set commands share in reading options: wrong use ends in one sentence and status 2. */

export class UsageError extends Error {}

/** @throws UsageError where the text is no integer from low to high */
export function integer(name: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < low || value > high)
    throw new UsageError(`${name} must be an integer from ${low} to ${high}, not "${text}"`);
  return value;
}

/** Wrong use, and options that parseArgs does not know. */
export const isUsage = (error: unknown): boolean =>
  error instanceof UsageError || (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
