/** npm run demo: the whole service with its own database, a simulated squad over real WebSockets, one athlete who drifts, a webhook that is verified. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from '../config.ts';
import type { LiveEvent } from '../contracts/events.ts';
import { startService } from '../service.ts';
import { provision } from './demo/provision.ts';
import { startPusher, type Pusher } from './demo/pusher.ts';
import { startReceiver } from './demo/receiver.ts';
import { createSquad } from './demo/squad.ts';
import { createBoard, createScreen, formatTable } from './demo/table.ts';
import { settle, tally } from './demo/tally.ts';
import { createRestClient } from './demo/rest.ts';

const HELP = `npm run demo -- [options]

Starts the whole service with a PostgreSQL of its own in a temporary directory, pushes a simulated squad over real WebSockets and shows it live.
One athlete drifts into a one-sided gait under fatigue: the state rises, an alert is raised, and a local receiver verifies the webhook.

  --athletes N   size of the squad (default 12, 1 to 200)
  --seconds S    stop after S seconds, at least 60; without it the demo stays until Ctrl-C
  --port P       port of the API (default: any free one)
  --seed K       another squad (default 7)
  --json         one JSON object as the last line of stdout
  --help         this text

Exit code 0; 1 where something acknowledged was lost or no webhook was verified (unless stopped before second 45); 2 for bad arguments.
`;

const MIN_SECONDS = 60;
const PLAIN_EVERY_S = 5;
/** Newest lines kept under the table. */
const NOTES = 4;
/** By then the alert and its webhook are due; a demo stopped earlier owes none. */
const ALERT_DUE_MS = 45_000;

class UsageError extends Error {}

interface Options {
  readonly athletes: number;
  readonly seconds: number | null;
  readonly port: number;
  readonly seed: number;
  readonly json: boolean;
}

function integer(name: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < low || value > high) {
    throw new UsageError(`${name} must be an integer from ${low} to ${high}, not "${text}".`);
  }
  return value;
}

function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      athletes: { type: 'string', default: '12' },
      seconds: { type: 'string' },
      port: { type: 'string', default: '0' },
      seed: { type: 'string', default: '7' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const seconds = values.seconds === undefined ? null : Number(values.seconds);
  if (seconds !== null && !(seconds >= MIN_SECONDS && seconds <= 86_400)) {
    throw new UsageError(
      `--seconds must be from ${MIN_SECONDS} to 86400, not "${values.seconds}": the alert and its webhook need up to 45 s.`,
    );
  }
  return {
    athletes: integer('--athletes', values.athletes, 1, 200),
    seconds,
    port: integer('--port', values.port, 0, 65_535),
    seed: integer('--seed', values.seed, 0, 2 ** 31 - 1),
    json: values.json,
  };
}

/** Things to undo, last first; one that fails does not keep the others from running. */
class Cleanup {
  private readonly steps: (() => Promise<unknown> | void)[] = [];
  add(step: () => Promise<unknown> | void): void {
    this.steps.push(step);
  }
  async run(log: (text: string) => void): Promise<void> {
    for (const step of this.steps.toReversed()) {
      try {
        await step();
      } catch (error) {
        log(`stopping: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    this.steps.length = 0;
  }
}

/**
 * Ctrl-C and termination from the first moment on: a database may be running before the demo is. What has begun to start is then stopped in
 * order; a second signal ends at once.
 */
function watchSignals(): { readonly signalled: Promise<'signal'>; readonly wasSignalled: () => boolean; readonly dispose: () => void } {
  let first: ((value: 'signal') => void) | undefined;
  const signalled = new Promise<'signal'>((resolve) => {
    first = resolve;
  });
  let count = 0;
  const onSignal = (): void => {
    count += 1;
    if (count > 1) process.exit(130);
    first?.('signal');
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  return {
    signalled,
    wasSignalled: () => count > 0,
    dispose: () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
    },
  };
}

/** Resolves at the first of: the time is over, a signal; rejects with a fault of the demo's own. */
async function untilEnd(seconds: number | null, signalled: Promise<'signal'>, fault: Promise<never>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    if (seconds !== null) timer = setTimeout(resolve, seconds * 1e3);
  });
  try {
    await Promise.race([over, signalled, fault]);
  } finally {
    clearTimeout(timer);
  }
}

async function demo(options: Options, signalled: Promise<'signal'>, cleanup: Cleanup): Promise<number> {
  const tty = process.stdout.isTTY && !options.json;
  const notes: string[] = [];
  const log = (text: string): void => {
    if (tty) {
      notes.push(text);
      if (notes.length > NOTES) notes.shift();
    } else process.stderr.write(`${text}\n`);
  };
  const say = (text: string): void => void (options.json ? process.stderr : process.stdout).write(`${text}\n`);

  const directory = await mkdtemp(join(tmpdir(), 'kinewatch-demo-'));
  cleanup.add(() => rm(directory, { recursive: true, force: true }));
  say('Starting PostgreSQL and the service ...');
  const service = await startService({
    ...readConfig(),
    databaseUrl: null,
    redisUrl: null,
    port: options.port,
    directory,
    logLevel: 'warn',
    webhookAllowPrivate: true,
  });
  cleanup.add(() => service.close());
  if (service.adminKey === null) throw new Error('the new service gave no admin key');
  const where = `API ${service.url}/v1   documentation ${service.url}/docs`;
  const key = `admin key ${service.adminKey}`;
  const rest = createRestClient(service.url, service.adminKey);

  let startedMs = Date.now();
  const elapsed = (): string => `${((Date.now() - startedMs) / 1e3).toFixed(0)} s`;
  const receiver = await startReceiver((message) =>
    log(`${elapsed()} webhook ${message.id} ${message.verified ? 'received, signature verified' : 'REFUSED: its signature is wrong'}`),
  );
  cleanup.add(() => receiver.close());
  const squad = createSquad(options.athletes, options.seed, `demo-${startedMs}`);
  const provisioned = await provision(rest, squad, receiver.url);
  receiver.expect(provisioned.webhookSecret);

  const board = createBoard(
    squad.map((member, i) => ({ id: provisioned.athleteIds[i]!, name: member.name })),
    elapsed,
  );
  const stopLive = new AbortController();
  cleanup.add(() => stopLive.abort());
  rest
    .live((event) => {
      const line = board.apply(event as LiveEvent);
      if (line !== null) log(line);
    }, stopLive.signal)
    .catch((error: unknown) => {
      if (!stopLive.signal.aborted) log(`the live stream ended: ${error instanceof Error ? error.message : String(error)}`);
    });

  let fail: (error: Error) => void = () => undefined;
  const fault = new Promise<never>((_, reject) => {
    fail = reject;
  });
  fault.catch(() => undefined);
  const pushers: Pusher[] = [];
  cleanup.add(() => pushers.forEach((pusher) => pusher.client.abort()));
  // Session time: what is said about seconds counts from here.
  startedMs = Date.now();
  for (const gateway of provisioned.gateways) {
    pushers.push(
      await startPusher({
        url: `${service.url.replace(/^http/, 'ws')}/v1/ingest`,
        token: gateway.token,
        athletes: gateway.members.map((i) => squad[i]!.simulated),
        onFault: fail,
      }),
    );
  }
  const drifting = squad.find((member) => member.drifts);
  say(where);
  say(key);
  say(
    `${squad.length} athletes over ${pushers.length} gateway${pushers.length === 1 ? '' : 's'}. ${drifting?.name ?? 'Nobody'} drifts into a one-sided gait from second 8 on. Ctrl-C stops.`,
  );

  const screen = createScreen(process.stdout);
  const width = (): number => process.stdout.columns || 100;
  let ticks = 0;
  const view = setInterval(() => {
    ticks += 1;
    if (tty)
      screen.draw([
        ...formatTable(board, width()),
        '',
        ...notes,
        ...[`${elapsed()}   ${where}`, key].map((line) => line.slice(0, width())),
      ]);
    else if (ticks % PLAIN_EVERY_S === 0) say(plainLine(elapsed(), board));
  }, 1e3);
  try {
    await untilEnd(options.seconds, signalled, Promise.race([fault, service.failed]));
  } finally {
    clearInterval(view);
    if (tty) screen.close();
  }

  const ranMs = Date.now() - startedMs;
  say('Stopping: waiting until everything sent is stored and scored ...');
  await Promise.all(pushers.map((pusher) => pusher.stop()));
  const accounts = provisioned.gateways.map((gateway, i) => ({
    rest: rest.withToken(gateway.token),
    stats: () => pushers[i]!.client.stats(),
  }));
  await settle(rest, accounts, provisioned.webhookId, receiver);
  const result = await tally(rest, accounts, await service.countStored(), receiver, squad.length);
  await Promise.all(pushers.map((pusher) => pusher.close()));
  say(
    `frames ${result.frames.acked} of ${result.frames.sent} acknowledged, windows ${result.windows.scored} of ${result.windows.due} scored, ` +
      `alerts ${result.alerts.raised}, webhooks ${result.webhooks.verified} of ${result.webhooks.delivered} verified, ` +
      `latency p50 ${result.latencyMs.p50 ?? '-'} ms p99 ${result.latencyMs.p99 ?? '-'} ms, lost ${result.lost}`,
  );
  say(
    `The service was at ${service.url} (documentation ${service.url}/docs); its data is deleted now. npm start keeps a service and its data.`,
  );
  await cleanup.run(log);
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  return result.lost > 0 || (result.webhooks.verified === 0 && ranMs >= ALERT_DUE_MS) ? 1 : 0;
}

function plainLine(time: string, board: ReturnType<typeof createBoard>): string {
  return `${time}  ${[...board.rows.values()].map((row) => `${row.name} ${row.state === null ? '-' : row.state.toFixed(2)}`).join('  ')}`;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  const cleanup = new Cleanup();
  const { signalled, wasSignalled, dispose } = watchSignals();
  try {
    return await demo(options, signalled, cleanup);
  } catch (error) {
    if (!wasSignalled()) throw error;
    // The signal reached the database's start too: that it failed is what was asked for.
    process.stderr.write('Stopped before the squad was running.\n');
    return 130;
  } finally {
    dispose();
    await cleanup.run((text) => process.stderr.write(`${text}\n`));
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const parse = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  const usage = error instanceof UsageError || parse;
  process.stderr.write(
    usage
      ? `${error.message}\nnpm run demo -- --help says what there is.\n`
      : `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = usage ? 2 : 1;
}
