import Fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeFrameHeader } from '../../src/contracts/frame.ts';
import { FrameFlag } from '../../src/contracts/protocol.ts';
import type { GatewayClientError } from '../../src/client/errors.ts';
import { connectGateway, type GatewayClientOptions } from '../../src/client/gateway-client.ts';
import { gatewayPlugin } from '../../src/gateway/plugin.ts';
import { imu, startCuttingProxy, startGateway, type CuttingProxy, type Service } from './gateway-fixture.ts';

let service: Service;
let proxy: CuttingProxy | undefined;
beforeEach(async () => {
  service = await startGateway();
});
afterEach(async () => {
  proxy?.close();
  proxy = undefined;
  await service.fastify.close();
});

const connectClient = (more: Partial<GatewayClientOptions> = {}) =>
  connectGateway({ url: service.url, token: 'token-a', streams: [imu(0, 'imu-1')], backoff: { baseMs: 5, capMs: 20 }, ...more });
const rows = (first: number, count = 10): Int16Array => Int16Array.from({ length: count * 3 }, (_, i) => (first * 3 + i) % 30_000);
const wallUs = (): number => (performance.timeOrigin + performance.now()) * 1000;
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('the plain path', () => {
  test('send, flush, close: everything stored once, in order, and acknowledged', async () => {
    const client = await connectClient({ streams: [imu(0, 'imu-1'), imu(1, 'imu-2')] });
    expect(client.welcome.map(({ nextSequence }) => nextSequence)).toEqual([0, 0]);
    for (let i = 0; i < 100; i += 1) for (const stream of [0, 1]) await client.send(stream, 1e6 + i * 1e5, rows(i));
    await client.flush();
    expect(client.stats()).toMatchObject({
      sent: 200,
      acked: 200,
      resent: 0,
      reconnects: 0,
      refused: 0,
      bufferedFrames: 0,
      bufferedBytes: 0,
    });
    expect(service.store.sequencesOf('imu-1')).toEqual(range(100));
    expect(service.store.sequencesOf('imu-2')).toEqual(range(100));
    await client.close();
    await expect(client.send(0, 0, rows(0))).rejects.toMatchObject({ code: 'closed' });
  });

  test('a second client of the same boot goes on where the first one stopped', async () => {
    const first = await connectClient();
    await first.send(0, 1e6, rows(0));
    await first.close();
    const second = await connectClient();
    expect(second.welcome[0]?.nextSequence).toBe(1);
    await second.send(0, 1.1e6, rows(1));
    await second.close();
    expect(service.store.sequencesOf('imu-1')).toEqual([0, 1]);
  });

  test('rows that do not fit one frame are split, each with its own time', async () => {
    const client = await connectClient();
    await client.send(0, 1e6, rows(0, 9000));
    await client.close();
    const headers = service.store.stored.map(({ bytes }) => decodeFrameHeader(bytes));
    expect(headers.map((header) => header?.count)).toEqual([4096, 4096, 808]);
    expect(headers.map((header) => header?.deviceTimeUs)).toEqual([1e6, 1e6 + 40_960_000, 1e6 + 81_920_000]);
  });

  test('wrong calls are rejected and change nothing', async () => {
    const client = await connectClient();
    await expect(client.send(5, 0, rows(0))).rejects.toThrow(RangeError);
    await expect(client.send(0, 0, new Int16Array(4))).rejects.toThrow(RangeError);
    await expect(client.send(0, 0, new Float32Array(3))).rejects.toThrow(TypeError);
    await client.send(0, 0, new Int16Array(0));
    expect(client.stats().bufferedFrames).toBe(0);
    await client.close();
  });

  test('the clock offset of a live stream is measured before the hello', async () => {
    const declared: unknown[] = [];
    const open = service.store.openStreams.bind(service.store);
    service.store.openStreams = (gateway, declarations, receivedUs) => {
      declared.push(declarations[0]?.clock);
      return open(gateway, declarations, receivedUs);
    };
    const client = await connectClient({ deviceClockUs: () => wallUs() - 7_000_000 });
    await client.close();
    const [clock] = declared as [{ offsetUs: number; roundTripUs: number }];
    expect(clock.roundTripUs).toBeGreaterThan(0);
    expect(Math.abs(clock.offsetUs - 7_000_000)).toBeLessThanOrEqual(clock.roundTripUs / 2 + 1);
  });
});

describe('resume after a dropped connection', () => {
  test('cut mid-message, several times, under load: no gap, no duplicate, order kept, resent frames flagged', async () => {
    // 84 bytes a frame and 8 of WebSocket header: no cut falls on a boundary.
    proxy = await startCuttingProxy(service.port, [5001, 40_007, 90_011]);
    const lost: GatewayClientError[] = [];
    const client = await connectClient({
      url: `ws://127.0.0.1:${proxy.port}/v1/ingest`,
      streams: [imu(0, 'imu-1'), imu(1, 'imu-2')],
      onError: (error) => lost.push(error),
    });
    for (let i = 0; i < 1000; i += 1) for (const stream of [0, 1]) await client.send(stream, 1e6 + i * 1e5, rows(i));
    await client.flush();
    expect(service.store.sequencesOf('imu-1')).toEqual(range(1000));
    expect(service.store.sequencesOf('imu-2')).toEqual(range(1000));
    expect(client.stats()).toMatchObject({ sent: 2000, acked: 2000, reconnects: 3, bufferedFrames: 0 });
    expect(client.stats().resent).toBeGreaterThan(0);
    expect(service.store.stored.some(({ bytes }) => ((bytes[2] ?? 0) & FrameFlag.resent) !== 0)).toBe(true);
    expect(lost.every(({ code, retry }) => code === 'disconnected' && retry)).toBe(true);
    const bytesOf = service.store.stored.map(({ bytes }) => Buffer.from(bytes).readInt16LE(24));
    expect(bytesOf.every((value, i) => value === ((service.store.stored[i]?.sequence ?? -1) * 3) % 30_000)).toBe(true);
    await client.close();
  });

  test('frames that were stored while their acks were lost are not sent again', async () => {
    service.store.automatic = false;
    const client = await connectClient();
    for (let i = 0; i < 5; i += 1) await client.send(0, 1e6 + i * 1e5, rows(i));
    await service.store.pendingReached(5);
    for (const socket of service.fastify.websocketServer.clients) socket.terminate();
    service.store.automatic = true;
    service.store.commit();
    await client.flush();
    expect(client.stats()).toMatchObject({ sent: 5, acked: 5, resent: 0, reconnects: 1 });
    expect(service.store.sequencesOf('imu-1')).toEqual(range(5));
    await client.close();
  });

  test('a service that restarts: the client waits, resumes, loses nothing', async () => {
    const client = await connectClient();
    await client.send(0, 1e6, rows(0));
    await client.flush();
    const before = service;
    await before.fastify.close();
    await client.send(0, 1.1e6, rows(1));
    // The same store behind a new server, on the same port.
    const again = Fastify();
    await again.register(gatewayPlugin, { directory: before.store, sink: before.store });
    await again.listen({ port: before.port, host: '127.0.0.1' });
    service = { ...before, fastify: again };
    await client.flush();
    expect(before.store.sequencesOf('imu-1')).toEqual([0, 1]);
    expect(client.stats().reconnects).toBe(1);
    await client.close();
  });

  test('a service that forgot acknowledged frames is not resumed on', async () => {
    const ended: GatewayClientError[] = [];
    const client = await connectClient({ onError: (error) => ended.push(error) });
    await client.send(0, 1e6, rows(0));
    await client.flush();
    const open = service.store.openStreams.bind(service.store);
    service.store.openStreams = async (...args) => (await open(...args)).map((stream) => ({ ...stream, nextSequence: 0 }));
    for (const socket of service.fastify.websocketServer.clients) socket.terminate();
    await client.send(0, 1.1e6, rows(1));
    await expect(client.flush()).rejects.toMatchObject({ code: 'sequence-lost' });
    expect(ended.at(-1)?.code).toBe('sequence-lost');
  });
});

describe('BOUNDED', () => {
  test('send waits while the buffer is full and goes on with the acks', async () => {
    service.store.automatic = false;
    const client = await connectClient({ maxBufferedBytes: 5 * 84, maxWaiting: 2 });
    for (let i = 0; i < 5; i += 1) await client.send(0, 1e6 + i * 1e5, rows(i));
    let accepted = false;
    const sixth = client.send(0, 1.5e6, rows(5)).then(() => (accepted = true));
    const seventh = client.send(0, 1.6e6, rows(6));
    await expect(client.send(0, 1.7e6, rows(7))).rejects.toMatchObject({ code: 'too-many-waiting' });
    await service.store.pendingReached(5);
    expect(accepted).toBe(false);
    expect(client.stats().bufferedBytes).toBeLessThanOrEqual(5 * 84);
    service.store.automatic = true;
    service.store.commit();
    await Promise.all([sixth, seventh]);
    await client.close();
    expect(service.store.sequencesOf('imu-1')).toEqual(range(7));
  });

  test('never more than the credit is under way', async () => {
    await service.fastify.close();
    service = await startGateway({ creditBytes: 3 * 84 });
    let most = 0;
    const append = service.store.append.bind(service.store);
    service.store.append = (frame, owner) => {
      const more = append(frame, owner);
      most = Math.max(most, service.store.pending.length);
      return more;
    };
    const client = await connectClient();
    for (let i = 0; i < 200; i += 1) await client.send(0, 1e6 + i * 1e5, rows(i));
    await client.close();
    expect(most).toBeLessThanOrEqual(3);
    expect(service.store.sequencesOf('imu-1')).toEqual(range(200));
    expect(service.fastify.gateway.metrics.errors['credit-exceeded']).toBe(0);
  });
});

describe('faults', () => {
  test('a refused frame is reported, counted, and does not stall the stream', async () => {
    const refused: GatewayClientError[] = [];
    const client = await connectClient({ onError: (error) => refused.push(error) });
    await client.send(0, 1e6, rows(0));
    await client.send(0, 0.5e6, rows(1));
    await client.send(0, 1.1e6, rows(2));
    await client.flush();
    expect(refused).toMatchObject([{ code: 'frame-refused', stream: 0, sequence: 1, retry: false }]);
    expect(client.stats()).toMatchObject({ acked: 3, refused: 1 });
    await client.close();
  });

  test.each([
    ['unauthenticated', { token: 'nobody' }],
    ['unknown-device', { streams: [imu(0, 'nobody')] }],
    ['not-a-gateway-endpoint', { url: 'no address' }],
    ['not-a-gateway-endpoint', { token: 'two\nlines' }],
    ['connect-timeout', { url: 'ws://127.0.0.1:1/v1/ingest', connectTimeoutMs: 50 }],
  ])('connecting fails with %s', async (code, more) => {
    await expect(connectClient(more)).rejects.toMatchObject({ code });
  });

  test('an address that is no ingest socket is not tried again', async () => {
    await expect(connectClient({ url: service.url.replace('ingest', 'elsewhere') })).rejects.toMatchObject({
      code: 'not-a-gateway-endpoint',
    });
  });

  test('a revoked token ends the client: waiting calls reject with the reason', async () => {
    service.store.automatic = false;
    const client = await connectClient();
    await client.send(0, 1e6, rows(0));
    await service.store.pendingReached(1);
    const flushed = client.flush();
    service.fastify.gateway.revoke('gateway-a');
    await expect(flushed).rejects.toMatchObject({ code: 'token-revoked', retry: false });
    await expect(client.send(0, 1.1e6, rows(1))).rejects.toMatchObject({ code: 'token-revoked' });
    service.store.commit();
  });

  test('a client whose stream was taken over does not fight for it', async () => {
    const ended = new Promise<GatewayClientError>((resolve) => {
      void connectClient({ onError: resolve }).then(() => connectClient({}).then((newer) => ended.then(() => newer.close())));
    });
    expect(await ended).toMatchObject({ code: 'stream-conflict', retry: false });
  });

  test('close says what stayed unacknowledged', async () => {
    service.store.automatic = false;
    const client = await connectClient({ closeTimeoutMs: 30 });
    await client.send(0, 1e6, rows(0));
    await expect(client.close()).rejects.toMatchObject({ code: 'close-timeout' });
    service.store.commit();
  });
});
