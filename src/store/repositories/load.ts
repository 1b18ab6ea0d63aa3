import type { LoadRepository } from '../../rest/ports.ts';
import type { PrismaClient } from '../prisma.ts';
import { inTeam, ofTeam } from './support.ts';

const microsOf = (time: Date): number => time.getTime() * 1_000;

export function createLoadRepository(prisma: PrismaClient): LoadRepository {
  return {
    async timeZone(team, athleteId) {
      const row = await prisma.athlete.findFirst({
        where: { id: athleteId, ...inTeam(team) },
        select: { team: { select: { timeZone: true } } },
      });
      return row?.team.timeZone ?? null;
    },
    async read(team, athleteId, { from, to }) {
      const [ratings, sessions] = await Promise.all([
        prisma.outcome.findMany({
          where: { athleteId, ...ofTeam(team), kind: 'session-rpe', at: { gte: from, lt: to } },
          orderBy: [{ at: 'asc' }, { createdAt: 'asc' }, { id: 'asc' }],
          select: { id: true, at: true, value: true },
        }),
        prisma.session.findMany({
          where: { athleteId, ...inTeam(team), startedAt: { gte: from, lt: to } },
          orderBy: [{ startedAt: 'asc' }, { id: 'asc' }],
          select: { id: true, startedAt: true, loads: { omit: { sessionId: true, athleteId: true, computedAt: true } } },
        }),
      ]);
      return {
        ratings: ratings.map(({ id, at, value }) => ({ id, atUs: microsOf(at), value })),
        sessions: sessions.map(({ id, startedAt, loads }) => ({
          id,
          startUs: microsOf(startedAt),
          loads: loads.map((row) => ({ ...row, parameters: row.parameters as Record<string, unknown> })),
        })),
      };
    },
  };
}
