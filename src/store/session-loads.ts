/** Histograms of sessions and the loads made from them. What a load is, the caller's function says: the store reads, calls and writes. */
import type pg from 'pg';
import type { LimitsRecord, LoadsOf, SessionHistogram } from '../queue/ports.ts';

/** BOUNDED: sessions whose histograms are held at a time, about 4 KiB each. */
const PAGE_SESSIONS = 200;

interface LimitsRow {
  readonly valid_from_us: string;
  readonly at_us: string;
  readonly rest_bpm: number | null;
  readonly maximum_bpm: number | null;
  readonly high_speed_mps: number | null;
}

const micros = (column: string): string => `(extract(epoch FROM ${column}) * 1e6)::bigint`;

/** The limits on record of an athlete. */
export async function readLimits(client: pg.PoolClient, athleteId: string): Promise<LimitsRecord> {
  const { rows } = await client.query<{ sex: string | null; team_id: string }>('SELECT sex, team_id FROM athlete WHERE id = $1', [
    athleteId,
  ]);
  const [athlete] = rows;
  const own = await client.query<LimitsRow>(
    `SELECT ${micros('valid_from')} AS valid_from_us, ${micros('at')} AS at_us, rest_bpm, maximum_bpm, high_speed_mps FROM athlete_limits WHERE athlete_id = $1`,
    [athleteId],
  );
  const team = await client.query<LimitsRow>(
    `SELECT ${micros('valid_from')} AS valid_from_us, ${micros('at')} AS at_us, high_speed_mps FROM team_limits WHERE team_id = $1`,
    [athlete?.team_id],
  );
  const times = (row: LimitsRow) => ({ validFromUs: Number(row.valid_from_us), atUs: Number(row.at_us), highSpeedMps: row.high_speed_mps });
  return {
    sex: athlete?.sex === 'f' ? 'female' : athlete?.sex === 'm' ? 'male' : null,
    athlete: own.rows.map((row) => ({ ...times(row), restBpm: row.rest_bpm, maximumBpm: row.maximum_bpm })),
    team: team.rows.map(times),
  };
}

/**
 * As readLimits, and holds the athlete's row until the transaction ends, so that a change of limits and a measurement wait for each other and neither
 * misses what the other wrote.
 */
export async function lockLimits(client: pg.PoolClient, athleteId: string): Promise<LimitsRecord> {
  await client.query('SELECT 1 FROM athlete WHERE id = $1 FOR NO KEY UPDATE', [athleteId]);
  return readLimits(client, athleteId);
}

export async function insertHistograms(
  client: pg.PoolClient,
  sessionId: string,
  athleteId: string,
  histograms: readonly SessionHistogram[],
): Promise<void> {
  for (const { quantity, unit, binWidth, bins, sessionSeconds, observedSeconds, truncated, method } of histograms) {
    await client.query(
      `INSERT INTO session_histogram (session_id, athlete_id, quantity, unit, bin_width, bins, session_seconds, observed_seconds, truncated, method)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [sessionId, athleteId, quantity, unit, binWidth, JSON.stringify(bins), sessionSeconds, observedSeconds, truncated, method],
    );
  }
}

interface HistogramRow {
  readonly session_id: string;
  readonly started_us: string;
  readonly quantity: SessionHistogram['quantity'];
  readonly unit: string;
  readonly bin_width: number;
  readonly bins: SessionHistogram['bins'];
  readonly session_seconds: number;
  readonly observed_seconds: number;
  readonly truncated: boolean;
  readonly method: string;
}

/** Makes the loads of an athlete's sessions, or of one of them, anew; rows that come out the same are left as they are. */
export async function settleLoads(
  client: pg.PoolClient,
  { athleteId, sessionId }: { readonly athleteId: string; readonly sessionId: string | null },
  limits: LimitsRecord,
  loadsOf: LoadsOf,
): Promise<void> {
  const { rows } = await client.query<{ session_id: string }>(
    'SELECT DISTINCT session_id FROM session_histogram WHERE athlete_id = $1 AND ($2::uuid IS NULL OR session_id = $2) ORDER BY session_id',
    [athleteId, sessionId],
  );
  const ids = rows.map((row) => row.session_id);
  for (let at = 0; at < ids.length; at += PAGE_SESSIONS) {
    await settlePage(client, athleteId, ids.slice(at, at + PAGE_SESSIONS), limits, loadsOf);
  }
}

async function settlePage(
  client: pg.PoolClient,
  athleteId: string,
  sessionIds: readonly string[],
  limits: LimitsRecord,
  loadsOf: LoadsOf,
): Promise<void> {
  const { rows } = await client.query<HistogramRow>(
    `SELECT h.*, ${micros('s.started_at')} AS started_us FROM session_histogram h JOIN session s ON s.id = h.session_id
     WHERE h.session_id = ANY($1::uuid[]) ORDER BY h.session_id, h.quantity`,
    [sessionIds],
  );
  const loads = sessionIds.flatMap((id) => {
    const own = rows.filter((row) => row.session_id === id);
    const [first] = own;
    if (first === undefined) return [];
    return loadsOf(own.map(toHistogram), Number(first.started_us), limits).map((load) => ({ sessionId: id, ...load }));
  });
  await client.query(UPSERT, [athleteId, JSON.stringify(loads)]);
}

const toHistogram = (row: HistogramRow): SessionHistogram => ({
  quantity: row.quantity,
  unit: row.unit,
  binWidth: row.bin_width,
  bins: row.bins,
  sessionSeconds: row.session_seconds,
  observedSeconds: row.observed_seconds,
  truncated: row.truncated,
  method: row.method,
});

const UPSERT = `
  INSERT INTO session_load (session_id, athlete_id, series, value, reason, unit, method, parameters, minutes_covered, observed_share, provisional)
  SELECT "sessionId", $1, series, value, reason, unit, method, parameters, "minutesCovered", "observedShare", provisional
  FROM jsonb_to_recordset($2) AS load ("sessionId" uuid, series text, value float8, reason text, unit text, method text, parameters jsonb,
    "minutesCovered" float8, "observedShare" float8, provisional boolean)
  ON CONFLICT (session_id, series) DO UPDATE SET value = excluded.value, reason = excluded.reason, unit = excluded.unit, method = excluded.method,
    parameters = excluded.parameters, minutes_covered = excluded.minutes_covered, observed_share = excluded.observed_share,
    provisional = excluded.provisional, computed_at = now()
  WHERE (session_load.value, session_load.reason, session_load.method, session_load.parameters, session_load.provisional)
    IS DISTINCT FROM (excluded.value, excluded.reason, excluded.method, excluded.parameters, excluded.provisional)`;
