/** A whole roster or nothing of it. */
import { KinewatchError } from '../../contracts/errors.ts';
import type { RosterResult, RosterRow, TeamScope } from '../../rest/ports.ts';
import type { Prisma } from '../generated/client.ts';
import type { PrismaClient } from '../prisma.ts';

const TIMEOUT_MS = 120_000;

type Transaction = Prisma.TransactionClient;

function refuse(row: RosterRow, why: string): never {
  throw new KinewatchError('roster-refused', `line ${row.line}: ${why}`);
}

/**
 * Writes the rows in one transaction. Teams and devices that exist are used; athletes must be new; a device must be free.
 * @throws KinewatchError `roster-refused`, its message names the line
 */
export function importRoster(prisma: PrismaClient, team: TeamScope, rows: readonly RosterRow[]): Promise<RosterResult> {
  return prisma.$transaction(
    async (tx) => {
      const teams = new Map<string, string>();
      let teamsCreated = 0;
      let devicesCreated = 0;
      const athletes: { id: string; externalId: string; teamId: string }[] = [];
      for (const row of rows) {
        const known = teams.get(row.team) ?? (await tx.team.findUnique({ where: { name: row.team } }))?.id;
        if (team !== null && known !== team) refuse(row, `the key belongs to another team than ${row.team}`);
        const teamId = known ?? (await tx.team.create({ data: { name: row.team } })).id;
        if (known === undefined) teamsCreated += 1;
        teams.set(row.team, teamId);
        const id = await createAthlete(tx, teamId, row);
        athletes.push({ id, externalId: row.externalId, teamId });
        for (const device of row.devices) devicesCreated += await giveDevice(tx, teamId, id, row, device);
      }
      return { teamsCreated, athletes, devicesCreated };
    },
    { timeout: TIMEOUT_MS, maxWait: TIMEOUT_MS },
  );
}

async function createAthlete(tx: Transaction, teamId: string, row: RosterRow): Promise<string> {
  const { externalId, name, sex, heightM, massKg } = row;
  if ((await tx.athlete.findUnique({ where: { teamId_externalId: { teamId, externalId } } })) !== null) {
    refuse(row, `${row.team} has an athlete ${externalId} already`);
  }
  const birthDate = row.birthDate === null ? null : new Date(row.birthDate);
  return (await tx.athlete.create({ data: { teamId, externalId, name, sex, birthDate, heightM, massKg } })).id;
}

/** Returns the number of devices created, 0 or 1. */
async function giveDevice(
  tx: Transaction,
  teamId: string,
  athleteId: string,
  row: RosterRow,
  { serial, kind }: RosterRow['devices'][number],
): Promise<number> {
  const known = await tx.device.findUnique({ where: { teamId_serial: { teamId, serial } } });
  const now = new Date();
  if (known !== null) {
    const taken = await tx.deviceAssignment.findFirst({
      where: { deviceId: known.id, OR: [{ validTo: null }, { validTo: { gt: now } }] },
      include: { athlete: true },
    });
    if (taken !== null) refuse(row, `device ${serial} is assigned to ${taken.athlete.externalId}`);
  }
  const deviceId = known?.id ?? (await tx.device.create({ data: { teamId, serial, kind } })).id;
  await tx.deviceAssignment.create({ data: { deviceId, athleteId, validFrom: now } });
  return known === null ? 1 : 0;
}
