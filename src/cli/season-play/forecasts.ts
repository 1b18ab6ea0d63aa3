/**
 * The hazard's forecasts of a played season and what feedback makes of them: weekly, forecast first and then learned, shown by the guard's verdict on what
 * was known that evening. Days under an arm's plan are treated and teach nothing, so feedback is judged where nobody advises.
 */
import { judge } from '../../asms/feedback/guard.ts';
import { EMPTY_LEDGER, learn, prequential, type Candidate, type JudgedForecast } from '../../asms/feedback/ledger.ts';
import { hazardLesson, isTreated, type Lesson } from '../../asms/feedback/lessons.ts';
import { sigmoid } from '../../asms/feedback/objective.ts';
import { injuryTarget, type HazardReference } from '../../asms/feedback/params.ts';
import { HORIZON_DAYS, riskLabel, type RiskFacts, type RiskLabel } from '../../asms/risk-set.ts';
import { SQUAD } from '../../simulate/squad-season/worlds.ts';
import type { SquadSeason, SquadSettings } from '../../simulate/squad-season/play.ts';
import { US_PER_DAY } from '../../asms/time.ts';

/** A forecast is made in the evening, after the labels of the day have come in. */
const endOf = (day: number): number => (day + 1) * US_PER_DAY;

export interface ForecastFigures {
  /** Weekly forecasts with a label, on days without a plan of the arm. */
  readonly forecasts: number;
  readonly events: number;
  readonly expected: number;
  /** Mean squared error of the population's forecast, of what the guard let be shown, and of each candidate if it had always served. Null without forecasts. */
  readonly brierBefore: number | null;
  readonly brierAfter: number | null;
  readonly brierIntercept: number | null;
  readonly brierPersonal: number | null;
  /** What the guard served at the last forecast. */
  readonly served: Candidate;
}

export const factsOf = (season: SquadSeason, athlete: number, settings: SquadSettings): RiskFacts => ({
  injuries: season.injuries.filter((injury) => injury.athlete === athlete).map((injury) => ({ ...injury, timeLoss: true })),
  arrivalDay: -Infinity,
  departureDay: null,
  observedThroughDay: settings.days - 1,
});

/** When the label was known: at the report of the injury, or when the horizon was over. */
function knownDay(label: RiskLabel, day: number, { injuries }: RiskFacts): number {
  if (label !== 1) return day + HORIZON_DAYS;
  const first = injuries.filter(({ onsetDay }) => onsetDay > day).toSorted((a, b) => a.onsetDay - b.onsetDay)[0];
  return Math.max(first?.reportDay ?? 0, day + 1);
}

interface Judged {
  readonly forecast: JudgedForecast;
  readonly knownUs: number;
}

function judgedForecasts(season: SquadSeason, settings: SquadSettings, reference: HazardReference): readonly (readonly Judged[])[] {
  const target = injuryTarget(reference);
  return Array.from({ length: settings.athletes }, (_, athlete) => {
    const facts = factsOf(season, athlete, settings);
    const own = season.days.filter((one) => one.athlete === athlete);
    const plans = own.filter(({ isPlanned }) => isPlanned).map(({ day }) => ({ fromDay: day, untilDay: day }));
    const lessons = own
      .filter((one) => one.day % 7 === SQUAD.monitoredWeekday && one.watch.probability !== null)
      .map((one): Lesson | null => {
        const label = riskLabel(one.day, facts);
        const probability = one.watch.probability!;
        return hazardLesson(
          {
            athleteId: String(athlete),
            day: one.day,
            forecastUs: endOf(one.day) + 1,
            logit: Math.log(probability / (1 - probability)),
            label: label === 0 || label === 1 ? label : null,
            knownUs: endOf(knownDay(label, one.day, facts)),
            treated: isTreated(one.day + 1, one.day + HORIZON_DAYS, plans),
            outcomeIds: [],
          },
          reference,
        );
      })
      .filter((lesson) => lesson !== null);
    const ledger = learn(EMPTY_LEDGER, target, lessons);
    return prequential(ledger, target).map((forecast, i) => ({ forecast, knownUs: ledger.lessons[i]!.knownUs }));
  });
}

export function forecastFigures(season: SquadSeason, settings: SquadSettings, centreLogit: number, version: string): ForecastFigures {
  const byAthlete = judgedForecasts(season, settings, { version, centreLogit, strideDays: 7 });
  const all = byAthlete.flat();
  const times = [...new Set(all.map(({ forecast }) => forecast.forecastUs))].toSorted((a, b) => a - b);
  const servedAt = new Map<number, Candidate>();
  for (const now of times) {
    const known = byAthlete.map((forecasts, athlete) => ({
      athleteId: String(athlete),
      forecasts: forecasts.filter(({ knownUs }) => knownUs < now).map(({ forecast }) => forecast),
    }));
    servedAt.set(now, judge('injury', known).serves);
  }
  const brier = (of: (forecast: JudgedForecast) => Candidate): number | null =>
    all.length === 0
      ? null
      : all.reduce((sum, { forecast }) => sum + (sigmoid(forecast.forecast[of(forecast)]) - forecast.label) ** 2, 0) / all.length;
  return {
    forecasts: all.length,
    events: all.filter(({ forecast }) => forecast.label === 1).length,
    expected: all.reduce((sum, { forecast }) => sum + sigmoid(forecast.forecast.population), 0),
    brierBefore: brier(() => 'population'),
    brierAfter: brier(({ forecastUs }) => servedAt.get(forecastUs) ?? 'population'),
    brierIntercept: brier(() => 'interceptOnly'),
    brierPersonal: brier(() => 'personal'),
    served: servedAt.get(times.at(-1) ?? NaN) ?? 'population',
  };
}
