import { teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, readRange } from '../schemas.ts';
import { viewChanges } from './change.ts';
import { ChangeQuery, Metric, MetricChanges, MetricQuery } from './schemas.ts';

/** How far back a metric's sessions and the squad's are looked at, (chosen) a season. */
const LOOK_BACK_MS = 365 * 86_400_000;

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

  app.get(
    '/v1/athletes/:id/metrics/change',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'getMetricChange',
        summary: "Latest value of each metric against the athlete's own baseline, with the chance that it really changed",
        params: IdParams,
        querystring: ChangeQuery,
        response: { 200: MetricChanges, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { name = null } = request.query;
      const since = new Date(Date.now() - LOOK_BACK_MS);
      return viewChanges(id, found(await repositories.metrics.readChange(teamOf(request), id, { since, name }), 'athlete', id));
    },
  );
});
