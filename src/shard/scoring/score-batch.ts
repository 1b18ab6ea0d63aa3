/** Windows that fell due: taken from the pipelines, scored in one run, completed, and on their way into the store. */
import type { Scorer, WindowOutput } from '../../score/ports.ts';
import { commitActive, commitBeside, type Commits } from './commits.ts';
import { quarantine } from './leave.ts';
import { failShadow } from './shadow.ts';
import type { Athlete, Batch, ShardState, Taken } from './shard-state.ts';

/** A fault of the athlete's data quarantines the athlete. */
export function takeDue(shard: ShardState, athlete: Athlete): Taken | null {
  const { pipeline } = athlete;
  if (pipeline === null) return null;
  try {
    const due = pipeline.takeDue();
    const jumps = pipeline.takeClockJumps();
    if (jumps.length > 0) shard.options.onClock(jumps);
    return due === null ? null : { due, pipeline };
  } catch (error) {
    quarantine(shard, athlete, error);
    return null;
  }
}

export function takeShadow(shard: ShardState, athlete: Athlete): Taken | null {
  const { shadow } = athlete;
  if (shadow === null) return null;
  try {
    const due = shadow.pipeline.takeDue();
    shadow.pipeline.takeClockJumps(); // the active pipeline reports them
    return due === null ? null : { due, pipeline: shadow.pipeline };
  } catch (error) {
    failShadow(shard, athlete, error);
    return null;
  }
}

export async function scoreBatch(shard: ShardState, commits: Commits, batch: Batch): Promise<void> {
  try {
    await answer(shard.models.active.scorer, batch, (athlete, { due, pipeline }, output) => {
      if (athlete.pipeline !== pipeline) return; // quarantined or loaded anew meanwhile
      try {
        const completed = pipeline.complete(due, output, shard.options.nowUs());
        if (due.meta.windowIndex > athlete.countsUpTo) {
          commitActive(commits, athlete, completed);
        } else {
          // Another version's score of this window counts: this one only brings the model's state up to here.
          athlete.scored += 1;
          commitBeside(commits, athlete, completed);
        }
      } catch (error) {
        quarantine(shard, athlete, error);
      }
    });
  } catch (error) {
    // The model itself failed: no athlete's fault, and no score can be had. Those of the batch cannot go on from here.
    for (const [athlete, { pipeline }] of batch) if (athlete.pipeline === pipeline) quarantine(shard, athlete, error);
  }
}

export async function scoreShadow(shard: ShardState, commits: Commits, batch: Batch): Promise<void> {
  const { shadow } = shard.models;
  if (shadow === null) return;
  try {
    await answer(shadow.scorer, batch, (athlete, { due, pipeline }, output) => {
      if (athlete.shadow?.pipeline !== pipeline) return; // set aside or loaded anew meanwhile
      try {
        commitBeside(commits, athlete, pipeline.complete(due, output, shard.options.nowUs()));
      } catch (error) {
        failShadow(shard, athlete, error);
      }
    });
  } catch (error) {
    for (const [athlete, { pipeline }] of batch) if (athlete.shadow?.pipeline === pipeline) failShadow(shard, athlete, error);
  }
}

/** Scores what can be scored of a batch in one run, and hands each window its output: null for want of data. */
async function answer(
  scorer: Scorer,
  batch: Batch,
  complete: (athlete: Athlete, taken: Taken, output: WindowOutput | null) => void,
): Promise<void> {
  const scorable = batch.filter(([, { due }]) => due.scorable);
  const outputs = scorable.length === 0 ? [] : await scorer.score(scorable.map(([, { due }]) => due.input));
  const outputOf = new Map(scorable.map(([athlete], i) => [athlete, outputs[i]]));
  for (const [athlete, taken] of batch) complete(athlete, taken, outputOf.get(athlete) ?? null);
}
