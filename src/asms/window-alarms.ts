/** The alarms that windows move: what each window says of them, and what an alert says of itself. */
import type { ScoredWindow } from '../contracts/score.ts';
import { levelOf, type Level } from './alarm.ts';
import { strongestChanges, type ChannelChange, type DeviationReport } from './deviation.ts';
import type { AsmsParams } from './params.ts';
import { changesInWords, riskRecommendation, riskSentence } from './recommend.ts';
import { worstFall, type RecoveryLosses } from './recovery.ts';
import type { AsmsFacts, AsmsStateValue, Described, WindowAlarm } from './state.ts';

export interface WindowMoment {
  /** With deviation and recovery of this window. */
  readonly state: AsmsStateValue;
  readonly window: ScoredWindow;
  readonly report: DeviationReport;
  readonly facts: AsmsFacts;
  readonly params: AsmsParams;
}

/** What the window says of an alarm; null: it does not count. */
export const windowLevel: Readonly<Record<WindowAlarm, (moment: WindowMoment) => Level | null>> = {
  /** Only active windows with a score count. */
  risk: ({ window, params: { alarms } }) =>
    window.activity === 'rest' || window.state === null ? null : levelOf(window.state, alarms.risk.low, alarms.risk.high),
  /** Judged against the athlete's own percentiles alone: before there are enough windows there is no deviation alert. */
  deviation: ({ window, report: { drift }, params: { alarms } }) =>
    window.activity === 'rest' || drift === null || drift.reference === 'population'
      ? null
      : levelOf(drift.value, drift.amber, drift.red * alarms.deviation.redFactor),
  /** High: most of what this session measured has gone. Outside a session data may stop. */
  'data-stopped': ({ state, window, facts, params: { alarms } }) => {
    if (!inSession(facts, window.endUs)) return 'low';
    if (state.bestObserved === 0) return null;
    const { lowShare, highShare } = alarms['data-stopped'];
    return levelOf(1 - window.observedFraction / state.bestObserved, 1 - highShare, 1 - lowShare);
  },
  'recovery-regression': ({ state, params: { alarms } }) => {
    const { clearFall, fall } = alarms['recovery-regression'];
    return levelOf(worstFall(state.recovery)?.fall ?? -1, clearFall, fall);
  },
};

function inSession({ sessions }: AsmsFacts, atUs: number): boolean {
  return sessions === undefined || sessions.some(({ fromUs, toUs }) => atUs >= fromUs && (toUs === null || atUs < toUs));
}

/** What an alert raised by this window says. */
export const describeWindowAlarm: Readonly<Record<WindowAlarm, (moment: WindowMoment) => Described>> = {
  risk: describeRisk,
  deviation: describeDeviation,
  'data-stopped': describeData,
  'recovery-regression': describeRegression,
};

function provenance({ window, params }: WindowMoment): Record<string, unknown> {
  return {
    methodVersion: params.methodVersion,
    modelVersion: window.modelVersion,
    windowIndex: window.windowIndex,
    activity: window.activity,
    provisional: window.provisional,
  };
}

const changesOf = ({ state, window, report, params }: WindowMoment): readonly ChannelChange[] =>
  strongestChanges(state.deviation, window.activity, report.runBand, params.channels, params.recommendation.channelsNamed);

const scalesOf = ({ facts, window }: WindowMoment) => facts.ownScales?.[window.activity] ?? [];

function describeRisk(moment: WindowMoment): Described {
  const { window, params } = moment;
  const changes = changesOf(moment);
  const facts = { activity: window.activity, state: window.state ?? 0, changes, ownScales: scalesOf(moment) };
  return {
    severity: 'red',
    title: 'Movement score above its threshold',
    sentence: riskSentence(facts, params),
    evidence: {
      ...provenance(moment),
      state: window.state,
      logitSd: window.logitSd,
      threshold: params.alarms.risk,
      strongestChanges: changes,
    },
    recommendation: riskRecommendation(facts, params),
  };
}

function describeDeviation(moment: WindowMoment): Described {
  const { report, params } = moment;
  const changes = changesOf(moment);
  const drift = report.drift?.value ?? 0;
  const red = report.drift?.red ?? 0;
  const words = changesInWords(changes, { ...params, ownScales: scalesOf(moment) });
  return {
    severity: 'amber',
    title: 'Movement away from own normal',
    sentence: `Movement lies ${drift.toFixed(2)} own SD from the athlete's baseline; 99 of 100 windows lie below ${red.toFixed(2)}. Largest changes: ${words ?? 'not known'}.`,
    evidence: { ...provenance(moment), deviation: report, rule: params.alarms.deviation, strongestChanges: changes },
    recommendation: null,
  };
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function describeData(moment: WindowMoment): Described {
  const { state, window, params } = moment;
  return {
    severity: 'amber',
    title: 'Sensor data missing',
    sentence: `Only ${percent(window.observedFraction)} of the movement channels arrive; earlier in this session it was ${percent(state.bestObserved)}. Check sensors and batteries.`,
    evidence: {
      ...provenance(moment),
      observedFraction: window.observedFraction,
      bestObserved: state.bestObserved,
      rule: params.alarms['data-stopped'],
    },
    recommendation: null,
  };
}

const LOSS_WORDS: readonly (readonly [keyof RecoveryLosses, string])[] = [
  ['overload', 'load above the ceiling'],
  ['deviation', 'movement away from own normal'],
  ['estimate', "the model's rehabilitation estimate"],
];

/** Names no diagnosis: coaches read it. */
function describeRegression(moment: WindowMoment): Described {
  const worst = worstFall(moment.state.recovery);
  const recovery = worst?.recovery ?? { r: 1, best: 1, since: { overload: 0, deviation: 0, estimate: 0 } };
  const drivers = LOSS_WORDS.filter(([name]) => recovery.since[name] < 0)
    .toSorted(([a], [b]) => recovery.since[a] - recovery.since[b])
    .map(([name, words]) => `${words} ${Math.round(recovery.since[name] * 100)} points`);
  return {
    severity: 'amber',
    title: 'Recovery going back',
    sentence: `Recovery fell to ${percent(recovery.r)} from the athlete's own best of ${percent(recovery.best)} in this injury. Since then: ${drivers.length === 0 ? 'not known' : drivers.join('; ')}.`,
    evidence: { ...provenance(moment), injuryId: worst?.injuryId ?? null, recovery, rule: moment.params.alarms['recovery-regression'] },
    recommendation: null,
  };
}
