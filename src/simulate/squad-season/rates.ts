/** The hazard forms: an athlete's daily rate of a new time-loss injury for one training day of exposure, by region. */
import { acuteExcess, relativeFatigue } from '../../asms/load.ts';
import type { SeasonAthlete } from '../season/athlete.ts';
import { HAZARD } from '../season/constants.ts';
import { exposureOf, historyTerm, hrvFall, loadTerm, severityOf, type KnownTerms } from '../season/dynamics.ts';
import type { Body, DayDone } from './body.ts';
import type { TrueSession } from './truth.ts';
import { RATES, SQUAD_REGIONS, type HazardForm, type World } from './worlds.ts';

/** How the state raises the rate. `sessions` is the part of the factor that sessions can lower, `rest` the part they cannot; `effects` is what they have built. */
interface Factor {
  readonly sessions: number;
  readonly rest: number;
  readonly effects: readonly number[];
}

const FORMS: Readonly<Record<HazardForm, (body: Body) => Factor>> = {
  'log-additive': (body) => ({
    sessions: Math.exp(
      loadTerm(body.load) + HAZARD.severity * severityOf(body.damage) + HAZARD.hrvFall * hrvFall(relativeFatigue(body.load), body.strain),
    ),
    rest: 0,
    effects: body.effects,
  }),
  thresholds: (body) => {
    const of = RATES.thresholds;
    const steps =
      (severityOf(body.damage) > of.severity ? of.severityStep : 0) +
      (acuteExcess(body.load) > of.acuteExcess ? of.acuteExcessStep : 0) +
      (hrvFall(relativeFatigue(body.load), body.strain) > of.hrvFall ? of.hrvFallStep : 0);
    return { sessions: 1 + steps, rest: 0, effects: body.effects.map((effect) => (effect > of.effect ? 1 : 0)) };
  },
  additive: (body) => {
    const of = RATES.additive;
    const fatigue = relativeFatigue(body.load);
    const rest =
      of.fatigue * Math.max(0, fatigue) +
      of.acuteExcess * acuteExcess(body.load) +
      of.severity * severityOf(body.damage) +
      of.hrvFall * Math.max(0, hrvFall(fatigue, body.strain));
    return { sessions: of.constant, rest, effects: body.effects };
  },
  delayed: (body) => {
    const of = RATES.delayed;
    const then = body.past.at(-of.lagDays);
    const built = body.past.at(-of.sessionLagDays);
    const late = then === undefined ? 0 : of.fatigue * relativeFatigue(then.load) + of.acuteExcess * acuteExcess(then.load);
    return {
      sessions: Math.exp(late + of.severity * severityOf(body.damage) + HAZARD.hrvFall * body.strain),
      rest: 0,
      effects: built?.effects ?? body.effects.map(() => 0),
    };
  },
  fixed: (body) => ({ sessions: 1, rest: 0, effects: body.effects.map(() => 0) }),
  unloading: (body) => {
    const of = RATES.unloading;
    return {
      sessions: Math.exp(of.unloaded * body.unloaded + of.severity * severityOf(body.damage)),
      rest: 0,
      effects: body.effects,
    };
  },
};

/**
 * Rate of each of SQUAD_REGIONS for one training day of exposure, before the day's session. In the null world nothing that is prescribed enters, load
 * and damage neither.
 */
export function regionRates(
  world: World,
  frailty: number,
  known: KnownTerms,
  body: Body,
  sessions: readonly TrueSession[],
): readonly number[] {
  const base = Math.exp(world.base + frailty + historyTerm(known));
  const factor = FORMS[world.form](body);
  return SQUAD_REGIONS.map(({ share }, r) => {
    const logRisk = factor.effects.reduce((sum, effect, m) => sum + effect * sessions[m]!.logRisks[r]!, 0);
    return base * share * (factor.rest + factor.sessions * Math.exp(logRisk));
  });
}

/** Exposure of a day in normal training days; in the null world that of the coach's plan, whatever was done. */
export const exposureIn = (
  world: World,
  { loadAu, plannedAu }: Pick<DayDone, 'loadAu' | 'plannedAu'>,
  athlete: SeasonAthlete,
  weekday: number,
): number => exposureOf((world.form === 'fixed' ? plannedAu : loadAu) / athlete.trainingDayAu, weekday);
