/** When each type of alarm is raised and cleared: the rules' shapes, their defaults, and what a setting may be. */
import type { ModelContract } from '../contracts/model.ts';

/** Raised when k of the last n counted observations are high, cleared when k of n are low. */
export interface KofN {
  readonly enabled: boolean;
  readonly k: number;
  readonly n: number;
}

export interface AlarmRules {
  /** P(I = 1). high and low come from the model contract: its false-alert budget on validation data. */
  readonly risk: KofN & { readonly high: number; readonly low: number; readonly source: string };
  /** High above the own 99th percentile times redFactor, low below the own 95th. */
  readonly deviation: KofN & { readonly redFactor: number };
  /** Shares of what this session measured at its best, and seconds without any window in an open session. */
  readonly 'data-stopped': KofN & { readonly lowShare: number; readonly highShare: number; readonly silentS: number };
  /** Sessions whose asymmetry lies `highSd` own SD, and at least `leastPct` percentage points, from the athlete's own; before that `populationPct`. */
  readonly asymmetry: KofN & { readonly highSd: number; readonly leastPct: number; readonly populationPct: number };
  /** How far R lies below the best it had reached. */
  readonly 'recovery-regression': KofN & { readonly fall: number; readonly clearFall: number };
  /** The day's load over its ceiling. */
  readonly 'load-above-ceiling': KofN & { readonly highShare: number };
  readonly 'device-clock-fault': KofN & { readonly jumpS: number; readonly driftPpm: number };
  readonly 'sides-swapped': KofN;
}

/** Defaults for a model's thresholds. */
export const defaultAlarmRules = (thresholds: ModelContract['thresholds']): AlarmRules => ({
  risk: { enabled: true, ...thresholds },
  deviation: { enabled: true, k: 15, n: 15, redFactor: 1.25 }, // (chosen) half a minute without a break, a quarter above the own 99th percentile
  'data-stopped': { enabled: true, k: 8, n: 10, lowShare: 0.5, highShare: 0.8, silentS: 30 }, // (chosen) half of the channels gone for about 20 s
  // (chosen) two of three sessions; 15 % is the upper of the conventional 10 to 15 % for limb differences†
  asymmetry: { enabled: true, k: 2, n: 3, highSd: 2.5, leastPct: 5, populationPct: 15 },
  'recovery-regression': { enabled: true, k: 15, n: 15, fall: 0.1, clearFall: 0.05 }, // (chosen) three days' healing of a 30-day injury halfway through
  'load-above-ceiling': { enabled: true, k: 1, n: 1, highShare: 1 }, // the ceiling is a hard limit (eq. 31)
  'device-clock-fault': { enabled: true, k: 2, n: 5, jumpS: 1, driftPpm: 200 }, // science.md: 200 ppm and jumps over 1 s; (chosen) one jump is a restart
  'sides-swapped': { enabled: true, k: 1, n: 1 }, // the session metric has weighed many strides already
});
