import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepObservations } from '../../src/asms/observations.ts';
import { asmsParams } from '../../src/asms/params.ts';
import { stepAsms, type AsmsFacts, type AsmsStateValue, type AsmsStep } from '../../src/asms/step.ts';
import type { Observation } from '../../src/contracts/observation.ts';
import { scoredWindow, TEST_ATHLETE } from '../support/scored-windows.ts';

const params = asmsParams({ bio: [], thresholds: { high: 0.7, low: 0.4, k: 4, n: 6, source: 'test' } });
const facts: AsmsFacts = { athleteId: TEST_ATHLETE, teamId: 'team', openInjuries: [], therapies: [], openAlerts: [] };
const START_US = scoredWindow(0).endUs;

type Body = Observation extends infer One ? (One extends unknown ? Omit<One, 'sequence' | 'atUs'> : never) : never;
const numbered = (bodies: readonly Body[], from = 0): Observation[] =>
  bodies.map((body, i) => ({ ...body, sequence: from + i, atUs: START_US + (from + i) * 1e6 }));
const run = (bodies: readonly Body[], given: Partial<AsmsFacts> = {}): AsmsStep =>
  stepObservations(null, numbered(bodies), { ...facts, ...given }, params);
const types = (step: AsmsStep) => ({ raise: step.raise.map(({ type }) => type), clear: step.clear.map(({ type }) => type) });

const jump = (valuePct: number | null, provisional = false): Body => ({
  kind: 'asymmetry',
  sessionId: 's',
  metrics: [{ name: 'jumpAsymmetry', valuePct, typicalErrorPct: 1, provisional }],
});
const silence = (silentS: number, sessionOpen = true): Body => ({ kind: 'silence', sessionOpen, silentS });
const load = (value: number, ceiling: number | null, complete = false): Body => ({
  kind: 'day-load',
  day: '2026-11-02',
  complete,
  loads: [{ series: 'session-rpe', unit: 'AU', load: value, ceiling }],
});
const clock = (driftPpm: number | null, jumpS: number | null = null): Body => ({
  kind: 'clocks',
  devices: [
    { deviceId: 'good', jumpS: null, driftPpm: 10 },
    { deviceId: 'd2', jumpS, driftPpm },
  ],
});
const sides = (swapped: boolean | null): Body => ({ kind: 'sides', sessionId: 's', swapped, strides: 40 });

const body = fc.oneof(
  fc.tuple(fc.integer({ min: -40, max: 40 }), fc.boolean()).map(([value, provisional]) => jump(value, provisional)),
  fc.tuple(fc.integer({ min: 0, max: 90 }), fc.boolean()).map(([silentS, open]) => silence(silentS, open)),
  fc
    .tuple(fc.integer({ min: 0, max: 900 }), fc.constantFrom(null, 0, 300), fc.boolean())
    .map(([value, ceiling, complete]) => load(value, ceiling, complete)),
  fc.integer({ min: -400, max: 400 }).map((ppm) => clock(ppm)),
  fc.constantFrom(true, false, null).map(sides),
);

describe('replay of observations', () => {
  it('reproduces the state bit for bit however they are batched, through JSON', () => {
    fc.assert(
      fc.property(fc.array(body, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (bodies, size) => {
        const all = numbered(bodies);
        const whole = stepObservations(null, all, facts, params);
        let state: AsmsStateValue | null = null;
        const changes: { raise: unknown[]; clear: unknown[] } = { raise: [], clear: [] };
        for (let at = 0; at < all.length; at += size) {
          const step: AsmsStep = stepObservations(state, all.slice(at, at + size), facts, params);
          state = JSON.parse(JSON.stringify(step.state)) as AsmsStateValue;
          changes.raise.push(...step.raise);
          changes.clear.push(...step.clear);
        }
        expect(state).toStrictEqual(whole.state);
        expect(changes).toStrictEqual({ raise: whole.raise, clear: whole.clear });
      }),
    );
  });

  it('gives one state however windows and observations interleave', () => {
    const turns = fc.array(fc.boolean(), { minLength: 30, maxLength: 60 });
    fc.assert(
      fc.property(fc.array(body, { minLength: 5, maxLength: 20 }), turns, (bodies, order) => {
        const observations = numbered(bodies);
        const windows = Array.from({ length: 40 }, (_, n) =>
          scoredWindow(n, { state: n % 20 < 10 ? 0.9 : 0.1, observedFraction: n < 20 ? 1 : 0.1 }),
        );
        const apart = stepObservations(stepAsms(null, windows, facts, params).state, observations, facts, params).state;
        let state: AsmsStateValue | null = null;
        const [left, right] = [[...windows], [...observations]];
        for (const turn of [...order, ...Array.from({ length: 60 }, (_, i) => i % 2 === 0)]) {
          const [window, observation] = turn ? [left.shift(), undefined] : [undefined, right.shift()];
          if (window !== undefined) ({ state } = stepAsms(state, [window], facts, params));
          if (observation !== undefined) ({ state } = stepObservations(state, [observation], facts, params));
        }
        state = stepAsms(state, left, facts, params).state;
        state = stepObservations(state, right, facts, params).state;
        expect(state).toStrictEqual(apart);
      }),
    );
  });

  it('leaves out what was applied, and refuses a list out of order', () => {
    const all = numbered([sides(true), sides(false)]);
    const once = stepObservations(null, all, facts, params);
    expect(stepObservations(once.state, all, facts, params)).toMatchObject({ raise: [], clear: [] });
    expect(() => stepObservations(null, all.toReversed(), facts, params)).toThrow(RangeError);
  });

  it('raises one alert of a type at a time', () => {
    fc.assert(
      fc.property(fc.array(body, { maxLength: 80 }), (bodies) => {
        const open = new Set<string>();
        const { raise, clear } = run(bodies);
        const events = [...raise.map((x) => ({ ...x, up: true })), ...clear.map((x) => ({ ...x, up: false }))].toSorted(
          (a, b) => a.atUs - b.atUs,
        );
        for (const { type, up } of events) {
          expect(open.has(type)).toBe(!up);
          if (up) open.add(type);
          else open.delete(type);
        }
      }),
    );
  });
});

describe('asymmetry', () => {
  const usual = [4, 5, 4.5, 5.5, 4, 5].map((value) => jump(value));

  it("is raised against the athlete's own normal in two of three sessions, and says which normal", () => {
    expect(types(run([...usual, jump(16)])).raise).toEqual([]);
    const { raise } = run([...usual, jump(16), jump(-9)]);
    expect(raise).toMatchObject([{ type: 'asymmetry', severity: 'amber' }]);
    expect(raise[0]?.sentence).toMatch(/jumpAsymmetry -9\.0 % against an own normal of \+6\.\d % \(SD \d\.\d, 7 sessions\)/u);
  });

  it('leaves an athlete alone who has always been that asymmetric', () => {
    expect(types(run(Array.from({ length: 12 }, (_, i) => jump(14 + (i % 2))))).raise).toEqual([]);
  });

  it("uses the population's limit before there are enough sessions, and counts no provisional or missing figure", () => {
    expect(types(run([jump(20), jump(20)])).raise).toEqual(['asymmetry']);
    expect(types(run([jump(20, true), jump(20, true), jump(null), jump(null)])).raise).toEqual([]);
  });

  it('does not learn while an injury is open', () => {
    const injury = { injuryId: 'i', diagnosisCode: 'TH0', onsetUs: START_US - 1, timeLossDays: 10 };
    expect(run(usual, { openInjuries: [injury] }).state.observed.asymmetry).toEqual({});
    expect(run(usual).state.observed.asymmetry['jumpAsymmetry']?.sessions).toBe(6);
  });
});

describe('load above its ceiling', () => {
  it('is critical, raised at once, and cleared by a complete day below it only', () => {
    const { raise } = run([load(301, 300)]);
    expect(raise).toMatchObject([{ type: 'load-above-ceiling', severity: 'red' }]);
    expect(raise[0]?.sentence).toContain('session-rpe 301 AU against a ceiling of 300 AU');
    expect(types(run([load(301, 300), load(10, 300)])).clear).toEqual([]);
    expect(types(run([load(301, 300), load(10, 300, true)])).clear).toEqual(['load-above-ceiling']);
  });

  it('takes a ceiling of 0 as a limit and no ceiling as none', () => {
    expect(types(run([load(0, 0)])).raise).toEqual([]);
    expect(types(run([load(1, 0)])).raise).toEqual(['load-above-ceiling']);
    expect(types(run([load(9_999, null)])).raise).toEqual([]);
  });
});

describe('a day told again', () => {
  const day = (of: string, value: number, complete = true): Body => ({ ...load(value, 300, complete), day: of }) as Body;
  const twoOfThree = { ...params, alarms: { ...params.alarms, 'load-above-ceiling': { enabled: true, k: 2, n: 3, highShare: 1 } } };
  const told = (...bodies: readonly Body[]) => types(stepObservations(null, numbered(bodies), facts, twoOfThree));

  it('counts once, by what is said of it last', () => {
    expect(told(day('2026-11-02', 310, false), day('2026-11-02', 330, false), day('2026-11-02', 330)).raise).toEqual([]);
    expect(told(day('2026-11-02', 310), day('2026-11-03', 310)).raise).toEqual(['load-above-ceiling']);
    expect(told(day('2026-11-02', 310), day('2026-11-02', 290), day('2026-11-03', 310)).raise).toEqual([]);
  });

  it('after a later day raises, and clears nothing', () => {
    const late = (value: number) => types(run([day('2026-11-03', 310), day('2026-11-02', value)]));
    expect(late(290).clear).toEqual([]);
    expect(types(run([day('2026-11-03', 290), day('2026-11-02', 310)])).raise).toEqual(['load-above-ceiling']);
  });
});

describe('devices', () => {
  it('report a clock that drifts or jumps again and again, by device, and not a single restart', () => {
    expect(types(run([clock(20, 3_600), clock(20), clock(20)])).raise).toEqual([]);
    const { raise, clear } = run([clock(350), clock(350), clock(10), clock(10)]);
    expect(raise[0]?.sentence).toContain('device d2 runs +350 ppm off');
    expect(raise[0]?.sentence).not.toContain('good');
    expect(clear).toHaveLength(1);
  });

  it('report exchanged sides where the strides tell, and clear when they tell otherwise', () => {
    expect(types(run([sides(null), sides(true), sides(null), sides(false)]))).toEqual({
      raise: ['sides-swapped'],
      clear: ['sides-swapped'],
    });
  });
});

describe('silence', () => {
  it('is a fault in an open session only, and ends with data or with the session', () => {
    expect(types(run([silence(600, false)])).raise).toEqual([]);
    expect(types(run([silence(29), silence(31), silence(61), silence(0)]))).toEqual({ raise: ['data-stopped'], clear: ['data-stopped'] });
    expect(types(run([silence(31), silence(90, false)])).clear).toEqual(['data-stopped']);
  });

  it('shares one alert with channels that stopped', () => {
    const share = (from: number, count: number, observedFraction: number) =>
      Array.from({ length: count }, (_, n) => scoredWindow(from + n, { observedFraction }));
    const missing = stepAsms(null, [...share(0, 60, 1), ...share(60, 60, 0.1)], facts, params);
    expect(types(missing).raise).toEqual(['data-stopped']);
    const silent = stepObservations(missing.state, numbered([silence(40)]), facts, params);
    expect(types(silent).raise).toEqual([]);
    const back = stepAsms(silent.state, share(160, 60, 1), facts, params);
    expect(types(back).clear).toEqual([]);
    expect(types(stepObservations(back.state, numbered([silence(0)], 1), facts, params)).clear).toEqual(['data-stopped']);
  });
});

it('names no person, claims no cause', () => {
  const { raise } = run([silence(40), load(1, 0), sides(true), clock(400), clock(400), jump(30), jump(30)]);
  expect(raise).toHaveLength(5);
  for (const { title, sentence } of raise) expect(`${title} ${sentence}`).not.toMatch(new RegExp(`${TEST_ATHLETE}|caus`, 'iu'));
});
