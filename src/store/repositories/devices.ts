import { KinewatchError } from '../../contracts/errors.ts';
import type { Assignment, Device, DeviceRepository } from '../../rest/ports.ts';
import type { DeviceAssignmentModel, DeviceModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { UNKNOWN_TEAM, inTeam, iso, isoOrNull, pageOf, refusing } from './support.ts';

const viewAssignment = (row: DeviceAssignmentModel): Assignment => ({
  id: row.id,
  deviceId: row.deviceId,
  athleteId: row.athleteId,
  validFrom: iso(row.validFrom),
  validTo: isoOrNull(row.validTo),
});

const view = (row: DeviceModel & { readonly assignments: readonly DeviceAssignmentModel[] }): Device => ({
  id: row.id,
  teamId: row.teamId,
  serial: row.serial,
  kind: row.kind,
  label: row.label,
  createdAt: iso(row.createdAt),
  athleteId: row.assignments[0]?.athleteId ?? null,
});

const validAt = (now: Date) => ({ validFrom: { lte: now }, OR: [{ validTo: null }, { validTo: { gt: now } }] });
const withCurrent = () => ({ assignments: { where: validAt(new Date()), take: 1 } });

/** The trigger device_assignment_no_overlap raises it (SQLSTATE 23P01), and Prisma has no code of its own for it. */
function isOverlap(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (/23P01|is assigned to an athlete already/.test(`${cause.message} ${JSON.stringify(cause)}`)) return true;
  }
  return false;
}

export function createDeviceRepository(prisma: PrismaClient): DeviceRepository {
  return {
    list: (team, { athleteId, serial }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.device.findMany({
            where: {
              ...inTeam(team),
              ...(serial === undefined ? {} : { serial }),
              ...(athleteId === undefined ? {} : { assignments: { some: { athleteId, ...validAt(new Date()) } } }),
            },
            include: withCurrent(),
            orderBy: [{ serial: 'asc' }, { id: 'asc' }],
            ...keyset,
          }),
        view,
      ),
    async get(team, id) {
      const row = await prisma.device.findFirst({ where: { id, ...inTeam(team) }, include: withCurrent() });
      return row === null ? null : view(row);
    },
    create: (teamId, { serial, kind, label = null }) =>
      refusing({ unique: `The team has a device ${serial} already`, reference: UNKNOWN_TEAM }, async () =>
        view(await prisma.device.create({ data: { teamId, serial, kind, label }, include: withCurrent() })),
      ),
    listAssignments: (team, deviceId, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.deviceAssignment.findMany({
            where: { deviceId, device: inTeam(team) },
            orderBy: [{ validFrom: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        viewAssignment,
      ),
    async assign(team, deviceId, athleteId, from, to) {
      try {
        return await prisma.$transaction(async (tx) => {
          const device = await tx.device.findFirst({ where: { id: deviceId, ...inTeam(team) } });
          if (device === null) return null;
          if ((await tx.athlete.count({ where: { id: athleteId, teamId: device.teamId } })) === 0) {
            throw new KinewatchError(
              'unknown-reference',
              `The device's team has no athlete ${athleteId}: GET /v1/athletes lists those it has`,
            );
          }
          await tx.$executeRaw`SELECT 1 FROM device WHERE id = ${deviceId}::uuid FOR NO KEY UPDATE`;
          const validFrom = from ?? new Date();
          const open = await tx.deviceAssignment.findFirst({ where: { deviceId, validTo: null } });
          // Said twice is as good as once.
          if (open !== null && open.athleteId === athleteId && from === null && to === null) return viewAssignment(open);
          if (open !== null && open.validFrom < validFrom) {
            await tx.deviceAssignment.update({ where: { id: open.id }, data: { validTo: validFrom } });
          }
          return viewAssignment(await tx.deviceAssignment.create({ data: { deviceId, athleteId, validFrom, validTo: to } }));
        });
      } catch (cause) {
        if (isOverlap(cause))
          throw new KinewatchError(
            'assignment-overlap',
            `The device is assigned to an athlete in that time: end that first (POST /v1/devices/${deviceId}/unassign), or give another time`,
            { cause },
          );
        throw cause;
      }
    },
    async unassign(team, deviceId) {
      if ((await prisma.device.count({ where: { id: deviceId, ...inTeam(team) } })) === 0) return null;
      const now = new Date();
      const [ended] = await prisma.deviceAssignment.updateManyAndReturn({
        where: { deviceId, validFrom: { lt: now }, OR: [{ validTo: null }, { validTo: { gt: now } }] },
        data: { validTo: now },
      });
      if (ended === undefined) throw new KinewatchError('already-closed', 'The device is assigned to nobody: there is nothing to end');
      return viewAssignment(ended);
    },
  };
}
