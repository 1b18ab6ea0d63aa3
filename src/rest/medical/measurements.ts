import { callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, microsOf, PageOf, readTime } from '../schemas.ts';
import { given } from './caller.ts';
import { checkMeasurement } from './measures.ts';
import { Measurement, MeasurementQuery, NewMeasurement, WithdrawBody } from './schemas.ts';

const tags = ['medical'];

export const measurements = resource('measurements', async (app, { repositories: { athletes, medical } }) => {
  app.get(
    '/v1/athletes/:id/measurements',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'listMeasurements',
        summary: 'What staff measured by hand, newest first',
        params: IdParams,
        querystring: MeasurementQuery,
        response: { 200: PageOf(Measurement), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { name } = request.query;
      const team = teamOf(request);
      found(await athletes.get(team, id), 'athlete', id);
      return pageReply(
        'measurements',
        await medical.listMeasurements(team, id, given({ name }), pageRequest('measurements', request.query)),
      );
    },
  );

  app.post(
    '/v1/athletes/:id/measurements',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'createMeasurement',
        summary: 'Record a measurement: pain, isometric strength, a sprint',
        description: 'Returns to play are judged by it, beside the session metrics. A wrong one is taken back and recorded anew.',
        params: IdParams,
        body: NewMeasurement,
        response: { 201: Measurement, ...problems(401, 403, 404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { name, value, unit, side = null } = request.body;
      const at = readTime(request.body.at);
      checkMeasurement({ name, value, unit, atUs: microsOf(at) }, Date.now() * 1_000);
      const measured = { name, value, unit, side, at, by: callerOf(request).name };
      return reply.code(201).send(found(await medical.createMeasurement(teamOf(request), id, measured), 'athlete', id));
    },
  );

  app.post(
    '/v1/measurements/:id/withdraw',
    {
      onRequest: app.requires('medical'),
      schema: {
        tags,
        security,
        operationId: 'withdrawMeasurement',
        summary: 'Take a measurement back: the history keeps it',
        params: IdParams,
        body: WithdrawBody,
        response: { 200: Measurement, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const gone = await medical.withdrawMeasurement(teamOf(request), id, callerOf(request).name, request.body.why);
      return found(gone, 'measurement', id);
    },
  );
});
