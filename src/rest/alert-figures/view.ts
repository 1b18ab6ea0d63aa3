/** How many alerts there were, how many of them were right, and how clinicians rated them. Pure. */
import { ordinalAlpha } from '../../alert/rules/agreement.ts';
import { OUTCOMES_OF_TYPE } from '../../alert/rules/lifecycle.ts';
import { wilson } from '../../asms/feedback/calibration.ts';
import type { CalendarDay } from '../../asms/team-days.ts';
import { ALERT_TYPES, type AlertType } from '../../contracts/events.ts';
import type { RaisedAlert, StoredAlertRating } from '../ports.ts';
import type { AlertFigures, AlertRatings } from './schemas.ts';

/** Outcomes that say that the alert was right: something was wrong, or what the athlete did was changed for it. */
const CONFIRMING: readonly string[] = ['injury-confirmed', 'load-changed'];
/** Alerts about the athlete: an injury can be confirmed. The others are about sensors. */
const isAboutAthlete = (type: AlertType): boolean => OUTCOMES_OF_TYPE[type].includes('injury-confirmed');
/** The most athletes a day that a coach looks at one by one (chosen: the budget the project holds itself to). */
const FEW_ATHLETES = 3;

export interface Period {
  readonly teamId: string;
  readonly timeZone: string;
  readonly days: readonly CalendarDay[];
}

const spanOf = ({ teamId, timeZone, days }: Period) => ({ teamId, timeZone, from: days[0]?.day ?? '', to: days.at(-1)?.day ?? '' });

function ppvOf(alerts: readonly RaisedAlert[]) {
  const closed = alerts.filter(({ type, outcome }) => outcome !== null && isAboutAthlete(type));
  const confirmed = closed.filter(({ outcome }) => CONFIRMING.includes(outcome ?? '')).length;
  const ppv = closed.length === 0 ? null : confirmed / closed.length;
  const interval = ppv === null ? null : wilson(ppv, closed.length);
  return { outcomes: closed.length, confirmed, ppv, lower: interval?.lower ?? null, upper: interval?.upper ?? null };
}

/** Figures of the alerts raised in the period; `alerts` outside its days are left out. */
export function viewFigures(period: Period, alerts: readonly RaisedAlert[], noticesSent: number): AlertFigures {
  const byDay = period.days.map(({ fromUs, toUs }) => alerts.filter(({ raisedUs }) => raisedUs >= fromUs && raisedUs < toUs));
  const inside = byDay.flat();
  const athletesOf = (some: readonly RaisedAlert[]): number =>
    new Set(some.filter(({ type }) => isAboutAthlete(type)).map(({ athleteId }) => athleteId)).size;
  const whole = ppvOf(inside);
  return {
    ...spanOf(period),
    days: byDay.length,
    alerts: inside.length,
    alertsADay: byDay.length === 0 ? 0 : inside.length / byDay.length,
    busiestDay: byDay.length === 0 ? null : Math.max(...byDay.map(({ length }) => length)),
    daysWithAtMost3Athletes: byDay.filter((some) => athletesOf(some) <= FEW_ATHLETES).length,
    noticesSent,
    ...whole,
    hiddenBecause: whole.ppv === null ? 'no outcomes: no alert about an athlete of these days was closed' : null,
    byType: ALERT_TYPES.map((type) => ({ type, own: inside.filter((alert) => alert.type === type) }))
      .filter(({ own }) => own.length > 0)
      .map(({ type, own }) => ({ type, alerts: own.length, ...ppvOf(own) })),
  };
}

/** Mean and agreement of the ratings; each alert is a unit of the agreement. */
export function viewRatings(period: Period, ratings: readonly StoredAlertRating[]): AlertRatings {
  const byAlert = new Map<string, number[]>();
  for (const { alertId, rating } of ratings) byAlert.set(alertId, [...(byAlert.get(alertId) ?? []), rating]);
  const { alpha, units, ratings: paired } = ordinalAlpha([...byAlert.values()]);
  const total = ratings.reduce((sum, { rating }) => sum + rating, 0);
  const unrated = ratings.length === 0;
  const unpaired = units === 0 ? 'no alert has two ratings' : 'every paired rating is the same';
  return {
    ...spanOf(period),
    ratings: ratings.length,
    alerts: byAlert.size,
    raters: new Set(ratings.map(({ keyId }) => keyId)).size,
    mean: unrated ? null : total / ratings.length,
    agreement: { method: 'krippendorff-alpha-ordinal', alpha, alerts: units, ratings: paired },
    hiddenBecause: unrated ? 'no ratings' : alpha === null ? `no agreement: ${unpaired}` : null,
  };
}
