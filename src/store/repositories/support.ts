/** What the repositories share: team bounds, keyset pages, and the database's refusals in the API's words. */
import { KinewatchError } from '../../contracts/errors.ts';
import type { Page, PageRequest, TeamScope } from '../../rest/ports.ts';
import { Prisma } from '../generated/client.ts';

/** Rows with a team of their own. */
export const inTeam = (team: TeamScope): { teamId?: string } => (team === null ? {} : { teamId: team });
/** Rows that belong to an athlete. */
export const ofTeam = (team: TeamScope): { athlete?: { teamId: string } } => (team === null ? {} : { athlete: { teamId: team } });

export interface KeysetArgs {
  readonly take: number;
  readonly skip?: number;
  readonly cursor?: { readonly id: string };
}

/**
 * A page of rows in a total order that ends with the id. The database compares with the cursor's row itself, so no precision of a
 * time stamp is lost on the way through JSON; a row that was deleted meanwhile gives an empty page.
 */
export async function pageOf<Row extends { readonly id: string }, T>(
  { limit, after }: PageRequest<string>,
  find: (args: KeysetArgs) => Promise<Row[]>,
  view: (row: Row) => T,
): Promise<Page<T, string>> {
  const rows = await find(after === null ? { take: limit + 1 } : { take: limit + 1, skip: 1, cursor: { id: after } });
  const shown = rows.slice(0, limit);
  return { items: shown.map(view), next: rows.length > limit ? (shown.at(-1)?.id ?? null) : null };
}

export const iso = (date: Date): string => date.toISOString();
export const isoOrNull = (date: Date | null): string | null => date?.toISOString() ?? null;

/** JSON values come from validated bodies and from our own writers. */
export const asJson = (value: unknown): Prisma.InputJsonValue => value as Prisma.InputJsonValue;

interface Refusals {
  /** Of a unique key. */
  readonly unique?: string;
  readonly uniqueCode?: string;
  /** Of a foreign key. */
  readonly reference?: string;
}

/**
 * Runs a write and gives the database's refusals their code.
 * @throws KinewatchError `already-exists` (or uniqueCode), `unknown-reference`; anything else as it is
 */
export async function refusing<T>({ unique, uniqueCode = 'already-exists', reference }: Refusals, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    if (cause instanceof Prisma.PrismaClientKnownRequestError) {
      if (cause.code === 'P2002' && unique !== undefined) throw new KinewatchError(uniqueCode, unique, { cause });
      if (cause.code === 'P2003' && reference !== undefined) throw new KinewatchError('unknown-reference', reference, { cause });
    }
    throw cause;
  }
}

export const UNKNOWN_TEAM = 'There is no such team: GET /v1/teams lists them';
