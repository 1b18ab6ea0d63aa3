import { teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams } from '../schemas.ts';
import { AthleteLoad, LoadQuery } from './schemas.ts';
import { readDays, viewLoad } from './view.ts';

const DAY_MS = 86_400_000;

export const load = resource('load', async (app, { repositories }) => {
  app.get(
    '/v1/athletes/:id/load',
    {
      onRequest: app.requires('read', { self: true }),
      schema: {
        tags: ['athletes'],
        security,
        operationId: 'getAthleteLoad',
        summary: 'Load of an athlete a day, by series, with its figures at the last day',
        description:
          'The load of a session is rpe times minutes of an outcome of kind session-rpe, `at` being the end of the session; it counts on the day of the ' +
          "team's time zone on which the session began, that of the session whose id is the outcome's `sessionId` where it names one. A rest day is " +
          'stated by an outcome with rpe 0 and minutes 0: a day without any is not recorded. An outcome whose `replaces` is the id of another corrects it. ' +
          'TRIMP, distance and high-speed distance come from the heart rate and speed that a session recorded, under the limits that held when it began.',
        params: IdParams,
        querystring: LoadQuery,
        response: { 200: AthleteLoad, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const team = teamOf(request);
      const timeZone = found(await repositories.load.timeZone(team, id), 'athlete', id);
      const nowMs = Date.now();
      const range = readDays(request.query, timeZone, nowMs);
      const [first, last] = [range.days[0]?.fromUs ?? 0, range.days.at(-1)?.toUs ?? 0];
      // A session that began on the last day may end, and be rated, on the next.
      const stored = await repositories.load.read(team, id, {
        from: new Date(first / 1_000 - DAY_MS),
        to: new Date(last / 1_000 + DAY_MS),
      });
      return viewLoad(id, range, stored, nowMs);
    },
  );
});
