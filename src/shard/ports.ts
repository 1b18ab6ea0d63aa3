/** What a shard needs from the store; the worker wires src/store to it. */
import type { FrameBatch, OpenedStream } from '../contracts/stream.ts';
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

export interface ShardStore {
  loadAthletes(athleteIds: readonly string[]): Promise<readonly AthleteContext[]>;
  /** Athletes with a stream that had a hello since `sinceUs`. */
  recentAthletes(sinceUs: number): Promise<readonly string[]>;
  loadCheckpoint(athleteId: string, modelVersion: string): Promise<StoredCheckpoint | null>;
  /** Every stream of the athlete with its hellos, oldest first. */
  loadStreams(athleteId: string): Promise<readonly OpenedStream[]>;
  /**
   * Stored frames of the athlete's streams, from the given sequence of each stream on, in receipt order, refused ones left out.
   * Streams not named are read from their first frame.
   */
  readFrames(athleteId: string, fromSequence: ReadonlyMap<number, number>): AsyncIterable<FrameBatch>;
  /**
   * One transaction: the scores (a key that exists already is left as it is) and the checkpoints. SCORED-IS-STORED, ONE-SCORE.
   * Returns the windows that were new.
   */
  commitScores(windows: readonly ScoredWindow[], checkpoints: readonly StoredCheckpoint[]): Promise<number>;
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
