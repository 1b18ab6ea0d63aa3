/** Tangent cuts: exp is convex, so it lies above each of its tangents, and the largest of a few stands in for it in a linear programme. */

/**
 * Points on [low, high], evenly apart by at most `spacing`, ends included; one point where the range is empty. Halfway between two of them the
 * largest tangent lies below exp by about spacing^2 / 8 of it.
 */
export function cutPoints(low: number, high: number, spacing: number): readonly number[] {
  if (!(high > low)) return [low];
  const steps = Math.max(1, Math.ceil((high - low) / spacing));
  return Array.from({ length: steps + 1 }, (_, i) => low + ((high - low) * i) / steps);
}

/** Tangent of exp at `point` as value = slope * x + intercept. */
export const tangentAt = (point: number): { readonly slope: number; readonly intercept: number } => ({
  slope: Math.exp(point),
  intercept: Math.exp(point) * (1 - point),
});

/** Most that exp lies above the largest tangent at `points` (ascending, at least one) on [low, high]: at an end, or where two neighbours meet. */
export function largestError(points: readonly number[], low: number, high: number): number {
  const below = (x: number): number =>
    Math.exp(x) - Math.max(...points.map((point) => tangentAt(point).slope * x + tangentAt(point).intercept));
  const meetings = points.slice(1).map((b, i) => {
    const a = points[i]!;
    const [left, right] = [tangentAt(a), tangentAt(b)];
    return right.slope > left.slope ? (left.intercept - right.intercept) / (right.slope - left.slope) : a;
  });
  return Math.max(0, ...[low, high, ...meetings].filter((x) => x >= low && x <= high).map(below));
}
