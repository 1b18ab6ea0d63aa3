/** A model folder as the registry takes it: contract, graph, what its evaluation measured, and the hazard model beside it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelPackage } from '../contracts/model.ts';
import { loadModelContract } from './model-contract.ts';

/**
 * Reads binn.json, binn.onnx and, where there are such, evaluation.json and hazard.json of a folder. An evaluation that cannot be read or names another
 * version is not this model's: it is left out, and `leftOut` says so.
 * @throws KinewatchError model-contract naming every fault
 */
export function readModelPackage(directory: string): ModelPackage {
  const { contract, modelPath } = loadModelContract(directory);
  const evaluation = readEvaluation(join(directory, 'evaluation.json'), contract.version);
  return {
    contract,
    contractText: readFileSync(join(directory, 'binn.json'), 'utf8'),
    graph: readFileSync(modelPath),
    metrics: evaluation.metrics,
    hazardText: readHazard(join(directory, 'hazard.json')),
    leftOut: evaluation.leftOut === null ? [] : [evaluation.leftOut],
  };
}

const readHazard = (path: string): string | null => (existsSync(path) ? readFileSync(path, 'utf8') : null);

interface FoundEvaluation {
  readonly metrics: unknown;
  readonly leftOut: string | null;
}

function readEvaluation(path: string, version: string): FoundEvaluation {
  if (!existsSync(path)) return { metrics: null, leftOut: null };
  const refused = (why: string): FoundEvaluation => ({ metrics: null, leftOut: `evaluation.json was left out: ${why}` });
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const of = typeof found === 'object' && found !== null && 'modelVersion' in found ? found.modelVersion : undefined;
    return of === version ? { metrics: found, leftOut: null } : refused(`it is of version ${String(of)}, the model of ${version}`);
  } catch (error) {
    return refused(`it cannot be read (${error instanceof Error ? error.message : String(error)})`);
  }
}
