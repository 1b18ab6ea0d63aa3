/** The rows of one athlete's season: landmark days in the risk set with label, features that records give, and the two ceilings. */
import { hrvFall } from '../../asms/hazard.ts';
import { loadFigures } from '../../asms/load.ts';
import { drawPerson } from '../../simulate/person.ts';
import { createRandom, hash32 } from '../../simulate/random.ts';
import { filterProbabilities } from '../../simulate/season/filter.ts';
import { labelAt, landmarkDays } from '../../simulate/season/landmarks.ts';
import { oracleProbability } from '../../simulate/season/predict.ts';
import { simulateSeason, type Season } from '../../simulate/season/season.ts';

/** Names of the columns, in order; all are float32, NaN = not known. */
export const VALUES = [
  'label',
  'acuteAu',
  'chronicAu',
  'acuteExcess',
  'relativeFatigue',
  'banisterFitness',
  'banisterFatigue',
  'uncoupledRatio',
  'weekLoadAu',
  'trainingDayAu',
  'hrvFall',
  'pastInjuries',
  'daysSinceClearance',
  'returned',
  'age',
  'sex',
  'massKg',
  'heightM',
  'severity',
  'frailty',
  'oracle',
  'ceiling',
] as const;
export type ValueName = (typeof VALUES)[number];

export interface SeasonRow {
  readonly day: number;
  readonly values: Readonly<Record<ValueName, number>>;
}

export interface SeasonRows {
  readonly season: Season;
  readonly rows: readonly SeasonRow[];
}

export interface CeilingOptions {
  /** Futures of the oracle, particles of the filter; 0 leaves the figure NaN. */
  readonly paths: number;
  readonly particles: number;
}

/** How fresh the return is: 1 on the day of clearance, fading over 28 days; 0 without an injury this season. */
const RETURNED_DAYS = 28;

/** Plays the season and cuts it. Deterministic in (seed, days, options). */
export function rowsOf(seed: number, days: number, ceilings: CeilingOptions): SeasonRows {
  const person = drawPerson(seed);
  const season = simulateSeason(seed, days);
  const landmarks = landmarkDays(days);
  const kept = landmarks.filter((day) => labelAt(season, day) !== null);
  const ceiling =
    ceilings.particles === 0
      ? landmarks.map(() => NaN)
      : [...filterProbabilities(season, { particles: ceilings.particles, sessionDays: landmarks, seed: hash32(seed, 1302) })];
  const rows = kept.map((day) => ({
    day,
    values: {
      label: labelAt(season, day) ?? NaN,
      ...recordsAt(season, day),
      sex: person.sex,
      massKg: person.massKg,
      heightM: person.heightM,
      severity: season.severity[day]!,
      frailty: season.athlete.frailty,
      oracle: ceilings.paths === 0 ? NaN : oracleAt(season, day, ceilings.paths),
      ceiling: ceiling[landmarks.indexOf(day)]!,
    },
  }));
  return { season, rows };
}

/** What load, morning and injury records say at the end of the day. */
function recordsAt(
  season: Season,
  day: number,
): Omit<SeasonRow['values'], 'label' | 'sex' | 'massKg' | 'heightM' | 'severity' | 'frailty' | 'oracle' | 'ceiling'> {
  const load = loadFigures([...season.loadAu.subarray(0, day + 1)]);
  const since = season.daysSinceClearance[day]!;
  return {
    acuteAu: load?.state.acute ?? NaN,
    chronicAu: load?.state.chronic ?? NaN,
    acuteExcess: load?.acuteExcess ?? NaN,
    relativeFatigue: load?.relativeFatigue ?? NaN,
    banisterFitness: load?.state.fitness ?? NaN,
    banisterFatigue: load?.state.fatigue ?? NaN,
    uncoupledRatio: load?.uncoupledRatio ?? NaN,
    weekLoadAu: load?.weekLoad ?? NaN,
    trainingDayAu: season.athlete.trainingDayAu,
    hrvFall: hrvFall([...season.lnRmssd.subarray(0, day + 1)]) ?? NaN,
    pastInjuries: season.pastInjuries[day]!,
    daysSinceClearance: since,
    returned: Number.isNaN(since) ? 0 : Math.exp(-since / RETURNED_DAYS),
    age: season.athlete.age,
  };
}

function oracleAt(season: Season, day: number, paths: number): number {
  const since = season.daysSinceClearance[day]!;
  const { athlete } = season;
  const known = {
    day,
    load: season.loads[day]!,
    trainingDayAu: athlete.trainingDayAu,
    pastInjuries: season.pastInjuries[day]!,
    age: athlete.age,
    daysSinceClearance: Number.isNaN(since) ? null : since,
  };
  const latent = {
    frailty: athlete.frailty,
    capacity: athlete.capacity,
    damage: season.damage[day]!,
    strain: season.strain[day]!,
    week: season.weekFactor[day]!,
  };
  return oracleProbability(known, latent, paths, createRandom(hash32(athlete.seed, 1303, day), 4));
}
