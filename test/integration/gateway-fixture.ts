/** A fastify instance with the gateway on a real port, over a directory and a sink in memory that keep the rules of the real ones. */
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { WebSocket } from 'ws';
import { KinewatchError } from '../../src/contracts/errors.ts';
import { encodeFrame } from '../../src/contracts/frame.ts';
import type { ServerMessage, StreamDeclaration } from '../../src/contracts/protocol.ts';
import type { OpenedStream } from '../../src/contracts/stream.ts';
import type { GatewayOptions } from '../../src/gateway/options.ts';
import { gatewayPlugin } from '../../src/gateway/plugin.ts';
import type { FrameOwner, FrameSink, GatewayDirectory, IncomingFrame } from '../../src/gateway/ports.ts';

export interface MemoryStore extends FrameSink, GatewayDirectory {
  /** Committed frames in commit order. */
  readonly stored: IncomingFrame[];
  readonly pending: IncomingFrame[];
  /** Frames above this many pending make append return false. */
  maxPending: number;
  /** Commit in the next turn of the event loop; otherwise only by commit(). */
  automatic: boolean;
  readonly tokens: Map<string, { gatewayId: string; teamId: string; name: string }>;
  readonly athletes: Map<string, string>;
  commit(): void;
  /** Resolves when `count` frames are pending. */
  pendingReached(count: number): Promise<void>;
  /** Resolves when `count` frames are stored. */
  storedReached(count: number): Promise<void>;
  sequencesOf(device: string): number[];
}

interface Row {
  readonly streamId: number;
  next: number;
  lastDeviceTimeUs: number | null;
}

export function createMemoryStore(): MemoryStore {
  const rows = new Map<string, Row>();
  const byId = new Map<number, Row>();
  const deviceOf = new Map<number, string>();
  let batch: { frame: IncomingFrame; owner: FrameOwner }[] = [];
  let drained: (() => void)[] = [];
  let planned = false;
  const watchers: { reached(): boolean; resolve(): void }[] = [];
  const look = (): void => {
    for (const watcher of watchers) if (watcher.reached()) watcher.resolve();
  };
  const until = (reached: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      if (reached()) resolve();
      else watchers.push({ reached, resolve });
    });
  const store: MemoryStore = {
    stored: [],
    get pending() {
      return batch.map(({ frame }) => frame);
    },
    maxPending: Infinity,
    automatic: true,
    tokens: new Map([
      ['token-a', { gatewayId: 'gateway-a', teamId: 'team', name: 'a' }],
      ['token-b', { gatewayId: 'gateway-b', teamId: 'team', name: 'b' }],
    ]),
    athletes: new Map([
      ['imu-1', '11111111-1111-4111-8111-111111111111'],
      ['imu-2', '22222222-2222-4222-8222-222222222222'],
      ['watch-1', '11111111-1111-4111-8111-111111111111'],
    ]),
    authenticate: (token) => Promise.resolve(store.tokens.get(token) ?? null),
    openStreams: (_gateway, declarations, receivedUs) => {
      const opened: OpenedStream[] = declarations.map((declaration) => {
        const athleteId = store.athletes.get(declaration.device);
        if (athleteId === undefined) throw new KinewatchError('unknown-device', `${declaration.device} is not provisioned`);
        const named = declaration.athlete;
        if (named !== undefined && 'id' in named && named.id !== athleteId) {
          const known = [...store.athletes.values()].includes(named.id);
          throw new KinewatchError(known ? 'assignment-mismatch' : 'unknown-athlete', `${declaration.device} is not worn by ${named.id}`);
        }
        const key = [declaration.device, declaration.boot, declaration.kind, declaration.placement].join(' ');
        const row = rows.get(key) ?? { streamId: rows.size + 1, next: 0, lastDeviceTimeUs: null };
        rows.set(key, row);
        byId.set(row.streamId, row);
        deviceOf.set(row.streamId, declaration.device);
        return {
          streamId: row.streamId,
          athleteId,
          declaration,
          receivedUs,
          nextSequence: row.next,
          lastDeviceTimeUs: row.lastDeviceTimeUs,
        };
      });
      return Promise.resolve(opened);
    },
    append(frame, owner) {
      batch.push({ frame, owner });
      look();
      if (store.automatic && !planned) {
        planned = true;
        setImmediate(() => {
          planned = false;
          if (store.automatic) store.commit();
        });
      }
      return batch.length <= store.maxPending;
    },
    whenDrained: () => new Promise((resolve) => drained.push(resolve)),
    commit() {
      const frames = batch;
      batch = [];
      const touched = new Map<number, FrameOwner>();
      for (const { frame, owner } of frames) {
        const row = byId.get(frame.streamId);
        touched.set(frame.streamId, owner);
        if (row === undefined || frame.sequence !== row.next) continue;
        row.next += 1;
        if (frame.refusal === undefined) row.lastDeviceTimeUs = frame.endDeviceTimeUs;
        store.stored.push(frame);
      }
      for (const [streamId, owner] of touched) owner.onStored({ streamId, next: byId.get(streamId)?.next ?? 0 });
      const waiting = drained;
      drained = [];
      for (const resolve of waiting) resolve();
      look();
    },
    pendingReached: (count) => until(() => batch.length >= count),
    storedReached: (count) => until(() => store.stored.length >= count),
    sequencesOf: (device) => store.stored.filter((frame) => deviceOf.get(frame.streamId) === device).map((frame) => frame.sequence),
  };
  return store;
}

export interface Service {
  readonly fastify: FastifyInstance;
  readonly store: MemoryStore;
  readonly url: string;
  readonly port: number;
}

export async function startGateway(options: Partial<GatewayOptions> = {}): Promise<Service> {
  const store = createMemoryStore();
  const fastify = Fastify();
  await fastify.register(gatewayPlugin, { directory: store, sink: store, ...options });
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  const { port } = fastify.server.address() as AddressInfo;
  return { fastify, store, port, url: `ws://127.0.0.1:${port}/v1/ingest` };
}

export const imu = (stream: number, device: string, more: Partial<StreamDeclaration> = {}): StreamDeclaration => ({
  stream,
  device,
  boot: 'boot-1',
  kind: 'imu',
  placement: 'foot-left',
  channels: ['ax', 'ay', 'az'].map((name) => ({ name, unit: 'm/s2' })),
  gravity: 'included',
  frame: 'sensor',
  mode: 'live',
  rateHz: 100,
  encoding: 'int16',
  scale: [0.01, 0.01, 0.01],
  ...more,
});

/** Ten samples of three channels, 0.1 s. */
export const frameOf = (
  stream: number,
  sequence: number,
  more: { deviceTimeUs?: number; flags?: number; channels?: number; samples?: Int16Array | Float32Array } = {},
) =>
  encodeFrame(
    {
      flags: more.flags ?? 0,
      channels: more.channels ?? 3,
      stream,
      sequence,
      deviceTimeUs: more.deviceTimeUs ?? 1_000_000 + sequence * 100_000,
    },
    more.samples ?? Int16Array.from({ length: 30 }, (_, i) => sequence * 30 + i),
  );

type MessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** A gateway by hand: sends anything, reads message by message. */
export interface RawGateway {
  readonly socket: WebSocket;
  send(message: unknown): void;
  /** The next message of the type that was not taken yet. */
  next<T extends ServerMessage['type']>(type: T): Promise<MessageOf<T>>;
  /** Acks until everything of the stream below `sequence` is acknowledged. */
  acked(stream: number, sequence: number): Promise<void>;
  hello(streams: readonly StreamDeclaration[]): Promise<MessageOf<'welcome'>>;
  readonly received: ServerMessage[];
  readonly closed: Promise<{ code: number; reason: string }>;
}

export async function openRaw(url: string, token = 'token-a'): Promise<RawGateway> {
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
  const inbox: ServerMessage[] = [];
  const received: ServerMessage[] = [];
  const waiting: { type: string; resolve(message: ServerMessage): void }[] = [];
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString('utf8')) as ServerMessage;
    received.push(message);
    const at = waiting.findIndex(({ type }) => type === message.type);
    if (at < 0) inbox.push(message);
    else waiting.splice(at, 1)[0]?.resolve(message);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await once(socket, 'open');
  socket.on('error', () => {});
  const raw: RawGateway = {
    socket,
    received,
    closed,
    send: (message) =>
      socket.send(message instanceof Uint8Array ? message : typeof message === 'string' ? message : JSON.stringify(message)),
    next<T extends ServerMessage['type']>(type: T) {
      const at = inbox.findIndex((message) => message.type === type);
      if (at >= 0) return Promise.resolve(inbox.splice(at, 1)[0] as MessageOf<T>);
      return new Promise<MessageOf<T>>((resolve) => waiting.push({ type, resolve: (message) => resolve(message as MessageOf<T>) }));
    },
    async acked(stream, sequence) {
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop
        const { acks } = await raw.next('ack');
        if (acks.some(([index, next]) => index === stream && next >= sequence)) return;
      }
    },
    hello(streams) {
      raw.send({ type: 'hello', protocol: 1, streams });
      return raw.next('welcome');
    },
  };
  return raw;
}

/** A TCP proxy that can cut its connections after so many bytes from the client. */
export interface CuttingProxy {
  readonly port: number;
  /** Bytes after which each connection, in order, is reset; connections beyond the list live on. */
  readonly server: Server;
  close(): void;
}

export async function startCuttingProxy(targetPort: number, cutAfterBytes: readonly number[]): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    const cutAt = cutAfterBytes[connections] ?? Infinity;
    connections += 1;
    const upstream = connect(targetPort, '127.0.0.1');
    let passed = 0;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk) => {
      const rest = cutAt - passed;
      passed += chunk.length;
      if (chunk.length < rest) upstream.write(chunk);
      else upstream.write(chunk.subarray(0, rest), () => client.resetAndDestroy());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    server,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
