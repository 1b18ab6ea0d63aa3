/**
 * How the system under test is set in the simulated season. Every number that was chosen by looking at seasons was chosen on the development seeds
 * named here, none on a reported seed. Source beside a number or (chosen).
 */

/** Seasons that were looked at while numbers here and in `worlds.ts` were set: 900 to 919, all others are for the report. */
export const DEVELOPMENT_SEEDS = { first: 900, last: 919 } as const;

export const ADVICE = {
  /**
   * The surrogate's way to the hazard model's severity: (measured - location) * weight. Location is the mean of measured severity; the weight gives
   * movementChange the spread that it had where the model's coefficients were fitted (0.051): the network's map to severity is shrunk, a measured severity is not.
   */
  movement: { location: 0.1, weight: 0.57 },
  /**
   * Alarm on the daily hazard: raised when 2 of 3 days lie above `high`, cleared when 2 of 3 lie below `low`. High is from a budget of one false alert a week and
   * squad, in the reference world without advice (0.145 alerts a day, PPV 12 %); low is four fifths of it. (chosen)
   */
  alarm: { enabled: true, k: 2, n: 3, high: 0.085, low: 0.068 },
  /** Share of doses that the planner counts on; a club knows no better before it has counted. (chosen) */
  adherence: 0.75,
  /** Loads move in steps of this share of a normal training day: whole steps halve the solver's time. (chosen) */
  loadStepShare: 0.15,
  solver: { relativeGap: 0.01, timeLimitS: 60 },
  /** The ratio rule: acute over chronic load above `high` puts load off, below `low` brings it forward (Gabbett 2016†: 0.8 to 1.3). */
  ratio: { low: 0.8, high: 1.3 },
} as const;
