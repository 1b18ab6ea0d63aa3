/** What the sweeper watches: sessions that fall silent, and athletes whose load is to be looked at. What is found is told in the same transaction. */
import type pg from 'pg';
import type { WatchedLoad, WatchStore } from '../queue/ports.ts';
import { us } from './sql-json.ts';
import { lockObserving, tellObservations } from './observations.ts';
import { inTransaction, Rollback } from './transaction.ts';

export function createWatchStore(pool: pg.Pool): WatchStore {
  return {
    tellSilences: async (silence, limit) => {
      const over = await pool.query<{ athlete_id: string }>(
        `SELECT o.athlete_id FROM observing o LEFT JOIN session s ON s.id = o.silent_session_id
         WHERE o.silent_session_id IS NOT NULL AND (s.id IS NULL OR s.ended_at IS NOT NULL OR s.last_received_us > o.silent_since_us) LIMIT $1`,
        [limit],
      );
      const begun = await pool.query<{ athlete_id: string }>(
        `SELECT s.athlete_id FROM session s LEFT JOIN observing o ON o.athlete_id = s.athlete_id
         WHERE ${isSilent(1)} AND o.silent_session_id IS NULL ORDER BY s.last_received_us LIMIT $4`,
        [silence.nowUs, silence.watchedSinceUs, silence.silentS, limit],
      );
      const told: string[] = [];
      for (const { athlete_id } of over.rows) if (await tellOver(pool, athlete_id, silence.nowUs)) told.push(athlete_id);
      for (const { athlete_id } of begun.rows) if (await tellBegun(pool, athlete_id, silence)) told.push(athlete_id);
      return told;
    },
    loadsToLookAt: async (nowUs, limit) => {
      const { rows } = await pool.query<{ athlete_id: string }>(
        'SELECT athlete_id FROM observing WHERE load_look_us <= $1 ORDER BY load_look_us LIMIT $2',
        [nowUs, limit],
      );
      return rows.map((row) => row.athlete_id);
    },
    lookAtLoad: (athleteId, sinceUs, nowUs, look) =>
      inTransaction(pool, async (client) => {
        // The lock comes first: a rating that commits after it marks the athlete again.
        await lockObserving(client, athleteId);
        const record = await readLoad(client, athleteId, sinceUs);
        if (record === null) return new Rollback(false);
        const { told, againUs } = look(record);
        const news = await tellObservations(
          client,
          told.map((one) => ({ athleteId, atUs: nowUs, ...one })),
        );
        await client.query('UPDATE observing SET load_look_us = $2 WHERE athlete_id = $1', [athleteId, againUs]);
        return news.length > 0;
      }),
  };
}

/** The newest setting of the athlete, or else of the team; null where neither names a limit. */
const settingOf = (subject: string): string =>
  `(SELECT (settings #>> '{data-stopped,silentS}')::float8 FROM alarm_settings WHERE subject_id = ${subject} ORDER BY version DESC LIMIT 1)`;

/**
 * Data came and stopped, for longer than the athlete's own limit: a session that staff opened ahead has nothing to fall silent yet. Parameters from `$first` on: now and
 * since when it is watched, microseconds, and the limit where staff set none, seconds.
 */
const isSilent = (first: number): string =>
  `s.ended_at IS NULL AND s.last_received_us > s.first_received_us AND greatest(s.last_received_us, $${first + 1}::bigint) <
    $${first}::bigint - 1e6 * coalesce(${settingOf('s.athlete_id')}, ${settingOf('s.team_id')}, $${first + 2}::float8)`;

const subjectOf = (sessionId: string, sinceUs: string): string => `${sessionId} since ${sinceUs}`;

async function tellBegun(
  pool: pg.Pool,
  athleteId: string,
  { nowUs, watchedSinceUs, silentS: defaultS }: Parameters<WatchStore['tellSilences']>[0],
): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    await lockObserving(client, athleteId);
    const { rows } = await client.query<{ id: string; last_received_us: string }>(
      `UPDATE observing o SET silent_session_id = s.id, silent_since_us = s.last_received_us FROM session s
       WHERE o.athlete_id = $1 AND o.silent_session_id IS NULL AND s.athlete_id = $1 AND ${isSilent(2)}
       RETURNING s.id, s.last_received_us`,
      [athleteId, nowUs, watchedSinceUs, defaultS],
    );
    const [session] = rows;
    if (session === undefined) return new Rollback(false);
    const silentS = (nowUs - Number(session.last_received_us)) / 1e6;
    const observed = { kind: 'silence', sessionOpen: true, silentS } as const;
    const subject = subjectOf(session.id, session.last_received_us);
    return (await tellObservations(client, [{ athleteId, subject, atUs: nowUs, observed }])).length > 0;
  });
}

async function tellOver(pool: pg.Pool, athleteId: string, nowUs: number): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    await lockObserving(client, athleteId);
    const { rows } = await client.query<{ session_id: string; since_us: string; open: boolean | null; heard: boolean | null }>(
      `SELECT o.silent_session_id AS session_id, o.silent_since_us AS since_us, s.ended_at IS NULL AND s.id IS NOT NULL AS open,
         s.last_received_us > o.silent_since_us AS heard
       FROM observing o LEFT JOIN session s ON s.id = o.silent_session_id WHERE o.athlete_id = $1 AND o.silent_session_id IS NOT NULL`,
      [athleteId],
    );
    const [silence] = rows;
    if (silence === undefined || (silence.open === true && silence.heard !== true)) return new Rollback(false);
    await client.query('UPDATE observing SET silent_session_id = NULL, silent_since_us = NULL WHERE athlete_id = $1', [athleteId]);
    const observed = { kind: 'silence', sessionOpen: silence.open === true, silentS: 0 } as const;
    const subject = `${subjectOf(silence.session_id, silence.since_us)} over`;
    return (await tellObservations(client, [{ athleteId, subject, atUs: nowUs, observed }])).length > 0;
  });
}

interface LoadRow {
  readonly time_zone: string;
  readonly alert_open: boolean;
  readonly ratings: WatchedLoad['ratings'];
  readonly sessions: WatchedLoad['sessions'];
  readonly limits: WatchedLoad['limits'];
  readonly returns: WatchedLoad['returns'];
}

/** One statement, one snapshot. Names are those of WatchedLoad. */
const LOAD = `SELECT t.time_zone,
  EXISTS (SELECT 1 FROM alert WHERE athlete_id = a.id AND type = 'load-above-ceiling' AND cleared_at IS NULL) AS alert_open,
  (SELECT coalesce(json_agg(r), '[]') FROM (
    SELECT id, ${us('at')} AS "atUs", value FROM outcome
    WHERE athlete_id = a.id AND kind = 'session-rpe' AND at >= to_timestamp($2::bigint / 1e6) ORDER BY at, created_at, id) AS r) AS ratings,
  (SELECT coalesce(json_agg(r), '[]') FROM (
    SELECT id, ${us('started_at')} AS "startUs", (SELECT coalesce(json_agg(json_build_object('series', l.series, 'value', l.value, 'reason', l.reason,
        'unit', l.unit, 'method', l.method, 'parameters', l.parameters, 'minutesCovered', l.minutes_covered, 'observedShare', l.observed_share,
        'provisional', l.provisional)), '[]') FROM session_load l WHERE l.session_id = session.id) AS loads
    FROM session WHERE athlete_id = a.id AND started_at >= to_timestamp($2::bigint / 1e6) ORDER BY started_at, id) AS r) AS sessions,
  (SELECT coalesce(json_agg(r), '[]') FROM (
    SELECT series, ceiling, to_char(from_day, 'YYYY-MM-DD') AS "from", to_char(to_day, 'YYYY-MM-DD') AS "to" FROM load_ceiling
    WHERE athlete_id = a.id AND (to_day IS NULL OR to_day >= to_timestamp($2::bigint / 1e6)::date) ORDER BY created_at, id) AS r) AS limits,
  (SELECT coalesce(json_agg(r), '[]') FROM (
    SELECT ${us('i.onset_at')} AS "onsetUs", p.ceilings FROM return_to_play p JOIN injury i ON i.id = p.injury_id
    WHERE p.athlete_id = a.id ORDER BY i.onset_at, i.id) AS r) AS returns
  FROM athlete a JOIN team t ON t.id = a.team_id WHERE a.id = $1`;

async function readLoad(client: pg.PoolClient, athleteId: string, sinceUs: number): Promise<WatchedLoad | null> {
  const { rows } = await client.query<LoadRow>(LOAD, [athleteId, Math.round(sinceUs)]);
  const [row] = rows;
  if (row === undefined) return null;
  const { ratings, sessions, limits, returns } = row;
  return { timeZone: row.time_zone, alertOpen: row.alert_open, ratings, sessions, limits, returns };
}
