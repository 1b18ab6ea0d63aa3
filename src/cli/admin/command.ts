/** What the commands of npm run admin have in common. */
import type { Repositories } from '../../rest/ports.ts';
import type { ModelRegistry } from '../../store/model-registry.ts';

/** A command line that cannot be meant: exit status 2. */
export class UsageError extends Error {}

/** What a command made: `lines` for people, `result` for --json. */
export interface Done {
  readonly lines: readonly string[];
  readonly result: Readonly<Record<string, unknown>>;
}

export type Command = (repositories: Repositories, models: ModelRegistry) => Promise<Done>;
