/** A parameter in microseconds since 1970 as timestamptz, in SQL; null stays null. Its inverse is `us` (sql-json.ts). */
export const atUs = (parameter: string): string => `(timestamptz 'epoch' + ${parameter}::bigint * interval '1 microsecond')`;
