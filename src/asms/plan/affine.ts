/** Linear expressions over the columns of a programme: constant + sum of coefficient times column. Values, never changed in place. */

export interface Affine {
  readonly constant: number;
  readonly terms: ReadonlyMap<number, number>;
}

const NO_TERMS: ReadonlyMap<number, number> = new Map();
export const constant = (value: number): Affine => ({ constant: value, terms: NO_TERMS });
export const ZERO = constant(0);
export const column = (index: number, coefficient = 1): Affine => ({ constant: 0, terms: new Map([[index, coefficient]]) });

/** sum of weight times expression; terms that cancel to exactly 0 are dropped. */
export function combine(parts: readonly (readonly [number, Affine])[]): Affine {
  let total = 0;
  for (const [weight, part] of parts) if (weight !== 0) total += weight * part.constant;
  if (parts.every(([, part]) => part.terms.size === 0)) return constant(total);
  const terms = new Map<number, number>();
  for (const [weight, part] of parts) {
    if (weight === 0) continue;
    for (const [index, coefficient] of part.terms) terms.set(index, (terms.get(index) ?? 0) + weight * coefficient);
  }
  for (const [index, coefficient] of terms) if (coefficient === 0) terms.delete(index);
  return { constant: total, terms };
}

/** The least and the most it can be, given bounds of its columns. */
export function rangeOf(expression: Affine, lower: readonly number[], upper: readonly number[]): readonly [number, number] {
  let low = expression.constant;
  let high = expression.constant;
  for (const [index, coefficient] of expression.terms) {
    const [a, b] = [coefficient * lower[index]!, coefficient * upper[index]!];
    low += Math.min(a, b);
    high += Math.max(a, b);
  }
  return [low, high];
}
