/** The graph in two steps answers as the whole does; what does not come apart is scored whole. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModelContract } from '../../src/score/model-contract.ts';
import { createOnnxScorer, type OnnxScorer } from '../../src/score/onnx/onnx-scorer.ts';
import { splitGraph } from '../../src/score/onnx/split-graph.ts';
import { createStagedScorer } from '../../src/score/onnx/staged-scorer.ts';
import type { StagedScorer } from '../../src/score/ports.ts';
import { readShapFixtures } from '../fixtures/shap-fixtures.ts';

const { contract, modelPath } = loadModelContract('models');
const graph = readFileSync(modelPath);
const { windows } = readShapFixtures(contract, readFileSync('test/fixtures/shap.json', 'utf8'));
const MOVEMENT = new Set(['bio', 'bio_mask']);

describe('the shipped graph in two steps', () => {
  let whole: OnnxScorer;
  let staged: StagedScorer;
  beforeAll(async () => {
    whole = await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: 8 });
    staged = await createStagedScorer(whole, graph, contract);
  });
  afterAll(async () => {
    await staged.close();
    await whole.close();
  });

  it('comes apart: the first half has the movement and nothing else, the second all else and no movement', () => {
    const { first, second } = splitGraph(graph, MOVEMENT);
    expect([...first.inputs].toSorted()).toEqual(['bio', 'bio_mask']);
    expect(second.inputs).toEqual(expect.arrayContaining(['phys', 'context_mask', 'state_h', 'elapsed']));
    expect(second.inputs.filter((name) => MOVEMENT.has(name))).toEqual([]);
    expect([...first.outputs, ...second.outputs]).toEqual(expect.arrayContaining(['state_logit', 'attn_time', 'next_final']));
    // Two sessions of its own take it, not the whole one twice.
    expect(staged.maxFinish).toBeGreaterThan(whole.maxBatch);
  });

  it('answers as the whole does for every movement with every other rest', async () => {
    const some = windows.slice(0, 6);
    const movements = await staged.encode(some);
    for (const [i, movement] of movements.entries()) {
      const { bio, bioMask } = some[i]!;
      const found = await staged.finish(some.map((rest) => ({ movement, rest })));
      const wanted = await whole.score(some.map((rest) => ({ ...rest, bio, bioMask })));
      found.forEach((output, k) => {
        expect(Math.abs(output.stateLogit - wanted[k]!.stateLogit)).toBeLessThan(1e-5);
        expect(output.attnTime).toEqual(wanted[k]!.attnTime);
        expect(Array.from(output.attnTokens).map((value, n) => Math.abs(value - wanted[k]!.attnTokens[n]!) < 1e-6)).not.toContain(false);
      });
    }
  });

  it('is scored whole where it does not come apart or the halves answer otherwise', async () => {
    for (const other of [new Uint8Array(0), graph.subarray(0, 5_000), Uint8Array.of(1, 2, 3, 255)]) {
      const fallen = await createStagedScorer(whole, other, contract);
      expect(fallen.maxFinish).toBe(whole.maxBatch);
      const [movement] = await fallen.encode([windows[0]!]);
      const [output] = await fallen.finish([{ movement: movement!, rest: windows[0]! }]);
      expect(output?.stateLogit).toBe((await whole.score([windows[0]!]))[0]?.stateLogit);
    }
    expect(() => splitGraph(graph, new Set(['nothing']))).toThrow(RangeError);
  });
});
