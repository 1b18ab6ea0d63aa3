/** What every repository's queries are bounded by, and the shape of what they give. */

/**
 * Every query of a repository takes it first and sees rows of that team only; null (a key of every team) sees all. A row of another team is
 * not found, never forbidden: an id tells nothing.
 */
export type TeamScope = string | null;

export interface PageRequest<Key> {
  /** 1 to 200. */
  readonly limit: number;
  /** Key of the last row of the page before; null: the first page. A key that is gone gives an empty page. */
  readonly after: Key | null;
}

export interface Page<T, Key> {
  readonly items: readonly T[];
  /** null: there is no more. */
  readonly next: Key | null;
}

export type List<T> = Promise<Page<T, string>>;
/** null: no such row in the caller's team. */
export type Found<T> = Promise<T | null>;
