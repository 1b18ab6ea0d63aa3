import { describe, expect, test } from 'vitest';
import { detectSensorFaults, type SensorFault, type SensorFaultKind } from '../../src/signal/sensor-faults.ts';
import { computeSessionMetrics } from '../../src/signal/session-metrics.ts';
import type { ImuStretch } from '../../src/signal/side-swap.ts';
import { createSimulatedAthlete, type SimulatedAthleteOptions } from '../../src/simulate/simulated-athlete.ts';

const RATE_HZ = 100;
const DURATION_S = 120;

interface Worn {
  readonly placement: string;
  readonly stretch: ImuStretch;
  readonly truth: readonly { readonly kind: string; readonly startS: number; readonly endS: number }[];
}

/** The IMUs of an athlete as a session holds them: one stretch each, gaps as rows of NaN. */
function worn(options: Partial<SimulatedAthleteOptions> & { readonly seed: number }): Worn[] {
  const athlete = createSimulatedAthlete({
    durationS: DURATION_S,
    profile: 'healthy',
    mode: 'recorded',
    imuRateHz: RATE_HZ,
    sensors: { wearable: false, position: false },
    faults: false,
    ...options,
  });
  const blocks = athlete.render(0, DURATION_S);
  return athlete.streams.map(({ declaration: { placement, scale = [], gravity } }, index) => {
    const samples = new Float32Array(DURATION_S * RATE_HZ * 6).fill(Number.NaN);
    for (const block of blocks.filter(({ stream }) => stream === index)) {
      block.samples.forEach((value, i) => {
        samples[block.firstSample * 6 + i] = value * (scale[i % 6] ?? 1);
      });
    }
    const stretch: ImuStretch = { samples, rateHz: RATE_HZ, gravity: gravity ?? 'included', startS: 0 };
    return { placement, stretch, truth: athlete.faults().filter(({ stream }) => stream === index) };
  });
}

const secondsOf = (faults: readonly { readonly startS: number; readonly endS: number }[]): number =>
  faults.reduce((sum, { startS, endS }) => sum + endS - startS, 0);

/** Seconds that both have. */
const shared = (a: readonly SensorFault[], b: Worn['truth']): number =>
  a.reduce((sum, x) => sum + b.reduce((more, y) => more + Math.max(0, Math.min(x.endS, y.endS) - Math.max(x.startS, y.startS)), 0), 0);

const of = <T extends { readonly kind: string }>(faults: readonly T[], kind: string): T[] => faults.filter((fault) => fault.kind === kind);

describe('faults of simulated sensors', () => {
  const ATHLETES = 12;
  /** The gyroscope's zero shows at rest only. */
  const WALKS_WITH_RESTS = [
    { activity: 'walk', durationS: 20 },
    { activity: 'run', durationS: 15 },
    { activity: 'rest', durationS: 5 },
  ] as const;
  /** Recall and precision in seconds over the feet of athletes of which one foot has the fault from a drawn time on. */
  function scoreOf(kind: 'saturation' | 'dropout' | 'drift') {
    let [true_, found, both] = [0, 0, 0];
    for (let i = 0; i < ATHLETES; i += 1) {
      const gravity = i % 2 === 0 ? 'included' : 'removed';
      for (const { stretch, truth } of worn({ seed: 700 + i, fault: { kind, from: 'drawn' }, gravity, protocol: WALKS_WITH_RESTS })) {
        const detected = of(detectSensorFaults([stretch]), kind);
        true_ += secondsOf(of(truth, kind));
        found += secondsOf(detected);
        both += shared(detected, of(truth, kind));
      }
    }
    return { recall: both / true_, precision: both / found };
  }

  // A narrow range clips in movement only; a gyroscope's bias grows for twelve seconds before it counts and is then seen at the next rest.
  test.each([
    ['dropout', 0.99, 0.99],
    ['saturation', 0.6, 0.99],
    ['drift', 0.5, 0.9],
  ] as const)('%s', (kind, recall, precision) => {
    const score = scoreOf(kind);
    console.log(`${kind}: recall ${score.recall.toFixed(3)}, precision ${score.precision.toFixed(3)} in seconds over ${ATHLETES} athletes`);
    expect(score.recall).toBeGreaterThanOrEqual(recall);
    expect(score.precision).toBeGreaterThanOrEqual(precision);
  });

  test('sensors without a fault have none, walking, running, altered and at rest', () => {
    const found: string[] = [];
    for (let i = 0; i < 16; i += 1) {
      const severity = i % 4 >= 2 ? { peak: 1 } : {};
      const protocol = (['walk', 'run', 'mixed', 'rest'] as const)[i >> 2] ?? 'mixed';
      const sensors = worn({
        seed: 900 + i,
        protocol,
        severity,
        profile: i % 4 >= 2 ? 'altered' : 'healthy',
        gravity: i % 2 === 0 ? 'included' : 'removed',
      });
      for (const { placement, stretch } of sensors)
        found.push(...detectSensorFaults([stretch]).map(({ kind }) => `${protocol} ${placement} ${kind}`));
    }
    expect(found).toEqual([]);
  });
});

describe('single faults', () => {
  const noisy = (seconds: number): Float32Array =>
    Float32Array.from({ length: seconds * RATE_HZ * 6 }, (_, i) => 0.02 * Math.sin(i * 1.7 + (i % 6)) + 0.01 * Math.cos(i * 0.31));
  const stretch = (samples: Float32Array, startS = 0): ImuStretch => ({ samples, rateHz: RATE_HZ, gravity: 'removed', startS });
  const kinds = (faults: readonly SensorFault[]): SensorFaultKind[] => faults.map(({ kind }) => kind);

  test('a frozen sensor', () => {
    const samples = noisy(4);
    for (let i = 100 * 6; i < 200 * 6; i += 1) samples[i] = samples[i % 6] as number;
    expect(detectSensorFaults([stretch(samples)])).toEqual([{ kind: 'flat', startS: 1, endS: 2 }]);
  });

  test('one that is off zero while it stands still, and not one that turns', () => {
    const off = noisy(20).map((value, i) => (i % 6 === 4 && i >= 10 * RATE_HZ * 6 ? value + 0.3 : value));
    expect(detectSensorFaults([stretch(off)])).toEqual([{ kind: 'drift', startS: 10, endS: 20 }]);
    const turning = noisy(20).map((value, i) => (i % 6 === 4 ? 3 * Math.sin((2 * Math.PI * i) / (6 * RATE_HZ)) : value));
    expect(detectSensorFaults([stretch(turning)])).toEqual([]);
  });

  test('plateaus that come back at one value; a single one may be chance', () => {
    const clipped = (count: number): Float32Array => {
      const samples = noisy(10);
      for (let k = 0; k < count; k += 1) for (let row = 0; row < 3; row += 1) samples[(200 + 100 * k + row) * 6] = 39.2;
      return samples;
    };
    expect(detectSensorFaults([stretch(clipped(4))])).toEqual([{ kind: 'saturation', startS: 2, endS: 5.03 }]);
    expect(detectSensorFaults([stretch(clipped(1))])).toEqual([]);
  });

  test('gaps inside a stretch and between two, in order', () => {
    const samples = noisy(4);
    samples.fill(Number.NaN, 50 * 6, 80 * 6);
    const found = detectSensorFaults([stretch(samples, 10), stretch(noisy(2), 40)]);
    expect(kinds(found)).toEqual(['dropout', 'dropout']);
    expect(found.map(({ startS, endS }) => [startS, endS])).toEqual([
      [10.5, 10.8],
      [14, 40],
    ]);
  });

  test('none in what is empty', () => {
    expect(detectSensorFaults([])).toEqual([]);
    expect(detectSensorFaults([stretch(new Float32Array())])).toEqual([]);
  });
});

describe('the session metric', () => {
  const channels = ['ax', 'ay', 'az', 'gx', 'gy', 'gz'].map((name, i) => ({ name, unit: i < 3 ? 'm/s2' : 'rad/s' }));
  const metricOf = (sensors: readonly Worn[]) =>
    computeSessionMetrics(
      sensors.map(({ placement, stretch }) => ({
        kind: 'imu' as const,
        placement,
        channels,
        rateHz: RATE_HZ,
        gravity: stretch.gravity,
        startUs: 5e6,
        samples: stretch.samples as Float32Array,
      })),
    ).find(({ name }) => name === 'sensor-faults');

  test('counts the intervals and lists them by sensor', () => {
    const sensors = worn({ seed: 700, fault: { kind: 'dropout' } });
    const metric = metricOf(sensors);
    const placement = sensors.find(({ truth }) => truth.length > 0)?.placement;
    const { intervals = [] } = (metric?.detail ?? {}) as { intervals?: readonly { placement: string; kind: string }[] };
    expect(metric?.value).toBe(intervals.length);
    expect(intervals.length).toBeGreaterThan(2);
    expect(intervals.every((interval) => interval.placement === placement && interval.kind === 'dropout')).toBe(true);
  });

  test('is 0 where nothing is wrong, and absent without an IMU', () => {
    expect(metricOf(worn({ seed: 31, protocol: 'walk' }))).toMatchObject({ value: 0, detail: { intervals: [], seconds: {} } });
    expect(metricOf([])).toBeUndefined();
  });
});
