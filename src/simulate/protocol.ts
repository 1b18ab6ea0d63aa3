/** What the athlete does and when: bouts of rest, walking, running and jumping, cut into segments of at most a minute. */
import type { GaitActivity } from './constants.ts';
import { createRandom } from './random.ts';

export type SimulatedActivity = 'rest' | 'jump' | GaitActivity;

export interface Bout {
  readonly activity: SimulatedActivity;
  readonly durationS: number;
}

/** One activity throughout, a drawn mixture, or bouts in order (repeated until the duration is filled). */
export type Protocol = SimulatedActivity | 'mixed' | readonly Bout[];

export interface Segment {
  readonly index: number;
  readonly activity: SimulatedActivity;
  readonly startS: number;
  readonly endS: number;
  /** The bout this segment is part of. */
  readonly boutStartS: number;
  readonly boutEndS: number;
  /** Pace of the bout relative to the athlete's own. */
  readonly pace: number;
  /** The bout begins or ends in standing: movement swells or fades over RAMP_S. */
  readonly rampIn: boolean;
  readonly rampOut: boolean;
}

/** Gait starts and stops over about one step (chosen). */
export const RAMP_S = 0.8;
const SEGMENT_S = 60;

function mixedBouts(seed: number, durationS: number): Bout[] {
  const random = createRandom(seed, 202);
  const bouts: Bout[] = [];
  let at = 0;
  let previous: SimulatedActivity = random.next() < 0.35 ? 'walk' : 'rest';
  while (at < durationS) {
    const activity: SimulatedActivity =
      previous === 'run'
        ? random.next() < 0.3
          ? 'rest'
          : 'walk'
        : previous === 'rest'
          ? random.next() < 0.6
            ? 'walk'
            : 'run'
          : random.next() < 0.8
            ? 'run'
            : 'rest';
    const length = activity === 'rest' ? random.uniform(12, 30) : random.uniform(45, 130);
    bouts.push({ activity, durationS: length });
    at += length;
    previous = activity;
  }
  return bouts;
}

/** Rests become series of jumps; nothing else of the session changes. */
const withJumps = (bouts: readonly Bout[]): Bout[] =>
  bouts.map((bout) => (bout.activity === 'rest' ? { ...bout, activity: 'jump' } : bout));

const stands = (bout: Bout | undefined): boolean => bout?.activity === 'rest' || bout?.activity === 'jump';

function fill(bouts: readonly Bout[], durationS: number): Bout[] {
  const total = bouts.reduce((sum, bout) => sum + bout.durationS, 0);
  if (!(total > 0)) throw new RangeError('a protocol needs bouts of positive length');
  const filled: Bout[] = [];
  for (let at = 0, i = 0; at < durationS; i += 1) {
    const bout = bouts[i % bouts.length]!;
    filled.push(bout);
    at += bout.durationS;
  }
  return filled;
}

function drawnBouts(seed: number, durationS: number, jumps: boolean): Bout[] {
  const bouts = mixedBouts(seed, durationS);
  return jumps ? withJumps(bouts) : bouts;
}

/**
 * Segments that cover [0, durationS] without gaps. `jumps` puts series of jumps into a mixed session.
 * @throws RangeError where the duration or a bout's length is not positive.
 */
export function planSegments(seed: number, protocol: Protocol, durationS: number, jumps = false): Segment[] {
  if (!(durationS > 0) || !Number.isFinite(durationS)) throw new RangeError('durationS must be positive');
  const bouts =
    typeof protocol === 'string'
      ? protocol === 'mixed'
        ? drawnBouts(seed, durationS, jumps)
        : [{ activity: protocol, durationS }]
      : fill(protocol, durationS);
  const random = createRandom(seed, 203);
  const segments: Segment[] = [];
  let at = 0;
  for (const [i, bout] of bouts.entries()) {
    const boutStartS = at;
    const boutEndS = Math.min(durationS, at + bout.durationS);
    const pace = random.logNormal(0.06);
    const pieces = Math.max(1, Math.ceil((boutEndS - boutStartS) / SEGMENT_S));
    for (let piece = 0; piece < pieces; piece += 1) {
      segments.push({
        index: segments.length,
        activity: bout.activity,
        startS: boutStartS + ((boutEndS - boutStartS) * piece) / pieces,
        endS: piece === pieces - 1 ? boutEndS : boutStartS + ((boutEndS - boutStartS) * (piece + 1)) / pieces,
        boutStartS,
        boutEndS,
        pace,
        rampIn: stands(bouts[i - 1]),
        rampOut: stands(bouts[i + 1]),
      });
    }
    at = boutEndS;
    if (at >= durationS) break;
  }
  return segments;
}
