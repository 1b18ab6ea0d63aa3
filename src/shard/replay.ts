/** The oracle: what an offline pass over the stored rows of an athlete gives (SCORED-IS-STORED). Every live score must equal it within 1e-5. */
import type { ModelContract } from '../contracts/model.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import type { Scorer } from '../score/ports.ts';
import type { ShardStore } from './ports.ts';
import { eachFrame, planRecovery } from './recovery.ts';

/**
 * Scores all stored frames of one athlete from the first on, without checkpoints, one window at a time. `scoredAtUs` is the closing receipt stamp.
 * No frames: an empty list.
 * @throws KinewatchError unknown-athlete, score-not-finite
 */
export async function replayAthlete(
  store: ShardStore,
  scorer: Scorer,
  contract: ModelContract,
  athleteId: string,
): Promise<ScoredWindow[]> {
  const { pipeline } = await planRecovery(store, contract, athleteId, { useCheckpoint: false });
  const windows: ScoredWindow[] = [];
  for await (const batch of store.readFrames(athleteId, new Map())) {
    eachFrame(batch, (streamId, sequence, receivedUs, bytes) => {
      pipeline.push(streamId, sequence, receivedUs, bytes);
    });
    for (let due = pipeline.takeDue(); due !== null; due = pipeline.takeDue()) {
      const [output] = due.scorable ? await scorer.score([due.input]) : [];
      windows.push(pipeline.complete(due, output ?? null, due.meta.closedByUs).scored);
    }
  }
  return windows;
}
