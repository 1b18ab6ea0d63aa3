import { teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams } from '../schemas.ts';
import { AthleteHazard, HazardQuery } from './schemas.ts';
import { readDayRange, viewHazard } from './view.ts';

export const hazard = resource('hazard', async (app, { repositories }) => {
  app.get(
    '/v1/athletes/:id/hazard',
    {
      onRequest: app.requires('read'),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'getAthleteHazard',
        summary: 'Probability of a new time-loss injury in the next 7 days, a figure a day',
        description:
          'Computed when the day of the team is over, from the pooled F_attn of its active windows, loads, mornings, injury history and age; again when something ' +
          'of the last 35 days comes in late. Group terms are log-odds and show what moved the figure; they name no cause. Below the minimum of data there ' +
          'is a reason in place of a figure.',
        params: IdParams,
        querystring: HazardQuery,
        response: { 200: AthleteHazard, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const team = teamOf(request);
      const timeZone = found(await repositories.hazard.timeZone(team, id), 'athlete', id);
      const range = readDayRange(request.query, timeZone, Date.now());
      return viewHazard(id, range, found(await repositories.hazard.read(team, id, range), 'athlete', id));
    },
  );
});
