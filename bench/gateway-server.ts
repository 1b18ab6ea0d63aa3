/**
 * Child process of bench/gateway.ts, one of three alone on this thread: the gateway path with a counting sink, the same with the real frame
 * writer on an embedded PostgreSQL of its own (durable commits), or their limit, a bare `ws` server.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { WebSocketServer } from 'ws';
import type { FrameOwner, FrameSink, GatewayDirectory } from '../src/gateway/ports.ts';
import { gatewayPlugin } from '../src/gateway/plugin.ts';
import { startEmbeddedPostgres } from '../src/store/embedded-postgres.ts';
import { createFrameLanes } from '../src/store/frame-lanes.ts';
import { createGatewayDirectory, hashToken } from '../src/store/gateway-directory.ts';
import { migrate } from '../src/store/migrate.ts';
import { ensurePartitions } from '../src/store/partitions.ts';
import { openPool } from '../src/store/pool.ts';

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
  readonly stop?: () => Promise<void>;
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

/** A team, its gateway with token `bench`, and one athlete and device for each connection of the load (ids in turn, so that few athletes share the lanes as many would). */
const ROSTER = `
  WITH t AS (INSERT INTO team (id, name) VALUES (gen_random_uuid(), 'bench') RETURNING id),
       g AS (INSERT INTO gateway (id, team_id, name, token_prefix, token_hash) SELECT gen_random_uuid(), id, 'bench', 'bench', $1 FROM t),
       a AS (INSERT INTO athlete (id, team_id, external_id, name) SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, t.id, n::text, n::text FROM t, generate_series(1, 16) AS n RETURNING id, external_id),
       d AS (INSERT INTO device (id, team_id, serial, kind) SELECT gen_random_uuid(), t.id, n::text, 'imu' FROM t, generate_series(1, 16) AS n RETURNING id, serial)
  INSERT INTO device_assignment (id, device_id, athlete_id, valid_from) SELECT gen_random_uuid(), d.id, a.id, 'epoch' FROM a JOIN d ON d.serial = a.external_id`;

async function serveStored(): Promise<Served> {
  const root = await mkdtemp(join(tmpdir(), 'kwb-'));
  const postgres = await startEmbeddedPostgres({ directory: root });
  await migrate(postgres.connectionString);
  const pool = openPool(postgres.connectionString, { max: 4, name: 'bench' });
  await pool.query(ROSTER, [hashToken('bench')]);
  await ensurePartitions(pool, Date.now() * 1000, 1);
  const writer = createFrameLanes(2, {
    pool,
    commitIntervalMs: COMMIT_MS,
    maxBufferedBytes: 2 ** 26,
    onCommitted: () => undefined,
    log: console.error,
  });
  const fastify = Fastify();
  await fastify.register(gatewayPlugin, { directory: createGatewayDirectory(pool), sink: writer, creditBytes: 2 ** 40 });
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  return {
    port: (fastify.server.address() as AddressInfo).port,
    // Counted once committed: that is when they are acknowledged.
    frames: () => writer.stats().storedFrames,
    refused: () => writer.stats().refusedFrames + fastify.gateway.metrics.duplicates,
    stop: async () => {
      await fastify.close();
      await writer.close();
      await pool.end();
      await postgres.stop();
      await rm(root, { recursive: true, force: true });
    },
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
const SERVERS = { bare: serveBare, gateway: serveGateway, stored: serveStored };
const served = await SERVERS[process.argv[2] as keyof typeof SERVERS]();
process.on('message', () =>
  process.send?.({ frames: served.frames(), refused: served.refused(), cpuUs: cpuUs(), atUs: performance.now() * 1000 }),
);
process.on('disconnect', () => {
  void Promise.resolve(served.stop?.()).finally(() => process.exit(0));
});
process.send?.({ port: served.port });
