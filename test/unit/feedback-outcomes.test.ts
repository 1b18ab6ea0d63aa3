import { describe, expect, it } from 'vitest';
import {
  OutcomeRefused,
  admitOutcome,
  inForce,
  outcomeFaults,
  type InjuryOutcome,
  type Outcome,
  type OutcomeContext,
  type PerformanceOutcome,
  type SessionRpeOutcome,
  type WellnessOutcome,
} from '../../src/asms/feedback/outcomes.ts';

const HOUR_US = 3600e6;
const context: OutcomeContext = {
  nowUs: 1000 * HOUR_US,
  firstScoredUs: 100 * HOUR_US,
  sessions: [
    { sessionId: 's1', startUs: 200 * HOUR_US, scoredWindows: 900 },
    { sessionId: 's2', startUs: 300 * HOUR_US, scoredWindows: 0 },
  ],
  metrics: [
    { name: 'jump-height', unit: 'cm', smallestWorthwhileChange: 1.2, reference: 38, higherIsBetter: true },
    { name: 'sprint-10m', unit: 's', smallestWorthwhileChange: 0.02, reference: 1.75, higherIsBetter: false },
  ],
  known: [],
};
const jump: PerformanceOutcome = {
  kind: 'performance',
  outcomeId: 'o1',
  atUs: 201 * HOUR_US,
  replaces: null,
  sessionId: 's1',
  metric: 'jump-height',
  unit: 'cm',
  value: 40.5,
};
const injury: InjuryOutcome = { kind: 'injury', outcomeId: 'i1', atUs: 240 * HOUR_US, replaces: null, region: 'thigh', severity: 'mild' };
const rpe: SessionRpeOutcome = {
  kind: 'session-rpe',
  outcomeId: 'r1',
  atUs: 202 * HOUR_US,
  replaces: null,
  sessionId: 's1',
  rpe: 6,
  minutes: 75,
};
const wellness: WellnessOutcome = { kind: 'wellness', outcomeId: 'w1', atUs: 20 * HOUR_US, replaces: null, day: 1, items: { sleep: 4 } };

const codes = (outcome: Outcome, changes: Partial<OutcomeContext> = {}): string[] =>
  outcomeFaults(outcome, { ...context, ...changes }).map(({ code }) => code);
/** What is known after the outcome. @throws OutcomeRefused */
const admitted = (outcome: Outcome, known: readonly Outcome[]): readonly Outcome[] =>
  admitOutcome(outcome, { ...context, known }) === null ? [...known, outcome] : known;
const refusal = (outcome: Outcome, known: readonly Outcome[] = []): OutcomeRefused => {
  try {
    admitOutcome(outcome, { ...context, known });
  } catch (error) {
    if (error instanceof OutcomeRefused) return error;
    throw error;
  }
  throw new Error('was not refused');
};

describe('an outcome', () => {
  it('of each kind is recorded where it fits', () => {
    const known = [jump, injury, rpe, wellness].reduce<readonly Outcome[]>((all, one) => admitted(one, all), []);
    expect(known).toEqual([jump, injury, rpe, wellness]);
  });

  it('in the future is refused, and the refusal says what to do', () => {
    expect(codes({ ...injury, atUs: 1001 * HOUR_US })).toEqual(['in-the-future']);
    expect(refusal({ ...injury, atUs: 1001 * HOUR_US })).toMatchObject({ code: 'outcome-refused', retry: false });
    expect(refusal({ ...injury, atUs: 1001 * HOUR_US }).message).toContain('Record the outcome when it has happened');
  });

  it('that would teach is refused before any window was scored; RPE and wellness are not', () => {
    expect(codes({ ...injury, atUs: 99 * HOUR_US })).toEqual(['before-scores']);
    expect(codes(injury, { firstScoredUs: null })).toEqual(['before-scores']);
    expect(codes(jump, { firstScoredUs: null })).toEqual(['before-scores']);
    expect(codes(rpe, { firstScoredUs: null })).toEqual([]);
    expect(codes(wellness, { firstScoredUs: null })).toEqual([]);
  });

  it('of a session that is unknown, later, or was never scored is refused', () => {
    expect(codes({ ...jump, sessionId: 's9' })).toEqual(['unknown-session']);
    expect(codes({ ...rpe, sessionId: 's9' })).toEqual(['unknown-session']);
    expect(codes({ ...jump, sessionId: 's2', atUs: 301 * HOUR_US })).toEqual(['not-scored']);
    expect(codes({ ...rpe, sessionId: 's2', atUs: 301 * HOUR_US })).toEqual([]);
    expect(codes({ ...jump, atUs: 199 * HOUR_US })).toEqual(['before-session']);
  });

  it('in an unknown unit or metric, or out of reach of the reference, is refused', () => {
    expect(codes({ ...jump, metric: 'throw' })).toEqual(['unknown-metric']);
    expect(refusal({ ...jump, metric: 'throw' }).message).toContain('there are jump-height, sprint-10m. Name one, or add it first');
    const [none] = outcomeFaults(jump, { ...context, metrics: [] });
    expect(none?.message).toContain('There is no metric jump-height; the team has none yet. Name one, or add it first');
    expect(codes({ ...jump, unit: 'm', value: 0.405 })).toEqual(['unknown-unit']);
    expect(refusal({ ...jump, unit: 'm' }).message).toContain('recorded in cm');
    expect(codes({ ...jump, value: 405 })).toEqual(['out-of-range']);
    expect(codes({ ...jump, value: NaN })).toEqual(['not-a-number']);
    expect(codes({ ...jump, metric: 'sprint-10m', unit: 's', value: 1700 })).toEqual(['out-of-range']);
  });

  it('with impossible content is refused', () => {
    expect(codes({ ...rpe, rpe: 11 })).toEqual(['out-of-range']);
    expect(codes({ ...rpe, minutes: -1 })).toEqual(['out-of-range']);
    expect(codes({ ...rpe, minutes: 0 })).toEqual(['out-of-range']);
    expect(codes({ ...rpe, rpe: 0, minutes: 0 })).toEqual([]);
    expect(codes({ ...wellness, items: {} })).toEqual(['out-of-range']);
    expect(codes({ ...wellness, items: { mood: 6 } })).toEqual(['out-of-range']);
    expect(codes({ ...injury, region: 'tail' as 'thigh' })).toEqual(['out-of-range']);
    expect(codes({ ...injury, severity: 'awful' as 'mild' })).toEqual(['out-of-range']);
    expect(codes({ ...injury, atUs: NaN })).toEqual(['not-a-number']);
  });

  it('with several faults names them all, each with its place', () => {
    expect(refusal({ ...jump, sessionId: 's9', unit: 'm', atUs: 1001 * HOUR_US }).faults.map(({ path }) => path)).toEqual([
      '/at',
      '/value/sessionId',
      '/value/unit',
    ]);
    expect(codes({ ...jump, sessionId: 's9', unit: 'm', atUs: 1001 * HOUR_US })).toEqual([
      'in-the-future',
      'unknown-session',
      'unknown-unit',
    ]);
  });
});

describe('a second outcome of the same place', () => {
  const again = <T extends Outcome>(outcome: T, changes: Partial<T>): T => ({ ...outcome, outcomeId: 'again', ...changes });

  it('is refused where it contradicts, and names the one to correct', () => {
    for (const [first, second] of [
      [jump, again(jump, { value: 41 })],
      [rpe, again(rpe, { rpe: 7 })],
      [wellness, again(wellness, { items: { sleep: 2 } })],
      [injury, again(injury, { severity: 'severe', atUs: injury.atUs + HOUR_US })],
    ] as const) {
      const refused = refusal(second, [first]);
      expect(refused.faults.map(({ code }) => code)).toEqual(['contradicts']);
      expect(refused.message).toContain(`${first.outcomeId}/corrections`);
    }
  });

  it('changes nothing where it says the same', () => {
    expect(admitOutcome(again(jump, {}), { ...context, known: [jump] })).toBe(jump);
  });

  it('stands beside it for another metric, region or day', () => {
    expect(codes(again(jump, { metric: 'sprint-10m', unit: 's', value: 1.72 }), { known: [jump] })).toEqual([]);
    expect(codes(again(injury, { region: 'knee' }), { known: [injury] })).toEqual([]);
    expect(codes(again(injury, { atUs: injury.atUs + 24 * HOUR_US, severity: 'severe' }), { known: [injury] })).toEqual([]);
  });

  it('is of its moment where a rating names no session: another moment is another session', () => {
    const loose: SessionRpeOutcome = { ...rpe, sessionId: null };
    expect(codes(loose)).toEqual([]);
    expect(admitOutcome(again(loose, {}), { ...context, known: [loose] })).toBe(loose);
    expect(codes(again(loose, { rpe: 7 }), { known: [loose] })).toEqual(['contradicts']);
    expect(admitOutcome(again(loose, { atUs: loose.atUs + 24 * HOUR_US }), { ...context, known: [loose] })).toBeNull();
  });

  it('is refused where two ratings share minutes, unless each names its session; what is stored is corrected', () => {
    const loose: SessionRpeOutcome = { ...rpe, sessionId: null };
    const shifted = (minutes: number, changes: Partial<SessionRpeOutcome> = {}) =>
      again(loose, { atUs: loose.atUs + (minutes / 60) * HOUR_US, ...changes });
    for (const second of [shifted(4), shifted(-4), shifted(74), shifted(-74), shifted(4, { sessionId: 's1' })]) {
      const refused = refusal(second, [loose]);
      expect(refused.faults).toMatchObject([{ code: 'overlaps', path: '/at' }]);
      expect(refused.message).toContain('Outcome r1 rates 1970-01-09T08:45:00.000Z to 1970-01-09T10:00:00.000Z already');
      expect(refused.message).toContain('outcomes/r1/corrections');
    }
    for (const second of [shifted(75), shifted(-75), shifted(4, { rpe: 0, minutes: 0 })])
      expect(codes(second, { known: [loose] })).toEqual([]);
    expect(codes(shifted(4, { sessionId: 's2', atUs: 301 * HOUR_US, minutes: 90 }), { known: [{ ...rpe, atUs: 301 * HOUR_US }] })).toEqual(
      [],
    );
    expect(codes(shifted(4, { replaces: 'r1' }), { known: [loose] })).toEqual([]);
    // One that cannot be counted stands in nobody's way.
    expect(codes(shifted(4), { known: [{ ...loose, minutes: 5_000 }] })).toEqual([]);
    // Two that were stored before this was looked at: one becomes the other, and is then a repetition (session-ratings.ts).
    expect(codes({ ...loose, outcomeId: 'third', replaces: 'again' }, { known: [loose, shifted(4, { rpe: 3 })] })).toEqual([]);
  });

  it('replaces it as a correction, once', () => {
    const corrected = again(jump, { value: 41, replaces: 'o1' });
    const known = admitted(corrected, [jump]);
    expect(inForce(known)).toEqual([corrected]);
    expect(refusal({ ...corrected, outcomeId: 'third', value: 42 }, known).faults.map(({ code }) => code)).toEqual([
      'already-corrected',
      'contradicts',
    ]);
    expect(codes({ ...corrected, replaces: 'nobody' })).toEqual(['unknown-correction']);
    expect(codes({ ...rpe, outcomeId: 'x', replaces: 'o1' }, { known: [jump] })).toEqual(['contradicts']);
  });
});
