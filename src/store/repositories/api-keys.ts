import { KinewatchError } from '../../contracts/errors.ts';
import type { ApiKey, ApiKeyRepository, Role, Scope, TeamScope } from '../../rest/ports.ts';
import type { ApiKeyModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { UNKNOWN_TEAM, inTeam, iso, isoOrNull, pageOf, refusing } from './support.ts';

/** 'kwfk' as a number: one process at a time decides whether a first key is needed. */
const FIRST_KEY_LOCK = 0x6b77_666b;
/** How exact last_used_at is: a write a minute a key, not one a request. */
const USE_NOTED_EVERY_MS = 60_000;

const view = (row: ApiKeyModel): ApiKey => ({
  id: row.id,
  teamId: row.teamId,
  name: row.name,
  prefix: row.prefix,
  role: row.role as Role | null,
  scopes: row.scopes as Scope[],
  athleteId: row.athleteId,
  createdAt: iso(row.createdAt),
  expiresAt: isoOrNull(row.expiresAt),
  revokedAt: isoOrNull(row.revokedAt),
  lastUsedAt: isoOrNull(row.lastUsedAt),
});

type Checked = ApiKeyModel & { readonly athlete?: { readonly active: boolean } | null };

/** An athlete who has left has no key. */
const isGood = (row: Checked): boolean =>
  row.revokedAt === null && (row.expiresAt === null || row.expiresAt.getTime() > Date.now()) && row.athlete?.active !== false;

const ATHLETE = { athlete: { select: { active: true } } } as const;

export function createApiKeyRepository(prisma: PrismaClient): ApiKeyRepository {
  const teamOfAthlete = async (team: TeamScope, athleteId: string): Promise<string> => {
    const row = await prisma.athlete.findFirst({ where: { id: athleteId, ...inTeam(team) }, select: { teamId: true } });
    if (row === null) throw new KinewatchError('unknown-reference', `There is no athlete ${athleteId}: GET /v1/athletes lists them`);
    return row.teamId;
  };
  return {
    async authenticate(hash) {
      const row = await prisma.apiKey.findUnique({ where: { hash }, include: ATHLETE });
      if (row === null || !isGood(row)) return null;
      const now = new Date();
      if (row.lastUsedAt === null || now.getTime() - row.lastUsedAt.getTime() > USE_NOTED_EVERY_MS) {
        await prisma.apiKey.updateMany({ where: { id: row.id }, data: { lastUsedAt: now } });
      }
      return {
        keyId: row.id,
        name: row.name,
        teamId: row.teamId,
        scopes: row.scopes as Scope[],
        role: row.role as Role | null,
        athleteId: row.athleteId,
      };
    },
    async isValid(keyId) {
      const row = await prisma.apiKey.findUnique({ where: { id: keyId }, include: ATHLETE });
      return row !== null && isGood(row);
    },
    async create({ teamId: named, name, scopes, role = null, athleteId = null, expiresAt, prefix, hash }) {
      const teamId = athleteId === null ? named : await teamOfAthlete(named, athleteId);
      const data = { teamId, name, scopes: [...scopes], role, athleteId, expiresAt, prefix, hash };
      return refusing({ reference: UNKNOWN_TEAM }, async () => view(await prisma.apiKey.create({ data })));
    },
    createFirst: ({ name, scopes, prefix, hash }) =>
      prisma.$transaction(async (tx) => {
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(${FIRST_KEY_LOCK})`;
        const admins = await tx.apiKey.findMany({ where: { teamId: null, revokedAt: null, scopes: { has: 'admin' } } });
        if (admins.some(isGood)) return false;
        await tx.apiKey.create({ data: { teamId: null, name, scopes: [...scopes], prefix, hash } });
        return true;
      }),
    list: (team, page) =>
      pageOf(
        page,
        (keyset) => prisma.apiKey.findMany({ where: inTeam(team), orderBy: [{ createdAt: 'desc' }, { id: 'desc' }], ...keyset }),
        view,
      ),
    async revoke(team, id) {
      await prisma.apiKey.updateMany({ where: { id, ...inTeam(team), revokedAt: null }, data: { revokedAt: new Date() } });
      const row = await prisma.apiKey.findFirst({ where: { id, ...inTeam(team) } });
      return row === null ? null : view(row);
    },
  };
}
