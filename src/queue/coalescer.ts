/** Merges hints for the same subject while they wait, bounds how many are written at once, and paces them. */

export interface Coalescer {
  push(subject: string): void;
  /** Subjects written or waiting to be written now. */
  pending(): number;
  /** Hints merged so far. */
  coalesced(): number;
  /** Writes what waits without pacing; resolves when nothing is on its way. */
  settled(): Promise<void>;
}

export interface CoalescerOptions {
  /** Hints a second over all subjects in the long run; a burst of as many is let through at once. Absent: no pacing. */
  readonly perSecond?: number;
  readonly nowMs?: () => number;
  /** Calls once after a delay. */
  readonly later?: (ms: number, call: () => void) => void;
}

/** (chosen) enough to fill the connections of a queue, few enough not to swamp the event loop. */
const WRITERS = 8;

const unreferenced = (ms: number, call: () => void): void => {
  setTimeout(call, ms).unref();
};

/**
 * BOUNDED by the number of subjects: each stands at most once in line, first come first served. So where hints come faster than they may be written
 * every subject is still written in turn, with more to do each time. A subject pushed while its own hint is being written is written again after
 * that, since the job that hint made may have run already. `write` must not reject.
 */
export function createCoalescer(
  write: (subject: string) => Promise<void>,
  { perSecond = Number.POSITIVE_INFINITY, nowMs = Date.now, later = unreferenced }: CoalescerOptions = {},
): Coalescer {
  const waiting = new Set<string>();
  const writing = new Set<string>();
  const paced = Number.isFinite(perSecond);
  let merged = 0;
  let wakers: (() => void)[] = [];
  let tokens = perSecond;
  let filledMs = nowMs();
  let timed = false;

  /** Takes a token where one is left; otherwise sees to it that the line moves on when the next one comes. */
  const mayWrite = (): boolean => {
    if (!paced || wakers.length > 0) return true;
    const now = nowMs();
    tokens = Math.min(perSecond, tokens + ((now - filledMs) / 1000) * perSecond);
    filledMs = now;
    if (tokens >= 1) {
      tokens -= 1;
      return true;
    }
    if (!timed) {
      timed = true;
      later(Math.ceil(((1 - tokens) / perSecond) * 1000), () => {
        timed = false;
        pump();
      });
    }
    return false;
  };
  const pump = (): void => {
    for (const subject of waiting) {
      if (writing.size >= WRITERS) return;
      if (writing.has(subject)) continue;
      if (!mayWrite()) return;
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
    settled: () =>
      new Promise((resolve) => {
        wakers.push(resolve);
        pump();
      }),
  };
}
