/**
 * Results of a run on disk: one JSON file a cell, written whole or not at all, so that an interrupted run goes on where it was. What they were made under
 * (the simulator's hash, the advice's hash, the squad) is stored before the first season is played; a folder made under anything else is refused.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KinewatchError } from '../../contracts/errors.ts';
import type { SquadSettings } from '../../simulate/squad-season/play.ts';
import type { CellFigures, CellKey } from './cell.ts';

export interface Stamp {
  readonly format: 1;
  /** SHA-256 of the frozen simulator, and of the advice: settings, hazard model, and what arms do. */
  readonly simulator: string;
  readonly advice: string;
  readonly settings: SquadSettings;
}

export interface Cell extends CellKey {
  readonly figures: CellFigures;
}

export interface Results {
  has(key: CellKey): boolean;
  write(cell: Cell): Promise<void>;
  /** @throws KinewatchError where a cell is not there or was made under another stamp */
  read(key: CellKey): Promise<Cell>;
}

const MANIFEST = 'season.json';
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const nameOf = ({ world, arm, seed }: CellKey): string => `${world}.${arm}.${String(seed).padStart(5, '0')}.json`;
const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** Written beside its place and then moved there: readers see all of it or none. */
async function writeWhole(path: string, value: unknown): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  await writeFile(partial, `${JSON.stringify(value)}\n`);
  await rename(partial, path);
}

function refuseOther(path: string, found: Stamp, stamp: Stamp): void {
  const refuse = (what: string): never => {
    throw new KinewatchError('season-results', `${path} was made under ${what}. Give another folder with --out, or delete this one.`);
  };
  if (found.format !== stamp.format || found.simulator !== stamp.simulator)
    refuse(`the frozen simulator ${found.simulator}, this program's is ${stamp.simulator}`);
  if (found.advice !== stamp.advice)
    refuse(`the advice ${found.advice} (settings, hazard model, planner), this program's is ${stamp.advice}`);
  if (JSON.stringify(found.settings) !== JSON.stringify(stamp.settings))
    refuse(`${JSON.stringify(found.settings)}, asked for is ${JSON.stringify(stamp.settings)}`);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (isAbsent(error)) return null;
    throw new KinewatchError('season-results', `${path} cannot be read as JSON: delete it and run again`, { cause: error });
  }
}

/**
 * Opens a folder of results, and stores the stamp where the folder is new.
 * @throws KinewatchError `season-results` where it holds results of another stamp
 */
export async function openResults(dir: string, stamp: Stamp): Promise<Results> {
  await mkdir(dir, { recursive: true });
  const manifest = join(dir, MANIFEST);
  const found = (await readJson(manifest)) as Stamp | null;
  if (found === null) await writeWhole(manifest, stamp);
  else refuseOther(manifest, found, stamp);
  const files = await readdir(dir);
  await Promise.all(files.filter((name) => name.endsWith('.partial')).map((name) => rm(join(dir, name), { force: true })));
  const there = new Set(files);
  return {
    has: (key) => there.has(nameOf(key)),
    write: async (cell) => {
      await writeWhole(join(dir, nameOf(cell)), { ...stamp, ...cell });
      there.add(nameOf(cell));
    },
    read: async (key) => {
      const path = join(dir, nameOf(key));
      const cell = (await readJson(path)) as (Stamp & Cell) | null;
      if (cell === null) throw new KinewatchError('season-results', `${path} is not there: run again without deleting cells meanwhile`);
      refuseOther(path, cell, stamp);
      return { world: cell.world, arm: cell.arm, seed: cell.seed, figures: cell.figures };
    },
  };
}
