import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flagThreshold, inMorningOrder, LEAST_ATHLETE_DAYS, morningWord, type MorningFacts } from '../../src/asms/morning.ts';

const quiet: MorningFacts = {
  availability: 'full',
  hazard: { day: '2026-11-26', probability: 0.02, lower: 0.015, upper: 0.027 },
  noHazard: null,
  usualHazards: Array.from({ length: 10 }, () => 0.02),
  drift: { value: 0.4, amber: 0.8, red: 1.1, band: 'green', reference: 'own' },
  alerts: [],
  today: { day: '2026-11-27', planned: 400, actual: null },
  yesterday: { day: '2026-11-26', planned: 400, actual: 380 },
  windows: 3_000,
  observedShare: 0.9,
};
const high = { ...quiet, hazard: { day: '2026-11-26', probability: 0.06, lower: 0.041, upper: 0.085 } };

describe('the threshold of a squad', () => {
  test('flags a tenth of its athlete-days, and is not there before there are enough', () => {
    const days = Array.from({ length: 200 }, (_, i) => (i + 1) / 1_000);
    const threshold = flagThreshold(days) ?? NaN;
    expect(days.filter((p) => p >= threshold)).toHaveLength(20);
    expect(flagThreshold(days.slice(0, LEAST_ATHLETE_DAYS - 1))).toBeNull();
    expect(flagThreshold([])).toBeNull();
  });
});

describe('the word of the morning', () => {
  test('says that nothing is unusual, and why there is no probability', () => {
    expect(morningWord(quiet, 0.05)).toEqual({ attention: 'none', why: 'Nothing unusual.' });
    expect(morningWord({ ...quiet, hazard: null, noHazard: 'too little load is recorded' }, 0.05).why).toContain(
      'too little load is recorded',
    );
  });

  test('names the probability, its interval and the own usual where the threshold is reached', () => {
    const { attention, why } = morningWord(high, 0.05);
    expect(attention).toBe('act');
    expect(why).toContain('6.0 % (4.1 % to 8.5 %), 3.0 times');
    expect(morningWord(high, null).attention).toBe('none');
    expect(morningWord({ ...high, usualHazards: [0.02] }, 0.05).why).not.toContain('times');
  });

  test('puts a red alert before the probability, and that before an amber one', () => {
    const red = { type: 'risk', severity: 'red', sentence: 'Red.' } as const;
    const amber = { type: 'asymmetry', severity: 'amber', sentence: 'Amber.' } as const;
    expect(morningWord({ ...high, alerts: [amber, red] }, 0.05)).toEqual({ attention: 'act', why: 'Red.' });
    expect(morningWord({ ...high, alerts: [amber] }, 0.05).why).toContain('6.0 %');
    expect(morningWord({ ...quiet, alerts: [amber, amber] }, 0.05)).toEqual({ attention: 'look', why: 'Amber. 1 more open.' });
  });

  test('judges drift by the own percentiles alone', () => {
    const drift = { value: 1.3, amber: 0.8, red: 1.1, band: 'red', reference: 'own' } as const;
    expect(morningWord({ ...quiet, drift }, 0.05).why).toContain('99th percentile (1.10)');
    expect(morningWord({ ...quiet, drift: { ...drift, reference: 'population' } }, 0.05).attention).toBe('none');
  });

  test('holds a load against its plan, and a rest day against a load', () => {
    const today = { day: '2026-11-27', planned: 400, actual: 450 };
    expect(morningWord({ ...quiet, today }, 0.05).why).toBe('Load of 2026-11-27 450 AU against 400 AU planned.');
    expect(morningWord({ ...quiet, today: { ...today, actual: 430 } }, 0.05).attention).toBe('none');
    expect(morningWord({ ...quiet, today: { ...today, planned: 0, actual: 50 } }, 0.05).attention).toBe('look');
    expect(morningWord({ ...quiet, today: { ...today, planned: null } }, 0.05).attention).toBe('none');
  });

  test('asks for a look at the sensors where most channels were missing', () => {
    expect(morningWord({ ...quiet, observedShare: 0.3 }, 0.05).why).toContain('30 %');
    expect(morningWord({ ...quiet, windows: 0, observedShare: null }, 0.05).attention).toBe('none');
  });
});

test('the order is by attention, hazard and name, and loses nobody', () => {
  const row = fc.record({
    name: fc.string(),
    attention: fc.constantFrom('act' as const, 'look' as const, 'none' as const),
    hazard: fc.double({ min: -1, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      const ordered = inMorningOrder(rows, ({ hazard }) => hazard);
      expect(ordered).toHaveLength(rows.length);
      expect(new Set(ordered)).toEqual(new Set(rows));
      const rank = ordered.map(({ attention }) => ['act', 'look', 'none'].indexOf(attention));
      expect(rank).toEqual(rank.toSorted((a, b) => a - b));
    }),
  );
});
