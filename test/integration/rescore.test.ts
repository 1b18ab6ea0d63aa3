/** npm run rescore, as it is run, with the real graph: past windows under another version, from the stored frames. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readOptions } from '../../src/cli/rescore/options.ts';
import { loadModelContract } from '../../src/score/model-contract.ts';
import { readModelPackage } from '../../src/score/model-package.ts';
import { createOnnxScorer } from '../../src/score/onnx/onnx-scorer.ts';
import { packFrames } from '../../src/shard/pool.ts';
import { createShard } from '../../src/shard/shard.ts';
import { createAsmsStore } from '../../src/store/asms-store.ts';
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createModelRegistry } from '../../src/store/model-registry.ts';
import { openPool } from '../../src/store/pool.ts';
import { createShardStore } from '../../src/store/shard-store.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { copyModel, SHIPPED } from '../support/model-copy.ts';
import { makeSquad, storeFrames, type Squad } from '../support/squad.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/rescore.js', import.meta.url));
const NEW = '9.9.0';

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}
interface Summary {
  readonly windows: number;
  readonly written: number;
  readonly missing: number;
  readonly athletes: readonly { readonly athleteId: string; readonly windows: number; readonly written: number; readonly error?: string }[];
}

let database: TestDatabase;
let squad: Squad;
let copy: string;
let windows: number;
const startUs = Math.floor(Date.now() / 1000) * 1e6 - 60e6;

const environment = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  EXECUTION_PROVIDER: 'cpu',
  DATABASE_URL: database.connectionString,
});
const run = (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  new Promise((done) => {
    execFile(process.execPath, [PROGRAM, ...args], { env: { ...environment(), ...env }, timeout: 90_000 }, (error, stdout, stderr) =>
      done({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
const rescore = async (...args: string[]): Promise<Summary> => {
  const { status, stdout, stderr } = await run(['--model', NEW, ...args]);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Summary;
};
const countOf = async (where: string): Promise<number> =>
  Number((await database.pool.query<{ n: string }>(`SELECT count(*) AS n FROM score WHERE ${where}`)).rows[0]?.n);

/** Scores the squad as the live path does, with the shipped model. */
async function scoreLive(): Promise<void> {
  const { contract, modelPath } = loadModelContract(SHIPPED);
  const scorer = await createOnnxScorer({ modelPath, contract, executionProvider: 'cpu', maxBatch: 8 });
  const shard = createShard({
    store: createShardStore(database.pool),
    models: { active: { contract, scorer }, shadow: null },
    nowUs: () => Date.now() * 1000,
    liveFromUs: startUs - 1e6,
    onScored: () => undefined,
    onClock: () => undefined,
    onPressure: () => undefined,
    log: () => undefined,
  });
  shard.open(squad.opened);
  await storeFrames(database.pool, squad.frames, (frames) => shard.push(packFrames(frames)));
  await shard.drain();
  await shard.close();
  await scorer.close();
}

beforeAll(async () => {
  database = await startTestDatabase();
  const registry = createModelRegistry(database.pool);
  await registry.ensureFirst(readModelPackage(SHIPPED), 'test');
  copy = copyModel(NEW);
  await registry.register(readModelPackage(copy), 'test');
  squad = await makeSquad(database.pool, 3, startUs);
  await scoreLive();
  windows = await countOf('true');
}, 120_000);
afterAll(async () => {
  await database.stop();
  rmSync(copy, { recursive: true, force: true });
});

describe('npm run rescore', { timeout: 180_000 }, () => {
  it('writes a part, then the rest: the same weights give the scores of the live path within 1e-5, beside them', async () => {
    const [first] = squad.athleteIds as [string];
    const until = new Date(startUs / 1000 + 8_000).toISOString();
    const some = await rescore('--athlete', first, '--to', until);
    expect(some.written).toBeGreaterThan(3);
    expect(some).toMatchObject({ windows: some.written, missing: 0 });
    expect(await countOf(`model_version = '${NEW}'`)).toBe(some.written);
    expect(await countOf(`model_version = '${NEW}' AND start_us >= ${Date.parse(until) * 1000}`)).toBe(0);

    const all = await rescore('--all');
    expect(all).toMatchObject({ windows, written: windows - some.written, missing: 0 });
    expect(all.athletes).toHaveLength(3);
    const pairs = await database.pool.query<{ difference: number | null; same: boolean; shadow: boolean }>(
      `SELECT abs(n.state_logit - o.state_logit) AS difference, n.shadow, n.closed_by_us = o.closed_by_us AND n.streams = o.streams AS same
       FROM score o LEFT JOIN score n ON n.athlete_id = o.athlete_id AND n.window_index = o.window_index AND n.model_version = $1 WHERE NOT o.shadow`,
      [NEW],
    );
    expect(pairs.rows).toHaveLength(windows);
    for (const { difference, same, shadow } of pairs.rows) {
      expect(difference).toBeLessThan(1e-5);
      expect([same, shadow]).toEqual([true, true]);
    }
  });

  it('is a no-op when it is run again, and goes on where a run was cut off', async () => {
    const before = await database.pool.query('SELECT * FROM score ORDER BY athlete_id, window_index, model_version');
    expect(await rescore('--all')).toMatchObject({ windows, written: 0, missing: 0 });
    expect((await database.pool.query('SELECT * FROM score ORDER BY athlete_id, window_index, model_version')).rows).toEqual(before.rows);
    const lost = await database.pool.query(
      `DELETE FROM score WHERE model_version = $1 AND athlete_id = $2 AND window_index > (SELECT avg(window_index) FROM score WHERE athlete_id = $2)`,
      [NEW, squad.athleteIds[1]],
    );
    expect(lost.rowCount).toBeGreaterThan(3);
    const again = await rescore('--all');
    expect(again).toMatchObject({ windows, written: lost.rowCount, missing: 0 });
    expect(again.athletes.filter(({ written }) => written > 0)).toMatchObject([{ athleteId: squad.athleteIds[1], written: lost.rowCount }]);
    expect(await countOf(`model_version = '${NEW}'`)).toBe(windows);
  });

  it('killed half-way, it goes on when it is started again, and ends with the rows of an unbroken run', async () => {
    const forget = (): Promise<unknown> => database.pool.query('DELETE FROM score WHERE model_version = $1', [NEW]);
    /** All that was written but when. */
    const written = async (): Promise<unknown[]> => {
      const { rows } = await database.pool.query<{ row: unknown }>(
        `SELECT to_jsonb(s) - 'scored_at_us' AS row FROM score s WHERE model_version = $1 ORDER BY athlete_id, window_index`,
        [NEW],
      );
      return rows.map(({ row }) => row);
    };
    /** Sessions of the command on the server. */
    const sessions = async (where: string): Promise<number> => {
      const sql = `SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'kinewatch rescore' AND ${where}`;
      return Number((await database.pool.query<{ n: string }>(sql)).rows[0]?.n);
    };
    await forget();
    await rescore('--all');
    const unbroken = await written();
    expect(unbroken).toHaveLength(windows);

    await forget();
    // Every athlete has a part of its windows, as one killed between two transactions of an athlete would leave it.
    const part = await rescore('--all', '--to', new Date(startUs / 1000 + 8_000).toISOString());
    // The key of the second athlete's newest window, held by a transaction that is open: it stops the run inside a transaction of its own.
    const holder = await database.pool.connect();
    await holder.query('BEGIN');
    await holder.query(
      `INSERT INTO score SELECT (jsonb_populate_record(s, jsonb_build_object('model_version', $1::text, 'shadow', true))).* FROM score s
       WHERE athlete_id = $2 AND NOT shadow ORDER BY window_index DESC LIMIT 1`,
      [NEW, squad.athleteIds[1]],
    );
    const child = spawn(process.execPath, [PROGRAM, '--model', NEW, '--all'], { env: environment(), stdio: 'ignore' });
    const ended = once(child, 'exit');
    try {
      await expect.poll(() => sessions(`wait_event_type = 'Lock'`), { timeout: 60_000 }).toBe(1);
    } finally {
      child.kill('SIGKILL');
      await ended;
      await holder.query('ROLLBACK');
      holder.release();
    }
    expect(child.signalCode).toBe('SIGKILL');
    await expect.poll(() => sessions('true'), { timeout: 60_000 }).toBe(0);
    const kept = await countOf(`model_version = '${NEW}'`);
    expect(kept).toBeGreaterThan(part.written);
    expect(kept).toBeLessThan(windows);

    expect(await rescore('--all')).toMatchObject({ windows, written: windows - kept, missing: 0 });
    expect(await written()).toEqual(unbroken);
  });

  it('scores a session, a team, and nothing for ASMS', async () => {
    await database.pool.query('DELETE FROM score WHERE model_version = $1', [NEW]);
    const { rows } = await database.pool.query<{ id: string; name: string }>(
      'SELECT s.id, t.name FROM session s JOIN team t ON t.id = s.team_id WHERE s.athlete_id = $1',
      [squad.athleteIds[0]],
    );
    const session = await rescore('--session', rows[0]?.id ?? '');
    expect(session.athletes).toMatchObject([{ athleteId: squad.athleteIds[0] }]);
    expect(session.written).toBe(session.windows);
    expect(await rescore('--team', rows[0]?.name ?? '', '--athlete', 'athlete-0')).toMatchObject({ written: 0 });
    expect(await rescore('--team', rows[0]?.name ?? '')).toMatchObject({ windows, written: windows - session.written });
    const asms = createAsmsStore(database.pool);
    const versions = new Set<string>();
    for (const athleteId of squad.athleteIds)
      await asms.advance(athleteId, 'm', 500, (_state, { windows: scored }) => {
        for (const { modelVersion } of scored) versions.add(modelVersion);
        return { state: null, raise: [], clear: [], live: [] };
      });
    expect(versions.has(NEW)).toBe(false);
    expect(await asms.athletesBehind(10)).toEqual([]);
  });

  it("goes no further than some score counts: later windows are the live path's to score first", async () => {
    const [first] = squad.athleteIds as [string];
    await database.pool.query('DELETE FROM score WHERE model_version = $1', [NEW]);
    await database.pool.query('UPDATE checkpoint SET active_index = active_index - 5 WHERE athlete_id = $1', [first]);
    await rescore('--athlete', first);
    const { rows } = await database.pool.query<{ ahead: string }>(
      'SELECT max(window_index) - (SELECT max(active_index) FROM checkpoint WHERE athlete_id = $1) AS ahead FROM score WHERE athlete_id = $1 AND model_version = $2',
      [first, NEW],
    );
    expect(Number(rows[0]?.ahead)).toBe(0);
    await database.pool.query('UPDATE checkpoint SET active_index = window_index');
  });

  it('counts as missing what has no frames any more', async () => {
    await database.pool.query('DELETE FROM score WHERE model_version = $1', [NEW]);
    await database.pool.query(
      'DELETE FROM raw_frame USING stream WHERE stream.id = raw_frame.stream_id AND stream.athlete_id = $1 AND raw_frame.sequence < 40',
      [squad.athleteIds[2]],
    );
    const summary = await rescore('--all');
    expect(summary.missing).toBeGreaterThan(3);
    expect(summary.written + summary.missing).toBe(windows);
  });

  it('says in a sentence what it cannot do', async () => {
    const model = ['--model', NEW];
    const refused: readonly (readonly [args: readonly string[], status: number, said: string])[] = [
      [['--model', 'none', '--all'], 1, 'there is no model none'],
      [[...model, '--session', 'x'], 1, 'there is no session x'],
      [[...model, '--team', 'Nobody'], 1, 'in team Nobody'],
      [['--all'], 2, '--model is missing'],
    ];
    for (const [args, status, said] of refused) {
      const ended = await run(args);
      expect([ended.status, ended.stdout], args.join(' ')).toEqual([status, '']);
      expect(ended.stderr).toContain(said);
    }
    for (const args of [[], ['--all', '--team', 'a'], ['--session', 'x', '--from', '2026-01-01'], ['--all', '--from', 'noon'], ['--what']])
      expect(() => readOptions([...model, ...args]), args.join(' ')).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
    expect(() => readOptions([...model, '--all', '--from', '2026-02-01', '--to', '2026-01-01'])).toThrow('--from is not before --to');
    expect((await run(['--help'])).stdout).toContain('--session ID');
  });

  it('works on the embedded database whether the service holds it or not', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kwr-'));
    const env = { DATABASE_URL: '', KINEWATCH_DIR: directory };
    const service = await startEmbeddedPostgres({ directory });
    try {
      await migrate(service.connectionString);
      const pool = openPool(service.connectionString, { max: 1, name: 'test' });
      await createModelRegistry(pool).ensureFirst(readModelPackage(copy), 'test');
      await pool.query(`INSERT INTO team (id, name) VALUES (gen_random_uuid(), 'T')`);
      await pool.query(`INSERT INTO athlete (id, team_id, external_id, name) SELECT gen_random_uuid(), id, 'a', 'a' FROM team`);
      await pool.end();
      expect((await run(['--model', NEW, '--all'], env)).stdout).toContain('"windows":0');
    } finally {
      await service.stop();
    }
    const alone = await run(['--model', NEW, '--all'], env);
    expect(alone.status, alone.stderr).toBe(0);
    rmSync(directory, { recursive: true, force: true });
  });
});
