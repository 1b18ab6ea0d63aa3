/**
 * Load figures of one daily series (session-RPE times minutes, distance, ...; science.md, "Figures users expect"). A day without training is 0,
 * a day that was not recorded is null. Pure: a series in, figures out.
 */

/** Exponentially weighted means over 7 and 28 days, and Banister's two sums (42 and 7 days), all at the end of a day, in the series' unit. */
export interface LoadState {
  readonly acute: number;
  readonly chronic: number;
  readonly fitness: number;
  readonly fatigue: number;
}

/** lambda = 2 / (N + 1) (Williams 2017†). */
const ACUTE_WEIGHT = 2 / (7 + 1);
const CHRONIC_WEIGHT = 2 / (28 + 1);
/** Banister 1975†: what is left of a sum a day later. */
const FITNESS_KEPT = Math.exp(-1 / 42);
const FATIGUE_KEPT = Math.exp(-1 / 7);
/** Figures are hidden until this many days are there, and while fewer than RECORDED_DAYS of the last 28 were recorded. (the latter chosen) */
export const LOAD_DAYS = 28;
const RECORDED_DAYS = 21;

/** The state of an athlete who has always done `meanLoad` a day. */
export const steadyLoad = (meanLoad: number): LoadState => ({
  acute: meanLoad,
  chronic: meanLoad,
  fitness: meanLoad / (1 - FITNESS_KEPT),
  fatigue: meanLoad / (1 - FATIGUE_KEPT),
});

/** One day on. `load` is finite and not negative. */
export const stepLoad = (state: LoadState, load: number): LoadState => ({
  acute: state.acute + ACUTE_WEIGHT * (load - state.acute),
  chronic: state.chronic + CHRONIC_WEIGHT * (load - state.chronic),
  fitness: state.fitness * FITNESS_KEPT + load,
  fatigue: state.fatigue * FATIGUE_KEPT + load,
});

/** How far the 7-day mean lies above the 28-day mean, as a share of it: (acute / chronic - 1)+. 0 where there is no chronic load. */
export const acuteExcess = (state: LoadState): number => (state.chronic > 0 ? Math.max(0, state.acute / state.chronic - 1) : 0);

/** Fatigue over fitness, each in units of its own steady state, less 1: 0 in balance, above it when fatigue leads. 0 without fitness. */
export const relativeFatigue = (state: LoadState): number =>
  state.fitness > 0 ? (state.fatigue / state.fitness) * ((1 - FATIGUE_KEPT) / (1 - FITNESS_KEPT)) - 1 : 0;

export interface LoadFigures {
  /** Mean of the last 7 days over the mean of the 21 before them: for display only. Null where those had none. */
  readonly uncoupledRatio: number | null;
  /** Sum of the last 7 days. */
  readonly weekLoad: number;
  /** Foster: mean over SD of the last 7 days; null where the SD is 0. Strain is the week's load times it. */
  readonly monotony: number | null;
  readonly strain: number | null;
  readonly state: LoadState;
  readonly acuteExcess: number;
  readonly relativeFatigue: number;
}

/**
 * Figures at the end of the last day of `daily`, oldest first, one entry a day. Null before 28 days are there, or where fewer than 21 of the last
 * 28 were recorded (an empty series too). The recursion starts in the steady state of the first week's mean; a day that was not recorded counts
 * as the 28-day mean at that time, so that it moves the means as little as it can. Values that are negative or not finite count as not recorded.
 */
export function loadFigures(daily: readonly (number | null)[]): LoadFigures | null {
  const recorded = daily.map((value) => (value !== null && Number.isFinite(value) && value >= 0 ? value : null));
  const known = recorded.slice(-LOAD_DAYS).filter((value) => value !== null).length;
  if (recorded.length < LOAD_DAYS || known < RECORDED_DAYS) return null;
  const filled: number[] = [];
  let state = steadyLoad(mean(recorded.slice(0, 7).filter((value) => value !== null)));
  for (const value of recorded) {
    const load = value ?? state.chronic;
    filled.push(load);
    state = stepLoad(state, load);
  }
  const week = filled.slice(-7);
  const before = mean(filled.slice(-LOAD_DAYS, -7));
  const weekLoad = 7 * mean(week);
  const sd = Math.sqrt(week.reduce((sum, value) => sum + (value - mean(week)) ** 2, 0) / 6);
  const monotony = sd > 0 ? mean(week) / sd : null;
  return {
    uncoupledRatio: before > 0 ? mean(week) / before : null,
    weekLoad,
    monotony,
    strain: monotony === null ? null : weekLoad * monotony,
    state,
    acuteExcess: acuteExcess(state),
    relativeFatigue: relativeFatigue(state),
  };
}

/** 0 for an empty list. */
const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
