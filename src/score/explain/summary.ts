/** PURE. Many explanations of a period and squad as one table (Fig. 5 of the paper): how much each player moves the score, and every single value for a beeswarm. */
import { KinewatchError } from '../../contracts/errors.ts';
import type { Contribution, Explanation } from './explanation.ts';
import type { Grain, Player } from './players.ts';

export interface SummaryPoint {
  /** Contribution, logit. */
  readonly logit: number;
  /** Place of the reading among this player's readings, 0 the lowest to 1 the highest; null without one, or where all are the same. */
  readonly level: number | null;
}

export interface SummaryRow {
  readonly name: string;
  readonly kind: Player['kind'];
  /** Explanations in which it plays: those where it was observed. */
  readonly windows: number;
  /** Mean of |contribution| over them, logit. */
  readonly meanAbsolute: number;
  /** Mean contribution over them, logit, signed. */
  readonly mean: number;
  /** In the order of the explanations. */
  readonly points: readonly SummaryPoint[];
}

export interface ExplanationSummary {
  /** Null where nothing was summed up. */
  readonly modelVersion: string | null;
  readonly grain: Grain | null;
  readonly windows: number;
  /** Largest mean |contribution| first. */
  readonly rows: readonly SummaryRow[];
}

/**
 * Sums up explanations of one model version and grain; none give an empty table.
 * @throws KinewatchError explain-mixed where versions or grains differ: their logits do not compare
 */
export function summariseExplanations(explanations: readonly Explanation[]): ExplanationSummary {
  const [first] = explanations;
  if (first === undefined) return { modelVersion: null, grain: null, windows: 0, rows: [] };
  const other = explanations.find((one) => one.modelVersion !== first.modelVersion || one.grain !== first.grain);
  if (other !== undefined) {
    throw new KinewatchError(
      'explain-mixed',
      `explanations of model ${first.modelVersion} by ${first.grain} and of ${other.modelVersion} by ${other.grain} cannot be summed up together`,
    );
  }
  const byName = new Map<string, Contribution[]>();
  for (const contribution of explanations.flatMap((one) => one.contributions)) {
    const own = byName.get(contribution.name) ?? [];
    byName.set(contribution.name, own);
    own.push(contribution);
  }
  const rows = [...byName.values()].map((own): SummaryRow => {
    const levels = levelsOf(own.map(({ reading }) => reading?.value ?? null));
    return {
      name: own[0]?.name ?? '',
      kind: own[0]?.kind ?? 'bio',
      windows: own.length,
      meanAbsolute: own.reduce((sum, { logit }) => sum + Math.abs(logit), 0) / own.length,
      mean: own.reduce((sum, { logit }) => sum + logit, 0) / own.length,
      points: own.map(({ logit }, i) => ({ logit, level: levels[i] ?? null })),
    };
  });
  const sorted = rows.toSorted((a, b) => b.meanAbsolute - a.meanAbsolute || (a.name < b.name ? -1 : 1));
  return { modelVersion: first.modelVersion, grain: first.grain, windows: explanations.length, rows: sorted };
}

/** Mid-ranks scaled to 0 and 1 at the ends; ties share a place. */
function levelsOf(values: readonly (number | null)[]): (number | null)[] {
  const sorted = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  const [lowest, highest] = [sorted[0], sorted.at(-1)];
  const places = new Map<number, { sum: number; count: number }>();
  sorted.forEach((value, rank) => {
    const place = places.get(value) ?? { sum: 0, count: 0 };
    places.set(value, { sum: place.sum + rank, count: place.count + 1 });
  });
  const low = middleOf(places, lowest);
  const high = middleOf(places, highest);
  return values.map((value) => (value === null || low === high ? null : (middleOf(places, value) - low) / (high - low)));
}

function middleOf(places: ReadonlyMap<number, { readonly sum: number; readonly count: number }>, value: number | undefined): number {
  const place = value === undefined ? undefined : places.get(value);
  return place === undefined ? 0 : place.sum / place.count;
}
