import type { StepTimes } from '../../src/signal/gait.ts';

export interface MatchCount {
  readonly matched: number;
  readonly detected: number;
  readonly annotated: number;
}

const overlapOf = (a: readonly [number, number], b: readonly [number, number]): number => {
  const shared = Math.min(a[1], b[1]) - Math.max(a[0], b[0]);
  return shared <= 0 ? 0 : shared / (Math.max(a[1], b[1]) - Math.min(a[0], b[0]));
};

/**
 * One-to-one matching of detected with annotated intervals by intersection over union, best overlap first, at least `minOverlap`.
 * Intervals may be in any unit, the same for both. F1 is 2 matched / (detected + annotated).
 */
export function matchSteps(detected: StepTimes, annotated: StepTimes, minOverlap: number): MatchCount {
  const pairs: [overlap: number, i: number, j: number][] = [];
  detected.forEach((a, i) =>
    annotated.forEach((b, j) => {
      const overlap = overlapOf(a, b);
      if (overlap > 0 && overlap >= minOverlap) pairs.push([overlap, i, j]);
    }),
  );
  pairs.sort((a, b) => b[0] - a[0] || a[1] - b[1] || a[2] - b[2]);
  const usedDetected = new Set<number>();
  const usedAnnotated = new Set<number>();
  for (const [, i, j] of pairs) {
    if (usedDetected.has(i) || usedAnnotated.has(j)) continue;
    usedDetected.add(i);
    usedAnnotated.add(j);
  }
  return { matched: usedDetected.size, detected: detected.length, annotated: annotated.length };
}
