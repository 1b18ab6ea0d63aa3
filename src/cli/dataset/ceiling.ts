/** The column `ceiling` of a data set: what the best filter on strides knows at each window (docs/ceilings.md). */
import { castLaw } from '../../simulate/best-filter-law.ts';
import { measureStrides } from '../../simulate/best-filter-strides.ts';
import { bestFilter, MAX_FILTER_S } from '../../simulate/best-filter.ts';
import type { CastMember, Split } from './cast.ts';

/** Whose windows get a ceiling. */
export const CEILING_CHOICES = ['test', 'all', 'none'] as const;
export type CeilingChoice = (typeof CEILING_CHOICES)[number];

export const wantsCeiling = (choice: CeilingChoice, split: Split): boolean => choice === 'all' || choice === split;

/**
 * P(altered) at the middles `atS` (seconds of the session, in order) of windows of `lengthS`, from strides that ended with the window.
 * NaN throughout where the session is longer than the filter takes; a middle outside the session counts as its nearest moment.
 */
export function ceilingOf(member: CastMember, atS: readonly number[], lengthS: number): Float32Array {
  const { simulated } = member;
  const { durationS } = simulated;
  if (durationS > MAX_FILTER_S) return new Float32Array(atS.length).fill(NaN);
  const asked = atS.map((middleS) => ({ atS: Math.min(durationS, Math.max(0, middleS)), untilS: middleS + lengthS / 2 }));
  return Float32Array.from(bestFilter(measureStrides(simulated.strides()), asked, { durationS, law: castLaw(durationS) }));
}
