import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { descend } from '../../src/asms/feedback/descent.ts';
import { EMPTY_LEDGER, learn, parametersAfter, prequential, undo, type FeedbackLedger } from '../../src/asms/feedback/ledger.ts';
import { hazardLesson, isTreated, performanceLesson, type HazardForecast, type Lesson } from '../../src/asms/feedback/lessons.ts';
import { errorWeights, linear, objective } from '../../src/asms/feedback/objective.ts';
import { OutcomeRefused, type PerformanceOutcome } from '../../src/asms/feedback/outcomes.ts';
import { injuryTarget, performanceTarget, type FeedbackTarget, type PopulationHead } from '../../src/asms/feedback/params.ts';
import { fitPopulationHead } from '../../src/asms/feedback/population.ts';

interface Vectors {
  readonly performance: readonly {
    readonly x: number[][];
    readonly label: number[];
    readonly prior: number[];
    readonly lambda: number[];
    readonly at: number[];
    readonly loss: number;
    readonly gradient: number[];
    readonly optimum: number[];
  }[];
  readonly injury: readonly {
    readonly centreLogit: number;
    readonly logit: number[];
    readonly label: (0 | 1)[];
    readonly at: number[];
    readonly loss: number;
    readonly gradient: number[];
    readonly optimum: number[];
  }[];
}
const vectors = JSON.parse(readFileSync(new URL('feedback-vectors.json', import.meta.url), 'utf8')) as Vectors;

const lessonOf = (at: number, x: readonly number[], label: number, offset = 0): Lesson => ({
  lessonId: `l${String(at).padStart(4, '0')}`,
  outcomeIds: [`o${at}`],
  forecastUs: at * 10,
  knownUs: at * 10 + 5,
  x,
  offset,
  label,
});
const expectClose = (given: readonly number[], wanted: readonly number[], digits: number): void => {
  expect(given).toHaveLength(wanted.length);
  given.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, digits));
};

const head: PopulationHead = {
  version: 'h1',
  metric: 'jump-height',
  location: [0, 0],
  scale: [1, 1],
  intercept: 0.5,
  weights: [0.3, -0.2],
};
const performance = performanceTarget(head);
const reference = { version: 'hz1', centreLogit: -3, strideDays: 1 };
const injury = injuryTarget(reference);

/** Labels and inputs to a tenth or a hundredth, as they are measured. */
const performanceLessons = fc
  .array(fc.tuple(fc.integer({ min: -300, max: 300 }), fc.integer({ min: -300, max: 300 }), fc.integer({ min: -100, max: 100 })), {
    minLength: 1,
    maxLength: 8,
  })
  .map((rows) => rows.map(([a, b, label], i) => lessonOf(i, [1, a / 100, b / 100], label / 10)));
const injuryLessons = fc
  .array(fc.tuple(fc.integer({ min: -300, max: 300 }), fc.boolean()), { minLength: 1, maxLength: 8 })
  .map((rows) => rows.map(([logit, hurt], i) => lessonOf(i, [1, logit / 100], hurt ? 1 : 0, -3)));
const cases = fc.oneof(
  performanceLessons.map((lessons) => ({ target: performance, lessons })),
  injuryLessons.map((lessons) => ({ target: injury, lessons })),
);

describe('the regularised loss', () => {
  it('has the value, gradient and optimum of numpy and scikit-learn for performance', () => {
    for (const { x, label, prior, lambda, at, loss, gradient, optimum } of vectors.performance) {
      const target: FeedbackTarget = { ...performance, prior, lambda, errorWeight: 0 };
      const lessons = x.map((row, i) => lessonOf(i, row, label[i]!));
      const problem = objective(target, lessons, prior);
      expect(problem.loss(at)).toBeCloseTo(loss, 10);
      expectClose(problem.gradient(at), gradient, 10);
      expectClose(descend(problem, prior, prior.length, 20_000).after, optimum, 5);
    }
  });

  it('has the value, gradient and optimum of scikit-learn and scipy for injuries', () => {
    for (const { centreLogit, logit, label, at, loss, gradient, optimum } of vectors.injury) {
      const lessons = logit.map((value, i) => lessonOf(i, [1, value - centreLogit], label[i]!, centreLogit));
      const problem = objective(injuryTarget({ version: 'v', centreLogit, strideDays: 1 }), lessons, [0, 1]);
      expect(problem.loss(at)).toBeCloseTo(loss, 10);
      expectClose(problem.gradient(at), gradient, 10);
      expectClose(descend(problem, [0, 1], 2, 2_000).after, optimum, 4);
    }
  });

  it('falls at every step no longer than 1 over the bound of its curvature, and the step taken never raises it', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 100 }), ({ target, lessons }, percent) => {
        const problem = objective(target, lessons, target.prior);
        const gradient = problem.gradient(target.prior);
        const square = gradient.reduce((sum, value) => sum + value * value, 0);
        const before = problem.loss(target.prior);
        const length = percent / 100 / problem.largestCurvature;
        const after = problem.loss(target.prior.map((value, j) => value - length * gradient[j]!));
        expect(after).toBeLessThanOrEqual(before - (length / 2) * square + 1e-9 * (1 + before));
        const move = descend(problem, target.prior, target.prior.length);
        expect(move.lossAfter).toBeLessThanOrEqual(move.lossBefore);
        if (Math.sqrt(square) > 1e-3) expect(move.lossAfter).toBeLessThan(move.lossBefore);
      }),
    );
  });

  it('falls although the parabola along the gradient overshoots: log loss far from its optimum', () => {
    const lessons = Array.from({ length: 40 }, (_, i) => lessonOf(i, [1, 0], i % 2, 0));
    const loose: FeedbackTarget = { ...injury, lambda: [1e-6, 1e-6], lessonWeight: 1 };
    const problem = objective(loose, lessons, [8, 1]);
    const move = descend(problem, [8, 1], 2, 1);
    expect(move.iterations).toBe(1);
    expect(move.lossAfter).toBeLessThan(move.lossBefore);
  });

  it('has weights with mean one, within kappa of it, larger for larger errors', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 30 }), (errors) => {
        const weights = errorWeights(errors, 0.5);
        expect(weights.reduce((sum, weight) => sum + weight, 0) / weights.length).toBeCloseTo(1, 12);
        errors.forEach((error, i) => {
          expect(weights[i]).toBeGreaterThanOrEqual(0.5 - 1e-12);
          expect(weights[i]).toBeLessThanOrEqual(1.5 + 1e-12);
          errors.forEach((other, k) => {
            if (Math.abs(error) > Math.abs(other)) expect(weights[i]! + 1e-12).toBeGreaterThanOrEqual(weights[k]!);
          });
        });
      }),
    );
    expect(errorWeights([1, 2, 3], 0)).toEqual([1, 1, 1]);
    expect(errorWeights([], 0.5)).toEqual([]);
  });
});

describe('lessons', () => {
  const outcome: PerformanceOutcome = {
    kind: 'performance',
    outcomeId: 'o1',
    atUs: 50,
    replaces: null,
    sessionId: 's1',
    metric: 'jump-height',
    unit: 'cm',
    value: 41,
  };
  const metric = { name: 'jump-height', unit: 'cm', smallestWorthwhileChange: 1.5, reference: 38, higherIsBetter: true };

  it('of performance are in smallest worthwhile changes, up is better, and known once the session has ended', () => {
    const session = { sessionId: 's1', endUs: 80, fAttn: Float32Array.of(2, -100) };
    const lesson = performanceLesson(outcome, session, metric, { ...head, location: [1, 0], scale: [2, 1] });
    expect(lesson).toMatchObject({ label: 2, x: [1, 0.5, -6], forecastUs: 80, knownUs: 80, outcomeIds: ['o1'] });
    expect(performanceLesson(outcome, session, { ...metric, higherIsBetter: false }, head).label).toBe(-2);
    expect(performanceLesson(outcome, session, metric, { ...head, scale: [0, 1] }).x[1]).toBe(0);
  });

  it('of performance need the F_attn that the head reads', () => {
    for (const fAttn of [[1], [1, NaN], [1, 2, 3]])
      expect(() => performanceLesson(outcome, { sessionId: 's1', endUs: 80, fAttn }, metric, head)).toThrow(OutcomeRefused);
  });

  it('of injuries leave the forecast alone at (0, 1), and are none where treated or not known', () => {
    const day: HazardForecast = {
      athleteId: 'a',
      day: 3,
      forecastUs: 3,
      logit: -4.2,
      label: 0,
      knownUs: 10,
      treated: false,
      outcomeIds: [],
    };
    expect(linear(hazardLesson(day, reference)!, [0, 1])).toBeCloseTo(-4.2, 12);
    expect(linear(hazardLesson(day, reference)!, [0.5, 1])).toBeCloseTo(-3.7, 12);
    expect(hazardLesson({ ...day, treated: true }, reference)).toBeNull();
    expect(hazardLesson({ ...day, treated: true, label: 1 }, reference)).toBeNull();
    expect(hazardLesson({ ...day, label: null }, reference)).toBeNull();
    expect(hazardLesson({ ...day, logit: NaN }, reference)).toBeNull();
  });

  it('are treated where an accepted plan acts on any day forecast', () => {
    const plans = [{ fromDay: 10, untilDay: 16 }];
    expect(
      [
        [3, 9],
        [4, 10],
        [16, 22],
        [17, 23],
        [12, 13],
      ].map(([first, last]) => isTreated(first!, last!, plans)),
    ).toEqual([false, true, true, false, true]);
    expect(isTreated(1, 7, [])).toBe(false);
  });
});

/** What a ledger comes to when all its lessons are learned anew, in the order known. */
const replayed = ({ lessons, undone }: FeedbackLedger, target: FeedbackTarget): FeedbackLedger => ({
  ...learn(EMPTY_LEDGER, target, lessons),
  undone,
});
const throughStore = (ledger: FeedbackLedger): FeedbackLedger => JSON.parse(JSON.stringify(ledger)) as FeedbackLedger;

describe('the ledger', () => {
  it('is the same bit for bit live, late, corrected, through the store, and replayed', () => {
    fc.assert(
      fc.property(cases, fc.infiniteStream(fc.nat()), ({ target, lessons }, numbers) => {
        const order = lessons.toSorted(() => (numbers.next().value! % 2 === 0 ? -1 : 1));
        let ledger = EMPTY_LEDGER;
        for (const lesson of order) {
          const wrong = { ...lesson, label: 1 - lesson.label, knownUs: lesson.knownUs + (numbers.next().value! % 40) };
          if (numbers.next().value! % 3 === 0) ledger = learn(ledger, target, [wrong]);
          ledger = throughStore(learn(ledger, target, [lesson]));
        }
        expect(ledger).toEqual(learn(EMPTY_LEDGER, target, lessons));
        expect(ledger.steps.map(({ lessonId }) => lessonId)).toEqual(lessons.map(({ lessonId }) => lessonId));
      }),
      { numRuns: 25 },
    );
  });

  it('undoes the last step to exactly what was before, and an earlier one as if it had never been', () => {
    fc.assert(
      fc.property(cases, fc.nat(), ({ target, lessons }, which) => {
        const why = { atUs: 1, by: 'staff', reason: 'wrong athlete' };
        const live = learn(EMPTY_LEDGER, target, lessons);
        const last = lessons.at(-1)!.lessonId;
        const back = undo(live, target, last, why);
        expect(back.steps).toEqual(live.steps.slice(0, -1));
        expect(parametersAfter(back, target).personal).toEqual(live.steps.at(-1)!.personal.before);
        expect(back.undone).toEqual([{ step: live.steps.at(-1), undoneAtUs: 1, by: 'staff', reason: 'wrong athlete' }]);
        const chosen = lessons[which % lessons.length]!;
        const without = undo(live, target, chosen.lessonId, why);
        expect(without.steps).toEqual(
          learn(
            EMPTY_LEDGER,
            target,
            lessons.filter((lesson) => lesson !== chosen),
          ).steps,
        );
        expect(replayed(without, target)).toEqual(without);
      }),
      { numRuns: 25 },
    );
  });

  const lessons = [1, 2, 3, 4].map((at) => lessonOf(at, [1, at / 4, -at / 8], at));

  it('does not take an undone outcome back until it is corrected', () => {
    const live = undo(learn(EMPTY_LEDGER, performance, lessons), performance, 'l0002', { atUs: 1, by: 'staff', reason: 'slip' });
    expect(learn(live, performance, lessons).steps).toHaveLength(3);
    const corrected = { ...lessons[1]!, outcomeIds: ['o2b'], label: 9 };
    expect(learn(live, performance, [corrected]).steps.map(({ lessonId }) => lessonId)).toEqual(['l0001', 'l0002', 'l0003', 'l0004']);
    expect(() => undo(live, performance, 'l0002', { atUs: 1, by: 'staff', reason: 'again' })).toThrow(RangeError);
  });

  it('keeps the steps before the earliest change and learns the rest again', () => {
    const live = learn(EMPTY_LEDGER, performance, lessons);
    const corrected = learn(live, performance, [{ ...lessons[2]!, label: 0 }]);
    expect(corrected.steps[0]).toBe(live.steps[0]);
    expect(corrected.steps[1]).toBe(live.steps[1]);
    expect(corrected.steps[2]).not.toEqual(live.steps[2]);
    expect(learn(live, performance, lessons).steps.every((step, i) => step === live.steps[i])).toBe(true);
    expect(learn(live, performance, [], ['l0001']).steps).toEqual(learn(EMPTY_LEDGER, performance, lessons.slice(1)).steps);
  });

  it('learns everything again when the population or the method has changed', () => {
    const live = learn(EMPTY_LEDGER, performance, lessons);
    const next = performanceTarget({ ...head, version: 'h2', intercept: 2 });
    expect(learn(live, next, [])).toEqual(learn(EMPTY_LEDGER, next, lessons));
    const old = { ...live, steps: live.steps.map((step) => ({ ...step, methodVersion: 'feedback-0' })) };
    expect(learn(old, performance, [])).toEqual(live);
  });

  it('says in a step what it learned, from how many outcomes, and by which method', () => {
    const [first, second] = learn(EMPTY_LEDGER, performance, lessons).steps;
    expect(second).toMatchObject({ outcomeIds: ['o2'], lessons: 2, populationVersion: 'h1', knownUs: 25 });
    expect(second!.personal.before).toEqual(first!.personal.after);
    expect(first!.personal.before).toEqual([0.5, 0.3, -0.2]);
    expect(first!.reason).toMatch(/^Measured \+1\.0 smallest worthwhile changes, expected \+0\.6; now it would expect \+[01]\.\d/);
    expect(first!.interceptOnly.after.slice(1)).toEqual([0.3, -0.2]);
    const [hurt] = learn(EMPTY_LEDGER, injury, [lessonOf(1, [1, 0.5], 1, -3)]).steps;
    expect(hurt!.reason).toMatch(
      /^An injury followed a forecast of 7\.59 %; now it would be 7\.\d\d % \(intercept \+0\.0\d\d, scale 1\.00\d\)/,
    );
  });

  it('moves an injury forecast hardly on one injury, and not at all without outcomes', () => {
    expect(parametersAfter(EMPTY_LEDGER, injury).personal).toEqual([0, 1]);
    const week = Array.from({ length: 7 }, (_, day) => lessonOf(day, [1, 0], 1, -3));
    const [intercept, scale] = parametersAfter(learn(EMPTY_LEDGER, injury, week), injury).personal;
    expect(intercept).toBeGreaterThan(0.05);
    expect(intercept).toBeLessThan(0.12);
    expect(scale).toBe(1);
  });

  it('learns from the newest lessons alone once there are more than it may hold', () => {
    const small: FeedbackTarget = { ...performance, maximumLessons: 2 };
    expect(learn(EMPTY_LEDGER, small, lessons).steps.map((step) => step.lessons)).toEqual([1, 2, 2, 2]);
  });

  it('refuses lessons that do not fit', () => {
    expect(() => learn(EMPTY_LEDGER, performance, [lessonOf(1, [1, 2], 0)])).toThrow(RangeError);
    expect(() => learn(EMPTY_LEDGER, performance, [lessonOf(1, [1, 2, NaN], 0)])).toThrow(RangeError);
  });

  it('judges each forecast with what was known before it was made', () => {
    // The second forecast was made before the first outcome was known.
    const early = [lessons[0]!, { ...lessons[1]!, forecastUs: lessons[0]!.knownUs }, lessons[2]!];
    const ledger = learn(EMPTY_LEDGER, performance, early);
    const [one, two, three] = prequential(ledger, performance);
    expect(one!.loss.personal).toBe(one!.loss.population);
    expect(two!.loss.personal).toBe(two!.loss.population);
    expect(three!.forecast.personal).toBe(linear(early[2]!, ledger.steps[1]!.personal.after));
    expect(three!.loss.personal).toBeCloseTo((three!.forecast.personal - 3) ** 2, 12);
  });
});

describe('the population head', () => {
  it('is the slope within athletes, whatever their levels, and the mean level', () => {
    const sessions = Array.from({ length: 400 }, (_, i) => {
      const a = Math.sin(i * 12.9898);
      // The athlete with the higher feature has the lower level: between athletes the slope would be negative.
      const own = i % 2 === 0 ? 1 : -1;
      return { athleteId: `a${i % 2}`, fAttn: [a + own, Math.cos(i * 78.233)], label: 2 - 10 * own + 3 * a };
    });
    const { location, scale, weights, intercept } = fitPopulationHead(sessions, 'jump-height', 'v');
    const at = (value: number): number => intercept + (weights[0]! * (value - location[0]!)) / scale[0]!;
    expect(at(1) - at(0)).toBeGreaterThan(2.7);
    expect(at(1) - at(0)).toBeLessThan(3);
    expect((at(1) + at(-1)) / 2).toBeCloseTo(2, 0);
  });

  it('needs finite sessions of one width', () => {
    expect(() => fitPopulationHead([], 'm', 'v')).toThrow(RangeError);
    expect(() => fitPopulationHead([{ athleteId: 'a', fAttn: [NaN], label: 0 }], 'm', 'v')).toThrow(RangeError);
  });
});
