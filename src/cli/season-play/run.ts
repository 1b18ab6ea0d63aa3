/** npm run season: plays what is not played yet, then reports. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HazardModel } from '../../asms/hazard.ts';
import { KinewatchError } from '../../contracts/errors.ts';
import { createHighsSolver } from '../../plan/highs-solver.ts';
import { frozenText } from '../../simulate/squad-season/freeze.ts';
import type { SquadSettings } from '../../simulate/squad-season/play.ts';
import { WORLDS } from '../../simulate/squad-season/worlds.ts';
import { createProgress } from '../progress.ts';
import type { ExitStatus, Output } from '../run-command.ts';
import { ARMS } from './arms.ts';
import { playCell, type CellFigures, type CellKey } from './cell.ts';
import type { SeasonOptions } from './options.ts';
import { drawDifferences } from './plots.ts';
import { openResults, sha256, type Results, type Stamp } from './results.ts';
import { ADVICE } from './settings.ts';
import { summarise, type SeasonSummary } from './summary.ts';
import { tableOf } from './table.ts';

/** Plays one cell, here or in another thread. */
export type Player = (key: CellKey) => Promise<CellFigures>;

/** @throws KinewatchError where the file is no hazard model that this program reads */
export async function readHazard(path: string): Promise<{ readonly model: HazardModel; readonly text: string }> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new KinewatchError('season-hazard', `${path} cannot be read: give the daily hazard's model with --hazard`, { cause: error });
  });
  let model: HazardModel;
  try {
    model = JSON.parse(text) as HazardModel;
  } catch (error) {
    throw new KinewatchError('season-hazard', `${path} is no JSON: give the daily hazard's model with --hazard`, { cause: error });
  }
  if (model.name !== 'binn-hazard' || model.format !== 2)
    throw new KinewatchError('season-hazard', `${path} is no hazard model of format 2: give one with --hazard`);
  return { model, text };
}

export async function createPlayer(hazard: string, settings: SquadSettings): Promise<Player> {
  const { model } = await readHazard(hazard);
  const solver = await createHighsSolver();
  return ({ world, arm, seed }) => {
    const played = WORLDS.find(({ name }) => name === world);
    if (played === undefined) throw new RangeError(`there is no world ${world}`);
    return Promise.resolve(playCell(played, arm, seed, settings, { model, solver }));
  };
}

/** What the advice is: its settings, the hazard model, and a probe of what each arm makes of three weeks, so that other code shows as another hash. */
async function adviceText(model: HazardModel, text: string): Promise<string> {
  const solver = await createHighsSolver();
  const settings = { athletes: 2, days: 21, replan: 'trigger' } as const;
  const probe = ARMS.map((arm) => playCell(WORLDS[0]!, arm, 9001, settings, { model, solver }));
  const digits = (_key: string, value: unknown): unknown => (typeof value === 'number' ? Number(value.toPrecision(9)) : value);
  return JSON.stringify([ADVICE, text, probe], digits);
}

/** Seed by seed, so that what an interrupted run leaves is whole seeds. */
const cellsOf = (seeds: readonly number[]): readonly CellKey[] =>
  seeds.flatMap((seed) => WORLDS.flatMap(({ name }) => ARMS.map((arm): CellKey => ({ world: name, arm, seed }))));

async function playMissing(missing: readonly CellKey[], results: Results, player: Player, lanes: number): Promise<void> {
  const progress = createProgress('cells', missing.length);
  const queue = [...missing];
  let done = 0;
  const lane = async (): Promise<void> => {
    for (let key = queue.shift(); key !== undefined; key = queue.shift()) {
      await results.write({ ...key, figures: await player(key) });
      done += 1;
      progress.update(done, `${key.world}, ${key.arm}, seed ${key.seed}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  progress.finish();
}

async function writeReport(dir: string, summary: SeasonSummary, table: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  const files: readonly (readonly [string, string])[] = [
    ['report.json', JSON.stringify(summary, null, 1)],
    ['table.md', table],
    ['injuries.svg', drawDifferences(summary, 'Injuries a season more than without advice', (arm) => arm.injuriesMoreThanNoAdvice)],
    [
      'expected.svg',
      drawDifferences(summary, 'Expected injuries a season more than without advice', (arm) => arm.expectedMoreThanNoAdvice),
    ],
    ['days-lost.svg', drawDifferences(summary, 'Days lost a season more than without advice', (arm) => arm.daysLostMoreThanNoAdvice)],
  ];
  await Promise.all(files.map(([name, text]) => writeFile(join(dir, name), `${text}\n`)));
}

/** Status 1 where a demand does not hold: the table is printed and written all the same. */
export async function runSeason(options: SeasonOptions, output: Output, player: Player): Promise<ExitStatus> {
  const { model, text } = await readHazard(options.hazard);
  const stamp: Stamp = {
    format: 1,
    simulator: sha256(frozenText()),
    advice: sha256(await adviceText(model, text)),
    settings: options.settings,
  };
  output.log(`simulator frozen: ${stamp.simulator}`);
  output.log(`advice: ${stamp.advice} (hazard ${model.version})`);
  const results = await openResults(options.out, stamp);
  const seeds = Array.from({ length: options.seeds }, (_, i) => options.firstSeed + i);
  const keys = cellsOf(seeds);
  const missing = keys.filter((key) => !results.has(key));
  output.log(`${keys.length - missing.length} of ${keys.length} cells are there already`);
  await playMissing(missing, results, player, options.threads);
  const cells = await Promise.all(keys.map((key) => results.read(key)));
  const summary = summarise(stamp, model.version, WORLDS, seeds, cells);
  const table = tableOf(summary);
  await writeReport(options.report, summary, table);
  output.stdout(`${table}\n`);
  if (options.json) output.stdout(`${JSON.stringify(summary)}\n`);
  return summary.demands.every(({ holds }) => holds) ? 0 : 1;
}
