/**
 * Deviation (eq. 26) as two figures. `roughness` is the paper's S; that sum of squared steps does not see a slow drift, so `drift`
 * stands beside it: the distance between what the athlete does now and the athlete's own baseline in the same activity class.
 */
import type { ActivityClass } from '../contracts/model.ts';
import { HOP_S, NON_OVERLAPPING_HOPS, type AsmsParams, type Thresholds } from './params.ts';
import { EMPTY_SKETCH, addToSketch, percentilesOf, type QuantileSketch } from './quantile-sketch.ts';

/** Mean and RMS of z of every channel (2 x Cb), null where masked; rounded to 0.001 own SD, which keeps the stored state small. */
export type Features = readonly (number | null)[];

interface RecentWindow {
  readonly index: number;
  readonly activity: ActivityClass;
  readonly features: Features;
}

export interface ClassDeviation {
  /** S of eq. 26 and the sum of its weights. */
  readonly roughness: number;
  readonly weight: number;
  /** End of the window both were last brought up to. */
  readonly atUs: number;
  /** Windows of the class so far. */
  readonly windows: number;
  /** Running means of the features: of the last seconds, and of the baseline. */
  readonly fast: Features;
  readonly slow: Features;
  readonly roughnessSketch: QuantileSketch;
  readonly driftSketch: QuantileSketch;
}

export interface DeviationState {
  readonly lastEndUs: number | null;
  /** The last two windows, oldest first. */
  readonly recent: readonly RecentWindow[];
  readonly classes: Readonly<Partial<Record<ActivityClass, ClassDeviation>>>;
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
  /** null: too little time in this activity class. */
  readonly drift: Judged | null;
}

export interface ChannelChange {
  readonly channel: string;
  readonly feature: 'level' | 'amplitude';
  /** Change from the own baseline in own standard deviations, signed. */
  readonly changeSd: number;
}

/** (chosen) Cohen's conventional small effect: below it a change is not worth a reader's time. */
const SMALLEST_NAMED_SD = 0.2;

export const EMPTY_DEVIATION: DeviationState = { lastEndUs: null, recent: [], classes: {} };

const round = (value: number, scale: number): number => Math.round(value * scale) / scale + 0;

/** Features of a window from its channelSummary (means, then RMS). */
export function featuresOf(channelSummary: Float32Array): Features {
  return Array.from(channelSummary, (value) => (Number.isFinite(value) ? round(value, 1e3) : null));
}

/** Mean squared difference over the features observed in both; null where there is none. */
export function meanSquaredStep(now: Features, before: Features): number | null {
  let sum = 0;
  let observed = 0;
  for (const [index, value] of now.entries()) {
    const other = before[index];
    if (value === null || other === null || other === undefined) continue;
    sum += (value - other) ** 2;
    observed += 1;
  }
  return observed === 0 ? null : sum / observed;
}

/** Moves each running mean towards the observation; a feature seen for the first time starts at its value. */
function follow(mean: Features, features: Features, gain: number): Features {
  return features.map((value, index) => {
    const before = mean[index] ?? null;
    if (value === null) return before;
    return before === null ? value : round(before + gain * (value - before), 1e6);
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

const emptyClass = (atUs: number): ClassDeviation => ({
  roughness: 0,
  weight: 0,
  atUs,
  windows: 0,
  fast: [],
  slow: [],
  roughnessSketch: EMPTY_SKETCH,
  driftSketch: EMPTY_SKETCH,
});

/** The newest earlier window of the same class that shares no sample with window `index`. */
function comparable(recent: readonly RecentWindow[], index: number, activity: ActivityClass, maxHops: number): RecentWindow | undefined {
  return recent.findLast(
    (window) => window.activity === activity && index - window.index >= NON_OVERLAPPING_HOPS && index - window.index <= maxHops,
  );
}

/** Running means never weigh a new window less than a plain average of the class so far would. */
const gainOf = (tauS: number, windowsBefore: number): number => Math.max(1 - Math.exp(-HOP_S / tauS), 1 / (windowsBefore + 1));

export interface DeviationObservation {
  readonly windowIndex: number;
  readonly endUs: number;
  readonly activity: ActivityClass;
  readonly channelSummary: Float32Array;
  /** Baseline and percentiles do not move: a confirmed injury is open, or the window is provisional. */
  readonly frozen: boolean;
}

/**
 * One step of eq. 26 and of drift. Consecutive windows overlap by half, so a window is compared with the one before the last: two windows
 * that share samples would show half of every change and none of the noise in the shared half.
 * A gap resets roughness in all classes; a change of class only keeps windows of different classes from being compared.
 */
export function stepDeviation(
  state: DeviationState,
  window: DeviationObservation,
  params: AsmsParams['deviation'],
): { readonly state: DeviationState; readonly report: DeviationReport } {
  const features = featuresOf(window.channelSummary);
  const sizeChanged = state.recent.some((past) => past.features.length !== features.length);
  const gap = sizeChanged || (state.lastEndUs !== null && (window.endUs - state.lastEndUs) / 1e6 > params.gapResetS);
  const recent = gap ? [] : state.recent;
  const stored = state.classes[window.activity];
  const known =
    stored === undefined || (stored.fast.length !== 0 && stored.fast.length !== features.length) ? emptyClass(window.endUs) : stored;
  // A gap since the class's own last window needs no reset: the elapsed time has decayed it.
  const decay = gap ? 0 : Math.exp(-(window.endUs - known.atUs) / 1e6 / params.roughnessTauS);

  const before = comparable(recent, window.windowIndex, window.activity, params.maxComparedHops);
  const step = before === undefined ? null : meanSquaredStep(features, before.features);
  const roughness = decay * known.roughness + (step ?? 0);
  const weight = decay * known.weight + (step === null ? 0 : 1);

  const fast = follow(known.fast, features, gainOf(params.driftFastTauS, known.windows));
  const frozen = window.frozen && known.windows > 0;
  const slow = frozen ? follow(known.slow, features, 0) : follow(known.slow, features, gainOf(params.driftSlowTauS, known.windows));
  const windows = known.windows + 1;
  const distance = windows * HOP_S < params.driftMinimumS ? null : meanSquaredStep(fast, slow);
  const drift = distance === null ? null : Math.sqrt(distance);

  const settled = weight * (1 - Math.exp(-HOP_S / params.roughnessTauS)) >= params.settledShare;
  const report: DeviationReport = {
    roughness:
      weight === 0 ? null : judge(roughness, known.roughnessSketch, params.ownPercentileMinimumWindows, params.population.roughness),
    drift: drift === null ? null : judge(drift, known.driftSketch, params.ownPercentileMinimumWindows, params.population.drift),
  };
  const now: ClassDeviation = {
    roughness,
    weight,
    atUs: window.endUs,
    windows,
    fast,
    slow,
    roughnessSketch: settled && !frozen ? addToSketch(known.roughnessSketch, roughness) : known.roughnessSketch,
    driftSketch: drift !== null && !frozen ? addToSketch(known.driftSketch, drift) : known.driftSketch,
  };
  const others = gap ? withoutRoughness(state.classes, sizeChanged) : state.classes;
  return {
    state: {
      lastEndUs: window.endUs,
      recent: [...recent, { index: window.windowIndex, activity: window.activity, features }].slice(-NON_OVERLAPPING_HOPS),
      classes: { ...others, [window.activity]: now },
    },
    report,
  };
}

function withoutRoughness(classes: DeviationState['classes'], forget: boolean): DeviationState['classes'] {
  if (forget) return {};
  return Object.fromEntries(Object.entries(classes).map(([name, known]) => [name, { ...known, roughness: 0, weight: 0 }]));
}

/** The features furthest from the own baseline in the given class, strongest first; one entry a channel. */
export function strongestChanges(
  state: DeviationState,
  activity: ActivityClass,
  channels: readonly string[],
  count: number,
): readonly ChannelChange[] {
  const known = state.classes[activity];
  if (known === undefined) return [];
  const changes: ChannelChange[] = [];
  for (const [index, channel] of channels.entries()) {
    const level = difference(known, index);
    const amplitude = difference(known, index + channels.length);
    if (level === null && amplitude === null) continue;
    const byLevel = Math.abs(level ?? 0) > Math.abs(amplitude ?? 0);
    changes.push({ channel, feature: byLevel ? 'level' : 'amplitude', changeSd: round((byLevel ? level : amplitude) ?? 0, 100) });
  }
  return changes
    .filter((change) => Math.abs(change.changeSd) >= SMALLEST_NAMED_SD)
    .toSorted((a, b) => Math.abs(b.changeSd) - Math.abs(a.changeSd))
    .slice(0, count);
}

function difference(known: ClassDeviation, index: number): number | null {
  const now = known.fast[index] ?? null;
  const usual = known.slow[index] ?? null;
  return now === null || usual === null ? null : now - usual;
}
