import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detectSteps, stepTimes, summariseGait, type StepTimes } from '../../src/signal/gait.ts';
import { matchSteps } from '../support/step-matching.ts';

interface Walk {
  readonly rateHz: number;
  readonly strideS: number;
  readonly motionS: number;
  readonly strides: number;
  readonly peakRadS?: number;
}

/** A foot that rests, then swings in half sines. Gravity along z where it is included. */
function walk(
  { rateHz, strideS, motionS, strides, peakRadS = 7 }: Walk,
  gravity: 'included' | 'removed',
): { samples: Float64Array; truth: StepTimes } {
  const restS = 2;
  const rows = Math.round((2 * restS + strides * strideS) * rateHz);
  const samples = new Float64Array(rows * 6);
  const truth = Array.from({ length: strides }, (_, k) => [restS + k * strideS, restS + k * strideS + motionS] as const);
  for (let row = 0; row < rows; row += 1) {
    const t = row / rateHz;
    const step = truth.find(([start, end]) => t >= start && t < end);
    const phase = step === undefined ? 0 : Math.sin((Math.PI * (t - step[0])) / motionS);
    const sway = 0.02 * Math.sin(row * 1.7);
    samples[row * 6] = 6 * phase;
    samples[row * 6 + 2] = gravity === 'included' ? 9.80665 + 0.05 * sway : 0.05 * sway;
    samples[row * 6 + 4] = peakRadS * phase + sway;
  }
  return { samples, truth };
}

const imu = (samples: Float64Array) => detectSteps({ samples, rateHz: 100, gravity: 'removed' });

const steps = (strideS: number, motionS: number, n: number, offsetS = 0): StepTimes =>
  Array.from({ length: n }, (_, k) => [offsetS + k * strideS, offsetS + k * strideS + motionS] as const);

describe('steps of a foot', () => {
  test.each([
    [100, 'removed'],
    [200, 'removed'],
    [200, 'included'],
    [52, 'included'],
  ] as const)('are found at %i Hz with gravity %s', (rateHz, gravity) => {
    const { samples, truth } = walk({ rateHz, strideS: 1.1, motionS: 0.66, strides: 12 }, gravity);
    const found = stepTimes(detectSteps({ samples, rateHz, gravity }), rateHz);
    expect(matchSteps(found, truth, 0.75)).toEqual({ matched: 12, detected: 12, annotated: 12 });
  });

  test('none in a stream that is empty, at rest, or all missing', () => {
    expect(imu(new Float64Array(0))).toEqual([]);
    expect(imu(Float64Array.from({ length: 6000 }, (_, i) => 0.05 * Math.sin(i)))).toEqual([]);
    expect(imu(new Float64Array(6000).fill(Number.NaN))).toEqual([]);
  });

  test('refuses incomplete rows and a rate that is not positive', () => {
    expect(() => detectSteps({ samples: new Float64Array(7), rateHz: 100, gravity: 'removed' })).toThrow(RangeError);
    expect(() => detectSteps({ samples: new Float64Array(6), rateHz: 0, gravity: 'removed' })).toThrow(RangeError);
  });

  test('are in order, do not overlap, lie inside the stream, and are the same at every pace of walking', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.85, max: 1.9, noNaN: true }),
        fc.double({ min: 0.5, max: 0.68, noNaN: true }),
        fc.integer({ min: 3, max: 15 }),
        fc.double({ min: 3, max: 10, noNaN: true }),
        (strideS, share, strides, peakRadS) => {
          const { samples, truth } = walk({ rateHz: 100, strideS, motionS: share * strideS, strides, peakRadS }, 'removed');
          const found = imu(samples);
          let last = 0;
          for (const [start, end] of found) {
            expect(start).toBeGreaterThanOrEqual(last);
            expect(end).toBeGreaterThan(start);
            last = end;
          }
          expect(last).toBeLessThanOrEqual(samples.length / 6);
          expect(matchSteps(stepTimes(found, 100), truth, 0.5).matched).toBe(strides);
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each([100, 200])('that the stream cuts off are left out at %i Hz', (rateHz) => {
    const { samples, truth } = walk({ rateHz, strideS: 1.1, motionS: 0.66, strides: 8 }, 'removed');
    const row = (atS: number): number => Math.round(atS * rateHz);
    const from = row((truth[0]?.[0] ?? 0) + 0.3);
    const cut = samples.slice(from * 6, row((truth[7]?.[0] ?? 0) + 0.3) * 6);
    const found = stepTimes(detectSteps({ samples: cut, rateHz, gravity: 'removed' }), rateHz);
    const whole = truth.slice(1, 7).map(([start, end]) => [start - from / rateHz, end - from / rateHz] as const);
    expect(matchSteps(found, whole, 0.75)).toEqual({ matched: 6, detected: 6, annotated: 6 });
  });

  test('a lone motion is none, a pair of steps is two', () => {
    expect(imu(walk({ rateHz: 100, strideS: 1.1, motionS: 0.66, strides: 1 }, 'removed').samples)).toEqual([]);
    expect(imu(walk({ rateHz: 100, strideS: 1.1, motionS: 0.66, strides: 2 }, 'removed').samples)).toHaveLength(2);
    const apart = walk({ rateHz: 100, strideS: 4, motionS: 0.66, strides: 3 }, 'removed');
    expect(imu(apart.samples)).toEqual([]);
  });

  test('a session longer than one block of levels loses and doubles no step', () => {
    const { samples, truth } = walk({ rateHz: 100, strideS: 1.15, motionS: 0.7, strides: 330 }, 'removed');
    const found = stepTimes(detectSteps({ samples, rateHz: 100, gravity: 'removed' }), 100);
    const { matched, detected } = matchSteps(found, truth, 0.5);
    expect(matched).toBe(330);
    expect(detected).toBe(330);
  });
});

describe('gait averaged over strides', () => {
  test('stride time, foot-flat time, cadence and signed symmetry', () => {
    const gait = summariseGait(steps(1.2, 0.7, 10), steps(1.2, 0.8, 10, 0.6));
    expect(gait.strideTimeS).toBeCloseTo(1.2);
    expect(gait.footFlatTimeS.left).toBeCloseTo(0.5);
    expect(gait.footFlatTimeS.right).toBeCloseTo(0.4);
    expect(gait.cadenceSpm).toBeCloseTo(100);
    expect(gait.symmetryPct).toBeCloseTo((0.1 / 0.9) * 100);
    expect(gait.strides).toEqual({ left: 9, right: 9 });
  });

  test('a stop or a turn between two walks is no stride', () => {
    const there = steps(1.2, 0.7, 8);
    const back = steps(1.2, 0.7, 8, 20);
    expect(summariseGait([...there, ...back], []).strideTimeS).toBeCloseTo(1.2);
  });

  test('nulls without a stride, and for a foot that is missing', () => {
    expect(summariseGait([], [])).toMatchObject({
      strideTimeS: null,
      cadenceSpm: null,
      symmetryPct: null,
      footFlatTimeS: { left: null, right: null },
    });
    expect(summariseGait(steps(1.1, 0.6, 4), [])).toMatchObject({ symmetryPct: null, footFlatTimeS: { right: null } });
  });
});
