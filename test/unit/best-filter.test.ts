import { describe, expect, it } from 'vitest';
import { castMember } from '../../src/cli/dataset/cast.ts';
import { castLaw, type SeverityLaw } from '../../src/simulate/best-filter-law.ts';
import { measureStrides, type SegmentStrides } from '../../src/simulate/best-filter-strides.ts';
import { bestFilter, MAX_FILTER_S, type Asked } from '../../src/simulate/best-filter.ts';
import { ALTERED, AMPLITUDE_JITTER, HEALTHY_ASYMMETRY, TIMING_JITTER } from '../../src/simulate/constants.ts';
import { drawPerson, type Person } from '../../src/simulate/person.ts';
import { planSegments, type Segment } from '../../src/simulate/protocol.ts';
import { createRandom } from '../../src/simulate/random.ts';
import { planSeverity, type Profile } from '../../src/simulate/severity.ts';
import { buildStrides, type Strides } from '../../src/simulate/stride-timeline.ts';

const DURATION_S = 60;

interface Drawn {
  readonly parts: readonly SegmentStrides[];
  readonly altered: (tS: number) => boolean;
}

/** An athlete of the cast. */
function draw(seed: number, number: number): Drawn {
  const { simulated } = castMember(seed, number, DURATION_S);
  return { parts: simulated.strides(), altered: (tS) => simulated.labels(tS).altered === 1 };
}

const everySecond: readonly Asked[] = Array.from({ length: DURATION_S - 1 }, (_, i) => ({ atS: i + 1, untilS: i + 2 }));
const filtered = (parts: readonly SegmentStrides[], particles = 80): Float64Array =>
  bestFilter(measureStrides(parts), everySecond, { durationS: DURATION_S, law: castLaw(DURATION_S), particles });
const meanDistance = (a: Float64Array, b: Float64Array): number => a.reduce((sum, p, i) => sum + Math.abs(p - b[i]!), 0) / a.length;

describe('the best filter', () => {
  it('gives the shares of the simulated athletes before a stride is seen', () => {
    const law = castLaw(DURATION_S);
    const random = createRandom(7);
    const times = [2, 20, 40, 58];
    const draws = 6000;
    const shares = times.map(() => 0);
    for (let n = 0; n < draws; n += 1) {
      const place = random.next();
      const profile: Profile = place < 0.45 ? 'healthy' : place < 0.65 ? 'altered' : 'fatigue-drift';
      const onsetS = random.uniform(5, 0.45 * DURATION_S);
      const rampS = Math.exp(random.uniform(Math.log(8), Math.log(0.5 * DURATION_S)));
      const course = planSeverity(n, profile, DURATION_S, profile === 'fatigue-drift' ? { onsetS, rampS } : {});
      times.forEach((tS, i) => (shares[i]! += course.at(tS) > 0.35 ? 1 / draws : 0));
    }
    const asked = times.map((atS) => ({ atS, untilS: atS }));
    const p = bestFilter(measureStrides([]), asked, { durationS: DURATION_S, law, particles: 1000 });
    expect(shares[3]! - shares[0]!).toBeGreaterThan(0.15);
    p.forEach((value, i) => expect(Math.abs(value - shares[i]!)).toBeLessThan(0.025));
  });

  it('agrees, for either side, with an integral over a grid where only level, side, bases and sizes are unknown', () => {
    const law: SeverityLaw = { ...castLaw(DURATION_S), shares: [0, 1, 0], wobble: 0, expressionLogSd: 0, spared: 0 };
    for (const [seed, level] of [
      [9, 0.32],
      [10, 0.38],
    ] as const) {
      const strides = fewStrides(seed, level);
      const expected = onGrid(strides);
      for (const seen of [strides, mirror(strides)]) {
        const table = measureStrides([{ segment: SHORT_WALK, strides: seen }]);
        const [p] = bestFilter(table, [{ atS: 5, untilS: DURATION_S }], { durationS: DURATION_S, law, particles: 800 });
        expect(Math.abs(p! - expected)).toBeLessThan(0.04);
      }
    }
  });

  it('is calibrated on simulated athletes and tells them apart', () => {
    let [squares, constant, sum, altered, windows] = [0, 0, 0, 0, 0];
    for (let number = 0; number < 16; number += 1) {
      const athlete = draw(5, number);
      const p = filtered(athlete.parts);
      everySecond.forEach(({ atS }, i) => {
        const truth = athlete.altered(atS) ? 1 : 0;
        squares += (p[i]! - truth) ** 2;
        constant += (0.35 - truth) ** 2;
        sum += p[i]!;
        altered += truth;
        windows += 1;
      });
    }
    expect(squares).toBeLessThan(0.25 * constant);
    expect(Math.abs(sum - altered) / windows).toBeLessThan(0.05);
  });

  it('hardly changes with twice the particles', () => {
    // An athlete who stays near the threshold: without moves the distance is 0.44.
    const { parts } = draw(5, 57);
    expect(meanDistance(filtered(parts, 150), filtered(parts, 300))).toBeLessThan(0.2);
  });

  it('reads nothing of the truth: other latent values beside the same strides change nothing', () => {
    const { parts } = draw(5, 2);
    const relabelled = parts.map(({ segment, strides }) => ({
      segment,
      strides: {
        ...strides,
        amplitude: 9,
        severity: strides.severity.map((s) => 1 - s),
        meanPhase: strides.meanPhase.map(() => 0.4),
      },
    }));
    expect(filtered(relabelled)).toEqual(filtered(parts));
  });

  it('is causal: later strides do not change earlier answers', () => {
    const table = measureStrides(draw(5, 57).parts);
    const half = Math.floor(table.count / 2);
    const cut = { ...table, count: half };
    const options = { durationS: DURATION_S, law: castLaw(DURATION_S), particles: 50 };
    const seen = everySecond.filter(({ untilS }) => untilS < table.endS[half]!);
    expect(half).toBeGreaterThan(10);
    expect(bestFilter(cut, seen, options)).toEqual(bestFilter(table, everySecond, options).slice(0, seen.length));
  });

  it('reads less where each athlete may have a scatter of his own', () => {
    let [known, unknown] = [0, 0];
    for (let number = 0; number < 5; number += 1) {
      const table = measureStrides(draw(6, number).parts);
      const law = castLaw(DURATION_S);
      const uncertainty = (scatterLogSd: number): number =>
        bestFilter(table, everySecond, { durationS: DURATION_S, law: { ...law, scatterLogSd }, particles: 80 }).reduce(
          (sum, p) => sum + p * (1 - p),
          0,
        );
      known += uncertainty(0);
      unknown += uncertainty(0.5);
    }
    expect(unknown).toBeGreaterThan(1.2 * known);
  });

  it('refuses sessions that are too long and moments that are outside or out of order; gives nothing for nothing', () => {
    const table = measureStrides([]);
    const ask = (asked: readonly Asked[], durationS = DURATION_S): Float64Array =>
      bestFilter(table, asked, { durationS, law: castLaw(DURATION_S), particles: 10 });
    expect(ask([])).toHaveLength(0);
    expect(() => ask([], MAX_FILTER_S + 1)).toThrow(RangeError);
    expect(() => ask([], 0)).toThrow(RangeError);
    expect(() => ask([{ atS: NaN, untilS: 1 }])).toThrow(RangeError);
    expect(() => ask([{ atS: 61, untilS: 61 }])).toThrow(RangeError);
    expect(() =>
      ask([
        { atS: 2, untilS: 2 },
        { atS: 1, untilS: 1 },
      ]),
    ).toThrow(/in order/);
  });
});

function mirror(strides: Strides): Strides {
  return {
    ...strides,
    phase: strides.phase.map((p) => 1 - p),
    sway: strides.sway.map((s) => -s),
    stanceLeft: strides.stanceRight,
    stanceRight: strides.stanceLeft,
    swingLeft: strides.swingRight,
    swingRight: strides.swingLeft,
    pushLeft: strides.pushRight,
    pushRight: strides.pushLeft,
    impactLeft: strides.impactRight,
    impactRight: strides.impactLeft,
    stepLeft: strides.stepRight,
    stepRight: strides.stepLeft,
  };
}

const SHORT_WALK: Segment = { ...planSegments(1, 'walk', 6)[0]! };
const EVEN = { stance: 1, push: 1, swing: 1, impact: 1, phase: 1, sway: 1 };

/** Six strides of walking at one severity by a person whose expression is one throughout. */
function fewStrides(seed: number, level: number): Strides {
  const person: Person = { ...drawPerson(seed), expression: EVEN };
  return buildStrides(seed, person, SHORT_WALK, () => level);
}

const normal = (x: number, mean: number, sd: number): number => Math.exp(-0.5 * ((x - mean) / sd) ** 2) / sd;
const range = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => low + ((high - low) * (i + 0.5)) / count);
const average = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** P(level > 0.35) by sums over grids of level, side, bases and sizes, from the strides' own densities. */
function onGrid(strides: Strides): number {
  let [above, all] = [0, 0];
  for (const level of range(0.28, 0.95, 67)) {
    for (const side of [1, -1]) {
      const density = gridDensity(strides, level, side);
      all += density;
      if (level > 0.35) above += density;
    }
  }
  return above / all;
}

function gridDensity(strides: Strides, level: number, side: number): number {
  const factor = 1 + ALTERED.variability * level;
  const [noise, timing] = [AMPLITUDE_JITTER.walk * factor, TIMING_JITTER * factor];
  const on = (affected: number, other: number): readonly [number, number] =>
    side > 0 ? [affected * level, other * level] : [other * level, affected * level];
  const product = (density: (k: number) => number): number => {
    let value = 1;
    for (let k = 0; k < strides.count; k += 1) value *= density(k);
    return value;
  };
  /** Over the size of movement, as wide as the filter's prior. */
  const pair = (left: Float64Array, right: Float64Array, base: number, [l, r]: readonly [number, number]): number => {
    const middle = Math.log((average(left) + average(right)) / 2 / (1 + (l + r) / 2));
    const scaled = (size: number, mean: number, value: number): number => normal(value, size * mean, noise * size * mean);
    return range(middle - 0.25, middle + 0.25, 36).reduce((sum, logSize) => {
      const size = Math.exp(logSize);
      const both = (k: number): number => scaled(size, (1 + base) * (1 + l), left[k]!) * scaled(size, (1 - base) * (1 + r), right[k]!);
      return sum + normal(logSize, 0, 1) * product(both);
    }, 0);
  };
  const over = (sd: number, density: (base: number) => number): number =>
    range(-4 * sd, 4 * sd, 50).reduce((sum, base) => sum + normal(base, 0, sd) * density(base), 0);
  const { push, swing, impact, stance, phase, sway } = HEALTHY_ASYMMETRY;
  const [stanceL, stanceR] = on(ALTERED.stanceAffected, ALTERED.stanceOther);
  const half = (k: number): number => (strides.stanceLeft[k]! - strides.stanceRight[k]! - stanceL + stanceR) / 2;
  const sum = (k: number): number => (strides.stanceLeft[k]! + strides.stanceRight[k]! - stanceL - stanceR) / 2;
  return (
    over(
      push,
      (d) =>
        pair(strides.pushLeft, strides.pushRight, d, on(ALTERED.push, 0)) *
        pair(strides.stepLeft, strides.stepRight, d / 2, on(ALTERED.step, 0)),
    ) *
    over(swing, (d) => pair(strides.swingLeft, strides.swingRight, d, on(ALTERED.swing, 0))) *
    over(impact, (d) => pair(strides.impactLeft, strides.impactRight, d, on(ALTERED.impactAffected, ALTERED.impactOther))) *
    over(stance, (d) => product((k) => normal(half(k), d, timing * Math.SQRT1_2))) *
    over(0.012, (d) => product((k) => normal(sum(k) - 0.62, d, timing * Math.SQRT1_2))) *
    over(phase, (d) => product((k) => normal(strides.phase[k]! - 0.5, d + side * ALTERED.phase * level, timing))) *
    over(sway, (d) => product((k) => normal(strides.sway[k]!, d + side * ALTERED.sway * level, 2 * noise)))
  );
}
