import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasSensor, heartRateBpm, lnRmssd, smo2Pct } from '../../src/signal/heart-rate.ts';

/** At rest: 900 ms with a difference of 40 ms from beat to beat, each beat once. */
const resting = Array.from({ length: 120 }, (_, i) => 1100 + (i % 2) * 40);

describe('heart rate', () => {
  test('is the mean of plausible samples, null without one', () => {
    expect(heartRateBpm([60, 0, 62, Number.NaN, 300])).toBe(61);
    expect(heartRateBpm([0, 0, 0])).toBeNull();
    expect(heartRateBpm([])).toBeNull();
  });
});

describe('ln rMSSD', () => {
  test('of alternating beats is the ln of their difference', () => {
    expect(lnRmssd(resting, 1)?.lnRmssd).toBeCloseTo(Math.log(40));
    expect(lnRmssd(resting, 1)?.provisional).toBe(false);
  });

  test('a missed or doubled beat changes it by little and is counted', () => {
    const broken = resting.map((rr, i) => (i === 50 ? 2 * rr : i === 80 ? rr / 2 : rr));
    const value = lnRmssd(broken, 1);
    expect(value?.rejected).toBe(2);
    expect(value?.lnRmssd).toBeCloseTo(Math.log(40));
  });

  test('is provisional in exercise and where the column cannot hold every beat', () => {
    expect(
      lnRmssd(
        Array.from({ length: 100 }, (_, i) => 450 + (i % 2) * 4),
        1,
      )?.provisional,
    ).toBe(true);
    expect(
      lnRmssd(
        Array.from({ length: 100 }, (_, i) => 800 + (i % 2) * 20),
        1,
      )?.provisional,
    ).toBe(true);
  });

  test('is null with too few beats or without variation', () => {
    expect(lnRmssd([], 1)).toBeNull();
    expect(lnRmssd([900, 910, 905], 1)).toBeNull();
    expect(
      lnRmssd(
        Array.from({ length: 100 }, () => 0),
        1,
      ),
    ).toBeNull();
    expect(
      lnRmssd(
        Array.from({ length: 100 }, () => 1100),
        1,
      ),
    ).toBeNull();
  });

  test('grows by ln k where every difference grows k-fold', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 4, noNaN: true }), (k) => {
        const scaled = resting.map((rr) => 1120 + (rr - 1120) * k);
        expect((lnRmssd(scaled, 1)?.lnRmssd ?? 0) - (lnRmssd(resting, 1)?.lnRmssd ?? 0)).toBeCloseTo(Math.log(k), 6);
      }),
    );
  });
});

describe('muscle oxygen', () => {
  test('zero in a column that never moves is no sensor', () => {
    expect(hasSensor([0, 0, 0])).toBe(false);
    expect(hasSensor([Number.NaN, 0])).toBe(false);
    expect(hasSensor([0, 13.8, 0])).toBe(true);
    expect(smo2Pct([[0, 0, 0]])).toBeNull();
    expect(smo2Pct([])).toBeNull();
  });
  test('is averaged over the sensors there are, dropouts left out', () => {
    expect(
      smo2Pct([
        [60, 0, 62],
        [0, 0, 0],
        [40, 42, 41],
      ]),
    ).toBe(51);
  });
});
