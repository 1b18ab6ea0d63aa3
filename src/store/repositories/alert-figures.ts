import type { AlertFiguresRepository, RaisedAlert } from '../../rest/ports.ts';
import type { PrismaClient } from '../prisma.ts';

const within = ({ fromUs, toUs }: { readonly fromUs: number; readonly toUs: number }) => ({
  gte: new Date(fromUs / 1_000),
  lt: new Date(toUs / 1_000),
});

/** Reads as much as the days that were asked for hold. */
export function createAlertFiguresRepository(prisma: PrismaClient): AlertFiguresRepository {
  return {
    async timeZone(scope, teamId) {
      if (scope !== null && scope !== teamId) return null;
      return (await prisma.team.findUnique({ where: { id: teamId }, select: { timeZone: true } }))?.timeZone ?? null;
    },
    async alerts(teamId, range) {
      const rows = await prisma.alert.findMany({
        where: { teamId, raisedAt: within(range) },
        select: { athleteId: true, type: true, raisedAt: true, outcome: true },
      });
      return rows.map(({ athleteId, type, raisedAt, outcome }) => ({
        athleteId,
        type: type as RaisedAlert['type'],
        raisedUs: raisedAt.getTime() * 1_000,
        outcome: outcome as RaisedAlert['outcome'],
      }));
    },
    ratings: (teamId, range) =>
      prisma.alertRating.findMany({
        where: { alert: { teamId, raisedAt: within(range) } },
        select: { alertId: true, keyId: true, rating: true },
      }),
    noticesSent: (teamId, range) => prisma.notice.count({ where: { teamId, sentAt: within(range) } }),
  };
}
