/** A scorer that is a plain function of one window's inputs and state: what the fake answers, no batch mate can change. */
import type { ModelContract } from '../../src/contracts/model.ts';
import type { Scorer, WindowInput, WindowOutput } from '../../src/score/ports.ts';

const meanOf = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function fakeOutput(contract: ModelContract, input: WindowInput): WindowOutput {
  const { sizes } = contract;
  const seen = meanOf(input.bio) + 0.1 * meanOf(input.phys) + 0.01 * meanOf(input.context) + meanOf(input.bioMask);
  const carried = meanOf(input.state.final) + meanOf(input.state.a) + meanOf(input.state.h);
  const stateLogit = Math.tanh(seen + 0.5 * carried + 0.01 * input.elapsedHops);
  const blend = (old: Float32Array, share: number): Float32Array => old.map((value, i) => 0.9 * value + share * Math.sin(seen + i));
  return {
    stateLogit,
    logitSd: 0.1,
    rehab: 0.5,
    performance: 0,
    residualNorm: Math.abs(carried),
    fAttn: new Float32Array(sizes.attn).fill(seen),
    attnTime: new Float32Array(sizes.timeSteps).fill(1 / sizes.timeSteps),
    attnTokens: new Float32Array(sizes.tokens).fill(1 / sizes.tokens),
    next: { final: blend(input.state.final, 0.1), a: blend(input.state.a, 0.05), h: blend(input.state.h, 0.02) },
  };
}

export function createFakeScorer(contract: ModelContract, maxBatch = 32): Scorer & { readonly batches: number[] } {
  const batches: number[] = [];
  return {
    provider: 'cpu',
    modelVersion: contract.version,
    maxBatch,
    batches,
    score: async (windows) => {
      if (windows.length === 0 || windows.length > maxBatch) throw new RangeError(`batch of ${windows.length}, 1 to ${maxBatch}`);
      batches.push(windows.length);
      return Promise.resolve(windows.map((window) => fakeOutput(contract, window)));
    },
    close: () => Promise.resolve(),
  };
}
