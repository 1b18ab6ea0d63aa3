import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KinewatchError } from '../../src/contracts/errors.ts';
import type { ModelContract } from '../../src/contracts/model.ts';
import { createBaselines } from '../../src/normalise/baseline.ts';
import { loadModelContract } from '../../src/score/model-contract.ts';
import { createOnnxScorer } from '../../src/score/onnx/onnx-scorer.ts';
import type { ModelState, Scorer, WindowInput, WindowOutput } from '../../src/score/ports.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/shard/checkpoint.ts';
import { randomFrom } from '../support/athlete-frames.ts';
import { standInContract } from '../support/contract.ts';
import { createFakeScorer } from '../support/fake-scorer.ts';

const MODELS = new URL('../../models/', import.meta.url).pathname;
/** The service's own. */
const FULL_BATCH = 64;
const CARRIED_WINDOWS = 4;

function randomWindow(contract: ModelContract, seed: number): WindowInput {
  const random = randomFrom(seed);
  const values = (length: number, scale = 2): Float32Array => Float32Array.from({ length }, () => (random() - 0.5) * 2 * scale);
  const bits = (length: number): Float32Array => Float32Array.from({ length }, () => (random() < 0.8 ? 1 : 0));
  const masked = (length: number): [Float32Array, Float32Array] => {
    const mask = bits(length);
    return [values(length).map((value, i) => value * (mask[i] as number)), mask];
  };
  const [bio, bioMask] = masked(200 * contract.bio.length);
  const [phys, physMask] = masked(contract.phys.length);
  const [perf, perfMask] = masked(contract.perf.length);
  const [context, contextMask] = masked(contract.context.length);
  const { sizes } = contract;
  const state = { final: values(sizes.final, 0.5), a: values(sizes.hidden, 0.5), h: values(2 * sizes.hidden, 0.5) };
  return { bio, bioMask, phys, physMask, perf, perfMask, context, contextMask, elapsedHops: 1 + (seed % 3), state };
}

const flat = (output: WindowOutput): number[] => [
  output.stateLogit,
  output.logitSd,
  output.rehab,
  output.performance,
  output.residualNorm,
  ...output.fAttn,
  ...output.attnTime,
  ...output.attnTokens,
  ...output.next.final,
  ...output.next.a,
  ...output.next.h,
];
const largestDifference = (a: WindowOutput, b: WindowOutput): number =>
  Math.max(...flat(a).map((value, i) => Math.abs(value - (flat(b)[i] as number))));

/** A state as the service keeps it: through the bytes of a checkpoint and back. */
function restored(state: ModelState, contract: ModelContract): ModelState {
  const clocks = {
    newestReceivedUs: 1,
    liveNowUs: 2,
    recordedNowUs: 3,
    nextIndex: 5,
    lastScoredIndex: 4,
    closedEndUs: 6,
    activityIndex: 1,
  };
  const bytes = encodeCheckpoint({ ...clocks, state, baselines: createBaselines(contract), clocks: [], streams: [] });
  return decodeCheckpoint(bytes, contract).state;
}

/** Successive windows of a full batch of athletes, by round. */
const roundsOf = (contract: ModelContract): WindowInput[][] =>
  Array.from({ length: CARRIED_WINDOWS }, (_, round) =>
    Array.from({ length: FULL_BATCH }, (_2, athlete) => randomWindow(contract, 1_000 * round + athlete + 1)),
  );

/** The last round's outputs, each window scored from the state that the athlete's one before it left, `batch` athletes at a time. */
async function carried(
  scorer: Scorer,
  rounds: readonly (readonly WindowInput[])[],
  batch: number,
  between: (state: ModelState, round: number) => ModelState = (state) => state,
): Promise<WindowOutput[]> {
  let outputs: WindowOutput[] = [];
  for (const [round, given] of rounds.entries()) {
    const before = outputs;
    const windows = given.map((window, i) => ({
      ...window,
      state: before[i] === undefined ? window.state : between(before[i].next, round),
    }));
    outputs = [];
    for (let from = 0; from < windows.length; from += batch) outputs.push(...(await scorer.score(windows.slice(from, from + batch))));
  }
  return outputs;
}

interface Made {
  readonly scorer: Scorer;
  readonly contract: ModelContract;
}
const makers: Record<string, () => Promise<Made>> = {
  fake: () => {
    const contract = standInContract();
    return Promise.resolve({ contract, scorer: createFakeScorer(contract, FULL_BATCH) });
  },
  onnx: async () => {
    const { contract, modelPath } = loadModelContract(MODELS);
    return { contract, scorer: await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: FULL_BATCH }) };
  },
};

for (const [name, make] of Object.entries(makers)) {
  describe(`${name} scorer`, () => {
    let made: Made;
    beforeAll(async () => {
      made = await make();
    });
    afterAll(() => made.scorer.close());

    it('NO-CROSSTALK: a window alone, in a full batch, and at another place in it scores the same within 1e-5', async () => {
      const { contract, scorer } = made;
      const windows = Array.from({ length: FULL_BATCH }, (_, seed) => randomWindow(contract, seed + 1));
      const together = await scorer.score(windows);
      const reversed = (await scorer.score(windows.toReversed())).toReversed();
      for (const [i, window] of windows.entries()) {
        const [alone] = await scorer.score([window]);
        expect(largestDifference(alone as WindowOutput, together[i] as WindowOutput)).toBeLessThan(1e-5);
        expect(largestDifference(reversed[i] as WindowOutput, together[i] as WindowOutput)).toBeLessThan(1e-5);
      }
    });

    it('NO-CROSSTALK: with states carried, batch 1, a full batch and a checkpoint restored on the way agree within 1e-5', async () => {
      const { scorer, contract } = made;
      const rounds = roundsOf(contract);
      const together = await carried(scorer, rounds, FULL_BATCH);
      const alone = await carried(scorer, rounds, 1);
      const halfway = await carried(scorer, rounds, FULL_BATCH, (state, round) => (round === 2 ? restored(state, contract) : state));
      for (const [i, output] of together.entries()) {
        expect(largestDifference(alone[i] as WindowOutput, output)).toBeLessThan(1e-5);
        expect(largestDifference(halfway[i] as WindowOutput, output)).toBeLessThan(1e-5);
      }
      // Other athletes end elsewhere: the comparison is of something.
      expect(largestDifference(together[0] as WindowOutput, together[1] as WindowOutput)).toBeGreaterThan(1e-3);
    });

    it('gives outputs that are the caller’s own: a later batch does not change them', async () => {
      const { contract, scorer } = made;
      const [first] = await scorer.score([randomWindow(contract, 1)]);
      const kept = flat(first as WindowOutput);
      await scorer.score(Array.from({ length: 8 }, (_, seed) => randomWindow(contract, seed + 40)));
      expect(flat(first as WindowOutput)).toEqual(kept);
    });

    it('has the widths of the contract, and finite numbers', async () => {
      const { contract, scorer } = made;
      const [output] = await scorer.score([randomWindow(contract, 7)]);
      const { sizes } = contract;
      expect(output?.fAttn).toHaveLength(sizes.attn);
      expect(output?.attnTime).toHaveLength(sizes.timeSteps);
      expect(output?.attnTokens).toHaveLength(sizes.tokens);
      expect(output?.next.final).toHaveLength(sizes.final);
      expect(output?.next.a).toHaveLength(sizes.hidden);
      expect(output?.next.h).toHaveLength(2 * sizes.hidden);
      expect(flat(output as WindowOutput).every((value) => Number.isFinite(value))).toBe(true);
    });

    it('refuses an empty batch and one over the bound', async () => {
      const { contract, scorer } = made;
      await expect(scorer.score([])).rejects.toThrow(RangeError);
      const many = Array.from({ length: scorer.maxBatch + 1 }, () => randomWindow(contract, 1));
      await expect(scorer.score(many)).rejects.toThrow(RangeError);
    });
  });
}

describe('onnx scorer, an hour of the same window', () => {
  const HOUR = 3_600;
  const SETTLED = 120;
  const INPUTS = 3;

  it('moves the state of no athlete by 0.01 after the first two minutes', async () => {
    const { scorer, contract } = await (makers['onnx'] as () => Promise<Made>)();
    const zeros = (values: Float32Array): Float32Array => new Float32Array(values.length);
    // An athlete at rest at the population's mean, and others far from it and from each other; all begin with no memory.
    const windows = Array.from({ length: INPUTS }, (_, seed): WindowInput => {
      const window = randomWindow(contract, 300 + seed);
      const state = { final: zeros(window.state.final), a: zeros(window.state.a), h: zeros(window.state.h) };
      return { ...window, ...(seed === 0 ? { bio: zeros(window.bio) } : {}), elapsedHops: 1, state };
    });
    const probability = (logit: number): number => 1 / (1 + Math.exp(-logit));
    const least = windows.map(() => 1);
    const most = windows.map(() => 0);
    let batch = windows;
    for (let hop = 0; hop < HOUR; hop += 1) {
      const outputs = await scorer.score(batch);
      batch = windows.map((window, i) => ({ ...window, state: (outputs[i] as WindowOutput).next }));
      if (hop < SETTLED) continue;
      outputs.forEach(({ stateLogit }, i) => {
        least[i] = Math.min(least[i] as number, probability(stateLogit));
        most[i] = Math.max(most[i] as number, probability(stateLogit));
      });
    }
    await scorer.close();
    const moved = most.map((value, i) => value - (least[i] as number));
    console.log(
      `states ${most.map((value) => value.toFixed(3)).join(' ')}, moved by ${moved.map((value) => value.toExponential(1)).join(' ')}`,
    );
    for (const value of moved) expect(value).toBeLessThan(0.01);
  }, 240_000);
});

describe('model contract', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kw-model-'));
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('refuses a graph that does not fit, naming each difference', async () => {
    const { contract, modelPath } = loadModelContract(MODELS);
    const other = { ...contract, bio: contract.bio.slice(1), sizes: { ...contract.sizes, attn: 32 } };
    await expect(createOnnxScorer({ modelPath, contract: other, executionProvider: 'cpu', maxBatch: 2 })).rejects.toThrow(
      new RegExp(
        `input bio is \\[batch, 200, ${contract.bio.length}\\], expected \\[batch, 200, ${contract.bio.length - 1}\\].*output f_attn`,
      ),
    );
  });

  it('refuses a contract with faults and names them, and a graph file of another checksum', () => {
    const text = readFileSync(join(MODELS, 'binn.json'), 'utf8');
    writeFileSync(join(directory, 'binn.onnx'), 'not this');
    writeFileSync(join(directory, 'binn.json'), text);
    expect(() => loadModelContract(directory)).toThrow(/SHA-256/);
    const value = JSON.parse(text) as Record<string, unknown>;
    writeFileSync(join(directory, 'binn.json'), JSON.stringify({ ...value, zClip: -1, window: { lengthS: 3, hopS: 1, rateHz: 100 } }));
    expect(() => loadModelContract(directory)).toThrow(/window\/lengthS.*zClip/s);
    writeFileSync(join(directory, 'binn.json'), '{');
    expect(() => loadModelContract(directory)).toThrow(/is not JSON/);
    expect(() => loadModelContract(join(directory, 'nowhere'))).toThrow(/cannot be read/);
  });

  it('says in a sentence why CUDA cannot be had; auto falls back to the CPU and says so', async () => {
    const { contract, modelPath } = loadModelContract(MODELS);
    const auto = await createOnnxScorer({ modelPath, contract, executionProvider: 'auto', maxBatch: 2 });
    await auto.close();
    const asked = await createOnnxScorer({ modelPath, contract, executionProvider: 'cuda', maxBatch: 2 }).then(
      (scorer) => scorer.provider,
      (error: unknown) => (error as KinewatchError).code,
    );
    // Which of the two depends on the machine, but both answers must tell the same story.
    const hasCuda = auto.provider === 'cuda';
    expect(asked).toBe(hasCuda ? 'cuda' : 'cuda-unavailable');
    expect(auto.providerNote ?? 'CUDA is used').toMatch(hasCuda ? /^CUDA is used$/ : /^CUDA cannot be used: /);
  });
});
