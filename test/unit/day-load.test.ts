import { describe, expect, it } from 'vitest';
import { lookAtLoad, type LoadRecord } from '../../src/asms/day-load.ts';
import { teamDays } from '../../src/asms/team-days.ts';

const ZONE = 'Europe/Berlin';
const [monday, tuesday] = teamDays('2026-11-02', '2026-11-03', ZONE);
if (monday === undefined || tuesday === undefined) throw new Error('no days');
const HOUR_US = 3_600e6;
const EVENING_US = monday.fromUs + 20 * HOUR_US;

/** A session rated at its end; `day` counts from Monday. */
const rated = (day: number, rpe: number, minutes: number) => ({
  id: `o${day}-${rpe}-${minutes}`,
  atUs: monday.fromUs + (day * 24 + 18) * HOUR_US,
  value: { rpe, minutes },
});
const limit = (ceiling: number, from = '2026-11-02', to: string | null = null) => ({ series: 'session-rpe' as const, ceiling, from, to });
const NOTHING: LoadRecord = { timeZone: ZONE, ratings: [], sessions: [], limits: [], returns: [], alertOpen: false };
const look = (record: Partial<LoadRecord>, nowUs = EVENING_US) => lookAtLoad({ ...NOTHING, ...record }, nowUs);
const said = (record: Partial<LoadRecord>, nowUs?: number) =>
  look(record, nowUs).told.map(({ observed: { day, complete, loads } }) => [
    day,
    complete,
    ...loads.map(({ load, ceiling }) => [load, ceiling]),
  ]);

describe('what is said of a day', () => {
  it('is nothing without a ceiling, nor before there is a load', () => {
    expect(look({ ratings: [rated(0, 5, 60)] })).toEqual({ told: [], againUs: null });
    expect(look({ limits: [limit(200)] })).toEqual({ told: [], againUs: monday.toUs });
  });

  it('is the load so far while it runs, and once it is over that it is complete', () => {
    const record = { ratings: [rated(0, 5, 60)], limits: [limit(200)] };
    expect(said(record)).toEqual([['2026-11-02', false, [300, 200]]]);
    expect(said(record, tuesday.fromUs + 1)).toEqual([['2026-11-02', true, [300, 200]]]);
    expect(look(record, tuesday.fromUs + 1).againUs).toBe(tuesday.toUs);
  });

  it('has another subject where the figures or the ceiling changed, and the same where they did not', () => {
    const subjects = (record: Partial<LoadRecord>) => look(record).told.map(({ subject }) => subject);
    const one = { ratings: [rated(0, 5, 60)], limits: [limit(200)] };
    expect(subjects(one)).toEqual(subjects(one));
    expect(subjects({ ...one, limits: [limit(250)] })).not.toEqual(subjects(one));
    expect(subjects({ ...one, ratings: [rated(0, 6, 60)] })).not.toEqual(subjects(one));
  });

  it('is not complete while a session of the day has no rating: its load may be higher', () => {
    const sessions = [{ id: 's1', startUs: monday.fromUs + 9 * HOUR_US, loads: [] }];
    const record = { ratings: [rated(0, 2, 60)], limits: [limit(200)], sessions };
    expect(said(record, tuesday.fromUs + 1)).toEqual([['2026-11-02', false, [120, 200]]]);
  });

  it('is held against the ceilings of that day, the least of them', () => {
    const ratings = [rated(0, 5, 60), rated(1, 5, 60)];
    const limits = [limit(200, '2026-11-02', '2026-11-02'), limit(250, '2026-11-02', '2026-11-03')];
    expect(said({ ratings, limits }, tuesday.fromUs + 19 * HOUR_US)).toEqual([
      ['2026-11-02', true, [300, 200]],
      ['2026-11-03', false, [300, 250]],
    ]);
  });

  it('under no limit any more is said only while an alert waits for its end', () => {
    const record = { ratings: [rated(0, 5, 60)], limits: [limit(200, '2026-11-01', '2026-11-01')] };
    expect(said(record, tuesday.fromUs + 1)).toEqual([]);
    expect(said({ ...record, alertOpen: true }, tuesday.fromUs + 1)).toEqual([['2026-11-02', true]]);
  });

  it('is measured where the series is measured', () => {
    const row = {
      series: 'distance',
      value: 6_000,
      reason: null,
      unit: 'm',
      method: 'm',
      parameters: {},
      minutesCovered: 60,
      observedShare: 1,
      provisional: false,
    };
    const sessions = [{ id: 's1', startUs: monday.fromUs + 9 * HOUR_US, loads: [row] }];
    const limits = [{ series: 'distance' as const, ceiling: 5_000, from: '2026-11-02', to: null }];
    expect(said({ sessions, limits }, tuesday.fromUs + 1)).toEqual([['2026-11-02', true, [6_000, 5_000]]]);
  });
});

describe('the stage of a return', () => {
  const onsetUs = monday.fromUs - 24 * HOUR_US;
  const before = Array.from({ length: 40 }, (_, i) => rated(-2 - i, 5, 60));
  const ceilings = [{ fromUs: onsetUs, share: 0.4 }];

  it('allows its share of the chronic load from before the injury', () => {
    const record = { ratings: [...before.toReversed(), rated(0, 5, 60)], returns: [{ onsetUs, ceilings }] };
    expect(said(record)).toEqual([['2026-11-02', false, [300, expect.closeTo(120, 6)]]]);
  });

  it('sets no ceiling without a chronic load, and none once cleared', () => {
    const ratings = [rated(0, 5, 60)];
    expect(said({ ratings, returns: [{ onsetUs, ceilings }] })).toEqual([]);
    const cleared = [...ceilings, { fromUs: monday.fromUs + 1, share: null }];
    expect(said({ ratings: [...before.toReversed(), ...ratings], returns: [{ onsetUs, ceilings: cleared }] })).toEqual([]);
  });
});
