/** An athlete's own normal of each asymmetry, over sessions, and how far a session lies from it. */
import type { AsymmetryMetric } from '../contracts/observation.ts';
import { levelOf, type Level } from './alarm.ts';
import type { AlarmRules } from './alarm-rules.ts';
import type { OwnNormal } from './state.ts';

export interface JudgedAsymmetry {
  readonly name: string;
  readonly valuePct: number;
  /** null: fewer sessions than the minimum; judged against the population's limit. */
  readonly normal: { readonly mean: number; readonly sd: number; readonly sessions: number } | null;
  /** Distance over the limit: above 1 is high, below a half is low. */
  readonly overLimit: number;
  readonly level: Level;
}

/** (chosen) sessions before the own normal stands in for the population's limit, and sessions that it remembers. */
const MINIMUM_SESSIONS = 5;
const REMEMBERED_SESSIONS = 30;
/** BOUNDED: metrics an athlete can have; one too many is judged against the population and not learned. */
const MAXIMUM_METRICS = 16;

const counts = (metric: AsymmetryMetric): metric is AsymmetryMetric & { readonly valuePct: number } =>
  !metric.provisional && metric.valuePct !== null && Number.isFinite(metric.valuePct);

/** The metrics that count, furthest over their limit first; low below half of the limit. */
export function judgeAsymmetry(
  normals: Readonly<Record<string, OwnNormal>>,
  metrics: readonly AsymmetryMetric[],
  rule: Pick<AlarmRules['asymmetry'], 'highSd' | 'leastPct' | 'populationPct'>,
): readonly JudgedAsymmetry[] {
  return metrics
    .filter(counts)
    .map(({ name, valuePct, typicalErrorPct }) => {
      const known = Object.hasOwn(normals, name) ? normals[name] : undefined;
      const normal = known === undefined || known.sessions < MINIMUM_SESSIONS ? null : { ...known, sd: Math.sqrt(known.variance) };
      const spread = Math.max(normal?.sd ?? 0, typicalErrorPct ?? 0);
      const limit = normal === null ? rule.populationPct : Math.max(rule.leastPct, rule.highSd * spread);
      const distance = Math.abs(valuePct - (normal?.mean ?? 0));
      const shown = normal === null ? null : { mean: normal.mean, sd: normal.sd, sessions: normal.sessions };
      // A limit of 0 is exceeded by any distance.
      const overLimit = limit > 0 ? distance / limit : distance > 0 ? Number.MAX_VALUE : 0;
      return { name, valuePct, normal: shown, overLimit, level: levelOf(overLimit, 0.5, 1) };
    })
    .toSorted((a, b) => b.overLimit - a.overLimit || (a.name < b.name ? -1 : 1));
}

/** The normals with one more session: a plain mean and variance at first, exponentially forgetting once REMEMBERED_SESSIONS are there (West 1979†). */
export function learnAsymmetry(
  normals: Readonly<Record<string, OwnNormal>>,
  metrics: readonly AsymmetryMetric[],
): Readonly<Record<string, OwnNormal>> {
  const next: Record<string, OwnNormal> = { ...normals };
  for (const { name, valuePct } of metrics.filter(counts)) {
    const known = Object.hasOwn(next, name) ? next[name] : undefined;
    if (known === undefined && Object.keys(next).length >= MAXIMUM_METRICS) continue;
    const { sessions, mean, variance } = known ?? { sessions: 0, mean: 0, variance: 0 };
    const gain = 1 / Math.min(sessions + 1, REMEMBERED_SESSIONS);
    const difference = valuePct - mean;
    next[name] = {
      sessions: sessions + 1,
      mean: mean + gain * difference,
      variance: (1 - gain) * (variance + gain * difference ** 2),
    };
  }
  return next;
}
