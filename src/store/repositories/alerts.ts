import type pg from 'pg';
import type { Alert, AlertRepository, AlertWithHistory } from '../../rest/ports.ts';
import type { Prisma } from '../generated/client.ts';
import type { AlertEventModel, AlertModel, AlertRatingModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { changeStoredAlert, rateStoredAlert } from '../alert-changes.ts';
import { inTeam, iso, isoOrNull, pageOf } from './support.ts';

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
  assignedTo: row.assignedTo,
  closedAt: isoOrNull(row.closedAt),
  closedBy: row.closedBy,
  outcome: row.outcome as Alert['outcome'],
  outcomeNote: row.outcomeNote,
  injuryId: row.injuryId,
  outcomeWithheld: false,
  methodVersion: row.methodVersion,
  settingsVersion: row.settingsVersion,
  commonCauseId: row.commonCauseId,
});

interface WholeAlert extends AlertModel {
  readonly history: readonly AlertEventModel[];
  readonly ratings: readonly AlertRatingModel[];
}

const viewWithHistory = (row: WholeAlert): AlertWithHistory => ({
  ...view(row),
  history: row.history.map((event) => ({
    at: iso(event.at),
    change: event.change as AlertWithHistory['history'][number]['change'],
    by: event.by,
    detail: event.detail as Record<string, unknown>,
  })),
  ratings: row.ratings.map(({ rater, rating, note, at }) => ({ rater, rating, note, at: iso(at) })),
});

const WHOLE = {
  history: { orderBy: [{ recordedAt: 'asc' }, { id: 'asc' }] },
  ratings: { orderBy: [{ at: 'asc' }, { id: 'asc' }] },
} satisfies Prisma.AlertInclude;

/** Reads through Prisma, changes through pg: they tell webhooks, which is done with pg wherever it is done. */
export function createAlertRepository(prisma: PrismaClient, pool: pg.Pool): AlertRepository {
  const get: AlertRepository['get'] = async (team, id) => {
    const row = await prisma.alert.findFirst({ where: { id, ...inTeam(team) }, include: WHOLE });
    return row === null ? null : viewWithHistory(row);
  };
  return {
    list: (team, { athleteId, status, type, severity, acknowledged, closed, assignedTo, commonCauseId }, page) =>
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
              ...(acknowledged === undefined ? {} : { acknowledgedAt: acknowledged ? { not: null } : null }),
              ...(closed === undefined ? {} : { closedAt: closed ? { not: null } : null }),
              ...(assignedTo === undefined ? {} : { assignedTo }),
              ...(commonCauseId === undefined ? {} : { commonCauseId }),
            },
            orderBy: [{ raisedAt: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        view,
      ),
    get,
    change: async (team, id, decide) => ((await changeStoredAlert(pool, team, id, decide)) ? get(team, id) : null),
    async assignee(team, id, keyId) {
      const alert = await prisma.alert.findFirst({ where: { id, ...inTeam(team) }, select: { teamId: true } });
      if (alert === null) return null;
      const key = await prisma.apiKey.findFirst({
        where: {
          id: keyId,
          revokedAt: null,
          athleteId: null,
          AND: [{ OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] }, { OR: [{ teamId: null }, { teamId: alert.teamId }] }],
        },
        select: { name: true },
      });
      return key?.name ?? null;
    },
    rate: async (team, id, rating) => ((await rateStoredAlert(pool, team, id, rating)) ? get(team, id) : null),
  };
}
