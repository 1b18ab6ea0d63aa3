/** What the workers need from the store. */
import type { LoadLook, LoadRecord } from '../asms/day-load.ts';
import type { LimitsRecord, MeasuredLoad } from '../asms/load-limits.ts';
import type { NewObservation, Observation } from '../contracts/observation.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import type { FrameBatch, OpenedStream } from '../contracts/stream.ts';
import type { AlertSeverity, AlertType, LiveEvent } from '../contracts/events.ts';
import type { SessionHistogram } from '../signal/session-histograms.ts';

export type { LimitsRecord, MeasuredLoad, SessionHistogram };

interface InjuryFact {
  readonly injuryId: string;
  readonly diagnosisCode: string;
  readonly onsetUs: number;
  readonly timeLossDays: number;
}

export interface AthleteFacts {
  readonly athleteId: string;
  readonly teamId: string;
  /** Open, or cleared so lately that a window from before the clearance may come: each counts from onset until untilUs. */
  readonly openInjuries: readonly (InjuryFact & {
    readonly untilUs: number | null;
    /** Load ceiling of the return to play as a share of the usual load, by time, ascending; null: none. */
    readonly ceilings: readonly { readonly fromUs: number; readonly share: number | null }[];
  })[];
  /** Cleared injuries: each is monitored from fromUs until untilUs. */
  readonly monitoredInjuries: readonly (InjuryFact & { readonly fromUs: number; readonly untilUs: number })[];
  /** One piece a stretch of equal adherence. */
  readonly therapies: readonly {
    readonly injuryId: string;
    readonly kind: string;
    readonly dosePerDay: number;
    readonly adherence: number;
    readonly startsUs: number;
    readonly endsUs: number | null;
  }[];
  readonly openAlerts: readonly { readonly alertId: string; readonly type: AlertType; readonly snoozedUntilUs: number | null }[];
  /** Sessions that touch the windows of the step; toUs exclusive, null: open. */
  readonly sessions: readonly { readonly fromUs: number; readonly toUs: number | null }[];
  /** Times at which staff chose "new normal". */
  readonly newNormals: readonly number[];
  /** Versions of the settings of the athlete and the team, by level and then in order. Empty settings: reset. */
  readonly alarmSettings: readonly {
    readonly level: 'team' | 'athlete';
    readonly version: number;
    readonly fromUs: number;
    readonly settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }[];
}

/** What an athlete's state has not seen yet. */
export interface AsmsNews {
  /** In order, of one model version. */
  readonly windows: readonly ScoredWindow[];
  /** In the order of their sequence. */
  readonly observations: readonly Observation[];
}

export interface AlertToRaise {
  readonly type: AlertType;
  readonly severity: AlertSeverity;
  readonly title: string;
  readonly sentence: string;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly windowIndex: number;
  readonly atUs: number;
  /** Which alarm settings it was judged with. */
  readonly settingsVersion: string;
}

export interface RecommendationToMake {
  readonly kind: string;
  readonly title: string;
  readonly rationale: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** What one step over some windows changed; written in the same transaction as the state. */
export interface AsmsChange<State> {
  readonly state: State;
  readonly raise: readonly (AlertToRaise & { readonly recommendation: RecommendationToMake | null })[];
  /** alertId null: the athlete's open alert of that type, which may be one raised in this same change. Order is by windowIndex. */
  readonly clear: readonly {
    readonly alertId: string | null;
    readonly type: AlertType;
    readonly windowIndex: number;
    readonly atUs: number;
  }[];
  /** Published with pg_notify in the transaction (the newest state of the athlete); alert events are added by the store. */
  readonly live: readonly LiveEvent[];
}

export interface AsmsStore {
  /**
   * IN-ORDER-ONCE. Locks the athlete's row, reads at most `limit` active-model scores and as many observations past their fences in order, calls `step`
   * with the stored state (null at the start), and commits what it returns together with the fences: state, alerts (one open alert an athlete and
   * type), alert history, recommendations, webhook deliveries for every matching endpoint, notifications.
   * The windows of one step are of one model version. Returns the number of windows and observations applied (0 and 0: nothing to do), whether more wait,
   * and the deliveries created.
   */
  advance<State>(
    athleteId: string,
    methodVersion: string,
    limit: number,
    step: (state: State | null, news: AsmsNews, facts: AthleteFacts) => AsmsChange<State>,
  ): Promise<{ readonly applied: number; readonly observed: number; readonly more: boolean; readonly deliveryIds: readonly string[] }>;
  /** Athletes whose newest score or observation is past its fence: what the sweeper enqueues. */
  athletesBehind(limit: number): Promise<readonly string[]>;
}

/** What is raised, for the search of a common cause. */
export interface TeamRaise {
  readonly alertId: string;
  readonly athleteId: string;
  readonly type: AlertType;
  readonly raisedUs: number;
}

export interface CauseFound {
  readonly type: AlertType;
  readonly athleteIds: readonly string[];
  readonly alertIds: readonly string[];
  readonly fromUs: number;
  readonly toUs: number;
  readonly share: number;
  readonly sentence: string;
  /** The common cause that it goes on with; null: a new one. */
  readonly continues: string | null;
}

/** Of an alert or a common cause; alertId is the id of either. */
export interface CandidateNotice {
  readonly alertId: string;
  readonly severity: AlertSeverity;
  readonly raisedUs: number;
  readonly snoozedUntilUs: number | null;
  readonly clearedUs: number | null;
  /** The common cause that stands for it. */
  readonly coveredBy: string | null;
}

/** What the store asks while it settles a team's notices; pure. */
export interface NoticeRules {
  /** Raises this close together can have a common cause, seconds. */
  readonly withinS: number;
  commonCauses(
    raises: readonly TeamRaise[],
    activeAthletes: number,
    open: readonly { readonly commonCauseId: string; readonly type: AlertType; readonly toUs: number }[],
    nowUs: number,
  ): readonly CauseFound[];
  plan(
    recipient: {
      readonly timeZone: string;
      readonly dailyBudget: number;
      readonly quietHours: { readonly fromMinute: number; readonly toMinute: number } | null;
    },
    candidates: readonly CandidateNotice[],
    sent: readonly { readonly alertId: string; readonly severity: AlertSeverity; readonly atUs: number }[],
    nowUs: number,
  ): {
    readonly send: readonly { readonly alertId: string }[];
    /** untilUs null: for good. */
    readonly heldBack: readonly { readonly alertId: string; readonly why: string; readonly untilUs: number | null }[];
  };
}

export interface SettledNotices {
  readonly sent: number;
  /** New ones. */
  readonly commonCauses: number;
  readonly deliveryIds: readonly string[];
}

export interface NoticeStore {
  /** Teams with an alert nobody has decided on, or with something held back whose time has come or whose alert is over. */
  teamsDue(nowUs: number, limit: number): Promise<readonly string[]>;
  /**
   * In one transaction: common causes of what was raised, a decision for every new alert and everything held back, recipient by recipient, and the events of
   * what is sent. One process at a time for a team; nothing is done where another is at it.
   */
  settle(teamId: string, nowUs: number, rules: NoticeRules): Promise<SettledNotices>;
}

export interface DueDelivery {
  readonly deliveryId: string;
  readonly endpointId: string;
  readonly url: string;
  readonly eventType: string;
  readonly body: string;
  /** Of this claim: what the attempt is recorded under. */
  readonly claim: string;
  /** Faults since the delivery was made or last sent again: what the two budgets have spent. */
  readonly receiverFaults: number;
  readonly ownFaults: number;
  /** Attempts at the endpoint, over all its deliveries, that had no answer since the last one that had. */
  readonly unanswered: number;
  /** Newest first; two during rotation. */
  readonly secrets: readonly string[];
}

/** Whose fault a failed attempt is; each has a retry budget of its own (src/alert/retry-schedule.ts). */
export type DeliveryFault = 'receiver' | 'ours';

export interface AttemptResult {
  readonly claim: string;
  readonly atUs: number;
  /** null: no answer came. */
  readonly statusCode: number | null;
  readonly error: string | null;
  /** null: delivered. */
  readonly fault: DeliveryFault | null;
  /** The endpoint as a whole is left alone until then; null: no wish for that. */
  readonly pauseUntilUs: number | null;
  readonly durationMs: number;
  readonly outcome:
    | { readonly status: 'delivered' }
    | { readonly status: 'failed'; readonly disable?: string }
    | { readonly status: 'pending'; readonly nextAttemptUs: number };
}

export interface DeliveryStore {
  /**
   * Claims one delivery for `leaseMs`: the one named, or the one of the endpoint that is due longest. Null where none is pending and due, the endpoint is
   * disabled or paused, or as many of its deliveries are under way as may be.
   */
  claim(due: { readonly deliveryId: string } | { readonly endpointId: string }, leaseMs: number): Promise<DueDelivery | null>;
  /** Logs the attempt and settles its delivery and endpoint. The failure of a claim that is no longer the delivery's own is logged only. */
  recordAttempt(deliveryId: string, result: AttemptResult): Promise<void>;
  /** Deliveries that can be claimed, endpoints by turns, no more of one endpoint than may be under way at once. */
  dueDeliveries(limit: number): Promise<readonly string[]>;
}

export interface ExplanationQueueStore {
  /** Explanations that are to be made and that nobody works on, those of alerts first. */
  pendingExplanations(limit: number): Promise<readonly string[]>;
}

export interface MetricsStore {
  /** Streams of the session's athlete with frames inside the session's receipt range, and those frames in receipt order. */
  readSession(sessionId: string): Promise<{
    readonly athleteId: string;
    readonly massKg: number | null;
    readonly streams: readonly OpenedStream[];
    readonly frames: AsyncIterable<FrameBatch>;
  } | null>;
  /**
   * Replaces what was measured before, in one transaction with what it tells ASMS and with the loads, which `loadsOf` makes from the histograms and the
   * limits on record then: a change of limits and a measurement at the same time leave the loads of both.
   */
  saveMeasures(sessionId: string, measures: SessionMeasures, loadsOf: LoadsOf, observations: readonly NewObservation[]): Promise<void>;
  sessionsWithoutMetrics(limit: number): Promise<readonly string[]>;
  /** Closes sessions silent for longer than `silenceMs`; returns their ids. */
  closeSilentSessions(silenceMs: number): Promise<readonly string[]>;
}

/** `startUs`: when the session began. */
export type LoadsOf = (histograms: readonly SessionHistogram[], startUs: number, limits: LimitsRecord) => readonly MeasuredLoad[];

export interface SessionMeasures {
  readonly metrics: readonly NewMetric[];
  readonly histograms: readonly SessionHistogram[];
  /** From the first to the last sample; null without any. */
  readonly minutes: number | null;
}

/** What is stored of an athlete's load, since the time asked for. */
export type WatchedLoad = LoadRecord;

export interface WatchStore {
  /**
   * Tells of open sessions that have been silent for longer than the limit of the athlete or the team in force, or else `silentS`, once each, and of those of whom that
   * was told and who were heard again or whose session ended. Silence counts from `watchedSinceUs` at the earliest. Returns the athletes of whom something was
   * told; at most `limit` of either.
   */
  tellSilences(
    silence: { readonly nowUs: number; readonly watchedSinceUs: number; readonly silentS: number },
    limit: number,
  ): Promise<readonly string[]>;
  /** Athletes with a rating or a ceiling that was written since the last look, or whose day is over. */
  loadsToLookAt(nowUs: number, limit: number): Promise<readonly string[]>;
  /**
   * One transaction: calls `look` with what is stored from `sinceUs` on, tells what it says, and notes when to look again. True where something was new;
   * false too where there is no such athlete.
   */
  lookAtLoad(athleteId: string, sinceUs: number, nowUs: number, look: (record: WatchedLoad) => LoadLook): Promise<boolean>;
}

export interface NewMetric {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  readonly typicalError: number | null;
  readonly method: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly detail: unknown;
  readonly provisional: boolean;
  readonly atUs: number;
}
