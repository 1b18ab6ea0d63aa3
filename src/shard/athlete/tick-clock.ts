/** PURE. One step of a device's clock at a new frame: the segment, a jump, the hello's time exchange, the arrival. */
import type { DeviceClock, SegmentChoice } from '../../align/device-clock.ts';
import { FrameFlag, type StreamDeclaration } from '../../contracts/protocol.ts';
import type { FrameHeader } from '../../contracts/frame.ts';
import type { AthleteState, TrackedStream } from './athlete-state.ts';
import type { PendingFrame } from './frame-queue.ts';

/** BOUNDED: jumps kept for a caller who does not take them. */
const MAX_JUMPS = 64;

/** `lastUs` is the device time of the frame's last sample. */
export function tickClock(
  state: AthleteState,
  stream: TrackedStream,
  clock: DeviceClock,
  frame: PendingFrame,
  header: FrameHeader,
  lastUs: number,
  declaration: StreamDeclaration,
): void {
  const previousEndUs = Number.isNaN(stream.endDeviceUs) ? null : stream.endDeviceUs;
  const started = clock.newestId;
  const choice = clock.choose(stream.segmentId, previousEndUs, header.deviceTimeUs, lastUs, frame.receivedUs);
  if (choice.segmentId !== stream.segmentId) {
    stream.segmentId = choice.segmentId;
    stream.segmentFrom = frame.sequence;
  }
  noteJump(state, stream.streamId, choice, frame.receivedUs, declaration);
  const segment = clock.segment(choice.segmentId);
  if (segment === null) return;
  const begun = clock.newestId !== started;
  if (declaration.clock !== undefined && stream.helloUs !== stream.seededUs) {
    stream.seededUs = stream.helloUs;
    const exchange = declaration.clock;
    // The exchange belongs to the clock as it ran at the hello: not to what a later jump began.
    const believed =
      choice.jumpUs === null &&
      segment.seed({ deviceUs: lastUs, arrivalUs: frame.receivedUs }, stream.helloUs, exchange.offsetUs, exchange.roundTripUs);
    if (!believed) state.stats.seedsRefused += 1;
  }
  // A frame sent again says when the link came back, not when it was sampled.
  if (!begun && (header.flags & FrameFlag.resent) === 0) segment.observe(lastUs, frame.receivedUs);
}

function noteJump(state: AthleteState, streamId: number, { jumpUs }: SegmentChoice, atUs: number, declaration: StreamDeclaration): void {
  if (jumpUs === null) return;
  state.stats.clockJumps += 1;
  const { device, boot } = declaration;
  const jump = { athleteId: state.athlete.athleteId, streamId, device, boot, atUs, jumpUs };
  state.jumps = [...state.jumps.slice(1 - MAX_JUMPS), jump];
  state.untoldJumps = [...state.untoldJumps.slice(1 - MAX_JUMPS), jump];
}
