/** What staff decided of an athlete's alarms, as ASMS is stepped with it: SQL over $1, the athlete, and $4, the team. Names are those of AthleteFacts. */
import { listOf, us } from './sql-json.ts';

/** BOUNDED (chosen): newest of each, far more than can come while an athlete's windows wait. */
const NEWEST = 20;

const newest = (level: 'team' | 'athlete', subject: string): string =>
  `(SELECT '${level}' AS level, version, at, settings FROM alarm_settings WHERE subject_id = ${subject} ORDER BY version DESC LIMIT ${NEWEST})`;

export const ALARM_FACTS = `
  (SELECT coalesce(json_agg(${us('at')} ORDER BY at), '[]')
   FROM (SELECT at FROM new_normal WHERE athlete_id = $1 ORDER BY at DESC LIMIT ${NEWEST}) AS n) AS "newNormals",
  ${listOf(
    `(${newest('athlete', '$1')} UNION ALL ${newest('team', '$4')}) AS s ORDER BY level, version`,
    `level, version, ${us('at')} AS "fromUs", settings`,
  )} AS "alarmSettings"`;
