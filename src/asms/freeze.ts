/**
 * When the athlete's baselines stand still: a staff-confirmed injury is open, or a deviation alarm has lasted. The latter for 14 days at most; then
 * the baselines move again and staff choose "injury" or "new normal". A freeze on the model's own flag alone would confirm itself for ever.
 */
import type { AsmsParams } from './params.ts';

export interface FreezeState {
  /** Since when the deviation alarm is open; null where it is not. */
  readonly alarmSinceUs: number | null;
}

/** moving | frozen by an injury | frozen by a lasting alarm | moving again, and staff have a choice to make. */
export type BaselineStatus = 'moving' | 'injury' | 'lasting-alarm' | 'decision-due';

export const NOT_FROZEN: FreezeState = { alarmSinceUs: null };

/** The status at a window's end. */
export function baselineStatus(freeze: FreezeState, injured: boolean, endUs: number, params: AsmsParams['freeze']): BaselineStatus {
  if (injured) return 'injury';
  if (freeze.alarmSinceUs === null) return 'moving';
  const lastedS = (endUs - freeze.alarmSinceUs) / 1e6;
  if (lastedS < params.alarmLastedS) return 'moving';
  return lastedS < params.alarmLastedS + params.maximumDays * 86_400 ? 'lasting-alarm' : 'decision-due';
}

export const isFrozen = (status: BaselineStatus): boolean => status === 'injury' || status === 'lasting-alarm';

/** After the window's alarms: the clock starts with the alarm and stops with it. */
export const stepFreeze = (freeze: FreezeState, deviationOpen: boolean, endUs: number): FreezeState =>
  deviationOpen ? { alarmSinceUs: freeze.alarmSinceUs ?? endUs } : NOT_FROZEN;
