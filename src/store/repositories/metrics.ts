import type pg from 'pg';
import type { Metric, MetricRepository, StoredReading, StoredReadings } from '../../rest/ports.ts';
import type { SessionMetricModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { iso, ofTeam, pageOf } from './support.ts';

const view = (row: SessionMetricModel): Metric => ({
  id: row.id,
  sessionId: row.sessionId,
  athleteId: row.athleteId,
  name: row.name,
  value: row.value,
  unit: row.unit,
  typicalError: row.typicalError,
  method: row.method,
  parameters: row.parameters as Record<string, unknown>,
  ...(row.detail === null ? {} : { detail: row.detail }),
  provisional: row.provisional,
  at: iso(row.at),
});

const READINGS = 60;

interface ReadingRow extends Omit<StoredReading, 'at' | 'sessionId' | 'typicalError'> {
  readonly at: Date;
  readonly session_id: string;
  readonly typical_error: number | null;
}

export function createMetricRepository(prisma: PrismaClient, pool: pg.Pool): MetricRepository {
  return {
    async readChange(team, athleteId, { since, name }) {
      const { rows } = await pool.query<{ team_id: string }>(
        'SELECT team_id FROM athlete WHERE id = $1 AND ($2::uuid IS NULL OR team_id = $2)',
        [athleteId, team],
      );
      const [athlete] = rows;
      if (athlete === undefined) return null;
      const own = await pool.query<ReadingRow>(
        `SELECT * FROM (SELECT name, unit, method, value, typical_error, provisional, session_id, at,
           row_number() OVER (PARTITION BY name ORDER BY at DESC, id DESC) AS place FROM session_metric
           WHERE athlete_id = $1 AND at >= $2 AND value IS NOT NULL AND ($3::text IS NULL OR name = $3)) newest
         WHERE place <= ${READINGS} ORDER BY name, place DESC`,
        [athleteId, since, name],
      );
      const squad = await pool.query<StoredReadings['squad'][number]>(
        `SELECT m.name, m.unit, m.method, avg(m.value) AS value FROM session_metric m JOIN athlete a ON a.id = m.athlete_id
         WHERE a.team_id = $1 AND m.at >= $2 AND m.value IS NOT NULL AND NOT m.provisional AND ($3::text IS NULL OR m.name = $3)
         GROUP BY m.athlete_id, m.name, m.unit, m.method`,
        [athlete.team_id, since, name],
      );
      return {
        own: own.rows.map(({ at, session_id: sessionId, typical_error: typicalError, ...row }) => ({
          name: row.name,
          unit: row.unit,
          method: row.method,
          value: row.value,
          provisional: row.provisional,
          typicalError,
          sessionId,
          at: iso(at),
        })),
        squad: squad.rows,
      };
    },
    list: (team, athleteId, { from, to, name, sessionId }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.sessionMetric.findMany({
            where: {
              athleteId,
              ...ofTeam(team),
              ...(name === undefined ? {} : { name }),
              ...(sessionId === undefined ? {} : { sessionId }),
              at: { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lt: to }) },
            },
            orderBy: [{ at: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        view,
      ),
  };
}
