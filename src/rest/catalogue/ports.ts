/** What the catalogue's routes need from the store. A version is never overwritten. */
import type { StoredEntry } from './schemas.ts';

export interface CatalogueRepository {
  /** `teamId` null: the default alone. In force: the team's newest version of an entry or else the default's; retired ones are left out. */
  list(teamId: string | null, filter: { readonly entryId?: string; readonly history: boolean }): Promise<readonly StoredEntry[]>;
  /**
   * The next version. `check` is called with what is in force, inside the transaction: what it throws is thrown and nothing is stored.
   * `entry` null: the version in force, retired with a reason; null is returned where none is.
   * @throws KinewatchError `unknown-reference` (team)
   */
  put(
    version: {
      readonly teamId: string | null;
      readonly entryId: string;
      readonly entry: object | null;
      readonly reason: string | null;
      readonly by: string;
    },
    check: (inForce: readonly StoredEntry[]) => void,
  ): Promise<StoredEntry | null>;
}
