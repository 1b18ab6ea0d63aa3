import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detectJumps, summariseJumps } from '../../src/signal/jump.ts';

const G = 9.80665;

interface Made {
  readonly force: number[];
  readonly takeoffs: readonly number[];
}

interface Spec {
  readonly massKg: number;
  readonly rateHz: number;
  readonly velocityMS: number;
  readonly jumps?: number;
  readonly lands?: boolean;
}

/** Standing, unweighing at half of body weight, a constant push that gives the take-off velocity, flight, a landing that stops the fall, standing. */
function session({ massKg, rateHz, velocityMS, jumps = 1, lands = true }: Spec): Made {
  const weight = massKg * G;
  const force: number[] = [];
  const takeoffs: number[] = [];
  const hold = (seconds: number, newtons: number, sway = 0): void => {
    const n = Math.round(seconds * rateHz);
    for (let i = 0; i < n; i += 1) force.push(newtons + sway * Math.sin(force.length * 0.37));
  };
  hold(2, weight, 2);
  for (let k = 0; k < jumps; k += 1) {
    hold(0.25, weight / 2);
    // Lands on a whole sample, so that the velocity is the one asked for.
    const pushS = Math.round(0.35 * rateHz) / rateHz;
    hold(pushS, weight + (massKg * (velocityMS + (Math.round(0.25 * rateHz) / rateHz) * 0.5 * G)) / pushS);
    takeoffs.push(force.length);
    hold(lands ? (2 * velocityMS) / G : 0.5, 0);
    if (!lands) break;
    hold(0.2, weight + (massKg * velocityMS) / 0.2);
    hold(2, weight, 2);
  }
  return { force, takeoffs };
}

describe('jumps from vertical force', () => {
  test('height, take-off and RSImod follow the take-off velocity at any mass, rate and height', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 40, max: 130, noNaN: true }),
        fc.constantFrom(500, 1000, 1200),
        fc.double({ min: 1.2, max: 3.6, noNaN: true }),
        (massKg, rateHz, velocityMS) => {
          const { force, takeoffs } = session({ massKg, rateHz, velocityMS });
          const [jump, ...more] = detectJumps({ total: force, rateHz });
          expect(more).toEqual([]);
          expect(Math.abs((jump?.heightM ?? 0) - velocityMS ** 2 / (2 * G))).toBeLessThan(0.01);
          expect(Math.abs((jump?.takeoff ?? 0) - (takeoffs[0] ?? 0))).toBeLessThanOrEqual(0.01 * rateHz);
          expect(jump?.rsiModMS).toBeCloseTo((jump?.heightM ?? 0) / (jump?.timeToTakeoffS ?? 1), 9);
          expect(jump?.bodyWeightN).toBeCloseTo(massKg * G, -1);
          expect(jump?.provisional).toBe(false);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('each jump of a session is found', () => {
    const { force, takeoffs } = session({ massKg: 70, rateHz: 1000, velocityMS: 2.5, jumps: 5 });
    const jumps = detectJumps({ total: force, rateHz: 1000 });
    expect(jumps.map(({ takeoff }) => takeoff)).toEqual(takeoffs);
    expect(summariseJumps(jumps)?.typicalErrorM).toBeLessThan(0.005);
  });

  test('a recording that ends in the air has its jump, without a landing', () => {
    const { force } = session({ massKg: 70, rateHz: 1000, velocityMS: 2.5, lands: false });
    expect(detectJumps({ total: force, rateHz: 1000 })).toMatchObject([{ landing: null, flightHeightM: null }]);
  });

  test('asymmetry is signed: the plate that carries more', () => {
    const { force } = session({ massKg: 80, rateHz: 1000, velocityMS: 2.2 });
    const left = force.map((f) => 0.6 * f);
    const right = force.map((f) => 0.4 * f);
    expect(detectJumps({ left, right, rateHz: 1000 })[0]?.asymmetryPct).toBeCloseTo(20, 6);
    expect(detectJumps({ left: right, right: left, rateHz: 1000 })[0]?.asymmetryPct).toBeCloseTo(-20, 6);
    expect(detectJumps({ total: force, rateHz: 1000 })[0]?.asymmetryPct).toBeNull();
  });

  test('without quiet standing the height comes from flight time and is provisional', () => {
    const { force } = session({ massKg: 70, rateHz: 1000, velocityMS: 2.4, jumps: 2 });
    // Restless between the two jumps: the first one, after quiet standing, weighs the athlete for both.
    const restless = force.map((f, i) => (i > 3200 && f > 650 && f < 720 ? f + 90 * Math.sin(i / 40) : f));
    const jumps = detectJumps({ total: restless, rateHz: 1000 });
    expect(jumps.map(({ method }) => method)).toEqual(['impulse', 'flight-time']);
    expect(jumps[1]).toMatchObject({ provisional: true, rsiModMS: null, timeToTakeoffS: null });
    expect(jumps[1]?.heightM).toBeCloseTo(2.4 ** 2 / (2 * G), 2);
  });

  describe('none', () => {
    const rateHz = 1000;
    test.each<readonly [string, number[]]>([
      ['nothing', []],
      ['an empty plate', Array.from({ length: 5000 }, (_, i) => 3 * Math.sin(i))],
      ['quiet standing', Array.from({ length: 8000 }, (_, i) => 700 + 4 * Math.sin(i / 50))],
      ['squats', Array.from({ length: 8000 }, (_, i) => 700 + 250 * Math.sin(i / 300))],
      ['a step off the plate', Array.from({ length: 6000 }, (_, i) => (i < 4000 ? 700 + Math.sin(i) : Math.max(0, 700 - (i - 4000) * 3)))],
      ['a step on to it', Array.from({ length: 6000 }, (_, i) => (i < 3000 ? 0 : 700 + 200 * Math.exp(-(i - 3000) / 100)))],
      ['a file of NaN', Array.from({ length: 3000 }, () => Number.NaN)],
    ])('in %s', (_, total) => {
      expect(detectJumps({ total, rateHz })).toEqual([]);
    });

    test('in noise on a loaded plate', () => {
      fc.assert(
        fc.property(fc.array(fc.double({ min: -60, max: 60, noNaN: true }), { minLength: 2000, maxLength: 4000 }), (noise) => {
          expect(detectJumps({ total: noise.map((n) => 650 + n), rateHz: 500 })).toEqual([]);
        }),
        { numRuns: 20 },
      );
    });
  });

  test('summaries of no jump are null, and a rate must be positive', () => {
    expect(summariseJumps([])).toBeNull();
    expect(() => detectJumps({ total: [1], rateHz: 0 })).toThrow(RangeError);
  });
});
