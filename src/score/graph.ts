/** The tensors of the graph, from the contract (src/contracts/model.ts lists them), and where a graph differs from it. */
import type { ModelContract } from '../contracts/model.ts';

export interface TensorShape {
  readonly name: string;
  /** Values of one window, without the batch dimension. */
  readonly dimensions: readonly number[];
}

/** What a graph says of one of its inputs or outputs; a symbolic dimension is a string. */
export interface GraphTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

export function graphInputs(contract: ModelContract): readonly TensorShape[] {
  const steps = contract.window.lengthS * contract.window.rateHz;
  const { sizes } = contract;
  return [
    { name: 'bio', dimensions: [steps, contract.bio.length] },
    { name: 'bio_mask', dimensions: [steps, contract.bio.length] },
    { name: 'phys', dimensions: [contract.phys.length] },
    { name: 'phys_mask', dimensions: [contract.phys.length] },
    { name: 'perf', dimensions: [contract.perf.length] },
    { name: 'perf_mask', dimensions: [contract.perf.length] },
    { name: 'context', dimensions: [contract.context.length] },
    { name: 'context_mask', dimensions: [contract.context.length] },
    { name: 'state_final', dimensions: [sizes.final] },
    { name: 'state_a', dimensions: [sizes.hidden] },
    { name: 'state_h', dimensions: [2 * sizes.hidden] },
    { name: 'elapsed', dimensions: [1] },
  ];
}

export function graphOutputs(contract: ModelContract): readonly TensorShape[] {
  const { sizes } = contract;
  return [
    { name: 'state_logit', dimensions: [1] },
    { name: 'rehab', dimensions: [1] },
    { name: 'performance', dimensions: [1] },
    { name: 'f_attn', dimensions: [sizes.attn] },
    { name: 'attn_time', dimensions: [sizes.timeSteps] },
    { name: 'attn_tokens', dimensions: [sizes.tokens] },
    { name: 'residual_norm', dimensions: [1] },
    { name: 'logit_sd', dimensions: [1] },
    { name: 'next_final', dimensions: [sizes.final] },
    { name: 'next_a', dimensions: [sizes.hidden] },
    { name: 'next_h', dimensions: [2 * sizes.hidden] },
  ];
}

/** Sentences, one a difference; empty where the graph fits. A symbolic dimension fits anything but must be the batch to be of use. */
export function graphDifferences(contract: ModelContract, inputs: readonly GraphTensor[], outputs: readonly GraphTensor[]): string[] {
  return [...differences('input', graphInputs(contract), inputs), ...differences('output', graphOutputs(contract), outputs)];
}

function differences(side: 'input' | 'output', expected: readonly TensorShape[], found: readonly GraphTensor[]): string[] {
  const faults: string[] = [];
  const byName = new Map(found.map((tensor) => [tensor.name, tensor]));
  for (const { name, dimensions } of expected) {
    const tensor = byName.get(name);
    byName.delete(name);
    const wanted = `[batch, ${dimensions.join(', ')}]`;
    if (tensor === undefined) faults.push(`${side} ${name} ${wanted} is missing`);
    else if (tensor.type !== 'float32') faults.push(`${side} ${name} is ${tensor.type}, expected float32`);
    else if (!fits(tensor.shape, dimensions)) faults.push(`${side} ${name} is [${tensor.shape.join(', ')}], expected ${wanted}`);
  }
  // An output more harms nobody; an input that nobody feeds does.
  if (side === 'input') for (const name of byName.keys()) faults.push(`input ${name} is not in the contract`);
  return faults;
}

function fits(shape: readonly (number | string)[], dimensions: readonly number[]): boolean {
  if (shape.length !== dimensions.length + 1 || typeof shape[0] === 'number') return false;
  return dimensions.every((size, i) => typeof shape[i + 1] === 'string' || shape[i + 1] === size);
}
