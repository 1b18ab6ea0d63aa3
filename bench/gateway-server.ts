/** Child process of bench/gateway.ts: the gateway path or its limit, a bare `ws` server, one of the two alone on this thread. */
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { WebSocketServer } from 'ws';
import type { FrameOwner, FrameSink, GatewayDirectory } from '../src/gateway/ports.ts';
import { gatewayPlugin } from '../src/gateway/plugin.ts';

const COMMIT_MS = 25;

/** Takes what a store and the shards would take, counts it, and acknowledges on the commit interval of the real store. */
function createCountingSink(): FrameSink & { readonly count: { frames: number; bytes: number; refused: number } } {
  const count = { frames: 0, bytes: 0, refused: 0 };
  const touched = new Map<number, { next: number; owner: FrameOwner }>();
  setInterval(() => {
    for (const [streamId, { next, owner }] of touched) owner.onStored({ streamId, next });
    touched.clear();
  }, COMMIT_MS);
  return {
    count,
    append({ streamId, sequence, bytes, refusal }, owner) {
      if (refusal === undefined) count.frames += 1;
      else count.refused += 1;
      count.bytes += bytes.length;
      const entry = touched.get(streamId);
      if (entry === undefined) touched.set(streamId, { next: sequence + 1, owner });
      else entry.next = sequence + 1;
      return true;
    },
    whenDrained: () => Promise.resolve(),
  };
}

const directory: GatewayDirectory = {
  authenticate: () => Promise.resolve({ gatewayId: 'bench', teamId: 'bench', name: 'bench' }),
  openStreams: (_gateway, declarations, receivedUs) =>
    Promise.resolve(
      declarations.map((declaration) => ({
        streamId: Number(declaration.device),
        athleteId: declaration.device,
        declaration,
        receivedUs,
        nextSequence: 0,
        lastDeviceTimeUs: null,
      })),
    ),
};

interface Served {
  readonly port: number;
  readonly frames: () => number;
  readonly refused: () => number;
}

async function serveGateway(): Promise<Served> {
  const sink = createCountingSink();
  const fastify = Fastify();
  await fastify.register(gatewayPlugin, { directory, sink, creditBytes: 2 ** 40 });
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  return {
    port: (fastify.server.address() as AddressInfo).port,
    frames: () => sink.count.frames,
    refused: () => sink.count.refused + fastify.gateway.metrics.duplicates,
  };
}

async function serveBare(): Promise<Served> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  let frames = 0;
  server.on('connection', (socket) => {
    socket.on('message', (_data, isBinary) => {
      if (isBinary) frames += 1;
      // Stands for the welcome that the load generator waits for.
      else socket.send('{"type":"welcome"}');
    });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return { port: (server.address() as AddressInfo).port, frames: () => frames, refused: () => 0 };
}

const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const served = process.argv[2] === 'bare' ? await serveBare() : await serveGateway();
process.on('message', () =>
  process.send?.({ frames: served.frames(), refused: served.refused(), cpuUs: cpuUs(), atUs: performance.now() * 1000 }),
);
process.on('disconnect', () => process.exit(0));
process.send?.({ port: served.port });
