/** `npm start`: configuration, service, signals. Nobody imports this file. */
import { readConfig, type Config } from './config.ts';
import { KinewatchError } from './contracts/errors.ts';
import { startService } from './service.ts';

/** Past this a stop that hangs is cut short: what is acknowledged is stored, so nothing is lost by it. */
const STOP_LIMIT_MS = 10_000;

const HELP = `Usage: npm start

Starts Kinewatch. It is configured by environment variables: DATABASE_URL (absent: an embedded PostgreSQL under .kinewatch/), REDIS_URL
(absent: queues on PostgreSQL), ROLES, EXECUTION_PROVIDER, HOST, PORT and those in README.md, "Configuration".
`;

/** Faults of the environment, all of them, and exit code 2. */
function refuse(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
}

function configOrExit(): Config {
  try {
    return readConfig();
  } catch (error) {
    return refuse(error);
  }
}

async function main(): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(HELP);
    return;
  }
  const service = await startService(configOrExit());
  if (service.adminKey !== null) {
    process.stderr.write(`\nFirst start. This admin key is shown once, keep it:\n\n    ${service.adminKey}\n\n`);
  }
  process.stderr.write(`Kinewatch listens on ${service.url} (documentation: ${service.url}/docs)\n`);
  const stop = (): void => {
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
    service.close().then(
      () => process.exit(),
      () => process.exit(1),
    );
  };
  service.failed.catch(() => {
    process.exitCode = 1;
    stop();
  });
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/** What goes wrong at a start in daily life is said in a sentence; anything else with its stack. */
function sentenceOf(error: unknown): string {
  if (error instanceof KinewatchError) return `${error.code}: ${error.message}`;
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL')
    return `HOST and PORT cannot be listened on: ${error.message}`;
  if (/^(ECONNREFUSED|ENOTFOUND|ETIMEDOUT|28|3D)/.test(code)) return `The database or Redis cannot be used: ${error.message || code}`;
  return error.stack ?? error.message;
}

main().catch((error: unknown) => {
  process.stderr.write(`${sentenceOf(error)}\n`);
  process.exit(1);
});
