/**
 * ASMS (Adaptive Sports Medicine Strategy): (state, windows, facts) -> state and what changed. The state is plain JSON and small; replaying an
 * athlete's windows reproduces it bit for bit, one by one or many at a time, with or without a round trip through the store.
 */
import type { StateUpdated } from '../contracts/events.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import { QUIET, stepAlarm } from './alarm.ts';
import { paramsAt } from './alarm-settings.ts';
import { acceptNewNormal, stepDeviation, type Judged } from './deviation.ts';
import { baselineStatus, isFrozen, NOT_FROZEN, stepFreeze } from './freeze.ts';
import type { AsmsParams } from './params.ts';
import { advanceRecovery, inForce, recoveryOf } from './recovery.ts';
import {
  openAlertId,
  WINDOW_ALARMS,
  type AsmsFacts,
  type AsmsReport,
  type AsmsStateValue,
  type AsmsStep,
  type ClearedAlarm,
  type RaisedAlarm,
  type WindowAlarm,
} from './state.ts';
import { restoredState } from './upgrade.ts';
import { describeWindowAlarm, windowLevel, type WindowMoment } from './window-alarms.ts';

export type { AsmsFacts, AsmsStateValue, AsmsStep } from './state.ts';

interface Changes {
  readonly raise: RaisedAlarm[];
  readonly clear: ClearedAlarm[];
}

/**
 * Applies windows in order. A window at or below the last one applied is skipped (IN-ORDER-ONCE is kept by the store's fence; this makes the
 * function itself safe to feed twice). Facts are taken at each window's own time, so that how windows are batched changes nothing.
 * A stored state of another method version is upgraded or restarted (upgrade.ts).
 */
export function stepAsms(state: AsmsStateValue | null, windows: readonly ScoredWindow[], facts: AsmsFacts, params: AsmsParams): AsmsStep {
  const first = restoredState(state, facts);
  let now = first;
  const changes: Changes = { raise: [], clear: [] };
  for (const window of windows) {
    if (now.latest !== null && window.windowIndex <= now.latest.windowIndex) continue;
    now = stepWindow(now, window, facts, paramsAt(params, facts.alarmSettings, window.endUs), changes);
  }
  const { latest } = now;
  const live = latest === null || latest === first.latest ? [] : [liveEvent(latest, facts)];
  return { state: now, ...changes, live };
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

function stepWindow(earlier: AsmsStateValue, window: ScoredWindow, facts: AsmsFacts, params: AsmsParams, changes: Changes): AsmsStateValue {
  const before = withNewNormal(earlier, window, facts, changes);
  const lastEndUs = before.latest?.endUs ?? null;
  const gap = lastEndUs !== null && (window.endUs - lastEndUs) / 1e6 > params.deviation.gapResetS;
  const injuries = inForce(facts.openInjuries, window.endUs);
  const baseline = baselineStatus(before.freeze, injuries.length > 0, window.endUs, params.freeze);
  const { state: deviation, report } = stepDeviation(
    before.deviation,
    {
      windowIndex: window.windowIndex,
      endUs: window.endUs,
      activity: window.activity,
      channelSummary: window.channelSummary,
      speedMps: params.speedIndex === null ? null : (window.perf[params.speedIndex] ?? null),
      frozen: isFrozen(baseline),
    },
    params.deviation,
  );
  const recovery = advanceRecovery(
    before.recovery,
    { endUs: window.endUs, activity: window.activity, rehab: window.rehab, deviationExcess: excessOf(report.drift), gap },
    injuries,
    facts.therapies,
    params.recovery,
    inForce(facts.monitoredInjuries ?? [], window.endUs),
  );
  const now: AsmsStateValue = {
    ...before,
    methodVersion: params.methodVersion,
    deviation,
    recovery,
    alarms: gap ? forgetEvidence(before.alarms) : before.alarms,
    bestObserved: Math.max(gap ? 0 : before.bestObserved, window.observedFraction),
    latest: {
      windowIndex: window.windowIndex,
      endUs: window.endUs,
      modelVersion: window.modelVersion,
      activity: window.activity,
      state: window.state,
      deviation: report,
      recovery: recoveryOf(recovery),
      baseline,
      provisional: window.provisional,
    },
  };
  const alarms = stepAlarms({ state: now, window, report, facts, params }, changes);
  return { ...now, alarms, freeze: stepFreeze(before.freeze, alarms.deviation.open, window.endUs) };
}

/** How far drift lies above its red line, as a share of it; only the athlete's own percentiles count, and a red line of 0 says nothing. */
const excessOf = (drift: Judged | null): number =>
  drift === null || drift.reference === 'population' || drift.red === 0 ? 0 : Math.max(0, drift.value / drift.red - 1);

/** Staff chose "new normal" since the last window: the baseline begins at what the athlete does now, and the deviation alarm ends. */
function withNewNormal(state: AsmsStateValue, window: ScoredWindow, facts: AsmsFacts, changes: Changes): AsmsStateValue {
  const lastEndUs = state.latest?.endUs ?? null;
  if (lastEndUs === null || !(facts.newNormals ?? []).some((us) => us > lastEndUs && us <= window.endUs)) return state;
  if (state.alarms.deviation.open) changes.clear.push(cleared('deviation', window, facts));
  return {
    ...state,
    deviation: acceptNewNormal(state.deviation),
    freeze: NOT_FROZEN,
    alarms: { ...state.alarms, deviation: QUIET },
  };
}

const cleared = (type: WindowAlarm, window: ScoredWindow, facts: AsmsFacts): ClearedAlarm => ({
  type,
  alertId: openAlertId(facts, type),
  windowIndex: window.windowIndex,
  atUs: window.endUs,
});

function forgetEvidence(alarms: AsmsStateValue['alarms']): AsmsStateValue['alarms'] {
  return Object.fromEntries(WINDOW_ALARMS.map((name) => [name, { ...alarms[name], levels: [] }])) as unknown as AsmsStateValue['alarms'];
}

function stepAlarms(moment: WindowMoment, changes: Changes): AsmsStateValue['alarms'] {
  const { state, window, facts, params } = moment;
  const alarms = { ...state.alarms };
  for (const type of WINDOW_ALARMS) {
    const level = windowLevel[type](moment);
    if (level === null) continue;
    const { alarm, change } = stepAlarm(alarms[type], window.windowIndex, level, params.alarms[type]);
    alarms[type] = alarm;
    // One alert stands for channels that stopped and for all data that stopped: the second of the two raises nothing, the first to end clears nothing.
    if (type === 'data-stopped' && state.observed.alarms.silence.open) continue;
    if (change === 'raise')
      changes.raise.push({
        type,
        windowIndex: window.windowIndex,
        atUs: window.endUs,
        settingsVersion: params.settingsVersion,
        ...describeWindowAlarm[type](moment),
      });
    if (change === 'clear') changes.clear.push(cleared(type, window, facts));
  }
  return alarms;
}
