/**
 * What reaches ASMS beside windows: session metrics, the day's loads, device clocks, silence. (state, observations, facts) -> state and what changed.
 * Observations have a sequence of their own, the fence of this part of the state. It shares nothing with the part that windows move: windows and
 * observations may interleave in any way and the state is the same.
 */
import type { AlertType } from '../contracts/events.ts';
import type { Observation, Observed } from '../contracts/observation.ts';
import { countLevel, type AlarmState, type Level } from './alarm.ts';
import type { KofN } from './alarm-rules.ts';
import { paramsAt } from './alarm-settings.ts';
import { judgeAsymmetry, learnAsymmetry } from './asymmetry-normal.ts';
import type { AsmsParams } from './params.ts';
import { inForce } from './recovery.ts';
import {
  openAlertId,
  type AsmsFacts,
  type AsmsStateValue,
  type AsmsStep,
  type ClearedAlarm,
  type Described,
  type ObservedAlarm,
  type ObservedState,
  type RaisedAlarm,
} from './state.ts';
import { restoredState } from './upgrade.ts';

interface Verdict {
  readonly alarm: ObservedAlarm;
  readonly type: AlertType;
  /** null: it does not count. */
  readonly level: Level | null;
  readonly describe: () => Omit<Described, 'recommendation'>;
}

/**
 * Applies observations in the order of their sequence; one at or below the last one applied is skipped.
 * @throws RangeError where they are not in ascending order: the caller would lose one
 */
export function stepObservations(
  state: AsmsStateValue | null,
  observations: readonly Observation[],
  facts: AsmsFacts,
  params: AsmsParams,
): AsmsStep {
  let now = restoredState(state, facts);
  const raise: RaisedAlarm[] = [];
  const clear: ClearedAlarm[] = [];
  observations.forEach((observation, i) => {
    const next = observations[i + 1];
    if (next !== undefined && next.sequence <= observation.sequence)
      throw new RangeError(`sequence ${next.sequence} after ${observation.sequence}`);
    const { lastSequence } = now.observed;
    if (lastSequence !== null && observation.sequence <= lastSequence) return;
    now = { ...now, observed: stepOne(now, observation, facts, paramsAt(params, facts.alarmSettings, observation.atUs), raise, clear) };
  });
  return { state: now, raise, clear, live: [] };
}

function stepOne(
  state: AsmsStateValue,
  observation: Observation,
  facts: AsmsFacts,
  params: AsmsParams,
  raise: RaisedAlarm[],
  clear: ClearedAlarm[],
): ObservedState {
  const { observed } = state;
  const verdict = verdictOf(observation, observed, params);
  const alarms = { ...observed.alarms };
  const before = observation.kind === 'day-load' ? beforeDay(alarms[verdict.alarm], observation.day, verdict.level) : alarms[verdict.alarm];
  if (verdict.level !== null && before !== null) {
    const { alarm, change } = countLevel(before, verdict.level, ruleOf(verdict, params));
    alarms[verdict.alarm] = alarm;
    const { atUs } = observation;
    const moment = { type: verdict.type, windowIndex: Math.floor(atUs / 1e6), atUs };
    // One alert stands for silence and for channels that stopped.
    const covered = verdict.alarm === 'silence' && state.alarms['data-stopped'].open;
    if (change === 'raise' && !covered)
      raise.push({ ...moment, settingsVersion: params.settingsVersion, ...verdict.describe(), recommendation: null });
    if (change === 'clear' && !covered) clear.push({ ...moment, alertId: openAlertId(facts, verdict.type) });
  }
  const injured = inForce(facts.openInjuries, observation.atUs).length > 0;
  const learns = observation.kind === 'asymmetry' && !injured;
  return {
    lastSequence: observation.sequence,
    alarms,
    asymmetry: learns ? learnAsymmetry(observed.asymmetry, observation.metrics) : observed.asymmetry,
  };
}

/**
 * The alarm of loads as it stands before a day is counted; null: the day is not. A day counts once: what is said of it anew (more sessions, a correction)
 * takes the place of what was said. A day that is told after a later one still counts where it went above, and clears nothing.
 */
function beforeDay(alarm: AlarmState, day: string, level: Level | null): AlarmState | null {
  const index = Math.round(Date.parse(day) / 86_400e3);
  if (level === null || (alarm.lastIndex !== null && index < alarm.lastIndex)) return level === 'high' ? alarm : null;
  return index === alarm.lastIndex ? { ...alarm, levels: alarm.levels.slice(0, -1) } : { ...alarm, lastIndex: index };
}

/** Silence is judged at once: it has lasted already. */
const ruleOf = ({ alarm, type }: Verdict, { alarms }: AsmsParams): KofN =>
  alarm === 'silence' ? { enabled: alarms['data-stopped'].enabled, k: 1, n: 1 } : alarms[type];

function verdictOf(observation: Observation, observed: ObservedState, params: AsmsParams): Verdict {
  const evidence = { methodVersion: params.methodVersion, sequence: observation.sequence };
  switch (observation.kind) {
    case 'asymmetry':
      return asymmetryVerdict(observation, observed, params, evidence);
    case 'sides':
      return sidesVerdict(observation, evidence);
    case 'day-load':
      return loadVerdict(observation, params, evidence);
    case 'clocks':
      return clockVerdict(observation, params, evidence);
    case 'silence':
      break;
  }
  return silenceVerdict(observation, params, evidence);
}

type Evidence = Readonly<Record<string, unknown>>;
type Of<Kind extends Observed['kind']> = Extract<Observed, { readonly kind: Kind }>;

/** At most this many things are named in a sentence. */
const NAMED = 3;

const signed = (value: number, digits: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(digits)}`;

function asymmetryVerdict(
  { sessionId, metrics }: Of<'asymmetry'>,
  observed: ObservedState,
  params: AsmsParams,
  evidence: Evidence,
): Verdict {
  const rule = params.alarms.asymmetry;
  const judged = judgeAsymmetry(observed.asymmetry, metrics, rule);
  const words = judged
    .slice(0, NAMED)
    .map(({ name, valuePct, normal }) =>
      normal === null
        ? `${name} ${signed(valuePct, 1)} %, with too few sessions to know the athlete's own`
        : `${name} ${signed(valuePct, 1)} % against an own normal of ${signed(normal.mean, 1)} % (SD ${normal.sd.toFixed(1)}, ${normal.sessions} sessions)`,
    );
  return {
    alarm: 'asymmetry',
    type: 'asymmetry',
    level: judged[0]?.level ?? null,
    describe: () => ({
      severity: 'amber',
      title: 'Left and right further apart than usual',
      sentence: `In ${rule.k} of the last ${rule.n} sessions left and right differed more than is usual for the athlete (positive: more on the left). Now: ${words.join('; ')}.`,
      evidence: { ...evidence, sessionId, judged, rule },
    }),
  };
}

const sidesVerdict = ({ sessionId, swapped, strides }: Of<'sides'>, evidence: Evidence): Verdict => ({
  alarm: 'sides-swapped',
  type: 'sides-swapped',
  level: swapped === null ? null : swapped ? 'high' : 'low',
  describe: () => ({
    severity: 'amber',
    title: 'Left and right sensors exchanged',
    sentence: `The foot sensors move as if left and right were exchanged, over ${strides} strides of this session. Change them over; figures by side of this session are reversed.`,
    evidence: { ...evidence, sessionId, strides },
  }),
});

function loadVerdict({ day, complete, loads }: Of<'day-load'>, params: AsmsParams, evidence: Evidence): Verdict {
  const rule = params.alarms['load-above-ceiling'];
  const limited = loads.flatMap((load) => (load.ceiling === null ? [] : [{ ...load, ceiling: load.ceiling }]));
  const above = limited
    .filter(({ load, ceiling }) => load > ceiling * rule.highShare)
    .toSorted((a, b) => excess(b) - excess(a) || (a.series < b.series ? -1 : 1));
  const words = above
    .slice(0, NAMED)
    .map(({ series, unit, load, ceiling }) => `${series} ${Math.round(load)} ${unit} against a ceiling of ${Math.round(ceiling)} ${unit}`);
  return {
    alarm: 'load-above-ceiling',
    type: 'load-above-ceiling',
    // A day that is not over yet can still go above its ceiling: it clears nothing. A complete day under no limit does.
    level: above.length > 0 ? 'high' : complete ? 'low' : null,
    describe: () => ({
      severity: 'red',
      title: 'Load above its ceiling',
      sentence: `On ${day} the load went above its ceiling: ${words.join('; ')}.`,
      evidence: { ...evidence, day, loads, rule },
    }),
  };
}

/** Share of the ceiling above it; a ceiling of 0 is exceeded most. */
const excess = ({ load, ceiling }: { readonly load: number; readonly ceiling: number }): number =>
  ceiling > 0 ? load / ceiling - 1 : Number.MAX_VALUE;

function clockVerdict({ devices }: Of<'clocks'>, params: AsmsParams, evidence: Evidence): Verdict {
  const rule = params.alarms['device-clock-fault'];
  const faults = devices.filter(
    ({ jumpS, driftPpm }) => Math.abs(jumpS ?? 0) > rule.jumpS || (driftPpm !== null && Math.abs(driftPpm) > rule.driftPpm),
  );
  const words = faults.slice(0, NAMED).map(({ deviceId, jumpS, driftPpm }) => {
    const jump = jumpS === null ? [] : [`jumped by ${signed(jumpS, 1)} s`];
    const drift = driftPpm === null ? [] : [`runs ${signed(driftPpm, 0)} ppm off`];
    return `device ${deviceId} ${[...jump, ...drift].join(' and ')}`;
  });
  return {
    alarm: 'device-clock-fault',
    type: 'device-clock-fault',
    level: devices.length === 0 ? null : faults.length > 0 ? 'high' : 'low',
    describe: () => ({
      severity: 'amber',
      title: 'Device clock fault',
      sentence: `A device's clock cannot be relied on: ${words.join('; ')}. A sound clock stays within ${rule.driftPpm} ppm and does not jump. Restart or replace the device.`,
      evidence: { ...evidence, devices: faults, rule },
    }),
  };
}

function silenceVerdict({ sessionOpen, silentS }: Of<'silence'>, params: AsmsParams, evidence: Evidence): Verdict {
  const rule = params.alarms['data-stopped'];
  return {
    alarm: 'silence',
    type: 'data-stopped',
    level: sessionOpen && silentS > rule.silentS ? 'high' : 'low',
    describe: () => ({
      severity: 'amber',
      title: 'No data from the athlete',
      sentence: `No data for ${Math.round(silentS)} s in an open session; ${rule.silentS} s is the limit. Check sensors, batteries and the gateway.`,
      evidence: { ...evidence, silentS, rule },
    }),
  };
}
