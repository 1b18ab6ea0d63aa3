/** The absolute grid of windows: start = windowIndex * 1 s + phase of the athlete, 2 s long, 200 steps at 100 Hz. */

export const HOP_US = 1_000_000;
export const WINDOW_US = 2_000_000;
export const GRID_HZ = 100;
export const STEP_US = 10_000;
export const STEPS = 200;

/** FNV-1a, 32 bits, over UTF-16 code units: spreads athletes over phases and shards, the same wherever it is computed. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // The low bits of FNV-1a are weak for ids that differ in one place: fold the high ones in.
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
}

/** Phase of an athlete's windows, 0 to 1 s in microseconds: without it every athlete's window would fall due in the same instant. */
export const phaseUsOf = (athleteId: string): number => hashOf(athleteId) % HOP_US;

export const windowStartUs = (windowIndex: number, phaseUs: number): number => windowIndex * HOP_US + phaseUs;

/** First window that starts at or after a time. */
export const firstWindowFrom = (timeUs: number, phaseUs: number): number => Math.ceil((timeUs - phaseUs) / HOP_US);

/** First window that contains a time: the earliest whose end lies past it. */
export const firstWindowWith = (timeUs: number, phaseUs: number): number => Math.floor((timeUs - phaseUs - WINDOW_US) / HOP_US) + 1;
