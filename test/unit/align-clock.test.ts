import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClockSegment } from '../../src/align/clock.ts';
import { createDeviceClock } from '../../src/align/device-clock.ts';
import { createAthletePipeline } from '../../src/shard/athlete-pipeline.ts';
import { IMU_CHANNELS, inReceiptOrder, makeDevice, randomFrom, type DeviceOptions } from '../support/athlete-frames.ts';
import { standInContract } from '../support/contract.ts';

const START_US = 1_790_000_000_000_000;

/** Arrivals of a device whose clock runs at `ppm`, every 250 ms, with uniform jitter. Returns the worst error over the last half. */
function worstErrorUs(ppm: number, jitterUs: number, seconds: number, seed: number, seeded: boolean): number {
  const random = randomFrom(seed);
  const clock = createClockSegment();
  const deviceOf = (trueUs: number): number => 7e9 + (trueUs - START_US) * (1 + ppm / 1e6);
  let worst = 0;
  for (let trueUs = START_US; trueUs < START_US + seconds * 1e6; trueUs += 250_000) {
    const arrivalUs = trueUs + 2_000 + random() * jitterUs;
    if (seeded && trueUs === START_US) clock.seed({ deviceUs: deviceOf(trueUs), arrivalUs }, START_US, START_US - 7e9, 4_000);
    clock.observe(deviceOf(trueUs), arrivalUs);
    if (trueUs > START_US + seconds * 5e5) worst = Math.max(worst, Math.abs(clock.toServerUs(deviceOf(trueUs)) - trueUs));
  }
  return worst;
}

describe('device clock', () => {
  it('finds offset and drift below 50 ms of jitter: within 7 ms of the truth after a minute, at any drift up to 300 ppm', () => {
    fc.assert(
      fc.property(fc.integer({ min: -300, max: 300 }), fc.nat(), fc.boolean(), (ppm, seed, seeded) => {
        // Without an exchange the least one-way delay (2 ms here) cannot be told from the offset.
        expect(worstErrorUs(ppm, 50_000, 120, seed, seeded)).toBeLessThan(seeded ? 7_000 : 9_000);
      }),
      { numRuns: 200 },
    );
  });

  it('lies below every arrival it keeps, and never claims more than 500 ppm', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 600_000_000 }), fc.integer({ min: 0, max: 5_000_000 })), {
          minLength: 1,
          maxLength: 60,
        }),
        (points) => {
          const clock = createClockSegment();
          const ordered = points.toSorted((a, b) => a[0] - b[0]);
          for (const [x, delay] of ordered) clock.observe(x, x + 1e9 + delay);
          expect(Math.abs(clock.line().driftPpm)).toBeLessThanOrEqual(500.001);
          const last = ordered.at(-1) as [number, number];
          expect(clock.toServerUs(last[0])).toBeLessThanOrEqual(last[0] + 1e9 + last[1] + 1);
        },
      ),
    );
  });

  it('continues from its state bit for bit', () => {
    const random = randomFrom(5);
    const points = Array.from({ length: 400 }, (_, i) => [i * 250_000, START_US + i * 250_050 + random() * 5e4] as const);
    const whole = createClockSegment();
    for (const [x, y] of points) whole.observe(x, y);
    const first = createClockSegment();
    for (const [x, y] of points.slice(0, 173)) first.observe(x, y);
    const second = createClockSegment(first.state());
    for (const [x, y] of points.slice(173)) second.observe(x, y);
    expect(second.line()).toEqual(whole.line());
  });

  it('is not fooled by a stall: frames that come in a burst after ten seconds begin no segment', () => {
    const clock = createDeviceClock();
    let id: number | null = null;
    for (let i = 0; i < 100; i += 1) {
      const startUs = i * 250_000;
      const arrivalUs = i >= 40 && i < 80 ? START_US + 20e6 + i : START_US + startUs + 250_000;
      const choice = clock.choose(id, i === 0 ? null : startUs, startUs, startUs + 249_000, arrivalUs);
      expect(choice.jumpUs).toBeNull();
      id = choice.segmentId;
      clock.segment(id)?.observe(startUs + 249_000, arrivalUs);
    }
  });

  it('begins a segment at a jump of an hour either way and says by how much', () => {
    for (const jumpUs of [3_600e6, -3_600e6]) {
      const clock = createDeviceClock();
      const at = 4_000e6;
      const { segmentId } = clock.choose(null, null, at, at + 249_000, START_US);
      const next = clock.choose(segmentId, at + 250_000, at + 250_000 + jumpUs, at + 499_000 + jumpUs, START_US + 250_000);
      expect(next.segmentId).toBe(segmentId + 1);
      expect(Math.abs((next.jumpUs as number) - jumpUs)).toBeLessThan(1e6);
    }
  });

  it('does not believe a declared offset that the frames contradict', () => {
    const clock = createClockSegment();
    expect(clock.seed({ deviceUs: 1e9, arrivalUs: START_US }, START_US, START_US - 1e9 + 5e6, 1_000)).toBe(false);
    expect(clock.seed({ deviceUs: 1e9, arrivalUs: START_US }, START_US, START_US - 1e9 - 2 * 3_600e6, 1_000)).toBe(false);
    expect(clock.seed({ deviceUs: 1e9, arrivalUs: START_US }, START_US, START_US - 1e9 - 500, 1_000)).toBe(true);
  });
});

/** A knock both devices feel every 1.7 s: a Gaussian pulse of 20 ms. */
const knock = (timeUs: number): number => {
  const since = (timeUs - START_US) % 1_700_000;
  return 50 * Math.exp(-(((since - 850_000) / 20_000) ** 2));
};
/** Centre of mass of the largest pulse in a window, in ms. */
const centre = (bio: Float32Array, channel: number): number => {
  let best = 0;
  for (let k = 0; k < 200; k += 1) if ((bio[k * 32 + channel] as number) > (bio[best * 32 + channel] as number)) best = k;
  let sum = 0;
  let weight = 0;
  for (let k = Math.max(0, best - 6); k <= Math.min(199, best + 6); k += 1) {
    const value = bio[k * 32 + channel] as number;
    sum += value * k;
    weight += value;
  }
  return best < 8 || best > 191 ? Number.NaN : (sum / weight) * 10;
};
/** The two may have picked neighbouring knocks. */
const apart = (a: number, b: number): number => Math.abs(a - b - 1_700 * Math.round((a - b) / 1_700));

describe('two devices of one athlete', () => {
  const contract = { ...standInContract(), zClip: 1e9 };
  const device = (streamId: number, placement: string, seed: number, options: Partial<DeviceOptions>) =>
    makeDevice({
      streamId,
      athleteId: 'a',
      declaration: { device: placement, kind: 'imu', placement, channels: IMU_CHANNELS, rateHz: 200 },
      startUs: START_US,
      seconds: 90,
      samplesPerFrame: 50,
      jitterUs: 50_000,
      value: knock,
      random: randomFrom(seed),
      ...options,
    });
  const alignmentErrors = (first: Partial<DeviceOptions>, second: Partial<DeviceOptions>, seed: number): number[] => {
    const left = device(1, 'foot-left', seed, first);
    const right = device(2, 'foot-right', seed + 1, second);
    const pipeline = createAthletePipeline({ contract, athlete: { athleteId: 'a', context: {}, baselineFrozen: true } });
    pipeline.open(left.opened);
    pipeline.open(right.opened);
    const errors: number[] = [];
    for (const frame of inReceiptOrder(left.frames, right.frames)) {
      pipeline.push(frame.streamId, frame.sequence, frame.receivedUs, frame.bytes);
      for (let due = pipeline.takeDue(); due !== null; due = pipeline.takeDue()) {
        const scale = due.input.bioMask;
        if (scale[100 * 32] === 1 && scale[100 * 32 + 6] === 1) errors.push(apart(centre(due.input.bio, 0), centre(due.input.bio, 6)));
        pipeline.skip(due);
      }
    }
    return errors.filter((error) => !Number.isNaN(error));
  };

  it('feel a common event within 10 ms: 200 ppm of drift, 50 ms of jitter, a reconnect', () => {
    const outage = { fromUs: START_US + 40e6, toUs: START_US + 44e6 };
    const worst = [1, 2, 3, 4, 5, 6].map((seed) => {
      const errors = alignmentErrors({ driftPpm: 200, outage }, { driftPpm: seed % 2 === 0 ? 0 : -200 }, seed * 10);
      expect(errors.length).toBeGreaterThan(50);
      // The first seconds have too few arrivals to bound 50 ms of jitter.
      return Math.max(...errors.slice(5));
    });
    expect(Math.max(...worst)).toBeLessThan(10);
  });

  it('come together again after one clock jumps by an hour', () => {
    const errors = alignmentErrors({ jumps: [{ atUs: START_US + 45e6, byUs: 3_600e6 }] }, { driftPpm: -100 }, 77);
    expect(errors.length).toBeGreaterThan(50);
    expect(Math.max(...errors.slice(-25))).toBeLessThan(10);
  });
});
