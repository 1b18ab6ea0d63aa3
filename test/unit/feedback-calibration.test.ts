import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alarmCounts, calibrationOf, calibrationPanel, wilson, type CalibrationRow } from '../../src/asms/feedback/calibration.ts';

const vectors = JSON.parse(readFileSync(new URL('feedback-vectors.json', import.meta.url), 'utf8')) as {
  readonly panel: readonly {
    readonly probability: number[];
    readonly label: (0 | 1)[];
    readonly brier: number;
    readonly expected: number;
    readonly slope: number;
    readonly intercept: number;
  }[];
  readonly wilson: readonly { readonly hits: number; readonly count: number; readonly lower: number; readonly upper: number }[];
};

const row = (athleteId: string, day: number, changes: Partial<CalibrationRow> = {}): CalibrationRow => ({
  athleteId,
  day,
  before: 0.1,
  after: 0.2,
  label: 0,
  treated: false,
  ...changes,
});

const anyRows = fc
  .array(
    fc.tuple(
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: -10, max: 40 }),
      fc.integer({ min: 0, max: 1000 }),
      fc.constantFrom<0 | 1 | null>(0, 1, null),
      fc.boolean(),
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((drawn) =>
    drawn.map(([who, day, permille, label, treated]) =>
      row(`a${who}`, day, { before: permille / 1000, after: 1 - permille / 1000, label, treated }),
    ),
  );

describe('known answers', () => {
  it('Brier, expected, intercept and slope are those of scikit-learn and scipy', () => {
    for (const { probability, label, brier, expected, slope, intercept } of vectors.panel) {
      const rows = probability.map((p, i) => row(`a${i}`, 0, { before: p, after: p, label: label[i]! }));
      const panel = calibrationPanel(rows, 7)!;
      expect(panel.total.before.brier).toBeCloseTo(brier, 12);
      expect(panel.total.before.expected).toBeCloseTo(expected, 9);
      expect(panel.calibrationBefore!.slope).toBeCloseTo(slope, 6);
      expect(panel.calibrationBefore!.intercept).toBeCloseTo(intercept, 8);
    }
  });

  it('the interval is that of scipy', () => {
    for (const { hits, count, lower, upper } of vectors.wilson) {
      const given = wilson(hits / count, count)!;
      expect(given.lower).toBeCloseTo(lower, 10);
      expect(given.upper).toBeCloseTo(upper, 10);
    }
    expect(wilson(0, 0)).toBeNull();
  });
});

describe('the panel', () => {
  it('counts by week from the first day, empty weeks too', () => {
    const rows = [row('a', 3, { label: 1 }), row('b', 9), row('a', 20)];
    const { buckets, total } = calibrationPanel(rows, 7)!;
    expect(buckets.map(({ fromDay, untilDay, rows: n, observed }) => [fromDay, untilDay, n, observed])).toEqual([
      [3, 9, 2, 1],
      [10, 16, 0, 0],
      [17, 23, 1, 0],
    ]);
    expect(buckets[1]).toMatchObject({
      observedShare: null,
      observedInterval: null,
      before: { expected: 0, brier: null, observedOverExpected: null },
    });
    expect(total).toMatchObject({ rows: 3, observed: 1 });
    expect(total.before.brier).toBeCloseTo((0.81 + 0.01 + 0.01) / 3, 12);
    expect(total.after.expected).toBeCloseTo(0.6, 12);
    expect(total.after.observedOverExpected).toBeCloseTo(1 / 0.6, 12);
    expect(calibrationPanel(rows, 1)!.buckets).toHaveLength(18);
    expect(calibrationPanel([], 7)).toBeNull();
  });

  it('takes days of an athlete whose horizons overlap as one in the interval', () => {
    const daily = Array.from({ length: 7 }, (_, day) => ['a', 'b', 'c'].map((who) => row(who, day, { label: who === 'a' ? 1 : 0 }))).flat();
    expect(calibrationPanel(daily, 7)!.total.observedInterval).toEqual(wilson(7 / 21, 3));
    expect(calibrationPanel(daily, 1)!.buckets[0]!.observedInterval).toEqual(wilson(1 / 3, 3));
  });

  it('shows treated and unknown days, and lets them enter no figure', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const panel = calibrationPanel(rows, 7)!;
        const counted = rows.filter(({ treated, label }) => !treated && label !== null);
        expect(panel.total.rows).toBe(counted.length);
        expect(panel.total.treated + panel.total.unknown + panel.total.rows).toBe(rows.length);
        expect(panel.buckets.reduce((sum, one) => sum + one.rows, 0)).toBe(counted.length);
        const alone = calibrationPanel(counted, 7);
        expect(panel.total.before).toEqual(alone?.total.before ?? { expected: 0, observedOverExpected: null, brier: null });
        expect(panel.calibrationAfter).toEqual(alone?.calibrationAfter ?? null);
        const { observedShare, observedInterval } = panel.total;
        if (observedShare !== null) {
          expect(observedInterval!.lower).toBeLessThanOrEqual(observedShare + 1e-12);
          expect(observedInterval!.upper).toBeGreaterThanOrEqual(observedShare - 1e-12);
        }
      }),
    );
  });

  it('has no line where labels are all alike or separated, and refuses what is no probability', () => {
    expect(calibrationOf([])).toBeNull();
    expect(calibrationOf([0.1, 0.2].map((probability) => ({ probability, label: 0 as const })))).toBeNull();
    expect(calibrationOf([0.1, 0.2, 0.6, 0.7].map((probability) => ({ probability, label: probability > 0.5 ? 1 : 0 })))).toBeNull();
    expect(() => calibrationPanel([row('a', 1, { before: 1.2 })], 7)).toThrow(RangeError);
    expect(() => calibrationPanel([row('a', 1, { after: NaN })], 7)).toThrow(RangeError);
    expect(() => calibrationPanel([row('a', 1.5)], 7)).toThrow(RangeError);
  });
});

describe('alarm counts', () => {
  it('never count a treated or an unsettled day as a false alarm', () => {
    const rows = [
      row('a', 1, { after: 0.5, label: 1 }),
      row('b', 1, { after: 0.5 }),
      row('c', 1, { after: 0.5, treated: true }),
      row('d', 1, { after: 0.5, treated: true, label: 1 }),
      row('e', 1, { after: 0.5, label: null }),
      row('f', 1, { after: 0.49, label: 1 }),
    ];
    expect(alarmCounts(rows, 0.5)).toEqual({
      raised: 5,
      rightly: 1,
      falsely: 1,
      treated: 2,
      unknown: 1,
      ppv: 0.5,
      ppvInterval: wilson(0.5, 2),
    });
    expect(alarmCounts(rows, 0.9)).toMatchObject({ raised: 0, ppv: null, ppvInterval: null });
  });
});
