/** Deliveries to a real receiver: the specification's schedule, signatures, rotation, 410, redirects and hangs. Time is an argument. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newSecret } from '../../src/alert/sign.ts';
import { createWebhookWorker } from '../../src/queue/webhook-worker.ts';
import { createDeliveryStore } from '../../src/store/delivery-store.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAthlete, addEndpoint } from '../support/people.ts';

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
type Answer = (response: ServerResponse) => void;
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(code, headers).end();
  };

describe('webhook delivery', () => {
  let database: TestDatabase;
  let receiver: Server;
  let url: string;
  let teamId: string;
  let received: Received[] = [];
  let answers: Answer[] = [];
  let nowMs = Date.now();
  const secret = newSecret();
  const clock = (): number => nowMs;

  beforeAll(async () => {
    database = await startTestDatabase();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    ({ teamId } = await addAthlete(database.pool));
    received = [];
    answers = [];
    nowMs = Date.now();
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
        (answers.shift() ?? status(204))(response);
      });
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  });
  afterEach(async () => {
    receiver.closeAllConnections();
    receiver.close();
    await once(receiver, 'close');
  });

  const body = JSON.stringify({ type: 'alert.raised', timestamp: new Date().toISOString(), data: { alertId: 'a' } });
  let sent = 0;
  const queueDelivery = async (endpointId: string): Promise<string> => {
    sent += 1;
    const id = `msg_${sent}`;
    await database.pool.query(
      `INSERT INTO webhook_delivery (id, endpoint_id, event_type, body, next_attempt_at) VALUES ($1, $2, 'alert.raised', $3, $4)`,
      [id, endpointId, body, new Date(nowMs)],
    );
    return id;
  };
  const endpoint = (target = url): Promise<string> => addEndpoint(database.pool, teamId, target, secret, ['alert.raised']);
  const store = () => createDeliveryStore(database.pool, { nowMs: clock });
  const worker = (given: Partial<Parameters<typeof createWebhookWorker>[0]> = {}) =>
    createWebhookWorker({ store: store(), allowPrivate: true, nowMs: clock, random: () => 0, timeoutMs: 5_000, ...given });
  const row = async (id: string) => {
    const { rows } = await database.pool.query<{
      status: string;
      attempts: number;
      next_attempt_at: Date | null;
      delivered_at: Date | null;
    }>('SELECT status, attempts, next_attempt_at, delivered_at FROM webhook_delivery WHERE id = $1', [id]);
    return rows[0];
  };
  const attempts = async (id: string) => {
    const { rows } = await database.pool.query<{ status_code: number | null; error: string | null }>(
      'SELECT status_code, error FROM webhook_attempt WHERE delivery_id = $1 ORDER BY at',
      [id],
    );
    return rows;
  };
  const verify = ({ headers, body: content }: Received, key = secret): unknown =>
    new Webhook(key).verify(content, headers as Record<string, string>);

  it('tries again on the schedule with the same webhook-id and a new timestamp until the receiver takes it', async () => {
    const id = await queueDelivery(await endpoint());
    answers = [status(500), status(503, { 'retry-after': '600' }), status(200)];
    const { work, counters } = worker();
    await work({ deliveryId: id });
    expect(await row(id)).toMatchObject({ status: 'pending', attempts: 1, next_attempt_at: new Date(nowMs + 5_000) });
    // Not due: a late or repeated hint does nothing.
    await work({ deliveryId: id });
    expect(received).toHaveLength(1);

    nowMs += 5_000;
    expect(await store().dueDeliveries(10)).toEqual([id]);
    await work({ deliveryId: id });
    expect(await row(id)).toMatchObject({ attempts: 2, next_attempt_at: new Date(nowMs + 600_000) });
    nowMs += 600_000;
    await work({ deliveryId: id });
    expect(await row(id)).toMatchObject({ status: 'delivered', attempts: 3, next_attempt_at: null, delivered_at: new Date(nowMs) });
    await work({ deliveryId: id });

    expect(received.map((one) => one.headers['webhook-id'])).toEqual([id, id, id]);
    expect(new Set(received.map((one) => one.headers['webhook-timestamp'])).size).toBe(3);
    expect(received[0] === undefined ? null : verify(received[0])).toEqual(JSON.parse(body));
    expect(await attempts(id)).toEqual([
      { status_code: 500, error: 'answered 500' },
      { status_code: 503, error: 'answered 503' },
      { status_code: 200, error: null },
    ]);
    expect(counters()).toMatchObject({ delivered: 1, retried: 2, failed: 0 });
  });

  it('gives up after the last delay of the schedule, with every attempt on record', async () => {
    const id = await queueDelivery(await endpoint());
    const { work } = worker();
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      answers = [status(500)];
      await work({ deliveryId: id });
      nowMs += 25 * 3_600_000;
    }
    expect(await row(id)).toMatchObject({ status: 'failed', attempts: 10, next_attempt_at: null });
    expect(await attempts(id)).toHaveLength(10);
  });

  it('disables the endpoint on 410 and settles what waits for it; other endpoints go on', async () => {
    const gone = await endpoint();
    const [first, second] = [await queueDelivery(gone), await queueDelivery(gone)];
    const other = await queueDelivery(await endpoint());
    answers = [status(410)];
    const { work, counters } = worker();
    await work({ deliveryId: first });
    expect(await row(first)).toMatchObject({ status: 'failed', attempts: 1 });
    expect(await row(second)).toMatchObject({ status: 'failed', attempts: 0 });
    const { rows } = await database.pool.query<{ disabled_reason: string }>('SELECT disabled_reason FROM webhook_endpoint WHERE id = $1', [
      gone,
    ]);
    expect(rows[0]?.disabled_reason).toMatch(/410/u);
    await work({ deliveryId: second });
    expect(received).toHaveLength(1);
    await work({ deliveryId: other });
    expect(await row(other)).toMatchObject({ status: 'delivered' });
    expect(counters()).toMatchObject({ disabled: 1, delivered: 1 });
  });

  it('does not follow a redirect', async () => {
    const id = await queueDelivery(await endpoint());
    answers = [status(302, { location: '/elsewhere' })];
    await worker().work({ deliveryId: id });
    expect(received.map((one) => one.path)).toEqual(['/hook']);
    expect(await row(id)).toMatchObject({ status: 'pending', attempts: 1 });
    expect(await attempts(id)).toEqual([{ status_code: 302, error: 'answered 302' }]);
  });

  it('ends an attempt that hangs at its time limit', async () => {
    const id = await queueDelivery(await endpoint());
    answers = [() => undefined];
    await worker({ timeoutMs: 50 }).work({ deliveryId: id });
    expect(await attempts(id)).toEqual([{ status_code: null, error: 'no answer within 50 ms' }]);
    expect(await row(id)).toMatchObject({ status: 'pending' });
  });

  it('records a receiver that is not there, and one that hangs up', async () => {
    const absent = await queueDelivery(await endpoint('http://127.0.0.1:9/'));
    const rude = await queueDelivery(await endpoint());
    answers = [(response) => response.destroy()];
    await worker().work({ deliveryId: absent });
    await worker().work({ deliveryId: rude });
    expect((await attempts(absent))[0]?.error).toMatch(/ECONNREFUSED/u);
    expect((await attempts(rude))[0]?.error).toMatch(/hang up|ECONNRESET/u);
  });

  it('takes the status and drops the connection of an answer without end', async () => {
    const id = await queueDelivery(await endpoint());
    const closed = new Promise<void>((resolve) => {
      answers = [
        (response) => {
          response.writeHead(200);
          const write = (): void => {
            while (!response.destroyed && response.write(Buffer.alloc(1_024)));
          };
          response
            .on('drain', write)
            .on('close', resolve)
            .on('error', () => undefined);
          write();
        },
      ];
    });
    await worker().work({ deliveryId: id });
    expect(await row(id)).toMatchObject({ status: 'delivered' });
    await closed;
  });

  it('signs with both secrets during rotation, and with one after it', async () => {
    const id = await endpoint();
    const next = newSecret();
    await database.pool.query('UPDATE webhook_endpoint SET secret = $2, previous_secret = $3, previous_secret_until = $4 WHERE id = $1', [
      id,
      next,
      secret,
      new Date(nowMs + 60_000),
    ]);
    await worker().work({ deliveryId: await queueDelivery(id) });
    nowMs += 60_001;
    await worker().work({ deliveryId: await queueDelivery(id) });
    const [during, after] = received;
    if (during === undefined || after === undefined) throw new Error('two deliveries were expected');
    expect(String(during.headers['webhook-signature']).split(' ')).toHaveLength(2);
    expect(verify(during, secret)).toEqual(JSON.parse(body));
    expect(verify(during, next)).toEqual(JSON.parse(body));
    expect(String(after.headers['webhook-signature']).split(' ')).toHaveLength(1);
    expect(() => verify(after, secret)).toThrow('No matching signature found');
  });

  it('keeps away from private addresses unless told otherwise, by number and by name', async () => {
    const { port } = new URL(url);
    for (const target of [url, `http://localhost:${port}/`, `http://[::1]:${port}/`]) {
      const id = await queueDelivery(await endpoint(target));
      await worker({ allowPrivate: false }).work({ deliveryId: id });
      expect((await attempts(id))[0]?.error).toMatch(/is not a public address/u);
    }
    expect(received).toEqual([]);
  });

  it('lets one of two workers have a delivery, and another take it over when the lease runs out', async () => {
    const id = await queueDelivery(await endpoint());
    const claims = await Promise.all([store().claim(id, 30_000), store().claim(id, 30_000)]);
    expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
    nowMs += 30_000;
    expect(await store().dueDeliveries(10)).toContain(id);
    await worker().work({ deliveryId: id });
    expect(await row(id)).toMatchObject({ status: 'delivered', attempts: 1 });
    // The first worker comes back late: its attempt is recorded, the delivery stays delivered.
    await store().recordAttempt(id, {
      atUs: nowMs * 1000,
      statusCode: null,
      error: 'late',
      durationMs: 1,
      outcome: { status: 'pending', nextAttemptUs: nowMs * 1000 },
    });
    expect(await row(id)).toMatchObject({ status: 'delivered', attempts: 2, next_attempt_at: null });
  });
});
