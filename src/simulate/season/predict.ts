/** Probability of onset in the next days from a cloud of latent states: futures are played with the season's own equations. */
import { relativeFatigue, stepLoad, type LoadState } from '../../asms/load.ts';
import type { RandomStream } from '../random.ts';
import { HORIZON_DAYS, SPELL } from './constants.ts';
import { drawShare, exposureOf, historyTerm, loadTerm, logRate, nextDamage, nextStrain, nextWeek, onsetProbability } from './dynamics.ts';

/** What records say at the end of a day, the same for every particle. */
export interface KnownState {
  readonly day: number;
  readonly load: LoadState;
  readonly trainingDayAu: number;
  readonly pastInjuries: number;
  readonly age: number;
  readonly daysSinceClearance: number | null;
}

/** One possible latent state. */
export interface Latent {
  readonly frailty: number;
  readonly capacity: number;
  readonly damage: number;
  readonly strain: number;
  readonly week: number;
}

/** Share of the plan that an athlete back from injury is given. */
export const returnShare = (daysSinceClearance: number | null): number =>
  daysSinceClearance === null || daysSinceClearance >= SPELL.rampDays
    ? 1
    : SPELL.rehabShare + ((1 - SPELL.rehabShare) * daysSinceClearance) / SPELL.rampDays;

/** Probability of onset within the horizon along one future drawn from this state. Departure is censoring, not an outcome: it is not played. */
export function onePath(known: KnownState, latent: Latent, random: RandomStream): number {
  let { load } = known;
  let { damage, strain, week } = latent;
  let free = 1;
  for (let ahead = 1; ahead <= HORIZON_DAYS; ahead += 1) {
    const day = known.day + ahead;
    const weekday = day % 7;
    if (weekday === 0) week = nextWeek(week, random);
    const since = known.daysSinceClearance === null ? null : known.daysSinceClearance + ahead;
    const fatigue = relativeFatigue(load);
    const share = drawShare(weekday, week, returnShare(since), random);
    const exposure = exposureOf(share, weekday);
    const terms = historyTerm({ pastInjuries: known.pastInjuries, age: known.age, daysSinceClearance: since }) + loadTerm(load);
    free *= 1 - onsetProbability(logRate(terms, latent.frailty, damage, fatigue, strain), exposure);
    load = stepLoad(load, share * known.trainingDayAu);
    damage = nextDamage(damage, latent.capacity, share, exposure, fatigue, random);
    strain = nextStrain(strain, random);
  }
  return 1 - free;
}

/**
 * Latent oracle: mean over `paths` futures of the one true state. Its Monte-Carlo error is about a third of the mean over the root of `paths`.
 * @throws RangeError where `paths` is not a positive integer
 */
export function oracleProbability(known: KnownState, latent: Latent, paths: number, random: RandomStream): number {
  if (!Number.isInteger(paths) || paths < 1) throw new RangeError(`paths ${paths}`);
  let sum = 0;
  for (let i = 0; i < paths; i += 1) sum += onePath(known, latent, random);
  return sum / paths;
}
