import { Type } from 'typebox';
import type { FastifyRequest } from 'fastify';
import { callerOf, teamFor, teamOf } from '../auth.ts';
import { mintWebhookSecret } from '../credentials.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import type { TeamScope } from '../ports.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, PageQuery, readRange, readTime } from '../schemas.ts';
import {
  CreatedWebhook,
  Delivery,
  DeliveryParams,
  DeliveryQuery,
  NewReplay,
  NewWebhook,
  Replayed,
  Webhook,
  WebhookPatch,
} from './schemas.ts';
import { checkWebhookUrl } from './url.ts';

const tags = ['webhooks'];
/** Deliveries carry both signatures for so long after a rotation: a day to roll the new secret out. */
const ROTATION_MS = 24 * 3_600_000;

/**
 * Whose events a new endpoint is sent: one team's, or every team's where a key of every team says so in as many words.
 * @throws ProblemError `other-team`, `validation-failed`
 */
function ownerOf(request: FastifyRequest, named: TeamScope | undefined): TeamScope {
  if (named !== null) return teamFor(request, named);
  if (callerOf(request).teamId !== null) throw new ProblemError('other-team', 'Only a key of every team makes an endpoint of every team');
  return null;
}

export const webhooks = resource('webhooks', async (app, { repositories, webhookAllowPrivate, onWebhookTest }) => {
  app.get(
    '/v1/webhooks',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'listWebhooks',
        summary: 'Webhook endpoints',
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: PageOf(Webhook), ...problems(401, 403) },
      },
    },
    async (request) => pageReply('webhooks', await repositories.webhooks.list(teamOf(request), pageRequest('webhooks', request.query))),
  );

  app.post(
    '/v1/webhooks',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'createWebhook',
        summary: 'Create a webhook endpoint',
        description:
          'Deliveries follow Standard Webhooks 1.0. The secret is shown in this answer and never again. An event is matched against the filters when it happens.',
        body: NewWebhook,
        response: { 201: CreatedWebhook, ...problems(401, 403, 422) },
      },
    },
    async (request, reply) => {
      const { teamId, url, ...filters } = request.body;
      const secret = mintWebhookSecret();
      const checked = checkWebhookUrl(url, webhookAllowPrivate);
      const webhook = await repositories.webhooks.create(ownerOf(request, teamId), { url: checked, ...filters, secret });
      return reply.code(201).send({ ...webhook, secret });
    },
  );

  app.get(
    '/v1/webhooks/:id',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'getWebhook',
        summary: 'One webhook endpoint',
        params: IdParams,
        response: { 200: Webhook, ...problems(401, 403, 404) },
      },
    },
    async (request) => found(await repositories.webhooks.get(teamOf(request), request.params.id), 'webhook', request.params.id),
  );

  app.patch(
    '/v1/webhooks/:id',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'changeWebhook',
        summary: 'Change the filters of an endpoint, disable or enable it',
        params: IdParams,
        body: WebhookPatch,
        response: { 200: Webhook, ...problems(401, 403, 404) },
      },
    },
    async (request) =>
      found(await repositories.webhooks.update(teamOf(request), request.params.id, request.body), 'webhook', request.params.id),
  );

  app.delete(
    '/v1/webhooks/:id',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'deleteWebhook',
        summary: 'Delete an endpoint with its deliveries',
        params: IdParams,
        response: { 204: Type.Null({ description: 'Deleted' }), ...problems(401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      found((await repositories.webhooks.remove(teamOf(request), id)) ? true : null, 'webhook', id);
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/v1/webhooks/:id/rotate-secret',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'rotateWebhookSecret',
        summary: 'Replace the secret; for a day deliveries carry both signatures',
        params: IdParams,
        response: { 200: CreatedWebhook, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const secret = mintWebhookSecret();
      const until = new Date(Date.now() + ROTATION_MS);
      return { ...found(await repositories.webhooks.rotateSecret(teamOf(request), id, secret, until), 'webhook', id), secret };
    },
  );

  app.post(
    '/v1/webhooks/:id/test',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'testWebhook',
        summary: 'Send a webhook.test event to this endpoint',
        params: IdParams,
        response: { 202: Delivery, ...problems(401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const delivery = found(await repositories.webhooks.createTest(teamOf(request), id), 'webhook', id);
      onWebhookTest(delivery.id);
      return reply.code(202).send(delivery);
    },
  );

  app.get(
    '/v1/webhooks/:id/deliveries',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'listDeliveries',
        summary: 'Deliveries of an endpoint with every attempt, newest first',
        params: IdParams,
        querystring: DeliveryQuery,
        response: { 200: PageOf(Delivery), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { status } = request.query;
      const team = teamOf(request);
      found(await repositories.webhooks.get(team, id), 'webhook', id);
      const page = pageRequest('deliveries', request.query);
      return pageReply('deliveries', await repositories.webhooks.listDeliveries(team, id, status === undefined ? {} : { status }, page));
    },
  );

  app.get(
    '/v1/webhooks/:id/deliveries/:deliveryId',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'getDelivery',
        summary: 'One delivery with every attempt',
        params: DeliveryParams,
        response: { 200: Delivery, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id, deliveryId } = request.params;
      return found(await repositories.webhooks.getDelivery(teamOf(request), id, deliveryId), 'delivery', deliveryId);
    },
  );

  app.post(
    '/v1/webhooks/:id/deliveries/:deliveryId/resend',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'resendDelivery',
        summary: 'Send a delivery again now',
        description:
          'In whatever state it is, with new retry budgets. The webhook-id and the body stay, so that a receiver can tell what it has had. Lifts a pause of the endpoint.',
        params: DeliveryParams,
        response: { 202: Delivery, ...problems(401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { id, deliveryId } = request.params;
      const delivery = found(await repositories.webhooks.resend(teamOf(request), id, deliveryId), 'delivery', deliveryId);
      onWebhookTest(deliveryId);
      return reply.code(202).send(delivery);
    },
  );

  app.post(
    '/v1/webhooks/:id/replay',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'replayWebhook',
        summary: 'Deliver the events of a time range that the endpoint missed',
        description:
          'Events are kept 30 days. By when the service stored them (from inclusive, to exclusive), those that the endpoint as it is now would take are sent, oldest first, unless they were delivered or wait already. So a repeat sends nothing twice. At most 1,000 events at once.',
        params: IdParams,
        body: NewReplay,
        response: { 202: Replayed, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { from, to, eventTypes = null } = request.body;
      readRange({ from, to });
      const range = { from: readTime(from), to: readTime(to), eventTypes };
      return reply.code(202).send(found(await repositories.webhooks.replay(teamOf(request), id, range), 'webhook', id));
    },
  );
});
