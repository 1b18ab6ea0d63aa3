import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acuteExcess, loadFigures, relativeFatigue, steadyLoad, stepLoad } from '../../src/asms/load.ts';

/** Loads as they are recorded: to a thousandth. */
const anyLoad = fc.integer({ min: 0, max: 1_000_000 }).map((thousandths) => thousandths / 1000);

const series = (days: number, load: number): number[] => Array.from({ length: days }, () => load);

describe('load figures', () => {
  it('are hidden until 28 days are there and while too few of them were recorded', () => {
    expect(loadFigures([])).toBeNull();
    expect(loadFigures(series(27, 100))).toBeNull();
    expect(loadFigures(series(28, 100))).not.toBeNull();
    const gaps = (count: number): (number | null)[] => series(40, 100).map((load, day) => (day >= 40 - count ? null : load));
    expect(loadFigures(gaps(7))).not.toBeNull();
    expect(loadFigures(gaps(8))).toBeNull();
  });

  it('stay put at a constant load', () => {
    const figures = loadFigures(series(60, 300))!;
    expect(figures.state.acute).toBeCloseTo(300, 9);
    expect(figures.state.chronic).toBeCloseTo(300, 9);
    expect(figures.state.fitness).toBeCloseTo(300 / (1 - Math.exp(-1 / 42)), 6);
    expect(figures.state.fatigue).toBeCloseTo(300 / (1 - Math.exp(-1 / 7)), 6);
    expect(figures).toMatchObject({ uncoupledRatio: 1, weekLoad: 2100, monotony: null, strain: null, acuteExcess: 0 });
    expect(figures.relativeFatigue).toBeCloseTo(0, 9);
  });

  it('give the closed form after a step in load', () => {
    const { state, acuteExcess: excess, uncoupledRatio, weekLoad } = loadFigures([...series(60, 100), ...series(7, 200)])!;
    const acute = 200 - 100 * 0.75 ** 7;
    const chronic = 200 - 100 * (27 / 29) ** 7;
    expect(state.acute).toBeCloseTo(acute, 9);
    expect(state.chronic).toBeCloseTo(chronic, 9);
    expect(excess).toBeCloseTo(acute / chronic - 1, 9);
    expect(uncoupledRatio).toBeCloseTo(2, 12);
    expect(weekLoad).toBeCloseTo(1400, 9);
  });

  it('give Foster monotony and strain of a known week', () => {
    const week = [0, 100, 200, 300, 400, 500, 600];
    const { monotony, strain } = loadFigures([...series(21, 300), ...week])!;
    const sd = Math.sqrt(280_000 / 6);
    expect(monotony).toBeCloseTo(300 / sd, 9);
    expect(strain).toBeCloseTo((2100 * 300) / sd, 6);
  });

  it('count a rest day as 0 and a day that was not recorded as neither rest nor load', () => {
    const rest = loadFigures([...series(40, 100), 0])!;
    const unknown = loadFigures([...series(40, 100), null])!;
    expect(rest.state.acute).toBeCloseTo(75, 9);
    expect(unknown.state.acute).toBeCloseTo(100, 9);
    expect(loadFigures([...series(40, 100), NaN])!.state.acute).toBeCloseTo(100, 9);
    expect(loadFigures([...series(40, 100), -5])!.state.acute).toBeCloseTo(100, 9);
  });

  it('have no ratio without a chronic load', () => {
    expect(loadFigures(series(30, 0))).toMatchObject({ uncoupledRatio: null, acuteExcess: 0, relativeFatigue: 0 });
  });

  it('do not depend on the unit but for scale', () => {
    const loads = fc.array(anyLoad, { minLength: 28, maxLength: 60 });
    fc.assert(
      fc.property(loads, fc.double({ min: 0.01, max: 100, noNaN: true }), (daily, unit) => {
        const [own, other] = [loadFigures(daily)!, loadFigures(daily.map((load) => load * unit))!];
        expect(other.acuteExcess).toBeCloseTo(own.acuteExcess, 6);
        expect(other.relativeFatigue).toBeCloseTo(own.relativeFatigue, 6);
        expect(other.state.acute).toBeCloseTo(own.state.acute * unit, 4);
      }),
    );
  });

  it('stay finite for the smallest load that a number can hold', () => {
    for (const load of [Number.MIN_VALUE, 1e-320, 1e-308]) {
      const state = stepLoad(steadyLoad(load), 0);
      expect(relativeFatigue(state)).not.toBeNaN();
      expect(acuteExcess(state)).not.toBeNaN();
    }
  });

  it('step one day at a time: more load never lowers a mean', () => {
    fc.assert(
      fc.property(anyLoad, anyLoad, anyLoad, (mean, less, more) => {
        const state = steadyLoad(mean);
        const [low, high] = [stepLoad(state, Math.min(less, more)), stepLoad(state, Math.max(less, more))];
        expect(high.acute).toBeGreaterThanOrEqual(low.acute);
        expect(high.fatigue).toBeGreaterThanOrEqual(low.fatigue);
        expect(acuteExcess(high)).toBeGreaterThanOrEqual(acuteExcess(low) - 1e-12);
        expect(relativeFatigue(high)).toBeGreaterThanOrEqual(relativeFatigue(low) - 1e-12);
      }),
    );
  });
});
