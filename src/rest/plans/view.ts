/** A plan as staff read it. Pure. Injuries, conditions and stages are shown to the scope medical only. */
import type { Alternatives } from '../../asms/plan/alternatives.ts';
import type { AssembledPlan } from '../../asms/plan/assemble.ts';
import { describeCourse, describePlan, type PlanToDescribe } from '../../asms/plan/describe-plan.ts';
import type { Outlook } from '../../asms/plan/evaluate.ts';
import { limitInWords } from '../../asms/plan/limits-in-words.ts';
import type { PlanProblem } from '../../asms/plan/problem.ts';
import type { Plan } from '../../asms/plan/solve-plan.ts';
import type { StoredPlan } from '../../plan/ports.ts';
import type { CourseView, PlanView, SolvedView } from './schemas.ts';

interface ToView extends AssembledPlan {
  readonly days: readonly string[];
  readonly plan: Plan;
  readonly alternatives: PlanToDescribe['alternatives'];
}

/** The daily rates are left out: the probability is made of them. */
const viewOutlook = ({ dailyRate: _rates, ...outlook }: Outlook): CourseView['outlook'] => outlook;

const viewCourse = (problem: PlanProblem, days: readonly string[], { decision, with: outlook }: Plan): CourseView => ({
  days: days.map((day, d) => ({
    day,
    load: decision.loads[d] ?? 0,
    doses: problem.interventions.flatMap((one, m) => {
      const level = decision.levels[m]?.[d] ?? 0;
      return level === 0 ? [] : [{ interventionId: one.id, name: one.name, level, levels: one.doseLevels, doseUnit: one.doseUnit }];
    }),
  })),
  outlook: viewOutlook(outlook),
});

export function viewSolved(asked: ToView, isMedical: boolean): SolvedView {
  const { problem, sources, days, plan } = asked;
  const { costBudget, dailyLoadLimit, loadStep, weights, injuries, conditions, stages } = problem;
  const { gap, tangentError, tangentErrorBound, isWithinGap, rounds, elapsedS } = plan.report;
  return {
    firstDay: days[0] ?? sources.firstDay,
    lastDay: days.at(-1) ?? sources.firstDay,
    loadUnit: sources.loadUnit,
    planned: days.map((day, d) => {
      const { load, minimumLoad, maximumLoad } = problem.days[d] ?? { load: 0, minimumLoad: 0, maximumLoad: 0 };
      return { day, load, minimum: minimumLoad, maximum: maximumLoad, source: sources.days[d] ?? 'usual' };
    }),
    limits: { costBudget, dailyLoadLimit, loadStep, weights: { ...weights } },
    limitSources: { ...sources.limits },
    hazard: { ...sources.hazard },
    catalogue: { ...sources.catalogue },
    adherence: problem.adherence,
    methodVersion: sources.method,
    missing: [...sources.missing],
    sentences: [...describePlan(asked).sentences],
    medical: isMedical ? { injuries, conditions, stages } : null,
    ...viewCourse(problem, days, plan),
    without: viewOutlook(plan.without),
    report: { gap, tangentError, tangentErrorBound, isWithinGap, rounds, elapsedS },
  };
}

function viewAlternatives(
  { problem, sources }: AssembledPlan,
  days: readonly string[],
  { prices, runnerUp }: Alternatives,
  isMedical: boolean,
): NonNullable<PlanView['alternatives']> {
  const context = { problem, days, loadUnit: sources.loadUnit, isMedical };
  return {
    prices: prices.map((one) => ({ ...one, limit: limitInWords(one.limit, context) })),
    runnerUp: runnerUp === null ? null : viewCourse(problem, days, runnerUp),
  };
}

export function viewPlan(stored: StoredPlan, days: readonly string[], isMedical: boolean): PlanView {
  const { id, athleteId, recommendationId, status, trigger, createdAt, decidedAt, decidedBy, reason, changed, alternatives } = stored;
  return {
    id,
    athleteId,
    recommendationId,
    status,
    trigger,
    createdAt,
    decidedAt,
    decidedBy,
    reason,
    ...viewSolved({ ...stored, days, alternatives: alternatives ?? 'to-follow' }, isMedical),
    alternatives: alternatives === null ? null : viewAlternatives(stored, days, alternatives, isMedical),
    changed:
      changed === null
        ? null
        : { ...viewCourse(stored.problem, days, changed), sentences: [...describeCourse({ ...stored, days, plan: changed })] },
  };
}
