import { describe, expect, it } from 'vitest';
import { createCoalescer } from '../../src/queue/coalescer.ts';
import type { AsmsStore, DeliveryStore, MetricsStore } from '../../src/queue/ports.ts';
import { startSweeper } from '../../src/queue/sweeper.ts';
import { gate } from '../support/gate.ts';

const asms = (behind: () => Promise<readonly string[]>): AsmsStore => ({
  advance: () => Promise.resolve({ applied: 0, observed: 0, more: false, deliveryIds: [] }),
  athletesBehind: behind,
});
const deliveries: DeliveryStore = {
  claim: () => Promise.resolve(null),
  recordAttempt: () => Promise.resolve(),
  dueDeliveries: () => Promise.resolve(['d1']),
};
const metrics: MetricsStore = {
  readSession: () => Promise.resolve(null),
  saveMeasures: () => Promise.resolve(),
  sessionsWithoutMetrics: () => Promise.resolve(['s1']),
  closeSilentSessions: () => Promise.resolve(['s1']),
};

function harness(behind: () => Promise<readonly string[]>, pending: readonly string[] = []) {
  const calls: string[] = [];
  const errors: string[] = [];
  const timers = new Map<number, () => void>();
  const sweeper = startSweeper({
    asms: asms(behind),
    deliveries,
    metrics,
    watch: { round: () => Promise.resolve(['a3']) },
    explanations: { pendingExplanations: () => Promise.resolve(pending) },
    daily: { athletesDue: () => Promise.resolve(['a4']), teamsToJudge: () => Promise.resolve(['t1']) },
    queues: {
      enqueueAsms: (id) => calls.push(`asms ${id}`),
      enqueueWebhook: (id) => calls.push(`webhook ${id}`),
      enqueueMetrics: (id) => calls.push(`metrics ${id}`),
      enqueueExplain: (id) => calls.push(`explain ${id}`),
      enqueueDaily: ({ subject, id }) => calls.push(`daily ${subject} ${id}`),
      release: (_, id) => {
        calls.push(`release ${id}`);
        return Promise.resolve();
      },
    },
    sessionSilenceMs: 1,
    timers: {
      every: (ms, call) => {
        timers.set(ms, call);
        return () => timers.delete(ms);
      },
    },
    onError: (error, what) => errors.push(`${what}: ${String(error)}`),
  });
  return { calls, errors, timers, sweeper };
}

describe('sweeper', () => {
  it('hints what the tables say is to be done, each second and each minute', async () => {
    const { calls, timers, sweeper } = harness(() => Promise.resolve(['a1', 'a2']));
    expect([...timers.keys()]).toEqual([1_000, 60_000]);
    await sweeper.sweep();
    expect(calls.toSorted()).toEqual(['asms a1', 'asms a2', 'asms a3', 'daily athlete a4', 'daily team t1', 'metrics s1', 'webhook d1']);
    await sweeper.close();
    expect(timers.size).toBe(0);
  });

  it('goes on after a sweep that failed, and reports it', async () => {
    const { calls, errors, sweeper } = harness(() => Promise.reject(new Error('no database')));
    await sweeper.sweep();
    expect(errors).toEqual(['sweep of athletes: Error: no database']);
    expect(calls).toContain('webhook d1');
  });

  it('runs one sweep at a time', async () => {
    let asked = 0;
    const { opened, open } = gate<readonly string[]>();
    const { timers, sweeper } = harness(() => {
      asked += 1;
      return opened;
    });
    timers.get(1_000)?.();
    timers.get(1_000)?.();
    expect(asked).toBe(1);
    open([]);
    await sweeper.close();
  });

  it('hints explanations that nobody works on, and forgets the mark of one that stays', async () => {
    const { calls, sweeper } = harness(() => Promise.resolve([]), ['x1', 'x2']);
    await sweeper.sweep();
    expect(calls.filter((call) => call.includes(' x'))).toEqual(['explain x1', 'explain x2']);
    for (let i = 1; i < 30; i += 1) await sweeper.sweep();
    expect(calls.filter((call) => call.startsWith('release'))).toEqual(['release x1', 'release x2']);
  });

  it('forgets the mark of an athlete that stays behind, and only then', async () => {
    const { calls, sweeper } = harness(() => Promise.resolve(['a1']));
    for (let i = 0; i < 29; i += 1) await sweeper.sweep();
    expect(calls).not.toContain('release a1');
    await sweeper.sweep();
    expect(calls).toContain('release a1');
    expect(sweeper.counters().released).toBe(1);
  });
});

describe('coalescer', () => {
  it('writes a subject again that was pushed while it was being written, and merges the rest', async () => {
    const written: string[] = [];
    const finish: (() => void)[] = [];
    const coalescer = createCoalescer((subject) => {
      written.push(subject);
      return new Promise((resolve) => finish.push(resolve));
    });
    for (const subject of ['a', 'a', 'a', 'b']) coalescer.push(subject);
    expect(written).toEqual(['a', 'b']);
    expect(coalescer.coalesced()).toBe(1);
    for (const done of finish.splice(0)) done();
    await Promise.resolve();
    while (finish.length === 0) await Promise.resolve();
    expect(written).toEqual(['a', 'b', 'a']);
    for (const done of finish.splice(0)) done();
    await coalescer.settled();
    expect(coalescer.pending()).toBe(0);
  });

  it('paces: a burst, then in turn at its rate, merging what comes meanwhile', async () => {
    const written: string[] = [];
    let now = 0;
    const timers: (() => void)[] = [];
    const coalescer = createCoalescer(
      (subject) => {
        written.push(subject);
        return Promise.resolve();
      },
      { perSecond: 2, nowMs: () => now, later: (_, call) => timers.push(call) },
    );
    for (const subject of ['a', 'b', 'c', 'd', 'c']) coalescer.push(subject);
    expect(written).toEqual(['a', 'b']);
    expect(coalescer.coalesced()).toBe(1);
    now += 500;
    timers.shift()?.();
    expect(written).toEqual(['a', 'b', 'c']);
    expect(timers).toHaveLength(1);
    await coalescer.settled();
    expect(written).toEqual(['a', 'b', 'c', 'd']);
  });

  it('writes at most eight at once', async () => {
    let running = 0;
    let most = 0;
    const coalescer = createCoalescer(async () => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
    });
    for (let i = 0; i < 100; i += 1) coalescer.push(`s${i}`);
    expect(coalescer.pending()).toBe(100);
    await coalescer.settled();
    expect(most).toBe(8);
  });
});
