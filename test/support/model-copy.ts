/** A copy of the shipped model in a folder of its own, under another version. */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelContract } from '../../src/contracts/model.ts';

export const SHIPPED = fileURLToPath(new URL('../../models', import.meta.url));

/** Its folder; the graph is the same file, so the checksum of the contract holds. `change` may spoil the contract. */
export function copyModel(version: string, change: (contract: ModelContract) => object = () => ({})): string {
  const directory = mkdtempSync(join(tmpdir(), 'kwm-'));
  cpSync(join(SHIPPED, 'binn.onnx'), join(directory, 'binn.onnx'));
  const contract = JSON.parse(readFileSync(join(SHIPPED, 'binn.json'), 'utf8')) as ModelContract;
  writeFileSync(join(directory, 'binn.json'), JSON.stringify({ ...contract, version, ...change(contract) }));
  return directory;
}
