import { randomUUID } from 'node:crypto';
import type { AuditEntry, AuditRepository } from '../../rest/ports.ts';
import type { AuditEntryModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { iso, pageOf } from './support.ts';

const viewOf =
  (athleteId: string) =>
  (row: AuditEntryModel): AuditEntry => ({
    id: row.id,
    at: iso(row.at),
    athleteId,
    keyId: row.keyId,
    caller: row.caller,
    action: row.action,
    statusCode: row.statusCode,
    others: row.athleteIds.filter((id) => id !== athleteId).length,
    teamId: row.teamId,
  });

export function createAuditRepository(prisma: PrismaClient): AuditRepository {
  return {
    record: async (entry) => {
      await prisma.auditEntry.create({ data: { id: randomUUID(), ...entry, athleteIds: [...entry.athleteIds] } });
    },
    list: ({ id, teamId }, { from, to }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.auditEntry.findMany({
            where: {
              OR: [{ athleteIds: { has: id } }, { athleteIds: { isEmpty: true }, OR: [{ teamId: null }, { teamId }] }],
              at: { ...(from === null ? {} : { gte: from }), ...(to === null ? {} : { lt: to }) },
            },
            orderBy: [{ at: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        viewOf(id),
      ),
  };
}
