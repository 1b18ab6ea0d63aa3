import type pg from 'pg';
import type { InjuryFiguresRepository, StoredSquad } from '../../rest/ports.ts';

interface ExposureRow {
  readonly type: string;
  readonly exposure: string | null;
  readonly sessions: string;
  readonly without_minutes: string;
  readonly minutes: number;
}

interface InjuryRow {
  readonly athlete_id: string;
  readonly diagnosis_code: string;
  readonly region: string;
  readonly onset_at: Date;
  readonly cleared_at: Date | null;
  readonly time_loss: boolean;
  readonly session_type: string | null;
  readonly session_exposure: string | null;
}

const microsOf = (time: Date): number => time.getTime() * 1_000;

const viewInjury = (row: InjuryRow): StoredSquad['injuries'][number] => ({
  athleteId: row.athlete_id,
  diagnosisCode: row.diagnosis_code,
  region: row.region,
  onsetUs: microsOf(row.onset_at),
  clearedUs: row.cleared_at === null ? null : microsOf(row.cleared_at),
  timeLoss: row.time_loss,
  session: row.session_type === null ? null : { type: row.session_type, stated: row.session_exposure },
});

export function createInjuryFiguresRepository(pool: pg.Pool): InjuryFiguresRepository {
  const timeZone: InjuryFiguresRepository['timeZone'] = async (team, teamId) => {
    const { rows } = await pool.query<{ time_zone: string }>('SELECT time_zone FROM team WHERE id = $1 AND ($2::uuid IS NULL OR id = $2)', [
      teamId,
      team,
    ]);
    return rows[0]?.time_zone ?? null;
  };
  return {
    timeZone,
    async read(team, teamId, { from, to }) {
      const zone = await timeZone(team, teamId);
      if (zone === null) return null;
      const exposures = await pool.query<ExposureRow>(
        `SELECT type, exposure, count(*) AS sessions, count(*) FILTER (WHERE coalesce(minutes, measured_minutes) IS NULL) AS without_minutes,
           coalesce(sum(coalesce(minutes, measured_minutes)), 0)::float8 AS minutes
         FROM session WHERE team_id = $1 AND started_at >= $2 AND started_at < $3 GROUP BY type, exposure`,
        [teamId, from, to],
      );
      // Of two sessions at once (a device left on) the one that began last is what the athlete was doing.
      const injuries = await pool.query<InjuryRow>(
        `SELECT i.athlete_id, i.diagnosis_code, i.region, i.onset_at, i.cleared_at, i.time_loss, s.type AS session_type, s.exposure AS session_exposure
         FROM injury i JOIN athlete a ON a.id = i.athlete_id
         LEFT JOIN LATERAL (SELECT type, exposure FROM session s WHERE s.athlete_id = i.athlete_id AND s.started_at <= i.onset_at
           AND coalesce(s.ended_at, now()) >= i.onset_at ORDER BY s.started_at DESC LIMIT 1) s ON true
         WHERE a.team_id = $1 AND i.onset_at < $3 AND (i.cleared_at IS NULL OR i.cleared_at >= $2 OR i.onset_at >= $2)`,
        [teamId, from, to],
      );
      const members = await pool.query<{ id: string; created_at: Date }>(
        'SELECT id, created_at FROM athlete WHERE team_id = $1 AND active',
        [teamId],
      );
      return {
        timeZone: zone,
        exposures: exposures.rows.map((row) => ({
          type: row.type,
          stated: row.exposure,
          sessions: Number(row.sessions),
          withoutMinutes: Number(row.without_minutes),
          minutes: row.minutes,
        })),
        injuries: injuries.rows.map(viewInjury),
        members: members.rows.map((row) => ({ athleteId: row.id, createdUs: microsOf(row.created_at) })),
      };
    },
  };
}
