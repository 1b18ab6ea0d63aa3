/**
 * Checkpoints that stay: one a minute of each athlete's scored windows, with what the windows were built with, for as long as the raw frames that follow it.
 * From the one before a window, and the frames since, the window is built again as it was scored (src/shard/rebuild.ts).
 */
import type pg from 'pg';
import type { ScoredWindow } from '../contracts/score.ts';
import type { AthleteContext, NewCheckpoint } from '../shard/ports.ts';
import { byteaArray, int8Array } from './binary-array.ts';

/** Windows between two kept checkpoints (chosen: a rebuild replays 30 windows on average, and 2 to 3 KiB a minute are about 1 % of the raw frames). */
const KEEP_EVERY = 60;

interface Kept extends NewCheckpoint {
  readonly athlete: AthleteContext;
  /** Closing receipt stamp of its window: its partition. */
  readonly receivedUs: number;
}

const minuteOf = ({ windowIndex }: NewCheckpoint): number => Math.floor(windowIndex / KEEP_EVERY);
const keyOf = ({ athleteId, modelVersion }: Pick<NewCheckpoint, 'athleteId' | 'modelVersion'>): string => `${athleteId} ${modelVersion}`;

/** Which checkpoints of a commit are kept. Remembers one number an athlete and version of its shard. */
export function createKeeper() {
  const minutes = new Map<string, number>();
  return {
    /** Those that are the first of their minute here, and came with their window and context. */
    choose(windows: readonly ScoredWindow[], checkpoints: readonly NewCheckpoint[]): readonly Kept[] {
      const closedBy = new Map(windows.map((window) => [`${window.athleteId} ${window.windowIndex}`, window.closedByUs]));
      return checkpoints.flatMap((checkpoint) => {
        const { athlete } = checkpoint;
        const receivedUs = closedBy.get(`${checkpoint.athleteId} ${checkpoint.windowIndex}`);
        const isFirst = minutes.get(keyOf(checkpoint)) !== minuteOf(checkpoint);
        return athlete === undefined || receivedUs === undefined || !isFirst ? [] : [{ ...checkpoint, athlete, receivedUs }];
      });
    },
    insert: (client: pg.PoolClient, kept: readonly Kept[]): Promise<unknown> =>
      client.query({
        name: 'kw-keep-checkpoints',
        text: `
          INSERT INTO kept_checkpoint (athlete_id, model_version, window_index, received_us, data, context, baseline_frozen)
          SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::jsonb[], $7::bool[]) ON CONFLICT DO NOTHING`,
        values: [
          kept.map((one) => one.athleteId),
          kept.map((one) => one.modelVersion),
          int8Array(kept.map((one) => one.windowIndex)),
          int8Array(kept.map((one) => one.receivedUs)),
          byteaArray(kept.map((one) => one.data)),
          kept.map((one) => JSON.stringify(one.athlete.context)),
          kept.map((one) => one.athlete.baselineFrozen),
        ],
      }),
    /** They are committed. */
    settle(kept: readonly Kept[]): void {
      for (const one of kept) minutes.set(keyOf(one), minuteOf(one));
    },
    /** The athletes' next checkpoints are kept whatever their minute. */
    forget(athleteIds: readonly string[]): void {
      for (const key of minutes.keys()) if (athleteIds.includes(key.split(' ', 1)[0] ?? '')) minutes.delete(key);
    },
  };
}
