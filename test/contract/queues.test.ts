/** One suite over both backends of the queues. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openQueues, type Queues } from '../../src/queue/queues.ts';
import { gate } from '../support/gate.ts';
import { startTestDatabase, type TestDatabase } from '../support/database.ts';
import { freePort } from '../support/service-process.ts';
import { haveTool } from '../support/tools.ts';

const redisBinary = haveTool('redis-server', 'queues on Redis are');

async function startRedis(): Promise<{ url: string; process: ChildProcess }> {
  const port = await freePort();
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const chunk of child.stdout) if (String(chunk).includes('Ready to accept connections')) break;
  child.stdout.resume();
  return { url: `redis://127.0.0.1:${port}`, process: child };
}

const backends = [
  { name: 'postgres', redis: false, present: true },
  { name: 'redis', redis: true, present: redisBinary },
] as const;

for (const { name, redis, present } of backends) {
  describe.skipIf(!present)(`queues on ${name}`, () => {
    let database: TestDatabase;
    let server: Awaited<ReturnType<typeof startRedis>> | undefined;
    const open: Queues[] = [];
    const openOne = async (): Promise<Queues> => {
      const queues = await openQueues({ redisUrl: server?.url ?? null, connectionString: database.connectionString });
      open.push(queues);
      return queues;
    };

    beforeAll(async () => {
      database = await startTestDatabase();
      if (redis) server = await startRedis();
    });
    afterEach(async () => {
      await Promise.all(open.splice(0).map((queues) => queues.close()));
    });
    afterAll(async () => {
      if (server !== undefined) {
        server.process.kill();
        await once(server.process, 'exit');
      }
      await database.stop();
    });

    it('says which backend is in use and hands a job to a worker', async () => {
      const queues = await openOne();
      expect(queues.backend).toBe(name);
      const { opened, open: got } = gate<string>();
      await queues.startWorker('asms', async ({ athleteId }) => got(athleteId), 1);
      queues.enqueueAsms('a1');
      await expect(opened).resolves.toBe('a1');
    });

    it('merges hints for one athlete that wait, and keeps one that comes while its job runs', async () => {
      const queues = await openOne();
      const started = gate();
      const release = gate();
      const second = gate();
      let runs = 0;
      for (let i = 0; i < 5; i += 1) {
        queues.enqueueAsms('busy');
        await queues.settled();
      }
      expect((await queues.depth()).asms).toBe(1);
      await queues.startWorker(
        'asms',
        async () => {
          runs += 1;
          if (runs === 2) return second.open();
          started.open();
          await release.opened;
        },
        4,
      );
      await started.opened;
      for (let i = 0; i < 3; i += 1) {
        queues.enqueueAsms('busy');
        await queues.settled();
      }
      expect(runs).toBe(1);
      release.open();
      await second.opened;
      await queues.close();
      expect(runs).toBe(2);
      open.length = 0;
    });

    it('runs an athlete again after a job that failed', async () => {
      const queues = await openOne();
      const failed = gate();
      const worked = gate();
      let runs = 0;
      await queues.startWorker(
        'asms',
        async () => {
          runs += 1;
          if (runs > 1) return worked.open();
          failed.open();
          throw new Error('planted');
        },
        1,
      );
      queues.enqueueAsms('unlucky');
      await failed.opened;
      // The mark goes with the failed job; which of the two hints sees that does not matter.
      while (queues.stats().failed === 0 || (await queues.depth()).asms > 0) await queues.settled();
      queues.enqueueAsms('unlucky');
      await worked.opened;
      expect(queues.stats()).toMatchObject({ failed: 1 });
    });

    it('keeps queues apart and works on different subjects at once', async () => {
      const queues = await openOne();
      const both = gate();
      const seen: string[] = [];
      await queues.startWorker(
        'webhook',
        async ({ deliveryId }) => {
          seen.push(deliveryId);
          if (seen.length === 2) both.open();
          await both.opened;
        },
        2,
      );
      queues.enqueueAsms('not for this worker');
      queues.enqueueWebhook('d1');
      queues.enqueueWebhook('d2');
      await both.opened;
      expect(seen.toSorted()).toEqual(['d1', 'd2']);
      await queues.wipe();
    });

    it('forgets every hint when wiped, and takes new ones', async () => {
      const queues = await openOne();
      queues.enqueueAsms('x');
      queues.enqueueAsms('y');
      await queues.settled();
      expect((await queues.depth()).asms).toBe(2);
      await queues.wipe();
      expect((await queues.depth()).asms).toBe(0);
      const { opened, open: got } = gate<string>();
      await queues.startWorker('asms', async ({ athleteId }) => got(athleteId), 1);
      queues.enqueueAsms('x');
      await expect(opened).resolves.toBe('x');
    });

    it('takes a subject again whose mark was left without a job', async () => {
      const queues = await openOne();
      queues.enqueueMetrics('s1');
      await queues.settled();
      await queues.release('session-metrics', 's1');
      queues.enqueueMetrics('s1');
      await queues.settled();
      expect((await queues.depth())['session-metrics']).toBe(2);
      await queues.wipe();
    });

    it('hands every job to one of two workers, and finishes the job in hand when it closes', async () => {
      const [one, two] = [await openOne(), await openOne()];
      const subjects = Array.from({ length: 20 }, (_, i) => `m${i}`);
      const seen: string[] = [];
      const all = gate();
      const work = async ({ athleteId }: { athleteId: string }): Promise<void> => {
        seen.push(athleteId);
        if (seen.length === subjects.length) all.open();
      };
      await one.startWorker('asms', work, 2);
      await two.startWorker('asms', work, 2);
      for (const subject of subjects) one.enqueueAsms(subject);
      await all.opened;
      await Promise.all([one.close(), two.close()]);
      open.length = 0;
      expect(seen.toSorted()).toEqual(subjects.toSorted());
      expect(one.stats().processed + two.stats().processed).toBe(subjects.length);
    });
  });
}

it('says so when Redis does not answer, instead of trying for ever', async () => {
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;
  const opening = openQueues({ redisUrl, connectionString: 'postgresql://unused', patienceMs: 300 });
  await expect(opening).rejects.toMatchObject({ code: 'queue-unreachable', retry: true });
});

it('says so when PostgreSQL cannot be reached', async () => {
  const opening = openQueues({ connectionString: `postgresql://nobody@127.0.0.1:${await freePort()}/none` });
  await expect(opening).rejects.toMatchObject({ code: 'queue-unreachable', cause: expect.objectContaining({ code: 'ECONNREFUSED' }) });
});
