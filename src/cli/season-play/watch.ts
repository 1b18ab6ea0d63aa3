/**
 * What the system makes of an athlete's records on an evening: the daily hazard, and the alarm. Sensors reach it
 * only as the surrogate of pooled F_attn (docs/season-play.md): one number a monitored session, the simulated season's measured severity.
 */
import { countLevel, levelOf, QUIET, type AlarmState } from '../../asms/alarm.ts';
import { dailyHazard, hrvFall, type HazardModel } from '../../asms/hazard.ts';
import { loadFigures, type LoadState } from '../../asms/load.ts';
import type { Monitor, Records } from '../../simulate/squad-season/advice.ts';
import { ADVICE } from './settings.ts';

/** The hazard model with the surrogate in the place of pooled F_attn: coefficients, intercept and covariance are the shipped ones. */
export const onSurrogate = (model: HazardModel): HazardModel => ({
  ...model,
  movement: { location: [ADVICE.movement.location], weights: [ADVICE.movement.weight], prior: model.movement.prior },
});

/** As in models/binn/hazard_data.py and the data set's rows. */
const RETURNED_DAYS = 28;
const LEAST_CHRONIC_SHARE = 0.05;

function valuesOf(records: Records, state: LoadState | null, excess: number | null, fatigue: number | null): Record<string, number | null> {
  const since = records.daysSinceClearance;
  return {
    relativeFatigue: fatigue,
    acuteExcess: excess,
    lnAcuteChronic: state === null ? null : Math.log(Math.max(state.acute, 1) / Math.max(state.chronic, 1)),
    lnChronicPlan: state === null ? null : Math.log(Math.max(state.chronic / records.trainingDayAu, LEAST_CHRONIC_SHARE)),
    hrvFall: hrvFall(records.mornings),
    lnPastInjuries: Math.log1p(records.pastInjuries),
    returned: since === null ? 0 : Math.exp(-since / RETURNED_DAYS),
    age: records.age,
  };
}

export interface HazardView {
  readonly probability: number;
  readonly load: LoadState;
}

/** The hazard of the evening; null where there is no figure. */
export function hazardOf(model: HazardModel, records: Records): HazardView | null {
  const figures = loadFigures(records.dailyLoadAu);
  const values = valuesOf(records, figures?.state ?? null, figures?.acuteExcess ?? null, figures?.relativeFatigue ?? null);
  const now = records.movement.at(-1);
  const day = dailyHazard(model, {
    values,
    fAttn: now === undefined ? null : [now],
    earlier: records.movement.slice(0, -1).map((value) => [value]),
    activeWindows: model.minimum.activeWindows,
    loadDays: records.dailyLoadAu.length,
    atRisk: !records.isReportedInjured,
  });
  if (!('probability' in day) || figures === null) return null;
  return { probability: day.probability, load: figures.state };
}

/** Follows a squad from day to day: the same for every arm. An athlete with no figure has no alarm. */
export function createMonitor(model: HazardModel, athletes: number): Monitor {
  const alarms = Array.from({ length: athletes }, (): AlarmState => QUIET);
  const rule = ADVICE.alarm;
  return (athlete, _day, records) => {
    const view = hazardOf(model, records);
    if (view === null) {
      alarms[athlete] = QUIET;
      return { probability: null, isFlagged: false, isRaised: false };
    }
    const { alarm, change } = countLevel(alarms[athlete] ?? QUIET, levelOf(view.probability, rule.low, rule.high), rule);
    alarms[athlete] = alarm;
    return { probability: view.probability, isFlagged: alarm.open, isRaised: change === 'raise' };
  };
}
