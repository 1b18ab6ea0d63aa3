/** The database a command works on: DATABASE_URL, or the embedded one under KINEWATCH_DIR, whether the service runs or not. */
import type { Config } from '../config.ts';
import { findEmbeddedPostgres, startEmbeddedPostgres } from '../store/embedded-postgres.ts';

export interface CommandDatabase {
  readonly connectionString: string;
  close(): Promise<void>;
}

/** A running service keeps its database; where none runs it is started for as long as the command takes. */
export async function openCommandDatabase(
  { databaseUrl, directory }: Pick<Config, 'databaseUrl' | 'directory'>,
  log: (message: string) => void,
): Promise<CommandDatabase> {
  const running = databaseUrl ?? (await findEmbeddedPostgres(directory));
  if (running !== null) return { connectionString: running, close: async () => undefined };
  const postgres = await startEmbeddedPostgres({ directory, log });
  return { connectionString: postgres.connectionString, close: () => postgres.stop() };
}
