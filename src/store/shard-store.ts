/** What a shard reads and writes: athletes' context, streams, stored frames, checkpoints and scores. SCORED-IS-STORED and ONE-SCORE are kept here. */
import type pg from 'pg';
import { KinewatchError } from '../contracts/errors.ts';
import type { StreamDeclaration } from '../contracts/protocol.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import { INDEX_FIELDS, type FrameBatch, type OpenedStream } from '../contracts/stream.ts';
import type { AthleteContext, NewCheckpoint, ShardStore, StandingCheckpoint, StoredCheckpoint } from '../shard/ports.ts';
import { byteaArray, int8Array } from './binary-array.ts';
import { createKeeper } from './kept-checkpoints.ts';
import { tellObservations } from './observations.ts';
import { dayOf, ensureDays } from './partitions.ts';
import { readStoredFrames, type StoredFrame } from './stored-frames.ts';
import { inTransaction } from './transaction.ts';

/** A checkpoint is state, no samples (the table has the same check). */
export const MAX_CHECKPOINT_BYTES = 4_096;

const SEVERITIES: Readonly<Record<string, number>> = { minimal: 1, mild: 1, minor: 1, moderate: 2, severe: 3, serious: 3 };

interface AthleteRow {
  readonly id: string;
  readonly sex: string | null;
  readonly age: number | null;
  readonly height_m: number | null;
  readonly mass_kg: number | null;
  readonly context: unknown;
  readonly injuries: number;
  readonly open_injuries: number;
  readonly days_since_injury: number | null;
  readonly severity: string | null;
}

/** Only what is known goes in: a channel that is absent is masked, a zero would be a claim. */
function contextOf(row: AthleteRow): Record<string, number> {
  const context: Record<string, number> = {};
  const put = (name: string, value: unknown): void => {
    if (typeof value === 'number' && Number.isFinite(value)) context[name] = value;
  };
  if (typeof row.context === 'object' && row.context !== null) for (const [name, value] of Object.entries(row.context)) put(name, value);
  put('age', row.age);
  if (row.sex !== null) put('sex', /^f/i.test(row.sex) ? 0 : /^m/i.test(row.sex) ? 1 : undefined);
  put('massKg', row.mass_kg);
  put('heightM', row.height_m);
  put('pastInjuries', row.injuries);
  put('daysSinceInjury', row.days_since_injury);
  if (row.severity !== null) put('injurySeverity', SEVERITIES[row.severity.toLowerCase()] ?? Number.parseFloat(row.severity));
  return context;
}

export async function loadAthletes(pool: pg.Pool, athleteIds: readonly string[]): Promise<readonly AthleteContext[]> {
  const found = await pool.query<AthleteRow>({
    name: 'kw-athletes',
    // Whole years and days: a replay minutes later sees the same numbers.
    text: `
      SELECT athlete.id, sex, extract(year FROM age(current_date, birth_date))::int AS age, height_m, mass_kg, context,
        had.injuries, had.open_injuries, had.days_since_injury, had.severity
      FROM athlete,
      LATERAL (
        SELECT count(*)::int AS injuries, (count(*) FILTER (WHERE cleared_at IS NULL))::int AS open_injuries,
          floor(extract(epoch FROM now() - max(onset_at)) / 86400)::int AS days_since_injury,
          (array_agg(severity ORDER BY onset_at DESC))[1] AS severity
        FROM injury WHERE injury.athlete_id = athlete.id
      ) AS had
      WHERE athlete.id = ANY($1::uuid[])`,
    values: [athleteIds],
  });
  return found.rows.map((row) => ({ athleteId: row.id, context: contextOf(row), baselineFrozen: row.open_injuries > 0 }));
}

export async function loadStreams(pool: pg.Pool, athleteId: string): Promise<readonly OpenedStream[]> {
  const found = await pool.query<{
    id: string;
    received_us: string;
    from_sequence: string;
    last_device_time_us: string | null;
    declaration: StreamDeclaration;
  }>({
    name: 'kw-streams',
    text: `
      SELECT stream.id, hello.received_us, hello.from_sequence, stream.last_device_time_us, hello.declaration
      FROM stream JOIN stream_hello hello ON hello.stream_id = stream.id
      WHERE stream.athlete_id = $1 ORDER BY hello.received_us, stream.id`,
    values: [athleteId],
  });
  return found.rows.map((row) => ({
    streamId: Number(row.id),
    athleteId,
    declaration: row.declaration,
    receivedUs: Number(row.received_us),
    // Where the stream stood at this hello, as the live path was told then.
    nextSequence: Number(row.from_sequence),
    lastDeviceTimeUs: row.last_device_time_us === null ? null : Number(row.last_device_time_us),
  }));
}

export function toBatch(frames: readonly StoredFrame[]): FrameBatch {
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.bytes.byteLength, 0));
  const index = new Float64Array(frames.length * INDEX_FIELDS);
  let offset = 0;
  for (const [i, frame] of frames.entries()) {
    bytes.set(frame.bytes, offset);
    index.set([frame.streamId, frame.sequence, frame.receivedUs, offset, frame.bytes.byteLength], i * INDEX_FIELDS);
    offset += frame.bytes.byteLength;
  }
  return { bytes, index };
}

async function* readFrames(
  pool: pg.Pool,
  athleteId: string,
  fromSequence: ReadonlyMap<number, number>,
): AsyncGenerator<FrameBatch, void, undefined> {
  // One statement: where every stream stands in one instant. Reading past it could give a frame before one of another stream that was
  // received earlier and committed in between.
  const streams = await pool.query<{ id: string; next_sequence: string }>(
    'SELECT id, next_sequence FROM stream WHERE athlete_id = $1 AND next_sequence > 0 ORDER BY id',
    [athleteId],
  );
  const ranges = streams.rows.map((row) => ({
    streamId: Number(row.id),
    from: fromSequence.get(Number(row.id)) ?? 0,
    until: Number(row.next_sequence),
  }));
  for await (const frames of readStoredFrames(pool, ranges)) yield toBatch(frames);
}

const bytesOf = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
/** A value that is not a number is not an observation; JSON and REST have no NaN. */
const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null);

const INSERT_SCORES = {
  name: 'kw-insert-scores',
  text: `
    INSERT INTO score (athlete_id, model_version, window_index, start_us, end_us, closed_by_us, scored_at_us, activity, state, state_logit, logit_sd,
      rehab, performance, residual_norm, observed_fraction, clipped, streams, provisional, channel_summary, f_attn, attn_time, attn_tokens, phys, perf, shadow)
    SELECT *, $25::bool FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::float8[],
      $10::float8[], $11::float8[], $12::float8[], $13::float8[], $14::float8[], $15::float8[], $16::int[], $17::jsonb[], $18::bool[], $19::bytea[],
      $20::bytea[], $21::bytea[], $22::bytea[], $23::bytea[], $24::bytea[])
    ON CONFLICT DO NOTHING`,
};

async function insertScores(client: pg.PoolClient, windows: readonly ScoredWindow[], shadow: boolean): Promise<number> {
  const integers = (pick: (window: ScoredWindow) => number): Buffer => int8Array(windows.map(pick));
  const floats = (pick: (window: ScoredWindow) => Float32Array): Buffer => byteaArray(windows.map((window) => bytesOf(pick(window))));
  const done = await client.query({
    ...INSERT_SCORES,
    values: [
      windows.map((window) => window.athleteId),
      windows.map((window) => window.modelVersion),
      integers((window) => window.windowIndex),
      integers((window) => window.startUs),
      integers((window) => window.endUs),
      integers((window) => window.closedByUs),
      integers((window) => window.scoredAtUs),
      windows.map((window) => window.activity),
      windows.map((window) => finite(window.state)),
      windows.map((window) => finite(window.stateLogit)),
      windows.map((window) => finite(window.logitSd)),
      windows.map((window) => finite(window.rehab)),
      windows.map((window) => finite(window.performance)),
      windows.map((window) => finite(window.residualNorm)),
      windows.map((window) => window.observedFraction),
      windows.map((window) => window.clipped),
      windows.map((window) => JSON.stringify(window.streams)),
      windows.map((window) => window.provisional),
      floats((window) => window.channelSummary),
      floats((window) => window.fAttn),
      floats((window) => window.attnTime),
      floats((window) => window.attnTokens),
      floats((window) => window.phys),
      floats((window) => window.perf),
      shadow,
    ],
  });
  return done.rowCount ?? 0;
}

/** Only forward: a repeated or late commit never takes an athlete back. */
async function moveCheckpoints(client: pg.PoolClient, checkpoints: readonly NewCheckpoint[], shadow: boolean): Promise<void> {
  // One row once in a statement (the newest), rows in one order so that two shards cannot wait for each other in a circle.
  const newest = new Map<string, StoredCheckpoint>();
  for (const checkpoint of checkpoints) {
    const key = `${checkpoint.athleteId} ${checkpoint.modelVersion}`;
    if ((newest.get(key)?.windowIndex ?? -Infinity) < checkpoint.windowIndex) newest.set(key, checkpoint);
  }
  const rows = [...newest].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, checkpoint]) => checkpoint);
  await client.query({
    name: 'kw-move-checkpoints',
    text: `
      INSERT INTO checkpoint AS held (athlete_id, model_version, window_index, data, updated_at, active_index)
      SELECT athlete_id, model_version, window_index, data, now(), CASE WHEN $5::bool THEN NULL ELSE window_index END
      FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bytea[]) AS moved(athlete_id, model_version, window_index, data)
      ON CONFLICT (athlete_id, model_version) DO UPDATE
      SET window_index = excluded.window_index, data = excluded.data, updated_at = excluded.updated_at,
        active_index = coalesce(excluded.active_index, held.active_index)
      WHERE held.window_index < excluded.window_index`,
    values: [
      rows.map((row) => row.athleteId),
      rows.map((row) => row.modelVersion),
      int8Array(rows.map((row) => row.windowIndex)),
      byteaArray(rows.map((row) => row.data)),
      shadow,
    ],
  });
}

async function loadCheckpoints(pool: pg.Pool, athleteId: string): Promise<readonly StandingCheckpoint[]> {
  const { rows } = await pool.query<{ model_version: string; window_index: string; active_index: string | null; data: Buffer }>({
    name: 'kw-checkpoints',
    text: `SELECT model_version, window_index, active_index, data FROM checkpoint WHERE athlete_id = $1
      ORDER BY active_index DESC NULLS LAST, model_version`,
    values: [athleteId],
  });
  return rows.map((row) => ({
    athleteId,
    modelVersion: row.model_version,
    windowIndex: Number(row.window_index),
    activeIndex: row.active_index === null ? null : Number(row.active_index),
    data: new Uint8Array(row.data),
  }));
}

/** start_us is at least windowIndex * 1e6, which leaves older daily partitions unread. */
async function promote(pool: pg.Pool, athleteId: string, modelVersion: string, afterIndex: number): Promise<void> {
  await inTransaction(pool, async (client) => {
    const moved = await client.query<{ window_index: string }>(
      `UPDATE checkpoint SET active_index = window_index WHERE athlete_id = $1 AND model_version = $2 AND window_index > $3 RETURNING window_index`,
      [athleteId, modelVersion, afterIndex],
    );
    const [checkpoint] = moved.rows;
    if (checkpoint === undefined) return;
    await client.query(
      `UPDATE score SET shadow = false WHERE athlete_id = $1 AND model_version = $2 AND window_index > $3 AND window_index <= $4 AND start_us >= $5 AND shadow`,
      [athleteId, modelVersion, afterIndex, checkpoint.window_index, afterIndex * 1_000_000],
    );
  });
}

/** The shards' store on PostgreSQL. Each shard has its own (and its own pool). */
export function createShardStore(pool: pg.Pool): ShardStore {
  /** Days whose score partition is known to exist; grows by one a day of data. */
  const days = new Set<number>();
  const keeper = createKeeper();

  async function ensureScoreDays(windows: readonly ScoredWindow[]): Promise<void> {
    const missing = new Set(windows.map((window) => dayOf(window.startUs)).filter((day) => !days.has(day)));
    if (missing.size === 0) return;
    await ensureDays(pool, 'score', missing);
    for (const day of missing) days.add(day);
  }

  return {
    loadAthletes: (athleteIds) => {
      // Whoever is loaded may have another context from here on.
      keeper.forget(athleteIds);
      return loadAthletes(pool, athleteIds);
    },
    async recentAthletes(sinceUs) {
      const found = await pool.query<{ athlete_id: string }>(
        `SELECT athlete_id FROM stream JOIN stream_hello hello ON hello.stream_id = stream.id WHERE hello.received_us >= $1
         UNION SELECT athlete_id FROM session WHERE ended_at IS NULL AND last_received_us >= $1 ORDER BY athlete_id`,
        [sinceUs],
      );
      return found.rows.map((row) => row.athlete_id);
    },
    async loadCheckpoint(athleteId, modelVersion) {
      const found = await pool.query<{ window_index: string; data: Buffer }>({
        name: 'kw-checkpoint',
        text: 'SELECT window_index, data FROM checkpoint WHERE athlete_id = $1 AND model_version = $2',
        values: [athleteId, modelVersion],
      });
      const row = found.rows[0];
      return row === undefined ? null : { athleteId, modelVersion, windowIndex: Number(row.window_index), data: new Uint8Array(row.data) };
    },
    loadCheckpoints: (athleteId) => loadCheckpoints(pool, athleteId),
    promote: (athleteId, modelVersion, afterIndex) => promote(pool, athleteId, modelVersion, afterIndex),
    loadStreams: (athleteId) => loadStreams(pool, athleteId),
    readFrames: (athleteId, fromSequence) => readFrames(pool, athleteId, fromSequence),
    async commitScores(windows, checkpoints, shadow = false, clocks = []) {
      const tooLarge = checkpoints.find((checkpoint) => checkpoint.data.byteLength > MAX_CHECKPOINT_BYTES);
      if (tooLarge !== undefined) {
        throw new KinewatchError(
          'checkpoint-too-large',
          `checkpoint of athlete ${tooLarge.athleteId}: ${tooLarge.data.byteLength} of ${MAX_CHECKPOINT_BYTES} bytes`,
        );
      }
      await ensureScoreDays(windows);
      const kept = shadow ? [] : keeper.choose(windows, checkpoints);
      const inserted = await inTransaction(pool, async (client) => {
        const added = windows.length === 0 ? 0 : await insertScores(client, windows, shadow);
        if (checkpoints.length > 0) await moveCheckpoints(client, checkpoints, shadow);
        if (kept.length > 0) await keeper.insert(client, kept);
        if (clocks.length > 0) await tellObservations(client, clocks);
        return added;
      });
      keeper.settle(kept);
      return inserted;
    },
  };
}
