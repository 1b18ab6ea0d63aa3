export const ASYMMETRY_FORMULA = '(L-R)/(L+R)*100';

/** Signed asymmetry in %, (L-R)/(L+R)*100: positive where the left side has more. NaN where a side is missing or the sum is zero. */
export function asymmetryPct(left: number, right: number): number {
  const sum = left + right;
  return sum === 0 ? Number.NaN : ((left - right) / sum) * 100;
}
