/** What crosses between the main thread and a shard's worker thread. */
import type { FrameBatch, OpenedStream } from '../contracts/stream.ts';
import type { ClockJump } from './athlete-pipeline.ts';

/** One committed window, for latency, queue hints and counters. */
export interface ScoredNotice {
  readonly athleteId: string;
  readonly windowIndex: number;
  readonly state: number | null;
  /** Receipt stamp of the frame that closed the window. */
  readonly closedByUs: number;
  /** When the transaction that holds the score had committed. */
  readonly committedUs: number;
}

/** Frames of one shard: whose each is stands in `owners`, an index into `athleteIds`, one a frame. */
export interface ShardFrames {
  readonly batch: FrameBatch;
  readonly athleteIds: readonly string[];
  readonly owners: Uint32Array<ArrayBuffer>;
}

export interface AthleteCounts {
  readonly athleteId: string;
  readonly due: number;
  readonly scored: number;
}

export interface ShardStats {
  readonly athletes: number;
  readonly windowsDue: number;
  /** Rows committed by this process, those with state null among them. */
  readonly windowsScored: number;
  /** Rows that the store held already (a restart between commit and notice). */
  readonly windowsKnown: number;
  readonly windowsUnscored: number;
  readonly lateSamples: number;
  readonly clipped: number;
  readonly refusedFrames: number;
  readonly duplicateFrames: number;
  readonly overwrittenSamples: number;
  readonly clockJumps: number;
  readonly seedsRefused: number;
  readonly streamsShed: number;
  readonly droppedFrames: number;
  readonly quarantined: readonly { readonly athleteId: string; readonly reason: string }[];
  readonly batches: number;
  readonly largestBatch: number;
  readonly commitRetries: number;
  readonly queuedFrames: number;
  readonly queuedBytes: number;
  readonly uncommitted: number;
  /** Rows of the shadow model committed by this process. */
  readonly shadowScored: number;
  /** Times the shadow of an athlete was set aside because it could not keep up, and because it failed. */
  readonly shadowLagged: number;
  readonly shadowFailed: number;
  readonly perAthlete: readonly AthleteCounts[];
}

/** Versions in the registry: the one whose scores count, and the one beside it. */
export interface ModelVersions {
  readonly active: string;
  readonly shadow: string | null;
}

export interface WorkerSettings {
  readonly shard: number;
  readonly shardCount: number;
  readonly connectionString: string;
  readonly models: ModelVersions;
  readonly executionProvider: 'auto' | 'cuda' | 'cpu';
  readonly maxBatch: number;
  readonly liveFromUs: number;
}

export type ToWorker =
  | { readonly type: 'open'; readonly streams: readonly OpenedStream[] }
  | { readonly type: 'frames'; readonly frames: ShardFrames }
  | { readonly type: 'models'; readonly models: ModelVersions }
  | { readonly type: 'stats' | 'drain' | 'close'; readonly request: number };

export type FromWorker =
  | {
      readonly type: 'ready';
      readonly provider: string;
      readonly note: string | null;
      readonly models: ModelVersions;
      readonly fault: string | null;
    }
  /** What scores from now on; a model that could not be opened is named with its reason, and the one before goes on. */
  | { readonly type: 'models'; readonly models: ModelVersions; readonly fault: string | null }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'scored'; readonly windows: readonly ScoredNotice[] }
  | { readonly type: 'clock'; readonly jumps: readonly ClockJump[] }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly detail: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'pressure'; readonly on: boolean }
  | { readonly type: 'answer'; readonly request: number; readonly stats: ShardStats };
