import type { Athlete, AthleteRepository, NewAthlete } from '../../rest/ports.ts';
import type { AthleteModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { importRoster } from './roster.ts';
import { UNKNOWN_TEAM, asJson, inTeam, iso, pageOf, refusing } from './support.ts';

const view = (row: AthleteModel): Athlete => ({
  id: row.id,
  teamId: row.teamId,
  externalId: row.externalId,
  name: row.name,
  sex: row.sex === 'f' || row.sex === 'm' ? row.sex : null,
  birthDate: row.birthDate === null ? null : iso(row.birthDate).slice(0, 10),
  heightM: row.heightM,
  massKg: row.massKg,
  context: row.context as Record<string, number>,
  active: row.active,
  createdAt: iso(row.createdAt),
});

const taken = (externalId: string): string =>
  `The team has an athlete ${externalId} already: change that one, which may be deactivated (GET /v1/athletes?active=false), or give another externalId`;

type Facts = Partial<Omit<NewAthlete, 'teamId'>> & { readonly active?: boolean };

/** Only what was given is written. */
function columns({ birthDate, context, ...facts }: Facts) {
  return {
    ...facts,
    ...(birthDate === undefined ? {} : { birthDate: birthDate === null ? null : new Date(birthDate) }),
    ...(context === undefined ? {} : { context: asJson(context) }),
  };
}

export function createAthleteRepository(prisma: PrismaClient): AthleteRepository {
  return {
    list: (team, { externalId, active }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.athlete.findMany({
            where: {
              ...inTeam(team),
              ...(externalId === undefined ? {} : { externalId }),
              ...(active === undefined ? {} : { active }),
            },
            orderBy: [{ name: 'asc' }, { id: 'asc' }],
            ...keyset,
          }),
        view,
      ),
    async get(team, id) {
      const row = await prisma.athlete.findFirst({ where: { id, ...inTeam(team) } });
      return row === null ? null : view(row);
    },
    create: (teamId, { externalId, name, ...facts }) =>
      refusing({ unique: taken(externalId), reference: UNKNOWN_TEAM }, async () =>
        view(await prisma.athlete.create({ data: { teamId, externalId, name, ...columns(facts) } })),
      ),
    update: (team, id, patch) =>
      refusing({ unique: taken(patch.externalId ?? '') }, async () => {
        const changed = await prisma.athlete.updateManyAndReturn({ where: { id, ...inTeam(team) }, data: columns(patch) });
        return changed[0] === undefined ? null : view(changed[0]);
      }),
    importRoster: (team, rows) => importRoster(prisma, team, rows),
  };
}
