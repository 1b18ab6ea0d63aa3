import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isAccompaniment, readRecording } from '../../recordings/read-recording.ts';
import { durationS, type Recording, RecordingError } from '../../recordings/recording.ts';
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

/**
 * The recordings behind the arguments: files as named; of folders everything in them but lists, reference tables and read-mes, which `skipped` is told.
 * @throws an error of the file system where a path does not exist.
 */
export async function findFiles(paths: readonly string[], skipped: (path: string) => void): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    if (!(await stat(path)).isDirectory()) {
      files.push(path);
      continue;
    }
    for (const file of await walk(path)) {
      if (await isAccompaniment(file)) skipped(file);
      else files.push(file);
    }
  }
  return [...new Set(files)];
}

const subjectOf = ({ format, metadata }: Recording): string | null =>
  format === 'gait-imu' && metadata.subject !== null ? `gait-${metadata.subject}` : null;

/**
 * Reads every file, so that a refusal comes before anything is sent.
 * @throws RecordingError whose message begins with the file's path.
 */
export async function readFiles(paths: readonly string[], rateHz: number, athlete: string | null): Promise<RecordingFile[]> {
  const trialLists = new Map<string, Promise<readonly TrialRow[] | null>>();
  const files: RecordingFile[] = [];
  for (const path of paths) {
    try {
      const recording = await readRecording(path, { rateHz, trialLists });
      const externalId =
        athlete ??
        subjectOf(recording) ??
        basename(path)
          .replace(/\.gz$/, '')
          .replace(/\.(csv|txt)$/, '');
      files.push({ path, recording, externalId: externalId.slice(0, 128) });
    } catch (error) {
      if (error instanceof RecordingError) throw new RecordingError(`${path}: ${error.message}`, null, error);
      throw error;
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
