import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionHistograms, sessionMinutes } from '../../src/signal/session-histograms.ts';
import type { SessionStream } from '../../src/signal/session-metrics.ts';

const stream = (name: string, unit: string, samples: readonly number[], given: Partial<SessionStream> = {}): SessionStream => ({
  kind: 'position',
  placement: 'body',
  channels: [{ name, unit }],
  rateHz: 1,
  startUs: 1_000_000_000_000_000,
  samples: Float32Array.from(samples),
  ...given,
});
const times = (value: number, count: number): number[] => Array.from({ length: count }, () => value);
const START_US = 1_000_000_000_000_000;

describe('the histograms of a session', () => {
  it('hold the seconds at each value, in the unit of the quantity, wherever the channel is sent', () => {
    const [heart] = sessionHistograms([stream('heartRate', 'Hz', [2, 2, 2.5])], false);
    expect(heart).toMatchObject({
      quantity: 'heart-rate',
      unit: 'bpm',
      binWidth: 1,
      sessionSeconds: 3,
      observedSeconds: 3,
      truncated: false,
    });
    expect(heart?.bins).toEqual([
      [120, 2, 240],
      [150, 1, 150],
    ]);
    const [speed] = sessionHistograms([stream('speed', 'km/h', times(19.8, 20), { rateHz: 10 })], true);
    expect(speed?.bins.map(([bin, seconds]) => [bin, seconds])).toEqual([[55, 2]]);
    expect(speed?.truncated).toBe(true);
  });

  it('leave out what no sensor can mean, and are measured against the whole session', () => {
    const [heart] = sessionHistograms(
      [
        stream('heartRate', 'bpm', [...times(140, 60), ...times(0, 30), ...times(300, 30)], { kind: 'wearable' }),
        stream('ax', 'm/s2', times(0, 240), { kind: 'imu', placement: 'trunk' }),
      ],
      false,
    );
    // The last value before contact was lost stands for 10 s.
    expect(heart?.bins).toEqual([[140, 60, 8_400]]);
    expect(heart).toMatchObject({ sessionSeconds: 240, observedSeconds: 60 });
  });

  it('let a heart rate that comes every few seconds stand until the next', () => {
    const sparse = Array.from({ length: 61 }, (_, i) => (i % 5 === 0 ? 130 : Number.NaN));
    expect(sessionHistograms([stream('heartRate', 'bpm', sparse)], false)[0]?.bins).toEqual([[130, 61, 7_930]]);
    expect(
      sessionHistograms(
        [
          stream(
            'speed',
            'm/s',
            sparse.map((v) => v / 50),
          ),
        ],
        false,
      )[0]?.observedSeconds,
    ).toBe(13);
  });

  it('count a second once where two devices measured it, and join what a restarted device sent', () => {
    const first = stream('speed', 'm/s', times(3, 600), { rateHz: 10 });
    const second = stream('speed', 'm/s', times(5, 30), { placement: 'other', rateHz: 1 });
    const again = stream('speed', 'm/s', times(4, 100), { rateHz: 10, startUs: START_US + 90e6 });
    const [speed] = sessionHistograms([second, first, again], false);
    expect(speed).toMatchObject({ sessionSeconds: 100, observedSeconds: 70 });
    expect(speed?.bins.map(([bin, seconds]) => [bin, seconds])).toEqual([
      [30, 60],
      [40, 10],
    ]);
  });

  it('leave out a stretch whose clock could not be placed', () => {
    const lost = stream('speed', 'm/s', times(4, 100), { startUs: 5_000_000 });
    const [speed] = sessionHistograms([lost, stream('speed', 'm/s', times(3, 600))], false);
    expect(speed).toMatchObject({ sessionSeconds: 600, observedSeconds: 600 });
    expect(sessionMinutes([lost, stream('speed', 'm/s', times(3, 600))])).toBe(10);
  });

  it('are none without such a channel, and empty where it measured nothing', () => {
    expect(sessionHistograms([], false)).toEqual([]);
    expect(sessionMinutes([])).toBeNull();
    expect(sessionHistograms([stream('spo2', '%', [98]), stream('speed', 'bpm', [98])], false)).toEqual([]);
    expect(sessionHistograms([stream('heartRate', 'bpm', times(Number.NaN, 5))], false)).toMatchObject([{ bins: [], observedSeconds: 0 }]);
  });

  it('add up to what was observed, whatever is sent', () => {
    const value = fc.oneof(fc.float(), fc.float({ min: 0, max: 12 }), fc.constant(Number.NaN));
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 200 }),
        fc.constantFrom(0.5, 1, 3, 10, 25, 100),
        fc.nat(2_000_000),
        (samples, rateHz, late) => {
          const own = stream('speed', 'm/s', samples, { rateHz, startUs: START_US + late });
          for (const { bins, observedSeconds, sessionSeconds, binWidth } of sessionHistograms([own, stream('x', 'm', [1])], false)) {
            expect(bins.reduce((sum, [, seconds]) => sum + seconds, 0)).toBeCloseTo(observedSeconds, 4);
            expect(observedSeconds).toBeLessThanOrEqual(sessionSeconds + 1e-9);
            for (const [bin, seconds, sum] of bins) {
              expect(sum / seconds).toBeGreaterThanOrEqual(bin * binWidth - 1e-3);
              expect(sum / seconds).toBeLessThan((bin + 1) * binWidth + 1e-3);
            }
          }
        },
      ),
    );
  });
});
