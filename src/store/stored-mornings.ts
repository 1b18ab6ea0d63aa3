/** Mornings' ln rMSSD as they are stored: what the athlete entered under a consent, and sessions recorded at rest. */
import type pg from 'pg';
import type { CalendarDay, StoredMornings } from '../queue/daily/ports.ts';

/** One statement, so that entries and consent are of one moment. Beats are the differences that a recording's figure was made of; 0 where it does not say. */
const MORNINGS = `SELECT
  EXISTS (SELECT 1 FROM consent WHERE athlete_id = $1 AND kind = 'morning-hrv' AND withdrawn_at IS NULL) AS consented,
  (SELECT coalesce(json_agg(json_build_object('id', e.id, 'day', e.day, 'lnRmssd', e.value->'lnRmssd', 'beats', e.value->'beats')), '[]')
    FROM diary_entry e JOIN consent c ON c.id = e.consent_id
    WHERE e.athlete_id = $1 AND e.kind = 'morning-hrv' AND e.replaced_at IS NULL AND c.withdrawn_at IS NULL AND e.day BETWEEN $2 AND $3) AS entries,
  (SELECT coalesce(json_agg(json_build_object('sessionId', s.id, 'startUs', (extract(epoch FROM s.started_at) * 1000000)::bigint, 'lnRmssd', m.value,
      'beats', CASE jsonb_typeof(m.detail->'pairs') WHEN 'number' THEN m.detail->'pairs' ELSE '0' END) ORDER BY s.started_at, s.id), '[]')
    FROM session_metric m JOIN session s ON s.id = m.session_id
    WHERE m.athlete_id = $1 AND m.name = 'lnRmssd' AND NOT m.provisional AND m.value IS NOT NULL AND s.started_at >= $4 AND s.started_at < $5) AS recordings`;

/** Of `days`, ascending; the caller has seen that the athlete may be read. */
export async function readMornings(
  client: pg.Pool | pg.PoolClient,
  athleteId: string,
  days: readonly CalendarDay[],
): Promise<StoredMornings> {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return { consented: false, entries: [], recordings: [] };
  const stretch = [first.fromUs, last.toUs].map((us) => new Date(us / 1_000).toISOString());
  const { rows } = await client.query<StoredMornings>(MORNINGS, [athleteId, first.day, last.day, ...stretch]);
  return rows[0]!;
}
