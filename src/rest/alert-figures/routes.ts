import type { FastifyRequest } from 'fastify';
import { countDays, shiftDay, teamDayOf, teamDays } from '../../asms/team-days.ts';
import { teamOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, readTime } from '../schemas.ts';
import { AlertFigures, AlertRatings, FiguresQuery } from './schemas.ts';
import { viewFigures, viewRatings, type Period } from './view.ts';

const tags = ['alerts'];
const DEFAULT_DAYS = 28;
/** BOUNDED: days a request. */
const MAX_DAYS = 366;

/** @throws ProblemError `time-out-of-range` */
function readPeriod(teamId: string, timeZone: string, query: { readonly from?: string; readonly to?: string }): Period {
  const to = query.to ?? teamDayOf(Date.now(), timeZone);
  readTime(to);
  const from = query.from ?? shiftDay(to, 1 - DEFAULT_DAYS);
  readTime(from);
  const count = countDays(from, to);
  if (count < 1) throw new ProblemError('time-out-of-range', 'The range begins after it ends: from is later than to');
  if (count > MAX_DAYS) throw new ProblemError('time-out-of-range', `The range holds ${count} days; ask for ${MAX_DAYS} at most`);
  return { teamId, timeZone, days: teamDays(from, to, timeZone) };
}

export const alertFigures = resource('alert-figures', async (app, { repositories }) => {
  const periodOf = async (request: FastifyRequest, id: string, query: { readonly from?: string; readonly to?: string }) => {
    const timeZone = found(await repositories.alertFigures.timeZone(teamOf(request), id), 'team', id);
    const period = readPeriod(id, timeZone, query);
    const range = { fromUs: period.days[0]?.fromUs ?? 0, toUs: period.days.at(-1)?.toUs ?? 0 };
    return { period, range };
  };

  app.get(
    '/v1/teams/:id/alert-ratings',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'getAlertRatings',
        summary: "Clinicians' ratings of a team's alerts: mean, number and agreement",
        description:
          "Agreement is Krippendorff's alpha for ordinal data over the alerts that two or more rated. Where there is nothing to tell a figure from, it is null and hiddenBecause says why.",
        params: IdParams,
        querystring: FiguresQuery,
        response: { 200: AlertRatings, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { period, range } = await periodOf(request, request.params.id, request.query);
      return viewRatings(period, await repositories.alertFigures.ratings(period.teamId, range));
    },
  );

  app.get(
    '/v1/teams/:id/alert-figures',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'getAlertFigures',
        summary: "A team's alerts a day, and how many of them were right",
        description:
          'PPV is the share of closed alerts about athletes whose outcome is injury-confirmed or load-changed, with its number and Wilson 95 % interval. Alerts that nobody closed are in neither part of it.',
        params: IdParams,
        querystring: FiguresQuery,
        response: { 200: AlertFigures, ...problems(401, 403, 404, 422) },
      },
    },
    async (request) => {
      const { period, range } = await periodOf(request, request.params.id, request.query);
      const [alerts, notices] = await Promise.all([
        repositories.alertFigures.alerts(period.teamId, range),
        repositories.alertFigures.noticesSent(period.teamId, range),
      ]);
      return viewFigures(period, alerts, notices);
    },
  );
});
