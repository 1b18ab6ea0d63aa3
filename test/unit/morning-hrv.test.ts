import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hrvFall } from '../../src/asms/hazard.ts';
import { morningDays, morningTrend, type RestRecording } from '../../src/asms/morning-hrv.ts';
import { teamDays } from '../../src/asms/team-days.ts';

const HOUR_US = 3_600e6;
const calendar = teamDays('2026-03-28', '2026-03-30', 'Europe/Berlin');
const recording = (sessionId: string, day: number, hour: number, beats = 40): RestRecording => ({
  sessionId,
  startUs: calendar[day]!.fromUs + hour * HOUR_US,
  lnRmssd: 4,
  beats,
});

describe('the morning of a day', () => {
  it('is the entry, else the first recording before noon of enough beats, else none', () => {
    const entries = [{ id: 'e', day: '2026-03-28', lnRmssd: 4.2, beats: 50 }];
    const recordings = [
      recording('beside an entry', 0, 6),
      recording('of too few beats', 1, 5, 39),
      recording('first', 1, 6),
      recording('second', 1, 7),
      recording('at noon', 2, 12),
    ];
    expect(morningDays(calendar, { consented: true, entries, recordings }).map(({ of, id }) => [of, id])).toEqual([
      ['entry', 'e'],
      ['session', 'first'],
      [null, null],
    ]);
    expect(morningDays(calendar, { consented: false, entries, recordings })).toEqual([]);
  });
});

const times = (value: number | null, count: number): (number | null)[] => Array.from({ length: count }, () => value);

describe('the trend of mornings', () => {
  it('is the fall of the last 7 days from the 21 before them', () => {
    const mornings = [...times(null, 11), ...times(4, 5), ...times(4.2, 5), ...times(null, 4), ...times(3.9, 3)];
    expect(morningTrend(mornings)).toMatchObject({ week: { days: 3, sd: 0 }, baseline: { days: 10 }, missing: null });
    expect(morningTrend(mornings).fall).toBeCloseTo(0.2, 12);
    expect(morningTrend(mornings).baseline?.mean).toBeCloseTo(4.1, 12);
  });

  it('needs 3 valid days in the week and 10 before it, and says which are missing', () => {
    expect(morningTrend([])).toEqual({
      week: null,
      baseline: null,
      fall: null,
      missing: '0 valid mornings in the last 7 days, 3 are needed; 0 valid mornings in the 21 days before them, 10 are needed',
    });
    expect(morningTrend([...times(4, 9), ...times(null, 12), ...times(4, 7)])).toMatchObject({
      week: { days: 7 },
      baseline: null,
      fall: null,
    });
    expect(morningTrend([...times(4, 21), ...times(null, 5), ...times(4, 2)])).toMatchObject({
      week: null,
      baseline: { days: 21 },
      fall: null,
    });
  });

  it('has a fall exactly where the hazard has one', () => {
    const morning = fc.oneof(fc.constant(null), fc.double({ min: 2, max: 6, noNaN: true }));
    fc.assert(
      fc.property(fc.array(morning, { maxLength: 60 }), (mornings) => {
        const { week, baseline, fall, missing } = morningTrend(mornings);
        expect(fall).toEqual(hrvFall(mornings));
        expect(fall === null).toBe(week === null || baseline === null);
        expect(missing === null).toBe(fall !== null);
      }),
    );
  });
});
