/** Pieces of SQL that hand rows to the program as JSON. */

/** Microseconds since the epoch as a JSON number; null stays null. */
export const us = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

/** The rows of a select as a JSON array; none: an empty one. */
export const rowsOf = (select: string): string => `(SELECT coalesce(json_agg(f), '[]') FROM (${select}) AS f)`;

/** The same of fields and where they come from, in two parts. */
export const listOf = (from: string, fields: string): string => rowsOf(`SELECT ${fields} FROM ${from}`);
