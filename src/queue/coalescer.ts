/** Merges hints for the same subject while one is being written, and bounds how many are written at once. */

export interface Coalescer {
  push(subject: string): void;
  /** Subjects written or waiting to be written now. */
  pending(): number;
  /** Hints merged so far. */
  coalesced(): number;
  /** Resolves when nothing is on its way. */
  settled(): Promise<void>;
}

/** (chosen) enough to fill the connections of a queue, few enough not to swamp the event loop. */
const WRITERS = 8;

/**
 * BOUNDED by the number of subjects: each stands at most once in line. A subject pushed while its own hint is being written is written again after
 * that, since the job that hint made may have run already. `write` must not reject.
 */
export function createCoalescer(write: (subject: string) => Promise<void>): Coalescer {
  const waiting = new Set<string>();
  const writing = new Set<string>();
  let merged = 0;
  let wakers: (() => void)[] = [];

  const pump = (): void => {
    for (const subject of waiting) {
      if (writing.size >= WRITERS) return;
      if (writing.has(subject)) continue;
      waiting.delete(subject);
      writing.add(subject);
      void write(subject).finally(() => {
        writing.delete(subject);
        pump();
      });
    }
    if (waiting.size > 0 || writing.size > 0) return;
    const woken = wakers;
    wakers = [];
    for (const wake of woken) wake();
  };
  return {
    push(subject) {
      if (waiting.has(subject)) merged += 1;
      waiting.add(subject);
      pump();
    },
    pending: () => waiting.size + writing.size,
    coalesced: () => merged,
    settled: () => (waiting.size === 0 && writing.size === 0 ? Promise.resolve() : new Promise((resolve) => wakers.push(resolve))),
  };
}
