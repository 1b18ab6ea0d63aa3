import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ordinalAlpha } from '../../src/alert/rules/agreement.ts';

/** The example of Krippendorff (2011), part C: four observers, twelve units, some values missing. */
const PUBLISHED = [
  [1, 1, 1],
  [2, 2, 3, 2],
  [3, 3, 3, 3],
  [3, 3, 3, 3],
  [2, 2, 2, 2],
  [1, 2, 3, 4],
  [4, 4, 4, 4],
  [1, 1, 2, 1],
  [2, 2, 2, 2],
  [5, 5, 5],
  [1, 1],
  [3],
];

describe("Krippendorff's alpha for ordinal data", () => {
  it('is that of the published example', () => {
    expect(ordinalAlpha(PUBLISHED).alpha).toBeCloseTo(0.815, 3);
    expect(ordinalAlpha(PUBLISHED)).toMatchObject({ units: 11, ratings: 40 });
  });

  it('is 1 where raters agree, below 0 where they contradict each other, and null where nothing can be told', () => {
    expect(ordinalAlpha([[1, 1], [5, 5, 5], [3]]).alpha).toBe(1);
    expect(
      ordinalAlpha([
        [1, 5],
        [5, 1],
      ]).alpha,
    ).toBeLessThan(0);
    expect(ordinalAlpha([])).toEqual({ alpha: null, units: 0, ratings: 0 });
    expect(ordinalAlpha([[4], [2]])).toEqual({ alpha: null, units: 0, ratings: 0 });
    expect(ordinalAlpha([[4, 4], [4, 4, 4], [1]])).toEqual({ alpha: null, units: 2, ratings: 5 });
  });

  it('does not depend on the order of raters or units, nor on where the scale begins, and never exceeds 1', () => {
    const unit = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 12 }), (units) => {
        const { alpha } = ordinalAlpha(units);
        const turned = ordinalAlpha(units.toReversed().map((ratings) => ratings.toReversed().map((rating) => 7 - rating))).alpha;
        if (alpha === null) expect(turned).toBeNull();
        else {
          expect(alpha).toBeLessThanOrEqual(1);
          expect(turned).toBeCloseTo(alpha, 9);
        }
      }),
    );
  });
});
