/** What the coaches' API needs from the rest of the house. src/store/repositories implements Repositories; main.ts wires the others. */
import type { LimitsRecord, MeasuredLoad } from '../asms/load-limits.ts';
import type { LiveEvent } from '../contracts/events.ts';
import type { MeasuredSession } from '../asms/measured-sessions.ts';
import type { StoredMornings } from '../asms/morning-hrv.ts';
import type { CalendarDay } from '../asms/team-days.ts';
import type { StoredRating } from '../asms/session-ratings.ts';
import type { SessionHistogram } from '../signal/session-histograms.ts';
import type { Planning } from '../plan/planning.ts';
import type { AlarmRules } from '../asms/alarm-rules.ts';
import type { StoredSettings } from '../asms/alarm-settings.ts';
import type { AlertValue } from '../alert/rules/lifecycle.ts';
import type { AlarmSettingsVersion } from './alarm-settings/schemas.ts';
import type { Alert, AlertWithHistory } from './alerts/schemas.ts';
import type { ApiKey, Role, Scope } from './api-keys/schemas.ts';
import type { AuditEntry } from './audit/schemas.ts';
import type { Consent, ConsentKind, DiaryEntry, DiaryKind, Illness, IllnessPatch, NewIllness } from './diary/schemas.ts';
import type { Athlete, AthletePatch, NewAthlete } from './athletes/schemas.ts';
import type { Assignment, Device, NewDevice } from './devices/schemas.ts';
import type { CatalogueRepository } from './catalogue/ports.ts';
import type { FeedbackRepository } from './feedback/ports.ts';
import type { TodayRepository } from './today/ports.ts';
import type { ExplanationRepository } from './explanations/ports.ts';
import type { Gateway, Progress } from './gateways/schemas.ts';
import type { AthleteLimits, TeamLimits } from './limits/schemas.ts';
import type { HazardRepository } from './hazard/ports.ts';
import type { LoadCeiling } from './load-ceilings/schemas.ts';
import type { Metric } from './metrics/schemas.ts';
import type { Model, ModelStatus } from './models/schemas.ts';
import type { PlanSettingsRepository } from './plan-settings/ports.ts';
import type { PlanRepository } from './plans/ports.ts';
import type { MedicalRepository } from './medical/ports.ts';
import type { Found, List, Page, PageRequest, TeamScope } from './paging/ports.ts';
import type { CommonCauseView, Notice, Recipient } from './notices/schemas.ts';
import type { Recommendation } from './recommendations/schemas.ts';
import type { Score } from './scores/schemas.ts';
import type { NewSession, Session, SessionPatch } from './sessions/schemas.ts';
import type { NewTeam, Team } from './teams/schemas.ts';
import type { Delivery, Replayed, Webhook, WebhookPatch } from './webhooks/schemas.ts';

export { ROLES, ROLE_SCOPES, SCOPES } from './api-keys/schemas.ts';
export { exposureOf } from '../asms/exposure.ts';
export type { Page, PageRequest, TeamScope } from './paging/ports.ts';
export type {
  AlarmSettingsVersion,
  Alert,
  AlertWithHistory,
  ApiKey,
  Assignment,
  Athlete,
  AthletePatch,
  AuditEntry,
  CommonCauseView,
  Consent,
  Delivery,
  Device,
  DiaryEntry,
  Gateway,
  Illness,
  IllnessPatch,
  LoadCeiling,
  Metric,
  Model,
  ModelStatus,
  NewAthlete,
  Notice,
  Progress,
  Recipient,
  Recommendation,
  Replayed,
  Role,
  Scope,
  Score,
  Session,
  Team,
  Webhook,
};

export interface Caller {
  readonly keyId: string;
  readonly name: string;
  readonly teamId: TeamScope;
  readonly scopes: readonly Scope[];
  /** null: a key with explicit scopes. */
  readonly role: Role | null;
  /** Of the role athlete: the one athlete whose record the key opens; null for every other key. */
  readonly athleteId: string | null;
}

export interface GatewayCaller {
  readonly gatewayId: string;
  readonly teamId: string;
}

type ById = PageRequest<string>;

export interface StoredCredential {
  readonly prefix: string;
  /** SHA-256. */
  readonly hash: Uint8Array<ArrayBuffer>;
}

export interface ApiKeyRepository {
  /** The caller of a key that is neither expired nor revoked, nor of an athlete who is not active; notes its use, to the minute. */
  authenticate(hash: Uint8Array<ArrayBuffer>): Found<Caller>;
  /** Is the key still good? Open live streams ask. */
  isValid(keyId: string): Promise<boolean>;
  /** A key of an athlete belongs to the athlete's team. @throws KinewatchError `unknown-reference` (team; athlete of that team) */
  create(
    key: StoredCredential & {
      readonly teamId: TeamScope;
      readonly name: string;
      readonly scopes: readonly Scope[];
      /** Null unless told. */
      readonly role?: Role | null;
      /** With the role athlete. */
      readonly athleteId?: string | null;
      readonly expiresAt: Date | null;
    },
  ): Promise<ApiKey>;
  /** Creates a key of every team unless one with the scope admin is valid; false: there is one. One of two at once wins. */
  createFirst(key: StoredCredential & { readonly name: string; readonly scopes: readonly Scope[] }): Promise<boolean>;
  list(team: TeamScope, page: ById): List<ApiKey>;
  /** Idempotent. */
  revoke(team: TeamScope, id: string): Found<ApiKey>;
}

export interface TeamRepository {
  list(team: TeamScope, page: ById): List<Team>;
  /** @throws KinewatchError `already-exists` */
  create(team: NewTeam): Promise<Team>;
}

export interface AthleteRepository {
  list(team: TeamScope, filter: { readonly externalId?: string; readonly active?: boolean }, page: ById): List<Athlete>;
  get(team: TeamScope, id: string): Found<Athlete>;
  /** @throws KinewatchError `already-exists`, `unknown-reference` (team) */
  create(teamId: string, athlete: Omit<NewAthlete, 'teamId'>): Promise<Athlete>;
  /** @throws KinewatchError `already-exists` */
  update(team: TeamScope, id: string, patch: AthletePatch): Found<Athlete>;
  /**
   * Teams, athletes, devices and assignments of a roster, all or nothing. Teams and devices that exist are used.
   * @throws RosterError of the store as KinewatchError `roster-refused`, its message names the line
   */
  importRoster(team: TeamScope, rows: readonly RosterRow[]): Promise<RosterResult>;
}

export interface RosterRow {
  readonly line: number;
  readonly externalId: string;
  readonly name: string;
  readonly team: string;
  readonly sex: 'f' | 'm' | null;
  readonly birthDate: string | null;
  readonly heightM: number | null;
  readonly massKg: number | null;
  readonly devices: readonly { readonly serial: string; readonly kind: string }[];
}

export interface RosterResult {
  readonly teamsCreated: number;
  readonly athletes: readonly { readonly id: string; readonly externalId: string; readonly teamId: string }[];
  readonly devicesCreated: number;
}

/** Newest score and ASMS row of an athlete, as stored. */
export interface CurrentState {
  readonly score: Score | null;
  readonly asms: {
    readonly lastWindowIndex: number;
    readonly modelVersion: string;
    readonly methodVersion: string;
    /** Written and read by src/asms under methodVersion. */
    readonly state: unknown;
    readonly updatedAt: string;
  } | null;
  readonly openAlerts: number;
  readonly openInjuries: number;
}

export interface ScoreKey {
  readonly windowIndex: number;
  readonly modelVersion: string;
  readonly startUs: number;
}

export interface ScoreFilter {
  readonly fromUs: number | null;
  readonly toUs: number | null;
  readonly order: 'asc' | 'desc';
  readonly modelVersion: string | null;
  readonly attention: boolean;
}

export interface ScoreRepository {
  current(team: TeamScope, athleteId: string): Found<CurrentState>;
  list(team: TeamScope, athleteId: string, filter: ScoreFilter, page: PageRequest<ScoreKey>): Found<Page<Score, ScoreKey>>;
}

/** A value of a metric of one session, in the order of time. */
export interface StoredReading {
  readonly name: string;
  readonly unit: string;
  readonly method: string;
  readonly value: number;
  readonly typicalError: number | null;
  readonly provisional: boolean;
  readonly sessionId: string;
  readonly at: string;
}

export interface StoredReadings {
  /** The newest 60 of each name, oldest first; those without a value are left out. */
  readonly own: readonly StoredReading[];
  /** The mean over the sessions of every athlete of the team, the athlete among them; provisional values are left out. */
  readonly squad: readonly Pick<StoredReading, 'name' | 'unit' | 'method' | 'value'>[];
}

export interface MetricRepository {
  /** Since a time; `name` null: every metric. */
  readChange(team: TeamScope, athleteId: string, filter: { readonly since: Date; readonly name: string | null }): Found<StoredReadings>;
  list(
    team: TeamScope,
    athleteId: string,
    filter: { readonly from?: Date; readonly to?: Date; readonly name?: string; readonly sessionId?: string },
    page: ById,
  ): List<Metric>;
}

export interface LoadRepository {
  /** IANA name of the time zone of the athlete's team. */
  timeZone(team: TeamScope, athleteId: string): Found<string>;
  /** What makes the load of a stretch of time, from inclusive, to exclusive: ratings by time, then by their storing; sessions by start. */
  read(
    team: TeamScope,
    athleteId: string,
    range: { readonly from: Date; readonly to: Date },
  ): Promise<{ readonly ratings: readonly StoredRating[]; readonly sessions: readonly MeasuredSession[] }>;
}

/** Makes the loads of a session anew; `src/asms` says what they are. */
export type LoadsOf = (histograms: readonly SessionHistogram[], startUs: number, limits: LimitsRecord) => readonly MeasuredLoad[];

export interface NewAthleteLimits {
  readonly validFrom: Date;
  readonly restBpm: number | null;
  readonly maximumBpm: number | null;
  readonly highSpeedMps: number | null;
  readonly source: string | null;
  readonly by: string;
}

export interface LimitsRepository {
  /** What is on record, and its rows newest beginning first, at most `limit`. */
  ofAthlete(
    team: TeamScope,
    athleteId: string,
    limit: number,
  ): Found<{ readonly record: LimitsRecord; readonly rows: readonly AthleteLimits[] }>;
  /** Records what `decide` makes of the limits on record, and makes the loads of all the athlete's sessions anew, in one transaction. What it throws changes nothing. */
  recordOfAthlete(
    team: TeamScope,
    athleteId: string,
    decide: (record: LimitsRecord) => NewAthleteLimits,
    loadsOf: LoadsOf,
  ): Found<AthleteLimits>;
  ofTeam(team: TeamScope, teamId: string, limit: number): Found<readonly TeamLimits[]>;
  /** As recordOfAthlete, for every athlete of the team. */
  recordOfTeam(
    team: TeamScope,
    teamId: string,
    limits: Pick<NewAthleteLimits, 'validFrom' | 'highSpeedMps' | 'source' | 'by'>,
    loadsOf: LoadsOf,
  ): Found<TeamLimits>;
}

export interface LoadCeilingRepository {
  /** `today` decides which are open; the caller checked that the athlete is of the team. */
  list(team: TeamScope, athleteId: string, filter: { readonly open?: boolean }, today: string, page: ById): List<LoadCeiling>;
  /** Days as ISO dates. @throws KinewatchError `already-exists`: another of the series holds on one of the days */
  set(
    team: TeamScope,
    athleteId: string,
    ceiling: Pick<LoadCeiling, 'series' | 'ceiling' | 'from' | 'to' | 'reason'> & { readonly by: string },
  ): Found<LoadCeiling>;
  /** It ends with the day before `todayIn` the team's time zone. @throws KinewatchError `already-closed` */
  end(team: TeamScope, id: string, by: string, todayIn: (timeZone: string) => string): Found<LoadCeiling>;
}

/** Rows under a withdrawn consent are never among them. */
interface Consented<T> {
  readonly consented: boolean;
  readonly items: readonly T[];
}

export interface DiaryRepository {
  consents(team: TeamScope, athleteId: string, kinds: readonly ConsentKind[]): Found<readonly Consent[]>;
  /** @throws KinewatchError `already-exists` */
  giveConsent(
    team: TeamScope,
    athleteId: string,
    consent: { readonly kind: ConsentKind; readonly purpose: Consent['purpose']; readonly given: Date; readonly by: string },
  ): Found<Consent>;
  /** @throws KinewatchError `consent-missing` (never given), `already-ended` */
  withdrawConsent(team: TeamScope, athleteId: string, kind: ConsentKind, by: string): Found<Consent>;
  /** Deletes what was entered under withdrawn consents; how much it was. @throws KinewatchError `consent-given` (one is in force) */
  erase(team: TeamScope, athleteId: string, kind: ConsentKind): Found<number>;
  /** From a day to a day, both counted, oldest first. */
  entries(
    team: TeamScope,
    athleteId: string,
    kind: DiaryKind,
    range: { readonly from: string; readonly to: string },
  ): Found<Consented<DiaryEntry>>;
  /** @throws KinewatchError `consent-missing`, `already-exists` (another entry of the day stands), `unknown-reference` (replaces) */
  enter(
    team: TeamScope,
    athleteId: string,
    entry: Pick<DiaryEntry, 'day' | 'value' | 'replaces' | 'by'> & { readonly kind: DiaryKind },
  ): Found<DiaryEntry>;
  /** By start of the session; from inclusive, to exclusive. */
  mornings(team: TeamScope, athleteId: string, days: readonly CalendarDay[]): Found<StoredMornings>;
  illnesses(team: TeamScope, athleteId: string): Found<Consented<Illness>>;
  /** `check` sees the athlete's other illnesses under the lock of the record; what it throws changes nothing. @throws KinewatchError `consent-missing` */
  reportIllness(
    team: TeamScope,
    athleteId: string,
    illness: NewIllness & { readonly by: string },
    check: (others: readonly Illness[]) => void,
  ): Found<Illness>;
  /**
   * Locks the athlete's record, writes what `decide` makes of the illness and its history, in one transaction.
   * What it throws changes nothing. An illness under a withdrawn consent is not found.
   */
  changeIllness(
    team: TeamScope,
    id: string,
    note: { readonly change: 'closed' | 'corrected'; readonly by: string; readonly why: string | null },
    decide: (illness: Illness, others: readonly Illness[], timeZone: string) => IllnessPatch,
  ): Found<Illness>;
}

/** What a squad's injury figures are made of, over a range of time. */
export interface StoredSquad {
  readonly timeZone: string;
  /** Sessions that began in the range, added up by type and by what staff stated of their exposure. */
  readonly exposures: readonly {
    readonly type: string;
    readonly stated: string | null;
    readonly sessions: number;
    readonly withoutMinutes: number;
    readonly minutes: number;
  }[];
  /** Injuries that began before the range's end and were not cleared before its beginning. */
  readonly injuries: readonly {
    readonly athleteId: string;
    readonly diagnosisCode: string;
    readonly region: string;
    readonly onsetUs: number;
    readonly clearedUs: number | null;
    readonly timeLoss: boolean;
    /** Of the athlete, during which it happened. */
    readonly session: { readonly type: string; readonly stated: string | null } | null;
  }[];
  /** Athletes that are active now. */
  readonly members: readonly { readonly athleteId: string; readonly createdUs: number }[];
}

export interface InjuryFiguresRepository {
  /** IANA name of the team's time zone. */
  timeZone(team: TeamScope, teamId: string): Found<string>;
  read(team: TeamScope, teamId: string, range: { readonly from: Date; readonly to: Date }): Found<StoredSquad>;
}

export interface RecommendationRepository {
  list(team: TeamScope, athleteId: string, filter: { readonly status?: Recommendation['status'] }, page: ById): List<Recommendation>;
  /** @throws KinewatchError `already-decided`, `decide-the-plan` */
  decide(
    team: TeamScope,
    athleteId: string,
    id: string,
    decision: { readonly status: 'accepted' | 'changed' | 'declined'; readonly note: string | null; readonly by: string },
  ): Found<Recommendation>;
}

export interface SessionRepository {
  list(
    team: TeamScope,
    filter: { readonly athleteId?: string; readonly open?: boolean; readonly type?: Session['type'] },
    page: ById,
  ): List<Session>;
  get(team: TeamScope, id: string): Found<Session>;
  /** By staff. null: no such athlete. @throws KinewatchError `session-open` */
  open(team: TeamScope, session: NewSession): Found<Session>;
  /** A session of the past that no sensor recorded, closed. null: no such athlete. @throws KinewatchError `session-overlap` */
  record(team: TeamScope, session: NewSession & { readonly started: Date; readonly minutes: number }): Found<Session>;
  /** Only what is given is written; null takes it back. @throws KinewatchError `time-out-of-range`, `session-overlap` (minutes) */
  update(team: TeamScope, id: string, patch: SessionPatch): Found<Session>;
  /** By staff. @throws KinewatchError `already-closed` */
  close(team: TeamScope, id: string): Found<Session>;
}

export interface AlertFilter {
  readonly athleteId?: string;
  readonly status?: Alert['status'];
  readonly type?: Alert['type'];
  readonly severity?: Alert['severity'];
  readonly acknowledged?: boolean;
  readonly closed?: boolean;
  readonly assignedTo?: string;
  readonly commonCauseId?: string;
}

export interface AlertRepository {
  list(team: TeamScope, filter: AlertFilter, page: ById): List<Alert>;
  get(team: TeamScope, id: string): Found<AlertWithHistory>;
  /**
   * Locks the alert, hands it to `decide` with the time of the change (now, never before the alert's last change), and commits in one transaction what comes
   * back: its fields, the new entries of its history, a new normal that was chosen or taken back, live and webhook events. The same object: nothing changes.
   * What `decide` throws rolls back. @throws KinewatchError `unknown-reference` (an injury of another athlete)
   */
  change(team: TeamScope, id: string, decide: (alert: AlertValue, atUs: number) => AlertValue): Found<AlertWithHistory>;
  /** Name of a valid key that can see the alert's team; null: there is none. */
  assignee(team: TeamScope, id: string, keyId: string): Promise<string | null>;
  /** One a key and alert; a repetition changes nothing, another rating is in the history. */
  rate(
    team: TeamScope,
    id: string,
    rating: { readonly keyId: string; readonly rater: string; readonly rating: number; readonly note: string | null },
  ): Found<AlertWithHistory>;
}

export interface QuietMinutes {
  /** Minutes of the team's day. */
  readonly fromMinute: number;
  readonly toMinute: number;
}

interface RecipientFields {
  readonly name: string;
  readonly minSeverity: Recipient['minSeverity'];
  readonly dailyBudget: number;
  readonly quietHours: QuietMinutes | null;
}

/** Pages are null where there is no such team. */
export interface NoticeRepository {
  listRecipients(team: TeamScope, teamId: string, page: ById): Found<Page<Recipient, string>>;
  /** @throws KinewatchError `already-exists` */
  createRecipient(team: TeamScope, teamId: string, recipient: RecipientFields): Found<Recipient>;
  /** Made inactive: what is held back for the recipient is dropped. @throws KinewatchError `already-exists` */
  updateRecipient(team: TeamScope, id: string, patch: Partial<RecipientFields> & { readonly active?: boolean }): Found<Recipient>;
  list(
    team: TeamScope,
    teamId: string,
    filter: { readonly recipientId?: string; readonly status?: Notice['status'] },
    page: ById,
  ): Found<Page<Notice, string>>;
  listCommonCauses(team: TeamScope, teamId: string, page: ById): Found<Page<CommonCauseView, string>>;
}

export interface RaisedAlert {
  readonly athleteId: string;
  readonly type: Alert['type'];
  readonly raisedUs: number;
  readonly outcome: Alert['outcome'];
}

export interface StoredAlertRating {
  readonly alertId: string;
  readonly keyId: string;
  readonly rating: number;
}

interface MicrosRange {
  readonly fromUs: number;
  /** Exclusive. */
  readonly toUs: number;
}

/** The caller checked with timeZone that the team may be seen. */
export interface AlertFiguresRepository {
  timeZone(team: TeamScope, teamId: string): Found<string>;
  alerts(teamId: string, range: MicrosRange): Promise<readonly RaisedAlert[]>;
  /** Of alerts raised in the range. */
  ratings(teamId: string, range: MicrosRange): Promise<readonly StoredAlertRating[]>;
  noticesSent(teamId: string, range: MicrosRange): Promise<number>;
}

/** Whose settings: a team's, or an athlete's. */
export interface SettingsSubject {
  readonly kind: 'team' | 'athlete';
  readonly id: string;
}

export interface SettingsLevel {
  readonly version: number;
  readonly settings: StoredSettings;
}

export interface CurrentAlarmSettings {
  readonly teamId: string;
  /** null: of the team. */
  readonly athleteId: string | null;
  /** null: never set. */
  readonly team: SettingsLevel | null;
  readonly athlete: SettingsLevel | null;
}

/** Levels that have to fit each other. */
export interface SettingsPair {
  readonly team: StoredSettings | null;
  readonly athlete: StoredSettings | null;
  /** Whose the athlete's are; null: the team's alone. */
  readonly athleteId: string | null;
}

export interface AlarmSettingsRepository {
  current(team: TeamScope, subject: SettingsSubject): Found<CurrentAlarmSettings>;
  /**
   * A new version in the place of the one before, in force for windows that end after all that were applied. `check` is given every pair of levels that has to
   * fit: what it throws rolls back. basedOnVersion null: whatever the version is now. @throws KinewatchError `changed-meanwhile`
   */
  set(
    team: TeamScope,
    subject: SettingsSubject,
    change: { readonly settings: StoredSettings; readonly basedOnVersion: number | null; readonly by: string; readonly why: string },
    check: (pairs: readonly SettingsPair[]) => void,
  ): Found<CurrentAlarmSettings>;
  versions(team: TeamScope, subject: SettingsSubject, page: ById): List<AlarmSettingsVersion>;
}

export interface WebhookRepository {
  list(team: TeamScope, page: ById): List<Webhook>;
  get(team: TeamScope, id: string): Found<Webhook>;
  /** teamId null: an endpoint of every team. @throws KinewatchError `unknown-reference` (team) */
  create(
    teamId: TeamScope,
    webhook: {
      readonly url: string;
      readonly secret: string;
      readonly eventTypes: readonly string[];
      /** Of alert events; none: every type. */
      readonly alertTypes?: readonly string[];
      /** Of alert events; amber: every one. */
      readonly minSeverity?: Webhook['minSeverity'];
    },
  ): Promise<Webhook>;
  update(team: TeamScope, id: string, patch: WebhookPatch): Found<Webhook>;
  /** With its deliveries. */
  remove(team: TeamScope, id: string): Promise<boolean>;
  /** The secret before stays valid until `previousUntil`. */
  rotateSecret(team: TeamScope, id: string, secret: string, previousUntil: Date): Found<Webhook>;
  /** Stores a pending webhook.test delivery. @throws KinewatchError `webhook-disabled` */
  createTest(team: TeamScope, id: string): Found<Delivery>;
  listDeliveries(team: TeamScope, id: string, filter: { readonly status?: Delivery['status'] }, page: ById): List<Delivery>;
  getDelivery(team: TeamScope, id: string, deliveryId: string): Found<Delivery>;
  /** Makes a delivery in whatever state pending and due now, with new budgets and the same id. @throws KinewatchError `webhook-disabled` */
  resend(team: TeamScope, id: string, deliveryId: string): Found<Delivery>;
  /**
   * Pending deliveries for what the endpoint, as it is now, wants of the events stored in the range. Again it changes nothing but what failed since.
   * @throws KinewatchError `webhook-disabled`, `time-out-of-range` (before the oldest event kept; more events than one replay takes)
   */
  replay(team: TeamScope, id: string, range: ReplayRange): Found<Replayed>;
}

export interface ReplayRange {
  /** By when the service stored the event: from inclusive, to exclusive. */
  readonly from: Date;
  readonly to: Date;
  /** null: every type the endpoint takes. */
  readonly eventTypes: readonly string[] | null;
}

export interface GatewayRepository {
  authenticate(hash: Uint8Array<ArrayBuffer>): Found<GatewayCaller>;
  list(team: TeamScope, page: ById): List<Gateway>;
  /** @throws KinewatchError `already-exists`, `unknown-reference` (team) */
  create(teamId: string, gateway: StoredCredential & { readonly name: string }): Promise<Gateway>;
  /** Idempotent. */
  revoke(team: TeamScope, id: string): Found<Gateway>;
  /** Streams the gateway opened, newest first. */
  streams(gatewayId: string, limit: number): Promise<Progress['streams']>;
}

export interface DeviceRepository {
  list(team: TeamScope, filter: { readonly athleteId?: string; readonly serial?: string }, page: ById): List<Device>;
  get(team: TeamScope, id: string): Found<Device>;
  /** @throws KinewatchError `already-exists`, `unknown-reference` (team) */
  create(teamId: string, device: Omit<NewDevice, 'teamId'>): Promise<Device>;
  listAssignments(team: TeamScope, deviceId: string, page: ById): List<Assignment>;
  /**
   * From `from` on the device carries the athlete's data; an open assignment that began before ends there.
   * @throws KinewatchError `unknown-reference` (athlete), `assignment-overlap`
   */
  assign(team: TeamScope, deviceId: string, athleteId: string, from: Date | null, to: Date | null): Found<Assignment>;
  /** Ends the open assignment now. @throws KinewatchError `already-closed` (there is none) */
  unassign(team: TeamScope, deviceId: string): Found<Assignment>;
}

/** Models belong to the service, not to a team. */
export interface ModelRepository {
  /** Newest first; there are as many as were ever registered, which is few. */
  list(): Promise<Model[]>;
  get(version: string): Found<Model>;
  /** `by` stands in the history. @throws KinewatchError `model-active` */
  setStatus(version: string, to: 'active' | 'shadow' | 'retired', by: string): Found<Model>;
}

export interface AuditRepository {
  record(entry: {
    readonly keyId: string;
    readonly caller: string;
    readonly teamId: TeamScope;
    readonly action: string;
    readonly statusCode: number;
    /** None: every athlete of teamId, or of every team where that is null (a live stream). */
    readonly athleteIds: readonly string[];
  }): Promise<void>;
  /** Entries that name the athlete or all of the team, newest first; the caller checked that the athlete is of the team. */
  list(
    athlete: Pick<Athlete, 'id' | 'teamId'>,
    range: { readonly from: Date | null; readonly to: Date | null },
    page: ById,
  ): List<AuditEntry>;
}

export interface Repositories {
  readonly loadCeilings: LoadCeilingRepository;
  readonly apiKeys: ApiKeyRepository;
  readonly teams: TeamRepository;
  readonly athletes: AthleteRepository;
  readonly scores: ScoreRepository;
  readonly explanations: ExplanationRepository;
  readonly metrics: MetricRepository;
  readonly load: LoadRepository;
  readonly limits: LimitsRepository;
  readonly injuryFigures: InjuryFiguresRepository;
  readonly diary: DiaryRepository;
  readonly hazard: HazardRepository;
  readonly feedback: FeedbackRepository;
  readonly today: TodayRepository;
  readonly recommendations: RecommendationRepository;
  readonly catalogue: CatalogueRepository;
  readonly planSettings: PlanSettingsRepository;
  readonly plans: PlanRepository;
  readonly medical: MedicalRepository;
  readonly sessions: SessionRepository;
  readonly alerts: AlertRepository;
  readonly alarmSettings: AlarmSettingsRepository;
  readonly notices: NoticeRepository;
  readonly alertFigures: AlertFiguresRepository;
  readonly webhooks: WebhookRepository;
  readonly gateways: GatewayRepository;
  readonly devices: DeviceRepository;
  readonly models: ModelRepository;
  readonly audit: AuditRepository;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>;
}

export interface AthleteProgress {
  readonly athleteId: string;
  readonly windowsDue: number;
  readonly windowsScored: number;
}

export interface RestOptions {
  /** False: a process without the role api serves /healthz, /readyz and /metrics and nothing else of this. True unless told. */
  readonly resources?: boolean;
  readonly repositories: Repositories;
  /** Calls `listener` for every event of every team; returns how to stop. */
  readonly live: { readonly subscribe: (listener: (event: LiveEvent) => void) => () => void };
  /** Checks of every role in this process; execution provider and model version are details of theirs. */
  readonly readiness: () => Promise<Readiness>;
  /** Prometheus text exposition. */
  readonly metricsText: () => Promise<string>;
  /** Alarm rules before any setting, for the active model. */
  readonly alarmRules: () => AlarmRules;
  /** Windows due and scored of the athletes, since the service started. */
  readonly progress: (athleteIds: readonly string[]) => Promise<readonly AthleteProgress[]>;
  /** The gateway's connections are closed with token-revoked. */
  readonly onGatewayRevoked: (gatewayId: string) => void;
  readonly onSessionClosed: (sessionId: string) => void;
  /** Solves on a thread of its own; bounded: planner-busy. */
  readonly planning: Pick<Planning, 'planNow' | 'whatIf' | 'decide' | 'doses'>;
  /** A plan was made: its prices are wanted, and its deliveries are due. */
  readonly onPlan: (planId: string, deliveryIds: readonly string[]) => void;
  /** Something was recorded or undone that the athlete's days and feedback are made of. */
  readonly onDaysChanged: (athleteId: string) => void;
  /** A delivery that staff asked for, a test or one to be sent again, is due. */
  readonly onWebhookTest: (deliveryId: string) => void;
  /** May webhooks go to loopback and private addresses (demo, tests)? */
  readonly webhookAllowPrivate: boolean;
  /** Milliseconds between heartbeats of the live stream; 15,000 unless told. */
  readonly heartbeatMs?: number;
  /** Live clients at once; 256 unless told. */
  readonly maxLiveClients?: number;
}
