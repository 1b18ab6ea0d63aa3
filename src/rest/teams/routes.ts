import { teamOf, callerOf } from '../auth.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { resource } from '../resource.ts';
import { PageOf, PageQuery } from '../schemas.ts';
import { Type } from 'typebox';
import { NewTeam, Team } from './schemas.ts';

const tags = ['teams'];

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export const teams = resource('teams', async (app, { repositories }) => {
  app.get(
    '/v1/teams',
    {
      onRequest: app.requires('read'),
      schema: {
        tags,
        security,
        operationId: 'listTeams',
        summary: 'Teams the key may see',
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: PageOf(Team), ...problems(401, 403) },
      },
    },
    async (request) => pageReply('teams', await repositories.teams.list(teamOf(request), pageRequest('teams', request.query))),
  );

  app.post(
    '/v1/teams',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'createTeam',
        summary: 'Create a team',
        description: 'Needs a key of every team.',
        body: NewTeam,
        response: { 201: Team, ...problems(401, 403, 409) },
      },
    },
    async (request, reply) => {
      if (callerOf(request).teamId !== null) throw new ProblemError('other-team', 'Only a key of every team creates teams');
      const { timeZone } = request.body;
      if (timeZone !== undefined && !isTimeZone(timeZone)) {
        throw new ProblemError('validation-failed', 'The time zone is unknown', [
          { in: 'body', path: '/timeZone', message: 'must be an IANA time zone' },
        ]);
      }
      return reply.code(201).send(await repositories.teams.create(request.body));
    },
  );
});
