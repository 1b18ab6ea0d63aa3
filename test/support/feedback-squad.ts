/** Squads with known personal parameters, and squads with none: what the feedback is judged on. Everything is a function of the seed. */
import { judge, type AthleteForecasts, type GuardVerdict } from '../../src/asms/feedback/guard.ts';
import { EMPTY_LEDGER, learn, prequential } from '../../src/asms/feedback/ledger.ts';
import { hazardLesson, performanceLesson, type HazardForecast, type Lesson } from '../../src/asms/feedback/lessons.ts';
import { sigmoid } from '../../src/asms/feedback/objective.ts';
import type { PerformanceMetric } from '../../src/asms/feedback/outcomes.ts';
import { injuryTarget, performanceTarget, type FeedbackTarget, type HazardReference } from '../../src/asms/feedback/params.ts';
import { fitPopulationHead, type SquadSession } from '../../src/asms/feedback/population.ts';
import { createRandom, type RandomStream } from '../../src/simulate/random.ts';

const US_PER_DAY = 86_400e6;
export const METRIC: PerformanceMetric = {
  name: 'jump-height',
  unit: 'cm',
  smallestWorthwhileChange: 1,
  reference: 38,
  higherIsBetter: true,
};

export interface PerformanceWorld {
  readonly athletes: number;
  readonly sessions: number;
  /** Features of F_attn, and the hidden causes they are mixed from: features hang together. */
  readonly width: number;
  readonly causes: number;
  /** SD over athletes of their level, in smallest worthwhile changes. */
  readonly levelSd: number;
  /** SD over sessions of what an athlete's own slope adds to the squad's, and of the noise, in smallest worthwhile changes. */
  readonly ownSlopeSd: number;
  readonly noiseSd: number;
}

const normals = (count: number, random: RandomStream): number[] => Array.from({ length: count }, () => random.normal());
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
/** A direction in which causes of unit variance give SD `sd`. */
function slope(causes: number, sd: number, random: RandomStream): number[] {
  const drawn = normals(causes, random);
  const length = Math.sqrt(dot(drawn, drawn));
  return drawn.map((value) => (sd * value) / length);
}

interface PlayedSession extends SquadSession {
  readonly session: number;
}

function playSessions(
  world: PerformanceWorld,
  athlete: string,
  mixing: readonly number[][],
  common: readonly number[],
  random: RandomStream,
) {
  const level = world.levelSd * random.normal();
  const own = slope(world.causes, world.ownSlopeSd, random);
  return Array.from({ length: world.sessions }, (_, session): PlayedSession => {
    const causes = normals(world.causes, random);
    const fAttn = mixing.map((row) => dot(row, causes) + 0.3 * random.normal());
    const label = level + dot(common, causes) + dot(own, causes) + world.noiseSd * random.normal();
    return { athleteId: athlete, session, fAttn, label };
  });
}

export interface SquadResult {
  readonly squad: readonly AthleteForecasts[];
  readonly verdict: GuardVerdict;
}

/** Learns every athlete's lessons and judges the squad. */
function judged(target: FeedbackTarget, byAthlete: ReadonlyMap<string, readonly Lesson[]>): SquadResult {
  const squad = [...byAthlete].map(([athleteId, lessons]) => ({
    athleteId,
    forecasts: prequential(learn(EMPTY_LEDGER, target, lessons), target),
  }));
  return { squad, verdict: judge(target.kind, squad) };
}

/** The head of the population is fitted on another squad of the same world. */
export function playPerformance(world: PerformanceWorld, seed: number): SquadResult {
  const random = createRandom(seed, 101);
  const mixing = Array.from({ length: world.width }, () => slope(world.causes, 1, random));
  const common = slope(world.causes, 2, random);
  const earlier = Array.from({ length: world.athletes }, (_, i) => playSessions(world, `e${i}`, mixing, common, random)).flat();
  const head = fitPopulationHead(earlier, METRIC.name, 'simulated');
  const target = performanceTarget(head);
  const byAthlete = new Map<string, readonly Lesson[]>();
  for (let i = 0; i < world.athletes; i++) {
    const lessons = playSessions(world, `a${i}`, mixing, common, random).map(({ session, fAttn, label }) => {
      const endUs = (session + 1) * 2 * US_PER_DAY;
      const sessionId = `s${String(session).padStart(4, '0')}`;
      const outcome = {
        kind: 'performance',
        outcomeId: `o${session}`,
        atUs: endUs,
        replaces: null,
        sessionId,
        metric: METRIC.name,
        unit: METRIC.unit,
        value: METRIC.reference + label,
      } as const;
      return performanceLesson(outcome, { sessionId, endUs, fAttn }, METRIC, head);
    });
    byAthlete.set(`a${i}`, lessons);
  }
  return judged(target, byAthlete);
}

export interface InjuryWorld {
  readonly athletes: number;
  readonly days: number;
  readonly centreLogit: number;
  /** SD of the day's log-odds about the centre. */
  readonly logitSd: number;
  /** SD over athletes of the true intercept, and of the true scale about 1. */
  readonly interceptSd: number;
  readonly scaleSd: number;
}

const HORIZON_DAYS = 7;

/**
 * One athlete's daily forecasts. The log-odds of the week to come drift slowly (AR(1) over days); injuries are drawn day by day so that the week's
 * probability is right where the log-odds stand still. Seven days after an onset the athlete is out and no forecast is made.
 */
export function playForecasts(world: InjuryWorld, athleteId: string, random: RandomStream): HazardForecast[] {
  const intercept = world.interceptSd * random.normal();
  const scale = 1 + world.scaleSd * random.normal();
  const persistence = 0.9;
  let deviation = world.logitSd * random.normal();
  const deviations: number[] = [];
  const injured: boolean[] = [];
  for (let day = 0; day < world.days + HORIZON_DAYS; day++) {
    deviations.push(deviation);
    const week = sigmoid(world.centreLogit + intercept + scale * deviation);
    const out = injured.slice(-HORIZON_DAYS).some(Boolean);
    injured.push(!out && random.next() < 1 - (1 - week) ** (1 / HORIZON_DAYS));
    deviation = persistence * deviation + world.logitSd * Math.sqrt(1 - persistence ** 2) * random.normal();
  }
  const forecasts: HazardForecast[] = [];
  for (let day = 0; day < world.days; day++) {
    if (injured.slice(Math.max(0, day - HORIZON_DAYS + 1), day + 1).some(Boolean)) continue;
    const onset = injured.findIndex((one, at) => one && at > day && at <= day + HORIZON_DAYS);
    forecasts.push({
      athleteId,
      day,
      forecastUs: day * US_PER_DAY,
      logit: world.centreLogit + deviations[day]!,
      label: onset < 0 ? 0 : 1,
      knownUs: (onset < 0 ? day + HORIZON_DAYS : onset) * US_PER_DAY,
      treated: false,
      outcomeIds: onset < 0 ? [] : [`${athleteId}:${onset}`],
    });
  }
  return forecasts;
}

export function playInjuries(world: InjuryWorld, seed: number): SquadResult {
  const random = createRandom(seed, 202);
  const reference: HazardReference = { version: 'simulated', centreLogit: world.centreLogit, strideDays: 1 };
  const target = injuryTarget(reference);
  const byAthlete = new Map<string, readonly Lesson[]>();
  for (let i = 0; i < world.athletes; i++) {
    const lessons = playForecasts(world, `a${i}`, random).map((forecast) => hazardLesson(forecast, reference));
    byAthlete.set(
      `a${i}`,
      lessons.filter((lesson) => lesson !== null),
    );
  }
  return judged(target, byAthlete);
}

/** Mean loss of each candidate over the squad, and the share of population loss that is left. */
export function meanLosses({ squad }: SquadResult) {
  const losses = squad.flatMap(({ forecasts }) => forecasts.map(({ loss }) => loss));
  const mean = (of: 'population' | 'interceptOnly' | 'personal'): number => losses.reduce((sum, loss) => sum + loss[of], 0) / losses.length;
  return { population: mean('population'), interceptOnly: mean('interceptOnly'), personal: mean('personal') };
}
