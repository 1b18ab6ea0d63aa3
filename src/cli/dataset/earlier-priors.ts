/** `--priors DIR`: location and scale of an earlier export, so that a set is seen as the service with that set's model would see it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelContract } from '../../contracts/model.ts';
import { RecordingError } from '../../recordings/recording.ts';

const PARTS = ['bio', 'phys', 'perf', 'context'] as const;

/**
 * The contract with the priors and the clip of the export in `folder`.
 * @throws RecordingError where the folder holds no export or one of other channels
 */
export async function earlierPriors(folder: string, named: ModelContract): Promise<ModelContract> {
  const path = join(folder, 'dataset.json');
  let stored: Pick<ModelContract, 'zClip' | (typeof PARTS)[number]>;
  try {
    stored = (JSON.parse(await readFile(path, 'utf8')) as { contract: ModelContract }).contract;
  } catch (cause) {
    throw new RecordingError(`${path} cannot be read: --priors wants the folder of an earlier export`, null, cause);
  }
  const names = (rows: readonly { readonly name: string }[] = []): string => rows.map((row) => row.name).join(' ');
  if (PARTS.some((part) => names(stored[part]) !== names(named[part])))
    throw new RecordingError(`${path} lists other channels than the contract`);
  return { ...named, zClip: stored.zClip, bio: stored.bio, phys: stored.phys, perf: stored.perf, context: stored.context };
}
