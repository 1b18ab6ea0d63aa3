/** Heart rate, RR variability and muscle oxygen of wearable streams. */
import { mean, median } from './order-statistics.ts';

/** Every chosen number of the wearable figures. */
export const HEART_PARAMETERS = {
  lowestBpm: 25,
  highestBpm: 240,
  shortestRrMs: 250,
  longestRrMs: 2400,
  /** An RR further than this share from the local median is an ectopic or missed beat (the 20 % rule of Malik et al. 1989). */
  ectopicShare: 0.2,
  /** Beats the local median is taken over. */
  medianBeats: 11,
  fewestPairs: 20,
  /** Mean heart rate above this is exercise or excitement, not rest: variability then says nothing about readiness. */
  restBpm: 100,
} as const;

/** Mean heart rate in bpm over the plausible samples; null where there is none (no sensor, or zeros throughout). */
export function heartRateBpm(samples: ArrayLike<number>): number | null {
  const kept: number[] = [];
  for (let i = 0; i < samples.length; i += 1) {
    const bpm = samples[i] as number;
    if (bpm >= HEART_PARAMETERS.lowestBpm && bpm <= HEART_PARAMETERS.highestBpm) kept.push(bpm);
  }
  return kept.length === 0 ? null : mean(kept);
}

export interface Variability {
  /** ln of rMSSD in ms, over successive accepted beats. */
  readonly lnRmssd: number;
  readonly pairs: number;
  readonly rejected: number;
  /** True unless the beats come from rest and each beat is there: an exercise value or a sampled RR column is no readiness figure. */
  readonly provisional: boolean;
}

/**
 * ln rMSSD of an RR column (ms), artefact-corrected: implausible and ectopic beats are dropped and no difference is taken across them.
 * A column sampled at `rateHz` repeats a beat longer than the sampling interval; the repeat is skipped. Where beats come faster than samples some
 * are missing from the column, so the figure is provisional. Null where fewer than 20 differences are left or nothing varies.
 */
export function lnRmssd(rrMs: ArrayLike<number>, rateHz: number): Variability | null {
  const p = HEART_PARAMETERS;
  const beats: number[] = [];
  const intervalMs = 1000 / rateHz;
  let sinceBeatMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rrMs.length; i += 1) {
    const rr = rrMs[i] as number;
    sinceBeatMs += intervalMs;
    if (rr === rrMs[i - 1] && sinceBeatMs < rr) continue;
    beats.push(rr >= p.shortestRrMs && rr <= p.longestRrMs ? rr : Number.NaN);
    sinceBeatMs = 0;
  }
  const half = p.medianBeats >> 1;
  const accepted = beats.map((rr, i) => {
    const local = median(beats.slice(Math.max(0, i - half), i + half + 1));
    return Math.abs(rr - local) <= p.ectopicShare * local ? rr : Number.NaN;
  });
  let sum = 0;
  let pairs = 0;
  for (let i = 1; i < accepted.length; i += 1) {
    const difference = (accepted[i] as number) - (accepted[i - 1] as number);
    if (Number.isNaN(difference)) continue;
    sum += difference * difference;
    pairs += 1;
  }
  if (pairs < p.fewestPairs || sum === 0) return null;
  const meanRr = mean(accepted);
  const complete = meanRr >= intervalMs;
  return {
    lnRmssd: Math.log(Math.sqrt(sum / pairs)),
    pairs,
    rejected: accepted.filter((rr) => Number.isNaN(rr)).length,
    provisional: !complete || 60_000 / meanRr > p.restBpm,
  };
}

/** Whether a column comes from a sensor at all: zero in a column that never moves means "no sensor", not 0. An empty or all-NaN column has none. */
export function hasSensor(samples: ArrayLike<number>): boolean {
  for (let i = 0; i < samples.length; i += 1) {
    const value = samples[i] as number;
    if (Number.isFinite(value) && value !== 0) return true;
  }
  return false;
}

/**
 * Mean muscle oxygen saturation in %, over the sensors given (one column each). Zero is a dropout of the sensor, since living muscle holds oxygen;
 * values outside (0, 100] are left out. Null where no column has a sensor.
 */
export function smo2Pct(columns: readonly ArrayLike<number>[]): number | null {
  const means = columns.map((column) => mean(Array.from(column, (value) => (value > 0 && value <= 100 ? value : Number.NaN))));
  const value = mean(means);
  return Number.isFinite(value) ? value : null;
}
