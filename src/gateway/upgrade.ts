/** Who may open the WebSocket: the bearer token is looked up before the upgrade, so that a stranger never gets a socket. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { countError } from './metrics.ts';
import type { GatewaySettings } from './options.ts';
import type { GatewayIdentity } from './ports.ts';

export interface Visitor {
  readonly identity: GatewayIdentity;
  readonly token: string;
}

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]{1,512}=*) *$/i;

/** Codes and titles as on the rest of the API where it has the same fault. */
const REFUSALS = {
  'missing-credentials': [401, 'No bearer token was sent'],
  'invalid-credentials': [401, 'The bearer token is unknown, expired or revoked'],
  'upgrade-required': [426, 'This resource is a WebSocket'],
  'service-stopping': [503, 'The service is stopping'],
  'too-many-connections': [503, 'No more connections are taken'],
  'directory-unavailable': [503, 'Tokens cannot be looked up now'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

function refuse(request: FastifyRequest, reply: FastifyReply, code: keyof typeof REFUSALS, detail: string): void {
  const [status, title] = REFUSALS[code];
  const instance = request.url.split('?', 1)[0] ?? request.url;
  const body = { type: `urn:kinewatch:problem:${code}`, title, status, code, detail, instance, requestId: request.id };
  void reply.code(status).type('application/problem+json').send(JSON.stringify(body));
}

/**
 * Looks the token up. Undefined: the reply was sent (401 unknown or revoked token, 426 no upgrade asked for, 503 no room, stopping or no
 * directory), as RFC 9457 problem details.
 */
export async function admit(
  request: FastifyRequest,
  reply: FastifyReply,
  settings: GatewaySettings,
  stopping: boolean,
): Promise<Visitor | undefined> {
  const { metrics, directory, log } = settings;
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) {
    countError(metrics, 'unauthenticated');
    refuse(request, reply.header('www-authenticate', 'Bearer'), 'missing-credentials', 'a bearer token of a provisioned gateway is needed');
    return undefined;
  }
  if (stopping || metrics.connections >= settings.maxConnections) {
    const code = stopping ? 'service-stopping' : 'too-many-connections';
    countError(metrics, code);
    refuse(request, reply.header('retry-after', '5'), code, 'try again after the time of retry-after');
    return undefined;
  }
  let identity: GatewayIdentity | null;
  try {
    identity = await directory.authenticate(token);
  } catch (error) {
    log.error({ err: error }, 'gateway directory failed');
    countError(metrics, 'directory-unavailable');
    refuse(request, reply.header('retry-after', '5'), 'directory-unavailable', 'try again after the time of retry-after');
    return undefined;
  }
  if (identity === null) {
    countError(metrics, 'unauthenticated');
    const challenge = 'Bearer error="invalid_token"';
    refuse(request, reply.header('www-authenticate', challenge), 'invalid-credentials', 'no gateway that may send has this token');
    return undefined;
  }
  if (!request.ws) {
    refuse(request, reply.header('upgrade', 'websocket'), 'upgrade-required', 'ask for a WebSocket upgrade, version 13');
    return undefined;
  }
  return { identity, token };
}
