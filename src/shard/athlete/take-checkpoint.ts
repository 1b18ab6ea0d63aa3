/** PURE. The athlete's state between two windows as the bytes of a checkpoint. */
import type { DeviceClock } from '../../align/device-clock.ts';
import { ACTIVITY_CLASSES } from '../../contracts/model.ts';
import { encodeCheckpoint, MAX_CHECKPOINT_BYTES, type Checkpoint, type StreamCheckpoint } from '../checkpoint.ts';
import type { AthleteState } from './athlete-state.ts';
import { shedOldest } from './follow-streams.ts';

/**
 * BOUNDED at 4 KiB. First the segments before a clock jump stay out (a restart within seconds of the jump masks what lay before it),
 * then the streams that have been silent for longest are let go.
 */
export function takeCheckpoint(state: AthleteState): Uint8Array<ArrayBuffer> {
  let bytes = encodeCheckpoint(snapshot(state));
  if (bytes.byteLength > MAX_CHECKPOINT_BYTES) bytes = encodeCheckpoint(snapshot(state, 1));
  while (bytes.byteLength > MAX_CHECKPOINT_BYTES && state.followed.length > 1) {
    shedOldest(state);
    bytes = encodeCheckpoint(snapshot(state, 1));
  }
  return bytes;
}

function snapshot(state: AthleteState, segmentsKept = 2): Checkpoint {
  const { followed, clocks } = state;
  const keys = [...new Set(followed.flatMap((s) => (s.clock === null || s.clockKey === null ? [] : [s.clockKey])))];
  return {
    newestReceivedUs: state.newestReceivedUs,
    liveNowUs: state.liveNowUs,
    recordedNowUs: state.recordedNowUs,
    nextIndex: state.nextIndex,
    lastScoredIndex: state.lastScoredIndex,
    closedEndUs: state.closedEndUs,
    activityIndex: ACTIVITY_CLASSES.indexOf(state.activity),
    state: state.modelState,
    baselines: state.baselines,
    clocks: keys.map((key) => {
      const clock = (clocks.get(key) as DeviceClock).state();
      return { ...clock, segments: clock.segments.slice(-segmentsKept) };
    }),
    streams: followed.map((s): StreamCheckpoint => ({
      streamId: s.streamId,
      nextSequence: s.nextSequence,
      firstNeeded: s.buffer?.blocks[0]?.sequence ?? s.nextSequence,
      helloUs: s.helloUs,
      heardUs: s.heardUs,
      endDeviceUs: s.endDeviceUs,
      clock: s.clock === null || s.clockKey === null ? null : keys.indexOf(s.clockKey),
      segmentId: s.segmentId,
      segmentFrom: s.segmentFrom,
      seeded: s.seededUs === s.helloUs,
    })),
  };
}
