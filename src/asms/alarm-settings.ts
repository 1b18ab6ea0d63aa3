/**
 * Thresholds per team and athlete: default, then the team's settings, then the athlete's. Pure; a fault changes nothing. Settings have versions, each in
 * force from a time on: a window is judged by those in force at its end, so that a replay judges it as it was judged.
 */
import { KinewatchError } from '../contracts/errors.ts';
import { ALERT_TYPES, type AlertType } from '../contracts/events.ts';
import type { AlarmRules } from './alarm-rules.ts';
import type { AsmsParams } from './params.ts';

/** Only what differs from the level above; `source` is not theirs to set. */
export type AlarmSettings = { readonly [Type in AlertType]?: Partial<Omit<AlarmRules[Type], 'source'>> };

export interface SettingFault {
  /** e.g. "team.risk.high", or "risk.low" where two of them do not fit */
  readonly path: string;
  /** The field that does not fit this one, e.g. "risk.high": whichever was set is at fault. */
  readonly against?: string;
  readonly message: string;
}

/** Settings that cannot be used; every fault at once. */
export class AlarmSettingsRefused extends KinewatchError {
  readonly faults: readonly SettingFault[];
  constructor(faults: readonly SettingFault[]) {
    super('alarm-settings-refused', faults.map(({ path, message }) => `${path}: ${message}`).join('; '));
    this.name = 'AlarmSettingsRefused';
    this.faults = faults;
  }
}

/** Inclusive bounds of every numeric setting. (chosen) wide enough for any use, narrow enough to catch a slip of unit. */
const BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  k: [1, 60],
  n: [1, 60],
  high: [0.01, 0.999],
  low: [0, 0.99],
  redFactor: [1, 5],
  lowShare: [0.05, 0.95],
  highShare: [0.1, 2],
  silentS: [5, 3_600],
  highSd: [1, 10],
  leastPct: [0, 50],
  populationPct: [1, 100],
  fall: [0.01, 1],
  clearFall: [0, 0.99],
  jumpS: [1, 86_400],
  driftPpm: [50, 500],
};
/** Pairs of which the first must be below (for k and n: not above) the second. */
const ORDERED: readonly (readonly [string, string])[] = [
  ['low', 'high'],
  ['lowShare', 'highShare'],
  ['clearFall', 'fall'],
];

type Fields = Readonly<Record<string, unknown>>;

/** The message of a faulty field, null where it is right. */
function fieldFault(field: string, value: unknown, base: Fields): string | null {
  if (!(field in base) || field === 'source') {
    const known = Object.keys(base).filter((name) => name !== 'source');
    return `there is no such setting; there are ${known.join(', ')}`;
  }
  if (field === 'enabled') return typeof value === 'boolean' ? null : 'must be true or false';
  const [least, most] = BOUNDS[field] ?? [-Infinity, Infinity];
  if (typeof value !== 'number' || !(value >= least && value <= most)) return `must be a number from ${least} to ${most}`;
  return (field === 'k' || field === 'n') && !Number.isInteger(value) ? 'must be a whole number' : null;
}

function orderFaults(type: string, rule: Fields): SettingFault[] {
  const faults: SettingFault[] = [];
  const unfit = (low: string, high: string, message: string): number =>
    faults.push({ path: `${type}.${low}`, against: `${type}.${high}`, message });
  const [k, n] = [Number(rule['k']), Number(rule['n'])];
  if (k > n) unfit('k', 'n', `k ${k} of n ${n} can never be: give k at most n`);
  for (const [low, high] of ORDERED) {
    if (!(low in rule) || !(high in rule)) continue;
    const [lower, upper] = [Number(rule[low]), Number(rule[high])];
    if (lower >= upper) unfit(low, high, `${low} ${lower} must be below ${high} ${upper}`);
  }
  return faults;
}

/**
 * Rules under the settings of a team and then of an athlete; null: none. `risk.source` says where a changed threshold comes from.
 * @throws AlarmSettingsRefused unknown type or field, value out of range, k above n, a lower threshold that is not lower: all of them named
 */
export function mergeAlarmRules(base: AlarmRules, team: AlarmSettings | null, athlete: AlarmSettings | null): AlarmRules {
  const faults: SettingFault[] = [];
  const merged: Record<string, Record<string, unknown>> = {};
  for (const type of ALERT_TYPES) merged[type] = { ...base[type] };
  const levels: readonly (readonly [string, AlarmSettings | null])[] = [
    ['team', team],
    ['athlete', athlete],
  ];
  for (const [level, settings] of levels) {
    for (const [type, given] of Object.entries(settings ?? {})) {
      const rule = Object.hasOwn(merged, type) ? merged[type] : undefined;
      if (rule === undefined) {
        faults.push({ path: `${level}.${type}`, message: `there is no such alert type; there are ${ALERT_TYPES.join(', ')}` });
        continue;
      }
      for (const [field, value] of Object.entries(given as Fields)) {
        const message = fieldFault(field, value, base[type as AlertType] as unknown as Fields);
        if (message === null) rule[field] = value;
        else faults.push({ path: `${level}.${type}.${field}`, message });
      }
      if (type === 'risk' && ('high' in given || 'low' in given)) rule['source'] = `set for this ${level}`;
    }
  }
  if (faults.length === 0) for (const [type, rule] of Object.entries(merged)) faults.push(...orderFaults(type, rule));
  if (faults.length > 0) throw new AlarmSettingsRefused(faults);
  return merged as unknown as AlarmRules;
}

/** Settings as they are stored: checked when they were set, against the thresholds of the model of that day. */
export type StoredSettings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface SettingsVersion {
  readonly level: 'team' | 'athlete';
  readonly version: number;
  readonly fromUs: number;
  /** Empty: reset. */
  readonly settings: StoredSettings;
}

export interface UsableRules {
  readonly rules: AlarmRules;
  /** Why settings are left out that do not fit the model's thresholds any more. */
  readonly leftOut: readonly SettingFault[];
}

const ofType = (settings: StoredSettings | null, type: AlertType): AlarmSettings | null => {
  const given = settings?.[type];
  return given === undefined ? null : { [type]: given };
};

/**
 * As mergeAlarmRules for settings that were right once: where those of a type do not fit each other and the base any more (a model of other thresholds is
 * active), the athlete's are left out, and if need be the team's too. Never throws.
 */
export function usableAlarmRules(base: AlarmRules, team: StoredSettings | null, athlete: StoredSettings | null): UsableRules {
  const leftOut: SettingFault[] = [];
  let rules = base;
  for (const type of ALERT_TYPES) {
    const [ofTeam, ofAthlete] = [ofType(team, type), ofType(athlete, type)];
    if (ofTeam === null && ofAthlete === null) continue;
    for (const usable of new Set([ofAthlete, null])) {
      const merged = tryMerge(base, ofTeam, usable);
      if ('rules' in merged) {
        rules = { ...rules, [type]: merged.rules[type] };
        break;
      }
      leftOut.push(...merged.faults);
    }
  }
  return { rules, leftOut };
}

function tryMerge(
  base: AlarmRules,
  team: AlarmSettings | null,
  athlete: AlarmSettings | null,
): { readonly rules: AlarmRules } | { readonly faults: readonly SettingFault[] } {
  try {
    return { rules: mergeAlarmRules(base, team, athlete) };
  } catch (error) {
    if (error instanceof AlarmSettingsRefused) return { faults: error.faults };
    throw error;
  }
}

const newestAt = (versions: readonly SettingsVersion[], level: SettingsVersion['level'], atUs: number): SettingsVersion | null =>
  versions
    .filter((one) => one.level === level && one.fromUs <= atUs)
    .reduce<SettingsVersion | null>((newest, one) => (newest === null || one.version > newest.version ? one : newest), null);

/** The parameters with the settings in force at a time; `settingsVersion` names them, "default" where there are none. Never throws. */
export function paramsAt(params: AsmsParams, versions: readonly SettingsVersion[] | undefined, atUs: number): AsmsParams {
  if (versions === undefined || versions.length === 0) return params;
  const [team, athlete] = [newestAt(versions, 'team', atUs), newestAt(versions, 'athlete', atUs)];
  const inForce = [team, athlete].filter((one) => one !== null);
  if (inForce.length === 0) return params;
  return {
    ...params,
    settingsVersion: inForce.map(({ level, version }) => `${level}-${version}`).join('+'),
    alarms: usableAlarmRules(params.alarms, team?.settings ?? null, athlete?.settings ?? null).rules,
  };
}
