/**
 * Velocity by central differences, eq. 4: v(k) = (x(k+1) - x(k-1)) / (2 dt); one-sided at both ends.
 * `positions` in any unit, the result in that unit per second. Fewer than two samples give NaN; NaN samples spread to their neighbours.
 * @throws RangeError where rateHz is not positive.
 */
export function centralDifference(positions: ArrayLike<number>, rateHz: number): Float64Array {
  if (!(rateHz > 0)) throw new RangeError(`rateHz must be positive, not ${rateHz}`);
  const n = positions.length;
  const velocity = new Float64Array(n).fill(Number.NaN);
  if (n < 2) return velocity;
  const x = (i: number): number => positions[i] as number;
  for (let i = 1; i < n - 1; i += 1) velocity[i] = ((x(i + 1) - x(i - 1)) * rateHz) / 2;
  velocity[0] = (x(1) - x(0)) * rateHz;
  velocity[n - 1] = (x(n - 1) - x(n - 2)) * rateHz;
  return velocity;
}

export type Point = readonly [x: number, y: number, z: number];

/** Below this a segment has no direction: a tenth of a millimetre, under what optical motion capture resolves. */
const SHORTEST_SEGMENT_M = 1e-4;

/**
 * Angle in radians, 0 to pi, between the segments joint-proximal and joint-distal, eq. 5, points in metres. Taken from cross and dot product, which
 * is the paper's arccosine without its loss of half the digits near 0 and pi, and needs no clamping. A segment without length or a NaN coordinate
 * gives NaN, a missing value.
 */
export function jointAngle(proximal: Point, joint: Point, distal: Point): number {
  const a = difference(proximal, joint);
  const b = difference(distal, joint);
  if (!(norm(a) > SHORTEST_SEGMENT_M && norm(b) > SHORTEST_SEGMENT_M)) return Number.NaN;
  const cross: Point = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  return Math.atan2(norm(cross), a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
}

const difference = (a: Point, b: Point): Point => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const norm = (a: Point): number => Math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
