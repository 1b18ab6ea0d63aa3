import { KinewatchError } from '../../contracts/errors.ts';
import { LIVE_CHANNEL, type AlertChanged } from '../../contracts/events.ts';
import type { Alert, AlertRepository, AlertWithHistory } from '../../rest/ports.ts';
import type { Prisma } from '../generated/client.ts';
import type { AlertEventModel, AlertModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { asJson, inTeam, iso, isoOrNull, pageOf } from './support.ts';

const view = (row: AlertModel): Alert => ({
  id: row.id,
  teamId: row.teamId,
  athleteId: row.athleteId,
  type: row.type as Alert['type'],
  severity: row.severity as Alert['severity'],
  title: row.title,
  sentence: row.sentence,
  evidence: row.evidence as Record<string, unknown>,
  status: row.clearedAt === null ? 'active' : 'cleared',
  raisedWindowIndex: Number(row.raisedWindowIndex),
  raisedAt: iso(row.raisedAt),
  clearedAt: isoOrNull(row.clearedAt),
  acknowledgedAt: isoOrNull(row.acknowledgedAt),
  acknowledgedBy: row.acknowledgedBy,
  snoozedUntil: isoOrNull(row.snoozedUntil),
  methodVersion: row.methodVersion,
});

const viewWithHistory = (row: AlertModel & { readonly history: readonly AlertEventModel[] }): AlertWithHistory => ({
  ...view(row),
  history: row.history.map((event) => ({
    at: iso(event.at),
    change: event.change as AlertWithHistory['history'][number]['change'],
    by: event.by,
    detail: event.detail as Record<string, unknown>,
  })),
});

const HISTORY = { history: { orderBy: [{ at: 'asc' }, { id: 'asc' }] } } satisfies Prisma.AlertInclude;

function acknowledged(row: AlertModel, at: Date): AlertChanged {
  return {
    type: 'alert.acknowledged',
    alertId: row.id,
    athleteId: row.athleteId,
    teamId: row.teamId,
    alertType: row.type as AlertChanged['alertType'],
    severity: row.severity as AlertChanged['severity'],
    at: iso(at),
  };
}

export function createAlertRepository(prisma: PrismaClient): AlertRepository {
  return {
    list: (team, { athleteId, status, type, severity, acknowledged: isAcknowledged }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.alert.findMany({
            where: {
              ...inTeam(team),
              ...(athleteId === undefined ? {} : { athleteId }),
              ...(type === undefined ? {} : { type }),
              ...(severity === undefined ? {} : { severity }),
              ...(status === undefined ? {} : { clearedAt: status === 'active' ? null : { not: null } }),
              ...(isAcknowledged === undefined ? {} : { acknowledgedAt: isAcknowledged ? { not: null } : null }),
            },
            orderBy: [{ raisedAt: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        view,
      ),
    async get(team, id) {
      const row = await prisma.alert.findFirst({ where: { id, ...inTeam(team) }, include: HISTORY });
      return row === null ? null : viewWithHistory(row);
    },
    acknowledge: (team, id, by, note) =>
      prisma.$transaction(async (tx) => {
        const where = { id, ...inTeam(team) };
        const at = new Date();
        const [changed] = await tx.alert.updateManyAndReturn({
          where: { ...where, acknowledgedAt: null },
          data: { acknowledgedAt: at, acknowledgedBy: by },
        });
        if (changed !== undefined) {
          const detail = asJson(note === null ? {} : { note });
          await tx.alertEvent.create({ data: { alertId: id, at, change: 'acknowledged', by, detail } });
          await tx.$executeRaw`SELECT pg_notify(${LIVE_CHANNEL}, ${JSON.stringify(acknowledged(changed, at))})`;
        }
        const row = await tx.alert.findFirst({ where, include: HISTORY });
        return row === null ? null : viewWithHistory(row);
      }),
    snooze: (team, id, minutes, by, note) =>
      prisma.$transaction(async (tx) => {
        const where = { id, ...inTeam(team) };
        const at = new Date();
        const until = new Date(at.getTime() + minutes * 60_000);
        const { count } = await tx.alert.updateMany({ where: { ...where, clearedAt: null }, data: { snoozedUntil: until } });
        if (count === 1) {
          const detail = asJson({ until: iso(until), ...(note === null ? {} : { note }) });
          await tx.alertEvent.create({ data: { alertId: id, at, change: 'snoozed', by, detail } });
        }
        const row = await tx.alert.findFirst({ where, include: HISTORY });
        if (row !== null && count === 0) throw new KinewatchError('already-closed', 'The alert is cleared');
        return row === null ? null : viewWithHistory(row);
      }),
  };
}
