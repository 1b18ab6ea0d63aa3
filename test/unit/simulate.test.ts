import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALTERED_THRESHOLD, GAIT } from '../../src/simulate/constants.ts';
import { footTables, drawMounting, PHASES } from '../../src/simulate/gait-templates.ts';
import { planSegments } from '../../src/simulate/protocol.ts';
import { createRandom, hash32, smoothNoise } from '../../src/simulate/random.ts';
import { createSimulatedAthlete, type SimulatedAthlete, type SimulatedStream } from '../../src/simulate/simulated-athlete.ts';

const PROFILES = ['healthy', 'altered', 'fatigue-drift'] as const;
const anySeed = fc.integer({ min: 0, max: 2 ** 31 - 1 });

function streamOf(athlete: SimulatedAthlete, placement: string): SimulatedStream {
  const found = athlete.streams.find((stream) => stream.declaration.placement === placement);
  if (found === undefined) throw new Error(`no stream at ${placement}`);
  return found;
}

/** One channel of [fromS, toS) in its unit. */
function channelOf(stream: SimulatedStream, channel: string, fromS: number, toS: number): number[] {
  const index = stream.declaration.channels.findIndex(({ name }) => name === channel);
  const first = stream.sampleAt(fromS);
  const samples = stream.render(first, stream.sampleAt(toS) - first);
  const scale = stream.declaration.scale?.[index] ?? 1;
  const values: number[] = [];
  for (let at = index; at < samples.length; at += stream.channels) values.push(samples[at]! * scale);
  return values;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const rms = (values: readonly number[]): number => Math.sqrt(mean(values.map((value) => value * value)));

describe('random numbers', () => {
  it('are uniform in [0, 1) and repeat for the same keys', () => {
    fc.assert(
      fc.property(anySeed, fc.integer(), (seed, key) => {
        const [one, two] = [createRandom(seed, key), createRandom(seed, key)];
        const values = Array.from({ length: 200 }, () => one.next());
        expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
        expect(Array.from({ length: 200 }, () => two.next())).toEqual(values);
      }),
      { numRuns: 30 },
    );
    const random = createRandom(1);
    expect(mean(Array.from({ length: 20_000 }, () => random.next()))).toBeCloseTo(0.5, 2);
    expect(rms(Array.from({ length: 20_000 }, () => random.normal()))).toBeCloseTo(1, 1);
  });

  it('differ between keys', () => {
    const hashes = new Set(Array.from({ length: 10_000 }, (_, i) => hash32(7, i)));
    expect(hashes.size).toBeGreaterThan(9_990);
    expect(hash32(1, 2)).not.toBe(hash32(2, 1));
  });

  it('smooth noise is bounded and continuous', () => {
    fc.assert(
      fc.property(anySeed, fc.double({ min: -1e4, max: 1e4, noNaN: true }), (seed, x) => {
        expect(Math.abs(smoothNoise(seed, x))).toBeLessThanOrEqual(1);
        expect(Math.abs(smoothNoise(seed, x) - smoothNoise(seed, x + 1e-6))).toBeLessThan(1e-4);
      }),
    );
  });
});

describe('the plan of a session', () => {
  it('covers the duration without gaps, in segments of at most a minute', () => {
    fc.assert(
      fc.property(anySeed, fc.double({ min: 1, max: 5_000, noNaN: true }), (seed, durationS) => {
        const segments = planSegments(seed, 'mixed', durationS);
        expect(segments[0]?.startS).toBe(0);
        expect(segments.at(-1)?.endS).toBe(durationS);
        segments.forEach((segment, i) => {
          expect(segment.endS - segment.startS).toBeGreaterThan(0);
          expect(segment.endS - segment.startS).toBeLessThanOrEqual(60.001);
          if (i > 0) expect(segment.startS).toBe(segments[i - 1]!.endS);
        });
      }),
    );
  });

  it('repeats given bouts and refuses what has no length', () => {
    const bouts = [
      { activity: 'walk', durationS: 20 },
      { activity: 'rest', durationS: 10 },
    ] as const;
    expect(planSegments(1, bouts, 70).map((segment) => segment.activity)).toEqual(['walk', 'rest', 'walk', 'rest', 'walk']);
    expect(() => planSegments(1, [], 10)).toThrow(RangeError);
    expect(() => planSegments(1, 'walk', 0)).toThrow(RangeError);
    expect(() => planSegments(1, 'walk', Number.NaN)).toThrow(RangeError);
  });
});

describe('a simulated athlete', () => {
  it('is the same for the same seed, and another for another', () => {
    const make = (seed: number): SimulatedAthlete =>
      createSimulatedAthlete({ seed, durationS: 60, profile: 'altered', sensors: { forcePlates: true } });
    expect(make(5).render(10, 13)).toEqual(make(5).render(10, 13));
    expect(make(5).render(10, 13)).not.toEqual(make(6).render(10, 13));
    expect(make(5).labels(30)).toEqual(make(5).labels(30));
  });

  it('renders in pieces what it renders at once, in any order', () => {
    fc.assert(
      fc.property(
        anySeed,
        fc.constantFrom(...PROFILES),
        fc.constantFrom('included' as const, 'removed' as const),
        fc.array(fc.double({ min: 0, max: 150, noNaN: true }), { minLength: 1, maxLength: 6 }),
        (seed, profile, gravity, cuts) => {
          const options = { seed, durationS: 150, profile, gravity, sensors: { forcePlates: true } } as const;
          const athlete = createSimulatedAthlete(options);
          const again = createSimulatedAthlete(options);
          const edges = [60, ...cuts.map((cut) => 60 + cut / 30), 65].toSorted((a, b) => a - b);
          athlete.streams.forEach((stream, s) => {
            const whole = stream.render(stream.sampleAt(60), stream.sampleAt(65) - stream.sampleAt(60));
            const other = again.streams[s]!;
            const joined = new (whole.constructor as typeof Int16Array)(whole.length);
            const start = other.sampleAt(60);
            for (const [i, toS] of [...edges.slice(1).entries()].toReversed()) {
              const first = other.sampleAt(edges[i]!);
              joined.set(other.render(first, other.sampleAt(toS) - first), (first - start) * other.channels);
            }
            expect(joined.every((value, i) => value === whole[i])).toBe(true);
          });
        },
      ),
      { numRuns: 15 },
    );
  });

  it('gives finite samples of the declared shape, and labels within their bounds', () => {
    fc.assert(
      fc.property(anySeed, fc.constantFrom(...PROFILES), fc.double({ min: 0, max: 115, noNaN: true }), (seed, profile, atS) => {
        const athlete = createSimulatedAthlete({ seed, durationS: 120, profile, sensors: { forcePlates: true } });
        for (const block of athlete.render(atS, atS + 3)) {
          const stream = athlete.streams[block.stream]!;
          expect(block.samples).toHaveLength(block.count * stream.channels);
          expect(block.samples.every(Number.isFinite)).toBe(true);
          expect(block.deviceTimeUs).toBe(stream.deviceTimeUs(block.firstSample));
          expect(block.samples instanceof Int16Array).toBe(stream.declaration.encoding === 'int16');
        }
        const labels = athlete.labels(atS);
        for (const value of [labels.severity, labels.rehab, labels.performance]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
        expect(labels.altered).toBe(labels.severity > ALTERED_THRESHOLD ? 1 : 0);
        if (profile === 'healthy') expect(labels.altered).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ['walk', 85, 140],
    ['run', 135, 200],
  ] as const)('steps at a human cadence when it does %s', (protocol, low, high) => {
    for (let seed = 0; seed < 8; seed += 1) {
      const athlete = createSimulatedAthlete({ seed, durationS: 60, profile: 'healthy', protocol, faults: false });
      const pitch = channelOf(streamOf(athlete, 'foot-left'), 'gy', 10, 50);
      const stridesS = strideTimeS(pitch, 200);
      expect(120 / stridesS).toBeGreaterThan(low);
      expect(120 / stridesS).toBeLessThan(high);
    }
  });

  it('rises and falls in heart rate with effort, within what a heart does', () => {
    const protocol = [
      { activity: 'rest', durationS: 60 },
      { activity: 'run', durationS: 180 },
    ] as const;
    for (let seed = 0; seed < 8; seed += 1) {
      const chest = streamOf(createSimulatedAthlete({ seed, durationS: 240, profile: 'healthy', protocol }), 'chest');
      const rest = mean(channelOf(chest, 'heartRate', 40, 60));
      const run = mean(channelOf(chest, 'heartRate', 200, 240));
      expect(rest).toBeGreaterThan(35);
      expect(run).toBeGreaterThan(rest + 30);
      expect(run).toBeLessThan(215);
    }
  });

  it('carries its body weight on the plates', () => {
    for (const protocol of ['walk', 'run'] as const) {
      const athlete = createSimulatedAthlete({ seed: 3, durationS: 60, profile: 'healthy', protocol, sensors: { forcePlates: true } });
      const force = ['left', 'right'].map((side) => mean(channelOf(streamOf(athlete, side), 'fv', 10, 50)));
      expect(Math.abs((force[0]! + force[1]!) / (athlete.person.massKg * 9.80665) - 1)).toBeLessThan(0.15);
    }
  });

  it('is even on average when healthy, and less so with severity', () => {
    const asymmetry = (seed: number, peak: number): { readonly signed: number; readonly size: number } => {
      const athlete = createSimulatedAthlete({ seed, durationS: 90, profile: 'altered', protocol: 'run', severity: { peak } });
      const { domain } = athlete.labels(85);
      return { signed: domain.peakSymmetryPct, size: Math.abs(domain.contactSymmetryPct) };
    };
    const seeds = Array.from({ length: 60 }, (_, i) => 1000 + i);
    const healthy = seeds.map((seed) => asymmetry(seed, 0.05));
    expect(Math.abs(mean(healthy.map(({ signed }) => signed)))).toBeLessThan(2.5);
    const sizes = [0.05, 0.5, 1].map((peak) => mean(seeds.map((seed) => asymmetry(seed, peak).size)));
    expect(sizes[1]).toBeGreaterThan(sizes[0]!);
    expect(sizes[2]).toBeGreaterThan(sizes[1]!);
  });

  it('overlaps: the most uneven healthy athletes are less even than the mildest altered ones', () => {
    const contact = (seed: number, peak: number): number =>
      Math.abs(
        createSimulatedAthlete({ seed, durationS: 90, profile: 'altered', protocol: 'walk', severity: { peak } }).labels(85).domain
          .contactSymmetryPct,
      );
    const seeds = Array.from({ length: 60 }, (_, i) => i);
    const healthy = seeds.map((seed) => contact(seed, 0.05)).toSorted((a, b) => a - b);
    const mild = seeds.map((seed) => contact(seed, 0.45)).toSorted((a, b) => a - b);
    expect(healthy[54]).toBeGreaterThan(mild[15]!);
  });

  it('shows severity in the signal of the affected foot', () => {
    const push = (side: 'left' | 'right', seed: number, peak: number): number => {
      const athlete = createSimulatedAthlete({
        seed,
        durationS: 60,
        profile: 'altered',
        protocol: 'run',
        severity: { peak },
        faults: false,
      });
      return rms(channelOf(streamOf(athlete, `foot-${side}`), 'gy', 10, 50));
    };
    const ratios = Array.from({ length: 20 }, (_, seed) => {
      const { affected } = createSimulatedAthlete({ seed, durationS: 1, profile: 'healthy' }).person;
      return push(affected, seed, 1) / push(affected, seed, 0);
    });
    expect(mean(ratios)).toBeLessThan(0.93);
  });

  it('under fatigue drifts from healthy to altered when it is told to', () => {
    const athlete = createSimulatedAthlete({
      seed: 4,
      durationS: 100,
      profile: 'fatigue-drift',
      severity: { peak: 1, onsetS: 20, rampS: 30 },
    });
    expect(athlete.labels(10).altered).toBe(0);
    expect(athlete.labels(60).altered).toBe(1);
    expect(athlete.labels(60).rehab).toBeLessThan(athlete.labels(10).rehab);
    expect(athlete.labels(60).performance).toBeLessThan(athlete.labels(10).performance);
  });

  it('measures domain features only over enough strides of a bout', () => {
    const athlete = createSimulatedAthlete({ seed: 4, durationS: 100, profile: 'healthy', protocol: 'walk' });
    expect(athlete.labels(10).domain.interLimbPhase).toBeNaN();
    expect(athlete.labels(40).domain.interLimbPhase).toBeGreaterThan(0.4);
    expect(athlete.labels(40).domain.strideTimeCv).toBeNaN();
    expect(athlete.labels(90).domain.strideTimeCv).toBeGreaterThan(0);
    const still = createSimulatedAthlete({ seed: 4, durationS: 100, profile: 'healthy', protocol: 'rest' });
    expect(still.labels(90).domain.loadingRateBwS).toBeNaN();
  });
});

describe('devices', () => {
  it('stamp by their own clock, whose drift shows in the number of samples', () => {
    const athlete = createSimulatedAthlete({ seed: 9, durationS: 1000, profile: 'healthy' });
    for (const stream of athlete.streams) {
      const n = stream.sampleAt(900);
      expect(Math.abs(stream.timeS(n) - 900)).toBeLessThanOrEqual(1 / stream.declaration.rateHz + 1e-6);
      const elapsedUs = stream.deviceTimeUs(n) - stream.deviceTimeUs(0);
      expect(Math.abs(elapsedUs / stream.timeS(n) / 1e6 - stream.trueRateHz / stream.declaration.rateHz)).toBeLessThan(1e-8);
      expect(Math.abs(stream.trueRateHz / stream.declaration.rateHz - 1)).toBeLessThan(200e-6);
    }
    expect(new Set(athlete.streams.map((stream) => stream.deviceTimeUs(0))).size).toBe(athlete.streams.length);
  });

  it('stamp Unix time when recorded', () => {
    const athlete = createSimulatedAthlete({ seed: 9, durationS: 10, profile: 'healthy', mode: 'recorded', startUs: 1e15 });
    for (const stream of athlete.streams) expect(stream.deviceTimeUs(stream.declaration.rateHz)).toBe(1e15 + 1e6);
  });

  it('drop out now and then, and never without faults', () => {
    const count = (faults: boolean): number => {
      let blocks = 0;
      for (let seed = 0; seed < 40; seed += 1) {
        const athlete = createSimulatedAthlete({ seed, durationS: 600, profile: 'healthy', faults, sensors: { imus: false } });
        blocks += athlete.render(0, 600).length - athlete.streams.length;
      }
      return blocks;
    };
    expect(count(false)).toBe(0);
    expect(count(true)).toBeGreaterThan(5);
    expect(count(true)).toBeLessThan(60);
  });

  it('read one g in standing where gravity is included, and none where it is removed', () => {
    const size = (gravity: 'included' | 'removed'): number => {
      const athlete = createSimulatedAthlete({ seed: 2, durationS: 20, profile: 'healthy', protocol: 'rest', gravity, faults: false });
      const trunk = streamOf(athlete, 'trunk');
      return Math.hypot(...['ax', 'ay', 'az'].map((channel) => mean(channelOf(trunk, channel, 5, 15))));
    };
    expect(size('included')).toBeCloseTo(9.81, 0);
    expect(size('removed')).toBeLessThan(0.3);
  });
});

describe('stride templates', () => {
  it('close on themselves, and the foot ends a stride as it began it', () => {
    for (const activity of ['walk', 'run'] as const) {
      const { terms, channels } = footTables(11, 'left', activity, [1, 0, 0, 0, 1, 0, 0, 0, 1], false);
      let pitch = 0;
      for (const table of terms) {
        for (let c = 0; c < channels; c += 1) expect(table[PHASES * channels + c]).toBeCloseTo(table[c]!, 4);
        for (let row = 0; row < PHASES; row += 1) pitch += (table[row * channels + 4]! * GAIT[activity].strideTimeS) / PHASES;
      }
      expect(pitch).toBeCloseTo(0, 4);
    }
  });

  it('are turned by the mounting without changing their size', () => {
    const r = drawMounting(3);
    const product = [0, 1, 2].map((row) => r[3 * row]! ** 2 + r[3 * row + 1]! ** 2 + r[3 * row + 2]! ** 2);
    for (const norm of product) expect(norm).toBeCloseTo(1, 9);
  });
});

/** Mean stride time by the lag of the highest autocorrelation between 0.5 and 1.5 s. */
function strideTimeS(values: readonly number[], rateHz: number): number {
  let best = 0;
  let bestValue = -Infinity;
  for (let lag = 0.5 * rateHz; lag <= 1.5 * rateHz; lag += 1) {
    let sum = 0;
    for (let i = 0; i + lag < values.length; i += 1) sum += values[i]! * values[i + lag]!;
    const value = sum / (values.length - lag);
    if (value > bestValue * 1.02) {
      bestValue = value;
      best = lag;
    }
  }
  return best / rateHz;
}
