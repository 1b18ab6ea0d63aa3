/** What the frame tail reads of the tables (src/shard/frame-tail.ts). */
import type pg from 'pg';
import type { TailStore } from '../shard/ports.ts';
import { int8Array } from './binary-array.ts';
import { newestReceiptUs } from './gateway-directory.ts';
import { createShardStore } from './shard-store.ts';
import { readStoredFrames } from './stored-frames.ts';

/** The frame tail's store on PostgreSQL. */
export function createTailStore(pool: pg.Pool): TailStore {
  return {
    async begin() {
      const stands = await pool.query<[string, string, string]>({
        rowMode: 'array',
        text: 'SELECT id, athlete_id, next_sequence FROM stream WHERE next_sequence > 0',
      });
      // Asked second: so it is at or past every frame below the sequences above.
      const newestUs = await newestReceiptUs(pool);
      return {
        streams: stands.rows.map(([id, athleteId, next]) => ({ streamId: Number(id), athleteId, nextSequence: Number(next) })),
        newestReceivedUs: newestUs,
      };
    },
    async movedStreams(athleteIds, from) {
      const found = await pool.query<[string, string, string, string | null]>({
        name: 'kw-moved-streams',
        rowMode: 'array',
        text: `
          SELECT stream.id, stream.athlete_id, stream.next_sequence,
            (SELECT max(received_us) FROM stream_hello WHERE stream_id = stream.id)
          FROM stream LEFT JOIN unnest($2::bigint[], $3::bigint[]) AS known(id, next) ON known.id = stream.id
          WHERE stream.athlete_id = ANY($1::uuid[]) AND stream.next_sequence > coalesce(known.next, 0)`,
        values: [athleteIds, int8Array([...from.keys()]), int8Array([...from.values()])],
      });
      return found.rows.map(([id, athleteId, next, helloUs]) => ({
        streamId: Number(id),
        athleteId,
        nextSequence: Number(next),
        newestHelloUs: Number(helloUs ?? 0),
      }));
    },
    async sequenceSums() {
      const found = await pool.query<[string, string]>({
        rowMode: 'array',
        text: 'SELECT athlete_id, sum(next_sequence) FROM stream WHERE next_sequence > 0 GROUP BY athlete_id',
      });
      return new Map(found.rows.map(([athleteId, sum]) => [athleteId, Number(sum)]));
    },
    loadStreams: (athleteId) => createShardStore(pool).loadStreams(athleteId),
    readRanges: (ranges) => readStoredFrames(pool, ranges),
  };
}
