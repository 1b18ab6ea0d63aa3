/**
 * ASMS (Adaptive Sports Medicine Strategy): (state, windows, facts) -> state and what changed. The state is plain JSON and small; replaying an
 * athlete's windows reproduces it bit for bit, one by one or many at a time, with or without a round trip through the store.
 */
import type { AlertSeverity, AlertType, StateUpdated } from '../contracts/events.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import { QUIET, levelOf, stepAlarm, type AlarmState } from './alarm.ts';
import { EMPTY_DEVIATION, stepDeviation, strongestChanges, type DeviationReport, type DeviationState, type Judged } from './deviation.ts';
import { METHOD_VERSION, type AsmsParams } from './params.ts';
import { changesInWords, riskRecommendation, riskSentence, type Recommendation } from './recommend.ts';
import { EMPTY_RECOVERY, advanceRecovery, recoveryOf, type OpenInjury, type RecoveryState, type Therapy } from './recovery.ts';

/** Alarms this room raises. */
const ALARM_TYPES = ['risk', 'deviation', 'data-stopped'] as const satisfies readonly AlertType[];
type AlarmType = (typeof ALARM_TYPES)[number];

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
  readonly provisional: boolean;
}

export interface AsmsStateValue {
  readonly methodVersion: string;
  readonly deviation: DeviationState;
  readonly recovery: RecoveryState;
  readonly alarms: Readonly<Record<AlarmType, AlarmState>>;
  /** Highest share of channels observed since the last gap: what the data rule compares with. */
  readonly bestObserved: number;
  readonly latest: AsmsReport | null;
}

export interface AsmsFacts {
  readonly athleteId: string;
  readonly teamId: string;
  readonly openInjuries: readonly OpenInjury[];
  readonly therapies: readonly Therapy[];
  readonly openAlerts: readonly { readonly alertId: string; readonly type: AlertType }[];
}

export interface RaisedAlarm {
  readonly type: AlertType;
  readonly severity: AlertSeverity;
  readonly title: string;
  readonly sentence: string;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly windowIndex: number;
  readonly atUs: number;
  readonly recommendation: Recommendation | null;
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

/** The state before the first window. Alerts the store holds open (after a change of method, say) stay open until their rule clears them. */
export function initialState(facts: AsmsFacts): AsmsStateValue {
  const alarm = (type: AlarmType): AlarmState => (facts.openAlerts.some((alert) => alert.type === type) ? { ...QUIET, open: true } : QUIET);
  return {
    methodVersion: METHOD_VERSION,
    deviation: EMPTY_DEVIATION,
    recovery: EMPTY_RECOVERY,
    alarms: { risk: alarm('risk'), deviation: alarm('deviation'), 'data-stopped': alarm('data-stopped') },
    bestObserved: 0,
    latest: null,
  };
}

/**
 * Applies windows in order. A window at or below the last one applied is skipped (IN-ORDER-ONCE is kept by the store's fence; this makes the
 * function itself safe to feed twice). Facts are taken at each window's own time, so that how windows are batched changes nothing.
 */
export function stepAsms(state: AsmsStateValue | null, windows: readonly ScoredWindow[], facts: AsmsFacts, params: AsmsParams): AsmsStep {
  const first = state ?? initialState(facts);
  let now = first;
  const raise: RaisedAlarm[] = [];
  const clear: ClearedAlarm[] = [];
  for (const window of windows) {
    if (now.latest !== null && window.windowIndex <= now.latest.windowIndex) continue;
    now = stepWindow(now, window, facts, params, raise, clear);
  }
  const { latest } = now;
  if (latest === null || latest === first.latest) return { state: now, raise, clear, live: [] };
  return { state: now, raise, clear, live: [liveEvent(latest, facts)] };
}

const liveEvent = (latest: AsmsReport, facts: AsmsFacts): StateUpdated => ({
  type: 'athlete.state',
  athleteId: facts.athleteId,
  teamId: facts.teamId,
  windowIndex: latest.windowIndex,
  endUs: latest.endUs,
  state: latest.state,
  roughness: latest.deviation.roughness?.value ?? null,
  drift: latest.deviation.drift?.value ?? null,
  recovery: latest.recovery,
});

function stepWindow(
  before: AsmsStateValue,
  window: ScoredWindow,
  facts: AsmsFacts,
  params: AsmsParams,
  raise: RaisedAlarm[],
  clear: ClearedAlarm[],
): AsmsStateValue {
  const lastEndUs = before.latest?.endUs ?? null;
  const gap = lastEndUs !== null && (window.endUs - lastEndUs) / 1e6 > params.deviation.gapResetS;
  const injured = facts.openInjuries.some((injury) => injury.onsetUs <= window.endUs);
  const { state: deviation, report } = stepDeviation(
    before.deviation,
    {
      windowIndex: window.windowIndex,
      endUs: window.endUs,
      activity: window.activity,
      channelSummary: window.channelSummary,
      frozen: injured,
    },
    params.deviation,
  );
  const recovery = advanceRecovery(
    before.recovery,
    { endUs: window.endUs, activity: window.activity, rehab: window.rehab, deviationExcess: excessOf(report.drift), gap },
    facts.openInjuries,
    facts.therapies,
    params.recovery,
  );
  const bestObserved = Math.max(gap ? 0 : before.bestObserved, window.observedFraction);
  const quieted = gap ? forgetEvidence(before.alarms) : before.alarms;
  const now: AsmsStateValue = {
    methodVersion: params.methodVersion,
    deviation,
    recovery,
    alarms: quieted,
    bestObserved,
    latest: {
      windowIndex: window.windowIndex,
      endUs: window.endUs,
      modelVersion: window.modelVersion,
      activity: window.activity,
      state: window.state,
      deviation: report,
      recovery: recoveryOf(recovery),
      provisional: window.provisional,
    },
  };
  return { ...now, alarms: stepAlarms(now, window, report, facts, params, raise, clear) };
}

/** How far drift lies above its red line, as a share of it; only the athlete's own percentiles count. */
const excessOf = (drift: Judged | null): number =>
  drift === null || drift.reference === 'population' ? 0 : Math.max(0, drift.value / drift.red - 1);

const forgetEvidence = (alarms: AsmsStateValue['alarms']): AsmsStateValue['alarms'] => ({
  risk: { ...alarms.risk, levels: [] },
  deviation: { ...alarms.deviation, levels: [] },
  'data-stopped': { ...alarms['data-stopped'], levels: [] },
});

function stepAlarms(
  state: AsmsStateValue,
  window: ScoredWindow,
  report: DeviationReport,
  facts: AsmsFacts,
  params: AsmsParams,
  raise: RaisedAlarm[],
  clear: ClearedAlarm[],
): AsmsStateValue['alarms'] {
  const alarms: Record<AlarmType, AlarmState> = { ...state.alarms };
  const evaluate = (
    type: AlarmType,
    level: ReturnType<typeof levelOf> | null,
    rule: { k: number; n: number },
    describe: () => Described,
  ): void => {
    if (level === null) return;
    const { alarm, change } = stepAlarm(alarms[type], window.windowIndex, level, rule);
    alarms[type] = alarm;
    const moment = { type, windowIndex: window.windowIndex, atUs: window.endUs };
    if (change === 'raise') raise.push({ ...moment, ...describe() });
    if (change === 'clear') clear.push({ ...moment, alertId: facts.openAlerts.find((alert) => alert.type === type)?.alertId ?? null });
  };
  evaluate('risk', riskLevel(window, params), params.risk, () => describeRisk(state, window, params));
  evaluate('deviation', deviationLevel(window, report, params), params.deviationAlert, () =>
    describeDeviation(state, window, report, params),
  );
  evaluate('data-stopped', dataLevel(state, window, params), params.dataAlert, () => describeData(state, window, params));
  return alarms;
}

/** Only active windows with a score count. */
const riskLevel = (window: ScoredWindow, params: AsmsParams) =>
  window.activity === 'rest' || window.state === null ? null : levelOf(window.state, params.risk.low, params.risk.high);

/** Judged against the athlete's own percentiles alone: before there are enough windows there is no deviation alert. */
function deviationLevel(window: ScoredWindow, report: DeviationReport, params: AsmsParams) {
  const { drift } = report;
  if (window.activity === 'rest' || drift === null || drift.reference === 'population') return null;
  return levelOf(drift.value, drift.amber, drift.red * params.deviationAlert.redFactor);
}

/** High: most of what this session measured has gone. */
function dataLevel(state: AsmsStateValue, window: ScoredWindow, params: AsmsParams) {
  if (state.bestObserved === 0) return null;
  const missing = 1 - window.observedFraction / state.bestObserved;
  return levelOf(missing, 1 - params.dataAlert.highShare, 1 - params.dataAlert.lowShare);
}

type Described = Pick<RaisedAlarm, 'severity' | 'title' | 'sentence' | 'evidence' | 'recommendation'>;

function provenance(window: ScoredWindow, params: AsmsParams): Record<string, unknown> {
  return {
    methodVersion: params.methodVersion,
    modelVersion: window.modelVersion,
    windowIndex: window.windowIndex,
    activity: window.activity,
    provisional: window.provisional,
  };
}

function describeRisk(state: AsmsStateValue, window: ScoredWindow, params: AsmsParams): Described {
  const changes = strongestChanges(state.deviation, window.activity, params.channels, params.recommendation.channelsNamed);
  const facts = { activity: window.activity, state: window.state ?? 0, changes };
  const recommendation = riskRecommendation(facts, params);
  return {
    severity: 'red',
    title: 'Movement score above its threshold',
    sentence: riskSentence(facts, params.risk),
    evidence: {
      ...provenance(window, params),
      state: window.state,
      logitSd: window.logitSd,
      threshold: params.risk,
      strongestChanges: changes,
    },
    recommendation,
  };
}

function describeDeviation(state: AsmsStateValue, window: ScoredWindow, report: DeviationReport, params: AsmsParams): Described {
  const changes = strongestChanges(state.deviation, window.activity, params.channels, params.recommendation.channelsNamed);
  const drift = report.drift?.value ?? 0;
  const red = report.drift?.red ?? 0;
  return {
    severity: 'amber',
    title: 'Movement away from own normal',
    sentence: `Movement lies ${drift.toFixed(2)} own SD from the athlete's baseline; 99 of 100 windows lie below ${red.toFixed(2)}. Largest changes: ${changesInWords(changes) ?? 'not known'}.`,
    evidence: { ...provenance(window, params), deviation: report, rule: params.deviationAlert, strongestChanges: changes },
    recommendation: null,
  };
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function describeData(state: AsmsStateValue, window: ScoredWindow, params: AsmsParams): Described {
  return {
    severity: 'amber',
    title: 'Sensor data missing',
    sentence: `Only ${percent(window.observedFraction)} of the movement channels arrive; earlier in this session it was ${percent(state.bestObserved)}. Check sensors and batteries.`,
    evidence: {
      ...provenance(window, params),
      observedFraction: window.observedFraction,
      bestObserved: state.bestObserved,
      rule: params.dataAlert,
    },
    recommendation: null,
  };
}
