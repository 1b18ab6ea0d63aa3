/**
 * A shard: the athletes it owns, each with a pipeline, and the loop that scores what falls due and commits it. Runs inside a worker thread
 * (worker.ts) and, the same code, inside a test. Nothing is shared between shards.
 *
 * - Natural batching: a batch is what fell due while the one before was computed; one window in flight an athlete.
 * - Scores and checkpoints commit together while the next batch is computed (SCORED-IS-STORED); a fault of the store is waited out.
 * - A fault of one athlete's data or model answer quarantines that athlete until the next start: counted, logged, reported. Never the shard.
 * - Frames of an athlete who is not loaded load the athlete: checkpoint, hellos, stored frames, then the live ones that waited.
 */
import { KinewatchError } from '../contracts/errors.ts';
import type { ModelContract } from '../contracts/model.ts';
import type { OpenedStream } from '../contracts/stream.ts';
import { createBatcher } from '../score/batcher.ts';
import type { Scorer } from '../score/ports.ts';
import type { AthletePipeline, ClockJump, DueWindow, PipelineStats } from './athlete-pipeline.ts';
import { canHelpToTryAgain, createCommitQueue } from './commit-queue.ts';
import type { AthleteCounts, ScoredNotice, ShardFrames, ShardStats } from './messages.ts';
import type { ShardStore } from './ports.ts';
import { eachFrame, planRecovery } from './recovery.ts';

export interface ShardOptions {
  readonly store: ShardStore;
  readonly scorer: Scorer;
  readonly contract: ModelContract;
  /** Wall clock, microseconds since the epoch: only stamps when a row was scored and committed, decides nothing. */
  readonly nowUs: () => number;
  /**
   * Every frame received from this stamp on comes through `push`; earlier ones are only in the store. Keeps a frame that is being
   * re-read and pushed at the same time from coming out of receipt order.
   */
  readonly liveFromUs: number;
  readonly onScored: (windows: readonly ScoredNotice[]) => void;
  readonly onClock: (jumps: readonly ClockJump[]) => void;
  readonly onPressure: (on: boolean) => void;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, detail: Readonly<Record<string, unknown>>) => void;
}

export interface Shard {
  open(streams: readonly OpenedStream[]): void;
  push(frames: ShardFrames): void;
  /** Loads an athlete (at a start: those with recent streams), so that what fell due before is scored. */
  recover(athleteIds: readonly string[]): void;
  /** Resolves when everything pushed has been consumed, scored and committed. */
  drain(): Promise<void>;
  stats(): ShardStats;
  /** Ends after the batch in hand; what is not committed is scored again after the next start. */
  close(): Promise<void>;
}

interface WaitingFrame {
  readonly streamId: number;
  readonly sequence: number;
  readonly receivedUs: number;
  readonly bytes: Uint8Array;
}

/** A due window and the pipeline it came from (a reload may have put another in its place meanwhile). */
interface Taken {
  readonly due: DueWindow;
  readonly pipeline: AthletePipeline;
}

interface Athlete {
  readonly athleteId: string;
  status: 'loading' | 'ready' | 'quarantined';
  pipeline: AthletePipeline | null;
  opens: OpenedStream[];
  waiting: WaitingFrame[];
  waitingBytes: number;
  /** Frames received from here on are pushed, not read. */
  liveFromUs: number;
  lastPushedUs: number;
  lastActiveUs: number;
  scored: number;
  /** Windows completed and not yet committed. */
  uncommitted: number;
  /** Counts of pipelines that were unloaded. */
  past: PipelineStats | null;
  reason: string;
}

/** BOUNDED: windows scored and not committed; the loop waits for the store beyond it. Eight full batches. */
const MAX_UNCOMMITTED = 256;
/** BOUNDED: bytes of frames that wait here (half a minute of 200 athletes). Above it `onPressure(true)` pauses the gateway, half of it lets go. */
const MAX_QUEUED_BYTES = 128 * 1024 * 1024;
const MAX_LOADS = 4;
/** An athlete silent for this long is unloaded: memory follows who is active, and the next session begins with fresh context. */
const UNLOAD_AFTER_US = 600_000_000;
const SWEEP_EVERY_US = 30_000_000;
/** Frames pushed into a pipeline ahead of its consumption while it is read back. */
const MAX_READ_AHEAD = 2_048;
const LOAD_RETRY_MS = 1_000;
const CLOSE_WAIT_MS = 5_000;

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
/** Lets messages in between batches. */
const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export function createShard(options: ShardOptions): Shard {
  const { store, scorer, contract, nowUs, log } = options;
  const athletes = new Map<string, Athlete>();
  const batcher = createBatcher<Athlete, Taken>(scorer.maxBatch);
  const loads: Athlete[] = [];
  let loading = 0;
  let stopped = false;
  let scoring = false;
  let pressed = false;
  let droppedFrames = 0;
  let windowsScored = 0;
  let windowsKnown = 0;
  let commitRetries = 0;
  let lastSweepUs = nowUs();
  let wake: (() => void) | null = null;
  let idleWatchers: (() => void)[] = [];

  const commits = createCommitQueue({
    store,
    sleep,
    onCommitted: (windows, added) => {
      const committedUs = nowUs();
      windowsScored += windows.length;
      windowsKnown += windows.length - added;
      for (const window of windows) {
        const athlete = athletes.get(window.athleteId);
        if (athlete === undefined) continue;
        athlete.scored += 1;
        athlete.uncommitted -= 1;
      }
      options.onScored(
        windows.map(({ athleteId, windowIndex, state, closedByUs }) => ({ athleteId, windowIndex, state, closedByUs, committedUs })),
      );
      stir();
    },
    onRefused: (athleteId, error) => {
      const athlete = athletes.get(athleteId);
      if (athlete !== undefined) quarantine(athlete, error);
    },
    onRetry: (error, delayMs) => {
      commitRetries += 1;
      log('warn', 'scores could not be committed; trying again', { error: messageOf(error), delayMs });
    },
  });

  const stir = (): void => {
    wake?.();
    wake = null;
  };

  // ---- athletes

  function athleteOf(athleteId: string): Athlete {
    const known = athletes.get(athleteId);
    if (known !== undefined) return known;
    const made: Athlete = {
      athleteId,
      status: 'loading',
      pipeline: null,
      opens: [],
      waiting: [],
      waitingBytes: 0,
      liveFromUs: options.liveFromUs,
      lastPushedUs: Number.NEGATIVE_INFINITY,
      lastActiveUs: nowUs(),
      scored: 0,
      uncommitted: 0,
      past: null,
      reason: '',
    };
    athletes.set(athleteId, made);
    requestLoad(made);
    return made;
  }

  function requestLoad(athlete: Athlete): void {
    athlete.status = 'loading';
    loads.push(athlete);
    startLoads();
  }

  function startLoads(): void {
    while (loading < MAX_LOADS && !stopped) {
      const next = loads.shift();
      if (next === undefined) return;
      loading += 1;
      void load(next).finally(() => {
        loading -= 1;
        startLoads();
        stir();
      });
    }
  }

  async function load(athlete: Athlete): Promise<void> {
    while (!stopped) {
      try {
        await readBack(athlete);
        return;
      } catch (error) {
        athlete.pipeline = null;
        batcher.remove(athlete);
        if (!canHelpToTryAgain(error)) {
          quarantine(athlete, error);
          return;
        }
        log('warn', 'athlete could not be loaded; trying again', { athleteId: athlete.athleteId, error: messageOf(error) });
        await sleep(LOAD_RETRY_MS);
      }
    }
  }

  async function readBack(athlete: Athlete): Promise<void> {
    const { pipeline, fromSequence } = await planRecovery(store, contract, athlete.athleteId, { useCheckpoint: true });
    for (const stream of athlete.opens) pipeline.open(stream);
    athlete.pipeline = pipeline;
    for await (const batch of store.readFrames(athlete.athleteId, fromSequence)) {
      if (stopped) return;
      eachFrame(batch, (streamId, sequence, receivedUs, bytes) => {
        if (receivedUs < athlete.liveFromUs) pipeline.push(streamId, sequence, receivedUs, bytes);
      });
      while (pipeline.pendingFrames > MAX_READ_AHEAD && athlete.pipeline === pipeline && !stopped) {
        batcher.offer(athlete);
        stir();
        await nextTurn();
      }
    }
    if (athlete.pipeline !== pipeline) return;
    // Synchronous from here: no frame can slip in between.
    for (const stream of athlete.opens) pipeline.open(stream);
    pipeline.endRefill();
    for (const frame of athlete.waiting) pipeline.push(frame.streamId, frame.sequence, frame.receivedUs, frame.bytes);
    athlete.opens = [];
    athlete.waiting = [];
    athlete.waitingBytes = 0;
    athlete.status = 'ready';
    batcher.offer(athlete);
  }

  function quarantine(athlete: Athlete, error: unknown): void {
    if (athlete.status === 'quarantined') return;
    athlete.status = 'quarantined';
    athlete.reason = messageOf(error);
    droppedFrames += athlete.waiting.length + (athlete.pipeline?.pendingFrames ?? 0);
    athlete.past = sum(athlete.past, athlete.pipeline?.stats() ?? null);
    athlete.pipeline = null;
    athlete.waiting = [];
    athlete.waitingBytes = 0;
    athlete.opens = [];
    batcher.remove(athlete);
    log('error', 'athlete is quarantined until the next start', { athleteId: athlete.athleteId, reason: athlete.reason });
  }

  /** Unloads who is silent and has nothing left to do. */
  function sweep(): void {
    const now = nowUs();
    if (now - lastSweepUs < SWEEP_EVERY_US) return;
    lastSweepUs = now;
    for (const athlete of athletes.values()) {
      const { pipeline } = athlete;
      const isBusy = athlete.status !== 'ready' || athlete.uncommitted > 0 || pipeline === null || pipeline.pendingFrames > 0;
      if (isBusy || now - athlete.lastActiveUs < UNLOAD_AFTER_US) continue;
      batcher.remove(athlete);
      athlete.past = sum(athlete.past, pipeline.stats());
      athlete.pipeline = null;
      athlete.liveFromUs = Math.max(athlete.liveFromUs, athlete.lastPushedUs + 1);
      unloaded.set(athlete.athleteId, athlete);
    }
  }
  /** Ready athletes without a pipeline: the next frame or hello loads them again. */
  const unloaded = new Map<string, Athlete>();

  function awake(athleteId: string): Athlete {
    const sleeping = unloaded.get(athleteId);
    if (sleeping !== undefined) {
      unloaded.delete(athleteId);
      requestLoad(sleeping);
    }
    return sleeping ?? athleteOf(athleteId);
  }

  // ---- scoring

  function takeDue(athlete: Athlete): Taken | null {
    const { pipeline } = athlete;
    if (pipeline === null) return null;
    try {
      const due = pipeline.takeDue();
      const jumps = pipeline.takeClockJumps();
      if (jumps.length > 0) options.onClock(jumps);
      return due === null ? null : { due, pipeline };
    } catch (error) {
      quarantine(athlete, error);
      return null;
    }
  }

  async function scoreBatch(batch: readonly (readonly [Athlete, Taken])[]): Promise<void> {
    const scorable = batch.filter(([, { due }]) => due.scorable);
    const outputs = scorable.length === 0 ? [] : await scorer.score(scorable.map(([, { due }]) => due.input));
    const outputOf = new Map(scorable.map(([athlete], i) => [athlete, outputs[i]]));
    for (const [athlete, { due, pipeline }] of batch) {
      if (athlete.pipeline !== pipeline) continue; // quarantined or loaded anew meanwhile
      try {
        const { scored, checkpoint } = pipeline.complete(due, outputOf.get(athlete) ?? null, nowUs());
        athlete.uncommitted += 1;
        const { athleteId, windowIndex, modelVersion } = scored;
        commits.add({ scored, checkpoint: { athleteId, modelVersion, windowIndex, data: checkpoint } });
      } catch (error) {
        quarantine(athlete, error);
      }
    }
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      sweep();
      const batch = batcher.next(takeDue);
      relievePressure();
      if (batch.length > 0) {
        scoring = true;
        try {
          await scoreBatch(batch);
        } catch (error) {
          // The model itself failed: no athlete's fault, and no score can be had. Those of the batch cannot go on from here.
          for (const [athlete] of batch) quarantine(athlete, error);
        }
        scoring = false;
        await commits.whenBelow(MAX_UNCOMMITTED);
        await nextTurn();
        continue;
      }
      if (isIdle()) {
        const watchers = idleWatchers;
        idleWatchers = [];
        for (const resolve of watchers) resolve();
      }
      if (commits.length > 0) void commits.whenBelow(1).then(stir);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  const isIdle = (): boolean => loading === 0 && loads.length === 0 && batcher.waiting === 0 && commits.length === 0 && !scoring;

  function queued(): { frames: number; bytes: number } {
    let frames = 0;
    let bytes = 0;
    for (const { pipeline, waiting, waitingBytes } of athletes.values()) {
      frames += waiting.length + (pipeline?.pendingFrames ?? 0);
      bytes += waitingBytes + (pipeline?.pendingBytes ?? 0);
    }
    return { frames, bytes };
  }

  function relievePressure(): void {
    if (!pressed || queued().bytes > MAX_QUEUED_BYTES / 2) return;
    pressed = false;
    options.onPressure(false);
  }

  const running = loop();

  return {
    open: (streams) => {
      for (const stream of streams) {
        const athlete = awake(stream.athleteId);
        athlete.lastActiveUs = nowUs();
        if (athlete.status === 'ready') athlete.pipeline?.open(stream);
        else if (athlete.status === 'loading') athlete.opens.push(stream);
      }
      stir();
    },
    push: ({ batch, athleteIds, owners }) => {
      const touched = athleteIds.map((athleteId) => awake(athleteId));
      const now = nowUs();
      eachFrame(batch, (streamId, sequence, receivedUs, bytes, position) => {
        const athlete = touched[owners[position] as number];
        if (athlete === undefined || athlete.status === 'quarantined') {
          droppedFrames += 1;
          return;
        }
        athlete.lastActiveUs = now;
        athlete.lastPushedUs = Math.max(athlete.lastPushedUs, receivedUs);
        if (athlete.status === 'ready' && athlete.pipeline !== null) athlete.pipeline.push(streamId, sequence, receivedUs, bytes);
        else {
          athlete.waiting.push({ streamId, sequence, receivedUs, bytes });
          athlete.waitingBytes += bytes.byteLength;
        }
      });
      for (const athlete of touched) if (athlete.status === 'ready') batcher.offer(athlete);
      if (!pressed && queued().bytes > MAX_QUEUED_BYTES) {
        pressed = true;
        options.onPressure(true);
      }
      stir();
    },
    recover: (athleteIds) => {
      for (const athleteId of athleteIds) athleteOf(athleteId);
      stir();
    },
    drain: async () => {
      stir();
      await nextTurn();
      await new Promise<void>((resolve) => {
        idleWatchers.push(resolve);
        stir();
      });
    },
    stats: () => {
      const all = [...athletes.values()].map((athlete) => ({ athlete, stats: sum(athlete.past, athlete.pipeline?.stats() ?? null) }));
      const total = (pick: (stats: PipelineStats) => number): number =>
        all.reduce((n, { stats }) => n + (stats === null ? 0 : pick(stats)), 0);
      const { frames, bytes } = queued();
      const { batches, largest } = batcher.stats();
      return {
        athletes: athletes.size,
        windowsDue: total((s) => s.windowsDue),
        windowsScored,
        windowsKnown,
        windowsUnscored: total((s) => s.windowsUnscored),
        lateSamples: total((s) => s.lateSamples),
        clipped: total((s) => s.clipped),
        refusedFrames: total((s) => s.refusedFrames),
        duplicateFrames: total((s) => s.duplicateFrames),
        overwrittenSamples: total((s) => s.overwrittenSamples),
        clockJumps: total((s) => s.clockJumps),
        seedsRefused: total((s) => s.seedsRefused),
        streamsShed: total((s) => s.streamsShed),
        droppedFrames,
        quarantined: all
          .filter(({ athlete }) => athlete.status === 'quarantined')
          .map(({ athlete }) => ({ athleteId: athlete.athleteId, reason: athlete.reason })),
        batches,
        largestBatch: largest,
        commitRetries,
        queuedFrames: frames,
        queuedBytes: bytes,
        uncommitted: commits.length,
        perAthlete: all.map(({ athlete, stats }): AthleteCounts => ({
          athleteId: athlete.athleteId,
          due: stats?.windowsDue ?? 0,
          scored: athlete.scored,
        })),
      };
    },
    close: async () => {
      stopped = true;
      stir();
      await running;
      // What is scored is worth keeping, but a store that is away must not hold up the end: it will be scored again.
      await Promise.race([commits.whenBelow(1), sleep(CLOSE_WAIT_MS)]);
    },
  };
}

function sum(past: PipelineStats | null, now: PipelineStats | null): PipelineStats | null {
  if (past === null || now === null) return past ?? now;
  const added = { ...now };
  for (const key of Object.keys(now) as (keyof PipelineStats)[]) added[key] = now[key] + past[key];
  return added;
}

function messageOf(error: unknown): string {
  if (error instanceof KinewatchError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
