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
 * Angle in radians, 0 to pi, between the segments joint-proximal and joint-distal, eq. 5, points in metres.
 * The cosine is clamped to [-1, 1], since rounding can carry it past; a segment without length or a NaN coordinate gives NaN, a missing value.
 */
export function jointAngle(proximal: Point, joint: Point, distal: Point): number {
  let dot = 0;
  let a2 = 0;
  let b2 = 0;
  for (const axis of [0, 1, 2] as const) {
    const a = proximal[axis] - joint[axis];
    const b = distal[axis] - joint[axis];
    dot += a * b;
    a2 += a * a;
    b2 += b * b;
  }
  const lengthA = Math.sqrt(a2);
  const lengthB = Math.sqrt(b2);
  if (!(lengthA > SHORTEST_SEGMENT_M && lengthB > SHORTEST_SEGMENT_M)) return Number.NaN;
  return Math.acos(Math.min(1, Math.max(-1, dot / lengthA / lengthB)));
}
