/**
 * What the feedback gains on simulated squads with personal parameters, and how often the guard lets it through on squads with none.
 *   node scripts/build.mjs && node dist/bench/feedback.js [--seeds 20]
 * Prints a table: mean prequential loss of the three candidates, verdicts at the end, and how many squads were accepted at any weekly look.
 */
import { parseArgs } from 'node:util';
import { judge } from '../src/asms/feedback/guard.ts';
import { meanLosses, playInjuries, playPerformance, type SquadResult } from '../test/support/feedback-squad.ts';

const US_PER_WEEK = 7 * 86_400e6;
const performance = { athletes: 20, sessions: 40, width: 64, causes: 8, levelSd: 5, noiseSd: 2 };
const injuries = { athletes: 100, days: 120, centreLogit: -3.3, logitSd: 0.8 };

/** Looked at each week: accepted at any of them. */
function everAccepted({ squad, verdict: { kind } }: SquadResult): boolean {
  const lastUs = Math.max(...squad.flatMap(({ forecasts }) => forecasts.map(({ forecastUs }) => forecastUs)));
  const looks = Array.from({ length: Math.ceil(lastUs / US_PER_WEEK) }, (_, week) => (week + 1) * US_PER_WEEK);
  return looks.some((untilUs) => {
    const seen = squad.map((one) => ({ ...one, forecasts: one.forecasts.filter(({ forecastUs }) => forecastUs < untilUs) }));
    return judge(kind, seen).decision === 'accepted';
  });
}

function report(name: string, seeds: number, play: (seed: number) => SquadResult): void {
  const results = Array.from({ length: seeds }, (_, seed) => play(seed + 1));
  const losses = results.map(meanLosses);
  const mean = (of: keyof (typeof losses)[number]): string => (losses.reduce((sum, loss) => sum + loss[of], 0) / seeds).toFixed(4);
  const count = (test: (result: SquadResult) => boolean): string => `${results.filter(test).length}/${seeds}`;
  const verdicts = `accepted ${count(({ verdict }) => verdict.decision === 'accepted')}, not enough ${count(({ verdict }) => verdict.decision === 'not-enough-outcomes')}`;
  const serves = `intercept alone serves ${count(({ verdict }) => verdict.serves === 'interceptOnly')}`;
  process.stdout.write(
    `${name.padEnd(58)} population ${mean('population')}  intercept ${mean('interceptOnly')}  personal ${mean('personal')}  ${verdicts}, ${serves}, at any weekly look ${count(everAccepted)}\n`,
  );
}

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '20' } } });
const seeds = Number(values.seeds);
for (const ownSlopeSd of [0, 0.5, 1])
  report(`performance, own slopes ${ownSlopeSd} SWC`, seeds, (seed) => playPerformance({ ...performance, ownSlopeSd }, seed));
for (const [interceptSd, scaleSd] of [
  [0, 0],
  [0.4, 0],
  [0.8, 0.4],
] as const)
  report(`injury, true intercepts SD ${interceptSd}, scales SD ${scaleSd}`, seeds, (seed) =>
    playInjuries({ ...injuries, interceptSd, scaleSd }, seed),
  );
