/** Scores and checkpoints on their way into the store: one transaction at a time, everything that waits goes into the next. */
import { KinewatchError } from '../contracts/errors.ts';
import type { NewObservation } from '../contracts/observation.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import type { NewCheckpoint, ShardStore } from './ports.ts';

export interface ScoredWithCheckpoint {
  readonly scored: ScoredWindow;
  readonly checkpoint: NewCheckpoint;
  readonly clocks: NewObservation | null;
}

export interface CommitQueueOptions {
  readonly store: ShardStore;
  /** Its scores stand beside those that count. */
  readonly shadow?: boolean;
  readonly onCommitted: (windows: readonly ScoredWindow[], added: number) => void;
  /** An athlete whose rows the store will never take. */
  readonly onRefused: (athleteId: string, error: unknown) => void;
  readonly onRetry: (error: unknown, delayMs: number) => void;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface CommitQueue {
  add(entry: ScoredWithCheckpoint): void;
  readonly length: number;
  /** Resolves when fewer than `limit` entries wait or are being committed. */
  whenBelow(limit: number): Promise<void>;
}

/** Rows of one transaction at most: keeps a catch-up's transactions short. */
const MAX_ROWS = 256;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

export function createCommitQueue(options: CommitQueueOptions): CommitQueue {
  let waiting: ScoredWithCheckpoint[] = [];
  let committing = 0;
  let running = false;
  let watchers: { readonly limit: number; readonly resolve: () => void }[] = [];
  const length = (): number => waiting.length + committing;
  const notify = (): void => {
    const reached = watchers.filter((watcher) => length() < watcher.limit);
    watchers = watchers.filter((watcher) => length() >= watcher.limit);
    for (const watcher of reached) watcher.resolve();
  };

  /** A fault of the database is tried again for as long as it lasts; rows the database refuses are parted by athlete until the culprit stands alone. */
  const commit = async (entries: readonly ScoredWithCheckpoint[]): Promise<void> => {
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(LONGEST_DELAY_MS, delayMs * 2)) {
      try {
        const windows = entries.map((entry) => entry.scored);
        const newest = new Map(entries.map(({ checkpoint }) => [`${checkpoint.athleteId} ${checkpoint.modelVersion}`, checkpoint]));
        const clocks = entries.flatMap((entry) => entry.clocks ?? []);
        const added = await options.store.commitScores(windows, [...newest.values()], options.shadow ?? false, clocks);
        options.onCommitted(windows, added);
        return;
      } catch (error) {
        if (!canHelpToTryAgain(error)) {
          const athletes = new Set(entries.map((entry) => entry.scored.athleteId));
          if (athletes.size === 1) refuse(entries, error);
          else for (const athleteId of athletes) await commit(entries.filter((entry) => entry.scored.athleteId === athleteId));
          return;
        }
        options.onRetry(error, delayMs);
        await options.sleep(delayMs);
      }
    }
  };

  /** Later windows of the athlete must not overtake the one that was refused. */
  const refuse = (entries: readonly ScoredWithCheckpoint[], error: unknown): void => {
    const athleteId = entries[0]?.scored.athleteId;
    if (athleteId === undefined) return;
    waiting = waiting.filter((entry) => entry.scored.athleteId !== athleteId);
    options.onRefused(athleteId, error);
  };

  const run = async (): Promise<void> => {
    // What is added in this turn goes into one transaction.
    await Promise.resolve();
    while (waiting.length > 0) {
      const entries = waiting.slice(0, MAX_ROWS);
      waiting = waiting.slice(entries.length);
      committing = entries.length;
      await commit(entries);
      committing = 0;
      notify();
    }
    running = false;
    notify();
  };

  return {
    add: (entry) => {
      waiting.push(entry);
      if (running) return;
      running = true;
      void run();
    },
    get length() {
      return length();
    },
    whenBelow: async (limit) => {
      if (length() < limit) return;
      await new Promise<void>((resolve) => watchers.push({ limit, resolve }));
    },
  };
}

/** SQLSTATE classes of data and constraint faults, syntax and schema faults: the same rows would fail again. */
const PERMANENT = /^(22|23|42)/;

/** Whether the same statement may succeed later: true for lost connections, restarts, deadlocks; false for refused rows. */
export function canHelpToTryAgain(error: unknown): boolean {
  if (error instanceof KinewatchError) return error.retry;
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return !(typeof code === 'string' && code.length === 5 && PERMANENT.test(code));
}
