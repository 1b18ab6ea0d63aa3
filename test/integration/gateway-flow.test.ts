import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeFrameHeader, decodeSamples } from '../../src/contracts/frame.ts';
import { DEFAULT_LIMITS } from '../../src/contracts/protocol.ts';
import { frameOf, imu, openRaw, startGateway, type Service } from './gateway-fixture.ts';

let service: Service;
beforeEach(async () => {
  service = await startGateway();
});
afterEach(() => service.fastify.close());

const samplesOf = (bytes: Uint8Array): number[] => {
  const header = decodeFrameHeader(bytes);
  if (header === null) throw new Error('no header');
  const out = new Float32Array(header.count * header.channels);
  decodeSamples(bytes, header, undefined, out);
  return [...out];
};

describe('welcome and acks', () => {
  test('the welcome names athlete, next sequence, credit and limits', async () => {
    const gateway = await openRaw(service.url);
    const welcome = await gateway.hello([imu(3, 'imu-1')]);
    expect(welcome).toMatchObject({ protocol: 1, creditBytes: 4_194_304, limits: DEFAULT_LIMITS });
    expect(welcome.streams).toEqual([{ stream: 3, athleteId: '11111111-1111-4111-8111-111111111111', nextSequence: 0 }]);
    gateway.socket.close();
  });

  test('the welcome warns of what nothing reads, stream by stream, and takes it all the same', async () => {
    await service.fastify.close();
    service = await startGateway({ describeUnused: ({ device }) => (device === 'imu-2' ? ['ax is not read'] : []) });
    const gateway = await openRaw(service.url);
    const { streams } = await gateway.hello([imu(0, 'imu-1'), imu(1, 'imu-2')]);
    expect(streams[0]).not.toHaveProperty('warnings');
    expect(streams[1]).toMatchObject({ stream: 1, nextSequence: 0, warnings: ['ax is not read'] });
    gateway.send(frameOf(1, 0));
    await gateway.acked(1, 1);
    gateway.socket.close();
  });

  test('stamps are whole microseconds, rounded down', async () => {
    await service.fastify.close();
    service = await startGateway({ nowUs: () => 1_700_000_000_000_000.75 });
    const gateway = await openRaw(service.url);
    gateway.send({ type: 'time', t0: 42.5 });
    expect(await gateway.next('time')).toEqual({ type: 'time', t0: 42.5, t1: 1_700_000_000_000_000, t2: 1_700_000_000_000_000 });
    expect((await gateway.hello([imu(0, 'imu-1')])).serverTimeUs).toBe(1_700_000_000_000_000);
    gateway.socket.close();
  });

  test('ACKED-IS-STORED: no ack before the commit, one cumulative ack after it', async () => {
    service.store.automatic = false;
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1'), imu(1, 'imu-2')]);
    for (let sequence = 0; sequence < 5; sequence += 1) gateway.send(frameOf(0, sequence));
    gateway.send(frameOf(1, 0));
    await service.store.pendingReached(6);
    gateway.send({ type: 'time', t0: 1 });
    await gateway.next('time');
    expect(gateway.received.some(({ type }) => type === 'ack')).toBe(false);
    service.store.commit();
    expect((await gateway.next('ack')).acks).toEqual([
      [0, 5],
      [1, 1],
    ]);
    gateway.socket.close();
  });

  test('ACKED-IS-STORED: an ack that a duplicate provokes covers what is stored, not what has merely arrived', async () => {
    service.store.automatic = false;
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1')]);
    gateway.send(frameOf(0, 0));
    gateway.send(frameOf(0, 0));
    expect((await gateway.next('ack')).acks).toEqual([[0, 0]]);
    service.store.commit();
    expect((await gateway.next('ack')).acks).toEqual([[0, 1]]);
    gateway.send(frameOf(0, 1));
    gateway.send(frameOf(0, 2));
    await service.store.pendingReached(2);
    gateway.send(frameOf(0, 0));
    expect((await gateway.next('ack')).acks).toEqual([[0, 1]]);
    service.store.commit();
    await gateway.acked(0, 3);
    gateway.socket.close();
  });

  test('receipt stamps strictly increase, also where the wall clock stands still', async () => {
    await service.fastify.close();
    service = await startGateway({ nowUs: () => 1_700_000_000_000_000 });
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1')]);
    for (let sequence = 0; sequence < 50; sequence += 1) gateway.send(frameOf(0, sequence));
    await gateway.acked(0, 50);
    const stamps = service.store.stored.map(({ receivedUs }) => receivedUs);
    expect(stamps.every((stamp, i) => i === 0 || stamp > (stamps[i - 1] ?? Infinity))).toBe(true);
    gateway.socket.close();
  });

  test('stored bytes are the frame as sent', async () => {
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1')]);
    const bytes = frameOf(0, 0);
    gateway.send(bytes);
    await gateway.acked(0, 1);
    expect(Buffer.compare(Buffer.from(service.store.stored[0]?.bytes ?? []), bytes)).toBe(0);
    expect(service.store.stored[0]?.endDeviceTimeUs).toBe(1_100_000);
    gateway.socket.close();
  });

  test('four-stamp time sync answers before the hello', async () => {
    const gateway = await openRaw(service.url);
    gateway.send({ type: 'time', t0: 42.5 });
    const { t0, t1, t2 } = await gateway.next('time');
    expect(t0).toBe(42.5);
    expect(t2).toBeGreaterThanOrEqual(t1);
    gateway.socket.close();
  });
});

describe('samples as text', () => {
  const heart = imu(0, 'watch-1', {
    kind: 'wearable',
    placement: 'chest',
    rateHz: 1,
    channels: [
      { name: 'heartRate', unit: 'bpm' },
      { name: 'spo2', unit: '%' },
    ],
    encoding: 'float32',
  });
  delete heart.scale;

  test('JSON becomes a float32 frame with the fromJson flag; null is NaN', async () => {
    const gateway = await openRaw(service.url);
    await gateway.hello([heart]);
    gateway.send({
      type: 'samples',
      stream: 0,
      sequence: 0,
      timeUs: 5_000_000,
      values: [
        [61.5, null],
        [62, 97],
      ],
    });
    await gateway.acked(0, 1);
    const bytes = service.store.stored[0]?.bytes ?? new Uint8Array();
    expect(decodeFrameHeader(bytes)).toMatchObject({ flags: 5, channels: 2, count: 2, sequence: 0, deviceTimeUs: 5_000_000 });
    expect(samplesOf(bytes)).toEqual([61.5, Number.NaN, 62, 97]);
    gateway.socket.close();
  });

  test('SenML resolves to the same', async () => {
    const gateway = await openRaw(service.url);
    await gateway.hello([heart]);
    const pack = [
      { bn: 'urn:dev:mac:0024befffe804ff1/', bt: 5, bu: 'bpm', n: 'heartRate', v: 61.5 },
      { n: 'heartRate', t: 1, u: 'beat/min', v: 62 },
      { n: 'spo2', t: 1, u: '/', v: 0.5 },
    ];
    gateway.send({ type: 'senml', stream: 0, sequence: 0, pack });
    await gateway.acked(0, 1);
    expect(samplesOf(service.store.stored[0]?.bytes ?? new Uint8Array())).toEqual([61.5, Number.NaN, 62, 50]);
    gateway.socket.close();
  });

  test.each([
    ['channel-count', { type: 'samples', timeUs: 0, values: [[1]] }],
    ['non-finite', { type: 'samples', timeUs: 0, values: [[1e300, 1]] }],
    ['time-ahead', { type: 'samples', timeUs: 1e300, values: [[1, 1]] }],
    ['bad-senml', { type: 'senml', pack: [{ n: 'lactate', v: 1 }] }],
    ['bad-senml', { type: 'senml', pack: [{ n: 'spo2', u: 'Cel', v: 1 }] }],
    [
      'frame-too-large',
      {
        type: 'senml',
        pack: [
          { n: 'spo2', v: 1 },
          { n: 'spo2', t: 1e6, v: 1 },
        ],
      },
    ],
  ])('%s is settled', async (reason, message) => {
    const gateway = await openRaw(service.url);
    await gateway.hello([heart]);
    gateway.send({ stream: 0, sequence: 0, ...message });
    expect(await gateway.next('error')).toMatchObject({ code: 'frame-refused', reason });
    gateway.send({ type: 'samples', stream: 0, sequence: 1, timeUs: 5_000_000, values: [[60, 98]] });
    await gateway.acked(0, 2);
    expect(service.store.stored.map(({ refusal }) => refusal?.reason)).toEqual([reason, undefined]);
    gateway.socket.close();
  });
});

describe('BOUNDED', () => {
  test('more than the credit under way closes with 4429; up to it is taken', async () => {
    await service.fastify.close();
    const bytes = frameOf(0, 0).length;
    service = await startGateway({ creditBytes: 3 * bytes });
    service.store.automatic = false;
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1')]);
    for (let sequence = 0; sequence < 3; sequence += 1) gateway.send(frameOf(0, sequence));
    await service.store.pendingReached(3);
    service.store.commit();
    await gateway.acked(0, 3);
    for (let sequence = 3; sequence < 7; sequence += 1) gateway.send(frameOf(0, sequence));
    expect(await gateway.next('error')).toMatchObject({ code: 'credit-exceeded', stream: 0, sequence: 6, retry: true });
    expect((await gateway.closed).code).toBe(4429);
    expect(service.store.pending).toHaveLength(3);
  });

  test('a sink over its bound pauses the socket; draining resumes it and nothing is lost', async () => {
    service.store.automatic = false;
    service.store.maxPending = 10;
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1')]);
    const frames = 20_000;
    for (let sequence = 0; sequence < frames; sequence += 1) gateway.send(frameOf(0, sequence));
    await service.store.pendingReached(11);
    // What stands in the receive chunk still comes; the rest waits in the sockets.
    expect(await gateway.next('credit')).toMatchObject({ creditBytes: 1_048_576 });
    expect(service.store.pending.length).toBeLessThan(2000);
    let commits = 0;
    while (service.store.stored.length < frames) {
      service.store.commit();
      commits += 1;
      if (service.store.stored.length < frames) await service.store.pendingReached(1);
    }
    await gateway.acked(0, frames);
    expect(service.store.sequencesOf('imu-1')).toEqual(Array.from({ length: frames }, (_, i) => i));
    expect(commits).toBeGreaterThan(10);
    expect(gateway.received.findLast(({ type }) => type === 'credit')).toMatchObject({ creditBytes: 4_194_304 });
    expect(service.fastify.gateway.metrics.pausesForSink).toBeGreaterThan(5);
    gateway.socket.close();
  });

  test('a peer that does not read its replies is not read, then dropped', async () => {
    await service.fastify.close();
    service = await startGateway({ maxOutgoingBytes: 16_384, slowReaderMs: 200 });
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1')]);
    gateway.socket.pause();
    const request = JSON.stringify({ type: 'time', t0: 1.234567890123456e15 });
    const { metrics } = service.fastify.gateway;
    const [client] = service.fastify.websocketServer.clients;
    if (client === undefined) throw new Error('no socket');
    while (client.readyState === client.OPEN) {
      for (let i = 0; i < 500; i += 1) gateway.send(request);
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(metrics.pausesForReader).toBeGreaterThan(0);
    expect(metrics.slowReaders).toBe(1);
    gateway.socket.terminate();
  });

  test('connections above the bound get 503', async () => {
    await service.fastify.close();
    service = await startGateway({ maxConnections: 1 });
    const gateway = await openRaw(service.url);
    await expect(openRaw(service.url)).rejects.toThrow('503');
    expect(service.fastify.gateway.metrics.errors['too-many-connections']).toBe(1);
    gateway.socket.close();
  });

  test('a peer that answers no ping is dropped', async () => {
    await service.fastify.close();
    service = await startGateway({ pingMs: 30 });
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1')]);
    gateway.socket.pause();
    const [client] = service.fastify.websocketServer.clients;
    if (client === undefined) throw new Error('no socket');
    await once(client, 'close');
    expect(service.fastify.gateway.metrics.silentPeers).toBe(1);
    gateway.socket.terminate();
  });
});

describe('one writer a stream', () => {
  test('a newer connection of the same gateway takes over; the older is told and closed', async () => {
    const older = await openRaw(service.url);
    await older.hello([imu(0, 'imu-1')]);
    older.send(frameOf(0, 0));
    await older.acked(0, 1);
    const newer = await openRaw(service.url);
    const welcome = await newer.hello([imu(7, 'imu-1')]);
    expect(welcome.streams[0]?.nextSequence).toBe(1);
    expect(await older.next('error')).toMatchObject({ code: 'stream-conflict', retry: false });
    expect((await older.closed).code).toBe(4409);
    newer.send(frameOf(7, 1));
    await newer.acked(7, 2);
    expect(service.store.sequencesOf('imu-1')).toEqual([0, 1]);
    newer.socket.close();
  });

  test('the welcome waits for the commits of the connection before, so that it is exact', async () => {
    service.store.automatic = false;
    const older = await openRaw(service.url);
    await older.hello([imu(0, 'imu-1')]);
    older.send(frameOf(0, 0));
    await service.store.pendingReached(1);
    older.socket.terminate();
    const newer = await openRaw(service.url);
    const welcomed = newer.hello([imu(0, 'imu-1')]);
    newer.send({ type: 'time', t0: 0 });
    await newer.next('time');
    expect(newer.received.some(({ type }) => type === 'welcome')).toBe(false);
    service.store.commit();
    expect((await welcomed).streams[0]?.nextSequence).toBe(1);
    newer.socket.close();
  });

  test("another gateway's live stream is not taken: the newcomer may try again", async () => {
    const a = await openRaw(service.url, 'token-a');
    await a.hello([imu(0, 'imu-1')]);
    const b = await openRaw(service.url, 'token-b');
    b.send({ type: 'hello', protocol: 1, streams: [imu(0, 'imu-1')] });
    expect(await b.next('error')).toMatchObject({ code: 'stream-conflict', retry: true });
    expect((await b.closed).code).toBe(4409);
    a.send(frameOf(0, 0));
    await a.acked(0, 1);
    a.socket.close();
    await a.closed;
  });
});

describe('ending in good order', () => {
  test('bye: what is under way is acknowledged, then 1000', async () => {
    service.store.automatic = false;
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1')]);
    gateway.send(frameOf(0, 0));
    gateway.send({ type: 'bye' });
    expect(await gateway.next('bye')).toMatchObject({ reason: 'goodbye' });
    service.store.commit();
    expect((await gateway.next('ack')).acks).toEqual([[0, 1]]);
    expect((await gateway.closed).code).toBe(1000);
  });

  test('stop: bye, pending acks, 1001; frames after the bye are not taken', async () => {
    service.store.automatic = false;
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1')]);
    gateway.send(frameOf(0, 0));
    await service.store.pendingReached(1);
    const stopped = service.fastify.gateway.stop();
    expect(await gateway.next('bye')).toMatchObject({ reason: 'service-stopping' });
    gateway.send(frameOf(0, 1));
    await expect(openRaw(service.url)).rejects.toThrow('503');
    service.store.commit();
    await gateway.acked(0, 1);
    expect((await gateway.closed).code).toBe(1001);
    await stopped;
    expect(service.store.sequencesOf('imu-1')).toEqual([0]);
  });
});
