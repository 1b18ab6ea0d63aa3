/** The daily series of morning heart-rate variability as it is shown. Pure. */
import { MORNING_HRV_METHOD, morningDays, morningTrend, type StoredMornings } from '../../asms/morning-hrv.ts';
import type { CalendarDay } from '../../asms/team-days.ts';
import type { MorningSeries } from './schemas.ts';

/**
 * The days from `from` to `to` and the trend at the last.
 * @param days those, and the ones before them that the trend looks back to
 */
export function viewMornings(
  head: Pick<MorningSeries, 'athleteId' | 'timeZone' | 'from' | 'to'>,
  days: readonly CalendarDay[],
  stored: StoredMornings,
): MorningSeries {
  const common = { ...head, unit: 'ln(ms)', method: MORNING_HRV_METHOD };
  if (!stored.consented) {
    const hiddenBecause = 'There is no consent of the athlete for morning-hrv, or it was withdrawn';
    return { ...common, days: [], week: null, baseline: null, fall: null, hiddenBecause };
  }
  const mornings = morningDays(days, stored);
  const { missing, ...trend } = morningTrend(mornings.map(({ lnRmssd }) => lnRmssd));
  return { ...common, days: mornings.filter(({ day }) => day >= head.from), ...trend, hiddenBecause: missing };
}
