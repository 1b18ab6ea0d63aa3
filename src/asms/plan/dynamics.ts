/**
 * The planner's equations (science.md, "Interventions"), written once over linear expressions: with columns they build the programme, with constants
 * they evaluate a plan. What is not linear (exp, the positive part) is left to the caller.
 */
import { stepLoad, type LoadState } from '../load.ts';
import { ZERO, combine, constant, type Affine } from './affine.ts';
import { doseGain, reaches, type Intervention, type PlanProblem } from './problem.ts';

/**
 * Days after the horizon that still count, or the plan would train nobody and build no effect. After it every day has the usual load and no
 * intervention: fatigue goes back to balance, effects fade. (chosen) Four weeks: an effect of a strength programme is worth something, a season is not planned.
 */
export const TAIL_DAYS = 28;

/** load.ts is linear in state and load: its own coefficients, read off unit vectors. */
const NOTHING: LoadState = { acute: 0, chronic: 0, fitness: 0, fatigue: 0 };
const { acute: ACUTE_WEIGHT, chronic: CHRONIC_WEIGHT } = stepLoad(NOTHING, 1);
const FITNESS_KEPT = stepLoad({ ...NOTHING, fitness: 1 }, 0).fitness;
const FATIGUE_KEPT = stepLoad({ ...NOTHING, fatigue: 1 }, 0).fatigue;

/** Regions that every intervention treats alike, taken together: they share one exponential a day. */
export interface RiskGroup {
  readonly regions: readonly string[];
  /** Sum of shares: the group's part of the rate. */
  readonly share: number;
  /** Sum of share times severity: days lost for one injury of any region that are this group's. */
  readonly severityDays: number;
  /** ln RR at full effect, by intervention. */
  readonly logRisks: readonly number[];
}

export type RiskBound = 'relativeRisk' | 'lower' | 'upper';

/** ln RR of an intervention in a region: its effects that reach it, taken together. */
const logRiskIn = (one: Intervention, region: string, bound: RiskBound): number =>
  one.riskEffects.reduce((sum, effect) => sum + (reaches(effect.scope, region) ? Math.log(effect[bound]) : 0), 0);

export function riskGroups({ regions, interventions }: PlanProblem, bound: RiskBound = 'relativeRisk'): readonly RiskGroup[] {
  const groups = new Map<string, RiskGroup>();
  for (const region of regions) {
    const logRisks = interventions.map((one) => logRiskIn(one, region.code, bound));
    const key = logRisks.join(' ');
    const known = groups.get(key);
    groups.set(key, {
      regions: [...(known?.regions ?? []), region.code],
      share: (known?.share ?? 0) + region.share,
      severityDays: (known?.severityDays ?? 0) + region.share * region.severityDays,
      logRisks,
    });
  }
  return [...groups.values()];
}

export interface Course {
  /** Relative fatigue before the session of day d: 0 in balance at the usual load. One entry more than days: the last is the end. */
  readonly fatigue: readonly Affine[];
  /** (acute - chronic) / usual daily load before the session of day d, with the end; its positive part raises the risk. */
  readonly overload: readonly Affine[];
  /** E_m,d: effects[m][d], with the end. */
  readonly effects: readonly (readonly Affine[])[];
  /** Mean change of performance from now over the horizon and the tail, and at the end of the horizon, in smallest worthwhile changes; null without performance. */
  readonly performance: { readonly mean: Affine; readonly end: Affine } | null;
  /** q of each injury, with the end: R = 1 - exp(-q). */
  readonly healing: readonly (readonly Affine[])[];
}

/** exp(-q) below this is nothing: keeps q finite for R = 1. (chosen) */
const LEAST_LEFT = 1e-4;

/** `loads[d]` in load units and `doses[m][d]` as shares of a full dose that reach the athlete (adherence counted). The problem has been checked. */
export function courseOf(problem: PlanProblem, loads: readonly Affine[], doses: readonly (readonly Affine[])[]): Course {
  const { interventions, usualDailyLoad: usual } = problem;
  const load = problem.load ?? NOTHING;
  const strain = loads.map((one, d) =>
    combine([[1, one], ...interventions.map((intervention, m) => [intervention.soreness * usual, doses[m]![d]!] as const)]),
  );
  const fatigue = recursion(load.fatigue, FATIGUE_KEPT, 1, strain);
  const fitness = recursion(load.fitness, FITNESS_KEPT, 1, loads);
  const acute = recursion(load.acute, 1 - ACUTE_WEIGHT, ACUTE_WEIGHT, loads);
  const chronic = recursion(load.chronic, 1 - CHRONIC_WEIGHT, CHRONIC_WEIGHT, loads);
  const balance = usual / (1 - FATIGUE_KEPT);
  return {
    fatigue: fatigue.map((one) =>
      combine([
        [1 / balance, one],
        [-1, constant(1)],
      ]),
    ),
    overload: acute.map((one, d) =>
      combine([
        [1 / usual, one],
        [-1 / usual, chronic[d]!],
      ]),
    ),
    effects: interventions.map((one, m) =>
      recursion(problem.effectsNow[one.id] ?? 0, one.effectKept, (1 - one.effectKept) * doseGain(one), doses[m] ?? []),
    ),
    // What a session gains in performance is not known, so its soreness is not held against it either.
    performance: performanceOf(problem, fitness, recursion(load.fatigue, FATIGUE_KEPT, 1, loads)),
    healing: problem.injuries.map((injury) => {
      const perDay = loads.map((_, d) =>
        combine([
          [1, constant(injury.healingPerDay)],
          ...interventions.map((one, m) => [injury.response * gainIn(one, injury.region), doses[m]![d]!] as const),
        ]),
      );
      return recursion(-Math.log(Math.max(LEAST_LEFT, 1 - injury.recovery)), 1, 1, perDay);
    }),
  };
}

const gainIn = (one: Intervention, region: string): number =>
  one.recoveryEffects.reduce((sum, effect) => sum + (reaches(effect.scope, region) ? effect.gainPerDay : 0), 0);

/** x_0, and x_d+1 = kept x_d + weight input_d. */
function recursion(start: number, kept: number, weight: number, inputs: readonly Affine[]): readonly Affine[] {
  const states = [constant(start)];
  for (const input of inputs) {
    states.push(
      combine([
        [kept, states.at(-1)!],
        [weight, input],
      ]),
    );
  }
  return states;
}

function performanceOf(problem: PlanProblem, fitness: readonly Affine[], fatigue: readonly Affine[]): Course['performance'] {
  const { performance, usualDailyLoad } = problem;
  if (performance === null) return null;
  const { fitnessGain, fatigueLoss, smallestWorthwhileChange } = performance;
  const usualDays = Array.from({ length: TAIL_DAYS }, () => constant(usualDailyLoad));
  const after = (states: readonly Affine[], kept: number): readonly Affine[] => {
    const tail = usualDays.reduce<Affine[]>(
      (done, day) => [
        ...done,
        combine([
          [kept, done.at(-1) ?? states.at(-1)!],
          [1, day],
        ]),
      ],
      [],
    );
    return [...states.slice(1), ...tail];
  };
  const change = (fit: Affine, tired: Affine): Affine =>
    combine([
      [fitnessGain / smallestWorthwhileChange, fit],
      [-fitnessGain / smallestWorthwhileChange, fitness[0]!],
      [-fatigueLoss / smallestWorthwhileChange, tired],
      [fatigueLoss / smallestWorthwhileChange, fatigue[0]!],
    ]);
  const fit = after(fitness, FITNESS_KEPT);
  const tired = after(fatigue, FATIGUE_KEPT);
  return {
    mean: combine(fit.map((one, i) => [1 / fit.length, change(one, tired[i]!)] as const)),
    end: change(fitness.at(-1)!, fatigue.at(-1)!),
  };
}

/** Exposure of each day of the tail. */
const tailDays = ({ tailExposure = [1] }: PlanProblem): readonly number[] =>
  Array.from({ length: TAIL_DAYS }, (_, t) => tailExposure[t % tailExposure.length]!);

/** Exposure of the tail, in mean days. */
export const tailExposureOf = (problem: PlanProblem): number => tailDays(problem).reduce((a, b) => a + b, 0);

/** Mean of kept^t over the tail's days t = 0, 1, ..., weighted by their exposure; 0 where they have none. */
function tailMean(problem: PlanProblem, kept: number): number {
  const total = tailExposureOf(problem);
  return total === 0 ? 0 : tailDays(problem).reduce((sum, exposure, t) => sum + exposure * kept ** t, 0) / total;
}

/** ln of a group's rate over logDailyRate for one mean day of exposure on day d; `excess` is the positive part of that day's overload. */
export const logRateOf = (problem: PlanProblem, course: Course, group: RiskGroup, d: number, excess: Affine): Affine =>
  combine([
    [problem.hazard?.fatigue ?? 0, course.fatigue[d]!],
    [problem.hazard?.loadExcess ?? 0, excess],
    ...group.logRisks.map((logRisk, m) => [logRisk, course.effects[m]?.[d] ?? ZERO] as const),
  ]);

/**
 * The same, mean over the tail: fatigue, excess and effects fade from what the horizon leaves. exp of a mean is a little below the mean of exp (Jensen).
 */
export const tailLogRateOf = (problem: PlanProblem, course: Course, group: RiskGroup, excess: Affine): Affine =>
  combine([
    [(problem.hazard?.fatigue ?? 0) * tailMean(problem, FATIGUE_KEPT), course.fatigue.at(-1)!],
    [(problem.hazard?.loadExcess ?? 0) * tailMean(problem, 1 - ACUTE_WEIGHT), excess],
    ...group.logRisks.map(
      (logRisk, m) => [logRisk * tailMean(problem, problem.interventions[m]!.effectKept), course.effects[m]?.at(-1) ?? ZERO] as const,
    ),
  ]);
