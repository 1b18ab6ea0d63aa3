/** npm run dataset:season: simulated seasons as landmark rows for the hazard, F_attn by the service's own pipeline and graph, as Arrow IPC. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { KinewatchError } from '../contracts/errors.ts';
import { loadModelContract } from '../score/model-contract.ts';
import { createOnnxScorer } from '../score/onnx/onnx-scorer.ts';
import { SIMULATOR_VERSION } from '../simulate/simulated-athlete.ts';
import { HORIZON_DAYS, LANDMARK, MEASUREMENT, SEASON_VERSION } from '../simulate/season/constants.ts';
import { ArrowFiles } from './dataset/arrow-files.ts';
import { SPLITS } from './dataset/cast.ts';
import { createProgress } from './progress.ts';
import { exportAthlete, type AthleteOptions, type AthleteSummary } from './season-dataset/athlete.ts';
import { toRecordBatch, type AthleteRows } from './season-dataset/columns.ts';
import { integer, isUsage, UsageError } from './usage.ts';

const HELP = `npm run dataset:season -- --out DIR [options]

Writes landmark rows of simulated seasons: Arrow IPC files and season.json. On each landmark day of each athlete at risk a short session is rendered,
goes through the service's pipeline and the model's graph, and its pooled F_attn stands beside load, heart-rate variability, history, the label
(a new injury in the next 7 days) and, for test athletes, the two ceilings.

  --out DIR        folder to write to (made where absent; season-*.arrow of an earlier run in it are replaced)
  --athletes N     simulated athletes (default 2400)
  --days D         length of each season (default 175, at least 42)
  --seconds S      length of a monitored session (default 13, at least 8): half walking, half running
  --seed K         everything follows from it (default 1)
  --threads T      worker threads (default 2)
  --model DIR      folder with binn.onnx and binn.json (default models)
  --particles P    particles of the filter that gives the observable ceiling (default 1600; 0: no ceiling)
  --paths P        futures of the latent oracle (default 256; 0: no oracle)
  --json           one JSON object as the last line of stdout
  --help           this text
`;

interface Options extends AthleteOptions {
  readonly out: string;
  readonly athletes: number;
  readonly threads: number;
  readonly model: string;
  readonly json: boolean;
}

function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      out: { type: 'string' },
      athletes: { type: 'string', default: '2400' },
      days: { type: 'string', default: '175' },
      seconds: { type: 'string', default: '13' },
      seed: { type: 'string', default: '1' },
      threads: { type: 'string', default: '2' },
      model: { type: 'string', default: 'models' },
      particles: { type: 'string', default: '1600' },
      paths: { type: 'string', default: '256' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  if (values.out === undefined) throw new UsageError('--out DIR is needed: the folder to write to');
  return {
    out: values.out,
    athletes: integer('--athletes', values.athletes, 1, 100_000),
    days: integer('--days', values.days, 42, 1_000),
    seconds: integer('--seconds', values.seconds, 8, 600),
    seed: integer('--seed', values.seed, 0, 2 ** 31 - 1),
    threads: integer('--threads', values.threads, 1, 64),
    model: values.model,
    particles: integer('--particles', values.particles, 0, 100_000),
    paths: integer('--paths', values.paths, 0, 100_000),
    json: values.json,
  };
}

const log = (text: string): void => void process.stderr.write(`${text}\n`);

interface Share {
  readonly options: Options;
  /** This worker's athletes: first, first + threads, ... */
  readonly first: number;
}
type Done = Awaited<ReturnType<typeof exportAthlete>>;

const MAX_BATCH = 16;

/** A worker's share: an athlete's rows are sent as soon as they stand. */
async function work({ options, first }: Share): Promise<void> {
  const { contract, modelPath } = loadModelContract(options.model);
  const scorer = await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: MAX_BATCH });
  for (let number = first; number < options.athletes; number += options.threads)
    parentPort!.postMessage(await exportAthlete(number, options, contract, scorer));
  await scorer.close();
}

/** Runs the workers; athletes come in any order and are returned by number. */
async function runWorkers(options: Options): Promise<Done[]> {
  const done: Done[] = [];
  const progress = createProgress('athletes', options.athletes);
  await Promise.all(
    Array.from(
      { length: options.threads },
      (_, first) =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: { options, first } satisfies Share });
          worker.on('message', (athlete: Done) => {
            done.push(athlete);
            progress.update(done.length);
          });
          worker.on('error', reject);
          worker.on('exit', (code) => {
            if (code === 0) resolve();
            else reject(new Error(`a worker ended with ${code}`));
          });
        }),
    ),
  );
  progress.finish();
  return done.toSorted((a, b) => a.rows.number - b.rows.number);
}

interface Counts {
  athletes: number;
  rows: number;
  positive: number;
  censored: number;
}

function count(all: readonly AthleteRows[], split: string): Counts {
  const counts = { athletes: 0, rows: 0, positive: 0, censored: 0 };
  for (const { split: own, values } of all) {
    if (own !== split) continue;
    counts.athletes += 1;
    counts.rows += values.label.length;
    for (const label of values.label) {
      if (label === 1) counts.positive += 1;
      if (Number.isNaN(label)) counts.censored += 1;
    }
  }
  return counts;
}

/** Injuries for one athlete-day at risk. */
function incidence(summaries: readonly AthleteSummary[]): number {
  const days = summaries.reduce((sum, { daysAtRisk }) => sum + daysAtRisk, 0);
  return summaries.reduce((sum, { injuries }) => sum + injuries, 0) / days;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  const startedMs = performance.now();
  const { contract } = loadModelContract(options.model);
  await mkdir(options.out, { recursive: true });
  for (const name of await readdir(options.out)) if (/^season-\d{4}\.arrow$/.test(name)) await rm(join(options.out, name));
  const done = await runWorkers(options);
  const files = new ArrowFiles(options.out, 'season', 200 * 1024 * 1024);
  for (const { rows } of done) await files.add(toRecordBatch(rows, contract.sizes.attn));
  await files.close();
  const all = done.map(({ rows }) => rows);
  const splits = Object.fromEntries(SPLITS.map((split) => [split, count(all, split)]));
  const seconds = (performance.now() - startedMs) / 1e3;
  const description = {
    format: 1,
    source: 'simulated seasons',
    season: SEASON_VERSION,
    simulator: SIMULATOR_VERSION,
    seed: options.seed,
    athletes: options.athletes,
    days: options.days,
    sessionSeconds: options.seconds,
    horizonDays: HORIZON_DAYS,
    landmark: LANDMARK,
    incidencePerAthleteDay: incidence(done.map(({ summary }) => summary)),
    splits,
    ceiling: { particles: options.particles, paths: options.paths, measurement: MEASUREMENT, for: 'test athletes' },
    model: { version: contract.version, sha256: contract.sha256, attn: contract.sizes.attn },
    seconds: Math.round(seconds),
    files: files.written,
  };
  await writeFile(join(options.out, 'season.json'), `${JSON.stringify(description, null, 2)}\n`);
  const rows = all.reduce((sum, { days }) => sum + days.length, 0);
  log(
    `${rows} landmark days of ${options.athletes} athletes, ${(100 * description.incidencePerAthleteDay).toFixed(2)} % a day, ${seconds.toFixed(0)} s`,
  );
  if (options.json) process.stdout.write(`${JSON.stringify({ out: options.out, rows, seconds, splits })}\n`);
  return 0;
}

if (isMainThread) {
  try {
    process.exitCode = await main();
  } catch (error) {
    const usage = isUsage(error) || error instanceof KinewatchError;
    log(
      usage
        ? `${(error as Error).message}\nnpm run dataset:season -- --help says what there is.`
        : String(error instanceof Error ? (error.stack ?? error) : error),
    );
    process.exitCode = usage ? 2 : 1;
  }
} else await work(workerData as Share);
