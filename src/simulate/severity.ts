/** How altered the movement is over time: 0 healthy, 1 the strongest one-sided gait. A pure function of time. */
import { ALTERED_THRESHOLD, HEALTHY_SEVERITY_MAX, SEVERITY_WOBBLE } from './constants.ts';
import { createRandom, smoothNoise } from './random.ts';

export type Profile = 'healthy' | 'altered' | 'fatigue-drift';

/** Where the profile's draw is not wanted: the peak, and for fatigue-drift when the rise starts and how long it takes. */
export interface SeverityOptions {
  readonly peak?: number;
  readonly onsetS?: number;
  readonly rampS?: number;
  /** Severity before the rise, and the whole course of a healthy athlete without a peak. */
  readonly niggle?: number;
}

export interface SeverityCourse {
  readonly peak: number;
  readonly onsetS: number;
  readonly rampS: number;
  /** Severity at tS, in [0, 1]. */
  readonly at: (tS: number) => number;
}

const clamp01 = (value: number): number => Math.min(1, Math.max(0, value));

/**
 * healthy: a niggle below the threshold (most near 0). altered: a level for the whole time, from just under the threshold up.
 * fatigue-drift: a niggle that rises from onsetS over rampS to the peak. All wobble slowly.
 */
export function planSeverity(seed: number, profile: Profile, durationS: number, options: SeverityOptions = {}): SeverityCourse {
  const random = createRandom(seed, 303);
  const draw = random.next();
  const niggle = options.niggle ?? HEALTHY_SEVERITY_MAX * draw * draw;
  const drawnPeak = profile === 'healthy' ? niggle : profile === 'altered' ? random.uniform(0.28, 0.95) : random.uniform(0.45, 1);
  const peak = options.peak ?? drawnPeak;
  const onsetS = options.onsetS ?? random.uniform(0.15, 0.4) * durationS;
  const rampS = options.rampS ?? random.uniform(0.15, 0.45) * durationS;
  const noiseSeed = seed ^ 0x51e7;
  const at = (tS: number): number => {
    const wobble = SEVERITY_WOBBLE * smoothNoise(noiseSeed, tS / 25);
    if (profile === 'healthy') return Math.min(ALTERED_THRESHOLD - 1e-3, clamp01(peak + wobble));
    if (profile === 'altered') return clamp01(peak + wobble);
    const rise = clamp01((tS - onsetS) / rampS);
    return clamp01(niggle + (peak - niggle) * rise * rise * (3 - 2 * rise) + wobble);
  };
  return { peak, onsetS, rampS, at };
}
