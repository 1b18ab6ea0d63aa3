/**
 * The frames' way into PostgreSQL: every commit interval one transaction for all connections of a lane (frame-lanes.ts). ACKED-IS-STORED is kept here: owners are told
 * and frames are handed on only after COMMIT has come back. The fence is `stream.next_sequence`, locked in the same transaction.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError, type Pool, type PoolClient } from 'pg';
import { FRAME_HEADER_BYTES } from '../contracts/protocol.ts';
import type { FrameOwner, FrameSink, IncomingFrame } from '../gateway/ports.ts';
import { byteaArray, int8Array } from './binary-array.ts';
import { copyFrames } from './copy-frames.ts';

/** One commit takes at most this much; what waits goes with the next. Beyond it a larger batch gains nothing measurable. */
const MAX_COMMIT_FRAMES = 4_096;
const MAX_COMMIT_BYTES = 8 * 1024 * 1024;
const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;

export interface FrameWriterOptions {
  /** One connection of it is held while the writer lives. */
  readonly pool: Pool;
  /** A frame waits at most this long for its commit to begin, milliseconds. */
  readonly commitIntervalMs: number;
  /** BOUNDED: at this many bytes not yet committed `append` says false, until half of it is gone. */
  readonly maxBufferedBytes: number;
  /** Stored frames in receipt order, once each, after their commit; refused ones are left out. */
  readonly onCommitted: (frames: readonly IncomingFrame[]) => void;
  readonly log: (message: string) => void;
}

export interface FrameWriterStats {
  readonly storedFrames: number;
  readonly storedBytes: number;
  readonly refusedFrames: number;
  /** Below next_sequence: the server had them already. */
  readonly duplicateFrames: number;
  /** Above next_sequence: nothing stored, nothing acknowledged. */
  readonly gapFrames: number;
  /** Frames of streams that do not exist, or that PostgreSQL refuses for their content: never acknowledged. */
  readonly rejectedFrames: number;
  readonly commits: number;
  readonly failedCommits: number;
  readonly bufferedBytes: number;
  readonly bufferedFrames: number;
  /** Duration of the newest transaction, milliseconds. */
  readonly lastCommitMs: number;
  /** False while the newest attempt has failed: nothing is acknowledged until it succeeds. */
  readonly healthy: boolean;
}

export interface FrameWriter extends FrameSink {
  /** Resolves when everything appended before the call is committed (waits out a failing database). */
  flush(): Promise<void>;
  /** Commits what is there and gives the connection back. With the database away it gives up; what is given up was never acknowledged. */
  close(): Promise<void>;
  stats(): FrameWriterStats;
}

interface Entry {
  readonly frame: IncomingFrame;
  readonly owner: FrameOwner;
}

/** What a transaction did with its entries. */
interface Outcome {
  /** next_sequence after the commit, by stream. */
  readonly next: ReadonlyMap<number, number>;
  readonly stored: readonly IncomingFrame[];
  readonly refused: readonly IncomingFrame[];
  readonly duplicates: number;
  readonly gaps: number;
  readonly unknown: number;
}

const LOCK_STREAMS = {
  name: 'kw-lock-streams',
  text: 'SELECT id, next_sequence FROM stream WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE',
};

const ADVANCE = {
  name: 'kw-advance',
  text: `
    WITH opened AS (
      INSERT INTO session (id, team_id, athlete_id, started_at, first_received_us, last_received_us, opened_by)
      SELECT gen_random_uuid(), athlete.team_id, athlete.id, to_timestamp(seen.first_us / 1e6), seen.first_us, seen.last_us, 'first-frame'
      FROM unnest($5::uuid[], $6::bigint[], $7::bigint[]) AS seen(athlete_id, first_us, last_us)
      JOIN athlete ON athlete.id = seen.athlete_id
      ORDER BY athlete.id
      ON CONFLICT (athlete_id) WHERE ended_at IS NULL
      DO UPDATE SET last_received_us = greatest(session.last_received_us, excluded.last_received_us)
    )
    UPDATE stream
    SET next_sequence = moved.next, last_device_time_us = CASE moved.timed WHEN 1 THEN moved.last_us ELSE stream.last_device_time_us END
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS moved(id, next, last_us, timed)
    WHERE stream.id = moved.id`,
};

const STORE_REFUSED = {
  name: 'kw-store-refused',
  text: `
    INSERT INTO refused_frame (stream_id, sequence, received_us, header, reason, detail)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::text[])`,
};

const FIND_OWN = {
  name: 'kw-find-own',
  text: `
    SELECT sent.received_us FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS sent(stream_id, sequence, received_us)
    JOIN raw_frame ON raw_frame.stream_id = sent.stream_id AND raw_frame.sequence = sent.sequence AND raw_frame.received_us = sent.received_us`,
};

interface Sorted {
  readonly accepted: readonly IncomingFrame[];
  readonly below: readonly IncomingFrame[];
  readonly next: Map<number, number>;
  readonly gaps: number;
  readonly unknown: number;
}

/** Takes what continues each stream, in receipt order; tells apart what is there already and what leaves a gap. */
function sortByFence(entries: readonly Entry[], next: Map<number, number>): Sorted {
  const accepted: IncomingFrame[] = [];
  const below: IncomingFrame[] = [];
  let gaps = 0;
  let unknown = 0;
  for (const { frame } of entries) {
    const expected = next.get(frame.streamId);
    if (expected === undefined) unknown += 1;
    else if (frame.sequence < expected) below.push(frame);
    else if (frame.sequence > expected) gaps += 1;
    else {
      accepted.push(frame);
      next.set(frame.streamId, expected + 1);
    }
  }
  return { accepted, below, next, gaps, unknown };
}

interface AthleteSpan {
  readonly firstUs: number;
  lastUs: number;
}

function spansOf(frames: readonly IncomingFrame[]): Map<string, AthleteSpan> {
  const spans = new Map<string, AthleteSpan>();
  for (const { athleteId, receivedUs } of frames) {
    const span = spans.get(athleteId);
    if (span === undefined) spans.set(athleteId, { firstUs: receivedUs, lastUs: receivedUs });
    else span.lastUs = receivedUs;
  }
  return spans;
}

async function insert(
  client: PoolClient,
  stored: readonly IncomingFrame[],
  refused: readonly IncomingFrame[],
  next: ReadonlyMap<number, number>,
): Promise<void> {
  // Only frames that count move the device time: a refused one may be refused for its time.
  const lastUs = new Map<number, number>();
  for (const frame of stored) lastUs.set(frame.streamId, Math.round(frame.endDeviceTimeUs));
  const moved = [...new Set([...stored, ...refused].map((frame) => frame.streamId))];
  const spans = spansOf(stored);
  const seen = [...spans.values()];
  if (stored.length > 0) await copyFrames(client, stored);
  await client.query({
    ...ADVANCE,
    values: [
      int8Array(moved),
      int8Array(moved.map((id) => next.get(id) ?? 0)),
      int8Array(moved.map((id) => lastUs.get(id) ?? 0)),
      int8Array(moved.map((id) => (lastUs.has(id) ? 1 : 0))),
      [...spans.keys()],
      int8Array(seen.map((span) => span.firstUs)),
      int8Array(seen.map((span) => span.lastUs)),
    ],
  });
  if (refused.length === 0) return;
  await client.query({
    ...STORE_REFUSED,
    values: [
      int8Array(refused.map((frame) => frame.streamId)),
      int8Array(refused.map((frame) => frame.sequence)),
      int8Array(refused.map((frame) => frame.receivedUs)),
      byteaArray(refused.map((frame) => frame.bytes.subarray(0, FRAME_HEADER_BYTES))),
      refused.map((frame) => frame.refusal?.reason ?? ''),
      // PostgreSQL's text cannot hold NUL; the detail may quote what was sent.
      refused.map((frame) => (frame.refusal?.detail ?? '').replaceAll('\0', '\uFFFD')),
    ],
  });
}

/** Frames found below the fence that an earlier attempt of ours stored: its COMMIT took effect although the answer was lost. */
async function findOwn(client: PoolClient, below: readonly IncomingFrame[]): Promise<Set<number>> {
  const found = await client.query<[string]>({
    ...FIND_OWN,
    rowMode: 'array',
    values: [
      int8Array(below.map((frame) => frame.streamId)),
      int8Array(below.map((frame) => frame.sequence)),
      int8Array(below.map((frame) => frame.receivedUs)),
    ],
  });
  return new Set(found.rows.map(([receivedUs]) => Number(receivedUs)));
}

/**
 * One transaction. `uncertain`: an earlier COMMIT of these entries may have taken effect.
 * @param onCommitting called when COMMIT is about to be sent: from then on a failure leaves it open whether the frames are stored
 */
async function transact(client: PoolClient, entries: readonly Entry[], uncertain: boolean, onCommitting: () => void): Promise<Outcome> {
  const ids = [...new Set(entries.map((entry) => entry.frame.streamId))];
  // Sent together: one turn of the event loop less in every commit.
  const begun = client.query('BEGIN');
  const locking = client.query<[string, string]>({ ...LOCK_STREAMS, rowMode: 'array', values: [int8Array(ids)] });
  const [, locked] = await Promise.all([begun, locking]);
  const { accepted, below, next, gaps, unknown } = sortByFence(
    entries,
    new Map(locked.rows.map(([id, expected]) => [Number(id), Number(expected)])),
  );
  const stored = accepted.filter((frame) => frame.refusal === undefined);
  const refused = accepted.filter((frame) => frame.refusal !== undefined);
  const own = uncertain && below.length > 0 ? await findOwn(client, below) : new Set<number>();
  if (accepted.length > 0) await insert(client, stored, refused, next);
  onCommitting();
  await client.query('COMMIT');
  if (own.size === 0) return { next, stored, refused, duplicates: below.length, gaps, unknown };
  const owned = below.filter((frame) => own.has(frame.receivedUs));
  return {
    next,
    stored: [...owned, ...stored].toSorted((a, b) => a.receivedUs - b.receivedUs),
    refused,
    duplicates: below.length - owned.length,
    gaps,
    unknown,
  };
}

interface Signal {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function newSignal(): Signal {
  let resolve: (() => void) | undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve: () => resolve?.() };
}

/** Classes 22 and 23: PostgreSQL refuses the rows themselves, and would refuse them for ever. */
const refusesContent = (error: unknown): boolean => error instanceof DatabaseError && /^2[23]/.test(error.code ?? '');

/**
 * Builds the frame sink. Transactions are strictly one after another, so frames are handed on in the order of their receipt stamps.
 * While the database is away nothing is acknowledged, the batch is kept and tried again (50 ms to 2 s between attempts), and `append` says
 * false once the bound is reached.
 */
export function createFrameWriter(options: FrameWriterOptions): FrameWriter {
  const { pool, commitIntervalMs, maxBufferedBytes, onCommitted, log } = options;
  const counts = {
    storedFrames: 0,
    storedBytes: 0,
    refusedFrames: 0,
    duplicateFrames: 0,
    gapFrames: 0,
    rejectedFrames: 0,
    commits: 0,
    failedCommits: 0,
  };
  const closing = new AbortController();
  let pending: Entry[] = [];
  let pendingBytes = 0;
  let committingFrames = 0;
  let committingBytes = 0;
  let firstAppendMs = 0;
  let lastCommitMs = 0;
  let healthy = true;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let client: PoolClient | undefined;
  let drained: Signal | undefined;

  const isFull = (): boolean => pending.length >= MAX_COMMIT_FRAMES || pendingBytes >= MAX_COMMIT_BYTES;

  function takeBatch(): Entry[] {
    let frames = 0;
    let bytes = 0;
    for (; frames < pending.length && frames < MAX_COMMIT_FRAMES && bytes < MAX_COMMIT_BYTES; frames += 1)
      bytes += pending[frames]?.frame.bytes.byteLength ?? 0;
    const batch = pending.slice(0, frames);
    pending = pending.slice(frames);
    pendingBytes -= bytes;
    committingBytes = bytes;
    committingFrames = frames;
    firstAppendMs = performance.now();
    return batch;
  }

  function settleBatch(): void {
    committingBytes = 0;
    committingFrames = 0;
    if (drained !== undefined && pendingBytes <= maxBufferedBytes / 2) {
      drained.resolve();
      drained = undefined;
    }
  }

  /** Somebody else's fault must not stop the writer. */
  function guarded(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      log(`${what} failed after a commit: ${(error as Error).message}`);
    }
  }

  function tell(entries: readonly Entry[], outcome: Outcome): void {
    const told = new Map<FrameOwner, Set<number>>();
    for (const { frame, owner } of entries) {
      const next = outcome.next.get(frame.streamId);
      let streams = told.get(owner);
      if (streams === undefined) told.set(owner, (streams = new Set()));
      if (next === undefined || streams.has(frame.streamId)) continue;
      streams.add(frame.streamId);
      guarded('an acknowledgement', () => owner.onStored({ streamId: frame.streamId, next }));
    }
    counts.commits += 1;
    counts.storedFrames += outcome.stored.length;
    for (const frame of outcome.stored) counts.storedBytes += frame.bytes.byteLength;
    counts.refusedFrames += outcome.refused.length;
    counts.duplicateFrames += outcome.duplicates;
    counts.gapFrames += outcome.gaps;
    counts.rejectedFrames += outcome.unknown;
    if (outcome.unknown > 0) log(`${outcome.unknown} frames of streams that do not exist were dropped`);
    if (outcome.stored.length > 0) guarded('the hand-off to the shards', () => onCommitted(outcome.stored));
  }

  async function attempt(entries: readonly Entry[], uncertain: boolean, onCommitting: () => void): Promise<void> {
    const startMs = performance.now();
    client ??= await pool.connect();
    const outcome = await transact(client, entries, uncertain, onCommitting);
    lastCommitMs = performance.now() - startMs;
    if (!healthy) log('frames are committed again');
    healthy = true;
    tell(entries, outcome);
  }

  /** The connection's state is not known after a failure: close it. */
  function dropClient(): void {
    client?.release(true);
    client = undefined;
  }

  /** Halves by stream until the frames that PostgreSQL refuses stand alone; those are dropped, counted and never acknowledged. */
  async function storeApart(entries: readonly Entry[], error: unknown): Promise<void> {
    const ids = [...new Set(entries.map((entry) => entry.frame.streamId))];
    if (ids.length === 1) {
      counts.rejectedFrames += entries.length;
      log(`PostgreSQL refuses ${entries.length} frames of stream ${ids[0]}: ${(error as Error).message}`);
      return;
    }
    const half = new Set(ids.slice(0, ids.length / 2));
    await store(entries.filter((entry) => half.has(entry.frame.streamId)));
    await store(entries.filter((entry) => !half.has(entry.frame.streamId)));
  }

  async function store(entries: readonly Entry[]): Promise<void> {
    let uncertain = false;
    let sentCommit = false;
    for (let waitMs = MIN_BACKOFF_MS; ; waitMs = Math.min(waitMs * 2, MAX_BACKOFF_MS)) {
      try {
        sentCommit = false;
        await attempt(entries, uncertain, () => (sentCommit = true));
        return;
      } catch (error) {
        dropClient();
        uncertain ||= sentCommit;
        counts.failedCommits += 1;
        if (refusesContent(error)) return storeApart(entries, error);
        if (healthy) log(`frames cannot be committed and wait: ${(error as Error).message}`);
        healthy = false;
        if (closing.signal.aborted) {
          log(`${entries.length} frames are given up; they were not acknowledged`);
          return;
        }
        await delay(waitMs, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }

  async function run(): Promise<void> {
    while (pending.length > 0) {
      await store(takeBatch());
      settleBatch();
      // What came in meanwhile waits for its own interval, unless it is due or fills a commit.
      if (!closing.signal.aborted && flushing === 0 && !isFull() && performance.now() - firstAppendMs < commitIntervalMs) break;
    }
  }

  let flushing = 0;

  function start(): void {
    clearTimeout(timer);
    timer = undefined;
    running ??= run().finally(() => {
      running = undefined;
      if (pending.length > 0) schedule();
    });
  }

  function schedule(): void {
    if (running !== undefined) return;
    if (isFull()) start();
    else timer ??= setTimeout(start, Math.max(0, commitIntervalMs - (performance.now() - firstAppendMs)));
  }

  async function flush(): Promise<void> {
    flushing += 1;
    try {
      while (pending.length > 0 || running !== undefined) {
        start();
        await running;
      }
    } finally {
      flushing -= 1;
    }
  }

  return {
    append(frame, owner) {
      if (pending.length === 0) firstAppendMs = performance.now();
      pending.push({ frame, owner });
      pendingBytes += frame.bytes.byteLength;
      schedule();
      return pendingBytes + committingBytes < maxBufferedBytes;
    },
    whenDrained() {
      if (pendingBytes + committingBytes < maxBufferedBytes) return Promise.resolve();
      drained ??= newSignal();
      return drained.promise;
    },
    flush,
    async close() {
      closing.abort();
      await flush();
      client?.release();
      client = undefined;
    },
    stats: () => ({
      ...counts,
      bufferedBytes: pendingBytes + committingBytes,
      bufferedFrames: pending.length + committingFrames,
      lastCommitMs,
      healthy,
    }),
  };
}
