import { KinewatchError } from '../../contracts/errors.ts';
import type { Recommendation, RecommendationRepository } from '../../rest/ports.ts';
import type { RecommendationModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { iso, isoOrNull, ofTeam, pageOf } from './support.ts';

const view = (row: RecommendationModel): Recommendation => ({
  id: row.id,
  athleteId: row.athleteId,
  alertId: row.alertId,
  kind: row.kind,
  title: row.title,
  rationale: row.rationale,
  evidence: row.evidence as Record<string, unknown>,
  methodVersion: row.methodVersion,
  status: row.status as Recommendation['status'],
  decidedAt: isoOrNull(row.decidedAt),
  decidedBy: row.decidedBy,
  decisionNote: row.decisionNote,
  createdAt: iso(row.createdAt),
});

export function createRecommendationRepository(prisma: PrismaClient): RecommendationRepository {
  return {
    list: (team, athleteId, { status }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.recommendation.findMany({
            where: { athleteId, ...ofTeam(team), ...(status === undefined ? {} : { status }) },
            orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        view,
      ),
    async decide(team, athleteId, id, { status, note, by }) {
      const where = { id, athleteId, ...ofTeam(team) };
      // The status in the condition: of two decisions at once one wins.
      const plan = await prisma.recommendation.findFirst({ where: { ...where, kind: 'plan' } });
      if (plan !== null)
        throw new KinewatchError(
          'decide-the-plan',
          `This recommendation is a plan: decide it with PATCH /v1/athletes/${athleteId}/plans/${(plan.evidence as { planId?: string }).planId}`,
        );
      const { count } = await prisma.recommendation.updateMany({
        where: { ...where, status: 'proposed' },
        data: { status, decisionNote: note, decidedBy: by, decidedAt: new Date() },
      });
      const row = await prisma.recommendation.findFirst({ where });
      if (row === null) return null;
      if (count === 0)
        throw new KinewatchError('already-decided', `The recommendation was ${row.status} before, which stands: it is decided once`);
      return view(row);
    },
  };
}
