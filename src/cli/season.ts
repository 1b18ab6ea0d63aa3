/** npm run season: a squad's simulated season, planned and not planned, in worlds that planner and training never saw. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { SquadSettings } from '../simulate/squad-season/play.ts';
import { processOutput, runCommand } from './run-command.ts';
import type { CellFigures, CellKey } from './season-play/cell.ts';
import { HELP, readOptions, type SeasonOptions } from './season-play/options.ts';
import { createPlayer, runSeason, type Player } from './season-play/run.ts';

interface Share {
  readonly hazard: string;
  readonly settings: SquadSettings;
}

/** One thread that plays a cell at a time. */
function startThread(share: Share): { readonly play: Player; readonly stop: () => Promise<number> } {
  const worker = new Worker(new URL(import.meta.url), { workerData: share });
  const play: Player = (key) =>
    new Promise((resolve, reject) => {
      worker.once('message', (figures: CellFigures) => {
        worker.off('error', reject);
        resolve(figures);
      });
      worker.once('error', reject);
      worker.postMessage(key);
    });
  return { play, stop: () => worker.terminate() };
}

async function inThreads(options: SeasonOptions, run: (player: Player) => Promise<0 | 1 | 2>): Promise<0 | 1 | 2> {
  if (options.threads === 1) return run(await createPlayer(options.hazard, options.settings));
  const threads = Array.from({ length: options.threads }, () => startThread(options));
  const idle = [...threads];
  try {
    return await run(async (key) => {
      const thread = idle.pop()!;
      const figures = await thread.play(key);
      idle.push(thread);
      return figures;
    });
  } finally {
    await Promise.all(threads.map(({ stop }) => stop()));
  }
}

if (isMainThread)
  process.exitCode = await runCommand(
    {
      name: 'season',
      help: HELP,
      readOptions,
      run: (options: SeasonOptions, output) => inThreads(options, (player) => runSeason(options, output, player)),
    },
    process.argv.slice(2),
    processOutput,
  );
else {
  const { hazard, settings } = workerData as Share;
  const play = await createPlayer(hazard, settings);
  parentPort!.on('message', (key: CellKey) => {
    void play(key).then((figures) => parentPort!.postMessage(figures));
  });
}
