import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/store/embedded-postgres.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openPool } from '../../src/store/pool.ts';
import { openPrisma } from '../../src/store/prisma.ts';

const isRoot = process.getuid?.() === 0;
const running: EmbeddedPostgres[] = [];
const directories: string[] = [];

function newDirectory(): string {
  const made = mkdtempSync(join(tmpdir(), 'kwe-'));
  directories.push(made);
  return made;
}

async function start(directory: string, log: string[] = []): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ directory, log: (message) => log.push(message) });
  running.push(postgres);
  return postgres;
}

async function query<T>(connectionString: string, sql: string): Promise<T[]> {
  const pool = openPool(connectionString, { max: 1, name: 'test' });
  try {
    return (await pool.query(sql)).rows as T[];
  } finally {
    await pool.end();
  }
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((postgres) => postgres.stop()));
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A service of its own process: starts the database, says where it is, and lives until it is killed (or told to stop on stdin). */
async function startService(
  directory: string,
  identity: { uid?: number; gid?: number } = {},
): Promise<{ child: ChildProcess; said: Record<string, unknown> }> {
  const built = fileURLToPath(new URL('../../dist/src/store/embedded-postgres.js', import.meta.url));
  expect(existsSync(built), 'dist is missing: `npm test` builds it first').toBe(true);
  const program = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(built)});
    try {
      const postgres = await startEmbeddedPostgres({ directory: process.argv[1] });
      console.log(JSON.stringify({ connectionString: postgres.connectionString, pid: postgres.pid }));
      process.stdin.once('data', async () => { await postgres.stop(); process.exit(0); });
    } catch (error) {
      console.log(JSON.stringify({ code: error.code, message: error.message }));
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, directory], {
    ...identity,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, said: JSON.parse(line) as Record<string, unknown> };
}

test('commits are durable, text is UTF-8, pages have checksums, and nothing but a private Unix socket listens', async () => {
  const postgres = await start(newDirectory());
  const settings = await query<{ name: string; setting: string }>(
    postgres.connectionString,
    `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums', 'listen_addresses', 'server_encoding')`,
  );
  expect(Object.fromEntries(settings.map((row) => [row.name, row.setting]))).toEqual({
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    data_checksums: 'on',
    listen_addresses: '',
    server_encoding: 'UTF8',
  });
  expect(statSync(postgres.socketDirectory).mode & 0o777).toBe(0o700);
  expect(statSync(postgres.dataDirectory).mode & 0o777).toBe(0o700);
});

test('the connection string serves Prisma; a stopped database starts again with its data', async () => {
  const directory = newDirectory();
  const first = await start(directory);
  await migrate(first.connectionString);
  const prisma = openPrisma(first.connectionString);
  const team = await prisma.team.create({ data: { name: 'Zürich' } });
  await prisma.$disconnect();
  await first.stop();
  expect(existsSync(join(first.dataDirectory, 'postmaster.pid'))).toBe(false);
  const second = await start(directory);
  expect(await query(second.connectionString, 'SELECT id, name FROM team')).toEqual([{ id: team.id, name: 'Zürich' }]);
});

test('two directories do not clash; a second start on the same one is refused and harms nothing', async () => {
  const directory = newDirectory();
  const [one, other] = await Promise.all([start(directory), start(newDirectory())]);
  await query(one.connectionString, 'CREATE TABLE mine (n int)');
  await expect(query(other.connectionString, 'SELECT * FROM mine')).rejects.toThrow('does not exist');
  await expect(startEmbeddedPostgres({ directory })).rejects.toMatchObject({ code: 'embedded-postgres-in-use' });
  const { child, said } = await startService(directory);
  expect(said['code']).toBe('embedded-postgres-in-use');
  child.kill();
  expect(await query(one.connectionString, 'SELECT * FROM mine')).toEqual([]);
});

test('two starts at once on a new directory: one has it, the other is refused', async () => {
  const directory = newDirectory();
  const results = await Promise.allSettled([start(directory), start(directory)]);
  expect(results.map((result) => result.status).toSorted()).toEqual(['fulfilled', 'rejected']);
  const refused = results.find((result) => result.status === 'rejected');
  expect(refused?.reason).toMatchObject({ code: 'embedded-postgres-in-use' });
});

test('after kill -9 of the service the next start adopts the server that lived on', async () => {
  const directory = newDirectory();
  const { child, said } = await startService(directory);
  await query(String(said['connectionString']), 'CREATE TABLE kept AS SELECT 7 AS n');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const log: string[] = [];
  const adopted = await start(directory, log);
  expect(adopted.pid).toBe(said['pid']);
  expect(adopted.connectionString).toBe(said['connectionString']);
  expect(log.at(-1)).toContain('adopted');
  expect(await query(adopted.connectionString, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  await adopted.stop();
  expect(existsSync(join(adopted.dataDirectory, 'postmaster.pid'))).toBe(false);
});

test('a postmaster.pid left by a crash whose number now belongs to another process does not stop the start', async () => {
  const directory = newDirectory();
  const first = await start(directory);
  await first.stop();
  const stale = join(first.dataDirectory, 'postmaster.pid');
  writeFileSync(stale, `${process.pid}\n${first.dataDirectory}\n1\n5432\n${first.socketDirectory}\n\n\n`);
  const owner = statSync(first.dataDirectory);
  if (isRoot) chownSync(stale, owner.uid, owner.gid);
  const second = await start(directory);
  expect(await query(second.connectionString, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
});

test('a path too long for a socket: it lies elsewhere and embedded.json says where', async () => {
  const directory = join(newDirectory(), 'a'.repeat(60), 'b'.repeat(60));
  const postgres = await start(directory);
  directories.push(postgres.socketDirectory);
  expect(postgres.socketDirectory.startsWith(directory)).toBe(false);
  expect(Buffer.byteLength(postgres.socketDirectory)).toBeLessThan(90);
  const told = JSON.parse(readFileSync(join(directory, 'embedded.json'), 'utf8')) as { socketDirectory: string };
  expect(told.socketDirectory).toBe(postgres.socketDirectory);
});

test.skipIf(!isRoot)(
  'as root, under a home that others cannot enter, the data goes where the server may read it, and the log says so',
  async () => {
    // Not below the temporary directory, where the launcher may open what mkdtemp closed.
    const closed = mkdtempSync('/var/tmp/kwe-');
    directories.push(closed);
    const log: string[] = [];
    const postgres = await start(join(closed, 'inner'), log);
    directories.push(join(postgres.dataDirectory, '..'));
    expect(postgres.dataDirectory.startsWith('/var/lib/kinewatch/')).toBe(true);
    expect(log.join('\n')).toContain(postgres.dataDirectory.replace('/postgres', ''));
    expect(statSync(postgres.dataDirectory).uid).not.toBe(0);
    const told = JSON.parse(readFileSync(join(closed, 'inner', 'embedded.json'), 'utf8')) as { dataDirectory: string };
    expect(told.dataDirectory).toBe(postgres.dataDirectory);
  },
);

test('an ordinary user can start it too', async ({ skip }) => {
  // As an ordinary user every other test here says so already.
  const uid = 65_534;
  const reads = spawnSync(process.execPath, ['-e', `require('fs').readFileSync(${JSON.stringify(fileURLToPath(import.meta.url))})`], {
    uid,
    gid: uid,
  });
  if (!isRoot || reads.status !== 0) skip('needs root to become another user, and a checkout and a Node that user can read');
  const directory = newDirectory();
  chownSync(directory, uid, uid);
  const { child, said } = await startService(directory, { uid, gid: uid });
  expect(said).toMatchObject({ pid: expect.any(Number) });
  expect(statSync(join(directory, 'postgres')).uid).toBe(uid);
  expect(await query(String(said['connectionString']), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  child.stdin!.write('stop\n');
  await once(child, 'exit');
  expect(existsSync(join(directory, 'postgres', 'postmaster.pid'))).toBe(false);
});
