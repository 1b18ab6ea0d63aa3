/** A season of one athlete, day by day, with the truth beside what records and sensors hold. A function of seed and length alone. */
import { steadyLoad, stepLoad, relativeFatigue, type LoadState } from '../../asms/load.ts';
import { stepRecovery } from '../../asms/recovery.ts';
import { createRandom, hash32, type RandomStream } from '../random.ts';
import { drawSeasonAthlete, type SeasonAthlete } from './athlete.ts';
import { returnShare } from './predict.ts';
import { DEPARTURE_PER_DAY, HRV, MEASUREMENT, REGIONS, SCHEDULE, SPELL } from './constants.ts';
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

export interface SeasonInjury {
  readonly region: string;
  readonly onsetDay: number;
  readonly reportDay: number;
  /** First day back in the risk set; null where the season ends before. */
  readonly clearanceDay: number | null;
  /** Published time loss drawn for it, days: what k0 of eq. 27 is made of. */
  readonly timeLossDays: number;
}

/** Arrays have one entry a day. A day's figures stand at its end unless said otherwise. */
export interface Season {
  readonly athlete: SeasonAthlete;
  readonly days: number;
  /** First day on which the athlete is gone; `days` where never. Entries from there on are 0 or NaN. */
  readonly departureDay: number;
  readonly injuries: readonly SeasonInjury[];
  /** Session-RPE times minutes, metres, metres above 5.5 m/s. */
  readonly loadAu: Float64Array;
  readonly distanceM: Float64Array;
  readonly highSpeedM: Float64Array;
  /** Morning ln rMSSD, NaN where not valid: measured before the day's load. */
  readonly lnRmssd: Float64Array;
  /** Measured severity of a session on that day (MEASUREMENT), whether or not one was held. */
  readonly measured: Float64Array;
  /** 1 where the day ends in the risk set: no open injury (from onset to clearance), not departed. */
  readonly atRisk: Uint8Array;
  /** Past injuries and days since the last clearance (NaN without one) at the end of the day. */
  readonly pastInjuries: Float64Array;
  readonly daysSinceClearance: Float64Array;
  /** Recovery of eq. 27: 1 without an open injury. */
  readonly recovery: Float64Array;
  /** Latent. */
  readonly damage: Float64Array;
  readonly severity: Float64Array;
  readonly strain: Float64Array;
  readonly weekFactor: Float64Array;
  /** Probability of onset on that day, given its load: NaN where not at risk. */
  readonly onset: Float64Array;
  /** Load state before day 0 and at the end of each day, from daily session-RPE load. */
  readonly startLoad: LoadState;
  readonly loads: readonly LoadState[];
}

interface OpenSpell {
  readonly region: string;
  readonly onsetDay: number;
  readonly reportDay: number;
  readonly timeLossDays: number;
  readonly healingPerDay: number;
  r: number;
}

function pick<T extends { readonly share: number }>(items: readonly T[], random: RandomStream): T {
  let left = random.next();
  for (const item of items) {
    left -= item.share;
    if (left < 0) return item;
  }
  return items.at(-1)!;
}

function openSpell(day: number, random: RandomStream): OpenSpell {
  const region = pick(REGIONS, random);
  const drawn = region.medianDays * random.logNormal(region.logSd);
  const timeLossDays = Math.min(SPELL.maximumDays, Math.max(SPELL.minimumDays, drawn));
  const lag = pick(
    SPELL.reportLag.map((share, days) => ({ share, days })),
    random,
  ).days;
  const therapy = SPELL.therapyGainPerDay * random.uniform(SPELL.therapyAdherence[0], SPELL.therapyAdherence[1]);
  return {
    region: region.code,
    onsetDay: day,
    reportDay: day + lag,
    timeLossDays,
    healingPerDay: Math.log(20) / timeLossDays + therapy,
    r: 0,
  };
}

/** Share of the plan that the athlete is allowed or able to do. */
function allowedShare(spell: OpenSpell | null, day: number, daysSinceClearance: number | null): number {
  if (spell !== null) {
    if (day < spell.reportDay) return SPELL.unreportedShare;
    return Math.max(0, (SPELL.rehabShare * (spell.r - SPELL.trainFromR)) / (SPELL.clearanceR - SPELL.trainFromR));
  }
  return returnShare(daysSinceClearance);
}

/** Days before day 0 that are played without injuries, so that latents and loads start in their own spread. (chosen) */
export const BURN_IN_DAYS = 56;

/**
 * Plays `days` days of the athlete with this seed.
 * @throws RangeError where `days` is not a positive integer
 */
export function simulateSeason(seed: number, days: number): Season {
  if (!Number.isInteger(days) || days < 1) throw new RangeError(`days ${days}`);
  const athlete = drawSeasonAthlete(seed);
  const random = createRandom(hash32(seed, 1202), 2);
  const numbers = (): Float64Array => new Float64Array(days).fill(NaN);
  const zeros = (): Float64Array => new Float64Array(days);
  const loads: LoadState[] = [];
  const injuries: SeasonInjury[] = [];
  const out = {
    loadAu: zeros(),
    distanceM: zeros(),
    highSpeedM: zeros(),
    lnRmssd: numbers(),
    measured: numbers(),
    atRisk: new Uint8Array(days),
    pastInjuries: numbers(),
    daysSinceClearance: numbers(),
    recovery: numbers(),
    damage: numbers(),
    severity: numbers(),
    strain: numbers(),
    weekFactor: numbers(),
    onset: numbers(),
  };
  let load = steadyLoad(MEAN_SHARE * athlete.trainingDayAu);
  let startLoad = load;
  let week = SCHEDULE.weekLogSd * random.normal();
  let strain = HRV.strainSd * random.normal();
  let damage = 0;
  let spell: OpenSpell | null = null;
  let past = athlete.pastInjuries;
  let clearedDay: number | null = null;
  let departureDay = days;

  for (let day = -BURN_IN_DAYS; day < days; day += 1) {
    const weekday = ((day % 7) + 7) % 7;
    if (weekday === 0) week = nextWeek(week, random);
    if (day >= 0 && random.next() < DEPARTURE_PER_DAY) {
      departureDay = day;
      break;
    }
    if (spell !== null && spell.r >= SPELL.clearanceR && day > spell.reportDay) {
      injuries.push(closed(spell, day));
      damage = damageAtClearance(random);
      clearedDay = day;
      spell = null;
    }
    const fatigue = relativeFatigue(load);
    if (day === 0) startLoad = load;
    if (day >= 0) {
      const morning = athlete.hrvLevel - hrvFall(fatigue, strain) + HRV.noiseSd * random.normal();
      if (random.next() < HRV.valid) out.lnRmssd[day] = morning;
    }
    const since = clearedDay === null ? null : day - clearedDay;
    const share = drawShare(weekday, week, allowedShare(spell, day, since), random);
    const exposure = exposureOf(share, weekday);
    const before = load;
    load = stepLoad(load, share * athlete.trainingDayAu);
    if (day >= 0 && spell === null) {
      const known = historyTerm({ pastInjuries: past, age: athlete.age, daysSinceClearance: since }) + loadTerm(before);
      const probability = onsetProbability(logRate(known, athlete.frailty, damage, fatigue, strain), exposure);
      out.onset[day] = probability;
      if (random.next() < probability) {
        spell = openSpell(day, random);
        past += 1;
      }
    }
    if (spell !== null && day > spell.onsetDay) spell.r = stepRecovery(spell.r, spell.healingPerDay, 0, 1);
    damage = nextDamage(damage, athlete.capacity, share, exposure, fatigue, random);
    strain = nextStrain(strain, random);
    if (day < 0) continue;
    loads.push(load);
    out.loadAu[day] = share * athlete.trainingDayAu;
    out.distanceM[day] = out.loadAu[day]! * SCHEDULE.metresPerAu * random.logNormal(SCHEDULE.metresLogSd);
    out.highSpeedM[day] = out.loadAu[day]! * SCHEDULE.highSpeedMetresPerAu * random.logNormal(SCHEDULE.highSpeedLogSd);
    out.damage[day] = damage;
    out.severity[day] = severityOf(damage);
    out.strain[day] = strain;
    out.weekFactor[day] = week;
    out.measured[day] = athlete.measuredGain * severityOf(damage) + athlete.measuredHealthy + MEASUREMENT.noiseSd * random.normal();
    out.atRisk[day] = spell === null ? 1 : 0;
    out.pastInjuries[day] = past;
    out.daysSinceClearance[day] = clearedDay === null ? NaN : day - clearedDay;
    out.recovery[day] = spell === null ? 1 : spell.r;
  }
  if (spell !== null) injuries.push(closed(spell, null));
  return { athlete, days, departureDay, injuries, startLoad, loads, ...out };
}

const closed = ({ region, onsetDay, reportDay, timeLossDays }: OpenSpell, clearanceDay: number | null): SeasonInjury => ({
  region,
  onsetDay,
  reportDay,
  clearanceDay,
  timeLossDays,
});
