/** k of n with hysteresis over windows that do not overlap. */
import { NON_OVERLAPPING_HOPS } from './params.ts';

/** What one counted window says: low (below the lower threshold), between, high (above the upper). */
export type Level = 'low' | 'between' | 'high';

export interface AlarmState {
  readonly open: boolean;
  /** At most n levels, oldest first. */
  readonly levels: readonly Level[];
  readonly lastIndex: number | null;
}

export const QUIET: AlarmState = { open: false, levels: [], lastIndex: null };

/** Where a value stands between two thresholds. */
export const levelOf = (value: number, low: number, high: number): Level => (value > high ? 'high' : value < low ? 'low' : 'between');

/**
 * Raises when k of the last n counted windows are high, clears when k of n are low; each needs evidence gathered since the last change.
 * A window that overlaps the last counted one is not counted.
 */
export function stepAlarm(
  alarm: AlarmState,
  windowIndex: number,
  level: Level,
  rule: { readonly k: number; readonly n: number },
): { readonly alarm: AlarmState; readonly change: 'raise' | 'clear' | null } {
  if (alarm.lastIndex !== null && windowIndex - alarm.lastIndex < NON_OVERLAPPING_HOPS) return { alarm, change: null };
  const levels = [...alarm.levels, level].slice(-rule.n);
  const wanted: Level = alarm.open ? 'low' : 'high';
  if (levels.filter((one) => one === wanted).length < rule.k)
    return { alarm: { open: alarm.open, levels, lastIndex: windowIndex }, change: null };
  return { alarm: { open: !alarm.open, levels: [], lastIndex: windowIndex }, change: alarm.open ? 'clear' : 'raise' };
}
