/** PURE. From the cells of complete seeds to what is reported: figures an arm and world, paired differences, and what was demanded. */
import type { World } from '../../simulate/squad-season/worlds.ts';
import { ARMS, type Arm } from './arms.ts';
import type { CellFigures } from './cell.ts';
import type { Cell, Stamp } from './results.ts';
import { covers0, estimate, isAbove0, type Estimate } from './statistics.ts';

/** Injuries for 100 athlete-days at risk that teams report (docs/season.md: about 0.2 to 0.7; professional football 0.44). */
export const PUBLISHED_INCIDENCE: readonly [number, number] = [0.2, 0.7];
/** At most this many athletes flagged a day on this share of days. */
export const FLAG_DEMAND = { athletes: 3, shareOfDays: 0.8 } as const;

export interface ArmSummary {
  readonly arm: Arm;
  readonly injuries: Estimate;
  readonly expectedInjuries: Estimate;
  readonly daysLost: Estimate;
  readonly loadCompleted: Estimate;
  /** The arm less no advice, and less the oracle (regret), seed by seed. */
  readonly injuriesMoreThanNoAdvice: Estimate;
  readonly expectedMoreThanNoAdvice: Estimate;
  readonly daysLostMoreThanNoAdvice: Estimate;
  readonly loadMoreThanNoAdvice: Estimate;
  readonly injuriesRegret: Estimate;
  readonly daysLostRegret: Estimate;
  readonly alertsADay: Estimate;
  /** Over all seeds together: alerts with a known outcome, and the share that an injury followed within 7 days. */
  readonly alertsJudged: number;
  readonly ppv: number | null;
  readonly flaggedADay: Estimate;
  readonly daysWithThreeOrFewer: Estimate;
  readonly prescribedOverCoach: Estimate;
  readonly cost: { readonly chosen: number; readonly general: number };
}

export interface WorldSummary {
  readonly world: string;
  readonly isReference: boolean;
  /** Without advice, injuries for 100 athlete-days at risk. */
  readonly incidence: Estimate;
  readonly incidenceWithinPublished: boolean;
  /** Observed over expected weekly forecasts without advice, and Brier before and after feedback (mean over seeds, paired difference). */
  readonly observedOverExpected: number;
  readonly brierBefore: Estimate;
  readonly brierAfter: Estimate;
  readonly brierAfterLessBefore: Estimate;
  /** What the candidates would have done had the guard let them serve from the first day. */
  readonly brierInterceptLessBefore: Estimate;
  readonly brierPersonalLessBefore: Estimate;
  readonly seedsServedPersonally: number;
  readonly arms: readonly ArmSummary[];
  /** Planner of a seed less no advice of the next one: the same estimate without common chance. In the null world the paired difference is 0 by construction, this one is not. */
  readonly unpairedInjuries: Estimate;
}

export interface Demand {
  readonly what: string;
  readonly holds: boolean;
}

export interface SeasonSummary {
  readonly stamp: Stamp;
  readonly hazardVersion: string;
  readonly seeds: readonly number[];
  readonly worlds: readonly WorldSummary[];
  readonly demands: readonly Demand[];
}

type Figure = (figures: CellFigures) => number;

function worldSummary(world: World, cells: readonly Cell[], seeds: readonly number[]): WorldSummary {
  const figuresOf = (arm: Arm): readonly CellFigures[] =>
    seeds.map((seed) => cells.find((cell) => cell.world === world.name && cell.arm === arm && cell.seed === seed)!.figures);
  const byArm = new Map(ARMS.map((arm) => [arm, figuresOf(arm)]));
  const of = (arm: Arm, figure: Figure): readonly number[] => byArm.get(arm)!.map(figure);
  const less = (arm: Arm, other: Arm, figure: Figure): Estimate => {
    const others = of(other, figure);
    return estimate(of(arm, figure).map((value, i) => value - others[i]!));
  };
  const none = byArm.get('no-advice')!;
  const total = (arm: Arm, figure: Figure): number => of(arm, figure).reduce((sum, value) => sum + value, 0);
  const brier = (key: 'brierBefore' | 'brierAfter' | 'brierIntercept' | 'brierPersonal'): readonly number[] =>
    none.map(({ forecasts }) => forecasts[key] ?? NaN);
  const brierLess = (key: 'brierAfter' | 'brierIntercept' | 'brierPersonal'): Estimate =>
    estimate(brier(key).map((value, i) => value - brier('brierBefore')[i]!));
  const incidence = estimate(none.map(({ injuries, daysAtRisk }) => (100 * injuries) / daysAtRisk));
  const next = none.map((_, i) => none[(i + 1) % none.length]!.injuries);
  return {
    world: world.name,
    isReference: world.isReference,
    incidence,
    incidenceWithinPublished: incidence.mean >= PUBLISHED_INCIDENCE[0] && incidence.mean <= PUBLISHED_INCIDENCE[1],
    observedOverExpected:
      total('no-advice', ({ forecasts }) => forecasts.events) / total('no-advice', ({ forecasts }) => forecasts.expected),
    brierBefore: estimate(brier('brierBefore')),
    brierAfter: estimate(brier('brierAfter')),
    brierAfterLessBefore: brierLess('brierAfter'),
    brierInterceptLessBefore: brierLess('brierIntercept'),
    brierPersonalLessBefore: brierLess('brierPersonal'),
    seedsServedPersonally: none.filter(({ forecasts }) => forecasts.served !== 'population').length,
    arms: ARMS.map((arm) => {
      const judged = total(arm, ({ alertsJudged }) => alertsJudged);
      const mean = (figure: Figure): Estimate => estimate(of(arm, figure));
      return {
        arm,
        injuries: mean(({ injuries }) => injuries),
        expectedInjuries: mean(({ expectedInjuries }) => expectedInjuries),
        daysLost: mean(({ daysLost }) => daysLost),
        loadCompleted: mean(({ loadCompleted }) => loadCompleted),
        injuriesMoreThanNoAdvice: less(arm, 'no-advice', ({ injuries }) => injuries),
        expectedMoreThanNoAdvice: less(arm, 'no-advice', ({ expectedInjuries }) => expectedInjuries),
        daysLostMoreThanNoAdvice: less(arm, 'no-advice', ({ daysLost }) => daysLost),
        loadMoreThanNoAdvice: less(arm, 'no-advice', ({ loadCompleted }) => loadCompleted),
        injuriesRegret: less(arm, 'oracle', ({ injuries }) => injuries),
        daysLostRegret: less(arm, 'oracle', ({ daysLost }) => daysLost),
        alertsADay: mean(({ alertsADay }) => alertsADay),
        alertsJudged: judged,
        ppv: judged === 0 ? null : total(arm, ({ alertsRight }) => alertsRight) / judged,
        flaggedADay: mean(({ flaggedADay }) => flaggedADay),
        daysWithThreeOrFewer: mean(({ daysWithThreeOrFewer }) => daysWithThreeOrFewer),
        prescribedOverCoach: mean(({ prescribedOverCoach }) => prescribedOverCoach),
        cost: { chosen: mean(({ chosenCost }) => chosenCost).mean, general: mean(({ generalCost }) => generalCost).mean },
      };
    }),
    unpairedInjuries: estimate(of('planner', ({ injuries }) => injuries).map((value, i) => value - next[i]!)),
  };
}

/** Loads prescribed may differ by the solver's rounding, costs not at all. */
const SAME_LOAD = 1e-6;
const SAME_COST = 1e-9;

function demandsOf(worlds: readonly WorldSummary[]): readonly Demand[] {
  const planner = ({ arms }: WorldSummary): ArmSummary => arms.find(({ arm }) => arm === 'planner')!;
  const perWorld = worlds.flatMap((world): readonly Demand[] => {
    const own = planner(world);
    const costs = world.arms.map(({ cost }) => cost.chosen + cost.general);
    return [
      {
        what: `${world.world}: planner not worse than no advice at 95 %, injuries`,
        holds: !isAbove0(own.injuriesMoreThanNoAdvice),
      },
      {
        what: `${world.world}: planner not worse than no advice at 95 %, expected injuries`,
        holds: !isAbove0(own.expectedMoreThanNoAdvice),
      },
      { what: `${world.world}: planner not worse than no advice at 95 %, days lost`, holds: !isAbove0(own.daysLostMoreThanNoAdvice) },
      {
        what: `${world.world}: at most ${FLAG_DEMAND.athletes} athletes flagged a day on ${100 * FLAG_DEMAND.shareOfDays} % of days`,
        holds: own.daysWithThreeOrFewer.mean >= FLAG_DEMAND.shareOfDays,
      },
      {
        what: `${world.world}: incidence without advice within ${PUBLISHED_INCIDENCE.join(' to ')} for 100 athlete-days`,
        holds: world.incidenceWithinPublished,
      },
      {
        what: `${world.world}: load prescribed and cost are equal in all arms`,
        holds:
          world.arms.every(({ prescribedOverCoach }) => Math.abs(prescribedOverCoach.mean - 1) < SAME_LOAD) &&
          Math.max(...costs) - Math.min(...costs) < SAME_COST,
      },
    ];
  });
  const nothing = worlds.find(({ world }) => world === 'null');
  if (nothing === undefined) return perWorld;
  const own = planner(nothing);
  return [
    ...perWorld,
    {
      what: 'null: the interval of the benefit covers 0 (paired: 0 by construction), injuries and days lost',
      holds: covers0(own.injuriesMoreThanNoAdvice) && covers0(own.daysLostMoreThanNoAdvice),
    },
    { what: 'null: the interval of the benefit covers 0, injuries, without common chance', holds: covers0(nothing.unpairedInjuries) },
  ];
}

/** @throws RangeError without seeds; cells must hold every world, arm and seed */
export function summarise(
  stamp: Stamp,
  hazardVersion: string,
  worlds: readonly World[],
  seeds: readonly number[],
  cells: readonly Cell[],
): SeasonSummary {
  const summaries = worlds.map((world) => worldSummary(world, cells, seeds));
  return { stamp, hazardVersion, seeds, worlds: summaries, demands: demandsOf(summaries) };
}
