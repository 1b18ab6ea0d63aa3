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
import type { Scorer, WindowOutput } from '../score/ports.ts';
import type { AthletePipeline, ClockJump, DueWindow, PipelineStats } from './athlete-pipeline.ts';
import { canHelpToTryAgain, createCommitQueue, type ScoredWithCheckpoint } from './commit-queue.ts';
import type { AthleteCounts, ScoredNotice, ShardFrames, ShardStats } from './messages.ts';
import type { ShardStore } from './ports.ts';
import { earlierOf, eachFrame, planAthlete } from './recovery.ts';

/** A model that is open and can score. */
export interface ScoringModel {
  readonly scorer: Scorer;
  readonly contract: ModelContract;
}

/** The model whose scores count, and the one that scores beside it. */
export interface ScoringModels {
  readonly active: ScoringModel;
  readonly shadow: ScoringModel | null;
}

export interface ShardOptions {
  readonly store: ShardStore;
  readonly models: ScoringModels;
  /** Wall clock, microseconds since the epoch: only stamps when a row was scored and committed, decides nothing. */
  readonly nowUs: () => number;
  /**
   * Every frame received from this stamp on comes through `push`; earlier ones are only in the store. Keeps a frame that is being
   * re-read and pushed at the same time from coming out of receipt order.
   */
  readonly liveFromUs: number;
  /** Bytes of frames that wait for the shadow model at most; 64 MiB unless told. */
  readonly maxShadowBytes?: number;
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
  /**
   * Scores with these models from each athlete's next window on: every athlete is loaded anew, from what is committed, so that no window mixes
   * versions. Resolves when no batch uses the models before, which can then be closed.
   */
  useModels(models: ScoringModels): Promise<void>;
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

/** An athlete's pipeline of the shadow model. */
interface Shadow {
  readonly pipeline: AthletePipeline;
  /** Where its own reading back begins, by stream. */
  readonly fromSequence: ReadonlyMap<number, number>;
}

interface Athlete {
  readonly athleteId: string;
  status: 'loading' | 'ready' | 'quarantined';
  pipeline: AthletePipeline | null;
  /** Null: there is no shadow model, or it was set aside for this athlete. */
  shadow: Shadow | null;
  /** Set aside for its lag: tried again when the athlete has nothing else to do. */
  shadowWaits: boolean;
  /** Windows up to here have a score that counts. */
  countsUpTo: number;
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
  /** The same, of rows that stand beside those that count. */
  shadowUncommitted: number;
  /** Counts of pipelines that were unloaded. */
  past: PipelineStats | null;
  reason: string;
}

/** BOUNDED: windows scored and not committed; the loop waits for the store beyond it. Eight full batches. */
const MAX_UNCOMMITTED = 256;
/** BOUNDED: bytes of frames that wait here (half a minute of 200 athletes). Above it `onPressure(true)` pauses the gateway, half of it lets go. */
const MAX_QUEUED_BYTES = 128 * 1024 * 1024;
/** BOUNDED: bytes of frames that wait for the shadow model. Beyond it the shadow of the athlete with the most is set aside, counted and tried again later. */
const MAX_SHADOW_BYTES = 64 * 1024 * 1024;
/** The shadow scores only when nothing else is due: a batch in hand holds the next one up by at most this many windows' time, a few ms. */
const MAX_SHADOW_BATCH = 16;
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
  const { store, nowUs, log, maxShadowBytes = MAX_SHADOW_BYTES } = options;
  let { models } = options;
  const athletes = new Map<string, Athlete>();
  const batcher = createBatcher<Athlete, Taken>(models.active.scorer.maxBatch);
  const shadowBatcher = createBatcher<Athlete, Taken>(Math.min(MAX_SHADOW_BATCH, models.active.scorer.maxBatch));
  const loads: Athlete[] = [];
  let loading = 0;
  let stopped = false;
  let scoring = false;
  let pressed = false;
  let droppedFrames = 0;
  let windowsScored = 0;
  let windowsKnown = 0;
  let commitRetries = 0;
  let shadowScored = 0;
  let shadowLagged = 0;
  let shadowFailed = 0;
  /** Resolved between batches. */
  let inHand: Promise<void> = Promise.resolve();
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
        settle(athlete);
      }
      options.onScored(
        windows.map(({ athleteId, windowIndex, state, closedByUs }) => ({ athleteId, windowIndex, state, closedByUs, committedUs })),
      );
      stir();
    },
    onRefused: (athleteId, error) => {
      const athlete = athletes.get(athleteId);
      if (athlete === undefined) return;
      athlete.uncommitted = 0;
      settle(athlete);
      quarantine(athlete, error);
    },
    onRetry: (error, delayMs) => {
      commitRetries += 1;
      log('warn', 'scores could not be committed; trying again', { error: messageOf(error), delayMs });
    },
  });

  /** Rows beside those that count go their own way: what the store refuses of them, or keeps waiting, is no active score's concern. */
  const shadowCommits = createCommitQueue({
    store,
    sleep,
    shadow: true,
    onCommitted: (windows) => {
      shadowScored += windows.length;
      for (const window of windows) {
        const athlete = athletes.get(window.athleteId);
        if (athlete === undefined) continue;
        athlete.shadowUncommitted -= 1;
        settle(athlete);
      }
      stir();
    },
    onRefused: (athleteId, error) => {
      const athlete = athletes.get(athleteId);
      if (athlete === undefined) return;
      athlete.shadowUncommitted = 0;
      settle(athlete);
      failShadow(athlete, error);
    },
    onRetry: (error, delayMs) => {
      commitRetries += 1;
      log('warn', 'scores of the shadow model could not be committed; trying again', { error: messageOf(error), delayMs });
    },
  });

  const stir = (): void => {
    wake?.();
    wake = null;
  };

  /** Athletes whose rows must all be stored before they are loaded anew, and who waits for it. */
  const unsettled = new Map<Athlete, () => void>();
  const isSettled = (athlete: Athlete): boolean => athlete.uncommitted <= 0 && athlete.shadowUncommitted <= 0;
  function settle(athlete: Athlete): void {
    if (!isSettled(athlete)) return;
    unsettled.get(athlete)?.();
    unsettled.delete(athlete);
  }
  const whenSettled = async (athlete: Athlete): Promise<void> => {
    if (!isSettled(athlete)) await new Promise<void>((resolve) => unsettled.set(athlete, resolve));
  };

  // ---- athletes

  function athleteOf(athleteId: string): Athlete {
    const known = athletes.get(athleteId);
    if (known !== undefined) return known;
    const made: Athlete = {
      athleteId,
      status: 'loading',
      pipeline: null,
      shadow: null,
      shadowWaits: false,
      countsUpTo: Number.NEGATIVE_INFINITY,
      opens: [],
      waiting: [],
      waitingBytes: 0,
      liveFromUs: options.liveFromUs,
      lastPushedUs: Number.NEGATIVE_INFINITY,
      lastActiveUs: nowUs(),
      scored: 0,
      uncommitted: 0,
      shadowUncommitted: 0,
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
        await whenSettled(athlete);
        const using = models;
        await readBack(athlete, using);
        if (athlete.status !== 'loading' || using === models) return;
      } catch (error) {
        detach(athlete);
        if (!canHelpToTryAgain(error)) {
          quarantine(athlete, error);
          return;
        }
        log('warn', 'athlete could not be loaded; trying again', { athleteId: athlete.athleteId, error: messageOf(error) });
        await sleep(LOAD_RETRY_MS);
      }
    }
  }

  async function readBack(athlete: Athlete, using: ScoringModels): Promise<void> {
    const contracts = { active: using.active.contract, shadow: using.shadow?.contract ?? null };
    const plan = await planAthlete(store, contracts, athlete.athleteId);
    if (using !== models) return;
    const { pipeline, fromSequence } = plan.active;
    for (const stream of athlete.opens) {
      pipeline.open(stream);
      plan.shadow?.pipeline.open(stream);
    }
    athlete.pipeline = pipeline;
    athlete.shadow = plan.shadow;
    athlete.shadowWaits = false;
    athlete.countsUpTo = plan.countsUpTo;
    if (plan.shadowFault !== null) failShadow(athlete, plan.shadowFault);
    const readFrom = plan.shadow === null ? fromSequence : earlierOf(fromSequence, plan.shadow.fromSequence);
    for await (const batch of store.readFrames(athlete.athleteId, readFrom)) {
      if (stopped || using !== models) return;
      eachFrame(batch, (streamId, sequence, receivedUs, bytes) => {
        if (receivedUs >= athlete.liveFromUs) return;
        if (sequence >= (fromSequence.get(streamId) ?? 0)) pipeline.push(streamId, sequence, receivedUs, bytes);
        pushShadow(athlete, streamId, sequence, receivedUs, bytes);
      });
      boundShadows();
      while (pipeline.pendingFrames > MAX_READ_AHEAD && athlete.pipeline === pipeline && !stopped) {
        batcher.offer(athlete);
        stir();
        await nextTurn();
      }
    }
    if (athlete.pipeline !== pipeline || using !== models) return;
    // Synchronous from here: no frame can slip in between.
    for (const stream of athlete.opens) openStream(athlete, stream);
    pipeline.endRefill();
    athlete.shadow?.pipeline.endRefill();
    for (const frame of athlete.waiting) pushFrame(athlete, frame.streamId, frame.sequence, frame.receivedUs, frame.bytes);
    athlete.opens = [];
    athlete.waiting = [];
    athlete.waitingBytes = 0;
    athlete.status = 'ready';
    boundShadows();
    batcher.offer(athlete);
    offerShadow(athlete);
  }

  // ---- the shadow model: whatever happens to it, the active score goes on

  function openStream(athlete: Athlete, stream: OpenedStream): void {
    athlete.pipeline?.open(stream);
    athlete.shadow?.pipeline.open(stream);
  }

  function pushFrame(athlete: Athlete, streamId: number, sequence: number, receivedUs: number, bytes: Uint8Array): void {
    athlete.pipeline?.push(streamId, sequence, receivedUs, bytes);
    pushShadow(athlete, streamId, sequence, receivedUs, bytes);
  }

  function pushShadow(athlete: Athlete, streamId: number, sequence: number, receivedUs: number, bytes: Uint8Array): void {
    const { shadow } = athlete;
    if (shadow === null || sequence < (shadow.fromSequence.get(streamId) ?? 0)) return;
    shadow.pipeline.push(streamId, sequence, receivedUs, bytes);
  }

  function boundShadows(): void {
    const behind = [...athletes.values()].flatMap((athlete) => {
      const bytes = athlete.shadow?.pipeline.pendingBytes ?? 0;
      return bytes === 0 ? [] : [{ athlete, bytes }];
    });
    let total = behind.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total <= maxShadowBytes) return;
    for (const { athlete, bytes } of behind.toSorted((a, b) => b.bytes - a.bytes)) {
      if (total <= maxShadowBytes) break;
      total -= bytes;
      shadowLagged += 1;
      athlete.shadowWaits = true;
      dropShadow(athlete);
      log('warn', 'the shadow model cannot keep up: it is set aside for this athlete', { athleteId: athlete.athleteId });
    }
  }

  function offerShadow(athlete: Athlete): void {
    if (athlete.shadow !== null) shadowBatcher.offer(athlete);
  }

  function dropShadow(athlete: Athlete): void {
    athlete.shadow = null;
    shadowBatcher.remove(athlete);
  }

  function failShadow(athlete: Athlete, error: unknown): void {
    shadowFailed += 1;
    dropShadow(athlete);
    const { athleteId } = athlete;
    log('error', 'the shadow model failed: it is set aside for this athlete until the next start', { athleteId, reason: messageOf(error) });
  }

  function takeShadow(athlete: Athlete): Taken | null {
    const { shadow } = athlete;
    if (shadow === null) return null;
    try {
      const due = shadow.pipeline.takeDue();
      shadow.pipeline.takeClockJumps(); // the active pipeline reports them
      return due === null ? null : { due, pipeline: shadow.pipeline };
    } catch (error) {
      failShadow(athlete, error);
      return null;
    }
  }

  async function scoreShadow(batch: readonly (readonly [Athlete, Taken])[]): Promise<void> {
    const { shadow } = models;
    if (shadow === null) return;
    try {
      await answer(shadow.scorer, batch, (athlete, { due, pipeline }, output) => {
        if (athlete.shadow?.pipeline !== pipeline) return; // set aside or loaded anew meanwhile
        try {
          commitBeside(athlete, pipeline.complete(due, output, nowUs()));
        } catch (error) {
          failShadow(athlete, error);
        }
      });
    } catch (error) {
      for (const [athlete, { pipeline }] of batch) if (athlete.shadow?.pipeline === pipeline) failShadow(athlete, error);
    }
  }

  function commitBeside(athlete: Athlete, { scored, checkpoint }: Completed): void {
    athlete.shadowUncommitted += 1;
    shadowCommits.add(entryOf(scored, checkpoint));
  }

  // ---- leaving and coming back

  /** Lets an athlete's pipelines go; a window in flight is not counted as due, it will fall due again. */
  function detach(athlete: Athlete): void {
    const stats = athlete.pipeline?.stats() ?? null;
    athlete.past = sum(athlete.past, stats === null ? null : { ...stats, windowsDue: stats.windowsCompleted });
    athlete.pipeline = null;
    batcher.remove(athlete);
    dropShadow(athlete);
  }

  /** From what is committed, with the models in use now. */
  function loadAnew(athlete: Athlete): void {
    detach(athlete);
    if (athlete.status === 'loading') return; // its load sees the change and begins again
    athlete.liveFromUs = Math.max(athlete.liveFromUs, athlete.lastPushedUs + 1);
    requestLoad(athlete);
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
    dropShadow(athlete);
    log('error', 'athlete is quarantined until the next start', { athleteId: athlete.athleteId, reason: athlete.reason });
  }

  /** Unloads who is silent and has nothing left to do. */
  function sweep(): void {
    const now = nowUs();
    if (now - lastSweepUs < SWEEP_EVERY_US) return;
    lastSweepUs = now;
    let retried = 0;
    for (const athlete of athletes.values()) {
      const { pipeline } = athlete;
      const isBusy = athlete.status !== 'ready' || !isSettled(athlete) || pipeline === null || pipeline.pendingFrames > 0;
      if (!isBusy && athlete.shadowWaits && models.shadow !== null && retried < MAX_LOADS) {
        retried += 1;
        loadAnew(athlete);
        continue;
      }
      if (isBusy || (athlete.shadow?.pipeline.pendingFrames ?? 0) > 0 || now - athlete.lastActiveUs < UNLOAD_AFTER_US) continue;
      batcher.remove(athlete);
      dropShadow(athlete);
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
    await answer(models.active.scorer, batch, (athlete, { due, pipeline }, output) => {
      if (athlete.pipeline !== pipeline) return; // quarantined or loaded anew meanwhile
      try {
        const completed = pipeline.complete(due, output, nowUs());
        if (due.meta.windowIndex > athlete.countsUpTo) {
          athlete.uncommitted += 1;
          commits.add(entryOf(completed.scored, completed.checkpoint));
        } else {
          // Another version's score of this window counts: this one only brings the model's state up to here.
          athlete.scored += 1;
          commitBeside(athlete, completed);
        }
      } catch (error) {
        quarantine(athlete, error);
      }
    });
  }

  /** A batch is in hand until it ends. */
  async function hold(batch: Promise<void>): Promise<void> {
    scoring = true;
    inHand = batch;
    await batch;
    scoring = false;
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      sweep();
      const batch = batcher.next(takeDue);
      relievePressure();
      if (batch.length > 0) {
        await hold(
          scoreBatch(batch).catch((error: unknown) => {
            // The model itself failed: no athlete's fault, and no score can be had. Those of the batch cannot go on from here.
            for (const [athlete, { pipeline }] of batch) if (athlete.pipeline === pipeline) quarantine(athlete, error);
          }),
        );
        await commits.whenBelow(MAX_UNCOMMITTED);
        await nextTurn();
        continue;
      }
      const beside = shadowCommits.length < MAX_UNCOMMITTED ? shadowBatcher.next(takeShadow) : [];
      if (beside.length > 0) {
        await hold(scoreShadow(beside));
        await nextTurn();
        continue;
      }
      if (isIdle()) {
        const watchers = idleWatchers;
        idleWatchers = [];
        for (const resolve of watchers) resolve();
      }
      for (const queue of [commits, shadowCommits]) if (queue.length > 0) void queue.whenBelow(1).then(stir);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  const isIdle = (): boolean =>
    loading === 0 && loads.length === 0 && batcher.waiting === 0 && commits.length === 0 && !scoring && isShadowIdle();
  const isShadowIdle = (): boolean => shadowBatcher.waiting === 0 && shadowCommits.length === 0;

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
        if (athlete.status === 'ready') openStream(athlete, stream);
        else if (athlete.status === 'loading') athlete.opens.push(stream);
      }
      stir();
    },
    push: ({ batch, athleteIds, owners }) => {
      const touched = athleteIds.map((athleteId) => awake(athleteId));
      const now = nowUs();
      eachFrame(batch, (streamId, sequence, receivedUs, bytes, position) => {
        const athlete = touched[owners[position] as number];
        if (athlete !== undefined) athlete.lastPushedUs = Math.max(athlete.lastPushedUs, receivedUs);
        if (athlete === undefined || athlete.status === 'quarantined') {
          droppedFrames += 1;
          return;
        }
        athlete.lastActiveUs = now;
        if (athlete.status === 'ready' && athlete.pipeline !== null) pushFrame(athlete, streamId, sequence, receivedUs, bytes);
        else {
          athlete.waiting.push({ streamId, sequence, receivedUs, bytes });
          athlete.waitingBytes += bytes.byteLength;
        }
      });
      for (const athlete of touched) {
        if (athlete.status !== 'ready') continue;
        batcher.offer(athlete);
        offerShadow(athlete);
      }
      boundShadows();
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
    useModels: async (next) => {
      const before = models;
      models = next;
      const sameActive = next.active.contract.version === before.active.contract.version;
      for (const athlete of athletes.values()) {
        athlete.shadowWaits = false;
        if (sameActive && next.shadow === null) dropShadow(athlete);
        // Another active model is a new start for who was set aside under the one before.
        else if (!unloaded.has(athlete.athleteId) && !(sameActive && athlete.status === 'quarantined')) loadAnew(athlete);
      }
      stir();
      await inHand;
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
        shadowScored,
        shadowLagged,
        shadowFailed,
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
      await Promise.race([Promise.all([commits.whenBelow(1), shadowCommits.whenBelow(1)]), sleep(CLOSE_WAIT_MS)]);
    },
  };
}

type Completed = ReturnType<AthletePipeline['complete']>;

const entryOf = (scored: Completed['scored'], data: Completed['checkpoint']): ScoredWithCheckpoint => {
  const { athleteId, windowIndex, modelVersion } = scored;
  return { scored, checkpoint: { athleteId, modelVersion, windowIndex, data } };
};

/** Scores what can be scored of a batch in one run, and hands each window its output: null for want of data. */
async function answer<Source>(
  scorer: Scorer,
  batch: readonly (readonly [Source, Taken])[],
  complete: (source: Source, taken: Taken, output: WindowOutput | null) => void,
): Promise<void> {
  const scorable = batch.filter(([, { due }]) => due.scorable);
  const outputs = scorable.length === 0 ? [] : await scorer.score(scorable.map(([, { due }]) => due.input));
  const outputOf = new Map(scorable.map(([source], i) => [source, outputs[i]]));
  for (const [source, taken] of batch) complete(source, taken, outputOf.get(source) ?? null);
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
