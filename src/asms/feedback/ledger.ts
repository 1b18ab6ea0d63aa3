/**
 * What an athlete's outcomes have taught, step by step: one step a lesson, in the order in which outcomes were known. The steps are a function of the
 * lessons in force and nothing else, so a late, corrected or undone outcome is a replay from the earliest change, and a replay equals what
 * was learned live bit for bit.
 */
import { descend, type Move } from './descent.ts';
import type { Lesson } from './lessons.ts';
import { linear, lossOf, objective, sigmoid } from './objective.ts';
import { FEEDBACK_VERSION, type FeedbackTarget } from './params.ts';

/** Both candidates learn from every lesson; the guard says which of them serves. */
export interface FeedbackStep {
  readonly lessonId: string;
  readonly outcomeIds: readonly string[];
  readonly knownUs: number;
  readonly methodVersion: string;
  readonly populationVersion: string;
  /** Lessons in the loss of this step, its own among them. */
  readonly lessons: number;
  readonly interceptOnly: Move;
  readonly personal: Move;
  /** One plain sentence. */
  readonly reason: string;
}

export interface UndoneStep {
  readonly step: FeedbackStep;
  readonly undoneAtUs: number;
  readonly by: string;
  readonly reason: string;
}

/** Of one athlete and target; plain JSON. */
export interface FeedbackLedger {
  /** In force, by knownUs, then lessonId. */
  readonly lessons: readonly Lesson[];
  /** steps[i] learned lessons[i]. */
  readonly steps: readonly FeedbackStep[];
  readonly undone: readonly UndoneStep[];
}

export const EMPTY_LEDGER: FeedbackLedger = { lessons: [], steps: [], undone: [] };

/** The three that forecast. */
export type Candidate = 'population' | 'interceptOnly' | 'personal';
export type CandidateParameters = Readonly<Record<Candidate, readonly number[]>>;

/** Parameters after the first `count` steps. */
export function parametersAfter(ledger: FeedbackLedger, target: FeedbackTarget, count: number = ledger.steps.length): CandidateParameters {
  const step = ledger.steps[count - 1];
  const { prior } = target;
  return { population: prior, interceptOnly: step?.interceptOnly.after ?? prior, personal: step?.personal.after ?? prior };
}

const inOrder = (a: Lesson, b: Lesson): number => a.knownUs - b.knownUs || (a.lessonId < b.lessonId ? -1 : a.lessonId > b.lessonId ? 1 : 0);

/** Where two lists of lessons first differ. */
function firstChange(a: readonly Lesson[], b: readonly Lesson[]): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i] && !sameLesson(a[i]!, b[i]!)) return i;
  return length;
}

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

const sameLesson = (a: Lesson, b: Lesson): boolean =>
  a.lessonId === b.lessonId &&
  a.outcomeIds.join() === b.outcomeIds.join() &&
  sameNumbers([a.forecastUs, a.knownUs, a.offset, a.label], [b.forecastUs, b.knownUs, b.offset, b.label]) &&
  sameNumbers(a.x, b.x);

/** A step whose method or population has changed is learned again. */
function currentSteps(ledger: FeedbackLedger, target: FeedbackTarget): number {
  const stale = ledger.steps.findIndex(
    ({ methodVersion, populationVersion }) => methodVersion !== FEEDBACK_VERSION || populationVersion !== target.populationVersion,
  );
  return stale < 0 ? ledger.steps.length : stale;
}

/**
 * Learns: puts new and corrected lessons (by lessonId), takes away those withdrawn, and replays from the earliest change. A lesson whose step was
 * undone stays away until it is corrected to something else. With nothing to put it brings stale steps up to the method in use.
 * @throws RangeError where a lesson does not fit the target, or is not finite
 */
export function learn(
  ledger: FeedbackLedger,
  target: FeedbackTarget,
  put: readonly Lesson[],
  withdraw: readonly string[] = [],
): FeedbackLedger {
  const { lessons, kept } = planLearning(ledger, target, put, withdraw);
  return { lessons, steps: relearn(lessons, ledger.steps.slice(0, kept), target), undone: ledger.undone };
}

/** Steps that `learn` would take: how much work it is. @throws RangeError as learn */
export function stepsToLearn(
  ledger: FeedbackLedger,
  target: FeedbackTarget,
  put: readonly Lesson[],
  withdraw: readonly string[] = [],
): number {
  const { lessons, kept } = planLearning(ledger, target, put, withdraw);
  return lessons.length - kept;
}

/** The lessons then in force, and how many of the steps stand. */
function planLearning(ledger: FeedbackLedger, target: FeedbackTarget, put: readonly Lesson[], withdraw: readonly string[]) {
  put.forEach((lesson) => checkLesson(lesson, target));
  const byId = new Map(ledger.lessons.map((lesson) => [lesson.lessonId, lesson]));
  for (const lessonId of withdraw) byId.delete(lessonId);
  for (const lesson of put) if (!isUndone(lesson, ledger)) byId.set(lesson.lessonId, lesson);
  const lessons = [...byId.values()].toSorted(inOrder);
  return { lessons, kept: Math.min(firstChange(ledger.lessons, lessons), currentSteps(ledger, target)) };
}

const isUndone = ({ lessonId, outcomeIds }: Lesson, { undone }: FeedbackLedger): boolean =>
  undone.some(({ step }) => step.lessonId === lessonId && step.outcomeIds.join() === outcomeIds.join());

function checkLesson(lesson: Lesson, { prior }: FeedbackTarget): void {
  const numbers = [lesson.forecastUs, lesson.knownUs, lesson.offset, lesson.label, ...lesson.x];
  if (lesson.x.length !== prior.length)
    throw new RangeError(`lesson ${lesson.lessonId}: ${lesson.x.length} inputs, ${prior.length} parameters`);
  if (!numbers.every(Number.isFinite)) throw new RangeError(`lesson ${lesson.lessonId} is not finite`);
}

function relearn(lessons: readonly Lesson[], kept: readonly FeedbackStep[], target: FeedbackTarget): readonly FeedbackStep[] {
  const steps = [...kept];
  for (let count = kept.length; count < lessons.length; count++) steps.push(stepFor(lessons.slice(0, count + 1), steps.at(-1), target));
  return steps;
}

/** The step for the last of `lessons`. The intercept-only candidate is the same update with the first coordinate alone free. */
function stepFor(lessons: readonly Lesson[], previous: FeedbackStep | undefined, target: FeedbackTarget): FeedbackStep {
  const own = lessons.at(-1)!;
  const used = lessons.slice(-target.maximumLessons);
  const move = (before: readonly number[], free: number): Move => descend(objective(target, used, before), before, free);
  const personal = move(previous?.personal.after ?? target.prior, target.prior.length);
  return {
    lessonId: own.lessonId,
    outcomeIds: own.outcomeIds,
    knownUs: own.knownUs,
    methodVersion: FEEDBACK_VERSION,
    populationVersion: target.populationVersion,
    lessons: used.length,
    interceptOnly: move(previous?.interceptOnly.after ?? target.prior, 1),
    personal,
    reason: reasonOf(own, personal, used.length, target),
  };
}

const signed = (value: number, digits: number): string => (value < 0 ? '' : '+') + value.toFixed(digits);

/** Before and after are of this lesson: what the step changed about the forecast that it learned from. */
function reasonOf(lesson: Lesson, { before, after, lossBefore, lossAfter }: Move, used: number, { kind }: FeedbackTarget): string {
  const loss = `Regularised loss over ${used} ${used === 1 ? 'outcome' : 'outcomes'}: ${lossBefore.toPrecision(4)} before, ${lossAfter.toPrecision(4)} after.`;
  const [was, is] = [linear(lesson, before), linear(lesson, after)];
  if (kind === 'performance')
    return `Measured ${signed(lesson.label, 1)} smallest worthwhile changes, expected ${signed(was, 1)}; now it would expect ${signed(is, 1)}. ${loss}`;
  const percent = (eta: number): string => `${(100 * sigmoid(eta)).toFixed(2)} %`;
  const event = lesson.label === 1 ? 'An injury followed' : 'No injury followed';
  return `${event} a forecast of ${percent(was)}; now it would be ${percent(is)} (intercept ${signed(after[0]!, 3)}, scale ${after[1]!.toFixed(3)}). ${loss}`;
}

/**
 * Undoes a step: its lesson is left out from now on. For the last step the parameters are exactly those before it; for an earlier one those
 * after it are learned again from what remains.
 * @throws RangeError where there is no such step
 */
export function undo(
  ledger: FeedbackLedger,
  target: FeedbackTarget,
  lessonId: string,
  why: { readonly atUs: number; readonly by: string; readonly reason: string },
): FeedbackLedger {
  const step = ledger.steps.find((one) => one.lessonId === lessonId);
  if (step === undefined) throw new RangeError(`there is no step for ${lessonId} to undo`);
  const undone = [...ledger.undone, { step, undoneAtUs: why.atUs, by: why.by, reason: why.reason }];
  return learn({ ...ledger, undone }, target, [], [lessonId]);
}

/** A forecast as it was made, and what it lost when the outcome came: squared SWC, or log loss. */
export interface JudgedForecast {
  readonly lessonId: string;
  readonly outcomeIds: readonly string[];
  readonly forecastUs: number;
  readonly label: number;
  /** eta of each candidate. */
  readonly forecast: Readonly<Record<Candidate, number>>;
  readonly loss: Readonly<Record<Candidate, number>>;
}

/** Steps known before a time. Strictly: a step at the very time of the forecast may have been its own. */
function stepsBefore(steps: readonly FeedbackStep[], us: number): number {
  const later = steps.findIndex(({ knownUs }) => knownUs >= us);
  return later < 0 ? steps.length : later;
}

/** Forecast first, then learn: each lesson forecast with what had been learned before its forecast was made. A late outcome counts from when it happened. */
export function prequential(ledger: FeedbackLedger, target: FeedbackTarget): readonly JudgedForecast[] {
  return ledger.lessons.map((lesson) => {
    const parameters = parametersAfter(ledger, target, stepsBefore(ledger.steps, lesson.forecastUs));
    const of = (value: (theta: readonly number[]) => number): Record<Candidate, number> => ({
      population: value(parameters.population),
      interceptOnly: value(parameters.interceptOnly),
      personal: value(parameters.personal),
    });
    return {
      lessonId: lesson.lessonId,
      outcomeIds: lesson.outcomeIds,
      forecastUs: lesson.forecastUs,
      label: lesson.label,
      forecast: of((theta) => linear(lesson, theta)),
      loss: of((theta) => lossOf(target.kind, linear(lesson, theta), lesson.label)),
    };
  });
}
