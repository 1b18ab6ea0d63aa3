/**
 * Every constant of the simulated season (docs/season.md has the equations). A source marked † is cited from memory and must be checked before it
 * is quoted; (chosen) means that the number is ours. Severities are the session simulator's (0 healthy, 1 the strongest one-sided gait).
 */

/** Any change of a constant or of an equation of this folder is a change of this. */
export const SEASON_VERSION = '1.0.0';

export const SCHEDULE = {
  /** Planned load by weekday as a share of the athlete's normal training day: recovery, off, three of training, activation, match. (chosen) */
  week: [0.3, 0, 1, 1.25, 0.9, 0.55, 1.9],
  matchDay: 6,
  /** Session-RPE times minutes of a normal training day; 5.9 of them a week give 2,200 AU, within 1,500 to 3,000 in team sports (Malone 2017†). */
  trainingDayAu: 375,
  trainingDayLogSd: 0.18, // (chosen)
  /** The week's factor is an AR(1) in logs: hard and easy weeks. (chosen) */
  weekLogSd: 0.18,
  weekMemory: 0.3,
  dayLogSd: 0.2, // (chosen) a day's load around its plan
  /** Share of planned sessions that are done. (chosen) */
  adherence: 0.94,
  /** Metres and high-speed metres (above 5.5 m/s) for one AU, with log-SD: 375 AU are about 5.6 km and 260 m (Malone 2017†). */
  metresPerAu: 15,
  metresLogSd: 0.15,
  highSpeedMetresPerAu: 0.7,
  highSpeedLogSd: 0.4,
} as const;

/** Morning ln rMSSD at rest. */
export const HRV = {
  level: 4.2, // Plews 2013†: about 65 ms in trained athletes
  levelSd: 0.35, // (chosen) between athletes
  /** Fall for a relative fatigue of 1 (chosen): a week 20 % above fitness takes 6 % off rMSSD. */
  loadFall: 0.3,
  /** Autonomic strain from outside training (sleep, stress, illness): AR(1), SD in ln units. (chosen) */
  strainSd: 0.1,
  strainMemory: 0.9,
  noiseSd: 0.15, // Al Haddad 2011†: typical error of one morning's ln rMSSD at rest, about 0.1 to 0.2
  valid: 0.85, // (chosen) share of mornings with a valid recording
} as const;

/** Tissue damage, in units of severity before saturation. All (chosen): they give niggles as often as squads report complaints. */
export const DAMAGE = {
  /** Load, in normal training days, that tissue takes in a day without damage; log-SD over athletes. */
  capacity: 1,
  capacityLogSd: 0.25,
  /** Damage for one training day above capacity, in balance; drawn anew each day with this log-SD (mean kept). */
  perOverload: 0.02,
  overloadLogSd: 1,
  /** Relative fatigue of 1 multiplies it by 1 plus this. */
  fatigueFactor: 2,
  /** Knocks: chance for one training day of exposure, mean of their exponential size. */
  knockChance: 0.015,
  knockMean: 0.2,
  healDays: 14,
  /** Severity saturates here: niggles stay below the altered threshold of 0.35 but for the worst. */
  severityMax: 0.45,
  /** Damage left at clearance, uniform. */
  leftAtClearance: [0.03, 0.12],
} as const;

/** Daily hazard: logarithm of the rate for one training day of exposure, and its coefficients. */
export const HAZARD = {
  /** Chosen so that incidence comes out at about 0.4 % an athlete-day: professional football has 2 injuries a player and season (Ekstrand 2011†). */
  base: -7.6,
  frailtySd: 0.4, // (chosen) between-athlete variation that records do not explain
  fatigue: 1.2, // (chosen) relative fatigue of 0.15: 1.2 times
  excess: 1, // Gabbett 2016† has about 2 times at a ratio of 1.5; later work finds less (Impellizzeri 2020†): 1.6 times
  /** Whalan 2020†: complaints without time loss carry 3.6 to 6.9 times the risk in the next 7 days; severity 0.2 gives 5. */
  severity: 8,
  /** A fall of rMSSD by 10 % carries 1.35 times. (chosen) */
  hrvFall: 3,
  /** times ln(1 + past injuries): 1.4 times after one, 1.9 after three (Hägglund 2006†: 2.7 for the same injury again). */
  pastInjuries: 0.45,
  /** 2.5 times on the day of clearance, fading over 28 days (Hägglund 2016†: early recurrences, most within two months). */
  returned: 0.9,
  returnedDays: 28,
  agePerYear: 0.02, // (chosen) Hägglund 2013†: small
  ageCentre: 26,
  /** A minute of match carries several times the risk of training (Ekstrand 2011†: 27.5 against 4.1 per 1,000 h): with its load, 57 % in matches. */
  matchFactor: 3,
  /** Exposure of a day without training, in training days: time-loss injury in daily life. (chosen) */
  restExposure: 0.02,
} as const;

/** Days lost: log-normal; shares and medians by region after Ekstrand 2011† (thigh the most, knee the longest), log-SD (chosen). */
export const REGIONS = [
  { code: 'thigh', share: 0.24, medianDays: 14, logSd: 0.7 },
  { code: 'hip-groin', share: 0.15, medianDays: 11, logSd: 0.8 },
  { code: 'knee', share: 0.18, medianDays: 16, logSd: 1.1 },
  { code: 'ankle', share: 0.15, medianDays: 12, logSd: 0.8 },
  { code: 'calf', share: 0.11, medianDays: 13, logSd: 0.7 },
  { code: 'foot', share: 0.06, medianDays: 13, logSd: 0.9 },
  { code: 'other', share: 0.11, medianDays: 8, logSd: 0.9 },
] as const;

export const SPELL = {
  /** Chance that an injury is reported 0, 1, 2 or 3 days after its onset. (chosen) */
  reportLag: [0.6, 0.2, 0.12, 0.08],
  minimumDays: 1,
  maximumDays: 300,
  /** Staff clear at this R (95 % when the published time loss is over, eq. 27). (chosen) */
  clearanceR: 0.95,
  /** Gain in healing a day at full adherence to therapy; adherence of each spell uniform in the range. (chosen) */
  therapyGainPerDay: 0.01,
  therapyAdherence: [0.4, 1],
  /** Training before R has come this far is 0, then rises to rehabShare of the plan at clearance. (chosen) */
  trainFromR: 0.5,
  rehabShare: 0.7,
  /** Load goes back to the plan over this many days after clearance. (chosen) */
  rampDays: 14,
  /** Load between onset and report, as a share of the plan. (chosen) */
  unreportedShare: 0.7,
} as const;

/** Leaving the squad, a day. (chosen) About 6 % a season: transfers and loans. */
export const DEPARTURE_PER_DAY = 0.0004;

/**
 * What one monitored session of about 10 s tells of the day's severity: measured = gain * severity + healthy + noise, for the filter that gives
 * the observable ceiling. Derived in docs/season.md from the session simulator's own constants: left-right differences of healthy athletes
 * over the effect of severity, six features together (healthySd); how differently people express the same severity (gainLogSd); stride noise of
 * about 12 strides and the session's wobble (noiseSd).
 */
export const MEASUREMENT = { healthySd: 0.12, gainLogSd: 0.28, noiseSd: 0.03 } as const;

export const HORIZON_DAYS = 7;
/** Every athlete is looked at on the same weekday (the hardest day of training), from the first with 28 days of load before it. */
export const LANDMARK = { weekday: 3, firstDay: 28 } as const;
