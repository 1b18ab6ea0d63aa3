/** Loading models/binn.json and holding the graph against it. The service refuses a model that does not fit its contract, and says where. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { KinewatchError } from '../contracts/errors.ts';
import { ACTIVITY_CLASSES, type ModelContract } from '../contracts/model.ts';

const LocationScale = Type.Object({ location: Type.Number(), scale: Type.Number({ exclusiveMinimum: 0 }) });
const Scalar = Type.Object({ name: Type.String({ minLength: 1 }), unit: Type.String(), prior: LocationScale });
const Bio = Type.Object({
  name: Type.String({ minLength: 1 }),
  unit: Type.String(),
  kind: Type.String(),
  placement: Type.String(),
  channel: Type.String(),
  prior: Type.Object(Object.fromEntries(ACTIVITY_CLASSES.map((activity) => [activity, LocationScale]))),
});
const Width = Type.Integer({ minimum: 1, maximum: 4_096 });
/** Widths are bounded so that a checkpoint can stay within 4 KiB. */
const Contract = Type.Object({
  format: Type.Literal(1),
  name: Type.Literal('binn'),
  version: Type.String({ minLength: 1 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  window: Type.Object({ lengthS: Type.Literal(2), hopS: Type.Literal(1), rateHz: Type.Literal(100) }),
  bio: Type.Array(Bio, { minItems: 1, maxItems: 64 }),
  phys: Type.Array(Scalar, { minItems: 1 }),
  perf: Type.Array(Scalar, { minItems: 1 }),
  context: Type.Array(Scalar, { minItems: 1 }),
  zClip: Type.Number({ minimum: 3 }),
  sizes: Type.Object({ hidden: Width, attn: Width, final: Width, tokens: Width, timeSteps: Width }),
  minimum: Type.Object({ bioChannels: Type.Number({ minimum: 0 }), observedFraction: Type.Number({ minimum: 0, maximum: 1 }) }),
  thresholds: Type.Object({ high: Type.Number(), low: Type.Number(), k: Type.Integer(), n: Type.Integer(), source: Type.String() }),
  trainedOn: Type.Object({}),
});

export interface LoadedModel {
  readonly contract: ModelContract;
  readonly modelPath: string;
}

/**
 * Reads binn.json and binn.onnx of a folder and checks that they belong together.
 * @throws KinewatchError model-contract naming every fault: a field that is missing or wrong, or a graph file whose SHA-256 is another
 */
export function loadModelContract(directory: string): LoadedModel {
  const contractPath = join(directory, 'binn.json');
  const modelPath = join(directory, 'binn.onnx');
  const value = readJson(contractPath);
  const faults = [...Value.Errors(Contract, value)].map((error) => `${error.instancePath || '/'} ${error.message}`);
  if (faults.length > 0) throw new KinewatchError('model-contract', `${contractPath}: ${faults.slice(0, 10).join('; ')}`);
  const contract = value as ModelContract;
  const sha256 = createHash('sha256').update(readBytes(modelPath)).digest('hex');
  if (sha256 !== contract.sha256) {
    throw new KinewatchError(
      'model-contract',
      `${modelPath} has SHA-256 ${sha256}, the contract of version ${contract.version} names ${contract.sha256}`,
    );
  }
  return { contract, modelPath };
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new KinewatchError('model-contract', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function readJson(path: string): unknown {
  const text = readBytes(path).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KinewatchError('model-contract', `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
