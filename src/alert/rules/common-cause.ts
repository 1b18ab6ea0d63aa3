/**
 * One alert where a squad rises together: many athletes at once point at the session, the ground, the heat or the system, not at each athlete. Pure: recent
 * raises of one team in, common causes out.
 */
import type { AlertType } from '../../contracts/events.ts';

export interface RecentRaise {
  readonly alertId: string;
  readonly athleteId: string;
  readonly type: AlertType;
  readonly raisedUs: number;
}

export interface CommonCauseRule {
  /** Raises this close together belong together. */
  readonly withinS: number;
  readonly leastAthletes: number;
  /** Of the athletes who sent data in that time. */
  readonly leastShare: number;
}

/** (chosen) ten minutes is a drill; four athletes and 30 % of those active are more than a bad minute of a few. */
export const COMMON_CAUSE_RULE: CommonCauseRule = { withinS: 600, leastAthletes: 4, leastShare: 0.3 };

export interface CommonCause {
  readonly type: AlertType;
  /** In the order of their first raise. */
  readonly athleteIds: readonly string[];
  /** The single alerts that it stands for. */
  readonly alertIds: readonly string[];
  readonly fromUs: number;
  readonly toUs: number;
  /** Of the athletes who sent data. */
  readonly share: number;
  readonly sentence: string;
}

/**
 * The common cause of each type at `nowUs`: raises within the last `withinS`, each athlete counted once. `activeAthletes`: how many sent data in that time.
 * Raises after `nowUs` are not seen.
 */
export function commonCauses(
  raises: readonly RecentRaise[],
  activeAthletes: number,
  nowUs: number,
  rule: CommonCauseRule = COMMON_CAUSE_RULE,
): readonly CommonCause[] {
  const recent = raises
    .filter(({ raisedUs }) => raisedUs <= nowUs && raisedUs > nowUs - rule.withinS * 1e6)
    .toSorted((a, b) => a.raisedUs - b.raisedUs || (a.alertId < b.alertId ? -1 : 1));
  return [...new Set(recent.map(({ type }) => type))].flatMap((type) => {
    const own = recent.filter((raise) => raise.type === type);
    const athleteIds = [...new Set(own.map(({ athleteId }) => athleteId))];
    // Alerts can be of athletes who have stopped sending: the squad is never smaller than those who were raised.
    const share = athleteIds.length / Math.max(activeAthletes, athleteIds.length);
    if (athleteIds.length < rule.leastAthletes || share < rule.leastShare) return [];
    const [first, last] = [own[0], own.at(-1)];
    return [
      {
        type,
        athleteIds,
        alertIds: own.map(({ alertId }) => alertId),
        fromUs: first?.raisedUs ?? nowUs,
        toUs: last?.raisedUs ?? nowUs,
        share,
        sentence: `${athleteIds.length} athletes, ${Math.round(share * 100)} % of those active, had an alert of the type ${type} within ${Math.round(rule.withinS / 60)} minutes. Look at what they have in common (session, ground, heat, sensors) before looking at each of them.`,
      },
    ];
  });
}

/** A common cause stays one alert while it goes on: whether a new one continues one that is open. */
export const continues = (
  open: Pick<CommonCause, 'type' | 'toUs'>,
  found: Pick<CommonCause, 'type' | 'fromUs'>,
  rule: CommonCauseRule = COMMON_CAUSE_RULE,
): boolean => open.type === found.type && found.fromUs - open.toUs < rule.withinS * 1e6;
