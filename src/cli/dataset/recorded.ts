/** Windows of recordings as a data set: the gait-imu form, through the service's own reader, align, normalise and window code. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ACTIVITY_CLASSES, type ModelContract } from '../../contracts/model.ts';
import { isTrialList, parseTrialList, type TrialRow } from '../../recordings/gait-imu.ts';
import { readRecording } from '../../recordings/read-recording.ts';
import { RecordingError } from '../../recordings/recording.ts';
import { linesOf } from '../../recordings/text.ts';
import { createProgress } from '../progress.ts';
import { AthleteBatch, ArrowFiles, type Widths } from './arrow-files.ts';
import { SESSION_START_US, splitOf } from './cast.ts';
import { DOMAIN } from './member.ts';
import { earlierPriors } from './earlier-priors.ts';
import { PriorMeter } from './priors.ts';
import { withRecordedColumns } from './recorded-columns.ts';
import { STEPS_FILE, writeSteps } from './recorded-steps.ts';
import { eachTrialWindow, GAIT_FEATURES, type GaitTrial, type Place, prepareTrial } from './recorded-trial.ts';

const GROUPS = ['healthy', 'orthopedic'];
const COLUMNS = ['trial', 'group', 'age', 'sex', 'height_m', 'mass_kg', 'laterality', 'walking_speed_m_s'];
const READABLE =
  'readable is the gait-imu form only: trials.csv (code, subject, samples, left_steps, right_steps ...) with trials/CODE.i16.gz beside it';
/** Trials of one subject lie this many seconds apart in window_index, so that none continues another. */
const TRIAL_SECONDS = 10_000;
const Z_CLIP = 8;
const MAX_FILE_BYTES = 240 * 1024 * 1024;

export interface RecordedOptions {
  readonly data: string;
  readonly out: string;
  /** Names the channels; its priors are not used. */
  readonly contract: ModelContract;
  /** Folder of an earlier export whose location and scale are used; null measures them here. */
  readonly priors: string | null;
}

/** What was written. */
export interface RecordedSummary {
  readonly subjects: number;
  readonly trials: number;
  readonly windows: number;
  readonly walkingWindows: number;
  readonly files: number;
}

/** Bytes of the list of trials. @throws RecordingError where the folder has none. */
async function listBytes(folder: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, 'trials.csv'));
  } catch (cause) {
    throw new RecordingError(`${folder} has no trials.csv; ${READABLE}`, null, cause);
  }
}

/** The folder's trials, by subject in order of appearance. @throws RecordingError in a sentence that names the file. */
async function readList(folder: string): Promise<readonly TrialRow[]> {
  const path = join(folder, 'trials.csv');
  const bytes = await listBytes(folder);
  if (!isTrialList(bytes)) throw new RecordingError(`${path} is no list of gait trials; ${READABLE}`);
  const header = (linesOf(bytes)[0] ?? '').split(',').map((name) => name.trim());
  const missing = COLUMNS.filter((name) => !header.includes(name));
  if (missing.length > 0) throw new RecordingError(`${path} has no column ${missing.join(', ')}`);
  let rows: TrialRow[];
  try {
    rows = parseTrialList(bytes);
  } catch (error) {
    throw new RecordingError(`${path}: ${error instanceof Error ? error.message : String(error)}`, null, error);
  }
  checkRows(path, rows);
  return rows;
}

function checkRows(path: string, rows: readonly TrialRow[]): void {
  if (rows.length === 0) throw new RecordingError(`${path} lists no trial`);
  const groups = new Map<string, string>();
  const codes = new Set<string>();
  for (const { code, subject, group } of rows) {
    // The code becomes a file name.
    if (!/^[\w.-]+$/.test(code)) throw new RecordingError(`${path}: "${code}" in column code is not a file name`);
    if (codes.has(code)) throw new RecordingError(`${path}: trial ${code} is listed twice`);
    codes.add(code);
    if (!GROUPS.includes(group)) throw new RecordingError(`${path}: group of trial ${code} is "${group}", not ${GROUPS.join(' or ')}`);
    if ((groups.get(subject) ?? group) !== group) throw new RecordingError(`${path}: subject ${subject} is listed in both groups`);
    groups.set(subject, group);
  }
}

async function readTrials(folder: string): Promise<GaitTrial[]> {
  const rows = await readList(folder);
  const trialLists = new Map<string, Promise<readonly TrialRow[] | null>>([[join(folder, 'trials.csv'), Promise.resolve(rows)]]);
  const progress = createProgress('trials read', rows.length);
  const trials: GaitTrial[] = [];
  for (const row of rows) {
    const path = join(folder, 'trials', `${row.code}.i16.gz`);
    try {
      trials.push(prepareTrial(row, await readRecording(path, { trialLists })));
    } catch (error) {
      const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!absent && !(error instanceof RecordingError)) throw error;
      throw new RecordingError(`${path}: ${absent ? 'there is no such file' : error.message}`, null, error);
    }
    progress.update(trials.length);
  }
  progress.finish();
  return trials;
}

/** The contract with location 0, scale 1 and no clip: windows come out in the channels' own units. */
function blank(contract: ModelContract): ModelContract {
  const unit = { location: 0, scale: 1 };
  return {
    ...contract,
    zClip: 1e9,
    bio: contract.bio.map((channel) => ({ ...channel, prior: { rest: unit, walk: unit, run: unit, jump: unit } })),
    context: contract.context.map((channel) => ({ ...channel, prior: unit })),
  };
}

/**
 * Location and scale of walking, one for all classes: the activity rule calls brisk walkers' windows running, and a class of its own scale would
 * hide how fast they are.
 */
function measure(trials: readonly GaitTrial[], named: ModelContract): ModelContract {
  const contract = blank(named);
  const meter = new PriorMeter(contract);
  const progress = createProgress('priors', trials.length);
  trials.forEach((trial, i) => {
    eachTrialWindow(trial, contract, ({ input }, { walking }) => {
      if (walking) meter.add(input, 'walk');
    });
    progress.update(i + 1);
  });
  progress.finish();
  return meter.finish(Z_CLIP);
}

function batchOf(
  trials: readonly GaitTrial[],
  contract: ModelContract,
  widths: Widths,
): { batch: AthleteBatch; rows: [GaitTrial, Place][] } {
  const batch = new AthleteBatch(widths, trials.length * 32);
  const rows: [GaitTrial, Place][] = [];
  const unknown = Array.from<number>({ length: widths.domain }).fill(Number.NaN);
  trials.forEach((trial, index) => {
    const baseIndex = Math.floor(SESSION_START_US / 1e6) - 16 - index * TRIAL_SECONDS;
    eachTrialWindow(trial, contract, ({ input, meta }, place) => {
      batch.push(
        {
          ...input,
          elapsed: input.elapsedHops,
          activity: meta.activity,
          altered: trial.row.group === 'orthopedic' ? 1 : 0,
          severity: Number.NaN,
          rehab: Number.NaN,
          performance: Number.NaN,
          domain: unknown,
          windowIndex: meta.windowIndex,
        },
        baseIndex,
      );
      rows.push([trial, place]);
    });
  });
  return { batch, rows };
}

const describeSet = (options: RecordedOptions, contract: ModelContract, summary: RecordedSummary, files: unknown): object => ({
  format: 1,
  source: 'recorded',
  recordings: 'gait-imu',
  subjects: summary.subjects,
  athletes: summary.subjects,
  trials: summary.trials,
  windows: summary.windows,
  walkingWindows: summary.walkingWindows,
  activityClasses: ACTIVITY_CLASSES,
  labels: {
    altered: 'the subject has an orthopaedic lower-limb condition now; not a forecast',
    rehab: 'not known',
    performance: 'not known',
  },
  standing: 'mean of up to 2 s of standing before the first annotated step taken off each channel of each trial',
  walking: 'window wholly inside a bout of annotated steps at most 1 s apart',
  gait: GAIT_FEATURES,
  priorsFrom:
    options.priors === null ? 'walking windows of this folder, one location and scale for every class' : 'another export (--priors)',
  contract: {
    window: contract.window,
    zClip: contract.zClip,
    bio: contract.bio,
    phys: contract.phys,
    perf: contract.perf,
    context: contract.context,
  },
  files,
});

/**
 * Writes windows-NNNN.arrow and dataset.json: the columns of the simulated export and those of recorded-columns.ts, one record batch a subject; and
 * beside them steps.json, the steps that the service finds next to the annotated ones.
 * Label: orthopedic = altered. Two passes: location and scale of walking, then windows normalised with them.
 * @throws RecordingError, in a sentence with the file's name, where the folder is not of the form, a column is missing or a file is damaged.
 */
export async function exportRecorded(options: RecordedOptions): Promise<RecordedSummary> {
  const trials = await readTrials(options.data);
  const contract = options.priors === null ? measure(trials, options.contract) : await earlierPriors(options.priors, options.contract);
  const widths = {
    bio: contract.bio.length * contract.window.lengthS * contract.window.rateHz,
    phys: contract.phys.length,
    perf: contract.perf.length,
    context: contract.context.length,
    domain: DOMAIN.length,
  };
  await mkdir(options.out, { recursive: true });
  for (const name of await readdir(options.out))
    if (/^windows-\d{4}\.arrow$/.test(name) || name === STEPS_FILE) await rm(join(options.out, name));
  const files = new ArrowFiles(options.out, 'windows', MAX_FILE_BYTES);
  const subjects = [...new Set(trials.map(({ row }) => row.subject))];
  const progress = createProgress('subjects', subjects.length);
  let windows = 0;
  let walkingWindows = 0;
  for (const [number, subject] of subjects.entries()) {
    const own = trials.filter(({ row }) => row.subject === subject);
    const { batch, rows } = batchOf(own, contract, widths);
    windows += rows.length;
    walkingWindows += rows.filter(([, place]) => place.walking).length;
    if (rows.length > 0) await files.add(withRecordedColumns(batch.toRecordBatch(number, splitOf(number)), rows));
    progress.update(number + 1);
  }
  await files.close();
  progress.finish();
  await writeSteps(
    join(options.out, STEPS_FILE),
    trials.flatMap(({ steps }) => steps),
  );
  const summary = { subjects: subjects.length, trials: trials.length, windows, walkingWindows, files: files.written.length };
  await writeFile(
    join(options.out, 'dataset.json'),
    `${JSON.stringify(describeSet(options, contract, summary, files.written), null, 2)}\n`,
  );
  return summary;
}
