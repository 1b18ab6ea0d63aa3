/** PURE. Which window may close now. Receipt stamps close windows, never a timer. */
import { reachUs } from '../../align/align-window.ts';
import { firstWindowWith, windowStartUs, WINDOW_US } from '../../align/grid.ts';
import { nowUsOf, type AthleteState } from './athlete-state.ts';
import { mapperOf, spanUs, timeMapOf } from './stream-time.ts';

/** A window closes this long after its end whatever is missing, and a stream silent for this long no longer holds windows back. */
const WAIT_US = 2_000_000;

/** The next window with samples that may close now, or null. Windows without a sample in any stream are passed over. */
export function nextDueIndex(state: AthleteState): number | null {
  while (!Number.isNaN(state.nextIndex)) {
    const startUs = windowStartUs(state.nextIndex, state.phaseUs);
    const endUs = startUs + WINDOW_US;
    if (!isClosable(state, endUs)) return null;
    const earliestUs = earliestSampleUs(state, startUs, endUs);
    if (earliestUs < endUs) return state.nextIndex;
    if (earliestUs === Number.POSITIVE_INFINITY) return null;
    state.nextIndex = Math.max(state.nextIndex + 1, firstWindowWith(earliestUs, state.phaseUs));
  }
  return null;
}

/** All open streams are past the end, or the athlete's newest stamp is 2 s past it. */
function isClosable(state: AthleteState, endUs: number): boolean {
  if (Math.max(state.liveNowUs, state.recordedNowUs) >= endUs + WAIT_US) return true;
  let open = 0;
  for (const stream of state.followed) {
    if (stream.heardUs < nowUsOf(state, stream) - WAIT_US) continue;
    open += 1;
    const map = timeMapOf(stream, stream.segmentId);
    if (map === null || Number.isNaN(stream.endDeviceUs)) return false;
    const reach = stream.map.bio.length > 0 ? reachUs(stream.declaration?.rateHz ?? 1) : 0;
    if (stream.endDeviceUs * map.rate + map.offsetUs < endUs + reach) return false;
  }
  return open > 0;
}

/** First sample of a block that ends past `startUs`: any that lies before `untilUs`, else the earliest; Infinity where there is none. */
function earliestSampleUs(state: AthleteState, startUs: number, untilUs: number): number {
  let earliestUs = Number.POSITIVE_INFINITY;
  for (const stream of state.followed) {
    const mapOf = mapperOf(stream);
    for (const block of stream.buffer?.blocks ?? []) {
      const map = mapOf(block.segmentId);
      if (map === null) continue;
      const [fromUs, toUs] = spanUs(stream, block, map);
      if (toUs <= startUs) continue;
      if (fromUs < untilUs) return fromUs;
      earliestUs = Math.min(earliestUs, fromUs);
    }
  }
  return earliestUs;
}
