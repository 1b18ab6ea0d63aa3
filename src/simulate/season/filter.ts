/**
 * The observable ceiling: a particle filter with the season's own equations that sees what records and sensors hold (load, plan, valid mornings
 * of ln rMSSD, measured severity on session days, history, injuries and their absence) and gives the probability of onset in the next 7 days.
 * Frailty, capacity, gain, damage and autonomic strain are particles (bootstrap proposal, systematic resampling below half the effective size);
 * the athlete's ln rMSSD level and healthy asymmetry enter linearly and are integrated out in each particle (Kalman means).
 */
import { relativeFatigue, steadyLoad, stepLoad } from '../../asms/load.ts';
import { createRandom, hash32, type RandomStream } from '../random.ts';
import { DAMAGE, HAZARD, HRV, MEASUREMENT, SCHEDULE } from './constants.ts';
import {
  damageAtClearance,
  drawShare,
  exposureOf,
  historyTerm,
  hrvFall,
  loadTerm,
  logRate,
  MEAN_SHARE,
  nextDamage,
  nextStrain,
  nextWeek,
  onsetProbability,
  severityOf,
} from './dynamics.ts';
import { onePath, returnShare } from './predict.ts';
import { BURN_IN_DAYS, type Season } from './season.ts';

class Cloud {
  readonly size: number;
  readonly frailty: Float64Array;
  readonly capacity: Float64Array;
  readonly gain: Float64Array;
  readonly damage: Float64Array;
  readonly strain: Float64Array;
  /** Posterior means of the level and of the healthy asymmetry, given the particle's path. */
  readonly level: Float64Array;
  readonly healthy: Float64Array;
  readonly weight: Float64Array;
  private readonly spare: Float64Array;
  private readonly source: Int32Array;

  constructor(size: number, random: RandomStream) {
    this.size = size;
    const fill = (draw: () => number): Float64Array => Float64Array.from({ length: size }, draw);
    this.frailty = fill(() => HAZARD.frailtySd * random.normal());
    this.capacity = fill(() => DAMAGE.capacity * random.logNormal(DAMAGE.capacityLogSd));
    this.gain = fill(() => random.logNormal(MEASUREMENT.gainLogSd));
    this.damage = new Float64Array(size);
    this.strain = fill(() => HRV.strainSd * random.normal());
    this.level = fill(() => HRV.level);
    this.healthy = new Float64Array(size);
    this.weight = fill(() => 1 / size);
    this.spare = new Float64Array(size);
    this.source = new Int32Array(size);
  }

  /** Weights to sum 1; resamples where the effective size is below half. */
  settle(random: RandomStream): void {
    const { weight, size } = this;
    let [sum, squares] = [0, 0];
    for (let i = 0; i < size; i += 1) sum += weight[i]!;
    for (let i = 0; i < size; i += 1) {
      weight[i] = sum > 0 ? weight[i]! / sum : 1 / size;
      squares += weight[i]! ** 2;
    }
    if (squares * size < 2) return;
    let [at, reached] = [0, weight[0]!];
    const start = random.next();
    for (let i = 0; i < size; i += 1) {
      const wanted = (i + start) / size;
      while (reached < wanted && at < size - 1) reached += weight[++at]!;
      this.source[i] = at;
    }
    for (const field of [this.frailty, this.capacity, this.gain, this.damage, this.strain, this.level, this.healthy]) {
      for (let i = 0; i < size; i += 1) this.spare[i] = field[this.source[i]!]!;
      field.set(this.spare);
    }
    weight.fill(1 / size);
  }
}

/**
 * A Kalman filter on a constant seen with noise, inside each particle; the variance is the same for all of them. Weights take the likelihood of
 * value - offset(i); means move towards it.
 */
function observe(cloud: Cloud, means: Float64Array, variance: number, noiseSd: number, residual: (i: number) => number): number {
  const total = variance + noiseSd * noiseSd;
  const gain = variance / total;
  for (let i = 0; i < cloud.size; i += 1) {
    const gap = residual(i) - means[i]!;
    cloud.weight[i]! *= Math.exp((-gap * gap) / (2 * total));
    means[i]! += gain * gap;
  }
  return variance * (1 - gain);
}

/** The week's log factor from its loads: a Kalman filter, independent of all else since load follows the plan and not the latents. */
class WeekFactor {
  private mean = 0;
  private variance: number = SCHEDULE.weekLogSd ** 2;
  next(): void {
    this.mean *= SCHEDULE.weekMemory;
    this.variance = SCHEDULE.weekMemory ** 2 * this.variance + (1 - SCHEDULE.weekMemory ** 2) * SCHEDULE.weekLogSd ** 2;
  }
  /** `ratio`: load done over load planned; 0 (not done, or nothing planned) says nothing. */
  see(ratio: number): void {
    if (!(ratio > 0)) return;
    const gain = this.variance / (this.variance + SCHEDULE.dayLogSd ** 2);
    this.mean += gain * (Math.log(ratio) - this.mean);
    this.variance *= 1 - gain;
  }
  draw(random: RandomStream): number {
    return this.mean + Math.sqrt(this.variance) * random.normal();
  }
}

export interface FilterOptions {
  readonly particles: number;
  /** Days on which a session measured the severity. Predictions are made at the end of those on which the athlete is at risk. */
  readonly sessionDays: readonly number[];
  readonly seed: number;
}

/**
 * Probability of onset in the next 7 days at the end of each session day, in their order; NaN where the athlete is not at risk.
 * @throws RangeError where there are no particles
 */
export function filterProbabilities(season: Season, options: FilterOptions): Float64Array {
  const { particles, sessionDays } = options;
  if (!Number.isInteger(particles) || particles < 1) throw new RangeError(`particles ${particles}`);
  const { athlete } = season;
  const random = createRandom(hash32(options.seed, 1203), 3);
  const cloud = new Cloud(particles, random);
  burnIn(cloud, athlete.trainingDayAu, random);
  let load = season.startLoad;
  const week = new WeekFactor();
  let levelVariance: number = HRV.levelSd ** 2;
  let healthyVariance: number = MEASUREMENT.healthySd ** 2;
  const out = new Float64Array(sessionDays.length).fill(NaN);
  let injured = false;

  for (let day = 0; day < season.departureDay; day += 1) {
    const weekday = day % 7;
    if (weekday === 0 && day > 0) week.next();
    if (injured && season.injuries.some((injury) => injury.clearanceDay === day)) {
      injured = false;
      for (let i = 0; i < particles; i += 1) cloud.damage[i] = damageAtClearance(random);
    }
    const fatigue = relativeFatigue(load);
    const morning = season.lnRmssd[day]!;
    if (!Number.isNaN(morning))
      levelVariance = observe(cloud, cloud.level, levelVariance, HRV.noiseSd, (i) => morning + hrvFall(fatigue, cloud.strain[i]!));
    const share = season.loadAu[day]! / athlete.trainingDayAu;
    const exposure = exposureOf(share, weekday);
    const sinceNow = season.daysSinceClearance[day]!;
    const since = Number.isNaN(sinceNow) ? null : sinceNow;
    if (!injured) {
      week.see(share / (SCHEDULE.week[weekday]! * returnShare(since)));
      const onset = season.injuries.some((injury) => injury.onsetDay === day);
      const pastInjuries = season.pastInjuries[day]! - (onset ? 1 : 0);
      const known = historyTerm({ pastInjuries, age: athlete.age, daysSinceClearance: since }) + loadTerm(load);
      for (let i = 0; i < particles; i += 1) {
        const p = onsetProbability(logRate(known, cloud.frailty[i]!, cloud.damage[i]!, fatigue, cloud.strain[i]!), exposure);
        cloud.weight[i]! *= onset ? p : 1 - p;
      }
      injured = onset;
    }
    for (let i = 0; i < particles; i += 1) {
      cloud.damage[i] = nextDamage(cloud.damage[i]!, cloud.capacity[i]!, share, exposure, fatigue, random);
      cloud.strain[i] = nextStrain(cloud.strain[i]!, random);
    }
    load = stepLoad(load, season.loadAu[day]!);
    const session = sessionDays.indexOf(day);
    if (session >= 0 && !injured) {
      const measured = season.measured[day]!;
      healthyVariance = observe(
        cloud,
        cloud.healthy,
        healthyVariance,
        MEASUREMENT.noiseSd,
        (i) => measured - cloud.gain[i]! * severityOf(cloud.damage[i]!),
      );
    }
    cloud.settle(random);
    if (session >= 0 && !injured) {
      const known = {
        day,
        load,
        trainingDayAu: athlete.trainingDayAu,
        pastInjuries: season.pastInjuries[day]!,
        age: athlete.age,
        daysSinceClearance: since,
      };
      let sum = 0;
      for (let i = 0; i < particles; i += 1) {
        const latent = {
          frailty: cloud.frailty[i]!,
          capacity: cloud.capacity[i]!,
          damage: cloud.damage[i]!,
          strain: cloud.strain[i]!,
          week: week.draw(random),
        };
        sum += cloud.weight[i]! * onePath(known, latent, random);
      }
      out[session] = sum;
    }
  }
  return out;
}

/** Plays the days before the season, each particle its own: damage starts in its spread. */
function burnIn(cloud: Cloud, trainingDayAu: number, random: RandomStream): void {
  const steady = steadyLoad(MEAN_SHARE * trainingDayAu);
  for (let i = 0; i < cloud.size; i += 1) {
    let load = steady;
    let weekFactor = 0;
    for (let day = -BURN_IN_DAYS; day < 0; day += 1) {
      const weekday = (day + BURN_IN_DAYS) % 7;
      if (weekday === 0) weekFactor = nextWeek(weekFactor, random);
      const share = drawShare(weekday, weekFactor, 1, random);
      const fatigue = relativeFatigue(load);
      cloud.damage[i] = nextDamage(cloud.damage[i]!, cloud.capacity[i]!, share, exposureOf(share, weekday), fatigue, random);
      load = stepLoad(load, share * trainingDayAu);
    }
  }
}
