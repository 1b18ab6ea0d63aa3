/** Building blocks of the resource schemas. */
import { Type, type Static, type TSchema } from 'typebox';
import { exampleOf } from './examples.ts';
import { ProblemError } from './problems.ts';

export const Uuid = Type.String({ format: 'uuid', description: 'UUID' });
export const Time = Type.String({ format: 'date-time', maxLength: 40, description: 'RFC 3339 date and time' });
export const Day = Type.String({ format: 'date', maxLength: 10, description: 'RFC 3339 full-date' });
export const Micros = Type.Integer({ description: 'Microseconds since 1970-01-01T00:00:00Z' });

/** The schema or null. Written as a type array: the serialiser is quicker over it than over anyOf. */
export function Nullable<T extends TSchema & { readonly type: string }>(schema: T): ReturnType<typeof Type.Unsafe<Static<T> | null>> {
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [schema.type, 'null'] });
}

/** One of some strings, or null. */
export function NullableEnum<const V extends readonly string[]>(
  values: V,
  description?: string,
): ReturnType<typeof Type.Unsafe<V[number] | null>> {
  return Type.Unsafe<V[number] | null>({
    type: ['string', 'null'],
    enum: [...values, null],
    ...(description === undefined ? {} : { description }),
  });
}

/** One of some strings. */
export function OneOf<const V extends readonly string[]>(
  values: V,
  options: { readonly description?: string; readonly default?: V[number] } = {},
): ReturnType<typeof Type.Unsafe<V[number]>> {
  return Type.Unsafe<V[number]>({ type: 'string', enum: [...values], ...options });
}

/** Text a person typed: not empty. What PostgreSQL cannot keep is refused for every string of a request (plugin.ts). */
export const Text = (maxLength: number, description?: string): ReturnType<typeof Type.String> =>
  Type.String({ minLength: 1, maxLength, ...(description === undefined ? {} : { description }) });

/** Any JSON value: detail whose shape belongs to the method named beside it. */
export const JsonObject = Type.Record(Type.String(), Type.Unknown());

/** Of what is created: a key of one team creates for that team. */
export const OwnerTeam = Type.Optional(Type.String({ format: 'uuid', description: 'Required for a key of every team' }));

export const IdParams = Type.Object({ id: Uuid });

export const DEFAULT_PAGE = 50;
export const MAX_PAGE = 200;
export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, description: `Items a page, ${DEFAULT_PAGE} unless told` })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: 'nextCursor of the page before' })),
};

/** A page of items; nextCursor is null on the last one. */
export function PageOf<T extends TSchema>(item: T) {
  return Type.Object(
    { items: Type.Array(item), nextCursor: Nullable(Type.String()) },
    { examples: [{ items: [exampleOf(item)], nextCursor: null }] },
  );
}

const EARLIEST_MS = Date.UTC(1900, 0, 1);
const LATEST_MS = Date.UTC(2200, 0, 1);

/**
 * A time the database can keep, 1900 to 2199.
 * @throws ProblemError `time-out-of-range`
 */
export function readTime(text: string): Date {
  const ms = Date.parse(text);
  if (!(ms >= EARLIEST_MS && ms < LATEST_MS)) throw new ProblemError('time-out-of-range', `${text} is not a time between 1900 and 2200`);
  return new Date(ms);
}

/**
 * A range of times as a query names it: from inclusive, to exclusive.
 * @throws ProblemError `time-out-of-range`, also where it begins after it ends
 */
export function readRange(query: { readonly from?: string; readonly to?: string }): {
  readonly from: Date | null;
  readonly to: Date | null;
} {
  const from = query.from === undefined ? null : readTime(query.from);
  const to = query.to === undefined ? null : readTime(query.to);
  if (from !== null && to !== null && from > to)
    throw new ProblemError('time-out-of-range', 'The range begins after it ends: from is later than to');
  return { from, to };
}

/** Microseconds of a time. */
export const microsOf = (time: Date): number => time.getTime() * 1_000;

/** A time of the store, microseconds since 1970, as RFC 3339; its inverse reads no finer than milliseconds. */
export const isoOf = (us: number): string => new Date(us / 1_000).toISOString();
export const isoOrNull = (us: number | null): string | null => (us === null ? null : isoOf(us));
