import { Type } from 'typebox';
import { allows, callerOf, teamOf } from '../auth.ts';
import { mintApiKey } from '../credentials.ts';
import { pageReply, pageRequest } from '../cursor.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import { found, resource } from '../resource.ts';
import { IdParams, PageOf, PageQuery, readTime } from '../schemas.ts';
import { ApiKey, CreatedApiKey, NewApiKey, ROLE_SCOPES, type Role, type Scope } from './schemas.ts';

const tags = ['api-keys'];

interface Grant {
  readonly role: Role | null;
  readonly athleteId: string | null;
  readonly scopes: readonly Scope[];
}

const wrong = (path: string, message: string): ProblemError =>
  new ProblemError('validation-failed', 'A key has a role or scopes, and one of an athlete names the athlete', [
    { in: 'body', path, message },
  ]);

/** @throws ProblemError `validation-failed` */
function readGrant({ role, athleteId, scopes }: NewApiKey): Grant {
  if ((role === undefined) === (scopes === undefined)) throw wrong('/role', 'must be given where there are no scopes, and not beside them');
  if ((role === 'athlete') !== (athleteId !== undefined))
    throw wrong('/athleteId', 'must be given with the role athlete, and with no other');
  return { role: role ?? null, athleteId: athleteId ?? null, scopes: scopes ?? (role === undefined ? [] : ROLE_SCOPES[role]) };
}

/** @throws ProblemError `time-out-of-range` where it has passed */
function readExpiry(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const expiresAt = readTime(text);
  if (expiresAt.getTime() <= Date.now())
    throw new ProblemError(
      'time-out-of-range',
      `expiresAt ${text} has passed: give a time to come, or leave it out for a key that does not expire`,
    );
  return expiresAt;
}

export const apiKeys = resource('api-keys', async (app, { repositories }) => {
  app.get(
    '/v1/api-keys',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'listApiKeys',
        summary: 'API keys, without the keys themselves',
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: PageOf(ApiKey), ...problems(401, 403) },
      },
    },
    async (request) => pageReply('api-keys', await repositories.apiKeys.list(teamOf(request), pageRequest('api-keys', request.query))),
  );

  app.post(
    '/v1/api-keys',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'createApiKey',
        summary: 'Create an API key',
        description:
          'The key is shown in this answer and never again. It has a role, or explicit scopes. A key cannot give what it does not have: scopes, or another team. ' +
          "A key of the role athlete is bound to `athleteId` and that athlete's team: it reads that athlete's own record and posts its wellness and session RPE.",
        body: NewApiKey,
        response: { 201: CreatedApiKey, ...problems(401, 403, 422) },
      },
    },
    async (request, reply) => {
      const { name, expiresAt } = request.body;
      const { role, athleteId, scopes } = readGrant(request.body);
      const caller = callerOf(request);
      const missing = scopes.find((scope) => !allows(caller.scopes, scope));
      if (missing !== undefined) throw new ProblemError('insufficient-scope', `This key lacks the scope ${missing} and cannot give it`);
      if (caller.teamId !== null && request.body.teamId !== undefined && request.body.teamId !== caller.teamId) {
        throw new ProblemError('other-team', 'The key belongs to another team: leave teamId out, or use a key of that team');
      }
      const key = mintApiKey();
      const stored = await repositories.apiKeys.create({
        teamId: request.body.teamId ?? caller.teamId,
        name,
        role,
        athleteId,
        scopes,
        prefix: key.prefix,
        hash: key.hash,
        expiresAt: readExpiry(expiresAt),
      });
      return reply.code(201).send({ ...stored, key: key.secret });
    },
  );

  app.post(
    '/v1/api-keys/:id/revoke',
    {
      onRequest: app.requires('admin'),
      schema: {
        tags,
        security,
        operationId: 'revokeApiKey',
        summary: 'Revoke an API key',
        params: IdParams,
        response: { 200: ApiKey, ...problems(401, 403, 404) },
      },
    },
    async (request) => found(await repositories.apiKeys.revoke(teamOf(request), request.params.id), 'API key', request.params.id),
  );
});
