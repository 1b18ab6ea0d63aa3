import { teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, readRange } from '../schemas.ts';
import { Metric, MetricQuery } from './schemas.ts';

export const metrics = resource('metrics', async (app, { repositories }) => {
  app.get(
    '/v1/athletes/:id/metrics',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'listMetrics',
        summary: 'Gait, jump and heart metrics of an athlete, newest first',
        params: IdParams,
        querystring: MetricQuery,
        response: { 200: PageOf(Metric), ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { name, sessionId } = request.query;
      const { from, to } = readRange(request.query);
      const { id } = request.params;
      const team = teamOf(request);
      found(await repositories.athletes.get(team, id), 'athlete', id);
      const filter = {
        ...(from === null ? {} : { from }),
        ...(to === null ? {} : { to }),
        ...(name === undefined ? {} : { name }),
        ...(sessionId === undefined ? {} : { sessionId }),
      };
      return pageReply('metrics', await repositories.metrics.list(team, id, filter, pageRequest('metrics', request.query)));
    },
  );
});
