import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonCauses, continues, COMMON_CAUSE_RULE, type RecentRaise } from '../../src/alert/rules/common-cause.ts';
import {
  ALERT_OUTCOMES,
  changeAlert,
  fourStateOf,
  isSnoozed,
  LONGEST_SNOOZE_US,
  newAlert,
  OUTCOMES_OF_TYPE,
  type AlertChange,
  type AlertOutcome,
  type AlertValue,
} from '../../src/alert/rules/lifecycle.ts';
import { nextDayUs, planNotices, quietUntil, type NoticeCandidate, type NoticePolicy } from '../../src/alert/rules/notices.ts';
import { KinewatchError } from '../../src/contracts/errors.ts';
import { ALERT_TYPES, type AlertType } from '../../src/contracts/events.ts';

const MINUTE_US = 60e6;
const HOUR_US = 60 * MINUTE_US;
const DAY_US = 24 * HOUR_US;
/** Midnight UTC of a day. */
const T0 = 20_000 * DAY_US;

const fresh = (): AlertValue => newAlert({ alertId: 'a', athleteId: 'x', type: 'risk', severity: 'red', raisedUs: T0 });
const codeOf = (attempt: () => unknown): string => {
  try {
    attempt();
  } catch (error) {
    return (error as KinewatchError).code;
  }
  return 'allowed';
};

describe('an alert', () => {
  it('has four states: the rule clears, people acknowledge', () => {
    const acknowledged = changeAlert(fresh(), { change: 'acknowledged', by: 'c' }, T0 + 1);
    const cleared = changeAlert(fresh(), { change: 'cleared' }, T0 + 1);
    expect([fresh(), acknowledged, cleared, changeAlert(cleared, { change: 'acknowledged', by: 'c' }, T0 + 2)].map(fourStateOf)).toEqual([
      'active-unacknowledged',
      'active-acknowledged',
      'cleared-unacknowledged',
      'cleared-acknowledged',
    ]);
  });

  it('changes nothing when it is cleared or acknowledged twice', () => {
    const once = changeAlert(fresh(), { change: 'acknowledged', by: 'c' }, T0 + 1);
    expect(changeAlert(once, { change: 'acknowledged', by: 'd' }, T0 + 2)).toBe(once);
  });

  it('is snoozed for a week at most, never into the past, and not when it is over', () => {
    const snooze = (alert: AlertValue, untilUs: number) => changeAlert(alert, { change: 'snoozed', by: 'c', untilUs }, T0 + 1);
    const snoozed = snooze(fresh(), T0 + HOUR_US);
    expect([isSnoozed(snoozed, T0 + HOUR_US - 1), isSnoozed(snoozed, T0 + HOUR_US)]).toEqual([true, false]);
    expect(codeOf(() => snooze(fresh(), T0 + 1))).toBe('value-out-of-range');
    expect(codeOf(() => snooze(fresh(), T0 + 2 + LONGEST_SNOOZE_US))).toBe('value-out-of-range');
    expect(codeOf(() => snooze(changeAlert(fresh(), { change: 'cleared' }, T0), T0 + HOUR_US))).toBe('already-cleared');
  });

  it('is closed once, with an outcome, which acknowledges and clears it', () => {
    const close: AlertChange = { change: 'closed', by: 'c', outcome: 'load-changed', note: '', injuryId: null };
    const closed = changeAlert(fresh(), close, T0 + 5);
    expect(closed).toMatchObject({ clearedUs: T0 + 5, acknowledgedBy: 'c', outcome: 'load-changed' });
    expect(codeOf(() => changeAlert(closed, close, T0 + 6))).toBe('already-closed');
    expect(codeOf(() => changeAlert(closed, { change: 'assigned', by: 'c', to: 'd' }, T0 + 6))).toBe('already-closed');
  });

  it('has its outcome corrected after it was closed, and only then', () => {
    const conclude = (change: 'closed' | 'outcome-corrected', outcome: AlertOutcome, injuryId: string | null = null): AlertChange => ({
      change,
      by: 'm',
      outcome,
      note: '',
      injuryId,
    });
    expect(codeOf(() => changeAlert(fresh(), conclude('outcome-corrected', 'other'), T0 + 1))).toBe('not-closed');
    const closed = changeAlert(fresh(), conclude('closed', 'checked-no-finding'), T0 + 5);
    const corrected = changeAlert(closed, conclude('outcome-corrected', 'injury-confirmed', 'i'), T0 + 9);
    expect(corrected).toMatchObject({ outcome: 'injury-confirmed', injuryId: 'i', clearedUs: T0 + 5, acknowledgedBy: 'm' });
    expect(corrected.history.map(({ change }) => change)).toEqual(['raised', 'closed', 'outcome-corrected']);
    expect(changeAlert(corrected, conclude('outcome-corrected', 'other'), T0 + 9)).toMatchObject({ outcome: 'other', injuryId: null });
  });

  it('takes no outcome that contradicts its type, and an injury with a confirmed injury only, which needs one', () => {
    const close = (type: AlertType, outcome: AlertOutcome, injuryId: string | null = null) =>
      codeOf(() => changeAlert({ ...fresh(), type }, { change: 'closed', by: 'c', outcome, note: '', injuryId }, T0 + 1));
    for (const type of ALERT_TYPES)
      for (const outcome of ALERT_OUTCOMES)
        expect(close(type, outcome, outcome === 'injury-confirmed' ? 'i' : null)).toBe(
          OUTCOMES_OF_TYPE[type].includes(outcome) ? 'allowed' : 'outcome-refused',
        );
    expect(close('data-stopped', 'injury-confirmed')).toBe('outcome-refused');
    expect(close('load-above-ceiling', 'new-normal')).toBe('outcome-refused');
    expect(close('risk', 'load-changed', 'i')).toBe('outcome-refused');
    expect(close('risk', 'injury-confirmed')).toBe('outcome-refused');
  });

  it('keeps a history of every change, in order of time', () => {
    const change = fc.oneof(
      fc.constant<AlertChange>({ change: 'cleared' }),
      fc.constant<AlertChange>({ change: 'acknowledged', by: 'c' }),
      fc.constant<AlertChange>({ change: 'assigned', by: 'c', to: 'd' }),
      fc.constant<AlertChange>({ change: 'snoozed', by: 'c', untilUs: T0 + 500 }),
      fc.constant<AlertChange>({ change: 'closed', by: 'c', outcome: 'other', note: 'n', injuryId: null }),
      fc.constant<AlertChange>({ change: 'outcome-corrected', by: 'd', outcome: 'load-changed', note: 'n', injuryId: null }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(change, fc.integer({ min: -2, max: 90 })), { maxLength: 20 }), (changes) => {
        let alert = fresh();
        for (const [one, at] of changes) {
          const before = alert;
          try {
            alert = changeAlert(alert, one, T0 + at);
          } catch (error) {
            expect(error).toBeInstanceOf(KinewatchError);
          }
          expect(alert.history.length - before.history.length).toBe(alert === before ? 0 : 1);
        }
        const times = alert.history.map(({ atUs }) => atUs);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        expect(alert.history[0]).toEqual({ atUs: T0, change: 'raised' });
      }),
    );
  });
});

const policy = (given: Partial<NoticePolicy> = {}): NoticePolicy => ({
  dailyBudget: 3,
  quietHours: null,
  offsetMinutesAt: () => 0,
  ...given,
});
const candidate = (alertId: string, given: Partial<NoticeCandidate> = {}): NoticeCandidate => ({
  alertId,
  severity: 'amber',
  raisedUs: T0,
  snoozedUntilUs: null,
  clearedUs: null,
  ...given,
});
const NIGHT = { fromMinute: 22 * 60, toMinute: 7 * 60 };

describe('quiet hours', () => {
  const at = (hour: number, given: Partial<NoticePolicy> = {}) => quietUntil(T0 + hour * HOUR_US, policy({ quietHours: NIGHT, ...given }));

  it('go over midnight, from the first minute to the last', () => {
    expect([at(21.99), at(22), at(23.5), at(31 - 1 / 60), at(31)]).toEqual([
      null,
      T0 + 31 * HOUR_US,
      T0 + 31 * HOUR_US,
      T0 + 31 * HOUR_US,
      null,
    ]);
  });

  it("are read by the team's clock, also on a day on which it changes", () => {
    expect(at(20, { offsetMinutesAt: () => 120 })).toBe(T0 + 29 * HOUR_US);
    // The clock goes back from +120 to +60 at 01:00 UTC: seven in the morning comes an hour later.
    expect(at(20, { offsetMinutesAt: (us) => (us < T0 + 25 * HOUR_US ? 120 : 60) })).toBe(T0 + 30 * HOUR_US);
  });

  it('without length are none, and borders that are no minute are refused', () => {
    expect(quietUntil(T0, policy({ quietHours: { fromMinute: 0, toMinute: 0 } }))).toBeNull();
    expect(() => quietUntil(T0, policy({ quietHours: { fromMinute: 0, toMinute: 1_440 } }))).toThrow(RangeError);
  });

  it('end at their end: what is held until then is not quiet then', () => {
    const minute = fc.integer({ min: 0, max: 1_439 });
    fc.assert(
      fc.property(
        minute,
        minute,
        fc.integer({ min: 0, max: 5_000 }),
        fc.integer({ min: -720, max: 840 }),
        (fromMinute, toMinute, now, offset) => {
          const own = policy({ quietHours: { fromMinute, toMinute }, offsetMinutesAt: () => offset });
          const until = quietUntil(T0 + now * MINUTE_US, own);
          if (until === null) return;
          expect(until).toBeGreaterThan(T0 + now * MINUTE_US);
          expect(until).toBeLessThanOrEqual(T0 + now * MINUTE_US + DAY_US);
          expect(quietUntil(until, own)).toBeNull();
        },
      ),
    );
  });
});

describe('notices to a coach', () => {
  it('stop at the daily budget, and list what they hold back and until when', () => {
    const { send, heldBack } = planNotices(
      ['a', 'b', 'c', 'd', 'e'].map((id, i) => candidate(id, { raisedUs: T0 + i })),
      [],
      policy(),
      T0 + HOUR_US,
    );
    expect(send.map(({ alertId }) => alertId)).toEqual(['a', 'b', 'c']);
    expect(heldBack).toEqual(['d', 'e'].map((alertId) => ({ alertId, why: 'budget', untilUs: T0 + DAY_US })));
  });

  it('of critical alerts pass budget and quiet hours and use nothing up', () => {
    const night = policy({ dailyBudget: 0, quietHours: NIGHT });
    const now = T0 + 23 * HOUR_US;
    const { send, heldBack } = planNotices([candidate('a'), candidate('b', { severity: 'red' })], [], night, now);
    expect(send).toEqual([{ alertId: 'b', atUs: now }]);
    expect(heldBack).toEqual([{ alertId: 'a', why: 'quiet-hours', untilUs: T0 + 31 * HOUR_US }]);
    const sent = [{ alertId: 'b', atUs: T0, severity: 'red' as const }];
    expect(planNotices([candidate('a')], sent, policy({ dailyBudget: 1 }), T0 + 1).send).toHaveLength(1);
  });

  it('are not sent twice, snoozed, or after the alert was cleared; a new day has a new budget', () => {
    const sent = ['p', 'q', 'r'].map((alertId) => ({ alertId, atUs: T0, severity: 'amber' as const }));
    const list = [
      candidate('p'),
      candidate('s', { snoozedUntilUs: T0 + 5, severity: 'red' }),
      candidate('t', { clearedUs: T0 }),
      candidate('u'),
    ];
    const today = planNotices(list, sent, policy(), T0 + 1);
    expect(today.send).toEqual([]);
    expect(today.heldBack.map(({ why }) => why)).toEqual(['snoozed', 'cleared-before', 'budget']);
    expect(planNotices([candidate('u')], sent, policy(), nextDayUs(T0 + 1, policy())).send).toHaveLength(1);
  });

  it('lose nothing: every alert was sent, is sent or is listed, and the budget holds over the day', () => {
    const alert = fc.tuple(fc.integer({ min: 0, max: 1_439 }), fc.boolean(), fc.boolean());
    fc.assert(
      fc.property(fc.array(alert, { maxLength: 30 }), fc.integer({ min: 0, max: 5 }), (alerts, dailyBudget) => {
        const list = alerts.map(([minute, red, snoozed], i) =>
          candidate(String(i), {
            raisedUs: T0 + minute * MINUTE_US,
            severity: red ? 'red' : 'amber',
            snoozedUntilUs: snoozed ? T0 + (minute + 30) * MINUTE_US : null,
          }),
        );
        const own = policy({ dailyBudget, quietHours: NIGHT });
        const sent: { alertId: string; atUs: number; severity: 'amber' | 'red' }[] = [];
        for (let minute = 0; minute < 1_440; minute += 60) {
          const nowUs = T0 + minute * MINUTE_US;
          const { send, heldBack } = planNotices(list, sent, own, nowUs);
          const waiting = list.filter(({ raisedUs, alertId }) => raisedUs <= nowUs && !sent.some((one) => one.alertId === alertId));
          expect(send.length + heldBack.length).toBe(waiting.length);
          for (const one of send) sent.push({ ...one, severity: list.find(({ alertId }) => alertId === one.alertId)!.severity });
        }
        expect(sent.filter(({ severity }) => severity !== 'red').length).toBeLessThanOrEqual(dailyBudget);
        expect(new Set(sent.map(({ alertId }) => alertId)).size).toBe(sent.length);
      }),
    );
  });
});

describe('a common cause', () => {
  const raises = (count: number, given: Partial<RecentRaise> = {}): RecentRaise[] =>
    Array.from({ length: count }, (_, i) => ({
      alertId: `a${i}`,
      athleteId: `x${i}`,
      type: 'deviation',
      raisedUs: T0 + i * 1e6,
      ...given,
    }));

  it('is one alert for a squad that rises together', () => {
    const [cause, ...others] = commonCauses(raises(6), 15, T0 + MINUTE_US);
    expect(others).toEqual([]);
    expect(cause).toMatchObject({ type: 'deviation', athleteIds: ['x0', 'x1', 'x2', 'x3', 'x4', 'x5'], share: 0.4, fromUs: T0 });
    expect(cause?.alertIds).toHaveLength(6);
    expect(cause?.sentence).not.toMatch(/x\d/u);
  });

  it('is none where few rise, a small share, one athlete again and again, at other times, or of other types', () => {
    const now = T0 + MINUTE_US;
    expect(commonCauses(raises(3), 3, now)).toEqual([]);
    expect(commonCauses(raises(6), 30, now)).toEqual([]);
    expect(commonCauses(raises(6, { athleteId: 'x' }), 6, now)).toEqual([]);
    expect(commonCauses(raises(6), 6, now + COMMON_CAUSE_RULE.withinS * 1e6 + 10e6)).toEqual([]);
    expect(commonCauses(raises(6), 6, T0 - 1)).toEqual([]);
    expect(commonCauses([...raises(3), ...raises(3, { type: 'risk' })], 6, now)).toEqual([]);
    expect(commonCauses([], 0, now)).toEqual([]);
  });

  it('goes on while raises follow one another', () => {
    const open = { type: 'deviation' as const, toUs: T0 };
    expect(continues(open, { type: 'deviation', fromUs: T0 + 300e6 })).toBe(true);
    expect(continues(open, { type: 'deviation', fromUs: T0 + 600e6 })).toBe(false);
    expect(continues(open, { type: 'risk', fromUs: T0 })).toBe(false);
  });
});
