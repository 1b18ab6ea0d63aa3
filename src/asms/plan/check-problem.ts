/** Refuses a planning problem that contradicts itself, before anything is built of it. */
import { KinewatchError } from '../../contracts/errors.ts';
import { MAXIMUM_HORIZON_DAYS, type Intervention, type PlanProblem, type Scope, type StageRule } from './problem.ts';

export type PlanFault = 'plan-no-data' | 'plan-horizon' | 'plan-number' | 'plan-range' | 'plan-catalogue' | 'plan-regions' | 'plan-choice';

/** The problem cannot be planned as it stands; the message names the field and says what to do. Nothing was changed. */
export class PlanRefused extends KinewatchError {
  constructor(code: PlanFault, message: string) {
    super(code, message);
    this.name = 'PlanRefused';
  }
}

/** (chosen) Outside of it a relative risk is a slip of the pen: no trial of an intervention reports less or more. */
export const RELATIVE_RISK_RANGE: readonly [number, number] = [0.1, 3];
/** (chosen) Gain of recovery a day: above it an injury would be healed by a week of therapy alone. */
export const MAXIMUM_GAIN_PER_DAY = 0.5;
/** (chosen) Bound of one problem. */
export const MAXIMUM_INTERVENTIONS = 40;
export const MAXIMUM_DOSE_LEVELS = 4;
const SHARE_TOLERANCE = 1e-6;
/** e^20 is far above any rate: larger log-rates are a slip of the pen. (chosen) */
const LOG_RATE_RANGE: readonly [number, number] = [-20, 0];
const COEFFICIENT_MAXIMUM = 10; // (chosen) e^10 for one usual daily load

function need(holds: boolean, code: PlanFault, message: string): void {
  if (!holds) throw new PlanRefused(code, message);
}

function within(value: number, low: number, high: number, what: string, code: PlanFault = 'plan-number'): void {
  const range = high === Number.MAX_VALUE ? `${low} or more` : `${low} to ${high}`;
  need(Number.isFinite(value) && value >= low && value <= high, code, `${what} is ${value}: give a finite number, ${range}`);
}

const atLeastZero = (value: number, what: string): void => within(value, 0, Number.MAX_VALUE, what);

function whole(value: number, low: number, high: number, what: string, code: PlanFault = 'plan-number'): void {
  within(value, low, high, what, code);
  need(Number.isInteger(value), code, `${what} is ${value}: give a whole number`);
}

function unique(names: readonly string[], what: string, code: PlanFault): void {
  const seen = new Set<string>();
  for (const name of names) {
    need(!seen.has(name), code, `${what} "${name}" stands there twice: name each once`);
    seen.add(name);
  }
}

function checkDays({ days, tailExposure = [1], loadStep, dailyLoadLimit, costBudget }: PlanProblem): void {
  need(tailExposure.length > 0, 'plan-number', 'tailExposure is empty: give a day, or leave it out');
  for (const exposure of tailExposure) atLeastZero(exposure, 'tailExposure');
  need(
    days.length >= 1 && days.length <= MAXIMUM_HORIZON_DAYS,
    'plan-horizon',
    `${days.length} days: plan 1 to ${MAXIMUM_HORIZON_DAYS} of them`,
  );
  days.forEach((day, d) => {
    atLeastZero(day.minimumLoad, `minimumLoad of day ${d}`);
    atLeastZero(day.load, `load of day ${d}`);
    atLeastZero(day.maximumLoad, `maximumLoad of day ${d}`);
    atLeastZero(day.exposure ?? 1, `exposure of day ${d}`);
    need(
      day.minimumLoad <= day.load && day.load <= day.maximumLoad,
      'plan-range',
      `day ${d}: the planned load ${day.load} lies outside its allowed range ${day.minimumLoad} to ${day.maximumLoad}; change one of them`,
    );
  });
  if (loadStep !== null)
    need(Number.isFinite(loadStep) && loadStep > 0, 'plan-number', `loadStep is ${loadStep}: give a positive number or null`);
  if (dailyLoadLimit !== null) atLeastZero(dailyLoadLimit, 'dailyLoadLimit');
  if (costBudget !== null) atLeastZero(costBudget, 'costBudget');
}

function checkAthlete(problem: PlanProblem): void {
  const { load, hazard, performance, usualDailyLoad } = problem;
  if (load === null)
    throw new PlanRefused('plan-no-data', 'there are no load figures for this athlete yet: record 28 days of load, or plan by hand');
  if (hazard === null)
    throw new PlanRefused('plan-no-data', 'there is no daily hazard for this athlete yet: it needs load records and scored sessions');
  for (const [name, value] of Object.entries(load)) atLeastZero(value, `load.${name}`);
  need(
    Number.isFinite(usualDailyLoad) && usualDailyLoad > 0,
    'plan-no-data',
    `usualDailyLoad is ${usualDailyLoad}: relative loads need a positive one`,
  );
  within(hazard.logDailyRate, ...LOG_RATE_RANGE, 'hazard.logDailyRate');
  within(hazard.fatigue, 0, COEFFICIENT_MAXIMUM, 'hazard.fatigue');
  within(hazard.loadExcess, 0, COEFFICIENT_MAXIMUM, 'hazard.loadExcess');
  within(problem.adherence, 0, 1, 'adherence');
  if (performance !== null) {
    atLeastZero(performance.fitnessGain, 'performance.fitnessGain');
    atLeastZero(performance.fatigueLoss, 'performance.fatigueLoss');
    const { smallestWorthwhileChange } = performance;
    need(
      Number.isFinite(smallestWorthwhileChange) && smallestWorthwhileChange > 0,
      'plan-number',
      `performance.smallestWorthwhileChange is ${smallestWorthwhileChange}: give a positive number`,
    );
  }
  atLeastZero(problem.weights.daysLost, 'weights.daysLost');
  atLeastZero(problem.weights.performance, 'weights.performance');
  atLeastZero(problem.weights.recovery, 'weights.recovery');
}

function checkRegions({ regions, injuries }: PlanProblem): void {
  need(regions.length > 0, 'plan-regions', 'no regions: name at least one with its share of injuries');
  unique(
    regions.map((region) => region.code),
    'region',
    'plan-regions',
  );
  for (const region of regions) {
    within(region.share, 0, 1, `share of region ${region.code}`, 'plan-regions');
    atLeastZero(region.severityDays, `severityDays of region ${region.code}`);
  }
  const sum = regions.reduce((total, region) => total + region.share, 0);
  need(Math.abs(sum - 1) <= SHARE_TOLERANCE, 'plan-regions', `the regions' shares add up to ${sum}: they must add up to 1`);
  unique(
    injuries.map((injury) => injury.injuryId),
    'injury',
    'plan-number',
  );
  for (const injury of injuries) {
    within(injury.recovery, 0, 1, `recovery of injury ${injury.injuryId}`);
    within(injury.healingPerDay, 0, Number.MAX_VALUE, `healingPerDay of injury ${injury.injuryId}`);
    within(injury.response, 0, 10, `response of injury ${injury.injuryId}`);
  }
}

function checkScope(scope: Scope, known: ReadonlySet<string>, what: string): void {
  if (scope === 'all') return;
  for (const region of scope)
    need(known.has(region), 'plan-catalogue', `${what} names the region "${region}", which is not among the regions`);
}

/** One entry of a catalogue, on its own. @throws PlanRefused `plan-catalogue` or `plan-number`: which field and what it may be */
export function checkIntervention(one: Intervention): void {
  const of = `of intervention ${one.id}`;
  whole(one.doseLevels, 1, MAXIMUM_DOSE_LEVELS, `doseLevels ${of}`, 'plan-catalogue');
  if (one.action !== 'session') {
    need(one.doseLevels === 1, 'plan-catalogue', `doseLevels ${of} is ${one.doseLevels}: a load action is done or not, give 1`);
    need(
      one.riskEffects.length === 0 && one.recoveryEffects.length === 0 && one.soreness === 0,
      'plan-catalogue',
      `intervention ${one.id} acts through the load: leave its own effects and soreness empty`,
    );
  }
  within(one.costPerLevel, 0, Number.MAX_VALUE, `costPerLevel ${of}`, 'plan-catalogue');
  whole(one.maximumDaysAWeek, 0, 7, `maximumDaysAWeek ${of}`, 'plan-catalogue');
  whole(one.restDaysAfter, 0, 6, `restDaysAfter ${of}`, 'plan-catalogue');
  need(
    Number.isFinite(one.effectKept) && one.effectKept >= 0 && one.effectKept < 1,
    'plan-catalogue',
    `effectKept ${of} is ${one.effectKept}: give 0 to below 1`,
  );
  within(one.soreness, 0, 5, `soreness ${of}`, 'plan-catalogue');
  for (const effect of one.riskEffects) {
    for (const value of [effect.relativeRisk, effect.lower, effect.upper])
      within(value, ...RELATIVE_RISK_RANGE, `a relative risk ${of}`, 'plan-catalogue');
    need(
      effect.lower <= effect.relativeRisk && effect.relativeRisk <= effect.upper,
      'plan-catalogue',
      `the interval ${effect.lower} to ${effect.upper} ${of} does not hold its relative risk ${effect.relativeRisk}`,
    );
  }
  for (const effect of one.recoveryEffects) within(effect.gainPerDay, 0, MAXIMUM_GAIN_PER_DAY, `gainPerDay ${of}`, 'plan-catalogue');
  need(
    one.evidence.trim() !== '',
    'plan-catalogue',
    `intervention ${one.id} has no evidence reference: name its source, or say that there is none`,
  );
}

function checkCatalogue({ interventions, regions, effectsNow, doneDaysAgo }: PlanProblem): void {
  need(
    interventions.length <= MAXIMUM_INTERVENTIONS,
    'plan-catalogue',
    `${interventions.length} interventions: one problem takes ${MAXIMUM_INTERVENTIONS} at most`,
  );
  unique(
    interventions.map((one) => one.id),
    'intervention',
    'plan-catalogue',
  );
  const known = new Set(regions.map((region) => region.code));
  for (const one of interventions) {
    checkIntervention(one);
    for (const { scope } of one.riskEffects) checkScope(scope, known, `intervention ${one.id}`);
  }
  for (const action of ['load-change', 'rest-day'] as const) {
    const named = interventions.filter((one) => one.action === action).map((one) => one.id);
    need(named.length <= 1, 'plan-catalogue', `${named.join(' and ')} are all "${action}": one problem takes one of them`);
  }
  const ids = new Set(interventions.map((one) => one.id));
  for (const [id, value] of Object.entries(effectsNow)) {
    need(ids.has(id), 'plan-catalogue', `effectsNow names "${id}", which is not among the interventions`);
    within(value, 0, 1, `effectsNow of ${id}`);
  }
  for (const [id, days] of Object.entries(doneDaysAgo)) {
    need(ids.has(id), 'plan-catalogue', `doneDaysAgo names "${id}", which is not among the interventions`);
    for (const day of days) whole(day, 1, Number.MAX_SAFE_INTEGER, `doneDaysAgo of ${id}`);
  }
}

function checkStage(stage: StageRule, horizon: number): void {
  whole(stage.firstDay, 0, horizon - 1, `firstDay of stage ${stage.name}`);
  whole(stage.lastDay, stage.firstDay, horizon - 1, `lastDay of stage ${stage.name}`);
  if (stage.loadCeiling !== null) atLeastZero(stage.loadCeiling, `loadCeiling of stage ${stage.name}`);
}

function checkChoices({ days, stages, fixedDoses, fixedLoads, interventions }: PlanProblem): void {
  for (const stage of stages) checkStage(stage, days.length);
  unique(
    stages.map((stage) => stage.name),
    'stage',
    'plan-choice',
  );
  const levels = new Map(interventions.map((one) => [one.id, one.doseLevels]));
  for (const { day, interventionId, level } of fixedDoses) {
    whole(day, 0, days.length - 1, `the day of the fixed choice ${interventionId}`, 'plan-choice');
    const most = levels.get(interventionId);
    if (most === undefined)
      throw new PlanRefused(
        'plan-choice',
        `the fixed choice "${interventionId}" is not among the interventions: add it or drop the choice`,
      );
    whole(level, 0, most, `the level of the fixed choice ${interventionId}`, 'plan-choice');
  }
  for (const { day, load } of fixedLoads) {
    whole(day, 0, days.length - 1, 'the day of a fixed load', 'plan-choice');
    atLeastZero(load, `the fixed load of day ${day}`);
  }
  unique(
    fixedDoses.map(({ day, interventionId }) => `day ${day}, ${interventionId}`),
    'the fixed choice',
    'plan-choice',
  );
  unique(
    fixedLoads.map(({ day }) => `day ${day}`),
    'the fixed load of',
    'plan-choice',
  );
}

/**
 * Passes a problem that can be planned (it may still be infeasible: that is an answer, not a fault).
 * @throws PlanRefused with a code and a sentence that says what to do
 */
export function checkProblem(problem: PlanProblem): void {
  checkDays(problem);
  checkAthlete(problem);
  checkRegions(problem);
  checkCatalogue(problem);
  checkChoices(problem);
}
