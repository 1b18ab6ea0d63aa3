/** k of n with hysteresis: over windows that do not overlap, or over observations that stand each for itself. */
import type { KofN } from './alarm-rules.ts';
import { NON_OVERLAPPING_HOPS } from './params.ts';

/** What one counted observation says: low (below the lower threshold), between, high (above the upper). */
export type Level = 'low' | 'between' | 'high';

export interface AlarmState {
  readonly open: boolean;
  /** At most n levels, oldest first. */
  readonly levels: readonly Level[];
  readonly lastIndex: number | null;
}

export interface AlarmStep {
  readonly alarm: AlarmState;
  readonly change: 'raise' | 'clear' | null;
}

export const QUIET: AlarmState = { open: false, levels: [], lastIndex: null };

/** Where a value stands between two thresholds. */
export const levelOf = (value: number, low: number, high: number): Level => (value > high ? 'high' : value < low ? 'low' : 'between');

/**
 * Counts one level: raises when k of the last n are high, clears when k of n are low; each needs evidence gathered since the last change.
 * A rule that is switched off counts nothing and clears what is open.
 */
export function countLevel(alarm: AlarmState, level: Level, rule: KofN): AlarmStep {
  if (!rule.enabled) return { alarm: { ...alarm, open: false, levels: [] }, change: alarm.open ? 'clear' : null };
  const levels = [...alarm.levels, level].slice(-rule.n);
  const wanted: Level = alarm.open ? 'low' : 'high';
  if (levels.filter((one) => one === wanted).length < rule.k) return { alarm: { ...alarm, levels }, change: null };
  return { alarm: { ...alarm, open: !alarm.open, levels: [] }, change: alarm.open ? 'clear' : 'raise' };
}

/** countLevel over windows: one that overlaps the last counted one is not counted. */
export function stepAlarm(alarm: AlarmState, windowIndex: number, level: Level, rule: KofN): AlarmStep {
  if (alarm.lastIndex !== null && windowIndex - alarm.lastIndex < NON_OVERLAPPING_HOPS) return { alarm, change: null };
  return countLevel({ ...alarm, lastIndex: windowIndex }, level, rule);
}
