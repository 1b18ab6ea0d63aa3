/** Pushes a simulated session through the service's own pipeline, frame by frame as a gateway would send it. */
import { encodeFrame } from '../../contracts/frame.ts';
import type { ModelContract } from '../../contracts/model.ts';
import { createAthletePipeline, type DueWindow } from '../../shard/athlete-pipeline.ts';
import { SESSION_START_US, type CastMember } from './cast.ts';

/** Session time a push covers: the frames of a gateway that sends twice a second. */
const PUSH_S = 0.5;

/**
 * Every window of the member's session in order, recorded mode, without a scorer: baselines move (unless frozen), model states do not.
 * `visit` must copy what it keeps; `frame` hears every frame in the order sent. Returns the number of windows.
 */
export function eachWindow(
  member: CastMember,
  contract: ModelContract,
  baselineFrozen: boolean,
  durationS: number,
  visit: (due: DueWindow) => void,
  frame: (streamId: number, receivedUs: number, bytes: Uint8Array<ArrayBuffer>) => void = () => undefined,
): number {
  const { simulated, athleteId } = member;
  const pipeline = createAthletePipeline({ contract, athlete: { athleteId, context: simulated.context, baselineFrozen } });
  simulated.streams.forEach((stream, index) => {
    pipeline.open({
      streamId: index + 1,
      athleteId,
      declaration: { ...stream.declaration, stream: index },
      receivedUs: SESSION_START_US + index,
      nextSequence: 0,
      lastDeviceTimeUs: null,
    });
  });
  const sequences = simulated.streams.map(() => 0);
  let receivedUs = SESSION_START_US + simulated.streams.length;
  let windows = 0;
  for (let step = 0; step * PUSH_S < durationS; step += 1) {
    for (const block of simulated.render(step * PUSH_S, Math.min(durationS, (step + 1) * PUSH_S))) {
      const sequence = sequences[block.stream]!;
      sequences[block.stream] = sequence + 1;
      const channels = simulated.streams[block.stream]!.channels;
      const bytes = encodeFrame({ flags: 0, channels, stream: block.stream, sequence, deviceTimeUs: block.deviceTimeUs }, block.samples);
      receivedUs = Math.max(receivedUs + 1, SESSION_START_US + Math.round((step + 1) * PUSH_S * 1e6));
      pipeline.push(block.stream + 1, sequence, receivedUs, bytes);
      frame(block.stream + 1, receivedUs, bytes);
    }
    for (let due = pipeline.takeDue(); due !== null; due = pipeline.takeDue()) {
      visit(due);
      pipeline.skip(due);
      windows += 1;
    }
  }
  return windows;
}
