import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unitConversion } from '../../src/align/units.ts';
import { createBaselines, moveBaselines, normaliseWindow, PRIOR_WINDOWS, useDevice } from '../../src/normalise/baseline.ts';
import { applyFir, designLowPass } from '../../src/signal/fir.ts';
import { kernelWeights, resampleKernel } from '../../src/signal/resample.ts';
import { createSampleBuffer } from '../../src/signal/ring-buffer.ts';
import { randomFrom } from '../support/athlete-frames.ts';
import { standInContract } from '../support/contract.ts';

/** Gain of a 200 Hz kernel for a sine of `hz` at fraction 0. */
function gainAt(hz: number, nativeHz: number): number {
  const kernel = resampleKernel(nativeHz, 100);
  const weights = new Float64Array(2 * kernel.half);
  kernelWeights(kernel, 0, weights);
  return weights.reduce((sum, weight, j) => sum + weight * Math.cos((2 * Math.PI * hz * (j - kernel.half + 1)) / nativeHz), 0);
}

describe('resampling kernels', () => {
  it('pass what the grid can carry and stop what would fold: 25 Hz within 2 %, 55 Hz and above below -46 dB', () => {
    for (const nativeHz of [200, 250, 1000]) {
      expect(gainAt(0, nativeHz)).toBeCloseTo(1, 9);
      expect(Math.abs(gainAt(25, nativeHz) - 1)).toBeLessThan(0.02);
      for (const hz of [55, 70, 90]) expect(Math.abs(gainAt(hz, nativeHz))).toBeLessThan(0.005);
    }
  });

  it('keep a constant at every fraction, and give the sample itself on it when interpolating upwards', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.constantFrom(50, 100, 200, 333), (fraction, nativeHz) => {
        const kernel = resampleKernel(nativeHz, 100);
        const weights = new Float64Array(2 * kernel.half);
        kernelWeights(kernel, fraction, weights);
        expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
      }),
    );
    const weights = new Float64Array(4);
    kernelWeights(resampleKernel(50, 100), 0, weights);
    expect([...weights]).toEqual([0, 1, 0, 0].map((w) => expect.closeTo(w, 12)));
  });

  it('refuse rates that are not positive', () => {
    expect(() => resampleKernel(0, 100)).toThrow(RangeError);
    expect(() => resampleKernel(Number.NaN, 100)).toThrow(RangeError);
  });
});

describe('FIR', () => {
  it('has unit gain at 0 Hz, keeps the length, gives NaN only where too little is known', () => {
    const taps = designLowPass(10, 100, 8);
    expect([...applyFir([2, 2, 2, 2, 2], taps)]).toEqual([2, 2, 2, 2, 2].map((v) => expect.closeTo(v, 12)));
    expect(applyFir([], taps)).toHaveLength(0);
    expect([...applyFir([Number.NaN, Number.NaN], taps)]).toEqual([Number.NaN, Number.NaN]);
    expect(() => designLowPass(60, 100, 8)).toThrow(RangeError);
  });
});

describe('sample buffer', () => {
  it('is the tail of what was appended, whatever was dropped, grown or overwritten', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 40 })), { maxLength: 40 }), (steps) => {
        const buffer = createSampleBuffer(2, 4, 64);
        const all: number[] = [];
        for (const [count, drop] of steps) {
          const rows = Float32Array.from({ length: count * 2 }, (_, i) => (all.length + Math.floor(i / 2)) * (i % 2 === 0 ? 1 : -1));
          buffer.append(rows, count);
          for (let i = 0; i < count; i += 1) all.push(all.length);
          buffer.dropBefore(buffer.first + drop);
        }
        expect(buffer.end).toBe(all.length);
        expect(buffer.end - buffer.first).toBeLessThanOrEqual(64);
        for (let n = buffer.first; n < buffer.end; n += 1) {
          expect(buffer.channel(0)[n + buffer.base()]).toBe(n);
          expect(buffer.channel(1)[n + buffer.base()]).toBe(n === 0 ? -0 : -n);
        }
      }),
    );
  });

  it('counts what one append beyond the bound overwrites', () => {
    const buffer = createSampleBuffer(1, 4, 8);
    buffer.append(
      Float32Array.from({ length: 20 }, (_, i) => i),
      20,
    );
    expect([buffer.first, buffer.end, buffer.overwritten]).toEqual([12, 20, 12]);
  });
});

describe('units', () => {
  it('come to the contract’s, or are refused', () => {
    expect(unitConversion('g', 'm/s2', null)).toEqual({ factor: 9.80665, offset: 0 });
    expect(unitConversion('deg/s', 'rad/s', null)?.factor).toBeCloseTo(Math.PI / 180, 12);
    expect(unitConversion('bpm', '1/min', null)).toEqual({ factor: 1, offset: 0 });
    const fahrenheit = unitConversion('[degF]', 'Cel', null);
    expect(98.6 * (fahrenheit?.factor ?? 0) + (fahrenheit?.offset ?? 0)).toBeCloseTo(37, 9);
    expect(unitConversion('N', 'BW', 70)?.factor).toBeCloseTo(1 / 686.4655, 9);
    expect(unitConversion('N', 'BW', null)).toBeNull();
    expect(unitConversion('furlong', 'm', null)).toBeNull();
    expect(unitConversion('m', 's', null)).toBeNull();
  });
});

describe('baselines', () => {
  const contract = standInContract();
  const channels = contract.bio.length;
  const window = (random: () => number, mean: number, sd: number) => {
    const bio = new Float32Array(200 * channels);
    const mask = new Float32Array(200 * channels);
    for (let at = 0; at < bio.length; at += channels) {
      mask[at] = 1;
      // Sum of 12 uniform numbers: near enough to normal.
      let sum = -6;
      for (let i = 0; i < 12; i += 1) sum += random();
      bio[at] = mean + sd * sum;
    }
    return { bio, mask };
  };

  it('start at the population, move to the athlete, and shrug at outliers', () => {
    const random = randomFrom(3);
    const baselines = createBaselines(contract);
    for (let i = 0; i < 3_000; i += 1) {
      const { bio, mask } = window(random, 2, 8);
      if (i % 10 === 0) bio[0] = 1e6;
      moveBaselines(baselines, contract, normaliseWindow(bio, mask, 200, contract, baselines, 'walk'), 'walk');
    }
    expect(baselines.location[channels]).toBeCloseTo(2, 0);
    expect(Math.abs((baselines.scale[channels] as number) - 8)).toBeLessThan(0.4);
    // Other classes and channels are untouched.
    expect(baselines.location[0]).toBe(0);
    expect(baselines.location[channels + 1]).toBe(0);
  });

  it('lean on the population by half after as many windows as the prior counts', () => {
    const baselines = createBaselines(contract);
    for (let i = 0; i < PRIOR_WINDOWS; i += 1) {
      const { bio, mask } = window(() => 0.5, 1, 1);
      moveBaselines(baselines, contract, normaliseWindow(bio, mask, 200, contract, baselines, 'rest'), 'rest');
    }
    expect(baselines.location[0]).toBeGreaterThan(0.4);
    expect(baselines.location[0]).toBeLessThan(0.7);
  });

  it('clip z, count it, and mark masked places with 0', () => {
    const { bio, mask } = window(() => 0.5, 0, 1);
    bio[0] = 1e9;
    bio[5] = 77; // masked
    const done = normaliseWindow(bio, mask, 200, contract, createBaselines(contract), 'run');
    expect(done.clipped).toBe(1);
    expect(bio[0]).toBe(contract.zClip);
    expect(bio[5]).toBe(0);
    expect(done.observedFraction).toBeCloseTo(1 / channels, 9);
    expect(done.summary[1]).toBeNaN();
  });

  it('begin anew for a channel that another device feeds', () => {
    const baselines = createBaselines(contract);
    useDevice(baselines, contract, 0, 7);
    baselines.location[0] = 5;
    useDevice(baselines, contract, 0, 7);
    expect(baselines.location[0]).toBe(5);
    useDevice(baselines, contract, 0, 8);
    expect(baselines.location[0]).toBe(0);
  });
});
