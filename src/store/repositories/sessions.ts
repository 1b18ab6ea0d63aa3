import { KinewatchError } from '../../contracts/errors.ts';
import type { Session, SessionRepository } from '../../rest/ports.ts';
import type { SessionModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { inTeam, iso, isoOrNull, pageOf, refusing } from './support.ts';

const view = (row: SessionModel): Session => ({
  id: row.id,
  teamId: row.teamId,
  athleteId: row.athleteId,
  type: row.type as Session['type'],
  startedAt: iso(row.startedAt),
  firstReceivedUs: Number(row.firstReceivedUs),
  lastReceivedUs: Number(row.lastReceivedUs),
  endedAt: isoOrNull(row.endedAt),
  openedBy: row.openedBy as Session['openedBy'],
  closedBy: row.closedBy as Session['closedBy'],
  metricsAt: isoOrNull(row.metricsAt),
});

export function createSessionRepository(prisma: PrismaClient): SessionRepository {
  return {
    list: (team, { athleteId, open, type }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.session.findMany({
            where: {
              ...inTeam(team),
              ...(athleteId === undefined ? {} : { athleteId }),
              ...(type === undefined ? {} : { type }),
              ...(open === undefined ? {} : { endedAt: open ? null : { not: null } }),
            },
            orderBy: [{ startedAt: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        view,
      ),
    async get(team, id) {
      const row = await prisma.session.findFirst({ where: { id, ...inTeam(team) } });
      return row === null ? null : view(row);
    },
    async open(team, { athleteId, type = 'training' }) {
      const athlete = await prisma.athlete.findFirst({ where: { id: athleteId, ...inTeam(team) }, select: { teamId: true } });
      if (athlete === null) return null;
      const startedAt = new Date();
      const nowUs = BigInt(startedAt.getTime()) * 1_000n;
      const data = { athleteId, teamId: athlete.teamId, type, startedAt, firstReceivedUs: nowUs, lastReceivedUs: nowUs, openedBy: 'staff' };
      // The partial unique index decides, should the athlete's first frame come at the same moment.
      return refusing({ unique: 'The athlete has an open session', uniqueCode: 'session-open' }, async () =>
        view(await prisma.session.create({ data })),
      );
    },
    async close(team, id) {
      const where = { id, ...inTeam(team) };
      const { count } = await prisma.session.updateMany({
        where: { ...where, endedAt: null },
        data: { endedAt: new Date(), closedBy: 'staff' },
      });
      const row = await prisma.session.findFirst({ where });
      if (row === null) return null;
      if (count === 0) throw new KinewatchError('already-closed', `The session was closed by ${row.closedBy}`);
      return view(row);
    },
  };
}
