/** The shards' side of the main thread: starts the worker threads, sends frames to the shard of their athlete, brings back what was scored. */
import { Worker } from 'node:worker_threads';
import { hashOf } from '../align/grid.ts';
import { KinewatchError } from '../contracts/errors.ts';
import { INDEX_FIELDS, type OpenedStream } from '../contracts/stream.ts';
import type { ClockJump } from './athlete-pipeline.ts';
import type { FromWorker, ModelVersions, ScoredNotice, ShardFrames, ShardStats, ToWorker, WorkerSettings } from './messages.ts';

/** What the pool reads of a committed frame (a gateway's IncomingFrame fits). */
export interface CommittedFrame {
  readonly streamId: number;
  readonly athleteId: string;
  readonly sequence: number;
  readonly receivedUs: number;
  readonly bytes: Uint8Array;
  /** Frames refused for their content are stored and never scored. */
  readonly refusal?: unknown;
}

export interface ShardPoolOptions {
  readonly count: number;
  readonly connectionString: string;
  /** Versions of the registry that score at the start. */
  readonly models: ModelVersions;
  readonly executionProvider: 'auto' | 'cuda' | 'cpu';
  /** Every frame with a receipt stamp from here on comes through `push`; earlier ones are read from the store. Default: now. */
  readonly liveFromUs?: number;
  /** Windows in one batch at most; 64 unless told. */
  readonly maxBatch?: number;
  readonly onScored: (windows: readonly ScoredNotice[]) => void;
  readonly onClock: (jumps: readonly ClockJump[]) => void;
  /** A worker thread died: its athletes are not scored any more. The service should stop and start again. */
  /** A shard scores with these from now on, or says what keeps it from what it was asked for. */
  readonly onModels?: (models: ModelVersions, fault: string | null) => void;
  readonly onFault?: (error: Error) => void;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, detail: Readonly<Record<string, unknown>>) => void;
}

export interface ShardPool {
  /** cpu or cuda. */
  readonly provider: string;
  /** Why it is not what was hoped for, or null. */
  readonly providerNote: string | null;
  /** What scores now. */
  readonly models: ModelVersions;
  /** Why a model that was asked for does not score, or null. */
  readonly modelFault: string | null;
  /** From each athlete's next window on, in the shards where they are not in use yet. `onModels` tells when it is so. */
  useModels(models: ModelVersions): void;
  open(streams: readonly OpenedStream[]): void;
  /** Committed frames in receipt order: one message a shard. */
  push(frames: readonly CommittedFrame[]): void;
  /** False while some shard holds more than its bound: let the gateway's sockets wait for `whenReady`. */
  readonly isReady: boolean;
  whenReady(): Promise<void>;
  stats(): Promise<ShardStats>;
  /** Resolves when everything pushed so far has been scored and committed. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Per-batch costs still shrink a little from 32 to 64; a full batch takes some 20 ms of one core, far inside the latency bound. */
const DEFAULT_MAX_BATCH = 64;

/**
 * Starts `count` shards and waits until each has its model open.
 * @throws KinewatchError with the worker's code: model-contract, cuda-unavailable, or internal
 */
export async function startShards(options: ShardPoolOptions): Promise<ShardPool> {
  const liveFromUs = options.liveFromUs ?? Date.now() * 1000;
  const shards = Array.from({ length: options.count }, (_, shard) =>
    startShard(
      {
        shard,
        shardCount: options.count,
        connectionString: options.connectionString,
        models: options.models,
        executionProvider: options.executionProvider,
        maxBatch: options.maxBatch ?? DEFAULT_MAX_BATCH,
        liveFromUs,
      },
      options,
    ),
  );
  const opened = await Promise.allSettled(shards.map((shard) => shard.ready));
  const failed = opened.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(shards.map((shard) => shard.terminate()));
    throw failed.reason;
  }
  const [first] = await Promise.all(shards.map((shard) => shard.ready));
  const shardOf = (athleteId: string): StartedShard => shards[hashOf(athleteId) % shards.length] as StartedShard;
  const whenReady = async (): Promise<void> => {
    await Promise.all(shards.map((shard) => shard.whenRelieved()));
  };
  const ask = async (type: 'stats' | 'drain' | 'close'): Promise<ShardStats> =>
    sumStats(await Promise.all(shards.map((shard) => shard.ask(type))));
  return {
    provider: first?.provider ?? 'cpu',
    providerNote: first?.note ?? null,
    get models() {
      return shards[0]?.models ?? NO_MODELS;
    },
    get modelFault() {
      return shards.find((shard) => shard.modelFault !== null)?.modelFault ?? null;
    },
    useModels: (models) => {
      for (const shard of shards) if (!areSame(shard.models, models)) shard.send({ type: 'models', models });
    },
    open: (streams) => {
      for (const shard of shards) {
        const own = streams.filter((stream) => shardOf(stream.athleteId) === shard);
        if (own.length > 0) shard.send({ type: 'open', streams: own });
      }
    },
    push: (frames) => {
      for (const shard of shards) {
        const own = frames.filter((frame) => frame.refusal === undefined && shardOf(frame.athleteId) === shard);
        if (own.length === 0) continue;
        const packed = packFrames(own);
        shard.send({ type: 'frames', frames: packed }, [packed.batch.bytes.buffer, packed.batch.index.buffer, packed.owners.buffer]);
      }
    },
    get isReady() {
      return shards.every((shard) => !shard.pressed);
    },
    whenReady,
    stats: () => ask('stats'),
    drain: async () => {
      await ask('drain');
    },
    close: async () => {
      await ask('close');
      await Promise.all(shards.map((shard) => shard.terminate()));
    },
  };
}

/** Many frames as one transferable message. */
export function packFrames(frames: readonly CommittedFrame[]): ShardFrames {
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.bytes.byteLength, 0));
  const index = new Float64Array(frames.length * INDEX_FIELDS);
  const owners = new Uint32Array(frames.length);
  const athleteIds: string[] = [];
  const known = new Map<string, number>();
  let offset = 0;
  frames.forEach((frame, i) => {
    let owner = known.get(frame.athleteId);
    if (owner === undefined) {
      owner = athleteIds.length;
      known.set(frame.athleteId, owner);
      athleteIds.push(frame.athleteId);
    }
    owners[i] = owner;
    bytes.set(frame.bytes, offset);
    index.set([frame.streamId, frame.sequence, frame.receivedUs, offset, frame.bytes.byteLength], i * INDEX_FIELDS);
    offset += frame.bytes.byteLength;
  });
  return { batch: { bytes, index }, athleteIds, owners };
}

interface ReadyShard {
  readonly provider: string;
  readonly note: string | null;
}

const areSame = (a: ModelVersions, b: ModelVersions): boolean => a.active === b.active && a.shadow === b.shadow;
const NO_MODELS: ModelVersions = { active: '', shadow: null };

interface StartedShard {
  readonly ready: Promise<ReadyShard>;
  readonly models: ModelVersions;
  readonly modelFault: string | null;
  readonly pressed: boolean;
  whenRelieved(): Promise<void>;
  send(message: ToWorker, transfer?: ArrayBuffer[]): void;
  ask(type: 'stats' | 'drain' | 'close'): Promise<ShardStats>;
  terminate(): Promise<void>;
}

/** The compiled worker: beside this file in dist; from a source run (tests) the build's. */
const workerUrl = (): URL =>
  import.meta.url.endsWith('.ts') ? new URL('../../dist/src/shard/worker.js', import.meta.url) : new URL('./worker.js', import.meta.url);

function startShard(settings: WorkerSettings, options: ShardPoolOptions): StartedShard {
  const worker = new Worker(workerUrl(), { workerData: settings, name: `shard ${settings.shard}` });
  const answers = new Map<number, { resolve: (stats: ShardStats) => void; reject: (error: Error) => void }>();
  let requests = 0;
  let ended: Error | null = null;
  let closing = false;
  let pressed = false;
  let relieved: (() => void)[] = [];
  let models = NO_MODELS;
  let modelFault: string | null = null;
  const relieve = (): void => {
    pressed = false;
    const waiting = relieved;
    relieved = [];
    for (const resolve of waiting) resolve();
  };

  const ready = new Promise<ReadyShard>((resolve, reject) => {
    const end = (error: Error): void => {
      if (ended !== null) return;
      ended = error;
      reject(error);
      for (const { reject: refuse } of answers.values()) refuse(error);
      answers.clear();
      relieve();
      if (!closing) options.onFault?.(error);
    };
    worker.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'ready':
          ({ models, fault: modelFault } = message);
          resolve(message);
          break;
        case 'models': {
          const isNews = !areSame(models, message.models) || message.fault !== null;
          ({ models, fault: modelFault } = message);
          if (isNews) options.onModels?.(models, modelFault);
          break;
        }
        case 'failed':
          closing = true;
          end(new KinewatchError(message.code, message.message));
          break;
        case 'scored':
          options.onScored(message.windows);
          break;
        case 'clock':
          options.onClock(message.jumps);
          break;
        case 'log':
          options.log(message.level, message.message, { shard: settings.shard, ...message.detail });
          break;
        case 'pressure':
          if (message.on) pressed = true;
          else relieve();
          break;
        case 'answer':
          answers.get(message.request)?.resolve(message.stats);
          answers.delete(message.request);
          break;
      }
    });
    worker.on('error', end);
    worker.on('exit', (code) => {
      end(new KinewatchError('shard-ended', `shard ${settings.shard} ended with code ${code}`));
    });
  });
  // A shard that dies later rejects this promise after everyone has it: `onFault` is the way to hear of that.
  ready.catch(() => undefined);

  return {
    ready,
    get pressed() {
      return pressed;
    },
    get models() {
      return models;
    },
    get modelFault() {
      return modelFault;
    },
    whenRelieved: async () => {
      if (!pressed) return;
      await new Promise<void>((resolve) => relieved.push(resolve));
    },
    send: (message, transfer) => {
      if (ended === null) worker.postMessage(message, transfer);
    },
    ask: (type) =>
      new Promise((resolve, reject) => {
        if (ended !== null) {
          reject(ended);
          return;
        }
        if (type === 'close') closing = true;
        requests += 1;
        answers.set(requests, { resolve, reject });
        worker.postMessage({ type, request: requests } satisfies ToWorker);
      }),
    terminate: async () => {
      closing = true;
      await worker.terminate();
    },
  };
}

function sumStats(parts: readonly ShardStats[]): ShardStats {
  const total = (pick: (stats: ShardStats) => number): number => parts.reduce((sum, stats) => sum + pick(stats), 0);
  return {
    athletes: total((s) => s.athletes),
    windowsDue: total((s) => s.windowsDue),
    windowsScored: total((s) => s.windowsScored),
    windowsKnown: total((s) => s.windowsKnown),
    windowsUnscored: total((s) => s.windowsUnscored),
    lateSamples: total((s) => s.lateSamples),
    clipped: total((s) => s.clipped),
    refusedFrames: total((s) => s.refusedFrames),
    duplicateFrames: total((s) => s.duplicateFrames),
    overwrittenSamples: total((s) => s.overwrittenSamples),
    clockJumps: total((s) => s.clockJumps),
    seedsRefused: total((s) => s.seedsRefused),
    streamsShed: total((s) => s.streamsShed),
    droppedFrames: total((s) => s.droppedFrames),
    quarantined: parts.flatMap((s) => s.quarantined),
    batches: total((s) => s.batches),
    largestBatch: Math.max(0, ...parts.map((s) => s.largestBatch)),
    commitRetries: total((s) => s.commitRetries),
    queuedFrames: total((s) => s.queuedFrames),
    queuedBytes: total((s) => s.queuedBytes),
    uncommitted: total((s) => s.uncommitted),
    shadowScored: total((s) => s.shadowScored),
    shadowLagged: total((s) => s.shadowLagged),
    shadowFailed: total((s) => s.shadowFailed),
    perAthlete: parts.flatMap((s) => s.perAthlete),
  };
}
