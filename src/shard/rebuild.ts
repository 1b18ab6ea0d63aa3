/** A past window as it was scored: from the checkpoint kept before it and the stored frames since, or from the first stored frame where none is. */
import { KinewatchError } from '../contracts/errors.ts';
import { ACTIVITY_CLASSES, type ModelContract } from '../contracts/model.ts';
import type { Scorer, WindowInput, WindowOutput } from '../score/ports.ts';
import type { AthletePipeline, DueWindow } from './athlete-pipeline.ts';
import { decodeCheckpoint } from './checkpoint.ts';
import type { RebuildStore } from './ports.ts';
import { eachFrame, planFrom } from './recovery.ts';

/** BOUNDED: windows scored on the way (chosen: 5 minutes, about a second; kept checkpoints lie a minute apart, a catch-up's up to 256 windows). */
const MAX_WINDOWS = 300;

export interface WantedWindow {
  readonly athleteId: string;
  readonly windowIndex: number;
}

export interface RebuiltWindow {
  /** The caller's own. */
  readonly input: WindowInput;
  /** What the model answers to it now. */
  readonly output: WindowOutput;
  /** Scale of each movement channel in the athlete's baseline of the window's activity class before the window, in the channel's unit. */
  readonly ownScale: Float32Array;
  /** Windows scored on the way. */
  readonly replayed: number;
}

const notRebuilt = ({ windowIndex }: WantedWindow, why: string): KinewatchError =>
  new KinewatchError('explain-not-rebuilt', `window ${windowIndex} cannot be built again: ${why}`);

/**
 * @param pause awaited after each window on the way; what it throws ends the work
 * @throws KinewatchError explain-not-rebuilt where the frames are gone, lead past the window, or begin too far before it; unknown-athlete;
 *   checkpoint-unreadable; score-not-finite
 */
export async function rebuildWindow(
  store: RebuildStore,
  scorer: Scorer,
  contract: ModelContract,
  wanted: WantedWindow,
  pause: () => Promise<void>,
): Promise<RebuiltWindow> {
  const { athleteId, windowIndex } = wanted;
  const kept = await store.keptBefore(athleteId, contract.version, windowIndex);
  const athlete = kept?.athlete ?? (await store.loadAthletes([athleteId]))[0];
  if (athlete === undefined) throw new KinewatchError('unknown-athlete', `athlete ${athleteId} is not in the store`);
  const { pipeline } = planFrom(contract, athlete, kept?.data ?? null, await store.loadStreams(athleteId));
  const checkpoint = kept === null ? null : decodeCheckpoint(kept.data, contract);
  const from = new Map(checkpoint?.streams.map(({ streamId, firstNeeded }) => [streamId, firstNeeded]));
  let newest = kept?.data ?? null;
  let replayed = 0;
  for await (const batch of store.readFramesAfter(athleteId, from, checkpoint?.newestReceivedUs ?? -1)) {
    eachFrame(batch, (streamId, sequence, receivedUs, bytes) => {
      pipeline.push(streamId, sequence, receivedUs, bytes);
    });
    for (let due = pipeline.takeDue(); due !== null; due = pipeline.takeDue()) {
      if (due.meta.windowIndex > windowIndex) throw notRebuilt(wanted, `the stored frames lead past it, to window ${due.meta.windowIndex}`);
      if (due.meta.windowIndex === windowIndex)
        return { ...(await answerTo(scorer, due, wanted)), ownScale: scaleOf(newest, contract, due), replayed };
      if (replayed === MAX_WINDOWS)
        throw notRebuilt(wanted, `more than ${MAX_WINDOWS} windows lie between it and the nearest stored state`);
      newest = await pass(pipeline, scorer, due);
      replayed += 1;
      await pause();
    }
  }
  throw notRebuilt(wanted, 'its raw frames are no longer stored');
}

/** Scores a window on the way; the checkpoint after it. */
async function pass(pipeline: AthletePipeline, scorer: Scorer, due: DueWindow): Promise<Uint8Array> {
  const [output] = due.scorable ? await scorer.score([due.input]) : [];
  return pipeline.complete(due, output ?? null, due.meta.closedByUs).checkpoint;
}

async function answerTo(scorer: Scorer, due: DueWindow, wanted: WantedWindow): Promise<Pick<RebuiltWindow, 'input' | 'output'>> {
  if (!due.scorable) throw notRebuilt(wanted, 'it has too little data for a score');
  const [output] = await scorer.score([due.input]);
  if (output === undefined) throw new RangeError('a window without an answer');
  return { input: structuredClone(due.input), output };
}

/** Of the newest checkpoint before the window; the population's where there is none. */
function scaleOf(checkpoint: Uint8Array | null, contract: ModelContract, { meta: { activity } }: DueWindow): Float32Array {
  if (checkpoint === null) return Float32Array.from(contract.bio, ({ prior }) => prior[activity].scale);
  const from = ACTIVITY_CLASSES.indexOf(activity) * contract.bio.length;
  return decodeCheckpoint(checkpoint, contract).baselines.scale.slice(from, from + contract.bio.length);
}
