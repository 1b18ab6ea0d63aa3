/**
 * A stored state of an older method version. asms-2.0.0 kept the features as decimals: they are written as whole numbers, and nothing else changes.
 * asms-1.0.0 is upgraded: baselines, roughness with its percentiles, R of each injury, load and open alarms are kept; the percentiles of drift start anew,
 * since drift now begins again after a gap and by speed. Any other version, and what is no state at all, is restarted: empty, behind the store's fence,
 * with the alarms that the store holds open.
 */
import { EMPTY_SKETCH, type QuantileSketch } from './quantile-sketch.ts';
import type { AlarmState } from './alarm.ts';
import {
  FAST_PER_SD,
  FEATURE_PER_SD,
  SLOW_PER_SD,
  type ClassDeviation,
  type DeviationReport,
  type DeviationState,
  type Features,
  type MovementLevel,
} from './deviation.ts';
import { NOT_FROZEN } from './freeze.ts';
import { METHOD_VERSION } from './params.ts';
import { initialObserved, initialState, windowAlarms, type AsmsFacts, type AsmsReport, type AsmsStateValue } from './state.ts';

const FIRST_VERSION = 'asms-1.0.0';
const DECIMAL_VERSION = 'asms-2.0.0';

/** What asms-1.0.0 stored. */
interface FirstState {
  readonly methodVersion: typeof FIRST_VERSION;
  readonly deviation: {
    readonly lastEndUs: number | null;
    readonly recent: DeviationState['recent'];
    readonly classes: Readonly<Record<string, FirstClass>>;
  };
  readonly recovery: {
    readonly loadMetHours: number;
    readonly atUs: number | null;
    readonly injuries: Readonly<Record<string, { readonly r: number; readonly atUs: number }>>;
  };
  readonly alarms: Readonly<Record<'risk' | 'deviation' | 'data-stopped', AlarmState>>;
  readonly bestObserved: number;
  readonly latest: (Omit<AsmsReport, 'deviation' | 'baseline'> & { readonly deviation: Omit<DeviationReport, 'runBand'> }) | null;
}

interface FirstClass {
  readonly roughness: number;
  readonly weight: number;
  readonly atUs: number;
  readonly windows: number;
  readonly slow: Features;
  readonly roughnessSketch: QuantileSketch;
}

const versionOf = (stored: unknown): unknown => (stored as { readonly methodVersion?: unknown } | null)?.methodVersion;

/** The state to go on with: the stored one where it is of this method, upgraded or restarted where not. */
export function restoredState(stored: unknown, facts: AsmsFacts): AsmsStateValue {
  const version = versionOf(stored);
  if (version === METHOD_VERSION) return stored as AsmsStateValue;
  if (version === DECIMAL_VERSION) return inWholeNumbers({ ...(stored as AsmsStateValue), methodVersion: METHOD_VERSION });
  return version === FIRST_VERSION ? inWholeNumbers(upgraded(stored as FirstState, facts)) : initialState(facts);
}

const whole = (features: Features, perSd: number): Features =>
  features.map((value) => (value === null ? null : Math.round(value * perSd) + 0));

function inWholeNumbers(state: AsmsStateValue): AsmsStateValue {
  const level = <Level extends MovementLevel>(known: Level): Level => ({
    ...known,
    fast: whole(known.fast, FAST_PER_SD),
    slow: whole(known.slow, SLOW_PER_SD),
  });
  const levels = <Level extends MovementLevel>(known: Readonly<Record<string, Level>>): Record<string, Level> =>
    Object.fromEntries(Object.entries(known).map(([name, one]) => [name, level(one)]));
  const { deviation } = state;
  return {
    ...state,
    deviation: {
      ...deviation,
      recent: deviation.recent.map((window) => ({ ...window, features: whole(window.features, FEATURE_PER_SD) })),
      classes: levels(deviation.classes),
      runBands: levels(deviation.runBands),
    },
  };
}

const upgradedClass = ({ roughness, weight, atUs, windows, slow, roughnessSketch }: FirstClass): ClassDeviation => ({
  windows,
  fastWindows: 0,
  fast: [],
  slow,
  driftSketch: EMPTY_SKETCH,
  roughness,
  weight,
  atUs,
  roughnessSketch,
});

function upgraded(first: FirstState, facts: AsmsFacts): AsmsStateValue {
  const { deviation, recovery, latest } = first;
  return {
    methodVersion: METHOD_VERSION,
    deviation: {
      lastEndUs: deviation.lastEndUs,
      recent: deviation.recent,
      classes: Object.fromEntries(Object.entries(deviation.classes).map(([name, known]) => [name, upgradedClass(known)])),
      runBands: {},
    },
    freeze: NOT_FROZEN,
    recovery: {
      loadMetHours: recovery.loadMetHours,
      atUs: recovery.atUs,
      injuries: Object.fromEntries(
        Object.entries(recovery.injuries).map(([id, { r, atUs }]) => [
          id,
          { r, atUs, best: r, since: { overload: 0, deviation: 0, estimate: 0 } },
        ]),
      ),
      monitored: {},
    },
    alarms: { ...windowAlarms(facts), ...first.alarms },
    bestObserved: first.bestObserved,
    latest: latest === null ? null : { ...latest, deviation: { ...latest.deviation, runBand: null }, baseline: 'moving' },
    observed: initialObserved(facts),
  };
}
