/**
 * Common random numbers: what chance decides for an athlete on a day is a function of (seed, athlete, day) alone, drawn in a fixed order whether or not
 * it is used. Every arm meets the same chance, so that arms differ by what they prescribe and differences over seeds are paired.
 */
import { createRandom, hash32 } from '../random.ts';
import { SESSIONS } from './worlds.ts';

/** Uniforms lie in [0, 1), normals are standard. */
export interface DayDraws {
  readonly weekNormal: number;
  readonly doneUniform: number;
  readonly loadNormal: number;
  readonly strainNormal: number;
  readonly overloadNormal: number;
  readonly knockUniform: number;
  readonly knockSizeUniform: number;
  readonly hrvUniform: number;
  readonly hrvNormal: number;
  readonly measuredNormal: number;
  readonly onsetUniform: number;
  readonly regionUniform: number;
  readonly timeLossNormal: number;
  readonly reportUniform: number;
  readonly therapyUniform: number;
  readonly clearanceUniform: number;
  readonly followsUniform: number;
  /** One a session of SESSIONS. */
  readonly sessionUniforms: readonly number[];
}

/** Seed of an athlete of the squad: a person of the simulated season. */
export const athleteSeed = (seed: number, athlete: number): number => hash32(seed, 1401, athlete);

export function drawDay(seed: number, athlete: number, day: number): DayDraws {
  const random = createRandom(athleteSeed(seed, athlete), 1402, day);
  return {
    weekNormal: random.normal(),
    doneUniform: random.next(),
    loadNormal: random.normal(),
    strainNormal: random.normal(),
    overloadNormal: random.normal(),
    knockUniform: random.next(),
    knockSizeUniform: random.next(),
    hrvUniform: random.next(),
    hrvNormal: random.normal(),
    measuredNormal: random.normal(),
    onsetUniform: random.next(),
    regionUniform: random.next(),
    timeLossNormal: random.normal(),
    reportUniform: random.next(),
    therapyUniform: random.next(),
    clearanceUniform: random.next(),
    followsUniform: random.next(),
    sessionUniforms: SESSIONS.map(() => random.next()),
  };
}
