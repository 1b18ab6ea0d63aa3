import type pg from 'pg';
import type { Gateway, GatewayRepository } from '../../rest/ports.ts';
import type { GatewayModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { UNKNOWN_TEAM, inTeam, iso, isoOrNull, pageOf, refusing } from './support.ts';

const view = (row: GatewayModel): Gateway => ({
  id: row.id,
  teamId: row.teamId,
  name: row.name,
  tokenPrefix: row.tokenPrefix,
  createdAt: iso(row.createdAt),
  lastSeenAt: isoOrNull(row.lastSeenAt),
  revokedAt: isoOrNull(row.revokedAt),
});

export function createGatewayRepository(prisma: PrismaClient, pool: pg.Pool): GatewayRepository {
  return {
    async authenticate(hash) {
      const row = await prisma.gateway.findUnique({ where: { tokenHash: hash } });
      return row === null || row.revokedAt !== null ? null : { gatewayId: row.id, teamId: row.teamId };
    },
    list: (team, page) =>
      pageOf(
        page,
        (keyset) => prisma.gateway.findMany({ where: inTeam(team), orderBy: [{ name: 'asc' }, { id: 'asc' }], ...keyset }),
        view,
      ),
    create: (teamId, { name, prefix, hash }) =>
      refusing({ unique: `The team has a gateway ${name} already`, reference: UNKNOWN_TEAM }, async () =>
        view(await prisma.gateway.create({ data: { teamId, name, tokenPrefix: prefix, tokenHash: hash } })),
      ),
    async revoke(team, id) {
      await prisma.gateway.updateMany({ where: { id, ...inTeam(team), revokedAt: null }, data: { revokedAt: new Date() } });
      const row = await prisma.gateway.findFirst({ where: { id, ...inTeam(team) } });
      return row === null ? null : view(row);
    },
    async streams(gatewayId, limit) {
      // By the team's devices to the hellos of each stream (their key begins with the stream): hellos have no index by gateway.
      const { rows } = await pool.query<{ id: string; athlete_id: string; next_sequence: string }>(
        `SELECT s.id, s.athlete_id, s.next_sequence FROM gateway g JOIN device d ON d.team_id = g.team_id JOIN stream s ON s.device_id = d.id
         WHERE g.id = $1 AND EXISTS (SELECT 1 FROM stream_hello h WHERE h.stream_id = s.id AND h.gateway_id = g.id)
         ORDER BY s.id DESC LIMIT $2`,
        [gatewayId, limit],
      );
      return rows.map((row) => ({ athleteId: row.athlete_id, streamId: Number(row.id), nextSequence: Number(row.next_sequence) }));
    },
  };
}
