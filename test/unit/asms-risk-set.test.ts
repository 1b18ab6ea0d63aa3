import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HORIZON_DAYS, isAtRisk, riskLabel, riskLabelKnownOn, type RiskFacts } from '../../src/asms/risk-set.ts';
import { labelAt } from '../../src/simulate/season/landmarks.ts';
import { simulateSeason } from '../../src/simulate/season/season.ts';

const facts = (given: Partial<RiskFacts> = {}): RiskFacts => ({
  injuries: [],
  arrivalDay: 0,
  departureDay: null,
  observedThroughDay: 100,
  ...given,
});
const injury = (onsetDay: number, clearanceDay: number | null, more: { reportDay?: number; timeLoss?: boolean } = {}) => ({
  onsetDay,
  clearanceDay,
  reportDay: onsetDay,
  timeLoss: true,
  ...more,
});

describe('the risk set', () => {
  it('leaves an athlete out from onset, not from the report, to clearance', () => {
    const one = facts({ injuries: [injury(10, 20, { reportDay: 13 })] });
    expect([9, 10, 13, 19, 20].map((day) => isAtRisk(day, one))).toEqual([true, false, false, false, true]);
  });

  it('leaves an athlete out before arrival and from departure on', () => {
    const one = facts({ arrivalDay: 5, departureDay: 9 });
    expect([4, 5, 8, 9].map((day) => riskLabel(day, one))).toEqual(['out', 'unknown', 'unknown', 'out']);
  });

  it('is not left by an injury that costs no time', () => {
    expect(riskLabel(10, facts({ injuries: [injury(10, null, { timeLoss: false })] }))).toBe(0);
  });
});

describe('the label of the next seven days', () => {
  it('is 1 from a week before the onset, and the day of the onset makes no forecast', () => {
    const one = facts({ injuries: [injury(50, 60)] });
    expect([42, 43, 49, 50, 59, 60].map((day) => riskLabel(day, one))).toEqual([0, 1, 1, 'out', 'out', 0]);
  });

  it('turns 0 only when seven whole days are observed, and stays unknown where the athlete left before', () => {
    expect([93, 94].map((day) => riskLabel(day, facts()))).toEqual([0, 'unknown']);
    expect([42, 43].map((day) => riskLabel(day, facts({ departureDay: 50 })))).toEqual([0, 'unknown']);
  });

  it('does not see an onset after departure or after what is observed', () => {
    expect(riskLabel(48, facts({ departureDay: 50, injuries: [injury(52, null)] }))).toBe('unknown');
    expect(riskLabel(98, facts({ injuries: [injury(102, null)] }))).toBe('unknown');
  });

  it('may be known later than it matured: a late report turns 0 into 1', () => {
    const late = facts({ injuries: [injury(50, 70, { reportDay: 60 })] });
    expect(riskLabelKnownOn(55, 45, late)).toBe(0);
    expect(riskLabelKnownOn(60, 45, late)).toBe(1);
    expect(riskLabelKnownOn(51, 45, late)).toBe('unknown');
    expect(riskLabelKnownOn(65, 68, late)).toBe('out');
  });

  it('refuses records that cannot be', () => {
    expect(() => riskLabel(1, facts({ injuries: [injury(10, 9)] }))).toThrow(RangeError);
    expect(() => riskLabel(1, facts({ injuries: [injury(10, 12, { reportDay: 9 })] }))).toThrow(RangeError);
  });

  it('once it is 0 or 1 does not change when more days are observed', () => {
    const day = fc.integer({ min: 0, max: 60 });
    fc.assert(
      fc.property(day, fc.array(fc.tuple(day, fc.integer({ min: 0, max: 20 })), { maxLength: 3 }), day, (at, spells, seen) => {
        const injuries = spells.map(([onset, length]) => injury(onset, onset + length));
        const early = riskLabel(at, facts({ injuries, observedThroughDay: seen }));
        const late = riskLabel(at, facts({ injuries, observedThroughDay: seen + HORIZON_DAYS }));
        expect(['unknown', late]).toContain(early);
        expect(seen >= at && late === 'unknown').toBe(false);
      }),
    );
  });

  it('agrees with the labels of simulated seasons on every day', () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const season = simulateSeason(seed, 200);
      const own = facts({
        injuries: season.injuries.map(({ onsetDay, clearanceDay }) => injury(onsetDay, clearanceDay)),
        departureDay: season.departureDay < season.days ? season.departureDay : null,
        observedThroughDay: season.days - 1,
      });
      for (let day = 0; day < season.days; day += 1) {
        const theirs = labelAt(season, day);
        expect([seed, day, riskLabel(day, own)]).toEqual([seed, day, theirs === null ? 'out' : Number.isNaN(theirs) ? 'unknown' : theirs]);
      }
    }
  });
});
