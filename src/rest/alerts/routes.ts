import { allows, callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { explanationOfAlert } from '../explanations/view.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf } from '../schemas.ts';
import { changeRoutes } from './changes.ts';
import { Alert, AlertQuery, AlertWithHistory } from './schemas.ts';
import { shownTo, shownWithHistory } from './view.ts';

const tags = ['alerts'];

export const alerts = resource('alerts', async (app, options) => {
  const { repositories } = options;
  app.get(
    '/v1/alerts',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listAlerts',
        summary: 'Alerts, newest first',
        querystring: AlertQuery,
        response: { 200: PageOf(Alert), ...problems(401, 403) },
      },
    },
    async (request) => {
      const { limit: _limit, cursor: _cursor, ...filter } = request.query;
      const medical = allows(callerOf(request).scopes, 'medical');
      const page = await repositories.alerts.list(teamOf(request), filter, pageRequest('alerts', request.query));
      return pageReply('alerts', { ...page, items: page.items.map((alert) => shownTo(medical, alert)) });
    },
  );

  app.get(
    '/v1/alerts/:id',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'getAlert',
        summary: 'One alert with its history and ratings',
        params: IdParams,
        response: { 200: AlertWithHistory, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const team = teamOf(request);
      const alert = found(await repositories.alerts.get(team, id), 'alert', id);
      const medical = allows(callerOf(request).scopes, 'medical');
      const explanation = await explanationOfAlert(repositories.explanations, team, alert, medical);
      return { ...shownWithHistory(medical, alert), explanation };
    },
  );

  await changeRoutes(app, options);
});
