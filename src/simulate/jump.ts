/**
 * Countermovement jumps: the net vertical force of the body as pieces whose impulses add up, so that take-off velocity, flight and landing agree
 * with the height. What double integration would add (depth of the crouch) is not modelled.
 */
import { ALTERED, G, JUMP } from './constants.ts';
import type { Person } from './person.ts';
import type { Segment } from './protocol.ts';
import { createRandom } from './random.ts';

export interface SimulatedJump {
  readonly heightM: number;
  /** Start of the unloading, take-off, landing and standing again, seconds of the session. */
  readonly startS: number;
  readonly takeoffS: number;
  readonly landS: number;
  readonly endS: number;
  readonly velocityMS: number;
  /** Plateau of the push, body weights over standing. */
  readonly pushBw: number;
  /** Left foot's share of the force in push-off and in landing, and each foot's sharpness of landing (1 = the template). */
  readonly pushLeft: number;
  readonly landLeft: number;
  readonly strike: { readonly left: number; readonly right: number };
}

const TO_TAKEOFF_S = JUMP.unloadS + JUMP.riseS + JUMP.holdS + JUMP.dropS;

/** Plateau that gives the net impulse v / g (in body weights times seconds): unloading and the end of the drop are paid for. */
export function plateauOf(velocityMS: number): number {
  const paid = velocityMS / G + (JUMP.unloadBw * JUMP.unloadS) / 2 + JUMP.dropS / 3;
  return paid / (JUMP.riseS / 2 + JUMP.holdS + (2 * JUMP.dropS) / 3);
}

/**
 * The jumps of a segment, in order; deterministic in (seed, segment). Height falls with the session's fatigue, the day's (0 to 1) and severity.
 * Each is followed by standing of at least JUMP.pauseS[0].
 */
export function buildJumps(
  seed: number,
  person: Person,
  segment: Segment,
  severityAt: (tS: number) => number,
  fatigueAt: (tS: number) => number,
  dayFatigue: number,
): SimulatedJump[] {
  const random = createRandom(seed, 520, segment.index);
  const jumps: SimulatedJump[] = [];
  for (let startS = segment.startS + random.uniform(...JUMP.pauseS); ;) {
    const severity = severityAt(startS);
    const lost = (1 - JUMP.sessionFatigue * fatigueAt(startS)) * (1 - JUMP.dayFatigue * dayFatigue) * (1 - JUMP.severity * severity);
    const heightM = person.jumpHeightM * lost * (1 + JUMP.jitter * random.normal());
    const jump = { ...timesOf(startS, heightM), ...sidesOf(person, severity) };
    if (jump.endS > segment.endS) return jumps;
    jumps.push(jump);
    startS = jump.endS + random.uniform(...JUMP.pauseS);
  }
}

function timesOf(
  startS: number,
  heightM: number,
): Pick<SimulatedJump, 'heightM' | 'startS' | 'takeoffS' | 'landS' | 'endS' | 'velocityMS' | 'pushBw'> {
  const velocityMS = Math.sqrt(2 * G * heightM);
  const takeoffS = startS + TO_TAKEOFF_S;
  const landS = takeoffS + (2 * velocityMS) / G;
  return { heightM, startS, takeoffS, landS, endS: landS + JUMP.settleS, velocityMS, pushBw: plateauOf(velocityMS) };
}

/** The affected side pushes less and lands softer and with less weight. */
function sidesOf(person: Person, severity: number): Pick<SimulatedJump, 'pushLeft' | 'landLeft' | 'strike'> {
  const { asymmetry, expression, affected } = person;
  const factor = (side: 'left' | 'right', own: number, effect: number): number =>
    Math.max(0.25, 1 + (side === 'left' ? own : -own) + (side === affected ? severity * effect : 0));
  const push = (side: 'left' | 'right'): number => factor(side, asymmetry.push, ALTERED.push * expression.push);
  const land = (side: 'left' | 'right'): number => factor(side, asymmetry.impact, ALTERED.impactAffected * expression.impact);
  const strike = { left: land('left'), right: land('right') };
  return { pushLeft: push('left') / (push('left') + push('right')), landLeft: strike.left / (strike.left + strike.right), strike };
}

const smooth = (x: number): number => (x <= 0 ? 0 : x >= 1 ? 1 : x * x * (3 - 2 * x));
/** sin2 over [0, 1], mean one half, zero outside. */
export const hump = (x: number): number => (x <= 0 || x >= 1 ? 0 : Math.sin(Math.PI * x) ** 2);

/** Net vertical force in body weights at tS: 0 standing, -1 in flight. */
export function netForceBw(jump: SimulatedJump, tS: number): number {
  if (tS <= jump.startS || tS >= jump.endS) return 0;
  if (tS >= jump.landS) return landingBw(jump, tS - jump.landS);
  if (tS >= jump.takeoffS) return -1;
  let t = tS - jump.startS;
  if (t < JUMP.unloadS) return -JUMP.unloadBw * hump(t / JUMP.unloadS);
  t -= JUMP.unloadS;
  if (t < JUMP.riseS) return jump.pushBw * smooth(t / JUMP.riseS);
  t -= JUMP.riseS + JUMP.holdS;
  if (t < 0) return jump.pushBw;
  const x = t / JUMP.dropS;
  return jump.pushBw - (1 + jump.pushBw) * x * x;
}

function landingBw(jump: SimulatedJump, t: number): number {
  const impulse = jump.velocityMS / G;
  const peak = (2 * JUMP.impactShare * impulse) / JUMP.impactS;
  const slow = (2 * ((1 - JUMP.impactShare) * impulse + JUMP.loadS / 2)) / JUMP.settleS;
  return peak * hump(t / JUMP.impactS) + slow * hump(t / JUMP.settleS) - Math.max(0, 1 - t / JUMP.loadS);
}

/** The left foot's share of the force: half in standing (`standing`), its own in push-off and landing. */
export function leftShare(jump: SimulatedJump, tS: number, standing: number): number {
  if (tS >= jump.landS) return jump.landLeft + (standing - jump.landLeft) * smooth((tS - jump.landS) / (jump.endS - jump.landS));
  return standing + (jump.pushLeft - standing) * smooth((tS - jump.startS) / JUMP.unloadS);
}

/** Acceleration up (m/s2) and pitch rate (rad/s, toes down) of a foot: at rest on the ground, launched, in free fall, stopped. */
export function footMotion(jump: SimulatedJump, tS: number, side: 'left' | 'right'): readonly [up: number, pitch: number] {
  const strikeS = JUMP.strikeS / jump.strike[side];
  const inFlight = tS >= jump.takeoffS && tS < jump.landS;
  const launch = ((2 * jump.velocityMS) / JUMP.launchS) * hump((tS - jump.takeoffS + JUMP.launchS) / JUMP.launchS);
  const strike = ((2 * jump.velocityMS) / strikeS) * hump((tS - jump.landS) / strikeS);
  const raise = ((2 * JUMP.heelRaiseRad) / JUMP.heelRaiseS) * hump((tS - jump.takeoffS + JUMP.heelRaiseS) / JUMP.heelRaiseS);
  const flightS = jump.landS - jump.takeoffS;
  const lower = ((2 * JUMP.heelRaiseRad) / flightS) * hump((tS - jump.takeoffS) / flightS);
  return [launch + strike - (inFlight ? G : 0), raise - lower];
}

/** The same of the trunk, which moves as the body's centre, with a shock of its own at landing; it bends forward and straightens. */
export function trunkMotion(jump: SimulatedJump, tS: number): readonly [up: number, pitch: number] {
  const x = (tS - jump.startS) / TO_TAKEOFF_S;
  const pitch = x > 0 && x < 1 ? JUMP.trunkPitch * Math.sin(2 * Math.PI * x) * hump(x) : 0;
  const t = tS - jump.landS;
  // No net impulse: the trunk stays with the body.
  const shock = hump(t / JUMP.impactS) - (JUMP.impactS / JUMP.shockBackS) * hump(t / JUMP.shockBackS);
  return [netForceBw(jump, tS) * G + JUMP.trunkShock * jump.velocityMS * shock, pitch];
}

/** The jump under way at tS, or undefined in standing. */
export const jumpAt = (jumps: readonly SimulatedJump[], tS: number): SimulatedJump | undefined =>
  jumps.find((jump) => tS > jump.startS && tS < jump.endS);
