/** The limits of a plan as rows, each in a named group: the name is what an infeasible problem and a price speak of. */
import { combine, column, constant, ZERO, type Affine } from './affine.ts';
import type { Intervention, PlanProblem } from './problem.ts';
import type { ProgrammeBuilder } from './programme.ts';

export interface Choices {
  /** Step l of intervention m on day d is taken: steps[m][d][l], 0 or 1, the lower ones first. */
  readonly steps: readonly (readonly (readonly number[])[])[];
  /** Load of each day. */
  readonly loads: readonly Affine[];
}

/** Names of the groups. */
export const LIMITS = {
  dailyLoad: 'daily-load-limit',
  cost: 'cost-budget',
  allowedLoad: (day: number) => `allowed-load:day ${day}`,
  stageCeiling: (stage: string) => `stage-load-ceiling:${stage}`,
  stageKinds: (stage: string) => `stage-allowed-kinds:${stage}`,
  contraindication: (id: string) => `contraindication:${id}`,
  weekly: (id: string) => `maximum-days-a-week:${id}`,
  rest: (id: string) => `rest-days-after:${id}`,
  choice: (day: number, id: string) => `fixed-choice:day ${day} ${id}`,
  choiceLoad: (day: number) => `fixed-load:day ${day}`,
} as const;

const sum = (parts: readonly Affine[]): Affine => combine(parts.map((part) => [1, part] as const));

/** 1 where intervention m is done on day d, whatever the dose; days before 0 are history. */
const isDone = ({ doneDaysAgo }: PlanProblem, one: Intervention, days: Choices['steps'][number], d: number): Affine =>
  d >= 0 ? column(days[d]![0]!) : constant((doneDaysAgo[one.id] ?? []).includes(-d) ? 1 : 0);

/** The steps of a dose are taken in order, and a day has a load change or a rest, not both. */
function addOrder(programme: ProgrammeBuilder, problem: PlanProblem, { steps }: Choices): void {
  for (const [lower, upper] of steps.flat().flatMap((dose) => dose.slice(1).map((index, i) => [dose[i]!, index] as const)))
    programme.addRow({
      expression: combine([
        [1, column(lower)],
        [-1, column(upper)],
      ]),
      lower: 0,
      upper: Infinity,
      group: null,
    });
  const loadActions = steps.filter((_, m) => problem.interventions[m]!.action !== 'session');
  if (loadActions.length < 2) return;
  problem.days.forEach((_, d) => {
    programme.addRow({ expression: sum(loadActions.map((days) => column(days[d]![0]!))), lower: -Infinity, upper: 1, group: null });
  });
}

/** Every ceiling on the load of day d, and its fixed load. */
export const ceilingsOn = (problem: PlanProblem, d: number): readonly number[] =>
  [
    problem.dailyLoadLimit,
    ...problem.stages.filter((stage) => stage.firstDay <= d && d <= stage.lastDay).map((stage) => stage.loadCeiling),
    ...problem.fixedLoads.filter((fixed) => fixed.day === d).map((fixed) => fixed.load),
  ].filter((ceiling) => ceiling !== null);

function addLoadLimits(programme: ProgrammeBuilder, problem: PlanProblem, { steps, loads }: Choices): void {
  const change = steps[problem.interventions.findIndex((one) => one.action === 'load-change')];
  const rest = steps[problem.interventions.findIndex((one) => one.action === 'rest-day')];
  problem.days.forEach((day, d) => {
    const load = loads[d]!;
    programme.addRow({ expression: load, lower: 0, upper: Infinity, group: null });
    // What a load change adds: load - planned * (1 - rest), within its range where the change is chosen, else 0.
    const added = combine([
      [1, load],
      [-day.load, constant(1)],
      [day.load, rest === undefined ? ZERO : column(rest[d]![0]!)],
    ]);
    const isChanged = change === undefined ? ZERO : column(change[d]![0]!);
    const against = (room: number): Affine =>
      combine([
        [1, added],
        [-room, isChanged],
      ]);
    const group = LIMITS.allowedLoad(d);
    programme.addRow({ expression: against(day.maximumLoad - day.load), lower: -Infinity, upper: 0, group });
    programme.addRow({ expression: against(day.minimumLoad - day.load), lower: 0, upper: Infinity, group });
    // A rest day too keeps to the least load of the day.
    programme.addRow({ expression: load, lower: day.minimumLoad, upper: Infinity, group });
    if (problem.dailyLoadLimit !== null)
      programme.addRow({ expression: load, lower: -Infinity, upper: problem.dailyLoadLimit, group: LIMITS.dailyLoad });
  });
  for (const { day, load } of problem.fixedLoads)
    programme.addRow({ expression: loads[day]!, lower: load, upper: load, group: LIMITS.choiceLoad(day) });
}

const forbid = (programme: ProgrammeBuilder, step: number, group: string): void =>
  programme.addRow({ expression: column(step), lower: -Infinity, upper: 0, group });

function addStages(programme: ProgrammeBuilder, problem: PlanProblem, { steps, loads }: Choices): void {
  for (const { name, firstDay, lastDay, loadCeiling, allowedKinds } of problem.stages) {
    for (let d = firstDay; d <= lastDay; d += 1) {
      if (loadCeiling !== null)
        programme.addRow({ expression: loads[d]!, lower: -Infinity, upper: loadCeiling, group: LIMITS.stageCeiling(name) });
      if (allowedKinds === null) continue;
      problem.interventions.forEach(({ kind }, m) => {
        if (kind !== 'load' && !allowedKinds.includes(kind)) forbid(programme, steps[m]![d]![0]!, LIMITS.stageKinds(name));
      });
    }
  }
}

function addDoseLimits(programme: ProgrammeBuilder, problem: PlanProblem, { steps }: Choices): void {
  const horizon = problem.days.length;
  const window = (one: Intervention, m: number, from: number, length: number, most: number, group: string): void => {
    const days = Array.from({ length }, (_, i) => from + i).filter((d) => d < horizon);
    const done = sum(days.map((d) => isDone(problem, one, steps[m]!, d)));
    // History that broke the limit already leaves no room; it does not make the plan infeasible.
    if (done.terms.size + done.constant > most && done.terms.size > 0)
      programme.addRow({ expression: done, lower: -Infinity, upper: Math.max(most, done.constant), group });
  };
  problem.interventions.forEach((one, m) => {
    for (let from = -6; from < horizon; from += 1) {
      if (from <= Math.max(0, horizon - 7) && one.maximumDaysAWeek < 7)
        window(one, m, from, 7, one.maximumDaysAWeek, LIMITS.weekly(one.id));
      if (one.restDaysAfter > 0) window(one, m, from, one.restDaysAfter + 1, 1, LIMITS.rest(one.id));
    }
    if (one.contraindications.some((condition) => problem.conditions.includes(condition)))
      for (const [first] of steps[m]!) forbid(programme, first!, LIMITS.contraindication(one.id));
  });
}

function addChoices(programme: ProgrammeBuilder, problem: PlanProblem, { steps }: Choices): void {
  for (const { day, interventionId, level } of problem.fixedDoses) {
    const m = problem.interventions.findIndex((one) => one.id === interventionId);
    const taken = sum(steps[m]![day]!.map((index) => column(index)));
    programme.addRow({ expression: taken, lower: level, upper: level, group: LIMITS.choice(day, interventionId) });
  }
}

/** Sum over the doses chosen of what one step of each counts. */
export const sumOverDoses = (problem: PlanProblem, { steps }: Choices, of: (one: Intervention) => number): Affine =>
  combine(problem.interventions.flatMap((one, m) => steps[m]!.flat().map((index) => [of(one), column(index)] as const)));

/** Every limit of the problem. Rows without a name are definitions: no limit can be moved that would free them. */
export function addLimits(programme: ProgrammeBuilder, problem: PlanProblem, choices: Choices): void {
  addOrder(programme, problem, choices);
  addLoadLimits(programme, problem, choices);
  addStages(programme, problem, choices);
  addDoseLimits(programme, problem, choices);
  addChoices(programme, problem, choices);
  if (problem.costBudget === null) return;
  programme.addRow({
    expression: sumOverDoses(problem, choices, (one) => one.costPerLevel),
    lower: -Infinity,
    upper: problem.costBudget,
    group: LIMITS.cost,
  });
}
