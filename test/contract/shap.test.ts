import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainWindow } from '../../src/score/explain/explain-window.ts';
import type { Explanation } from '../../src/score/explain/explanation.ts';
import { loadModelContract } from '../../src/score/model-contract.ts';
import { createOnnxScorer, type OnnxScorer } from '../../src/score/onnx/onnx-scorer.ts';
import { createStagedScorer } from '../../src/score/onnx/staged-scorer.ts';
import type { StagedScorer, WindowInput } from '../../src/score/ports.ts';
import { randomFrom } from '../support/athlete-frames.ts';
import { hideSensors, readShapFixtures, type ShapCase } from '../fixtures/shap-fixtures.ts';

/** Asked of every value, in logit. */
const TOLERANCE = 0.02;
const { contract, modelPath } = loadModelContract('models');
const fixtures = readShapFixtures(contract, readFileSync('test/fixtures/shap.json', 'utf8'));

describe('explanations against shap.explainers.Exact of Python over the same graph (models/binn/shap_fixtures.py)', () => {
  let whole: OnnxScorer;
  let scorer: StagedScorer;
  beforeAll(async () => {
    whole = await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: 32 });
    scorer = await createStagedScorer(whole, readFileSync(modelPath), contract);
  });
  afterAll(async () => {
    await scorer.close();
    await whole.close();
  });

  const explain = (one: ShapCase): Promise<Explanation> => {
    const at = (index: number): WindowInput => fixtures.windows[index]!;
    return explainWindow(scorer, {
      contract,
      window: hideSensors(contract, at(one.window), one.hidden),
      own: one.own.map(at),
      squad: one.squad.map(at),
      grain: one.grain,
      random: randomFrom(1),
      pause: () => Promise.resolve(),
    });
  };

  it('has fixtures made with this graph, few enough, and both methods among them', () => {
    expect(fixtures.sha256).toBe(contract.sha256);
    expect(readFileSync('test/fixtures/shap.json').byteLength).toBeLessThan(300 * 1024);
    expect(fixtures.cases.map((one) => Object.keys(one.shap).length).toSorted((a, b) => a - b)[0]).toBeLessThan(9);
  });

  it.each(fixtures.cases.map((one) => [one.name, one] as const))('%s', { timeout: 180_000 }, async (_, one) => {
    const found = await explain(one);
    expect(found.contributions.map(({ name }) => name).toSorted()).toEqual(Object.keys(one.shap).toSorted());
    expect(Math.abs(found.logit - one.logit)).toBeLessThan(1e-3);
    expect(Math.abs(found.baseLogit - one.base)).toBeLessThan(1e-3);
    const sum = found.contributions.reduce((total, { logit }) => total + logit, 0);
    expect(Math.abs(sum - (found.logit - found.baseLogit))).toBeLessThan(1e-3);
    const gaps = found.contributions.map(({ name, logit }) => Math.abs(logit - (one.shap[name] ?? Number.NaN)));
    expect(Math.max(...gaps), JSON.stringify(found.contributions.map(({ name }, i) => [name, gaps[i]]))).toBeLessThan(
      found.method === 'exact' ? 1e-4 : TOLERANCE,
    );
  });
});
