/**
 * Who is at risk on a day, and what the next seven days were to show (science.md, "What is predicted, and when"). An athlete leaves the risk set from
 * onset (not from the report) to clearance; departure and the end of data censor; a negative matures after 7 observed days. Days are whole numbers, the
 * days of the team's calendar. Pure: facts in, labels out; a late or corrected report gives another label when it is asked again.
 */

export const HORIZON_DAYS = 7;

export interface RiskInjury {
  readonly onsetDay: number;
  /** Day on which it became known: not before onset. */
  readonly reportDay: number;
  /** First day back in the risk set; null while it is open. */
  readonly clearanceDay: number | null;
  /** Only injuries that cost time are events, and only they take an athlete out. */
  readonly timeLoss: boolean;
}

export interface RiskFacts {
  readonly injuries: readonly RiskInjury[];
  /** First day in the squad, and first day on which the athlete is gone (null: still there). */
  readonly arrivalDay: number;
  readonly departureDay: number | null;
  /** Last whole day for which records are in. */
  readonly observedThroughDay: number;
}

/** 1: onset within the next 7 days; 0: none, all 7 observed; unknown: censored or not matured; out: no forecast is made on that day. */
export type RiskLabel = 1 | 0 | 'unknown' | 'out';

/** Whether the athlete is in the risk set at the end of a day. */
export function isAtRisk(day: number, facts: RiskFacts): boolean {
  if (day < facts.arrivalDay || (facts.departureDay !== null && day >= facts.departureDay)) return false;
  return !facts.injuries.some(
    ({ onsetDay, clearanceDay, timeLoss }) => timeLoss && onsetDay <= day && (clearanceDay === null || day < clearanceDay),
  );
}

/**
 * The label of a forecast made at the end of `day`. An onset on `day` itself took the athlete out before the forecast. Of several injuries within the
 * horizon the first counts. An onset after departure or after what is observed is not seen.
 * @throws RangeError where an injury is reported before its onset or cleared before it, naming it by its place
 */
export function riskLabel(day: number, facts: RiskFacts): RiskLabel {
  facts.injuries.forEach(({ onsetDay, reportDay, clearanceDay }, i) => {
    if (reportDay < onsetDay) throw new RangeError(`injury ${i}: reported on day ${reportDay}, onset on day ${onsetDay}`);
    if (clearanceDay !== null && clearanceDay < onsetDay)
      throw new RangeError(`injury ${i}: cleared on day ${clearanceDay}, onset on day ${onsetDay}`);
  });
  if (!isAtRisk(day, facts)) return 'out';
  const until = day + HORIZON_DAYS;
  const lastSeen = Math.min(facts.observedThroughDay, facts.departureDay === null ? Infinity : facts.departureDay - 1);
  const event = facts.injuries.some(({ onsetDay, timeLoss }) => timeLoss && onsetDay > day && onsetDay <= Math.min(until, lastSeen));
  if (event) return 1;
  return until <= lastSeen ? 0 : 'unknown';
}

/**
 * The label as it was known at the end of `knownDay`: injuries reported later are not there yet, clearances signed later neither, and nothing is
 * observed past it. What a forecast was judged by at that time, and what learning in order of time may use.
 */
export function riskLabelKnownOn(knownDay: number, day: number, facts: RiskFacts): RiskLabel {
  return riskLabel(day, {
    ...facts,
    injuries: facts.injuries
      .filter(({ reportDay }) => reportDay <= knownDay)
      .map((injury) => ({
        ...injury,
        clearanceDay: injury.clearanceDay !== null && injury.clearanceDay <= knownDay ? injury.clearanceDay : null,
      })),
    observedThroughDay: Math.min(facts.observedThroughDay, knownDay),
  });
}
