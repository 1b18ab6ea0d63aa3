/** PURE. Which streams of the athlete fill windows: those with a channel of the model, as many as are bounded, as long as they speak. */
import type { AthleteState, TrackedStream } from './athlete-state.ts';

/** BOUNDED: streams of an athlete that are followed at once; the one not heard for longest goes. */
const MAX_STREAMS = 16;

/** A stream that feeds no channel of the model is not followed. */
export function follow(state: AthleteState, stream: TrackedStream): void {
  if (stream.followed || (stream.map.bio.length === 0 && stream.map.scalars.length === 0)) return;
  stream.followed = true;
  state.followed = [...state.followed, stream].toSorted((a, b) => b.streamId - a.streamId);
}

/** Its samples go, and its clock where no other stream of the boot is followed: when it speaks again it begins anew. */
export function unfollow(state: AthleteState, stream: TrackedStream): void {
  stream.followed = false;
  stream.buffer = null;
  stream.endDeviceUs = Number.NaN;
  stream.heardUs = Number.NEGATIVE_INFINITY;
  stream.segmentId = null;
  stream.declaration = null;
  stream.helloUs = Number.NEGATIVE_INFINITY;
  stream.seededUs = Number.NEGATIVE_INFINITY;
  state.followed = state.followed.filter((s) => s !== stream);
  const { clockKey } = stream;
  if (clockKey !== null && !state.followed.some((s) => s.clockKey === clockKey)) state.clocks.delete(clockKey);
  stream.clock = null;
}

export function shedOldest(state: AthleteState): void {
  let oldest = state.followed[0];
  for (const stream of state.followed) if (oldest === undefined || stream.heardUs < oldest.heardUs) oldest = stream;
  if (oldest === undefined) return;
  state.stats.streamsShed += 1;
  unfollow(state, oldest);
}

export function boundStreams(state: AthleteState): void {
  if (state.followed.length > MAX_STREAMS) shedOldest(state);
}
