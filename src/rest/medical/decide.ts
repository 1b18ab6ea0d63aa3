/** Decisions of medical staff on an athlete's record: (record, decision, now) -> what is written. Pure: the store holds the lock, reads and writes. */
import {
  adherenceFromUs,
  applyMedicalFact,
  MedicalRefused,
  type MedicalFact,
  type RecordedInjury,
  type RecordedTherapy,
} from '../../asms/medical-record.ts';
import { evidenceFor, type ReturnEvidence } from '../../asms/return-criteria.ts';
import { DEFAULT_PROTOCOL, type ReturnProtocol, type SignRole } from '../../asms/return-protocol.ts';
import {
  advance,
  beginReturn,
  clearAthlete,
  demote,
  limitPieces,
  relapse,
  signOff,
  stageOf,
  withdrawRelapse,
  type Decision,
  type ReturnState,
} from '../../asms/return-to-play.ts';
import type { MedicalFile, MedicalHistory, MedicalWrites, StoredInjury, StoredTherapy } from './ports.ts';
import { viewInjury, viewTherapy } from './view.ts';

/** Who decides, and when. */
export interface Deciding {
  readonly by: string;
  readonly nowUs: number;
}

export interface Decided<T> {
  readonly writes: MedicalWrites;
  readonly result: T;
}

const NO_WRITES: MedicalWrites = {
  injuries: [],
  therapies: [],
  returns: [],
  adherence: [],
  removed: { injuries: [], therapies: [], returns: [] },
  history: [],
};

/** What the API says of an injury beyond what the record is checked by. */
type InjuryExtras = Pick<StoredInjury, 'severity' | 'contact' | 'timeLoss'>;
type Said = Pick<RecordedInjury, 'diagnosisCode' | 'region' | 'side' | 'onsetUs' | 'reportedUs' | 'timeLossDays'> & InjuryExtras;

/** @throws MedicalRefused */
export function injuryOf(file: MedicalFile, injuryId: string): StoredInjury {
  const injury = file.injuries.find((one) => one.injuryId === injuryId);
  if (injury === undefined) throw new MedicalRefused('unknown-injury', `There is no injury ${injuryId}`, 'Record the injury first');
  return injury;
}

function therapyOf(file: MedicalFile, therapyId: string): StoredTherapy {
  const therapy = file.therapies.find((one) => one.therapyId === therapyId);
  if (therapy === undefined) throw new MedicalRefused('unknown-therapy', `There is no therapy ${therapyId}`, 'Record the therapy first');
  return therapy;
}

/** The protocol of a version. @throws RangeError where the team has none of it */
export function protocolOf({ protocols }: Pick<MedicalFile, 'protocols'>, version: string): ReturnProtocol {
  if (version === DEFAULT_PROTOCOL.version) return DEFAULT_PROTOCOL;
  const own = protocols.find((one) => one.version === version);
  if (own === undefined) throw new RangeError(`the team has no return protocol ${version}`);
  return own.protocol as ReturnProtocol;
}

/** The team's newest, or the default: what a return begins under. */
const currentProtocol = ({ protocols }: MedicalFile): ReturnProtocol =>
  (protocols[0]?.protocol as ReturnProtocol | undefined) ?? DEFAULT_PROTOCOL;

/** The return after an injury; one that was never begun, of an injury written past the API, is at its first stage. Null: it has none. */
export function returnOf(file: MedicalFile, injury: StoredInjury): ReturnState | null {
  const stored = file.returns.find(({ injuryId }) => injuryId === injury.injuryId);
  if (stored !== undefined) return stored.state as ReturnState;
  if (!injury.timeLoss || injury.closedUs !== null) return null;
  return beginReturn(injury.injuryId, currentProtocol(file), 'service', injury.reportedUs);
}

export const evidenceOf = (file: MedicalFile, injury: StoredInjury, state: ReturnState): ReturnEvidence =>
  evidenceFor(
    stageOf(state, protocolOf(file, state.protocolVersion)),
    injury,
    file.figures.filter(({ injuryId }) => injuryId === injury.injuryId),
  );

const FRESH: Omit<StoredInjury, keyof RecordedInjury> = { severity: null, contact: null, timeLoss: true, createdUs: 0 };

/** The file after a fact; new rows are stamped with now. @throws MedicalRefused */
function withFact(file: MedicalFile, fact: MedicalFact, { by, nowUs }: Deciding): MedicalFile {
  const next = applyMedicalFact(file, fact, nowUs);
  const injury = (one: RecordedInjury): StoredInjury => ({
    ...(file.injuries.find(({ injuryId }) => injuryId === one.injuryId) ?? { ...FRESH, createdUs: nowUs }),
    ...one,
  });
  const therapy = (one: RecordedTherapy): StoredTherapy => ({
    ...(file.therapies.find(({ therapyId }) => therapyId === one.therapyId) ?? { prescribedBy: by, createdUs: nowUs, expected: 1 }),
    ...one,
    ...('adherence' in fact && fact.therapyId === one.therapyId ? { expected: fact.adherence } : {}),
  });
  return { ...file, injuries: next.injuries.map(injury), therapies: next.therapies.map(therapy) };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

interface Note extends Deciding {
  readonly why: string | null;
  /** Therapies whose end moved have ended; else they were corrected. */
  readonly ends?: boolean;
}

type Row = Readonly<Record<string, unknown>>;

/** Rows of one kind that differ, and how. */
function differences<T>(
  before: readonly T[],
  after: readonly T[],
  idOf: (row: T) => string,
): { readonly written: readonly { readonly row: T; readonly was: T | null }[]; readonly gone: readonly T[] } {
  const find = (rows: readonly T[], id: string): T | null => rows.find((row) => idOf(row) === id) ?? null;
  return {
    written: after.map((row) => ({ row, was: find(before, idOf(row)) })).filter(({ row, was }) => !same(row, was)),
    gone: before.filter((row) => find(after, idOf(row)) === null),
  };
}

/** Writes that lead from one file to the other, with the history of each row and what follows for the returns. */
function writesOf(before: MedicalFile, after: MedicalFile, note: Note): MedicalWrites {
  const { athleteId } = before;
  const { by, why } = note;
  const injuries = differences(before.injuries, after.injuries, ({ injuryId }) => injuryId);
  const therapies = differences(before.therapies, after.therapies, ({ therapyId }) => therapyId);
  const entry = (
    subject: MedicalHistory['subject'],
    subjectId: string,
    change: MedicalHistory['change'],
    was: Row | null,
    is: Row | null,
  ): MedicalHistory => ({ subject, subjectId, change, by, why, before: was, after: is });
  const ofInjury = (injury: StoredInjury | null): Row | null => (injury === null ? null : viewInjury(athleteId, injury));
  const ofTherapy = (therapy: StoredTherapy | null): Row | null => (therapy === null ? null : viewTherapy(athleteId, therapy));
  const changeOfInjury = (row: StoredInjury, was: StoredInjury | null): MedicalHistory['change'] =>
    was === null ? 'recorded' : was.closedUs !== row.closedUs ? 'closed' : 'corrected';
  const changeOfTherapy = (row: StoredTherapy, was: StoredTherapy | null): MedicalHistory['change'] =>
    was === null ? 'recorded' : note.ends === true && was.endsUs !== row.endsUs ? 'ended' : 'corrected';
  const history: readonly MedicalHistory[] = [
    ...injuries.written.map(({ row, was }) => entry('injury', row.injuryId, changeOfInjury(row, was), ofInjury(was), ofInjury(row))),
    ...therapies.written
      .filter(({ row, was }) => !same(ofTherapy(row), ofTherapy(was)))
      .map(({ row, was }) => entry('therapy', row.therapyId, changeOfTherapy(row, was), ofTherapy(was), ofTherapy(row))),
    ...injuries.gone.map((row) => entry('injury', row.injuryId, 'withdrawn', ofInjury(row), null)),
    ...therapies.gone.map((row) => entry('therapy', row.therapyId, 'withdrawn', ofTherapy(row), null)),
  ];
  const returns = after.injuries.map((injury) => ({
    injuryId: injury.injuryId,
    was: before.returns.find(({ injuryId }) => injuryId === injury.injuryId)?.state ?? null,
    state: followed(after, injury, note),
  }));
  return {
    ...NO_WRITES,
    injuries: injuries.written.map(({ row }) => row),
    therapies: therapies.written.map(({ row }) => row),
    returns: returns.flatMap(({ was, state }) => (state === null || same(was, state) ? [] : [returnRow(after, state)])),
    removed: {
      injuries: injuries.gone.map(({ injuryId }) => injuryId),
      therapies: therapies.gone.map(({ therapyId }) => therapyId),
      returns: returns.flatMap(({ injuryId, was, state }) => (was !== null && state === null ? [injuryId] : [])),
    },
    history,
  };
}

const returnRow = (file: MedicalFile, state: ReturnState): MedicalWrites['returns'][number] => ({
  injuryId: state.injuryId,
  protocolVersion: state.protocolVersion,
  state,
  ceilings: limitPieces(state, protocolOf(file, state.protocolVersion)),
});

/** What the record as it is now makes of the return after an injury: begun, ended by a relapse, taken up again, or none (null). */
function followed(file: MedicalFile, injury: StoredInjury, { by, nowUs }: Deciding): ReturnState | null {
  const { injuryId, timeLoss, closedUs } = injury;
  const stored = file.returns.find((one) => one.injuryId === injuryId)?.state as ReturnState | undefined;
  if (stored === undefined) return timeLoss && closedUs === null ? beginReturn(injuryId, currentProtocol(file), by, nowUs) : null;
  if (!timeLoss && stored.phase === 'stages') return null;
  const again = file.injuries.find(({ relapseOf }) => relapseOf === injuryId);
  if (stored.phase === 'cleared' && again !== undefined) return relapse(stored, again.injuryId, by, again.onsetUs);
  if (stored.phase === 'relapsed' && again === undefined) return withdrawRelapse(stored, by, nowUs);
  return stored;
}

const decided = <T>(before: MedicalFile, after: MedicalFile, note: Note, result: T): Decided<T> => ({
  writes: writesOf(before, after, note),
  result,
});

/** @throws MedicalRefused */
export function recordInjury(
  file: MedicalFile,
  injuryId: string,
  { severity, contact, timeLoss, ...facts }: Said & { readonly closedUs: number | null },
  deciding: Deciding,
): Decided<StoredInjury> {
  const { closedUs, ...said } = facts;
  const closed = closedUs === null ? null : { closedUs, by: deciding.by };
  const opened = withFact(file, { kind: 'injury-opened', injuryId, closed, ...said }, deciding);
  const after = withExtras(opened, injuryId, { severity, contact, timeLoss });
  return decided(file, after, { ...deciding, why: null }, injuryOf(after, injuryId));
}

const withExtras = (file: MedicalFile, injuryId: string, extras: InjuryExtras): MedicalFile => ({
  ...file,
  injuries: file.injuries.map((one) => (one.injuryId === injuryId ? { ...one, ...extras } : one)),
});

/** @throws MedicalRefused */
export function correctInjury(
  file: MedicalFile,
  injuryId: string,
  patch: Partial<Said>,
  why: string,
  deciding: Deciding,
): Decided<StoredInjury> {
  const { diagnosisCode, region, side, onsetUs, reportedUs, timeLossDays, severity, contact, timeLoss } = {
    ...injuryOf(file, injuryId),
    ...patch,
  };
  const fact = { kind: 'injury-corrected', injuryId, diagnosisCode, region, side, onsetUs, reportedUs, timeLossDays } as const;
  const after = withExtras(withFact(file, fact, deciding), injuryId, { severity, contact, timeLoss });
  return decided(file, after, { ...deciding, why }, injuryOf(after, injuryId));
}

/** The injury never was. @throws MedicalRefused */
export function withdrawInjury(file: MedicalFile, injuryId: string, why: string, deciding: Deciding): Decided<StoredInjury> {
  const injury = injuryOf(file, injuryId);
  return decided(file, withFact(file, { kind: 'injury-withdrawn', injuryId }, deciding), { ...deciding, why }, injury);
}

/**
 * The signed clearance: of an injury that costs time from the last stage of its return, all criteria met and all signatures there; of one that does not by
 * the signature alone.
 * @throws MedicalRefused with all that is open
 */
export function clearInjury(file: MedicalFile, injuryId: string, why: string, deciding: Deciding): Decided<StoredInjury> {
  const { by, nowUs } = deciding;
  const injury = injuryOf(file, injuryId);
  const closed = withFact(file, { kind: 'injury-closed', injuryId, closedUs: nowUs, by }, deciding);
  const state = returnOf(file, injury);
  if (state === null) return decided(file, closed, { ...deciding, why, ends: true }, injuryOf(closed, injuryId));
  const decision = { role: 'medical', by, atUs: nowUs, why } as const;
  const after = withReturn(closed, clearAthlete(state, ...judgedBy(file, injury, state), decision, nowUs));
  return decided(file, after, { ...deciding, why, ends: true }, injuryOf(after, injuryId));
}

const judgedBy = (file: MedicalFile, injury: StoredInjury, state: ReturnState): [ReturnProtocol, ReturnEvidence] => [
  protocolOf(file, state.protocolVersion),
  evidenceOf(file, injury, state),
];

const withReturn = (file: MedicalFile, state: ReturnState): MedicalFile => ({
  ...file,
  returns: [
    ...file.returns.filter(({ injuryId }) => injuryId !== state.injuryId),
    { injuryId: state.injuryId, protocolVersion: state.protocolVersion, state },
  ],
});

/** The return a decision is about. @throws MedicalRefused where the injury costs no time, or was closed without stages */
function openReturn(file: MedicalFile, injuryId: string): { readonly injury: StoredInjury; readonly state: ReturnState } {
  const injury = injuryOf(file, injuryId);
  const state = returnOf(file, injury);
  if (state === null)
    throw new MedicalRefused(
      injury.closedUs === null ? 'not-allowed' : 'already-closed',
      `Injury ${injuryId} has no return to play`,
      injury.closedUs === null
        ? 'It costs no time: close it by the clearance'
        : 'It was recorded when it was over: nothing is left to decide',
    );
  return { injury, state };
}

/** A signature for leaving the stage. @throws MedicalRefused */
export function signStage(file: MedicalFile, injuryId: string, role: SignRole, deciding: Deciding): Decided<MedicalFile> {
  const { state } = openReturn(file, injuryId);
  const { by, nowUs } = deciding;
  const signed = signOff(state, protocolOf(file, state.protocolVersion), { role, by, atUs: nowUs }, nowUs);
  return moved(file, signed, deciding);
}

/** On to the next stage, or back one. @throws MedicalRefused */
export function moveStage(
  file: MedicalFile,
  injuryId: string,
  to: 'next' | 'earlier',
  why: string,
  deciding: Deciding,
): Decided<MedicalFile> {
  const { injury, state } = openReturn(file, injuryId);
  const { by, nowUs } = deciding;
  const decision: Decision = { role: 'medical', by, atUs: nowUs, why };
  const next = to === 'next' ? advance(state, ...judgedBy(file, injury, state), decision, nowUs) : demote(state, decision, nowUs);
  return moved(file, next, deciding);
}

/** The history of a return stands in its state. */
function moved(file: MedicalFile, state: ReturnState, deciding: Deciding): Decided<MedicalFile> {
  const after = withReturn(file, state);
  return decided(file, after, { ...deciding, why: null }, after);
}

type Prescribed = Pick<StoredTherapy, 'kind' | 'dosePerDay' | 'startsUs' | 'endsUs'> & { readonly adherence: number };

/** @throws MedicalRefused */
export function startTherapy(
  file: MedicalFile,
  therapyId: string,
  injuryId: string,
  { kind: therapyKind, ...prescribed }: Prescribed,
  deciding: Deciding,
): Decided<StoredTherapy> {
  const after = withFact(file, { kind: 'therapy-started', therapyKind, therapyId, injuryId, ...prescribed }, deciding);
  return decided(file, after, { ...deciding, why: null }, therapyOf(after, therapyId));
}

/** @throws MedicalRefused */
export function correctTherapy(
  file: MedicalFile,
  therapyId: string,
  patch: Partial<Prescribed>,
  why: string,
  deciding: Deciding,
): Decided<StoredTherapy> {
  const before = therapyOf(file, therapyId);
  const { kind: therapyKind, dosePerDay, startsUs, endsUs, adherence } = { ...before, adherence: before.expected, ...patch };
  const fact = { kind: 'therapy-corrected', therapyId, therapyKind, dosePerDay, startsUs, endsUs, adherence } as const;
  const after = withFact(file, fact, deciding);
  return decided(file, after, { ...deciding, why }, therapyOf(after, therapyId));
}

/** Now. @throws MedicalRefused */
export function endTherapy(file: MedicalFile, therapyId: string, deciding: Deciding): Decided<StoredTherapy> {
  const after = withFact(file, { kind: 'therapy-ended', therapyId, endsUs: deciding.nowUs }, deciding);
  return decided(file, after, { ...deciding, why: null, ends: true }, therapyOf(after, therapyId));
}

/** The therapy never was. @throws MedicalRefused */
export function withdrawTherapy(file: MedicalFile, therapyId: string, why: string, deciding: Deciding): Decided<StoredTherapy> {
  const therapy = therapyOf(file, therapyId);
  return decided(file, withFact(file, { kind: 'therapy-withdrawn', therapyId }, deciding), { ...deciding, why }, therapy);
}

/** The share of the dose that was done on a day of the team. @throws MedicalRefused */
export function recordAdherence(
  file: MedicalFile,
  therapyId: string,
  { day, fromUs, toUs, share }: { readonly day: string; readonly fromUs: number; readonly toUs: number; readonly share: number },
  deciding: Deciding,
): Decided<MedicalWrites['adherence'][number]> {
  const { by, nowUs } = deciding;
  const therapy = therapyOf(file, therapyId);
  const heldFromUs = adherenceFromUs(therapy, { fromUs, toUs });
  applyMedicalFact(file, { kind: 'adherence-recorded', therapyId, fromUs: heldFromUs, share }, nowUs);
  const before = therapy.adherence.find((one) => one.fromUs === heldFromUs)?.share ?? null;
  const entry = { therapyId, day, fromUs: heldFromUs, share, by };
  const history: MedicalHistory = {
    subject: 'adherence',
    subjectId: therapyId,
    change: before === null ? 'recorded' : 'corrected',
    by,
    why: null,
    before: before === null ? null : { day, share: before },
    after: { day, share },
  };
  return { writes: { ...NO_WRITES, adherence: [entry], history: [history] }, result: entry };
}
