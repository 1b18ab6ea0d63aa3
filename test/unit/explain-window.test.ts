import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainWindow, type ExplainRequest } from '../../src/score/explain/explain-window.ts';
import type { Explanation } from '../../src/score/explain/explanation.ts';
import { inOneStage } from '../../src/score/one-stage.ts';
import type { Scorer, StagedScorer, WindowInput } from '../../src/score/ports.ts';
import { randomFrom } from '../support/athlete-frames.ts';
import { standInContract } from '../support/contract.ts';
import { fakeOutput } from '../support/fake-scorer.ts';

const contract = standInContract();
const STEPS = 200;
const BIO = contract.bio.length;
const FEET = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const LEFT_FOOT = FEET.slice(0, 6);

interface Observed {
  readonly bio?: readonly number[];
  readonly phys?: readonly number[];
  readonly context?: readonly number[];
  readonly elapsed?: number;
}

/** A window whose z are drawn from `seed`, observed where it is said. */
function windowOf(seed: number, { bio = FEET, phys = [0, 2], context = [], elapsed = 1 }: Observed = {}): WindowInput {
  const random = randomFrom(seed);
  const vector = (length: number): Float32Array => Float32Array.from({ length }, () => 4 * random() - 2);
  const maskOf = (length: number, seen: readonly number[]): Float32Array =>
    Float32Array.from({ length }, (_, i) => (seen.includes(i) ? 1 : 0));
  const masked = (values: Float32Array, mask: Float32Array): Float32Array => values.map((value, i) => value * mask[i]!);
  const bioMask = Float32Array.from({ length: STEPS * BIO }, (_, i) => (bio.includes(i % BIO) ? 1 : 0));
  const physMask = maskOf(contract.phys.length, phys);
  const contextMask = maskOf(contract.context.length, context);
  return {
    bio: masked(vector(STEPS * BIO), bioMask),
    bioMask,
    phys: masked(vector(contract.phys.length), physMask),
    physMask,
    perf: new Float32Array(contract.perf.length),
    perfMask: new Float32Array(contract.perf.length),
    context: masked(vector(contract.context.length), contextMask),
    contextMask,
    elapsedHops: elapsed,
    state: { final: vector(contract.sizes.final), a: vector(contract.sizes.hidden), h: vector(2 * contract.sizes.hidden) },
  };
}

/** A scorer that computes the logit by `logitOf` and, where asked to, keeps copies of the windows. */
function scorerOf(
  logitOf: (window: WindowInput) => number,
  { maxBatch = 16, keeps = false } = {},
): Scorer & { readonly asked: WindowInput[]; readonly batches: number[] } {
  const asked: WindowInput[] = [];
  const batches: number[] = [];
  return {
    provider: 'cpu',
    modelVersion: 'fake',
    maxBatch,
    asked,
    batches,
    score: (windows) => {
      batches.push(windows.length);
      if (keeps) asked.push(...structuredClone(windows));
      return Promise.resolve(windows.map((window) => ({ ...fakeOutput(contract, window), stateLogit: logitOf(window) })));
    },
    close: () => Promise.resolve(),
  };
}

/** The scorer in two steps, with every call and its size. */
function recording(whole: Scorer, sizes: Pick<StagedScorer, 'maxEncode' | 'maxFinish'>) {
  const calls: (readonly [step: string, size: number])[] = [];
  const steps = inOneStage(whole);
  const scorer: StagedScorer = {
    ...steps,
    ...sizes,
    encode: (movements) => {
      calls.push(['encode', movements.length]);
      return steps.encode(movements);
    },
    finish: (windows) => {
      calls.push(['finish', windows.length]);
      return steps.finish(windows);
    },
  };
  return { scorer, calls };
}

const defaults = {
  contract,
  squad: [],
  grain: 'sensor' as const,
  pause: () => Promise.resolve(),
};
const explain = (scorer: Scorer, rest: Partial<ExplainRequest> & Pick<ExplainRequest, 'window' | 'own'>): Promise<Explanation> =>
  explainWindow(inOneStage(scorer), { ...defaults, random: randomFrom(7), ...rest });

const WEIGHTS = Float64Array.from({ length: STEPS * BIO }, (_, i) => Math.sin(1 + i));
const weightOf = (i: number): number => WEIGHTS[i]!;
const linear = (window: WindowInput): number => {
  let sum = 0.5 + 0.1 * window.elapsedHops;
  window.bio.forEach((z, i) => (sum += (weightOf(i % BIO) * z) / STEPS));
  window.phys.forEach((z, i) => (sum += weightOf(100 + i) * z));
  window.context.forEach((z, i) => (sum += weightOf(200 + i) * z));
  window.state.final.forEach((value, i) => (sum += 0.05 * weightOf(300 + i) * value));
  return sum;
};
/** Linear, with everything multiplied together on top. */
const tangled = (window: WindowInput): number => {
  const bio = window.bio.reduce((sum, z, i) => sum + (z * weightOf(i)) / STEPS, 0);
  const scalars = window.phys.reduce((sum, z, i) => sum + z * weightOf(i), 0) + window.context.reduce((sum, z) => sum + z, 0);
  return 2 * Math.tanh(bio) * Math.cos(scalars) + Math.tanh(scalars * window.state.final[0]!);
};
const byName = ({ contributions }: Explanation): Record<string, number> =>
  Object.fromEntries(contributions.map(({ name, logit }) => [name, logit]));
const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const seed = fc.integer({ min: 1, max: 1e6 });

describe('explainWindow', () => {
  it('is additive for any model, exact or sampled, by sensor or by channel', async () => {
    await fc.assert(
      fc.asyncProperty(seed, fc.constantFrom('sensor' as const, 'channel' as const), async (drawn, grain) => {
        const own = [windowOf(drawn + 1), windowOf(drawn + 2)];
        const window = windowOf(drawn);
        const found = await explain(scorerOf(tangled), { window, own, grain, maxEvaluations: 120 });
        expect(found.method).toBe(grain === 'sensor' ? 'exact' : 'sampled');
        expect(found.logit).toBeCloseTo(tangled(window), 6);
        expect(found.baseLogit).toBeCloseTo(meanOf(own.map(tangled)), 6);
        const sum = found.contributions.reduce((total, { logit }) => total + logit, 0);
        expect(Math.abs(sum - (found.logit - found.baseLogit))).toBeLessThan(1e-9);
      }),
      { numRuns: 8 },
    );
  });

  it('gives each part of a linear model its weights times its distance from the background', async () => {
    const window = windowOf(1, { context: [3] });
    const own = [windowOf(2, { context: [3] }), windowOf(3, { context: [3] })];
    const squad = [windowOf(4, { context: [3], elapsed: 3 })];
    const found = await explain(scorerOf(linear), { window, own, squad });
    const backgrounds = [...own, ...squad];
    const part = (read: (one: WindowInput) => number): number => read(window) - meanOf(backgrounds.map(read));
    const left = (one: WindowInput): number =>
      one.bio.reduce((sum, z, i) => sum + (LEFT_FOOT.includes(i % BIO) ? (weightOf(i % BIO) * z) / STEPS : 0), 0);
    const history = (one: WindowInput): number =>
      0.1 * one.elapsedHops + one.state.final.reduce((sum, value, i) => sum + 0.05 * weightOf(300 + i) * value, 0);
    const values = byName(found);
    expect(Object.keys(values)).toEqual(['foot-left', 'foot-right', 'heartRate', 'respirationRate', 'heightM', 'history']);
    expect(values['foot-left']).toBeCloseTo(part(left), 5);
    expect(values['heartRate']).toBeCloseTo(weightOf(100) * part((one) => one.phys[0]!), 5);
    expect(values['heightM']).toBeCloseTo(weightOf(203) * part((one) => one.context[3]!), 5);
    expect(values['history']).toBeCloseTo(part(history), 5);
    expect(found.background).toEqual({ own: 2, squad: 1 });
  });

  it('gives two channels with the same values in a model that weighs them alike the same', async () => {
    const twins = (drawn: number): WindowInput => {
      const made = windowOf(drawn, { bio: [0, 1, 2] });
      for (let i = 0; i < made.bio.length; i += BIO) made.bio[i + 1] = made.bio[i]!;
      return made;
    };
    const even = (window: WindowInput): number => {
      let product = 0;
      for (let i = 0; i < window.bio.length; i += BIO) product += Math.tanh(window.bio[i]! + window.bio[i + 1]!) * (1 + window.bio[i + 2]!);
      return product / 20;
    };
    const values = byName(await explain(scorerOf(even), { window: twins(1), own: [twins(2), twins(3)], grain: 'channel' }));
    expect(values['foot-left.ax']).toBeCloseTo(values['foot-left.ay']!, 9);
    expect(Math.abs(values['foot-left.ax']!)).toBeGreaterThan(0.01);
    expect(values['foot-left.az']).not.toBeCloseTo(values['foot-left.ax']!, 3);
  });

  it('leaves out what the window did not observe: no player, and masked in every window that is scored', async () => {
    const scorer = scorerOf(linear, { keeps: true });
    const window = windowOf(1, { phys: [0], elapsed: 0 });
    const own = [windowOf(2, { bio: [...FEET, 20], phys: [0, 3], context: [1] })];
    const found = await explain(scorer, { window, own });
    expect(found.contributions.map(({ name }) => name)).toEqual(['foot-left', 'foot-right', 'heartRate']);
    for (const asked of scorer.asked) {
      expect(asked.bioMask.some((mask, i) => mask !== 0 && i % BIO === 20)).toBe(false);
      expect([...asked.physMask]).toEqual([...window.physMask]);
      expect([...asked.contextMask]).toEqual([...window.contextMask]);
      expect(asked.elapsedHops).toBe(0);
    }
  });

  it('takes value and mask of a part together', async () => {
    const window = windowOf(1);
    const own = [windowOf(2)];
    // The background's left foot was lost for the first half of its window.
    own[0]!.bioMask.forEach((_, i) => {
      if (i < (STEPS / 2) * BIO && LEFT_FOOT.includes(i % BIO)) own[0]!.bioMask[i] = own[0]!.bio[i] = 0;
    });
    const scorer = scorerOf(linear, { keeps: true });
    await explain(scorer, { window, own });
    const whole = scorer.asked.map((asked) => [asked.bioMask[0], asked.bio[0]]);
    expect(new Set(whole.map(([mask, z]) => `${mask} ${z}`))).toEqual(new Set([`1 ${window.bio[0]}`, '0 0']));
  });

  it('asks nothing about a part that is the same against every background: it gets exactly nothing', async () => {
    const window = windowOf(1, { context: [0, 1, 2, 3] });
    const own = [2, 3].map((drawn) => ({ ...windowOf(drawn), context: window.context, contextMask: window.contextMask }));
    const found = await explain(scorerOf(tangled), { window, own });
    expect(found.evaluations).toBe((2 ** 5 - 1) * 2 + 1);
    expect(found.contributions.filter(({ kind }) => kind === 'context').map(({ logit }) => logit)).toEqual([0, 0, 0, 0]);
  });

  it('gives the same for the same random numbers, in batches that the scorer takes, and gives way after each', async () => {
    const request = { window: windowOf(1), own: [windowOf(2)], grain: 'channel' as const, maxEvaluations: 100 };
    let pauses = 0;
    const { scorer, calls } = recording(scorerOf(tangled), { maxEncode: 8, maxFinish: 5 });
    const first = await explainWindow(scorer, {
      ...defaults,
      random: randomFrom(7),
      ...request,
      pause: () => {
        pauses += 1;
        expect(calls.length).toBe(pauses);
        return Promise.resolve();
      },
    });
    const sizes = (step: string): number[] => calls.filter(([name]) => name === step).map(([, size]) => size);
    expect(first.evaluations).toBeLessThanOrEqual(100);
    expect(sizes('finish').reduce((sum, size) => sum + size, 0)).toBe(first.evaluations);
    expect(Math.max(...sizes('encode'))).toBe(8);
    expect(Math.max(...sizes('finish'))).toBe(5);
    expect(pauses).toBe(calls.length);
    expect(await explain(scorerOf(tangled, { maxBatch: 64 }), request)).toEqual(first);
    const otherwise = await explain(scorerOf(tangled), { ...request, random: randomFrom(8) });
    expect(byName(otherwise)).not.toEqual(byName(first));
  });

  it('encodes each mixture of movement once, however many windows have it', async () => {
    const window = windowOf(1, { phys: [0, 1, 2, 3] });
    const own = [2, 3].map((drawn) => windowOf(drawn, { phys: [0, 1, 2, 3] }));
    const { scorer, calls } = recording(scorerOf(tangled), { maxEncode: 4, maxFinish: 16 });
    const found = await explainWindow(scorer, { ...defaults, random: randomFrom(7), window, own });
    const total = (step: string): number => calls.reduce((sum, [name, size]) => sum + (name === step ? size : 0), 0);
    // Two feet, four values, history: of the feet three mixtures with each background, and the window's own.
    expect(total('finish')).toBe((2 ** 7 - 1) * 2 + 1);
    expect(total('encode')).toBe(3 * 2 + 1);
    expect(found.method).toBe('exact');
  });

  it('shows what was measured beside the normal: scalars in their units, movement in own SD or in the unit of its scale', async () => {
    const scaled = standInContract({ phys: contract.phys.map((channel) => ({ ...channel, prior: { location: 100, scale: 20 } })) });
    const window = windowOf(1, { bio: [0], phys: [0] });
    const own = [windowOf(2, { bio: [0], phys: [0] }), windowOf(3, { bio: [0], phys: [0] })];
    const request = { contract: scaled, window, own };
    const [foot, heart, history] = (await explain(scorerOf(linear), request)).contributions;
    expect(heart?.reading?.value).toBeCloseTo(100 + 20 * window.phys[0]!, 4);
    expect(heart?.reading?.normal).toBeCloseTo(100 + 20 * meanOf(own.map((one) => one.phys[0]!)), 4);
    expect(heart?.reading?.unit).toBe('1/min');
    const squares = Array.from(window.bio).reduce((sum, z) => sum + z * z, 0);
    expect(foot?.reading).toMatchObject({ unit: 'SD', value: expect.closeTo(Math.sqrt(squares / STEPS), 4) as number });
    expect(history?.reading).toBeNull();
    const ownScale = new Float32Array(BIO).fill(3);
    const [channel] = (await explain(scorerOf(linear), { ...request, grain: 'channel', ownScale })).contributions;
    expect(channel?.reading).toMatchObject({ unit: 'm/s2', value: expect.closeTo(3 * Math.sqrt(squares / STEPS), 3) as number });
  });

  it('has the attention of the window itself beside it', async () => {
    const window = windowOf(1);
    const marked = scorerOf(linear);
    const scorer: Scorer = {
      ...marked,
      score: async (windows) =>
        (await marked.score(windows)).map((output, i) => ({ ...output, attnTime: output.attnTime.map(() => windows[i]!.phys[0]!) })),
    };
    const { attention } = await explain(scorer, { window, own: [windowOf(2)] });
    expect(attention.time[0]).toBe(window.phys[0]);
    expect(attention.modality.map(({ name }) => name)).toEqual([
      'movement',
      'residual',
      'cumulative',
      'physiology',
      'performance',
      'context',
      'memory',
    ]);
  });

  it('refuses with a reason what cannot be explained', async () => {
    const window = windowOf(1);
    const refused = (rest: Partial<ExplainRequest>): Promise<unknown> => explain(scorerOf(linear), { window, own: [], ...rest });
    await expect(refused({})).rejects.toMatchObject({ code: 'explain-background' });
    await expect(refused({ own: [windowOf(2, { phys: [0] })] })).rejects.toMatchObject({ code: 'explain-background' });
    await expect(refused({ own: [windowOf(2, { elapsed: 0 })] })).rejects.toMatchObject({ code: 'explain-background' });
    const blind = windowOf(1, { bio: [], phys: [], elapsed: 0 });
    await expect(refused({ window: blind, own: [windowOf(2)] })).rejects.toMatchObject({ code: 'explain-nothing-observed' });
    await expect(refused({ own: [windowOf(2)], grain: 'channel', maxEvaluations: 9 })).rejects.toMatchObject({ code: 'explain-budget' });
    await expect(
      explain(
        scorerOf(() => Number.NaN),
        { window, own: [windowOf(2)] },
      ),
    ).rejects.toMatchObject({ code: 'score-not-finite' });
  });
});
