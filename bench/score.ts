/**
 * Scored windows a second, fed aligned windows, against bare `session.run` on the same graph at its best batch, one thread each (a shard is one
 * thread). Ours is what a shard does with a window that is ready for the graph: batcher, copy into the batch, run, copy out, model state,
 * baselines, checkpoint bytes. Rounds are interleaved, medians reported. Beside the ratio: the same with normalisation (every channel observed,
 * its worst case), and what a window costs from frames to graph input.
 */
import ort from 'onnxruntime-node';
import { encodeFrame } from '../src/contracts/frame.ts';
import type { ModelContract } from '../src/contracts/model.ts';
import type { StreamDeclaration } from '../src/contracts/protocol.ts';
import { createBaselines, moveBaselines, normaliseWindow } from '../src/normalise/baseline.ts';
import { createBatcher } from '../src/score/batcher.ts';
import { graphInputs } from '../src/score/graph.ts';
import { loadModelContract } from '../src/score/model-contract.ts';
import { createOnnxScorer } from '../src/score/onnx/onnx-scorer.ts';
import type { ModelState, Scorer, WindowInput } from '../src/score/ports.ts';
import { createAthletePipeline, type AthletePipeline } from '../src/shard/athlete-pipeline.ts';
import { encodeCheckpoint } from '../src/shard/checkpoint.ts';

const ATHLETES = 128;
const STEPS = 200;
const BATCHES = [1, 2, 4, 8, 16, 32, 64];
/** The service's own. */
const OUR_BATCH = 64;
const ROUNDS = 9;
const ROUND_MS = 400;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
/** A fixed sequence in [-1, 1): the inputs' values decide nothing about the cost. */
const wave = (i: number): number => ((i * 2_654_435_761) % 2_000) / 1_000 - 1;

/** Runs `step` for about ROUND_MS and gives units a second. */
async function rate(step: () => Promise<number>): Promise<number> {
  const begun = performance.now();
  let units = 0;
  while (performance.now() - begun < ROUND_MS) units += await step();
  return (units * 1000) / (performance.now() - begun);
}

async function bareRunner(modelPath: string, contract: ModelContract): Promise<(batch: number) => () => Promise<number>> {
  const session = await ort.InferenceSession.create(modelPath, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  return (batch) => {
    const feeds = Object.fromEntries(
      graphInputs(contract).map(({ name, dimensions }) => {
        const width = dimensions.reduce((product, size) => product * size, 1);
        const data = Float32Array.from({ length: batch * width }, (_, i) => (name.endsWith('_mask') ? 1 : wave(i)));
        return [name, new ort.Tensor('float32', data, [batch, ...dimensions])];
      }),
    );
    return async () => {
      await session.run(feeds);
      return batch;
    };
  };
}

/** One athlete that is handed aligned windows (raw values, taken in turn from `raw`: fresh from alignment they lie in the cache, as here). */
function alignedAthlete(contract: ModelContract, seed: number, raw: readonly Float32Array[]) {
  const channels = contract.bio.length;
  const baselines = createBaselines(contract);
  const mask = new Float32Array(STEPS * channels).fill(1);
  const bio = new Float32Array(STEPS * channels);
  const scalars = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => wave(i + seed));
  const ones = (length: number): Float32Array => new Float32Array(length).fill(1);
  const fixed = {
    phys: scalars(contract.phys.length),
    physMask: ones(contract.phys.length),
    perf: scalars(contract.perf.length),
    perfMask: ones(contract.perf.length),
    context: scalars(contract.context.length),
    contextMask: ones(contract.context.length),
    elapsedHops: 1,
  };
  const { sizes } = contract;
  let state: ModelState = {
    final: new Float32Array(sizes.final),
    a: new Float32Array(sizes.hidden),
    h: new Float32Array(2 * sizes.hidden),
  };
  let turn = 0;
  bio.set(raw[seed % raw.length] as Float32Array);
  let normalised = normaliseWindow(bio, mask, STEPS, contract, baselines, 'walk');
  const take = (normalise: boolean) => {
    if (normalise) bio.set(raw[(turn + seed) % raw.length] as Float32Array);
    turn += 1;
    if (normalise) normalised = normaliseWindow(bio, mask, STEPS, contract, baselines, 'walk');
    const input: WindowInput = {
      bio,
      bioMask: mask,
      ...fixed,
      state,
    };
    return { input, normalised };
  };
  const complete = (normalised: ReturnType<typeof take>['normalised'], next: ModelState): number => {
    moveBaselines(baselines, contract, normalised, 'walk');
    state = next;
    const clocks = {
      newestReceivedUs: 0,
      liveNowUs: 0,
      recordedNowUs: 0,
      nextIndex: turn,
      lastScoredIndex: turn,
      closedEndUs: 0,
      activityIndex: 1,
    };
    return encodeCheckpoint({ ...clocks, state, baselines, clocks: [], streams: [] }).byteLength;
  };
  return { take, complete };
}

function ourRunner(scorer: Scorer, contract: ModelContract, normalise: boolean): () => Promise<number> {
  const values = STEPS * contract.bio.length;
  const raw = [1, 2, 3, 4].map((turn) => Float32Array.from({ length: values }, (_, i) => 3 * wave(i + turn * 104_729)));
  const athletes = Array.from({ length: ATHLETES }, (_, seed) => alignedAthlete(contract, seed, raw));
  const batcher = createBatcher<(typeof athletes)[number], ReturnType<(typeof athletes)[number]['take']>>(scorer.maxBatch);
  for (const athlete of athletes) batcher.offer(athlete);
  return async () => {
    const batch = batcher.next((athlete) => athlete.take(normalise));
    const outputs = await scorer.score(batch.map(([, { input }]) => input));
    batch.forEach(([athlete, { normalised }], i) => {
      const output = outputs[i];
      if (output !== undefined) athlete.complete(normalised, output.next);
    });
    return batch.length;
  };
}

const IMU = ['ax', 'ay', 'az', 'gx', 'gy', 'gz'].map((name) => ({ name, unit: name.startsWith('a') ? 'm/s2' : 'rad/s' }));
const ALIGN_SECONDS = 60;

/** Frames to finished input window, without the model: three 6-channel IMUs at 200 Hz in 50-sample int16 frames and a wearable. Microseconds a window. */
function alignmentUs(contract: ModelContract): number {
  const startUs = 1_700_000_000_000_000;
  const pipeline: AthletePipeline = createAthletePipeline({
    contract,
    athlete: { athleteId: 'bench', context: {}, baselineFrozen: false },
  });
  const declare = (stream: number, rest: Pick<StreamDeclaration, 'kind' | 'placement' | 'channels' | 'rateHz'>): void => {
    const declaration: StreamDeclaration = {
      stream,
      device: `d${stream}`,
      boot: 'b',
      mode: 'live',
      encoding: 'int16',
      gravity: 'removed',
      scale: rest.channels.map(() => 0.01),
      ...rest,
    };
    pipeline.open({ streamId: stream, athleteId: 'bench', declaration, receivedUs: startUs - 1, nextSequence: 0, lastDeviceTimeUs: null });
  };
  ['foot-left', 'foot-right', 'trunk'].forEach((placement, i) => {
    declare(i + 1, { kind: 'imu', placement, channels: IMU, rateHz: 200 });
  });
  declare(4, { kind: 'wearable', placement: 'chest', channels: [{ name: 'heartRate', unit: 'bpm' }], rateHz: 1 });
  const samples = Int16Array.from({ length: 50 * 6 }, (_, i) => 1_000 * wave(i));
  for (let tick = 0; tick < ALIGN_SECONDS * 4; tick += 1) {
    const deviceTimeUs = tick * 250_000;
    for (let stream = 1; stream <= 3; stream += 1) {
      const bytes = encodeFrame({ flags: 0, channels: 6, stream, sequence: tick, deviceTimeUs }, samples);
      pipeline.push(stream, tick, startUs + deviceTimeUs + 250_000 + stream, bytes);
    }
    if (tick % 4 !== 3) continue;
    const bytes = encodeFrame(
      { flags: 0, channels: 1, stream: 4, sequence: (tick - 3) / 4, deviceTimeUs: deviceTimeUs - 750_000 },
      Int16Array.of(140),
    );
    pipeline.push(4, (tick - 3) / 4, startUs + deviceTimeUs + 250_004, bytes);
  }
  const begun = performance.now();
  let windows = 0;
  for (let due = pipeline.takeDue(); due !== null; due = pipeline.takeDue()) {
    pipeline.complete(due, null, 0);
    windows += 1;
  }
  return ((performance.now() - begun) * 1000) / windows;
}

export interface ScoreBench {
  readonly name: string;
  readonly ours: number;
  readonly limit: number;
  readonly ratio: number;
  readonly unit: string;
  readonly detail: Readonly<Record<string, number>>;
}

export async function benchScore(modelDirectory = 'models'): Promise<ScoreBench> {
  const { contract, modelPath } = loadModelContract(modelDirectory);
  const bare = await bareRunner(modelPath, contract);
  const scorer = await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: OUR_BATCH });
  const runners = new Map(BATCHES.map((batch) => [batch, bare(batch)]));
  const own = ourRunner(scorer, contract, false);
  const ownNormalising = ourRunner(scorer, contract, true);
  for (const step of [...runners.values(), own, ownNormalising]) await step();
  // The best batch is found first, then the pair is measured in turns.
  const sweep = new Map<number, number>();
  for (const [batch, step] of runners) sweep.set(batch, median([await rate(step), await rate(step), await rate(step)]));
  const [bestBatch] = [...sweep].reduce((best, entry) => (entry[1] > best[1] ? entry : best));
  const limitStep = runners.get(bestBatch) as () => Promise<number>;
  const ours: number[] = [];
  const limits: number[] = [];
  const normalising: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    limits.push(await rate(limitStep));
    ours.push(await rate(own));
    normalising.push(await rate(ownNormalising));
  }
  await scorer.close();
  alignmentUs(contract);
  const aligned = median([1, 2, 3, 4, 5].map(() => alignmentUs(contract)));
  const ratioOf = (values: readonly number[]): number => median(values.map((value, i) => value / (limits[i] as number)));
  return {
    name: 'scored windows',
    ours: median(ours),
    limit: median(limits),
    ratio: ratioOf(ours),
    unit: 'windows/s',
    detail: {
      ratioWithNormalisation: ratioOf(normalising),
      bestBatch,
      ourBatch: OUR_BATCH,
      alignmentUsAWindow: aligned,
      oneAtATime: sweep.get(1) ?? Number.NaN,
    },
  };
}
