/** What is true of a world and seed and nobody is told: sessions' effects, and how much of a prescription an athlete does. */
import { doseGain, reaches, type Intervention } from '../../asms/plan/problem.ts';
import { createRandom, hash32 } from '../random.ts';
import { athleteSeed } from './draws.ts';
import { SESSIONS, SQUAD, SQUAD_REGIONS, type World } from './worlds.ts';

/** One of SESSIONS as it works in a world. */
export interface TrueSession {
  /** ln RR at full effect, a region of SQUAD_REGIONS. */
  readonly logRisks: readonly number[];
  /** Share of the built-up effect that is left a day later. */
  readonly kept: number;
  /** A day's full dose as a multiple of what would hold the effect where it is whole: the weekly maximum, a trial's programme, does. */
  readonly gain: number;
}

/** Standard error of ln RR from its 95 % interval. */
const standardError = ({ lower, upper }: Intervention['riskEffects'][number]): number => Math.log(upper / lower) / (2 * 1.96);

function drawSession(one: Intervention, random: ReturnType<typeof createRandom>): TrueSession {
  const effects = one.riskEffects.map((effect) => ({
    scope: effect.scope,
    logRisk: SQUAD.effectShare * Math.log(effect.relativeRisk) + Math.hypot(standardError(effect), SQUAD.effectSpread) * random.normal(),
  }));
  return {
    logRisks: SQUAD_REGIONS.map(({ code }) => effects.reduce((sum, { scope, logRisk }) => sum + (reaches(scope, code) ? logRisk : 0), 0)),
    kept: one.effectKept ** (1 / random.logNormal(SQUAD.buildLogSd)),
    gain: doseGain(one),
  };
}

/** Sessions of SESSIONS as they work: drawn by the seed; as the catalogue says in the reference; without effect in the null world. */
export function trueSessions(world: World, seed: number): readonly TrueSession[] {
  const random = createRandom(hash32(seed, 1403));
  const drawn = SESSIONS.map((one) => drawSession(one, random));
  if (world.form === 'fixed') return drawn.map((one) => ({ ...one, logRisks: one.logRisks.map(() => 0) }));
  if (!world.isReference) return drawn;
  return SESSIONS.map((one) => ({
    logRisks: SQUAD_REGIONS.map(({ code }) =>
      one.riskEffects.reduce((sum, effect) => sum + (reaches(effect.scope, code) ? Math.log(effect.relativeRisk) : 0), 0),
    ),
    kept: one.effectKept,
    gain: doseGain(one),
  }));
}

/** Share of prescriptions that this athlete does, in (0, 1). */
export const trueAdherence = (seed: number, athlete: number): number =>
  createRandom(athleteSeed(seed, athlete), 1404).uniform(SQUAD.adherence[0], SQUAD.adherence[1]);
