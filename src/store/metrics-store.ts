/** Sessions: their frames for the metrics, the metrics themselves, and closing the ones that fell silent. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { StreamDeclaration } from '../contracts/protocol.ts';
import { INDEX_FIELDS, type FrameBatch, type OpenedStream } from '../contracts/stream.ts';
import type { LoadsOf, MetricsStore, SessionMeasures } from '../queue/ports.ts';
import { tellObservations } from './observations.ts';
import { insertHistograms, lockLimits, settleLoads } from './session-loads.ts';
import { inTransaction } from './transaction.ts';

export interface MetricsStoreOptions {
  /** Milliseconds since the epoch: decides which sessions are silent. */
  readonly nowMs?: () => number;
}

interface SessionRow {
  readonly athlete_id: string;
  readonly first_received_us: string;
  readonly last_received_us: string;
  readonly mass_kg: number | null;
}

interface FrameRow {
  readonly sequence: string;
  readonly received_us: string;
  readonly bytes: Buffer;
}

/** BOUNDED: frames of one stream held at a time, and frames a batch handed on. */
const PAGE_FRAMES = 512;

export function createMetricsStore(pool: pg.Pool, { nowMs = Date.now }: MetricsStoreOptions = {}): MetricsStore {
  return {
    async readSession(sessionId) {
      const { rows } = await pool.query<SessionRow>(
        `SELECT s.athlete_id, s.first_received_us, s.last_received_us, a.mass_kg FROM session s JOIN athlete a ON a.id = s.athlete_id WHERE s.id = $1`,
        [sessionId],
      );
      const [session] = rows;
      if (session === undefined) return null;
      const range: Range = [session.first_received_us, session.last_received_us];
      const streams = await streamsOf(pool, session.athlete_id, range);
      const frames = framesOf(pool, streams, range);
      return { athleteId: session.athlete_id, massKg: session.mass_kg, streams, frames };
    },
    saveMeasures: (sessionId, measures, loadsOf, observations) =>
      inTransaction(pool, async (client) => {
        if (await save(client, sessionId, measures, loadsOf)) await tellObservations(client, observations);
      }),
    async sessionsWithoutMetrics(limit) {
      const { rows } = await pool.query<{ id: string }>(
        'SELECT id FROM session WHERE ended_at IS NOT NULL AND metrics_at IS NULL ORDER BY ended_at LIMIT $1',
        [limit],
      );
      return rows.map((row) => row.id);
    },
    async closeSilentSessions(silenceMs) {
      const { rows } = await pool.query<{ id: string }>(
        `UPDATE session SET ended_at = to_timestamp(last_received_us / 1e6), closed_by = 'silence'
         WHERE ended_at IS NULL AND last_received_us < $1 RETURNING id`,
        [Math.round((nowMs() - silenceMs) * 1000)],
      );
      return rows.map((row) => row.id);
    },
  };
}

type Range = readonly [firstUs: string, lastUs: string];

/** Streams with a frame in the range, each with the newest declaration it was opened with by the end of the range. */
async function streamsOf(pool: pg.Pool, athleteId: string, [firstUs, lastUs]: Range): Promise<OpenedStream[]> {
  const { rows } = await pool.query<{
    id: string;
    declaration: StreamDeclaration;
    received_us: string;
    next_sequence: string;
    last_device_time_us: string | null;
  }>(
    `SELECT s.id, h.declaration, h.received_us, s.next_sequence, s.last_device_time_us FROM stream s
     JOIN LATERAL (SELECT declaration, received_us FROM stream_hello WHERE stream_id = s.id AND received_us <= $3 ORDER BY received_us DESC LIMIT 1) h ON true
     WHERE s.athlete_id = $1 AND EXISTS (SELECT 1 FROM raw_frame f WHERE f.stream_id = s.id AND f.received_us BETWEEN $2 AND $3) ORDER BY s.id`,
    [athleteId, firstUs, lastUs],
  );
  return rows.map((row) => ({
    streamId: Number(row.id),
    athleteId,
    declaration: row.declaration,
    receivedUs: Number(row.received_us),
    nextSequence: Number(row.next_sequence),
    lastDeviceTimeUs: row.last_device_time_us === null ? null : Number(row.last_device_time_us),
  }));
}

interface Cursor {
  readonly streamId: number;
  page: readonly FrameRow[];
  at: number;
}

/** Merges the streams by receipt stamp: each is read in pages by its own sequence, which its index serves, and stamps rise with sequences. */
async function* framesOf(pool: pg.Pool, streams: readonly OpenedStream[], range: Range): AsyncGenerator<FrameBatch> {
  const cursors: Cursor[] = [];
  for (const { streamId } of streams) {
    const page = await readPage(pool, streamId, '-1', range);
    if (page.length > 0) cursors.push({ streamId, page, at: 0 });
  }
  let batch: (FrameRow & { streamId: number })[] = [];
  while (cursors.length > 0) {
    const next = cursors.reduce((first, one) => (stampOf(one) < stampOf(first) ? one : first));
    const frame = next.page[next.at];
    if (frame === undefined) break;
    batch.push({ ...frame, streamId: next.streamId });
    next.at += 1;
    if (next.at === next.page.length) {
      next.page = next.page.length < PAGE_FRAMES ? [] : await readPage(pool, next.streamId, frame.sequence, range);
      next.at = 0;
      if (next.page.length === 0) cursors.splice(cursors.indexOf(next), 1);
    }
    if (batch.length === PAGE_FRAMES) {
      yield packed(batch);
      batch = [];
    }
  }
  if (batch.length > 0) yield packed(batch);
}

const stampOf = (cursor: Cursor): number => Number(cursor.page[cursor.at]?.received_us);

async function readPage(pool: pg.Pool, streamId: number, afterSequence: string, [firstUs, lastUs]: Range): Promise<FrameRow[]> {
  const { rows } = await pool.query<FrameRow>(
    `SELECT sequence, received_us, bytes FROM raw_frame WHERE stream_id = $1 AND sequence > $2 AND received_us BETWEEN $3 AND $4 ORDER BY sequence LIMIT ${PAGE_FRAMES}`,
    [streamId, afterSequence, firstUs, lastUs],
  );
  return rows;
}

function packed(frames: readonly (FrameRow & { streamId: number })[]): FrameBatch {
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.bytes.byteLength, 0));
  const index = new Float64Array(frames.length * INDEX_FIELDS);
  let offset = 0;
  for (const [i, frame] of frames.entries()) {
    bytes.set(frame.bytes, offset);
    index.set([frame.streamId, Number(frame.sequence), Number(frame.received_us), offset, frame.bytes.byteLength], i * INDEX_FIELDS);
    offset += frame.bytes.byteLength;
  }
  return { bytes, index };
}

/** Replaces what was computed before, so that a repeated job leaves one set. False: the session was deleted meanwhile. */
async function save(
  client: pg.PoolClient,
  sessionId: string,
  { metrics, histograms, minutes }: SessionMeasures,
  loadsOf: LoadsOf,
): Promise<boolean> {
  const { rows } = await client.query<{ athlete_id: string }>(
    `UPDATE session SET metrics_at = now(), measured_minutes = coalesce($2::float8,
       CASE WHEN opened_by = 'staff' AND closed_by = 'staff' THEN extract(epoch FROM ended_at - started_at) / 60 END)
     WHERE id = $1 RETURNING athlete_id`,
    [sessionId, minutes],
  );
  const [session] = rows;
  if (session === undefined) return false;
  await client.query('DELETE FROM session_metric WHERE session_id = $1', [sessionId]);
  for (const metric of metrics) {
    await client.query(
      `INSERT INTO session_metric (id, session_id, athlete_id, name, value, unit, typical_error, method, parameters, detail, provisional, at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      [
        randomUUID(),
        sessionId,
        session.athlete_id,
        metric.name,
        metric.value,
        metric.unit,
        metric.typicalError,
        metric.method,
        JSON.stringify(metric.parameters),
        metric.detail === null || metric.detail === undefined ? null : JSON.stringify(metric.detail),
        metric.provisional,
        new Date(metric.atUs / 1000),
      ],
    );
  }
  const limits = await lockLimits(client, session.athlete_id);
  await client.query('DELETE FROM session_load WHERE session_id = $1', [sessionId]);
  await client.query('DELETE FROM session_histogram WHERE session_id = $1', [sessionId]);
  await insertHistograms(client, sessionId, session.athlete_id, histograms);
  await settleLoads(client, { athleteId: session.athlete_id, sessionId }, limits, loadsOf);
  return true;
}
