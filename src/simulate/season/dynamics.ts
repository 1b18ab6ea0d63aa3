/** The equations of a day: what follows from what. Season, oracle and filter all call these; none has its own copy. */
import { acuteExcess, relativeFatigue, type LoadState } from '../../asms/load.ts';
import type { RandomStream } from '../random.ts';
import { DAMAGE, HAZARD, HRV, SCHEDULE } from './constants.ts';

/** What the hazard takes from records alone: the same for everybody who looks at the athlete on that day. */
export interface KnownTerms {
  readonly pastInjuries: number;
  readonly age: number;
  /** Days since the last clearance; null without an injury in this season. */
  readonly daysSinceClearance: number | null;
}

/** Log-odds that records alone give: history and age. */
export function historyTerm({ pastInjuries, age, daysSinceClearance }: KnownTerms): number {
  const returned = daysSinceClearance === null ? 0 : Math.exp(-daysSinceClearance / HAZARD.returnedDays);
  return HAZARD.pastInjuries * Math.log1p(pastInjuries) + HAZARD.returned * returned + HAZARD.agePerYear * (age - HAZARD.ageCentre);
}

/** Log-odds that the load record gives: fatigue before the day's session, and acute excess. */
export const loadTerm = (load: LoadState): number => HAZARD.fatigue * relativeFatigue(load) + HAZARD.excess * acuteExcess(load);

/** Severity that a session shows, in [0, severityMax). */
export const severityOf = (damage: number): number => DAMAGE.severityMax * Math.tanh(Math.max(0, damage) / DAMAGE.severityMax);

/** How far ln rMSSD lies below the athlete's level, without a morning's noise. */
export const hrvFall = (fatigue: number, strain: number): number => HRV.loadFall * fatigue + strain;

/** Probability of onset on a day: eta is the log rate for one training day of exposure. */
export const onsetProbability = (eta: number, exposure: number): number => -Math.expm1(-Math.exp(eta) * exposure);

/** Exposure of a day in normal training days. `share` is the day's load over the athlete's normal training day. */
export const exposureOf = (share: number, weekday: number): number =>
  HAZARD.restExposure + share * (weekday === SCHEDULE.matchDay ? HAZARD.matchFactor : 1);

/** Log rate from the sum of what is known and the latents at the start of a day. */
export const logRate = (known: number, frailty: number, damage: number, fatigue: number, strain: number): number =>
  HAZARD.base + known + frailty + HAZARD.severity * severityOf(damage) + HAZARD.hrvFall * hrvFall(fatigue, strain);

const STRAIN_STEP = HRV.strainSd * Math.sqrt(1 - HRV.strainMemory ** 2);
/** Autonomic strain a day on. */
export const nextStrain = (strain: number, random: RandomStream): number => HRV.strainMemory * strain + STRAIN_STEP * random.normal();

const HEALED = Math.exp(-1 / DAMAGE.healDays);
const OVERLOAD_MEAN = Math.exp(DAMAGE.overloadLogSd ** 2 / 2);
/** Damage at the end of a day with a load of `share` normal training days; `fatigue` is the relative fatigue before the session. */
export function nextDamage(
  damage: number,
  capacity: number,
  share: number,
  exposure: number,
  fatigue: number,
  random: RandomStream,
): number {
  let next = damage * HEALED;
  const overload = share - capacity;
  if (overload > 0) {
    const factor = 1 + DAMAGE.fatigueFactor * Math.max(0, fatigue);
    next += (DAMAGE.perOverload * overload * factor * random.logNormal(DAMAGE.overloadLogSd)) / OVERLOAD_MEAN;
  }
  if (random.next() < DAMAGE.knockChance * exposure) next -= DAMAGE.knockMean * Math.log(1 - random.next());
  return next;
}

/** Damage at clearance. */
export const damageAtClearance = (random: RandomStream): number => random.uniform(DAMAGE.leftAtClearance[0], DAMAGE.leftAtClearance[1]);

/** The logarithm of the next week's factor. */
export const nextWeek = (week: number, random: RandomStream): number =>
  SCHEDULE.weekMemory * week + SCHEDULE.weekLogSd * Math.sqrt(1 - SCHEDULE.weekMemory ** 2) * random.normal();

/** Load of a day as a share of the normal training day; 0 on the day off and where the session is not done. */
export function drawShare(weekday: number, week: number, allowed: number, random: RandomStream): number {
  const planned = SCHEDULE.week[weekday]! * allowed;
  const done = random.next() < SCHEDULE.adherence;
  const factor = Math.exp(week + SCHEDULE.dayLogSd * random.normal());
  return done ? planned * factor : 0;
}

/** Mean load a day of an undisturbed plan, as a share of the normal training day. */
export const MEAN_SHARE = (SCHEDULE.week.reduce<number>((sum, share) => sum + share, 0) / 7) * SCHEDULE.adherence;

/** Mean exposure a day of the coach's week, in normal training days. */
export const MEAN_EXPOSURE = SCHEDULE.week.reduce<number>((sum, share, weekday) => sum + exposureOf(share, weekday), 0) / 7;
