/**
 * What the planner is asked (science.md, "Interventions"; eq. 7, 28 to 32). Loads are in the unit of the athlete's load series, time in days, day 0 is
 * the first day planned. Plain values: they travel to a worker thread as they are.
 */
import type { LoadTerms } from '../hazard.ts';
import type { LoadState } from '../load.ts';

/** Longest horizon, days. */
export const MAXIMUM_HORIZON_DAYS = 14;

export type InterventionKind = 'load' | 'strength' | 'balance' | 'gait' | 'recovery' | 'therapy' | 'medical';

/** Body regions that a relative risk or a gain in recovery reaches; 'all' reaches every region of the problem. */
export type Scope = 'all' | readonly string[];

/** Relative risk at full effect (E = 1) with its 95 % interval. */
export interface RiskEffect {
  readonly scope: Scope;
  readonly relativeRisk: number;
  readonly lower: number;
  readonly upper: number;
}

export interface RecoveryEffect {
  readonly scope: Scope;
  /** k_m: gain in K (1/day) on a day with a full dose. */
  readonly gainPerDay: number;
}

export interface Intervention {
  readonly id: string;
  readonly name: string;
  readonly kind: InterventionKind;
  /**
   * `session`: its effects are those below. `load-change`: chosen on a day, that day's load may leave the plan within its allowed range.
   * `rest-day`: chosen on a day, that day's load is 0. At most one entry of a problem is a load change and at most one a rest day.
   */
  readonly action: 'session' | 'load-change' | 'rest-day';
  /** Steps of the dose: 1 is yes or no, 3 is a third, two thirds or a full dose. Load actions have 1. */
  readonly doseLevels: number;
  /** What a full dose is, in words. */
  readonly doseUnit: string;
  /** Cost of one step, in the unit of the cost budget. */
  readonly costPerLevel: number;
  /** Days with this intervention in any 7 days in a row, at most. */
  readonly maximumDaysAWeek: number;
  /** Days without it after a day with it. */
  readonly restDaysAfter: number;
  /** Empty: no trial gives a relative risk, the risk is left as it is. */
  readonly riskEffects: readonly RiskEffect[];
  /** rho_m: share of the built-up effect that is left a day later. 0: the effect is there on the next day and gone after it. */
  readonly effectKept: number;
  readonly recoveryEffects: readonly RecoveryEffect[];
  /** Fatigue after a full dose, as a share of the fatigue after one usual daily load. */
  readonly soreness: number;
  /** Conditions of the athlete with which it may not be used. */
  readonly contraindications: readonly string[];
  readonly evidence: string;
}

export interface PlannedDay {
  readonly load: number;
  /** Range a load change may use. */
  readonly minimumLoad: number;
  readonly maximumLoad: number;
  /**
   * Exposure to injury of what is planned, in mean days of a usual week: a match day has several, a day off none. The hazard's rate is that of a mean
   * day. A changed load does not change it. 1 where it is not told.
   */
  readonly exposure?: number;
}

/** A stage of return to play as the planner sees it: what is allowed on these days. */
export interface StageRule {
  readonly name: string;
  readonly firstDay: number;
  readonly lastDay: number;
  /** Null: the stage sets none. */
  readonly loadCeiling: number | null;
  /** Null: every kind. Kind 'load' (less load, rest) is always allowed. */
  readonly allowedKinds: readonly InterventionKind[] | null;
}

export interface RiskRegion {
  readonly code: string;
  /** Share of new time-loss injuries; shares add up to 1. */
  readonly share: number;
  /** Mean days lost to one injury. */
  readonly severityDays: number;
}

export interface InjuryToHeal {
  readonly injuryId: string;
  readonly region: string;
  /** R now, in [0, 1]. */
  readonly recovery: number;
  /** k0, 1/day. */
  readonly healingPerDay: number;
  /** a_i: the athlete's response to therapy, 1 is the population's. */
  readonly response: number;
}

export interface Performance {
  /** Performance gained for one unit of Banister fitness, and lost for one of fatigue, in the unit of the smallest worthwhile change. */
  readonly fitnessGain: number;
  readonly fatigueLoss: number;
  readonly smallestWorthwhileChange: number;
}

export interface HazardTerms {
  /** ln of the daily rate of a new time-loss injury, all regions, at usual load, in balance and without intervention: eta_BINN, history and context in one. */
  readonly logDailyRate: number;
  /** bF: log-odds for a relative fatigue of 1 (`relativeFatigue` of src/asms/load.ts). Not negative. */
  readonly fatigue: number;
  /** bC: log-odds for a 7-day mean one usual daily load above the 28-day mean. Not negative, or the programme would not be convex. */
  readonly loadExcess: number;
}

export interface FixedDose {
  readonly day: number;
  readonly interventionId: string;
  /** 0 forbids it on that day. */
  readonly level: number;
}

export interface FixedLoad {
  readonly day: number;
  readonly load: number;
}

export interface Weights {
  /** alpha: what one expected day lost weighs. */
  readonly daysLost: number;
  /** beta: one smallest worthwhile change of performance. */
  readonly performance: number;
  /** lambda2: 1 - R at the end. */
  readonly recovery: number;
}

/** (chosen) One smallest worthwhile change, kept over the weeks counted, against half a day lost; full recovery against five days. Staff set their own. */
export const DEFAULT_WEIGHTS: Weights = { daysLost: 1, performance: 0.5, recovery: 5 };

/**
 * (chosen) Expected days lost that a dose must save, so that nothing is changed for a benefit that nobody would see. For a session 0.001 for a unit of cost: a
 * quarter hour of one with a proven effect saves an athlete of average risk about four times as much. For a day whose load is changed 0.02, about half a
 * percent of what such an athlete is expected to lose in five weeks: no trial shows that a changed load changes the risk.
 */
export const WORTH = { perCost: 0.001, perLoadChange: 0.02 } as const;

/** What one step of an intervention must save, in expected days lost. */
export const worthOf = ({ action, costPerLevel }: Pick<Intervention, 'action' | 'costPerLevel'>): number =>
  action === 'session' ? WORTH.perCost * costPerLevel : WORTH.perLoadChange;

export interface PlanProblem {
  /** One entry a day: 1 to 14 of them, 7 by default. */
  readonly days: readonly PlannedDay[];
  /** Exposure of the days after the horizon, as `exposure` of a day; they repeat, a week of them as a rule. 1 each where it is not told. */
  readonly tailExposure?: readonly number[];
  /** Load figures at the end of yesterday; null where the record is too short. */
  readonly load: LoadState | null;
  /** Mean daily load of a balanced week of this athlete: the unit of relative loads. */
  readonly usualDailyLoad: number;
  /** Null where there is no hazard for this athlete yet. */
  readonly hazard: HazardTerms | null;
  readonly regions: readonly RiskRegion[];
  readonly injuries: readonly InjuryToHeal[];
  /** Null: performance stays out of the objective. */
  readonly performance: Performance | null;
  readonly interventions: readonly Intervention[];
  /** E_m,0 by intervention id, in [0, 1]; 0 where it is not named. */
  readonly effectsNow: Readonly<Record<string, number>>;
  /** Share of planned doses that this athlete does, in [0, 1]. */
  readonly adherence: number;
  /** Days ago on which an intervention was last done (1 is yesterday), for weekly maxima and rest days; not named: not within reach. */
  readonly doneDaysAgo: Readonly<Record<string, readonly number[]>>;
  /** The athlete's conditions, against contraindications. */
  readonly conditions: readonly string[];
  readonly stages: readonly StageRule[];
  /** lambda_i: most load on any day. Null: no limit. */
  readonly dailyLoadLimit: number | null;
  /** gamma: most cost over the horizon. Null: no limit. */
  readonly costBudget: number | null;
  /** Loads change in whole steps of this; null: freely. */
  readonly loadStep: number | null;
  /** Choices of the coach: the rest is planned around them. */
  readonly fixedDoses: readonly FixedDose[];
  readonly fixedLoads: readonly FixedLoad[];
  readonly weights: Weights;
}

/** What is done: levels[m][d] of intervention m on day d, and the load of each day. */
export interface Decision {
  readonly levels: readonly (readonly number[])[];
  readonly loads: readonly number[];
}

/** What load does to the rate where the hazard model does not say: as in models/hazard.json 0.3.0. */
export const DEFAULT_LOAD_TERMS: LoadTerms = { fatigue: 1.75, loadExcess: 3.4 };

/**
 * What a full dose adds to the built-up effect, as a multiple of (1 - rho): with it the weekly maximum of full doses, which stands for the programme of
 * the trials, holds the effect at 1 on average. A single dose never brings more than the whole effect, however fast it fades.
 */
export const doseGain = ({ maximumDaysAWeek, effectKept }: Pick<Intervention, 'maximumDaysAWeek' | 'effectKept'>): number =>
  Math.min(7 / maximumDaysAWeek, 1 / (1 - effectKept));

/** E_m a day later: rho E + (1 - rho) gain dose, the dose as a share of a full one. */
export const nextEffect = (one: Pick<Intervention, 'maximumDaysAWeek' | 'effectKept'>, effect: number, dose: number): number =>
  one.effectKept * effect + (1 - one.effectKept) * doseGain(one) * dose;

export const reaches = (scope: Scope, region: string): boolean => scope === 'all' || scope.includes(region);
