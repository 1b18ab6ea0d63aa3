/** What a shard holds: its athletes, its models, who waits for what, and its counters. The steps beside this file move it. */
import { KinewatchError } from '../../contracts/errors.ts';
import type { ModelContract } from '../../contracts/model.ts';
import type { OpenedStream } from '../../contracts/stream.ts';
import { createBatcher, type Batcher } from '../../score/batcher.ts';
import type { Scorer } from '../../score/ports.ts';
import type { AthletePipeline, ClockJump, DueWindow, PipelineStats } from '../athlete-pipeline.ts';
import type { PendingFrame } from '../athlete/frame-queue.ts';
import type { ScoredNotice } from '../messages.ts';
import type { ShardStore } from '../ports.ts';
import type { RecoveryPlan } from '../recovery.ts';

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

/** A due window and the pipeline it came from (a reload may have put another in its place meanwhile). */
export interface Taken {
  readonly due: DueWindow;
  readonly pipeline: AthletePipeline;
}

export type Batch = readonly (readonly [Athlete, Taken])[];

export interface Athlete {
  readonly athleteId: string;
  status: 'loading' | 'ready' | 'quarantined';
  /** Null: not loaded. A ready athlete without one is asleep. */
  pipeline: AthletePipeline | null;
  /** Pipeline of the shadow model, and where its own reading back begins. Null: there is no shadow model, or it was set aside for this athlete. */
  shadow: RecoveryPlan | null;
  /** Set aside for its lag: tried again when the athlete has nothing else to do. */
  shadowWaits: boolean;
  /** Windows up to here have a score that counts. */
  countsUpTo: number;
  /** Hellos and frames that came while the athlete was being loaded. */
  opens: OpenedStream[];
  waiting: PendingFrame[];
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
  /** Why it is quarantined. */
  reason: string;
}

export interface ShardState {
  readonly options: ShardOptions;
  models: ScoringModels;
  readonly athletes: Map<string, Athlete>;
  /** Ready athletes without a pipeline: the next frame or hello loads them again. */
  readonly asleep: Map<string, Athlete>;
  /** Who waits for what fell due to be scored. */
  readonly batcher: Batcher<Athlete, Taken>;
  readonly shadowBatcher: Batcher<Athlete, Taken>;
  /** Who waits to be loaded, and how many are being loaded. */
  readonly loads: Athlete[];
  loading: number;
  /** Athletes whose rows must all be stored before they are loaded anew, and who waits for it. */
  readonly unsettled: Map<Athlete, () => void>;
  /** The loop, where it sleeps. */
  wake: (() => void) | null;
  stopped: boolean;
  /** The gateway was told to pause. */
  pressed: boolean;
  lastSweepUs: number;
  readonly counts: {
    droppedFrames: number;
    windowsScored: number;
    windowsKnown: number;
    commitRetries: number;
    shadowScored: number;
    shadowLagged: number;
    shadowFailed: number;
  };
}

/** The shadow scores only when nothing else is due: a batch in hand holds the next one up by at most this many windows' time, a few ms. */
const MAX_SHADOW_BATCH = 16;

export function createShardState(options: ShardOptions): ShardState {
  const { maxBatch } = options.models.active.scorer;
  return {
    options,
    models: options.models,
    athletes: new Map(),
    asleep: new Map(),
    batcher: createBatcher(maxBatch),
    shadowBatcher: createBatcher(Math.min(MAX_SHADOW_BATCH, maxBatch)),
    loads: [],
    loading: 0,
    unsettled: new Map(),
    wake: null,
    stopped: false,
    pressed: false,
    lastSweepUs: options.nowUs(),
    counts: {
      droppedFrames: 0,
      windowsScored: 0,
      windowsKnown: 0,
      commitRetries: 0,
      shadowScored: 0,
      shadowLagged: 0,
      shadowFailed: 0,
    },
  };
}

/** An athlete of whom nothing is loaded yet. */
export function addAthlete({ athletes, options }: ShardState, athleteId: string): Athlete {
  const athlete: Athlete = {
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
    lastActiveUs: options.nowUs(),
    scored: 0,
    uncommitted: 0,
    shadowUncommitted: 0,
    past: null,
    reason: '',
  };
  athletes.set(athleteId, athlete);
  return athlete;
}

/** Wakes the loop: there may be something to do. */
export function stir(shard: ShardState): void {
  shard.wake?.();
  shard.wake = null;
}

/** Every window that was completed is stored. */
export const isSettled = (athlete: Athlete): boolean => athlete.uncommitted <= 0 && athlete.shadowUncommitted <= 0;

/** To be called when rows of the athlete were stored or refused. */
export function settle({ unsettled }: ShardState, athlete: Athlete): void {
  if (!isSettled(athlete)) return;
  unsettled.get(athlete)?.();
  unsettled.delete(athlete);
}

export async function whenSettled({ unsettled }: ShardState, athlete: Athlete): Promise<void> {
  if (!isSettled(athlete)) await new Promise<void>((resolve) => unsettled.set(athlete, resolve));
}

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });

/** Lets messages in between batches. */
export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export function messageOf(error: unknown): string {
  if (error instanceof KinewatchError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
