import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { frameOf, imu, openRaw, startGateway, type RawGateway, type Service } from './gateway-fixture.ts';

let service: Service;
beforeEach(async () => {
  service = await startGateway();
});
afterEach(() => service.fastify.close());

const counted = (kind: string): number => service.fastify.gateway.metrics.errors[kind] ?? 0;
const open = async (): Promise<RawGateway> => {
  const gateway = await openRaw(service.url);
  await gateway.hello([imu(0, 'imu-1'), imu(1, 'imu-2')]);
  return gateway;
};
/** The connection is alive and the other stream unharmed. */
const otherStreamWorks = async (gateway: RawGateway): Promise<void> => {
  gateway.send(frameOf(1, 0));
  await gateway.acked(1, 1);
  expect(service.store.sequencesOf('imu-2')).toEqual([0]);
};

const upgradeStatus = (authorization?: string): Promise<{ status: number; type: string; body: string }> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(service.url, authorization === undefined ? {} : { headers: { authorization } });
    socket.on('error', () => {});
    socket.on('open', () => reject(new Error('upgraded')));
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, type: String(response.headers['content-type']), body }));
    });
  });

describe('before the upgrade', () => {
  test.each([
    [undefined, 'missing-credentials'],
    ['Bearer nobody', 'invalid-credentials'],
    ['Basic dG9rZW4tYQ==', 'missing-credentials'],
    ['Bearer ', 'missing-credentials'],
  ])('authorization %j gets 401 and no socket', async (authorization, code) => {
    const answer = await upgradeStatus(authorization);
    expect(answer.status).toBe(401);
    expect(answer.type).toContain('application/problem+json');
    expect(JSON.parse(answer.body)).toEqual({
      type: `urn:kinewatch:problem:${code}`,
      title: expect.any(String),
      status: 401,
      code,
      detail: expect.any(String),
      instance: '/v1/ingest',
      requestId: expect.any(String),
    });
    expect(counted('unauthenticated')).toBe(1);
  });

  test('a directory that fails gets 503, which is worth trying again', async () => {
    service.store.authenticate = () => Promise.reject(new Error('no database'));
    const answer = await upgradeStatus('Bearer token-a');
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toMatchObject({ type: 'urn:kinewatch:problem:directory-unavailable', code: 'directory-unavailable' });
  });

  test('a plain GET gets 426', async () => {
    const asked = request({ port: service.port, path: '/v1/ingest', headers: { authorization: 'Bearer token-a' } });
    asked.end();
    const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(426);
  });
});

describe('a frame refused for its content is settled and harms no other stream', () => {
  const nan = new Float32Array(30).fill(1);
  nan[7] = Number.NaN;
  const infinite = new Float32Array(30).fill(1);
  infinite[29] = -Infinity;
  const truncated = frameOf(0, 0).subarray(0, 50);
  const oversized = frameOf(0, 0, { samples: new Int16Array(33_000) });
  const reserved = frameOf(0, 0);
  reserved[12] = 1;
  const float = { encoding: 'float32' as const };
  test.each([
    ['channel-count', frameOf(0, 0, { channels: 2 }), {}],
    ['non-finite', frameOf(0, 0, { samples: nan }), float],
    ['non-finite', frameOf(0, 0, { samples: infinite }), float],
    ['bad-length', truncated, {}],
    ['bad-length', Buffer.concat([frameOf(0, 0), Buffer.alloc(1)]), {}],
    ['frame-too-large', oversized, {}],
    ['frame-too-large', frameOf(0, 0, { samples: new Int16Array(4098 * 3) }), {}],
    ['empty-frame', frameOf(0, 0, { samples: new Int16Array(0) }), {}],
    ['bad-encoding', frameOf(0, 0, { samples: new Float32Array(30) }), {}],
    ['bad-encoding', frameOf(0, 0, { flags: 4 }), {}],
    ['bad-encoding', reserved, {}],
    ['time-ahead', frameOf(0, 0, { deviceTimeUs: (Date.now() + 25 * 3_600_000) * 1000 }), { mode: 'recorded' as const }],
    ['time-ahead', frameOf(0, 0, { deviceTimeUs: 25 * 3_600_000_000 + 5e6 }), { clock: { offsetUs: Date.now() * 1000, roundTripUs: 100 } }],
  ])('%s', async (reason, bytes, more) => {
    const gateway = await openRaw(service.url);
    const declaration = imu(0, 'imu-1', more);
    if (more === float) delete declaration.scale;
    await gateway.hello([declaration, imu(1, 'imu-2')]);
    gateway.send(bytes);
    expect(await gateway.next('error')).toMatchObject({ code: 'frame-refused', reason, stream: 0, sequence: 0, retry: false });
    await gateway.acked(0, 1);
    expect(service.store.stored[0]).toMatchObject({ sequence: 0, refusal: { reason } });
    expect(service.store.stored[0]?.bytes.length).toBe(24);
    expect(counted(reason)).toBe(1);
    await otherStreamWorks(gateway);
    gateway.socket.close();
  });

  test('time-backwards: after a good frame, by less than a second', async () => {
    const gateway = await open();
    gateway.send(frameOf(0, 0, { deviceTimeUs: 5_000_000 }));
    gateway.send(frameOf(0, 1, { deviceTimeUs: 4_600_000 }));
    expect(await gateway.next('error')).toMatchObject({ reason: 'time-backwards', sequence: 1 });
    gateway.send(frameOf(0, 2, { deviceTimeUs: 5_100_000 }));
    await gateway.acked(0, 3);
    await otherStreamWorks(gateway);
    gateway.socket.close();
  });

  test('recorded time that goes back is refused however far; a live clock that is set opens a new segment', async () => {
    const gateway = await openRaw(service.url);
    await gateway.hello([imu(0, 'imu-1', { mode: 'recorded' }), imu(1, 'imu-2')]);
    for (const stream of [0, 1]) {
      gateway.send(frameOf(stream, 0, { deviceTimeUs: 900_000_000 }));
      gateway.send(frameOf(stream, 1, { deviceTimeUs: 100_000_000 }));
    }
    await gateway.acked(1, 2);
    expect(service.store.stored.map(({ streamId, refusal }) => [streamId, refusal?.reason])).toEqual([
      [1, undefined],
      [1, 'time-backwards'],
      [2, undefined],
      [2, undefined],
    ]);
    expect(service.fastify.gateway.metrics.clockJumps).toBe(1);
    gateway.socket.close();
  });
});

describe('faults that store nothing and keep the connection', () => {
  test('unknown stream: said once, counted always', async () => {
    const gateway = await open();
    gateway.send(frameOf(9, 0));
    gateway.send(frameOf(9, 1));
    expect(await gateway.next('error')).toMatchObject({ code: 'unknown-stream', stream: 9 });
    await otherStreamWorks(gateway);
    expect(counted('unknown-stream')).toBe(2);
    expect(gateway.received.filter(({ type }) => type === 'error')).toHaveLength(1);
    gateway.socket.close();
  });

  test('sequence gap: names the expected sequence; the stream goes on from there', async () => {
    const gateway = await open();
    gateway.send(frameOf(0, 0));
    gateway.send(frameOf(0, 2));
    gateway.send(frameOf(0, 3));
    expect(await gateway.next('error')).toMatchObject({ code: 'sequence-gap', stream: 0, sequence: 2, expected: 1, retry: true });
    for (const sequence of [1, 2, 3]) gateway.send(frameOf(0, sequence));
    await gateway.acked(0, 4);
    expect(service.store.sequencesOf('imu-1')).toEqual([0, 1, 2, 3]);
    expect(counted('sequence-gap')).toBe(2);
    await otherStreamWorks(gateway);
    gateway.socket.close();
  });

  test('duplicates are dropped and acknowledged again', async () => {
    const gateway = await open();
    gateway.send(frameOf(0, 0));
    await gateway.acked(0, 1);
    gateway.send(frameOf(0, 0, { flags: 2 }));
    await gateway.acked(0, 1);
    expect(service.store.sequencesOf('imu-1')).toEqual([0]);
    expect(service.fastify.gateway.metrics.duplicates).toBe(1);
    gateway.socket.close();
  });
});

const hello = (streams: unknown, protocol = 1): unknown => ({ type: 'hello', protocol, streams });

describe('faults that end the connection', () => {
  const many = Array.from({ length: 1025 }, (_, i) => imu(i, `imu-${i}`));
  test.each([
    ['invalid-json', 4400, '{"type":'],
    ['invalid-json', 4400, ''],
    ['invalid-message', 4400, 'null'],
    ['invalid-message', 4400, '{"type":"__proto__"}'],
    ['invalid-message', 4400, hello([])],
    ['invalid-message', 4400, hello([{ ...imu(0, 'imu-1'), rateHz: -1 }])],
    ['invalid-message', 4400, hello([imu(0, 'imu-1', { scale: [1] })])],
    ['invalid-message', 4400, hello([imu(0, 'imu-1', { scale: [1, 1, 1, 1] })])],
    ['invalid-message', 4400, hello([imu(0, 'imu-1', { scale: [1, 0, 1] })])],
    ['invalid-message', 4400, hello([imu(0, 'imu-1', { scale: [1, 1, 1e-60] })])],
    ['invalid-message', 4400, hello([imu(0, 'imu-1', { scale: [1, 1, -1e300] })])],
    ['invalid-message', 4400, JSON.stringify(hello([imu(0, 'imu-1', { scale: [1, 1, 7] })])).replace('[1,1,7]', '[1,1,1e999]')],
    ['invalid-message', 4400, hello([imu(0, 'imu-1', { encoding: 'float32' })])],
    ['invalid-message', 4400, { type: 'time', t0: 'noon' }],
    ['protocol-version', 4406, hello([], 2)],
    ['too-many-streams', 4413, hello(many)],
    ['hello-expected', 4401, frameOf(0, 0)],
    ['hello-expected', 4401, { type: 'samples', stream: 0, sequence: 0, timeUs: 0, values: [[1]] }],
    ['unknown-device', 4404, hello([imu(0, 'nobody')])],
    ['unknown-athlete', 4404, hello([imu(0, 'imu-1', { athlete: { id: '99999999-9999-4999-8999-999999999999' } })])],
    ['assignment-mismatch', 4409, hello([imu(0, 'imu-1', { athlete: { id: '22222222-2222-4222-8222-222222222222' } })])],
    ['stream-conflict', 4409, hello([imu(0, 'imu-1'), imu(0, 'imu-2')])],
    ['stream-conflict', 4409, hello([imu(0, 'imu-1'), imu(1, 'imu-1')])],
  ])('%s closes with %i', async (code, closeCode, message) => {
    const gateway = await openRaw(service.url);
    gateway.send(message);
    expect(await gateway.next('error')).toMatchObject({ code });
    expect((await gateway.closed).code).toBe(closeCode);
    expect(counted(code)).toBe(1);
    expect(service.store.stored).toHaveLength(0);
  });

  test.each([
    ['bad-frame', 4400, frameOf(0, 0).subarray(0, 23)],
    ['bad-frame', 4400, Buffer.alloc(64)],
    ['bad-frame', 4400, Buffer.alloc(0)],
    ['hello-repeated', 4401, { type: 'hello', protocol: 1, streams: [imu(0, 'imu-1')] }],
    ['invalid-message', 4400, { type: 'samples', stream: 0, sequence: 0, timeUs: 0, values: [] }],
  ])('after the welcome: %s closes with %i', async (code, closeCode, message) => {
    const gateway = await open();
    gateway.send(message);
    expect(await gateway.next('error')).toMatchObject({ code });
    expect((await gateway.closed).code).toBe(closeCode);
    expect(counted(code)).toBe(1);
  });

  test('a message above maxMessageBytes closes with 1009', async () => {
    const gateway = await open();
    gateway.send(Buffer.alloc(1_048_577));
    expect((await gateway.closed).code).toBe(1009);
    expect(counted('message-too-large')).toBe(1);
  });

  test('a fragment flood closes with 1008', async () => {
    const gateway = await open();
    for (let i = 0; i < 100; i += 1) gateway.socket.send(Buffer.alloc(1), { fin: false });
    expect((await gateway.closed).code).toBe(1008);
    expect(counted('fragment-flood')).toBe(1);
  });

  test('no hello within the time closes with 4401', async () => {
    await service.fastify.close();
    service = await startGateway({ helloTimeoutMs: 20 });
    const gateway = await openRaw(service.url);
    expect(await gateway.next('error')).toMatchObject({ code: 'hello-expected' });
    expect((await gateway.closed).code).toBe(4401);
  });

  test('bytes that are no WebSocket frame end that connection alone', async () => {
    const good = await open();
    const bad = await openRaw(service.url);
    const raw = connect(service.port, '127.0.0.1');
    await once(raw, 'connect');
    raw.write(
      'GET /v1/ingest HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer token-a\r\n\r\n',
    );
    await once(raw, 'data');
    raw.resume();
    raw.write(Buffer.alloc(100, 0xff));
    await once(raw, 'close');
    expect(counted('bad-websocket-frame')).toBe(1);
    await otherStreamWorks(good);
    good.socket.close();
    bad.socket.close();
  });
});

test('a fault of the sink costs the connection, not the process', async () => {
  const gateway = await open();
  service.store.append = () => {
    throw new Error('sink broke');
  };
  gateway.send(frameOf(0, 0));
  expect(await gateway.next('error')).toMatchObject({ code: 'internal', retry: true });
  expect((await gateway.closed).code).toBe(1011);
});

describe('revoked tokens', () => {
  test('revoke closes the live sockets of that gateway with 4403 and no other', async () => {
    const a = await open();
    const b = await openRaw(service.url, 'token-b');
    service.store.tokens.delete('token-a');
    expect(service.fastify.gateway.revoke('gateway-a')).toBe(1);
    expect(await a.next('error')).toMatchObject({ code: 'token-revoked', retry: false });
    expect((await a.closed).code).toBe(4403);
    await b.hello([imu(0, 'imu-1')]);
    b.send(frameOf(0, 0));
    await b.acked(0, 1);
    b.socket.close();
  });

  test('a token revoked between upgrade and hello opens nothing', async () => {
    const gateway = await openRaw(service.url);
    service.store.tokens.delete('token-a');
    gateway.send({ type: 'hello', protocol: 1, streams: [imu(0, 'imu-1')] });
    expect((await gateway.closed).code).toBe(4403);
  });

  test('a revocation by another process is found by the recheck', async () => {
    await service.fastify.close();
    service = await startGateway({ recheckMs: 10 });
    const gateway = await open();
    service.store.tokens.delete('token-a');
    expect((await gateway.closed).code).toBe(4403);
  });
});
