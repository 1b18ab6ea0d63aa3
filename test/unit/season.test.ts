import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/simulate/random.ts';
import { DAMAGE, HORIZON_DAYS, REGIONS, SPELL } from '../../src/simulate/season/constants.ts';
import { damageAtClearance, drawShare, nextDamage, onsetProbability, severityOf } from '../../src/simulate/season/dynamics.ts';
import { filterProbabilities } from '../../src/simulate/season/filter.ts';
import { labelAt, landmarkDays } from '../../src/simulate/season/landmarks.ts';
import { oracleProbability } from '../../src/simulate/season/predict.ts';
import { simulateSeason, type Season } from '../../src/simulate/season/season.ts';

const seed = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const DAYS = 150;
const squad = (from: number, count: number): Season[] => Array.from({ length: count }, (_, i) => simulateSeason(from + i, DAYS));
const plain = (season: Season): string => JSON.stringify(season, (_, value: unknown) => (Number.isNaN(value) ? 'NaN' : value));

function oracleOf(season: Season, day: number, paths: number): number {
  const since = season.daysSinceClearance[day]!;
  const { athlete } = season;
  return oracleProbability(
    {
      day,
      load: season.loads[day]!,
      trainingDayAu: athlete.trainingDayAu,
      pastInjuries: season.pastInjuries[day]!,
      age: athlete.age,
      daysSinceClearance: Number.isNaN(since) ? null : since,
    },
    { ...athlete, damage: season.damage[day]!, strain: season.strain[day]!, week: season.weekFactor[day]! },
    paths,
    createRandom(athlete.seed, day),
  );
}

/**
 * Sum of the season's own daily probabilities over the horizon, up to an onset. Its mean is the mean of the label, whatever is known at `day`
 * (the compensator of the onset), and it varies far less: a test on it sees faults of some percent where counts of injuries see nothing.
 */
function likelihoodMade(season: Season, day: number): number {
  let total = 0;
  for (let at = day + 1; at <= day + HORIZON_DAYS; at += 1) {
    total += season.onset[at]!;
    if (season.injuries.some(({ onsetDay }) => onsetDay === at)) break;
  }
  return total;
}

describe('a simulated season', () => {
  it('is a function of seed and length, and a longer one begins with the shorter', () => {
    fc.assert(
      fc.property(seed, (own) => {
        const long = simulateSeason(own, 90);
        expect(plain(simulateSeason(own, 90))).toBe(plain(long));
        const short = simulateSeason(own, 40);
        expect([...short.loadAu]).toEqual([...long.loadAu.subarray(0, 40)]);
        expect([...short.damage]).toEqual([...long.damage.subarray(0, 40)]);
        expect([...short.atRisk]).toEqual([...long.atRisk.subarray(0, 40)]);
        expect(plain(simulateSeason(own + 1, 90))).not.toBe(plain(long));
      }),
      { numRuns: 20 },
    );
  });

  it('refuses a length that is none', () => {
    for (const days of [0, -1, 1.5, NaN]) expect(() => simulateSeason(1, days)).toThrow(RangeError);
  });

  it('has the injury incidence of team sports, most of it in matches, and spells of the published length', () => {
    const seasons = squad(7_000, 500);
    const injuries = seasons.flatMap((season) => season.injuries);
    const atRisk = seasons.reduce((sum, season) => sum + season.onset.filter((p) => !Number.isNaN(p)).length, 0);
    expect(injuries.length / atRisk).toBeGreaterThan(0.002);
    expect(injuries.length / atRisk).toBeLessThan(0.005);
    const matches = injuries.filter((injury) => injury.onsetDay % 7 === 6).length / injuries.length;
    expect(matches).toBeGreaterThan(0.45);
    expect(matches).toBeLessThan(0.68);
    const lost = injuries.filter((injury) => injury.clearanceDay !== null).map((injury) => injury.clearanceDay! - injury.onsetDay);
    const median = lost.toSorted((a, b) => a - b)[Math.floor(lost.length / 2)]!;
    expect(median).toBeGreaterThan(8);
    expect(median).toBeLessThan(20);
  });

  it('keeps R and severity in range, most severities below the altered threshold', () => {
    fc.assert(
      fc.property(seed, (own) => {
        const season = simulateSeason(own, DAYS);
        for (let day = 0; day < season.departureDay; day += 1) {
          expect(season.recovery[day]).toBeGreaterThanOrEqual(0);
          expect(season.recovery[day]).toBeLessThanOrEqual(1);
          expect(season.severity[day]).toBeGreaterThanOrEqual(0);
          expect(season.severity[day]).toBeLessThan(DAMAGE.severityMax + 1e-12);
          expect(season.loadAu[day]).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 30 },
    );
    const severities = squad(9_000, 100).flatMap((season) => [...season.severity].filter((value) => !Number.isNaN(value)));
    expect(severities.filter((value) => value > 0.35).length / severities.length).toBeLessThan(0.05);
  });

  it('takes an athlete out of the risk set from onset, not report, to clearance, and onset follows only from risk', () => {
    for (const season of squad(11_000, 120)) {
      const out = new Set<number>();
      for (const { onsetDay, reportDay, clearanceDay } of season.injuries) {
        expect(reportDay).toBeGreaterThanOrEqual(onsetDay);
        expect(reportDay - onsetDay).toBeLessThan(SPELL.reportLag.length);
        if (clearanceDay !== null) expect(clearanceDay).toBeGreaterThan(reportDay);
        expect(season.onset[onsetDay]).toBeGreaterThan(0);
        for (let day = onsetDay; day < (clearanceDay ?? DAYS); day += 1) out.add(day);
      }
      for (let day = 0; day < DAYS; day += 1)
        expect(season.atRisk[day], `day ${day}`).toBe(out.has(day) || day >= season.departureDay ? 0 : 1);
    }
  });

  it('has regions that share out all injuries', () => {
    expect(REGIONS.reduce((sum, region) => sum + region.share, 0)).toBeCloseTo(1, 9);
    expect(SPELL.reportLag.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
  });
});

describe('labels', () => {
  it('are made of onsets in the next 7 days, never inside a spell, and unknown after departure', () => {
    let [positive, censored] = [0, 0];
    for (const season of squad(20_000, 250)) {
      for (const day of landmarkDays(DAYS)) {
        const label = labelAt(season, day);
        const open = season.injuries.some(({ onsetDay, clearanceDay }) => onsetDay <= day && day < (clearanceDay ?? DAYS));
        if (open || day >= season.departureDay) {
          expect(label).toBeNull();
          continue;
        }
        const onsets = season.injuries.filter(({ onsetDay }) => onsetDay >= day + 1 && onsetDay <= day + 7).length;
        if (onsets > 0) expect(label).toBe(1);
        else if (season.departureDay <= day + 7) expect(label).toBeNaN();
        else expect(label).toBe(0);
        if (label === 1) positive += 1;
        if (Number.isNaN(label)) censored += 1;
      }
    }
    expect(positive).toBeGreaterThan(50);
    expect(censored).toBeGreaterThan(0);
  });

  it('stand on one weekday, after 28 days of load and with a whole horizon before the end', () => {
    const days = landmarkDays(100);
    expect(new Set(days.map((day) => day % 7)).size).toBe(1);
    expect(days[0]).toBeGreaterThanOrEqual(28);
    expect(days.at(-1)! + 7).toBeLessThan(100);
    expect(landmarkDays(30)).toEqual([]);
    expect(labelAt(simulateSeason(1, 50), 50)).toBeNull();
  });
});

describe('equations of a day', () => {
  const amount = fc.double({ min: 0, max: 5, noNaN: true });

  it('damage heals without load, and severity saturates', () => {
    fc.assert(
      fc.property(amount, (damage) => {
        const healed = nextDamage(damage, 1, 0, 0, 0, createRandom(1));
        expect(healed).toBeCloseTo(damage * Math.exp(-1 / DAMAGE.healDays), 12);
        expect(severityOf(damage)).toBeLessThanOrEqual(DAMAGE.severityMax);
        expect(severityOf(damage)).toBeLessThanOrEqual(damage + 1e-12);
      }),
    );
  });

  it('overload and fatigue never lower damage; load within capacity adds none but knocks', () => {
    fc.assert(
      fc.property(seed, amount, amount, fc.double({ min: 0, max: 1, noNaN: true }), (own, share, less, fatigue) => {
        const after = (load: number, tired: number): number => nextDamage(0.1, 1, load, 0, tired, createRandom(own));
        expect(after(1 + share + less, fatigue)).toBeGreaterThanOrEqual(after(1 + share, 0) - 1e-12);
        expect(after(Math.min(1, share), fatigue)).toBeCloseTo(0.1 * Math.exp(-1 / DAMAGE.healDays), 12);
      }),
    );
  });

  it('probabilities are probabilities, the day off has no load, clearance leaves little damage', () => {
    fc.assert(
      fc.property(fc.double({ min: -30, max: 30, noNaN: true }), amount, seed, (eta, exposure, own) => {
        const p = onsetProbability(eta, exposure);
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(drawShare(1, eta / 30, 1, createRandom(own))).toBe(0);
        expect(damageAtClearance(createRandom(own))).toBeLessThanOrEqual(DAMAGE.leftAtClearance[1]);
      }),
    );
  });
});

describe('the two ceilings', () => {
  const seasons = squad(30_000, 140);
  const days = landmarkDays(DAYS);
  const rows = seasons.flatMap((season) => {
    const filtered = filterProbabilities(season, { particles: 150, sessionDays: days, seed: season.athlete.seed });
    return days.flatMap((day, i) => {
      const label = labelAt(season, day);
      if (label === null || season.departureDay <= day + HORIZON_DAYS) return [];
      return [{ label, made: likelihoodMade(season, day), oracle: oracleOf(season, day, 40), ceiling: filtered[i]! }];
    });
  });
  type Row = (typeof rows)[number];
  const sum = (name: keyof Row, among: readonly Row[] = rows): number => among.reduce((total, row) => total + row[name], 0);
  const spread = (name: 'oracle' | 'ceiling'): number => {
    const logs = rows.map((row) => Math.log(row[name]));
    const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
    return Math.sqrt(logs.reduce((total, value) => total + (value - mean) ** 2, 0) / logs.length);
  };

  it('expect as many injuries as the season itself made likely, overall and among days of high and of low risk', () => {
    expect(rows.length).toBeGreaterThan(1_500);
    const ranked = rows.toSorted((a, b) => a.oracle - b.oracle);
    const parts = [rows, ranked.slice(0, ranked.length / 2), ranked.slice(-ranked.length / 5)];
    const ratios = [...parts.map((part) => sum('made', part) / sum('oracle', part)), sum('made') / sum('ceiling')];
    for (const ratio of ratios) {
      expect(ratio).toBeGreaterThan(0.92);
      expect(ratio).toBeLessThan(1.08);
    }
    // The labels are drawn with these probabilities: their number is known within chance only.
    expect(Math.abs(sum('label') - sum('made'))).toBeLessThan(3.5 * Math.sqrt(sum('made')));
  });

  it('the one that sees the latents spreads further, the other follows it', () => {
    expect(spread('oracle')).toBeGreaterThan(spread('ceiling'));
    expect(spread('ceiling')).toBeGreaterThan(0.3);
    const means = { oracle: sum('oracle') / rows.length, ceiling: sum('ceiling') / rows.length };
    const product = (a: 'oracle' | 'ceiling', b: 'oracle' | 'ceiling'): number =>
      rows.reduce((total, row) => total + (row[a] - means[a]) * (row[b] - means[b]), 0);
    expect(product('oracle', 'ceiling') / Math.sqrt(product('oracle', 'oracle') * product('ceiling', 'ceiling'))).toBeGreaterThan(0.5);
  });

  it('the filter moves little when its particles double', () => {
    const season = seasons[0]!;
    const at = (particles: number, own: number): Float64Array =>
      filterProbabilities(season, { particles, sessionDays: days, seed: own }).filter((p) => !Number.isNaN(p));
    const [few, many] = [at(800, 1), at(1_600, 2)];
    const off = few.reduce((total, p, i) => total + Math.abs(Math.log(p / many[i]!)), 0) / few.length;
    expect(off).toBeLessThan(0.15);
  });

  it('repeat themselves, and refuse sizes that are none', () => {
    const season = seasons[1]!;
    const run = (): number[] => [...filterProbabilities(season, { particles: 50, sessionDays: days, seed: 3 })];
    expect(run()).toEqual(run());
    expect(oracleOf(season, 31, 20)).toBe(oracleOf(season, 31, 20));
    expect(() => filterProbabilities(season, { particles: 0, sessionDays: days, seed: 3 })).toThrow(RangeError);
    expect(() => oracleOf(season, 31, 0)).toThrow(RangeError);
  });
});
