import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  adherenceFromUs,
  applyMedicalFact,
  EMPTY_RECORD,
  injuriesAt,
  MedicalRefused,
  MONITORED_DAYS,
  therapyPieces,
  type MedicalFact,
  type MedicalRecord,
} from '../../src/asms/medical-record.ts';
import { US_PER_DAY } from '../../src/asms/time.ts';

const day = (n: number): number => n * US_PER_DAY;
const NOW = day(1_000);
const opened = (injuryId: string, onset: number, more: object = {}): MedicalFact => ({
  kind: 'injury-opened',
  injuryId,
  diagnosisCode: 'TH0',
  region: 'thigh',
  side: 'left',
  onsetUs: day(onset),
  timeLossDays: 20,
  closed: null,
  ...more,
});
const knee = { diagnosisCode: 'KJ1', region: 'knee' };
const past = (at: number) => ({ closed: { closedUs: day(at), by: 'Dr' } });
const closed = (injuryId: string, at: number): MedicalFact => ({ kind: 'injury-closed', injuryId, closedUs: day(at), by: 'Dr' });
const therapy = (therapyId: string, injuryId: string, from: number, to: number | null, more: object = {}): MedicalFact => ({
  kind: 'therapy-started',
  therapyId,
  injuryId,
  therapyKind: 'eccentric-strength',
  dosePerDay: 2,
  adherence: 0.5,
  startsUs: day(from),
  endsUs: to === null ? null : day(to),
  ...more,
});
const record = (...facts: readonly MedicalFact[]): MedicalRecord =>
  facts.reduce((now, fact) => applyMedicalFact(now, fact, NOW), EMPTY_RECORD);
const refusal = (...facts: readonly MedicalFact[]): MedicalRefused => {
  const before = record(...facts.slice(0, -1));
  const kept = JSON.stringify(before);
  try {
    applyMedicalFact(before, facts.at(-1) as MedicalFact, NOW);
  } catch (error) {
    expect(JSON.stringify(before)).toBe(kept);
    return error as MedicalRefused;
  }
  throw new Error('was not refused');
};

describe('injuries', () => {
  it('can be several at once, each opened and closed on its own', () => {
    const both = record(opened('a', 10), opened('b', 12, { diagnosisCode: 'AJ1', region: 'ankle', side: 'right' }), closed('a', 30));
    expect(injuriesAt(both, day(20), {}).open.map(({ injuryId }) => injuryId)).toEqual(['a', 'b']);
    expect(injuriesAt(both, day(31), { b: 0.4 }).open).toMatchObject([{ injuryId: 'b', ceilingShare: 0.4 }]);
  });

  it('are monitored for 8 weeks after clearance', () => {
    const one = record(opened('a', 10), closed('a', 30));
    const monitored = (at: number) => injuriesAt(one, day(at), {}).monitored.length;
    expect([29, 30, 30 + MONITORED_DAYS - 1, 30 + MONITORED_DAYS].map(monitored)).toEqual([0, 1, 1, 0]);
  });

  it('of the same region within the monitored time are a relapse, of another or later they are not', () => {
    const relapse = (onset: number, more: object = {}) =>
      record(opened('a', 10), closed('a', 30), opened('b', onset, more)).injuries.at(-1)?.relapseOf;
    expect(relapse(31)).toBe('a');
    expect(relapse(31, { side: null })).toBe('a');
    expect(relapse(30 + MONITORED_DAYS)).toBeNull();
    expect(relapse(31, { side: 'right' })).toBeNull();
    expect(relapse(31, knee)).toBeNull();
  });

  it('from before there was a list of regions stand where their code says, else where their own words do', () => {
    const old = (diagnosisCode: string, region: string): MedicalRecord => {
      const { injuries } = record(opened('old', 10));
      return { ...EMPTY_RECORD, injuries: injuries.map((injury) => ({ ...injury, diagnosisCode, region })) };
    };
    const second = (before: MedicalRecord, more: object = {}) => applyMedicalFact(before, opened('new', 20, more), NOW).injuries.length;
    expect(() => second(old('tmhxx', 'Left Hamstring'))).toThrow('Injury old of the same region was open');
    expect(() => second(old('ZZ1', ' Thigh '))).toThrow('Injury old of the same region was open');
    expect(second(old('ZZ1', 'hip or groin'))).toBe(2);
    expect(second(old('tmhxx', 'Left Hamstring'), knee)).toBe(2);
    expect(applyMedicalFact(old('tmhxx', 'x'), closed('old', 30), NOW).injuries[0]).toMatchObject({ region: 'x', closedBy: 'Dr' });
  });

  it('of the past can be recorded when they are over', () => {
    expect(injuriesAt(record(opened('a', 10), opened('b', 5, past(9))), day(20), {}).open).toHaveLength(1);
  });

  it('that cannot be are refused, with what to do, and change nothing', () => {
    const cases: readonly (readonly [string, readonly MedicalFact[]])[] = [
      ['already-closed', [opened('a', 10), closed('a', 30), closed('a', 31)]],
      ['already-recorded', [opened('a', 10), opened('a', 50)]],
      ['in-the-future', [opened('a', 1_001)]],
      ['in-the-future', [opened('a', 10), closed('a', 1_001)]],
      ['before-onset', [opened('a', 10), closed('a', 9)]],
      ['unknown-injury', [closed('a', 9)]],
      ['contradicts-open-injury', [opened('a', 10), opened('b', 12)]],
      ['contradicts-open-injury', [opened('a', 10), closed('a', 30), opened('b', 29)]],
      ['contradicts-open-injury', [opened('a', 10), closed('a', 30), opened('b', 5)]],
      ['contradicts-open-injury', [opened('a', 10), opened('b', 5, past(11))]],
      ['before-onset', [opened('a', 10, past(9))]],
      ['contradicts-open-injury', [opened('a', 10), opened('b', 12, { diagnosisCode: 'ZZ1' })]],
      ['code-contradicts-region', [opened('a', 10, { region: 'knee' })]],
      ['code-contradicts-region', [opened('a', 10, { diagnosisCode: 'MPXX' })]],
      ['code-contradicts-region', [opened('a', 10), corrected('a', 10, { diagnosisCode: 'KJ1' })]],
      ['value-out-of-range', [opened('a', 10, { timeLossDays: 0 })]],
      ['value-out-of-range', [opened('a', 10, { onsetUs: Number.NaN })]],
    ];
    for (const [code, facts] of cases) {
      const refused = refusal(...facts);
      expect(refused).toBeInstanceOf(MedicalRefused);
      expect([code, refused.code]).toEqual([code, code]);
      expect(refused.remedy.length).toBeGreaterThan(10);
      expect(refused.message).toContain(refused.remedy);
    }
  });
});

const corrected = (injuryId: string, onset: number, more: object = {}): MedicalFact => ({
  kind: 'injury-corrected',
  injuryId,
  diagnosisCode: 'TH1',
  region: 'thigh',
  side: 'left',
  onsetUs: day(onset),
  reportedUs: day(onset),
  timeLossDays: 30,
  ...more,
});

describe('corrections', () => {
  it('say anew what an injury is, in its place, and leave its clearance', () => {
    const { injuries } = record(opened('a', 10), closed('a', 30), opened('b', 200), corrected('a', 12));
    expect(injuries.map(({ injuryId }) => injuryId)).toEqual(['a', 'b']);
    expect(injuries[0]).toMatchObject({ diagnosisCode: 'TH1', onsetUs: day(12), reportedUs: day(12), closedUs: day(30), closedBy: 'Dr' });
  });

  it('make and unmake relapses, of the corrected injury and of others', () => {
    const links = (...facts: readonly MedicalFact[]) => record(...facts).injuries.map(({ relapseOf }) => relapseOf);
    const two = [opened('a', 10), closed('a', 30), opened('b', 40)];
    expect(links(...two)).toEqual([null, 'a']);
    expect(links(...two, corrected('b', 40, knee))).toEqual([null, null]);
    expect(links(...two, corrected('a', 10, knee))).toEqual([null, null]);
    expect(links(...two, { kind: 'injury-withdrawn', injuryId: 'a' })).toEqual([null]);
    // An injury of the past that is recorded late.
    expect(links(opened('b', 40), opened('a', 10, past(30)))).toEqual(['a', null]);
  });

  it('of a therapy that runs already, or without a dose, is refused; after its end it may begin again', () => {
    const running = [opened('a', 10), therapy('t', 'a', 12, 20)] as const;
    expect(refusal(...running, therapy('u', 'a', 19, null)).code).toBe('already-recorded');
    expect(refusal(opened('a', 10), therapy('t', 'a', 12, null, { dosePerDay: 0 })).code).toBe('value-out-of-range');
    expect(refusal(opened('a', 10), therapy('t', 'a', 12, null, { dosePerDay: 10.5 })).code).toBe('value-out-of-range');
    expect(record(...running, therapy('u', 'a', 20, null), therapy('v', 'a', 12, null, { therapyKind: 'other' })).therapies).toHaveLength(
      3,
    );
  });

  it('of a therapy keep its log; what is taken back is gone', () => {
    const begun = [
      opened('a', 10),
      therapy('t', 'a', 12, null),
      { kind: 'adherence-recorded', therapyId: 't', fromUs: day(14), share: 0.9 },
    ] as const;
    const change = (starts: number, more: object = {}): MedicalFact => ({
      kind: 'therapy-corrected',
      therapyId: 't',
      therapyKind: 'y',
      dosePerDay: 3,
      adherence: 0.2,
      startsUs: day(starts),
      endsUs: null,
      ...more,
    });
    expect(
      therapyPieces(record(...begun, change(11))).map(({ kind, adherence, startsUs }) => [kind, adherence, startsUs / US_PER_DAY]),
    ).toEqual([
      ['y', 0.2, 11],
      ['y', 0.9, 14],
    ]);
    expect(record(...begun, { kind: 'therapy-withdrawn', therapyId: 't' }).therapies).toEqual([]);
    expect(refusal(...begun, change(15)).code).toBe('value-out-of-range');
    expect(refusal(...begun, change(9)).code).toBe('before-onset');
    expect(refusal(...begun, closed('a', 20), change(12)).code).toBe('injury-closed');
    expect(refusal(...begun, { kind: 'injury-withdrawn', injuryId: 'a' }).code).toBe('not-allowed');
    expect(refusal(...begun, corrected('a', 13)).code).toBe('before-onset');
    expect(refusal(opened('a', 10), corrected('a', 10, { reportedUs: day(9) })).code).toBe('before-onset');
    expect(refusal(opened('a', 10), opened('b', 12, { side: 'right' }), corrected('a', 10, { side: 'both' })).code).toBe(
      'contradicts-open-injury',
    );
  });

  it('of a day of adherence hold from its beginning, from the start of the therapy within it, and not before', () => {
    const from = (fromDay: number) =>
      adherenceFromUs({ startsUs: day(12.5) }, { fromUs: day(fromDay), toUs: day(fromDay + 1) }) / US_PER_DAY;
    expect([11, 12, 13].map(from)).toEqual([11, 12.5, 13]);
  });
});

describe('therapies', () => {
  it('give one piece for each stretch of equal adherence, and end with their injury', () => {
    const one = record(
      opened('a', 10),
      therapy('t', 'a', 12, null),
      { kind: 'adherence-recorded', therapyId: 't', fromUs: day(14), share: 0.9 },
      { kind: 'adherence-recorded', therapyId: 't', fromUs: day(13), share: 0 },
      closed('a', 30),
    );
    expect(
      therapyPieces(one).map(({ startsUs, endsUs, adherence }) => [startsUs / US_PER_DAY, (endsUs ?? 0) / US_PER_DAY, adherence]),
    ).toEqual([
      [12, 13, 0.5],
      [13, 14, 0],
      [14, 30, 0.9],
    ]);
    expect(therapyPieces(one)[0]).toMatchObject({ kind: 'eccentric-strength', dosePerDay: 2, injuryId: 'a' });
  });

  it('that cannot be are refused, with what to do, and change nothing', () => {
    const open = opened('a', 10);
    const cases: readonly (readonly [string, readonly MedicalFact[]])[] = [
      ['in-the-future', [open, therapy('t', 'a', 1_001, null)]],
      ['before-onset', [open, therapy('t', 'a', 9, null)]],
      ['unknown-injury', [therapy('t', 'a', 9, null)]],
      ['injury-closed', [open, closed('a', 20), therapy('t', 'a', 12, null)]],
      ['value-out-of-range', [open, therapy('t', 'a', 12, 12)]],
      ['value-out-of-range', [open, therapy('t', 'a', 12, null, { dosePerDay: -1 })]],
      ['value-out-of-range', [open, therapy('t', 'a', 12, null, { adherence: 1.1 })]],
      ['already-recorded', [open, therapy('t', 'a', 12, null), therapy('t', 'a', 12, null)]],
      ['already-ended', [open, therapy('t', 'a', 12, 14), { kind: 'therapy-ended', therapyId: 't', endsUs: day(15) }]],
      ['in-the-future', [open, therapy('t', 'a', 12, null), { kind: 'therapy-ended', therapyId: 't', endsUs: day(1_001) }]],
      ['value-out-of-range', [open, therapy('t', 'a', 12, 14), { kind: 'adherence-recorded', therapyId: 't', fromUs: day(14), share: 1 }]],
      ['value-out-of-range', [open, therapy('t', 'a', 12, 14), closed('a', 11)]],
      ['unknown-therapy', [open, { kind: 'therapy-ended', therapyId: 't', endsUs: day(15) }]],
    ];
    for (const [code, facts] of cases) expect([code, facts.length, refusal(...facts).code]).toEqual([code, facts.length, code]);
  });
});

it('holds one open injury a place and time, and therapies within their injury, whatever is thrown at it', () => {
  const number = fc.integer({ min: 0, max: 1_010 });
  const id = fc.constantFrom('a', 'b', 'c');
  const fact = fc.oneof(
    fc.tuple(id, number, fc.constantFrom('left', 'right', null)).map(([injuryId, at, side]) => opened(injuryId, at, { side })),
    fc.tuple(id, number, number).map(([injuryId, at, to]) => opened(injuryId, at, past(to))),
    fc.tuple(id, number).map(([injuryId, at]) => closed(injuryId, at)),
    fc
      .tuple(id, id, number, fc.option(number, { nil: null }))
      .map(([therapyId, injuryId, from, to]) => therapy(therapyId, injuryId, from, to)),
    fc.tuple(id, number).map(([therapyId, at]): MedicalFact => ({ kind: 'therapy-ended', therapyId, endsUs: day(at) })),
  );
  fc.assert(
    fc.property(fc.array(fact, { maxLength: 30 }), (facts) => {
      let now = EMPTY_RECORD;
      for (const one of facts) {
        try {
          now = applyMedicalFact(now, one, NOW);
        } catch (error) {
          expect(error).toBeInstanceOf(MedicalRefused);
        }
      }
      for (let at = 0; at < 1_000; at += 50) {
        const sides = now.injuries
          .filter(({ onsetUs, closedUs }) => onsetUs <= day(at) && (closedUs === null || closedUs > day(at)))
          .map(({ side }) => side);
        expect(new Set(sides).size).toBe(sides.length);
        if (sides.includes(null)) expect(sides).toHaveLength(1);
      }
      for (const piece of therapyPieces(now)) {
        const injury = now.injuries.find(({ injuryId }) => injuryId === piece.injuryId);
        expect(piece.startsUs).toBeGreaterThanOrEqual(injury?.onsetUs ?? Infinity);
        expect(injury?.closedUs === null || (piece.endsUs ?? Infinity) <= (injury?.closedUs ?? 0)).toBe(true);
      }
    }),
  );
});
