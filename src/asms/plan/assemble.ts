/** An athlete's facts as a planning problem, with what stood in for what is not known. Pure: the time is an argument. */
import { DEFAULT_REGIONS } from '../catalogue.ts';
import { readLoadTerms } from '../hazard-file.ts';
import { LOAD_DAYS, loadFigures, steadyLoad, type LoadState } from '../load.ts';
import { chronicLoadBefore, loadDays, type DayLoad } from '../load-history.ts';
import { DEFAULT_PROTOCOL, type Work } from '../return-protocol.ts';
import { beginReturn, stageLimits, stageOf } from '../return-to-play.ts';
import { readRatings, recordedDays } from '../session-ratings.ts';
import { shiftDay, teamDayOf, teamDays } from '../team-days.ts';
import { carriedOut, type Adherence } from './carried-out.ts';
import { PlanRefused } from './check-problem.ts';
import { logDailyRateFor } from './evaluate.ts';
import { HISTORY_DAYS, type KnownInjury, type PlanFacts, type PlanLimits, type PlannedLoad } from './facts.ts';
import {
  DEFAULT_LOAD_TERMS,
  DEFAULT_WEIGHTS,
  type HazardTerms,
  type InjuryToHeal,
  type InterventionKind,
  type PlanProblem,
  type PlannedDay,
  type StageRule,
} from './problem.ts';
import { exposureOfLoad, usualWeekOf, weekdayOf, type UsualWeek } from './usual-week.ts';
import { US_PER_DAY } from '../time.ts';

/** A change of what problems are made of is a change of this. */
export const PLAN_METHOD = 'plan-1.1.0';

/** The series that is planned in: the one athletes are asked for. */
const PLAN_SERIES = 'session-rpe';
export const LOAD_UNIT = 'AU';
export const DEFAULT_HORIZON_DAYS = 7;

/** (chosen) Three hours of staff and athlete time together a week, in the catalogue's quarter hours. No other limit unless staff set one. */
export const DEFAULT_LIMITS = {
  costBudget: 12,
  dailyLoadLimit: null,
  loadStep: null,
  weights: DEFAULT_WEIGHTS,
} as const satisfies PlanLimits;
/**
 * (chosen) Range of a day that nobody gave one: down by the 30 % of the rule's first recommendation (params.ts), and not up. A day may become a rest day
 * where staff allow 0.
 */
export const ALLOWED_SHARE = { minimum: 0.7, maximum: 1 } as const;
/** New time-loss injuries an athlete and day where there is no hazard of the athlete's own: half a percent (science.md, "Alerts"). */
const POPULATION_DAILY_RATE = 0.005;
/** (chosen) An older daily hazard says little about the days to come. */
const HAZARD_DAYS = 7;
const LOG_RATE_RANGE = [-20, 0] as const;
/**
 * Banister's classical ratio of gain and loss. (chosen) Half a usual day makes one smallest worthwhile change: with the default weights a week 30 % lighter than
 * the usual then pays from about 1.5 times the population's rate on, and an athlete of average risk trains as planned.
 */
const PERFORMANCE = { fitnessGain: 1, fatigueLoss: 2, smallestChangeDays: 0.5 } as const;

/** Work that a kind of intervention needs a stage to allow; kinds that are not named need none. (chosen) */
const NEEDED_WORK: Readonly<Partial<Record<InterventionKind, Work>>> = { strength: 'strength', balance: 'strength', gait: 'running' };
const KINDS: readonly InterventionKind[] = ['load', 'strength', 'balance', 'gait', 'recovery', 'therapy', 'medical'];

export interface PlanAsk {
  readonly horizonDays?: number;
  readonly limits?: PlanLimits;
  readonly fixedDoses?: readonly { readonly day: string; readonly interventionId: string; readonly level: number }[];
  readonly fixedLoads?: readonly { readonly day: string; readonly load: number }[];
}

/** Where the parts of a problem came from. */
export interface PlanSources {
  readonly method: string;
  readonly firstDay: string;
  readonly loadUnit: string;
  /** Of each day. */
  readonly days: readonly ('athlete' | 'team' | 'usual')[];
  readonly hazard: { readonly source: 'own' | 'population'; readonly modelVersion: string | null; readonly day: string | null };
  readonly limits: Readonly<Record<keyof PlanLimits, 'asked' | 'athlete' | 'team' | 'default'>>;
  /** Version of each entry. */
  readonly catalogue: Readonly<Record<string, number>>;
  readonly adherence: Adherence;
  /** What is not known of the athlete and what stands in for it, in sentences without medical detail. */
  readonly missing: readonly string[];
}

export interface AssembledPlan {
  readonly problem: PlanProblem;
  readonly sources: PlanSources;
}

interface Histories {
  /** Every day up to the one before the first that is planned, from the first record on. */
  readonly days: readonly DayLoad[];
  readonly load: LoadState;
  readonly firstDay: string;
  readonly usual: UsualWeek;
  readonly chronicBefore: (onsetUs: number) => number | null;
}

/** @throws PlanRefused `plan-no-data` */
function historiesOf(facts: PlanFacts, nowMs: number): Histories {
  const today = teamDayOf(nowMs, facts.timeZone);
  const { sessions } = readRatings(facts.ratings, facts.sessions, nowMs * 1_000);
  const known = recordedDays(teamDays(shiftDay(today, 1 - HISTORY_DAYS), today, facts.timeZone), sessions);
  const all = loadDays(PLAN_SERIES, sessions, known);
  // A day that is rated already is over: the plan begins with the next.
  const isTodayDone = all.at(-1)?.day === today && all.at(-1)?.value !== null;
  const firstDay = isTodayDone ? shiftDay(today, 1) : today;
  const first = known.findIndex(({ complete }) => complete);
  const begun = first < 0 ? [] : all.slice(first);
  const days = begun.filter(({ day }) => day < firstDay);
  const figures = loadFigures(days.map(({ value }) => value));
  if (figures === null) {
    const recorded = days.slice(-LOAD_DAYS).filter(({ value }) => value !== null).length;
    throw new PlanRefused(
      'plan-no-data',
      `There is not enough load on record for a plan: ${days.length} days since the first record (${LOAD_DAYS} are needed), ${recorded} of the last ${LOAD_DAYS} recorded (21 are needed). Record the rating of each session as an outcome of kind session-rpe, a rest day with rpe 0 and minutes 0`,
    );
  }
  const onsetUs = Math.min(...facts.injuries.map((injury) => injury.onsetUs));
  // What is usual for an injured athlete is what was before the injury.
  const before = days.filter(({ day }) => known.some((one) => one.day === day && one.toUs <= onsetUs));
  const matchDays = new Set(facts.matchDays);
  const usualBefore = facts.injuries.length > 0 ? usualWeekOf(before, matchDays) : null;
  const usual = usualBefore !== null && usualBefore.dailyLoad > 0 ? usualBefore : usualWeekOf(days, matchDays);
  if (usual === null || !(usual.dailyLoad > 0))
    throw new PlanRefused(
      'plan-no-data',
      `There was no load in the last ${LOAD_DAYS} days: a plan is relative to what is usual for the athlete. Plan the first weeks by hand`,
    );
  return {
    days,
    load: figures.state,
    firstDay,
    usual,
    chronicBefore: (onset) => chronicLoadBefore(PLAN_SERIES, onset, sessions, known.slice(Math.max(0, first))),
  };
}

function limitsOf(facts: PlanFacts, asked: PlanLimits, horizon: number) {
  const places = [
    ['asked', asked],
    ['athlete', facts.limits.athlete],
    ['team', facts.limits.team],
    ['default', DEFAULT_LIMITS],
  ] as const;
  const find = <K extends keyof PlanLimits>(name: K) => {
    const [source, limits] = places.find(([, one]) => one[name] !== undefined) ?? places[3];
    return { source, value: limits[name] as Exclude<PlanLimits[K], undefined> };
  };
  const [costBudget, dailyLoadLimit, loadStep, weights] = [find('costBudget'), find('dailyLoadLimit'), find('loadStep'), find('weights')];
  return {
    values: {
      costBudget: costBudget.value === null ? null : (costBudget.value * horizon) / DEFAULT_HORIZON_DAYS,
      dailyLoadLimit: dailyLoadLimit.value,
      loadStep: loadStep.value,
      weights: weights.value,
    },
    sources: {
      costBudget: costBudget.source,
      dailyLoadLimit: dailyLoadLimit.source,
      loadStep: loadStep.source,
      weights: weights.source,
    },
  };
}

/** 1 - R falls by k0 = ln 20 / time loss a day (eq. 27 without load above the ceiling); from R = 0 at the onset where no window was seen. */
function injuryToHeal({ injuryId, region, onsetUs, timeLossDays, recovery }: KnownInjury, nowUs: number): InjuryToHeal {
  const healingPerDay = Math.log(20) / Math.max(1, timeLossDays);
  const { r, atUs } = recovery ?? { r: 0, atUs: onsetUs };
  const left = (1 - Math.min(1, Math.max(0, r))) * Math.exp(-healingPerDay * Math.max(0, (nowUs - atUs) / US_PER_DAY));
  return { injuryId, region, recovery: 1 - left, healingPerDay, response: 1 };
}

interface Stages {
  readonly rules: readonly StageRule[];
  readonly missing: readonly string[];
}

/**
 * One rule for each open injury over the whole horizon: when a stage is left is a decision, not a forecast. Where the load before the injury is too short a
 * record for a chronic load, the ceiling is a share of what is usual for the athlete: no stage goes without one.
 */
function stagesOf(injuries: readonly KnownInjury[], { chronicBefore, usual }: Histories, horizon: number): Stages {
  const missing = new Set<string>();
  const rules = injuries.flatMap((injury, i) => {
    if (injury.returning === null) missing.add('The return to play has not begun: the limits of its first stage hold.');
    const state = injury.returning ?? beginReturn(injury.injuryId, DEFAULT_PROTOCOL, 'planner', injury.onsetUs);
    const protocol = state.protocolVersion === DEFAULT_PROTOCOL.version ? DEFAULT_PROTOCOL : injury.protocol;
    if (protocol?.version !== state.protocolVersion)
      throw new PlanRefused(
        'plan-no-data',
        `The return to play goes by the protocol ${state.protocolVersion}, whose limits are not known here: plan by hand`,
      );
    const chronic = chronicBefore(injury.onsetUs);
    const limits = stageLimits(state, protocol, chronic ?? usual.dailyLoad);
    if (limits === null) return [];
    if (chronic === null)
      missing.add(
        'There is too little load on record from before the injury: the ceiling of the stage is a share of the usual daily load.',
      );
    const allowedKinds = KINDS.filter((kind) => {
      const needed = NEEDED_WORK[kind];
      return needed === undefined || limits.allowedWork.includes(needed);
    });
    const { name } = stageOf(state, protocol);
    return [{ name: i === 0 ? name : `${name} ${i + 1}`, firstDay: 0, lastDay: horizon - 1, loadCeiling: limits.ceiling, allowedKinds }];
  });
  return { rules, missing: [...missing] };
}

/** A day as staff planned it for the athlete, or as the team's or the usual week has it, kept under the ceilings that hold then. */
function dayOf(
  day: string,
  facts: PlanFacts['plannedLoads'],
  usual: UsualWeek,
  ceiling: number,
): { readonly planned: PlannedDay; readonly source: PlanSources['days'][number] } {
  const on = (loads: readonly PlannedLoad[]): PlannedLoad | undefined => loads.find((one) => one.day === day);
  const planned = ({ load, minimumLoad, maximumLoad }: PlannedDay, isMatch: boolean): PlannedDay => ({
    load,
    minimumLoad,
    maximumLoad,
    exposure: exposureOfLoad(load, isMatch) / usual.exposure.daily,
  });
  const own = on(facts.athlete);
  // Staff planned it for this athlete: it stands, and the plan has to change it; but no least load stands above a ceiling.
  if (own !== undefined) {
    const { load, minimum, maximum, isMatch } = own;
    return { planned: planned({ load, minimumLoad: Math.min(minimum, ceiling), maximumLoad: maximum }, isMatch), source: 'athlete' };
  }
  const under = (value: number): number => Math.min(value, ceiling);
  const team = on(facts.team);
  if (team !== undefined) {
    const { load, minimum, maximum, isMatch } = team;
    return {
      planned: planned({ load: under(load), minimumLoad: under(minimum), maximumLoad: under(maximum) }, isMatch),
      source: 'team',
    };
  }
  const expected = usualDay(day, usual);
  return {
    planned: {
      load: under(expected.load),
      minimumLoad: under(expected.minimumLoad),
      maximumLoad: under(expected.maximumLoad),
      exposure: expected.load > 0 ? ((expected.exposure ?? 1) * under(expected.load)) / expected.load : 0,
    },
    source: 'usual',
  };
}

/** A day of the athlete's usual week, with the range of a day that nobody gave one. */
function usualDay(day: string, usual: UsualWeek): PlannedDay {
  const weekday = weekdayOf(day);
  const load = usual.byWeekday[weekday] ?? usual.dailyLoad;
  return {
    load,
    minimumLoad: load * ALLOWED_SHARE.minimum,
    maximumLoad: load * ALLOWED_SHARE.maximum,
    exposure: (usual.exposure.byWeekday[weekday] ?? usual.exposure.daily) / usual.exposure.daily,
  };
}

/**
 * The athlete's own hazard from the load of today on, or the population's rate of a rested athlete: either is what a usual week holds, and the terms spread it.
 */
function hazardOf({ hazard: known, hazardText }: PlanFacts, { load, usual, firstDay }: Histories) {
  const ofLoad = readLoadTerms(hazardText) ?? DEFAULT_LOAD_TERMS;
  const isFresh = known !== null && known.day >= shiftDay(firstDay, -HAZARD_DAYS);
  const own = isFresh ? known.probability : null;
  const source: PlanSources['hazard'] = isFresh
    ? { source: own === null ? 'population' : 'own', modelVersion: known.modelVersion, day: known.day }
    : { source: 'population', modelVersion: null, day: null };
  const reason =
    known === null ? 'none was computed yet' : !isFresh ? `the last one is of ${known.day}` : (known.notEnoughData ?? 'not enough data');
  const missing =
    own === null
      ? [
          `There is no daily hazard of the athlete's own (${reason}): the risk is that of an average athlete, ${POPULATION_DAILY_RATE * 100} % a day at usual load.`,
        ]
      : [];
  const days = planDays(firstDay, 7).map((day) => usualDay(day, usual));
  const logDailyRate =
    own === null
      ? logDailyRateFor(
          { days, load: steadyLoad(usual.dailyLoad), usualDailyLoad: usual.dailyLoad },
          ofLoad,
          -Math.expm1(-7 * POPULATION_DAILY_RATE),
        )
      : logDailyRateFor({ days, load, usualDailyLoad: usual.dailyLoad }, ofLoad, Math.min(0.99, Math.max(1e-6, own)));
  const terms: HazardTerms = { ...ofLoad, logDailyRate: Math.min(LOG_RATE_RANGE[1], Math.max(LOG_RATE_RANGE[0], logDailyRate)) };
  return { terms, source, missing };
}

function indexOfDay(day: string, days: readonly string[]): number {
  const index = days.indexOf(day);
  if (index < 0) throw new PlanRefused('plan-choice', `${day} is not among the days planned: they are ${days[0]} to ${days.at(-1)}`);
  return index;
}

/** The days of a plan, as ISO dates. */
export const planDays = (firstDay: string, horizon: number): readonly string[] =>
  Array.from({ length: horizon }, (_, d) => shiftDay(firstDay, d));

/**
 * The problem of the days to come: from today on, or from tomorrow where today is rated already.
 * @throws PlanRefused `plan-no-data` with what is missing; `plan-choice` for a day that is not planned. What else is wrong, checkProblem finds.
 */
export function assemblePlan(facts: PlanFacts, nowMs: number, ask: PlanAsk = {}): AssembledPlan {
  const histories = historiesOf(facts, nowMs);
  const { firstDay, usual, load } = histories;
  const horizon = ask.horizonDays ?? DEFAULT_HORIZON_DAYS;
  const days = planDays(firstDay, horizon);
  const limits = limitsOf(facts, ask.limits ?? {}, horizon);
  const stages = stagesOf(facts.injuries, histories, horizon);
  const ceiling = Math.min(
    ...[limits.values.dailyLoadLimit, ...stages.rules.map((rule) => rule.loadCeiling)].map((one) => one ?? Infinity),
  );
  const planned = days.map((day) => dayOf(day, facts.plannedLoads, usual, ceiling));
  const hazard = hazardOf(facts, histories);
  const interventions = facts.catalogue.map(({ entry }) => entry);
  const { effectsNow, doneDaysAgo, adherence } = carriedOut(interventions, facts.accepted, facts.done, firstDay);
  const problem: PlanProblem = {
    days: planned.map((one) => one.planned),
    tailExposure: planDays(shiftDay(firstDay, horizon), 7).map((day) => usualDay(day, usual).exposure ?? 1),
    load,
    usualDailyLoad: usual.dailyLoad,
    hazard: hazard.terms,
    regions: DEFAULT_REGIONS,
    injuries: facts.injuries.map((injury) => injuryToHeal(injury, nowMs * 1_000)),
    performance: {
      fitnessGain: PERFORMANCE.fitnessGain,
      fatigueLoss: PERFORMANCE.fatigueLoss,
      smallestWorthwhileChange: PERFORMANCE.smallestChangeDays * usual.dailyLoad,
    },
    interventions,
    effectsNow,
    adherence: adherence.share,
    doneDaysAgo,
    conditions: facts.conditions,
    stages: stages.rules,
    ...limits.values,
    fixedDoses: (ask.fixedDoses ?? []).map(({ day, ...fixed }) => ({ ...fixed, day: indexOfDay(day, days) })),
    fixedLoads: (ask.fixedLoads ?? []).map(({ day, load: fixed }) => ({ load: fixed, day: indexOfDay(day, days) })),
  };
  return {
    problem,
    sources: {
      method: PLAN_METHOD,
      firstDay,
      loadUnit: LOAD_UNIT,
      days: planned.map((one) => one.source),
      hazard: hazard.source,
      limits: limits.sources,
      catalogue: Object.fromEntries(facts.catalogue.map(({ entryId, version }) => [entryId, version])),
      adherence,
      missing: [...hazard.missing, ...stages.missing],
    },
  };
}
