/** The planning problem as a mixed-integer linear programme: columns for doses and loads, rows for limits, tangent cuts for exp. */
import { combine, column, constant, rangeOf, ZERO, type Affine } from './affine.ts';
import { courseOf, logRateOf, riskGroups, tailExposureOf, tailLogRateOf, type Course } from './dynamics.ts';
import { addLimits, ceilingsOn, sumOverDoses, type Choices } from './limits.ts';
import { worthOf, type Decision, type Intervention, type PlanProblem } from './problem.ts';
import { BINARY, createProgramme, type Programme, type ProgrammeBuilder, type Row } from './programme.ts';
import { cutPoints, largestError, tangentAt } from './tangents.ts';

/** A column that stands for the largest exp of some expressions, from below; `weight` is its coefficient in the objective. */
export interface ExpCell {
  readonly column: number;
  readonly expressions: readonly Affine[];
  readonly weight: number;
}

export interface BuiltPlan {
  readonly programme: Programme;
  readonly choices: Choices;
  readonly cells: readonly ExpCell[];
  /** Most that the objective may lie below its true value for the first cuts, over all plans: sum of weight times the largest error of each cell. */
  readonly tangentErrorBound: number;
}

/** Distance of the first cuts in eta and q: half a percent at most (spacing^2 / 8). (chosen) The loop in solve-plan.ts adds what is missing. */
const CUT_SPACING = 0.2;

function addChoices(programme: ProgrammeBuilder, problem: PlanProblem, isWide: boolean): Choices {
  const steps = problem.interventions.map((one) =>
    problem.days.map(() => Array.from({ length: one.doseLevels }, () => programme.addColumn(BINARY))),
  );
  const change = problem.interventions.findIndex((one) => one.action === 'load-change');
  const rest = problem.interventions.findIndex((one) => one.action === 'rest-day');
  const largest = Math.max(...problem.days.map((day) => day.maximumLoad), ...problem.fixedLoads.map((fixed) => fixed.load));
  const loads = problem.days.map((day, d) => {
    const restColumn = steps[rest]?.[d]?.[0];
    const isChangeable = isWide || change >= 0;
    const lower = isWide ? -day.load : day.minimumLoad - day.load;
    const upper = isWide ? largest - day.load : day.maximumLoad - day.load;
    const changed = isChangeable ? addChange(programme, lower, upper, problem.loadStep) : ZERO;
    return combine([
      [1, constant(day.load)],
      [1, changed],
      ...(restColumn === undefined ? [] : [[-day.load, column(restColumn)] as const]),
    ]);
  });
  return { steps, loads };
}

/** Load above the plan: free between the bounds, or whole steps of them. */
function addChange(programme: ProgrammeBuilder, lower: number, upper: number, step: number | null): Affine {
  if (step === null) return column(programme.addColumn({ lower, upper, isInteger: false }));
  // A hair of room, so that a bound that is a whole number of steps counts as one.
  const [least, most] = [Math.ceil(lower / step - 1e-9) + 0, Math.floor(upper / step + 1e-9)];
  return column(programme.addColumn({ lower: least, upper: most, isInteger: true }), step);
}

/** A load action is done on its day or not; what the athlete does of other doses is `adherence`. */
const doseShares = (problem: PlanProblem, { steps }: Choices): readonly (readonly Affine[])[] =>
  problem.interventions.map((one, m) =>
    problem.days.map((_, d) =>
      one.action === 'session' ? combine(steps[m]![d]!.map((index) => [problem.adherence / one.doseLevels, column(index)] as const)) : ZERO,
    ),
  );

/**
 * The programme of a checked problem. `asked` 'plan' gives objective and cuts; 'feasibility' gives the limits only, with loads that may go anywhere, so
 * that dropping a group of rows drops that limit and nothing keeps it in force elsewhere.
 */
export function buildPlan(problem: PlanProblem, asked: 'plan' | 'feasibility'): BuiltPlan {
  const programme = createProgramme();
  const choices = addChoices(programme, problem, asked === 'feasibility');
  addLimits(programme, problem, choices);
  if (asked === 'feasibility') return { programme: programme.finish(ZERO), choices, cells: [], tangentErrorBound: 0 };
  const course = courseOf(problem, choices.loads, doseShares(problem, choices));
  const cells = [...riskCells(programme, problem, course), ...recoveryCells(programme, problem, course)];
  let tangentErrorBound = 0;
  for (const cell of cells) tangentErrorBound += cell.weight * addFirstCuts(programme, cell);
  const objective = combine([
    ...cells.map((cell) => [cell.weight, column(cell.column)] as const),
    [-problem.weights.performance, course.performance?.mean ?? ZERO],
    [1, sumOverDoses(problem, choices, worthOf)],
  ]);
  return { programme: programme.finish(objective), choices, cells, tangentErrorBound };
}

/** (acute - chronic)+ before each day, and at the end, as a slack: the objective presses it down on the larger of 0 and the difference. */
function addExcess(programme: ProgrammeBuilder, problem: PlanProblem, course: Course): readonly Affine[] {
  if ((problem.hazard?.loadExcess ?? 0) === 0) return course.overload.map(() => ZERO);
  return course.overload.map((overload) => {
    const [, high] = rangeOf(overload, programme.lower, programme.upper);
    const excess = column(programme.addColumn({ lower: 0, upper: Math.max(0, high), isInteger: false }));
    programme.addRow({
      expression: combine([
        [1, excess],
        [-1, overload],
      ]),
      lower: 0,
      upper: Infinity,
      group: null,
    });
    return excess;
  });
}

/** Expected days lost: an exponential for each group of regions and day, and one for the tail, all over the rate e^logDailyRate so that they lie near 1. */
function riskCells(programme: ProgrammeBuilder, problem: PlanProblem, course: Course): readonly ExpCell[] {
  const scale = problem.weights.daysLost * Math.exp(problem.hazard?.logDailyRate ?? -Infinity);
  const excess = addExcess(programme, problem, course);
  return riskGroups(problem).flatMap((group) => {
    const weight = scale * group.severityDays;
    if (weight === 0) return [];
    const daily = problem.days.flatMap(({ exposure = 1 }, d) =>
      exposure === 0 ? [] : [addCell(programme, logRateOf(problem, course, group, d, excess[d]!), weight * exposure)],
    );
    return [...daily, addCell(programme, tailLogRateOf(problem, course, group, excess.at(-1)!), weight * tailExposureOf(problem))];
  });
}

/** exp of an expression that is a column of its own, so that each cut has two entries. */
function addCell(programme: ProgrammeBuilder, expression: Affine, weight: number): ExpCell {
  const [lower, upper] = rangeOf(expression, programme.lower, programme.upper);
  const named = programme.addColumn({ lower: lower - 1e-6, upper: upper + 1e-6, isInteger: false });
  programme.addRow({
    expression: combine([
      [1, expression],
      [-1, column(named)],
    ]),
    lower: 0,
    upper: 0,
    group: null,
  });
  return { column: programme.addColumn({ lower: 0, upper: Infinity, isInteger: false }), expressions: [column(named)], weight };
}

/** 1 - R at the end is the largest exp(-q) over the injuries: one column above all of them. */
function recoveryCells(programme: ProgrammeBuilder, problem: PlanProblem, course: Course): readonly ExpCell[] {
  const weight = problem.weights.recovery;
  if (weight === 0 || course.healing.length === 0) return [];
  const expressions = course.healing.map((states) => combine([[-1, states.at(-1)!]]));
  return [{ column: programme.addColumn({ lower: 0, upper: Infinity, isInteger: false }), expressions, weight }];
}

/** Adds the first cuts of a cell and returns their largest error over what its expressions can be. */
function addFirstCuts(programme: ProgrammeBuilder, cell: ExpCell): number {
  const errors = cell.expressions.map((expression) => {
    const [low, high] = rangeOf(expression, programme.lower, programme.upper);
    const points = cutPoints(low, high, CUT_SPACING);
    for (const point of points) programme.addRow(tangentRow(cell.column, expression, point));
    return largestError(points, low, high);
  });
  return Math.max(...errors);
}

/** column >= tangent of exp at `point`, taken at the expression. */
export function tangentRow(target: number, expression: Affine, point: number): Row {
  const { slope, intercept } = tangentAt(point);
  return {
    expression: combine([
      [1, column(target)],
      [-slope, expression],
    ]),
    lower: intercept,
    upper: Infinity,
    group: null,
  };
}

export const valueAt = (expression: Affine, x: readonly number[]): number =>
  [...expression.terms].reduce((sum, [index, coefficient]) => sum + coefficient * x[index]!, expression.constant);

/** Solver noise, in load units and in shares of a step: well above the solver's tolerance (1e-6 of a step), well below what anyone plans. */
const LOAD_NOISE = 1e-4;

/** The plan that a solution stands for: steps made whole, and loads freed of the solver's noise, so that they keep the limits exactly. */
export function decisionOf(problem: PlanProblem, { choices, programme }: BuiltPlan, x: readonly number[]): Decision {
  const whole = x.map((value, index) => (programme.isInteger[index] === true ? Math.round(value) : value));
  const levels = choices.steps.map((days) => days.map((steps) => steps.reduce((sum, index) => sum + whole[index]!, 0)));
  const isChosen = (action: Intervention['action'], d: number): boolean =>
    problem.interventions.some((one, m) => one.action === action && levels[m]![d]! > 0);
  const loads = problem.days.map((day, d) => {
    if (isChosen('rest-day', d)) return 0;
    if (!isChosen('load-change', d)) return day.load;
    const load = valueAt(choices.loads[d]!, whole);
    const marks = [day.load, day.minimumLoad, day.maximumLoad, ...ceilingsOn(problem, d)];
    const mark = marks.find((one) => Math.abs(one - load) < LOAD_NOISE);
    return mark ?? load;
  });
  return { levels, loads };
}
