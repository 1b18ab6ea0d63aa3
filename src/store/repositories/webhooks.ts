import { randomUUID } from 'node:crypto';
import { KinewatchError } from '../../contracts/errors.ts';
import type { Delivery, Webhook, WebhookRepository } from '../../rest/ports.ts';
import type { Prisma } from '../generated/client.ts';
import type { WebhookAttemptModel, WebhookDeliveryModel, WebhookEndpointModel } from '../generated/models.ts';
import type { PrismaClient } from '../prisma.ts';
import { UNKNOWN_TEAM, inTeam, iso, isoOrNull, pageOf, refusing } from './support.ts';

const view = (row: WebhookEndpointModel): Webhook => ({
  id: row.id,
  teamId: row.teamId,
  url: row.url,
  eventTypes: row.eventTypes,
  createdAt: iso(row.createdAt),
  disabledAt: isoOrNull(row.disabledAt),
  disabledReason: row.disabledReason,
  previousSecretUntil: isoOrNull(row.previousSecretUntil),
});

const viewDelivery = (row: WebhookDeliveryModel & { readonly attemptLog: readonly WebhookAttemptModel[] }): Delivery => ({
  id: row.id,
  eventType: row.eventType,
  status: row.status as Delivery['status'],
  createdAt: iso(row.createdAt),
  deliveredAt: isoOrNull(row.deliveredAt),
  nextAttemptAt: isoOrNull(row.nextAttemptAt),
  attempts: row.attemptLog.map(({ at, statusCode, error, durationMs }) => ({ at: iso(at), statusCode, error, durationMs })),
});

const ATTEMPTS = { attemptLog: { orderBy: [{ at: 'asc' }, { id: 'asc' }] } } satisfies Prisma.WebhookDeliveryInclude;

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
    create: (teamId, { url, eventTypes, secret }) =>
      refusing({ reference: UNKNOWN_TEAM }, async () =>
        view(await prisma.webhookEndpoint.create({ data: { teamId, url, eventTypes: [...eventTypes], secret } })),
      ),
    async update(team, id, { eventTypes, enabled }) {
      const disabling =
        enabled === false ? { disabledAt: new Date(), disabledReason: 'by staff' } : { disabledAt: null, disabledReason: null };
      const [row] = await prisma.webhookEndpoint.updateManyAndReturn({
        where: { id, ...inTeam(team) },
        data: { ...(eventTypes === undefined ? {} : { eventTypes }), ...(enabled === undefined ? {} : disabling) },
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
    async createTest(team, id) {
      const endpoint = await prisma.webhookEndpoint.findFirst({ where: { id, ...inTeam(team) } });
      if (endpoint === null) return null;
      if (endpoint.disabledAt !== null)
        throw new KinewatchError('webhook-disabled', `The endpoint is disabled: ${endpoint.disabledReason ?? 'no reason is known'}`);
      const now = new Date();
      const body = JSON.stringify({ type: 'webhook.test', timestamp: iso(now), data: { endpointId: id, teamId: endpoint.teamId } });
      const delivery = await prisma.webhookDelivery.create({
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
    },
    listDeliveries: (team, id, { status }, page) =>
      pageOf(
        page,
        (keyset) =>
          prisma.webhookDelivery.findMany({
            where: {
              endpointId: id,
              ...(team === null ? {} : { endpoint: { teamId: team } }),
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
