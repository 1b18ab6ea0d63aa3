import { KinewatchError } from '../../contracts/errors.ts';
import { exposureOf, type Session, type SessionRepository } from '../../rest/ports.ts';
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
  exposure: exposureOf(row.type, row.exposure),
  exposureOf: row.exposure === null ? 'type' : 'staff',
  minutes: row.minutes ?? row.measuredMinutes,
  minutesOf: row.minutes === null ? (row.measuredMinutes === null ? null : 'measured') : 'staff',
  plannedMinutes: row.plannedMinutes,
  plannedLoad: row.plannedLoad,
});

type Settable = Partial<Pick<SessionModel, 'type' | 'exposure' | 'plannedMinutes' | 'plannedLoad' | 'minutes'>>;

/** Only what was given is written. */
function settable({ type, exposure, plannedMinutes, plannedLoad }: Settable): Settable {
  return {
    ...(type === undefined ? {} : { type }),
    ...(exposure === undefined ? {} : { exposure }),
    ...(plannedMinutes === undefined ? {} : { plannedMinutes }),
    ...(plannedLoad === undefined ? {} : { plannedLoad }),
  };
}

type Transaction = Parameters<Parameters<PrismaClient['$transaction']>[0]>[0];

/**
 * That no other session of the athlete lies in [from, to), by its own corrected minutes where there are such. Two at once wait for each other, so that the second sees the
 * first. @throws KinewatchError `session-overlap`
 */
async function requireFree(client: Transaction, athleteId: string, from: Date, to: Date, except: string | null): Promise<void> {
  await client.$queryRaw`SELECT 1 FROM athlete WHERE id = ${athleteId}::uuid FOR NO KEY UPDATE`;
  const [other] = await client.$queryRaw<{ id: string }[]>`
    SELECT id FROM session WHERE athlete_id = ${athleteId}::uuid AND (${except}::uuid IS NULL OR id <> ${except}::uuid) AND started_at < ${to}
      AND (ended_at IS NULL OR greatest(ended_at, started_at + coalesce(minutes, 0) * interval '1 minute') > ${from}) ORDER BY started_at LIMIT 1`;
  if (other !== undefined)
    throw new KinewatchError('session-overlap', `Session ${other.id} lies in that time: correct its minutes instead`);
}

/**
 * Minutes that end after the session did, as far as it is known, need the time to be over and free.
 * @throws KinewatchError `time-out-of-range`, `session-overlap`
 */
async function requireRoom(client: Transaction, { id, athleteId, startedAt, endedAt }: SessionModel, minutes: number): Promise<void> {
  const to = new Date(startedAt.getTime() + minutes * 60_000);
  if (to <= (endedAt ?? startedAt)) return;
  if (to.getTime() > Date.now())
    throw new KinewatchError(
      'time-out-of-range',
      `The session began at ${iso(startedAt)}: ${minutes} minutes are not over yet, correct them afterwards`,
    );
  await requireFree(client, athleteId, endedAt ?? startedAt, to, id);
}

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
    async open(team, { athleteId, ...given }) {
      const athlete = await prisma.athlete.findFirst({ where: { id: athleteId, ...inTeam(team) }, select: { teamId: true } });
      if (athlete === null) return null;
      const startedAt = new Date();
      const nowUs = BigInt(startedAt.getTime()) * 1_000n;
      const own = { athleteId, teamId: athlete.teamId, startedAt, firstReceivedUs: nowUs, lastReceivedUs: nowUs, openedBy: 'staff' };
      const data = { ...own, ...settable(given) };
      const unique = `The athlete has an open session: close it first (GET /v1/sessions?athleteId=${athleteId}&open=true names it, POST /v1/sessions/{id}/close)`;
      // The partial unique index decides, should the athlete's first frame come at the same moment.
      return refusing({ unique, uniqueCode: 'session-open' }, async () => view(await prisma.session.create({ data })));
    },
    record: (team, { athleteId, started, minutes, ...given }) =>
      prisma.$transaction(async (transaction) => {
        const athlete = await transaction.athlete.findFirst({ where: { id: athleteId, ...inTeam(team) }, select: { teamId: true } });
        if (athlete === null) return null;
        const endedAt = new Date(started.getTime() + minutes * 60_000);
        await requireFree(transaction, athleteId, started, endedAt, null);
        // No frame is received in a range of one instant of the past: measuring finds nothing.
        const startUs = BigInt(started.getTime()) * 1_000n;
        const own = { athleteId, teamId: athlete.teamId, startedAt: started, endedAt, minutes };
        const stamps = { firstReceivedUs: startUs, lastReceivedUs: startUs, openedBy: 'staff', closedBy: 'staff', metricsAt: new Date() };
        return view(await transaction.session.create({ data: { ...own, ...stamps, ...settable(given) } }));
      }),
    update: (team, id, { minutes, ...patch }) =>
      prisma.$transaction(async (transaction) => {
        const row = await transaction.session.findFirst({ where: { id, ...inTeam(team) } });
        if (row === null) return null;
        if (minutes !== undefined && minutes !== null) await requireRoom(transaction, row, minutes);
        const data = { ...settable(patch), ...(minutes === undefined ? {} : { minutes }) };
        return view(await transaction.session.update({ where: { id }, data }));
      }),
    async close(team, id) {
      const where = { id, ...inTeam(team) };
      const { count } = await prisma.session.updateMany({
        where: { ...where, endedAt: null },
        data: { endedAt: new Date(), closedBy: 'staff' },
      });
      const row = await prisma.session.findFirst({ where });
      if (row === null) return null;
      if (count === 0)
        throw new KinewatchError(
          'already-closed',
          `The session was closed by ${row.closedBy}: correct its minutes or type instead (PATCH /v1/sessions/${id})`,
        );
      return view(row);
    },
  };
}
