/** Explanations from the alert or the request to the stored result, with the real graph on a real PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ModelContract } from '../../src/contracts/model.ts';
import { createExplainer } from '../../src/explain/explainer.ts';
import { explainScore, type ExplainTools } from '../../src/explain/explain-score.ts';
import { packWindow, unpackWindow } from '../../src/explain/pack-window.ts';
import { openQueues } from '../../src/queue/queues.ts';
import { startSweeper } from '../../src/queue/sweeper.ts';
import { readModelPackage } from '../../src/score/model-package.ts';
import { createOnnxScorer, type OnnxScorer } from '../../src/score/onnx/onnx-scorer.ts';
import { createStagedScorer } from '../../src/score/onnx/staged-scorer.ts';
import type { StagedScorer } from '../../src/score/ports.ts';
import { createAsmsStore } from '../../src/store/asms-store.ts';
import { createExplanationStore, dropOldExplanations, queueAlertExplanation } from '../../src/store/explanation-store.ts';
import { createModelRegistry } from '../../src/store/model-registry.ts';
import { createRebuildStore } from '../../src/store/rebuild-store.ts';
import { inTransaction } from '../../src/store/transaction.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { copyModel, SHIPPED } from '../support/model-copy.ts';
import { scoreSquad } from '../support/scored-squad.ts';

const startUs = Math.floor(Date.now() / 1000) * 1e6 - 300e6;
const SECONDS = 150;
const VERSION = '7.7.7';

interface Row {
  readonly id: string;
  readonly status: string;
  readonly asked_by: string | null;
  readonly refusal: { readonly code: string; readonly detail: string } | null;
  readonly method: string | null;
  readonly base_logit: number;
  readonly logit: number;
  readonly contributions:
    readonly { readonly name: string; readonly logit: number; readonly reading: { readonly value: number } | null }[] | null;
  readonly attention: { readonly time: readonly number[]; readonly modality: readonly object[] } | null;
  readonly background: {
    readonly own: number;
    readonly squad: number;
    readonly windows: readonly { readonly athleteId: string; readonly windowIndex: number }[];
  } | null;
}

describe('explanations', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let contract: ModelContract;
  let scorer: OnnxScorer;
  let staged: StagedScorer;
  let folder: string;
  let tools: ExplainTools;
  let athleteIds: readonly string[];
  let last: { readonly windowIndex: number; readonly startUs: number; readonly logit: number };

  const rowOf = async (id: string): Promise<Row> =>
    (await database.pool.query<Row>('SELECT * FROM explanation WHERE id = $1', [id])).rows[0] as Row;
  const ask = async (given: { windowIndex?: number; version?: string; grain?: string; startUs?: number } = {}): Promise<string> => {
    const id = randomUUID();
    await database.pool.query(
      `INSERT INTO explanation (id, athlete_id, window_index, model_version, grain, start_us, asked_by) VALUES ($1, $2, $3, $4, $5, $6, 'coach')`,
      [
        id,
        athleteIds[0],
        given.windowIndex ?? last.windowIndex,
        given.version ?? VERSION,
        given.grain ?? 'sensor',
        given.startUs ?? last.startUs,
      ],
    );
    return id;
  };
  const backgroundCount = async (): Promise<number> =>
    Number((await database.pool.query<{ n: string }>('SELECT count(*) AS n FROM background_window')).rows[0]?.n);

  beforeAll(async () => {
    database = await startTestDatabase();
    // Every window of these synthetic athletes passes for quiet.
    folder = copyModel(VERSION, ({ thresholds }) => ({ thresholds: { ...thresholds, low: 1, high: 1 } }));
    const model = readModelPackage(folder);
    ({ contract } = model);
    await createModelRegistry(database.pool).ensureFirst(model, 'test');
    scorer = await createOnnxScorer({ modelPath: `${folder}/binn.onnx`, contract, executionProvider: 'cpu', maxBatch: 32 });
    staged = await createStagedScorer(scorer, model.graph, contract);
    ({ athleteIds } = await scoreSquad(database.pool, { contract, scorer }, { athletes: 4, startUs, seconds: SECONDS }));
    const { rows } = await database.pool.query<{ window_index: string; start_us: string; state_logit: number }>(
      'SELECT window_index, start_us, state_logit FROM score WHERE athlete_id = $1 AND state IS NOT NULL ORDER BY window_index DESC LIMIT 1',
      [athleteIds[0]],
    );
    last = { windowIndex: Number(rows[0]?.window_index), startUs: Number(rows[0]?.start_us), logit: rows[0]?.state_logit ?? Number.NaN };
    tools = {
      store: createExplanationStore(database.pool),
      frames: createRebuildStore(database.pool),
      modelOf: () => Promise.resolve({ contract, scorer, staged }),
      pause: () => Promise.resolve(),
      nowMs: () => 0,
    };
  }, 120_000);
  afterAll(async () => {
    await staged.close();
    await scorer.close();
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => database.pool.query('DELETE FROM explanation'));

  it('explains the stored score: additive, against two windows of the athlete and one of each of two others', async () => {
    const id = await ask();
    await explainScore(tools, id);
    const row = await rowOf(id);
    expect(row).toMatchObject({ status: 'done', refusal: null });
    expect(row.logit).toBeCloseTo(last.logit, 4);
    const sum = row.contributions?.reduce((total, { logit }) => total + logit, 0) ?? Number.NaN;
    expect(sum).toBeCloseTo(row.logit - row.base_logit, 3);
    expect(row.contributions?.map(({ name }) => name)).toEqual(expect.arrayContaining(['foot-left', 'foot-right', 'history']));
    expect(row.attention?.time).toHaveLength(contract.sizes.timeSteps);
    expect(row.attention?.modality).toHaveLength(contract.sizes.tokens);
    expect(row.background).toMatchObject({ own: 2, squad: 2 });
    const windows = row.background?.windows ?? [];
    expect(windows.slice(0, 2).map(({ athleteId }) => athleteId)).toEqual([athleteIds[0], athleteIds[0]]);
    expect(new Set(windows.slice(2).map(({ athleteId }) => athleteId)).size).toBe(2);
    expect(windows.every(({ windowIndex }) => windowIndex < last.windowIndex)).toBe(true);
  });

  it('chooses normal once, stores it and takes it from there: the same question has the same answer', async () => {
    await database.pool.query('DELETE FROM background_window');
    const results: Row[] = [];
    for (let i = 0; i < 2; i += 1) {
      const id = await ask();
      await explainScore(tools, id);
      results.push(await rowOf(id));
      await database.pool.query('DELETE FROM explanation');
      expect(await backgroundCount()).toBe(4);
    }
    expect(results[1]?.contributions).toEqual(results[0]?.contributions);
    expect(results[1]?.background).toMatchObject({ own: 2, squad: 2 });
  });

  it('keeps at most eight quiet windows an athlete', async () => {
    const { rows } = await database.pool.query<{ input: Buffer }>('SELECT input FROM background_window LIMIT 1');
    const packed = rows[0]?.input ?? Buffer.alloc(0);
    const [athleteId = ''] = athleteIds;
    const nothing = new Float32Array(0);
    for (let windowIndex = 1; windowIndex <= 12; windowIndex += 1) {
      const score = { athleteId, windowIndex, modelVersion: 'old', activity: 'run' as const, state: 0, stateLogit: 0, provisional: false };
      await tools.store.saveBackground({ ...score, channelSummary: nothing, phys: nothing, perf: nothing }, packed);
    }
    const kept = await database.pool.query<{ n: string; newest: string }>(
      'SELECT count(*) AS n, max(window_index) FILTER (WHERE model_version = $2) AS newest FROM background_window WHERE athlete_id = $1',
      [athleteId, 'old'],
    );
    expect(kept.rows[0]).toEqual({ n: '8', newest: '12' });
    await database.pool.query('DELETE FROM background_window');
  });

  it('names single channels in their own units', async () => {
    const id = await ask({ grain: 'channel' });
    await explainScore(tools, id);
    const row = await rowOf(id);
    expect(row.status).toBe('done');
    expect(row.contributions?.find(({ name }) => name === 'foot-left.gy')?.reading).toMatchObject({ unit: 'rad/s' });
  });

  it('refuses, with the reason, a window that is not what was scored, one without a score, and one without a normal', async () => {
    const changed = last.logit + 3e-4;
    const update = (logit: number) =>
      database.pool.query('UPDATE score SET state_logit = $3 WHERE athlete_id = $1 AND window_index = $2', [
        athleteIds[0],
        last.windowIndex,
        logit,
      ]);
    await update(changed);
    const spoiled = await ask();
    await explainScore(tools, spoiled);
    await update(last.logit);
    expect(await rowOf(spoiled)).toMatchObject({ status: 'refused', refusal: { code: 'explain-not-the-score' }, contributions: null });
    await database.pool.query('DELETE FROM explanation');

    const none = await ask({ windowIndex: last.windowIndex + 50, startUs: last.startUs + 50e6 });
    await explainScore(tools, none);
    expect(await rowOf(none)).toMatchObject({ status: 'refused', refusal: { code: 'explain-no-score' } });

    const strict = { contract: { ...contract, thresholds: { ...contract.thresholds, low: -1 } }, scorer, staged };
    await database.pool.query('DELETE FROM background_window');
    const alone = await ask();
    await explainScore({ ...tools, modelOf: () => Promise.resolve(strict) }, alone);
    expect(await rowOf(alone)).toMatchObject({ status: 'refused', refusal: { code: 'explain-background' } });
  });

  it('leaves a row alone that another works on, gives it back when its claim has run out, and gives up after three', async () => {
    const id = await ask();
    expect(await tools.store.claim(id, 60_000)).toMatchObject({ id, windowIndex: last.windowIndex });
    expect(await tools.store.claim(id, 60_000)).toBeNull();
    expect(await createExplanationStore(database.pool).pendingExplanations(9)).toEqual([]);
    for (let i = 0; i < 2; i += 1) {
      await database.pool.query(`UPDATE explanation SET claimed_until = now() - interval '1 second'`);
      expect(await createExplanationStore(database.pool).pendingExplanations(9)).toEqual([id]);
      expect(await tools.store.claim(id, -1)).not.toBeNull();
    }
    expect(await tools.store.claim(id, 60_000)).toBeNull();
    expect(await rowOf(id)).toMatchObject({ status: 'refused', refusal: { code: 'explain-failed' } });
  });

  it('is asked for with every alert about the score, in its transaction, and comes before what staff asked for', async () => {
    const asked = await ask({ grain: 'channel' });
    const raise = (type: string, windowIndex = last.windowIndex): Promise<void> =>
      inTransaction(database.pool, (client) => queueAlertExplanation(client, { type, athleteId: athleteIds[0] ?? '', windowIndex }));
    await raise('data-stopped');
    await raise('risk', last.windowIndex + 50);
    expect((await database.pool.query('SELECT 1 FROM explanation')).rowCount).toBe(1);
    await raise('risk');
    await raise('deviation');
    const pending = await createExplanationStore(database.pool).pendingExplanations(9);
    expect(pending).toHaveLength(2);
    expect(pending[1]).toBe(asked);
    expect(await rowOf(pending[0] ?? '')).toMatchObject({ asked_by: null, status: 'pending' });
  });

  it('is left by the transaction that raises the alert', async () => {
    const [athleteId = ''] = athleteIds;
    const { windowIndex, startUs: atUs } = last;
    const alert = {
      type: 'risk' as const,
      severity: 'red' as const,
      title: 'Above',
      sentence: 'Above its threshold',
      evidence: {},
      settingsVersion: 'default',
      recommendation: null,
    };
    const step = { state: {}, raise: [{ ...alert, windowIndex, atUs }], clear: [], live: [] };
    expect((await createAsmsStore(database.pool).advance(athleteId, 'test', 500, () => step)).applied).toBeGreaterThan(0);
    const { rows } = await database.pool.query('SELECT window_index, status, asked_by FROM explanation WHERE athlete_id = $1', [athleteId]);
    expect(rows).toEqual([{ window_index: String(windowIndex), status: 'pending', asked_by: null }]);
    // What leaves the house names the alert and tells nothing of why.
    const events = await database.pool.query<{ body: string }>('SELECT body FROM webhook_event');
    expect(events.rows.every(({ body }) => !body.includes('moved'))).toBe(true);
  });

  it('goes through queue and thread: the sweeper finds it, the thread settles it', async () => {
    const id = await ask();
    const queues = await openQueues({ connectionString: database.connectionString });
    const explainer = createExplainer({ connectionString: database.connectionString, executionProvider: 'cpu' });
    await queues.startWorker('explain', ({ explanationId }) => explainer.explain(explanationId), 1);
    const sweeper = startSweeper({
      asms: null,
      deliveries: null,
      metrics: null,
      watch: null,
      daily: null,
      explanations: createExplanationStore(database.pool),
      queues,
      sessionSilenceMs: 1e9,
      onError: (error) => expect.unreachable(String(error)),
    });
    await sweeper.sweep();
    for (let i = 0; i < 300 && (await rowOf(id)).status === 'pending'; i += 1) await delay(100);
    expect(await rowOf(id)).toMatchObject({ status: 'done' });
    await sweeper.close();
    await explainer.close();
    await queues.close();
  });
});

describe('the explainer at a stop', { timeout: 120_000 }, () => {
  it('puts the explanation in hand down, to be made after the next start, and the process lives', async () => {
    const database = await startTestDatabase();
    const model = readModelPackage(SHIPPED);
    await createModelRegistry(database.pool).ensureFirst(model, 'test');
    const scorer = await createOnnxScorer({
      modelPath: `${SHIPPED}/binn.onnx`,
      contract: model.contract,
      executionProvider: 'cpu',
      maxBatch: 8,
    });
    const squad = await scoreSquad(database.pool, { contract: model.contract, scorer }, { athletes: 1, startUs, seconds: 60 });
    await scorer.close();
    const [athleteId] = squad.athleteIds;
    const { rows } = await database.pool.query<{ id: string }>(
      `INSERT INTO explanation (id, athlete_id, window_index, model_version, grain, start_us)
       SELECT gen_random_uuid(), athlete_id, window_index, model_version, 'sensor', start_us FROM score
       WHERE athlete_id = $1 AND state IS NOT NULL ORDER BY window_index DESC LIMIT 1 RETURNING id`,
      [athleteId],
    );
    const id = rows[0]?.id ?? '';
    const attempts = async (): Promise<number> =>
      (await database.pool.query<{ attempts: number }>('SELECT attempts FROM explanation WHERE id = $1', [id])).rows[0]?.attempts ?? -1;
    const explainer = createExplainer({ connectionString: database.connectionString, executionProvider: 'cpu' });
    const ended = explainer.explain(id).catch((error: unknown) => error);
    for (let i = 0; i < 3_000 && (await attempts()) === 0; i += 1) await delay(2);
    await explainer.close();
    expect(await ended).toMatchObject({ retry: true });
    expect(await attempts()).toBe(0);
    expect(await createExplanationStore(database.pool).pendingExplanations(9)).toEqual([id]);
    // It goes with the score that it would have explained.
    const daysLater = (days: number): number => startUs / 1_000 + days * 86_400_000;
    expect(await dropOldExplanations(database.pool, daysLater(30), 30)).toBe(0);
    expect(await dropOldExplanations(database.pool, daysLater(31), 30)).toBe(1);
    await database.stop();
  });
});

describe('a packed window', () => {
  it('comes back bit for bit, and is refused where it is of another contract', () => {
    const shipped = JSON.parse(readFileSync('models/binn.json', 'utf8')) as ModelContract;
    const random = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i * 12.9898 + length)));
    const { hidden, final } = shipped.sizes;
    const window = {
      bio: random(200 * shipped.bio.length),
      bioMask: random(200 * shipped.bio.length),
      phys: random(shipped.phys.length),
      physMask: random(shipped.phys.length),
      perf: random(shipped.perf.length),
      perfMask: random(shipped.perf.length),
      context: random(shipped.context.length),
      contextMask: random(shipped.context.length),
      elapsedHops: 3,
      state: { final: random(final), a: random(hidden), h: random(2 * hidden) },
    };
    const packed = packWindow(window);
    expect(unpackWindow(packed, shipped)).toEqual(window);
    const other = { ...shipped, phys: shipped.phys.slice(1) };
    expect(() => unpackWindow(packed, other)).toThrow(expect.objectContaining({ code: 'window-unreadable' }));
    expect(() => unpackWindow(packed.subarray(0, 40), shipped)).toThrow(expect.objectContaining({ code: 'window-unreadable' }));
  });
});
