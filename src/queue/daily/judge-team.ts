/** The squad's part of feedback: the population head where there are sessions enough for one, and the guard's verdict on each target. */
import { judge } from '../../asms/feedback/guard.ts';
import { inSmallestWorthwhileChanges } from '../../asms/feedback/lessons.ts';
import type { PerformanceMetric } from '../../asms/feedback/outcomes.ts';
import { fitPopulationHead } from '../../asms/feedback/population.ts';
import { INJURY_TARGET, performanceTargetName } from '../../asms/feedback/targets.ts';
import type { FittedHead, TeamTransaction } from './ports.ts';

/** A head is fitted once, on the first sessions of a squad; the guard judges those after them. (chosen) about one a free parameter of 64, and athletes enough to tell them from their levels. */
const HEAD_SESSIONS = 64;
const HEAD_ATHLETES = 5;

/** Fits what can be fitted, then judges what was forecast after it. */
export async function judgeTeam(team: TeamTransaction): Promise<void> {
  for (const metric of team.metrics) {
    const target = performanceTargetName(metric.name);
    const fitted = await fittedHead(team, target, metric);
    const squad = fitted === null ? [] : await team.judged(target, fitted.fittedThroughUs);
    await team.saveVerdict(target, judge('performance', squad));
  }
  await team.saveVerdict(INJURY_TARGET, judge('injury', await team.judged(INJURY_TARGET, 0)));
}

/** The stored head, or a new one; null where the squad has too few sessions. Athletes learn again from a new one before it is judged. */
async function fittedHead(team: TeamTransaction, target: string, metric: PerformanceMetric): Promise<FittedHead | null> {
  const { model } = team;
  if (model === null) return null;
  const stored = await team.population(target, model.version);
  if (stored !== null) return stored;
  const performances = (await team.squadPerformances(model.version, metric)).filter(({ fAttn }) => fAttn.length === model.attn);
  const athletes = new Set(performances.map(({ athleteId }) => athleteId)).size;
  if (performances.length < HEAD_SESSIONS || athletes < HEAD_ATHLETES) return null;
  const sessions = performances.map(({ athleteId, fAttn, value }) => ({
    athleteId,
    fAttn,
    label: inSmallestWorthwhileChanges(value, metric),
  }));
  const fittedThroughUs = Math.max(...performances.map(({ endUs }) => endUs));
  const head = fitPopulationHead(sessions, metric.name, `head-${sessions.length}-${fittedThroughUs}`);
  const fitted = { head, sessions: sessions.length, athletes, fittedThroughUs };
  await team.savePopulation(target, model.version, fitted);
  return fitted;
}
