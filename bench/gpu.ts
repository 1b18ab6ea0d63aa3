/**
 * npm run bench:gpu: the scorer on CUDA against the scorer on the CPU of the same machine. Parity first (models/parity.json and random windows, both to
 * 1e-3), then windows a second and p99 of a batch by batch size: rounds of both in turns, medians. bench/README.md holds what was measured where.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, hostname } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { KinewatchError } from '../src/contracts/errors.ts';
import type { ModelContract } from '../src/contracts/model.ts';
import { graphInputs, graphOutputs } from '../src/score/graph.ts';
import { loadModelContract } from '../src/score/model-contract.ts';
import { createOnnxScorer } from '../src/score/onnx/onnx-scorer.ts';
import type { Scorer, WindowInput, WindowOutput } from '../src/score/ports.ts';

const HELP = `npm run bench:gpu -- [--models DIR] [--json]

Compares CPU and CUDA on one machine: parity to 1e-3, windows/s and p99 by batch size. Ends with code 2 where CUDA cannot be used.

  --models DIR   the folder with binn.json, binn.onnx and parity.json (default models)
  --json         one JSON object as the last line of stdout
`;

const BATCHES = [1, 8, 32, 64, 128] as const;
const LARGEST = 128;
const TOLERANCE = 1e-3;
const ROUNDS = 9;
const ROUND_MS = 300;
/** Exit codes: 1 where the outputs differ, 2 where CUDA cannot be used. */
const DIFFERS = 1;
const NO_CUDA = 2;

const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
};
const median = (values: readonly number[]): number => quantile(values, 0.5);

/** xorshift32 in [0, 1): the same windows on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function windowOf(contract: ModelContract, fill: (name: string, width: number) => Float32Array): WindowInput {
  const tensors = new Map(
    graphInputs(contract).map(({ name, dimensions }) => [
      name,
      fill(
        name,
        dimensions.reduce((product, size) => product * size, 1),
      ),
    ]),
  );
  const of = (name: string): Float32Array => tensors.get(name) ?? new Float32Array();
  return {
    bio: of('bio'),
    bioMask: of('bio_mask'),
    phys: of('phys'),
    physMask: of('phys_mask'),
    perf: of('perf'),
    perfMask: of('perf_mask'),
    context: of('context'),
    contextMask: of('context_mask'),
    elapsedHops: of('elapsed')[0] ?? 1,
    state: { final: of('state_final'), a: of('state_a'), h: of('state_h') },
  };
}

function randomWindow(contract: ModelContract, seed: number): WindowInput {
  const random = randomFrom(seed * 7_919 + 17);
  return windowOf(contract, (name, width) =>
    Float32Array.from({ length: width }, () => {
      if (name === 'elapsed') return 1 + (seed % 3);
      if (name.endsWith('_mask')) return random() < 0.8 ? 1 : 0;
      return (random() - 0.5) * (name.startsWith('state') ? 1 : 4);
    }),
  );
}

const outputValues = (contract: ModelContract, output: WindowOutput): ReadonlyMap<string, ArrayLike<number>> => {
  const values = [
    [output.stateLogit],
    [output.rehab],
    [output.performance],
    output.fAttn,
    output.attnTime,
    output.attnTokens,
    [output.residualNorm],
    [output.logitSd],
    output.next.final,
    output.next.a,
    output.next.h,
  ];
  return new Map(graphOutputs(contract).map(({ name }, i) => [name, values[i] ?? []]));
};

const largestGap = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0);

interface Packed {
  /** Batch first. */
  readonly shape: readonly number[];
  readonly f32: string;
}
interface ParityFile {
  readonly windows: readonly { readonly inputs: Record<string, Packed>; readonly outputs: Record<string, Packed> }[];
}

/** One row of the batch. */
function unpack({ shape, f32 }: Packed, row: number): Float32Array {
  const bytes = Buffer.from(f32, 'base64');
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const width = values.length / (shape[0] ?? 1);
  return values.subarray(row * width, (row + 1) * width);
}

/** Largest difference of the scorer's outputs from those of parity.json. */
async function parityGap(scorer: Scorer, contract: ModelContract, directory: string): Promise<number> {
  const { windows } = JSON.parse(readFileSync(join(directory, 'parity.json'), 'utf8')) as ParityFile;
  const rowOf = (packed: Record<string, Packed>, name: string, row: number): Float32Array => {
    const found = packed[name];
    if (found === undefined) throw new Error(`parity.json has no ${name}`);
    return unpack(found, row);
  };
  let gap = 0;
  for (const { inputs, outputs } of windows) {
    const rows = inputs['bio']?.shape[0] ?? 0;
    const given = await scorer.score(Array.from({ length: rows }, (_, row) => windowOf(contract, (name) => rowOf(inputs, name, row))));
    given.forEach((output, row) => {
      for (const [name, values] of outputValues(contract, output)) gap = Math.max(gap, largestGap(rowOf(outputs, name, row), values));
    });
  }
  return gap;
}

/** Largest difference between two scorers over random windows, alone and in a full batch. */
async function randomGap(a: Scorer, b: Scorer, contract: ModelContract): Promise<number> {
  let gap = 0;
  for (const batch of [1, LARGEST]) {
    const windows = Array.from({ length: batch }, (_, i) => randomWindow(contract, batch + i));
    const [ofA, ofB] = [await a.score(windows), await b.score(windows)];
    ofA.forEach((output, i) => {
      const other = outputValues(contract, ofB[i] as WindowOutput);
      for (const [name, values] of outputValues(contract, output)) gap = Math.max(gap, largestGap(values, other.get(name) ?? []));
    });
  }
  return gap;
}

interface Round {
  readonly perS: number;
  readonly batchMs: readonly number[];
}

async function round(scorer: Scorer, windows: readonly WindowInput[]): Promise<Round> {
  const batchMs: number[] = [];
  const begun = performance.now();
  let now = begun;
  while (now - begun < ROUND_MS) {
    await scorer.score(windows);
    const after = performance.now();
    batchMs.push(after - now);
    now = after;
  }
  return { perS: (batchMs.length * windows.length * 1000) / (now - begun), batchMs };
}

export interface BatchRow {
  readonly batch: number;
  readonly cpu: { readonly perS: number; readonly p99Ms: number };
  readonly cuda: { readonly perS: number; readonly p99Ms: number };
  readonly ratio: number;
}

/** Rounds of both in turns: what else the machine does falls on both. */
async function measure(cpu: Scorer, cuda: Scorer, contract: ModelContract, batch: number): Promise<BatchRow> {
  const windows = Array.from({ length: batch }, (_, i) => randomWindow(contract, i + 1));
  await round(cpu, windows);
  await round(cuda, windows);
  const rounds: { cpu: Round; cuda: Round }[] = [];
  for (let i = 0; i < ROUNDS; i += 1) rounds.push({ cpu: await round(cpu, windows), cuda: await round(cuda, windows) });
  const of = (name: 'cpu' | 'cuda') => ({
    perS: median(rounds.map((pair) => pair[name].perS)),
    p99Ms: quantile(
      rounds.flatMap((pair) => pair[name].batchMs),
      0.99,
    ),
  });
  return { batch, cpu: of('cpu'), cuda: of('cuda'), ratio: median(rounds.map((pair) => pair.cuda.perS / pair.cpu.perS)) };
}

/** Name and driver of the first GPU as nvidia-smi says them; null without nvidia-smi. */
function gpuName(): string | null {
  const { status, stdout } = spawnSync('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader'], { encoding: 'utf8' });
  return status === 0 ? (stdout.split('\n')[0]?.trim() ?? null) : null;
}

function table(rows: readonly BatchRow[]): string {
  const lines = rows.map(
    ({ batch, cpu, cuda, ratio }) =>
      `| ${batch} | ${Math.round(cpu.perS)} | ${cpu.p99Ms.toFixed(2)} | ${Math.round(cuda.perS)} | ${cuda.p99Ms.toFixed(2)} | ${ratio.toFixed(2)} |`,
  );
  return ['| batch | CPU windows/s | CPU p99 ms | CUDA windows/s | CUDA p99 ms | CUDA / CPU |', '|---|---|---|---|---|---|', ...lines].join(
    '\n',
  );
}

async function openBoth(directory: string) {
  const { contract, modelPath } = loadModelContract(directory);
  const options = { modelPath, contract, maxBatch: LARGEST };
  // CUDA first: where it cannot be had there is nothing to compare.
  const cuda = await createOnnxScorer({ ...options, executionProvider: 'cuda' });
  const cpu = await createOnnxScorer({ ...options, executionProvider: 'cpu' });
  return { contract, cuda, cpu };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      models: { type: 'string', default: 'models' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const { contract, cuda, cpu } = await openBoth(values.models);
  const machine = { host: hostname(), cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, gpu: gpuName(), node: process.version };
  const parity = {
    cpu: await parityGap(cpu, contract, values.models),
    cuda: await parityGap(cuda, contract, values.models),
    random: await randomGap(cpu, cuda, contract),
  };
  const rows: BatchRow[] = [];
  for (const batch of BATCHES) rows.push(await measure(cpu, cuda, contract, batch));
  await Promise.all([cpu.close(), cuda.close()]);
  process.stdout.write(
    `${machine.host}: ${machine.cpu}, ${machine.cores} cores, one thread for the CPU; ${machine.gpu ?? 'GPU unknown (no nvidia-smi)'}; ` +
      `Node ${machine.node}; model ${contract.version}\n` +
      `largest difference: CPU from parity.json ${parity.cpu.toExponential(1)}, CUDA from parity.json ${parity.cuda.toExponential(1)}, ` +
      `CUDA from CPU on random windows ${parity.random.toExponential(1)} (allowed ${TOLERANCE})\n\n${table(rows)}\n`,
  );
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, model: contract.version, parity, rows })}\n`);
  // A comparison with NaN is a difference too.
  if (!(Math.max(parity.cpu, parity.cuda, parity.random) <= TOLERANCE)) {
    process.stderr.write(`The outputs differ by more than ${TOLERANCE}.\n`);
    process.exitCode = DIFFERS;
  }
}

main().catch((error: unknown) => {
  const isRefusal = error instanceof KinewatchError && error.code === 'cuda-unavailable';
  process.stderr.write(
    isRefusal
      ? `${error.message}.\nNothing was measured.\n`
      : `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = isRefusal ? NO_CUDA : DIFFERS;
});
