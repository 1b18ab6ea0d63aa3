import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chronicLoadBefore, loadDays, loadHistory, type LoadedSession, type TeamDay } from '../../src/asms/load-history.ts';
import { LOAD_METHODS, sessionRpeLoad, speedDistance, trimp, type SessionLoads } from '../../src/asms/session-load.ts';
import { sessionHistograms, type Quantity, type SessionHistogram } from '../../src/signal/session-histograms.ts';

const HOUR_US = 3_600e6;
const constant = (value: number, count: number): number[] => Array.from({ length: count }, () => value);
/** The histogram of a session that is one stream. */
function measured(quantity: Quantity, samples: readonly number[], rateHz: number): SessionHistogram {
  const [name, unit] = quantity === 'speed' ? ['speed', 'm/s'] : ['heartRate', 'bpm'];
  const stream = {
    kind: 'wearable',
    placement: 'chest',
    channels: [{ name, unit }],
    rateHz,
    startUs: 0,
    samples: Float32Array.from(samples),
  } as const;
  const [histogram] = sessionHistograms([stream], false);
  if (histogram === undefined) throw new Error('no histogram');
  return histogram;
}
const heart = (samples: readonly number[], rateHz = 1): SessionHistogram => measured('heart-rate', samples, rateHz);
const limits = { restBpm: 50, maximumBpm: 190, sex: 'male' } as const;

describe('load of a session', () => {
  it('is RPE times minutes, 0 for a session of 0, and null where it was not recorded or cannot be', () => {
    expect(sessionRpeLoad(6, 75)).toEqual({ value: 450, provisional: false, observedShare: 1 });
    expect(sessionRpeLoad(0, 75)?.value).toBe(0);
    for (const [rpe, minutes] of [
      [null, 75],
      [6, null],
      [11, 75],
      [-1, 75],
      [6, -1],
      [6, Infinity],
      [Number.NaN, 4],
    ] as const)
      expect(sessionRpeLoad(rpe, minutes)).toBeNull();
  });

  it('is TRIMP with the weights of Morton 1990, by sex', () => {
    // Half of the heart-rate reserve for an hour.
    const hour = heart(constant(120, 3_600));
    expect(trimp(hour, limits)?.value).toBeCloseTo(60 * 0.5 * 0.64 * Math.exp(1.92 * 0.5), 6);
    expect(trimp(hour, { ...limits, sex: 'female' })?.value).toBeCloseTo(60 * 0.5 * 0.86 * Math.exp(1.67 * 0.5), 6);
    const unknown = trimp(hour, { ...limits, sex: null });
    expect(unknown?.provisional).toBe(true);
    expect(unknown?.value).toBeGreaterThan(trimp(hour, limits)?.value ?? 0);
    expect(unknown?.value).toBeLessThan(trimp(hour, { ...limits, sex: 'female' })?.value ?? 0);
  });

  it('does not depend on the sampling rate and never falls with a higher heart rate', () => {
    const bpm = fc.integer({ min: 30, max: 230 });
    fc.assert(
      fc.property(bpm, bpm, fc.constantFrom(1, 2, 5), (a, b, rateHz) => {
        const at = (value: number, rate = 1) => trimp(heart(constant(value, 600 * rate), rate), limits)?.value ?? Number.NaN;
        expect(at(a, rateHz)).toBeCloseTo(at(a), 6);
        expect(at(Math.max(a, b))).toBeGreaterThanOrEqual(at(Math.min(a, b)));
        expect(at(a)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('needs the limits, in order, and half of the session', () => {
    const hour = heart(constant(120, 3_600));
    expect(trimp(hour, { ...limits, restBpm: null })).toBeNull();
    expect(trimp(hour, { ...limits, maximumBpm: 50 })).toBeNull();
    expect(trimp(heart(constant(0, 3_600)), limits)).toBeNull();
  });

  it('counts what was not seen as what was, and says so', () => {
    const whole = trimp(heart(constant(120, 1_000)), limits);
    const samples = [...constant(120, 800), ...constant(Number.NaN, 200)];
    expect(trimp(heart(samples), limits)?.value).toBeCloseTo(whole?.value ?? 0, 6);
    expect(trimp(heart(samples), limits)).toMatchObject({ provisional: true, observedShare: 0.8 });
    expect(trimp(heart([...samples, ...constant(Number.NaN, 700)]), limits)).toBeNull();
  });

  it('is distance, and distance at high speed', () => {
    const speed = measured('speed', [...constant(3, 100), ...constant(6, 10), ...constant(5.5, 10), ...constant(5.49, 10)], 10);
    expect(speedDistance(speed, 0)?.value).toBeCloseTo(30 + 6 + 5.5 + 5.49, 5);
    expect(speedDistance(speed, LOAD_METHODS['high-speed-distance'].parameters.aboveMps)?.value).toBeCloseTo(11.5, 5);
    expect(speedDistance(speed, 6)?.value).toBeCloseTo(6, 5);
  });
});

const loads = (value: number | null, provisional = false): SessionLoads => ({
  'session-rpe': value === null ? null : { value, provisional, observedShare: 1 },
  trimp: null,
  distance: null,
  'high-speed-distance': null,
});
/** Days of a team two hours ahead of UTC, `longDay` of 25 hours. */
const calendar = (count: number, longDay = -1, complete: (day: number) => boolean = () => true): TeamDay[] => {
  let fromUs = -2 * HOUR_US;
  return Array.from({ length: count }, (_, i) => {
    const toUs = fromUs + (i === longDay ? 25 : 24) * HOUR_US;
    const day = { day: `day ${i}`, fromUs, toUs, complete: complete(i) };
    fromUs = toUs;
    return day;
  });
};
const sessionAt = (sessionId: string, startUs: number, value: number | null, provisional = false): LoadedSession => ({
  sessionId,
  startUs,
  loads: loads(value, provisional),
});
const valuesOf = (sessions: readonly LoadedSession[], days: readonly TeamDay[]) =>
  loadDays('session-rpe', sessions, days).map(({ value }) => value);

describe('load of a day', () => {
  it("adds the sessions that began on it by the team's clock, wherever it changes", () => {
    const late = sessionAt('a', 23 * HOUR_US, 100);
    expect(valuesOf([late, sessionAt('b', 40 * HOUR_US, 30)], calendar(3))).toEqual([0, 130, 0]);
    // 23:00 UTC is one in the morning by the team's clock; on a 25-hour day before, it is midnight.
    expect(valuesOf([late], calendar(3, 0))).toEqual([0, 100, 0]);
    expect(valuesOf([sessionAt('a', 22.5 * HOUR_US, 100)], calendar(3, 0))).toEqual([100, 0, 0]);
  });

  it('is 0 on a rest day, null where nobody knows or a session has no value', () => {
    const known = calendar(3, -1, (day) => day !== 1);
    expect(valuesOf([], known)).toEqual([0, null, 0]);
    const missing = [sessionAt('a', 0, 100), sessionAt('b', HOUR_US, null)];
    expect(loadDays('session-rpe', missing, known)[0]).toMatchObject({ value: null, recorded: 100, sessions: 2, unrecorded: 1 });
    expect(valuesOf([sessionAt('a', 0, 0)], known)[0]).toBe(0);
  });

  it('refuses days that overlap or leave a hole, and a session that stands twice', () => {
    const [first, second] = calendar(2) as [TeamDay, TeamDay];
    expect(() => valuesOf([], [second, first])).toThrow(RangeError);
    expect(() => valuesOf([], [first, { ...second, fromUs: second.fromUs + 1 }])).toThrow(RangeError);
    expect(() => valuesOf([sessionAt('a', 0, 1), sessionAt('a', 9, 1)], [first])).toThrow(RangeError);
  });

  it('loses and counts twice no session, whatever the calendar', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 * 24 * 60 - 1 }), { maxLength: 30 }),
        fc.integer({ min: -1, max: 9 }),
        (minutes, longDay) => {
          const sessions = minutes.map((minute, i) => sessionAt(String(i), minute * 60e6 - 2 * HOUR_US, 1));
          const total = valuesOf(sessions, calendar(10, longDay)).reduce<number>((sum, value) => sum + (value ?? 0), 0);
          expect(total).toBe(minutes.length);
        },
      ),
    );
  });
});

describe('load history', () => {
  const days = calendar(40);
  const sessions = days.slice(0, 39).map(({ fromUs }, i) => sessionAt(`s${i}`, fromUs + 10 * HOUR_US, 300, i === 30));

  it('has figures with where they come from, and says when they are provisional', () => {
    const { 'session-rpe': rpe, trimp: heart } = loadHistory(sessions, days);
    expect(rpe).toMatchObject({
      series: 'session-rpe',
      unit: 'AU',
      method: 'session-rpe-minutes-1',
      figuresMethod: 'load-figures-1',
      provisional: true,
    });
    expect(rpe.figures?.weekLoad).toBeCloseTo(1_800, 6);
    expect(rpe.days.at(-1)?.value).toBe(0);
    expect(heart).toMatchObject({ figures: null, method: 'trimp-banister-1', provisional: true });
    expect(
      loadHistory(
        sessions.map((one) => ({ ...one, loads: loads(300) })),
        days,
      )['session-rpe'].provisional,
    ).toBe(false);
  });

  it('gives the chronic load of the time before an onset', () => {
    const onsetUs = days[35]!.fromUs + HOUR_US;
    const doubled = sessions.map((one, i) => (i >= 35 ? { ...one, loads: loads(900) } : one));
    expect(chronicLoadBefore('session-rpe', onsetUs, doubled, days)).toBeCloseTo(300, 6);
    expect(chronicLoadBefore('session-rpe', days[20]!.fromUs, sessions, days)).toBeNull();
  });
});
