import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EMPTY_DEVIATION,
  FAST_PER_SD,
  acceptNewNormal,
  stepDeviation,
  strongestChanges,
  type DeviationState,
} from '../../src/asms/deviation.ts';
import { baselineStatus, NOT_FROZEN, stepFreeze } from '../../src/asms/freeze.ts';
import { asmsParams } from '../../src/asms/params.ts';
import type { ActivityClass } from '../../src/contracts/model.ts';

const { deviation: params, freeze } = asmsParams({ bio: [], thresholds: { high: 0.7, low: 0.4, k: 3, n: 5, source: 'test' } });

interface Step {
  readonly second: number;
  readonly level: number;
  readonly activity?: ActivityClass;
  readonly speedMps?: number | null;
  readonly frozen?: boolean;
}
/** Two channels, their means at `level`, their RMS at 1. */
const step = (state: DeviationState, { second, level, activity = 'run', speedMps = null, frozen = false }: Step) =>
  stepDeviation(
    state,
    { windowIndex: second, endUs: second * 1e6, activity, speedMps, frozen, channelSummary: Float32Array.from([level, level, 1, 1]) },
    params,
  );
const play = (steps: readonly Step[], from: DeviationState = EMPTY_DEVIATION) => {
  let state = from;
  return steps.map((one) => {
    const next = step(state, one);
    ({ state } = next);
    return next;
  });
};
const seconds = (from: number, count: number, more: Omit<Step, 'second'>): Step[] =>
  Array.from({ length: count }, (_, i) => ({ second: from + i, ...more }));
const last = <T>(list: readonly T[]): T => list.at(-1) as T;

describe('drift in time', () => {
  it('starts anew after a gap: it says nothing until there is enough since, and nothing of before remains in the fast mean', () => {
    const before = last(play(seconds(0, 300, { level: 2 })));
    const after = play(seconds(1_000, 25, { level: 0 }), before.state);
    expect(after.slice(0, 19).map(({ report }) => report.drift)).toEqual(Array.from({ length: 19 }, () => null));
    expect(last(after).state.classes.run?.fast[0]).toBe(0);
    expect(last(after).report.drift?.value).toBeGreaterThan(1);
  });

  it('counts windows lost inside a bout as time that passed', () => {
    const usual = last(play(seconds(0, 600, { level: 0 }))).state;
    const whole = (last(play(seconds(600, 9, { level: 1 }), usual)).state.classes.run?.fast[0] ?? 0) / FAST_PER_SD;
    const sparse =
      (last(
        play(
          [600, 604, 608].map((second) => ({ second, level: 1 })),
          usual,
        ),
      ).state.classes.run?.fast[0] ?? 0) / FAST_PER_SD;
    const blind = 1 - Math.exp(-3 / params.driftFastTauS);
    expect(sparse).toBeCloseTo(whole, 3);
    expect(sparse).toBeGreaterThan(blind + 0.2);
  });

  it('does not let time in another class age the running mean', () => {
    const run = last(play(seconds(0, 200, { level: 1 }))).state;
    const walked = last(play(seconds(200, 300, { level: 0, activity: 'walk' }), run)).state;
    const again = (last(play(seconds(500, 1, { level: 0 }), walked)).state.classes.run?.fast[0] ?? 0) / FAST_PER_SD;
    expect(again).toBeCloseTo(Math.exp(-1 / params.driftFastTauS), 3);
  });
});

describe('drift at the same speed', () => {
  const mixed = (from: number, slow: number, fast: number): Step[] => [
    ...seconds(from, 60, { level: slow, speedMps: 3 }),
    ...seconds(from + 60, 60, { level: fast, speedMps: 6 }),
  ];

  it('compares running with running of the same speed, so that a change of speed is no drift', () => {
    const steps = Array.from({ length: 10 }, (_, i) => mixed(i * 120, 0, 3)).flat();
    const { report } = last(play(steps));
    const blind = last(play(steps.map((one) => ({ ...one, speedMps: null }))));
    expect(report).toMatchObject({ runBand: 2 });
    expect(report.drift?.value).toBeCloseTo(0, 6);
    expect(blind.report).toMatchObject({ runBand: null });
    expect(blind.report.drift?.value).toBeGreaterThan(0.8);
  });

  it('names the changes of the speed band it judged', () => {
    const usual = last(play(Array.from({ length: 10 }, (_, i) => mixed(i * 120, 0, 3)).flat()));
    const { state } = last(play(seconds(1_200, 60, { level: 5, speedMps: 6 }), usual.state));
    const [first] = strongestChanges(state, 'run', 2, ['a', 'b'], 1);
    expect(first?.usualSd).toBeLessThan(3.3);
    expect(first?.usualSd).toBeGreaterThan(2.9);
    expect(first?.nowSd).toBeGreaterThan(4.9);
  });

  it('keeps a bounded number of bands', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -10, max: 200 }), { minLength: 1, maxLength: 60 }), (decimetres) => {
        const steps = decimetres.map((speed, second) => ({ second, level: 0, speedMps: speed / 10 }));
        expect(Object.keys(last(play(steps)).state.runBands).length).toBeLessThanOrEqual(params.runSpeedEdgesMps.length + 1);
      }),
    );
  });
});

describe('frozen baselines', () => {
  it('stand still while an injury is open, and move on after it', () => {
    const usual = last(play(seconds(0, 400, { level: 0 }))).state;
    const injured = last(play(seconds(400, 400, { level: 2, frozen: true }), usual)).state;
    expect(injured.classes.run?.slow).toEqual(usual.classes.run?.slow);
    expect(injured.classes.run?.driftSketch).toEqual(usual.classes.run?.driftSketch);
    const healed = last(play(seconds(800, 400, { level: 2 }), injured)).state;
    expect(healed.classes.run?.slow[0]).toBeGreaterThan(0);
  });

  it('freeze on an alarm only once it has lasted, for 14 days at most, and then ask staff', () => {
    const at = (days: number) => baselineStatus(stepFreeze(NOT_FROZEN, true, 0), false, days * 86_400e6, freeze);
    expect([at(0), at(0.99), at(1), at(14.9), at(15), at(100)]).toEqual([
      'moving',
      'moving',
      'lasting-alarm',
      'lasting-alarm',
      'decision-due',
      'decision-due',
    ]);
    expect(baselineStatus(stepFreeze(NOT_FROZEN, true, 0), true, 100 * 86_400e6, freeze)).toBe('injury');
    expect(stepFreeze(stepFreeze(NOT_FROZEN, true, 0), false, 1)).toEqual(NOT_FROZEN);
  });

  it('take what the athlete does now as the baseline where staff say so', () => {
    const usual = last(play(seconds(0, 2_000, { level: 0 }))).state;
    const changed = last(play(seconds(2_000, 300, { level: 2, frozen: true }), usual));
    expect(changed.report.drift?.value).toBeGreaterThan(1);
    const accepted = last(play(seconds(2_300, 30, { level: 2 }), acceptNewNormal(changed.state)));
    expect(accepted.report.drift?.value).toBeLessThan(0.01);
    expect(accepted.report.drift?.reference).toBe('population');
  });
});
