import { Type } from 'typebox';
import { gatewayOf, teamFor, teamOf } from '../auth.ts';
import { mintGatewayToken } from '../credentials.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security, GATEWAY_SECURITY } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, PageQuery } from '../schemas.ts';
import { CreatedGateway, Gateway, NewGateway, Progress } from './schemas.ts';

const tags = ['gateways'];
/** A gateway carries at most 1,024 streams a connection; ten boots of each are more than anybody looks back on. */
const MAX_STREAMS = 10_000;

export const gateways = resource('gateways', async (app, { repositories, progress, onGatewayRevoked }) => {
  app.get(
    '/v1/gateways',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'listGateways',
        summary: 'Sensor gateways',
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: PageOf(Gateway), ...problems(401, 403) },
      },
    },
    async (request) => pageReply('gateways', await repositories.gateways.list(teamOf(request), pageRequest('gateways', request.query))),
  );

  app.post(
    '/v1/gateways',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'createGateway',
        summary: 'Provision a gateway',
        description: 'The token is shown in this answer and never again.',
        body: NewGateway,
        response: { 201: CreatedGateway, ...problems(401, 403, 409, 422) },
      },
    },
    async (request, reply) => {
      const { teamId, name } = request.body;
      const token = mintGatewayToken();
      const gateway = await repositories.gateways.create(teamFor(request, teamId), { name, prefix: token.prefix, hash: token.hash });
      return reply.code(201).send({ ...gateway, token: token.secret });
    },
  );

  app.post(
    '/v1/gateways/:id/revoke',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'revokeGateway',
        summary: "Revoke a gateway's token; its connections are closed",
        params: IdParams,
        response: { 200: Gateway, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const gateway = found(await repositories.gateways.revoke(teamOf(request), id), 'gateway', id);
      onGatewayRevoked(gateway.id);
      return gateway;
    },
  );

  app.get(
    '/v1/gateways/me/progress',
    {
      onRequest: app.requiresGateway,
      schema: {
        tags,
        security: GATEWAY_SECURITY,
        operationId: 'getOwnProgress',
        summary: 'How far the data of the asking gateway have come',
        response: { 200: Progress, ...problems(401) },
      },
    },
    async (request) => {
      const streams = await repositories.gateways.streams(gatewayOf(request).gatewayId, MAX_STREAMS);
      const athleteIds = [...new Set(streams.map((stream) => stream.athleteId))];
      return { streams, athletes: [...(await progress(athleteIds))] };
    },
  );
});
