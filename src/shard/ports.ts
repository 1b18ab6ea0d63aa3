/** What a shard needs from the store; the worker wires src/store to it. */
import type { FrameBatch, OpenedStream } from '../contracts/stream.ts';
import type { NewObservation } from '../contracts/observation.ts';
import type { ScoredWindow } from '../contracts/score.ts';

export interface AthleteContext {
  readonly athleteId: string;
  /** Values of the contract's context channels by name; absent = masked. */
  readonly context: Readonly<Record<string, number>>;
  /** Baselines do not move while true (staff-confirmed injury). */
  readonly baselineFrozen: boolean;
}

export interface StoredCheckpoint {
  readonly athleteId: string;
  readonly modelVersion: string;
  readonly windowIndex: number;
  readonly data: Uint8Array;
}

/** A checkpoint as it is committed; with the context its windows are built with, one a minute is kept (RebuildStore). */
export interface NewCheckpoint extends StoredCheckpoint {
  readonly athlete?: AthleteContext;
}

/** What it takes to build a past window again: a kept checkpoint before it, and the frames since. */
export interface RebuildStore extends Pick<ShardStore, 'loadAthletes' | 'loadStreams'> {
  /** The newest kept checkpoint before a window; null where none is. */
  keptBefore(
    athleteId: string,
    modelVersion: string,
    windowIndex: number,
  ): Promise<{ readonly data: Uint8Array; readonly athlete: AthleteContext } | null>;
  /**
   * Stored frames of the athlete in receipt order, refused ones left out: of the streams named from their sequence on, of any other those received after
   * `afterUs`.
   */
  readFramesAfter(athleteId: string, fromSequence: ReadonlyMap<number, number>, afterUs: number): AsyncIterable<FrameBatch>;
}

/** A checkpoint and how far its model's scores are the ones that count: null where it was never the active one. */
export interface StandingCheckpoint extends StoredCheckpoint {
  readonly activeIndex: number | null;
}

export interface ShardStore {
  loadAthletes(athleteIds: readonly string[]): Promise<readonly AthleteContext[]>;
  /** Athletes with a stream that had a hello since `sinceUs`. */
  recentAthletes(sinceUs: number): Promise<readonly string[]>;
  loadCheckpoint(athleteId: string, modelVersion: string): Promise<StoredCheckpoint | null>;
  /** Those of every version, the one with the newest window that counts first. */
  loadCheckpoints(athleteId: string): Promise<readonly StandingCheckpoint[]>;
  /** Scores of a version past a window that stand beside become the ones that count, as far as its checkpoint goes. Nothing counts there yet. */
  promote(athleteId: string, modelVersion: string, afterIndex: number): Promise<void>;
  /** Every stream of the athlete with its hellos, oldest first. */
  loadStreams(athleteId: string): Promise<readonly OpenedStream[]>;
  /**
   * Stored frames of the athlete's streams, from the given sequence of each stream on, in receipt order, refused ones left out.
   * Streams not named are read from their first frame.
   */
  readFrames(athleteId: string, fromSequence: ReadonlyMap<number, number>): AsyncIterable<FrameBatch>;
  /**
   * One transaction: the scores (a key that exists already is left as it is) and the checkpoints. SCORED-IS-STORED, ONE-SCORE.
   * With `shadow` the scores stand beside those that count: nothing but a question for their model version sees them.
   * Of checkpoints that come with their context and whose windows count, one a minute is kept as it is, so that a past window can be built again.
   * `clocks` is told to ASMS in the same transaction. Returns the windows that were new.
   */
  commitScores(
    windows: readonly ScoredWindow[],
    checkpoints: readonly NewCheckpoint[],
    shadow?: boolean,
    clocks?: readonly NewObservation[],
  ): Promise<number>;
}

/** Where one stream stands: everything below `nextSequence` is stored or settled. */
export interface StreamStand {
  readonly streamId: number;
  readonly athleteId: string;
  readonly nextSequence: number;
}

/** What the frame tail needs from the store. */
export interface TailStore {
  /** Where every stream stands now, and the newest receipt stamp: at or past that of every frame below those sequences. */
  begin(): Promise<{ readonly streams: readonly StreamStand[]; readonly newestReceivedUs: number }>;
  /** One snapshot: the athletes' streams that stand past `from` (absent: 0), each with the receipt stamp of its newest hello. */
  movedStreams(
    athleteIds: readonly string[],
    from: ReadonlyMap<number, number>,
  ): Promise<readonly (StreamStand & { readonly newestHelloUs: number })[]>;
  /** The sum of all next sequences of each athlete: it grows with every frame. */
  sequenceSums(): Promise<ReadonlyMap<string, number>>;
  loadStreams(athleteId: string): Promise<readonly OpenedStream[]>;
  /** Stored frames `from` <= sequence < `until` of these streams, in receipt order, refused ones left out. */
  readRanges(
    ranges: readonly { readonly streamId: number; readonly from: number; readonly until: number }[],
  ): AsyncIterable<
    readonly { readonly streamId: number; readonly sequence: number; readonly receivedUs: number; readonly bytes: Uint8Array }[]
  >;
}
