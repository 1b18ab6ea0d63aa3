import { KinewatchError } from '../../contracts/errors.ts';
import type { LoadCeiling, LoadCeilingRepository } from '../../rest/ports.ts';
import type { LoadCeilingModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { inTeam, iso, isoOrNull, ofTeam, pageOf } from './support.ts';

const DAY_MS = 86_400_000;
/** A date column is midnight of UTC's calendar. */
const ENDED = 'The ceiling has ended: nothing is bounded by it any more. To bound loads again, set a new one';

const dateOf = (day: string): Date => new Date(day);
const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

const view = (row: LoadCeilingModel): LoadCeiling => ({
  id: row.id,
  athleteId: row.athleteId,
  series: row.series as LoadCeiling['series'],
  ceiling: row.ceiling,
  from: dayOf(row.fromDay),
  to: row.toDay === null ? null : dayOf(row.toDay),
  reason: row.reason,
  setBy: row.setBy,
  endedAt: isoOrNull(row.endedAt),
  endedBy: row.endedBy,
  createdAt: iso(row.createdAt),
});

export function createLoadCeilingRepository(prisma: PrismaClient): LoadCeilingRepository {
  return {
    list: (team, athleteId, { open }, today, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.loadCeiling.findMany({
            where: {
              athleteId,
              ...ofTeam(team),
              ...(open === undefined
                ? {}
                : open
                  ? { OR: [{ toDay: null }, { toDay: { gte: dateOf(today) } }] }
                  : { toDay: { lt: dateOf(today) } }),
            },
            orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        view,
      ),
    set: (team, athleteId, { series, ceiling, from, to, reason, by }) =>
      prisma.$transaction(async (tx) => {
        if ((await tx.athlete.count({ where: { id: athleteId, ...inTeam(team) } })) === 0) return null;
        // Two at once wait for each other here, as whoever looks at the load does.
        await tx.$executeRaw`INSERT INTO observing (athlete_id) VALUES (${athleteId}::uuid)
          ON CONFLICT (athlete_id) DO UPDATE SET athlete_id = excluded.athlete_id`;
        const [fromDay, toDay] = [dateOf(from), to === null ? null : dateOf(to)];
        const same = { athleteId, series };
        const others = await tx.loadCeiling.findMany({
          where: {
            ...same,
            ...(toDay === null ? {} : { fromDay: { lte: toDay } }),
            OR: [{ toDay: null }, { toDay: { gte: fromDay } }],
          },
          orderBy: { fromDay: 'asc' },
        });
        // One that was ended before it held stands in nobody's way.
        const other = others.find((one) => one.toDay === null || one.toDay >= one.fromDay);
        if (other !== undefined) {
          const until = other.toDay === null ? 'until it is ended' : `to ${dayOf(other.toDay)}`;
          throw new KinewatchError(
            'already-exists',
            `A ceiling of ${other.ceiling} on ${series} holds from ${dayOf(other.fromDay)} ${until}: end it first (POST /v1/load-ceilings/${other.id}/end), or set this one for other days`,
          );
        }
        return view(await tx.loadCeiling.create({ data: { ...same, ceiling, fromDay, toDay, reason, setBy: by } }));
      }),
    end: (team, id, by, todayIn) =>
      prisma.$transaction(async (tx) => {
        const where = { id, ...ofTeam(team) };
        const row = await tx.loadCeiling.findFirst({ where, include: { athlete: { select: { team: { select: { timeZone: true } } } } } });
        if (row === null) return null;
        const today = dateOf(todayIn(row.athlete.team.timeZone));
        if (row.endedAt !== null || (row.toDay !== null && row.toDay < today)) throw new KinewatchError('already-closed', ENDED);
        const toDay = new Date(Math.max(today.getTime(), row.fromDay.getTime()) - DAY_MS);
        const { count } = await tx.loadCeiling.updateMany({
          where: { id, endedAt: null },
          data: { toDay, endedAt: new Date(), endedBy: by },
        });
        if (count === 0) throw new KinewatchError('already-closed', ENDED);
        return view(await tx.loadCeiling.findUniqueOrThrow({ where: { id } }));
      }),
  };
}
