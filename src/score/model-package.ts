/** A model folder as the registry takes it: contract, graph and what its evaluation measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelPackage } from '../contracts/model.ts';
import { loadModelContract } from './model-contract.ts';

/**
 * Reads binn.json, binn.onnx and, where there is one, evaluation.json of a folder. An evaluation that cannot be read or names another version
 * is not this model's and is left out.
 * @throws KinewatchError model-contract naming every fault
 */
export function readModelPackage(directory: string): ModelPackage {
  const { contract, modelPath } = loadModelContract(directory);
  return {
    contract,
    contractText: readFileSync(join(directory, 'binn.json'), 'utf8'),
    graph: readFileSync(modelPath),
    metrics: readEvaluation(join(directory, 'evaluation.json'), contract.version),
  };
}

function readEvaluation(path: string, version: string): unknown {
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const isOwn = typeof found === 'object' && found !== null && 'modelVersion' in found && found.modelVersion === version;
    return isOwn ? found : null;
  } catch {
    return null;
  }
}
