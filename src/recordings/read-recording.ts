/** Tells recordings apart by content and reads them from files. */
import { open, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { isCmjText, isSquatJump, parseCmjText, parseSquatJump } from './force-plate.ts';
import { isTrialList, parseGaitImu, parseTrialList, type TrialRow } from './gait-imu.ts';
import { type Recording, RecordingError } from './recording.ts';
import { linesOf } from './text.ts';
import { isMoxy, isTrainRed, isVo2Master, parseMoxy, parseTrainRed, parseVo2Master } from './wearable.ts';

/** An hour of dual plates at 1000 Hz as CSV is 0.7 GB; nobody records a jump session longer than a few minutes. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;

export const DEFAULT_CMJ_RATE_HZ = 1200;

const LOOKED_FOR =
  'looked for a gait-imu trial (gzip of 32-byte rows with a trials.csv beside or above it), a squat-jump CSV (columns time, ground_force1_vx ...), ' +
  'cmj text (one number a line), a VO2master export (Time[s],Time[hh:mm:ss],HR[bpm] ...), a Moxy export (mm-dd,hh:mm:ss,SmO2 Live ...) ' +
  'and a Train.Red export (first line "Train.Red Export")';

export interface ReadOptions {
  /** Of cmj text, which does not say. */
  readonly rateHz?: number;
  /** Trial lists found so far, by path: one is read once for a whole folder. */
  readonly trialLists?: Map<string, Promise<readonly TrialRow[] | null>>;
}

const inflate = promisify(gunzip);

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

async function inflated(bytes: Uint8Array): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes;
  try {
    return await inflate(bytes, { maxOutputLength: MAX_INFLATED_BYTES });
  } catch (cause) {
    const tooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    const reason = tooLarge ? `holds more than ${MAX_INFLATED_BYTES} bytes` : 'is damaged or cut short';
    throw new RecordingError(`the gzip ${reason}`, null, cause);
  }
}

/** Text has no NUL and few control characters in its first bytes. */
function looksLikeText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 1024);
  return head.length > 0 && head.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}

/**
 * A recording known by its text alone; null where it is none of the known ones.
 * @throws RecordingError where it is one, but cannot be read; the message names the line.
 */
export function parseText(bytes: Uint8Array, rateHz = DEFAULT_CMJ_RATE_HZ): Recording | null {
  if (!looksLikeText(bytes)) return null;
  const lines = linesOf(bytes);
  if (isSquatJump(lines)) return parseSquatJump(lines);
  if (isVo2Master(lines)) return parseVo2Master(lines);
  if (isMoxy(lines)) return parseMoxy(lines);
  if (isTrainRed(lines)) return parseTrainRed(lines);
  return isCmjText(lines) ? parseCmjText(lines, rateHz) : null;
}

async function readTrialList(path: string): Promise<readonly TrialRow[] | null> {
  try {
    const bytes = await readFile(path);
    return isTrialList(bytes) ? parseTrialList(bytes) : null;
  } catch (error) {
    if (error instanceof RecordingError) throw new RecordingError(`${path}: ${error.message}`, null, error);
    return null;
  }
}

/** The trial's row in a trials.csv beside the file or one folder up; null where there is no such list. */
async function trialOf(path: string, lists: Map<string, Promise<readonly TrialRow[] | null>>): Promise<TrialRow | null> {
  const code = basename(path).split('.')[0] ?? '';
  const folder = dirname(path);
  for (const candidate of [join(folder, 'trials.csv'), join(folder, '..', 'trials.csv')]) {
    const list = lists.get(candidate) ?? readTrialList(candidate);
    lists.set(candidate, list);
    const rows = await list;
    if (rows === null) continue;
    const row = rows.find((trial) => trial.code === code);
    if (row === undefined) throw new RecordingError(`${candidate} has no trial ${code}`);
    return row;
  }
  return null;
}

async function bounded(path: string): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) throw new RecordingError(`${size} bytes are more than the ${MAX_FILE_BYTES} a recording may have`);
  return readFile(path);
}

/**
 * Reads one recording, whatever its name.
 * @throws RecordingError where it is none of the known formats (the message says what was looked for) or cannot be read (it names the line).
 */
export async function readRecording(path: string, options: ReadOptions = {}): Promise<Recording> {
  const raw = await bounded(path);
  const bytes = await inflated(raw);
  const text = parseText(bytes, options.rateHz);
  if (text !== null) return text;
  const trial = isGzip(raw) && !looksLikeText(bytes) ? await trialOf(path, options.trialLists ?? new Map()) : null;
  if (trial !== null) return parseGaitImu(bytes, trial);
  throw new RecordingError(`not a known recording: ${LOOKED_FOR}`);
}

/** Whether a file is an accompaniment of recordings (the list of trials, a reference table, a read-me) that a folder's walk passes over. */
export async function isAccompaniment(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const head = new Uint8Array(4096);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const bytes = head.subarray(0, bytesRead);
    const line = linesOf(bytes)[0] ?? '';
    return isTrialList(bytes) || line.includes('takeoff_jm') || line.startsWith('# ');
  } finally {
    await file.close();
  }
}
