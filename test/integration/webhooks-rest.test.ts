/** Filters, resend and replay over the API, with events written as the ASMS transaction writes them. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AlertChanged, RecommendationMade } from '../../src/contracts/events.ts';
import { createWebhookWorker } from '../../src/queue/webhook-worker.ts';
import { createDeliveryStore } from '../../src/store/delivery-store.ts';
import { Rollback, inTransaction } from '../../src/store/transaction.ts';
import { dropOldWebhookEvents, queueDeliveries } from '../../src/store/webhook-outbox.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

interface Made {
  readonly id: string;
}
interface DeliveryView extends Made {
  readonly status: string;
  readonly attempts: readonly { readonly statusCode: number | null; readonly fault: string | null }[];
}

const ALL = ['alert.raised', 'alert.cleared', 'recommendation.created'];
const MINUTE_MS = 60_000;

describe('webhooks over the API', () => {
  let api: RestApp;
  let every: string;
  let redKey: string;
  let reds: string;
  let blues: string;
  let url: string;
  let receiver: Server;
  let receivedIds: (string | undefined)[] = [];
  let answer = 204;
  const athlete: Record<string, string> = {};

  beforeAll(async () => {
    api = await startRestApp({ webhookAllowPrivate: true });
    [reds, blues] = [await api.team('reds'), await api.team('blues')];
    for (const team of [reds, blues]) athlete[team] = await api.athlete(team, '1');
    every = await api.key(null, ['admin']);
    redKey = await api.key(reds, ['admin']);
    receiver = createServer((request, response) => {
      receivedIds.push(request.headers['webhook-id'] as string | undefined);
      request.resume();
      response.writeHead(answer).end();
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  });
  afterAll(async () => {
    receiver.closeAllConnections();
    receiver.close();
    await api.close();
  });
  beforeEach(async () => {
    receivedIds = [];
    answer = 204;
    await api.database.pool.query('TRUNCATE webhook_attempt, webhook_delivery, webhook_endpoint, webhook_event');
  });

  const make = async (body: object, key = redKey): Promise<string> => {
    const made = await api.call(key, 'POST', '/v1/webhooks', { url, eventTypes: ALL, ...body });
    expect(made.statusCode, made.body).toBe(201);
    return made.json<Made>().id;
  };
  const alert = (given: Partial<AlertChanged> = {}): AlertChanged => {
    const teamId = given.teamId ?? reds;
    return {
      type: 'alert.raised',
      alertId: 'a',
      athleteId: athlete[teamId] ?? '',
      teamId,
      alertType: 'risk',
      severity: 'amber',
      at: new Date().toISOString(),
      ...given,
    };
  };
  const recommendation = (): RecommendationMade => ({
    type: 'recommendation.created',
    recommendationId: 'r',
    athleteId: athlete[reds] ?? '',
    teamId: reds,
    at: new Date().toISOString(),
  });
  const happen = (event: AlertChanged | RecommendationMade): Promise<string[]> =>
    inTransaction(api.database.pool, (client) => queueDeliveries(client, event));
  /** Endpoints that were matched with the event. */
  const toldOf = async (event: AlertChanged | RecommendationMade): Promise<string[]> => {
    const { rows } = await api.database.pool.query<{ endpoint_id: string }>(
      'SELECT endpoint_id FROM webhook_delivery WHERE id = ANY ($1)',
      [await happen(event)],
    );
    return rows.map((row) => row.endpoint_id).toSorted();
  };
  const replay = (id: string, body: object, key = redKey) => api.call(key, 'POST', `/v1/webhooks/${id}/replay`, body);
  const lastHour = () => ({
    from: new Date(Date.now() - 60 * MINUTE_MS).toISOString(),
    to: new Date(Date.now() + MINUTE_MS).toISOString(),
  });
  const deliveries = async (id: string): Promise<DeliveryView[]> =>
    (await api.call(redKey, 'GET', `/v1/webhooks/${id}/deliveries?limit=200`)).json<{ items: DeliveryView[] }>().items;
  const deliver = (deliveryId: string): Promise<void> =>
    // A minute ahead: a delivery just made is due.
    createWebhookWorker({
      store: createDeliveryStore(api.database.pool, { nowMs: () => Date.now() + MINUTE_MS }),
      allowPrivate: true,
    }).work({ deliveryId });

  describe('filters', () => {
    it('by event type', async () => {
      const raised = await make({ eventTypes: ['alert.raised'] });
      const both = await make({ eventTypes: ['alert.raised', 'alert.cleared'] });
      expect(await toldOf(alert())).toEqual([raised, both].toSorted());
      expect(await toldOf(alert({ type: 'alert.cleared' }))).toEqual([both]);
      expect(await toldOf(recommendation())).toEqual([]);
    });

    it('by type of alert, which holds back no other event', async () => {
      const some = await make({ alertTypes: ['asymmetry', 'sides-swapped'] });
      const all = await make({});
      expect(await toldOf(alert({ alertType: 'sides-swapped' }))).toEqual([some, all].toSorted());
      expect(await toldOf(alert({ alertType: 'risk' }))).toEqual([all]);
      expect(await toldOf(recommendation())).toEqual([some, all].toSorted());
    });

    it('by severity, raised and cleared alike', async () => {
      const red = await make({ minSeverity: 'red' });
      const amber = await make({ minSeverity: 'amber' });
      for (const type of ['alert.raised', 'alert.cleared'] as const) {
        expect(await toldOf(alert({ type, severity: 'red' }))).toEqual([red, amber].toSorted());
        expect(await toldOf(alert({ type, severity: 'amber' }))).toEqual([amber]);
      }
      expect(await toldOf(recommendation())).toEqual([red, amber].toSorted());
    });

    it('by team: one, or every one for a key of every team', async () => {
      const red = await make({});
      const blue = await make({ teamId: blues }, every);
      const all = await make({ teamId: null }, every);
      expect(await toldOf(alert())).toEqual([red, all].toSorted());
      expect(await toldOf(alert({ teamId: blues }))).toEqual([blue, all].toSorted());
    });

    it('only while the endpoint is enabled, and as they are when the event happens', async () => {
      const id = await make({ minSeverity: 'red' });
      await api.call(redKey, 'PATCH', `/v1/webhooks/${id}`, { enabled: false });
      expect(await toldOf(alert({ severity: 'red' }))).toEqual([]);
      const changed = await api.call(redKey, 'PATCH', `/v1/webhooks/${id}`, { enabled: true, minSeverity: 'amber', alertTypes: ['risk'] });
      expect(changed.json()).toMatchObject({ minSeverity: 'amber', alertTypes: ['risk'], disabledAt: null });
      expect(await toldOf(alert())).toEqual([id]);
    });

    it('in the transaction of the event: what is rolled back was never told', async () => {
      await make({});
      const client = (work: Parameters<typeof inTransaction<string[]>>[1]) => inTransaction(api.database.pool, work);
      expect(await client(async (tx) => new Rollback(await queueDeliveries(tx, alert())))).toHaveLength(1);
      const { rows } = await api.database.pool.query('SELECT 1 FROM webhook_event UNION ALL SELECT 1 FROM webhook_delivery');
      expect(rows).toEqual([]);
    });
  });

  it('keeps an endpoint of every team away from keys of one team', async () => {
    const refused = await api.call(redKey, 'POST', '/v1/webhooks', { url, eventTypes: ALL, teamId: null });
    expect(refused.json()).toMatchObject({ status: 403, code: 'other-team' });
    const id = await make({ teamId: null }, every);
    expect((await api.call(every, 'GET', `/v1/webhooks/${id}`)).json()).toMatchObject({ teamId: null });
    const [delivery = ''] = await happen(alert());
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/test'],
      ['GET', `/deliveries/${delivery}`],
      ['POST', `/deliveries/${delivery}/resend`],
    ] as const) {
      expect((await api.call(redKey, method, `/v1/webhooks/${id}${path}`)).statusCode, `${method} ${path}`).toBe(404);
    }
    expect((await replay(id, lastHour())).statusCode).toBe(404);
    expect((await api.call(redKey, 'GET', '/v1/webhooks')).json()).toMatchObject({ items: [] });
  });

  it('refuses filters there are none of', async () => {
    for (const bad of [{ alertTypes: ['tiredness'] }, { minSeverity: 'green' }, { alertTypes: ['risk', 'risk'] }]) {
      const answered = await api.call(redKey, 'POST', '/v1/webhooks', { url, eventTypes: ALL, ...bad });
      expect(answered.json(), JSON.stringify(bad)).toMatchObject({ status: 400, code: 'validation-failed' });
    }
  });

  describe('sending one delivery again', () => {
    it('keeps its id, begins new budgets, and adds to the log of attempts', async () => {
      const id = await make({});
      const [deliveryId = ''] = await happen(alert());
      await api.database.pool.query('UPDATE webhook_delivery SET receiver_faults = 9 WHERE id = $1', [deliveryId]);
      answer = 500;
      await deliver(deliveryId);
      const path = `/v1/webhooks/${id}/deliveries/${deliveryId}`;
      expect((await api.call(redKey, 'GET', path)).json()).toMatchObject({ status: 'failed', nextAttemptAt: null });

      const again = await api.call(redKey, 'POST', `${path}/resend`);
      expect([again.statusCode, again.json<DeliveryView>().status]).toEqual([202, 'pending']);
      expect(api.calls.webhooksTested.at(-1)).toBe(deliveryId);
      await deliver(deliveryId);
      expect((await api.call(redKey, 'GET', path)).json()).toMatchObject({ status: 'pending' });
      answer = 200;
      await api.call(redKey, 'POST', `${path}/resend`);
      await deliver(deliveryId);
      // Also what was delivered.
      await api.call(redKey, 'POST', `${path}/resend`);
      await deliver(deliveryId);
      expect(receivedIds).toEqual([deliveryId, deliveryId, deliveryId, deliveryId]);
      const seen = (await api.call(redKey, 'GET', path)).json<DeliveryView>();
      expect(seen.status).toBe('delivered');
      expect(seen.attempts.map(({ statusCode, fault }) => [statusCode, fault])).toEqual([
        [500, 'receiver'],
        [500, 'receiver'],
        [200, null],
        [200, null],
      ]);
    });

    it('is not undone by the failure of an attempt that was under way', async () => {
      const id = await make({});
      const [deliveryId = ''] = await happen(alert());
      const store = createDeliveryStore(api.database.pool, { nowMs: () => Date.now() + MINUTE_MS });
      const due = await store.claim({ deliveryId }, 30_000);
      await api.call(redKey, 'POST', `/v1/webhooks/${id}/deliveries/${deliveryId}/resend`);
      await store.recordAttempt(deliveryId, {
        claim: due?.claim ?? '',
        atUs: Date.now() * 1000,
        statusCode: 500,
        error: 'answered 500',
        fault: 'receiver',
        durationMs: 1,
        pauseUntilUs: null,
        outcome: { status: 'failed' },
      });
      expect((await deliveries(id)).map(({ status, attempts }) => [status, attempts.length])).toEqual([['pending', 1]]);
    });

    it('lifts the pause of its endpoint', async () => {
      const id = await make({});
      const [deliveryId = ''] = await happen(alert());
      await api.database.pool.query(`UPDATE webhook_endpoint SET paused_until = now() + interval '1 hour' WHERE id = $1`, [id]);
      await deliver(deliveryId);
      expect(receivedIds).toEqual([]);
      await api.call(redKey, 'POST', `/v1/webhooks/${id}/deliveries/${deliveryId}/resend`);
      await deliver(deliveryId);
      expect(receivedIds).toEqual([deliveryId]);
    });

    it("refuses a delivery that is not the endpoint's, and a disabled endpoint", async () => {
      const id = await make({ eventTypes: ['alert.cleared'] });
      await make({ eventTypes: ['alert.raised'] });
      const [other = ''] = await happen(alert());
      expect((await api.call(redKey, 'POST', `/v1/webhooks/${id}/deliveries/${other}/resend`)).json()).toMatchObject({ status: 404 });
      expect((await api.call(redKey, 'GET', `/v1/webhooks/${id}/deliveries/${other}`)).statusCode).toBe(404);
      expect((await api.call(redKey, 'POST', `/v1/webhooks/${id}/deliveries/a%20b/resend`)).statusCode).toBe(400);
      const [own = ''] = await happen(alert({ type: 'alert.cleared' }));
      await api.call(redKey, 'PATCH', `/v1/webhooks/${id}`, { enabled: false });
      expect((await api.call(redKey, 'POST', `/v1/webhooks/${id}/deliveries/${own}/resend`)).json()).toMatchObject({
        status: 409,
        code: 'webhook-disabled',
      });
    });
  });

  describe('replay', () => {
    it('gives an endpoint made later what it would have been sent, once', async () => {
      await happen(alert({ severity: 'amber' }));
      await happen(alert({ severity: 'red' }));
      await happen(alert({ severity: 'red', type: 'alert.cleared' }));
      await happen(alert({ severity: 'red', teamId: blues }));
      await happen(recommendation());
      const id = await make({ minSeverity: 'red' });
      expect(await deliveries(id)).toEqual([]);
      const raised = await replay(id, { ...lastHour(), eventTypes: ['alert.raised'] });
      expect([raised.statusCode, raised.json()]).toEqual([202, { matched: 1, created: 1, resent: 0 }]);
      expect((await replay(id, lastHour())).json()).toEqual({ matched: 3, created: 2, resent: 0 });
      const made = await deliveries(id);
      expect(made).toHaveLength(3);
      for (const delivery of made) await deliver(delivery.id);
      expect(new Set(receivedIds)).toEqual(new Set(made.map((one) => one.id)));
      expect(receivedIds).toHaveLength(3);
      expect((await replay(id, lastHour())).json()).toEqual({ matched: 3, created: 0, resent: 0 });
    });

    it('gives an endpoint that was disabled what it missed and what failed then, not what it had', async () => {
      const id = await make({});
      const [had = ''] = await happen(alert());
      await deliver(had);
      const [waiting = ''] = await happen(alert({ alertType: 'deviation' }));
      answer = 410;
      const [gone = ''] = await happen(alert({ alertType: 'asymmetry' }));
      await deliver(gone);
      await happen(alert({ type: 'alert.cleared' }));
      expect((await replay(id, lastHour())).json()).toMatchObject({ status: 409, code: 'webhook-disabled' });
      answer = 204;
      await api.call(redKey, 'PATCH', `/v1/webhooks/${id}`, { enabled: true });
      expect((await replay(id, lastHour())).json()).toEqual({ matched: 4, created: 1, resent: 2 });
      expect((await replay(id, lastHour())).json()).toEqual({ matched: 4, created: 0, resent: 0 });
      const pending = (await deliveries(id)).filter(({ status }) => status === 'pending').map((one) => one.id);
      expect(pending).toHaveLength(3);
      expect(pending).toEqual(expect.arrayContaining([waiting, gone]));
    });

    it('takes the range by when an event was stored, its end left out', async () => {
      await happen(alert());
      const { rows } = await api.database.pool.query<{ created_at: Date }>(
        `UPDATE webhook_event SET created_at = date_trunc('milliseconds', created_at) RETURNING created_at`,
      );
      const at = rows[0]?.created_at.getTime() ?? 0;
      const id = await make({});
      const range = (fromMs: number, toMs: number) => ({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() });
      expect((await replay(id, range(at - MINUTE_MS, at))).json()).toMatchObject({ matched: 0 });
      expect((await replay(id, range(at, at + 1))).json()).toMatchObject({ matched: 1 });
    });

    it('takes a thousand events at once and says how far a longer range may go', async () => {
      const id = await make({});
      await api.database.pool.query(
        `INSERT INTO webhook_event (id, team_id, athlete_id, event_type, alert_type, severity, body, created_at)
         SELECT gen_random_uuid(), $1, $2, 'alert.raised', 'risk', 'red', '{}', date_trunc('second', now()) - interval '1 second' * (1001 - n)
         FROM generate_series(1, 1001) AS n`,
        [reds, athlete[reds]],
      );
      const refused = (await replay(id, lastHour())).json<{ detail: string }>();
      expect(refused).toMatchObject({ status: 422, code: 'time-out-of-range' });
      expect(await deliveries(id)).toEqual([]);
      const to = /ask up to (\S+) first/u.exec(refused.detail)?.[1];
      expect((await replay(id, { ...lastHour(), to })).json()).toEqual({ matched: 1_000, created: 1_000, resent: 0 });
      expect((await replay(id, { ...lastHour(), from: to })).json()).toEqual({ matched: 1, created: 1, resent: 0 });
    });

    it('refuses ranges it cannot serve', async () => {
      const id = await make({});
      const { from, to } = lastHour();
      expect((await replay(id, { from: to, to: from })).json()).toMatchObject({ status: 422, code: 'time-out-of-range' });
      const old = (await replay(id, { from: '2020-01-01T00:00:00Z', to })).json();
      expect(old).toMatchObject({ status: 422, code: 'time-out-of-range', detail: expect.stringContaining('30 days') as string });
      for (const bad of [
        { from },
        { to },
        { from: 'yesterday', to },
        { from, to, eventTypes: ['athlete.state'] },
        { from, to, force: true },
      ])
        expect((await replay(id, bad)).json(), JSON.stringify(bad)).toMatchObject({ status: 400, code: 'validation-failed' });
    });
  });

  it('keeps events, deliveries and attempts for 30 days', async () => {
    await make({});
    const [old = ''] = await happen(alert());
    await deliver(old);
    const { pool } = api.database;
    for (const table of ['webhook_event', 'webhook_delivery'])
      await pool.query(`UPDATE ${table} SET created_at = now() - interval '30 days'`);
    const [kept = ''] = await happen(alert());
    const now = Date.now();
    expect(await dropOldWebhookEvents(pool, now - MINUTE_MS)).toEqual({ events: 0, deliveries: 0 });
    expect(await dropOldWebhookEvents(pool, now + MINUTE_MS)).toEqual({ events: 1, deliveries: 1 });
    expect((await pool.query('SELECT id FROM webhook_delivery')).rows).toEqual([{ id: kept }]);
    expect((await pool.query('SELECT 1 FROM webhook_attempt')).rows).toEqual([]);
  });
});
