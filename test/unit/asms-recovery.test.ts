import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asmsParams } from '../../src/asms/params.ts';
import {
  EMPTY_RECOVERY,
  advanceRecovery,
  healingPerDay,
  inForce,
  overloadOf,
  recoveryOf,
  stepRecovery,
  worstFall,
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

it('counts an injury from its beginning until its end, under the ceiling of the moment', () => {
  const timed = {
    ...injury,
    onsetUs: 10,
    fromUs: 20,
    untilUs: 50,
    ceilings: [
      { fromUs: 30, share: 0.1 },
      { fromUs: 40, share: null },
    ],
  };
  const at = (us: number) => inForce([timed], us).map(({ ceilingShare }) => ceilingShare);
  expect([9, 19, 20, 30, 39, 40, 49, 50].map(at)).toEqual([[], [], [null], [0.1], [0.1], [null], [null], []]);
  expect(inForce([injury], 0)).toEqual([injury]);
  expect(inForce([{ ...injury, onsetUs: 1 }], 0)).toEqual([]);
});

describe('several injuries', () => {
  const walk = (state: RecoveryState, second: number, ceilingShares: readonly number[], gap = false): RecoveryState =>
    advanceRecovery(
      state,
      { endUs: 40 * DAY_US + second * 1e6, activity: 'run', rehab: null, deviationExcess: 0, gap },
      ceilingShares.map((ceilingShare, i) => ({ ...injury, injuryId: `i${i}`, ceilingShare })),
      [],
      params,
    );

  it('fall each under the ceiling of its own stage', () => {
    let state = walk(EMPTY_RECOVERY, 0, [1, 0.1, 0]);
    for (let second = 1; second <= 3_600; second += 1) state = walk(state, second, [1, 0.1, 0]);
    const [free, held, barred] = ['i0', 'i1', 'i2'].map((id) => state.injuries[id]?.r ?? Number.NaN) as [number, number, number];
    expect(held).toBeLessThan(free);
    expect(barred).toBeLessThan(held);
    expect(recoveryOf(state)).toBe(barred);
    const worst = worstFall(state);
    expect(worst?.injuryId).toBe('i2');
    expect(worst?.recovery.since.overload).toBeLessThan(0);
    expect(worst?.recovery.since.deviation).toBe(0);
  });

  it('overload is bounded, never negative, and grows with load', () => {
    const load = fc.integer({ min: 0, max: 10_000 }).map((n) => n / 100);
    fc.assert(
      fc.property(load, load, load, (a, b, ceiling) => {
        const [low, high] = [overloadOf(Math.min(a, b), ceiling, 4), overloadOf(Math.max(a, b), ceiling, 4)];
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(4);
        expect(high).toBeGreaterThanOrEqual(low);
      }),
    );
    expect([overloadOf(0, 0, 4), overloadOf(1, 0, 4), overloadOf(30, 20, 4), overloadOf(Number.NaN, 20, 4)]).toEqual([0, 4, 0.5, 0]);
  });

  it('keep R within 0 and 1 and the account of losses in step with it, whatever comes', () => {
    const event = fc.record({
      hours: fc.integer({ min: 1, max: 48 }),
      activity: fc.constantFrom('rest' as const, 'run' as const),
      rehab: fc.option(fc.integer({ min: 0, max: 100 }), { nil: null }),
      excess: fc.integer({ min: 0, max: 500 }),
      gap: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 40 }), (events) => {
        let state = EMPTY_RECOVERY;
        let endUs = 0;
        for (const { hours, activity, rehab, excess, gap } of events) {
          endUs += hours * 3_600e6;
          const window = { endUs, activity, rehab: rehab === null ? null : rehab / 100, deviationExcess: excess / 100, gap };
          state = advanceRecovery(state, window, [injury], [], params);
          const { r, best, since } = state.injuries['i']!;
          expect(r).toBeGreaterThanOrEqual(0);
          expect(best).toBeGreaterThanOrEqual(r);
          expect(best).toBeLessThanOrEqual(1);
          // What healed meanwhile is never negative.
          expect(r - best - (since.overload + since.deviation + since.estimate)).toBeGreaterThan(-1e-9);
        }
      }),
    );
  });

  it('go on with their R in the monitored time after clearance, without lowering that of the athlete', () => {
    const known = { r: 0.3, atUs: 40 * DAY_US, best: 0.4, since: { overload: 0, deviation: 0, estimate: 0 } };
    const before: RecoveryState = { ...EMPTY_RECOVERY, atUs: 40 * DAY_US, injuries: { i: known }, monitored: { j: known } };
    const cleared = advanceRecovery(
      before,
      { endUs: 40 * DAY_US + 1e6, activity: 'rest', rehab: null, deviationExcess: 0, gap: false },
      [],
      [],
      params,
      [injury, { ...injury, injuryId: 'j' }],
    );
    expect(recoveryOf(cleared)).toBe(1);
    expect(cleared.monitored['i']?.r).toBeCloseTo(0.3, 4);
    expect(cleared.monitored['j']?.r).toBeCloseTo(0.3, 4);
  });
});
