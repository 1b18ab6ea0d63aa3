/** The worker thread of one shard: its own store connections, its own ONNX session, messages in and out. Started by pool.ts, from dist. */
import { parentPort, workerData } from 'node:worker_threads';
import { hashOf } from '../align/grid.ts';
import { KinewatchError } from '../contracts/errors.ts';
import { openPool } from '../store/pool.ts';
import { createModelRegistry } from '../store/model-registry.ts';
import { createShardStore } from '../store/shard-store.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';
import { createModelShelf } from './model-shelf.ts';
import { createShard, type Shard } from './shard.ts';

/** Athletes with a hello or an open session in this span are recovered at the start. */
const RECOVER_SPAN_US = 24 * 3_600 * 1e6;
/** One commit in flight, one of a shadow's scores, one recovery read beside them, and room for a second. */
const POOL_SIZE = 4;

const nowUs = (): number => Math.floor((performance.timeOrigin + performance.now()) * 1000);
const port = parentPort;
const settings = workerData as WorkerSettings;
const tell = (message: FromWorker): void => {
  port?.postMessage(message);
};

interface Running {
  readonly shard: Shard;
  readonly shelf: Awaited<ReturnType<typeof createModelShelf>>;
  readonly stop: () => Promise<void>;
}

async function start(): Promise<Running> {
  const pool = openPool(settings.connectionString, { max: POOL_SIZE, name: `kinewatch shard ${settings.shard}` });
  const store = createShardStore(pool);
  const { executionProvider, maxBatch } = settings;
  const shelf = await createModelShelf(settings.models, { registry: createModelRegistry(pool), executionProvider, maxBatch });
  const shard = createShard({
    store,
    models: shelf.models,
    nowUs,
    liveFromUs: settings.liveFromUs,
    onScored: (windows) => {
      tell({ type: 'scored', windows });
    },
    onClock: (jumps) => {
      tell({ type: 'clock', jumps });
    },
    onPressure: (on) => {
      tell({ type: 'pressure', on });
    },
    log: (level, message, detail) => {
      tell({ type: 'log', level, message, detail });
    },
  });
  const recent = await store.recentAthletes(settings.liveFromUs - RECOVER_SPAN_US);
  shard.recover(recent.filter((athleteId) => hashOf(athleteId) % settings.shardCount === settings.shard));
  const { provider, note, versions, fault } = shelf;
  tell({ type: 'ready', provider, note, models: versions, fault });
  return {
    shard,
    shelf,
    stop: async () => {
      await shard.close();
      await shelf.close();
      await pool.end();
    },
  };
}

async function handle(message: ToWorker, { shard, shelf, stop }: Running): Promise<void> {
  if (message.type === 'open') shard.open(message.streams);
  else if (message.type === 'frames') shard.push(message.frames);
  else if (message.type === 'models') {
    await shelf.change(message.models, (models) => shard.useModels(models));
    tell({ type: 'models', models: shelf.versions, fault: shelf.fault });
  } else {
    if (message.type === 'drain') await shard.drain();
    if (message.type === 'close') await stop();
    tell({ type: 'answer', request: message.request, stats: shard.stats() });
    if (message.type === 'close') port?.close();
  }
}

// Messages that come before the shard is ready wait in the port.
try {
  const running = await start();
  port?.on('message', (message: ToWorker) => {
    void handle(message, running);
  });
} catch (error) {
  const code = error instanceof KinewatchError ? error.code : 'internal';
  tell({ type: 'failed', code, message: error instanceof Error ? error.message : String(error) });
  port?.close();
}
