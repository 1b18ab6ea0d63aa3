import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  injuryFigures,
  LEAST_EXPOSURE_HOURS,
  type FiguredInjury,
  type FiguredSquad,
  type InjuryFigures,
} from '../../src/asms/injury-figures.ts';
import { regionOf } from '../../src/asms/osiics-region.ts';
import { poissonInterval } from '../../src/asms/poisson.ts';

type Class = Omit<InjuryFigures['classes'][number], 'hiddenBecause'>;
type Rates = Omit<InjuryFigures['regions'][number], 'region' | 'hiddenBecause'>;
const VECTORS = JSON.parse(readFileSync(new URL('injury-vectors.json', import.meta.url), 'utf8')) as {
  readonly poisson: readonly { readonly count: number; readonly confidence: number; readonly interval: readonly [number, number] }[];
  readonly squads: readonly {
    readonly squad: FiguredSquad;
    readonly figures: Omit<InjuryFigures, 'classes' | 'regions'> & {
      readonly classes: readonly Class[];
      readonly regions: Readonly<Record<string, Rates>>;
    };
  }[];
};

/** Numbers to nine figures, everything else as it is. */
function expectClose(found: unknown, wanted: unknown, path = ''): void {
  if (typeof wanted === 'number' && typeof found === 'number') {
    expect(Math.abs(found - wanted), `${path}: ${found} is not ${wanted}`).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(wanted)));
    return;
  }
  if (typeof wanted !== 'object' || wanted === null) {
    expect(found, path).toEqual(wanted);
    return;
  }
  expect(Object.keys(found as object).toSorted(), path).toEqual(Object.keys(wanted).toSorted());
  for (const [key, value] of Object.entries(wanted)) expectClose((found as Record<string, unknown>)[key], value, `${path}/${key}`);
}

describe('the interval of a count', () => {
  it('is what tables of Garwood limits print', () => {
    for (const [count, lower, upper] of [
      [0, 0, 3.689],
      [1, 0.0253, 5.572],
      [5, 1.623, 11.668],
      [10, 4.795, 18.39],
      [20, 12.217, 30.888],
    ] as const) {
      const found = poissonInterval(count);
      expect(found.lower).toBeCloseTo(lower, 3);
      expect(found.upper).toBeCloseTo(upper, 3);
    }
  });

  it('is what scipy says', () => {
    expect(VECTORS.poisson).toHaveLength(36);
    for (const { count, confidence, interval } of VECTORS.poisson) {
      expectClose(poissonInterval(count, confidence), { lower: interval[0], upper: interval[1] }, `${count} at ${confidence}`);
    }
  });

  it('holds the count, and is wider for more confidence', () => {
    fc.assert(
      fc.property(fc.nat(2_000), (count) => {
        const [narrow, wide] = [poissonInterval(count, 0.9), poissonInterval(count, 0.99)];
        expect(wide.lower).toBeLessThanOrEqual(narrow.lower);
        expect(narrow.lower).toBeLessThanOrEqual(count);
        expect(narrow.upper).toBeGreaterThan(count);
        expect(wide.upper).toBeGreaterThan(narrow.upper);
      }),
    );
    for (const count of [-1, 0.5, Number.NaN]) expect(() => poissonInterval(count)).toThrow(RangeError);
    expect(() => poissonInterval(1, 1)).toThrow(RangeError);
  });
});

const NOTHING: FiguredSquad = { fromDay: 0, toDay: 99, throughDay: 99, exposures: [], injuries: [], members: [] };
const injury = (onsetDay: number, returnDay: number | null, given: Partial<FiguredInjury> = {}): FiguredInjury => ({
  athleteId: 'a',
  region: 'thigh',
  onsetDay,
  returnDay,
  timeLoss: true,
  exposure: 'match',
  ...given,
});
const lostOf = (one: FiguredInjury): number | undefined => injuryFigures({ ...NOTHING, injuries: [one] }).classes.at(-1)?.daysLost;

/** Rates as they are served: the vectors have them over however few hours. */
const served = <T extends Rates>(rates: T, hours: number): T =>
  hours >= LEAST_EXPOSURE_HOURS ? rates : { ...rates, incidence: null, burden: null };
const unexplained = <T extends { readonly hiddenBecause: string | null }>({ hiddenBecause: _why, ...rates }: T): Omit<T, 'hiddenBecause'> =>
  rates;

describe("a squad's injury figures", () => {
  it('are what a count of every day in Python says', () => {
    expect(VECTORS.squads).toHaveLength(24);
    for (const { squad, figures } of VECTORS.squads) {
      const { regions, classes, ...rest } = injuryFigures(squad);
      const { regions: wanted, classes: wantedClasses, ...others } = figures;
      expectClose(
        { ...rest, classes: classes.map(unexplained) },
        { ...others, classes: wantedClasses.map((one) => served(one, one.hours)) },
      );
      const hours = wantedClasses.at(-1)?.hours ?? 0;
      expectClose(
        Object.fromEntries(regions.map(({ region, ...rates }) => [region, unexplained(rates)])),
        Object.fromEntries(Object.entries(wanted).map(([region, rates]) => [region, served(rates, hours)])),
      );
    }
  });

  it("count days lost as the consensus's examples do", () => {
    // Bahr 2020, table 10: substituted and back the same day 0; back the following day 0; Monday to Monday of the next week 6.
    expect(lostOf(injury(10, 10))).toBe(0);
    expect(lostOf(injury(10, 11))).toBe(0);
    expect(lostOf(injury(10, 17))).toBe(6);
    expect(lostOf(injury(10, 17, { timeLoss: false }))).toBe(0);
    expect(lostOf(injury(90, null))).toBe(9);
  });

  it('have no rate over a few hours, and say why', () => {
    const over = (minutes: number) =>
      injuryFigures({
        ...NOTHING,
        injuries: [injury(10, 20)],
        exposures: [{ exposure: 'match', sessions: 1, withoutMinutes: 0, minutes }],
      });
    for (const { regions, classes } of [over(1), over(60 * LEAST_EXPOSURE_HOURS - 1)])
      for (const { incidence, burden, hiddenBecause, daysLost } of [...regions, classes.at(-1)].filter((one) => one !== undefined)) {
        expect([incidence, burden, daysLost]).toEqual([null, null, 9]);
        expect(hiddenBecause).toMatch(/^(0|99\.9) h of exposure, 100 are needed: ask for a longer range/u);
      }
    const { incidence, hiddenBecause } = over(60 * LEAST_EXPOSURE_HOURS).classes[0] as InjuryFigures['classes'][number];
    expect([incidence?.value, hiddenBecause]).toEqual([10, null]);
    expect(incidence?.upper).toBeLessThan(60);
  });

  it('have no rate without exposure, and none is made up where nobody was injured', () => {
    const none = injuryFigures({ ...NOTHING, injuries: [injury(10, 20)] });
    expect(none.classes.map(({ incidence, burden }) => [incidence, burden])).toEqual(Array.from({ length: 4 }, () => [null, null]));
    const sound = injuryFigures({ ...NOTHING, exposures: [{ exposure: 'match', sessions: 10, withoutMinutes: 1, minutes: 6_000 }] });
    expect(sound.classes[0]).toMatchObject({ hours: 100, sessionsWithoutMinutes: 1, incidence: { value: 0, lower: 0 }, severity: null });
    expect(sound.classes[0]?.burden).toEqual({ value: 0, lower: null, upper: null });
    expect(sound.availability).toEqual({ athleteDays: 0, daysOut: 0, share: null });
  });

  it('refuse a range or an injury that runs backwards', () => {
    expect(() => injuryFigures({ ...NOTHING, fromDay: 5, toDay: 4 })).toThrow(RangeError);
    expect(() => injuryFigures({ ...NOTHING, injuries: [injury(5, 4)] })).toThrow(RangeError);
  });

  it('are scaled by hours alone: twice the exposure halves every rate', () => {
    const minutes = fc.integer({ min: 60 * LEAST_EXPOSURE_HOURS, max: 100_000 });
    const injuries = fc.array(
      fc.record({ onsetDay: fc.nat(99), length: fc.nat(60), region: fc.constantFrom('knee' as const, 'thigh' as const) }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(minutes, injuries, (exposed, drawn) => {
        const squad = {
          ...NOTHING,
          injuries: drawn.map(({ onsetDay, length, region }) => injury(onsetDay, onsetDay + length, { region })),
        };
        const at = (factor: number) =>
          injuryFigures({ ...squad, exposures: [{ exposure: 'match', sessions: 1, withoutMinutes: 0, minutes: exposed * factor }] })
            .classes[0];
        const [once, twice] = [at(1), at(2)];
        expect(twice?.incidence?.upper).toBeCloseTo((once?.incidence?.upper ?? Number.NaN) / 2, 6);
        expect(twice?.burden?.value).toBeCloseTo((once?.burden?.value ?? Number.NaN) / 2, 6);
        const { lower, upper, value } = once?.burden ?? { lower: 0, upper: 0, value: 0 };
        if (lower !== null && upper !== null) expect(value * value).toBeCloseTo(lower * upper, 3);
      }),
    );
  });
});

describe('the region of a diagnosis', () => {
  it('is what the first character of its OSIICS code says, else what staff wrote', () => {
    expect(regionOf('TMHXX', 'knee')).toBe('thigh');
    expect(regionOf('gtaxx', '')).toBe('hip-groin');
    expect(regionOf('ZZZ', 'Lower leg')).toBe('lower-leg');
    expect(regionOf('1', 'somewhere')).toBe('unspecified');
  });
});
