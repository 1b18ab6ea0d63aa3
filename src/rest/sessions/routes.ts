import { teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, readTime } from '../schemas.ts';
import { NewSession, Session, SessionPatch, SessionQuery } from './schemas.ts';

const tags = ['sessions'];

const missing = (path: '/startedAt' | '/minutes', message: string): ProblemError =>
  new ProblemError('validation-failed', 'A session of the past has a start and minutes, one that opens now has neither', [
    { in: 'body', path, message },
  ]);

/**
 * Start and minutes of a session of the past; null: it opens now.
 * @throws ProblemError `validation-failed` where one is there without the other, `time-out-of-range` where it is not over yet
 */
function readPast({ startedAt, minutes }: NewSession): { readonly started: Date; readonly minutes: number } | null {
  if (startedAt === undefined && minutes === undefined) return null;
  if (startedAt === undefined)
    throw missing('/startedAt', 'is required with minutes; correct the minutes of an open session once it is over');
  if (minutes === undefined) throw missing('/minutes', 'is required with startedAt');
  const started = readTime(startedAt);
  if (started.getTime() + minutes * 60_000 > Date.now()) {
    throw new ProblemError(
      'time-out-of-range',
      'The session is not over: leave startedAt and minutes out to open it now, or record it afterwards',
    );
  }
  return { started, minutes };
}

export const sessions = resource('sessions', async (app, { repositories, onSessionClosed }) => {
  app.get(
    '/v1/sessions',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listSessions',
        summary: 'Sessions, newest first',
        querystring: SessionQuery,
        response: { 200: PageOf(Session), ...problems(401, 403) },
      },
    },
    async (request) => {
      const { limit: _limit, cursor: _cursor, ...filter } = request.query;
      return pageReply('sessions', await repositories.sessions.list(teamOf(request), filter, pageRequest('sessions', request.query)));
    },
  );

  app.post(
    '/v1/sessions',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'openSession',
        summary: 'Open a session by staff',
        description:
          'A session opens with the first frame too; this states its type and plan beforehand. With `startedAt` and `minutes` it records a session of ' +
          'the past that no sensor saw, so that its hours count.',
        body: NewSession,
        response: { 201: Session, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const past = readPast(body);
      const session =
        past === null
          ? await repositories.sessions.open(teamOf(request), body)
          : await repositories.sessions.record(teamOf(request), { ...body, ...past });
      return reply.code(201).send(found(session, 'athlete', body.athleteId));
    },
  );

  app.patch(
    '/v1/sessions/:id',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'updateSession',
        summary: "Correct a session's type, exposure or minutes, or change its plan",
        params: IdParams,
        description:
          'Minutes past the end of the session are refused while they are not over, or where another session of the athlete lies in them.',
        body: SessionPatch,
        response: { 200: Session, ...problems(401, 403, 404, 409, 422) },
      },
    },
    async (request) =>
      found(await repositories.sessions.update(teamOf(request), request.params.id, request.body), 'session', request.params.id),
  );

  app.get(
    '/v1/sessions/:id',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'getSession',
        summary: 'One session',
        params: IdParams,
        response: { 200: Session, ...problems(401, 403, 404) },
      },
    },
    async (request) => found(await repositories.sessions.get(teamOf(request), request.params.id), 'session', request.params.id),
  );

  app.post(
    '/v1/sessions/:id/close',
    {
      onRequest: app.requires('write'),
      schema: {
        tags,
        security,
        operationId: 'closeSession',
        summary: 'Close a session by staff; its metrics follow',
        params: IdParams,
        response: { 200: Session, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => {
      const session = found(await repositories.sessions.close(teamOf(request), request.params.id), 'session', request.params.id);
      onSessionClosed(session.id);
      return session;
    },
  );
});
