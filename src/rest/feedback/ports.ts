/** What the routes of feedback need from the store. */
import type { GuardVerdict } from '../../asms/feedback/guard.ts';
import type { Candidate, FeedbackStep, JudgedForecast } from '../../asms/feedback/ledger.ts';
import type { AcceptedPlan } from '../../asms/feedback/lessons.ts';
import type { PerformanceMetric } from '../../asms/feedback/outcomes.ts';
import type { LearnedHazard } from '../../asms/feedback/shown.ts';
import type { StoredOutcome } from '../../asms/feedback/stored-outcomes.ts';
import type { RecordedInjury } from '../../asms/daily-hazard.ts';
import type { Outcome } from '../medical/schemas.ts';
import type { Page, PageRequest, TeamScope } from '../paging/ports.ts';

export type { AcceptedPlan, Candidate, GuardVerdict, LearnedHazard, Outcome, PerformanceMetric, RecordedInjury, StoredOutcome };

/** What an outcome is judged against, read under the athlete's lock. */
export interface OutcomeRows {
  /** Start of the first window with a score; null where none was ever scored. */
  readonly firstScoredUs: number | null;
  /** The session that the outcome names, where the athlete has it. */
  readonly sessions: readonly { readonly sessionId: string; readonly startUs: number; readonly scoredWindows: number }[];
  readonly metrics: readonly PerformanceMetric[];
  /** Every outcome of the athlete, those replaced among them, in the order recorded. */
  readonly outcomes: readonly StoredOutcome[];
}

/** What is to be written: a new row, or nothing since an outcome that stands says the same. */
export type Admitted =
  | { readonly existing: string }
  | {
      readonly kind: Outcome['kind'];
      readonly at: Date;
      readonly value: Readonly<Record<string, unknown>>;
      readonly replaces: string | null;
    };

/** A step as stored; `undone` null: in force. */
export interface StoredStep extends FeedbackStep {
  readonly id: string;
  readonly target: string;
  readonly position: number;
  readonly label: number;
  readonly judged: JudgedForecast | null;
  readonly learnedAt: string;
  readonly undone: { readonly at: string; readonly by: string; readonly reason: string } | null;
}

/** Where an athlete stands on a target. */
export interface Standing {
  readonly target: string;
  /** In force. */
  readonly steps: number;
  readonly last: Pick<StoredStep, 'knownUs' | 'interceptOnly' | 'personal' | 'populationVersion' | 'methodVersion'>;
  /** Mean loss of each candidate's forecasts before they were learned from. */
  readonly meanLoss: Readonly<Record<Candidate, number | null>>;
  readonly verdict: Pick<GuardVerdict, 'decision' | 'serves' | 'sentence'> | null;
}

export interface StoredVerdict {
  readonly target: string;
  readonly verdict: GuardVerdict;
  readonly judgedAt: string;
  readonly population: { readonly version: string; readonly sessions: number; readonly athletes: number; readonly fittedAt: string } | null;
}

export interface StoredMetric extends PerformanceMetric {
  readonly updatedAt: string;
  readonly updatedBy: string;
}

/** A squad's days with a hazard of the active model, and what is known of each athlete. */
export interface SquadDays {
  readonly timeZone: string;
  readonly serves: Candidate;
  readonly athletes: readonly {
    readonly athleteId: string;
    /** The last day computed of one who left; null: still there. */
    readonly lastDay: string | null;
    readonly days: readonly { readonly day: string; readonly probability: number }[];
    readonly injuries: readonly RecordedInjury[];
    readonly outcomes: readonly StoredOutcome[];
    readonly plans: readonly AcceptedPlan[];
    readonly learned: readonly LearnedHazard[];
  }[];
}

export interface FeedbackRepository {
  /**
   * Writes what `admit` makes of the outcomes that stand, in one transaction and one at a time an athlete. null: no such athlete in the team.
   * @throws what `admit` throws; nothing is written then
   */
  record(team: TeamScope, athleteId: string, sessionId: string | null, admit: (rows: OutcomeRows) => Admitted): Promise<Outcome | null>;
  /** null: no such athlete in the team. */
  standing(team: TeamScope, athleteId: string): Promise<readonly Standing[] | null>;
  /** Newest known first; those undone among them. The caller checked that the athlete is of the team. */
  steps(
    athleteId: string,
    targets: { readonly only?: string; readonly but?: string },
    page: PageRequest<string>,
  ): Promise<Page<StoredStep, string>>;
  /**
   * Marks the step undone and takes back those after it, which the next job learns again without it. null: no such step.
   * @param check throws where the target is not the caller's to change
   * @throws KinewatchError `already-undone`, what `check` throws
   */
  undo(
    athleteId: string,
    stepId: string,
    why: { readonly by: string; readonly reason: string },
    check: (target: string) => void,
  ): Promise<StoredStep | null>;
  /** null: no such team in the scope. */
  verdicts(team: TeamScope, teamId: string): Promise<readonly StoredVerdict[] | null>;
  metrics(team: TeamScope, teamId: string): Promise<readonly StoredMetric[] | null>;
  /** Adds or changes one. A change of what it means has everything learned from it learned again. */
  putMetric(team: TeamScope, teamId: string, metric: PerformanceMetric, by: string): Promise<StoredMetric | null>;
  timeZone(team: TeamScope, teamId: string): Promise<string | null>;
  squadDays(teamId: string, range: { readonly from: string; readonly to: string }): Promise<SquadDays>;
}
