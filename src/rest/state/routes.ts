import { allows, callerOf, teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams } from '../schemas.ts';
import { AthleteState } from './schemas.ts';
import { viewState } from './view.ts';

export const state = resource('state', async (app, { repositories }) => {
  app.get(
    '/v1/athletes/:id/state',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'getAthleteState',
        summary: 'Where an athlete stands now: state, deviation, recovery, and what the figures rest on',
        params: IdParams,
        response: { 200: AthleteState, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const current = found(await repositories.scores.current(teamOf(request), id), 'athlete', id);
      return viewState(id, current, Date.now(), allows(callerOf(request).scopes, 'medical'));
    },
  );
});
