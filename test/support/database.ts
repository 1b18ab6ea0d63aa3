/** A real PostgreSQL for tests: one embedded server a test file, migrations applied once, a fresh database for each call. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/store/embedded-postgres.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openPool } from '../../src/store/pool.ts';

export interface TestDatabase {
  readonly connectionString: string;
  readonly pool: pg.Pool;
  /** Closes the pool and drops the database. */
  stop(): Promise<void>;
}

interface Server {
  readonly postgres: EmbeddedPostgres;
  readonly admin: pg.Pool;
  readonly directory: string;
}

let server: Promise<Server> | undefined;
let databases = 0;

const linkTo = (connectionString: string, database: string): string => {
  const url = new URL(connectionString);
  url.pathname = `/${database}`;
  return url.toString();
};

async function startServer(): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), 'kwt-'));
  const postgres = await startEmbeddedPostgres({ directory });
  // vitest ends a worker that hangs: leave no server behind.
  process.once('exit', () => {
    try {
      process.kill(postgres.pid, 'SIGQUIT');
    } catch {
      // Stopped as it should be.
    }
  });
  await migrate(postgres.connectionString);
  return { postgres, directory, admin: openPool(linkTo(postgres.connectionString, 'postgres'), { max: 1, name: 'test admin' }) };
}

afterAll(async () => {
  if (server === undefined) return;
  const { postgres, admin, directory } = await server;
  server = undefined;
  await admin.end();
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A migrated, empty database of its own on this test file's server. */
export async function startTestDatabase(): Promise<TestDatabase> {
  const { postgres, admin } = await (server ??= startServer());
  databases += 1;
  const name = `test_${databases}`;
  await admin.query(`CREATE DATABASE ${name} TEMPLATE kinewatch`);
  const connectionString = linkTo(postgres.connectionString, name);
  const pool = openPool(connectionString, { max: 5, name: 'test' });
  return {
    connectionString,
    pool,
    stop: async () => {
      await pool.end();
      await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}
