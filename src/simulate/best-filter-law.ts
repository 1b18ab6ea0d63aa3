/** The generative law as the best filter needs it: courses of severity and expressions as functions of standard normal coordinates. */
import { ALTERED_THRESHOLD, EXPRESSION, HEALTHY_SEVERITY_MAX, SEVERITY_WOBBLE } from './constants.ts';

type Range = readonly [low: number, high: number];

/** What is drawn for an athlete: profile, level, rise and expression. */
export interface SeverityLaw {
  /** Shares of healthy, altered and fatigue-drift; they sum to one. */
  readonly shares: readonly [number, number, number];
  /** Healthy athletes' and drifting athletes' niggle is this times a squared uniform number. */
  readonly niggleMax: number;
  readonly alteredLevel: Range;
  readonly driftPeak: Range;
  readonly onsetS: Range;
  /** Drawn evenly in logarithms. */
  readonly rampS: Range;
  readonly wobble: number;
  readonly expressionLogSd: number;
  readonly spared: number;
  /**
   * The simulator's stride-to-stride scatter is the same in everybody at the same severity: 0. Above 0 the filter takes each athlete's
   * as drawn with this SD in logarithms, and so reads less from it: to learn how much of the ceiling hangs on that.
   */
  readonly scatterLogSd: number;
}

/** The law of the data set's cast (src/cli/dataset/cast.ts) and of severity.ts for sessions of this length. */
export function castLaw(durationS: number): SeverityLaw {
  return {
    shares: [0.45, 0.2, 0.35],
    niggleMax: HEALTHY_SEVERITY_MAX,
    alteredLevel: [0.28, 0.95],
    driftPeak: [0.45, 1],
    onsetS: [5, Math.max(6, 0.45 * durationS)],
    rampS: [8, Math.max(9, 0.5 * durationS)],
    wobble: SEVERITY_WOBBLE,
    expressionLogSd: EXPRESSION.logSd,
    spared: EXPRESSION.spared,
    scatterLogSd: 0,
  };
}

/** Lattice spacing of severity's slow wobble, seconds (severity.ts). */
export const WOBBLE_S = 25;
/** Features with an expression of their own: stance, push (and step), swing, impact, phase, sway. */
export const EXPRESSED = 6;
/** Coordinates of an athlete: level, peak, onset, ramp, scatter, expressions, then the wobble's lattice. */
const EXPRESSIONS_FROM = 5;
export const LATTICE_FROM = EXPRESSIONS_FROM + EXPRESSED;
/** A path: level, rise, onset, one over ramp, cap, scatter, expressions, then the lattice in units of severity. */
export const PATH_SCATTER = 5;
export const PATH_EXPRESSIONS = 6;
export const PATH_LATTICE = PATH_EXPRESSIONS + EXPRESSED;

export const latticeSize = (durationS: number): number => Math.floor(durationS / WOBBLE_S) + 2;

/** Standard normal distribution function (Abramowitz & Stegun 7.1.26, error below 1e-7). */
export function normalCdf(z: number): number {
  const x = Math.abs(z) * Math.SQRT1_2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * poly * Math.exp(-x * x);
  return z < 0 ? tail : 1 - tail;
}

const QUANTILES = 1024;
const QUANTILE_Z = 5;

/** Table of the expression's quantiles over a normal coordinate in [-5, 5]: spared with a chance, log-normal either way. */
export function expressionQuantiles(law: SeverityLaw): Float64Array {
  const sd = Math.max(1e-6, law.expressionLogSd);
  const shift = Math.log(EXPRESSION.sparedFactor);
  const cdf = (x: number): number => law.spared * normalCdf((x - shift) / sd) + (1 - law.spared) * normalCdf(x / sd);
  return Float64Array.from({ length: QUANTILES + 1 }, (_, i) => {
    const target = normalCdf((2 * QUANTILE_Z * i) / QUANTILES - QUANTILE_Z);
    let [low, high] = [shift - 6 * sd, 6 * sd];
    for (let step = 0; step < 40; step += 1) {
      const middle = (low + high) / 2;
      if (cdf(middle) < target) low = middle;
      else high = middle;
    }
    return Math.exp((low + high) / 2);
  });
}

function quantileAt(table: Float64Array, z: number): number {
  const position = Math.min(QUANTILES - 1e-9, Math.max(0, ((z + QUANTILE_Z) * QUANTILES) / (2 * QUANTILE_Z)));
  const row = Math.floor(position);
  return table[row]! + (table[row + 1]! - table[row]!) * (position - row);
}

const between = ([low, high]: Range, share: number): number => low + (high - low) * share;

/** Writes the path of coordinates `z` (from `zAt`) under a profile (0 healthy, 1 altered, 2 fatigue-drift) to `path` (from `at`). */
export function pathOf(
  law: SeverityLaw,
  quantiles: Float64Array,
  profile: number,
  z: Float64Array,
  zAt: number,
  lattice: number,
  path: Float64Array,
  at: number,
): void {
  const share = normalCdf(z[zAt]!);
  const level = profile === 1 ? between(law.alteredLevel, share) : law.niggleMax * share * share;
  path[at] = level;
  path[at + 1] = profile === 2 ? between(law.driftPeak, normalCdf(z[zAt + 1]!)) - level : 0;
  path[at + 2] = between(law.onsetS, normalCdf(z[zAt + 2]!));
  path[at + 3] = 1 / (law.rampS[0] * (law.rampS[1] / law.rampS[0]) ** normalCdf(z[zAt + 3]!));
  path[at + 4] = profile === 0 ? ALTERED_THRESHOLD - 1e-3 : 1;
  path[at + PATH_SCATTER] = Math.exp(law.scatterLogSd * z[zAt + 4]!);
  for (let f = 0; f < EXPRESSED; f += 1) path[at + PATH_EXPRESSIONS + f] = quantileAt(quantiles, z[zAt + EXPRESSIONS_FROM + f]!);
  for (let i = 0; i < lattice; i += 1) path[at + PATH_LATTICE + i] = law.wobble * (2 * normalCdf(z[zAt + LATTICE_FROM + i]!) - 1);
}

/** A moment's place on the wobble's lattice: cell and weight of its right end. */
export function latticePlace(tS: number): { readonly cell: number; readonly weight: number } {
  const cell = Math.floor(tS / WOBBLE_S);
  const part = tS / WOBBLE_S - cell;
  return { cell, weight: part * part * (3 - 2 * part) };
}

/** Severity of a path at a moment whose lattice place is known: severity.ts's course. */
export function severityOn(path: Float64Array, at: number, tS: number, cell: number, weight: number): number {
  let rise = (tS - path[at + 2]!) * path[at + 3]!;
  rise = rise < 0 ? 0 : rise > 1 ? 1 : rise;
  const from = path[at + PATH_LATTICE + cell]!;
  const value = path[at]! + path[at + 1]! * rise * rise * (3 - 2 * rise) + from + (path[at + PATH_LATTICE + cell + 1]! - from) * weight;
  return value < 0 ? 0 : Math.min(value, path[at + 4]!);
}
