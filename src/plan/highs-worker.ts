/** The worker thread of a planner lane: builds and solves one task at a time, so that a solve holds up nothing else. */
import { parentPort } from 'node:worker_threads';
import { findAlternatives } from '../asms/plan/alternatives.ts';
import { solvePlan } from '../asms/plan/solve-plan.ts';
import type { Solver } from '../asms/plan/solver.ts';
import { KinewatchError } from '../contracts/errors.ts';
import { createHighsSolver } from './highs-solver.ts';
import type { FromPlannerWorker, PlannerTask, ToPlannerWorker } from './messages.ts';

const port = parentPort;
if (port === null) throw new Error('highs-worker.ts runs as a worker thread');

const solver = await createHighsSolver();

const answer = (asked: PlannerTask, by: Solver) =>
  asked.kind === 'plan' ? solvePlan(asked.problem, by, asked.settings) : findAlternatives(asked.problem, asked.given, by, asked.settings);

port.on('message', ({ task, asked }: ToPlannerWorker) => {
  let reply: FromPlannerWorker;
  try {
    reply = { task, result: answer(asked, solver) };
  } catch (error) {
    const code = error instanceof KinewatchError ? error.code : 'plan-solver';
    reply = { task, fault: { code, message: error instanceof Error ? error.message : String(error) } };
  }
  port.postMessage(reply);
});
