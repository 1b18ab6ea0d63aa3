/** The clock of one boot of one device: a segment, and after a jump a second one. Shared by all streams of the boot. */
import { createClockSegment, type ClockSegment, type ClockSegmentState } from './clock.ts';

/** A step of more than a second, either way, starts a new segment (protocol: smaller steps back are refused at the gateway). */
export const JUMP_US = 1_000_000;
/** BOUNDED: the current segment and the one before it; a window never reaches further back. */
const MAX_SEGMENTS = 2;
/** A frame of another stream of the device joins a segment when it is late against it by no more than this. */
const MAX_JOIN_DELAY_US = 10_000_000;

export interface DeviceClockState {
  readonly newestId: number;
  /** Newest last. */
  readonly segments: readonly ClockSegmentState[];
}

export interface SegmentChoice {
  readonly segmentId: number;
  /** Set where this frame began a new segment: by how much device time stepped, microseconds. */
  readonly jumpUs: number | null;
}

export interface DeviceClock {
  /**
   * The segment a frame belongs to; begins one at a jump. `ownId` is the segment of the stream's previous frame (null at its first),
   * `previousEndUs` the device time just past that frame.
   */
  choose(ownId: number | null, previousEndUs: number | null, startUs: number, lastUs: number, arrivalUs: number): SegmentChoice;
  segment(id: number): ClockSegment | null;
  /** Forgets the earlier segment once nothing lies on it. */
  forgetBefore(id: number): void;
  readonly newestId: number;
  state(): DeviceClockState;
}

export function createDeviceClock(restored?: DeviceClockState): DeviceClock {
  let newestId = restored?.newestId ?? -1;
  let segments = (restored?.segments ?? []).map((state) => createClockSegment(state));

  const segment = (id: number): ClockSegment | null => segments[segments.length - 1 - (newestId - id)] ?? null;
  const begin = (lastUs: number, arrivalUs: number): number => {
    const baseDelayUs = segments.at(-1)?.state().baseDelayUs ?? 0;
    // The network's least delay outlives a step of the device's clock.
    const next = createClockSegment({ referenceUs: lastUs, referenceOffsetUs: arrivalUs - lastUs, baseDelayUs, points: [0, 0] });
    segments = [...segments, next].slice(-MAX_SEGMENTS);
    newestId += 1;
    return newestId;
  };

  return {
    get newestId() {
      return newestId;
    },
    segment,
    forgetBefore: (id) => {
      segments = segments.slice(-Math.max(1, newestId - id + 1));
    },
    state: () => ({ newestId, segments: segments.map((s) => s.state()) }),
    choose(ownId, previousEndUs, startUs, lastUs, arrivalUs) {
      if (newestId < 0) return { segmentId: begin(lastUs, arrivalUs), jumpUs: null };
      const own = ownId === null ? null : segment(ownId);
      const newest = segment(newestId) as ClockSegment;
      const earlyUs = (own ?? newest).earlyByUs(lastUs, arrivalUs);
      const backUs = own === null || previousEndUs === null ? 0 : previousEndUs - startUs;
      if (earlyUs <= JUMP_US && backUs <= JUMP_US) return { segmentId: own === null ? newestId : (ownId as number), jumpUs: null };
      if (own !== null && ownId !== newestId) {
        const early = newest.earlyByUs(lastUs, arrivalUs);
        if (early <= JUMP_US && early >= -MAX_JOIN_DELAY_US) return { segmentId: newestId, jumpUs: null };
      }
      return { segmentId: begin(lastUs, arrivalUs), jumpUs: backUs > JUMP_US ? -backUs : earlyUs };
    },
  };
}
