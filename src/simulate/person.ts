/** One simulated athlete as a person: body, gait, heart, and how the same severity shows in them. Drawn once from the seed. */
import { EXPRESSION, GAIT, HEALTHY_ASYMMETRY, JUMP, PHYSIOLOGY } from './constants.ts';
import { createRandom, type RandomStream } from './random.ts';

export interface PersonGait {
  readonly strideTimeS: number;
  readonly speedMS: number;
  readonly stance: number;
  readonly amplitude: number;
  readonly strideCv: number;
  readonly intensity: number;
}

/** Factors on the effects of altered movement, one a feature. */
export interface Expression {
  readonly stance: number;
  readonly push: number;
  readonly swing: number;
  readonly impact: number;
  readonly phase: number;
  readonly sway: number;
}

export interface Person {
  readonly age: number;
  /** 0 female, 1 male: the contract's context channel. */
  readonly sex: 0 | 1;
  readonly massKg: number;
  readonly heightM: number;
  readonly pastInjuries: number;
  readonly daysSinceInjury: number | null;
  readonly walk: PersonGait;
  readonly run: PersonGait;
  /** Healthy left-right half differences, signed: left is 1 + d, right is 1 - d. */
  readonly asymmetry: { readonly [K in keyof typeof HEALTHY_ASYMMETRY]: number };
  readonly expression: Expression;
  readonly affected: 'left' | 'right';
  readonly restHr: number;
  readonly maxHr: number;
  readonly onTauS: number;
  readonly offTauS: number;
  readonly restSmo2: number;
  readonly skinTemperature: number;
  readonly respirationOffset: number;
  /** Countermovement jump, fresh and healthy, metres. */
  readonly jumpHeightM: number;
  /** mL/min/kg. */
  readonly vo2Max: number;
}

function drawGait(random: RandomStream, activity: 'walk' | 'run', heightM: number): PersonGait {
  const constants = GAIT[activity];
  // A leg is a pendulum: stride time grows with the root of height.
  const strideTimeS = constants.strideTimeS * Math.sqrt(heightM / 1.75) + constants.strideTimeSd * random.normal();
  return {
    strideTimeS,
    speedMS: Math.max(0.6 * constants.speedMS, constants.speedMS + constants.speedSd * random.normal()),
    stance: constants.stance + constants.stanceSd * random.normal(),
    amplitude: random.logNormal(0.12),
    strideCv: constants.strideCv * random.logNormal(0.25),
    intensity: constants.intensity + constants.intensitySd * random.normal(),
  };
}

function drawExpression(random: RandomStream): Expression {
  const factor = (): number => (random.next() < EXPRESSION.spared ? EXPRESSION.sparedFactor : 1) * random.logNormal(EXPRESSION.logSd);
  return { stance: factor(), push: factor(), swing: factor(), impact: factor(), phase: factor(), sway: factor() };
}

/** Draws a person. Nothing in it depends on whether the movement will be altered: context must not carry the label. */
export function drawPerson(seed: number): Person {
  const random = createRandom(seed, 101);
  const age = Math.round(random.uniform(17, 36));
  const sex = random.next() < 0.5 ? 0 : 1;
  const heightM = (sex === 1 ? 1.8 : 1.68) + 0.065 * random.normal();
  const massKg = (sex === 1 ? 23.8 : 22.2) * heightM * heightM * random.logNormal(0.07);
  const pastInjuries = Math.floor(random.uniform(0, 4));
  const asymmetry = {
    stance: HEALTHY_ASYMMETRY.stance * random.normal(),
    push: HEALTHY_ASYMMETRY.push * random.normal(),
    swing: HEALTHY_ASYMMETRY.swing * random.normal(),
    impact: HEALTHY_ASYMMETRY.impact * random.normal(),
    phase: HEALTHY_ASYMMETRY.phase * random.normal(),
    sway: HEALTHY_ASYMMETRY.sway * random.normal(),
  };
  return {
    age,
    sex,
    heightM,
    massKg,
    pastInjuries,
    daysSinceInjury: pastInjuries === 0 ? null : Math.round(random.uniform(60, 900)),
    walk: drawGait(random, 'walk', heightM),
    run: drawGait(random, 'run', heightM),
    asymmetry,
    expression: drawExpression(random),
    affected: random.next() < 0.5 ? 'left' : 'right',
    restHr: PHYSIOLOGY.restHr + PHYSIOLOGY.restHrSd * random.normal(),
    maxHr: PHYSIOLOGY.maxHrIntercept - PHYSIOLOGY.maxHrSlope * age + PHYSIOLOGY.maxHrSd * random.normal(),
    onTauS: PHYSIOLOGY.onTauS * random.logNormal(PHYSIOLOGY.tauLogSd),
    offTauS: PHYSIOLOGY.offTauS * random.logNormal(PHYSIOLOGY.tauLogSd),
    restSmo2: PHYSIOLOGY.restSmo2 + PHYSIOLOGY.restSmo2Sd * random.normal(),
    skinTemperature: PHYSIOLOGY.skinTemperature + PHYSIOLOGY.skinTemperatureSd * random.normal(),
    respirationOffset: PHYSIOLOGY.respirationSd * random.normal(),
    ...drawCapacity(seed, sex === 1 ? 'male' : 'female'),
  };
}

function drawCapacity(seed: number, sex: 'female' | 'male'): Pick<Person, 'jumpHeightM' | 'vo2Max'> {
  const random = createRandom(seed, 102);
  const jumpHeightM = JUMP.heightM[sex] + JUMP.heightSd * random.normal();
  return {
    jumpHeightM: Math.min(JUMP.highestM, Math.max(JUMP.lowestM, jumpHeightM)),
    vo2Max: Math.max(30, PHYSIOLOGY.vo2Max[sex] + PHYSIOLOGY.vo2MaxSd * random.normal()),
  };
}
