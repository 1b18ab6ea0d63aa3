/** The graph in two steps: movement encoded once, everything else scored over it many times. Where the graph does not come apart, both steps are the whole of it. */
import ort from 'onnxruntime-node';
import type { ModelContract } from '../../contracts/model.ts';
import { graphInputs } from '../graph.ts';
import { inOneStage } from '../one-stage.ts';
import type { Movement, StagedScorer, WindowInput } from '../ports.ts';
import { createSession, type OnnxScorer } from './onnx-scorer.ts';
import { splitGraph, type GraphPart, type SplitGraph } from './split-graph.ts';

/** Windows of one `finish` (chosen: 32 take 14 µs each, 64 and 128 take 11, 256 take more on the machine it was measured on). */
const MAX_FINISH = 64;
/** How far the two steps may answer from the whole graph: the same arithmetic in the same order, so hardly at all. */
const TOLERANCE = 1e-5;
const MOVEMENT: ReadonlySet<string> = new Set(['bio', 'bio_mask']);
const STATE_LOGIT = 'state_logit';
const ATTENTION = ['attn_time', 'attn_tokens'] as const;

type Rest = Omit<WindowInput, 'bio' | 'bioMask'>;

const MOVEMENT_VALUES: Readonly<Record<string, (window: Pick<WindowInput, 'bio' | 'bioMask'>) => Float32Array>> = {
  bio: ({ bio }) => bio,
  bio_mask: ({ bioMask }) => bioMask,
};
const REST_VALUES: Readonly<Record<string, (rest: Rest) => Float32Array>> = {
  phys: ({ phys }) => phys,
  phys_mask: ({ physMask }) => physMask,
  perf: ({ perf }) => perf,
  perf_mask: ({ perfMask }) => perfMask,
  context: ({ context }) => context,
  context_mask: ({ contextMask }) => contextMask,
  state_final: ({ state }) => state.final,
  state_a: ({ state }) => state.a,
  state_h: ({ state }) => state.h,
  elapsed: ({ elapsedHops }) => Float32Array.of(elapsedHops),
};

/**
 * Opens the two halves beside the whole, whose provider they use, and tries them against it.
 * @param graph the bytes that `whole` was opened with
 * @returns two halves that answer as the whole does; where there are none the whole itself, which stays the caller's to close
 */
export async function createStagedScorer(whole: OnnxScorer, graph: Uint8Array, contract: ModelContract): Promise<StagedScorer> {
  try {
    const staged = await openHalves(splitGraph(graph, MOVEMENT), whole, contract);
    if (await answerAlike(staged, whole, contract)) return staged;
    await staged.close();
  } catch {
    // A graph of another make: the runtime or the cut refuses it.
  }
  return inOneStage(whole);
}

/** One half's session and its input memory, shared by all batches. */
interface Half {
  /** Values a row of each output, by name. */
  readonly run: (batch: number) => Promise<ReadonlyMap<string, ort.Tensor>>;
  /** Input memory, by name; a row a window. */
  readonly rows: ReadonlyMap<string, { readonly data: Float32Array; readonly width: number }>;
  readonly close: () => Promise<void>;
}

interface Shape {
  readonly name: string;
  readonly dimensions: readonly number[];
}

async function openHalf(part: GraphPart, inputs: readonly Shape[], maxBatch: number, provider: string): Promise<Half> {
  const session = await createSession(part.bytes, provider === 'cuda' ? 'cuda' : 'cpu');
  const shaped = inputs.map(({ name, dimensions }) => {
    const width = dimensions.reduce((product, size) => product * size, 1);
    return { name, dimensions, width, data: new Float32Array(maxBatch * width) };
  });
  return {
    rows: new Map(shaped.map(({ name, data, width }) => [name, { data, width }])),
    run: async (batch) => {
      const feeds = shaped.map(({ name, dimensions, width, data }) => [
        name,
        new ort.Tensor('float32', data.subarray(0, batch * width), [batch, ...dimensions]),
      ]);
      const results = await session.run(Object.fromEntries(feeds) as Record<string, ort.Tensor>, [...part.outputs]);
      return new Map(part.outputs.map((name) => [name, results[name] as ort.Tensor] as const));
    },
    close: () => session.release(),
  };
}

/** Row `row` of a tensor, copied. */
function rowOf(tensor: ort.Tensor, row: number): Float32Array {
  const data = tensor.data as Float32Array;
  const width = data.length / (tensor.dims[0] as number);
  return data.slice(row * width, (row + 1) * width);
}

/** @throws RangeError where a half needs what its side does not have; the runtime's errors where it does not open */
async function openHalves({ first, second }: SplitGraph, whole: OnnxScorer, contract: ModelContract): Promise<StagedScorer> {
  const { provider, maxBatch } = whole;
  const shapes = new Map(graphInputs(contract).map((shape) => [shape.name, shape]));
  const known = (names: readonly string[]): Shape[] => names.flatMap((name) => shapes.get(name) ?? []);
  const encoder = await openHalf(first, known(first.inputs), maxBatch, provider);
  const carried = second.inputs.filter((name) => !shapes.has(name));
  if (second.inputs.some((name) => MOVEMENT.has(name))) throw new RangeError('the second half needs the movement itself');
  // One window of nothing shows how large what is handed over is.
  const shown = await encoder.run(1);
  const handed = carried.map((name): Shape => {
    const tensor = shown.get(name);
    if (tensor === undefined || tensor.type !== 'float32' || tensor.dims[0] !== 1) throw new RangeError(`${name} cannot be handed over`);
    return { name, dimensions: tensor.dims.slice(1) };
  });
  const rest = known(second.inputs);
  const finisher = await openHalf(second, [...rest, ...handed], MAX_FINISH, provider);
  const outside = ATTENTION.filter((name) => first.outputs.includes(name));

  const put = ({ rows }: Half, name: string, row: number, values: Float32Array): void => {
    const place = rows.get(name);
    place?.data.set(values, row * place.width);
  };
  return {
    provider,
    modelVersion: whole.modelVersion,
    maxEncode: maxBatch,
    maxFinish: MAX_FINISH,
    encode: async (movements) => {
      movements.forEach((movement, row) => {
        for (const name of first.inputs) put(encoder, name, row, MOVEMENT_VALUES[name]?.(movement) as Float32Array);
      });
      const made = await encoder.run(movements.length);
      return movements.map((_, row) => ({ parts: [...carried, ...outside].map((name) => rowOf(made.get(name) as ort.Tensor, row)) }));
    },
    finish: async (windows) => {
      windows.forEach(({ movement, rest: own }, row) => {
        for (const { name } of rest) put(finisher, name, row, REST_VALUES[name]?.(own) as Float32Array);
        carried.forEach((name, i) => put(finisher, name, row, movement.parts[i] as Float32Array));
      });
      const made = await finisher.run(windows.length);
      return windows.map(({ movement }, row) => {
        const vector = (name: (typeof ATTENTION)[number]): Float32Array => {
          const at = outside.indexOf(name);
          return at < 0 ? rowOf(made.get(name) as ort.Tensor, row) : (movement.parts[carried.length + at] as Float32Array);
        };
        return {
          stateLogit: rowOf(made.get(STATE_LOGIT) as ort.Tensor, row)[0] as number,
          attnTime: vector('attn_time'),
          attnTokens: vector('attn_tokens'),
        };
      });
    },
    close: async () => {
      await encoder.close();
      await finisher.close();
    },
  };
}

/** Three windows of made-up numbers, encoded two at a time: batches of different sizes on both sides. */
async function answerAlike(staged: StagedScorer, whole: OnnxScorer, contract: ModelContract): Promise<boolean> {
  const windows = [1, 2, 3].map((seed) => madeUp(contract, seed));
  const movements: Movement[] = [];
  for (const window of windows) movements.push(...(await staged.encode([window, window])).slice(0, 1));
  const found = await staged.finish(windows.map((rest, i) => ({ movement: movements[i] as Movement, rest })));
  for (const [i, window] of windows.entries()) {
    const [wanted] = await whole.score([window]);
    const own = found[i];
    if (wanted === undefined || own === undefined) return false;
    const pairs = [
      [Float32Array.of(own.stateLogit), Float32Array.of(wanted.stateLogit)],
      [own.attnTime, wanted.attnTime],
      [own.attnTokens, wanted.attnTokens],
    ] as const;
    if (!pairs.every(([a, b]) => a.length === b.length && a.every((value, k) => Math.abs(value - (b[k] as number)) <= TOLERANCE)))
      return false;
  }
  return true;
}

function madeUp(contract: ModelContract, seed: number): WindowInput {
  const { bio, phys, perf, context, sizes, window } = contract;
  const values = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(seed * 12.9 + i * 0.7));
  const mask = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => ((i + seed) % 4 === 0 ? 0 : 1));
  const places = window.lengthS * window.rateHz * bio.length;
  return {
    bio: values(places),
    bioMask: mask(places),
    phys: values(phys.length),
    physMask: mask(phys.length),
    perf: values(perf.length),
    perfMask: mask(perf.length),
    context: values(context.length),
    contextMask: mask(context.length),
    elapsedHops: seed,
    state: { final: values(sizes.final), a: values(sizes.hidden), h: values(2 * sizes.hidden) },
  };
}
