/**
 * One athlete's body from day to day in any world: load, fatigue, damage, strain, effects of sessions, injury. The season's own equations where they
 * are the same (docs/season.md); what chance does is an argument, so that the same step plays a day and looks ahead by expectation.
 */
import { relativeFatigue, steadyLoad, stepLoad, type LoadState } from '../../asms/load.ts';
import { stepRecovery } from '../../asms/recovery.ts';
import type { SeasonAthlete } from '../season/athlete.ts';
import { DAMAGE, HRV, SCHEDULE, SPELL } from '../season/constants.ts';
import { MEAN_SHARE } from '../season/dynamics.ts';
import type { DayDraws } from './draws.ts';
import type { TrueSession } from './truth.ts';
import { RATES, SESSIONS, SQUAD_REGIONS } from './worlds.ts';

export interface Spell {
  readonly region: string;
  readonly onsetDay: number;
  readonly reportDay: number;
  readonly timeLossDays: number;
  readonly healingPerDay: number;
  readonly r: number;
}

export interface Body {
  /** The load that was done; its fatigue holds what sessions add (soreness). */
  readonly load: LoadState;
  readonly damage: number;
  readonly strain: number;
  /** Mean shortfall of the last days against the coach's plan, as a share of it. */
  readonly unloaded: number;
  /** Build-up of each session's effect; 1 is that of the trials' programme. */
  readonly effects: readonly number[];
  /** Of the last days, newest last: what delayed hazards look back on. */
  readonly past: readonly { readonly load: LoadState; readonly effects: readonly number[] }[];
}

/** What a day does to a body. */
export interface DayDone {
  readonly loadAu: number;
  readonly plannedAu: number;
  readonly exposure: number;
  /** Share of a full dose done, one a session. */
  readonly doses: readonly number[];
}

/** What chance adds: factor on the damage of overload, damage by a knock, change of strain. */
export interface Chance {
  readonly overloadFactor: number;
  readonly knock: number;
  readonly strainShock: number;
}

const LONGEST_LAG = Math.max(RATES.delayed.lagDays, RATES.delayed.sessionLagDays);
const HEALED = Math.exp(-1 / DAMAGE.healDays);
const STRAIN_SHOCK_SD = HRV.strainSd * Math.sqrt(1 - HRV.strainMemory ** 2);
const UNLOADED_WEIGHT = 2 / (RATES.unloading.days + 1);
/** Fatigue (Banister's sum) that one usual daily load leaves is that load: soreness is a share of it. */
const sorenessOf = (doses: readonly number[], usualAu: number): number =>
  doses.reduce((sum, dose, m) => sum + dose * SESSIONS[m]!.soreness * usualAu, 0);

export const usualLoadOf = (athlete: SeasonAthlete): number => MEAN_SHARE * athlete.trainingDayAu;

export const startBody = (athlete: SeasonAthlete, strainNormal: number): Body => ({
  load: steadyLoad(usualLoadOf(athlete)),
  damage: 0,
  strain: HRV.strainSd * strainNormal,
  unloaded: 0,
  effects: SESSIONS.map(() => 0),
  past: [],
});

export const chanceOf = (draws: DayDraws, exposure: number): Chance => ({
  overloadFactor: Math.exp(DAMAGE.overloadLogSd * draws.overloadNormal - DAMAGE.overloadLogSd ** 2 / 2),
  knock: draws.knockUniform < DAMAGE.knockChance * exposure ? -DAMAGE.knockMean * Math.log(1 - draws.knockSizeUniform) : 0,
  strainShock: STRAIN_SHOCK_SD * draws.strainNormal,
});

/** Chance at its mean. */
export const expectedChance = (exposure: number): Chance => ({
  overloadFactor: 1,
  knock: DAMAGE.knockChance * exposure * DAMAGE.knockMean,
  strainShock: 0,
});

/** The body at the end of a day. */
export function nextBody(body: Body, athlete: SeasonAthlete, sessions: readonly TrueSession[], done: DayDone, chance: Chance): Body {
  const fatigue = Math.max(0, relativeFatigue(body.load));
  const share = done.loadAu / athlete.trainingDayAu;
  const overload = Math.max(0, share - athlete.capacity);
  const stepped = stepLoad(body.load, done.loadAu);
  const shortfall = done.plannedAu > 0 ? Math.max(0, 1 - done.loadAu / done.plannedAu) : 0;
  return {
    load: { ...stepped, fatigue: stepped.fatigue + sorenessOf(done.doses, usualLoadOf(athlete)) },
    damage:
      body.damage * HEALED + DAMAGE.perOverload * overload * (1 + DAMAGE.fatigueFactor * fatigue) * chance.overloadFactor + chance.knock,
    strain: HRV.strainMemory * body.strain + chance.strainShock,
    unloaded: body.unloaded + UNLOADED_WEIGHT * (shortfall - body.unloaded),
    effects: body.effects.map((effect, m) => {
      const { kept, gain } = sessions[m]!;
      return kept * effect + (1 - kept) * gain * done.doses[m]!;
    }),
    past: [...body.past, { load: body.load, effects: body.effects }].slice(-LONGEST_LAG),
  };
}

/** A new injury, its chance from the day's draws. `weights` are the regions' rates. */
export function openSpell(day: number, weights: readonly number[], draws: DayDraws): Spell {
  let left = draws.regionUniform * weights.reduce((a, b) => a + b, 0);
  const at = weights.findIndex((weight) => (left -= weight) < 0);
  const region = SQUAD_REGIONS[at < 0 ? SQUAD_REGIONS.length - 1 : at]!;
  const timeLossDays = Math.min(
    SPELL.maximumDays,
    Math.max(SPELL.minimumDays, region.medianDays * Math.exp(region.logSd * draws.timeLossNormal)),
  );
  let lag = 0;
  for (let chance = draws.reportUniform; lag < SPELL.reportLag.length - 1 && chance >= SPELL.reportLag[lag]!; lag += 1)
    chance -= SPELL.reportLag[lag]!;
  const adherence = SPELL.therapyAdherence[0] + (SPELL.therapyAdherence[1] - SPELL.therapyAdherence[0]) * draws.therapyUniform;
  return {
    region: region.code,
    onsetDay: day,
    reportDay: day + lag,
    timeLossDays,
    healingPerDay: Math.log(20) / timeLossDays + SPELL.therapyGainPerDay * adherence,
    r: 0,
  };
}

export const healed = (spell: Spell): Spell => ({ ...spell, r: stepRecovery(spell.r, spell.healingPerDay, 0, 1) });

/** Share of the plan that an injured athlete does: some before the report, then as R allows. */
export const spellShare = (spell: Spell, day: number): number =>
  day < spell.reportDay
    ? SPELL.unreportedShare
    : Math.max(0, (SPELL.rehabShare * (spell.r - SPELL.trainFromR)) / (SPELL.clearanceR - SPELL.trainFromR));

/** The coach's load of a weekday for an athlete who may do `share` of it. */
export const coachLoad = (athlete: SeasonAthlete, weekday: number, share: number): number =>
  athlete.trainingDayAu * SCHEDULE.week[weekday]! * share;
