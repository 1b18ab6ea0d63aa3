import type { CommonCauseView, Notice, NoticeRepository, Recipient, TeamScope } from '../../rest/ports.ts';
import type { Prisma } from '../generated/client.ts';
import type { RecipientModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { inTeam, iso, isoOrNull, pageOf, refusing } from './support.ts';

const clock = (minute: number): string => `${`${Math.floor(minute / 60)}`.padStart(2, '0')}:${`${minute % 60}`.padStart(2, '0')}`;

const viewRecipient = (row: RecipientModel): Recipient => ({
  id: row.id,
  teamId: row.teamId,
  name: row.name,
  minSeverity: row.minSeverity as Recipient['minSeverity'],
  dailyBudget: row.dailyBudget,
  quietHours:
    row.quietFromMinute === null || row.quietToMinute === null ? null : { from: clock(row.quietFromMinute), to: clock(row.quietToMinute) },
  active: row.active,
  createdAt: iso(row.createdAt),
});

const NOTICE = {
  recipient: { select: { name: true } },
  alert: { select: { athleteId: true, type: true } },
  commonCause: { select: { type: true } },
} satisfies Prisma.NoticeInclude;

const viewNotice = (row: Prisma.NoticeGetPayload<{ include: typeof NOTICE }>): Notice => ({
  id: row.id,
  teamId: row.teamId,
  recipientId: row.recipientId,
  recipient: row.recipient.name,
  status: row.sentAt !== null ? 'sent' : row.untilAt !== null ? 'held-back' : 'dropped',
  severity: row.severity as Notice['severity'],
  type: (row.alert?.type ?? row.commonCause?.type) as Notice['type'],
  alertId: row.alertId,
  commonCauseId: row.commonCauseId,
  athleteId: row.alert?.athleteId ?? null,
  createdAt: iso(row.createdAt),
  sentAt: isoOrNull(row.sentAt),
  why: row.why as Notice['why'],
  heldUntil: isoOrNull(row.untilAt),
});

const WITH_STATUS: Readonly<Record<Notice['status'], Prisma.NoticeWhereInput>> = {
  sent: { sentAt: { not: null } },
  'held-back': { sentAt: null, untilAt: { not: null } },
  dropped: { sentAt: null, untilAt: null },
};

const CAUSE = {
  alerts: { select: { id: true, clearedAt: true }, orderBy: [{ raisedAt: 'asc' }, { id: 'asc' }] },
} satisfies Prisma.CommonCauseInclude;

const viewCause = (row: Prisma.CommonCauseGetPayload<{ include: typeof CAUSE }>): CommonCauseView => ({
  id: row.id,
  teamId: row.teamId,
  type: row.type as CommonCauseView['type'],
  severity: row.severity as CommonCauseView['severity'],
  sentence: row.sentence,
  athletes: row.athletes,
  share: row.share,
  from: iso(row.fromAt),
  to: iso(row.toAt),
  raisedAt: iso(row.raisedAt),
  alertIds: row.alerts.map(({ id }) => id),
  activeAlerts: row.alerts.filter(({ clearedAt }) => clearedAt === null).length,
});

const TAKEN = 'The team has a recipient of this name';

const quietOf = (quiet: { readonly fromMinute: number; readonly toMinute: number } | null) => ({
  quietFromMinute: quiet?.fromMinute ?? null,
  quietToMinute: quiet?.toMinute ?? null,
});

export function createNoticeRepository(prisma: PrismaClient): NoticeRepository {
  const isVisible = async (scope: TeamScope, teamId: string): Promise<boolean> =>
    (scope === null || scope === teamId) && (await prisma.team.count({ where: { id: teamId } })) === 1;

  return {
    listRecipients: async (scope, teamId, page) =>
      (await isVisible(scope, teamId))
        ? pageOf(
            page,
            (keyset) => prisma.recipient.findMany({ where: { teamId }, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }], ...keyset }),
            viewRecipient,
          )
        : null,
    createRecipient: async (scope, teamId, { quietHours, ...rest }) =>
      (await isVisible(scope, teamId))
        ? refusing({ unique: TAKEN }, async () =>
            viewRecipient(await prisma.recipient.create({ data: { ...rest, teamId, ...quietOf(quietHours) } })),
          )
        : null,
    updateRecipient: (scope, id, { quietHours, ...rest }) =>
      refusing({ unique: TAKEN }, () =>
        prisma.$transaction(async (tx) => {
          // The team's row is what a round of notices locks: nothing is sent to one who is being made inactive.
          await tx.$executeRaw`SELECT 1 FROM team WHERE id = (SELECT team_id FROM recipient WHERE id = ${id}::uuid) FOR NO KEY UPDATE`;
          const [row] = await tx.recipient.updateManyAndReturn({
            where: { id, ...inTeam(scope) },
            data: { ...rest, ...(quietHours === undefined ? {} : quietOf(quietHours)) },
          });
          if (row === undefined) return null;
          if (!row.active)
            await tx.notice.updateMany({
              where: { recipientId: id, ...WITH_STATUS['held-back'] },
              data: { why: 'inactive', untilAt: null },
            });
          return viewRecipient(row);
        }),
      ),
    list: async (scope, teamId, { recipientId, status }, page) =>
      (await isVisible(scope, teamId))
        ? pageOf(
            page,
            (keyset) =>
              prisma.notice.findMany({
                where: {
                  teamId,
                  ...(recipientId === undefined ? {} : { recipientId }),
                  ...(status === undefined ? {} : WITH_STATUS[status]),
                },
                orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
                include: NOTICE,
                ...keyset,
              }),
            viewNotice,
          )
        : null,
    listCommonCauses: async (scope, teamId, page) =>
      (await isVisible(scope, teamId))
        ? pageOf(
            page,
            (keyset) =>
              prisma.commonCause.findMany({
                where: { teamId },
                orderBy: [{ raisedAt: 'desc' }, { id: 'desc' }],
                include: CAUSE,
                ...keyset,
              }),
            viewCause,
          )
        : null,
  };
}
