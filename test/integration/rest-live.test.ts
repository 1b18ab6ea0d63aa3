/** Server-sent events over a real socket. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LiveEvent, StateUpdated } from '../../src/contracts/events.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

const HEARTBEAT_MS = 50;
let api: RestApp;
let port: number;
let team: string;
let other: string;
let key: string;
let athlete: string;
beforeAll(async () => {
  api = await startRestApp({ heartbeatMs: HEARTBEAT_MS, maxLiveClients: 4 });
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = api.app.server.address() as AddressInfo);
  team = await api.team('listeners');
  other = await api.team('others');
  athlete = await api.athlete(team, '1');
  key = await api.key(team, ['read']);
});
afterAll(() => api.close());

const stateOf = (teamId: string, athleteId: string, windowIndex: number): StateUpdated => ({
  type: 'athlete.state',
  athleteId,
  teamId,
  windowIndex,
  endUs: windowIndex * 1_000_000,
  state: 0.5,
  roughness: null,
  drift: null,
  recovery: 1,
});
const alertOf = (teamId: string, athleteId: string): LiveEvent => ({
  type: 'alert.raised',
  alertId: randomUUID(),
  athleteId,
  teamId,
  alertType: 'risk',
  severity: 'red',
  at: '2026-11-22T10:00:00.000Z',
});

interface Listener {
  readonly socket: Socket;
  /** Everything received so far. */
  readonly text: () => string;
  /** Resolves when the text fits; rejects when the connection ends first. */
  until(test: (text: string) => boolean): Promise<string>;
  readonly ended: Promise<void>;
}

function listen(token: string, query = ''): Listener {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  socket.write(`GET /v1/live${query} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer ${token}\r\naccept: text/event-stream\r\n\r\n`);
  return {
    socket,
    text: () => text,
    ended: once(socket, 'close').then(() => undefined),
    until: (test) =>
      new Promise((done, fail) => {
        const look = (): void => {
          if (test(text)) done(text);
        };
        socket.on('data', look);
        socket.once('close', () => fail(new Error(`the stream ended: ${text}`)));
        look();
      }),
  };
}

const connected = (text: string): boolean => text.includes(': connected');
const events = (text: string): LiveEvent[] => [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as LiveEvent);

/** Waits until the service has noticed who has gone. */
async function untilSubscribed(count: number): Promise<void> {
  while (api.subscribers() !== count) await new Promise((done) => setImmediate(done));
}

describe('the live stream', () => {
  it("sends the events of the caller's team as they happen, and heartbeats between them", async () => {
    const listener = listen(key);
    const head = await listener.until(connected);
    expect(head).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(head).toContain('content-type: text/event-stream');
    const mine = [stateOf(team, athlete, 1), alertOf(team, athlete)];
    for (const event of [stateOf(other, randomUUID(), 1), ...mine, alertOf(other, randomUUID())]) api.publish(event);
    const text = await listener.until((seen) => seen.includes('event: alert.raised'));
    expect(events(text)).toEqual(mine);
    await listener.until((seen) => seen.includes(': heartbeat'));
    listener.socket.destroy();
    await untilSubscribed(0);
  });

  it('filters by athlete, and by team for a key of every team', async () => {
    const all = await api.key(null, ['read']);
    const [one, few] = [listen(key, `?athlete=${athlete}`), listen(all, `?team=${other}`)];
    await Promise.all([one.until(connected), few.until(connected)]);
    const [mine, theirs] = [stateOf(team, athlete, 2), stateOf(other, randomUUID(), 2)];
    for (const event of [stateOf(team, randomUUID(), 2), theirs, mine]) api.publish(event);
    const closing = alertOf(team, athlete);
    api.publish(closing);
    api.publish(alertOf(other, theirs.athleteId));
    expect(events(await one.until((text) => text.includes('alert.raised')))).toEqual([mine, closing]);
    expect(events(await few.until((text) => text.includes('alert.raised')))).toMatchObject([
      theirs,
      { type: 'alert.raised', teamId: other },
    ]);
    one.socket.destroy();
    few.socket.destroy();
    await untilSubscribed(0);
  });

  it('drops the newest state updates of a client that does not read, counts them, and loses no alert', async () => {
    const slow = listen(key);
    await slow.until(connected);
    slow.socket.pause();
    // In bursts, so that the kernel's buffers fill and the socket stalls: about 12 MB.
    const [bursts, size] = [300, 200];
    const alerts: LiveEvent[] = [];
    for (let burst = 0; burst < bursts; burst += 1) {
      for (let i = 0; i < size; i += 1) api.publish(stateOf(team, athlete, burst * size + i));
      if (burst % 20 === 0 || burst === bursts - 1) {
        const alert = alertOf(team, athlete);
        alerts.push(alert);
        api.publish(alert);
      }
      await new Promise((done) => setImmediate(done));
    }
    slow.socket.resume();
    const last = JSON.stringify(alerts.at(-1));
    const text = await slow.until((seen) => seen.includes(last));
    const dropped = [...text.matchAll(/"type":"dropped","stateUpdates":(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
    const received = events(text);
    expect(received.filter(({ type }) => type === 'alert.raised')).toEqual(alerts);
    const indices = received.filter((event): event is StateUpdated => event.type === 'athlete.state').map(({ windowIndex }) => windowIndex);
    expect(indices).toEqual(indices.toSorted((a, b) => a - b));
    expect(dropped).toBeGreaterThan(0);
    expect(indices.length + dropped).toBe(bursts * size);
    slow.socket.destroy();
    await untilSubscribed(0);
  });

  it('has room for so many clients, and tells the next one', async () => {
    const listeners = Array.from({ length: 4 }, () => listen(key));
    await Promise.all(listeners.map((listener) => listener.until(connected)));
    const refused = await listen(key).until((text) => text.includes('too-many-clients'));
    expect(refused).toMatch(/^HTTP\/1\.1 503 /);
    for (const { socket } of listeners) socket.destroy();
    await untilSubscribed(0);
  });

  it('ends when the key is revoked', async () => {
    const admin = await api.key(team, ['admin']);
    const made = (await api.call(admin, 'POST', '/v1/api-keys', { name: 'short', scopes: ['read'] })).json<{ id: string; key: string }>();
    const listener = listen(made.key);
    await listener.until(connected);
    await api.call(admin, 'POST', `/v1/api-keys/${made.id}/revoke`);
    expect(await listener.until((text) => text.includes('no longer valid'))).not.toContain('event: ');
    listener.socket.destroy();
    await untilSubscribed(0);
  });

  it('needs a key, and lets the service stop while clients listen', async () => {
    expect(await listen('kw_wrong').until((text) => text.includes('invalid-credentials'))).toMatch(/^HTTP\/1\.1 401 /);
    const own = await startRestApp();
    await own.app.listen({ port: 0, host: '127.0.0.1' });
    const ownKey = await own.key(null, ['read']);
    const response = await fetch(`http://127.0.0.1:${(own.app.server.address() as AddressInfo).port}/v1/live`, {
      headers: { authorization: `Bearer ${ownKey}` },
    });
    const body = response.text();
    await own.close();
    expect(await body).toContain(': the service stops');
  });
});
