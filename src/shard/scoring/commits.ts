/** The shard's two ways into the store: rows that count, and rows that stand beside them. */
import type { ScoredWindow } from '../../contracts/score.ts';
import type { Completed } from '../athlete-pipeline.ts';
import { createCommitQueue, type CommitQueue } from '../commit-queue.ts';
import { quarantine } from './leave.ts';
import { failShadow } from './shadow.ts';
import { messageOf, settle, sleep, stir, type Athlete, type ShardState } from './shard-state.ts';

export interface Commits {
  readonly active: CommitQueue;
  /** What the store refuses of these, or keeps waiting, is no active score's concern. */
  readonly beside: CommitQueue;
}

export function createCommits(shard: ShardState): Commits {
  const { counts, athletes, options } = shard;
  const { store, nowUs, log } = options;
  const retryOf = (what: string) => (error: unknown, delayMs: number) => {
    counts.commitRetries += 1;
    log('warn', `${what} could not be committed; trying again`, { error: messageOf(error), delayMs });
  };
  const eachAthlete = (windows: readonly ScoredWindow[], visit: (athlete: Athlete) => void): void => {
    for (const { athleteId } of windows) withAthlete(athleteId, visit);
  };
  const withAthlete = (athleteId: string, visit: (athlete: Athlete) => void): void => {
    const athlete = athletes.get(athleteId);
    if (athlete === undefined) return;
    visit(athlete);
    settle(shard, athlete);
  };

  const active = createCommitQueue({
    store,
    sleep,
    onCommitted: (windows, added) => {
      const committedUs = nowUs();
      counts.windowsScored += windows.length;
      counts.windowsKnown += windows.length - added;
      eachAthlete(windows, (athlete) => {
        athlete.scored += 1;
        athlete.uncommitted -= 1;
      });
      options.onScored(
        windows.map(({ athleteId, windowIndex, state, closedByUs }) => ({ athleteId, windowIndex, state, closedByUs, committedUs })),
      );
      stir(shard);
    },
    onRefused: (athleteId, error) =>
      withAthlete(athleteId, (athlete) => {
        athlete.uncommitted = 0;
        quarantine(shard, athlete, error);
      }),
    onRetry: retryOf('scores'),
  });

  const beside = createCommitQueue({
    store,
    sleep,
    shadow: true,
    onCommitted: (windows) => {
      counts.shadowScored += windows.length;
      eachAthlete(windows, (athlete) => {
        athlete.shadowUncommitted -= 1;
      });
      stir(shard);
    },
    onRefused: (athleteId, error) =>
      withAthlete(athleteId, (athlete) => {
        athlete.shadowUncommitted = 0;
        failShadow(shard, athlete, error);
      }),
    onRetry: retryOf('scores of the shadow model'),
  });
  return { active, beside };
}

export function commitActive({ active }: Commits, athlete: Athlete, completed: Completed): void {
  athlete.uncommitted += 1;
  add(active, completed, completed.clocks);
}

export function commitBeside({ beside }: Commits, athlete: Athlete, completed: Completed): void {
  athlete.shadowUncommitted += 1;
  // The active model's pipeline tells of the clocks.
  add(beside, completed, null);
}

/** The row and its checkpoint, which name the same window (SCORED-IS-STORED). */
function add(queue: CommitQueue, { scored, checkpoint, athlete }: Completed, clocks: Completed['clocks']): void {
  const { athleteId, windowIndex, modelVersion } = scored;
  queue.add({ scored, checkpoint: { athleteId, modelVersion, windowIndex, data: checkpoint, athlete }, clocks });
}
