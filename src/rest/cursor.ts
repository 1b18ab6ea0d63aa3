/** Opaque keyset cursors: base64url of [collection, ...key]. The key is checked on the way in, since a client can send anything. */
import { ProblemError } from './problems.ts';
import { DEFAULT_PAGE } from './schemas.ts';
import type { Page, PageRequest, ScoreKey } from './ports.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DELIVERY = /^[A-Za-z0-9_-]{1,64}$/;

const encode = (collection: string, key: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify([collection, ...key])).toString('base64url');

const notOf = (collection: string): string =>
  `This is not a cursor of ${collection}: send nextCursor of the page before as it is, or none for the first page`;

function decode(collection: string, cursor: string): unknown[] {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    parts = null;
  }
  if (!Array.isArray(parts) || parts[0] !== collection) throw new ProblemError('invalid-cursor', notOf(collection));
  return parts.slice(1) as unknown[];
}

interface PageInput {
  readonly limit?: number;
  readonly cursor?: string;
}

/**
 * Page request of a collection whose rows are addressed by id.
 * @throws ProblemError `invalid-cursor`
 */
export function pageRequest(collection: string, query: PageInput): PageRequest<string> {
  const limit = query.limit ?? DEFAULT_PAGE;
  if (query.cursor === undefined) return { limit, after: null };
  const [id, ...rest] = decode(collection, query.cursor);
  const pattern = collection === 'deliveries' ? DELIVERY : UUID;
  if (typeof id !== 'string' || !pattern.test(id) || rest.length > 0) throw new ProblemError('invalid-cursor', notOf(collection));
  return { limit, after: id };
}

/** The page as it is sent. */
export function pageReply<T>(collection: string, page: Page<T, string>): { items: T[]; nextCursor: string | null } {
  return { items: [...page.items], nextCursor: page.next === null ? null : encode(collection, [page.next]) };
}

/**
 * Page request of an athlete's scores.
 * @throws ProblemError `invalid-cursor`
 */
export function scorePageRequest(query: PageInput): PageRequest<ScoreKey> {
  const limit = query.limit ?? DEFAULT_PAGE;
  if (query.cursor === undefined) return { limit, after: null };
  const [windowIndex, modelVersion, startUs] = decode('scores', query.cursor);
  if (
    !Number.isSafeInteger(windowIndex) ||
    !Number.isSafeInteger(startUs) ||
    typeof modelVersion !== 'string' ||
    modelVersion.includes('\0')
  ) {
    throw new ProblemError('invalid-cursor', notOf('scores'));
  }
  return { limit, after: { windowIndex: windowIndex as number, modelVersion, startUs: startUs as number } };
}

/** The page of scores as it is sent. */
export function scorePageReply<T>(page: Page<T, ScoreKey>): { items: T[]; nextCursor: string | null } {
  const { next } = page;
  return {
    items: [...page.items],
    nextCursor: next === null ? null : encode('scores', [next.windowIndex, next.modelVersion, next.startUs]),
  };
}
