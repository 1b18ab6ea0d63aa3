/** The gateway role: GET /v1/ingest, sensor gateways in, frames to the sink. docs/protocol.md describes what is spoken. */
import websocket, { type WebSocket } from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { dispatch } from './dispatcher.ts';
import { countError, type GatewayMetrics } from './metrics.ts';
import { resolveOptions, type GatewayOptions, type GatewaySettings } from './options.ts';
import { createRegistry, type Registry } from './registry.ts';
import { Session } from './session.ts';
import { admit, type Visitor } from './upgrade.ts';

export interface GatewayStreamProgress {
  readonly gatewayId: string;
  readonly athleteId: string;
  readonly streamId: number;
  readonly expected: number;
  readonly stored: number;
  /** Receipt stamp of the newest accepted frame, NaN before the first. */
  readonly lastReceivedUs: number;
}

/** `fastify.gateway`. */
export interface GatewayHandle {
  readonly metrics: GatewayMetrics;
  /** Closes the gateway's live sockets with token-revoked; returns how many. The directory keeps it from coming back. */
  revoke(gatewayId: string): number;
  /** Takes no new connection, says bye to the live ones and closes each once what it has under way is acknowledged. Also done by fastify.close(). */
  stop(): Promise<void>;
  progress(): GatewayStreamProgress[];
}

declare module 'fastify' {
  interface FastifyInstance {
    gateway: GatewayHandle;
  }
}

/** A message in more pieces than this is a flood: the largest one fits 64 fragments of 16 KiB. */
const MAX_FRAGMENTS = 64;
/** TCP segments one unfinished message may arrive in; a message of 1 MiB takes about 750. */
const MAX_CHUNKS = 16_384;
const CLOSE_TIMEOUT_MS = 5000;

const errorCodeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '');

/** ws has begun to close with the right code (1009, 1008, 1002, 1007) when it reports such an error; here it is counted. */
function countSocketError(metrics: GatewayMetrics, error: Error): void {
  const code = errorCodeOf(error);
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') countError(metrics, 'message-too-large');
  else if (code === 'WS_ERR_TOO_MANY_BUFFERED_PARTS') countError(metrics, 'fragment-flood');
  else if (code.startsWith('WS_ERR')) countError(metrics, 'bad-websocket-frame');
}

function serve(socket: WebSocket, visitor: Visitor, settings: GatewaySettings, registry: Registry<Session>): void {
  const { metrics } = settings;
  const session = new Session(socket, visitor.identity, visitor.token, settings, registry);
  // Attached before anything is awaited: a message that comes while nobody listens is lost.
  // binaryType is nodebuffer, so that data is one Buffer and never a list of them.
  socket.on('message', (data, isBinary) => {
    try {
      dispatch(session, data as Buffer, isBinary);
    } catch (error) {
      // A fault of ours costs this connection, not the process.
      settings.log.error({ err: error, gatewayId: visitor.identity.gatewayId }, 'a message could not be worked on');
      session.fail('internal', 'the message could not be worked on');
    }
  });
  socket.on('pong', () => (session.heard = true));
  socket.on('close', () => {
    metrics.connections -= 1;
    session.dispose();
  });
  metrics.connections += 1;
  metrics.connectionsTotal += 1;
  registry.add(session);
}

/** Revocations made by another process show up here. */
async function recheckTokens(registry: Registry<Session>, settings: GatewaySettings): Promise<void> {
  for (const session of registry.sessions) {
    try {
      // One at a time: this runs beside the data and has no hurry.
      // oxlint-disable-next-line no-await-in-loop
      if ((await settings.directory.authenticate(session.token)) === null) session.fail('token-revoked', 'the token is no longer valid');
    } catch (error) {
      settings.log.warn({ err: error }, 'tokens could not be looked up again');
      return;
    }
  }
}

function startTimers(registry: Registry<Session>, settings: GatewaySettings): () => void {
  const ping = setInterval(() => {
    for (const session of registry.sessions) session.ping();
  }, settings.pingMs);
  let checking = false;
  const recheck = setInterval(() => {
    if (checking) return;
    checking = true;
    void recheckTokens(registry, settings).finally(() => (checking = false));
  }, settings.recheckMs);
  ping.unref();
  recheck.unref();
  return () => {
    clearInterval(ping);
    clearInterval(recheck);
  };
}

function createHandle(registry: Registry<Session>, settings: GatewaySettings, onStop: () => void): GatewayHandle {
  let stopped: Promise<void> | undefined;
  return {
    metrics: settings.metrics,
    revoke(gatewayId) {
      const live = [...registry.sessions].filter((session) => session.identity.gatewayId === gatewayId);
      for (const session of live) session.fail('token-revoked', 'the token was revoked');
      return live.length;
    },
    stop() {
      onStop();
      stopped ??= Promise.all([...registry.sessions].map((session) => session.leave('service-stopping', 1001))).then(() => undefined);
      return stopped;
    },
    progress: () =>
      [...registry.sessions].flatMap(({ identity, streams }) =>
        [...streams].map(({ athleteId, streamId, expected, stored, lastReceivedUs }) => ({
          gatewayId: identity.gatewayId,
          athleteId,
          streamId,
          expected,
          stored,
          lastReceivedUs,
        })),
      ),
  };
}

async function register(fastify: FastifyInstance, options: GatewayOptions): Promise<void> {
  const settings = resolveOptions(options);
  const registry = createRegistry<Session>();
  const visitors = new WeakMap<FastifyRequest, Visitor>();
  let stopping = false;
  const stopTimers = startTimers(registry, settings);
  const handle = createHandle(registry, settings, () => {
    stopping = true;
    stopTimers();
  });
  const socketOptions = {
    maxPayload: settings.limits.maxMessageBytes,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_CHUNKS,
    perMessageDeflate: false,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  await fastify.register(websocket, {
    options: socketOptions,
    errorHandler: (error) => countSocketError(settings.metrics, error),
    preClose: async () => {
      await handle.stop();
      fastify.websocketServer.close();
    },
  });
  fastify.decorate('gateway', handle);
  fastify.route({
    method: 'GET',
    url: '/v1/ingest',
    schema: { hide: true },
    preValidation: async (request, reply) => {
      const visitor = await admit(request, reply, settings, stopping);
      if (visitor === undefined) return reply;
      visitors.set(request, visitor);
      return undefined;
    },
    handler: (_request, reply) => reply.code(426).send(),
    wsHandler: (socket, request) => {
      const visitor = visitors.get(request);
      if (visitor === undefined) socket.close(1011);
      else serve(socket, visitor, settings, registry);
    },
  });
}

/** Fastify plugin; decorates the instance with `gateway`. */
export const gatewayPlugin = fp(register, { name: 'kinewatch-gateway', fastify: '5.x' });
