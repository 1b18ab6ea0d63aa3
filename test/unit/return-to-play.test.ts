import { describe, expect, it } from 'vitest';
import { MedicalRefused, MONITORED_DAYS } from '../../src/asms/medical-record.ts';
import { US_PER_DAY } from '../../src/asms/time.ts';
import { evidenceFor, inUnit, judgeCriteria, type Measurement, type SidedFigure } from '../../src/asms/return-criteria.ts';
import { DEFAULT_PROTOCOL as protocol, protocolFaults, type SignRole } from '../../src/asms/return-protocol.ts';
import {
  advance,
  beginReturn,
  clearAthlete,
  demote,
  demotionReasons,
  limitPieces,
  openPoints,
  relapse,
  relapseSuspected,
  returnPhase,
  signOff,
  stageLimits,
  stageOf,
  withdrawRelapse,
  type ReturnState,
} from '../../src/asms/return-to-play.ts';

const day = (n: number): number => n * US_PER_DAY;
const ONSET = 100;
const NOW = day(10_000);
const measured = (metric: string, value: number, at: number, limbSymmetryPct: number | null = null): Measurement => ({
  metric,
  value,
  atUs: day(at),
  limbSymmetryPct,
});
const before = [measured('isometricStrength', 400, 90), measured('jumpHeight', 0.4, 90), measured('sprintPeak', 9, 90)];
/** Healthy again, measured daily until `at`. */
const well = (at: number): Measurement[] => [
  ...before,
  measured('pain', 0, at),
  measured('isometricStrength', 396, at),
  measured('jumpHeight', 0.39, at),
  measured('sprintPeak', 8.9, at),
];
const evidence = (measurements: readonly Measurement[]) => ({ measurements, injuryOnsetUs: day(ONSET) });
const decision = (at: number, role: SignRole = 'medical', why = 'looked at') => ({ role, by: 'Dr', atUs: day(at), why });
const begin = (): ReturnState => beginReturn('i', protocol, 'Dr', day(ONSET));
const signAll = (state: ReturnState, at: number): ReturnState =>
  stageOf(state, protocol).signOff.reduce((now, role) => signOff(now, protocol, { role, by: role, atUs: day(at) }, NOW), state);
/** Through the stages, ten days each. */
const atStage = (stage: number): ReturnState => {
  let state = begin();
  for (let i = 0; i < stage; i += 1) {
    const at = ONSET + 10 * (i + 1);
    state = advance(signAll(state, at), protocol, evidence(well(at)), decision(at), NOW);
  }
  return state;
};
const LAST = protocol.stages.length - 1;
const CLEARED = ONSET + 10 * (LAST + 1);
const cleared = (): ReturnState => clearAthlete(signAll(atStage(LAST), CLEARED), protocol, evidence(well(CLEARED)), decision(CLEARED), NOW);
const codeOf = (attempt: () => unknown): string => {
  try {
    attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(MedicalRefused);
    expect((error as MedicalRefused).remedy.length).toBeGreaterThan(10);
    return (error as MedicalRefused).code;
  }
  return 'allowed';
};

describe('stages', () => {
  it('rise in load and work, and end with the whole of it', () => {
    const { stages } = protocol;
    stages.slice(1).forEach((stage, i) => {
      expect(stage.loadCeilingShare).toBeGreaterThan(stages[i]!.loadCeilingShare);
      expect(stage.allowedWork).toEqual(expect.arrayContaining([...stages[i]!.allowedWork]));
      expect(stage.criteria.length).toBeGreaterThan(0);
      expect(stage.signOff).toContain('medical');
    });
    expect(stages.at(-1)?.loadCeilingShare).toBe(1);
  });

  it('are passed in order, each by criteria, time and signatures', () => {
    const state = atStage(2);
    expect(state.stage).toBe(2);
    expect(state.signatures).toEqual([]);
    expect(state.history.map(({ change }) => change)).toEqual(['begun', 'signed', 'advanced', 'signed', 'advanced']);
    expect(JSON.parse(JSON.stringify(state))).toStrictEqual(state);
  });

  it('are not left before: everything that is open is named', () => {
    const state = atStage(3);
    const at = ONSET + 31;
    const points = openPoints(state, protocol, evidence(before), day(at));
    expect(points).toHaveLength(1 + 4 + 2);
    expect(points.join('; ')).toMatch(/at least 3 days.*pain was not measured.*role coach has not signed/u);
    expect(codeOf(() => advance(state, protocol, evidence(well(at)), decision(at), NOW))).toBe('not-cleared-yet');
  });

  it('give the ceiling of the day as a share of the chronic load before the injury', () => {
    expect(stageLimits(atStage(1), protocol, 500)).toMatchObject({ ceiling: 200, ceilingShare: 0.4 });
    expect(stageLimits(atStage(1), protocol, null)).toMatchObject({ ceiling: null });
    expect(stageLimits(atStage(1), protocol, 0)).toMatchObject({ ceiling: 0 });
    expect(stageLimits(cleared(), protocol, 500)).toBeNull();
  });

  it('refuse steps that are none', () => {
    const signed = signAll(begin(), ONSET + 10);
    const good = evidence(well(ONSET + 10));
    const cases: readonly (readonly [string, () => unknown])[] = [
      ['not-allowed', () => advance(signed, protocol, good, decision(ONSET + 10, 'coach'), NOW)],
      ['value-out-of-range', () => advance(signed, protocol, good, decision(ONSET + 10, 'medical', ' '), NOW)],
      ['in-the-future', () => advance(signed, protocol, good, decision(20_000), NOW)],
      ['value-out-of-range', () => advance(signed, protocol, good, decision(ONSET + 9), NOW)],
      ['already-recorded', () => signAll(signed, ONSET + 11)],
      ['not-allowed', () => signOff(begin(), protocol, { role: 'coach', by: 'c', atUs: day(ONSET) }, NOW)],
      ['not-allowed', () => demote(begin(), decision(ONSET + 10), NOW)],
      ['not-allowed', () => advance(signAll(atStage(LAST), CLEARED), protocol, evidence(well(CLEARED)), decision(CLEARED), NOW)],
      [
        'not-cleared-yet',
        () => clearAthlete(signAll(atStage(LAST - 1), CLEARED), protocol, evidence(well(CLEARED)), decision(CLEARED), NOW),
      ],
      ['already-closed', () => demote(cleared(), decision(CLEARED + 1), NOW)],
      ['already-closed', () => clearAthlete(cleared(), protocol, evidence(well(CLEARED)), decision(CLEARED + 1), NOW)],
    ];
    for (const [i, [code, attempt]] of cases.entries()) expect([i, codeOf(attempt)]).toEqual([i, code]);
    expect(() => stageOf(begin(), { ...protocol, version: 'other' })).toThrow(RangeError);
  });
});

describe('criteria', () => {
  const stage = protocol.stages[2]!;
  const judge = (measurements: readonly Measurement[], at: number) =>
    Object.fromEntries(judgeCriteria(stage, evidence(measurements), day(at)).map((one) => [one.criterion.metric, one]));

  it("compare with the athlete's own value before the injury, newest first", () => {
    const judged = judge([...before, measured('isometricStrength', 500, 95), measured('isometricStrength', 410, 110)], 111);
    expect(judged['isometricStrength']).toMatchObject({ reference: 500, share: 0.82, met: true });
  });

  it('say a scale by its top, and another value in its unit', () => {
    expect(judge([measured('pain', 4, 110)], 111)['pain']?.why).toBe('pain 4 of 10, at most 2');
    expect(inUnit(410, 'N')).toBe('410 N');
  });

  it('are not met by symmetry between limbs: both may have lost', () => {
    const judged = judge([...before, measured('isometricStrength', 200, 110, 100)], 111);
    expect(judged['isometricStrength']).toMatchObject({ limbSymmetryPct: 100, share: 0.5, met: false });
  });

  it('are not met without a value from before, with one too old, or from the future', () => {
    expect(judge([measured('isometricStrength', 400, 110)], 111)['isometricStrength']).toMatchObject({ reference: null, met: false });
    expect(judge([...before, measured('isometricStrength', 400, 110)], 125)['isometricStrength']?.why).toContain('15 days ago');
    expect(judge([...before, measured('isometricStrength', 400, 110)], 109)['isometricStrength']?.why).toContain('not measured since');
    expect(judge([measured('isometricStrength', 0, 90), measured('isometricStrength', 400, 110)], 111)['isometricStrength']).toMatchObject({
      met: false,
    });
  });
});

describe('demotion', () => {
  const none = { pain: 2, daysAboveCeiling: 0, recoveryFall: 0 };

  it('has a rule for pain, load and recovery, each with its reason', () => {
    expect(demotionReasons(protocol, none)).toEqual([]);
    expect(demotionReasons(protocol, { ...none, pain: null })).toEqual([]);
    expect(demotionReasons(protocol, { pain: 6, daysAboveCeiling: 2, recoveryFall: 0.15 })).toEqual([
      'pain 6 of 10, above 4',
      "load above the stage's ceiling on 2 of the last 7 days",
      'recovery 15 points below its best',
    ]);
  });

  it('goes one stage back, and the signatures have to be given again', () => {
    const state = demote(signAll(atStage(2), ONSET + 21), decision(ONSET + 22), NOW);
    expect(state).toMatchObject({ stage: 1, signatures: [], enteredUs: day(ONSET + 22) });
  });
});

describe('clearance', () => {
  it('is a signed decision after the last stage, then 8 weeks monitored', () => {
    const state = cleared();
    expect(state.history.at(-1)).toMatchObject({ change: 'cleared', by: 'Dr', why: 'looked at' });
    expect([0, MONITORED_DAYS - 1, MONITORED_DAYS].map((days) => returnPhase(state, day(CLEARED + days)))).toEqual([
      'monitored',
      'monitored',
      'done',
    ]);
    expect(returnPhase(atStage(1), NOW)).toBe('stages');
  });

  it('ends in a relapse within the monitored time only', () => {
    expect(returnPhase(relapse(cleared(), 'j', 'Dr', day(CLEARED + 5)), day(CLEARED + 6))).toBe('relapsed');
    expect(codeOf(() => relapse(cleared(), 'j', 'Dr', day(CLEARED + MONITORED_DAYS)))).toBe('not-allowed');
    expect(codeOf(() => relapse(atStage(1), 'j', 'Dr', day(ONSET + 15)))).toBe('not-allowed');
    expect(codeOf(() => signAll(relapse(cleared(), 'j', 'Dr', day(CLEARED + 5)), CLEARED + 6))).toBe('already-closed');
  });

  it('is followed by a look at R: a fall by the stated amount is a suspicion, for staff to judge', () => {
    expect(relapseSuspected(cleared(), protocol, 0.1, day(CLEARED + 5))).toBe(true);
    expect(relapseSuspected(cleared(), protocol, 0.09, day(CLEARED + 5))).toBe(false);
    expect(relapseSuspected(cleared(), protocol, 0.5, day(CLEARED + 100))).toBe(false);
  });
});

describe('what a return allowed', () => {
  it('stands by time: each stage from its beginning, none after clearance, and a relapse that is taken back changes nothing', () => {
    const back = demote(atStage(3), decision(ONSET + 35), NOW);
    expect(
      limitPieces(back, protocol).map(({ fromUs, share, availability }) => [fromUs / US_PER_DAY - ONSET, share, availability]),
    ).toEqual([
      [0, 0.1, 'out'],
      [10, 0.4, 'out'],
      [20, 0.6, 'out'],
      [30, 0.8, 'modified'],
      [35, 0.6, 'out'],
    ]);
    const over = cleared();
    expect(limitPieces(over, protocol).at(-1)).toEqual({ fromUs: day(CLEARED), share: null, availability: 'full' });
    const again = withdrawRelapse(relapse(over, 'j', 'Dr', day(CLEARED + 3)), 'Dr', day(CLEARED + 4));
    expect(returnPhase(again, day(CLEARED + 5))).toBe('monitored');
    expect(limitPieces(again, protocol)).toEqual(limitPieces(over, protocol));
  });
});

it('judges by figures of the unit and of the injured side, and shows the other limb', () => {
  const [, reconditioning] = protocol.stages;
  const figure = (value: number, side: SidedFigure['side'], at: number, unit = 'N'): SidedFigure => ({
    metric: 'isometricStrength',
    unit,
    value,
    side,
    atUs: day(at),
  });
  const figures = [
    figure(300, 'left', 101),
    figure(400, 'right', 101.5),
    figure(200, null, 50),
    figure(9, 'left', 110, 'kg'),
    figure(500, 'right', 90),
  ];
  const seen = (side: 'left' | 'right' | 'both' | null) =>
    evidenceFor(reconditioning!, { side, onsetUs: day(ONSET) }, figures).measurements.map(({ value, limbSymmetryPct }) => [
      value,
      limbSymmetryPct,
    ]);
  expect(seen('left')).toEqual([
    [300, 75],
    [200, null],
  ]);
  expect(seen('right')).toEqual([
    [400, (400 / 300) * 100],
    [200, null],
    [500, null],
  ]);
  expect(seen('both')).toEqual([[200, null]]);
  expect(seen(null)).toEqual([[200, null]]);
});

it('finds what is wrong with a protocol', () => {
  const [first, second] = protocol.stages;
  const last = protocol.stages.at(-1);
  const faults = (...stages: readonly (typeof first)[]) => protocolFaults({ ...protocol, stages: stages.map((stage) => stage!) });
  expect(protocolFaults(protocol)).toEqual([]);
  expect(faults()).toEqual(['it has no stages']);
  expect(faults(first, first)).toEqual(['the stage protection stands twice']);
  expect(faults({ ...first!, signOff: ['coach'] })).toEqual(['the stage protection is not signed by the role medical']);
  expect(faults(last, second)).toHaveLength(2);
});
