/** The registry: what is registered, what is refused and why, one active model, the history; by the store, the API and npm run admin. */
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelPackage } from '../../src/score/model-package.ts';
import { admitModel } from '../../src/shard/admit-model.ts';
import { followModels } from '../../src/store/model-follower.ts';
import { createModelRegistry, type ModelRegistry } from '../../src/store/model-registry.ts';
import type { Model } from '../../src/rest/ports.ts';
import { gate } from '../support/gate.ts';
import { copyModel, SHIPPED } from '../support/model-copy.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/admin.js', import.meta.url));
const shipped = readModelPackage(SHIPPED);
const [FIRST, SECOND, THIRD] = [shipped.contract.version, '9.1.0', '9.2.0'];

let api: RestApp;
let registry: ModelRegistry;
const folders: string[] = [];
const folder = (...args: Parameters<typeof copyModel>): string => {
  folders.push(copyModel(...args));
  return folders.at(-1) ?? '';
};
const statuses = async (): Promise<Record<string, string>> =>
  Object.fromEntries((await registry.list()).map(({ version, status }) => [version, status]));

beforeAll(async () => {
  api = await startRestApp();
  registry = createModelRegistry(api.database.pool);
});
afterAll(async () => {
  await api.close();
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

describe('the registry', () => {
  it('takes the model of the package on the first start only', async () => {
    expect(await registry.inUse()).toEqual({ active: null, shadow: null });
    const first = await Promise.all([registry.ensureFirst(shipped, 'first start'), registry.ensureFirst(shipped, 'first start')]);
    expect(first.filter(Boolean)).toHaveLength(1);
    expect(await registry.ensureFirst(readModelPackage(folder('8.0.0')), 'first start')).toBe(false);
    const [model, ...others] = await registry.list();
    expect(others).toEqual([]);
    expect(model).toMatchObject({ version: FIRST, status: 'active', sha256: shipped.contract.sha256, registeredBy: 'first start' });
    expect(model?.metrics).toMatchObject({ modelVersion: FIRST });
    expect(model?.history).toEqual([{ at: expect.any(String) as string, from: null, to: 'active', by: 'first start' }]);
    const loaded = await registry.load(FIRST);
    expect(loaded.contract).toEqual(shipped.contract);
    expect(Buffer.from(loaded.graph).equals(Buffer.from(shipped.graph))).toBe(true);
  });

  it('registers another version, once, and says what differs where the version is taken', async () => {
    const other = readModelPackage(folder(SECOND));
    expect(other.metrics).toBeNull();
    expect(await registry.register(other, 'a test')).toMatchObject({ version: SECOND, status: 'registered', activatedAt: null });
    await expect(registry.register(other, 'a test')).rejects.toMatchObject({ code: 'already-exists' });
    await expect(registry.register({ ...other, graph: new Uint8Array(9) }, 'a test')).rejects.toThrow('another graph: a changed model');
    await expect(registry.load('none')).rejects.toMatchObject({ code: 'unknown-model' });
  });

  it('has one active model and one shadow: a shadow that is activated changes places with the active one', async () => {
    await registry.register(readModelPackage(folder(THIRD)), 'a test');
    await registry.setStatus(SECOND, 'shadow', 'a test');
    expect(await statuses()).toEqual({ [FIRST]: 'active', [SECOND]: 'shadow', [THIRD]: 'registered' });
    await registry.setStatus(SECOND, 'active', 'a test');
    expect(await statuses()).toEqual({ [FIRST]: 'shadow', [SECOND]: 'active', [THIRD]: 'registered' });
    await registry.setStatus(THIRD, 'shadow', 'a test');
    expect(await statuses()).toEqual({ [FIRST]: 'retired', [SECOND]: 'active', [THIRD]: 'shadow' });
    await registry.setStatus(FIRST, 'active', 'the end');
    expect(await statuses()).toEqual({ [FIRST]: 'active', [SECOND]: 'retired', [THIRD]: 'shadow' });
    await expect(registry.setStatus(FIRST, 'retired', 'a test')).rejects.toMatchObject({ code: 'model-active' });
    expect(await registry.setStatus('none', 'active', 'a test')).toBeNull();
    const changes = (await registry.get(FIRST))?.history.map(({ from, to, by }) => [from, to, by]);
    expect(changes).toEqual([
      ['retired', 'active', 'the end'],
      ['shadow', 'retired', 'a test'],
      ['active', 'shadow', 'a test'],
      [null, 'active', 'first start'],
    ]);
    const two = api.database.pool.query(`UPDATE model SET status = 'active' WHERE version = $1`, [SECOND]);
    await expect(two).rejects.toMatchObject({ code: '23505', constraint: 'model_one_active_key' });
    await registry.setStatus(THIRD, 'retired', 'a test');
  });

  it('tells who follows it of a change', async () => {
    const told = gate();
    const follower = await followModels({
      pool: api.database.pool,
      connectionString: api.database.connectionString,
      onLook: ({ shadow }) => shadow === SECOND && told.open(),
      onError: () => undefined,
      lookEveryMs: 1_000_000,
    });
    await registry.setStatus(SECOND, 'shadow', 'a test');
    await told.opened;
    expect(follower.models).toEqual({ active: FIRST, shadow: SECOND });
    expect(follower.contractOf(SECOND)?.version).toBe(SECOND);
    expect(follower.contractOf('none')).toBeUndefined();
    await follower.close();
    await registry.setStatus(SECOND, 'retired', 'a test');
  });
});

describe('a model that does not fit', () => {
  const refusal = async (change: Parameters<typeof copyModel>[1]): Promise<string> => {
    const { contract, graph } = readModelPackage(folder('7.0.0', change));
    return admitModel(contract, graph).then(
      () => 'admitted',
      (error: unknown) => (error as Error).message,
    );
  };

  it('is admitted unchanged, whatever its priors and its clip', async () => {
    expect(
      await refusal(({ bio, zClip }) => ({ bio: bio.map((channel) => ({ ...channel, prior: bio[0]?.prior })), zClip: zClip / 2 })),
    ).toBe('admitted');
  });

  it('is refused with every difference named: channels, units, widths, room', async () => {
    const said = await refusal(({ bio, phys, perf, sizes }) => ({
      bio: [{ ...bio[0], kind: 'radar' }, { ...bio[1], channel: 'q' }, { ...bio[2], unit: 'V' }, ...bio.slice(3, -1)],
      phys: [{ ...phys[0], unit: 'Hz' }, ...phys.slice(1)],
      perf: [{ ...perf[0], name: 'mood' }, ...perf.slice(1)],
      sizes: { ...sizes, hidden: 400 },
    }));
    for (const difference of [
      'no stream is of kind radar',
      'a stream of kind imu has no q',
      'cannot be brought to V',
      'the service gives 1/min, the contract wants Hz',
      'scalar mood: the service does not provide it',
      'do not fit',
      'input bio is [batch, 200, 32], expected [batch, 200, 31]',
      'input state_a is [batch, 64], expected [batch, 400]',
      'output next_h',
    ])
      expect(said).toContain(difference);
  });

  it('is refused where the file is no graph', async () => {
    await expect(admitModel(shipped.contract, new Uint8Array(1_000))).rejects.toThrow(/is refused: the runtime cannot run the graph: /);
  });
});

describe('GET and POST /v1/models', () => {
  it('shows the versions to who may read, and is changed by a key of every team with the scope admin', async () => {
    const [team, admin] = [await api.team('Reds'), await api.key(null, ['admin'])];
    const [read, ofTeam] = [await api.key(team, ['read']), await api.key(team, ['admin'])];
    const shown = await api.call(read, 'GET', '/v1/models');
    expect(shown.json<{ items: Model[] }>().items.map(({ version }) => version)).toContain(FIRST);
    expect((await api.call(read, 'POST', `/v1/models/${SECOND}/shadow`)).statusCode).toBe(403);
    expect((await api.call(ofTeam, 'POST', `/v1/models/${SECOND}/shadow`)).json()).toMatchObject({ status: 403, code: 'other-team' });
    expect((await api.call(admin, 'POST', `/v1/models/${SECOND}/shadow`)).json()).toMatchObject({ version: SECOND, status: 'shadow' });
    const active = await api.call(admin, 'POST', `/v1/models/${SECOND}/activate`);
    expect(active.json<Model>().history[0]).toMatchObject({ from: 'shadow', to: 'active', by: 'API key key admin' });
    expect((await api.call(admin, 'POST', `/v1/models/${SECOND}/retire`)).json()).toMatchObject({ status: 409, code: 'model-active' });
    expect((await api.call(admin, 'POST', '/v1/models/none/activate')).json()).toMatchObject({ status: 404, code: 'not-found' });
    expect((await api.call(admin, 'POST', `/v1/models/${FIRST}/activate`)).json()).toMatchObject({ version: FIRST, status: 'active' });
    expect((await api.call(admin, 'POST', `/v1/models/${SECOND}/retire`)).json()).toMatchObject({ version: SECOND, status: 'retired' });
  });
});

describe('npm run admin -- model', { timeout: 120_000 }, () => {
  const admin = (...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> =>
    new Promise((done) => {
      const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: api.database.connectionString };
      execFile(process.execPath, [PROGRAM, 'model', ...args], { env, timeout: 60_000 }, (error, stdout, stderr) =>
        done({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });

  it('lists, registers and changes, and refuses in a sentence', async () => {
    const good = await admin('register', folder('9.3.0'), '--by', 'Ada', '--json');
    expect(good.status, good.stderr).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ version: '9.3.0', status: 'registered', registeredBy: 'Ada' });
    const other = folder('9.3.1');
    writeFileSync(join(other, 'evaluation.json'), JSON.stringify({ modelVersion: '9.2.9' }));
    expect((await admin('register', other)).stdout).toContain('evaluation.json was left out: it is of version 9.2.9, the model of 9.3.1');
    expect((await registry.get('9.3.1'))?.metrics).toBeNull();
    const spoiled = folder('9.4.0');
    writeFileSync(join(spoiled, 'binn.onnx'), 'not this');
    expect((await admin('register', spoiled)).stderr).toContain('has SHA-256');
    const unfit = await admin(
      'register',
      folder('9.4.0', ({ bio }) => ({ bio: bio.slice(1) })),
    );
    expect([unfit.status, unfit.stdout]).toEqual([1, '']);
    expect(unfit.stderr).toContain('model 9.4.0 is refused');
    expect(await registry.get('9.4.0')).toBeNull();
    expect((await admin('shadow', '9.3.0')).stdout).toMatch(/^9\.3\.0 {2}shadow {2}sha256 /m);
    expect((await admin('activate', 'none')).stderr).toContain('there is no model none in the registry');
    expect((await admin('list')).stdout).toContain(`${FIRST}  active`);
    expect((await admin('retire', '9.3.0')).status).toBe(0);
    for (const wrong of [[], ['list', 'x'], ['activate'], ['burn', '1']]) expect((await admin(...wrong)).status).toBe(2);
  });
});
