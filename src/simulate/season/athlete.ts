/** Who plays the season: the session simulator's person with what only days show. Drawn once from the seed. */
import { drawPerson } from '../person.ts';
import { createRandom, hash32 } from '../random.ts';
import { DAMAGE, HAZARD, HRV, MEASUREMENT, SCHEDULE } from './constants.ts';

export interface SeasonAthlete {
  readonly seed: number;
  /** Known from records. */
  readonly age: number;
  readonly pastInjuries: number;
  /** Load of a normal training day, AU: the plan is known. */
  readonly trainingDayAu: number;
  /** Latent: log hazard ratio, tissue capacity in training days, ln rMSSD at rest, and how a session measures this person's severity. */
  readonly frailty: number;
  readonly capacity: number;
  readonly hrvLevel: number;
  readonly measuredGain: number;
  readonly measuredHealthy: number;
}

export function drawSeasonAthlete(seed: number): SeasonAthlete {
  const person = drawPerson(seed);
  const random = createRandom(hash32(seed, 1201), 1);
  return {
    seed,
    age: person.age,
    pastInjuries: person.pastInjuries,
    trainingDayAu: SCHEDULE.trainingDayAu * random.logNormal(SCHEDULE.trainingDayLogSd),
    frailty: HAZARD.frailtySd * random.normal(),
    capacity: DAMAGE.capacity * random.logNormal(DAMAGE.capacityLogSd),
    hrvLevel: HRV.level + HRV.levelSd * random.normal(),
    measuredGain: random.logNormal(MEASUREMENT.gainLogSd),
    measuredHealthy: MEASUREMENT.healthySd * random.normal(),
  };
}
