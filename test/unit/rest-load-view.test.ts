import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredLoad } from '../../src/asms/measured-sessions.ts';
import { countDays, shiftDay, teamDayOf, teamDays } from '../../src/asms/team-days.ts';
import { readDays, viewLoad } from '../../src/rest/load/view.ts';

const ATHLETE = '3f0c4f3e-6a0d-4c42-9c5e-0a1b2c3d4e5f';
const NOW_MS = Date.parse('2026-11-24T12:00:00Z');
const us = (time: string): number => Date.parse(time) * 1_000;
const rating = (id: string, at: string, value: unknown) => ({ id, atUs: us(at), value });

function view(
  query: { from?: string; to?: string },
  ratings: readonly ReturnType<typeof rating>[],
  { sessions = [] as { id: string; startUs: number; loads?: readonly StoredLoad[] }[], timeZone = 'UTC', nowMs = NOW_MS } = {},
) {
  const answer = viewLoad(
    ATHLETE,
    readDays(query, timeZone, nowMs),
    { ratings, sessions: sessions.map((session) => ({ loads: [], ...session })) },
    nowMs,
  );
  const rpe = answer.series.find(({ series }) => series === 'session-rpe');
  return { ...answer, rpe, values: rpe?.days.map(({ value }) => value) };
}

describe('days of a team', () => {
  it('have 23 and 25 hours in Berlin where summer time begins and ends', () => {
    const hours = (from: string, to: string) => teamDays(from, to, 'Europe/Berlin').map((day) => (day.toUs - day.fromUs) / 3_600e6);
    expect(hours('2026-03-28', '2026-03-30')).toEqual([24, 23, 24]);
    expect(hours('2026-10-24', '2026-10-26')).toEqual([24, 25, 24]);
    expect(teamDays('2026-03-29', '2026-03-29', 'Europe/Berlin')).toEqual([
      { day: '2026-03-29', fromUs: us('2026-03-28T23:00:00Z'), toUs: us('2026-03-29T22:00:00Z') },
    ]);
  });

  it('begin at 1 o’clock where midnight is skipped, and leave out a day that the calendar left out', () => {
    expect(teamDays('2026-09-06', '2026-09-06', 'America/Santiago')[0]?.fromUs).toBe(us('2026-09-06T04:00:00Z'));
    expect(teamDays('2011-12-29', '2011-12-31', 'Pacific/Apia').map(({ day }) => day)).toEqual(['2011-12-29', '2011-12-31']);
  });

  it('follow each other, and hold the times whose date they are', () => {
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/Havana');
    fc.assert(
      fc.property(zone, fc.integer({ min: 10_000, max: 25_000 }), fc.integer({ min: 0, max: 86_399 }), (timeZone, date, second) => {
        const ms = date * 86_400_000 + second * 1_000;
        const day = teamDayOf(ms, timeZone);
        const days = teamDays(shiftDay(day, -1), shiftDay(day, 1), timeZone);
        expect(days.map((one) => ms * 1_000 >= one.fromUs && ms * 1_000 < one.toUs)).toEqual([false, true, false]);
        expect(days[1]?.fromUs).toBe(days[0]?.toUs);
      }),
      { numRuns: 60 },
    );
  });

  it('are none where the range begins after it ends', () => {
    expect(countDays('2026-03-30', '2026-03-29')).toBe(0);
    expect(teamDays('2026-03-30', '2026-03-28', 'UTC')).toEqual([]);
  });
});

describe('the range of a query', () => {
  it('is the last 56 days up to the team’s today unless told', () => {
    expect(readDays({}, 'UTC', NOW_MS)).toMatchObject({ from: '2026-09-30', to: '2026-11-24' });
    expect(readDays({}, 'Pacific/Auckland', NOW_MS)).toMatchObject({ from: '2026-10-01', to: '2026-11-25' });
    expect(readDays({ to: '2026-03-01' }, 'UTC', NOW_MS)).toMatchObject({ from: '2026-01-05' });
  });

  it('is refused where it begins after it ends, ends after today, or has more than 400 days', () => {
    expect(() => readDays({ from: '2026-11-02', to: '2026-11-01' }, 'UTC', NOW_MS)).toThrow('begins after it ends');
    expect(() => readDays({ to: '2026-11-25' }, 'UTC', NOW_MS)).toThrow('lies in the future');
    expect(() => readDays({ from: '2025-10-20', to: '2026-11-24' }, 'UTC', NOW_MS)).toThrow('401 days');
    expect(readDays({ from: '2025-10-21', to: '2026-11-24' }, 'UTC', NOW_MS).from).toBe('2025-10-21');
  });
});

describe('load a day', () => {
  it('is the sum of the ratings, 0 where rest was stated, null where nothing was', () => {
    const answer = view({ from: '2026-11-02', to: '2026-11-05' }, [
      rating('a', '2026-11-02T10:00:00Z', { rpe: 6, minutes: 75 }),
      rating('b', '2026-11-02T18:00:00Z', { rpe: 3, minutes: 40 }),
      rating('c', '2026-11-03T20:00:00Z', { rpe: 0, minutes: 0 }),
      rating('d', '2026-11-05T10:00:00Z', { rpe: 5, minutes: 60 }),
    ]);
    expect(answer.values).toEqual([570, 0, null, 300]);
    expect(answer.rpe).toMatchObject({ unit: 'AU', method: 'session-rpe-minutes-1', parameters: { scale: 'CR10, 0 to 10' } });
    expect(answer.rpe?.sessions[0]).toEqual({
      day: '2026-11-02',
      startedAt: '2026-11-02T08:45:00.000Z',
      outcomeId: 'a',
      sessionId: null,
      value: 450,
      provisional: false,
      minutesCovered: null,
      parameters: null,
      reason: null,
    });
    expect(answer.rpe).toMatchObject({ figures: null, hiddenBecause: 'Figures need 28 days: the first record is 4 days old' });
    expect(answer.missing.map(({ series }) => series)).toEqual(['trimp', 'distance', 'high-speed-distance']);
    expect(answer.refused).toEqual([]);
  });

  it('counts a session on the day it began, by the team’s clock on the night the clocks are set', () => {
    // 24 October 2026 ends at 22:00 UTC, 25 October (25 hours) at 23:00 UTC.
    const answer = view(
      { from: '2026-10-24', to: '2026-10-26' },
      [
        rating('a', '2026-10-24T22:30:00Z', { rpe: 5, minutes: 60 }),
        rating('b', '2026-10-25T23:10:00Z', { rpe: 4, minutes: 20 }),
        rating('c', '2026-10-26T23:00:00Z', { rpe: 2, minutes: 119 }),
      ],
      { timeZone: 'Europe/Berlin' },
    );
    expect(answer.values).toEqual([300, 80, 238]);
  });

  it('is null where a session was recorded and not rated; a session cut in two has one rating', () => {
    const sessions = [
      { id: 's1', startUs: us('2026-11-02T09:00:00Z') },
      { id: 's2', startUs: us('2026-11-02T09:40:00Z') },
      { id: 's3', startUs: us('2026-11-03T09:00:00Z') },
      { id: 's4', startUs: us('2026-11-03T15:00:00Z') },
      { id: 's5', startUs: us('2026-11-04T23:30:00Z') },
    ];
    const answer = view(
      { from: '2026-11-02', to: '2026-11-05' },
      [
        rating('a', '2026-11-02T10:15:00Z', { rpe: 6, minutes: 60 }),
        rating('b', '2026-11-03T10:00:00Z', { rpe: 6, minutes: 60 }),
        rating('c', '2026-11-05T08:00:00Z', { rpe: 5, minutes: 50, sessionId: 's5' }),
      ],
      { sessions },
    );
    expect(answer.values).toEqual([360, null, 250, null]);
    expect(answer.rpe?.days[1]).toMatchObject({ recorded: 360, sessions: 2, unrecorded: 1 });
    expect(answer.rpe?.sessions.map(({ outcomeId, sessionId }) => [outcomeId, sessionId])).toEqual([
      ['a', 's1'],
      ['b', 's3'],
      [null, 's4'],
      ['c', 's5'],
    ]);
  });

  it('is provisional while the day is not over', () => {
    const ratings = [
      rating('a', '2026-11-23T10:00:00Z', { rpe: 6, minutes: 60 }),
      rating('b', '2026-11-24T10:00:00Z', { rpe: 6, minutes: 60 }),
    ];
    expect(view({ from: '2026-11-23' }, ratings).rpe?.days.map(({ provisional }) => provisional)).toEqual([false, true]);
  });
});

describe('ratings that cannot be counted', () => {
  it('are listed with a reason, and their day is not recorded', () => {
    const faulty: readonly [value: unknown, reason: string][] = [
      [{ rpe: 11, minutes: 60 }, 'rpe is 11, not from 0 to 10'],
      [{ rpe: 6, minutes: -5 }, 'minutes is -5, not from 0 to 600'],
      [{ rpe: 6 }, 'It has no minutes: the load is rpe times minutes'],
      [{ minutes: 60 }, 'It has no rpe: the load is rpe times minutes'],
      [{ rpe: '6', minutes: 60 }, 'rpe is not a number'],
      [{ rpe: 6, minutes: 0 }, 'It rates 0 minutes with 6: a rest day is stated by rpe 0 and minutes 0'],
      [{ rpe: 6, minutes: 60, sessionId: 'other' }, 'It names a session that the athlete does not have'],
      [{ rpe: 6, minutes: 60, sessionId: 'later' }, 'It names a session that began after it'],
      [[6, 60], 'It has no rpe: the load is rpe times minutes'],
    ];
    for (const [value, reason] of faulty) {
      const answer = view(
        { from: '2026-11-01', to: '2026-11-02' },
        [
          rating('whole', '2026-11-01T10:00:00Z', { rpe: 6, minutes: 60 }),
          rating('faulty', '2026-11-02T10:00:00Z', value),
          rating('sound', '2026-11-02T18:00:00Z', { rpe: 5, minutes: 60 }),
        ],
        { sessions: [{ id: 'later', startUs: us('2026-11-20T00:00:00Z') }] },
      );
      expect(answer.refused).toEqual([{ outcomeId: 'faulty', at: '2026-11-02T10:00:00.000Z', reason }]);
      expect(answer.values, reason).toEqual([360, null]);
      expect(answer.rpe?.days[1]).toMatchObject({ recorded: 300, unrecorded: 1 });
    }
  });

  it('are those later today', () => {
    const answer = view({ from: '2026-11-24' }, [rating('a', '2026-11-24T13:00:00Z', { rpe: 5, minutes: 60 })]);
    expect(answer).toMatchObject({ series: [], refused: [{ outcomeId: 'a', reason: 'It lies in the future' }] });
  });

  it('contradict each other: neither counts; one that repeats another does not count twice; a correction stands', () => {
    const answer = view({ from: '2026-11-01', to: '2026-11-03' }, [
      rating('a', '2026-11-01T10:00:00Z', { rpe: 6, minutes: 60 }),
      rating('b', '2026-11-01T10:00:00Z', { rpe: 7, minutes: 60 }),
      rating('c', '2026-11-02T10:00:00Z', { rpe: 6, minutes: 60 }),
      rating('d', '2026-11-02T10:00:00Z', { rpe: 6, minutes: 60 }),
      rating('e', '2026-11-03T10:00:00Z', { rpe: 11, minutes: 60 }),
      rating('f', '2026-11-03T10:00:00Z', { rpe: 1, minutes: 60, replaces: 'e' }),
    ]);
    expect(answer.values).toEqual([null, 360, 60]);
    expect(answer.refused.map(({ outcomeId, reason }) => [outcomeId, reason])).toEqual([
      ['a', 'It contradicts outcome b, which rates the same session'],
      ['b', 'It contradicts outcome a, which rates the same session'],
      ['d', 'It repeats outcome c'],
      ['e', 'Outcome f corrects it'],
    ]);
  });
});

describe('a series that sensors measure', () => {
  const stored = (series: string, value: number | null, reason: string | null = null): StoredLoad => ({
    series,
    value,
    reason,
    unit: 'AU',
    method: 'm',
    parameters: { restBpm: 50 },
    minutesCovered: 60,
    observedShare: 1,
    provisional: false,
  });

  it('counts the sessions that were measured, and rest days; a day with a session that was not measured is not recorded', () => {
    const answer = view(
      { from: '2026-11-01', to: '2026-11-06' },
      [
        rating('rest', '2026-11-02T20:00:00Z', { rpe: 0, minutes: 0 }),
        rating('unworn', '2026-11-03T18:00:00Z', { rpe: 5, minutes: 60 }),
        rating('worn', '2026-11-01T11:00:00Z', { rpe: 5, minutes: 60 }),
      ],
      {
        sessions: [
          { id: 's1', startUs: us('2026-11-01T10:00:00Z'), loads: [stored('trimp', 80)] },
          { id: 's2', startUs: us('2026-11-04T10:00:00Z'), loads: [stored('trimp', 40)] },
          { id: 's3', startUs: us('2026-11-04T16:00:00Z'), loads: [stored('trimp', 30)] },
          { id: 's4', startUs: us('2026-11-06T10:00:00Z'), loads: [stored('trimp', null, 'No limits')] },
        ],
      },
    );
    const trimp = answer.series.find(({ series }) => series === 'trimp');
    expect(trimp?.days.map(({ value }) => value)).toEqual([80, 0, null, 70, null, null]);
    expect(trimp?.sessions.map(({ sessionId, outcomeId, value }) => [sessionId, outcomeId, value])).toEqual([
      ['s1', 'worn', 80],
      [null, 'unworn', null],
      ['s2', null, 40],
      ['s3', null, 30],
      ['s4', null, null],
    ]);
    expect(trimp?.sessions[0]).toMatchObject({ minutesCovered: 60, parameters: { restBpm: 50 }, reason: null });
    expect(trimp?.sessions[4]?.reason).toBe('No limits');
    // session-RPE is not recorded on a day with a session that nobody rated.
    expect(answer.values).toEqual([300, 0, 300, null, null, null]);
  });

  it('says why it is missing: what its sessions say, or that there is no sensor', () => {
    const { missing } = view({ from: '2026-11-01', to: '2026-11-02' }, [], {
      sessions: [{ id: 's', startUs: us('2026-11-01T10:00:00Z'), loads: [stored('trimp', null, 'No limits')] }],
    });
    expect(missing.find(({ series }) => series === 'trimp')?.reason).toBe('No limits');
    expect(missing.find(({ series }) => series === 'distance')?.reason).toContain('has a speed');
  });
});

describe('figures', () => {
  /** 28 days up to 28 October: three weeks of 300 a day, then a week of 0 and 600 in turn. */
  const ratings = Array.from({ length: 28 }, (_, i) =>
    rating(`o${i}`, `2026-10-${String(i + 1).padStart(2, '0')}T12:00:00Z`, {
      rpe: i < 21 ? 5 : i % 2 === 0 ? 10 : 0,
      minutes: i >= 21 && i % 2 === 1 ? 0 : 60,
    }),
  );

  it('are those of the last day of the range, by hand', () => {
    // The last week is 0, 600, 0, 600, 0, 600, 0: mean 1800 / 7, SD over 6 degrees of freedom 600 * sqrt(2 / 7).
    const { rpe } = view({ from: '2026-10-20', to: '2026-10-28' }, ratings);
    expect(rpe?.hiddenBecause).toBeNull();
    expect(rpe?.figures?.weekLoad).toBeCloseTo(1_800, 9);
    expect(rpe?.figures?.uncoupledRatio).toBeCloseTo(1_800 / 7 / 300, 9);
    expect(rpe?.figures?.monotony).toBeCloseTo(1_800 / 7 / (600 * Math.sqrt(2 / 7)), 9);
    expect(rpe?.figures?.strain).toBeCloseTo((1_800 * (1_800 / 7)) / (600 * Math.sqrt(2 / 7)), 6);
    // From 300: 225, 318.75, 239.0625, 329.296875, 246.97..., with a quarter of the way to the new load each day.
    expect(rpe?.figures?.acute).toBeCloseTo((((300 * 0.75 * 0.75 + 150) * 0.75 * 0.75 + 150) * 0.75 * 0.75 + 150) * 0.75, 9);
    expect(rpe?.provisional).toBe(false);
  });

  it('do not depend on where the range begins', () => {
    const figures = (from: string) => view({ from, to: '2026-10-28' }, ratings).rpe?.figures;
    expect(figures('2026-10-28')).toEqual(figures('2026-01-01'));
  });

  it('are hidden before 28 days, and where too few of the last 28 are recorded', () => {
    expect(view({ from: '2026-10-20', to: '2026-10-27' }, ratings).rpe).toMatchObject({
      figures: null,
      hiddenBecause: 'Figures need 28 days: the first record is 27 days old',
    });
    const few = view({ to: '2026-10-28' }, [...ratings.slice(0, 1), ...ratings.slice(10)]).rpe;
    expect(few).toMatchObject({
      figures: null,
      provisional: true,
      hiddenBecause: expect.stringContaining('Only 19 of the last 28 days') as string,
    });
  });

  it('and series are none for an athlete without anything', () => {
    expect(view({}, [])).toMatchObject({ athleteId: ATHLETE, series: [], refused: [] });
    expect(view({}, []).missing).toHaveLength(4);
  });
});
