import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_SKETCH, addToSketch, percentilesOf } from '../../src/asms/quantile-sketch.ts';

const sketchOf = (values: readonly number[]) => values.reduce(addToSketch, EMPTY_SKETCH);
/** Share of values at or below x. */
const rankOf = (values: readonly number[], x: number): number => values.filter((value) => value <= x).length / values.length;

describe('quantile sketch', () => {
  it('knows nothing below seven observations and leaves out what is not finite', () => {
    expect(percentilesOf(sketchOf([1, 2, 3, 4, 5, 6, Number.NaN, Number.POSITIVE_INFINITY]))).toBeNull();
    expect(percentilesOf(sketchOf([1, 2, 3, 4, 5, 6, 7]))).not.toBeNull();
  });

  it('keeps its markers in order and inside what was seen, in a bounded size', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 7, maxLength: 400 }), (values) => {
        const sketch = sketchOf(values);
        expect(sketch.heights).toHaveLength(7);
        expect(sketch.heights).toEqual(sketch.heights.toSorted((a, b) => a - b));
        expect(sketch.ranks).toEqual([...new Set(sketch.ranks)].toSorted((a, b) => a - b));
        expect(sketch.heights[0]).toBeCloseTo(Math.min(...values), 0);
        expect(sketch.heights[6]).toBeCloseTo(Math.max(...values), 0);
      }),
    );
  });

  it('puts the percentiles within half a percent of their rank on independent values', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.constantFrom<(u: number) => number>(
          (u) => u,
          (u) => -Math.log(1 - u),
          (u) => u ** 3,
        ),
        (seed, shape) => {
          let s = seed >>> 0;
          const values = Array.from({ length: 5_000 }, () => {
            s = (Math.imul(s, 1_664_525) + 1_013_904_223) >>> 0;
            return shape(s / 2 ** 32);
          });
          const found = percentilesOf(sketchOf(values));
          expect(Math.abs(rankOf(values, found?.amber ?? 0) - 0.95)).toBeLessThan(0.01);
          expect(Math.abs(rankOf(values, found?.red ?? 0) - 0.99)).toBeLessThan(0.005);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is exact on one value repeated', () => {
    expect(percentilesOf(sketchOf(Array.from({ length: 100 }, () => 0.25)))).toEqual({ amber: 0.25, red: 0.25 });
  });
});
