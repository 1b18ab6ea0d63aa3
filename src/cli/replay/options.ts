import { parseArgs } from 'node:util';
import { KinewatchError } from '../../contracts/errors.ts';
import { DEFAULT_CMJ_RATE_HZ } from '../../recordings/read-recording.ts';

export const HELP = `Usage: npm run replay -- FILE|DIR... [options]

Plays recordings over a real WebSocket into a running service, or into an embedded one that it starts (data in a temporary folder).
Knows gait-imu trials, squat-jump CSV, cmj text, VO2master, Moxy and Train.Red exports by their content, gzip or not.

  --url U            a running service (http://host:port or ws://host:port/v1/ingest); needs --token
  --token T          token of a provisioned gateway
  --api-key K        with --url: creates athletes and devices that are missing; without it they must exist and be assigned
                     (device serials: replay-<athlete>-<placement>)
  --athlete ID       external id of the athlete all files belong to (default: the trial's subject, or the file's name)
  --speed X|max      times real time (default max)
  --rate-hz N        sampling rate of cmj text (default ${DEFAULT_CMJ_RATE_HZ})
  --json             one JSON object as the last line of stdout
  --help             this text

A value that begins with a dash is written --name=value (--athlete=-3).

Every readable file is played. A file that is missing, unreadable or refused by the service is named on stderr with the reason; a reason that was
given before is not repeated, the line names the file it was given for. --json prints {"files": [...]} in the order of the files, whatever was refused:
what was played stands with its format, streams, samples, frames, windowsScored and metrics, what was not as {"file", "error"}. Where nothing could be
played at all, "error" beside "files" says why.
windowsScored counts the windows stored for the file, those with the status not-enough-data among them; none where the model
reads no channel of it (force in N of an athlete whose mass is unknown, one plate under both feet), whose metrics are printed all the same.

Exit status: 0 everything played and scored, 1 a file was refused or the service failed, 2 wrong use (no JSON).`;

export interface ReplayOptions {
  readonly paths: readonly string[];
  /** Null: an embedded service. */
  readonly target: { readonly url: string; readonly token: string; readonly apiKey: string | null } | null;
  readonly athlete: string | null;
  /** Times real time; Infinity is as fast as it goes. */
  readonly speed: number;
  readonly rateHz: number;
  readonly json: boolean;
  readonly help: boolean;
}

const usage = (message: string): KinewatchError => new KinewatchError('usage', message);

function positive(text: string | undefined, name: string, fallback: number, most: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!(value > 0 && value <= most)) throw usage(`--${name} must be a number above 0 and at most ${most}, not "${text}"`);
  return value;
}

const OPTIONS = {
  url: { type: 'string' },
  token: { type: 'string' },
  'api-key': { type: 'string' },
  athlete: { type: 'string' },
  speed: { type: 'string' },
  'rate-hz': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Node takes a value that begins with a dash for an option and calls it ambiguous; "--speed -3" means --speed=-3, which the range then refuses. */
function joinNegatives(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const name = /^--(.+)$/.exec(joined.at(-1) ?? '')?.[1] ?? '';
    const takesValue = Object.hasOwn(OPTIONS, name) && OPTIONS[name as keyof typeof OPTIONS].type === 'string';
    if (takesValue && /^-[\d.]/.test(arg)) joined[joined.length - 1] = `--${name}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

function parseFault(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const name = /^Option '(--[\w-]+)[^']*' argument is ambiguous/.exec(message)?.[1];
  return name === undefined ? message : `${name} lacks its value; one that begins with a dash is written ${name}=VALUE`;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: joinNegatives(args), allowPositionals: true, strict: true, options: OPTIONS });
  } catch (cause) {
    throw new KinewatchError('usage', parseFault(cause), { cause });
  }
}

/** @throws KinewatchError `usage` with a sentence. */
export function readOptions(args: readonly string[]): ReplayOptions {
  const { values, positionals } = parse(args);
  const { url, token, athlete } = values;
  const help = values.help === true;
  if (!help && positionals.length === 0) throw usage('name at least one file or folder');
  if ((url === undefined) !== (token === undefined)) throw usage('--url and --token go together');
  if (values['api-key'] !== undefined && url === undefined) throw usage('--api-key goes with --url');
  if (url !== undefined && !URL.canParse(url)) throw usage(`--url is not an address: "${url}"`);
  if (athlete !== undefined && (athlete === '' || athlete.length > 128)) throw usage('--athlete has 1 to 128 characters');
  return {
    paths: positionals,
    target: url === undefined || token === undefined ? null : { url, token, apiKey: values['api-key'] ?? null },
    athlete: athlete ?? null,
    speed: values.speed === 'max' ? Number.POSITIVE_INFINITY : positive(values.speed, 'speed', Number.POSITIVE_INFINITY, 1e6),
    rateHz: positive(values['rate-hz'], 'rate-hz', DEFAULT_CMJ_RATE_HZ, 10_000),
    json: values.json === true,
    help,
  };
}
