/** The Scorer on onnxruntime-node. `session.run` blocks its thread: this lives in worker threads. */
import ort from 'onnxruntime-node';
import { KinewatchError } from '../../contracts/errors.ts';
import type { ModelContract } from '../../contracts/model.ts';
import { graphDifferences, graphInputs, graphOutputs, type GraphTensor } from '../graph.ts';
import type { Scorer, WindowInput, WindowOutput } from '../ports.ts';
import { type ExecutionProvider, openWithProvider } from './provider.ts';

// What fails is thrown and said in our own words; the runtime would print it in red beside them.
ort.env.logLevel = 'fatal';

export type { ExecutionProvider };

export interface OnnxScorerOptions {
  /** The file of the graph, or what messages call it where `modelBytes` is given. */
  readonly modelPath: string;
  /** The graph itself (from the registry): no file is read. */
  readonly modelBytes?: Uint8Array;
  readonly contract: ModelContract;
  readonly executionProvider: ExecutionProvider;
  readonly maxBatch: number;
}

export interface OnnxScorer extends Scorer {
  /** Why it is not the provider that was hoped for; null where it is. */
  readonly providerNote: string | null;
}

/**
 * Opens the graph, holds it against the contract and, on CUDA, runs it once: a driver or kernel that does not fit shows only then.
 * `auto` takes CUDA where it can be had and says in `providerNote` why it did not.
 * @throws KinewatchError cuda-unavailable where cuda was asked for and cannot be had; model-contract where the graph differs from the contract
 */
export async function createOnnxScorer(options: OnnxScorerOptions): Promise<OnnxScorer> {
  const { contract, maxBatch } = options;
  if (!Number.isInteger(maxBatch) || maxBatch < 1) throw new RangeError(`maxBatch ${maxBatch}`);
  const { session, provider, note } = await openWithProvider(options.executionProvider, (wanted) => openSession(options, wanted));
  const inputs = graphInputs(contract).map(({ name, dimensions }) => {
    const width = dimensions.reduce((product, size) => product * size, 1);
    return { name, dimensions, width, data: new Float32Array(maxBatch * width) };
  });
  const buffers = inputs.map((input) => input.data);
  const outputs = graphOutputs(contract);
  const outputNames = outputs.map((tensor) => tensor.name);
  const widths = outputs.map((tensor) => tensor.dimensions.reduce((product, size) => product * size, 1));
  /** Tensors over the same preallocated memory, one set a batch size. */
  const feeds: (Record<string, ort.Tensor> | undefined)[] = [];
  const feedsOf = (batch: number): Record<string, ort.Tensor> =>
    (feeds[batch] ??= Object.fromEntries(
      inputs.map(({ name, dimensions, width, data }) => [
        name,
        new ort.Tensor('float32', data.subarray(0, batch * width), [batch, ...dimensions]),
      ]),
    ));
  let busy = false;

  const score = async (windows: readonly WindowInput[]): Promise<readonly WindowOutput[]> => {
    if (windows.length === 0 || windows.length > maxBatch) throw new RangeError(`batch of ${windows.length}, 1 to ${maxBatch}`);
    // The input memory is shared by all batches: a second run before the first has ended would score its windows.
    if (busy) throw new KinewatchError('scorer-busy', 'one batch at a time');
    busy = true;
    try {
      windows.forEach((window, row) => {
        fill(window, row, buffers);
      });
      const results = await session.run(feedsOf(windows.length), outputNames);
      const data = outputNames.map((name) => (results[name] as ort.Tensor).data as Float32Array);
      return windows.map((_, row) => pick(data, widths, row));
    } finally {
      busy = false;
    }
  };
  return { provider, providerNote: note, modelVersion: contract.version, maxBatch, score, close: () => session.release() };
}

function describe(metadata: ort.InferenceSession.ValueMetadata): GraphTensor {
  return metadata.isTensor
    ? { name: metadata.name, type: metadata.type, shape: metadata.shape }
    : { name: metadata.name, type: 'no tensor', shape: [] };
}

const PROVIDERS: Readonly<Record<'cuda' | 'cpu', ort.InferenceSession.ExecutionProviderConfig[]>> = {
  cuda: [{ name: 'cuda', deviceId: 0 }, 'cpu'],
  cpu: ['cpu'],
};

/** A session whose graph fits the contract, and that has run where it is one on CUDA. */
async function openSession(options: OnnxScorerOptions, provider: 'cuda' | 'cpu'): Promise<ort.InferenceSession> {
  const { contract, modelPath, modelBytes } = options;
  const session = await createSession(modelBytes ?? modelPath, provider);
  try {
    const faults = graphDifferences(contract, session.inputMetadata.map(describe), session.outputMetadata.map(describe));
    if (faults.length > 0) {
      throw new KinewatchError('model-contract', `${modelPath} does not fit contract ${contract.version}: ${faults.join('; ')}`);
    }
    if (provider === 'cuda') await session.run(emptyWindow(contract));
    return session;
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** One window in which nothing was observed. */
const emptyWindow = (contract: ModelContract): Record<string, ort.Tensor> =>
  Object.fromEntries(
    graphInputs(contract).map(({ name, dimensions }) => {
      const width = dimensions.reduce((product, size) => product * size, 1);
      return [name, new ort.Tensor('float32', new Float32Array(width), [1, ...dimensions])];
    }),
  );

/** A session on one thread. @throws the runtime's errors where it cannot be opened */
export async function createSession(graph: string | Uint8Array, provider: 'cuda' | 'cpu'): Promise<ort.InferenceSession> {
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: PROVIDERS[provider],
    // One thread a worker, and no spinning: the cores belong to the other workers and to the sockets.
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
  };
  return typeof graph === 'string' ? ort.InferenceSession.create(graph, options) : ort.InferenceSession.create(graph, options);
}

/** Copies one window into its row of the batch; order as in graphInputs. */
function fill(window: WindowInput, row: number, buffers: readonly Float32Array[]): void {
  const parts = [
    window.bio,
    window.bioMask,
    window.phys,
    window.physMask,
    window.perf,
    window.perfMask,
    window.context,
    window.contextMask,
    window.state.final,
    window.state.a,
    window.state.h,
  ];
  parts.forEach((part, i) => (buffers[i] as Float32Array).set(part, row * part.length));
  (buffers[parts.length] as Float32Array)[row] = window.elapsedHops;
}

/** One window's row of every output, order as in graphOutputs; the vectors share one allocation of their own. */
function pick(outputs: readonly Float32Array[], widths: readonly number[], row: number): WindowOutput {
  const own = new Float32Array(widths.reduce((sum, width) => sum + width, 0));
  let end = 0;
  const parts = widths.map((width, i) => {
    const from = outputs[i] as Float32Array;
    const start = end;
    for (let k = row * width; k < (row + 1) * width; k += 1, end += 1) own[end] = from[k] as number;
    return own.subarray(start, end);
  }) as WindowParts;
  const [logit, rehab, performance, fAttn, attnTime, attnTokens, residual, deviation, final, a, h] = parts;
  return {
    stateLogit: logit[0] as number,
    logitSd: deviation[0] as number,
    rehab: rehab[0] as number,
    performance: performance[0] as number,
    residualNorm: residual[0] as number,
    fAttn,
    attnTime,
    attnTokens,
    next: { final, a, h },
  };
}

type Vector = Float32Array;
type WindowParts = [Vector, Vector, Vector, Vector, Vector, Vector, Vector, Vector, Vector, Vector, Vector];
