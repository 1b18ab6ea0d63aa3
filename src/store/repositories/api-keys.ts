import type { ApiKey, ApiKeyRepository, Scope } from '../../rest/ports.ts';
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
  scopes: row.scopes as Scope[],
  createdAt: iso(row.createdAt),
  expiresAt: isoOrNull(row.expiresAt),
  revokedAt: isoOrNull(row.revokedAt),
  lastUsedAt: isoOrNull(row.lastUsedAt),
});

const isGood = (row: ApiKeyModel): boolean => row.revokedAt === null && (row.expiresAt === null || row.expiresAt.getTime() > Date.now());

export function createApiKeyRepository(prisma: PrismaClient): ApiKeyRepository {
  return {
    async authenticate(hash) {
      const row = await prisma.apiKey.findUnique({ where: { hash } });
      if (row === null || !isGood(row)) return null;
      const now = new Date();
      if (row.lastUsedAt === null || now.getTime() - row.lastUsedAt.getTime() > USE_NOTED_EVERY_MS) {
        await prisma.apiKey.updateMany({ where: { id: row.id }, data: { lastUsedAt: now } });
      }
      return { keyId: row.id, name: row.name, teamId: row.teamId, scopes: row.scopes as Scope[] };
    },
    async isValid(keyId) {
      const row = await prisma.apiKey.findUnique({ where: { id: keyId } });
      return row !== null && isGood(row);
    },
    create: ({ teamId, name, scopes, expiresAt, prefix, hash }) =>
      refusing({ reference: UNKNOWN_TEAM }, async () =>
        view(await prisma.apiKey.create({ data: { teamId, name, scopes: [...scopes], expiresAt, prefix, hash } })),
      ),
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
