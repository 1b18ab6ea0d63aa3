/** Limits that staff set on an athlete's load of a day. What a day has above one raises an alert (src/asms/day-load.ts). */
import { teamDayOf } from '../../asms/team-days.ts';
import { callerOf, teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, readTime } from '../schemas.ts';
import { LoadCeiling, LoadCeilingQuery, NewLoadCeiling } from './schemas.ts';

const tags = ['athletes'];

const faulty = (path: string, detail: string, message: string): ProblemError =>
  new ProblemError('validation-failed', detail, [{ in: 'body', path, message }]);

/** @throws ProblemError `validation-failed`, `time-out-of-range` */
function readCeiling({ series, ceiling, from, to, reason }: NewLoadCeiling, today: string) {
  if (ceiling === 0)
    throw faulty(
      '/ceiling',
      'A ceiling of 0 allows no training at all: record why the athlete does not train (injury, illness), or set the least that may be',
      'must be above 0',
    );
  const first = from ?? today;
  readTime(first);
  if (first < today)
    throw new ProblemError('time-out-of-range', `from ${first} has passed, it is ${today} there: a ceiling begins today or later`);
  if (to !== undefined) readTime(to);
  if (to !== undefined && to < first)
    throw faulty('/to', `The ceiling would end on ${to}, before it begins on ${first}`, 'must not be before from');
  return { series, ceiling, from: first, to: to ?? null, reason: reason ?? null };
}

export const loadCeilings = resource('load-ceilings', async (app, { repositories }) => {
  app.get(
    '/v1/athletes/:id/load-ceilings',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listLoadCeilings',
        summary: 'Ceilings that staff set on the load of a day, newest first',
        params: IdParams,
        querystring: LoadCeilingQuery,
        response: { 200: PageOf(LoadCeiling), ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { open } = request.query;
      const team = teamOf(request);
      const timeZone = found(await repositories.load.timeZone(team, id), 'athlete', id);
      const today = teamDayOf(Date.now(), timeZone);
      const filter = open === undefined ? {} : { open };
      return pageReply(
        'load-ceilings',
        await repositories.loadCeilings.list(team, id, filter, today, pageRequest('load-ceilings', request.query)),
      );
    },
  );

  app.post(
    '/v1/athletes/:id/load-ceilings',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'setLoadCeiling',
        summary: 'Set a ceiling on the load of a day',
        description:
          "Days are the team's. One ceiling of a series holds on a day: one that overlaps another is refused, end that one first. The ceiling of a return-to-play " +
          'stage stands beside it, and the lower one holds. A day above it raises an alert of the type load-above-ceiling within seconds of the record.',
        params: IdParams,
        body: NewLoadCeiling,
        response: { 201: LoadCeiling, ...problems(400, 401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const team = teamOf(request);
      const timeZone = found(await repositories.load.timeZone(team, id), 'athlete', id);
      const ceiling = readCeiling(request.body, teamDayOf(Date.now(), timeZone));
      const set = await repositories.loadCeilings.set(team, id, { ...ceiling, by: callerOf(request).name });
      return reply.code(201).send(found(set, 'athlete', id));
    },
  );

  app.post(
    '/v1/load-ceilings/:id/end',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'endLoadCeiling',
        summary: 'End a ceiling: it does not hold from today on',
        params: IdParams,
        response: { 200: LoadCeiling, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const end = (timeZone: string): string => teamDayOf(Date.now(), timeZone);
      return found(await repositories.loadCeilings.end(teamOf(request), id, callerOf(request).name, end), 'load ceiling', id);
    },
  );
});
