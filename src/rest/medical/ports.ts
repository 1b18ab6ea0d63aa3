/** What the medical record needs of the store. src/store/repositories/medical.ts implements it. */
import type { Found, List, PageRequest, TeamScope } from '../paging/ports.ts';
import type { Adherence, Injury, Measurement, MedicalChange, Outcome } from './schemas.ts';

export type { Measurement, MedicalChange, Outcome };

type ById = PageRequest<string>;

export interface StoredInjury {
  readonly injuryId: string;
  readonly diagnosisCode: string;
  readonly region: string;
  readonly side: 'left' | 'right' | 'both' | null;
  readonly severity: Injury['severity'];
  readonly onsetUs: number;
  readonly reportedUs: number;
  readonly contact: boolean | null;
  readonly timeLoss: boolean;
  readonly timeLossDays: number;
  readonly closedUs: number | null;
  readonly closedBy: string | null;
  readonly relapseOf: string | null;
  readonly createdUs: number;
}

export interface StoredTherapy {
  readonly therapyId: string;
  readonly injuryId: string;
  readonly kind: string;
  readonly dosePerDay: number;
  readonly startsUs: number;
  readonly endsUs: number | null;
  readonly prescribedBy: string | null;
  readonly createdUs: number;
  /** Share of the dose expected to be done, until the log begins. */
  readonly expected: number;
  /** The share expected, from the start unless the log begins there, then the log; ascending. */
  readonly adherence: readonly { readonly fromUs: number; readonly share: number }[];
}

export interface StoredReturn {
  readonly injuryId: string;
  readonly protocolVersion: string;
  /** ReturnState of src/asms, as it was written. */
  readonly state: unknown;
}

export interface StoredProtocol {
  readonly teamId: string;
  readonly version: string;
  /** ReturnProtocol of src/asms, as it was written. */
  readonly protocol: unknown;
  readonly createdAt: string;
  readonly createdBy: string;
}

/** The medical record of an athlete, whole: a few dozen rows. */
export interface MedicalFile {
  readonly athleteId: string;
  readonly teamId: string;
  readonly timeZone: string;
  /** In order of their recording. */
  readonly injuries: readonly StoredInjury[];
  readonly therapies: readonly StoredTherapy[];
  readonly returns: readonly StoredReturn[];
  /** The team's own, newest first. */
  readonly protocols: readonly StoredProtocol[];
  /**
   * Of each name and side, for each injury, the newest before its onset and the newest since: what a return is judged by. Session metrics that are
   * provisional are none.
   */
  readonly figures: readonly {
    readonly injuryId: string;
    readonly metric: string;
    readonly unit: string;
    readonly value: number;
    readonly side: 'left' | 'right' | null;
    readonly atUs: number;
  }[];
}

export interface MedicalHistory {
  readonly subject: MedicalChange['subject'];
  readonly subjectId: string;
  readonly change: MedicalChange['change'];
  readonly by: string;
  readonly why: string | null;
  /** null: it was not there. */
  readonly before: unknown;
  /** null: it is there no more. */
  readonly after: unknown;
}

/** What a decision changes; all of it or nothing. Rows are written as they are here, by id. */
export interface MedicalWrites {
  readonly injuries: readonly StoredInjury[];
  readonly therapies: readonly StoredTherapy[];
  readonly returns: readonly (StoredReturn & { readonly ceilings: unknown })[];
  readonly adherence: readonly {
    readonly therapyId: string;
    readonly day: string;
    readonly fromUs: number;
    readonly share: number;
    readonly by: string;
  }[];
  readonly removed: { readonly injuries: readonly string[]; readonly therapies: readonly string[]; readonly returns: readonly string[] };
  readonly history: readonly MedicalHistory[];
}

/** Whose record: an athlete's, or that of the athlete an injury or a therapy is of. */
export type MedicalSubject = { readonly athleteId: string } | { readonly injuryId: string } | { readonly therapyId: string };

/** What availability is judged by (src/asms/availability.ts). */
export interface StoredAvailability {
  readonly athleteId: string;
  /** Illnesses whose consent was withdrawn are not among them. */
  readonly problems: readonly {
    readonly id: string;
    readonly kind: 'injury' | 'illness';
    /** An illness may have none. */
    readonly diagnosisCode: string | null;
    /** Of injuries. */
    readonly region: string | null;
    readonly side: StoredInjury['side'];
    readonly onsetUs: number;
    readonly closedUs: number | null;
    readonly timeLoss: boolean;
    readonly limits: readonly { readonly fromUs: number; readonly availability: 'full' | 'modified' | 'out' }[];
  }[];
}

/** Reads and writes for an athlete; the caller checked that the athlete is of the team, the queries check it again. */
export interface MedicalRepository {
  listInjuries(team: TeamScope, athleteId: string, filter: { readonly open?: boolean }, page: ById): List<StoredInjury>;
  listTherapies(team: TeamScope, athleteId: string, filter: { readonly open?: boolean }, page: ById): List<StoredTherapy>;
  /** Newest day first; null: no such therapy. */
  listAdherence(team: TeamScope, therapyId: string): Found<readonly Adherence[]>;
  /** Without what it says of illnesses whose consent was withdrawn. */
  listHistory(team: TeamScope, athleteId: string, filter: { readonly subjectId?: string }, page: ById): List<MedicalChange>;
  /** The record as it is; null: no such athlete, injury or therapy. */
  read(team: TeamScope, subject: MedicalSubject): Found<MedicalFile>;
  /**
   * Locks the athlete's record, hands it to `decide` and writes what it gives back, in one transaction: of two decisions at once the second sees what the
   * first one left. Null: no such athlete, injury or therapy. What `decide` throws is thrown, and nothing is written.
   */
  change<T>(
    team: TeamScope,
    subject: MedicalSubject,
    decide: (file: MedicalFile) => { readonly writes: MedicalWrites; readonly result: T },
  ): Found<T>;

  listMeasurements(team: TeamScope, athleteId: string, filter: { readonly name?: string }, page: ById): List<Measurement>;
  createMeasurement(
    team: TeamScope,
    athleteId: string,
    measurement: Pick<Measurement, 'name' | 'value' | 'unit' | 'side'> & { readonly at: Date; readonly by: string },
  ): Found<Measurement>;
  /** The row goes, the history keeps it. Null: there is none (any more). */
  withdrawMeasurement(team: TeamScope, id: string, by: string, why: string): Found<Measurement>;

  /** Newest first. */
  listProtocols(team: TeamScope): Promise<readonly StoredProtocol[]>;
  /** @throws KinewatchError `already-exists` (version), `unknown-reference` (team) */
  createProtocol(protocol: Omit<StoredProtocol, 'createdAt'>): Promise<StoredProtocol>;

  /** Of every athlete named, or of all active ones of the team, in one query; athletes that are not there are left out. */
  availability(team: TeamScope, athleteIds: readonly string[] | null): Promise<readonly StoredAvailability[]>;
  /** How far R of each open or monitored injury lies below its best, by injury id; none where ASMS has no state. */
  recoveryFalls(team: TeamScope, athleteId: string): Promise<Readonly<Record<string, number>>>;

  listOutcomes(team: TeamScope, athleteId: string, filter: { readonly kinds: readonly Outcome['kind'][] }, page: ById): List<Outcome>;
}
