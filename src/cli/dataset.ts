/** npm run dataset: windows of simulated athletes, made by the service's own align, normalise and window code, as Arrow IPC files. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ACTIVITY_CLASSES, type ModelContract } from '../contracts/model.ts';
import { ALTERED_THRESHOLD } from '../simulate/constants.ts';
import { SIMULATOR_VERSION } from '../simulate/simulated-athlete.ts';
import { FAULT_KINDS, type FaultKind } from '../simulate/faults.ts';
import { ArrowFiles } from './dataset/arrow-files.ts';
import { splitOf, SPLITS, type Split } from './dataset/cast.ts';
import { CEILING_CHOICES, type CeilingChoice } from './dataset/ceiling.ts';
import { DOMAIN, readBatches } from './dataset/member.ts';
import { earlierPriors } from './dataset/earlier-priors.ts';
import { PriorMeter } from './dataset/priors.ts';
import { exportRecorded } from './dataset/recorded.ts';
import { SESSIONS_FILE, writeSessions, type SessionFindings } from './dataset/sessions.ts';
import { eachAthlete } from './dataset/threads.ts';
import { RecordingError } from '../recordings/recording.ts';
import { createProgress } from './progress.ts';
import { integer, isUsage, UsageError } from './usage.ts';

const HELP = `npm run dataset -- --out DIR [options]

Writes a training set of simulated athletes: Arrow IPC files and dataset.json. Two passes: the first measures the population's location and
scale per activity class over training athletes, the second exports windows normalised with them. sessions.json, beside them, says what the service's
session metrics find in each session (left and right exchanged; intervals of IMU faults) and what was wrong in truth: one line an athlete,
{athlete, sides: right|swapped|undecided|absent, found, truth}, intervals as [placement, kind, start s, end s].

  --out DIR        folder to write to (made where absent; .arrow files of an earlier run in it are replaced)
  --athletes N     simulated athletes (default 200)
  --seconds S      length of each session (default 300, at least 30)
  --seed K         everything follows from it (default 1)
  --prior-athletes N   training athletes of the first pass (default 48)
  --contract FILE  model contract that names the channels (default models/binn.json)
  --data DIR       make the set from recordings of the gait-imu form in DIR instead of simulating; the options of athletes do not apply then.
                   steps.json, beside it, has the steps that the service finds and the annotated ones (in samples), for models/binn/segments.py
  --priors DIR     location and scale of an earlier export, for a set that a model of it is calibrated or tested on
  --fault KIND     every athlete has this sensor fault: ${FAULT_KINDS.join(', ')}; priors are measured without it
  --split NAME     write only the athletes of train, validation or test, the same as without (default all)
  --ceiling WHO    column "ceiling" of the best filter for the athletes of test, for all or none (default test; NaN for the others, and past 600 s)
  --threads N      threads that render athletes (default 1); the files are the same for any number
  --json           one JSON object as the last line of stdout
  --help           this text
`;

const DOMAIN_UNITS = ['%', '%', 'share of stride', '1', 'BW/s'];
const Z_CLIP = 8;
/** Keeps a file under 256 MiB with the IPC's own overhead. */
const MAX_FILE_BYTES = 240 * 1024 * 1024;
/** Of each session, the first pass reads this much. */
const PRIOR_SECONDS = 180;

interface Options {
  readonly out: string;
  readonly athletes: number;
  readonly seconds: number;
  readonly seed: number;
  readonly priorAthletes: number;
  readonly contract: string;
  /** Folder of recordings; null simulates. */
  readonly data: string | null;
  readonly priors: string | null;
  readonly fault: FaultKind | null;
  readonly split: Split | 'all';
  readonly ceiling: CeilingChoice;
  readonly threads: number;
  readonly json: boolean;
}

function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      out: { type: 'string' },
      athletes: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
      'prior-athletes': { type: 'string', default: '48' },
      contract: { type: 'string', default: 'models/binn.json' },
      data: { type: 'string' },
      priors: { type: 'string' },
      fault: { type: 'string' },
      split: { type: 'string', default: 'all' },
      ceiling: { type: 'string', default: 'test' },
      threads: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  if (values.out === undefined) throw new UsageError('--out DIR is needed: the folder to write to');
  return {
    out: values.out,
    athletes: integer('--athletes', values.athletes, 1, 100_000),
    seconds: integer('--seconds', values.seconds, 30, 86_400),
    seed: integer('--seed', values.seed, 0, 2 ** 31 - 1),
    priorAthletes: integer('--prior-athletes', values['prior-athletes'], 1, 10_000),
    contract: values.contract,
    data: values.data ?? null,
    priors: values.priors ?? null,
    fault: values.fault === undefined ? null : oneOf('--fault', values.fault, FAULT_KINDS),
    split: oneOf('--split', values.split, [...SPLITS, 'all']),
    ceiling: oneOf('--ceiling', values.ceiling, CEILING_CHOICES),
    threads: integer('--threads', values.threads, 1, 64),
    json: values.json,
  };
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw new UsageError(`${name} must be one of ${allowed.join(', ')}, not "${text}"`);
  return found;
}

const log = (text: string): void => void process.stderr.write(`${text}\n`);

/** The contract with priors of location 0, scale 1 and no clipping: with frozen baselines windows come out in the channels' own units. */
function blank(contract: ModelContract): ModelContract {
  const unit = { location: 0, scale: 1 };
  return {
    ...contract,
    zClip: 1e9,
    bio: contract.bio.map((channel) => ({ ...channel, prior: { rest: unit, walk: unit, run: unit, jump: unit } })),
    phys: contract.phys.map((channel) => ({ ...channel, prior: unit })),
    perf: contract.perf.map((channel) => ({ ...channel, prior: unit })),
    context: contract.context.map((channel) => ({ ...channel, prior: unit })),
  };
}

async function measurePriors(options: Options, named: ModelContract): Promise<{ readonly contract: ModelContract; readonly from: string }> {
  if (options.priors !== null) return { contract: await earlierPriors(options.priors, named), from: 'another export (--priors)' };
  const contract = blank(named);
  const meter = new PriorMeter(contract);
  const numbers = numbersOf('train', options.athletes).slice(0, options.priorAthletes);
  if (numbers.length === 0) throw new UsageError(`none of ${options.athletes} athletes falls into the training split: ask for more`);
  const progress = createProgress('priors', numbers.length);
  const { seed, seconds, threads } = options;
  const setup = { seed, seconds, readS: Math.min(seconds, PRIOR_SECONDS), fault: null, contract };
  let used = 0;
  for await (const { answer } of eachAthlete('priors', setup, numbers, threads)) {
    for (const { input, activity } of answer) meter.add(input, activity, 1);
    used += 1;
    progress.update(used);
  }
  progress.finish();
  const from = `${used} athletes of the training split, first ${setup.readS} s of each`;
  return { contract: meter.finish(Z_CLIP), from };
}

/** Numbers of the athletes of a split, in order. */
function numbersOf(split: Split | 'all', athletes: number): number[] {
  return Array.from({ length: athletes }, (_, number) => number).filter((number) => split === 'all' || splitOf(number) === split);
}

/** The set of `--data`: recordings instead of simulated athletes. */
async function makeRecorded(options: Options, data: string): Promise<number> {
  const contract = JSON.parse(await readFile(options.contract, 'utf8')) as ModelContract;
  const summary = await exportRecorded({ data, out: options.out, contract, priors: options.priors });
  log(`${summary.windows} windows (${summary.walkingWindows} walking) of ${summary.trials} trials of ${summary.subjects} subjects`);
  if (options.json) process.stdout.write(`${JSON.stringify({ out: options.out, ...summary })}\n`);
  return 0;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  if (options.data !== null) return makeRecorded(options, options.data);
  const startedMs = performance.now();
  const named = JSON.parse(await readFile(options.contract, 'utf8')) as ModelContract;
  await mkdir(options.out, { recursive: true });
  for (const name of await readdir(options.out))
    if (/^windows-\d{4}\.arrow$/.test(name) || name === SESSIONS_FILE) await rm(join(options.out, name));

  const { contract, from: priorsFrom } = await measurePriors(options, named);
  const files = new ArrowFiles(options.out, 'windows', MAX_FILE_BYTES);
  const numbers = numbersOf(options.split, options.athletes);
  const progress = createProgress('athletes', numbers.length);
  const exportStartedMs = performance.now();
  const { seed, seconds, fault, ceiling, threads } = options;
  const sessions: SessionFindings[] = [];
  let windows = 0;
  for await (const { answer } of eachAthlete('windows', { seed, seconds, readS: seconds, fault, contract, ceiling }, numbers, threads)) {
    sessions.push(answer.session);
    for (const batch of readBatches(answer.windows)) {
      windows += batch.numRows;
      await files.add(batch);
    }
    progress.update(sessions.length, `${Math.round((1e3 * windows) / (performance.now() - exportStartedMs))} windows/s`);
  }
  await files.close();
  progress.finish();
  const exportS = (performance.now() - exportStartedMs) / 1e3;
  await writeSessions(join(options.out, SESSIONS_FILE), { seed, secondsPerAthlete: seconds, fault: fault ?? 'none' }, sessions);
  await writeFile(
    join(options.out, 'dataset.json'),
    `${JSON.stringify(
      {
        format: 1,
        source: 'simulated',
        simulator: SIMULATOR_VERSION,
        seed: options.seed,
        athletes: options.athletes,
        secondsPerAthlete: options.seconds,
        windows,
        written: { split: options.split, athletes: numbers.length },
        fault: options.fault ?? 'none',
        faultKinds: ['none', ...FAULT_KINDS],
        ceiling: options.ceiling,
        splits: Object.fromEntries(SPLITS.map((split) => [split, numbersOf(split, options.athletes).length])),
        activityClasses: ACTIVITY_CLASSES,
        alteredThreshold: ALTERED_THRESHOLD,
        domain: DOMAIN.map((name, i) => ({ name, unit: DOMAIN_UNITS[i] })),
        labels: {
          altered: 'severity above alteredThreshold at the middle of the window; known in rest too, where movement does not show it',
          rehab: '0 to 1, 1 = recovered',
          performance: "0 to 1, output at the same effort over the athlete's own fresh healthy output",
        },
        priorsFrom,
        contract: {
          window: contract.window,
          zClip: contract.zClip,
          bio: contract.bio,
          phys: contract.phys,
          perf: contract.perf,
          context: contract.context,
        },
        files: files.written,
      },
      null,
      2,
    )}\n`,
  );
  const bytes = files.written.reduce((sum, file) => sum + file.bytes, 0);
  log(
    `${windows} windows of ${numbers.length} athletes in ${files.written.length} files, ${(bytes / 2 ** 20).toFixed(0)} MiB, ${Math.round(windows / exportS)} windows/s`,
  );
  if (options.json) {
    const tookS = (performance.now() - startedMs) / 1e3;
    process.stdout.write(
      `${JSON.stringify({ out: options.out, athletes: numbers.length, windows, files: files.written.length, bytes, seconds: tookS, windowsPerSecond: windows / exportS })}\n`,
    );
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const usage = isUsage(error) || error instanceof RecordingError;
  log(
    usage
      ? `${(error as Error).message}\nnpm run dataset -- --help says what there is.`
      : String(error instanceof Error ? (error.stack ?? error) : error),
  );
  process.exitCode = usage ? 2 : 1;
}
