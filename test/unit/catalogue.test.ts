import { describe, expect, it } from 'vitest';
import { DEFAULT_CATALOGUE, DEFAULT_REGIONS } from '../../src/asms/catalogue.ts';
import { checkIntervention } from '../../src/asms/plan/check-problem.ts';

describe('the default catalogue', () => {
  it('has at least 12 entries, each with an id of its own and in range', () => {
    expect(DEFAULT_CATALOGUE.length).toBeGreaterThanOrEqual(12);
    expect(new Set(DEFAULT_CATALOGUE.map((one) => one.id)).size).toBe(DEFAULT_CATALOGUE.length);
    for (const one of DEFAULT_CATALOGUE) expect(() => checkIntervention(one)).not.toThrow();
  });

  it('names a source for every relative risk, and says unknown where there is none', () => {
    for (const one of DEFAULT_CATALOGUE) {
      if (one.riskEffects.length > 0) expect(one.evidence, one.id).toMatch(/\d{4}†/);
      else expect(one.evidence, one.id).toContain('unknown');
      for (const { relativeRisk, lower, upper } of one.riskEffects) {
        const cited = [relativeRisk, lower, upper].map((value) => value.toFixed(2));
        for (const figure of cited) expect(one.evidence, one.id).toContain(figure);
      }
    }
  });

  it('keeps the hamstring trial to the hamstring', () => {
    const nordic = DEFAULT_CATALOGUE.find((one) => one.id === 'nordic-hamstring');
    expect(nordic?.riskEffects).toEqual([{ scope: ['hamstring'], relativeRisk: 0.49, lower: 0.32, upper: 0.74 }]);
  });

  it('reaches only regions that exist, whose shares add up to 1', () => {
    const known = new Set(DEFAULT_REGIONS.map((region) => region.code));
    const named = DEFAULT_CATALOGUE.flatMap((one) =>
      [...one.riskEffects, ...one.recoveryEffects].flatMap(({ scope }) => (scope === 'all' ? [] : scope)),
    );
    for (const region of named) expect(known.has(region), region).toBe(true);
    expect(DEFAULT_REGIONS.reduce((sum, region) => sum + region.share, 0)).toBeCloseTo(1, 12);
  });

  it('has one load change and one rest day', () => {
    for (const action of ['load-change', 'rest-day']) expect(DEFAULT_CATALOGUE.filter((one) => one.action === action)).toHaveLength(1);
  });
});
