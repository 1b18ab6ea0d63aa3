/** Who is asking: API keys by scope, gateways by their token. */
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { hashSecret } from './credentials.ts';
import { ProblemError } from './problems.ts';
import type { Caller, GatewayCaller, Repositories, Scope, TeamScope } from './ports.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** An onRequest hook: an API key with the scope, or 401 or 403. Athletes' keys are refused unless the route opens to them. */
    requires(scope: Scope, access?: Access): onRequestAsyncHookHandler;
    /** An onRequest hook: a gateway's token, or 401. */
    requiresGateway: onRequestAsyncHookHandler;
  }
}

export interface Access {
  /** The route is open to the key of the athlete whose id stands in its path as `id`: to that one alone. */
  readonly self?: boolean;
}

const callers = new WeakMap<FastifyRequest, Caller>();
const gateways = new WeakMap<FastifyRequest, GatewayCaller>();

/** The caller of a request that passed `requires`. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (caller === undefined) throw new ProblemError('internal', 'The route has no access rule');
  return caller;
}

/** Whose key it is, also of a request that is refused for want of a scope; null where no key was asked for or known. */
export const callerOrNull = (request: FastifyRequest): Caller | null => callers.get(request) ?? null;

/** The gateway of a request that passed `requiresGateway`. */
export function gatewayOf(request: FastifyRequest): GatewayCaller {
  const gateway = gateways.get(request);
  if (gateway === undefined) throw new ProblemError('internal', 'The route has no access rule');
  return gateway;
}

/** What every query is bounded by: the caller's team, or null for a key of every team. */
export const teamOf = (request: FastifyRequest): TeamScope => callerOf(request).teamId;

/** admin includes write, write includes read; medical stands alone, whoever administers keys need not see diagnoses. */
export function allows(scopes: readonly Scope[], needed: Scope): boolean {
  if (scopes.includes(needed)) return true;
  if (needed === 'read') return scopes.includes('write') || scopes.includes('admin');
  return needed === 'write' && scopes.includes('admin');
}

/**
 * The team a new row belongs to: the caller's, or the one a key of every team names.
 * @throws ProblemError `other-team`, `validation-failed`
 */
export function teamFor(request: FastifyRequest, named: string | undefined): string {
  const { teamId } = callerOf(request);
  if (teamId !== null) {
    if (named !== undefined && named !== teamId)
      throw new ProblemError('other-team', 'The key belongs to another team: leave teamId out, or use a key of that team');
    return teamId;
  }
  if (named === undefined) {
    throw new ProblemError('validation-failed', 'A key of every team names the team', [
      { in: 'body', path: '/teamId', message: 'is required for a key of every team' },
    ]);
  }
  return named;
}

/**
 * An athlete's key opens what names it, for its own athlete; another athlete is not found, as one of another team is.
 * @throws ProblemError `insufficient-scope`, `not-found`
 */
function requireOwn(request: FastifyRequest, athleteId: string, { self = false }: Access): void {
  // An id of something else in the path is no athlete's, whatever it equals.
  const ofAthlete = request.routeOptions.url?.startsWith('/v1/athletes/:id') === true;
  if (!self || !ofAthlete) throw new ProblemError('insufficient-scope', "An athlete's key does not open this; ask the staff");
  const { id } = request.params as { readonly id?: string };
  if (id?.toLowerCase() !== athleteId) throw new ProblemError('not-found', 'There is no such athlete');
}

function bearerOf(request: FastifyRequest): string {
  const header = request.headers.authorization;
  if (header === undefined) throw new ProblemError('missing-credentials', 'Send "Authorization: Bearer <token>"');
  const [, token] = /^Bearer +(\S{1,200})$/i.exec(header) ?? [];
  if (token === undefined) throw new ProblemError('invalid-credentials', 'The Authorization header is not a bearer token');
  return token;
}

export const authPlugin = fp<{ readonly repositories: Pick<Repositories, 'apiKeys' | 'gateways'> }>(
  async (app, { repositories }) => {
    app.decorate('requires', (scope: Scope, access: Access = {}): onRequestAsyncHookHandler => {
      return async (request) => {
        const token = bearerOf(request);
        const caller = token.startsWith('kw_') ? await repositories.apiKeys.authenticate(hashSecret(token)) : null;
        if (caller === null) throw new ProblemError('invalid-credentials', 'The API key is unknown, expired or revoked');
        // Known from here on, a refusal for want of a scope included: the audit log names who was refused.
        callers.set(request, caller);
        if (caller.athleteId !== null) requireOwn(request, caller.athleteId, access);
        else if (!allows(caller.scopes, scope)) throw new ProblemError('insufficient-scope', `This needs the scope ${scope}`);
      };
    });
    app.decorate('requiresGateway', async (request: FastifyRequest) => {
      const token = bearerOf(request);
      const gateway = token.startsWith('kwg_') ? await repositories.gateways.authenticate(hashSecret(token)) : null;
      if (gateway === null) throw new ProblemError('invalid-credentials', 'The gateway token is unknown or revoked');
      gateways.set(request, gateway);
    });
  },
  { name: 'kinewatch-auth', dependencies: ['kinewatch-problems'] },
);
