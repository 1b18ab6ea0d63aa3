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

function refuse(reply: FastifyReply, status: number, title: string, detail: string): FastifyReply {
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title, status, detail }));
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
    refuse(reply.header('www-authenticate', 'Bearer'), 401, 'Unauthorized', 'a bearer token of a provisioned gateway is needed');
    return undefined;
  }
  if (stopping || metrics.connections >= settings.maxConnections) {
    countError(metrics, stopping ? 'service-stopping' : 'too-many-connections');
    refuse(
      reply.header('retry-after', '5'),
      503,
      'Service Unavailable',
      stopping ? 'the service is stopping' : 'no more connections are taken',
    );
    return undefined;
  }
  let identity: GatewayIdentity | null;
  try {
    identity = await directory.authenticate(token);
  } catch (error) {
    log.error({ err: error }, 'gateway directory failed');
    countError(metrics, 'directory-unavailable');
    refuse(reply.header('retry-after', '5'), 503, 'Service Unavailable', 'tokens cannot be looked up now');
    return undefined;
  }
  if (identity === null) {
    countError(metrics, 'unauthenticated');
    refuse(reply.header('www-authenticate', 'Bearer error="invalid_token"'), 401, 'Unauthorized', 'the token is unknown or revoked');
    return undefined;
  }
  if (!request.ws) {
    refuse(reply.header('upgrade', 'websocket'), 426, 'Upgrade Required', 'this resource is a WebSocket');
    return undefined;
  }
  return { identity, token };
}
