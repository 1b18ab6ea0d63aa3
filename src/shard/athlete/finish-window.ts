/** PURE. The end of a window: baselines move, the fence advances, and what no later window needs is let go. */
import { reachUs } from '../../align/align-window.ts';
import { windowStartUs, WINDOW_US } from '../../align/grid.ts';
import { moveBaselines } from '../../normalise/baseline.ts';
import { nowUsOf, type AthleteState } from './athlete-state.ts';
import type { BuiltWindow } from './build-window.ts';
import { unfollow } from './follow-streams.ts';
import { mapperOf, spanUs } from './stream-time.ts';

/** A stream silent for this long is no longer followed (its clock starts anew when it speaks again). */
const FORGET_US = 1_800_000_000;

/** `isScored`: the window counts as the last one scored, from which the next one's elapsed hops are told. */
export function finishWindow(state: AthleteState, { due, normalised }: BuiltWindow, isScored: boolean): void {
  if (!state.athlete.baselineFrozen) moveBaselines(state.baselines, state.contract, normalised, due.meta.activity);
  if (isScored) state.lastScoredIndex = due.meta.windowIndex;
  state.closedEndUs = due.meta.endUs;
  state.nextIndex = due.meta.windowIndex + 1;
  state.stats.windowsCompleted += 1;
  trim(state);
}

/** Lets go of blocks, streams and clock segments that no later window needs. Only here, so that a restart holds the same. */
function trim(state: AthleteState): void {
  const startUs = windowStartUs(state.nextIndex, state.phaseUs);
  for (const stream of state.followed) {
    const nowUs = nowUsOf(state, stream);
    const { buffer } = stream;
    if (buffer !== null) {
      const mapOf = mapperOf(stream);
      const reach = stream.map.bio.length > 0 ? reachUs(buffer.rateHz) : 0;
      const keepFromUs = startUs - Math.max(reach, stream.lookBackUs - WINDOW_US);
      buffer.dropWhile((block) => {
        const map = mapOf(block.segmentId);
        return map === null || spanUs(stream, block, map)[1] < keepFromUs;
      });
    }
    if (stream.heardUs < nowUs - FORGET_US) unfollow(state, stream);
  }
  for (const [key, clock] of state.clocks) {
    let oldest = clock.newestId;
    for (const stream of state.followed) {
      if (stream.clockKey !== key || stream.clock === null) continue;
      oldest = Math.min(oldest, stream.segmentId ?? oldest, stream.buffer?.blocks[0]?.segmentId ?? oldest);
    }
    clock.forgetBefore(oldest);
  }
}
