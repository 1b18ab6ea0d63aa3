/**
 * Deviation (eq. 26) as two figures. `roughness` is the paper's S; that sum of squared steps does not see a slow drift, so `drift`
 * stands beside it: the distance between what the athlete does now and the athlete's own baseline at the same activity and speed.
 */
import type { ActivityClass } from '../contracts/model.ts';
import { HOP_S, NON_OVERLAPPING_HOPS, type AsmsParams, type Thresholds } from './params.ts';
import { EMPTY_SKETCH, addToSketch, percentilesOf, type QuantileSketch } from './quantile-sketch.ts';

/**
 * Mean and RMS of z of every channel (2 x Cb), null where masked: whole numbers, of the unit that is said beside each. They are most of the stored state,
 * and whole numbers are shorter and quicker to write and read than decimals.
 */
export type Features = readonly (number | null)[];

/** Parts of an own SD: what a window brings, the fast means, and the slow ones, which a hop moves by 3e-5 of a difference. */
export const FEATURE_PER_SD = 1e3;
export const FAST_PER_SD = 1e4;
export const SLOW_PER_SD = 1e6;

interface RecentWindow {
  readonly index: number;
  readonly activity: ActivityClass;
  /** FEATURE_PER_SD */
  readonly features: Features;
}

/** What the athlete does now and usually does in an activity, at a speed. */
export interface MovementLevel {
  /** Windows so far, and since the last gap. */
  readonly windows: number;
  readonly fastWindows: number;
  /** Running means of the features: of the last seconds (FAST_PER_SD), and of the baseline (SLOW_PER_SD). */
  readonly fast: Features;
  readonly slow: Features;
  readonly driftSketch: QuantileSketch;
}

/** An activity class: its roughness, and its level over all speeds. */
export interface ClassDeviation extends MovementLevel {
  /** S of eq. 26 and the sum of its weights. */
  readonly roughness: number;
  readonly weight: number;
  /** End of the window both were last brought up to. */
  readonly atUs: number;
  readonly roughnessSketch: QuantileSketch;
}

export interface DeviationState {
  readonly lastEndUs: number | null;
  /** The last two windows, oldest first. */
  readonly recent: readonly RecentWindow[];
  readonly classes: Readonly<Partial<Record<ActivityClass, ClassDeviation>>>;
  /** Levels of running in a speed band, by the band's number; BOUNDED by the number of bands. */
  readonly runBands: Readonly<Record<string, MovementLevel>>;
}

export type Band = 'green' | 'amber' | 'red';

export interface Judged {
  readonly value: number;
  readonly amber: number;
  readonly red: number;
  /** population: fewer windows than the minimum, "not enough data" for the athlete's own percentiles. */
  readonly reference: 'own' | 'population';
  readonly band: Band;
}

export interface DeviationReport {
  /** null: no two windows could be compared yet. */
  readonly roughness: Judged | null;
  /** null: too little time in this activity class since the last gap. */
  readonly drift: Judged | null;
  /** Speed band of running that drift was judged in; null: the whole class, no speed is known. */
  readonly runBand: number | null;
}

export interface ChannelChange {
  readonly channel: string;
  readonly feature: 'level' | 'amplitude';
  /** Change from the own baseline in own standard deviations, signed, and the two that it lies between. */
  readonly changeSd: number;
  readonly nowSd: number;
  readonly usualSd: number;
}

/** (chosen) Cohen's conventional small effect: below it a change is not worth a reader's time. */
const SMALLEST_NAMED_SD = 0.2;

export const EMPTY_DEVIATION: DeviationState = { lastEndUs: null, recent: [], classes: {}, runBands: {} };

const round = (value: number, scale: number): number => Math.round(value * scale) / scale + 0;

/** Features of a window from its channelSummary (means, then RMS), in FEATURE_PER_SD. */
function featuresOf(channelSummary: Float32Array): Features {
  return Array.from(channelSummary, (value) => (Number.isFinite(value) ? Math.round(value * FEATURE_PER_SD) + 0 : null));
}

/** Mean squared difference in own SD over the features observed in both; null where there is none. */
function meanSquaredStep(now: Features, nowPerSd: number, before: Features, beforePerSd: number): number | null {
  let sum = 0;
  let observed = 0;
  for (const [index, value] of now.entries()) {
    const other = before[index];
    if (value === null || other === null || other === undefined) continue;
    sum += (value / nowPerSd - other / beforePerSd) ** 2;
    observed += 1;
  }
  return observed === 0 ? null : sum / observed;
}

/** Moves each running mean (of `perSd`) towards the observation; a feature seen for the first time starts at its value. */
function follow(mean: Features, perSd: number, features: Features, gain: number): Features {
  const scale = perSd / FEATURE_PER_SD;
  return features.map((feature, index) => {
    const before = mean[index] ?? null;
    if (feature === null) return before;
    const value = feature * scale;
    return before === null ? value : Math.round(before + gain * (value - before)) + 0;
  });
}

const judge = (value: number, sketch: QuantileSketch, minimumWindows: number, population: Thresholds): Judged => {
  const own = sketch.count >= minimumWindows ? percentilesOf(sketch) : null;
  const { amber, red } = own ?? population;
  return {
    value,
    amber,
    red,
    reference: own === null ? 'population' : 'own',
    band: value > red ? 'red' : value > amber ? 'amber' : 'green',
  };
};

const EMPTY_LEVEL: MovementLevel = { windows: 0, fastWindows: 0, fast: [], slow: [], driftSketch: EMPTY_SKETCH };

const emptyClass = (atUs: number): ClassDeviation => ({
  ...EMPTY_LEVEL,
  roughness: 0,
  weight: 0,
  atUs,
  roughnessSketch: EMPTY_SKETCH,
});

/** The newest earlier window of the same class that shares no sample with window `index`. */
function comparable(recent: readonly RecentWindow[], index: number, activity: ActivityClass, maxHops: number): RecentWindow | undefined {
  return recent.findLast(
    (window) => window.activity === activity && index - window.index >= NON_OVERLAPPING_HOPS && index - window.index <= maxHops,
  );
}

/** Running means never weigh a new window less than a plain average of the level so far would. */
const gainOf = (seconds: number, tauS: number, windowsBefore: number): number =>
  Math.max(1 - Math.exp(-seconds / tauS), 1 / (windowsBefore + 1));

export interface DeviationObservation {
  readonly windowIndex: number;
  readonly endUs: number;
  readonly activity: ActivityClass;
  readonly channelSummary: Float32Array;
  /** Metres a second; NaN or null where it was not measured. */
  readonly speedMps: number | null;
  /** Baseline and percentiles do not move (freeze.ts). */
  readonly frozen: boolean;
}

/** The speed band of a window of running; null where the speed is not known or the athlete does not run. */
export function runBandOf(activity: ActivityClass, speedMps: number | null, edgesMps: readonly number[]): number | null {
  if (activity !== 'run' || speedMps === null || !Number.isFinite(speedMps)) return null;
  return edgesMps.filter((edge) => speedMps >= edge).length;
}

/** The level a step further: `seconds` of this activity since the window before, `frozen`: the baseline and the percentiles stay. */
function stepLevel(
  level: MovementLevel,
  features: Features,
  seconds: number,
  frozen: boolean,
  params: AsmsParams['deviation'],
): { readonly level: MovementLevel; readonly drift: number | null } {
  const held = frozen && level.windows > 0;
  const fast = follow(level.fast, FAST_PER_SD, features, gainOf(seconds, params.driftFastTauS, level.fastWindows));
  const slow = follow(level.slow, SLOW_PER_SD, features, held ? 0 : gainOf(seconds, params.driftSlowTauS, level.windows));
  const fastWindows = level.fastWindows + 1;
  const distance = fastWindows * HOP_S < params.driftMinimumS ? null : meanSquaredStep(fast, FAST_PER_SD, slow, SLOW_PER_SD);
  const drift = distance === null ? null : Math.sqrt(distance);
  const driftSketch = drift === null || held ? level.driftSketch : addToSketch(level.driftSketch, drift);
  return { level: { windows: level.windows + 1, fastWindows, fast, slow, driftSketch }, drift };
}

/**
 * One step of eq. 26 and of drift. Consecutive windows overlap by half, so a window is compared with the one before the last: two windows
 * that share samples would show half of every change and none of the noise in the shared half.
 * A gap resets roughness and the fast means in all classes; a change of class only keeps windows of different classes from being compared. Roughness
 * forgets by the clock. The running means count time in their class: windows lost inside a bout count as passed, time spent in another class does not.
 * In running with a known speed, drift is judged within the speed band; else over the whole class. Windows of another size than before start anew.
 */
export function stepDeviation(
  state: DeviationState,
  window: DeviationObservation,
  params: AsmsParams['deviation'],
): { readonly state: DeviationState; readonly report: DeviationReport } {
  const features = featuresOf(window.channelSummary);
  const sizeChanged = state.recent.some((past) => past.features.length !== features.length);
  const elapsedS = state.lastEndUs === null ? HOP_S : (window.endUs - state.lastEndUs) / 1e6;
  const gap = sizeChanged || elapsedS > params.gapResetS;
  const before = gap ? afterGap(state, sizeChanged) : state;
  const stored = before.classes[window.activity];
  const known = stored === undefined || otherSize(stored, features) ? emptyClass(window.endUs) : stored;

  const decay = Math.exp(-(window.endUs - known.atUs) / 1e6 / params.roughnessTauS);
  const past = comparable(before.recent, window.windowIndex, window.activity, params.maxComparedHops);
  const step = past === undefined ? null : meanSquaredStep(features, FEATURE_PER_SD, past.features, FEATURE_PER_SD);
  const roughness = decay * known.roughness + (step ?? 0);
  const weight = decay * known.weight + (step === null ? 0 : 1);
  const settled = weight * (1 - Math.exp(-HOP_S / params.roughnessTauS)) >= params.settledShare;
  const held = window.frozen && known.windows > 0;

  const seconds = !gap && before.recent.at(-1)?.activity === window.activity ? elapsedS : HOP_S;
  const whole = stepLevel(known, features, seconds, window.frozen, params);
  const runBand = runBandOf(window.activity, window.speedMps, params.runSpeedEdgesMps);
  const bandLevel = before.runBands[String(runBand)] ?? EMPTY_LEVEL;
  const band =
    runBand === null ? null : stepLevel(otherSize(bandLevel, features) ? EMPTY_LEVEL : bandLevel, features, HOP_S, window.frozen, params);
  const { drift } = band ?? whole;
  const driftSketch = band === null ? known.driftSketch : bandLevel.driftSketch;

  const minimum = params.ownPercentileMinimumWindows;
  const now: ClassDeviation = {
    ...whole.level,
    roughness,
    weight,
    atUs: window.endUs,
    roughnessSketch: settled && !held ? addToSketch(known.roughnessSketch, roughness) : known.roughnessSketch,
  };
  return {
    state: {
      lastEndUs: window.endUs,
      recent: [...before.recent, { index: window.windowIndex, activity: window.activity, features }].slice(-NON_OVERLAPPING_HOPS),
      classes: { ...before.classes, [window.activity]: now },
      runBands: band === null ? before.runBands : { ...before.runBands, [String(runBand)]: band.level },
    },
    report: {
      roughness: weight === 0 ? null : judge(roughness, known.roughnessSketch, minimum, params.population.roughness),
      drift: drift === null ? null : judge(drift, driftSketch, minimum, params.population.drift),
      runBand,
    },
  };
}

const otherSize = (level: MovementLevel, features: Features): boolean => level.fast.length !== 0 && level.fast.length !== features.length;

const mapLevels = <Level>(levels: Readonly<Record<string, Level>>, change: (level: Level) => Level): Record<string, Level> =>
  Object.fromEntries(Object.entries(levels).map(([name, level]) => [name, change(level)]));

function afterGap(state: DeviationState, forget: boolean): DeviationState {
  if (forget) return EMPTY_DEVIATION;
  return {
    lastEndUs: state.lastEndUs,
    recent: [],
    classes: mapLevels(state.classes, (known) => ({ ...known, fast: [], fastWindows: 0, roughness: 0, weight: 0 })),
    runBands: mapLevels(state.runBands, (level) => ({ ...level, fast: [], fastWindows: 0 })),
  };
}

/** Staff chose "new normal": what the athlete did last is the baseline, and learns as quickly as a new one; the percentiles of drift start anew. */
export function acceptNewNormal(state: DeviationState): DeviationState {
  const accept = <Level extends MovementLevel>(level: Level): Level => ({
    ...level,
    slow: level.fast.length === 0 ? level.slow : level.fast.map((value) => (value === null ? null : value * (SLOW_PER_SD / FAST_PER_SD))),
    windows: Math.max(1, level.fastWindows),
    driftSketch: EMPTY_SKETCH,
  });
  return { ...state, classes: mapLevels(state.classes, accept), runBands: mapLevels(state.runBands, accept) };
}

/** The features furthest from the own baseline in the given class (and speed band), strongest first; one entry a channel. */
export function strongestChanges(
  state: DeviationState,
  activity: ActivityClass,
  runBand: number | null,
  channels: readonly string[],
  count: number,
): readonly ChannelChange[] {
  const known = runBand === null ? state.classes[activity] : state.runBands[String(runBand)];
  if (known === undefined) return [];
  const changes: ChannelChange[] = [];
  for (const [index, channel] of channels.entries()) {
    const level = difference(known, index);
    const amplitude = difference(known, index + channels.length);
    const byLevel = Math.abs(level?.changeSd ?? 0) > Math.abs(amplitude?.changeSd ?? 0);
    const change = byLevel ? level : amplitude;
    if (change !== null) changes.push({ channel, feature: byLevel ? 'level' : 'amplitude', ...change });
  }
  return changes
    .filter((change) => Math.abs(change.changeSd) >= SMALLEST_NAMED_SD)
    .toSorted((a, b) => Math.abs(b.changeSd) - Math.abs(a.changeSd))
    .slice(0, count);
}

function difference(known: MovementLevel, index: number): Pick<ChannelChange, 'changeSd' | 'nowSd' | 'usualSd'> | null {
  const [fast, slow] = [known.fast[index] ?? null, known.slow[index] ?? null];
  if (fast === null || slow === null) return null;
  const [now, usual] = [fast / FAST_PER_SD, slow / SLOW_PER_SD];
  return { changeSd: round(now - usual, 100), nowSd: round(now, 100), usualSd: round(usual, 100) };
}
