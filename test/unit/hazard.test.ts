import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dailyHazard, hrvFall, type DailyHazard, type HazardInput, type HazardModel } from '../../src/asms/hazard.ts';

const model: HazardModel = {
  format: 1,
  name: 'binn-hazard',
  version: 'test',
  binnSha256: '0'.repeat(64),
  horizonDays: 7,
  intercept: -3.5,
  features: [
    { name: 'acuteExcess', unit: '1', group: 'load', location: 0.1, scale: 0.2, coefficient: 0.3 },
    { name: 'hrvFall', unit: 'ln ms', group: 'hrv', location: 0, scale: 0.1, coefficient: 0.2 },
    { name: 'age', unit: 'a', group: 'context', location: 26, scale: 5, coefficient: -0.1 },
    { name: 'fAttn[1]', unit: '1', group: 'binn', location: 0.5, scale: 2, coefficient: 0.4 },
    { name: 'fAttnChange[0]', unit: '1', group: 'binn', location: 0, scale: 1, coefficient: 0.6 },
    { name: 'stateLogit', unit: 'logit', group: 'binn', location: -2, scale: 1, coefficient: 0.5 },
    { name: 'stateLogitChange', unit: 'logit', group: 'binn', location: 0, scale: 1, coefficient: 0.25 },
    { name: 'rehabChange', unit: '1', group: 'binn', location: 0, scale: 0.1, coefficient: -0.3 },
  ],
  cholesky: [
    [0.1],
    [0.02, 0.05],
    [0, 0, 0.04],
    [0, 0, 0, 0.03],
    [0, 0, 0, 0.01, 0.06],
    [0, 0, 0, 0, 0, 0.05],
    [0, 0, 0, 0, 0, 0, 0.07],
    [0, 0, 0, 0, 0, 0, 0, 0.02],
    [0, 0, 0.01, 0, 0, 0, 0, 0, 0.04],
  ],
  quantile: 1.96,
  minimum: { activeWindows: 5, loadDays: 28, referenceSessions: 2 },
};

const input: HazardInput = {
  values: { acuteExcess: 0.3, hrvFall: 0.05, age: 31 },
  pooled: { fAttn: [1, 2.5], stateLogit: -1, rehab: 0.7 },
  reference: { fAttn: [0.5, 2], stateLogit: -2, rehab: 0.9 },
  activeWindows: 9,
  loadDays: 40,
  atRisk: true,
};

const ask = (change: Partial<HazardInput> = {}): DailyHazard => {
  const answer = dailyHazard(model, { ...input, ...change });
  if ('notEnoughData' in answer) throw new Error(answer.notEnoughData);
  return answer;
};
const logit = (p: number): number => Math.log(p / (1 - p));

describe('daily hazard', () => {
  it('is the logistic of intercept and terms, with an interval from the covariance', () => {
    const { probability, lower, upper, terms } = ask();
    expect(terms.load).toBeCloseTo(0.3, 12);
    expect(terms.hrv).toBeCloseTo(0.1, 12);
    expect(terms.context).toBeCloseTo(-0.1, 12);
    expect(terms.history).toBe(0);
    expect(terms.binn).toBeCloseTo(0.4 + 0.3 + 0.5 + 0.25 + 0.6, 12);
    expect(logit(probability)).toBeCloseTo(-3.5 + 0.3 + 0.1 - 0.1 + 2.05, 9);
    const x = [1, 1, 0.5, 1, 1, 0.5, 1, 1, -2];
    const projected = x.map((_, j) => model.cholesky.reduce((sum, row, i) => sum + (row[j] ?? 0) * x[i]!, 0));
    const reach = 1.96 * Math.hypot(...projected);
    expect(logit(upper) - logit(probability)).toBeCloseTo(reach, 9);
    expect(logit(probability) - logit(lower)).toBeCloseTo(reach, 9);
  });

  it('lets what is not known add nothing', () => {
    expect(ask({ values: { ...input.values, hrvFall: null } }).terms.hrv).toBe(0);
    expect(ask({ values: { ...input.values, hrvFall: NaN } }).terms.hrv).toBe(0);
    expect(ask({ values: {} }).terms).toMatchObject({ load: 0, hrv: 0, context: 0 });
    expect(ask({ reference: null }).terms.binn).toBeCloseTo(0.4 + 0.5, 12);
  });

  it('gives a reason instead of a number below its minimum', () => {
    const why = (change: Partial<HazardInput>): unknown => dailyHazard(model, { ...input, ...change });
    expect(why({ atRisk: false })).toEqual({ notEnoughData: 'not-at-risk' });
    expect(why({ loadDays: 27 })).toEqual({ notEnoughData: 'load-history' });
    expect(why({ activeWindows: 4 })).toEqual({ notEnoughData: 'active-windows' });
    expect(why({ pooled: null })).toEqual({ notEnoughData: 'f-attn' });
    expect(why({ pooled: { ...input.pooled!, stateLogit: NaN } })).toEqual({ notEnoughData: 'f-attn' });
    expect(why({ pooled: { ...input.pooled!, fAttn: [1] } })).toEqual({ notEnoughData: 'f-attn' });
  });

  it('refuses a covariance of another size', () => {
    expect(() => dailyHazard({ ...model, cholesky: model.cholesky.slice(1) }, input)).toThrow(RangeError);
  });

  it('rises with a feature of positive coefficient, and its interval holds it', () => {
    const value = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(value, value, value, (excess, fall, more) => {
        const low = ask({ values: { acuteExcess: excess, hrvFall: fall } });
        const high = ask({ values: { acuteExcess: excess + Math.abs(more), hrvFall: fall } });
        expect(high.probability).toBeGreaterThanOrEqual(low.probability);
        for (const { probability, lower, upper } of [low, high]) {
          expect(lower).toBeLessThanOrEqual(probability);
          expect(upper).toBeGreaterThanOrEqual(probability);
          expect(lower).toBeGreaterThanOrEqual(0);
          expect(upper).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

describe('fall of heart-rate variability', () => {
  const mornings = (before: number, week: number): number[] => [
    ...Array.from({ length: 21 }, () => before),
    ...Array.from({ length: 7 }, () => week),
  ];

  it('is the baseline less the last week', () => {
    expect(hrvFall(mornings(4.2, 4.1))).toBeCloseTo(0.1, 12);
    expect(hrvFall([9, 9, 9, ...mornings(4, 4.3)])).toBeCloseTo(-0.3, 12);
  });

  it('needs three mornings of the week and ten before it', () => {
    const without = (days: readonly number[]): (number | null)[] =>
      mornings(4.2, 4.1).map((value, day) => (days.includes(day) ? null : value));
    expect(hrvFall(without([21, 22, 23, 24]))).toBeCloseTo(0.1, 12);
    expect(hrvFall(without([21, 22, 23, 24, 25]))).toBeNull();
    const eleven = Array.from({ length: 11 }, (_, day) => day);
    expect(hrvFall(without(eleven))).toBeCloseTo(0.1, 12);
    expect(hrvFall(without([...eleven, 11]))).toBeNull();
    expect(hrvFall([])).toBeNull();
    expect(hrvFall([NaN, NaN, ...mornings(4.2, 4.1).slice(2)])).toBeCloseTo(0.1, 12);
  });
});

describe('models/hazard.json', () => {
  const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../models/${name}`, import.meta.url), 'utf8'));
  const shipped = read('hazard.json') as HazardModel;
  const { vectors, binnSha256 } = read('hazard-parity.json') as {
    readonly binnSha256: string;
    readonly vectors: readonly (Pick<HazardInput, 'values' | 'pooled' | 'reference'> & {
      readonly expected: { readonly probability: number; readonly lower: number; readonly upper: number };
    })[];
  };

  it('belongs to the graph that is served', () => {
    expect(shipped.binnSha256).toBe((read('binn.json') as { sha256: string }).sha256);
    expect(binnSha256).toBe(shipped.binnSha256);
  });

  it('gives in TypeScript what Python gave, to 1e-6', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(12);
    expect(vectors.some(({ reference }) => reference === null)).toBe(true);
    for (const { expected, ...given } of vectors) {
      const answer = dailyHazard(shipped, { ...given, activeWindows: 9, loadDays: 60, atRisk: true });
      if ('notEnoughData' in answer) throw new Error(answer.notEnoughData);
      for (const name of ['probability', 'lower', 'upper'] as const) expect(Math.abs(answer[name] - expected[name])).toBeLessThan(1e-6);
    }
  });
});
