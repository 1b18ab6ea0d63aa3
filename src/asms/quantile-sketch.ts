/**
 * Running 95th and 99th percentile in seven numbers and seven ranks, whatever the length of the series: the P-square algorithm
 * (Jain and Chlamtac 1985) with markers for two quantiles at once (Raatikainen 1987). Plain data, deterministic, order matters.
 */

export interface QuantileSketch {
  readonly count: number;
  /** Marker heights, ascending; the first observations themselves while count < 7. */
  readonly heights: readonly number[];
  /** Ranks of the markers, 1 to count. */
  readonly ranks: readonly number[];
}

/** Quantiles the markers stand at: extremes, the two wanted (index 2 and 4), and the midpoints between. */
const QUANTILES = [0, 0.475, 0.95, 0.97, 0.99, 0.995, 1] as const;
const MARKERS = QUANTILES.length;

export const EMPTY_SKETCH: QuantileSketch = { count: 0, heights: [], ranks: [] };

/** Seven significant digits: keeps the stored state small; rounding is monotone, so the markers stay in order. */
const shorten = (value: number): number => Number(value.toPrecision(7)) + 0;

const at = (values: readonly number[], index: number): number => values[index] ?? 0;

function start(sketch: QuantileSketch, value: number): QuantileSketch {
  const heights = [...sketch.heights, shorten(value)].toSorted((a, b) => a - b);
  return { count: heights.length, heights, ranks: heights.map((_, index) => index + 1) };
}

function moved(heights: readonly number[], ranks: readonly number[], i: number, step: 1 | -1): number {
  const [below, here, above] = [at(heights, i - 1), at(heights, i), at(heights, i + 1)];
  const [rankBelow, rank, rankAbove] = [at(ranks, i - 1), at(ranks, i), at(ranks, i + 1)];
  const parabolic =
    here +
    (step / (rankAbove - rankBelow)) *
      (((rank - rankBelow + step) * (above - here)) / (rankAbove - rank) +
        ((rankAbove - rank - step) * (here - below)) / (rank - rankBelow));
  if (parabolic > below && parabolic < above) return shorten(parabolic);
  const next = i + step;
  return shorten(here + (step * (at(heights, next) - here)) / (at(ranks, next) - rank));
}

/** The sketch with one more observation. Values that are not finite are left out. */
export function addToSketch(sketch: QuantileSketch, value: number): QuantileSketch {
  if (!Number.isFinite(value)) return sketch;
  if (sketch.count < MARKERS) return start(sketch, value);
  const heights = [...sketch.heights];
  const ranks = [...sketch.ranks];
  const count = sketch.count + 1;
  if (value < at(heights, 0)) heights[0] = shorten(value);
  if (value >= at(heights, MARKERS - 1)) heights[MARKERS - 1] = shorten(value);
  for (let i = 1; i < MARKERS; i += 1) if (i === MARKERS - 1 || value < at(heights, i)) ranks[i] = at(ranks, i) + 1;
  for (let i = 1; i < MARKERS - 1; i += 1) {
    const wanted = 1 + (count - 1) * (QUANTILES[i] ?? 0);
    const gap = wanted - at(ranks, i);
    const step = gap >= 1 && at(ranks, i + 1) - at(ranks, i) > 1 ? 1 : gap <= -1 && at(ranks, i - 1) - at(ranks, i) < -1 ? -1 : 0;
    if (step === 0) continue;
    heights[i] = moved(heights, ranks, i, step);
    ranks[i] = at(ranks, i) + step;
  }
  return { count, heights, ranks };
}

/** 95th and 99th percentile as the sketch knows them; null below seven observations. */
export function percentilesOf(sketch: QuantileSketch): { readonly amber: number; readonly red: number } | null {
  return sketch.count < MARKERS ? null : { amber: at(sketch.heights, 2), red: at(sketch.heights, 4) };
}
