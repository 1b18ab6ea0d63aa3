/**
 * The guard: personal parameters serve only where, over the squad and forecast before learned, they lose less than an intercept-only update does.
 * Steps are taken and stored whatever it says; it decides which candidate's forecasts are shown.
 */
import type { Candidate, JudgedForecast } from './ledger.ts';
import { FEEDBACK_VERSION, GUARD, type TargetKind } from './params.ts';

export interface AthleteForecasts {
  readonly athleteId: string;
  readonly forecasts: readonly JudgedForecast[];
}

export interface PairedGain {
  /** Mean over outcomes of the loss of `against` less the loss of `candidate`: above 0 the candidate is better. */
  readonly meanGain: number;
  /** Of the mean, with athletes as the independent units. */
  readonly standardError: number;
  /** One-sided 95 % lower bound. */
  readonly lowerBound: number;
}

/** Standard normal quantile at 0.95. */
const Z95 = 1.6448536269514722;

/**
 * Student's t at the probability whose standard normal quantile is z, by its expansion in 1/freedom (Abramowitz and Stegun 26.7.5). At 0.95 within 2e-4
 * from 7 degrees of freedom on; at 0.975 within 3e-4 from 5 on, and 0.03 short of 4.30 at 2.
 */
export function studentQuantile(z: number, freedom: number): number {
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  return terms.reduce((sum, term, i) => sum + term / freedom ** (i + 1), z);
}

export const studentQuantile95 = (freedom: number): number => studentQuantile(Z95, freedom);

/**
 * Mean paired gain with a cluster-robust error: outcomes of one athlete hang together, athletes do not. Needs two athletes: NaN below that.
 * Every outcome counts the same, so who has more of them counts more.
 */
export function pairedGain(squad: readonly AthleteForecasts[], candidate: Candidate, against: Candidate): PairedGain {
  const clusters = squad
    .map(({ forecasts }) => forecasts.map(({ loss }) => loss[against] - loss[candidate]))
    .filter((one) => one.length > 0);
  const total = (gains: readonly number[]): number => gains.reduce((sum, gain) => sum + gain, 0);
  const outcomes = total(clusters.map(({ length }) => length));
  const meanGain = total(clusters.map(total)) / outcomes;
  const squares = total(clusters.map((gains) => (total(gains) - gains.length * meanGain) ** 2));
  const athletes = clusters.length;
  if (athletes < 2) return { meanGain, standardError: NaN, lowerBound: NaN };
  const standardError = Math.sqrt((squares * athletes) / (athletes - 1)) / outcomes;
  return { meanGain, standardError, lowerBound: meanGain - studentQuantile95(athletes - 1) * standardError };
}

export interface GuardVerdict {
  readonly kind: TargetKind;
  readonly methodVersion: string;
  readonly decision: 'accepted' | 'refused' | 'not-enough-outcomes';
  /** Whose forecasts are shown: personal where accepted; else the intercept alone where that helps; else the population's. */
  readonly serves: Candidate;
  readonly athletes: number;
  readonly outcomes: number;
  /** Injuries among them, each once; 0 for performance. */
  readonly events: number;
  /** Null where there are not enough outcomes. */
  readonly personalAgainstIntercept: PairedGain | null;
  readonly interceptAgainstPopulation: PairedGain | null;
  readonly sentence: string;
}

/** Injuries that came true: days whose horizons overlap tell of the same one. */
function eventsOf({ forecasts }: AthleteForecasts): number {
  const positive = forecasts.filter(({ label }) => label === 1);
  return new Set(positive.map(({ outcomeIds, lessonId }) => (outcomeIds.length > 0 ? outcomeIds.toSorted().join() : lessonId))).size;
}

/**
 * The rule. Enough outcomes (GUARD) first. Personal parameters are accepted where the one-sided 95 % lower bound of their paired gain is above 0 both
 * against the intercept-only update and against the population. Refused, the intercept alone serves where its bound against the population is
 * above 0, else nothing personal does. Losses: squared error in SWC^2 a session, log loss a day.
 */
export function judge(kind: TargetKind, squad: readonly AthleteForecasts[]): GuardVerdict {
  const rule = GUARD[kind];
  const present = squad.filter(({ forecasts }) => forecasts.length > 0);
  const outcomes = present.reduce((sum, { forecasts }) => sum + forecasts.length, 0);
  const events = kind === 'injury' ? present.reduce((sum, one) => sum + eventsOf(one), 0) : 0;
  const counts = { kind, methodVersion: FEEDBACK_VERSION, athletes: present.length, outcomes, events };
  if (present.length < rule.minimumAthletes || outcomes < rule.minimumOutcomes || events < rule.minimumEvents) {
    const injuries = kind === 'injury' ? ` and ${rule.minimumEvents} injuries` : '';
    const sentence = `Not enough outcomes: ${outcomes} of ${present.length} athletes${kind === 'injury' ? `, ${events} injuries` : ''}; ${rule.minimumOutcomes} of ${rule.minimumAthletes} athletes${injuries} are needed. The population's forecast is shown.`;
    return {
      ...counts,
      decision: 'not-enough-outcomes',
      serves: 'population',
      personalAgainstIntercept: null,
      interceptAgainstPopulation: null,
      sentence,
    };
  }
  const personalAgainstIntercept = pairedGain(present, 'personal', 'interceptOnly');
  const interceptAgainstPopulation = pairedGain(present, 'interceptOnly', 'population');
  const accepted = personalAgainstIntercept.lowerBound > 0 && pairedGain(present, 'personal', 'population').lowerBound > 0;
  const serves = accepted ? 'personal' : interceptAgainstPopulation.lowerBound > 0 ? 'interceptOnly' : 'population';
  const decision = accepted ? 'accepted' : 'refused';
  return {
    ...counts,
    decision,
    serves,
    personalAgainstIntercept,
    interceptAgainstPopulation,
    sentence: sentenceOf(decision, serves, personalAgainstIntercept),
  };
}

const SHOWN: Readonly<Record<Candidate, string>> = {
  personal: "each athlete's own parameters",
  interceptOnly: "each athlete's own intercept alone",
  population: "the population's forecast, unchanged",
};

function sentenceOf(decision: 'accepted' | 'refused', serves: Candidate, { meanGain, lowerBound }: PairedGain): string {
  const figures = `mean gain over an intercept alone ${meanGain.toPrecision(3)}, one-sided 95 % bound ${lowerBound.toPrecision(3)}`;
  return `Personal parameters are ${decision}: ${figures}. Shown: ${SHOWN[serves]}.`;
}
