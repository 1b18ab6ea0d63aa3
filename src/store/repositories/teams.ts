import type { Team, TeamRepository } from '../../rest/ports.ts';
import type { TeamModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { iso, pageOf, refusing } from './support.ts';

const view = (row: TeamModel): Team => ({ id: row.id, name: row.name, timeZone: row.timeZone, createdAt: iso(row.createdAt) });

export function createTeamRepository(prisma: PrismaClient): TeamRepository {
  return {
    list: (team, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.team.findMany({ where: team === null ? {} : { id: team }, orderBy: [{ name: 'asc' }, { id: 'asc' }], ...keyset }),
        view,
      ),
    create: ({ name, timeZone = 'UTC' }) =>
      refusing({ unique: `There is a team ${name} already` }, async () => view(await prisma.team.create({ data: { name, timeZone } }))),
  };
}
