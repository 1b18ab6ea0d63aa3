/** A long replay on a thread of its own: the built program, since a thread runs no .ts file. */
import { expect, it } from 'vitest';
import { EMPTY_LEDGER, learn, prequential } from '../../src/asms/feedback/ledger.ts';
import type { Lesson } from '../../src/asms/feedback/lessons.ts';
import { injuryTarget } from '../../src/asms/feedback/params.ts';
import type * as LearnThread from '../../src/queue/daily/learn-thread.ts';

const BUILT = new URL('../../dist/src/queue/daily/learn-thread.js', import.meta.url).href;
const target = injuryTarget({ version: 'test', centreLogit: -3, strideDays: 1 });
const lessons = Array.from({ length: 40 }, (_, i): Lesson => ({
  lessonId: `hazard:${i}`,
  outcomeIds: [],
  forecastUs: i * 86_400e6,
  knownUs: (i + 7) * 86_400e6,
  x: [1, Math.sin(i)],
  offset: -3,
  label: i % 13 === 0 ? 1 : 0,
}));

it('learns bit for bit what it would here, and leaves the steps that stand as they are', async () => {
  const { learnInThread } = (await import(BUILT)) as typeof LearnThread;
  const all = await learnInThread(EMPTY_LEDGER, target, lessons, []);
  const here = learn(EMPTY_LEDGER, target, lessons);
  expect(all.ledger).toEqual(here);
  expect(all.judged).toEqual(prequential(here, target));
  // The eleventh is corrected: ten stand.
  const corrected = await learnInThread(all.ledger, target, [{ ...lessons[10]!, label: 1 }], []);
  expect(corrected.ledger).toEqual(learn(here, target, [{ ...lessons[10]!, label: 1 }]));
  expect(corrected.ledger.steps.map((step, i) => step === all.ledger.steps[i])).toEqual(lessons.map((_, i) => i < 10));
  await expect(learnInThread(all.ledger, target, [{ ...lessons[0]!, label: NaN }], [])).rejects.toThrow(RangeError);
});
