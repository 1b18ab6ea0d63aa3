import { INJURY_FIGURES_METHOD, injuryFigures } from '../../asms/injury-figures.ts';
import { allows, callerOf, teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { readDays } from '../load/view.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams } from '../schemas.ts';
import { shiftDay, teamDayOf } from '../../asms/team-days.ts';
import { FiguresQuery, InjuryFigures } from './schemas.ts';
import { squadOf } from './view.ts';

const YEAR_DAYS = 365;

export const injuryFiguresOfTeam = resource('injury-figures', async (app, { repositories }) => {
  app.get(
    '/v1/teams/:id/injury-figures',
    {
      onRequest: app.requires('read'),
      schema: {
        tags: ['teams'],
        security,
        operationId: 'getInjuryFigures',
        summary: "A squad's injury incidence and burden per 1,000 h, severity and availability",
        description:
          'After the IOC consensus on recording injuries (Bahr 2020). An injury counts as of match or training where its onset lies within such a session of ' +
          'the athlete. Minutes are those of the session as staff corrected them, else as its frames say.',
        params: IdParams,
        querystring: FiguresQuery,
        response: { 200: InjuryFigures, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const team = teamOf(request);
      const timeZone = found(await repositories.injuryFigures.timeZone(team, id), 'team', id);
      const nowMs = Date.now();
      const to = request.query.to ?? teamDayOf(nowMs, timeZone);
      const range = readDays({ from: request.query.from ?? shiftDay(to, 1 - YEAR_DAYS), to }, timeZone, nowMs);
      const days = range.days.filter(({ day }) => day >= range.from);
      const [first, last] = [days[0]?.fromUs ?? 0, days.at(-1)?.toUs ?? 0];
      const stored = found(
        await repositories.injuryFigures.read(team, id, { from: new Date(first / 1_000), to: new Date(last / 1_000) }),
        'team',
        id,
      );
      const { classes, regions, ...rest } = injuryFigures(squadOf(stored, range, nowMs));
      return {
        teamId: id,
        timeZone,
        from: range.from,
        to: range.to,
        method: INJURY_FIGURES_METHOD,
        ...rest,
        classes: classes.map(({ severity, ...figures }) => ({
          ...figures,
          severity: severity === null ? null : { ...severity, classes: [...severity.classes] },
        })),
        regions: allows(callerOf(request).scopes, 'medical') ? [...regions] : null,
      };
    },
  );
});
