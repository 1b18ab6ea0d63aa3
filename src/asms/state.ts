/** The ASMS state as a value, the facts it is stepped with, and what a step changes. */
import type { AlertSeverity, AlertType, StateUpdated } from '../contracts/events.ts';
import type { ActivityClass } from '../contracts/model.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import { QUIET, type AlarmState } from './alarm.ts';
import type { SettingsVersion } from './alarm-settings.ts';
import { EMPTY_DEVIATION, type DeviationReport, type DeviationState } from './deviation.ts';
import { NOT_FROZEN, type BaselineStatus, type FreezeState } from './freeze.ts';
import { METHOD_VERSION } from './params.ts';
import type { OwnScales, Recommendation } from './recommend.ts';
import { EMPTY_RECOVERY, type RecoveryState, type Therapy, type TimedInjury } from './recovery.ts';

/** Alarms that windows move, in the order in which a window moves them (a stored object keeps no order). */
export const WINDOW_ALARMS = ['risk', 'deviation', 'data-stopped', 'recovery-regression'] as const satisfies readonly AlertType[];
export type WindowAlarm = (typeof WINDOW_ALARMS)[number];

/** Alarms that observations move; `silence` is the other half of the type data-stopped: no windows at all. */
const OBSERVED_ALARMS = ['asymmetry', 'load-above-ceiling', 'device-clock-fault', 'sides-swapped', 'silence'] as const;
export type ObservedAlarm = (typeof OBSERVED_ALARMS)[number];

/** What the newest window left behind, for whoever reads the state. */
export interface AsmsReport {
  readonly windowIndex: number;
  readonly endUs: number;
  readonly modelVersion: string;
  readonly activity: ScoredWindow['activity'];
  /** P(I(t) = 1); null = not enough data. */
  readonly state: number | null;
  readonly deviation: DeviationReport;
  readonly recovery: number;
  readonly baseline: BaselineStatus;
  readonly provisional: boolean;
}

/** Running mean and variance of a session metric over the athlete's own sessions. */
export interface OwnNormal {
  readonly sessions: number;
  readonly mean: number;
  readonly variance: number;
}

/** The part that observations move. It shares nothing with the part that windows move, so that how the two interleave changes nothing. */
export interface ObservedState {
  /** Fence: observations up to this sequence are applied. */
  readonly lastSequence: number | null;
  readonly alarms: Readonly<Record<ObservedAlarm, AlarmState>>;
  readonly asymmetry: Readonly<Record<string, OwnNormal>>;
}

export interface AsmsStateValue {
  readonly methodVersion: string;
  readonly deviation: DeviationState;
  readonly freeze: FreezeState;
  readonly recovery: RecoveryState;
  readonly alarms: Readonly<Record<WindowAlarm, AlarmState>>;
  /** Highest share of channels observed since the last gap: what the data rule compares with. */
  readonly bestObserved: number;
  readonly latest: AsmsReport | null;
  readonly observed: ObservedState;
}

export interface AsmsFacts {
  readonly athleteId: string;
  readonly teamId: string;
  readonly openInjuries: readonly TimedInjury[];
  readonly therapies: readonly Therapy[];
  readonly openAlerts: readonly { readonly alertId: string; readonly type: AlertType }[];
  /** Cleared injuries in their 8 weeks "returned, monitored"; absent: none. */
  readonly monitoredInjuries?: readonly TimedInjury[];
  /** Absent: not known, windows count as in a session. */
  readonly sessions?: readonly { readonly fromUs: number; readonly toUs: number | null }[];
  /** Times at which staff chose "new normal"; absent: none. */
  readonly newNormals?: readonly number[];
  /** Versions of the alarm settings of athlete and team; absent: the defaults. */
  readonly alarmSettings?: readonly SettingsVersion[];
  /** SD of the athlete's own baseline by activity, for sentences in the athlete's units; absent: own SD. It moves no figure. */
  readonly ownScales?: Readonly<Partial<Record<ActivityClass, OwnScales>>>;
}

/** What an alert says. */
export interface Described {
  readonly severity: AlertSeverity;
  readonly title: string;
  readonly sentence: string;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly recommendation: Recommendation | null;
}

export interface RaisedAlarm extends Described {
  readonly type: AlertType;
  /** Of an observation: the hop it fell in. */
  readonly windowIndex: number;
  readonly atUs: number;
  /** The settings it was judged with (AsmsParams). */
  readonly settingsVersion: string;
}

export interface ClearedAlarm {
  readonly type: AlertType;
  /** null: raised in this same change, or known to the state alone. */
  readonly alertId: string | null;
  readonly windowIndex: number;
  readonly atUs: number;
}

export interface AsmsStep {
  readonly state: AsmsStateValue;
  readonly raise: readonly RaisedAlarm[];
  readonly clear: readonly ClearedAlarm[];
  readonly live: readonly StateUpdated[];
}

type OpenAlerts = Pick<AsmsFacts, 'openAlerts'>;

const alarmsOf = <Name extends string>(names: readonly Name[], facts: OpenAlerts): Record<Name, AlarmState> => {
  const open = (name: string): boolean => facts.openAlerts.some((alert) => alert.type === name);
  return Object.fromEntries(names.map((name) => [name, open(name) ? { ...QUIET, open: true } : QUIET])) as Record<Name, AlarmState>;
};

/** Alarms of the window part, open where the store holds an open alert. */
export const windowAlarms = (facts: OpenAlerts): Record<WindowAlarm, AlarmState> => alarmsOf(WINDOW_ALARMS, facts);

export const initialObserved = (facts: OpenAlerts): ObservedState => ({
  lastSequence: null,
  alarms: alarmsOf(OBSERVED_ALARMS, facts),
  asymmetry: {},
});

/** The state before the first window. Alerts the store holds open (after a change of method, say) stay open until their rule clears them. */
export const initialState = (facts: OpenAlerts): AsmsStateValue => ({
  methodVersion: METHOD_VERSION,
  deviation: EMPTY_DEVIATION,
  freeze: NOT_FROZEN,
  recovery: EMPTY_RECOVERY,
  alarms: windowAlarms(facts),
  bestObserved: 0,
  latest: null,
  observed: initialObserved(facts),
});

/** Id of the open alert of a type; null where the store does not know it yet. */
export const openAlertId = (facts: OpenAlerts, type: AlertType): string | null =>
  facts.openAlerts.find((alert) => alert.type === type)?.alertId ?? null;
