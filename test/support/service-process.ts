/** The real service in a process of its own, as `npm start` runs it: the tests and benchmarks that kill it or measure it use this. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface ServiceProcess {
  readonly pid: number;
  readonly url: string;
  /** null on any start but the first with this directory. */
  readonly adminKey: string | null;
  /** Lines of stderr, the newest 200. */
  readonly log: readonly string[];
  /** kill -9 and wait until the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM and wait; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const MAIN = resolve('dist/src/main.js');
const LOG_LINES = 200;

/** A port of the loopback interface that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts the service and resolves when it listens. @throws Error with the log where it ends before that */
export async function startServiceProcess(environment: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build`);
  const child: ChildProcess = spawn(process.execPath, [MAIN], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const log: string[] = [];
  let adminKey: string | null = null;
  const url = await new Promise<string>((found, failed) => {
    if (child.stderr === null) throw new Error('no stderr');
    createInterface(child.stderr).on('line', (line) => {
      log.push(line);
      if (log.length > LOG_LINES) log.shift();
      adminKey ??= /^\s+(kw_\S+)$/.exec(line)?.[1] ?? null;
      const listening = /listens on (\S+)/.exec(line)?.[1];
      if (listening !== undefined) found(listening);
    });
    exited.then(
      ([code]) => failed(new Error(`the service ended with ${code}:\n${log.join('\n')}`)),
      (error: unknown) => failed(error as Error),
    );
  });
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> => {
    child.kill(signal);
    return (await exited)[0];
  };
  return { pid: child.pid as number, url, adminKey, log, kill: () => end('SIGKILL').then(() => undefined), stop: () => end('SIGTERM') };
}
