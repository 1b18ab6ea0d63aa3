/** The targets of an athlete's ledgers by name: the hazard, and each metric of performance. Pure. */
import type { HazardModel } from '../hazard.ts';
import type { HazardReference, PopulationHead } from './params.ts';

export const INJURY_TARGET = 'injury';
export const performanceTargetName = (metric: string): string => `performance:${metric}`;

/** What a hazard model's log-odds turn about: those of an athlete in the middle of every feature, which is its intercept. One forecast a day. */
export const hazardReference = (model: HazardModel): HazardReference => ({
  version: `${model.name}-${model.version} ${model.binnSha256.slice(0, 12)}`,
  centreLogit: model.intercept,
  strideDays: 1,
});

/** The head before the squad has sessions enough for one: F_attn says nothing, and only an athlete's own level is learned. */
function blankHead(metric: string, width: number): PopulationHead {
  const zeros = Array.from({ length: width }, () => 0);
  return { version: 'none', metric, location: zeros, scale: zeros, intercept: 0, weights: zeros };
}

/** The head that athletes start from under a graph: with another graph everything is learned again. */
export function headOf(
  fitted: PopulationHead | null,
  metric: string,
  graph: { readonly version: string; readonly attn: number },
): PopulationHead {
  const head = fitted ?? blankHead(metric, graph.attn);
  return { ...head, version: `${head.version} of ${graph.version}` };
}
