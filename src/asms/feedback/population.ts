/** The population head of a metric: the squad's common way from a session's pooled F_attn to performance. */
import { descend } from './descent.ts';
import { headInput, type Lesson } from './lessons.ts';
import { objective } from './objective.ts';
import { performanceTarget, type PopulationHead } from './params.ts';

export interface SquadSession {
  readonly athleteId: string;
  readonly fAttn: ArrayLike<number>;
  /** In smallest worthwhile changes above the metric's reference. */
  readonly label: number;
}

/** Enough that the gradient's tolerance ends it; a bound on the time, not on the fit. (chosen) */
const FIT_ITERATIONS = 5_000;

/** Row numbers by athlete. */
function rowsByAthlete(sessions: readonly SquadSession[]): Map<string, number[]> {
  const rows = new Map<string, number[]>();
  sessions.forEach(({ athleteId }, i) => rows.set(athleteId, [...(rows.get(athleteId) ?? []), i]));
  return rows;
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Each athlete's rows less the athlete's own mean: athletes' levels say nothing of how performance follows F_attn. */
function centred(lessons: readonly Lesson[], groups: Iterable<readonly number[]>): Lesson[] {
  return [...groups].flatMap((rows) => {
    const own = rows.map((i) => lessons[i]!);
    const label = meanOf(own.map((lesson) => lesson.label));
    const x = own[0]!.x.map((_, j) => (j === 0 ? 1 : meanOf(own.map((lesson) => lesson.x[j]!))));
    return own.map((lesson) => ({ ...lesson, x: lesson.x.map((value, j) => value - x[j]!), label: lesson.label - label }));
  });
}

/**
 * Ridge regression within athletes (lambda as for an athlete's own weights, towards 0, unweighted), with the intercept that makes the mean
 * athlete right. Fit it on sessions before those the guard judges, or every candidate looks better than it is.
 * @throws RangeError without sessions, or where a width differs or a number is not finite
 */
export function fitPopulationHead(sessions: readonly SquadSession[], metric: string, version: string): PopulationHead {
  const width = sessions[0]?.fAttn.length;
  if (width === undefined) throw new RangeError('a population head needs sessions');
  if (!sessions.every(({ fAttn, label }) => fAttn.length === width && Number.isFinite(label) && Array.from(fAttn).every(Number.isFinite)))
    throw new RangeError(`every session needs ${width} features and a label, all finite`);
  const features = Array.from({ length: width }, (_, j) => sessions.map(({ fAttn }) => fAttn[j]!));
  const location = features.map(meanOf);
  const scale = features.map((values, j) => Math.sqrt(meanOf(values.map((value) => (value - location[j]!) ** 2))));
  const blank: PopulationHead = { version, metric, location, scale, intercept: 0, weights: location.map(() => 0) };
  const lessons = sessions.map(({ fAttn, label }, i): Lesson => {
    return { lessonId: String(i), outcomeIds: [], forecastUs: 0, knownUs: 0, x: headInput(fAttn, blank), offset: 0, label };
  });
  const groups = [...rowsByAthlete(sessions).values()];
  const target = { ...performanceTarget(blank), errorWeight: 0 };
  const zero = target.prior;
  const [, ...weights] = descend(objective(target, centred(lessons, groups), zero), zero, zero.length, FIT_ITERATIONS).after;
  const rests = lessons.map(({ x, label }) => label - weights.reduce((sum, weight, j) => sum + weight * x[j + 1]!, 0));
  const intercept = meanOf(groups.map((rows) => meanOf(rows.map((i) => rests[i]!))));
  return { ...blank, intercept, weights };
}
