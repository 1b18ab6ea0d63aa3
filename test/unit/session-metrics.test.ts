import { describe, expect, test } from 'vitest';
import { computeSessionMetrics, type SessionStream, summariseSession } from '../../src/signal/session-metrics.ts';

const wearable = (channels: readonly (readonly [string, string])[], rows: readonly (readonly number[])[]): SessionStream => ({
  kind: 'wearable',
  placement: 'chest',
  channels: channels.map(([name, unit]) => ({ name, unit })),
  rateHz: 1,
  startUs: 0,
  samples: Float32Array.from(rows.flat()),
});

const force = (share: number, from: number): SessionStream['samples'] => {
  const weight = 700;
  const rows: number[] = [];
  for (let i = 0; i < 6000; i += 1) {
    if (i < 3000) rows.push(weight);
    else if (i < 3250) rows.push(weight / 2);
    else if (i < 3600) rows.push(weight * 2.07);
    else if (i < 4100) rows.push(0);
    else if (i < 4200) rows.push(weight * 3.5);
    else rows.push(weight);
  }
  return Float32Array.from(rows.slice(from), (value) => value * share);
};

const plate = (placement: string, share: number, from: number): SessionStream => ({
  ...wearable([['fv', 'N']], []),
  kind: 'force-plate',
  placement,
  rateHz: 1000,
  startUs: from * 1000,
  samples: force(share, from),
});

describe('session metrics', () => {
  test('of no streams are none', () => {
    expect(computeSessionMetrics([])).toEqual([]);
    expect(summariseSession([])).toMatchObject({ jumps: null, gait: null, sideSwap: null, sensorFaults: null, wearable: null });
  });

  test('carry unit, method, parameters and the end of the data', () => {
    const [metric] = computeSessionMetrics([wearable([['heartRate', 'Hz']], [[1], [1], [1]])]);
    expect(metric).toMatchObject({ name: 'heartRate', value: 60, unit: 'bpm', method: 'session-mean-1', atUs: 3e6, provisional: false });
    expect(metric?.parameters).toHaveProperty('lowestBpm');
  });

  test('a channel in a unit that is not its own is not used', () => {
    expect(computeSessionMetrics([wearable([['heartRate', 'N']], [[60], [61]])])).toEqual([]);
  });

  test('feet without a step store no gait, and plates without a jump nothing', () => {
    const foot = {
      ...wearable([], []),
      kind: 'imu' as const,
      placement: 'foot-left',
      rateHz: 100,
      channels: ['ax', 'ay', 'az', 'gx', 'gy', 'gz'].map((name, i) => ({ name, unit: i < 3 ? 'm/s2' : 'rad/s' })),
      samples: new Float32Array(600),
    };
    const standing = {
      ...wearable(
        [['fv', 'N']],
        Array.from({ length: 3000 }, () => [700]),
      ),
      kind: 'force-plate' as const,
      placement: 'single',
      rateHz: 1000,
    };
    // All zeros: the sensor is frozen.
    expect(computeSessionMetrics([foot, standing])).toMatchObject([{ name: 'sensor-faults', value: 1, detail: { seconds: { flat: 1 } } }]);
    expect(summariseSession([foot, standing])).toMatchObject({ jumps: [], gait: { strideTimeS: null }, sideSwap: null, wearable: null });
  });

  test('two plates are put together by time', () => {
    const { jumps } = summariseSession([plate('left', 0.55, 500), plate('right', 0.45, 0)]);
    expect(jumps).toHaveLength(1);
    expect(jumps?.[0]?.takeoffS).toBeCloseTo(3.6, 3);
    expect(jumps?.[0]?.jump.asymmetryPct).toBeCloseTo(10, 3);
  });

  test('incomplete rows are refused', () => {
    expect(() =>
      summariseSession([
        {
          ...wearable(
            [
              ['heartRate', 'bpm'],
              ['rrMs', 'ms'],
            ],
            [[60]],
          ),
        },
      ]),
    ).toThrow(RangeError);
  });
});
