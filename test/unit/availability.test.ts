import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AVAILABILITIES, availabilityAt, type HealthProblem } from '../../src/asms/availability.ts';

const injury = (given: Partial<HealthProblem>): HealthProblem => ({
  id: 'i',
  onsetUs: 10,
  closedUs: null,
  timeLoss: true,
  limits: [],
  ...given,
});
const limits = [
  { fromUs: 12, availability: 'out' },
  { fromUs: 20, availability: 'modified' },
  { fromUs: 30, availability: 'out' },
] as const;

describe('availability', () => {
  it('is full without an injury, before its onset, after its clearance, and where it costs no time', () => {
    expect(availabilityAt([], 5)).toEqual({ availability: 'full', sinceUs: null, because: [] });
    expect(availabilityAt([injury({})], 9)).toEqual({ availability: 'full', sinceUs: null, because: [] });
    expect(availabilityAt([injury({ closedUs: 40 })], 50)).toEqual({ availability: 'full', sinceUs: 40, because: [] });
    expect(availabilityAt([injury({ timeLoss: false })], 50)).toEqual({ availability: 'full', sinceUs: null, because: [] });
  });

  it('is out from onset, and what the stage allows from then on', () => {
    const at = (us: number) => availabilityAt([injury({ limits })], us);
    expect(at(11)).toEqual({ availability: 'out', sinceUs: 10, because: ['i'] });
    expect(at(15)).toEqual({ availability: 'out', sinceUs: 10, because: ['i'] });
    expect(at(25)).toEqual({ availability: 'modified', sinceUs: 20, because: ['i'] });
    expect(at(35)).toEqual({ availability: 'out', sinceUs: 30, because: ['i'] });
  });

  it('is the worst of several, since one of them was', () => {
    const both = [injury({ id: 'a', limits }), injury({ id: 'b', onsetUs: 22, closedUs: 50 })];
    expect(availabilityAt(both, 25)).toEqual({ availability: 'out', sinceUs: 22, because: ['b'] });
    expect(availabilityAt(both, 40)).toEqual({ availability: 'out', sinceUs: 22, because: ['a', 'b'] });
    expect(availabilityAt(both, 60)).toEqual({ availability: 'out', sinceUs: 22, because: ['a'] });
  });

  it('has not changed since, and was another just before', () => {
    const time = fc.integer({ min: 0, max: 60 });
    const level = fc.constantFrom(...AVAILABILITIES);
    const any = fc.record({
      id: fc.string(),
      onsetUs: time,
      closedUs: fc.option(time, { nil: null }),
      timeLoss: fc.boolean(),
      limits: fc
        .array(fc.record({ fromUs: time, availability: level }), { maxLength: 5 })
        .map((pieces) => pieces.toSorted((a, b) => a.fromUs - b.fromUs)),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 4 }), time, (injuries, atUs) => {
        const { availability, sinceUs, because } = availabilityAt(injuries, atUs);
        for (let us = sinceUs ?? 0; us <= atUs; us += 1) expect(availabilityAt(injuries, us).availability).toBe(availability);
        if (sinceUs !== null) expect(availabilityAt(injuries, sinceUs - 1).availability).not.toBe(availability);
        expect(because.length > 0).toBe(availability !== 'full');
      }),
    );
  });
});
