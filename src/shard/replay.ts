/** The oracle: what an offline pass over the stored rows of an athlete gives (SCORED-IS-STORED). Every live score must equal it within 1e-5. */
import type { ModelContract } from '../contracts/model.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import type { Scorer } from '../score/ports.ts';
import type { ShardStore } from './ports.ts';
import { eachFrame, planFromStart } from './recovery.ts';

/**
 * Scores all stored frames of one athlete from the first on, without checkpoints, one window at a time, and gives the windows as the frames
 * are read: memory holds a page of frames, not a session. `scoredAtUs` is the closing receipt stamp. No frames: nothing.
 * @throws KinewatchError unknown-athlete, score-not-finite
 */
export async function* replayWindows(
  store: ShardStore,
  scorer: Scorer,
  contract: ModelContract,
  athleteId: string,
): AsyncGenerator<ScoredWindow, void, undefined> {
  const pipeline = await planFromStart(store, contract, athleteId);
  for await (const batch of store.readFrames(athleteId, new Map())) {
    eachFrame(batch, (streamId, sequence, receivedUs, bytes) => {
      pipeline.push(streamId, sequence, receivedUs, bytes);
    });
    for (let due = pipeline.takeDue(); due !== null; due = pipeline.takeDue()) {
      const [output] = due.scorable ? await scorer.score([due.input]) : [];
      yield pipeline.complete(due, output ?? null, due.meta.closedByUs).scored;
    }
  }
}

/** All of them at once. */
export async function replayAthlete(
  store: ShardStore,
  scorer: Scorer,
  contract: ModelContract,
  athleteId: string,
): Promise<ScoredWindow[]> {
  const windows: ScoredWindow[] = [];
  for await (const window of replayWindows(store, scorer, contract, athleteId)) windows.push(window);
  return windows;
}
