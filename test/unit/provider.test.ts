import { describe, expect, test } from 'vitest';
import { KinewatchError } from '../../src/contracts/errors.ts';
import { openWithProvider } from '../../src/score/onnx/provider.ts';

const NO_LIBRARY = 'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library\n\u001b[1;31mlog line';

/** Opens a session named after its provider, or rejects for the providers in `failing`. */
function opener(failing: Readonly<Record<string, Error>> = {}) {
  const asked: string[] = [];
  const open = (provider: 'cuda' | 'cpu'): Promise<string> => {
    asked.push(provider);
    const error = failing[provider];
    return error === undefined ? Promise.resolve(`${provider} session`) : Promise.reject(error);
  };
  return { asked, open };
}

describe('the execution provider', () => {
  test('cpu never asks for CUDA', async () => {
    const { asked, open } = opener({ cuda: new Error(NO_LIBRARY) });
    expect(await openWithProvider('cpu', open)).toEqual({ session: 'cpu session', provider: 'cpu', note: null });
    expect(asked).toEqual(['cpu']);
  });

  test.each(['auto', 'cuda'] as const)('%s takes CUDA where it runs, and has nothing to say', async (wanted) => {
    const { asked, open } = opener();
    expect(await openWithProvider(wanted, open)).toEqual({ session: 'cuda session', provider: 'cuda', note: null });
    expect(asked).toEqual(['cuda']);
  });

  test('auto goes on with the CPU and says why in one line', async () => {
    const { asked, open } = opener({ cuda: new Error(NO_LIBRARY) });
    const { session, provider, note } = await openWithProvider('auto', open);
    expect([session, provider, asked]).toEqual(['cpu session', 'cpu', ['cuda', 'cpu']]);
    expect(note).toMatch(/^CUDA cannot be used: OrtSession.*Failed to load shared library\. .*--onnxruntime-node-install=cuda12/);
    expect(note).not.toMatch(/\n|log line/);
  });

  test('cuda fails in the same sentence and does not try the CPU', async () => {
    const { asked, open } = opener({ cuda: new Error(NO_LIBRARY) });
    await expect(openWithProvider('cuda', open)).rejects.toMatchObject({
      code: 'cuda-unavailable',
      message: expect.stringMatching(/^CUDA cannot be used: .*cuDNN 9/) as string,
    });
    expect(asked).toEqual(['cuda']);
  });

  test.each(['auto', 'cuda'] as const)('a graph that does not fit its contract is no matter of CUDA (%s)', async (wanted) => {
    const { asked, open } = opener({ cuda: new KinewatchError('model-contract', 'input bio is missing') });
    await expect(openWithProvider(wanted, open)).rejects.toMatchObject({ code: 'model-contract' });
    expect(asked).toEqual(['cuda']);
  });

  test('where the CPU cannot open the graph either, its own error is what comes out', async () => {
    const { open } = opener({ cuda: new Error(NO_LIBRARY), cpu: new Error('no such file') });
    await expect(openWithProvider('auto', open)).rejects.toThrow('no such file');
  });
});
