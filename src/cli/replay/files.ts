import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KinewatchError } from '../../contracts/errors.ts';
import { isAccompaniment, readRecording } from '../../recordings/read-recording.ts';
import { durationS, type Recording } from '../../recordings/recording.ts';
import type { TrialRow } from '../../recordings/gait-imu.ts';

export interface RecordingFile {
  readonly path: string;
  readonly recording: Recording;
  readonly externalId: string;
}

/** Files of a folder and its folders, in the order of their names. Hidden ones are left out. */
async function walk(folder: string): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).toSorted((a, b) =>
    a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await walk(path)));
    else files.push(path);
  }
  return files;
}

/** A file that is not played, and why. */
export interface RefusedFile {
  readonly path: string;
  /** A sentence, without the path. */
  readonly error: string;
}

const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'there is no such file or folder',
  EACCES: 'reading it is not permitted',
  EPERM: 'reading it is not permitted',
  ELOOP: 'its links lead in a circle',
};

/** Why a file is refused, in a sentence: the file system's codes are for programs. */
function reasonOf(error: unknown): string {
  if (error instanceof KinewatchError) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return FILE_FAULTS[code] ?? `it cannot be read (${code === '' ? String(error) : code})`;
}

/** Where it cannot be told, reading the file will say why. */
const passesOver = (path: string): Promise<boolean> => isAccompaniment(path).catch(() => false);

async function filesAt(path: string, skipped: (path: string) => void): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const files: string[] = [];
  for (const file of await walk(path)) {
    if (await passesOver(file)) skipped(file);
    else files.push(file);
  }
  return files;
}

/** Each path once, in the order of the arguments: files to read, and arguments that name nothing. */
export type FoundFile = { readonly path: string } | RefusedFile;

/**
 * The recordings behind the arguments: files as named; of folders everything in them but lists, reference tables and read-mes, which `skipped` is
 * told. An argument that names nothing readable comes back as refused.
 */
export async function findFiles(paths: readonly string[], skipped: (path: string) => void): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const path of paths) {
    try {
      for (const file of await filesAt(path, skipped)) found.set(file, { path: file });
    } catch (error) {
      found.set(path, { path, error: reasonOf(error) });
    }
  }
  return [...found.values()];
}

const subjectOf = ({ format, metadata }: Recording): string | null =>
  format === 'gait-imu' && metadata.subject !== null ? `gait-${metadata.subject}` : null;

const nameOf = (path: string): string =>
  basename(path)
    .replace(/\.gz$/, '')
    .replace(/\.(csv|txt)$/, '');

/** Reads every file before anything is sent. What cannot be read is refused with a sentence and stays in its place. */
export async function readFiles(
  found: readonly FoundFile[],
  rateHz: number,
  athlete: string | null,
): Promise<(RecordingFile | RefusedFile)[]> {
  const trialLists = new Map<string, Promise<readonly TrialRow[] | null>>();
  const files: (RecordingFile | RefusedFile)[] = [];
  for (const file of found) {
    if ('error' in file) {
      files.push(file);
      continue;
    }
    const { path } = file;
    try {
      const recording = await readRecording(path, { rateHz, trialLists });
      files.push({ path, recording, externalId: (athlete ?? subjectOf(recording) ?? nameOf(path)).slice(0, 128) });
    } catch (error) {
      files.push({ path, error: reasonOf(error) });
    }
  }
  return files;
}

/** Between two recordings of one athlete, so that no window sees both. */
const PAUSE_S = 60;
/** The newest sample lies this far in the past: a recording is never ahead of the service's clock. */
const MARGIN_S = 120;

/**
 * Unix microseconds of each file's first sample. A file that knows its date keeps it; the others of one athlete follow one another, in order and
 * without overlap, and end before `nowUs`.
 */
export function planStarts(files: readonly RecordingFile[], nowUs: number): number[] {
  const starts: number[] = files.map(() => 0);
  const cursor = new Map<string, number>();
  // From the last one backwards: the newest recording ends just before now.
  for (let i = files.length - 1; i >= 0; i -= 1) {
    const { recording, externalId } = files[i] as RecordingFile;
    const endUs = cursor.get(externalId) ?? nowUs - MARGIN_S * 1e6;
    const startUs = recording.startUs ?? Math.floor(endUs - durationS(recording) * 1e6);
    starts[i] = startUs;
    cursor.set(externalId, Math.min(endUs, startUs) - PAUSE_S * 1e6);
  }
  return starts;
}
