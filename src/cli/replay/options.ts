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

Exit status: 0 played and scored, 1 a file was refused or the service failed, 2 wrong use.`;

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

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, strict: true, options: OPTIONS });
  } catch (cause) {
    throw new KinewatchError('usage', cause instanceof Error ? cause.message : String(cause), { cause });
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
