/** A model folder as the registry takes it: contract, graph, what its evaluation measured, and the hazard model beside it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelPackage } from '../contracts/model.ts';
import { loadModelContract } from './model-contract.ts';

/**
 * Reads binn.json, binn.onnx and, where there are such, evaluation.json and hazard.json of a folder. An evaluation that cannot be read or names another
 * version is not this model's and is left out.
 * @throws KinewatchError model-contract naming every fault
 */
export function readModelPackage(directory: string): ModelPackage {
  const { contract, modelPath } = loadModelContract(directory);
  return {
    contract,
    contractText: readFileSync(join(directory, 'binn.json'), 'utf8'),
    graph: readFileSync(modelPath),
    metrics: readEvaluation(join(directory, 'evaluation.json'), contract.version),
    hazardText: readHazard(join(directory, 'hazard.json')),
  };
}

const readHazard = (path: string): string | null => (existsSync(path) ? readFileSync(path, 'utf8') : null);

function readEvaluation(path: string, version: string): unknown {
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const isOwn = typeof found === 'object' && found !== null && 'modelVersion' in found && found.modelVersion === version;
    return isOwn ? found : null;
  } catch {
    return null;
  }
}
