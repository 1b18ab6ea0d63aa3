/** How far raters agree who rate alerts from 1 to 5. Pure. */

export interface Agreement {
  /** 1: complete; 0: as chance would have it; below 0: raters contradict each other. Null: nothing to tell it from. */
  readonly alpha: number | null;
  /** Units with two ratings or more, and the ratings they have. */
  readonly units: number;
  readonly ratings: number;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * Krippendorff's alpha for ordinal data (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011): alpha = 1 - observed over expected disagreement,
 * over the coincidences of values within a unit. Each unit is the ratings it was given, by however many raters; one with fewer than two says nothing.
 * Chosen over weighted kappa because raters come and go and seldom rate the same alerts. Null where no unit has two ratings, or all of those are alike.
 */
export function ordinalAlpha(units: readonly (readonly number[])[]): Agreement {
  const paired = units.filter((ratings) => ratings.length >= 2);
  const values = [...new Set(paired.flat())].toSorted((a, b) => a - b);
  const ratings = sum(paired.map(({ length }) => length));
  const none = { alpha: null, units: paired.length, ratings };
  if (values.length < 2) return none;
  const place = new Map(values.map((value, index) => [value, index]));
  const coincidences = values.map(() => values.map(() => 0));
  for (const unit of paired)
    unit.forEach((one, i) => {
      unit.forEach((other, j) => {
        const row = coincidences[place.get(one) ?? 0];
        const column = place.get(other) ?? 0;
        if (i !== j && row !== undefined) row[column] = (row[column] ?? 0) + 1 / (unit.length - 1);
      });
    });
  const margins = coincidences.map(sum);
  /** Squared rank distance: values between two, and half of each of the two. */
  const distance = (a: number, b: number): number => {
    const [from, to] = a < b ? [a, b] : [b, a];
    return (sum(margins.slice(from, to + 1)) - ((margins[a] ?? 0) + (margins[b] ?? 0)) / 2) ** 2;
  };
  let [observed, expected] = [0, 0];
  margins.forEach((marginA, a) => {
    margins.forEach((marginB, b) => {
      if (a === b) return;
      observed += (coincidences[a]?.[b] ?? 0) * distance(a, b);
      expected += marginA * marginB * distance(a, b);
    });
  });
  return { ...none, alpha: 1 - ((sum(margins) - 1) * observed) / expected };
}
