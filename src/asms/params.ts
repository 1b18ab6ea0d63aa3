/**
 * Every constant of the method, named and versioned (PROVENANCE). "(chosen)" marks those that are ours; all others name their source.
 * A change of any of them, or of a formula, is a change of METHOD_VERSION.
 */
import type { ActivityClass, ModelContract } from '../contracts/model.ts';
import { defaultAlarmRules, type AlarmRules } from './alarm-rules.ts';

export const METHOD_VERSION = 'asms-2.1.0';

/** Length of a hop of the window grid, seconds (model contract: 1 s). */
export const HOP_S = 1;
/** Windows are 2 s long: two of them overlap unless their indices differ by this much. */
export const NON_OVERLAPPING_HOPS = 2;

export interface Thresholds {
  readonly amber: number;
  readonly red: number;
}

export interface AsmsParams {
  readonly methodVersion: string;
  /** Which settings the alarms below come from: "default", or versions such as "team-3+athlete-1". */
  readonly settingsVersion: string;
  /** Names of the contract's biomechanical channels, in the order of channelSummary, and their units. */
  readonly channels: readonly string[];
  readonly channelUnits: readonly string[];
  /** Where the window's speed stands in `perf`; null where the contract has none. */
  readonly speedIndex: number | null;
  /** When each type of alarm is raised and cleared: defaults, then the team's settings, then the athlete's (alarm-settings.ts). */
  readonly alarms: AlarmRules;
  readonly deviation: {
    /** tau of eq. 26. */
    readonly roughnessTauS: number;
    /** No window for longer than this is a gap: roughness and the fast mean start anew, and no rule counts across it. */
    readonly gapResetS: number;
    /** Windows further apart than this are not compared. */
    readonly maxComparedHops: number;
    /** Share of its steady-state weight that roughness needs before it is judged against a percentile. */
    readonly settledShare: number;
    readonly driftFastTauS: number;
    readonly driftSlowTauS: number;
    /** Time in an activity class since the last gap before drift is reported. */
    readonly driftMinimumS: number;
    /** Windows of a class before the athlete's own percentiles stand in for the population's. */
    readonly ownPercentileMinimumWindows: number;
    /** Edges of the speed bands that running is kept apart in, m/s, ascending. */
    readonly runSpeedEdgesMps: readonly number[];
    readonly population: { readonly roughness: Thresholds; readonly drift: Thresholds };
  };
  readonly freeze: {
    /** A deviation alarm that has lasted this long freezes the baselines. */
    readonly alarmLastedS: number;
    /** After this staff choose "injury" or "new normal"; until then the baselines move again. */
    readonly maximumDays: number;
  };
  readonly recovery: {
    /** l1 of eq. 6: loss a day for each multiple of the ceiling above it. */
    readonly overloadLossPerDay: number;
    /** l2 of eq. 6: loss a day for each multiple of the own 99th percentile of drift above it. */
    readonly deviationLossPerDay: number;
    /** Overload counts up to this multiple: under a ceiling of 0 every load is over it without bound. */
    readonly overloadMaximum: number;
    /** k_m: gain in K a day for one dose a day at full adherence, by therapy kind. */
    readonly therapyGainPerDay: Readonly<Record<string, number>>;
    readonly otherTherapyGainPerDay: number;
    /** No published time loss is shorter; keeps k0 finite. */
    readonly minimumTimeLossDays: number;
    /** R moves towards BINN's rehabilitation estimate with gain 1 - exp(-hop/this) a scored window. */
    readonly correctionTauS: number;
    readonly loadTauDays: number;
    readonly loadCeilingMetHours: number;
    /** Metabolic equivalents above rest. */
    readonly met: Readonly<Record<ActivityClass, number>>;
  };
  readonly recommendation: { readonly loadCutPercent: number; readonly days: number; readonly channelsNamed: number };
}

const ROUGHNESS_TAU_S = 30;
/** Roughness that stays at a change of `effect` own SD from one window to the next: effect^2 over the filter's gain. */
const steadyRoughness = (effect: number): number => effect ** 2 / (1 - Math.exp(-HOP_S / ROUGHNESS_TAU_S));

const DEFAULTS: Omit<AsmsParams, 'channels' | 'channelUnits' | 'speedIndex' | 'alarms'> = {
  methodVersion: METHOD_VERSION,
  settingsVersion: 'default',
  deviation: {
    roughnessTauS: ROUGHNESS_TAU_S, // (chosen) about 25 strides of running
    gapResetS: 10, // (chosen) five window lengths
    maxComparedHops: 4, // (chosen) one lost window between two is bridged, no more
    settledShare: 1 - Math.exp(-1), // (chosen) one time constant
    driftFastTauS: 15, // (chosen) a dozen strides: averages stride noise, follows a bout of play
    driftSlowTauS: 36_000, // (chosen) ten hours in a class: several sessions
    driftMinimumS: 20, // (chosen) ten windows that do not overlap
    ownPercentileMinimumWindows: 1_800, // (chosen) half an hour: 18 windows lie above a 99th percentile
    runSpeedEdgesMps: [4, 5.5], // (chosen) jogging, running, and the high-speed running of team sports (5.5 m/s)
    // (chosen) 0.5 and 0.8 SD: Cohen's conventional medium and large effect, until the athlete's own percentiles are known
    population: { roughness: { amber: steadyRoughness(0.5), red: steadyRoughness(0.8) }, drift: { amber: 0.5, red: 0.8 } },
  },
  freeze: { alarmLastedS: 86_400, maximumDays: 14 }, // (the first chosen: a day and its session; the second: science.md)
  recovery: {
    overloadLossPerDay: 0.1, // (chosen)
    deviationLossPerDay: 0.05, // (chosen)
    overloadMaximum: 4, // (chosen) five times the ceiling
    therapyGainPerDay: {},
    otherTherapyGainPerDay: 0.01, // (chosen) small beside k0 = 0.1/day of a 30-day injury, until a catalogue with sources stands
    minimumTimeLossDays: 1, // IOC 2020: time loss begins with the day after onset
    correctionTauS: 21_600, // (chosen) six hours of scored movement: an estimate learned on simulated athletes nudges, never overrules
    loadTauDays: 1, // (chosen)
    loadCeilingMetHours: 20, // (chosen) about two hours of running a day; a return-to-play stage takes its share of it
    met: { rest: 0, walk: 2.5, run: 8.8, jump: 9 }, // (chosen) near the Compendium of Physical Activities, less 1 MET of rest
  },
  recommendation: { loadCutPercent: 30, days: 2, channelsNamed: 3 }, // (chosen) a convention, not a trial result; the text says so
};

/** The method's parameters for a model: thresholds and channel names come from its contract, the rest from this file. */
export function asmsParams(contract: Pick<ModelContract, 'bio' | 'thresholds'> & Partial<Pick<ModelContract, 'perf'>>): AsmsParams {
  const speedIndex = (contract.perf ?? []).findIndex((channel) => channel.name === 'speed');
  return {
    ...DEFAULTS,
    channels: contract.bio.map((channel) => channel.name),
    channelUnits: contract.bio.map((channel) => channel.unit),
    speedIndex: speedIndex < 0 ? null : speedIndex,
    alarms: defaultAlarmRules(contract.thresholds),
  };
}
