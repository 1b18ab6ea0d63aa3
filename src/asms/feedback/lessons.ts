/** A lesson is what one outcome teaches: what was known when the forecast was made (x, offset), and what then came (label). */
import type { OutcomeFault, PerformanceMetric, PerformanceOutcome } from './outcomes.ts';
import { OutcomeRefused } from './outcomes.ts';
import type { HazardReference, PopulationHead } from './params.ts';

export interface Lesson {
  /** One an outcome and place: a corrected outcome gives a lesson of the same id. */
  readonly lessonId: string;
  readonly outcomeIds: readonly string[];
  /** When the forecast could first be made, and when its outcome was known: learning comes after knownUs, never before. */
  readonly forecastUs: number;
  readonly knownUs: number;
  /** x[0] = 1; forecast eta = offset + x . theta. */
  readonly x: readonly number[];
  readonly offset: number;
  /** performance: smallest worthwhile changes above the reference. injury: 1 or 0. */
  readonly label: number;
}

/** What a session gave: the mean of F_attn over its active scored windows. */
export interface SessionFeatures {
  readonly sessionId: string;
  readonly endUs: number;
  readonly fAttn: ArrayLike<number>;
}

/** A standardised feature counts up to this: one wild session must not turn the head. (chosen) */
const CLIP_SD = 6;

/** 1 and the clipped, standardised features. A feature without spread in the population says nothing: 0. */
export function headInput(fAttn: ArrayLike<number>, { location, scale }: Pick<PopulationHead, 'location' | 'scale'>): number[] {
  const z = location.map((middle, i) => (scale[i]! > 0 ? ((fAttn[i] ?? NaN) - middle) / scale[i]! : 0));
  return [1, ...z.map((value) => Math.min(CLIP_SD, Math.max(-CLIP_SD, value)))];
}

/** Performance in smallest worthwhile changes above the metric's reference; up is better. */
export function inSmallestWorthwhileChanges(value: number, metric: PerformanceMetric): number {
  const change = (value - metric.reference) / metric.smallestWorthwhileChange;
  return metric.higherIsBetter ? change : -change;
}

/**
 * The lesson of a performance measured in a session. It is known when both the measurement and the session's F_attn are.
 * @throws OutcomeRefused where F_attn has another width than the head or is not finite
 */
export function performanceLesson(
  outcome: PerformanceOutcome,
  session: SessionFeatures,
  metric: PerformanceMetric,
  head: PopulationHead,
): Lesson {
  const x = headInput(session.fAttn, head);
  if (session.fAttn.length !== head.weights.length || !x.every(Number.isFinite)) throw new OutcomeRefused([noFeatures(outcome)]);
  return {
    lessonId: `${outcome.metric}:${outcome.sessionId}`,
    outcomeIds: [outcome.outcomeId],
    forecastUs: session.endUs,
    knownUs: Math.max(outcome.atUs, session.endUs),
    x,
    offset: 0,
    label: inSmallestWorthwhileChanges(outcome.value, metric),
  };
}

const noFeatures = ({ sessionId }: PerformanceOutcome): OutcomeFault => ({
  code: 'not-scored',
  path: '/value/sessionId',
  message: `Session ${sessionId} has no F_attn of the model in use. Re-score the session, then record the outcome again.`,
});

/** A day's forecast and what became of it; the risk set decides the label. */
export interface HazardForecast {
  readonly athleteId: string;
  readonly day: number;
  readonly forecastUs: number;
  /** Log-odds of the hazard model, before any feedback. */
  readonly logit: number;
  /** 1: onset within the horizon; 0: none, all of it observed; null: not known (yet). */
  readonly label: 0 | 1 | null;
  /** When the label was settled: the onset, or the end of the horizon. */
  readonly knownUs: number;
  /** An accepted plan acted on the days forecast. */
  readonly treated: boolean;
  /** Injury outcomes that settled it. */
  readonly outcomeIds: readonly string[];
}

/**
 * The lesson of a day's hazard, or null where there is nothing to learn: label not known, or treated. Treated days are left out whichever way
 * they went: the forecast was of the risk without the plan, and leaving out only those that went well would teach that risk is higher.
 * With the scale about the centre, eta = centre + theta0 + theta1 (logit - centre); theta = (0, 1) is the forecast unchanged.
 */
export function hazardLesson(forecast: HazardForecast, { centreLogit }: HazardReference): Lesson | null {
  const { label, treated, logit } = forecast;
  if (label === null || treated || !Number.isFinite(logit)) return null;
  return {
    lessonId: `hazard:${forecast.day}`,
    outcomeIds: forecast.outcomeIds,
    forecastUs: forecast.forecastUs,
    knownUs: forecast.knownUs,
    x: [1, logit - centreLogit],
    offset: centreLogit,
    label,
  };
}

/** A plan a coach accepted, as it was or changed, and the days (inclusive) on which it acts; what it leaves behind counts as acting. */
export interface AcceptedPlan {
  readonly fromDay: number;
  readonly untilDay: number;
}

/** Whether a plan acted on any of the days firstDay to lastDay: the days forecast, up to an onset if there was one. */
export function isTreated(firstDay: number, lastDay: number, plans: readonly AcceptedPlan[]): boolean {
  return plans.some(({ fromDay, untilDay }) => fromDay <= lastDay && untilDay >= firstDay);
}
