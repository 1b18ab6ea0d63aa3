import { parseArgs } from 'node:util';
import { KinewatchError } from '../../contracts/errors.ts';
import type { WindowRange } from '../../store/rescore-store.ts';

export const HELP = `Usage: npm run rescore -- --model VERSION (--session ID | --team NAME | --athlete ID | --all) [options]

Scores past windows again, from the stored raw frames, under a version of the registry (npm run admin -- model list). The scores stand beside
those that count: GET /v1/athletes/{id}/scores?modelVersion=VERSION shows them, alerts and states never rest on them.
Works on DATABASE_URL, or on the embedded database under KINEWATCH_DIR (.kinewatch), whether the service runs or not.

  --model VERSION   the version to score with
  --session ID      the windows of one session
  --team NAME       every athlete of a team
  --athlete ID      one athlete, by id or external id (with --team where several teams have it)
  --all             every athlete
  --from T, --to T  windows that start at or after T, before T (RFC 3339; default: all)
  --help            this text

Every athlete is scored from the first stored frame on, as the model's state asks for it; what lies outside of the range is not written.
Frames past their retention are gone: their windows are counted as missing. A window that the version has scored already is left as it is, an
athlete without a missing window is passed over: a run that was interrupted goes on with the athlete it was at when it is started again.

Progress goes to stderr; stdout gets one JSON object at the end: {modelVersion, windows, written, missing, seconds, athletes: [{athleteId,
externalId, windows, written, missing, error?}]}.

Exit status: 0 done, 1 an athlete could not be scored or the database failed, 2 wrong use.`;

export interface RescoreOptions {
  readonly help: boolean;
  readonly model: string;
  readonly session: string | null;
  readonly team: string | null;
  readonly athlete: string | null;
  readonly range: WindowRange;
}

const usage = (message: string, cause?: unknown): KinewatchError => new KinewatchError('usage', message, { cause });

const OPTIONS = {
  model: { type: 'string' },
  session: { type: 'string' },
  team: { type: 'string' },
  athlete: { type: 'string' },
  all: { type: 'boolean', default: false },
  from: { type: 'string' },
  to: { type: 'string' },
  help: { type: 'boolean', default: false, short: 'h' },
} as const;

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Microseconds since the epoch of an RFC 3339 time; a day alone is its midnight in UTC. */
function readTime(name: 'from' | 'to', text: string | undefined, absent: number): number {
  if (text === undefined) return absent;
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw usage(`--${name} "${text}" is not a time (2026-11-23T10:00:00Z)`);
  return ms * 1_000;
}

/** @throws KinewatchError `usage` with a sentence */
export function readOptions(args: readonly string[]): RescoreOptions {
  const values = parse(args);
  const { session, team, athlete, all, help, model } = values;
  const range = {
    by: 'start',
    fromUs: readTime('from', values.from, 0),
    toUs: readTime('to', values.to, Number.MAX_SAFE_INTEGER),
  } as const;
  if (!help) {
    if (model === undefined) throw usage('--model is missing: the version to score with');
    if (session === undefined && team === undefined && athlete === undefined && !all)
      throw usage('say whom: --session, --team, --athlete or --all');
    if (all && (team !== undefined || athlete !== undefined)) throw usage('--all goes without --team and --athlete');
    if (session !== undefined && (all || [team, athlete, values.from, values.to].some((value) => value !== undefined)))
      throw usage('--session stands alone: it names the athlete and the time');
    if (range.fromUs >= range.toUs) throw usage('--from is not before --to');
  }
  return { help, model: model ?? '', session: session ?? null, team: team ?? null, athlete: athlete ?? null, range };
}
