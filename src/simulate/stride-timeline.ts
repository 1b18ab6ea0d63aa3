/** The strides of one segment: when each begins and with what timing and amplitudes, from person, pace and severity. */
import { ALTERED, AMPLITUDE_JITTER, STRIDE_MEMORY, TIMING_JITTER } from './constants.ts';
import type { Person } from './person.ts';
import type { Segment } from './protocol.ts';
import { createRandom } from './random.ts';

/** Structure of arrays, one entry a stride (left initial contact to left initial contact). Amplitudes are relative to the templates. */
export interface Strides {
  readonly count: number;
  readonly startS: Float64Array;
  readonly durationS: Float64Array;
  /** Phase of the left stride at which the right foot makes contact; its mean is kept for the part before that contact. */
  readonly phase: Float64Array;
  readonly meanPhase: Float64Array;
  readonly stanceLeft: Float64Array;
  readonly stanceRight: Float64Array;
  readonly swingLeft: Float64Array;
  readonly swingRight: Float64Array;
  readonly pushLeft: Float64Array;
  readonly pushRight: Float64Array;
  readonly impactLeft: Float64Array;
  readonly impactRight: Float64Array;
  readonly stepLeft: Float64Array;
  readonly stepRight: Float64Array;
  readonly sway: Float64Array;
  readonly severity: Float64Array;
  /** Speed-dependent size of all movement. */
  readonly amplitude: number;
}

const FIELDS = 16;

/**
 * Builds the strides of a walking or running segment; they fill it exactly. Severity acts through the person's expression.
 * Deterministic in (seed, segment). A segment of rest has none: do not ask.
 */
export function buildStrides(seed: number, person: Person, segment: Segment, severityAt: (tS: number) => number): Strides {
  const activity = segment.activity === 'run' ? 'run' : 'walk';
  const gait = person[activity];
  const random = createRandom(seed, 505, segment.index);
  const lengthS = segment.endS - segment.startS;
  // Faster pace shortens the stride and lengthens the step about equally (Öberg 1993†).
  const nominalS =
    (gait.strideTimeS / Math.sqrt(segment.pace)) * (1 + ALTERED.strideTime * severityAt((segment.startS + segment.endS) / 2));
  const count = Math.max(1, Math.round(lengthS / nominalS));
  const memory = new Float64Array(count * FIELDS);
  const field = (i: number): Float64Array => memory.subarray(i * count, (i + 1) * count);
  const strides: Strides = {
    count,
    startS: field(0),
    durationS: field(1),
    phase: field(2),
    meanPhase: field(3),
    stanceLeft: field(4),
    stanceRight: field(5),
    swingLeft: field(6),
    swingRight: field(7),
    pushLeft: field(8),
    pushRight: field(9),
    impactLeft: field(10),
    impactRight: field(11),
    stepLeft: field(12),
    stepRight: field(13),
    sway: field(14),
    severity: field(15),
    amplitude: gait.amplitude * segment.pace,
  };
  drawDurations(strides, random, gait.strideCv, lengthS, segment.startS, severityAt);
  const jitter = AMPLITUDE_JITTER[activity];
  const sign = person.affected === 'left' ? 1 : -1;
  const { asymmetry, expression } = person;
  for (let k = 0; k < count; k += 1) {
    const severity = severityAt(strides.startS[k]! + strides.durationS[k]! / 2);
    strides.severity[k] = severity;
    const noise = jitter * (1 + ALTERED.variability * severity);
    const timing = TIMING_JITTER * (1 + ALTERED.variability * severity);
    const affected = (effect: number, own: number, other: number): [number, number] => {
      const [onAffected, onOther] = [own * severity * effect, other * severity * effect];
      return sign > 0 ? [onAffected, onOther] : [onOther, onAffected];
    };
    const [stanceL, stanceR] = affected(expression.stance, ALTERED.stanceAffected, ALTERED.stanceOther);
    const [pushL, pushR] = affected(expression.push, ALTERED.push, 0);
    const [swingL, swingR] = affected(expression.swing, ALTERED.swing, 0);
    const [impactL, impactR] = affected(expression.impact, ALTERED.impactAffected, ALTERED.impactOther);
    const [stepL, stepR] = affected(expression.push, ALTERED.step, 0);
    strides.meanPhase[k] = clamp(0.5 + asymmetry.phase + sign * ALTERED.phase * severity * expression.phase, 0.35, 0.65);
    strides.phase[k] = clamp(strides.meanPhase[k]! + timing * random.normal(), 0.3, 0.7);
    const [low, high] = activity === 'walk' ? [0.52, 0.74] : [0.2, 0.48];
    strides.stanceLeft[k] = clamp(gait.stance + asymmetry.stance + stanceL + timing * random.normal(), low, high);
    strides.stanceRight[k] = clamp(gait.stance - asymmetry.stance + stanceR + timing * random.normal(), low, high);
    const draw = (base: number, change: number): number => base * Math.max(0.25, 1 + change) * Math.max(0.3, 1 + noise * random.normal());
    strides.pushLeft[k] = draw(1 + asymmetry.push, pushL);
    strides.pushRight[k] = draw(1 - asymmetry.push, pushR);
    strides.swingLeft[k] = draw(1 + asymmetry.swing, swingL);
    strides.swingRight[k] = draw(1 - asymmetry.swing, swingR);
    strides.impactLeft[k] = draw(1 + asymmetry.impact, impactL);
    strides.impactRight[k] = draw(1 - asymmetry.impact, impactR);
    strides.stepLeft[k] = draw(1 + 0.5 * asymmetry.push, stepL);
    strides.stepRight[k] = draw(1 - 0.5 * asymmetry.push, stepR);
    strides.sway[k] = asymmetry.sway + sign * ALTERED.sway * severity * expression.sway + 2 * noise * random.normal();
  }
  return strides;
}

/** Stride times with short memory; scaled together so that the strides fill the segment exactly. */
function drawDurations(
  strides: Strides,
  random: ReturnType<typeof createRandom>,
  cv: number,
  lengthS: number,
  startS: number,
  severityAt: (tS: number) => number,
): void {
  let memory = random.normal();
  let total = 0;
  for (let k = 0; k < strides.count; k += 1) {
    const severity = severityAt(startS + (lengthS * (k + 0.5)) / strides.count);
    const relative = 1 + cv * (1 + ALTERED.variability * severity) * memory;
    strides.durationS[k] = Math.max(0.7, relative);
    total += strides.durationS[k]!;
    memory = STRIDE_MEMORY * memory + Math.sqrt(1 - STRIDE_MEMORY * STRIDE_MEMORY) * random.normal();
  }
  let at = startS;
  for (let k = 0; k < strides.count; k += 1) {
    strides.durationS[k]! *= lengthS / total;
    strides.startS[k] = at;
    at += strides.durationS[k]!;
  }
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
