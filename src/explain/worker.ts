/** The explainer's thread: its own store connections, its own ONNX sessions, the lowest priority. Started by explainer.ts, from dist. */
import { setPriority } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { createOnnxScorer } from '../score/onnx/onnx-scorer.ts';
import { createStagedScorer } from '../score/onnx/staged-scorer.ts';
import { createExplanationStore } from '../store/explanation-store.ts';
import { createModelRegistry } from '../store/model-registry.ts';
import { openPool } from '../store/pool.ts';
import { createRebuildStore } from '../store/rebuild-store.ts';
import { KinewatchError } from '../contracts/errors.ts';
import { explainScore, type ExplainTools, type Model } from './explain-score.ts';
import type { ExplainerSettings, FromExplainerWorker, ToExplainerWorker } from './messages.ts';

/** Windows scored in one run (chosen: larger batches gain nothing on the CPU, and after each the thread gives way and sees whether it is to end). */
const BATCH = 8;
/** BOUNDED: versions whose graphs are open: the active one, and the one before it. */
const OPEN_MODELS = 2;
const LOWEST = 19;

const port = parentPort;
if (port === null) throw new Error('worker.ts runs as a worker thread');
// Only on Linux does a thread have a priority of its own; elsewhere this would slow down the sockets.
if (process.platform === 'linux') setPriority(LOWEST);

const { connectionString, executionProvider } = workerData as ExplainerSettings;
const pool = openPool(connectionString, { max: 2, name: 'kinewatch explainer' });
const registry = createModelRegistry(pool);
/** Set by a message, which is seen where an explanation pauses. */
let closing = false;
let inHand: Promise<void> = Promise.resolve();
/** The one used last stands last. */
const models = new Map<string, Model>();

async function modelOf(version: string): Promise<Model> {
  const known = models.get(version);
  models.delete(version);
  const model = known ?? (await openModel(version));
  models.set(version, model);
  for (const [old, { scorer, staged }] of [...models].slice(0, -OPEN_MODELS)) {
    models.delete(old);
    await staged.close();
    await scorer.close();
  }
  return model;
}

async function openModel(version: string): Promise<Model> {
  const { contract, graph } = await registry.load(version);
  const scorer = await createOnnxScorer({
    modelPath: `model ${version}`,
    modelBytes: graph,
    contract,
    executionProvider,
    maxBatch: BATCH,
  });
  return { contract, scorer, staged: await createStagedScorer(scorer, graph, contract) };
}

const tools: ExplainTools = {
  store: createExplanationStore(pool),
  frames: createRebuildStore(pool),
  modelOf,
  pause: async () => {
    await nextTurn();
    if (closing) throw new KinewatchError('explainer-closed', 'the explainer is stopping; the explanation is made after the next start');
  },
  nowMs: () => performance.now(),
};

async function work(id: string): Promise<void> {
  const answer = (fault: string | null): void => port?.postMessage({ id, fault } satisfies FromExplainerWorker);
  await explainScore(tools, id).then(
    () => answer(null),
    (error: unknown) => answer(error instanceof Error ? error.message : String(error)),
  );
}

async function close(): Promise<void> {
  closing = true;
  await inHand;
  for (const { scorer, staged } of models.values()) {
    await staged.close();
    await scorer.close();
  }
  await pool.end();
  port?.close();
}

port.on('message', (message: ToExplainerWorker) => {
  if (message.type === 'close') void close();
  else inHand = work(message.id);
});
