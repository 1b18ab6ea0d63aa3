/** PURE. The summary as text: one table a world, and what was demanded. */
import type { Estimate } from './statistics.ts';
import type { SeasonSummary, WorldSummary } from './summary.ts';

/** "-1.24 (-2.01 to -0.47)" */
export function words({ mean, lower, upper }: Estimate, digits: number, factor = 1): string {
  const number = (value: number): string => (factor * value).toFixed(digits).replace(/^-(0(?:\.0*)?)$/u, '$1');
  return lower === null || upper === null ? number(mean) : `${number(mean)} (${number(lower)} to ${number(upper)})`;
}

const COLUMNS = [
  'arm',
  'injuries',
  'more than no advice',
  'expected injuries more',
  'days lost',
  'more than no advice',
  'regret, days',
  'load done, %',
  'alerts a day',
  'PPV, %',
  'flagged a day',
  'days with 3 or fewer, %',
  'cost a week',
];

function rowsOf({ arms }: WorldSummary): readonly (readonly string[])[] {
  return arms.map((one) => [
    one.arm,
    words(one.injuries, 2),
    one.arm === 'no-advice' ? '' : words(one.injuriesMoreThanNoAdvice, 2),
    one.arm === 'no-advice' ? '' : words(one.expectedMoreThanNoAdvice, 3),
    words(one.daysLost, 1),
    one.arm === 'no-advice' ? '' : words(one.daysLostMoreThanNoAdvice, 1),
    one.arm === 'oracle' ? '' : words(one.daysLostRegret, 1),
    words(one.loadCompleted, 1, 100),
    one.alertsADay.mean.toFixed(2),
    one.ppv === null ? 'none' : `${(100 * one.ppv).toFixed(1)} of ${one.alertsJudged}`,
    one.flaggedADay.mean.toFixed(2),
    (100 * one.daysWithThreeOrFewer.mean).toFixed(1),
    `${one.cost.chosen.toFixed(2)} + ${one.cost.general.toFixed(2)}`,
  ]);
}

/** A table of Markdown, columns padded. */
function markdown(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(rows[0]!), line(widths.map((width) => '-'.repeat(width))), ...rows.slice(1).map(line)].join('\n');
}

function worldText(world: WorldSummary): string {
  const brier = `Brier of weekly forecasts without advice: ${world.brierBefore.mean.toFixed(5)} before feedback, ${world.brierAfter.mean.toFixed(5)} after it (difference ${words(world.brierAfterLessBefore, 6)}; unguarded, the intercept alone ${words(world.brierInterceptLessBefore, 6)}, personal ${words(world.brierPersonalLessBefore, 6)}; the guard let feedback serve at the end of ${world.seedsServedPersonally} of ${world.brierBefore.seeds} seasons). Observed over expected ${world.observedOverExpected.toFixed(2)}.`;
  const incidence = `Incidence without advice: ${words(world.incidence, 3)} injuries for 100 athlete-days at risk.`;
  const unpaired = `Planner less no advice without common chance: ${words(world.unpairedInjuries, 2)} injuries.`;
  return [
    `### ${world.world}${world.isReference ? ' (reference)' : ''}`,
    markdown([COLUMNS, ...rowsOf(world)]),
    [incidence, brier, unpaired].join('\n'),
  ].join('\n\n');
}

export function tableOf(summary: SeasonSummary): string {
  const { settings, simulator, advice } = summary.stamp;
  const head = `${summary.seeds.length} seeds, ${settings.athletes} athletes, ${settings.days} days, replanned ${settings.replan}; hazard ${summary.hazardVersion}; simulator ${simulator.slice(0, 12)}, advice ${advice.slice(0, 12)}. Means over seeds with 95 % intervals, differences within seeds.`;
  const demands = markdown([['demanded', 'holds'], ...summary.demands.map(({ what, holds }) => [what, holds ? 'yes' : 'NO'])]);
  return [head, ...summary.worlds.map(worldText), '### Demands', demands].join('\n\n');
}
