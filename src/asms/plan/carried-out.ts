/** What became of accepted plans: the effect that has built up, the days an intervention was done on, and the share of planned doses that is done. */
import { shiftDay } from '../team-days.ts';
import type { AcceptedPlan, DayDose } from './facts.ts';
import { nextEffect, type Intervention } from './problem.ts';

/** (chosen) Days back from which an effect still counts: after them a strength programme has kept a tenth. */
export const EFFECT_DAYS = 70;
/** (chosen) What is taken before anything is reported, and the number of reported doses it stands for. */
const PRIOR_ADHERENCE = 0.8;
const PRIOR_DOSES = 5;
/** (chosen) Days of reports that adherence is measured over. */
export const ADHERENCE_DAYS = 56;
/** Weekly maxima and days of rest reach this far back. */
const HISTORY_OF_DOSES = 7;

const keyOf = ({ day, interventionId }: Pick<DayDose, 'day' | 'interventionId'>): string => `${day} ${interventionId}`;

/** Doses planned a day: of two plans that hold a day, the one accepted later. */
export function plannedDoses(accepted: readonly AcceptedPlan[]): readonly DayDose[] {
  const byDay = new Map<string, readonly DayDose[]>();
  for (const { days, doses } of accepted)
    for (const day of days)
      byDay.set(
        day,
        doses.filter((dose) => dose.day === day && dose.share > 0),
      );
  return [...byDay.values()].flat();
}

export interface Adherence {
  /** In [0, 1]: (done + prior) / (planned + prior), in full doses, over planned doses that somebody reported on. */
  readonly share: number;
  readonly plannedDoses: number;
  readonly reportedDoses: number;
}

/** Over the days before `today`, ADHERENCE_DAYS at most; more than planned counts as planned, a dose without a report says nothing. */
export function adherenceOf(accepted: readonly AcceptedPlan[], done: readonly DayDose[], today: string): Adherence {
  const since = shiftDay(today, -ADHERENCE_DAYS);
  const planned = plannedDoses(accepted).filter(({ day }) => day >= since && day < today);
  const shares = new Map(done.map((dose) => [keyOf(dose), dose.share]));
  const reported = planned.flatMap((dose) => {
    const share = shares.get(keyOf(dose));
    return share === undefined ? [] : [{ planned: dose.share, done: Math.min(dose.share, share) }];
  });
  const sum = (pick: (one: { readonly planned: number; readonly done: number }) => number): number =>
    reported.reduce((total, one) => total + pick(one), 0);
  return {
    share: (sum((one) => one.done) + PRIOR_ADHERENCE * PRIOR_DOSES) / (sum((one) => one.planned) + PRIOR_DOSES),
    plannedDoses: planned.length,
    reportedDoses: reported.length,
  };
}

export interface CarriedOut {
  readonly effectsNow: Readonly<Record<string, number>>;
  readonly doneDaysAgo: Readonly<Record<string, readonly number[]>>;
  readonly adherence: Adherence;
}

/**
 * E_m at the start of `firstDay` by the planner's own recursion from nothing EFFECT_DAYS before; a day's dose is the one reported, or, where nobody said,
 * the accepted plan's times the adherence. A planned dose without a report counts as done for weekly maxima and days of rest.
 */
export function carriedOut(
  interventions: readonly Intervention[],
  accepted: readonly AcceptedPlan[],
  done: readonly DayDose[],
  firstDay: string,
): CarriedOut {
  const adherence = adherenceOf(accepted, done, firstDay);
  const planned = new Map(plannedDoses(accepted).map((dose) => [keyOf(dose), dose.share]));
  const reported = new Map(done.map((dose) => [keyOf(dose), dose.share]));
  const days = Array.from({ length: EFFECT_DAYS }, (_, i) => shiftDay(firstDay, i - EFFECT_DAYS));
  const effectsNow: Record<string, number> = {};
  const doneDaysAgo: Record<string, readonly number[]> = {};
  for (const one of interventions) {
    const { id, action } = one;
    const plannedOn = (day: string): number => planned.get(keyOf({ day, interventionId: id })) ?? 0;
    const reportedOn = (day: string): number | undefined => reported.get(keyOf({ day, interventionId: id }));
    if (action === 'session') {
      const effect = days.reduce((now, day) => nextEffect(one, now, reportedOn(day) ?? plannedOn(day) * adherence.share), 0);
      if (effect > 0) effectsNow[id] = Math.min(1, effect);
    }
    const ago = Array.from({ length: HISTORY_OF_DOSES }, (_, i) => i + 1).filter((back) => {
      const day = shiftDay(firstDay, -back);
      return (reportedOn(day) ?? plannedOn(day)) > 0;
    });
    if (ago.length > 0) doneDaysAgo[id] = ago;
  }
  return { effectsNow, doneDaysAgo, adherence };
}
