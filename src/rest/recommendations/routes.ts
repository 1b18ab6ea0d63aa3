import { Type } from 'typebox';
import { callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, Uuid } from '../schemas.ts';
import { Decision, Recommendation, RecommendationQuery } from './schemas.ts';

const tags = ['athletes'];

export const recommendations = resource('recommendations', async (app, { repositories }) => {
  app.get(
    '/v1/athletes/:id/recommendations',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listRecommendations',
        summary: 'Recommendations for an athlete, newest first',
        params: IdParams,
        querystring: RecommendationQuery,
        response: { 200: PageOf(Recommendation), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { status } = request.query;
      const team = teamOf(request);
      found(await repositories.athletes.get(team, id), 'athlete', id);
      const page = pageRequest('recommendations', request.query);
      return pageReply('recommendations', await repositories.recommendations.list(team, id, status === undefined ? {} : { status }, page));
    },
  );

  app.patch(
    '/v1/athletes/:id/recommendations/:recommendationId',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'decideRecommendation',
        summary: 'Accept, change or decline a recommendation',
        description:
          'Once decided it stays so. Changed and declined need a reason. One of kind plan is decided by deciding the plan it names.',
        params: Type.Object({ id: Uuid, recommendationId: Uuid }),
        body: Decision,
        response: { 200: Recommendation, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id, recommendationId } = request.params;
      const { status, reason } = request.body;
      if (status !== 'accepted' && reason === undefined) {
        throw new ProblemError('validation-failed', `A recommendation is ${status} with a reason`, [
          { in: 'body', path: '/reason', message: 'is required' },
        ]);
      }
      const decision = { status, note: reason ?? null, by: callerOf(request).name };
      return found(
        await repositories.recommendations.decide(teamOf(request), id, recommendationId, decision),
        'recommendation',
        recommendationId,
      );
    },
  );
});
