import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asmsParams } from '../../src/asms/params.ts';
import {
  EMPTY_RECOVERY,
  advanceRecovery,
  healingPerDay,
  recoveryOf,
  stepRecovery,
  type RecoveryState,
  type Therapy,
} from '../../src/asms/recovery.ts';

const { recovery: params } = asmsParams({ bio: [], thresholds: { high: 0.7, low: 0.4, k: 3, n: 5, source: 'test' } });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const rate = fc.double({ min: 0, max: 5, noNaN: true });
const days = fc.double({ min: 0, max: 30, noNaN: true });
const DAY_US = 86_400e6;
const injury = { injuryId: 'i', diagnosisCode: 'TH0', onsetUs: 0, timeLossDays: 20 };
const therapy = (given: Partial<Therapy>): Therapy => ({
  injuryId: 'i',
  kind: 'x',
  dosePerDay: 2,
  adherence: 0.5,
  startsUs: 0,
  endsUs: null,
  ...given,
});

describe('exact step of eq. 27', () => {
  it('keeps R between 0 and 1', () => {
    fc.assert(
      fc.property(share, rate, rate, fc.double({ min: 0, max: 1e6, noNaN: true }), (r, k, l, dt) => {
        const next = stepRecovery(r, k, l, dt);
        expect(next).toBeGreaterThanOrEqual(0);
        expect(next).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('does not depend on the step size', () => {
    fc.assert(
      fc.property(share, rate, rate, days, fc.integer({ min: 1, max: 200 }), (r, k, l, dt, parts) => {
        let stepped = r;
        for (let i = 0; i < parts; i += 1) stepped = stepRecovery(stepped, k, l, dt / parts);
        expect(stepped).toBeCloseTo(stepRecovery(r, k, l, dt), 9);
      }),
    );
  });

  it('falls on overload: more loss never gives more recovery, and above balance R goes down', () => {
    fc.assert(
      fc.property(share, rate, rate, rate, days, (r, k, l, more, dt) => {
        expect(stepRecovery(r, k, l + more, dt)).toBeLessThanOrEqual(stepRecovery(r, k, l, dt) + 1e-12);
      }),
    );
    expect(stepRecovery(0.9, 0.1, 1, 1)).toBeLessThan(0.9);
  });

  it('is unchanged without healing and loss, and reaches 95 % at the published time loss', () => {
    expect(stepRecovery(0.4, 0, 0, 100)).toBe(0.4);
    expect(stepRecovery(0, healingPerDay(injury, [], 0, params), 0, 20)).toBeCloseTo(0.95, 12);
  });
});

describe('therapies', () => {
  it('add dose times adherence while they run', () => {
    const alone = healingPerDay(injury, [], 0, params);
    expect(healingPerDay(injury, [therapy({})], 0, params) - alone).toBeCloseTo(params.otherTherapyGainPerDay, 12);
    expect(healingPerDay(injury, [therapy({ startsUs: 1 })], 0, params)).toBe(alone);
    expect(healingPerDay(injury, [therapy({ endsUs: 5 })], 5, params)).toBe(alone);
    expect(healingPerDay(injury, [therapy({ injuryId: 'other' })], 0, params)).toBe(alone);
  });

  it('count from their start to their end wherever the windows fall', () => {
    const therapies = [therapy({ startsUs: 2.5 * DAY_US, endsUs: 4.25 * DAY_US, dosePerDay: 30 })];
    const until = (ends: readonly number[]): number => {
      let state: RecoveryState = EMPTY_RECOVERY;
      for (const day of ends)
        state = advanceRecovery(
          state,
          { endUs: day * DAY_US, activity: 'rest', rehab: null, deviationExcess: 0, gap: true },
          [injury],
          therapies,
          params,
        );
      return recoveryOf(state);
    };
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.01, max: 9.9, noNaN: true }), { maxLength: 20 }), (ends) => {
        expect(until([...ends.toSorted((a, b) => a - b), 10])).toBeCloseTo(until([10]), 9);
      }),
    );
  });
});
