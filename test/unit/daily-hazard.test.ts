import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dayNumber,
  dayOfNumber,
  hazardsOf,
  placeInjuries,
  riskFacts,
  type DailyRecords,
  type RecordedInjury,
} from '../../src/asms/daily-hazard.ts';
import { hazardForecasts, injuryLessons } from '../../src/asms/feedback/daily-lessons.ts';
import { probabilityBy } from '../../src/asms/feedback/shown.ts';
import { asOutcome, storedInForce } from '../../src/asms/feedback/stored-outcomes.ts';
import { hazardReference } from '../../src/asms/feedback/targets.ts';
import { readHazardFile, readLoadTerms } from '../../src/asms/hazard-file.ts';
import { shiftDay, teamDays } from '../../src/asms/team-days.ts';
import { GRAPH_SHA256, hazardModel } from '../support/hazard-season.ts';

const FIRST = '2026-03-01';
const HOUR_US = 3_600e6;
const days = (count: number) => teamDays(FIRST, shiftDay(FIRST, count - 1), 'Europe/Berlin');
const graph = { sha256: GRAPH_SHA256, attn: 4 };

describe('hazard.json of a graph', () => {
  it('is the model where it is this graph’s, and a sentence where there is none, it is another’s or is damaged', () => {
    const model = hazardModel();
    expect(readHazardFile(JSON.stringify(model), graph)).toEqual({ model });
    const faultOf = (text: string | null, of = graph): string => {
      const read = readHazardFile(text, of);
      return 'fault' in read ? read.fault : 'none';
    };
    for (const [text, words] of [
      [null, 'no hazard.json'],
      ['{', 'not JSON'],
      ['[]', 'no object'],
      [JSON.stringify({ ...model, format: 1 }), 'format is not 2'],
      [JSON.stringify({ ...model, cholesky: model.cholesky.slice(1) }), 'cholesky'],
      [JSON.stringify({ ...model, movement: { ...model.movement, weights: [1] } }), 'movement does not have 4'],
      [JSON.stringify({ ...model, features: [] }), 'features'],
      [JSON.stringify({ ...model, intercept: null }), 'intercept'],
      [JSON.stringify({ ...model, minimum: { loadDays: 28 } }), 'minimum'],
      [JSON.stringify({ ...model, planning: { fatigue: -1, loadExcess: 2 } }), 'planning'],
    ] as const) {
      expect(faultOf(text), String(text)).toMatch(/^no hazard model for this graph: /);
      expect(faultOf(text), String(text)).toContain(words);
    }
    expect(faultOf(JSON.stringify(model), { ...graph, sha256: 'e'.repeat(64) })).toContain(`fitted on graph ${GRAPH_SHA256.slice(0, 12)}`);
    expect(faultOf(JSON.stringify(model), { ...graph, attn: 5 })).toContain('movement does not have 5');
  });

  it('says what load does for the planner, whatever graph it is of, or nothing', () => {
    const planning = { fatigue: 1.5, loadExcess: 3, standardErrors: [0.5, 1], adjustedFor: ['age'] };
    expect(readLoadTerms(JSON.stringify({ ...hazardModel(), planning }))).toEqual({ fatigue: 1.5, loadExcess: 3 });
    for (const text of [null, '{', '[]', JSON.stringify(hazardModel()), JSON.stringify({ planning: { fatigue: 1 } })])
      expect(readLoadTerms(text)).toBeNull();
  });
});

const injury = (change: Partial<RecordedInjury>): RecordedInjury => ({
  id: 'i',
  source: 'record',
  region: 'knee',
  onsetUs: days(20)[10]!.fromUs + HOUR_US,
  reportedUs: days(20)[12]!.fromUs,
  clearedUs: null,
  timeLossDays: 10,
  severity: null,
  ...change,
});

describe('injuries by the team’s days', () => {
  it('counts one once, by record before outcome, and an outcome alone until its severity is over', () => {
    const twice = [injury({}), injury({ id: 'o', source: 'outcome', onsetUs: injury({}).onsetUs + 20 * HOUR_US })];
    expect(placeInjuries(days(20), twice)).toEqual([
      {
        id: 'i',
        onsetUs: injury({}).onsetUs,
        onsetDay: dayNumber('2026-03-11'),
        reportDay: dayNumber('2026-03-13'),
        clearanceDay: null,
        timeLoss: true,
      },
    ]);
    const alone = injury({ source: 'outcome', timeLossDays: null, severity: 'mild' });
    expect(placeInjuries(days(20), [alone])).toMatchObject([{ clearanceDay: dayNumber('2026-03-19') }]);
    expect(placeInjuries(days(20), [injury({ timeLossDays: 0.5 })])).toMatchObject([{ timeLoss: false }]);
    expect(placeInjuries(days(20), [injury({ clearedUs: 0 })])).toMatchObject([{ clearanceDay: dayNumber('2026-03-11') }]);
  });
});

/** A rating a day at noon, by minutes; null: none. */
const recordsOf = (minutes: readonly (number | null)[], lnRmssd: readonly number[], active: readonly number[]): DailyRecords => {
  const calendar = days(minutes.length);
  return {
    days: calendar,
    nowUs: calendar.at(-1)!.toUs,
    ratings: minutes.flatMap((value, i) =>
      value === null ? [] : [{ id: `r${i}`, atUs: calendar[i]!.fromUs + 12 * HOUR_US, value: { rpe: 5, minutes: value } }],
    ),
    sessions: [],
    mornings: new Map(lnRmssd.map((value, i) => [calendar[i]!.day, value])),
    movements: new Map(
      active.flatMap((value, i) => (value > 0 ? [[calendar[i]!.day, { activeWindows: value, fAttn: [value, 1, 2, 3] }] as const] : [])),
    ),
    injuries: [],
    birthDate: '2000-03-01',
    arrivalDay: FIRST,
  };
};

describe('the hazard of a day', () => {
  it('depends on that day and those before it only', () => {
    const length = 60;
    const value = fc.record({
      minutes: fc.array(fc.option(fc.integer({ min: 1, max: 120 }), { freq: 8 }), { minLength: length, maxLength: length }),
      mornings: fc.array(fc.double({ min: 3, max: 5, noNaN: true }), { minLength: length, maxLength: length }),
      active: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: length, maxLength: length }),
      cut: fc.integer({ min: 20, max: length }),
    });
    fc.assert(
      fc.property(value, ({ minutes, mornings, active, cut }) => {
        const source = { model: hazardModel() };
        const whole = hazardsOf(recordsOf(minutes, mornings, active), source, length);
        const part = hazardsOf(recordsOf(minutes.slice(0, cut), mornings.slice(0, cut), active.slice(0, cut)), source, cut);
        expect(whole.slice(0, cut)).toEqual(part);
        for (const { result, input } of whole) {
          if (input.loadDays < 28) expect(result).toEqual({ notEnoughData: 'load-history' });
        }
      }),
      { numRuns: 20 },
    );
  });

  it('knows the age, the returns and the injuries so far', () => {
    const records = recordsOf(Array(40).fill(60), [], Array(40).fill(10));
    const at = (day: number): number => records.days[day]!.fromUs + HOUR_US;
    const injuries = [injury({ onsetUs: at(3), reportedUs: at(3), clearedUs: at(12) })];
    const all = hazardsOf({ ...records, injuries }, { model: hazardModel() }, 40);
    expect(all[2]!.input).toMatchObject({ atRisk: true, values: { lnPastInjuries: 0, returned: 0 } });
    expect(all[3]!.input).toMatchObject({ atRisk: false, values: { lnPastInjuries: Math.log(2), returned: 0 } });
    expect(all[12]!.input).toMatchObject({ atRisk: true, values: { returned: 1 } });
    expect(all[26]!.input.values['returned']).toBeCloseTo(Math.exp(-0.5), 12);
    expect(all[0]!.input.values['age']).toBeCloseTo(26, 1);
    expect(hazardsOf(records, { model: hazardModel() }, 0)).toEqual([]);
    const none = hazardsOf(records, { fault: 'no hazard model for this graph: none' }, 1);
    expect(none).toMatchObject([
      { result: { notEnoughData: 'no-hazard-model' }, input: { hazardModel: null, reason: expect.stringContaining('none') as string } },
    ]);
  });
});

describe('what days teach', () => {
  const calendar = days(40);
  const forecastDays = calendar.map(({ day, toUs }) => ({ day, endUs: toUs, probability: 0.03 }));
  const endOf = (day: number): number => calendar.find((one) => one.day === dayOfNumber(day))?.toUs ?? 0;

  it('is known at the onset or when seven days are over; days under a plan teach nothing, whichever way they went', () => {
    const facts = riskFacts({ days: calendar, injuries: [injury({ clearedUs: calendar[20]!.fromUs })], arrivalDay: FIRST }, null);
    const all = hazardForecasts('a', forecastDays, facts, [{ fromDay: dayNumber('2026-03-30'), untilDay: dayNumber('2026-03-30') }], endOf);
    expect(all.slice(0, 22).map(({ label }) => label)).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 1, 1, ...Array(10).fill(null), 0, 0]);
    expect(all[3]).toMatchObject({ knownUs: injury({}).onsetUs, outcomeIds: ['i'], treated: false });
    expect(all[2]).toMatchObject({ knownUs: calendar[9]!.toUs, outcomeIds: [] });
    // The last seven days are not over.
    expect(all.slice(32).map(({ label }) => label)).toEqual([0, ...Array(7).fill(null)]);
    expect(all.map(({ treated }) => treated).indexOf(true)).toBe(22);
    const lessons = injuryLessons(all, hazardReference(hazardModel()));
    expect(lessons.map(({ lessonId }) => Number(lessonId.split(':')[1]) - dayNumber(FIRST))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 29, 30, 31, 32,
    ]);
  });

  it('is shown from what was known before the day ended, and not at all by the population', () => {
    const learned = [{ knownUs: 100, centreLogit: -3, interceptOnly: [0.5, 1], personal: [0, 2] }];
    expect(probabilityBy('population', 0.03, 200, learned)).toBe(0.03);
    expect(probabilityBy('personal', 0.03, 100, learned)).toBe(0.03);
    const logit = Math.log(0.03 / 0.97);
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    expect(probabilityBy('interceptOnly', 0.03, 101, learned)).toBeCloseTo(sigmoid(logit + 0.5), 12);
    expect(probabilityBy('personal', 0.03, 101, learned)).toBeCloseTo(sigmoid(-3 + 2 * (logit + 3)), 12);
  });
});

describe('stored outcomes', () => {
  it('are read as what they say; what is missing is left to be named, an unknown kind is none', () => {
    const stored = { id: 'o', atUs: 5, replaces: null };
    expect(asOutcome({ ...stored, kind: 'performance', value: { sessionId: 's', metric: 'm', unit: 'cm', value: 3 } })).toMatchObject({
      metric: 'm',
      value: 3,
    });
    expect(asOutcome({ ...stored, kind: 'performance', value: null })).toMatchObject({ metric: '', value: NaN });
    expect(asOutcome({ ...stored, kind: 'injury', value: { region: 7 } })).toMatchObject({ region: '', severity: '' });
    expect(asOutcome({ ...stored, kind: 'weather', value: {} })).toBeNull();
  });

  it('are in force where none replaces them', () => {
    const all = [
      { id: 'a', kind: 'wellness', atUs: 1, value: {}, replaces: null },
      { id: 'b', kind: 'wellness', atUs: 1, value: {}, replaces: 'a' },
      { id: 'c', kind: 'wellness', atUs: 2, value: {}, replaces: null },
    ];
    expect(storedInForce(all).map(({ id }) => id)).toEqual(['b', 'c']);
  });
});
