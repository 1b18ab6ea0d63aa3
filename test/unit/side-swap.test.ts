import { beforeAll, describe, expect, test } from 'vitest';
import { computeSessionMetrics, type SessionStream } from '../../src/signal/session-metrics.ts';
import { detectSideSwap, type ImuStretch, SIDE_SWAP_METHOD, type SideSwap } from '../../src/signal/side-swap.ts';
import { createSimulatedAthlete } from '../../src/simulate/simulated-athlete.ts';

const RATE_HZ = 100;
const MOVING_S = 30;
const REST_S = 3;
const DURATION_S = MOVING_S + 2 * REST_S;

interface Worn {
  readonly left: readonly ImuStretch[];
  readonly right: readonly ImuStretch[];
  readonly trunk: readonly ImuStretch[];
}

interface Case {
  readonly activity: 'walk' | 'run';
  readonly severity: 0 | 1;
  readonly gravity: 'included' | 'removed';
  readonly exchanged: boolean;
  readonly withTrunk: SideSwap;
  readonly feetOnly: SideSwap;
}

/** A stretch of standing, moving and standing again, dropouts left out. */
function worn(seed: number, activity: 'walk' | 'run', severity: 0 | 1, gravity: 'included' | 'removed', isSwapped = false): Worn {
  const athlete = createSimulatedAthlete({
    seed,
    durationS: DURATION_S,
    profile: severity === 1 ? 'altered' : 'healthy',
    severity: severity === 1 ? { peak: 1 } : {},
    protocol: [
      { activity: 'rest', durationS: REST_S },
      { activity, durationS: MOVING_S },
      { activity: 'rest', durationS: REST_S },
    ],
    mode: 'recorded',
    imuRateHz: RATE_HZ,
    gravity,
    sensors: { wearable: false, position: false },
    ...(isSwapped ? { fault: { kind: 'swapped' } } : {}),
  });
  const stretches = (placement: string): ImuStretch[] =>
    athlete.streams
      .filter(({ declaration }) => declaration.placement === placement)
      .map((stream) => ({ stream, scale: stream.declaration.scale ?? [] }))
      .map(({ stream, scale }) => ({
        samples: Float32Array.from(stream.render(0, DURATION_S * RATE_HZ), (value, i) => value * (scale[i % 6] ?? 1)),
        rateHz: RATE_HZ,
        gravity,
        startS: 0,
      }));
  return { left: stretches('foot-left'), right: stretches('foot-right'), trunk: stretches('trunk') };
}

/** Half of the athletes wear their feet's sensors exchanged. Seeds from 5,000: none that a threshold was chosen on. */
function caseOf(i: number): Case {
  const activity = i % 2 === 0 ? 'walk' : 'run';
  const severity = (i >> 1) % 2 === 0 ? 0 : 1;
  const gravity = (i >> 2) % 2 === 0 ? 'removed' : 'included';
  const exchanged = (i >> 3) % 2 === 1;
  const { left, right, trunk } = worn(5_000 + 13 * i, activity, severity, gravity, exchanged);
  const withTrunk = detectSideSwap({ left, right, trunk });
  return { activity, severity, gravity, exchanged, withTrunk, feetOnly: detectSideSwap({ left, right, trunk: [] }) };
}

const share = (cases: readonly Case[], keep: (one: Case) => boolean): number => cases.filter(keep).length / cases.length;

describe('exchanged feet of simulated athletes', () => {
  const cases: Case[] = [];
  beforeAll(() => {
    for (let i = 0; i < 128; i += 1) cases.push(caseOf(i));
  });

  const rates = (of: 'withTrunk' | 'feetOnly', keep: (one: Case) => boolean) => {
    const kept = cases.filter(keep);
    const [exchanged, straight] = [kept.filter((one) => one.exchanged), kept.filter((one) => !one.exchanged)];
    return {
      noticed: share(exchanged, (one) => one[of].swapped === true),
      missed: share(exchanged, (one) => one[of].swapped === false),
      falseAlarms: share(straight, (one) => one[of].swapped === true),
    };
  };

  test.each([
    ['walking', 0, 'walk'],
    ['walking, altered', 1, 'walk'],
    ['running', 0, 'run'],
    ['running, altered', 1, 'run'],
  ] as const)(
    '%s: noticed with a trunk sensor and no false alarm; feet alone say less and are hardly ever wrong',
    (name, severity, activity) => {
      const keep = (one: Case): boolean => one.severity === severity && one.activity === activity;
      const [withTrunk, feetOnly] = [rates('withTrunk', keep), rates('feetOnly', keep)];
      console.log(`${name}: with trunk ${JSON.stringify(withTrunk)}, feet only ${JSON.stringify(feetOnly)}`);
      expect(withTrunk.noticed).toBeGreaterThanOrEqual(0.85);
      expect(withTrunk.falseAlarms + withTrunk.missed).toBe(0);
      expect(feetOnly.noticed).toBeGreaterThanOrEqual(0.3);
      expect(feetOnly.falseAlarms + feetOnly.missed).toBeLessThanOrEqual(0.07);
    },
  );
});

describe('what the detector needs', () => {
  const sensors = worn(31, 'walk', 0, 'removed');

  test('a sensor may sit on its foot in any orientation', () => {
    const straight = detectSideSwap(sensors);
    const mounted = (stretch: ImuStretch, order: readonly number[], signs: readonly number[]): ImuStretch => ({
      ...stretch,
      samples: Float32Array.from(stretch.samples, (_, i) => {
        const [row, column] = [Math.floor(i / 6), i % 6];
        const from = (order[column % 3] ?? 0) + (column < 3 ? 0 : 3);
        return (stretch.samples[row * 6 + from] as number) * (signs[column % 3] ?? 1);
      }),
    });
    // Two rotations of the axes, another one a foot.
    const left = sensors.left.map((stretch) => mounted(stretch, [1, 2, 0], [1, 1, 1]));
    const right = sensors.right.map((stretch) => mounted(stretch, [0, 1, 2], [-1, -1, 1]));
    const turned = detectSideSwap({ left, right, trunk: [] });
    expect(turned.evidence.path).toBeCloseTo(straight.evidence.path, 3);
    expect(straight.evidence.path).not.toBe(0);
  });

  test('strides: standing, empty streams and one foot alone give null', () => {
    const nothing = { swapped: null, evidence: { path: Number.NaN, trunkRadS: Number.NaN } };
    expect(detectSideSwap({ left: [], right: [], trunk: [] })).toEqual({ ...nothing, strides: { left: 0, right: 0 } });
    const resting = (stretch: ImuStretch): ImuStretch => ({
      ...stretch,
      samples: Float32Array.from(stretch.samples).subarray(0, 6 * RATE_HZ * REST_S),
    });
    const standing = detectSideSwap({ left: sensors.left.map(resting), right: sensors.right.map(resting), trunk: sensors.trunk });
    expect(standing).toEqual({ ...nothing, strides: { left: 0, right: 0 } });
    expect(detectSideSwap({ left: sensors.left, right: [], trunk: sensors.trunk }).swapped).toBeNull();
  });

  test('a stride with a gap in it does not count, the others do', () => {
    const whole = detectSideSwap(sensors);
    const gap = (stretch: ImuStretch): ImuStretch => ({
      ...stretch,
      samples: Float32Array.from(stretch.samples, (value, i) => (i >= 6_000 && i < 6_300 ? Number.NaN : value)),
    });
    const holed = detectSideSwap({ left: sensors.left.map(gap), right: sensors.right.map(gap), trunk: sensors.trunk });
    expect(holed.swapped).toBe(whole.swapped);
    expect(holed.strides.left).toBeLessThan(whole.strides.left);
    expect(holed.strides.left).toBeGreaterThan(whole.strides.left - 4);
  });

  test('a trunk sensor without gravity votes only where its z can be up', () => {
    const lying = (from: readonly number[], sign: number) =>
      sensors.trunk.map((stretch) => ({
        ...stretch,
        samples: Float32Array.from(stretch.samples, (_, i) => sign * (stretch.samples[i - (i % 3) + (from[i % 3] ?? 0)] as number)),
      }));
    const yawOf = (trunk: readonly ImuStretch[]): number => detectSideSwap({ ...sensors, trunk }).evidence.trunkRadS;
    expect(yawOf(sensors.trunk)).toBeGreaterThan(0.1);
    // z forward; z down.
    expect(yawOf(lying([1, 2, 0], 1))).toBeNaN();
    expect(yawOf(lying([0, 1, 2], -1))).toBeNaN();
  });

  test('evidence that disagrees gives null', () => {
    const { left, right, trunk } = sensors;
    const backwards = trunk.map((stretch) => ({
      ...stretch,
      samples: Float32Array.from(stretch.samples, (value, i) => (i % 6 < 3 ? value : -value)),
    }));
    expect(detectSideSwap({ left, right, trunk }).swapped).toBe(false);
    expect(detectSideSwap({ left, right, trunk: backwards }).swapped).toBeNull();
  });
});

describe('the session metric', () => {
  const channels = ['ax', 'ay', 'az', 'gx', 'gy', 'gz'].map((name, i) => ({ name, unit: i < 3 ? 'm/s2' : 'rad/s' }));
  const sensors = worn(31, 'walk', 0, 'removed');
  const stream = (placement: string, [stretch]: readonly ImuStretch[]): SessionStream => ({
    kind: 'imu',
    placement,
    channels,
    rateHz: RATE_HZ,
    gravity: 'removed',
    startUs: 1e9,
    samples: stretch?.samples as Float32Array,
  });
  const metricOf = (streams: readonly SessionStream[]) => computeSessionMetrics(streams).find(({ name }) => name === 'sides-swapped');

  test('is 0 as worn and 1 where the feet are exchanged, with its evidence', () => {
    const trunk = stream('trunk', sensors.trunk);
    const straight = metricOf([stream('foot-left', sensors.left), stream('foot-right', sensors.right), trunk]);
    expect(straight).toMatchObject({ value: 0, unit: '1', method: SIDE_SWAP_METHOD, provisional: false });
    expect(metricOf([stream('foot-left', sensors.right), stream('foot-right', sensors.left), trunk])).toMatchObject({ value: 1 });
    expect(straight?.detail).toMatchObject({
      strides: { left: expect.any(Number) },
      path: expect.any(Number),
      trunkRadS: expect.any(Number),
    });
  });

  test('is absent with one foot', () => {
    expect(metricOf([stream('foot-left', sensors.left), stream('trunk', sensors.trunk)])).toBeUndefined();
  });
});
