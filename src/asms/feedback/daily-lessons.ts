/** What the days and outcomes of an athlete teach: stored hazards with their labels, and performances with their sessions, as lessons. Pure. */
import { dayNumber, type PlacedFacts } from '../daily-hazard.ts';
import { HORIZON_DAYS, riskLabel } from '../risk-set.ts';
import {
  hazardLesson,
  isTreated,
  performanceLesson,
  type AcceptedPlan,
  type HazardForecast,
  type Lesson,
  type SessionFeatures,
} from './lessons.ts';
import type { PerformanceMetric, PerformanceOutcome } from './outcomes.ts';
import type { HazardReference, PopulationHead } from './params.ts';

/** A day that has a hazard. */
export interface ForecastDay {
  readonly day: string;
  /** End of the day: when the forecast was made, or could have been. */
  readonly endUs: number;
  readonly probability: number;
}

/** Probabilities of a hazard model lie inside (0, 1); at the edge of what a double can tell apart they are kept finite. */
const logitOf = (probability: number): number => {
  const p = Math.min(1 - 1e-12, Math.max(1e-12, probability));
  return Math.log(p / (1 - p));
};

/**
 * Each day's forecast and what became of it by what is known now. Label 1 is known at the onset, 0 when the seventh day is over; treated where an accepted plan
 * acted on the days forecast, up to the onset if there was one.
 * @param endOf the end of a day, by its number, in microseconds
 */
export function hazardForecasts(
  athleteId: string,
  days: readonly ForecastDay[],
  facts: PlacedFacts,
  plans: readonly AcceptedPlan[],
  endOf: (day: number) => number,
): readonly HazardForecast[] {
  return days.map(({ day, endUs, probability }) => {
    const number = dayNumber(day);
    const label = riskLabel(number, facts);
    const first = facts.injuries.find(({ onsetDay, timeLoss }) => timeLoss && onsetDay > number && onsetDay <= number + HORIZON_DAYS);
    const onset = label === 1 ? first : undefined;
    return {
      athleteId,
      day: number,
      forecastUs: endUs,
      logit: logitOf(probability),
      label: label === 1 || label === 0 ? label : null,
      knownUs: onset?.onsetUs ?? endOf(number + HORIZON_DAYS),
      treated: isTreated(number + 1, onset?.onsetDay ?? number + HORIZON_DAYS, plans),
      outcomeIds: onset === undefined ? [] : [onset.id],
    };
  });
}

/** JSON knows no negative zero: what is stored must come back as it was, bit for bit. */
const positiveZeros = (lesson: Lesson): Lesson => ({
  ...lesson,
  x: lesson.x.map((value) => value + 0),
  offset: lesson.offset + 0,
  label: lesson.label + 0,
});

/** Lessons of the hazard: matured, at risk, not treated. */
export const injuryLessons = (forecasts: readonly HazardForecast[], reference: HazardReference): readonly Lesson[] =>
  forecasts.flatMap((forecast) => {
    const lesson = hazardLesson(forecast, reference);
    return lesson === null ? [] : [positiveZeros(lesson)];
  });

/** Lessons of one metric: outcomes in force whose session has its F_attn. One whose scores are gone or of another model teaches nothing. */
export const performanceLessons = (
  outcomes: readonly PerformanceOutcome[],
  sessions: readonly SessionFeatures[],
  metric: PerformanceMetric,
  head: PopulationHead,
): readonly Lesson[] =>
  outcomes
    .filter((outcome) => outcome.metric === metric.name && outcome.unit === metric.unit)
    .flatMap((outcome) => {
      const session = sessions.find(({ sessionId }) => sessionId === outcome.sessionId);
      if (session === undefined || session.fAttn.length !== head.weights.length) return [];
      return [positiveZeros(performanceLesson(outcome, session, metric, head))];
    });
