/** Likelihood of measured strides given a path: sums over strides, with the athlete's own bases integrated out. */
import { latticePlace, PATH_EXPRESSIONS, PATH_SCATTER, severityOn } from './best-filter-law.ts';
import { MEASURE, MEASURES, type StrideMeasurements } from './best-filter-strides.ts';
import { ALTERED, GAIT, HEALTHY_ASYMMETRY, TIMING_JITTER } from './constants.ts';

/**
 * Sums of a path, in this order. Weights (one over variance) of amplitudes, timing and sway over the session; of amplitudes in the bout; of
 * timing by activity. Then weighted residuals: push with step, swing, impact, stance, phase, sway; sums of push, step, swing and impact in the
 * bout; sum of stance by activity. Last the part of the log likelihood that no base enters.
 */
const [WA, WT, WS, WB, WW, WR] = [0, 1, 2, 3, 4, 5] as const;
const [QPUSH, QSWING, QIMPACT, QSTANCE, QPHASE, QSWAY] = [6, 7, 8, 9, 10, 11] as const;
const [BPUSH, BSTEP, BSWING, BIMPACT] = [12, 13, 14, 15] as const;
const [QWALK, QRUN] = [16, 17] as const;
const [PLAIN, BOUT] = [18, 19] as const;
export const SUMS = 20;

/** Half the difference and half the sum of what altered stance does to the affected and the other side. */
const STANCE_D = 0.5 * (ALTERED.stanceAffected - ALTERED.stanceOther);
const STANCE_S = 0.5 * (ALTERED.stanceAffected + ALTERED.stanceOther);
/** Prior SD of the logarithm of an amplitude's own size: so wide that only its changes within a bout say anything. */
const SIZE_SD = 1;
const square = (x: number): number => x * x;
const PRIOR = {
  push: 1 / square(HEALTHY_ASYMMETRY.push),
  swing: 1 / square(HEALTHY_ASYMMETRY.swing),
  impact: 1 / square(HEALTHY_ASYMMETRY.impact),
  stance: 1 / square(HEALTHY_ASYMMETRY.stance),
  phase: 1 / square(HEALTHY_ASYMMETRY.phase),
  sway: 1 / square(HEALTHY_ASYMMETRY.sway),
  size: 1 / square(SIZE_SD),
  walk: 1 / square(GAIT.walk.stanceSd),
  run: 1 / square(GAIT.run.stanceSd),
};

export interface StrideLikelihood {
  /** Adds strides [from, to) of the path at `path[pathAt]` to the sums at `sums[at]`; `side` is +1 (left affected) or -1. */
  add(path: Float64Array, pathAt: number, side: number, sums: Float64Array, at: number, from: number, to: number): void;
  /** Log likelihood of all strides added, up to a constant that is the same for all paths. 0 for none. */
  value(sums: Float64Array, at: number): number;
}

/** Log likelihood that the bases of `quadratic` (weighted residual, weight plus prior) explain, without the log determinants. */
const explained = (residual: number, precision: number): number => (residual * residual) / precision;

/** Closes a bout: sizes are drawn anew in the next. */
function closeBout(sums: Float64Array, at: number): void {
  sums[at + PLAIN]! += boutValue(sums, at);
  sums.fill(0, at + BPUSH, at + BIMPACT + 1);
  sums[at + WB] = 0;
}

function boutValue(sums: Float64Array, at: number): number {
  const precision = sums[at + WB]! + PRIOR.size;
  const squares = square(sums[at + BPUSH]!) + square(sums[at + BSTEP]!) + square(sums[at + BSWING]!) + square(sums[at + BIMPACT]!);
  return 0.5 * (squares / precision - 4 * Math.log(precision / PRIOR.size));
}

/** The likelihood of a table of strides. The table is read, not copied. */
export function strideLikelihood(table: StrideMeasurements): StrideLikelihood {
  const { values, midS, bout, running, scatter } = table;
  const places = Array.from(midS, latticePlace);
  const cells = Int32Array.from(places, ({ cell }) => cell);
  const logs = halfLogTable();
  const weights = Float64Array.from(places, ({ weight }) => weight);

  // The hot loop: sums are kept in locals from stride to stride, and written back where a bout or the run of strides ends.
  const addInBout = (path: Float64Array, pathAt: number, side: number, sums: Float64Array, at: number, from: number, to: number): void => {
    const e = pathAt + PATH_EXPRESSIONS;
    const eStance = path[e]!;
    const ePush = path[e + 1]!;
    const eSwing = path[e + 2]!;
    const eImpact = path[e + 3]!;
    const ePhase = path[e + 4]!;
    const eSway = path[e + 5]!;
    const ownScatter = path[pathAt + PATH_SCATTER]!;
    const fast = running[from]!;
    const healthyNoise = scatter[from]!;
    let wa = 0;
    let wt = 0;
    let ws = 0;
    let plain = 0;
    let qPush = 0;
    let qSwing = 0;
    let qImpact = 0;
    let qStance = 0;
    let qPhase = 0;
    let qSway = 0;
    let bPush = 0;
    let bStep = 0;
    let bSwing = 0;
    let bImpact = 0;
    let qSum = 0;
    for (let k = from; k < to; k += 1) {
      const s = severityOn(path, pathAt, midS[k]!, cells[k]!, weights[k]!);
      const factor = ownScatter * (1 + ALTERED.variability * s);
      const noise = healthyNoise * factor * factor;
      // Variance and mean of log(1 + n z), z standard normal, to fourth and second order in n.
      const spread = 1 + 2.5 * noise;
      const bias = noise / 2;
      const amplitudeWeight = 2 / (noise * spread);
      const timingWeight = 1 / (TIMING_JITTER * TIMING_JITTER * factor * factor);
      const swayWeight = 0.25 / noise;

      const push = halfLog(logs, ALTERED.push * ePush * s);
      const step = halfLog(logs, ALTERED.step * ePush * s);
      const swing = halfLog(logs, ALTERED.swing * eSwing * s);
      const onAffected = halfLog(logs, ALTERED.impactAffected * eImpact * s);
      const onOther = halfLog(logs, ALTERED.impactOther * eImpact * s);

      const v = k * MEASURES;
      const pushD = values[v + MEASURE.pushD]! - side * push;
      const stepD = values[v + MEASURE.stepD]! - side * step;
      const swingD = values[v + MEASURE.swingD]! - side * swing;
      const impactD = values[v + MEASURE.impactD]! - side * (onAffected - onOther);
      const stanceD = values[v + MEASURE.stanceD]! - side * STANCE_D * eStance * s;
      const phase = values[v + MEASURE.phase]! - side * ALTERED.phase * ePhase * s;
      const sway = values[v + MEASURE.sway]! - side * ALTERED.sway * eSway * s;
      const pushS = values[v + MEASURE.pushS]! - push + bias;
      const stepS = values[v + MEASURE.stepS]! - step + bias;
      const swingS = values[v + MEASURE.swingS]! - swing + bias;
      const impactS = values[v + MEASURE.impactS]! - onAffected - onOther + bias;
      const stanceS = values[v + MEASURE.stanceS]! - STANCE_S * eStance * s;

      wa += amplitudeWeight;
      wt += timingWeight;
      ws += swayWeight;
      // The step's base is half of the push's.
      qPush += amplitudeWeight * (pushD + 0.5 * stepD);
      qSwing += amplitudeWeight * swingD;
      qImpact += amplitudeWeight * impactD;
      qStance += 2 * timingWeight * stanceD;
      qPhase += timingWeight * phase;
      qSway += swayWeight * sway;
      bPush += amplitudeWeight * pushS;
      bStep += amplitudeWeight * stepS;
      bSwing += amplitudeWeight * swingS;
      bImpact += amplitudeWeight * impactS;
      qSum += 2 * timingWeight * stanceS;
      const differences = pushD * pushD + stepD * stepD + swingD * swingD + impactD * impactD;
      const together = pushS * pushS + stepS * stepS + swingS * swingS + impactS * impactS;
      const timings = 2 * (stanceD * stanceD + stanceS * stanceS) + phase * phase;
      // Twelve measures share the factor; eight carry the spread, whose logarithm is 2.5 n^2 to the same order.
      plain -= 0.5 * (amplitudeWeight * (differences + together) + timingWeight * timings + swayWeight * sway * sway);
      plain -= 12 * Math.log(factor) + 10 * noise;
    }
    sums[at + WA]! += wa;
    sums[at + WT]! += wt;
    sums[at + WS]! += ws;
    sums[at + WB]! += wa;
    sums[at + WW + fast]! += 2 * wt;
    sums[at + QPUSH]! += qPush;
    sums[at + QSWING]! += qSwing;
    sums[at + QIMPACT]! += qImpact;
    sums[at + QSTANCE]! += qStance;
    sums[at + QPHASE]! += qPhase;
    sums[at + QSWAY]! += qSway;
    sums[at + BPUSH]! += bPush;
    sums[at + BSTEP]! += bStep;
    sums[at + BSWING]! += bSwing;
    sums[at + BIMPACT]! += bImpact;
    sums[at + QWALK + fast]! += qSum;
    sums[at + PLAIN]! += plain;
  };

  const add: StrideLikelihood['add'] = (path, pathAt, side, sums, at, from, to) => {
    for (let k = from; k < to;) {
      if (sums[at + BOUT] !== bout[k]! + 1) {
        closeBout(sums, at);
        sums[at + BOUT] = bout[k]! + 1;
      }
      let end = k + 1;
      while (end < to && bout[end] === bout[k]) end += 1;
      addInBout(path, pathAt, side, sums, at, k, end);
      k = end;
    }
  };

  const value: StrideLikelihood['value'] = (sums, at) => {
    const wa = sums[at + WA]!;
    const wt = sums[at + WT]!;
    const push = 1.25 * wa + PRIOR.push;
    const swing = wa + PRIOR.swing;
    const impact = wa + PRIOR.impact;
    const stance = 2 * wt + PRIOR.stance;
    const phase = wt + PRIOR.phase;
    const sway = sums[at + WS]! + PRIOR.sway;
    const walk = sums[at + WW]! + PRIOR.walk;
    const run = sums[at + WR]! + PRIOR.run;
    const fits =
      explained(sums[at + QPUSH]!, push) +
      explained(sums[at + QSWING]!, swing) +
      explained(sums[at + QIMPACT]!, impact) +
      explained(sums[at + QSTANCE]!, stance) +
      explained(sums[at + QPHASE]!, phase) +
      explained(sums[at + QSWAY]!, sway) +
      explained(sums[at + QWALK]!, walk) +
      explained(sums[at + QRUN]!, run);
    const ratios =
      (push / PRIOR.push) *
      (swing / PRIOR.swing) *
      (impact / PRIOR.impact) *
      (stance / PRIOR.stance) *
      (phase / PRIOR.phase) *
      (sway / PRIOR.sway) *
      (walk / PRIOR.walk) *
      (run / PRIOR.run);
    return sums[at + PLAIN]! + 0.5 * (fits - Math.log(ratios)) + boutValue(sums, at);
  };
  return { add, value };
}

const [LOG_LOW, LOG_HIGH, LOG_STEPS] = [-0.75, 1.25, 4096] as const;

/** Half the logarithm of 1 + change over [-0.75, 1.25], the lower end as stride-timeline.ts limits a fall: error below 1e-6. */
function halfLogTable(): Float64Array {
  return Float64Array.from({ length: LOG_STEPS + 1 }, (_, i) => 0.5 * Math.log(1 + LOG_LOW + ((LOG_HIGH - LOG_LOW) * i) / LOG_STEPS));
}

function halfLog(table: Float64Array, change: number): number {
  const position = (change - LOG_LOW) * (LOG_STEPS / (LOG_HIGH - LOG_LOW));
  if (position <= 0) return table[0]!;
  if (position >= LOG_STEPS) return table[LOG_STEPS]!;
  const row = position | 0;
  return table[row]! + (table[row + 1]! - table[row]!) * (position - row);
}
