/** A plan that staff change: their doses and loads, the rest as it was proposed, as a problem in which nothing is left to choose. */
import { PlanRefused } from './check-problem.ts';
import type { Decision, FixedDose, FixedLoad, PlanProblem } from './problem.ts';

export interface PlanChange {
  readonly doses: readonly { readonly day: string; readonly interventionId: string; readonly level: number }[];
  readonly loads: readonly { readonly day: string; readonly load: number }[];
}

/**
 * Every dose and load fixed. Change of load and rest day follow from the load where it is a new one: they are left to the solver. Limits hold as they did:
 * what breaks one is infeasible and named.
 * @throws PlanRefused `plan-choice` for a day or an intervention that the plan does not have
 */
export function changedProblem(
  problem: PlanProblem,
  days: readonly string[],
  decision: Decision,
  { doses, loads }: PlanChange,
): PlanProblem {
  const indexOf = (day: string): number => {
    const index = days.indexOf(day);
    if (index < 0) throw new PlanRefused('plan-choice', `${day} is not among the days of the plan, ${days[0]} to ${days.at(-1)}`);
    return index;
  };
  const newLoads = new Map<number, number>();
  for (const { day, load } of loads) newLoads.set(indexOf(day), load);
  const newLevels = new Map<string, number>();
  for (const { day, interventionId, level } of doses) {
    const one = problem.interventions.find(({ id }) => id === interventionId);
    if (one === undefined) throw new PlanRefused('plan-choice', `${interventionId} is not among the interventions of the plan`);
    if (one.action !== 'session')
      throw new PlanRefused('plan-choice', `${one.name} follows from the load: give the load of the day, 0 for rest`);
    newLevels.set(`${indexOf(day)} ${interventionId}`, level);
  }
  const fixedLoads: FixedLoad[] = days.map((_, day) => ({ day, load: newLoads.get(day) ?? decision.loads[day] ?? 0 }));
  const fixedDoses: FixedDose[] = problem.interventions.flatMap((one, m) =>
    days.flatMap((_, day) => {
      if (one.action !== 'session')
        return newLoads.has(day) ? [] : [{ day, interventionId: one.id, level: decision.levels[m]?.[day] ?? 0 }];
      return [{ day, interventionId: one.id, level: newLevels.get(`${day} ${one.id}`) ?? decision.levels[m]?.[day] ?? 0 }];
    }),
  );
  return { ...problem, fixedDoses, fixedLoads };
}
