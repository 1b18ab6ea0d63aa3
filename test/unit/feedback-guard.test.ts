import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judge, pairedGain, studentQuantile95, type AthleteForecasts } from '../../src/asms/feedback/guard.ts';
import type { JudgedForecast } from '../../src/asms/feedback/ledger.ts';
import { meanLosses, playInjuries, playPerformance } from '../support/feedback-squad.ts';

const vectors = JSON.parse(readFileSync(new URL('feedback-vectors.json', import.meta.url), 'utf8')) as {
  readonly student95: readonly { readonly freedom: number; readonly quantile: number }[];
};

const judgedWith = (loss: JudgedForecast['loss'], label = 0, outcomeIds: readonly string[] = []): JudgedForecast => ({
  lessonId: 'l',
  outcomeIds,
  forecastUs: 0,
  label,
  forecast: { population: 0, interceptOnly: 0, personal: 0 },
  loss,
});
/** Athletes with `each` outcomes; losses by athlete. */
const squadOf = (athletes: number, each: number, loss: (athlete: number) => JudgedForecast['loss']): AthleteForecasts[] =>
  Array.from({ length: athletes }, (_, i) => ({ athleteId: `a${i}`, forecasts: Array.from({ length: each }, () => judgedWith(loss(i))) }));

describe('the guard', () => {
  it('has the quantile of scipy', () => {
    for (const { freedom, quantile } of vectors.student95) expect(studentQuantile95(freedom)).toBeCloseTo(quantile, 3);
  });

  it('takes athletes, not outcomes, as what is independent', () => {
    const gain = (each: number) =>
      pairedGain(
        squadOf(10, each, (i) => ({ population: 3, interceptOnly: 2, personal: 2 - i / 10 })),
        'personal',
        'interceptOnly',
      );
    expect(gain(1).meanGain).toBeCloseTo(0.45, 12);
    // SD of 0, 0.1, ..., 0.9 over the root of 10.
    expect(gain(1).standardError).toBeCloseTo(Math.sqrt(0.825 / 9 / 10), 12);
    expect(gain(20).standardError).toBeCloseTo(gain(1).standardError, 12);
    expect(gain(20).lowerBound).toBeCloseTo(0.45 - studentQuantile95(9) * gain(1).standardError, 12);
  });

  it('says that there are not enough outcomes, athletes or injuries', () => {
    const better = { population: 3, interceptOnly: 2, personal: 1 };
    for (const squad of [[], squadOf(7, 100, () => better), squadOf(9, 11, () => better)])
      expect(judge('performance', squad)).toMatchObject({
        decision: 'not-enough-outcomes',
        serves: 'population',
        personalAgainstIntercept: null,
      });
    const days = squadOf(20, 50, () => better);
    expect(judge('injury', days)).toMatchObject({ decision: 'not-enough-outcomes', outcomes: 1000, events: 0 });
    // Seven overlapping days of one injury are one injury.
    const hurt = (count: number): AthleteForecasts[] =>
      days.map((one, i) =>
        i < count ? { ...one, forecasts: [...one.forecasts, ...Array.from({ length: 7 }, () => judgedWith(better, 1, [`i${i}`]))] } : one,
      );
    expect(judge('injury', hurt(9))).toMatchObject({ decision: 'not-enough-outcomes', events: 9 });
    expect(judge('injury', hurt(10))).toMatchObject({ decision: 'accepted', events: 10 });
    expect(judge('injury', hurt(9)).sentence).toContain('9 injuries; 100 of 8 athletes and 10 injuries are needed');
  });

  it('refuses what helps on the mean by luck alone, and then shows what does help', () => {
    const lucky = squadOf(12, 20, (i) => ({ population: 3, interceptOnly: 2, personal: i === 0 ? 0 : 2.05 }));
    expect(pairedGain(lucky, 'personal', 'interceptOnly').meanGain).toBeGreaterThan(0);
    expect(judge('performance', lucky)).toMatchObject({ decision: 'refused', serves: 'interceptOnly' });
    const harmful = squadOf(12, 20, () => ({ population: 1, interceptOnly: 3, personal: 2 }));
    expect(judge('performance', harmful)).toMatchObject({ decision: 'refused', serves: 'population' });
    expect(
      judge(
        'performance',
        squadOf(12, 20, () => ({ population: 3, interceptOnly: 2, personal: 1 })),
      ),
    ).toMatchObject({
      decision: 'accepted',
      serves: 'personal',
    });
  });
});

const SEEDS = [1, 2, 3, 4, 5];
const small = { athletes: 12, sessions: 30, width: 16, causes: 4, levelSd: 5, noiseSd: 2 };

describe('a simulated squad', () => {
  it('with own slopes loses less by feedback than by an intercept alone, forecast before learned', () => {
    for (const seed of SEEDS) {
      const result = playPerformance({ ...small, ownSlopeSd: 2 }, seed);
      const { population, interceptOnly, personal } = meanLosses(result);
      expect(interceptOnly).toBeLessThan(population);
      expect(personal).toBeLessThan(interceptOnly);
      expect(result.verdict).toMatchObject({ decision: 'accepted', serves: 'personal' });
    }
  });

  it('without own slopes is refused on at least four of five seeds, and the levels are still learned', () => {
    const verdicts = SEEDS.map((seed) => playPerformance({ ...small, ownSlopeSd: 0 }, seed).verdict);
    expect(verdicts.filter(({ decision }) => decision === 'refused').length).toBeGreaterThanOrEqual(4);
    expect(verdicts.every(({ serves }) => serves === 'interceptOnly')).toBe(true);
  });

  it('with no personal hazard is refused on at least four of five seeds, and loses next to nothing', { timeout: 120_000 }, () => {
    const results = SEEDS.map((seed) =>
      playInjuries({ athletes: 20, days: 90, centreLogit: -2.5, logitSd: 0.8, interceptSd: 0, scaleSd: 0 }, seed),
    );
    expect(results.filter(({ verdict }) => verdict.decision === 'refused').length).toBeGreaterThanOrEqual(4);
    for (const { population, personal } of results.map(meanLosses)) expect(personal / population - 1).toBeLessThan(0.005);
  });

  it('with very different hazards loses less by feedback', () => {
    for (const seed of SEEDS.slice(0, 2)) {
      const { population, personal } = meanLosses(
        playInjuries({ athletes: 16, days: 120, centreLogit: -2, logitSd: 0.8, interceptSd: 1, scaleSd: 0.4 }, seed),
      );
      expect(personal).toBeLessThan(population);
    }
  });
});
