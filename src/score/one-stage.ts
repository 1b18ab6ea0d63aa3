/** PURE. Any scorer where a staged one is asked for. */
import type { Movement, Scorer, StagedScorer } from './ports.ts';

/** Nothing is shared, every window costs the whole. Movements are the arrays that were handed in, not copies. Closing it leaves the scorer open. */
export function inOneStage(scorer: Scorer): StagedScorer {
  return {
    provider: scorer.provider,
    modelVersion: scorer.modelVersion,
    maxEncode: scorer.maxBatch,
    maxFinish: scorer.maxBatch,
    encode: (movements) => Promise.resolve(movements.map(({ bio, bioMask }): Movement => ({ parts: [bio, bioMask] }))),
    finish: (windows) =>
      scorer.score(
        windows.map(({ movement: { parts }, rest }) => ({ bio: parts[0] as Float32Array, bioMask: parts[1] as Float32Array, ...rest })),
      ),
    close: () => Promise.resolve(),
  };
}
