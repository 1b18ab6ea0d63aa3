import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAST_PER_SD, FEATURE_PER_SD, SLOW_PER_SD, type Features, type MovementLevel } from '../../src/asms/deviation.ts';
import { asmsParams, METHOD_VERSION, type AsmsParams } from '../../src/asms/params.ts';
import { stepAsms, type AsmsFacts, type AsmsStateValue, type AsmsStep } from '../../src/asms/step.ts';
import type { ActivityClass } from '../../src/contracts/model.ts';
import type { ScoredWindow } from '../../src/contracts/score.ts';
import { scoredWindow, TEST_ATHLETE, TEST_CHANNELS } from '../support/scored-windows.ts';

const prior = {
  rest: { location: 0, scale: 1 },
  walk: { location: 0, scale: 1 },
  run: { location: 0, scale: 1 },
  jump: { location: 0, scale: 1 },
};
const params: AsmsParams = asmsParams({
  bio: TEST_CHANNELS.map((name) => ({ name, unit: 'rad/s', kind: 'imu', placement: 'foot-left', channel: name, prior })),
  thresholds: { high: 0.7, low: 0.4, k: 4, n: 6, source: 'test' },
});
const facts = (given: Partial<AsmsFacts> = {}): AsmsFacts => ({
  athleteId: TEST_ATHLETE,
  teamId: 'team',
  openInjuries: [],
  therapies: [],
  openAlerts: [],
  ...given,
});
const run = (windows: readonly ScoredWindow[], given: Partial<AsmsFacts> = {}, state: AsmsStateValue | null = null): AsmsStep =>
  stepAsms(state, windows, facts(given), params);
/** A repeatable stand-in for noise, in [-1, 1]. */
const noise = (n: number): number => 2 * Math.abs((Math.sin(n * 12.9898) * 43_758.5453) % 1) - 1;

const hour = (activity: ActivityClass, from: number) => Array.from({ length: 14_400 }, (_, n) => scoredWindow(from + n, { activity }));
const at = (hops: readonly number[], state: number | null, more: Partial<ScoredWindow> = {}) =>
  hops.map((hop) => scoredWindow(hop, { state, ...more }));
const upTo = (n: number, from = 0) => Array.from({ length: n }, (_, i) => from + i);
const steady = (count: number) => Array.from({ length: count }, (_, n) => scoredWindow(n, { level: 0.2 * noise(n) }));
const off = (from: number) => Array.from({ length: 90 }, (_, n) => scoredWindow(from + n, { level: 3 + 0.2 * noise(n) }));
const share = (from: number, count: number, observedFraction: number) =>
  Array.from({ length: count }, (_, n) => scoredWindow(from + n, { observedFraction }));

const activities: readonly ActivityClass[] = ['rest', 'walk', 'run', 'jump'];
const nullable = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: null });
/** A series with gaps, masked channels, changes of activity, and values of every kind the score table can hold. */
const series = fc
  .array(
    fc.record({
      hops: fc.constantFrom(1, 1, 1, 1, 2, 3, 30),
      activity: fc.constantFrom(...activities),
      state: nullable,
      rehab: nullable,
      observedFraction: fc.double({ min: 0, max: 1, noNaN: true }),
      z: fc.array(fc.constantFrom(Number.NaN, -3.25, -0, 0, 0.125, 1.7, 8), { minLength: 8, maxLength: 8 }),
      provisional: fc.boolean(),
    }),
    { minLength: 1, maxLength: 80 },
  )
  .map((steps) => {
    let hop = 0;
    return steps.map(({ hops, z, ...rest }) => {
      hop += hops;
      return scoredWindow(hop, { ...rest, channelSummary: Float32Array.from(z) });
    });
  });
const DAY_US = 86_400e6;
const someFacts = facts({
  openInjuries: [{ injuryId: 'i1', diagnosisCode: 'TH0', onsetUs: scoredWindow(5).endUs - 3 * DAY_US, timeLossDays: 12 }],
  therapies: [
    { injuryId: 'i1', kind: 'eccentric-strength', dosePerDay: 1, adherence: 0.8, startsUs: scoredWindow(9).endUs - 500_000, endsUs: null },
  ],
});

describe('replay', () => {
  it('reproduces the state bit for bit however the windows are batched, with the state stored between', () => {
    fc.assert(
      fc.property(series, fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1 }), (windows, sizes) => {
        const whole = stepAsms(null, windows, someFacts, params);
        let state: AsmsStateValue | null = null;
        const changes: { raise: unknown[]; clear: unknown[] } = { raise: [], clear: [] };
        for (let at = 0, turn = 0; at < windows.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          const step: AsmsStep = stepAsms(state, windows.slice(at, at + size), someFacts, params);
          state = JSON.parse(JSON.stringify(step.state)) as AsmsStateValue;
          changes.raise.push(...step.raise);
          changes.clear.push(...step.clear);
          at += size;
        }
        expect(state).toStrictEqual(whole.state);
        expect(changes).toStrictEqual({ raise: whole.raise, clear: whole.clear });
      }),
      { numRuns: 100 },
    );
  });

  it('keeps a state that is plain JSON, without NaN or minus zero, and small', () => {
    fc.assert(
      fc.property(series, (windows) => {
        const { state } = stepAsms(null, windows, someFacts, params);
        expect(JSON.parse(JSON.stringify(state))).toStrictEqual(state);
      }),
    );
    const wide = { ...params, channels: Array.from({ length: 34 }, (_, i) => `c${i}`) };
    const windows = Array.from({ length: 4_000 }, (_, n) =>
      scoredWindow(n, {
        activity: activities[n % 4] ?? 'walk',
        channelSummary: Float32Array.from({ length: 68 }, (_, c) => noise(n * 68 + c)),
      }),
    );
    expect(JSON.stringify(stepAsms(null, windows, facts(), wide).state).length).toBeLessThan(12_000);
  });

  it('leaves windows out that were applied before', () => {
    const windows = [scoredWindow(1), scoredWindow(2), scoredWindow(3)];
    const once = run(windows);
    const again = run(windows, {}, once.state);
    expect(again).toStrictEqual({ state: once.state, raise: [], clear: [], live: [] });
  });
});

const roughnessOf = (windows: readonly ScoredWindow[]): readonly (number | null)[] => {
  let state: AsmsStateValue | null = null;
  return windows.map((window) => {
    ({ state } = run([window], {}, state));
    return state.latest?.deviation.roughness?.value ?? null;
  });
};

describe('roughness (eq. 26)', () => {
  it('is never negative', () => {
    fc.assert(
      fc.property(series, (windows) => {
        for (const value of roughnessOf(windows)) expect(value ?? 0).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 50 },
    );
  });

  it('decays to zero on constant input', () => {
    fc.assert(
      fc.property(fc.double({ min: -8, max: 8, noNaN: true }), fc.double({ min: -8, max: 8, noNaN: true }), (before, after) => {
        const shaken = Array.from({ length: 10 }, (_, n) => scoredWindow(n, { level: n % 4 < 2 ? before : after }));
        const still = Array.from({ length: 900 }, (_, n) => scoredWindow(10 + n, { level: after }));
        expect(roughnessOf([...shaken, ...still]).at(-1)).toBeLessThan(1e-9);
      }),
      { numRuns: 20 },
    );
  });

  it('says nothing before two windows without a common sample', () => {
    expect(roughnessOf([scoredWindow(0), scoredWindow(1), scoredWindow(2)])).toEqual([null, null, 0]);
  });

  it('does not compare across a gap, across activity classes, or where no channel was seen twice', () => {
    expect(roughnessOf([scoredWindow(0), scoredWindow(60, { level: 5 }), scoredWindow(61, { level: 5 })])).toEqual([null, null, null]);
    expect(roughnessOf([scoredWindow(0), scoredWindow(1), scoredWindow(2, { activity: 'run', level: 5 })])).toEqual([null, null, null]);
    expect(roughnessOf([scoredWindow(0), scoredWindow(1), scoredWindow(2, { level: Number.NaN, amplitude: Number.NaN })])).toEqual([
      null,
      null,
      null,
    ]);
  });

  it('adds the mean squared step over the channels seen twice and forgets with tau', () => {
    const [, , first, second] = roughnessOf([0, 1, 2, 3].map((n) => scoredWindow(n, { level: n >= 2 ? 2 : 0 })));
    // half of the eight features (the means) moved by 2
    expect(first).toBeCloseTo(2, 12);
    expect(second).toBeCloseTo(2 * Math.exp(-1 / 30) + 2, 12);
  });
});

const last = (windows: readonly ScoredWindow[]) => run(windows).state.latest?.deviation;

const ramp = (sd: number): ScoredWindow[] =>
  Array.from({ length: 2_400 }, (_, n) => scoredWindow(n, { level: 0.2 * noise(n) + (n < 1_800 ? 0 : (sd * (n - 1_800)) / 600) }));

describe('drift', () => {
  it('finds a slow ramp that roughness misses', () => {
    const [still, drifted] = [last(ramp(0)), last(ramp(3))];
    expect(drifted?.drift).toMatchObject({ reference: 'own', band: 'red' });
    expect(drifted?.drift?.value ?? 0).toBeGreaterThan(5 * (still?.drift?.red ?? 0));
    expect(drifted?.roughness?.band).not.toBe('red');
    expect(drifted?.roughness?.value ?? 0).toBeLessThan(1.01 * (still?.roughness?.value ?? 0));
  });

  it('stays unknown for the first windows of a class, and uses population lines until there are enough', () => {
    expect(last([scoredWindow(0), scoredWindow(1)])?.drift).toBeNull();
    expect(last(Array.from({ length: 100 }, (_, n) => scoredWindow(n)))?.drift).toMatchObject({
      value: 0,
      reference: 'population',
      band: 'green',
    });
  });
});

describe('recovery in the state', () => {
  const injury = { injuryId: 'i1', diagnosisCode: 'TH0', onsetUs: scoredWindow(0).endUs, timeLossDays: 10 };

  it('is 1 without an injury, the least over several with, and starts at 0 with the onset', () => {
    expect(run([scoredWindow(0)]).state.latest?.recovery).toBe(1);
    const second = { ...injury, injuryId: 'i2', onsetUs: injury.onsetUs - 10 * DAY_US };
    const { state } = run([scoredWindow(0)], { openInjuries: [injury, second] });
    expect(state.recovery.injuries['i1']?.r).toBe(0);
    expect(state.recovery.injuries['i2']?.r).toBeCloseTo(0.95, 10);
    expect(state.latest?.recovery).toBe(0);
  });

  it('leaves out an injury that comes after the window, and forgets one that was cleared', () => {
    const later = run([scoredWindow(0)], { openInjuries: [{ ...injury, onsetUs: injury.onsetUs + 1 }] });
    expect(later.state.latest?.recovery).toBe(1);
    const open = run([scoredWindow(0)], { openInjuries: [injury] });
    expect(run([scoredWindow(1)], {}, open.state).state.latest?.recovery).toBe(1);
  });

  it("follows the model's estimate with its stated gain, only while an injury is open", () => {
    const { state } = run([scoredWindow(0, { rehab: 1 })], { openInjuries: [injury] });
    expect(state.latest?.recovery).toBeCloseTo(1 - Math.exp(-1 / 21_600), 12);
    expect(run([scoredWindow(0, { rehab: 0 })]).state.latest?.recovery).toBe(1);
  });

  it('falls under overload beside the same days without it', () => {
    const open = { openInjuries: [{ ...injury, onsetUs: injury.onsetUs - 20 * DAY_US }] };
    const easy = run(hour('walk', 0), open).state.latest?.recovery ?? 0;
    const hard = run(hour('run', 0), open).state.latest?.recovery ?? 0;
    expect(hard).toBeLessThan(easy);
  });
});

describe('risk alarm', () => {
  it('raises on k of n windows that do not overlap, once, with a recommendation', () => {
    // windows 0, 2, 4, 6 count: the fourth of them raises
    expect(run(at(upTo(6), 0.9)).raise).toEqual([]);
    const { raise, state } = run(at(upTo(30), 0.9));
    expect(raise).toHaveLength(1);
    expect(raise[0]).toMatchObject({ type: 'risk', severity: 'red', windowIndex: scoredWindow(6).windowIndex });
    expect(raise[0]?.recommendation).toMatchObject({ kind: 'reduce-load' });
    expect(state.alarms.risk.open).toBe(true);
  });

  it('does not count rest, missing scores, or windows before a gap', () => {
    expect(run(at(upTo(30), 0.9, { activity: 'rest' })).raise).toEqual([]);
    expect(run(at(upTo(30), null)).raise).toEqual([]);
    expect(run([...at(upTo(5), 0.9), ...at(upTo(5, 60), 0.9)]).raise).toEqual([]);
  });

  it('keeps quiet between the thresholds and clears below the lower one', () => {
    const raised = run(at(upTo(7), 0.9));
    const between = run(at(upTo(60, 7), 0.5), {}, raised.state);
    expect(between.raise).toEqual([]);
    expect(between.clear).toEqual([]);
    const below = run(at(upTo(20, 67), 0.1), { openAlerts: [{ alertId: 'a1', type: 'risk' }] }, between.state);
    expect(below.clear).toMatchObject([{ alertId: 'a1', type: 'risk' }]);
    expect(below.state.alarms.risk.open).toBe(false);
  });

  it('clears what it raised in the same batch, without an id', () => {
    const { raise, clear } = run([...at(upTo(10), 0.9), ...at(upTo(20, 10), 0.1)]);
    expect(raise).toHaveLength(1);
    expect(clear).toMatchObject([{ alertId: null, type: 'risk' }]);
    expect(clear[0]?.windowIndex).toBeGreaterThan(raise[0]?.windowIndex ?? 0);
  });

  it('does not raise again what the store already holds open', () => {
    expect(run(at(upTo(30), 0.9), { openAlerts: [{ alertId: 'a1', type: 'risk' }] }).raise).toEqual([]);
  });

  it("names the strongest changes in the athlete's own terms and claims no cause", () => {
    const usual = Array.from({ length: 300 }, (_, n) => scoredWindow(n));
    const lame = Array.from({ length: 40 }, (_, n) =>
      scoredWindow(300 + n, { state: 0.9, channelSummary: Float32Array.from([0, 0, 0, 0, 1, 1, 1, 2.5]) }),
    );
    const [alert] = run([...usual, ...lame]).raise;
    expect(alert?.sentence).toMatch(/right foot rotation, y axis \(size of movement\) \+\d\.\d own SD/u);
    expect(alert?.sentence).not.toMatch(/left foot/u);
    expect(`${alert?.sentence} ${alert?.recommendation?.rationale}`).not.toMatch(/caus/iu);
    expect(alert?.recommendation?.rationale).toMatch(/What:.*How much:.*When:.*Why:/u);
    expect(alert?.evidence).toMatchObject({ methodVersion: METHOD_VERSION, modelVersion: 'test-model', threshold: { source: 'test' } });
    expect(`${alert?.title} ${alert?.sentence}`).not.toContain(TEST_ATHLETE);
  });
});

describe('other alarms', () => {
  it("raises deviation against the athlete's own percentiles only", () => {
    expect(run([...steady(600), ...off(600)]).raise).toEqual([]);
    const { raise } = run([...steady(2_000), ...off(2_000)]);
    expect(raise).toMatchObject([{ type: 'deviation', severity: 'amber', recommendation: null }]);
  });

  it('raises data-stopped when most channels go in mid-session, and clears when they return', () => {
    const { raise, clear } = run([...share(0, 60, 0.5), ...share(60, 60, 0.15), ...share(120, 60, 0.5)]);
    expect(raise).toMatchObject([{ type: 'data-stopped' }]);
    expect(clear).toMatchObject([{ type: 'data-stopped' }]);
    expect(run(share(0, 200, 0.15)).raise).toEqual([]);
  });
});

const injury = { injuryId: 'i1', diagnosisCode: 'TH0', onsetUs: scoredWindow(0).endUs - 30 * DAY_US, timeLossDays: 20 };

describe('recovery regression', () => {
  const lame = Array.from({ length: 30_000 }, (_, n) => scoredWindow(n, { rehab: n < 60 ? 1 : 0, activity: 'walk' }));
  // Nearly healed, then the model's estimate says otherwise for hours.
  const { raise, state } = run(lame, { openInjuries: [injury] });

  it('is raised when R lies well below its best, with what moved it and without a diagnosis', () => {
    expect(raise).toMatchObject([{ type: 'recovery-regression', severity: 'amber' }]);
    expect(raise[0]?.sentence).toMatch(/Recovery fell to \d+ % from the athlete's own best of 9\d %.*rehabilitation estimate -\d+ points/u);
    expect(raise[0]?.sentence).not.toContain('TH0');
    expect(state.recovery.injuries['i1']?.best).toBeGreaterThan(0.95);
  });

  it('clears when the injury does', () => {
    const after = run(
      upTo(60, 30_000).map((n) => scoredWindow(n)),
      {},
      state,
    );
    expect(after.clear).toMatchObject([{ type: 'recovery-regression' }]);
  });

  it('follows a cleared injury through its monitored time without lowering R of the athlete', () => {
    const monitored = run(lame, { monitoredInjuries: [injury] });
    expect(monitored.raise).toMatchObject([{ type: 'recovery-regression' }]);
    expect(monitored.state.latest?.recovery).toBe(1);
  });
});

describe('data stopped in a session', () => {
  const windows = [...share(0, 60, 0.5), ...share(60, 60, 0.15)];
  const { endUs } = scoredWindow(50);

  it('is not raised where no session is open, and cleared when the session is over', () => {
    expect(run(windows, { sessions: [] }).raise).toEqual([]);
    expect(run(windows, { sessions: [{ fromUs: 0, toUs: endUs }] }).raise).toEqual([]);
    expect(run(windows, { sessions: [{ fromUs: 0, toUs: null }] }).raise).toHaveLength(1);
    const closing = run([...windows, ...share(120, 60, 0.15)], { sessions: [{ fromUs: 0, toUs: scoredWindow(120).endUs }] });
    expect(closing.clear).toMatchObject([{ type: 'data-stopped' }]);
  });
});

describe('baselines under a lasting alarm', () => {
  it('freeze after a day, and "new normal" by staff ends alarm and freeze', () => {
    const raised = run([...steady(2_000), ...off(2_000)]);
    expect(raised.state.latest?.baseline).toBe('moving');
    const days = (n: number) => Math.round((n * DAY_US) / 1e6);
    const later = run(
      upTo(30, days(2)).map((n) => scoredWindow(n, { level: 3 })),
      {},
      raised.state,
    );
    expect(later.state.latest?.baseline).toBe('lasting-alarm');
    const newNormals = [scoredWindow(days(2) + 29).endUs + 1];
    const chosen = run(
      [scoredWindow(days(2) + 30, { level: 3 })],
      { newNormals, openAlerts: [{ alertId: 'a', type: 'deviation' }] },
      later.state,
    );
    expect(chosen.clear).toMatchObject([{ type: 'deviation', alertId: 'a' }]);
    expect(chosen.state.latest?.baseline).toBe('moving');
    expect(chosen.state.latest?.deviation.drift?.value).toBeLessThan(0.1);
  });
});

describe("the athlete's units", () => {
  it("stand in the sentence where the athlete's own scale is known", () => {
    const usual = Array.from({ length: 300 }, (_, n) => scoredWindow(n));
    const lame = Array.from({ length: 40 }, (_, n) =>
      scoredWindow(300 + n, { state: 0.9, channelSummary: Float32Array.from([0, 0, 0, 0, 1, 1, 1, 2.5]) }),
    );
    const [alert] = run([...usual, ...lame], { ownScales: { walk: [1, 1, 1, 2] } }).raise;
    expect(alert?.sentence).toMatch(/\d\.\d\d against a usual 2\.\d\d rad\/s/u);
  });
});

describe('a state of another method version', () => {
  const { state } = run([...steady(2_000), ...at(upTo(30, 2_000), 0.9)]);
  const decimal = (features: Features, perSd: number): Features => features.map((value) => (value === null ? null : value / perSd));
  /** As asms-2.0.0 wrote it: features as decimals. */
  const second = (): unknown => {
    const level = <Level extends MovementLevel>(known: Level): Level => ({
      ...known,
      fast: decimal(known.fast, FAST_PER_SD),
      slow: decimal(known.slow, SLOW_PER_SD),
    });
    const { deviation } = state;
    return JSON.parse(
      JSON.stringify({
        ...state,
        methodVersion: 'asms-2.0.0',
        deviation: {
          ...deviation,
          recent: deviation.recent.map((window) => ({ ...window, features: decimal(window.features, FEATURE_PER_SD) })),
          classes: Object.fromEntries(Object.entries(deviation.classes).map(([name, known]) => [name, level(known)])),
        },
      }),
    );
  };

  it('asms-2.0.0 goes on as if nothing had been', () => {
    const next = [scoredWindow(2_030), scoredWindow(2_031, { level: 0.3 })];
    expect(run(next, {}, second() as AsmsStateValue)).toStrictEqual(run(next, {}, state));
  });

  /** As asms-1.0.0 wrote it. */
  const first = (): unknown => {
    const { freeze: _freeze, observed: _observed, deviation, recovery, alarms, latest, ...rest } = state;
    return JSON.parse(
      JSON.stringify({
        ...rest,
        methodVersion: 'asms-1.0.0',
        deviation: {
          lastEndUs: deviation.lastEndUs,
          recent: deviation.recent.map((window) => ({ ...window, features: decimal(window.features, FEATURE_PER_SD) })),
          classes: Object.fromEntries(
            Object.entries(deviation.classes).map(([name, { fastWindows: _windows, ...known }]) => [
              name,
              { ...known, slow: decimal(known.slow, SLOW_PER_SD), fast: decimal(known.fast, FAST_PER_SD) },
            ]),
          ),
        },
        recovery: { loadMetHours: recovery.loadMetHours, atUs: recovery.atUs, injuries: { i1: { r: 0.5, atUs: recovery.atUs } } },
        alarms: { risk: alarms.risk, deviation: alarms.deviation, 'data-stopped': alarms['data-stopped'] },
        latest: { ...latest, baseline: undefined },
      }),
    );
  };

  it('asms-1.0.0 is upgraded: baseline, roughness, R and open alarms stay, the percentiles of drift start anew', () => {
    const { state: next, raise } = run([scoredWindow(2_030)], { openInjuries: [injury] }, first() as AsmsStateValue);
    expect(next.methodVersion).toBe(METHOD_VERSION);
    expect(next.deviation.classes.walk?.windows).toBe(2_031);
    expect(next.deviation.classes.walk?.roughnessSketch.count).toBeGreaterThan(1_900);
    expect(next.deviation.classes.walk?.driftSketch.count).toBeLessThan(2);
    expect(next.recovery.injuries['i1']?.r).toBeCloseTo(0.5, 3);
    expect(next.alarms.risk.open).toBe(true);
    expect(raise).toEqual([]);
    expect(JSON.parse(JSON.stringify(next))).toStrictEqual(next);
  });

  it('any other is restarted behind the fence, with the alarms that the store holds open', () => {
    for (const stored of [{ methodVersion: 'asms-0' }, {}, { ...state, methodVersion: 'asms-9.0.0' }]) {
      const { state: next } = run([scoredWindow(2_030)], { openAlerts: [{ alertId: 'a', type: 'risk' }] }, stored as AsmsStateValue);
      expect(next.deviation.classes.walk?.windows).toBe(1);
      expect(next.alarms.risk.open).toBe(true);
    }
  });
});

it('publishes the newest state of a batch, once', () => {
  const { live } = run([scoredWindow(0), scoredWindow(1), scoredWindow(2, { state: 0.25 })]);
  expect(live).toEqual([
    {
      type: 'athlete.state',
      athleteId: TEST_ATHLETE,
      teamId: 'team',
      windowIndex: scoredWindow(2).windowIndex,
      endUs: scoredWindow(2).endUs,
      state: 0.25,
      roughness: 0,
      drift: null,
      recovery: 1,
    },
  ]);
});
