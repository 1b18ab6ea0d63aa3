import type pg from 'pg';
import type { StoredMorning, TodayRepository } from '../../rest/today/ports.ts';
import { rowsOf, us } from '../sql-json.ts';

const row = (select: string): string => `(SELECT row_to_json(f) FROM (${select}) AS f)`;

/** One query for a squad. The bound on start_us leaves older daily partitions of the scores unread. */
const MORNING = `SELECT a.id AS "athleteId", a.name,
  ${row(`SELECT to_char(day, 'YYYY-MM-DD') AS day, probability, lower, upper, not_enough_data AS "notEnoughData" FROM daily_hazard
    WHERE athlete_id = a.id AND day < $3::date ORDER BY day DESC, computed_at DESC LIMIT 1`)} AS hazard,
  (SELECT state #> '{latest,deviation,drift}' FROM asms_state WHERE athlete_id = a.id) AS drift,
  ${rowsOf(`SELECT id AS "alertId", type, severity, sentence, to_char(raised_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "raisedAt" FROM alert
    WHERE athlete_id = a.id AND cleared_at IS NULL ORDER BY severity DESC, raised_at DESC`)} AS alerts,
  ${rowsOf(`SELECT DISTINCT ON (day) to_char(day, 'YYYY-MM-DD') AS day, load FROM planned_load
    WHERE day IN ($4::date, $3::date) AND (athlete_id = a.id OR (athlete_id IS NULL AND team_id = a.team_id))
    ORDER BY day, athlete_id NULLS LAST, at DESC`)} AS planned,
  ${rowsOf(`SELECT id, ${us('at')} AS "atUs", value FROM outcome
    WHERE athlete_id = a.id AND kind = 'session-rpe' AND at >= $5 ORDER BY at, created_at, id`)} AS ratings,
  ${rowsOf(`SELECT id, ${us('started_at')} AS "startUs" FROM session WHERE athlete_id = a.id AND started_at >= $5 ORDER BY started_at, id`)} AS sessions,
  w.windows::int, w."observedShare", w."lastWindowEndUs"::float8
  FROM athlete a CROSS JOIN LATERAL (SELECT count(*) AS windows, avg(observed_fraction) AS "observedShare", max(end_us) AS "lastWindowEndUs" FROM score
    WHERE athlete_id = a.id AND NOT shadow AND start_us >= $6) AS w
  WHERE a.team_id = $2 AND a.active AND ($1::uuid IS NULL OR a.team_id = $1) ORDER BY a.name, a.id LIMIT $7`;

export function createTodayRepository(pool: pg.Pool): TodayRepository {
  return {
    async read(team, teamId, { yesterday, today, recordsFrom, windowsFromUs }, limit) {
      const found = await pool.query<StoredMorning>({
        name: 'kw-today',
        text: MORNING,
        values: [team, teamId, today, yesterday, recordsFrom, windowsFromUs, limit],
      });
      return found.rows;
    },
  };
}
