import type { Metric, MetricRepository } from '../../rest/ports.ts';
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

export function createMetricRepository(prisma: PrismaClient): MetricRepository {
  return {
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
