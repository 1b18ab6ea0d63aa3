import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { KinewatchError } from '../contracts/errors.ts';
import { openPool } from './pool.ts';
import { openSchemaEngine } from './schema-engine.ts';

/** 'kwmi' as a number. */
const MIGRATION_LOCK = 0x6b776d69;

/** Beside src in the repository, and beside dist/src in a build (scripts/build.mjs copies it). */
export const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

async function readMigrations(): Promise<{ path: string; migrationFile: { path: string; content: { tag: 'ok'; value: string } } }[]> {
  const entries = await readdir(MIGRATIONS_DIRECTORY, { withFileTypes: true }).catch((cause: unknown) => {
    throw new KinewatchError('migrations-missing', `no migrations in ${MIGRATIONS_DIRECTORY}: build again`, { cause });
  });
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
  return Promise.all(
    names.map(async (path) => {
      const value = await readFile(join(MIGRATIONS_DIRECTORY, path, 'migration.sql'), 'utf8');
      return { path, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
    }),
  );
}

/**
 * A start that was killed in the middle of a migration leaves a row that says "started". Each migration is one transaction, so nothing of it
 * is in the database and it can simply be tried again. Only under the lock: without it the row could be another start at work.
 */
async function forgetInterrupted(lock: pg.PoolClient): Promise<void> {
  const found = await lock.query<{ name: string | null }>(`SELECT to_regclass('_prisma_migrations')::text AS name`);
  if (found.rows[0]?.name === null) return;
  await lock.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE finished_at IS NULL AND rolled_back_at IS NULL');
}

async function applyAll(pool: pg.Pool): Promise<string[]> {
  const migrationDirectories = await readMigrations();
  const content = await readFile(join(MIGRATIONS_DIRECTORY, 'migration_lock.toml'), 'utf8');
  const engine = await openSchemaEngine(pool);
  try {
    const done = await engine.applyMigrations({
      migrationsList: {
        baseDir: MIGRATIONS_DIRECTORY,
        lockfile: { path: 'migration_lock.toml', content },
        shadowDbInitScript: '',
        migrationDirectories,
      },
      filters: { externalTables: [], externalEnums: [] },
    });
    return done.appliedMigrationNames;
  } catch (cause) {
    // The engine's text ends with its own stack, which helps nobody.
    const words = (cause as Error).message.split('\n   0: ')[0];
    throw new KinewatchError('migration-failed', `the migrations cannot be applied: ${words}`, { cause });
  } finally {
    engine.free();
  }
}

/**
 * Applies the migrations that the database does not have yet, in order, and records them in _prisma_migrations as `prisma migrate deploy`
 * does. Two at once are safe: the second waits and finds nothing to do. Returns the names of those applied now.
 * @throws KinewatchError `migrations-missing`, or `migration-failed` with the engine's words
 */
export async function migrate(connectionString: string): Promise<{ applied: string[] }> {
  const pool = openPool(connectionString, { max: 4, name: 'kinewatch migrate' });
  try {
    const lock = await pool.connect();
    try {
      await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
      await forgetInterrupted(lock);
      return { applied: await applyAll(pool) };
    } finally {
      // Closing the connection drops the lock.
      lock.release(true);
    }
  } finally {
    await pool.end();
  }
}
