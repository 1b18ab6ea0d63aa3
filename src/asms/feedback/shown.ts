/** Which forecast of a day is shown, and what a squad's days make of the calibration panel. Pure. */
import type { PlacedFacts } from '../daily-hazard.ts';
import type { CalibrationRow } from './calibration.ts';
import { hazardForecasts, type ForecastDay } from './daily-lessons.ts';
import type { Candidate } from './ledger.ts';
import type { AcceptedPlan } from './lessons.ts';
import { linear, sigmoid } from './objective.ts';

/** What outcomes had taught of an athlete's hazard when a step was known: (intercept, scale) about the centre. */
export interface LearnedHazard {
  readonly knownUs: number;
  readonly centreLogit: number;
  readonly interceptOnly: readonly number[];
  readonly personal: readonly number[];
}

/**
 * Probability by a candidate with what had been learned before the forecast was made; the population's where nothing had. The scale turns about the centre:
 * eta = centre + theta0 + theta1 (logit - centre).
 * @param learned in order of knownUs
 */
export function probabilityBy(candidate: Candidate, probability: number, endUs: number, learned: readonly LearnedHazard[]): number {
  if (candidate === 'population') return probability;
  const last = learned.findLast(({ knownUs }) => knownUs < endUs);
  if (last === undefined) return probability;
  const logit = Math.log(probability / (1 - probability));
  return sigmoid(linear({ x: [1, logit - last.centreLogit], offset: last.centreLogit }, last[candidate]));
}

export interface SquadForecasts {
  readonly athleteId: string;
  readonly days: readonly ForecastDay[];
  readonly facts: PlacedFacts;
  readonly plans: readonly AcceptedPlan[];
  readonly learned: readonly LearnedHazard[];
}

/** A row a forecast: before feedback, after it by the candidate, and what became of it as known now. */
export const calibrationRows = (squad: readonly SquadForecasts[], candidate: Candidate): readonly CalibrationRow[] =>
  squad.flatMap(({ athleteId, days, facts, plans, learned }) =>
    hazardForecasts(athleteId, days, facts, plans, () => 0).map(({ day, label, treated }, i) => {
      const { probability, endUs } = days[i]!;
      return { athleteId, day, before: probability, after: probabilityBy(candidate, probability, endUs, learned), label, treated };
    }),
  );
