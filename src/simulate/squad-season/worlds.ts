/**
 * The worlds that a squad's season is played in, and every constant that is not the season's own (docs/season-play.md). All of it is data, and all of
 * it is frozen by the hash that `npm run season` prints before it plays: a number changed here makes every stored result another simulator's.
 * Source beside a number or (chosen); † is cited from memory.
 */
import { DEFAULT_CATALOGUE } from '../../asms/catalogue.ts';
import type { Intervention } from '../../asms/plan/problem.ts';
import { REGIONS } from '../season/constants.ts';

/** Any change of an equation of this folder is a change of this. */
export const SQUAD_SEASON_VERSION = '1.1.0';

/** How the daily rate follows from the athlete's state; `rates.ts` has one function a form. */
export type HazardForm = 'log-additive' | 'thresholds' | 'additive' | 'delayed' | 'fixed' | 'unloading';

export interface World {
  readonly name: string;
  readonly form: HazardForm;
  /** The form that the hazard model was trained on and the planner assumes, with the catalogue's effects: a reference, no member of the family. */
  readonly isReference: boolean;
  /** ln of the rate for one training day of exposure. Set on development seeds so that the incidence without advice is about 0.44 for 100 athlete-days at risk. */
  readonly base: number;
}

export const WORLDS: readonly World[] = [
  { name: 'as-assumed', form: 'log-additive', isReference: true, base: -7.6 },
  { name: 'thresholds', form: 'thresholds', isReference: false, base: -7.18 },
  { name: 'additive', form: 'additive', isReference: false, base: -7.05 },
  { name: 'delayed', form: 'delayed', isReference: false, base: -7.52 },
  { name: 'null', form: 'fixed', isReference: false, base: -6.32 },
  { name: 'unloading-harms', form: 'unloading', isReference: false, base: -7.5 },
];

export const RATES = {
  /** Steps of the rate, as shares of the base rate, once a threshold is passed. (chosen) */
  thresholds: {
    severity: 0.12,
    severityStep: 4,
    acuteExcess: 0.25,
    acuteExcessStep: 1.5,
    hrvFall: 0.12,
    hrvFallStep: 1,
    /** A session's effect is not there below this build-up, and whole above it. */
    effect: 0.35,
  },
  /** Rates that add up: shares of the base rate for one unit of each. Sessions lower the constant part only. (chosen) */
  additive: { constant: 0.5, fatigue: 2, acuteExcess: 2, severity: 12, hrvFall: 3 },
  /** What was too much works this many days later, and a session's effect comes three weeks late. (chosen) */
  delayed: { lagDays: 10, fatigue: 1.2, acuteExcess: 1.5, severity: 8, sessionLagDays: 21 },
  /** Log-odds for having done, on the mean of the last days, that share less than the coach planned; load above plan is harmless there. (chosen) */
  unloading: { days: 7, unloaded: 3, severity: 6 },
} as const;

export const SQUAD = {
  /** Quarter hours of staff and athlete an athlete and plan week, for every arm. (chosen) One programme whole or two in part. */
  allowance: 6,
  /** Training days may be moved by this share of the coach's plan; match and day off stay. (chosen) */
  loadRoom: 0.3,
  /** Share of prescribed sessions and load changes that an athlete does, uniform over athletes. (chosen) Trials of prevention report about half to nearly all. */
  adherence: [0.5, 0.95],
  /** Where effects are drawn: ln RR is normal about half of the trials' (effectiveness in practice lies below efficacy), with this much more than the trials' error as SD. (chosen) */
  effectShare: 0.5,
  effectSpread: 0.2,
  /** Log-SD over seeds of the time that an effect takes to build. (chosen) */
  buildLogSd: 0.3,
  /** Monitored session: the weekday of the hazard's landmark days, on its evening plans are made for the seven days that follow. */
  monitoredWeekday: 3,
} as const;

interface Region {
  readonly code: string;
  readonly share: number;
  readonly medianDays: number;
  readonly logSd: number;
}

/** The season's regions with the thigh in two halves, as the catalogue has them (about every second thigh injury is a hamstring's, Ekstrand 2011†). */
export const SQUAD_REGIONS: readonly Region[] = REGIONS.flatMap((region): readonly Region[] =>
  region.code === 'thigh' ? ['hamstring', 'thigh-other'].map((code) => ({ ...region, code, share: region.share / 2 })) : [region],
);

/** What an arm may prescribe beside load: the catalogue's sessions with a known effect on risk. */
export const SESSIONS: readonly Intervention[] = DEFAULT_CATALOGUE.filter((one) => one.action === 'session' && one.riskEffects.length > 0);
