/** Renderers: what each sensor of an athlete reads, sample by sample, from the strides and the templates. */
import { ALTERED, FAULTS, G, GAIT, IMU } from './constants.ts';
import { drawMounting, footTables, forceTables, PHASES, trunkTables, type Rotation, type TermTables } from './gait-templates.ts';
import { footMotion, jumpAt, leftShare, netForceBw, trunkMotion, type SimulatedJump } from './jump.ts';
import type { Person } from './person.ts';
import { RAMP_S, type Segment } from './protocol.ts';
import { createRandom, gaussianTable, hash32, smoothNoise } from './random.ts';
import type { Strides } from './stride-timeline.ts';

/** What the renderers ask of the athlete. */
export interface Movement {
  /** Of the day: mountings, electronics and noise. The same as personSeed unless days differ. */
  readonly seed: number;
  /** Of the person: the shape of movement. */
  readonly personSeed: number;
  readonly person: Person;
  segmentAt(tS: number): Segment;
  /** Strides of a walking or running segment. */
  stridesOf(segment: Segment): Strides;
  /** Jumps of a segment of jumping. */
  jumpsOf(segment: Segment): readonly SimulatedJump[];
  severityAt(tS: number): number;
}

/** Fills `out` (row-major) with `count` samples from index `first`; sample n is taken at n / rateHz seconds. */
export type Renderer = (first: number, count: number, rateHz: number, out: Int16Array | Float32Array) => void;

export type FootSide = 'left' | 'right';

/** Where a stride stands at one moment: left and right phase, unwarped. Reused object: no allocation a sample. */
export interface Cursor {
  stride: number;
  left: number;
  right: number;
  /** Stride whose right-foot step is under way (contact happened in it). */
  rightStride: number;
}

export const createCursor = (): Cursor => ({ stride: 0, left: 0, right: 0, rightStride: 0 });

/** Moves the cursor to tS: forward from its stride, which must have begun by then. */
export function advance(cursor: Cursor, strides: Strides, tS: number): void {
  let k = cursor.stride;
  while (k < strides.count - 1 && tS >= strides.startS[k + 1]!) k += 1;
  cursor.stride = k;
  const p = Math.min(0.999999, Math.max(0, (tS - strides.startS[k]!) / strides.durationS[k]!));
  const contact = strides.phase[k]!;
  const entering = 1 - strides.meanPhase[k]!;
  cursor.left = p;
  if (p < contact) {
    cursor.right = entering + ((1 - entering) * p) / contact;
    cursor.rightStride = k > 0 ? k - 1 : 0;
  } else {
    cursor.right = (entering * (p - contact)) / (1 - contact);
    cursor.rightStride = k;
  }
}

/** Moves foot-off from the stride's own stance share to the canonical one of the template. */
const warp = (phase: number, stance: number, canonical: number): number =>
  phase < stance ? (phase * canonical) / stance : canonical + ((phase - stance) * (1 - canonical)) / (1 - stance);

function addTerm(values: Float64Array, table: Float32Array, channels: number, phase: number, weight: number): void {
  const position = phase * PHASES;
  const row = position | 0;
  const part = (position - row) * weight;
  const whole = weight - part;
  const at = row * channels;
  for (let c = 0; c < channels; c += 1) values[c]! += whole * table[at + c]! + part * table[at + channels + c]!;
}

/** Movement swells and fades over RAMP_S next to standing. */
function envelope(segment: Segment, tS: number): number {
  let value = 1;
  if (segment.rampIn) value = Math.min(value, (tS - segment.boutStartS) / RAMP_S);
  if (segment.rampOut) value = Math.min(value, (segment.boutEndS - tS) / RAMP_S);
  return value < 0 ? 0 : value;
}

/** Root mean square of the summed terms of a stride, for three-channel groups from `from`. */
function rms(tables: TermTables, terms: number, from: number): number {
  let sum = 0;
  for (let row = 0; row < PHASES; row += 1) {
    for (let c = from; c < from + 3; c += 1) {
      let value = 0;
      for (let i = 0; i < terms; i += 1) value += tables.terms[i]![row * tables.channels + c]!;
      sum += value * value;
    }
  }
  return Math.sqrt(sum / (3 * PHASES));
}

interface Electronics {
  readonly scale: readonly number[];
  readonly gain: Float64Array;
  readonly bias: Float64Array;
  readonly noiseSeed: number;
}

/** int16 over the sensor's range; a sensor left in its narrow range saturates at hard impacts. */
function drawElectronics(seed: number, narrowChance: number): Electronics {
  const random = createRandom(seed, 801);
  const accRange = random.next() < narrowChance ? IMU.narrowAccRange : IMU.accRange;
  const scale = [0, 1, 2, 3, 4, 5].map((c) => (c < 3 ? accRange : IMU.gyroRange) / 32767);
  const gain = Float64Array.from(scale, (lsb) => (1 + IMU.gainSd * random.normal()) / lsb);
  const bias = Float64Array.from(scale, (lsb, c) => ((c < 3 ? IMU.accBiasSd : IMU.gyroBiasSd) * random.normal()) / lsb);
  return { scale, gain, bias, noiseSeed: hash32(seed, 802) };
}

export interface ImuSensor {
  readonly scale: readonly number[];
  readonly render: Renderer;
}

/**
 * A six-channel IMU at a foot or the trunk: ax ay az (m/s2) gx gy gz (rad/s) as int16 with `scale`.
 * The work of a sample is three table look-ups with linear interpolation, noise from a table, and rounding.
 */
export function createImu(movement: Movement, place: FootSide | 'trunk', gravity: 'included' | 'removed', faults: boolean): ImuSensor {
  const placeKey = place === 'left' ? 1 : place === 'right' ? 2 : 3;
  const seed = hash32(movement.seed, 800, placeKey);
  const mounting = drawMounting(seed);
  const withGravity = gravity === 'included';
  const tables = (activity: 'walk' | 'run'): TermTables =>
    place === 'trunk'
      ? trunkTables(movement.personSeed, activity, mounting, withGravity)
      : footTables(movement.personSeed, place, activity, mounting, withGravity);
  const gaits = { walk: tables('walk'), run: tables('run') };
  const tissue = (table: TermTables): Float64Array => {
    const terms = place === 'trunk' ? 2 : 3;
    const [acc, gyro] = [IMU.tissueNoise * rms(table, terms, 0), IMU.tissueNoise * rms(table, terms, 3)];
    return Float64Array.from([0, 1, 2, 3, 4, 5], (c) => (c < 3 ? Math.hypot(IMU.accNoise, acc) : Math.hypot(IMU.gyroNoise, gyro)));
  };
  const noiseSd = {
    walk: tissue(gaits.walk),
    run: tissue(gaits.run),
    rest: Float64Array.from([0, 1, 2, 3, 4, 5], (c) => (c < 3 ? IMU.accNoise : IMU.gyroNoise)),
  };
  const electronics = drawElectronics(seed, faults ? FAULTS.narrowRange : 0);
  const noise = gaussianTable();
  const values = new Float64Array(6);
  const cursor = createCursor();
  const up = columnOf(mounting, 2);
  const side = columnOf(mounting, 1);
  const leanSign = movement.person.affected === 'left' ? -1 : 1;

  const emit = (n: number, at: number, sd: Float64Array, out: Int16Array | Float32Array): void => {
    const noiseAt = hash32(electronics.noiseSeed, n >>> 10) + (n & 1023) * 6;
    for (let c = 0; c < 6; c += 1) {
      const value = (values[c]! + sd[c]! * noise[(noiseAt + c) & 0xffff]!) * electronics.gain[c]! + electronics.bias[c]!;
      out[at + c] = value > 32767 ? 32767 : value < -32768 ? -32768 : Math.round(value);
    }
  };
  /** Quiet standing: slow postural sway (about 0.03 m/s2), the same lattice for all channels shifted in time. */
  const standing = (tS: number): void => {
    for (let c = 0; c < 3; c += 1) {
      values[c] = 0.03 * smoothNoise(seed, tS * 0.7 + 97 * c);
      values[c + 3] = 0.01 * smoothNoise(seed ^ 0x33, tS * 0.7 + 97 * c);
      if (withGravity) values[c]! += G * up[c]!;
    }
  };
  const jumping = (jumps: readonly SimulatedJump[], tS: number): void => {
    const jump = jumpAt(jumps, tS);
    if (jump === undefined) return;
    const [lift, pitch] = place === 'trunk' ? trunkMotion(jump, tS) : footMotion(jump, tS, place);
    for (let c = 0; c < 3; c += 1) {
      values[c]! += lift * up[c]!;
      values[c + 3]! += pitch * side[c]!;
    }
  };
  const lean = (severity: number): void => {
    if (!withGravity || place !== 'trunk') return;
    const angle = leanSign * G * ALTERED.leanRad * severity * movement.person.expression.sway;
    for (let c = 0; c < 3; c += 1) values[c]! += angle * side[c]!;
  };
  const trunk = (strides: Strides, terms: readonly Float32Array[], size: number): void => {
    addTerm(values, terms[0]!, 6, cursor.left, size * strides.stepLeft[cursor.stride]!);
    addTerm(values, terms[1]!, 6, cursor.right, size * strides.stepRight[cursor.rightStride]!);
    addTerm(values, terms[2]!, 6, cursor.left, size * strides.sway[cursor.stride]!);
    if (withGravity) addTerm(values, terms[3]!, 6, 0, 1);
    lean(strides.severity[cursor.stride]!);
  };
  const foot = (strides: Strides, terms: readonly Float32Array[], size: number, canonical: number): void => {
    const left = place === 'left';
    const k = left ? cursor.stride : cursor.rightStride;
    const phase = left ? warp(cursor.left, strides.stanceLeft[k]!, canonical) : warp(cursor.right, strides.stanceRight[k]!, canonical);
    addTerm(values, terms[0]!, 6, phase, size * (left ? strides.swingLeft[k]! : strides.swingRight[k]!));
    addTerm(values, terms[1]!, 6, phase, size * (left ? strides.pushLeft[k]! : strides.pushRight[k]!));
    addTerm(values, terms[2]!, 6, phase, size * (left ? strides.impactLeft[k]! : strides.impactRight[k]!));
    if (withGravity) addTerm(values, terms[3]!, 6, phase, 1);
  };

  const render: Renderer = (first, count, rateHz, out) => {
    for (let i = 0; i < count;) {
      const segment = movement.segmentAt((first + i) / rateHz);
      const end = Math.min(count, Math.max(i + 1, Math.ceil(segment.endS * rateHz) - first));
      if (segment.activity === 'rest' || segment.activity === 'jump') {
        const jumps = segment.activity === 'jump' ? movement.jumpsOf(segment) : [];
        for (; i < end; i += 1) {
          const tS = (first + i) / rateHz;
          standing(tS);
          jumping(jumps, tS);
          if (withGravity) lean(movement.severityAt(tS));
          emit(first + i, i * 6, noiseSd.rest, out);
        }
        continue;
      }
      const strides = movement.stridesOf(segment);
      const { terms } = gaits[segment.activity];
      const sd = noiseSd[segment.activity];
      const canonical = GAIT[segment.activity].stance;
      cursor.stride = strideAt(strides, (first + i) / rateHz);
      for (; i < end; i += 1) {
        const tS = (first + i) / rateHz;
        advance(cursor, strides, tS);
        values.fill(0);
        const size = strides.amplitude * envelope(segment, tS);
        if (place === 'trunk') trunk(strides, terms, size);
        else foot(strides, terms, size, canonical);
        emit(first + i, i * 6, sd, out);
      }
    }
  };
  return { scale: electronics.scale, render };
}

const columnOf = (r: Rotation, column: 0 | 1 | 2): readonly number[] => [r[column], r[column + 3]!, r[column + 6]!];

/** Index of the stride under way at tS, by bisection. */
export function strideAt(strides: Strides, tS: number): number {
  let low = 0;
  let high = strides.count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (strides.startS[middle]! <= tS) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Newtons a bit of the force plates' int16. */
export const FORCE_SCALE_N = 0.15;

/** A force plate under one foot: fv fap fml in newtons as int16 with FORCE_SCALE_N. Half the body weight in standing, a countermovement jump's force while jumping. */
export function createForcePlate(movement: Movement, side: FootSide): Renderer {
  const gaits = { walk: forceTables(movement.personSeed, side, 'walk'), run: forceTables(movement.personSeed, side, 'run') };
  const seed = hash32(movement.seed, 810, side === 'left' ? 1 : 2);
  const newtons = movement.person.massKg * G;
  const noise = gaussianTable();
  const values = new Float64Array(3);
  const cursor = createCursor();
  const left = side === 'left';
  const standingForce = (segment: Segment, tS: number): number => {
    const ownLeft = 0.5 + 0.03 * smoothNoise(movement.seed, tS * 0.5);
    const jump = segment.activity === 'jump' ? jumpAt(movement.jumpsOf(segment), tS) : undefined;
    const share = jump === undefined ? ownLeft : leftShare(jump, tS, ownLeft);
    return (left ? share : 1 - share) * (1 + (jump === undefined ? 0 : netForceBw(jump, tS)));
  };
  return (first, count, rateHz, out) => {
    for (let i = 0; i < count; i += 1) {
      const n = first + i;
      const tS = n / rateHz;
      const segment = movement.segmentAt(tS);
      values.fill(0);
      if (segment.activity === 'rest' || segment.activity === 'jump') {
        values[0] = standingForce(segment, tS);
      } else {
        const strides = movement.stridesOf(segment);
        const { terms } = gaits[segment.activity];
        cursor.stride = strideAt(strides, tS);
        advance(cursor, strides, tS);
        const k = left ? cursor.stride : cursor.rightStride;
        const phase = left
          ? warp(cursor.left, strides.stanceLeft[k]!, GAIT[segment.activity].stance)
          : warp(cursor.right, strides.stanceRight[k]!, GAIT[segment.activity].stance);
        addTerm(values, terms[0]!, 3, phase, left ? strides.impactLeft[k]! : strides.impactRight[k]!);
        addTerm(values, terms[1]!, 3, phase, left ? strides.pushLeft[k]! : strides.pushRight[k]!);
      }
      const noiseAt = hash32(seed, n >>> 10) + (n & 1023) * 3;
      for (let c = 0; c < 3; c += 1) {
        out[i * 3 + c] = Math.round((values[c]! * newtons + 2 * noise[(noiseAt + c) & 0xffff]!) / FORCE_SCALE_N);
      }
    }
  };
}
