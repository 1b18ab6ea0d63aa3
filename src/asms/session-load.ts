/**
 * What one session adds to each load series, and from what. Null: not recorded, never 0. Sources: session-RPE times minutes (Foster 2001†), TRIMP
 * (Banister 1991†, with the weights of Morton 1990†), distance and high-speed distance by adding up speed.
 */
import type { SessionHistogram } from '../signal/session-histograms.ts';

export const LOAD_SERIES = ['session-rpe', 'trimp', 'distance', 'high-speed-distance'] as const;
export type LoadSeries = (typeof LOAD_SERIES)[number];

/** Unit, method and parameters of each series (PROVENANCE). A change of a formula or of a constant is a change of the method's name. */
export const LOAD_METHODS = {
  'session-rpe': { unit: 'AU', method: 'session-rpe-minutes-1', parameters: { scale: 'CR10, 0 to 10' } },
  trimp: {
    unit: 'AU',
    method: 'trimp-banister-1',
    // Factor and exponent of the weight of heart-rate reserve, by sex (Morton 1990†); where sex is not recorded their mean, and the figure is provisional.
    parameters: { male: [0.64, 1.92], female: [0.86, 1.67], unknown: [0.75, 1.795], leastObservedShare: 0.5, provisionalBelowShare: 0.9 },
  },
  distance: { unit: 'm', method: 'speed-sum-1', parameters: { leastObservedShare: 0.5, provisionalBelowShare: 0.9 } },
  'high-speed-distance': {
    unit: 'm',
    method: 'speed-sum-above-1',
    // 19.8 km/h: the lower bound of high-speed running in professional football (Rampinini 2007†, Bradley 2009†). A team or an athlete may have another.
    parameters: { aboveMps: 5.5, leastObservedShare: 0.5, provisionalBelowShare: 0.9 },
  },
} as const satisfies Readonly<Record<LoadSeries, { readonly unit: string; readonly method: string; readonly parameters: object }>>;

/** Heart rates of the athlete; null: not measured. */
export interface HeartRateLimits {
  readonly restBpm: number | null;
  readonly maximumBpm: number | null;
  readonly sex: 'female' | 'male' | null;
}

export interface LoadValue {
  readonly value: number;
  /** Part of it was not seen, or a constant stood in for what is not known of the athlete. */
  readonly provisional: boolean;
  /** Share of the session that was measured; 1 where it was asked. */
  readonly observedShare: number;
}

export type SessionLoads = Readonly<Record<LoadSeries, LoadValue | null>>;

const asked = (value: number): LoadValue => ({ value, provisional: false, observedShare: 1 });

/** RPE times minutes; null where one of them is missing, out of 0 to 10, or negative. */
export function sessionRpeLoad(rpe: number | null, minutes: number | null): LoadValue | null {
  if (rpe === null || minutes === null || !(rpe >= 0 && rpe <= 10) || !(minutes >= 0 && Number.isFinite(minutes))) return null;
  return asked(rpe * minutes);
}

/**
 * Adds up `perSecond` of each bin's mean. The seconds that were not measured count as the mean of those that were, and make it provisional where they are
 * many; null where less than half was seen.
 */
function sumOver(
  { bins, sessionSeconds, observedSeconds, truncated }: SessionHistogram,
  parameters: { leastObservedShare: number; provisionalBelowShare: number },
  perSecond: (mean: number, bin: number) => number,
): LoadValue | null {
  const observedShare = sessionSeconds > 0 ? Math.min(1, observedSeconds / sessionSeconds) : 0;
  if (!(observedShare >= parameters.leastObservedShare)) return null;
  const seen = bins.reduce((sum, [bin, seconds, total]) => sum + seconds * perSecond(total / seconds, bin), 0);
  return { value: seen / observedShare, provisional: truncated || observedShare < parameters.provisionalBelowShare, observedShare };
}

/**
 * TRIMP = sum over minutes of x * factor * exp(exponent * x), x the heart-rate reserve used, (HR - rest) / (maximum - rest), kept within 0 and 1.
 * Null where the limits are not known or not in order, or too little was measured.
 */
export function trimp(heartRate: SessionHistogram, { restBpm, maximumBpm, sex }: HeartRateLimits): LoadValue | null {
  if (restBpm === null || maximumBpm === null || !(maximumBpm > restBpm) || !(restBpm > 0)) return null;
  const { parameters } = LOAD_METHODS.trimp;
  const [factor, exponent] = parameters[sex ?? 'unknown'];
  const total = sumOver(heartRate, parameters, (bpm) => {
    const reserve = Math.min(1, Math.max(0, (bpm - restBpm) / (maximumBpm - restBpm)));
    return (reserve * factor * Math.exp(exponent * reserve)) / 60;
  });
  return total === null ? null : { ...total, provisional: total.provisional || sex === null };
}

/** Metres at or above `aboveMps`, a multiple of the bin's width. Null where too little was measured. */
export function speedDistance(speed: SessionHistogram, aboveMps: number): LoadValue | null {
  const from = Math.round(aboveMps / speed.binWidth);
  return sumOver(speed, LOAD_METHODS.distance.parameters, (mps, bin) => (bin >= from ? mps : 0));
}
