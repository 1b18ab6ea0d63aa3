/** npm run dataset: windows of simulated athletes, made by the service's own align, normalise and window code, as Arrow IPC files. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ACTIVITY_CLASSES, type ModelContract } from '../contracts/model.ts';
import { ALTERED_THRESHOLD } from '../simulate/constants.ts';
import { SIMULATOR_VERSION } from '../simulate/simulated-athlete.ts';
import { AthleteBatch, ArrowFiles, type Widths } from './dataset/arrow-files.ts';
import { castMember, SESSION_START_US, splitOf, SPLITS, type CastMember } from './dataset/cast.ts';
import { PriorMeter } from './dataset/priors.ts';
import { eachWindow } from './dataset/windows.ts';
import { createProgress } from './progress.ts';

const HELP = `npm run dataset -- --out DIR [options]

Writes a training set of simulated athletes: Arrow IPC files and dataset.json. Two passes: the first measures the population's location and
scale per activity class over training athletes, the second exports windows normalised with them.

  --out DIR        folder to write to (made where absent; .arrow files of an earlier run in it are replaced)
  --athletes N     simulated athletes (default 200)
  --seconds S      length of each session (default 300, at least 30)
  --seed K         everything follows from it (default 1)
  --prior-athletes N   training athletes of the first pass (default 48)
  --contract FILE  model contract that names the channels (default models/binn.json)
  --json           one JSON object as the last line of stdout
  --help           this text
`;

const DOMAIN = ['contactSymmetryPct', 'peakSymmetryPct', 'interLimbPhase', 'strideTimeCv', 'loadingRateBwS'] as const;
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
  readonly json: boolean;
}

class UsageError extends Error {}

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
    json: values.json,
  };
}

function integer(name: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < low || value > high)
    throw new UsageError(`${name} must be an integer from ${low} to ${high}, not "${text}"`);
  return value;
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

function measurePriors(options: Options, named: ModelContract): { readonly contract: ModelContract; readonly athletes: number } {
  const contract = blank(named);
  const meter = new PriorMeter(contract);
  const progress = createProgress('priors', options.priorAthletes);
  let used = 0;
  for (let number = 0; number < options.athletes && used < options.priorAthletes; number += 1) {
    if (splitOf(number) !== 'train') continue;
    const member = castMember(options.seed, number, options.seconds);
    eachWindow(member, contract, true, Math.min(options.seconds, PRIOR_SECONDS), (due) => meter.add(due.input, due.meta.activity));
    used += 1;
    progress.update(used);
  }
  progress.finish();
  if (used === 0) throw new UsageError(`none of ${options.athletes} athletes falls into the training split: ask for more`);
  return { contract: meter.finish(Z_CLIP), athletes: used };
}

function exportMember(member: CastMember, contract: ModelContract, widths: Widths, seconds: number): AthleteBatch {
  const batch = new AthleteBatch(widths, seconds);
  const baseIndex = Math.floor(SESSION_START_US / 1e6) - 16;
  eachWindow(member, contract, false, seconds, ({ input, meta }) => {
    const labels = member.simulated.labels((meta.startUs + meta.endUs) / 2e6 - SESSION_START_US / 1e6);
    batch.push(
      {
        ...input,
        elapsed: input.elapsedHops,
        activity: meta.activity,
        altered: labels.altered,
        severity: labels.severity,
        rehab: labels.rehab,
        performance: labels.performance,
        domain: DOMAIN.map((name) => labels.domain[name]),
        windowIndex: meta.windowIndex,
      },
      baseIndex,
    );
  });
  return batch;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  const startedMs = performance.now();
  const named = JSON.parse(await readFile(options.contract, 'utf8')) as ModelContract;
  await mkdir(options.out, { recursive: true });
  for (const name of await readdir(options.out)) if (/^windows-\d{4}\.arrow$/.test(name)) await rm(join(options.out, name));

  const { contract, athletes: priorAthletes } = measurePriors(options, named);
  const widths = {
    bio: contract.bio.length * contract.window.lengthS * contract.window.rateHz,
    phys: contract.phys.length,
    perf: contract.perf.length,
    context: contract.context.length,
    domain: DOMAIN.length,
  };
  const files = new ArrowFiles(options.out, 'windows', MAX_FILE_BYTES);
  const progress = createProgress('athletes', options.athletes);
  const exportStartedMs = performance.now();
  let windows = 0;
  for (let number = 0; number < options.athletes; number += 1) {
    const batch = exportMember(castMember(options.seed, number, options.seconds), contract, widths, options.seconds);
    windows += batch.rows;
    await files.add(batch.toRecordBatch(number, splitOf(number)));
    progress.update(number + 1, `${Math.round((1e3 * windows) / (performance.now() - exportStartedMs))} windows/s`);
  }
  await files.close();
  progress.finish();
  const exportS = (performance.now() - exportStartedMs) / 1e3;
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
        splits: Object.fromEntries(SPLITS.map((split) => [split, countSplit(split, options.athletes)])),
        activityClasses: ACTIVITY_CLASSES,
        alteredThreshold: ALTERED_THRESHOLD,
        domain: DOMAIN.map((name, i) => ({ name, unit: DOMAIN_UNITS[i] })),
        labels: {
          altered: 'severity above alteredThreshold at the middle of the window; known in rest too, where movement does not show it',
          rehab: '0 to 1, 1 = recovered',
          performance: "0 to 1, output at the same effort over the athlete's own fresh healthy output",
        },
        priorsFrom: `${priorAthletes} athletes of the training split, first ${Math.min(options.seconds, PRIOR_SECONDS)} s of each`,
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
    `${windows} windows of ${options.athletes} athletes in ${files.written.length} files, ${(bytes / 2 ** 20).toFixed(0)} MiB, ${Math.round(windows / exportS)} windows/s`,
  );
  if (options.json) {
    const seconds = (performance.now() - startedMs) / 1e3;
    process.stdout.write(
      `${JSON.stringify({ out: options.out, athletes: options.athletes, windows, files: files.written.length, bytes, seconds, windowsPerSecond: windows / exportS })}\n`,
    );
  }
  return 0;
}

function countSplit(split: string, athletes: number): number {
  let count = 0;
  for (let number = 0; number < athletes; number += 1) if (splitOf(number) === split) count += 1;
  return count;
}

try {
  process.exitCode = await main();
} catch (error) {
  const usage =
    error instanceof UsageError || (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
  log(
    usage
      ? `${error.message}\nnpm run dataset -- --help says what there is.`
      : String(error instanceof Error ? (error.stack ?? error) : error),
  );
  process.exitCode = usage ? 2 : 1;
}
