/** What a model must be to score here: channels this service can provide, room in a checkpoint, and a graph that opens, fits and answers. */
import { SCALAR_CHANNELS } from '../align/channel-map.ts';
import { unitConversion } from '../align/units.ts';
import { KinewatchError } from '../contracts/errors.ts';
import { ACTIVITY_CLASSES, type ModelContract } from '../contracts/model.ts';
import { graphInputs } from '../score/graph.ts';
import { createOnnxScorer } from '../score/onnx/onnx-scorer.ts';
import type { WindowInput } from '../score/ports.ts';
import { MAX_CHECKPOINT_BYTES } from './checkpoint.ts';

/** Channels of the streams of the protocol, by kind, in the unit they are brought to. Placements are free: they are the devices' to name. */
const BIO_CHANNELS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  imu: { ax: 'm/s2', ay: 'm/s2', az: 'm/s2', gx: 'rad/s', gy: 'rad/s', gz: 'rad/s' },
  'force-plate': { fv: 'BW', fap: 'BW', fml: 'BW' },
  emg: { envelope: '%MVC' },
  mocap: { 'knee-left': 'rad', 'knee-right': 'rad', 'hip-left': 'rad', 'hip-right': 'rad' },
};
/** Scalars the service makes itself, beside those of the wire (window-scalars.ts). */
const SCALARS: Readonly<Record<string, string>> = {
  ...SCALAR_CHANNELS,
  lnRmssd: 'ln(ms)',
  emgActivation: '%MVC',
  sprintPeak: 'm/s',
};
/** Bytes of a checkpoint that clocks and streams need beside model state and baselines: a dozen streams of a few devices. */
const CLOCK_AND_STREAM_BYTES = 1_024;

/** Sentences, one a difference; empty where the service can feed the model. NaN and empty lists are the contract schema's to refuse. */
export function contractDifferences(contract: ModelContract): string[] {
  return [...bioDifferences(contract), ...scalarDifferences(contract), ...repeated(contract), ...sizeDifferences(contract)];
}

function bioDifferences({ bio }: ModelContract): string[] {
  return bio.flatMap(({ name, kind, channel, unit }) => {
    const own = Object.hasOwn(BIO_CHANNELS, kind) ? BIO_CHANNELS[kind] : undefined;
    if (own === undefined) return [`channel ${name}: no stream is of kind ${kind}`];
    const given = Object.hasOwn(own, channel) ? own[channel] : undefined;
    if (given === undefined) return [`channel ${name}: a stream of kind ${kind} has no ${channel}`];
    return unitConversion(given, unit, null) === null ? [`channel ${name}: ${given} cannot be brought to ${unit}`] : [];
  });
}

function scalarDifferences({ phys, perf }: ModelContract): string[] {
  return [...phys, ...perf].flatMap(({ name, unit }) => {
    const given = Object.hasOwn(SCALARS, name) ? SCALARS[name] : undefined;
    if (given === undefined) return [`scalar ${name}: the service does not provide it`];
    // Scalars come as they are: another name of the same unit will do (bpm, 1/min), another scale will not.
    const conversion = unitConversion(given, unit, null);
    return conversion?.factor === 1 && conversion.offset === 0
      ? []
      : [`scalar ${name}: the service gives ${given}, the contract wants ${unit}`];
  });
}

function repeated({ bio, phys, perf, context }: ModelContract): string[] {
  return [bio, phys, perf, context].flatMap((list) => {
    const names = list.map(({ name }) => name);
    return [...new Set(names.filter((name, i) => names.indexOf(name) < i))].map((name) => `channel ${name} stands there twice`);
  });
}

function sizeDifferences({ bio, sizes }: ModelContract): string[] {
  const state = 4 * (sizes.final + 3 * sizes.hidden);
  const baselines = ACTIVITY_CLASSES.length * (10 * bio.length + Math.ceil(bio.length / 8)) + 2 * bio.length;
  const room = MAX_CHECKPOINT_BYTES - CLOCK_AND_STREAM_BYTES;
  return state + baselines <= room
    ? []
    : [`its carried state (${state} bytes) and baselines (${baselines}) do not fit the ${room} bytes a checkpoint has for them`];
}

/** Nothing observed, nothing carried. */
function emptyWindow(contract: ModelContract): WindowInput {
  const [bio, bioMask, phys, physMask, perf, perfMask, context, contextMask, final, a, h] = graphInputs(contract).map(
    ({ dimensions }) => new Float32Array(dimensions.reduce((product, size) => product * size, 1)),
  ) as [Zeros, Zeros, Zeros, Zeros, Zeros, Zeros, Zeros, Zeros, Zeros, Zeros, Zeros];
  return { bio, bioMask, phys, physMask, perf, perfMask, context, contextMask, elapsedHops: 0, state: { final, a, h } };
}
type Zeros = Float32Array;

/**
 * Opens the graph on the CPU, holds it against its contract and the contract against the service, and scores one empty window.
 * @throws KinewatchError model-contract whose message names every difference
 */
export async function admitModel(contract: ModelContract, graph: Uint8Array): Promise<void> {
  const faults = contractDifferences(contract);
  try {
    const scorer = await createOnnxScorer({ modelPath: 'graph', modelBytes: graph, contract, executionProvider: 'cpu', maxBatch: 2 });
    try {
      const [output] = await scorer.score([emptyWindow(contract)]);
      if (!Number.isFinite(output?.stateLogit)) faults.push(`the graph answers ${output?.stateLogit} to an empty window`);
    } finally {
      await scorer.close();
    }
  } catch (error) {
    // The runtime's messages go on with its own log: the first line says it (an operator or opset it does not have, a file that is no graph).
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    faults.push(error instanceof KinewatchError ? line : `the runtime cannot run the graph: ${line.slice(0, 300)}`);
  }
  if (faults.length > 0) throw new KinewatchError('model-contract', `model ${contract.version} is refused: ${faults.join('; ')}`);
}
