import { teamOf } from '../auth.ts';
import { scorePageReply, scorePageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, microsOf, PageOf, readRange } from '../schemas.ts';
import { Score, ScoreQuery } from './schemas.ts';

export const scores = resource('scores', async (app, { repositories }) => {
  app.get(
    '/v1/athletes/:id/scores',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'listScores',
        summary: 'Scored windows of an athlete',
        description:
          'One window a second while active. `from` is inclusive and `to` exclusive, by the start of the window. Without `modelVersion` each window has the score of the version that was active then.',
        params: IdParams,
        querystring: ScoreQuery,
        response: { 200: PageOf(Score), ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { order = 'desc', modelVersion, include } = request.query;
      const { from, to } = readRange(request.query);
      const filter = {
        fromUs: from === null ? null : microsOf(from),
        toUs: to === null ? null : microsOf(to),
        order,
        modelVersion: modelVersion ?? null,
        attention: include === 'attention',
      };
      const { id } = request.params;
      return scorePageReply(
        found(await repositories.scores.list(teamOf(request), id, filter, scorePageRequest(request.query)), 'athlete', id),
      );
    },
  );
});
