/**
 * node dist/bench/explain.js: what an explanation costs on one core. First one explanation at a time: seconds and windows scored, beside the bare scorer
 * with as many whole windows, in turns; then what a rebuild costs. Then the p99 of live batches on this thread without and with explanations in a worker of lower priority. Windows are
 * those of test/fixtures/shap.json. docs/explanations.md holds what was measured.
 */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, setPriority } from 'node:os';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { packWindow } from '../src/explain/pack-window.ts';
import { explainWindow } from '../src/score/explain/explain-window.ts';
import type { Explanation } from '../src/score/explain/explanation.ts';
import { loadModelContract } from '../src/score/model-contract.ts';
import { createOnnxScorer } from '../src/score/onnx/onnx-scorer.ts';
import { createStagedScorer } from '../src/score/onnx/staged-scorer.ts';
import type { Scorer, StagedScorer, WindowInput } from '../src/score/ports.ts';
import { hideSensors, readShapFixtures } from '../test/fixtures/shap-fixtures.ts';

/** As in src/explain/worker.ts. */
const BATCH = 8;
const ROUNDS = 5;
/** Whole windows scored for comparison, a multiple of BATCH. */
const WHOLE = 256;
/** The live load: a batch of this many windows at this interval. */
const LIVE_BATCH = 16;
const LIVE_EVERY_MS = 100;
/** Lowest: on Linux a thread has a priority of its own. */
const LOW_PRIORITY = 19;

const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
};
const secondsOf = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
};

/** xorshift32 in [0, 1). */
function randomFrom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

interface Explainer {
  readonly scorer: Scorer;
  readonly staged: StagedScorer;
  readonly windows: readonly WindowInput[];
  readonly names: readonly string[];
  readonly explain: (one: number) => Promise<Explanation>;
}

async function createExplainer(): Promise<Explainer> {
  const { contract, modelPath } = loadModelContract('models');
  const { windows, cases } = readShapFixtures(contract, readFileSync('test/fixtures/shap.json', 'utf8'));
  const scorer = await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: LIVE_BATCH });
  const staged = await createStagedScorer(scorer, readFileSync(modelPath), contract);
  const at = (place: number): WindowInput => windows[place] as WindowInput;
  const explain = (number: number): Promise<Explanation> => {
    const one = cases[number % cases.length] as (typeof cases)[number];
    return explainWindow(staged, {
      contract,
      window: hideSensors(contract, at(one.window), one.hidden),
      own: one.own.map(at),
      squad: one.squad.map(at),
      grain: one.grain,
      random: randomFrom(number + 1),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
    });
  };
  return { scorer, staged, windows, names: cases.map(({ name }) => name), explain };
}

const repeated = (windows: readonly WindowInput[], count: number): WindowInput[] =>
  Array.from({ length: count }, (_, i) => windows[i % windows.length] as WindowInput);

interface Row {
  readonly name: string;
  readonly method: string;
  readonly evaluations: number;
  readonly seconds: number;
  /** The same number of windows as the bare scorer takes them, each whole: from the time of WHOLE of them. */
  readonly wholeSeconds: number;
}

/** Ours and the bare scorer in turns, so that a busy machine is as busy for each. */
async function measure({ scorer, windows, explain }: Explainer, name: string, number: number): Promise<Row> {
  const { method, evaluations } = await explain(number);
  const batch = repeated(windows, BATCH);
  const [ours, bare]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(await secondsOf(() => explain(number)));
    bare.push(
      await secondsOf(async () => {
        for (let done = 0; done < WHOLE; done += BATCH) await scorer.score(batch);
      }),
    );
  }
  return { name, method, evaluations, seconds: quantile(ours, 0.5), wholeSeconds: (quantile(bare, 0.5) * evaluations) / WHOLE };
}

/** What a rebuild costs: a minute's windows one at a time; and what a stored window weighs. */
async function measureRebuild({ scorer, windows }: Explainer): Promise<string> {
  const seconds = await secondsOf(async () => {
    for (const window of repeated(windows, 60)) await scorer.score([window]);
  });
  const packed = windows.map((window) => packWindow(window).byteLength);
  return `60 windows one at a time: ${seconds.toFixed(2)} s; a stored window: ${quantile(packed, 0.5)} bytes (${quantile(packed, 0)} to ${quantile(packed, 1)})`;
}

/** Live batches measured, at least: p99 is the third worst of them. */
const BATCHES = 300;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Milliseconds a live batch takes, one each LIVE_EVERY_MS until `isDone`. */
async function liveBatches({ scorer, windows }: Explainer, isDone: (taken: number) => boolean): Promise<number[]> {
  const batch = repeated(windows, LIVE_BATCH);
  const taken: number[] = [];
  while (!isDone(taken.length)) {
    taken.push(1_000 * (await secondsOf(() => scorer.score(batch))));
    await sleep(LIVE_EVERY_MS);
  }
  return taken;
}

/** Live batches alone, then as many beside explanations: one after another in a worker, as the service's long-lived explainer makes them. */
async function besideExplanations(explainer: Explainer) {
  const enough = (taken: number): boolean => taken >= BATCHES;
  const alone = await liveBatches(explainer, enough);
  const worker = new Worker(new URL(import.meta.url));
  const told = (): Promise<number> => new Promise((resolve) => worker.once('message', resolve));
  await told();
  const beside = await liveBatches(explainer, enough);
  const made = told();
  worker.postMessage('end');
  return { alone, beside, explanations: await made };
}

async function main(): Promise<void> {
  const explainer = await createExplainer();
  process.stdout.write(
    `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}\n`,
  );
  process.stdout.write('| case | method | windows scored | seconds | the same windows whole, s |\n|---|---|---|---|---|\n');
  for (const [number, name] of explainer.names.entries()) {
    const row = await measure(explainer, name, number);
    process.stdout.write(
      `| ${row.name} | ${row.method} | ${row.evaluations} | ${row.seconds.toFixed(2)} | ${row.wholeSeconds.toFixed(1)} |\n`,
    );
  }
  process.stdout.write(`${await measureRebuild(explainer)}\n`);
  const { alone, beside, explanations } = await besideExplanations(explainer);
  const figures = (ms: readonly number[]): string =>
    `p50 ${quantile(ms, 0.5).toFixed(1)} ms, p99 ${quantile(ms, 0.99).toFixed(1)} ms (${ms.length} batches)`;
  process.stdout.write(`live batch of ${LIVE_BATCH}, alone: ${figures(alone)}\n`);
  process.stdout.write(`live batch of ${LIVE_BATCH}, beside ${explanations} explanations: ${figures(beside)}\n`);
  await explainer.staged.close();
  await explainer.scorer.close();
}

/** The worker's part: explanations one after another on a session of its own, until it is told to end. Tells when it has made the first, and how many in all. */
async function work(): Promise<void> {
  setPriority(LOW_PRIORITY);
  const explainer = await createExplainer();
  let isAsked = true;
  parentPort?.once('message', () => {
    isAsked = false;
  });
  let made = 0;
  for (; isAsked; made += 1) {
    await explainer.explain(made);
    if (made === 0) parentPort?.postMessage(1);
    // Messages arrive between explanations only.
    await sleep(0);
  }
  await explainer.staged.close();
  await explainer.scorer.close();
  parentPort?.postMessage(made);
}

await (isMainThread ? main() : work());
