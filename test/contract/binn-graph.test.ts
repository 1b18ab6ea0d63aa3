/**
 * What would send the recurrent layers of models/binn.onnx back to the CPU under CUDA. The conditions are those of onnxruntime's CUDA provider
 * (RNNNeedFallbackToCPU in core/providers/cuda/cuda_execution_provider.cc†, from memory) and of cuDNN's layers; no GPU is needed to hold them.
 */
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { type GraphNode, type OnnxGraph, readOnnxGraph } from '../support/onnx-graph.ts';

const RECURRENT = new Set(['LSTM', 'GRU', 'RNN']);
/** Places of the inputs of a recurrent operator. */
const [W, R, B, SEQUENCE_LENS, PEEPHOLE] = [1, 2, 3, 4, 7];

/** Sentences, one a reason; none where CUDA takes the node. */
function cudaFaults({ op, inputs, attributes }: GraphNode, initializers: ReadonlySet<string>): string[] {
  const faults: string[] = [];
  const has = (place: number): boolean => (inputs[place] ?? '') !== '';
  for (const name of ['clip', 'activation_alpha', 'activation_beta', 'activations', 'input_forget']) {
    if (attributes.has(name)) faults.push(`${op} has ${name}`);
  }
  if ((attributes.get('layout') ?? 0) !== 0) faults.push(`${op} has layout ${String(attributes.get('layout'))}`);
  if (op === 'GRU' && attributes.get('linear_before_reset') !== 1) faults.push('GRU without linear_before_reset');
  if (has(SEQUENCE_LENS)) faults.push(`${op} has sequence lengths`);
  if (op === 'LSTM' && has(PEEPHOLE)) faults.push('LSTM has peepholes');
  for (const place of [W, R, B])
    if (has(place) && !initializers.has(inputs[place] ?? '')) faults.push(`${op} has weights that are computed`);
  return faults;
}

describe('models/binn.onnx under CUDA', () => {
  let graph: OnnxGraph;
  let recurrent: GraphNode;
  beforeAll(async () => {
    graph = readOnnxGraph(await readFile(new URL('../../models/binn.onnx', import.meta.url)));
    recurrent = graph.nodes.find(({ op }) => RECURRENT.has(op)) as GraphNode;
  });

  it('has a recurrent layer, both ways, and nothing in it that CUDA leaves to the CPU', () => {
    expect(recurrent.attributes.get('direction')).toEqual(['bidirectional']);
    expect(graph.nodes.filter(({ op }) => RECURRENT.has(op)).flatMap((node) => cudaFaults(node, graph.initializers))).toEqual([]);
  });

  it('uses ONNX’s own operators only, of a set that onnxruntime 1.30 has, and no control flow', () => {
    expect(graph.nodes.length).toBeGreaterThan(100);
    expect(graph.nodes.filter(({ domain }) => domain !== '')).toEqual([]);
    expect(graph.nodes.filter(({ op }) => ['If', 'Loop', 'Scan'].includes(op))).toEqual([]);
    expect(graph.opset).toBeGreaterThanOrEqual(14);
    expect(graph.opset).toBeLessThanOrEqual(23);
  });

  it('would be found out', () => {
    const changed = (attributes: readonly (readonly [string, number | readonly string[]])[], inputs = recurrent.inputs): string[] =>
      cudaFaults({ ...recurrent, inputs, attributes: new Map([...recurrent.attributes, ...attributes]) }, graph.initializers);
    expect(changed([])).toEqual([]);
    expect(changed([['layout', 1]])).toEqual([`${recurrent.op} has layout 1`]);
    expect(changed([['clip', Number.NaN]])).toEqual([`${recurrent.op} has clip`]);
    expect(changed([], recurrent.inputs.with(SEQUENCE_LENS, 'lengths'))).toEqual([`${recurrent.op} has sequence lengths`]);
    expect(changed([], recurrent.inputs.with(W, 'computed'))).toEqual([`${recurrent.op} has weights that are computed`]);
    expect(cudaFaults({ ...recurrent, op: 'GRU', attributes: new Map() }, graph.initializers)).toEqual(['GRU without linear_before_reset']);
  });
});
