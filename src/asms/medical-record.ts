/**
 * Injuries and therapies of an athlete as medical staff record them: (record, fact, now) -> record. A fact that cannot be, or contradicts what stands,
 * is refused with what to do, and changes nothing. The order in which facts came is the record's own; recovery is replayed from it.
 */
import { KinewatchError } from '../contracts/errors.ts';
import { areaOf, regionNamed, regionOf } from './osiics-region.ts';
import type { OpenInjury, Therapy } from './recovery.ts';
import { US_PER_DAY } from './time.ts';

const REFUSALS = [
  'unknown-injury',
  'unknown-therapy',
  'already-recorded',
  'already-closed',
  'already-ended',
  'in-the-future',
  'before-onset',
  'contradicts-open-injury',
  'injury-closed',
  'value-out-of-range',
  'code-contradicts-region',
  'not-cleared-yet',
  'not-allowed',
] as const;
export type MedicalRefusalCode = (typeof REFUSALS)[number];

/** A fact or a decision that is refused; `remedy` says what to do instead. */
export class MedicalRefused extends KinewatchError {
  declare readonly code: MedicalRefusalCode;
  readonly remedy: string;
  constructor(code: MedicalRefusalCode, what: string, remedy: string) {
    super(code, `${what}. ${remedy}.`);
    this.name = 'MedicalRefused';
    this.remedy = remedy;
  }
}

export type Side = 'left' | 'right' | 'both';

export interface RecordedInjury {
  readonly injuryId: string;
  /** OSIICS. */
  readonly diagnosisCode: string;
  readonly region: string;
  /** null: the region has no sides, or it was not said. */
  readonly side: Side | null;
  readonly onsetUs: number;
  readonly reportedUs: number;
  readonly timeLossDays: number;
  /** Clearance; null while it is open. */
  readonly closedUs: number | null;
  readonly closedBy: string | null;
  /** The injury of the same region of which this is a relapse. */
  readonly relapseOf: string | null;
}

export interface RecordedTherapy {
  readonly therapyId: string;
  readonly injuryId: string;
  readonly kind: string;
  readonly dosePerDay: number;
  readonly startsUs: number;
  readonly endsUs: number | null;
  /** Share of the dose that was done, from a time on, ascending; the first from the start. */
  readonly adherence: readonly { readonly fromUs: number; readonly share: number }[];
}

export interface MedicalRecord {
  readonly injuries: readonly RecordedInjury[];
  readonly therapies: readonly RecordedTherapy[];
}

export const EMPTY_RECORD: MedicalRecord = { injuries: [], therapies: [] };

/** reportedUs absent: now. */
type InjuryFacts = Pick<RecordedInjury, 'injuryId' | 'diagnosisCode' | 'region' | 'side' | 'onsetUs' | 'timeLossDays'> & {
  readonly reportedUs?: number;
};

export type MedicalFact =
  /** `closed`: an injury of the past, recorded when it was over. */
  | ({ readonly kind: 'injury-opened'; readonly closed: { readonly closedUs: number; readonly by: string } | null } & InjuryFacts)
  /** What was said of it wrongly; its clearance stands. */
  | ({ readonly kind: 'injury-corrected' } & InjuryFacts)
  /** It never was. */
  | { readonly kind: 'injury-withdrawn'; readonly injuryId: string }
  /** After a signed clearance (return-to-play.ts). */
  | { readonly kind: 'injury-closed'; readonly injuryId: string; readonly closedUs: number; readonly by: string }
  | ({ readonly kind: 'therapy-started'; readonly therapyKind: string; readonly adherence: number } & Omit<
      RecordedTherapy,
      'adherence' | 'kind'
    >)
  /** `adherence`: the share expected from the start, until the log begins. */
  | ({ readonly kind: 'therapy-corrected'; readonly therapyKind: string; readonly adherence: number } & Omit<
      RecordedTherapy,
      'adherence' | 'kind' | 'injuryId'
    >)
  | { readonly kind: 'therapy-withdrawn'; readonly therapyId: string }
  | { readonly kind: 'therapy-ended'; readonly therapyId: string; readonly endsUs: number }
  | { readonly kind: 'adherence-recorded'; readonly therapyId: string; readonly fromUs: number; readonly share: number };

/** Weeks "returned, monitored" after clearance (science.md). */
export const MONITORED_DAYS = 56;

type FactOf<Kind extends MedicalFact['kind']> = Extract<MedicalFact, { readonly kind: Kind }>;

type Handlers = { readonly [Kind in MedicalFact['kind']]: (record: MedicalRecord, fact: FactOf<Kind>, nowUs: number) => MedicalRecord };

const HANDLERS: Handlers = {
  'injury-opened': openInjury,
  'injury-corrected': correctInjury,
  'injury-withdrawn': withdrawInjury,
  'injury-closed': closeInjury,
  'therapy-started': startTherapy,
  'therapy-corrected': correctTherapy,
  'therapy-withdrawn': withdrawTherapy,
  'therapy-ended': endTherapy,
  'adherence-recorded': recordAdherence,
};

/** The record with one more fact, taken at `nowUs`. @throws MedicalRefused */
export function applyMedicalFact<Kind extends MedicalFact['kind']>(
  record: MedicalRecord,
  fact: FactOf<Kind>,
  nowUs: number,
): MedicalRecord {
  return HANDLERS[fact.kind](record, fact, nowUs);
}

const notInFuture = (us: number, nowUs: number, what: string): void => {
  if (!Number.isFinite(us)) throw new MedicalRefused('value-out-of-range', `${what} is no time`, 'Give a date and time');
  if (us > nowUs)
    throw new MedicalRefused('in-the-future', `${what} lies in the future`, 'Record it once it has happened, or correct the time');
};

const inRange = (value: number, least: number, most: number, what: string): void => {
  if (!(value >= least && value <= most))
    throw new MedicalRefused('value-out-of-range', `${what} is ${value}`, `Give a number from ${least} to ${most}`);
};

function injuryOf(record: MedicalRecord, injuryId: string): RecordedInjury {
  const injury = record.injuries.find((one) => one.injuryId === injuryId);
  if (injury === undefined) throw new MedicalRefused('unknown-injury', `There is no injury ${injuryId}`, 'Record the injury first');
  return injury;
}

function therapyOf(record: MedicalRecord, therapyId: string): RecordedTherapy {
  const therapy = record.therapies.find((one) => one.therapyId === therapyId);
  if (therapy === undefined) throw new MedicalRefused('unknown-therapy', `There is no therapy ${therapyId}`, 'Record the therapy first');
  return therapy;
}

type Place = Pick<RecordedInjury, 'diagnosisCode' | 'region' | 'side'>;

/** Rows from before there was a list of regions say them in words of their own, which count where neither code nor words name one. */
function placeOf({ diagnosisCode, region }: Place): string {
  const area = regionOf(diagnosisCode, region);
  return area === 'unspecified' ? region.trim().toLowerCase() : area;
}

/** Same region, and sides that can be the same: a side that was not said can be either. */
const samePlace = (a: Place, b: Place): boolean =>
  placeOf(a) === placeOf(b) && (a.side === null || b.side === null || a.side === 'both' || b.side === 'both' || a.side === b.side);

/** A code of no area, as an illness's, is no injury's; one of an area unspecified fits every region. @throws MedicalRefused */
function checkRegion({ diagnosisCode, region }: Place): void {
  const area = areaOf(diagnosisCode);
  if (area === null)
    throw new MedicalRefused(
      'code-contradicts-region',
      `The code ${diagnosisCode} begins with no body area of OSIICS`,
      'Correct the code; an illness is reported as one',
    );
  if (area !== 'unspecified' && area !== regionNamed(region))
    throw new MedicalRefused(
      'code-contradicts-region',
      `The code ${diagnosisCode} is of the region ${area}, not ${region}`,
      `Give the region ${area}, or the code of another`,
    );
}

function openInjury(record: MedicalRecord, fact: FactOf<'injury-opened'>, nowUs: number): MedicalRecord {
  const { kind: _kind, closed, reportedUs = nowUs, ...injury } = fact;
  if (record.injuries.some(({ injuryId }) => injuryId === injury.injuryId))
    throw new MedicalRefused(
      'already-recorded',
      `Injury ${injury.injuryId} is recorded already`,
      'Correct that record, or give the new injury an id of its own',
    );
  notInFuture(injury.onsetUs, nowUs, 'The onset');
  notInFuture(reportedUs, nowUs, 'The report');
  if (reportedUs < injury.onsetUs)
    throw new MedicalRefused('before-onset', 'The report lies before the onset', 'Correct the time of one of them');
  if (closed !== null) {
    notInFuture(closed.closedUs, nowUs, 'The clearance');
    if (closed.closedUs < injury.onsetUs)
      throw new MedicalRefused('before-onset', 'The clearance lies before the onset', 'Correct the time of one of them');
  }
  if (!(injury.timeLossDays > 0 && injury.timeLossDays <= 1_500))
    throw new MedicalRefused(
      'value-out-of-range',
      `The time loss is ${injury.timeLossDays} days`,
      'Give the published or expected time loss, above 0 and at most 1500 days',
    );
  checkRegion(injury);
  const untilUs = closed?.closedUs ?? Infinity;
  const same = record.injuries.find(
    (other) => samePlace(other, injury) && injury.onsetUs < (other.closedUs ?? Infinity) && other.onsetUs < untilUs,
  );
  if (same !== undefined)
    throw new MedicalRefused(
      'contradicts-open-injury',
      `Injury ${same.injuryId} of the same region was open at the same time`,
      `If it got worse, record that at injury ${same.injuryId}; if one had healed before the other, record it with its own date of clearance`,
    );
  const recorded: RecordedInjury = {
    ...injury,
    reportedUs,
    closedUs: closed?.closedUs ?? null,
    closedBy: closed?.by ?? null,
    relapseOf: relapseOf(record, injury),
  };
  return linked({ ...record, injuries: [...record.injuries, recorded] });
}

/** Each injury with the one of which it is a relapse: what is recorded late or corrected can make or unmake a relapse of another. */
const linked = (record: MedicalRecord): MedicalRecord => ({
  ...record,
  injuries: record.injuries.map((one) => {
    const others = record.injuries.filter((other) => other !== one);
    const earlier = relapseOf({ ...record, injuries: others }, one);
    return earlier === one.relapseOf ? one : { ...one, relapseOf: earlier };
  }),
});

const therapiesOf = (record: MedicalRecord, injuryId: string): readonly RecordedTherapy[] =>
  record.therapies.filter((therapy) => therapy.injuryId === injuryId);

function correctInjury(record: MedicalRecord, { kind: _kind, ...facts }: FactOf<'injury-corrected'>, nowUs: number): MedicalRecord {
  const { injuryId, onsetUs } = facts;
  const before = injuryOf(record, injuryId);
  const early = therapiesOf(record, injuryId).find(({ startsUs }) => startsUs < onsetUs);
  if (early !== undefined)
    throw new MedicalRefused(
      'before-onset',
      `Therapy ${early.therapyId} starts before that onset`,
      'Give an earlier onset, or correct the therapy first',
    );
  const closed = before.closedUs === null ? null : { closedUs: before.closedUs, by: before.closedBy ?? '' };
  const others = { ...record, injuries: record.injuries.filter((one) => one.injuryId !== injuryId) };
  const corrected = injuryOf(openInjury(others, { kind: 'injury-opened', closed, ...facts }, nowUs), injuryId);
  return linked({ ...record, injuries: record.injuries.map((one) => (one.injuryId === injuryId ? corrected : one)) });
}

function withdrawInjury(record: MedicalRecord, { injuryId }: FactOf<'injury-withdrawn'>): MedicalRecord {
  injuryOf(record, injuryId);
  const [therapy] = therapiesOf(record, injuryId);
  if (therapy !== undefined)
    throw new MedicalRefused('not-allowed', `Injury ${injuryId} has therapies: ${therapy.therapyId}`, 'Take its therapies back first');
  return linked({ ...record, injuries: record.injuries.filter((one) => one.injuryId !== injuryId) });
}

/** The injury of the same region, cleared at most 8 weeks before the onset, of which this would be a relapse: the newest; null: none. */
export function relapseOf(record: MedicalRecord, injury: Place & Pick<RecordedInjury, 'onsetUs'>): string | null {
  const cleared = record.injuries.flatMap((other) =>
    other.closedUs !== null && samePlace(other, injury) && isMonitored(other.closedUs, injury.onsetUs)
      ? [{ injuryId: other.injuryId, closedUs: other.closedUs }]
      : [],
  );
  return cleared.toSorted((a, b) => b.closedUs - a.closedUs)[0]?.injuryId ?? null;
}

const isMonitored = (closedUs: number, atUs: number): boolean => atUs >= closedUs && atUs < closedUs + MONITORED_DAYS * US_PER_DAY;

function closeInjury(record: MedicalRecord, { injuryId, closedUs, by }: FactOf<'injury-closed'>, nowUs: number): MedicalRecord {
  const injury = injuryOf(record, injuryId);
  if (injury.closedUs !== null)
    throw new MedicalRefused(
      'already-closed',
      `Injury ${injuryId} was closed by ${injury.closedBy}`,
      'If the athlete is hurt again, record a new injury: it is marked as a relapse',
    );
  notInFuture(closedUs, nowUs, 'The clearance');
  if (closedUs < injury.onsetUs)
    throw new MedicalRefused('before-onset', 'The clearance lies before the onset', 'Correct the time of one of them');
  const late = record.therapies.find((therapy) => therapy.injuryId === injuryId && therapy.startsUs >= closedUs);
  if (late !== undefined)
    throw new MedicalRefused(
      'value-out-of-range',
      `Therapy ${late.therapyId} starts after that clearance`,
      'Give a later clearance, or take the therapy back first',
    );
  return {
    injuries: record.injuries.map((one) => (one.injuryId === injuryId ? { ...one, closedUs, closedBy: by } : one)),
    // What was still running ends with the injury.
    therapies: record.therapies.map((one) =>
      one.injuryId === injuryId && (one.endsUs === null || one.endsUs > closedUs) ? { ...one, endsUs: closedUs } : one,
    ),
  };
}

/** Full doses a day (physiotherapy: 60 minutes each). More is a slip, and would heal an injury on paper. (chosen) */
export const MOST_DOSES = 10;

/** A therapy is recorded when it has begun; its end may be planned. @throws MedicalRefused */
function checkTherapy(
  { startsUs, endsUs, dosePerDay, adherence }: Pick<FactOf<'therapy-started'>, 'startsUs' | 'endsUs' | 'dosePerDay' | 'adherence'>,
  injury: RecordedInjury,
  nowUs: number,
): void {
  notInFuture(startsUs, nowUs, 'The start of the therapy');
  if (startsUs < injury.onsetUs)
    throw new MedicalRefused('before-onset', 'The therapy starts before the onset of its injury', 'Correct the time of one of them');
  if (endsUs !== null && !(endsUs > startsUs))
    throw new MedicalRefused('value-out-of-range', 'The therapy ends before it starts', 'Give an end after the start, or none');
  if (!(dosePerDay > 0))
    throw new MedicalRefused('value-out-of-range', 'The therapy has no dose', 'Give the dose of a day, or end the therapy');
  inRange(dosePerDay, 0, MOST_DOSES, 'The dose a day');
  inRange(adherence, 0, 1, 'The adherence');
}

type Stretch = Pick<RecordedTherapy, 'startsUs' | 'endsUs'>;
const overlap = (a: Stretch, b: Stretch): boolean => a.startsUs < (b.endsUs ?? Infinity) && b.startsUs < (a.endsUs ?? Infinity);

function startTherapy(record: MedicalRecord, fact: FactOf<'therapy-started'>, nowUs: number): MedicalRecord {
  const { therapyKind, therapyId, injuryId, dosePerDay, startsUs, endsUs, adherence } = fact;
  if (record.therapies.some((therapy) => therapy.therapyId === therapyId))
    throw new MedicalRefused(
      'already-recorded',
      `Therapy ${therapyId} is recorded already`,
      'Correct that record, or give the new therapy an id of its own',
    );
  const injury = injuryOf(record, injuryId);
  if (injury.closedUs !== null)
    throw new MedicalRefused(
      'injury-closed',
      `Injury ${injuryId} is closed`,
      'Record the therapy for an open injury, or a new injury first',
    );
  checkTherapy(fact, injury, nowUs);
  const running = record.therapies.find((one) => one.injuryId === injuryId && one.kind === therapyKind && overlap(one, fact));
  if (running !== undefined)
    throw new MedicalRefused(
      'already-recorded',
      `Therapy ${running.therapyId} is ${therapyKind} for this injury at the same time`,
      'Correct its dose or its times, or end it first',
    );
  const therapy: RecordedTherapy = {
    therapyId,
    injuryId,
    kind: therapyKind,
    dosePerDay,
    startsUs,
    endsUs,
    adherence: [{ fromUs: startsUs, share: adherence }],
  };
  return { ...record, therapies: [...record.therapies, therapy] };
}

const withTherapy = (record: MedicalRecord, therapy: RecordedTherapy): MedicalRecord => ({
  ...record,
  therapies: record.therapies.map((one) => (one.therapyId === therapy.therapyId ? therapy : one)),
});

function correctTherapy(
  record: MedicalRecord,
  { kind: _kind, therapyKind, adherence, ...facts }: FactOf<'therapy-corrected'>,
  nowUs: number,
): MedicalRecord {
  const before = therapyOf(record, facts.therapyId);
  const { closedUs } = injuryOf(record, before.injuryId);
  checkTherapy({ adherence, ...facts }, injuryOf(record, before.injuryId), nowUs);
  if (closedUs !== null && (facts.endsUs === null || facts.endsUs > closedUs))
    throw new MedicalRefused('injury-closed', 'The therapy would outlast its injury, which is closed', 'Give an end before the clearance');
  const log = before.adherence.filter(({ fromUs }) => fromUs !== before.startsUs);
  if (log.some(({ fromUs }) => fromUs <= facts.startsUs))
    throw new MedicalRefused(
      'value-out-of-range',
      'Its adherence is recorded from before that start',
      'Give an earlier start, or take the therapy back and record it anew',
    );
  return withTherapy(record, {
    ...before,
    ...facts,
    kind: therapyKind,
    adherence: [{ fromUs: facts.startsUs, share: adherence }, ...log],
  });
}

function withdrawTherapy(record: MedicalRecord, { therapyId }: FactOf<'therapy-withdrawn'>): MedicalRecord {
  therapyOf(record, therapyId);
  return { ...record, therapies: record.therapies.filter((one) => one.therapyId !== therapyId) };
}

/**
 * From when the share done on a day holds: from the day's beginning, or from the start of the therapy where that lies in the day. A day before the start
 * keeps its own beginning, which is refused.
 */
export const adherenceFromUs = (
  { startsUs }: Pick<RecordedTherapy, 'startsUs'>,
  day: { readonly fromUs: number; readonly toUs: number },
): number => (day.toUs > startsUs ? Math.max(day.fromUs, startsUs) : day.fromUs);

function endTherapy(record: MedicalRecord, { therapyId, endsUs }: FactOf<'therapy-ended'>, nowUs: number): MedicalRecord {
  const therapy = therapyOf(record, therapyId);
  if (therapy.endsUs !== null && therapy.endsUs <= nowUs)
    throw new MedicalRefused('already-ended', `Therapy ${therapyId} has ended`, 'Start a new one if it goes on');
  notInFuture(endsUs, nowUs, 'The end of the therapy');
  if (endsUs <= therapy.startsUs)
    throw new MedicalRefused('value-out-of-range', 'The therapy would end before it starts', 'Give an end after the start');
  return withTherapy(record, { ...therapy, endsUs });
}

function recordAdherence(record: MedicalRecord, { therapyId, fromUs, share }: FactOf<'adherence-recorded'>, nowUs: number): MedicalRecord {
  const therapy = therapyOf(record, therapyId);
  inRange(share, 0, 1, 'The adherence');
  notInFuture(fromUs, nowUs, 'The time from which it holds');
  if (fromUs < therapy.startsUs || (therapy.endsUs !== null && fromUs >= therapy.endsUs))
    throw new MedicalRefused('value-out-of-range', 'The therapy did not run then', 'Give a time between its start and its end');
  const others = therapy.adherence.filter((one) => one.fromUs !== fromUs);
  return withTherapy(record, { ...therapy, adherence: [...others, { fromUs, share }].toSorted((a, b) => a.fromUs - b.fromUs) });
}

/** What the step of eq. 27 takes: one piece for each stretch of equal adherence. */
export function therapyPieces(record: MedicalRecord): readonly Therapy[] {
  return record.therapies.flatMap(({ injuryId, kind, dosePerDay, endsUs, adherence }) =>
    adherence
      .map(({ fromUs, share }, i) => {
        const untilUs = Math.min(adherence[i + 1]?.fromUs ?? Infinity, endsUs ?? Infinity);
        return { injuryId, kind, dosePerDay, adherence: share, startsUs: fromUs, endsUs: untilUs === Infinity ? null : untilUs };
      })
      .filter((piece) => piece.endsUs === null || piece.endsUs > piece.startsUs),
  );
}

/** Injuries open at a time, and those in their monitored time; `ceilingShares` by injury id from the stages (return-to-play.ts). */
export function injuriesAt(
  record: MedicalRecord,
  atUs: number,
  ceilingShares: Readonly<Record<string, number>>,
): { readonly open: readonly OpenInjury[]; readonly monitored: readonly OpenInjury[] } {
  const shown = ({ injuryId, diagnosisCode, onsetUs, timeLossDays }: RecordedInjury): OpenInjury => ({
    injuryId,
    diagnosisCode,
    onsetUs,
    timeLossDays,
    ceilingShare: ceilingShares[injuryId] ?? null,
  });
  const begun = record.injuries.filter(({ onsetUs }) => onsetUs <= atUs);
  return {
    open: begun.filter(({ closedUs }) => closedUs === null || closedUs > atUs).map(shown),
    monitored: begun.filter(({ closedUs }) => closedUs !== null && isMonitored(closedUs, atUs)).map(shown),
  };
}
