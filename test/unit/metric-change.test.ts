import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baselineOf, betweenAthleteSd, chancesOfChange, ownTypicalError } from '../../src/asms/metric-change.ts';
import { normalCdf } from '../../src/asms/normal.ts';
import { viewChanges } from '../../src/rest/metrics/change.ts';
import type { StoredReading } from '../../src/rest/ports.ts';

const VECTORS = JSON.parse(readFileSync(new URL('injury-vectors.json', import.meta.url), 'utf8')) as {
  readonly changes: readonly Readonly<
    Record<'change' | 'typicalError' | 'smallestWorthwhileChange' | 'increase' | 'decrease' | 'trivial', number>
  >[];
};

describe('the chances of a change', () => {
  it('are what scipy says', () => {
    for (const { change, typicalError, smallestWorthwhileChange, ...wanted } of VECTORS.changes) {
      const found = chancesOfChange(change, typicalError, smallestWorthwhileChange);
      for (const name of ['increase', 'decrease', 'trivial'] as const) expect(found[name]).toBeCloseTo(wanted[name], 12);
    }
  });

  it('add up to 1, are mirrored by the sign, and rise with the change', () => {
    const positive = fc.double({ min: 1e-3, max: 50, noNaN: true });
    const change = fc.double({ min: -100, max: 100, noNaN: true });
    fc.assert(
      fc.property(change, positive, positive, (observed, error, worthwhile) => {
        const [found, mirrored] = [chancesOfChange(observed, error, worthwhile), chancesOfChange(-observed, error, worthwhile)];
        expect(found.increase + found.decrease + found.trivial).toBeCloseTo(1, 9);
        expect(mirrored.increase).toBeCloseTo(found.decrease, 12);
        expect(chancesOfChange(observed + 1, error, worthwhile).increase).toBeGreaterThanOrEqual(found.increase - 1e-12);
      }),
    );
    expect(() => chancesOfChange(1, 0, 1)).toThrow(RangeError);
    expect(() => chancesOfChange(1, 1, -1)).toThrow(RangeError);
  });

  it('use a normal distribution function that is exact in its tails', () => {
    // Abramowitz and Stegun, tables 26.1 and 26.2.
    expect(normalCdf(0)).toBe(0.5);
    expect(normalCdf(1.96)).toBeCloseTo(0.97500210485178, 13);
    expect(normalCdf(-5) / 2.866515718791939e-7).toBeCloseTo(1, 10);
    expect(normalCdf(-10) / 7.61985302416053e-24).toBeCloseTo(1, 10);
    expect(normalCdf(Number.NaN)).toBeNaN();
  });
});

describe('what a change is judged by', () => {
  it('is the SD of the differences of neighbours over sqrt(2), from 8 sessions on', () => {
    expect(ownTypicalError([1, 3, 1, 3, 1, 3, 1])).toBeNull();
    // Differences 2, -2, ... of eight values: mean 2/7, sum of squares about it 7 * 4 - 7 * (2/7)^2.
    expect(ownTypicalError([1, 3, 1, 3, 1, 3, 1, 3])).toBeCloseTo(Math.sqrt((28 - 4 / 7) / 6) / Math.SQRT2, 12);
    // A steady drift is no error.
    expect(ownTypicalError([1, 2, 3, 4, 5, 6, 7, 8])).toBe(0);
  });

  it('is the mean of up to ten sessions before the latest, three at least', () => {
    expect(baselineOf([1, 2, 9])).toBeNull();
    expect(baselineOf([1, 2, 3, 9])).toMatchObject({ mean: 2, sd: 1, sessions: 3 });
    expect(baselineOf([...Array.from({ length: 5 }, () => 100), ...Array.from({ length: 10 }, () => 7), 9])).toMatchObject({
      mean: 7,
      sd: 0,
    });
  });

  it('is a spread between eight athletes or more', () => {
    expect(betweenAthleteSd([1, 2, 3, 4, 5, 6, 7])).toBeNull();
    expect(betweenAthleteSd([1, 2, 3, 4, 5, 6, 7, 8])).toBeCloseTo(Math.sqrt(6), 12);
  });
});

const reading = (value: number, given: Partial<StoredReading> = {}): StoredReading => ({
  name: 'jumpHeight',
  unit: 'm',
  method: 'impulse-momentum-1',
  value,
  typicalError: 0.02,
  provisional: false,
  sessionId: 's',
  at: '2026-11-02T18:00:00.000Z',
  ...given,
});
const squad = (count: number, given: Partial<StoredReading> = {}) => Array.from({ length: count }, (_, i) => reading(0.3 + i / 100, given));

describe('the change of an athlete', () => {
  it('compares the latest with earlier sessions of the same method, without provisional ones', () => {
    const own = [
      reading(0.9, { method: 'other' }),
      reading(0.4),
      reading(0.41),
      reading(0.9, { provisional: true }),
      reading(0.42),
      reading(0.35),
    ];
    const [item] = viewChanges('a', { own, squad: [...squad(10), ...squad(3, { method: 'other' })] }).items;
    expect(item).toMatchObject({
      name: 'jumpHeight',
      latest: { value: 0.35 },
      baseline: { sessions: 3 },
      typicalError: { of: 'published' },
      smallestWorthwhileChange: { athletes: 10 },
      notEnoughData: [],
    });
    expect(item?.change).toBeCloseTo(-0.06, 12);
    expect(item?.typicalError?.value).toBeCloseTo(0.058 * 0.35, 12);
    expect(item?.chances?.decrease).toBeGreaterThan(0.9);
  });

  it('takes its own typical error once there are sessions enough, the repeats of the session where nothing was published', () => {
    const many = Array.from({ length: 12 }, (_, i) => reading(0.4 + (i % 2) / 100));
    expect(viewChanges('a', { own: many, squad: [] }).items[0]?.typicalError).toMatchObject({
      of: 'own-sessions',
      source: '11 sessions of the athlete',
    });
    const other = [reading(1, { name: 'rsiMod', unit: 'm/s' })];
    expect(viewChanges('a', { own: other, squad: [] }).items[0]?.typicalError).toMatchObject({ of: 'session-repeats', value: 0.02 });
  });

  it('says what is missing, and makes up nothing', () => {
    const [item] = viewChanges('a', { own: [reading(1, { name: 'smo2', unit: '%', typicalError: null })], squad: [] }).items;
    expect(item).toMatchObject({ baseline: null, change: null, typicalError: null, smallestWorthwhileChange: null, chances: null });
    expect(item?.notEnoughData).toHaveLength(3);
    expect(viewChanges('a', { own: [], squad: [] }).items).toEqual([]);
  });
});
