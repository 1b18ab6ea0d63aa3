/** Jumps and muscles of the simulated athletes: known physics, and the service's own jump detection on the simulated plates. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectJumps } from '../../src/signal/jump.ts';
import { createSimulatedAthlete, type SimulatedAthlete, type SimulatedAthleteOptions } from '../../src/simulate/simulated-athlete.ts';
import { netForceBw } from '../../src/simulate/jump.ts';

const G = 9.80665;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const anySeed = fc.integer({ min: 0, max: 2 ** 31 - 1 });

const jumper = (seed: number, options: Partial<SimulatedAthleteOptions> = {}): SimulatedAthlete =>
  createSimulatedAthlete({
    seed,
    durationS: 60,
    profile: 'altered',
    severity: { peak: 0.2 },
    protocol: 'jump',
    faults: false,
    mode: 'recorded',
    sensors: { forcePlates: true, emg: true },
    ...options,
  });

/** Channel `c` of the stream at a placement over the whole session, in its unit. */
function whole(athlete: SimulatedAthlete, placement: string, c: number): Float64Array {
  const stream = athlete.streams.find(({ declaration }) => declaration.placement === placement)!;
  const samples = stream.render(0, stream.sampleAt(athlete.durationS));
  return Float64Array.from(
    { length: samples.length / stream.channels },
    (_, i) => samples[i * stream.channels + c]! * (stream.declaration.scale?.[c] ?? 1),
  );
}

describe('simulated jumps', () => {
  it('are found by the service on the plates, each at the height of the person within 20 mm', () => {
    for (let seed = 0; seed < 6; seed += 1) {
      const athlete = jumper(seed);
      const truth = athlete.jumps(0, 60);
      const found = detectJumps({ left: whole(athlete, 'left', 0), right: whole(athlete, 'right', 0), rateHz: 200 });
      expect(truth.length).toBeGreaterThan(5);
      expect(found).toHaveLength(truth.length);
      found.forEach((jump, i) => {
        const { heightM, pushLeft, takeoffS } = truth[i]!;
        expect(jump.method).toBe('impulse');
        expect(jump.provisional).toBe(false);
        expect(Math.abs(jump.heightM - heightM)).toBeLessThan(0.02);
        expect(Math.abs(jump.flightHeightM! - heightM)).toBeLessThan(0.015);
        expect(Math.abs(jump.takeoff / 200 - takeoffS)).toBeLessThan(0.011);
        expect(Math.abs(jump.asymmetryPct! - 100 * (2 * pushLeft - 1))).toBeLessThan(2);
      });
    }
  });

  it('keep the impulse: to take-off velocity before the flight, to rest after it, weightless between', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const jump = jumper(seed).jumps(0, 60)[0]!;
        const impulse = (fromS: number, toS: number): number => {
          const steps = 20_000;
          let sum = 0;
          for (let i = 0; i < steps; i += 1) sum += netForceBw(jump, fromS + ((toS - fromS) * (i + 0.5)) / steps);
          return (sum * (toS - fromS) * G) / steps;
        };
        expect(impulse(jump.startS, jump.takeoffS)).toBeCloseTo(jump.velocityMS, 3);
        expect(impulse(jump.takeoffS, jump.landS)).toBeCloseTo(-2 * jump.velocityMS, 3);
        expect(impulse(jump.landS, jump.endS)).toBeCloseTo(jump.velocityMS, 3);
        expect(jump.velocityMS ** 2 / (2 * G)).toBeCloseTo(jump.heightM, 9);
      }),
      { numRuns: 20 },
    );
  });

  it('are free fall for feet and trunk: nothing felt with gravity in, one g downwards without', () => {
    for (const gravity of ['included', 'removed'] as const) {
      const athlete = jumper(4, { gravity });
      const { takeoffS, landS } = athlete.jumps(0, 60)[1]!;
      for (const placement of ['foot-left', 'foot-right', 'trunk']) {
        const size = [0, 1, 2].map((c) =>
          mean([...whole(athlete, placement, c).subarray(Math.ceil(200 * takeoffS) + 4, Math.floor(200 * landS) - 4)]),
        );
        expect(Math.abs(Math.hypot(...size) - (gravity === 'included' ? 0 : G))).toBeLessThan(0.6);
      }
    }
  });

  it('get lower with fatigue of the session and of the day, and with severity; the affected foot lands softer', () => {
    const height = (options: Partial<SimulatedAthleteOptions>): number =>
      mean(
        Array.from({ length: 20 }, (_, seed) =>
          mean(
            jumper(seed, options)
              .jumps(0, 3_600)
              .map(({ heightM }) => heightM),
          ),
        ),
      );
    const fresh = height({});
    expect(height({ condition: { fatigue: 1 } }) / fresh).toBeCloseTo(0.9, 2);
    expect(height({ severity: { peak: 1 } })).toBeLessThan(0.8 * fresh);
    const long = jumper(3, { durationS: 3_600 });
    expect(mean(long.jumps(3_000, 3_600).map(({ heightM }) => heightM))).toBeLessThan(
      0.95 * mean(long.jumps(0, 600).map(({ heightM }) => heightM)),
    );
    const ratio = Array.from({ length: 40 }, (_, seed) => {
      const athlete = jumper(seed, { severity: { peak: 1 } });
      const { landLeft } = athlete.jumps(0, 60)[0]!;
      return athlete.person.affected === 'left' ? landLeft : 1 - landLeft;
    });
    expect(mean(ratio)).toBeLessThan(0.45);
  });

  it('take the place of rests in a mixed session and change nothing else of it', () => {
    const session = (jumps: boolean): SimulatedAthlete => createSimulatedAthlete({ seed: 24, durationS: 600, profile: 'healthy', jumps });
    const [still, jumping] = [session(false), session(true)];
    let jumped = 0;
    for (let tS = 0.5; tS < 600; tS += 1) {
      const [a, b] = [still.labels(tS).activity, jumping.labels(tS).activity];
      expect(b).toBe(a === 'rest' ? 'jump' : a);
      if (b === 'jump') jumped += 1;
    }
    expect(jumped).toBeGreaterThan(10);
    expect(jumping.strides()).toEqual(still.strides());
    expect(still.jumps(0, 600)).toEqual([]);
  });
});

describe('simulated EMG', () => {
  it('bursts with the stride, most in running, and rests otherwise', () => {
    const level = (protocol: 'rest' | 'walk' | 'run', muscle: string): number =>
      mean(Array.from({ length: 10 }, (_, seed) => mean([...whole(jumper(seed, { protocol }), muscle, 0)])));
    for (const muscle of ['quadriceps-left', 'hamstring-right']) {
      expect(level('rest', muscle)).toBeLessThan(2.5);
      expect(level('walk', muscle)).toBeGreaterThan(1.5 * level('rest', muscle));
      expect(level('run', muscle)).toBeGreaterThan(1.8 * level('walk', muscle));
    }
  });

  it('is held back on the affected side with severity and grows with fatigue', () => {
    const level = (seed: number, affected: boolean, peak: number, from = 0): number => {
      const athlete = jumper(seed, { protocol: 'run', severity: { peak }, durationS: 1_500 });
      const side = (athlete.person.affected === 'left') === affected ? 'left' : 'right';
      const muscle = athlete.streams.find(({ declaration }) => declaration.placement === `quadriceps-${side}`)!;
      return mean([...muscle.render(100 * from, 6_000)]);
    };
    const change = (affected: boolean): number =>
      mean(Array.from({ length: 10 }, (_, seed) => level(seed, affected, 1) / level(seed, affected, 0)));
    expect(change(true)).toBeLessThan(0.85);
    expect(change(false)).toBeCloseTo(1, 1);
    expect(level(3, false, 0, 1_400) / level(3, false, 0)).toBeGreaterThan(1.08);
  });

  it('is never negative', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        expect(Math.min(...whole(jumper(seed, { durationS: 20 }), 'hamstring-left', 0))).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 10 },
    );
  });
});
