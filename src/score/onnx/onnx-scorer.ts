/** The Scorer on onnxruntime-node. `session.run` blocks its thread: this lives in worker threads. */
import ort from 'onnxruntime-node';
import { KinewatchError } from '../../contracts/errors.ts';
import type { ModelContract } from '../../contracts/model.ts';
import { graphDifferences, graphInputs, graphOutputs, type GraphTensor } from '../graph.ts';
import type { Scorer, WindowInput, WindowOutput } from '../ports.ts';

// What fails is thrown and said in our own words; the runtime would print it in red beside them.
ort.env.logLevel = 'fatal';

export type ExecutionProvider = 'auto' | 'cuda' | 'cpu';

export interface OnnxScorerOptions {
  readonly modelPath: string;
  readonly contract: ModelContract;
  readonly executionProvider: ExecutionProvider;
  readonly maxBatch: number;
}

export interface OnnxScorer extends Scorer {
  /** Why it is not the provider that was hoped for; null where it is. */
  readonly providerNote: string | null;
}

/**
 * Opens the graph, holds it against the contract and runs it once.
 * `auto` takes CUDA where this package's CUDA libraries are installed and says in `providerNote` why it did not.
 * @throws KinewatchError cuda-unavailable where cuda was asked for and cannot be had; model-contract where the graph differs from the contract
 */
export async function createOnnxScorer(options: OnnxScorerOptions): Promise<OnnxScorer> {
  const { contract, maxBatch } = options;
  if (!Number.isInteger(maxBatch) || maxBatch < 1) throw new RangeError(`maxBatch ${maxBatch}`);
  const { session, provider, note } = await openSession(options);
  const faults = graphDifferences(contract, session.inputMetadata.map(describe), session.outputMetadata.map(describe));
  if (faults.length > 0) {
    await session.release();
    throw new KinewatchError('model-contract', `${options.modelPath} does not fit contract ${contract.version}: ${faults.join('; ')}`);
  }
  const inputs = graphInputs(contract).map(({ name, dimensions }) => {
    const width = dimensions.reduce((product, size) => product * size, 1);
    return { name, dimensions, width, data: new Float32Array(maxBatch * width) };
  });
  const buffers = inputs.map((input) => input.data);
  const outputNames = graphOutputs(contract).map((tensor) => tensor.name);
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
      return windows.map((_, row) => pick(results, row, contract));
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

interface Opened {
  readonly session: ort.InferenceSession;
  readonly provider: string;
  readonly note: string | null;
}

async function openSession({ modelPath, executionProvider }: OnnxScorerOptions): Promise<Opened> {
  if (executionProvider === 'cpu') return { session: await create(modelPath, ['cpu']), provider: 'cpu', note: null };
  try {
    return { session: await create(modelPath, [{ name: 'cuda', deviceId: 0 }, 'cpu']), provider: 'cuda', note: null };
  } catch (cause) {
    // The runtime's message continues with its own log line and colour codes: the first line says it.
    const [line = ''] = String((cause as Error).message).split('\n');
    const missing = `CUDA cannot be used: ${line.slice(0, 200)}. The CUDA libraries of onnxruntime-node are installed by \`node node_modules/onnxruntime-node/script/install --onnxruntime-node-install=cuda12\``;
    if (executionProvider === 'cuda') throw new KinewatchError('cuda-unavailable', missing, { cause });
    return { session: await create(modelPath, ['cpu']), provider: 'cpu', note: missing };
  }
}

async function create(
  modelPath: string,
  executionProviders: ort.InferenceSession.ExecutionProviderConfig[],
): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(modelPath, {
    executionProviders,
    // One thread a worker, and no spinning: the cores belong to the other workers and to the sockets.
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
  });
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

function pick(results: ort.InferenceSession.OnnxValueMapType, row: number, { sizes }: ModelContract): WindowOutput {
  const slice = (name: string, width: number): Float32Array => {
    const data = (results[name] as ort.Tensor).data as Float32Array;
    return data.slice(row * width, (row + 1) * width);
  };
  const one = (name: string): number => ((results[name] as ort.Tensor).data as Float32Array)[row] as number;
  return {
    stateLogit: one('state_logit'),
    logitSd: one('logit_sd'),
    rehab: one('rehab'),
    performance: one('performance'),
    residualNorm: one('residual_norm'),
    fAttn: slice('f_attn', sizes.attn),
    attnTime: slice('attn_time', sizes.timeSteps),
    attnTokens: slice('attn_tokens', sizes.tokens),
    next: { final: slice('next_final', sizes.final), a: slice('next_a', sizes.hidden), h: slice('next_h', 2 * sizes.hidden) },
  };
}
