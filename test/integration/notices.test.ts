/** Who is told of which alerts and when: quiet hours, budgets over changes of clocks, common causes; and what the alerts were worth. Real PostgreSQL and HTTP. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AlertType } from '../../src/contracts/events.ts';
import { createNoticeSweep } from '../../src/queue/notice-sweep.ts';
import { createNoticeStore } from '../../src/store/notice-store.ts';
import { startRestApp, type RestApp } from '../support/rest-app.ts';

interface Notice {
  readonly id: string;
  readonly recipient: string;
  readonly status: string;
  readonly why: string | null;
  readonly heldUntil: string | null;
  readonly sentAt: string | null;
  readonly alertId: string | null;
  readonly commonCauseId: string | null;
}

let api: RestApp;
let teamId: string;
let key: string;
/** What the sweep takes for now. */
let now: string;
let deliveries: string[];
beforeAll(async () => {
  api = await startRestApp();
});
afterAll(() => api.close());
beforeEach(async () => {
  teamId = (await api.repositories.teams.create({ name: `team ${randomUUID()}`, timeZone: 'Europe/Berlin' })).id;
  key = await api.key(teamId, ['read', 'write', 'medical']);
  deliveries = [];
});

const sweeper = () =>
  createNoticeSweep({
    store: createNoticeStore(api.database.pool),
    nowMs: () => Date.parse(now),
    onDeliveries: (ids) => void deliveries.push(...ids),
  });
const sweepAt = async (at: string): Promise<void> => {
  now = at;
  await sweeper().sweep();
};
const athlete = (): Promise<string> => api.athlete(teamId, randomUUID());

interface Raised {
  readonly type?: AlertType;
  readonly severity?: 'amber' | 'red';
  readonly athleteId?: string;
}
async function raise(at: string, { type = 'deviation', severity = 'amber', athleteId }: Raised = {}): Promise<string> {
  const id = randomUUID();
  await api.database.pool.query(
    `INSERT INTO alert (id, team_id, athlete_id, type, severity, title, sentence, evidence, raised_window_index, raised_at, method_version)
     VALUES ($1, $2, $3, $4, $5, 't', 's', '{}', 1, $6, 'asms-test')`,
    [id, teamId, athleteId ?? (await athlete()), type, severity, at],
  );
  return id;
}
interface Injured {
  readonly athleteId?: string;
  readonly injuryId?: string;
}
async function injured(): Promise<Injured> {
  const [athleteId, injuryId] = [await athlete(), randomUUID()];
  await api.database.pool.query(
    `INSERT INTO injury (id, athlete_id, diagnosis_code, region, onset_at, time_loss_days) VALUES ($1, $2, 'TMHXX', 'thigh', '2026-11-02T15:10:00Z', 18)`,
    [injuryId, athleteId],
  );
  return { athleteId, injuryId };
}
const recipient = async (name: string, given: object = {}): Promise<string> => {
  const answer = await api.call(key, 'POST', `/v1/teams/${teamId}/recipients`, { name, ...given });
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json<{ id: string }>().id;
};
const listed = async (query = ''): Promise<Notice[]> => {
  const answer = await api.call(key, 'GET', `/v1/teams/${teamId}/notices?limit=200${query}`);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<{ items: Notice[] }>().items;
};
const noticeOf = async (alertId: string): Promise<Notice | undefined> => (await listed()).find((notice) => notice.alertId === alertId);

describe('a daily budget', () => {
  it('counts the day of the team, also one of 25 hours', async () => {
    await recipient('Coach', { dailyBudget: 1 });
    // 25 October 2026 in Berlin: from 22:00Z the day before to 23:00Z.
    const first = await raise('2026-10-24T22:29:00Z');
    await sweepAt('2026-10-24T22:30:00Z');
    expect(await noticeOf(first)).toMatchObject({ status: 'sent', sentAt: '2026-10-24T22:30:00.000Z', why: null });
    const second = await raise('2026-10-25T22:29:00Z');
    await sweepAt('2026-10-25T22:30:00Z');
    expect(await noticeOf(second)).toMatchObject({ status: 'held-back', why: 'budget', heldUntil: '2026-10-25T23:00:00.000Z' });
    await sweepAt('2026-10-25T22:59:59Z');
    expect(await noticeOf(second)).toMatchObject({ status: 'held-back' });
    await sweepAt('2026-10-25T23:00:00Z');
    expect(await noticeOf(second)).toMatchObject({ status: 'sent', why: 'budget', heldUntil: null });
  });

  it('counts the day of the team, also one of 23 hours', async () => {
    await recipient('Coach', { dailyBudget: 1 });
    await raise('2026-03-28T23:10:00Z');
    await sweepAt('2026-03-28T23:30:00Z');
    const second = await raise('2026-03-29T21:58:00Z');
    await sweepAt('2026-03-29T21:59:00Z');
    expect(await noticeOf(second)).toMatchObject({ why: 'budget', heldUntil: '2026-03-29T22:00:00.000Z' });
    await sweepAt('2026-03-29T22:00:00Z');
    expect(await noticeOf(second)).toMatchObject({ status: 'sent' });
  });

  it('of nothing lets red alerts through and lists the others', async () => {
    await recipient('Coach', { dailyBudget: 0 });
    const [amber, red] = [await raise('2026-11-02T10:00:00Z'), await raise('2026-11-02T10:00:00Z', { type: 'risk', severity: 'red' })];
    await sweepAt('2026-11-02T10:00:01Z');
    expect([(await noticeOf(amber))?.status, (await noticeOf(red))?.status]).toEqual(['held-back', 'sent']);
  });
});

describe('quiet hours', () => {
  it('hold amber alerts until they end by the clock after the change, and let red ones through', async () => {
    await recipient('Coach', { quietHours: { from: '22:00', to: '07:00' } });
    const amber = await raise('2026-10-24T21:00:00Z');
    const red = await raise('2026-10-24T21:00:00Z', { type: 'risk', severity: 'red' });
    await sweepAt('2026-10-24T21:00:01Z');
    expect(await noticeOf(red)).toMatchObject({ status: 'sent' });
    expect(await noticeOf(amber)).toMatchObject({ status: 'held-back', why: 'quiet-hours', heldUntil: '2026-10-25T06:00:00.000Z' });
    await sweepAt('2026-10-25T05:59:00Z');
    expect(await noticeOf(amber)).toMatchObject({ status: 'held-back' });
    await sweepAt('2026-10-25T06:00:00Z');
    expect(await noticeOf(amber)).toMatchObject({ status: 'sent' });
  });
});

describe('a notice', () => {
  const AT = '2026-11-02T10:00:00Z';
  const LATER = '2026-11-02T10:00:01Z';

  it('goes to each recipient whose severity it has, once, and is an event with ids only', async () => {
    const [all, critical] = [await recipient('All'), await recipient('Critical', { minSeverity: 'red' })];
    const endpoint = await api.repositories.webhooks.create(teamId, {
      url: 'https://example.org/hook',
      eventTypes: ['notice.sent'],
      secret: 'whsec_x',
    });
    const amber = await raise(AT);
    const red = await raise(AT, { type: 'risk', severity: 'red' });
    now = LATER;
    // Two processes at once, and a round too many.
    await Promise.all([sweeper().sweep(), sweeper().sweep()]);
    await sweeper().sweep();
    const sent = await listed('&status=sent');
    expect(sent.map(({ recipient: name, alertId }) => `${name} ${alertId}`).toSorted()).toEqual(
      [`All ${amber}`, `All ${red}`, `Critical ${red}`].toSorted(),
    );
    expect(await listed(`&recipientId=${critical}`)).toHaveLength(1);
    const { rows } = await api.database.pool.query<{ id: string; body: string }>(
      'SELECT id, body FROM webhook_delivery WHERE endpoint_id = $1',
      [endpoint.id],
    );
    expect(rows.map(({ id }) => id).toSorted()).toEqual(deliveries.toSorted());
    const bodies = rows.map(({ body }) => JSON.parse(body) as { type: string; data: Record<string, string | null> });
    expect(bodies.map(({ type }) => type)).toEqual(['notice.sent', 'notice.sent', 'notice.sent']);
    expect(bodies.find(({ data }) => data['alertId'] === amber)?.data).toMatchObject({ recipientId: all, commonCauseId: null, teamId });
    expect(bodies.every(({ data }) => Object.keys(data).every((name) => name.endsWith('Id')))).toBe(true);
  });

  it('of a snoozed alert waits for it, and of one that was over before it was told is dropped', async () => {
    await recipient('Coach');
    const [snoozed, over] = [await raise(AT), await raise(AT)];
    await api.database.pool.query(`UPDATE alert SET snoozed_until = '2026-11-02T11:00:00Z' WHERE id = $1`, [snoozed]);
    await api.database.pool.query('UPDATE alert SET cleared_at = raised_at WHERE id = $1', [over]);
    await sweepAt(LATER);
    expect(await noticeOf(snoozed)).toMatchObject({ status: 'held-back', why: 'snoozed', heldUntil: '2026-11-02T11:00:00.000Z' });
    expect(await noticeOf(over)).toMatchObject({ status: 'dropped', why: 'cleared-before', heldUntil: null });
    // It ends before the snooze does: nobody needs to hear of it any more.
    await api.database.pool.query(`UPDATE alert SET cleared_at = '2026-11-02T10:30:00Z' WHERE id = $1`, [snoozed]);
    await sweepAt('2026-11-02T10:31:00Z');
    expect(await noticeOf(snoozed)).toMatchObject({ status: 'dropped', why: 'cleared-before' });
  });

  it('is of what comes after the recipient was added, and what is held back goes with a recipient made inactive', async () => {
    const before = await raise(AT);
    await sweepAt(LATER);
    const id = await recipient('Coach', { dailyBudget: 0 });
    const after = await raise('2026-11-02T10:05:00Z');
    await sweepAt('2026-11-02T10:05:01Z');
    expect(await noticeOf(before)).toBeUndefined();
    expect(await noticeOf(after)).toMatchObject({ status: 'held-back' });
    expect((await api.call(key, 'PATCH', `/v1/recipients/${id}`, { active: false })).json()).toMatchObject({ active: false });
    expect(await noticeOf(after)).toMatchObject({ status: 'dropped', why: 'inactive' });
    const later = await raise('2026-11-02T10:06:00Z');
    await sweepAt('2026-11-03T10:05:01Z');
    expect(await noticeOf(later)).toBeUndefined();
    expect(await createNoticeStore(api.database.pool).teamsDue(Date.parse('2026-11-04T10:00:00Z') * 1_000, 10)).not.toContain(teamId);
  });

  it('keeps nothing of a round that fails, and the next one makes it good', async () => {
    await recipient('Coach');
    const id = await raise(AT);
    const nowUs = Date.parse(LATER) * 1_000;
    const broken = createNoticeStore(api.database.pool).settle(teamId, nowUs, {
      withinS: 600,
      commonCauses: () => [],
      plan: () => {
        throw new Error('planted');
      },
    });
    await expect(broken).rejects.toThrow('planted');
    expect(await listed()).toEqual([]);
    await sweepAt(LATER);
    expect(await noticeOf(id)).toMatchObject({ status: 'sent' });
  });
});

describe('a recipient', () => {
  it('has a name once, quiet hours by the clock, and a budget that can be', async () => {
    const id = await recipient('Coach', { quietHours: { from: '21:30', to: '06:15' } });
    const post = (body: object) => api.call(key, 'POST', `/v1/teams/${teamId}/recipients`, body);
    expect((await post({ name: 'Coach' })).json()).toMatchObject({ status: 409, code: 'already-exists' });
    for (const bad of [
      { dailyBudget: -1 },
      { dailyBudget: 1.5 },
      { quietHours: { from: '24:00', to: '07:00' } },
      { quietHours: { from: '22:00' } },
    ])
      expect((await post({ name: 'Other', ...bad })).json(), JSON.stringify(bad)).toMatchObject({ status: 400, code: 'validation-failed' });
    expect((await api.call(key, 'GET', `/v1/teams/${teamId}/recipients`)).json()).toMatchObject({
      items: [{ id, name: 'Coach', minSeverity: 'amber', dailyBudget: 3, quietHours: { from: '21:30', to: '06:15' }, active: true }],
    });
    expect((await api.call(key, 'PATCH', `/v1/recipients/${id}`, { quietHours: null, dailyBudget: 5 })).json()).toMatchObject({
      quietHours: null,
      dailyBudget: 5,
    });
  });
});

describe('a common cause', () => {
  const MINUTE = (minute: number, second = 0): string => `2026-11-02T10:${`${minute}`.padStart(2, '0')}:${`${second}`.padStart(2, '0')}Z`;

  /** Athletes who send data. */
  async function squad(size: number): Promise<string[]> {
    const ids = await Promise.all(Array.from({ length: size }, athlete));
    for (const id of ids)
      await api.database.pool.query(
        `INSERT INTO asms_state (athlete_id, last_window_index, model_version, method_version, state, updated_at) VALUES ($1, 1, 'm', 'v', 'null', $2)`,
        [id, MINUTE(5)],
      );
    return ids;
  }

  it('is told once in the place of its alerts, which stay listed beneath it', async () => {
    await recipient('Coach', { dailyBudget: 10 });
    const athletes = await squad(10);
    const before = await raise(MINUTE(3), { type: 'data-stopped', athleteId: athletes[9]! });
    await sweepAt(MINUTE(3, 30));
    expect(await noticeOf(before)).toMatchObject({ status: 'sent' });
    const single = await raise(MINUTE(4), { athleteId: athletes[0]! });
    const beneath = [];
    for (const athleteId of athletes.slice(0, 3)) beneath.push(await raise(MINUTE(4), { type: 'data-stopped', athleteId }));
    await sweepAt(MINUTE(5));
    const causes = (await api.call(key, 'GET', `/v1/teams/${teamId}/common-causes`)).json<{
      items: { id: string; alertIds: string[] }[];
    }>();
    expect(causes.items).toMatchObject([{ type: 'data-stopped', athletes: 4, share: 0.4, activeAlerts: 4 }]);
    const cause = causes.items[0]?.id ?? '';
    expect(causes.items[0]?.alertIds.toSorted()).toEqual([before, ...beneath].toSorted());
    const sent = await listed('&status=sent');
    expect(sent.map(({ alertId, commonCauseId }) => alertId ?? commonCauseId ?? '').toSorted()).toEqual([before, single, cause].toSorted());
    expect((await listed('&status=dropped')).map(({ alertId, why }) => `${alertId} ${why}`).toSorted()).toEqual(
      beneath.map((id) => `${id} common-cause`).toSorted(),
    );
    // It goes on: a fifth athlete is put beneath it, and nobody is told again.
    const fifth = await raise(MINUTE(8), { type: 'data-stopped', athleteId: athletes[5]! });
    await sweepAt(MINUTE(8, 1));
    expect(await listed('&status=sent')).toHaveLength(3);
    expect((await api.call(key, 'GET', `/v1/teams/${teamId}/common-causes`)).json()).toMatchObject({ items: [{ id: cause, athletes: 5 }] });
    const below = (await api.call(key, 'GET', `/v1/alerts?commonCauseId=${cause}`)).json<{ items: { id: string }[] }>();
    expect(below.items.map(({ id }) => id).toSorted()).toEqual([before, ...beneath, fifth].toSorted());
    const { rows } = await api.database.pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM webhook_event WHERE event_type = 'common-cause.raised' AND team_id = $1 AND athlete_id IS NULL`,
      [teamId],
    );
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('is red where one of its alerts is, and is not seen in a few athletes of a large squad', async () => {
    await recipient('Critical', { minSeverity: 'red' });
    const athletes = await squad(20);
    for (const athleteId of athletes.slice(0, 5)) await raise(MINUTE(4), { athleteId });
    await sweepAt(MINUTE(5));
    expect((await api.call(key, 'GET', `/v1/teams/${teamId}/common-causes`)).json()).toMatchObject({ items: [] });
    await raise(MINUTE(5), { athleteId: athletes[5]!, severity: 'red' });
    await sweepAt(MINUTE(6));
    expect((await api.call(key, 'GET', `/v1/teams/${teamId}/common-causes`)).json()).toMatchObject({
      items: [{ severity: 'red', athletes: 6 }],
    });
    expect((await listed('&status=sent')).map(({ commonCauseId }) => commonCauseId !== null)).toEqual([true]);
  });
});

describe('what alerts were worth', () => {
  const figures = async (what: string, query = '?from=2026-11-01&to=2026-11-10') =>
    (await api.call(key, 'GET', `/v1/teams/${teamId}/${what}${query}`)).json<Record<string, unknown>>();

  it('is "no outcomes" and "no ratings" where there are none', async () => {
    await raise('2026-11-02T10:00:00Z');
    expect(await figures('alert-figures')).toMatchObject({
      days: 10,
      alerts: 1,
      alertsADay: 0.1,
      busiestDay: 1,
      outcomes: 0,
      ppv: null,
      lower: null,
      hiddenBecause: expect.stringMatching(/^no outcomes/u) as string,
    });
    expect(await figures('alert-ratings')).toMatchObject({
      ratings: 0,
      mean: null,
      agreement: { alpha: null },
      hiddenBecause: 'no ratings',
    });
    expect(await figures('alert-figures', '?from=2026-11-10&to=2026-11-01')).toMatchObject({ status: 422, code: 'time-out-of-range' });
    expect(await figures('alert-figures', '?from=2020-01-01&to=2026-11-01')).toMatchObject({ status: 422, code: 'time-out-of-range' });
  });

  it('is the share of closed alerts about athletes that were right, with its interval, by the days of the team', async () => {
    const close = async (at: string, outcome: string, type: AlertType = 'deviation', injured: Injured = {}): Promise<void> => {
      const { athleteId, injuryId } = injured;
      const id = await raise(at, { type, ...(athleteId === undefined ? {} : { athleteId }) });
      const answer = await api.call(key, 'POST', `/v1/alerts/${id}/close`, { outcome, ...(injuryId === undefined ? {} : { injuryId }) });
      expect(answer.statusCode, answer.body).toBe(200);
    };
    await close('2026-11-02T10:00:00Z', 'injury-confirmed', 'risk', await injured());
    await close('2026-11-02T10:00:00Z', 'load-changed');
    await close('2026-11-02T10:00:00Z', 'checked-no-finding');
    await close('2026-11-02T10:00:00Z', 'sensor-fault', 'data-stopped');
    await raise('2026-11-02T10:00:00Z');
    // In Berlin this is the eleventh already.
    await close('2026-11-10T23:30:00Z', 'other');
    const whole = await figures('alert-figures');
    expect(whole).toMatchObject({ alerts: 5, outcomes: 3, confirmed: 2, ppv: 2 / 3, daysWithAtMost3Athletes: 9, hiddenBecause: null });
    // Wilson's 95 % interval of 2 in 3.
    expect(whole['lower']).toBeCloseTo(0.2077, 3);
    expect(whole['upper']).toBeCloseTo(0.9385, 3);
    expect(whole['byType']).toMatchObject([
      { type: 'risk', alerts: 1, ppv: 1 },
      { type: 'deviation', alerts: 3, ppv: 0.5 },
      { type: 'data-stopped', alerts: 1, outcomes: 0, ppv: null },
    ]);
  });

  it("is clinicians' mean rating with its number and their agreement", async () => {
    const second = await api.key(teamId, ['read', 'medical']);
    for (const [one, two] of [
      [1, 1],
      [4, 4],
      [5, 4],
      [3, null],
    ] as const) {
      const id = await raise('2026-11-02T10:00:00Z');
      await api.call(key, 'PUT', `/v1/alerts/${id}/rating`, { rating: one });
      if (two !== null) await api.call(second, 'PUT', `/v1/alerts/${id}/rating`, { rating: two });
    }
    const ratings = await figures('alert-ratings');
    expect(ratings).toMatchObject({ ratings: 7, alerts: 4, raters: 2, agreement: { alerts: 3, ratings: 6 }, hiddenBecause: null });
    expect(ratings['mean']).toBeCloseTo(22 / 7, 9);
    // By hand: margins 2, 3, 1 of the values 1, 4, 5; squared distances 4, 6.25, 20.25; 1 - 5 * 8 / 180.
    expect((ratings['agreement'] as { alpha: number }).alpha).toBeCloseTo(1 - 40 / 180, 9);
  });
});
