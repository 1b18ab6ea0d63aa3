/** The daily series of morning heart-rate variability from entries and recordings. Pure. */
import { LEAST_BEATS, MORNING_HRV_METHOD, morningTrend } from '../../asms/morning-hrv.ts';
import { teamDayOf, type CalendarDay } from '../../asms/team-days.ts';
import type { RestRecording } from '../ports.ts';
import type { DiaryEntry, MorningSeries } from './schemas.ts';

/** (chosen) a recording after noon is no morning. */
const NOON_US = 12 * 3_600e6;

type Day = MorningSeries['days'][number];

const entryDay = (day: string, { id, value }: DiaryEntry): Day => ({
  day,
  lnRmssd: Number(value['lnRmssd']),
  beats: Number(value['beats']),
  of: 'entry',
  id,
});

/** What was entered stands before what a session measured; of several sessions of a morning the first. */
function dayOf({ day, fromUs }: CalendarDay, entries: readonly DiaryEntry[], recordings: readonly RestRecording[], timeZone: string): Day {
  const entry = entries.find((one) => one.day === day);
  if (entry !== undefined) return entryDay(day, entry);
  const recording = recordings.find(
    ({ startUs, beats }) => beats >= LEAST_BEATS && teamDayOf(startUs / 1_000, timeZone) === day && startUs < fromUs + NOON_US,
  );
  return recording === undefined
    ? { day, lnRmssd: null, beats: null, of: null, id: null }
    : { day, lnRmssd: recording.lnRmssd, beats: recording.beats, of: 'session', id: recording.sessionId };
}

/**
 * The days from `from` to `to` and the trend at the last.
 * @param days those, and the ones before them that the trend looks back to
 */
export function viewMornings(
  head: Pick<MorningSeries, 'athleteId' | 'timeZone' | 'from' | 'to'>,
  days: readonly CalendarDay[],
  {
    consented,
    items,
    recordings,
  }: { readonly consented: boolean; readonly items: readonly DiaryEntry[]; readonly recordings: readonly RestRecording[] },
): MorningSeries {
  const common = { ...head, unit: 'ln(ms)', method: MORNING_HRV_METHOD };
  if (!consented) {
    const hiddenBecause = 'There is no consent of the athlete for morning-hrv, or it was withdrawn';
    return { ...common, days: [], week: null, baseline: null, fall: null, hiddenBecause };
  }
  const mornings = days.map((day) => dayOf(day, items, recordings, head.timeZone));
  const { missing, ...trend } = morningTrend(mornings.map(({ lnRmssd }) => lnRmssd));
  return { ...common, days: mornings.filter(({ day }) => day >= head.from), ...trend, hiddenBecause: missing };
}
