/** One cell of the experiment: a world, an arm and a seed, played and counted. */
import type { HazardModel } from '../../asms/hazard.ts';
import type { Solver } from '../../asms/plan/solver.ts';
import { riskLabel } from '../../asms/risk-set.ts';
import { playSquad, type AthleteDay, type SquadSeason, type SquadSettings } from '../../simulate/squad-season/play.ts';
import type { World } from '../../simulate/squad-season/worlds.ts';
import { adviserOf, type Arm } from './arms.ts';
import { factsOf, forecastFigures, type ForecastFigures } from './forecasts.ts';
import { createMonitor, onSurrogate } from './watch.ts';

export interface CellKey {
  readonly world: string;
  readonly arm: Arm;
  readonly seed: number;
}

export interface CellFigures {
  readonly injuries: number;
  /** Sum of the daily chances of a new injury: the mean of `injuries` given the days that came about, so the same on average with far less chance in it. */
  readonly expectedInjuries: number;
  /** Days from onset to clearance that lie in the season, onset day not counted. */
  readonly daysLost: number;
  readonly daysAtRisk: number;
  /** Load done over the coach's load for a squad that is never injured. */
  readonly loadCompleted: number;
  /** Means over plan weeks: load prescribed over the coach's, and quarter hours chosen and general. */
  readonly plans: number;
  readonly prescribedOverCoach: number;
  readonly chosenCost: number;
  readonly generalCost: number;
  /** Alarms raised, a day; of those whose label is known, the share that an injury followed within 7 days. */
  readonly alertsADay: number;
  readonly alertsJudged: number;
  readonly alertsRight: number;
  /** Athletes whose alarm is open at the end of a day, mean over days; share of days with three or fewer. */
  readonly flaggedADay: number;
  readonly daysWithThreeOrFewer: number;
  readonly forecasts: ForecastFigures;
}

export interface CellTools {
  /** As shipped: the surrogate's map is put in here. */
  readonly model: HazardModel;
  readonly solver: Solver;
}

const MOST_FLAGGED = 3;

const daysLostOf = ({ injuries }: SquadSeason, days: number): number =>
  injuries.reduce((sum, { onsetDay, clearanceDay }) => sum + Math.max(0, (clearanceDay ?? days) - onsetDay - 1), 0);

function alertFigures(season: SquadSeason, settings: SquadSettings) {
  const raised = season.days.filter(({ watch }) => watch.isRaised);
  const labels = raised.map(({ athlete, day }) => riskLabel(day, factsOf(season, athlete, settings)));
  const flagged = Array.from({ length: settings.days }, () => 0);
  for (const { day, watch } of season.days) if (watch.isFlagged) flagged[day]! += 1;
  return {
    alertsADay: raised.length / settings.days,
    alertsJudged: labels.filter((label) => label === 0 || label === 1).length,
    alertsRight: labels.filter((label) => label === 1).length,
    flaggedADay: flagged.reduce((a, b) => a + b, 0) / settings.days,
    daysWithThreeOrFewer: flagged.filter((count) => count <= MOST_FLAGGED).length / settings.days,
  };
}

const sumOf = (days: readonly AthleteDay[], of: (day: AthleteDay) => number): number => days.reduce((sum, day) => sum + of(day), 0);

/** Plays the cell. The same key and settings give the same figures, unless the solver's time limit cut a search short. */
export function playCell(world: World, arm: Arm, seed: number, settings: SquadSettings, { model, solver }: CellTools): CellFigures {
  const surrogate = onSurrogate(model);
  const season = playSquad(world, seed, settings, adviserOf(arm, surrogate, solver), createMonitor(surrogate, settings.athletes));
  const { prescribed } = season;
  // Without advice the coach's plan is what the forecast is of: nothing is treated.
  const judged: SquadSeason = arm === 'no-advice' ? { ...season, days: season.days.map((day) => ({ ...day, isPlanned: false })) } : season;
  return {
    injuries: season.injuries.length,
    expectedInjuries: sumOf(season.days, ({ onsetProbability }) => onsetProbability),
    daysLost: daysLostOf(season, settings.days),
    daysAtRisk: season.days.filter(({ isAtRisk }) => isAtRisk).length,
    loadCompleted: sumOf(season.days, ({ loadAu }) => loadAu) / sumOf(season.days, ({ coachAu }) => coachAu),
    plans: prescribed.plans,
    prescribedOverCoach: prescribed.prescribedAu / prescribed.coachAu,
    chosenCost: prescribed.chosen / prescribed.plans,
    generalCost: prescribed.general / prescribed.plans,
    ...alertFigures(season, settings),
    forecasts: forecastFigures(judged, settings, model.intercept, model.version),
  };
}
