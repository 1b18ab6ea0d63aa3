import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dailyHazard, hrvFall, type DailyHazard, type HazardInput, type HazardModel } from '../../src/asms/hazard.ts';

const model: HazardModel = {
  format: 2,
  name: 'binn-hazard',
  version: 'test',
  binnSha256: '0'.repeat(64),
  horizonDays: 7,
  intercept: -3.5,
  movement: { location: [1, -1], weights: [0.2, 0.1], prior: 2 },
  features: [
    { name: 'acuteExcess', unit: '1', group: 'load', location: 0.1, scale: 0.2, coefficient: 0.3 },
    { name: 'hrvFall', unit: 'ln ms', group: 'hrv', location: 0, scale: 0.1, coefficient: 0.2 },
    { name: 'age', unit: 'a', group: 'context', location: 26, scale: 5, coefficient: -0.1 },
    { name: 'movementChange', unit: 'severity', group: 'binn', location: 0.2, scale: 0.5, coefficient: 0.6 },
    { name: 'movementAboveLowest', unit: 'severity', group: 'binn', location: 0, scale: 0.2, coefficient: 0.1 },
  ],
  cholesky: [[0.1], [0.02, 0.05], [0, 0, 0.04], [0, 0, 0.01, 0.03], [0, 0.02, 0, 0.01, 0.06], [0.01, 0, 0, 0, 0.02, 0.03]],
  quantile: 1.96,
  minimum: { activeWindows: 5, loadDays: 28 },
};

const input: HazardInput = {
  values: { acuteExcess: 0.3, hrvFall: 0.05, age: 31 },
  fAttn: [3, 4],
  earlier: [
    [2, 2],
    [1, 0],
  ],
  activeWindows: 9,
  loadDays: 40,
  atRisk: true,
};
/** Movement of [3, 4]: 0.2 * 2 + 0.1 * 5 = 0.9; of the earlier sessions 0.5 and 0.1: usual 0.6 / (2 + 2), lowest 0.1. */
const CHANGE = 0.9 - 0.15;
const ABOVE = 0.9 - 0.1;
const binnTerm = (change: number, above: number): number => (0.6 * (change - 0.2)) / 0.5 + (0.1 * above) / 0.2;

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
    expect(terms.binn).toBeCloseTo(binnTerm(CHANGE, ABOVE), 12);
    expect(logit(probability)).toBeCloseTo(-3.5 + 0.3 + 0.1 - 0.1 + binnTerm(CHANGE, ABOVE), 9);
    const x = [1, 1, 0.5, 1, (CHANGE - 0.2) / 0.5, ABOVE / 0.2];
    const projected = x.map((_, j) => model.cholesky.reduce((sum, row, i) => sum + (row[j] ?? 0) * x[i]!, 0));
    const reach = 1.96 * Math.hypot(...projected);
    expect(logit(upper) - logit(probability)).toBeCloseTo(reach, 9);
    expect(logit(probability) - logit(lower)).toBeCloseTo(reach, 9);
  });

  it('lets what is not known add nothing', () => {
    expect(ask({ values: { ...input.values, hrvFall: null } }).terms.hrv).toBe(0);
    expect(ask({ values: { ...input.values, hrvFall: NaN } }).terms.hrv).toBe(0);
    expect(ask({ values: {} }).terms).toMatchObject({ load: 0, hrv: 0, context: 0 });
  });

  it('holds the day against the mean and the lowest of earlier sessions, and against the population before there are any', () => {
    const after = (...earlier: number[][]): number => ask({ earlier }).terms.binn;
    expect(after()).toBeCloseTo(binnTerm(0.9, 0), 12);
    expect(after([3, 4])).toBeCloseTo(binnTerm(0.9 - 0.9 / 3, 0), 12);
    expect(after([1, 0], [2, 2])).toBeCloseTo(ask().terms.binn, 12);
    expect(after([6, 9])).toBeCloseTo(binnTerm(0.9 - 2 / 3, 0), 12);
    expect(after(...Array.from({ length: 98 }, () => [1, 0]))).toBeCloseTo(binnTerm(0.9 - 0.098, 0.8), 12);
  });

  it('gives a reason instead of a number below its minimum', () => {
    const why = (change: Partial<HazardInput>): unknown => dailyHazard(model, { ...input, ...change });
    expect(why({ atRisk: false })).toEqual({ notEnoughData: 'not-at-risk' });
    expect(why({ loadDays: 27 })).toEqual({ notEnoughData: 'load-history' });
    expect(why({ activeWindows: 4 })).toEqual({ notEnoughData: 'active-windows' });
    expect(why({ fAttn: null })).toEqual({ notEnoughData: 'f-attn' });
    expect(why({ fAttn: [1, NaN] })).toEqual({ notEnoughData: 'f-attn' });
    expect(why({ fAttn: [1] })).toEqual({ notEnoughData: 'f-attn' });
    expect(why({ earlier: [[2, 2], [1]] })).toEqual({ notEnoughData: 'f-attn' });
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
    readonly vectors: readonly (Pick<HazardInput, 'values' | 'fAttn' | 'earlier'> & {
      readonly expected: { readonly probability: number; readonly lower: number; readonly upper: number };
    })[];
  };

  it('belongs to the graph that is served', () => {
    expect(shipped.binnSha256).toBe((read('binn.json') as { sha256: string }).sha256);
    expect(binnSha256).toBe(shipped.binnSha256);
  });

  it('gives in TypeScript what Python gave, to 1e-6', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(12);
    expect(vectors.some(({ earlier }) => earlier.length === 0)).toBe(true);
    expect(vectors.some(({ earlier }) => earlier.length > 1)).toBe(true);
    for (const { expected, ...given } of vectors) {
      const answer = dailyHazard(shipped, { ...given, activeWindows: 9, loadDays: 60, atRisk: true });
      if ('notEnoughData' in answer) throw new Error(answer.notEnoughData);
      for (const name of ['probability', 'lower', 'upper'] as const) expect(Math.abs(answer[name] - expected[name])).toBeLessThan(1e-6);
    }
  });
});
