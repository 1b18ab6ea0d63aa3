import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { ModelContract } from '../../src/contracts/model.ts';

interface Packed {
  readonly shape: readonly number[];
  readonly f32: string;
}

interface Parity {
  readonly sha256: string;
  readonly tolerance: number;
  readonly windows: readonly { readonly inputs: Record<string, Packed>; readonly outputs: Record<string, Packed> }[];
}

const models = new URL('../../models/', import.meta.url);
const readJson = async <T>(name: string): Promise<T> => JSON.parse(await readFile(new URL(name, models), 'utf8')) as T;

function unpack(packed: Packed): Float32Array {
  const bytes = Buffer.from(packed.f32, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

describe('models/binn.onnx', () => {
  it('is the graph that its contract and its parity vectors were made with', async () => {
    const graph = await readFile(new URL('binn.onnx', models));
    const sha256 = createHash('sha256').update(graph).digest('hex');
    expect((await readJson<ModelContract>('binn.json')).sha256).toBe(sha256);
    expect((await readJson<Parity>('parity.json')).sha256).toBe(sha256);
    expect(graph.byteLength).toBeLessThanOrEqual(8 * 2 ** 20);
  });

  it('gives in onnxruntime-node what it gave when it was exported, states carried', async () => {
    const parity = await readJson<Parity>('parity.json');
    const session = await InferenceSession.create(new URL('binn.onnx', models).pathname, { intraOpNumThreads: 1 });
    expect(parity.windows.length).toBeGreaterThan(1);
    for (const window of parity.windows) {
      const feeds = Object.fromEntries(
        Object.entries(window.inputs).map(([name, packed]) => [name, new Tensor('float32', unpack(packed), [...packed.shape])]),
      );
      const given = await session.run(feeds);
      for (const [name, packed] of Object.entries(window.outputs)) {
        const wanted = unpack(packed);
        const got = given[name]!.data as Float32Array;
        expect(got.length, name).toBe(wanted.length);
        const gap = wanted.reduce((largest, value, i) => Math.max(largest, Math.abs(value - got[i]!)), 0);
        expect(gap, name).toBeLessThan(parity.tolerance);
      }
    }
  });
});
