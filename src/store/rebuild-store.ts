/** What a past window is built from again: the checkpoint kept before it (kept-checkpoints.ts) and the frames stored since. */
import type pg from 'pg';
import type { RebuildStore } from '../shard/ports.ts';
import { loadAthletes, loadStreams, toBatch } from './shard-store.ts';
import { readStoredFrames } from './stored-frames.ts';

export function createRebuildStore(pool: pg.Pool): RebuildStore {
  return {
    loadAthletes: (athleteIds) => loadAthletes(pool, athleteIds),
    loadStreams: (athleteId) => loadStreams(pool, athleteId),
    async keptBefore(athleteId, modelVersion, windowIndex) {
      const { rows } = await pool.query<{ data: Buffer; context: Record<string, number>; baseline_frozen: boolean }>(
        `SELECT data, context, baseline_frozen FROM kept_checkpoint
         WHERE athlete_id = $1 AND model_version = $2 AND window_index < $3 ORDER BY window_index DESC LIMIT 1`,
        [athleteId, modelVersion, windowIndex],
      );
      const [row] = rows;
      if (row === undefined) return null;
      return { data: new Uint8Array(row.data), athlete: { athleteId, context: row.context, baselineFrozen: row.baseline_frozen } };
    },
    readFramesAfter: (athleteId, fromSequence, afterUs) => readFramesAfter(pool, athleteId, fromSequence, afterUs),
  };
}

async function* readFramesAfter(
  pool: pg.Pool,
  athleteId: string,
  fromSequence: ReadonlyMap<number, number>,
  afterUs: number,
): ReturnType<RebuildStore['readFramesAfter']> {
  // The days before afterUs are not read: raw_frame is partitioned by receipt.
  const streams = await pool.query<{ id: string; next_sequence: string; first: string | null }>(
    `SELECT id, next_sequence, CASE WHEN id = ANY($2::bigint[]) THEN NULL
       ELSE (SELECT min(sequence) FROM raw_frame WHERE stream_id = stream.id AND received_us > $3) END AS first
     FROM stream WHERE athlete_id = $1 AND next_sequence > 0 ORDER BY id`,
    [athleteId, [...fromSequence.keys()], afterUs],
  );
  const ranges = streams.rows.map(({ id, next_sequence, first }) => ({
    streamId: Number(id),
    from: fromSequence.get(Number(id)) ?? Number(first ?? next_sequence),
    until: Number(next_sequence),
  }));
  for await (const frames of readStoredFrames(pool, ranges)) yield toBatch(frames);
}
