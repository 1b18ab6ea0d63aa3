import { teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, readRange } from '../schemas.ts';
import { AuditEntry, AuditQuery } from './schemas.ts';

export const audit = resource('audit', async (app, { repositories }) => {
  app.get(
    '/v1/athletes/:id/audit',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'listAudit',
        summary: 'Who read or changed what of an athlete, newest first',
        description: 'Every answer that named the athlete, refusals too; this request is recorded itself, after it was answered.',
        params: IdParams,
        querystring: AuditQuery,
        response: { 200: PageOf(AuditEntry), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const athlete = found(await repositories.athletes.get(teamOf(request), id), 'athlete', id);
      return pageReply('audit', await repositories.audit.list(athlete, readRange(request.query), pageRequest('audit', request.query)));
    },
  );
});
