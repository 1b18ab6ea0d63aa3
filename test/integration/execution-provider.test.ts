/** How the started service says which provider scores. Runs on machines with and without CUDA: both must tell one story. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort, startServiceProcess } from '../support/service-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'kw-provider-'));
const start = async (provider: string) =>
  startServiceProcess({
    KINEWATCH_DIR: join(directory, 'data'),
    DATABASE_URL: '',
    REDIS_URL: '',
    PORT: String(await freePort()),
    LOG_LEVEL: 'info',
    EXECUTION_PROVIDER: provider,
  });

describe('EXECUTION_PROVIDER', () => {
  let hasCuda = false;
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('auto says in the log, in readiness and in metrics which provider scores, and why it is not CUDA', async () => {
    const service = await start('auto');
    try {
      const { checks } = (await (await fetch(`${service.url}/readyz`)).json()) as { checks: Record<string, { detail?: string }> };
      const detail = checks['executionProvider']?.detail ?? '';
      hasCuda = detail === 'cuda';
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      const scoring = service.log.map((line) => (line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : {}));
      const logged = scoring.find(({ msg }) => msg === 'scoring');
      if (hasCuda) {
        expect(metrics).toMatch(/^kinewatch_execution_provider\{provider="cuda"\} 1$/m);
        expect(metrics).toMatch(/^kinewatch_execution_provider_fallback 0$/m);
        expect(logged).toMatchObject({ provider: 'cuda', note: null });
      } else {
        expect(detail).toMatch(/^cpu \(CUDA cannot be used: .*--onnxruntime-node-install=cuda12/);
        expect(metrics).toMatch(/^kinewatch_execution_provider\{provider="cpu"\} 1$/m);
        expect(metrics).toMatch(/^kinewatch_execution_provider_fallback 1$/m);
        expect(logged).toMatchObject({ provider: 'cpu', note: expect.stringMatching(/^CUDA cannot be used: /) as string });
      }
    } finally {
      await service.stop();
    }
  }, 180_000);

  it('cuda starts with CUDA or ends with one sentence that says what is missing', async () => {
    const started = await start('cuda').then(
      async (service) => {
        await service.stop();
        return 'cuda';
      },
      (error: unknown) => (error as Error).message,
    );
    if (hasCuda) expect(started).toBe('cuda');
    else expect(started).toMatch(/^the service ended with 1:\n(.*\n)*cuda-unavailable: CUDA cannot be used: .*cuDNN 9.*install=cuda12/);
  }, 180_000);

  it('npm run bench:gpu measures nothing without CUDA, and says so with code 2', ({ skip }) => {
    // With CUDA the benchmark takes its minute: not here.
    if (hasCuda) skip();
    const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/bench/gpu.js'], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^CUDA cannot be used: .*\nNothing was measured\.\n$/);
  }, 120_000);
});
