import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asymmetryPct } from '../../src/signal/asymmetry.ts';
import { mean, median, quantile, sampleSd } from '../../src/signal/order-statistics.ts';

describe('order statistics', () => {
  test('of nothing, and of NaN alone, are NaN', () => {
    for (const figure of [median, mean, sampleSd]) {
      expect(figure([])).toBeNaN();
      expect(figure([Number.NaN])).toBeNaN();
    }
    expect(sampleSd([4])).toBeNaN();
  });
  test('interpolate between neighbours and leave NaN out', () => {
    expect(quantile([4, Number.NaN, 1, 3, 2], 0.25)).toBe(1.75);
    expect(median([5, 1])).toBe(3);
    expect(sampleSd([1, 3])).toBeCloseTo(Math.SQRT2);
  });
  test('a quantile lies between the least and the greatest and grows with q', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, a, b) => {
          const low = quantile(values, Math.min(a, b));
          const high = quantile(values, Math.max(a, b));
          expect(low).toBeGreaterThanOrEqual(Math.min(...values));
          expect(high).toBeLessThanOrEqual(Math.max(...values));
          expect(low).toBeLessThanOrEqual(high + 1e-9);
        },
      ),
    );
  });
});

describe('asymmetry', () => {
  test('is signed, antisymmetric and at most 100 %', () => {
    expect(asymmetryPct(55, 45)).toBeCloseTo(10);
    expect(asymmetryPct(0, 0)).toBeNaN();
    const side = fc.double({ min: 0.001, max: 1e5, noNaN: true });
    fc.assert(
      fc.property(side, side, (left, right) => {
        expect(asymmetryPct(left, right)).toBeCloseTo(-asymmetryPct(right, left), 9);
        expect(Math.abs(asymmetryPct(left, right))).toBeLessThanOrEqual(100);
      }),
    );
  });
});
