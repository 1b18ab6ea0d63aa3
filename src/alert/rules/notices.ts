/**
 * Which alerts a coach is told of now, and what is held back and why: snoozes, quiet hours, a daily budget. Critical alerts (red) pass quiet hours and
 * budget, and use none of it up; a snooze is the coach's own word and holds for them too, and an alert beneath that of a squad is told by it. Nothing is
 * lost: what is held back is listed, with the time at which it may go out.
 */
import type { AlertSeverity } from '../../contracts/events.ts';

export interface NoticeCandidate {
  readonly alertId: string;
  readonly severity: AlertSeverity;
  readonly raisedUs: number;
  readonly snoozedUntilUs: number | null;
  /** Cleared before it was told: nobody needs to hear of it any more. */
  readonly clearedUs: number | null;
  /** The alert of the squad that stands for it; absent or null: none. */
  readonly coveredBy?: string | null;
}

export interface NoticePolicy {
  /** Alerts a day and coach, critical ones not counted; 0: critical ones only. */
  readonly dailyBudget: number;
  /** Minutes of the local day, [from, to); to before from goes over midnight; equal: none. Null: none. */
  readonly quietHours: { readonly fromMinute: number; readonly toMinute: number } | null;
  /** The team's offset from UTC in minutes at a moment: the time zone is resolved outside. */
  readonly offsetMinutesAt: (us: number) => number;
}

export interface Notice {
  readonly alertId: string;
  readonly atUs: number;
}

export interface HeldBack {
  readonly alertId: string;
  readonly why: 'snoozed' | 'quiet-hours' | 'budget' | 'cleared-before' | 'common-cause';
  /** When it may go out; null: it will not. */
  readonly untilUs: number | null;
}

const US_PER_MINUTE = 60e6;
const MINUTES_PER_DAY = 1_440;

const localMinutes = (us: number, policy: NoticePolicy): number => Math.floor(us / US_PER_MINUTE) + policy.offsetMinutesAt(us);
const localDay = (us: number, policy: NoticePolicy): number => Math.floor(localMinutes(us, policy) / MINUTES_PER_DAY);
const minuteOfDay = (us: number, policy: NoticePolicy): number => {
  const minutes = localMinutes(us, policy);
  return minutes - Math.floor(minutes / MINUTES_PER_DAY) * MINUTES_PER_DAY;
};

/**
 * The end of the quiet hours that `us` lies in; null where it lies in none. Where clocks change within them, it is the end by the clock after the change.
 * @throws RangeError where a border is not a whole minute of the day
 */
export function quietUntil(us: number, policy: NoticePolicy): number | null {
  const { quietHours } = policy;
  if (quietHours === null) return null;
  const { fromMinute, toMinute } = quietHours;
  for (const minute of [fromMinute, toMinute])
    if (!Number.isInteger(minute) || minute < 0 || minute >= MINUTES_PER_DAY)
      throw new RangeError(`quiet hours: ${minute} is no minute of the day`);
  const now = minuteOfDay(us, policy);
  const quiet = fromMinute <= toMinute ? now >= fromMinute && now < toMinute : now >= fromMinute || now < toMinute;
  if (!quiet) return null;
  const ahead = (toMinute - now + MINUTES_PER_DAY) % MINUTES_PER_DAY;
  const end = (Math.floor(us / US_PER_MINUTE) + ahead) * US_PER_MINUTE;
  return end + (policy.offsetMinutesAt(us) - policy.offsetMinutesAt(end)) * US_PER_MINUTE;
}

/** The first moment of the next local day. */
export function nextDayUs(us: number, policy: NoticePolicy): number {
  const start = (Math.floor(us / US_PER_MINUTE) + MINUTES_PER_DAY - minuteOfDay(us, policy)) * US_PER_MINUTE;
  return start + (policy.offsetMinutesAt(us) - policy.offsetMinutesAt(start)) * US_PER_MINUTE;
}

export interface NoticePlan {
  readonly send: readonly Notice[];
  readonly heldBack: readonly HeldBack[];
}

/**
 * What goes out to one coach at `nowUs`, oldest alert first within critical and then the others, given what went out before. An alert that went out is not
 * sent again. @throws RangeError as quietUntil, and where the budget is not a whole number from 0
 */
export function planNotices(
  candidates: readonly NoticeCandidate[],
  sent: readonly (Notice & { readonly severity: AlertSeverity })[],
  policy: NoticePolicy,
  nowUs: number,
): NoticePlan {
  if (!Number.isInteger(policy.dailyBudget) || policy.dailyBudget < 0)
    throw new RangeError(`a budget of ${policy.dailyBudget} alerts a day`);
  const today = localDay(nowUs, policy);
  const gone = new Set(sent.map(({ alertId }) => alertId));
  let left = policy.dailyBudget - sent.filter(({ severity, atUs }) => severity !== 'red' && localDay(atUs, policy) === today).length;
  const quiet = quietUntil(nowUs, policy);
  const send: Notice[] = [];
  const heldBack: HeldBack[] = [];
  const inTurn = candidates
    .filter(({ alertId, raisedUs }) => !gone.has(alertId) && raisedUs <= nowUs)
    .toSorted(
      (a, b) => Number(b.severity === 'red') - Number(a.severity === 'red') || a.raisedUs - b.raisedUs || (a.alertId < b.alertId ? -1 : 1),
    );
  for (const { alertId, severity, snoozedUntilUs, clearedUs, coveredBy = null } of inTurn) {
    const hold = (why: HeldBack['why'], untilUs: number | null): void => void heldBack.push({ alertId, why, untilUs });
    if (clearedUs !== null && clearedUs <= nowUs) hold('cleared-before', null);
    else if (coveredBy !== null) hold('common-cause', null);
    else if (snoozedUntilUs !== null && nowUs < snoozedUntilUs) hold('snoozed', snoozedUntilUs);
    else if (severity === 'red') send.push({ alertId, atUs: nowUs });
    else if (quiet !== null) hold('quiet-hours', quiet);
    else if (left <= 0) hold('budget', nextDayUs(nowUs, policy));
    else {
      left -= 1;
      send.push({ alertId, atUs: nowUs });
    }
  }
  return { send, heldBack };
}
