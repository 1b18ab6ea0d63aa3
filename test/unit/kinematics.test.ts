import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { centralDifference, jointAngle, type Point } from '../../src/signal/kinematics.ts';

const coordinate = fc.double({ min: -10, max: 10, noNaN: true });
const point: fc.Arbitrary<Point> = fc.tuple(coordinate, coordinate, coordinate);
const distance = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

describe('central differences (eq. 4)', () => {
  test('are exact inside a parabola and one-sided at its ends', () => {
    const velocity = centralDifference([0, 1, 4, 9, 16], 10);
    expect([...velocity]).toEqual([10, 20, 40, 60, 70]);
  });
  test('of fewer than two samples are NaN', () => {
    expect([...centralDifference([], 100)]).toEqual([]);
    expect([...centralDifference([1], 100)]).toEqual([Number.NaN]);
  });
  test('spread a NaN to its neighbours only', () => {
    expect([...centralDifference([0, 1, Number.NaN, 3, 4], 1)].map(Number.isNaN)).toEqual([false, true, false, true, false]);
  });
  test('of a line are its slope', () => {
    fc.assert(
      fc.property(fc.double({ min: -5, max: 5, noNaN: true }), fc.integer({ min: 2, max: 50 }), (slope, n) => {
        const velocity = centralDifference(
          Array.from({ length: n }, (_, i) => (slope * i) / 100),
          100,
        );
        for (const v of velocity) expect(v).toBeCloseTo(slope, 6);
      }),
    );
  });
  test('refuse a rate that is not positive', () => {
    expect(() => centralDifference([1, 2], 0)).toThrow(RangeError);
  });
});

describe('joint angle (eq. 5)', () => {
  test.each([
    [[1, 0, 0], [0, 1, 0], Math.PI / 2],
    [[1, 0, 0], [-3, 0, 0], Math.PI],
    [[1, 1, 0], [2, 2, 0], 0],
  ] as const)('%j and %j give %f', (a, b, angle) => {
    expect(jointAngle(a, [0, 0, 0], b)).toBeCloseTo(angle, 7);
  });
  test('a segment without length is a missing value', () => {
    expect(jointAngle([1, 2, 3], [1, 2, 3], [4, 5, 6])).toBeNaN();
    expect(jointAngle([Number.NaN, 0, 0], [0, 0, 1], [1, 0, 0])).toBeNaN();
  });
  test('lies in [0, pi], whichever end is named first, and does not change with the lengths', () => {
    fc.assert(
      fc.property(point, point, point, fc.double({ min: 0.5, max: 20, noNaN: true }), (a, joint, b, stretch) => {
        fc.pre(distance(a, joint) > 0.01 && distance(b, joint) > 0.01);
        const angle = jointAngle(a, joint, b);
        expect(angle).toBeGreaterThanOrEqual(0);
        expect(angle).toBeLessThanOrEqual(Math.PI);
        expect(jointAngle(b, joint, a)).toBeCloseTo(angle, 9);
        const further: Point = [
          joint[0] + (a[0] - joint[0]) * stretch,
          joint[1] + (a[1] - joint[1]) * stretch,
          joint[2] + (a[2] - joint[2]) * stretch,
        ];
        // acos is steep at its ends: a rounding of 1e-15 is 5e-8 rad there.
        expect(Math.abs(jointAngle(further, joint, b) - angle)).toBeLessThan(1e-6);
      }),
    );
  });
});
