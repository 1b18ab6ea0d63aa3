import { teamOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf } from '../schemas.ts';
import { NewSession, Session, SessionQuery } from './schemas.ts';

const tags = ['sessions'];

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
        description: 'A session opens with the first frame too; this states its type beforehand.',
        body: NewSession,
        response: { 201: Session, ...problems(401, 403, 404, 409) },
      },
    },
    async (request, reply) =>
      reply.code(201).send(found(await repositories.sessions.open(teamOf(request), request.body), 'athlete', request.body.athleteId)),
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
