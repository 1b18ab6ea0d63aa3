/** What the daily job needs from the store: one athlete in one transaction, and the judgement of a team. */
import type { HazardOfDay, Movement, RecordedInjury } from '../../asms/daily-hazard.ts';
import type { GuardVerdict } from '../../asms/feedback/guard.ts';
import type { FeedbackLedger, JudgedForecast } from '../../asms/feedback/ledger.ts';
import type { AcceptedPlan } from '../../asms/feedback/lessons.ts';
import type { PerformanceMetric } from '../../asms/feedback/outcomes.ts';
import type { PopulationHead } from '../../asms/feedback/params.ts';
import type { StoredOutcome } from '../../asms/feedback/stored-outcomes.ts';
import type { StoredMornings } from '../../asms/morning-hrv.ts';
import type { StoredRating, StoredSession } from '../../asms/session-ratings.ts';
import type { CalendarDay } from '../../asms/team-days.ts';

export type { FeedbackLedger, FeedbackStep, JudgedForecast } from '../../asms/feedback/ledger.ts';
export type {
  AcceptedPlan,
  CalendarDay,
  GuardVerdict,
  HazardOfDay,
  Movement,
  PerformanceMetric,
  PopulationHead,
  RecordedInjury,
  StoredMornings,
  StoredOutcome,
};

export interface DailyAthlete {
  readonly athleteId: string;
  readonly teamId: string;
  readonly timeZone: string;
  /** ISO date. */
  readonly birthDate: string | null;
  readonly createdUs: number;
}

/** The active model: its graph's digest and F_attn's width, and hazard.json as it came with it. */
export interface ActiveModel {
  readonly version: string;
  readonly sha256: string;
  readonly attn: number;
  readonly hazard: string | null;
}

export interface DailyRecordRows {
  /** session-rpe outcomes and session records of the stretch, as the load repository reads them. */
  readonly ratings: readonly StoredRating[];
  readonly sessions: readonly StoredSession[];
  /** Every outcome of the athlete of another kind, those replaced among them. */
  readonly outcomes: readonly StoredOutcome[];
  readonly injuries: readonly RecordedInjury[];
  /** Plans that staff accepted, as they were or changed. */
  readonly plans: readonly AcceptedPlan[];
}

/** A session with a measured performance: where its windows are to be found, by the receipt stamps that closed them. */
export interface MeasuredSession {
  readonly sessionId: string;
  readonly firstReceivedUs: number;
  readonly lastReceivedUs: number;
}

export interface SessionMovement extends Movement {
  readonly sessionId: string;
  readonly endUs: number;
}

export interface StoredHazard {
  readonly day: string;
  readonly probability: number;
}

export interface WindowCount {
  readonly day: CalendarDay;
  readonly windows: number;
  readonly pooled: number;
}

/** An athlete's part of the database, in the transaction of one job. */
export interface DailyTransaction {
  readonly athlete: DailyAthlete;
  /** Null: no model is active. */
  readonly model: ActiveModel | null;
  readonly metrics: readonly PerformanceMetric[];
  /** Something was recorded since the last job, or it was for another model or method: any day may have changed. */
  readonly isMarked: boolean;
  /** Windows of the version, live or beside, and those of them that a stored movement was made of, by day. */
  countWindows(version: string, days: readonly CalendarDay[]): Promise<readonly WindowCount[]>;
  /** Mean F_attn over a day's active windows that could be scored; no active window gives an empty one. */
  poolDay(version: string, day: CalendarDay): Promise<Movement>;
  /** Of days with an active window. */
  movements(version: string): Promise<ReadonlyMap<string, Movement>>;
  saveMovement(version: string, day: string, windows: number, movement: Movement): Promise<void>;
  records(from: Date, to: Date): Promise<DailyRecordRows>;
  /** Of these days, with whether the athlete consents to their use. */
  mornings(days: readonly CalendarDay[]): Promise<StoredMornings>;
  saveHazards(version: string, hazards: readonly HazardOfDay[]): Promise<void>;
  /** Days that have a probability, oldest first. */
  hazards(version: string): Promise<readonly StoredHazard[]>;
  /** Of these sessions those never pooled for the version, or that went on since. */
  sessionsToPool(version: string, ids: readonly string[]): Promise<readonly MeasuredSession[]>;
  poolSession(version: string, session: MeasuredSession): Promise<SessionMovement | null>;
  sessionMovements(version: string): Promise<readonly SessionMovement[]>;
  saveSessionMovement(version: string, movement: SessionMovement): Promise<void>;
  /** Of the team, for the model; null where none was fitted yet. */
  population(target: string, version: string): Promise<PopulationHead | null>;
  ledger(target: string): Promise<FeedbackLedger>;
  /** Writes the steps from the first that differs on. */
  saveLedger(target: string, before: FeedbackLedger, after: FeedbackLedger, judged: readonly JudgedForecast[]): Promise<void>;
}

/** A performance in force of an athlete of the squad, with its session's F_attn. */
export interface SquadPerformance {
  readonly athleteId: string;
  readonly fAttn: ArrayLike<number>;
  /** In the metric's unit. */
  readonly value: number;
  /** End of the session. */
  readonly endUs: number;
}

export interface AthleteJudged {
  readonly athleteId: string;
  readonly forecasts: readonly JudgedForecast[];
}

export interface FittedHead {
  readonly head: PopulationHead;
  readonly sessions: number;
  readonly athletes: number;
  readonly fittedThroughUs: number;
}

export interface TeamTransaction {
  readonly model: ActiveModel | null;
  readonly metrics: readonly PerformanceMetric[];
  population(target: string, version: string): Promise<FittedHead | null>;
  /** Performances in force of the squad with their sessions' F_attn, by end of session. */
  squadPerformances(version: string, metric: PerformanceMetric): Promise<readonly SquadPerformance[]>;
  /** Keeps the head, and marks the team's athletes: they learn again from it. */
  savePopulation(target: string, version: string, fitted: FittedHead): Promise<void>;
  /** Of the steps in force of the team's athletes, forecasts after `afterUs`. */
  judged(target: string, afterUs: number): Promise<readonly AthleteJudged[]>;
  saveVerdict(target: string, verdict: GuardVerdict): Promise<void>;
}

export interface DailyStore {
  /**
   * Runs `work` for an active athlete in one transaction; one at a time an athlete. `lastDay` is noted as the last day over, for the marks that were there when it began.
   * False: there is no such athlete, or it is not active.
   */
  compute(athleteId: string, work: (day: DailyTransaction) => Promise<{ readonly lastDay: string }>): Promise<boolean>;
  /**
   * Active athletes whose work is not done: a day of the team is over that was not computed, something was recorded since, or it was done for another model
   * or method. Those that wait longest first.
   */
  athletesDue(nowMs: number, limit: number): Promise<readonly string[]>;
  judge(teamId: string, work: (team: TeamTransaction) => Promise<void>): Promise<void>;
  /** Teams with athletes done since the guard last judged, and not within `pauseMs` of that. */
  teamsToJudge(nowMs: number, pauseMs: number, limit: number): Promise<readonly string[]>;
}
