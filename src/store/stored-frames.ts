/** Stored frames read back, stream by stream from the table, merged into the order in which they were received. */
import type pg from 'pg';
import { int8Array } from './binary-array.ts';

/** Frames asked for in one query, shared among the streams. */
const READ_FRAMES = 512;
const MIN_READ_FRAMES = 16;

export interface StoredFrame {
  readonly streamId: number;
  readonly sequence: number;
  readonly receivedUs: number;
  readonly bytes: Buffer;
}

/** Sequences `from` to just below `until` of one stream. */
export interface FrameRange {
  readonly streamId: number;
  readonly from: number;
  readonly until: number;
}

/** One stream's frames on the way out: what is read and not yet given, and where to read on. */
interface Cursor {
  readonly streamId: number;
  readonly until: number;
  from: number;
  waiting: Waiting[];
  /** Newest stamp read so far. */
  newestUs: number;
  ended: boolean;
}

/** A stream's frames stay in their sequence also where a stamp falls (another gateway process with a slower clock took over): then the newest before counts. */
interface Waiting {
  readonly frame: StoredFrame;
  readonly orderUs: number;
}

async function refill(pool: pg.Pool, cursors: readonly Cursor[], limit: number): Promise<void> {
  const found = await pool.query<[string, string, string, Buffer]>({
    name: `kw-read-frames-${limit}`,
    rowMode: 'array',
    // By the primary key, stream by stream: a sort by receipt over all of them would read everything before giving anything.
    // The limit is written out so that the planner knows how few rows are wanted.
    text: `
      SELECT frame.stream_id, frame.sequence, frame.received_us, frame.bytes
      FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS asked(stream_id, from_sequence, until_sequence),
      LATERAL (
        SELECT stream_id, sequence, received_us, bytes FROM raw_frame
        WHERE stream_id = asked.stream_id AND sequence >= asked.from_sequence AND sequence < asked.until_sequence
        ORDER BY sequence LIMIT ${limit}
      ) AS frame`,
    values: [
      int8Array(cursors.map((cursor) => cursor.streamId)),
      int8Array(cursors.map((cursor) => cursor.from)),
      int8Array(cursors.map((cursor) => cursor.until)),
    ],
  });
  const byStream = new Map(cursors.map((cursor) => [cursor.streamId, cursor]));
  for (const [id, sequence, received, bytes] of found.rows) {
    const cursor = byStream.get(Number(id));
    if (cursor === undefined) continue;
    const receivedUs = Number(received);
    cursor.newestUs = Math.max(cursor.newestUs, receivedUs);
    cursor.waiting.push({
      frame: { streamId: cursor.streamId, sequence: Number(sequence), receivedUs, bytes },
      orderUs: cursor.newestUs,
    });
  }
  for (const cursor of cursors) {
    cursor.ended = cursor.waiting.length < limit;
    cursor.from = (cursor.waiting.at(-1)?.frame.sequence ?? cursor.from - 1) + 1;
  }
}

/** What was received up to the last frame read of every stream that goes on can be given now. */
function takeReady(cursors: readonly Cursor[]): StoredFrame[] {
  let upToUs = Number.POSITIVE_INFINITY;
  for (const { ended, newestUs } of cursors) if (!ended) upToUs = Math.min(upToUs, newestUs);
  const ready: Waiting[] = [];
  for (const cursor of cursors) {
    const later = cursor.waiting.findIndex(({ orderUs }) => orderUs > upToUs);
    ready.push(...cursor.waiting.splice(0, later === -1 ? cursor.waiting.length : later));
  }
  return ready.toSorted((a, b) => a.orderUs - b.orderUs).map(({ frame }) => frame);
}

/**
 * The frames of these ranges in receipt order, in pieces of bounded size, refused ones left out. The ranges' ends should come from one
 * snapshot of `stream.next_sequence`. No range, or only empty ones: nothing.
 */
export async function* readStoredFrames(pool: pg.Pool, ranges: readonly FrameRange[]): AsyncGenerator<StoredFrame[], void, undefined> {
  const cursors = ranges
    .filter(({ from, until }) => from < until)
    .map(({ streamId, from, until }): Cursor => ({ streamId, from, until, waiting: [], newestUs: Number.NEGATIVE_INFINITY, ended: false }));
  const limit = Math.max(MIN_READ_FRAMES, Math.floor(READ_FRAMES / Math.max(1, cursors.length)));
  for (;;) {
    const empty = cursors.filter(({ ended, waiting }) => !ended && waiting.length === 0);
    if (empty.length > 0) await refill(pool, empty, limit);
    const frames = takeReady(cursors);
    if (frames.length === 0) return;
    yield frames;
  }
}
