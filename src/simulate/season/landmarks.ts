/** Landmark days and labels: who is looked at when, and what followed. Rules of science.md, "What is predicted, and when". */
import { HORIZON_DAYS, LANDMARK } from './constants.ts';
import type { Season } from './season.ts';

/** Days on which everybody is looked at: the same weekday, from the first with 28 days of load to the last with a whole horizon after it. */
export function landmarkDays(days: number): number[] {
  const list: number[] = [];
  for (let day = LANDMARK.firstDay; day + HORIZON_DAYS < days; day += 1) if (day % 7 === LANDMARK.weekday) list.push(day);
  return list;
}

/**
 * Injury with its onset in the next 7 days: 1; none and all 7 observed: 0; not known since the athlete left or the data end: NaN; null where the
 * athlete is not in the risk set at the end of the day (from onset, not from the report, to clearance; gone).
 */
export function labelAt(season: Season, day: number): number | null {
  if (day < 0 || day >= season.days || season.atRisk[day] !== 1) return null;
  const until = day + HORIZON_DAYS;
  if (season.injuries.some((injury) => injury.onsetDay > day && injury.onsetDay <= until)) return 1;
  return until < season.days && until < season.departureDay ? 0 : NaN;
}
