/** Server-sent events. Last-Event-ID is not promised: a client that reconnects reads /state and /alerts, then goes on. */
import type { ServerResponse } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import { Type } from 'typebox';
import type { LiveEvent } from '../../contracts/events.ts';
import { callerOf } from '../auth.ts';
import { API_KEY_SECURITY as security } from '../documentation.ts';
import { ProblemError, problems } from '../problems.ts';
import type { ApiKeyRepository } from '../ports.ts';
import { found, resource } from '../resource.ts';
import { createClientBuffer } from './client-buffer.ts';
import { LiveQuery } from './schemas.ts';

/** (chosen) A squad of 30 at one event a second each: about eight seconds of a stalled socket. */
const BUFFERED_EVENTS = 256;
const HEARTBEAT_MS = 15_000;
const MAX_CLIENTS = 256;

interface Client {
  send(event: LiveEvent): void;
  heartbeat(): Promise<void>;
  end(): void;
}

interface ClientOptions {
  readonly response: ServerResponse;
  readonly keyId: string;
  readonly apiKeys: Pick<ApiKeyRepository, 'isValid'>;
  readonly log: FastifyBaseLogger;
}

function createClient({ response, keyId, apiKeys, log }: ClientOptions): Client {
  const buffer = createClientBuffer(BUFFERED_EVENTS);
  let writable = true;
  const write = (text: string): void => {
    if (response.destroyed || response.writableEnded) return;
    writable = response.write(text);
  };
  const drain = (): void => {
    writable = true;
    const dropped = buffer.takeDropped();
    if (dropped > 0) write(`event: dropped\ndata: {"type":"dropped","stateUpdates":${dropped}}\n\n`);
    for (let event = writable ? buffer.shift() : undefined; event !== undefined; event = writable ? buffer.shift() : undefined)
      write(frame(event));
  };
  response.on('drain', drain);
  return {
    send(event) {
      if (writable) write(frame(event));
      else if (!buffer.push(event)) {
        log.warn({ keyId }, 'live client too slow for its alerts, closed');
        response.destroy();
      }
    },
    async heartbeat() {
      // A revoked key ends its open streams too, a heartbeat later at most.
      if (!(await apiKeys.isValid(keyId))) response.end(': the API key is no longer valid\n\n');
      else if (writable) write(': heartbeat\n\n');
    },
    end: () => void response.end(': the service stops\n\n'),
  };
}

const frame = (event: LiveEvent): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

export const live = resource(
  'live',
  async (app, { repositories, live: source, heartbeatMs = HEARTBEAT_MS, maxLiveClients = MAX_CLIENTS }) => {
    const clients = new Set<Client>();
    const timer = setInterval(() => {
      for (const client of clients) client.heartbeat().catch((error: unknown) => app.log.warn({ err: error }, 'live heartbeat failed'));
    }, heartbeatMs);
    timer.unref();
    // Open streams would keep the server from closing.
    app.addHook('preClose', async () => {
      clearInterval(timer);
      for (const client of clients) client.end();
    });

    app.get(
      '/v1/live',
      {
        onRequest: app.requires('read'),
        exposeHeadRoute: false,
        schema: {
          tags: ['live'],
          security,
          operationId: 'streamLive',
          summary: 'States, alerts and recommendations as server-sent events',
          description:
            'Events: athlete.state, the alert events (alert.raised, .cleared, .acknowledged, .snoozed, .assigned, .closed, .outcome-corrected), common-cause.raised, notice.sent, recommendation.created, and `dropped` with the number of state updates that a slow client missed (alerts are never dropped; a client too slow for them is disconnected). A comment is sent every 15 s. There is no replay: after a reconnect read /state and /alerts.',
          querystring: LiveQuery,
          produces: ['text/event-stream'],
          response: { 200: Type.String({ description: 'text/event-stream' }), ...problems(401, 403, 404, 503) },
        },
      },
      async (request, reply) => {
        const caller = callerOf(request);
        const { athlete, team } = request.query;
        if (team !== undefined && caller.teamId !== null && team !== caller.teamId)
          throw new ProblemError('not-found', `There is no team ${team}`);
        if (athlete !== undefined) found(await repositories.athletes.get(caller.teamId, athlete), 'athlete', athlete);
        if (clients.size >= maxLiveClients)
          throw new ProblemError(
            'too-many-clients',
            `${maxLiveClients} live clients are connected, the most there may be: close one, or try again later`,
          );
        const wantedTeam = caller.teamId ?? team;
        await repositories.audit.record({
          keyId: caller.keyId,
          caller: caller.name,
          teamId: wantedTeam ?? null,
          action: 'streamLive',
          statusCode: 200,
          athleteIds: athlete === undefined ? [] : [athlete],
        });
        const wanted = (event: LiveEvent): boolean =>
          (wantedTeam === undefined || event.teamId === wantedTeam) && (athlete === undefined || event.athleteId === athlete);

        reply.hijack();
        const response = reply.raw;
        if (response.destroyed) return reply;
        const client = createClient({ response, keyId: caller.keyId, apiKeys: repositories.apiKeys, log: request.log });
        clients.add(client);
        const unsubscribe = source.subscribe((event) => {
          if (wanted(event)) client.send(event);
        });
        response.once('close', () => {
          unsubscribe();
          clients.delete(client);
        });
        response.writeHead(200, {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        });
        response.write('retry: 2000\n: connected\n\n');
        return reply;
      },
    );
  },
);
