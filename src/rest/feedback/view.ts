/** Steps, verdicts and the calibration panel as staff read them. Pure. */
import { riskFacts, dayNumber, dayOfNumber, type RecordedInjury } from '../../asms/daily-hazard.ts';
import { alarmCounts, calibrationPanel, type CalibrationBucket } from '../../asms/feedback/calibration.ts';
import { injuriesOf } from '../../asms/feedback/stored-outcomes.ts';
import { calibrationRows, type SquadForecasts } from '../../asms/feedback/shown.ts';
import { HORIZON_DAYS } from '../../asms/risk-set.ts';
import { shiftDay, teamDayOf, teamDays } from '../../asms/team-days.ts';
import type { DayRange } from '../hazard/view.ts';
import type { Candidate, SquadDays, Standing, StoredStep, StoredVerdict } from './ports.ts';
import { isoOf } from '../schemas.ts';
import type { AthleteFeedback, Calibration, Step, TeamFeedback } from './schemas.ts';

export const viewStep = (step: StoredStep): Step => ({
  id: step.id,
  target: step.target,
  position: step.position,
  lessonId: step.lessonId,
  outcomeIds: [...step.outcomeIds],
  knownAt: isoOf(step.knownUs),
  label: step.label,
  lessons: step.lessons,
  interceptOnly: viewMove(step.interceptOnly),
  personal: viewMove(step.personal),
  forecast: step.judged?.forecast ?? null,
  loss: step.judged?.loss ?? null,
  reason: step.reason,
  methodVersion: step.methodVersion,
  populationVersion: step.populationVersion,
  learnedAt: step.learnedAt,
  undone: step.undone,
});

const viewMove = (move: StoredStep['personal']): Step['personal'] => ({ ...move, before: [...move.before], after: [...move.after] });

export const viewStanding = (athleteId: string, standing: readonly Standing[]): AthleteFeedback => ({
  athleteId,
  targets: standing.map(({ target, steps, last, meanLoss, verdict }) => ({
    target,
    steps,
    knownAt: isoOf(last.knownUs),
    interceptOnly: [...last.interceptOnly.after],
    personal: [...last.personal.after],
    meanLoss,
    serves: verdict?.serves ?? 'population',
    decision: verdict?.decision ?? null,
    sentence: verdict?.sentence ?? null,
    methodVersion: last.methodVersion,
    populationVersion: last.populationVersion,
  })),
});

export const viewVerdicts = (teamId: string, verdicts: readonly StoredVerdict[]): TeamFeedback => ({
  teamId,
  targets: verdicts.map(({ target, verdict, judgedAt, population }) => ({
    target,
    decision: verdict.decision,
    serves: verdict.serves,
    sentence: verdict.sentence,
    athletes: verdict.athletes,
    outcomes: verdict.outcomes,
    events: verdict.events,
    personalAgainstIntercept: verdict.personalAgainstIntercept,
    interceptAgainstPopulation: verdict.interceptAgainstPopulation,
    population,
    methodVersion: verdict.methodVersion,
    judgedAt,
  })),
});

/** The squad's days as forecasts with what became of them, up to what is observed: yesterday. */
function forecastsOf(squad: SquadDays, { from, to }: DayRange, nowMs: number): readonly SquadForecasts[] {
  const yesterday = shiftDay(teamDayOf(nowMs, squad.timeZone), -1);
  const until = shiftDay(to, HORIZON_DAYS);
  const days = teamDays(from, until < yesterday ? until : yesterday, squad.timeZone);
  const ends = new Map(days.map(({ day, toUs }) => [day, toUs]));
  return squad.athletes.map(({ athleteId, lastDay, days: own, injuries, outcomes, plans, learned }) => {
    const all: readonly RecordedInjury[] = [...injuries, ...injuriesOf(outcomes)];
    const departureDay = lastDay === null ? null : dayNumber(lastDay) + 1;
    return {
      athleteId,
      // A day has a hazard only where the athlete was in the squad.
      facts: riskFacts({ days, injuries: all, arrivalDay: from }, departureDay),
      days: own.map(({ day, probability }) => ({ day, probability, endUs: ends.get(day) ?? 0 })),
      plans,
      learned,
    };
  });
}

const viewBucket = ({ fromDay, untilDay, ...figures }: CalibrationBucket): Calibration['weeks'][number] => ({
  from: dayOfNumber(fromDay),
  to: dayOfNumber(untilDay),
  ...figures,
});

/** Expected against observed by week, before feedback and after it by `candidate`. */
export function viewCalibration(
  teamId: string,
  range: DayRange,
  squad: SquadDays,
  { threshold, candidate, nowMs }: { readonly threshold: number; readonly candidate: Candidate; readonly nowMs: number },
): Calibration {
  const rows = calibrationRows(forecastsOf(squad, range, nowMs), candidate);
  const panel = calibrationPanel(rows, 7);
  return {
    teamId,
    timeZone: squad.timeZone,
    ...range,
    candidate,
    weeks: (panel?.buckets ?? []).map(viewBucket),
    total: panel === null ? null : viewBucket(panel.total),
    calibrationBefore: panel?.calibrationBefore ?? null,
    calibrationAfter: panel?.calibrationAfter ?? null,
    alarms: { threshold, ...alarmCounts(rows, threshold) },
  };
}
