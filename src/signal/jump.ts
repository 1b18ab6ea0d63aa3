/**
 * Jumps from vertical ground reaction force (science.md, "Countermovement jump"): weigh over quiet standing, onset where force leaves body
 * weight by 5 SD with persistence, velocity by integrating (F - BW) / m, take-off below 20 N, height v^2 / (2 g), RSImod = height / time to take-off.
 */
import { asymmetryPct } from './asymmetry.ts';
import { mean, median, sampleSd } from './order-statistics.ts';

const GRAVITY_M_S2 = 9.80665;

/** Every chosen number of the jump detector. */
export const JUMP_PARAMETERS = {
  takeoffForceN: 20,
  onsetSd: 5,
  /** Longer than a sway of standing at five SD, shorter than any unweighing. */
  persistenceS: 0.03,
  /** Quiet standing is weighed over one of these. */
  weighS: 1,
  weighShortestS: 0.5,
  /** How far before a take-off quiet standing is looked for. */
  lookBackS: 6,
  /** A standing athlete's force wanders by less than this share of body weight within the weighing window (SD). */
  quietShare: 0.025,
  /** Less than this is stillness as good as any. */
  restShare: 0.003,
  /** A window up to this many times as restless as the best one is as good. */
  asQuiet: 2,
  /** Two weighings of one athlete in one session differ by no more. */
  weightAgreement: 0.02,
  /** The onset's band is at least this share of body weight. */
  leastBandShare: 0.005,
  /** Below this nobody is on the plates (a child of 15 kg). */
  lightestN: 150,
  /** Shorter flights are hops of under 2 cm or contact noise. */
  shortestFlightS: 0.12,
  /** Longer than any human flight (1.2 s would be 1.76 m): the athlete has left the plates. */
  longestFlightS: 1.2,
  /** Push-off of a jump: some force well over body weight within this time before take-off. */
  pushS: 0.6,
  pushShare: 1.2,
  slowestTakeoffMS: 0.4,
  /** Flight time and take-off velocity must tell about the same story, or somebody stepped off and on. */
  flightAgreement: 2,
  /** Where they differ by more than this share the jump is provisional. */
  flightTolerance: 0.15,
  /** Force above 20 N for less than this inside a flight is plate ringing. */
  ringingS: 0.01,
} as const;

export const JUMP_METHOD = 'impulse-momentum-1';
export const JUMP_ASYMMETRY_DEFINITION = '(L-R)/(L+R)*100 of vertical impulse from zero velocity to take-off';

export interface PlateForces {
  /** Vertical force in N, one value a sample. Two plates stand for two feet; one plate alone goes in `total`. */
  readonly left?: ArrayLike<number>;
  readonly right?: ArrayLike<number>;
  readonly total?: ArrayLike<number>;
  readonly rateHz: number;
}

export interface Jump {
  /** Samples from the first one; null without quiet standing before it. */
  readonly onset: number | null;
  readonly takeoff: number;
  /** Null where the recording ends in the air or the athlete lands elsewhere. */
  readonly landing: number | null;
  readonly bodyWeightN: number;
  readonly takeoffVelocityMS: number;
  readonly heightM: number;
  /** g t^2 / 8 over the flight, for comparison; null without a landing. */
  readonly flightHeightM: number | null;
  /** From onset; null, and RSImod with it, where the onset is not known (no quiet standing). */
  readonly timeToTakeoffS: number | null;
  readonly rsiModMS: number | null;
  readonly asymmetryPct: number | null;
  /** 'impulse', or 'flight-time' where no quiet standing came before the jump. */
  readonly method: 'impulse' | 'flight-time';
  readonly provisional: boolean;
}

interface Weighing {
  readonly forceN: number;
  readonly sdN: number;
  readonly from: number;
  readonly to: number;
}

/** Running sums, so that a window's mean and SD cost the same whatever its length. */
interface Sums {
  readonly force: Float64Array;
  readonly square: Float64Array;
}

/** Forces are summed about this, near a body weight, or squares of kilonewtons lose their last digits. */
const SUM_CENTRE_N = 700;

function sumsOf(force: Float64Array): Sums {
  const sums = { force: new Float64Array(force.length + 1), square: new Float64Array(force.length + 1) };
  for (let i = 0; i < force.length; i += 1) {
    const value = (force[i] as number) - SUM_CENTRE_N;
    sums.force[i + 1] = (sums.force[i] as number) + value;
    sums.square[i + 1] = (sums.square[i] as number) + value * value;
  }
  return sums;
}

function windowOf(sums: Sums, from: number, to: number): Weighing {
  const n = to - from;
  const centred = ((sums.force[to] as number) - (sums.force[from] as number)) / n;
  const variance = Math.max(0, ((sums.square[to] as number) - (sums.square[from] as number)) / n - centred * centred);
  return { forceN: centred + SUM_CENTRE_N, sdN: Math.sqrt(variance), from, to };
}

/** Less is better: the error of a mean falls with the root of the window's length. Below half a percent SD is the plate's own grain and says nothing. */
function unrest(window: Weighing, rateHz: number): number {
  const { restShare } = JUMP_PARAMETERS;
  return Math.max(window.sdN, restShare * window.forceN) / Math.sqrt((window.to - window.from) / rateHz);
}

/** Windows of quiet standing inside [from, to): still enough, and with somebody on the plate. */
function* quietWindows(sums: Sums, from: number, to: number, rateHz: number): Generator<Weighing> {
  const p = JUMP_PARAMETERS;
  const step = Math.max(1, Math.round(rateHz * 0.02));
  for (const seconds of [p.weighS, p.weighShortestS]) {
    const length = Math.round(seconds * rateHz);
    for (let at = to - length; at >= from; at -= step) {
      const window = windowOf(sums, at, at + length);
      if (window.forceN >= p.lightestN && window.sdN <= p.quietShare * window.forceN) yield window;
    }
  }
}

/** The quietest of some windows; null of none. */
function quietest(windows: Iterable<Weighing>, rateHz: number): Weighing | null {
  let best: Weighing | null = null;
  for (const window of windows) if (best === null || unrest(window, rateHz) < unrest(best, rateHz)) best = window;
  return best;
}

/** Vertical force of both feet together. A sample that is not finite, or missing on one plate, is NaN. */
function totalForce(plates: PlateForces): Float64Array {
  const { left, right, total } = plates;
  if (total !== undefined) return Float64Array.from(total);
  const only = left ?? right;
  if (only === undefined) return new Float64Array(0);
  if (left === undefined || right === undefined) return Float64Array.from(only);
  return Float64Array.from({ length: Math.min(left.length, right.length) }, (_, i) => (left[i] as number) + (right[i] as number));
}

interface Flight {
  readonly takeoff: number;
  /** First loaded sample after it, or the length where the recording ends first. */
  readonly end: number;
}

/** Unloaded stretches, each after a loaded one, joined over plate ringing. */
function unloadedRuns(force: Float64Array, rateHz: number): Flight[] {
  const ringing = JUMP_PARAMETERS.ringingS * rateHz;
  const runs: { takeoff: number; end: number }[] = [];
  let start = -1;
  for (let i = 0; i <= force.length; i += 1) {
    const unloaded = i < force.length && (force[i] as number) < JUMP_PARAMETERS.takeoffForceN;
    if (unloaded && start < 0) start = i;
    if (unloaded || start < 0) continue;
    const last = runs.at(-1);
    if (last !== undefined && start - last.end < ringing) last.end = i;
    else runs.push({ takeoff: start, end: i });
    start = -1;
  }
  return runs.filter((run) => run.takeoff > 0 && run.end - run.takeoff >= JUMP_PARAMETERS.shortestFlightS * rateHz);
}

/**
 * Quiet standing before a take-off, not before `earliest`: where it ended is where the athlete was last known to be at rest. It weighs the athlete
 * too, unless the session holds a far quieter moment. Null where the athlete never stood still.
 */
function weigh(sums: Sums, earliest: number, takeoff: number, session: Weighing | null, rateHz: number): Weighing | null {
  const p = JUMP_PARAMETERS;
  const from = Math.max(earliest, takeoff - Math.round(p.lookBackS * rateHz));
  // Slowly going down into a squat is quiet too, but does not weigh the same.
  const windows = [...quietWindows(sums, from, takeoff, rateHz)].filter(
    (window) => session === null || Math.abs(window.forceN - session.forceN) <= p.weightAgreement * session.forceN,
  );
  const best = quietest(windows, rateHz);
  if (best === null) return null;
  const asQuiet = windows.filter((window) => unrest(window, rateHz) <= p.asQuiet * unrest(best, rateHz));
  const rest = asQuiet.reduce((latest, window) => (window.to > latest.to ? window : latest), best);
  const weight = session !== null && unrest(best, rateHz) > p.asQuiet * unrest(session, rateHz) ? session : best;
  return { forceN: weight.forceN, sdN: best.sdN, from: rest.from, to: rest.to };
}

/** First sample after rest at which the force leaves body weight and stays away for the persistence. */
function findOnset(force: Float64Array, weighing: Weighing, takeoff: number, rateHz: number): number {
  const p = JUMP_PARAMETERS;
  // A quantised plate can show an SD of zero.
  const band = Math.max(p.onsetSd * weighing.sdN, p.leastBandShare * weighing.forceN);
  const persistence = Math.max(1, Math.round(p.persistenceS * rateHz));
  let outside = 0;
  for (let i = weighing.to; i < takeoff; i += 1) {
    outside = Math.abs((force[i] as number) - weighing.forceN) > band ? outside + 1 : 0;
    if (outside >= persistence) return i - outside + 1;
  }
  return weighing.to;
}

/** Back to where the force last crossed body weight: what moved before it left the band counts too. */
function integrationStart(force: Float64Array, weighing: Weighing, onset: number): number {
  const sign = Math.sign((force[onset] as number) - weighing.forceN);
  let i = onset;
  while (i > weighing.from && Math.sign((force[i - 1] as number) - weighing.forceN) === sign) i -= 1;
  return i;
}

interface Integral {
  readonly velocityMS: number;
  /** First sample of the last upward movement: velocity from here on is positive. */
  readonly propulsion: number;
}

/** Trapezoid rule over (F - BW) / m from rest, m = BW / g. */
function integrate(force: Float64Array, bodyWeightN: number, from: number, to: number, rateHz: number): Integral {
  const perSample = GRAVITY_M_S2 / bodyWeightN / rateHz;
  let velocityMS = 0;
  let propulsion = from;
  for (let i = from; i < to; i += 1) {
    velocityMS += (((force[i] as number) + (force[i + 1] as number)) / 2 - bodyWeightN) * perSample;
    if (velocityMS <= 0) propulsion = i + 1;
  }
  return { velocityMS, propulsion };
}

function impulseAsymmetry(plates: PlateForces, from: number, to: number): number | null {
  if (plates.left === undefined || plates.right === undefined) return null;
  let left = 0;
  let right = 0;
  for (let i = from; i < to; i += 1) {
    left += plates.left[i] as number;
    right += plates.right[i] as number;
  }
  const value = asymmetryPct(left, right);
  return Number.isFinite(value) ? value : null;
}

const heightOf = (velocityMS: number): number => (velocityMS * velocityMS) / (2 * GRAVITY_M_S2);

interface Context {
  readonly plates: PlateForces;
  readonly force: Float64Array;
  readonly sums: Sums;
  /** The quietest standing of the whole session. */
  readonly session: Weighing | null;
}

/** Whether the force before the take-off is a push-off and not a step off the plate. */
function pushesOff(context: Context, takeoff: number, weightN: number): boolean {
  const { force, plates } = context;
  const from = Math.max(0, takeoff - Math.round(JUMP_PARAMETERS.pushS * plates.rateHz));
  for (let i = from; i < takeoff; i += 1) if ((force[i] as number) > JUMP_PARAMETERS.pushShare * weightN) return true;
  return false;
}

function jumpOf(context: Context, flight: Flight, earliest: number): Jump | null {
  const { force, plates, sums, session } = context;
  const { rateHz } = plates;
  const p = JUMP_PARAMETERS;
  const { takeoff } = flight;
  const weighing = weigh(sums, earliest, takeoff, session, rateHz);
  const bodyWeightN = weighing?.forceN ?? session?.forceN ?? median(force.filter((value) => value >= p.lightestN));
  if (!pushesOff(context, takeoff, bodyWeightN)) return null;
  const flightS = (flight.end - takeoff) / rateHz;
  const lands = flight.end < force.length && flightS <= p.longestFlightS;
  const flightVelocityMS = lands ? (GRAVITY_M_S2 * flightS) / 2 : null;
  const onset = weighing === null ? null : findOnset(force, weighing, takeoff, rateHz);
  const start =
    weighing === null || onset === null ? Math.max(earliest, takeoff - Math.round(rateHz)) : integrationStart(force, weighing, onset);
  const integral = integrate(force, bodyWeightN, start, takeoff, rateHz);
  const impulse = weighing !== null && Number.isFinite(integral.velocityMS);
  const velocityMS = impulse ? integral.velocityMS : flightVelocityMS;
  if (velocityMS === null || velocityMS < p.slowestTakeoffMS) return null;
  if (flightVelocityMS !== null && (velocityMS > p.flightAgreement * flightVelocityMS || flightVelocityMS > p.flightAgreement * velocityMS))
    return null;
  const timeToTakeoffS = onset === null ? null : (takeoff - onset) / rateHz;
  return {
    onset,
    takeoff,
    landing: lands ? flight.end : null,
    bodyWeightN,
    takeoffVelocityMS: velocityMS,
    heightM: heightOf(velocityMS),
    flightHeightM: flightVelocityMS === null ? null : heightOf(flightVelocityMS),
    timeToTakeoffS,
    rsiModMS: timeToTakeoffS === null ? null : heightOf(velocityMS) / timeToTakeoffS,
    asymmetryPct: impulseAsymmetry(plates, integral.propulsion, takeoff),
    method: impulse ? 'impulse' : 'flight-time',
    provisional: !impulse || (flightVelocityMS !== null && Math.abs(velocityMS / flightVelocityMS - 1) > p.flightTolerance),
  };
}

/**
 * Every jump of a session, in order; none where there is none (quiet standing, noise, a step off the plate). Forces in N.
 * Two plates must share a clock; the shorter one's length counts. NaN in the force ends what is integrated across it: that jump falls back to flight time.
 * @throws RangeError where rateHz is not positive.
 */
export function detectJumps(plates: PlateForces): Jump[] {
  const { rateHz } = plates;
  if (!(rateHz > 0)) throw new RangeError(`rateHz must be positive, not ${rateHz}`);
  const force = totalForce(plates);
  const sums = sumsOf(Float64Array.from(force, (value) => (Number.isFinite(value) ? value : 0)));
  const flights = unloadedRuns(force, rateHz);
  if (flights.length === 0) return [];
  const session = quietest(quietWindows(sums, 0, force.length, rateHz), rateHz);
  const context = { plates, force, sums, session };
  const jumps: Jump[] = [];
  let earliest = 0;
  for (const flight of flights) {
    const jump = jumpOf(context, flight, earliest);
    if (jump !== null) jumps.push(jump);
    earliest = Math.min(flight.end, force.length);
  }
  return jumps;
}

/** Median height and its within-session typical error (SD over repeated jumps, null below three), metres. Null without a jump. */
export function summariseJumps(
  jumps: readonly Jump[],
): { readonly heightM: number; readonly bestM: number; readonly typicalErrorM: number | null } | null {
  if (jumps.length === 0) return null;
  const heights = jumps.map((jump) => jump.heightM);
  return { heightM: median(heights), bestM: Math.max(...heights), typicalErrorM: heights.length < 3 ? null : sampleSd(heights) };
}

/** Mean of a figure over jumps, null where no jump has it. */
export function meanOverJumps(jumps: readonly Jump[], figure: (jump: Jump) => number | null): number | null {
  const value = mean(jumps.map((jump) => figure(jump) ?? Number.NaN));
  return Number.isFinite(value) ? value : null;
}
