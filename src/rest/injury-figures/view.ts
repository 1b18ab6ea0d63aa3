/** A squad's stored sessions and injuries as the records its figures are made of. Pure. */
import { exposureOf } from '../../asms/exposure.ts';
import type { FiguredSquad } from '../../asms/injury-figures.ts';
import { regionOf } from '../../asms/osiics-region.ts';
import { teamDayOf } from '../../asms/team-days.ts';
import type { StoredSquad } from '../ports.ts';

const DAY_MS = 86_400_000;
const dayNumber = (day: string): number => Math.round(Date.parse(day) / DAY_MS);

/** Days are those of the team's calendar; `nowMs` says what today is. */
export function squadOf(stored: StoredSquad, { from, to }: { readonly from: string; readonly to: string }, nowMs: number): FiguredSquad {
  const dayOf = (us: number): number => dayNumber(teamDayOf(us / 1_000, stored.timeZone));
  return {
    fromDay: dayNumber(from),
    toDay: dayNumber(to),
    throughDay: dayNumber(teamDayOf(nowMs, stored.timeZone)),
    exposures: stored.exposures.map(({ type, stated, ...sum }) => ({ exposure: exposureOf(type, stated), ...sum })),
    injuries: stored.injuries.map(({ athleteId, diagnosisCode, region, onsetUs, clearedUs, timeLoss, session }) => ({
      athleteId,
      region: regionOf(diagnosisCode, region),
      onsetDay: dayOf(onsetUs),
      // A clearance before the onset cannot be; where clocks put it there the injury cost nothing.
      returnDay: clearedUs === null ? null : Math.max(dayOf(onsetUs), dayOf(clearedUs)),
      timeLoss,
      exposure: session === null ? null : exposureOf(session.type, session.stated),
    })),
    members: stored.members.map(({ athleteId, createdUs }) => ({ athleteId, joinedDay: dayOf(createdUs) })),
  };
}
