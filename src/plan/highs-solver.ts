/** HiGHS (package `highs`: WebAssembly, which has one thread) behind the planner's port, with a fixed seed, so that the same programme gives the same answer. */
import highsModule, { type Highs, type Model } from 'highs';
import { KinewatchError } from '../contracts/errors.ts';
import type { Programme } from '../asms/plan/programme.ts';
import type { Solution, SolveOptions, Solver } from '../asms/plan/solver.ts';

/** The package's types are those of its CommonJS build; its ES module, which is what runs here, has the loader itself as default export. */
const loadHighs = highsModule as unknown as typeof highsModule.default;

/** Model states of HiGHS that are answers. */
const OPTIMAL = 7;
const INFEASIBLE = 8;
const TIME_LIMIT = 13;
/** Solution status of HiGHS: there is a feasible point. */
const FEASIBLE_POINT = 2;
const SEED = 1;
/** Days: HiGHS stops at the relative gap or at this one, whichever comes first; its own default. */
const ABSOLUTE_GAP = 1e-6;

/** Compiles the solver: some tens of milliseconds, once a thread. */
export async function createHighsSolver(): Promise<Solver> {
  const highs = await loadHighs();
  const version = highs.raw.version();
  return {
    name: `HiGHS ${version.major}.${version.minor}.${version.patch}`,
    solve: (programme, options) => {
      const model = highs.createModel();
      try {
        return solveWith(highs, model, programme, options);
      } finally {
        // The garbage collector knows nothing of the memory in WebAssembly.
        model.dispose();
      }
    },
  };
}

function solveWith(highs: Highs, model: Model, programme: Programme, options: SolveOptions): Solution {
  const begun = performance.now();
  const { variableType } = highs.constants;
  model.options.set({
    output_flag: false,
    // These programmes are small and mostly solved at the root: presolve costs a third of the time and saves nothing (measured with bench/planner.ts).
    presolve: 'off',
    random_seed: SEED,
    time_limit: Math.max(0, options.timeLimitS),
    mip_rel_gap: options.relativeGap,
    mip_abs_gap: ABSOLUTE_GAP,
  });
  const numCols = programme.cost.length;
  const numRows = programme.rowLower.length;
  model.passModel({
    numCols,
    numRows,
    offset: programme.offset,
    colCost: programme.cost,
    colLower: programme.lower,
    colUpper: programme.upper,
    rowLower: programme.rowLower,
    rowUpper: programme.rowUpper,
    matrix: {
      format: 'csr',
      numRows,
      numCols,
      starts: programme.starts,
      indices: programme.indices,
      values: programme.values,
    },
    integrality: programme.isInteger.map((isInteger) => (isInteger ? variableType.integer : variableType.continuous)),
  });
  if (options.start !== undefined) model.setSolution({ colValue: options.start });
  const modelStatus = runModel(model);
  const elapsedS = (performance.now() - begun) / 1000;
  if (modelStatus === INFEASIBLE) return { status: 'infeasible', elapsedS };
  if (modelStatus !== OPTIMAL && modelStatus !== TIME_LIMIT)
    throw new KinewatchError('plan-solver', `the solver ended with model status ${modelStatus}: report the problem that was planned`);
  if (model.info.get('primal_solution_status') !== FEASIBLE_POINT) return { status: 'no-answer', elapsedS };
  const objective = model.getObjectiveValue();
  const continuousBound = modelStatus === OPTIMAL ? objective : -Infinity;
  return {
    status: modelStatus === OPTIMAL ? 'optimal' : 'time-limit',
    x: [...model.getSolution().colValue],
    objective,
    bound: programme.isInteger.includes(true) ? Number(model.info.get('mip_dual_bound')) : continuousBound,
    elapsedS,
  };
}

/**
 * Without presolve HiGHS now and then stops at a programme of wide numbers with an error; presolve scales them, and gets through.
 * @throws KinewatchError `plan-solver` where neither way works
 */
function runModel(model: Model): number {
  try {
    return model.run().modelStatus;
  } catch {
    model.clearSolver();
    model.options.set({ presolve: 'on' });
  }
  try {
    return model.run().modelStatus;
  } catch (error) {
    throw new KinewatchError('plan-solver', 'the solver failed with and without presolve: report the problem that was planned', {
      cause: error,
    });
  }
}
