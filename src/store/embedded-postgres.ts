/**
 * The PostgreSQL that comes with the service: real server programs from npm under a launcher of our own. It listens on a Unix socket in a
 * directory that only its own user may enter, on no TCP port, and commits durably (fsync and synchronous_commit on).
 *
 * The server is a process of its own. When the service is killed the server lives on, loses nothing, and the next start adopts it; when the
 * server dies the service starts it again on the same socket. One service at a time may hold a directory: an advisory lock on a connection
 * that lives as long as the service says who (it falls with the process, so nothing stale can remain), and a second start fails with
 * `embedded-postgres-in-use`.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { KinewatchError } from '../contracts/errors.ts';
import { ROOT_HOME, findBinaries, findServerUser, linkLibraries, mayReach, stageBinaries, type ServerUser } from './embedded-binaries.ts';

const ROLE = 'kinewatch';
const DATABASE = 'kinewatch';
/** Part of the socket's file name only; no TCP port is opened. */
const PORT = 5432;
/** sun_path holds 108 bytes on Linux and 104 on macOS, with the closing zero. */
const SOCKET_PATH_BYTES = 103;
/** 'kine' as a number: the advisory lock that says which service holds the directory. */
const OWNER_LOCK = 0x6b696e65;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
/** A connection of a killed service may need this long to be noticed as closed before its lock is taken for a live one. */
const OWNER_WAIT_MS = 3_000;
const POLL_MS = 15;

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  max_connections: '100',
  // The hot data is what was just written; the operating system's cache holds the rest.
  shared_buffers: '128MB',
  wal_buffers: '16MB',
  // 1,000 athletes write about 5 MB/s: a checkpoint every few minutes instead of every few seconds.
  max_wal_size: '2GB',
  checkpoint_timeout: '10min',
  // Queries here are short; a parallel worker or a compiled plan costs more than it gives.
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

export interface EmbeddedPostgresOptions {
  /** Holds the data directory, the server's log and embedded.json (which says where everything is). Made where it is missing. */
  readonly directory: string;
  readonly log?: (message: string) => void;
}

export interface EmbeddedPostgres {
  readonly connectionString: string;
  /** Process id of the running postmaster. */
  readonly pid: number;
  readonly dataDirectory: string;
  readonly socketDirectory: string;
  /** Fast shutdown: open transactions are rolled back, a checkpoint is written; resolves when the server's process is gone. */
  stop(): Promise<void>;
}

interface Place {
  /** The directory that was asked for; `home` differs where the server's user cannot enter it. */
  readonly asked: string;
  readonly native: string;
  readonly user: ServerUser | null;
  readonly home: string;
  readonly data: string;
  readonly logFile: string;
}

interface Postmaster {
  readonly pid: number;
  readonly socketDirectory: string;
}

const failure = (message: string, cause?: unknown): KinewatchError => new KinewatchError('embedded-postgres', message, { cause });

/** Nothing of the caller's environment (PGPORT, PGDATA, LC_ALL ...) may reach the server. */
const cleanEnvironment = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' });

const identity = (user: ServerUser | null): { uid?: number; gid?: number } => (user === null ? {} : { uid: user.uid, gid: user.gid });

const linkTo = (socketDirectory: string, database: string): string =>
  `postgresql://${ROLE}@localhost:${PORT}/${database}?host=${encodeURIComponent(socketDirectory)}`;

async function ownerOf(path: string): Promise<ServerUser | null> {
  const info = await stat(path).catch(() => null);
  return info === null || info.uid === 0 ? null : { uid: info.uid, gid: info.gid, name: `uid ${info.uid}` };
}

/**
 * Lets the server's user pass through (not list, not read) the directory itself and, below the temporary directory, its parents: mkdtemp
 * makes them closed. Other parents are somebody's home and stay as they are.
 */
async function letPass(directory: string, user: ServerUser): Promise<void> {
  const temporary = `${await realpath(tmpdir())}/`;
  const path = [directory];
  for (let parent = dirname(directory); parent.startsWith(temporary); parent = dirname(parent)) path.unshift(parent);
  for (const at of path) {
    if ((await mayReach(dirname(at), user)) && !(await mayReach(at, user))) await chmod(at, (await stat(at)).mode | 0o011);
  }
}

/** Decides user, programs and directories; as root nothing may lie under a directory the server's user cannot enter. */
async function settle(directory: string, log: (message: string) => void): Promise<Place> {
  const asked = resolve(directory);
  await mkdir(asked, { recursive: true });
  const real = await realpath(asked);
  let native = await findBinaries();
  await linkLibraries(native);
  if (process.getuid?.() !== 0)
    return { asked: real, native, user: null, home: real, data: join(real, 'postgres'), logFile: join(real, 'postgres.log') };

  // Data that exists keeps its owner.
  const user = (await ownerOf(join(real, 'postgres'))) ?? (await findServerUser());
  if (!(await mayReach(native, user))) {
    native = await stageBinaries(native);
    log(`PostgreSQL's programs are not open to user ${user.name} where npm put them; a copy in ${native} is used`);
  }
  let home = real;
  await letPass(real, user);
  if (!(await mayReach(real, user))) {
    home = join(ROOT_HOME, createHash('sha256').update(real).digest('hex').slice(0, 12));
    await mkdir(home, { recursive: true, mode: 0o755 });
    log(`${real} is not open to user ${user.name}; the data of PostgreSQL lies in ${home}`);
  }
  return { asked: real, native, user, home, data: join(home, 'postgres'), logFile: join(home, 'postgres.log') };
}

const runs = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** Process ids are used again: after a crash of the machine the number in postmaster.pid may be anybody's. Elsewhere than on Linux the file is believed. */
async function isPostmaster(pid: number, data: string): Promise<boolean> {
  if (!runs(pid)) return false;
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (status === null) return process.platform !== 'linux';
  if (/\) [ZX] /.test(status)) return false;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes('postgres') && command.split('\0').includes(data);
}

/** The live postmaster of a data directory as its postmaster.pid tells it, or null. */
async function findPostmaster(data: string): Promise<Postmaster | null> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  if (!(await isPostmaster(pid, data))) {
    // A foreign process with that number would keep PostgreSQL from starting.
    if (runs(pid)) await rm(join(data, 'postmaster.pid'), { force: true });
    return null;
  }
  return { pid, socketDirectory: lines[4] ?? '' };
}

async function tailOf(path: string, fromByte: number): Promise<string> {
  const text = await readFile(path).catch(() => Buffer.alloc(0));
  return text.subarray(fromByte).toString().trim().split('\n').slice(-8).join('\n');
}

/** Runs a program to its end; rejects with what it wrote where it fails. */
function runToEnd(program: string, args: readonly string[], place: Place): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { ...identity(place.user), cwd: '/', env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.on('error', (cause) => fail(failure(`cannot run ${program}: ${cause.message}`, cause)));
    child.on('close', (code) => {
      if (code === 0) done();
      else fail(failure(`${basename(program)} ended with ${code}: ${said.trim().split('\n').slice(-6).join('\n')}`));
    });
  });
}

/** Makes the data directory beside its place and moves it there whole, so that an interrupted initdb leaves nothing half made. */
async function initialise(place: Place): Promise<void> {
  const version = await readFile(join(place.data, 'PG_VERSION'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw failure(`cannot read ${place.data}: it belongs to another user`, error);
  });
  if (version !== null) {
    const own = (await readFile(join(place.native, 'share', 'postgresql', 'PG_VERSION'), 'utf8').catch(() => '')).trim();
    if (own !== '' && own !== version.trim())
      throw failure(`${place.data} was made by PostgreSQL ${version.trim()}, the programs are ${own}`);
    return;
  }
  const making = await mkdtemp(`${place.data}.new-`);
  try {
    if (place.user !== null) await chown(making, place.user.uid, place.user.gid);
    // One flush of the file system instead of one of each of a thousand files: seconds less on a busy disk, and as durable.
    const flush = process.platform === 'linux' ? ['--sync-method=syncfs'] : [];
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    await runToEnd(
      join(place.native, 'bin', 'initdb'),
      ['-D', making, '-U', ROLE, '--auth=trust', ...locale, ...flush, '--data-checksums', '--no-instructions'],
      place,
    );
    await rename(making, place.data);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    // A start beside this one may have been quicker.
    if ((await stat(join(place.data, 'PG_VERSION')).catch(() => null)) === null) throw error;
  }
}

const fits = (directory: string): boolean => Buffer.byteLength(`${directory}/.s.PGSQL.${PORT}`) <= SOCKET_PATH_BYTES;

async function isOwn0700(directory: string, user: ServerUser | null): Promise<boolean> {
  const info = await stat(directory).catch(() => null);
  return info !== null && info.isDirectory() && info.uid === (user?.uid ?? process.getuid?.()) && (info.mode & 0o077) === 0;
}

/** A 0700 directory for the socket: in the home where the path is short enough, else a new one under the temporary directory. embedded.json remembers it. */
async function settleSocket(place: Place): Promise<string> {
  const note = join(place.home, 'embedded.json');
  const known = JSON.parse(await readFile(note, 'utf8').catch(() => '{}')) as { socketDirectory?: string };
  if (known.socketDirectory !== undefined && fits(known.socketDirectory) && (await isOwn0700(known.socketDirectory, place.user)))
    return known.socketDirectory;
  let made = join(place.home, 'run');
  if (fits(made)) await mkdir(made, { recursive: true, mode: 0o700 });
  else made = await mkdtemp(join(fits(join(tmpdir(), 'kinewatch-XXXXXX')) ? tmpdir() : '/tmp', 'kinewatch-'));
  await chmod(made, 0o700);
  if (place.user !== null) await chown(made, place.user.uid, place.user.gid);
  const told = { socketDirectory: made, port: PORT, dataDirectory: place.data, programs: place.native, user: place.user?.name ?? null };
  for (const directory of new Set([place.asked, place.home])) {
    const path = join(directory, 'embedded.json');
    await writeFile(`${path}.${process.pid}`, `${JSON.stringify(told, null, 2)}\n`);
    await rename(`${path}.${process.pid}`, path);
  }
  return made;
}

interface Launched {
  readonly pid: number;
  ended(): boolean;
}

/** Starts the postmaster as a process of its own that survives us. */
function launch(place: Place, socketDirectory: string): Launched {
  const settings = Object.entries({
    ...SETTINGS,
    unix_socket_directories: socketDirectory,
    port: String(PORT),
    unix_socket_permissions: '0700',
  });
  const args = ['-D', place.data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const logFile = openSync(place.logFile, 'a', 0o600);
  try {
    const child = spawn(join(place.native, 'bin', 'postgres'), args, {
      ...identity(place.user),
      cwd: '/',
      detached: true,
      env: cleanEnvironment(),
      stdio: ['ignore', logFile, logFile],
    });
    let ended = false;
    child.on('exit', () => (ended = true));
    child.on('error', () => (ended = true));
    child.unref();
    return { pid: child.pid ?? -1, ended: () => ended };
  } finally {
    closeSync(logFile);
  }
}

async function tryConnect(socketDirectory: string, database: string): Promise<Client | null> {
  const client = new Client({ connectionString: linkTo(socketDirectory, database), application_name: 'kinewatch owner', keepAlive: false });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch {
    await client.end().catch(() => undefined);
    return null;
  }
}

/** Takes the directory for this service, or throws where another live one has it. */
async function takeOwnership(client: Client, place: Place): Promise<void> {
  for (const until = Date.now() + OWNER_WAIT_MS; ; await delay(POLL_MS)) {
    const answer = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [OWNER_LOCK]);
    if (answer.rows[0]?.got === true) return;
    if (Date.now() > until) {
      throw new KinewatchError(
        'embedded-postgres-in-use',
        `another running service uses the database in ${place.home}: stop it, or choose another directory`,
      );
    }
  }
}

async function ensureDatabase(client: Client): Promise<void> {
  const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
  if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
}

interface Running extends Postmaster {
  readonly owner: Client;
  readonly adopted: boolean;
}

/** Tries until the server takes connections; null where it ended first (or time is up). */
async function waitForServer(socketDirectory: string, isUp: () => boolean, untilMs: number): Promise<Client | null> {
  while (isUp() && Date.now() < untilMs) {
    const client = await tryConnect(socketDirectory, 'postgres');
    if (client !== null) return client;
    await delay(POLL_MS);
  }
  return null;
}

/** Adopts a live postmaster of the directory or starts one; null where it ended while starting for a cause that passes. */
async function bringUpOnce(place: Place, untilMs: number): Promise<Running | null> {
  const found = await findPostmaster(place.data);
  const socketDirectory = found === null ? await settleSocket(place) : found.socketDirectory;
  const logStart = (await stat(place.logFile).catch(() => null))?.size ?? 0;
  const started = found === null ? launch(place, socketDirectory) : null;
  const pid = found?.pid ?? started?.pid ?? -1;
  const owner = await waitForServer(socketDirectory, () => (started === null ? runs(pid) : !started.ended()), untilMs);
  if (owner === null) {
    const said = await tailOf(place.logFile, logStart);
    if (Date.now() >= untilMs)
      throw failure(`PostgreSQL did not take connections within ${START_TIMEOUT_MS / 1000} s; its log says:\n${said}`);
    // A start beside this one was quicker (the next round adopts that one), or children of a killed postmaster still hold the memory.
    if (started === null || /postmaster\.pid|shared memory/.test(said)) return null;
    throw failure(`PostgreSQL ended while starting; its log ${place.logFile} says:\n${said}`);
  }
  try {
    await takeOwnership(owner, place);
    await ensureDatabase(owner);
    return { pid, socketDirectory, owner, adopted: started === null };
  } catch (error) {
    await owner.end().catch(() => undefined);
    if (error instanceof KinewatchError) throw error;
    // The connection broke: the server that was found was on its way down.
    return null;
  }
}

async function bringUp(place: Place): Promise<Running> {
  const untilMs = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const running = await bringUpOnce(place, untilMs);
    if (running !== null) return running;
    await delay(100);
  }
}

async function shutDown(running: Running, place: Place): Promise<void> {
  if (!(await isPostmaster(running.pid, place.data))) return;
  process.kill(running.pid, 'SIGINT');
  for (const until = Date.now() + STOP_TIMEOUT_MS; await isPostmaster(running.pid, place.data); await delay(POLL_MS)) {
    if (Date.now() > until) throw failure(`PostgreSQL (process ${running.pid}) did not stop within ${STOP_TIMEOUT_MS / 1000} s`);
  }
}

/**
 * Starts, or adopts, the PostgreSQL of a directory. Works for root (the server then runs as `postgres` or `nobody`) and for ordinary users.
 * The connection string works for pg, Prisma's adapter and BullMQ and stays the same for the life of the service.
 * @throws KinewatchError `embedded-postgres-in-use` where another live service holds the directory, `embedded-postgres` where the programs are
 *   missing or the server does not start (with the end of its log)
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const place = await settle(options.directory, log);
  await initialise(place);
  let running = await bringUp(place);
  log(
    `${running.adopted ? 'adopted the running' : 'started'} PostgreSQL (process ${running.pid}), data in ${place.data}, socket in ${running.socketDirectory}`,
  );
  const { socketDirectory } = running;
  const stopping = new AbortController();
  let reviving: Promise<void> | undefined;

  /** The owner's connection ends when the server dies: start it again, on the same socket. */
  const watch = (owner: Client): void => {
    owner.once('end', () => {
      if (!stopping.signal.aborted) reviving = revive();
    });
  };
  async function revive(): Promise<void> {
    for (let waitMs = 50; !stopping.signal.aborted; waitMs = Math.min(waitMs * 2, 5_000)) {
      try {
        running = await bringUp(place);
        watch(running.owner);
        log(`PostgreSQL had ended and is up again (process ${running.pid})`);
        return;
      } catch (error) {
        log(`PostgreSQL ended and cannot be started again: ${(error as Error).message}`);
        await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }
  watch(running.owner);

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopping.abort();
    await reviving;
    await running.owner.end().catch(() => undefined);
    await shutDown(running, place);
    log('PostgreSQL stopped');
  };
  return {
    connectionString: linkTo(socketDirectory, DATABASE),
    get pid() {
      return running.pid;
    },
    dataDirectory: place.data,
    socketDirectory,
    stop: () => (stopped ??= stop()),
  };
}

/**
 * The connection string of the server that runs in a directory now, or null: for a command beside the service, which neither owns nor stops it.
 * @throws KinewatchError `embedded-postgres` where the programs are missing
 */
export async function findEmbeddedPostgres(directory: string): Promise<string | null> {
  const place = await settle(directory, () => undefined);
  const found = await findPostmaster(place.data);
  return found === null ? null : linkTo(found.socketDirectory, DATABASE);
}
