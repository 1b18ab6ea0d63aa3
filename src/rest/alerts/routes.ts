import { callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf } from '../schemas.ts';
import { Acknowledge, Alert, AlertQuery, AlertWithHistory, Snooze } from './schemas.ts';

const tags = ['alerts'];

export const alerts = resource('alerts', async (app, { repositories }) => {
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
      return pageReply('alerts', await repositories.alerts.list(teamOf(request), filter, pageRequest('alerts', request.query)));
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
        summary: 'One alert with its history',
        params: IdParams,
        response: { 200: AlertWithHistory, ...problems(401, 403, 404) },
      },
    },
    async (request) => found(await repositories.alerts.get(teamOf(request), request.params.id), 'alert', request.params.id),
  );

  app.post(
    '/v1/alerts/:id/acknowledge',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'acknowledgeAlert',
        summary: 'Acknowledge an alert',
        description: 'May be repeated: the first acknowledgement stands.',
        params: IdParams,
        body: Acknowledge,
        response: { 200: AlertWithHistory, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return found(
        await repositories.alerts.acknowledge(teamOf(request), id, callerOf(request).name, request.body.note ?? null),
        'alert',
        id,
      );
    },
  );

  app.post(
    '/v1/alerts/:id/snooze',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'snoozeAlert',
        summary: 'Keep an active alert quiet for a while',
        params: IdParams,
        body: Snooze,
        response: { 200: AlertWithHistory, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { minutes, note = null } = request.body;
      return found(await repositories.alerts.snooze(teamOf(request), id, minutes, callerOf(request).name, note), 'alert', id);
    },
  );
});
