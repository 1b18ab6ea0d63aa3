/** The medical record as ASMS is stepped with it: SQL over $1, the athlete. Names are those of AthleteFacts (src/queue/ports.ts). */

import { listOf, us } from './sql-json.ts';

/** Days an injury is monitored after clearance: MONITORED_DAYS (src/asms/medical-record.ts). */
const MONITORED_DAYS = 56;
/** A window is stepped over as it was at its own time: what ended this long ago is still told, for windows that are late. (chosen) */
const LATE_DAYS = 4;

const RECENT = `athlete_id = $1 AND (cleared_at IS NULL OR cleared_at > now() - interval '${MONITORED_DAYS + LATE_DAYS} days')`;
const INJURY = `i.id AS "injuryId", diagnosis_code AS "diagnosisCode", ${us('onset_at')} AS "onsetUs", time_loss_days AS "timeLossDays"`;

/** The adherence expected, from the start until the first entry of the log, then each entry until the next: therapyPieces (src/asms/medical-record.ts). */
const PIECES = `therapy t CROSS JOIN LATERAL (
    SELECT t.starts_at AS from_at, t.adherence AS share
    WHERE NOT EXISTS (SELECT FROM therapy_adherence a WHERE a.therapy_id = t.id AND a.from_at = t.starts_at)
    UNION ALL SELECT a.from_at, a.share FROM therapy_adherence a
    WHERE a.therapy_id = t.id AND a.from_at >= t.starts_at AND (t.ends_at IS NULL OR a.from_at < t.ends_at)
  ) AS p WHERE t.injury_id IN (SELECT id FROM injury WHERE ${RECENT})`;

export const MEDICAL_FACTS = `
  ${listOf(
    `(SELECT * FROM injury WHERE ${RECENT}) AS i LEFT JOIN return_to_play r ON r.injury_id = i.id ORDER BY onset_at, i.id`,
    `${INJURY}, ${us('cleared_at')} AS "untilUs", coalesce(r.ceilings, '[]') AS ceilings`,
  )} AS "openInjuries",
  ${listOf(
    `injury i WHERE ${RECENT} AND cleared_at IS NOT NULL ORDER BY onset_at, id`,
    `${INJURY}, ${us('cleared_at')} AS "fromUs", ${us(`cleared_at + interval '${MONITORED_DAYS} days'`)} AS "untilUs"`,
  )} AS "monitoredInjuries",
  ${listOf(
    `${PIECES} ORDER BY t.starts_at, t.id, p.from_at`,
    `injury_id AS "injuryId", kind, dose_per_day AS "dosePerDay", p.share AS adherence, ${us('p.from_at')} AS "startsUs",
     ${us('least(lead(p.from_at) OVER (PARTITION BY t.id ORDER BY p.from_at), t.ends_at)')} AS "endsUs"`,
  )} AS therapies`;
