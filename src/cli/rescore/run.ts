import { readConfig } from '../../config.ts';
import { KinewatchError } from '../../contracts/errors.ts';
import type { ModelContract } from '../../contracts/model.ts';
import type { ScoredWindow } from '../../contracts/score.ts';
import { createOnnxScorer } from '../../score/onnx/onnx-scorer.ts';
import type { Scorer } from '../../score/ports.ts';
import { replayWindows } from '../../shard/replay.ts';
import { migrate } from '../../store/migrate.ts';
import { createModelRegistry } from '../../store/model-registry.ts';
import { openPool } from '../../store/pool.ts';
import { createRescoreStore, type RescoreAthlete, type RescoreStore, type WindowRange } from '../../store/rescore-store.ts';
import { createShardStore } from '../../store/shard-store.ts';
import { openCommandDatabase } from '../database.ts';
import { createProgress, type Progress } from '../progress.ts';
import { messageOf, runCommand, type ExitStatus, type Output } from '../run-command.ts';
import { HELP, readOptions, type RescoreOptions } from './options.ts';

/** Rows of one transaction: a second's work, and what a run that is killed does again at most beside the athlete it was at. */
const ROWS = 256;

interface Job extends RescoreAthlete {
  readonly range: WindowRange;
  readonly counted: number;
  readonly missing: number;
}

/** Of one athlete. */
interface Outcome {
  readonly athleteId: string;
  readonly externalId: string;
  /** Windows of the range with a score that counts. */
  readonly windows: number;
  readonly written: number;
  /** Windows of the range that the version has still not scored: their frames are gone, or the model reads none of their streams. */
  readonly missing: number;
  readonly error?: string;
}

interface Bench {
  readonly pool: ReturnType<typeof openPool>;
  readonly scorer: Scorer;
  readonly contract: ModelContract;
  readonly store: RescoreStore;
  readonly progress: Progress;
}

async function select(
  store: RescoreStore,
  options: RescoreOptions,
): Promise<readonly (RescoreAthlete & { readonly range: WindowRange })[]> {
  if (options.session !== null) {
    const session = await store.session(options.session);
    if (session === null) throw new KinewatchError('unknown-session', `there is no session ${options.session}`);
    return [{ ...session.athlete, range: session.range }];
  }
  const athletes = await store.athletes(options);
  if (athletes.length > 0) return athletes.map((athlete) => ({ ...athlete, range: options.range }));
  const whom = [
    ...(options.athlete === null ? [] : [`athlete ${options.athlete}`]),
    ...(options.team === null ? [] : [`athlete in team ${options.team}`]),
  ];
  throw new KinewatchError('unknown-athlete', `there is no ${whom.join(' that is an ') || 'athlete'}`);
}

type Place = 'before' | 'inside' | 'past';
function placeOf(window: ScoredWindow, { by, fromUs, toUs }: WindowRange): Place {
  const at = by === 'start' ? window.startUs : window.closedByUs;
  if (at < fromUs) return 'before';
  return (by === 'start' ? at < toUs : at <= toUs) ? 'inside' : 'past';
}

/**
 * Replays one athlete and writes the windows of the range, `ROWS` a transaction; what is there already is left as it is (ONE-SCORE). Only as
 * far as some score counts: a later window is the live path's to score first.
 */
async function rescoreAthlete(
  { pool, scorer, contract, store, progress }: Bench,
  job: Job,
  doneBefore: number,
  note: string,
): Promise<void> {
  const shardStore = createShardStore(pool);
  const upTo = (await store.countsUpTo(job.athleteId)) ?? Number.NEGATIVE_INFINITY;
  let rows: ScoredWindow[] = [];
  let seen = 0;
  const flush = async (): Promise<void> => {
    if (rows.length > 0) await shardStore.commitScores(rows, [], true);
    rows = [];
  };
  for await (const window of replayWindows(shardStore, scorer, contract, job.athleteId)) {
    const place = placeOf(window, job.range);
    if (place === 'past' || window.windowIndex > upTo) break;
    if (place === 'before') continue;
    rows.push({ ...window, scoredAtUs: Date.now() * 1_000 });
    seen += 1;
    progress.update(doneBefore + Math.min(seen, job.counted), note);
    if (rows.length >= ROWS) await flush();
  }
  await flush();
}

async function rescoreAll(bench: Bench, jobs: readonly Job[], log: Output['log']): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let done = 0;
  for (const [i, job] of jobs.entries()) {
    const { athleteId, externalId, counted, missing } = job;
    const note = `athlete ${i + 1} of ${jobs.length}`;
    let error: string | null = null;
    if (missing > 0) {
      await rescoreAthlete(bench, job, done, note).catch((cause: unknown) => {
        error = messageOf(cause);
        log(`athlete ${externalId}: ${error}`);
      });
    }
    const left = missing === 0 ? 0 : (await bench.store.count(athleteId, bench.contract.version, job.range)).missing;
    const fault = error === null ? {} : { error };
    outcomes.push({ athleteId, externalId, windows: counted, written: missing - left, missing: left, ...fault });
    done += counted;
    bench.progress.update(done, note);
  }
  return outcomes;
}

interface Summary {
  readonly modelVersion: string;
  readonly athletes: readonly Outcome[];
  readonly windows: number;
  readonly written: number;
  readonly missing: number;
  readonly seconds: number;
}

async function rescore(pool: Bench['pool'], options: RescoreOptions, log: Output['log']): Promise<Summary> {
  const startedMs = performance.now();
  const { contract, graph } = await createModelRegistry(pool).load(options.model);
  const store = createRescoreStore(pool);
  const jobs: Job[] = [];
  for (const athlete of await select(store, options))
    jobs.push({ ...athlete, ...(await store.count(athlete.athleteId, contract.version, athlete.range)) });
  const total = jobs.reduce((sum, job) => sum + job.counted, 0);
  const progress = createProgress(`windows under model ${contract.version}:`, Math.max(1, total));
  const { executionProvider } = readConfig();
  const modelPath = `model ${contract.version}`;
  const scorer = await createOnnxScorer({ modelPath, modelBytes: graph, contract, executionProvider, maxBatch: 1 });
  try {
    const athletes = await rescoreAll({ pool, scorer, contract, store, progress }, jobs, log);
    const sum = (pick: (outcome: Outcome) => number): number => athletes.reduce((n, outcome) => n + pick(outcome), 0);
    const seconds = Math.round(performance.now() - startedMs) / 1_000;
    return {
      modelVersion: contract.version,
      athletes,
      windows: total,
      written: sum((o) => o.written),
      missing: sum((o) => o.missing),
      seconds,
    };
  } finally {
    progress.finish();
    await scorer.close();
  }
}

async function run(options: RescoreOptions, { stdout, log }: Output): Promise<ExitStatus> {
  const database = await openCommandDatabase(readConfig(), log);
  try {
    await migrate(database.connectionString);
    const pool = openPool(database.connectionString, { max: 2, name: 'kinewatch rescore' });
    try {
      const summary = await rescore(pool, options, log);
      const { athletes, windows, written, missing, seconds, modelVersion } = summary;
      const rest = `${windows - written - missing} were there already, ${missing} could not be (their frames are gone)`;
      log(`${written} windows of ${athletes.length} athletes scored under model ${modelVersion} in ${seconds.toFixed(1)} s; ${rest}`);
      stdout(`${JSON.stringify(summary)}\n`);
      return athletes.some((outcome) => outcome.error !== undefined) ? 1 : 0;
    } finally {
      await pool.end();
    }
  } finally {
    await database.close();
  }
}

/** Runs the command; its exit status: 0, 1 where an athlete or the database failed, 2 on wrong use. Never rejects. */
export const runRescore = (args: readonly string[], output: Output): Promise<ExitStatus> =>
  runCommand({ name: 'rescore', help: HELP, readOptions, run }, args, output);
