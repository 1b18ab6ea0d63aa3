import { randomUUID } from 'node:crypto';
import { KinewatchError } from '../../contracts/errors.ts';
import type { Delivery, ReplayRange, Replayed, TeamScope, Webhook, WebhookRepository } from '../../rest/ports.ts';
import { Prisma } from '../generated/client.ts';
import type { WebhookAttemptModel, WebhookDeliveryModel, WebhookEndpointModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { ENDPOINT_WANTS_EVENT, NEW_DELIVERY_ID, WEBHOOK_RETENTION_DAYS, eventsSince } from '../webhook-outbox.ts';
import { UNKNOWN_TEAM, inTeam, iso, isoOrNull, pageOf, refusing } from './support.ts';

const view = (row: WebhookEndpointModel): Webhook => ({
  id: row.id,
  teamId: row.teamId,
  url: row.url,
  eventTypes: row.eventTypes,
  alertTypes: row.alertTypes,
  minSeverity: row.minSeverity as Webhook['minSeverity'],
  createdAt: iso(row.createdAt),
  disabledAt: isoOrNull(row.disabledAt),
  disabledReason: row.disabledReason,
  pausedUntil: isoOrNull(row.pausedUntil),
  previousSecretUntil: isoOrNull(row.previousSecretUntil),
});

const viewDelivery = (row: WebhookDeliveryModel & { readonly attemptLog: readonly WebhookAttemptModel[] }): Delivery => ({
  id: row.id,
  eventType: row.eventType,
  status: row.status as Delivery['status'],
  createdAt: iso(row.createdAt),
  deliveredAt: isoOrNull(row.deliveredAt),
  nextAttemptAt: isoOrNull(row.nextAttemptAt),
  attempts: row.attemptLog.map(({ at, statusCode, error, fault, durationMs }) => ({
    at: iso(at),
    statusCode,
    error,
    fault: fault as Delivery['attempts'][number]['fault'],
    durationMs,
  })),
});

const ATTEMPTS = { attemptLog: { orderBy: [{ at: 'asc' }, { id: 'asc' }] } } satisfies Prisma.WebhookDeliveryInclude;
/** BOUNDED (chosen): events of one replay. */
const MAX_REPLAY = 1_000;

/**
 * Locks the endpoint, so that no delivery of it is claimed or settled meanwhile, and lifts its pause: staff says that it may be called. False: not in the team.
 * @throws KinewatchError `webhook-disabled`
 */
async function lockEnabled(tx: Prisma.TransactionClient, team: TeamScope, id: string): Promise<boolean> {
  const [row] = await tx.webhookEndpoint.updateManyAndReturn({ where: { id, ...inTeam(team) }, data: { pausedUntil: null } });
  if (row === undefined) return false;
  if (row.disabledAt !== null)
    throw new KinewatchError(
      'webhook-disabled',
      `The endpoint is disabled: ${row.disabledReason ?? 'no reason is known'}. Enable it first: PATCH /v1/webhooks/${id} {"enabled": true}`,
    );
  return true;
}

/** What the endpoint wants of the range, as SQL over event v and endpoint e. */
const wantedIn = (id: string, { from, to, eventTypes }: ReplayRange): Prisma.Sql =>
  Prisma.sql`FROM webhook_event v JOIN webhook_endpoint e ON e.id = ${id}::uuid AND ${Prisma.raw(ENDPOINT_WANTS_EVENT)}
    WHERE v.created_at >= ${from}::timestamptz AND v.created_at < ${to}::timestamptz
      ${eventTypes === null ? Prisma.empty : Prisma.sql`AND v.event_type = ANY (${[...eventTypes]}::text[])`}`;

/** How many there are. @throws KinewatchError `time-out-of-range` beyond MAX_REPLAY, naming the time up to which they fit */
async function countReplay(tx: Prisma.TransactionClient, wanted: Prisma.Sql): Promise<number> {
  const rows = await tx.$queryRaw<{ at: Date }[]>`SELECT v.created_at AS at ${wanted} ORDER BY v.created_at, v.id LIMIT ${MAX_REPLAY + 1}`;
  const over = rows[MAX_REPLAY];
  if (over === undefined) return rows.length;
  const fits = `The range holds more than ${MAX_REPLAY} events of this endpoint, and one replay takes at most so many`;
  throw new KinewatchError('time-out-of-range', `${fits}: ask up to ${iso(over.at)} first, and from there on next`);
}

/** What was never sent gets a delivery, what failed a new budget; oldest first. What was delivered or waits stays as it is. */
async function writeReplay(tx: Prisma.TransactionClient, wanted: Prisma.Sql): Promise<{ created: boolean }[]> {
  return tx.$queryRaw`INSERT INTO webhook_delivery AS d (id, endpoint_id, event_id, event_type, body, next_attempt_at)
    SELECT ${Prisma.raw(NEW_DELIVERY_ID)}, e.id, v.id, v.event_type, v.body,
      now() + row_number() OVER (ORDER BY v.created_at, v.id) * interval '1 microsecond' ${wanted}
    ON CONFLICT (endpoint_id, event_id) DO UPDATE
      SET status = 'pending', next_attempt_at = excluded.next_attempt_at, receiver_faults = 0, own_faults = 0, claim = NULL
      WHERE d.status = 'failed'
    RETURNING d.created_at = now() AS created`;
}

export function createWebhookRepository(prisma: PrismaClient): WebhookRepository {
  return {
    list: (team, page) =>
      pageOf(
        page,
        (keyset) => prisma.webhookEndpoint.findMany({ where: inTeam(team), orderBy: [{ createdAt: 'desc' }, { id: 'desc' }], ...keyset }),
        view,
      ),
    async get(team, id) {
      const row = await prisma.webhookEndpoint.findFirst({ where: { id, ...inTeam(team) } });
      return row === null ? null : view(row);
    },
    create: (teamId, { eventTypes, alertTypes, minSeverity, ...rest }) =>
      refusing({ reference: UNKNOWN_TEAM }, async () =>
        view(
          await prisma.webhookEndpoint.create({
            data: {
              ...rest,
              teamId,
              eventTypes: [...eventTypes],
              ...(alertTypes === undefined ? {} : { alertTypes: [...alertTypes] }),
              ...(minSeverity === undefined ? {} : { minSeverity }),
            },
          }),
        ),
      ),
    async update(team, id, { enabled, ...filters }) {
      const disabling =
        enabled === false
          ? { disabledAt: new Date(), disabledReason: 'by staff' }
          : { disabledAt: null, disabledReason: null, pausedUntil: null, unanswered: 0 };
      const [row] = await prisma.webhookEndpoint.updateManyAndReturn({
        where: { id, ...inTeam(team) },
        data: { ...filters, ...(enabled === undefined ? {} : disabling) },
      });
      return row === undefined ? null : view(row);
    },
    remove: (team, id) =>
      prisma.$transaction(async (tx) => {
        // The endpoint's row is locked first: no delivery can be added to it while its deliveries go.
        const [locked] = await tx.webhookEndpoint.updateManyAndReturn({ where: { id, ...inTeam(team) }, data: { disabledAt: new Date() } });
        if (locked === undefined) return false;
        await tx.$executeRaw`SELECT 1 FROM webhook_endpoint WHERE id = ${id}::uuid FOR UPDATE`;
        await tx.webhookAttempt.deleteMany({ where: { delivery: { endpointId: id } } });
        await tx.webhookDelivery.deleteMany({ where: { endpointId: id } });
        await tx.webhookEndpoint.delete({ where: { id } });
        return true;
      }),
    rotateSecret: (team, id, secret, previousUntil) =>
      prisma.$transaction(async (tx) => {
        const endpoint = await tx.webhookEndpoint.findFirst({ where: { id, ...inTeam(team) } });
        if (endpoint === null) return null;
        // The secret in the condition: of two rotations at once one wins, and the other's caller sees a secret that never was: refuse it.
        const [row] = await tx.webhookEndpoint.updateManyAndReturn({
          where: { id, secret: endpoint.secret },
          data: { secret, previousSecret: endpoint.secret, previousSecretUntil: previousUntil },
        });
        if (row === undefined)
          throw new KinewatchError('already-exists', 'The secret was rotated at the same moment; try again', { retry: true });
        return view(row);
      }),
    createTest: (team, id) =>
      prisma.$transaction(async (tx) => {
        if (!(await lockEnabled(tx, team, id))) return null;
        const endpoint = await tx.webhookEndpoint.findUniqueOrThrow({ where: { id } });
        const now = new Date();
        const body = JSON.stringify({ type: 'webhook.test', timestamp: iso(now), data: { endpointId: id, teamId: endpoint.teamId } });
        const delivery = await tx.webhookDelivery.create({
          data: {
            id: `msg_${randomUUID().replaceAll('-', '')}`,
            endpointId: id,
            eventType: 'webhook.test',
            body,
            nextAttemptAt: now,
            createdAt: now,
          },
          include: ATTEMPTS,
        });
        return viewDelivery(delivery);
      }),
    async getDelivery(team, id, deliveryId) {
      const row = await prisma.webhookDelivery.findFirst({
        where: { id: deliveryId, endpointId: id, endpoint: inTeam(team) },
        include: ATTEMPTS,
      });
      return row === null ? null : viewDelivery(row);
    },
    resend: (team, id, deliveryId) =>
      prisma.$transaction(async (tx) => {
        if (!(await lockEnabled(tx, team, id))) return null;
        // No claim: an attempt that is under way can still deliver it, but its failure does not count against the new budget.
        const { count } = await tx.webhookDelivery.updateMany({
          where: { id: deliveryId, endpointId: id },
          data: { status: 'pending', nextAttemptAt: new Date(), deliveredAt: null, receiverFaults: 0, ownFaults: 0, claim: null },
        });
        if (count === 0) return null;
        return viewDelivery(await tx.webhookDelivery.findUniqueOrThrow({ where: { id: deliveryId }, include: ATTEMPTS }));
      }),
    replay: (team, id, range) =>
      prisma.$transaction(async (tx): Promise<Replayed | null> => {
        if (!(await lockEnabled(tx, team, id))) return null;
        const oldest = eventsSince(Date.now());
        if (range.from < oldest)
          throw new KinewatchError('time-out-of-range', `Events are kept ${WEBHOOK_RETENTION_DAYS} days: ask from ${iso(oldest)} on`);
        const wanted = wantedIn(id, range);
        const matched = await countReplay(tx, wanted);
        const written = await writeReplay(tx, wanted);
        const created = written.filter((row) => row.created).length;
        return { matched, created, resent: written.length - created };
      }),
    listDeliveries: (team, id, { status }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.webhookDelivery.findMany({
            where: {
              endpointId: id,
              endpoint: inTeam(team),
              ...(status === undefined ? {} : { status }),
            },
            include: ATTEMPTS,
            orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
            ...keyset,
          }),
        viewDelivery,
      ),
  };
}
