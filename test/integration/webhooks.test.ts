/** Deliveries to a real receiver: schedule, budgets, signatures, rotation, 410, redirects, hangs, and one receiver beside another. Time is an argument. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newSecret } from '../../src/alert/sign.ts';
import { createWebhookWorker } from '../../src/queue/webhook-worker.ts';
import { ENDPOINT_CONCURRENCY, createDeliveryStore } from '../../src/store/delivery-store.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { gate } from '../support/gate.ts';
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
      receiver_faults: number;
      own_faults: number;
      next_attempt_at: Date | null;
      delivered_at: Date | null;
    }>('SELECT status, attempts, receiver_faults, own_faults, next_attempt_at, delivered_at FROM webhook_delivery WHERE id = $1', [id]);
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
    const claims = await Promise.all([store().claim({ deliveryId: id }, 30_000), store().claim({ deliveryId: id }, 30_000)]);
    const [first, ...others] = claims.filter((claim) => claim !== null);
    expect(others).toEqual([]);
    nowMs += 30_000;
    expect(await store().dueDeliveries(10)).toContain(id);
    await worker().work({ deliveryId: id });
    expect(await row(id)).toMatchObject({ status: 'delivered', attempts: 1 });
    // The first worker comes back late: its attempt is recorded, the delivery stays delivered.
    await store().recordAttempt(id, {
      claim: first?.claim ?? '',
      atUs: nowMs * 1000,
      statusCode: 500,
      error: 'late',
      fault: 'receiver',
      durationMs: 1,
      pauseUntilUs: null,
      outcome: { status: 'pending', nextAttemptUs: nowMs * 1000 },
    });
    expect(await row(id)).toMatchObject({ status: 'delivered', attempts: 2, next_attempt_at: null });
  });

  describe('budgets', () => {
    it("does not spend the receiver's budget on our own faults, and logs whose fault each attempt was", async () => {
      const id = await queueDelivery(await endpoint());
      for (const delayMs of [5_000, 10_000, 20_000]) {
        await worker({ allowPrivate: false }).work({ deliveryId: id });
        expect(await row(id)).toMatchObject({ status: 'pending', receiver_faults: 0, next_attempt_at: new Date(nowMs + delayMs) });
        nowMs += delayMs;
      }
      answers = [status(500)];
      await worker().work({ deliveryId: id });
      // The first fault of the receiver, with its first delay.
      const next = new Date(nowMs + 5_000);
      expect(await row(id)).toMatchObject({ attempts: 4, receiver_faults: 1, own_faults: 3, next_attempt_at: next });
      const { rows } = await database.pool.query<{ fault: string }>(
        'SELECT fault FROM webhook_attempt WHERE delivery_id = $1 ORDER BY at',
        [id],
      );
      expect(rows.map(({ fault }) => fault)).toEqual(['ours', 'ours', 'ours', 'receiver']);
    });

    it('gives up when our own budget is spent too', async () => {
      const id = await queueDelivery(await endpoint());
      await database.pool.query('UPDATE webhook_delivery SET own_faults = 79 WHERE id = $1', [id]);
      await worker({ allowPrivate: false }).work({ deliveryId: id });
      expect(await row(id)).toMatchObject({ status: 'failed', own_faults: 80, receiver_faults: 0 });
    });

    it('spends nothing on an attempt whose outcome could not be stored: another makes it again when the claim runs out', async () => {
      const id = await queueDelivery(await endpoint());
      answers = [status(500)];
      const down = { ...store(), recordAttempt: () => Promise.reject(new Error('the store is down')) };
      await expect(worker({ store: down }).work({ deliveryId: id })).rejects.toThrow('down');
      await worker().work({ deliveryId: id });
      expect(received).toHaveLength(1);
      nowMs += 20_000;
      await worker().work({ deliveryId: id });
      expect(await row(id)).toMatchObject({ status: 'delivered', attempts: 1, receiver_faults: 0, own_faults: 0 });
    });

    it('breaks off what is under way when the service stops, at our own expense and without a pause', async () => {
      const target = await endpoint();
      const id = await queueDelivery(target);
      const { opened, open } = gate();
      answers = [() => open()];
      const { work, stop } = worker();
      const working = work({ deliveryId: id });
      await opened;
      stop();
      await working;
      expect(await row(id)).toMatchObject({
        status: 'pending',
        receiver_faults: 0,
        own_faults: 1,
        next_attempt_at: new Date(nowMs + 5_000),
      });
      nowMs += 5_000;
      await work({ deliveryId: id });
      expect(received).toHaveLength(1);
      await worker().work({ deliveryId: id });
      expect(await row(id)).toMatchObject({ status: 'delivered' });
    });

    it('leaves a receiver that asks for time alone with all of its deliveries, an hour at most', async () => {
      const target = await endpoint();
      const [first, second] = [await queueDelivery(target), await queueDelivery(target)];
      answers = [status(429, { 'retry-after': '7200' })];
      await worker().work({ deliveryId: first });
      expect(await row(first)).toMatchObject({ receiver_faults: 1, next_attempt_at: new Date(nowMs + 7_200_000) });
      await worker().work({ deliveryId: second });
      expect(await store().dueDeliveries(10)).not.toContain(second);
      expect(await row(second)).toMatchObject({ attempts: 0 });
      nowMs += 3_600_000;
      expect(await store().dueDeliveries(10)).toContain(second);
      await worker().work({ deliveryId: second });
      expect(await row(second)).toMatchObject({ status: 'delivered', receiver_faults: 0 });
    });

    it('pauses an endpoint that does not answer, longer each time, until it does', async () => {
      const target = await endpoint();
      const ids = [await queueDelivery(target), await queueDelivery(target), await queueDelivery(target)];
      const pausedUntil = async (): Promise<Date | null | undefined> =>
        (await database.pool.query<{ paused_until: Date | null }>('SELECT paused_until FROM webhook_endpoint WHERE id = $1', [target]))
          .rows[0]?.paused_until;
      answers = [(response) => response.destroy(), (response) => response.destroy()];
      await worker().work({ deliveryId: ids[0] ?? '' });
      expect(await pausedUntil()).toEqual(new Date(nowMs + 5_000));
      await worker().work({ deliveryId: ids[1] ?? '' });
      expect(await row(ids[1] ?? '')).toMatchObject({ attempts: 0 });
      nowMs += 5_000;
      await worker().work({ deliveryId: ids[1] ?? '' });
      expect(await pausedUntil()).toEqual(new Date(nowMs + 10_000));
      nowMs += 10_000;
      // It answers again: one job brings all that was waiting.
      await worker().work({ deliveryId: ids[2] ?? '' });
      expect(await pausedUntil()).toBeNull();
      expect(await row(ids[2] ?? '')).toMatchObject({ status: 'delivered' });
      expect(await row(ids[0] ?? '')).toMatchObject({ status: 'delivered' });
      // Two that failed, then all three.
      expect(received).toHaveLength(5);
    });

    it('closes the connection of an answer whose body trickles in, and keeps its status', async () => {
      const id = await queueDelivery(await endpoint());
      const { opened: closed, open: close } = gate();
      answers = [
        (response) => {
          response.on('close', close).writeHead(200);
          response.write('x');
        },
      ];
      await worker({ timeoutMs: 60_000 }).work({ deliveryId: id });
      expect(await row(id)).toMatchObject({ status: 'delivered' });
      await closed;
    });
  });

  describe('one receiver beside another', () => {
    let dead: Server;
    let hanging = 0;
    beforeEach(async () => {
      hanging = 0;
      // Takes every request; every other one gets the beginning of an answer that never goes on.
      dead = createServer((request) => {
        hanging += 1;
        if (hanging % 2 === 0) request.socket.write('HTTP/1.1 200 OK\r\nx-');
      });
      dead.listen(0, '127.0.0.1');
      await once(dead, 'listening');
    });
    afterEach(async () => {
      dead.closeAllConnections();
      dead.close();
      await once(dead, 'close');
    });
    const many = async (endpointId: string, count: number): Promise<string[]> => {
      const ids: string[] = [];
      for (let n = 0; n < count; n += 1) ids.push(await queueDelivery(endpointId));
      return ids;
    };

    it('delivers to a good receiver while everything ahead of it hangs', async () => {
      const deadId = await endpoint(`http://127.0.0.1:${(dead.address() as AddressInfo).port}/`);
      const behind = await many(deadId, 40);
      const good = await many(await endpoint(), 20);
      const { opened: allArrived, open } = gate();
      answers = good.map((_, n): Answer => (response) => {
        response.writeHead(204).end();
        if (n === good.length - 1) open();
      });
      // As many jobs at once as a small process has, hints in the order of their events: the dead receiver's are first. No time limit ends them.
      const { work, stop } = worker({ timeoutMs: 600_000 });
      const hints = [...behind, ...good];
      const runner = async (): Promise<void> => {
        for (let id = hints.shift(); id !== undefined; id = hints.shift()) await work({ deliveryId: id });
      };
      const running = Promise.all(Array.from({ length: 4 }, runner));
      await allArrived;
      expect(new Set(received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(good));
      expect(hanging).toBe(ENDPOINT_CONCURRENCY);
      stop();
      await running;
      const { rows } = await database.pool.query<{ status: string; n: number }>(
        'SELECT status, count(*)::int AS n FROM webhook_delivery WHERE endpoint_id = $1 AND receiver_faults = 0 GROUP BY status',
        [deadId],
      );
      expect(rows).toEqual([{ status: 'pending', n: 40 }]);
    });

    it('hints endpoints by turns, however much is due for one of them', async () => {
      await database.pool.query(`UPDATE webhook_delivery SET status = 'failed', next_attempt_at = NULL`);
      const loudId = await endpoint();
      const [first] = await many(loudId, 1);
      nowMs += 1;
      await many(loudId, 29);
      const quiet = await many(await endpoint(), 1);
      expect(await store().dueDeliveries(2)).toEqual([first, quiet[0]]);
      expect(await store().dueDeliveries(100)).toHaveLength(ENDPOINT_CONCURRENCY + 1);
    });

    it('lets no more of one endpoint be under way than may be, whoever claims them', async () => {
      const ids = await many(await endpoint(), 6);
      const claims = await Promise.all(ids.map((deliveryId) => store().claim({ deliveryId }, 30_000)));
      expect(claims.filter((claim) => claim !== null)).toHaveLength(ENDPOINT_CONCURRENCY);
      nowMs += 30_000;
      expect(await store().claim({ deliveryId: ids[5] ?? '' }, 30_000)).not.toBeNull();
    });
  });
});
