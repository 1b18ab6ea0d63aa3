import { parseArgs } from 'node:util';
import { KinewatchError } from '../../contracts/errors.ts';
import type { SquadSettings } from '../../simulate/squad-season/play.ts';
import { integer, isUsage } from '../usage.ts';
import { DEVELOPMENT_SEEDS } from './settings.ts';

export const HELP = `npm run season -- [options]

Plays a squad's season in a family of worlds, under no advice, random plans, an acute:chronic rule, the planner and an oracle, at equal load and cost
and with the same chance in every arm (docs/season-play.md). Prints the table of paired differences; writes report.json, table.md and plots beside the
cells. One file a (world, arm, seed): an interrupted run goes on where it was. The hash of the frozen simulator is printed and stored before the first season.

  --out DIR        folder of the cells (default models/data/season-play); one that was made under another hash or other settings is refused
  --report DIR     folder of report and plots (default DIR of --out, with /report)
  --first-seed F   first seed (default 1)
  --seeds N        how many seeds, one after the other (default 50; ${DEVELOPMENT_SEEDS.first} to ${DEVELOPMENT_SEEDS.last} are development seeds and are not played)
  --athletes A     athletes in the squad (default 30)
  --days D         length of the season (default 120, at least 14)
  --replan WHEN    weekly (default), or trigger: also when an alarm is raised or an athlete is cleared
  --threads T      threads (default 1)
  --hazard FILE    the daily hazard's model (default models/hazard.json)
  --json           report.json as the last line of stdout too
  --help           this text
`;

export interface SeasonOptions {
  readonly help: boolean;
  readonly out: string;
  readonly report: string;
  readonly firstSeed: number;
  readonly seeds: number;
  readonly settings: SquadSettings;
  readonly threads: number;
  readonly hazard: string;
  readonly json: boolean;
}

function replanOf(text: string): SquadSettings['replan'] {
  if (text === 'weekly' || text === 'trigger') return text;
  throw new KinewatchError('usage', `--replan must be weekly or trigger, not "${text}"`);
}

/** @throws KinewatchError `usage` on wrong use */
export function readOptions(args: readonly string[]): SeasonOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        out: { type: 'string', default: 'models/data/season-play' },
        report: { type: 'string' },
        'first-seed': { type: 'string', default: '1' },
        seeds: { type: 'string', default: '50' },
        athletes: { type: 'string', default: '30' },
        days: { type: 'string', default: '120' },
        replan: { type: 'string', default: 'weekly' },
        threads: { type: 'string', default: '1' },
        hazard: { type: 'string', default: 'models/hazard.json' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const firstSeed = integer('--first-seed', values['first-seed'], 1, DEVELOPMENT_SEEDS.first - 1);
    return {
      help: values.help,
      out: values.out,
      report: values.report ?? `${values.out}/report`,
      firstSeed,
      seeds: integer('--seeds', values.seeds, 1, DEVELOPMENT_SEEDS.first - firstSeed),
      settings: {
        athletes: integer('--athletes', values.athletes, 2, 200),
        days: integer('--days', values.days, 14, 400),
        replan: replanOf(values.replan),
      },
      threads: integer('--threads', values.threads, 1, 64),
      hazard: values.hazard,
      json: values.json,
    };
  } catch (error) {
    if (isUsage(error)) throw new KinewatchError('usage', error instanceof Error ? error.message : String(error));
    throw error;
  }
}
