/**
 * What staff read of an athlete in the morning: whom to look at first, and one sentence why. Pure: the caller reads the figures. The sentence tells of the body
 * and of load, never of a diagnosis: everybody with the scope `read` sees it.
 */
import type { Availability } from './availability.ts';
import { quantile } from '../signal/order-statistics.ts';

/** Share of athlete-days that the hazard's threshold flags: 3 of a squad of 30. (chosen) */
export const FLAGGED_SHARE = 0.1;
/** Athlete-days below which a squad has no threshold of its own: a week and a half of a squad of 15. (chosen) */
export const LEAST_ATHLETE_DAYS = 150;
/** A load so far above the day's plan is worth a word; session-RPE is rated in steps of a tenth. (chosen) */
const LOAD_EXCESS = 1.1;
/** Less than this of the movement channels, over the day's windows, says little about the athlete. (chosen) */
const LEAST_OBSERVED = 0.5;

export interface MorningHazard {
  /** ISO date of the day that it was made for. */
  readonly day: string;
  readonly probability: number;
  readonly lower: number;
  readonly upper: number;
}

export interface MorningAlert {
  readonly type: string;
  readonly severity: 'amber' | 'red';
  readonly sentence: string;
}

export interface MorningLoad {
  readonly day: string;
  readonly planned: number | null;
  /** Recorded so far; null: nothing is recorded. */
  readonly actual: number | null;
}

export interface MorningFacts {
  readonly availability: Availability;
  /** Newest; null: there is none, for the reason beside it. */
  readonly hazard: MorningHazard | null;
  readonly noHazard: string | null;
  /** The athlete's own of the 28 days before, without the newest. */
  readonly usualHazards: readonly number[];
  readonly drift: {
    readonly value: number;
    readonly amber: number;
    readonly red: number;
    readonly band: 'green' | 'amber' | 'red';
    readonly reference: 'own' | 'population';
  } | null;
  readonly alerts: readonly MorningAlert[];
  readonly today: MorningLoad;
  readonly yesterday: MorningLoad;
  /** Windows of yesterday and today, and the mean share of movement channels that they observed; null without a window. */
  readonly windows: number;
  readonly observedShare: number | null;
}

/** act: today, before training; look: when there is time; none: nothing to do. */
export type Attention = 'act' | 'look' | 'none';

export interface MorningWord {
  readonly attention: Attention;
  readonly why: string;
}

/**
 * The probability at which FLAGGED_SHARE of the squad's athlete-days are flagged: a false-alert budget, not a level of danger.
 * @param probabilities of the squad's last 28 days, in any order
 * @returns null below LEAST_ATHLETE_DAYS
 */
export function flagThreshold(probabilities: readonly number[]): number | null {
  return probabilities.length < LEAST_ATHLETE_DAYS ? null : quantile(probabilities, 1 - FLAGGED_SHARE);
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

function hazardWord({ hazard, usualHazards }: MorningFacts, threshold: number | null): MorningWord | null {
  if (hazard === null || threshold === null || hazard.probability < threshold) return null;
  const usual = usualHazards.length < 7 ? NaN : quantile(usualHazards, 0.5);
  const beside = usual > 0 ? `, ${(hazard.probability / usual).toFixed(1)} times the athlete's own usual of the last 28 days` : '';
  const interval = `${percent(hazard.lower)} to ${percent(hazard.upper)}`;
  return {
    attention: 'act',
    why: `Probability of a new injury within 7 days ${percent(hazard.probability)} (${interval})${beside}; among the highest tenth of the squad's last 28 days.`,
  };
}

function alertWord({ alerts }: MorningFacts, severity: MorningAlert['severity']): MorningWord | null {
  const [first, ...others] = alerts.filter((alert) => alert.severity === severity);
  if (first === undefined) return null;
  const more = others.length === 0 ? '' : ` ${others.length} more open.`;
  return { attention: severity === 'red' ? 'act' : 'look', why: `${first.sentence}${more}` };
}

function driftWord({ drift }: MorningFacts): MorningWord | null {
  if (drift === null || drift.reference !== 'own' || drift.band === 'green') return null;
  const at = drift.band === 'red' ? `99th percentile (${drift.red.toFixed(2)})` : `95th percentile (${drift.amber.toFixed(2)})`;
  return { attention: 'look', why: `Movement ${drift.value.toFixed(2)} SD from the athlete's own normal, above their ${at}.` };
}

function loadWord({ today, yesterday }: MorningFacts): MorningWord | null {
  const over = [today, yesterday].find(({ planned, actual }) => planned !== null && actual !== null && actual > planned * LOAD_EXCESS);
  if (over === undefined) return null;
  return {
    attention: 'look',
    why: `Load of ${over.day} ${Math.round(over.actual ?? 0)} AU against ${Math.round(over.planned ?? 0)} AU planned.`,
  };
}

function dataWord({ windows, observedShare }: MorningFacts): MorningWord | null {
  if (windows === 0 || observedShare === null || observedShare >= LEAST_OBSERVED) return null;
  return { attention: 'look', why: `Only ${Math.round(observedShare * 100)} % of the movement channels were observed: check the sensors.` };
}

function quietWord({ availability, noHazard }: MorningFacts): MorningWord {
  if (availability !== 'full') return { attention: 'none', why: `Availability: ${availability}. Nothing new.` };
  return { attention: 'none', why: noHazard === null ? 'Nothing unusual.' : `Nothing unusual; no injury probability: ${noHazard}` };
}

/** The strongest thing that is known of the athlete, in one sentence; what is weaker stands in the figures. */
export function morningWord(facts: MorningFacts, threshold: number | null): MorningWord {
  return (
    alertWord(facts, 'red') ??
    hazardWord(facts, threshold) ??
    alertWord(facts, 'amber') ??
    driftWord(facts) ??
    loadWord(facts) ??
    dataWord(facts) ??
    quietWord(facts)
  );
}

const RANK: Readonly<Record<Attention, number>> = { act: 0, look: 1, none: 2 };

/** Whom to look at first: by attention, then by hazard (the higher first), then by name. */
export function inMorningOrder<T extends { readonly attention: Attention; readonly name: string }>(
  rows: readonly T[],
  hazardOf: (row: T) => number,
): T[] {
  return rows.toSorted(
    (a, b) => RANK[a.attention] - RANK[b.attention] || hazardOf(b) - hazardOf(a) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
}
