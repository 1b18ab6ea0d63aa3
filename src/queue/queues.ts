/**
 * Queues and workers of BullMQ on Redis (where a URL is given) or on PostgreSQL. Jobs are hints: they say that there is something to do, Postgres says
 * what. So a job is never retried, delayed or kept by BullMQ: what is not done is found again by the sweeper.
 * Deliberately left out: priorities, delays, flows, results and progress.
 */
import { Queue, Worker, withBackend, createPostgresBackend } from 'bullmq';
import { Redis } from 'ioredis';
import { KinewatchError } from '../contracts/errors.ts';
import {
  QUEUE_ASMS,
  QUEUE_DAILY,
  QUEUE_EXPLAIN,
  QUEUE_METRICS,
  QUEUE_PLAN,
  QUEUE_PLAN_ALTERNATIVES,
  QUEUE_WEBHOOK,
  type AsmsJob,
  type DailyJob,
  type ExplainJob,
  type MetricsJob,
  type PlanAlternativesJob,
  type PlanJob,
  type WebhookJob,
} from '../contracts/jobs.ts';
import { createCoalescer, type Coalescer } from './coalescer.ts';

export interface QueueJobs {
  readonly [QUEUE_ASMS]: AsmsJob;
  readonly [QUEUE_WEBHOOK]: WebhookJob;
  readonly [QUEUE_METRICS]: MetricsJob;
  readonly [QUEUE_EXPLAIN]: ExplainJob;
  readonly [QUEUE_PLAN]: PlanJob;
  readonly [QUEUE_PLAN_ALTERNATIVES]: PlanAlternativesJob;
  readonly [QUEUE_DAILY]: DailyJob;
}
export type QueueName = keyof QueueJobs;
export const QUEUE_NAMES: readonly QueueName[] = [
  QUEUE_ASMS,
  QUEUE_WEBHOOK,
  QUEUE_METRICS,
  QUEUE_EXPLAIN,
  QUEUE_PLAN,
  QUEUE_PLAN_ALTERNATIVES,
  QUEUE_DAILY,
];

/** The subject of a job: what it is deduplicated by. */
const SUBJECT: { readonly [N in QueueName]: (job: QueueJobs[N]) => string } = {
  [QUEUE_ASMS]: (job) => job.athleteId,
  [QUEUE_WEBHOOK]: (job) => job.deliveryId,
  [QUEUE_METRICS]: (job) => job.sessionId,
  [QUEUE_EXPLAIN]: (job) => job.explanationId,
  [QUEUE_PLAN]: (job) => job.athleteId,
  [QUEUE_PLAN_ALTERNATIVES]: (job) => job.planId,
  [QUEUE_DAILY]: (job) => `${job.subject} ${job.id}`,
};

/** The job of a subject. */
const dailyJobOf = (text: string): DailyJob => {
  const [subject = '', id = ''] = text.split(' ');
  return { subject: subject as DailyJob['subject'], id };
};

export interface QueueLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface QueueOptions {
  /** null or absent: the queues live in PostgreSQL (schema `bullmq`). */
  readonly redisUrl?: string | null;
  readonly connectionString: string;
  /** Keeps apart the queues of services that share a Redis. */
  readonly prefix?: string;
  /** Hints for ASMS written a second at most; more athletes are served in turn, each with several windows. */
  readonly asmsHintsPerSecond?: number;
  /** How long the backend may take to answer at the start, and to part at the end. */
  readonly patienceMs?: number;
  readonly log?: QueueLog;
}

export interface QueueStats {
  readonly backend: 'redis' | 'postgres';
  readonly enqueued: number;
  readonly enqueueFailed: number;
  /** Hints merged with one that was on its way already. */
  readonly coalesced: number;
  readonly processed: number;
  readonly failed: number;
  /** Hints being written now. */
  readonly pending: number;
}

export interface RunningWorker {
  /** Waits for the jobs in hand, takes no more. */
  close(): Promise<void>;
}

export interface Queues {
  readonly backend: 'redis' | 'postgres';
  /** Says that an athlete has news. Never rejects and never waits: a hint that cannot be written is counted, and the sweeper finds the athlete. */
  enqueueAsms(athleteId: string): void;
  enqueueWebhook(deliveryId: string): void;
  enqueueMetrics(sessionId: string): void;
  enqueueExplain(explanationId: string): void;
  enqueuePlan(athleteId: string): void;
  enqueuePlanAlternatives(planId: string): void;
  enqueueDaily(job: DailyJob): void;
  /** Starts a worker. A job that throws is counted and dropped. Resolves when the worker is ready to take jobs. */
  startWorker<N extends QueueName>(name: N, work: (job: QueueJobs[N]) => Promise<void>, concurrency: number): Promise<RunningWorker>;
  /** Jobs that wait or run now, over all queues. */
  depth(): Promise<Readonly<Record<QueueName, number>>>;
  /** Forgets the deduplication mark of a subject whose job is gone (a wiped or damaged queue). */
  release(name: QueueName, subject: string): Promise<void>;
  /** Throws away every job; for tests and operators. Costs time, never data. */
  wipe(): Promise<void>;
  /** Resolves when no hint is on its way. */
  settled(): Promise<void>;
  stats(): QueueStats;
  /** Stops the workers, then the queues, then the connections. */
  close(): Promise<void>;
}

/** What is used of BullMQ's Queue, the same on both backends. */
interface HintQueue {
  add(name: string, data: unknown, options: Readonly<Record<string, unknown>>): Promise<unknown>;
  getJobCountByTypes(...types: ('active' | 'waiting')[]): Promise<number>;
  removeDeduplicationKey(id: string): Promise<unknown>;
  obliterate(options: { force: boolean }): Promise<void>;
  waitUntilReady(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

interface HintWorker {
  waitUntilReady(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

interface Backend {
  readonly name: 'redis' | 'postgres';
  queue(name: QueueName): HintQueue;
  worker(name: QueueName, work: (data: unknown) => Promise<void>, concurrency: number): HintWorker;
  close(): Promise<void>;
  /** Lets go without a word to the server. */
  abandon(): void;
}

/**
 * (chosen) a job costs 2 ms of this process whether it applies one window or ten: a small squad has one job a window, 200 athletes on PostgreSQL are
 * served every 4 s, 1,000 on Redis every 2.5 s (bare jobs a second measured: 850 and 7,200).
 */
const ASMS_HINTS_PER_SECOND = { postgres: 50, redis: 400 };
/** A worker that died holds its jobs until this has passed (BullMQ: 30 s): its athletes wait no longer than that. */
const LOCK_MS = 10_000;
const WORKER_OPTIONS = { lockDuration: LOCK_MS, stalledInterval: LOCK_MS, removeOnComplete: { count: 0 }, removeOnFail: { count: 0 } };
/** BOUNDED: BullMQ keeps an event for every change of a job; nobody reads them here. */
const STREAMS = { events: { maxLen: 100 } };
/** Never jobId: a hint added while its job runs would be lost, and after a failure the athlete would never run again. */
const jobOptions = (subject: string) => ({
  deduplication: { id: subject, keepLastIfActive: true },
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 1,
});

function redisBackend(url: string, prefix: string, onError: (error: Error) => void): Backend {
  // BullMQ asks for null: its blocking reads must outlive a lost connection. One connection is shared, each worker opens its blocking one.
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  connection.on('error', onError);
  return {
    name: 'redis',
    queue: (name) => new Queue(name, { connection, prefix, streams: STREAMS }),
    worker: (name, work, concurrency) => new Worker(name, (job) => work(job.data), { connection, prefix, concurrency, ...WORKER_OPTIONS }),
    close: async () => {
      await connection.quit().catch(() => connection.disconnect());
    },
    abandon: () => connection.disconnect(),
  };
}

function postgresBackend(connectionString: string): Backend {
  const { Queue: PgQueue, Worker: PgWorker } = withBackend(createPostgresBackend);
  // Each queue and each worker makes a pool of its own (and one connection that listens). A config object and not the bare string: only that can migrate.
  const connect = (max: number) => ({ connectionString, migrate: true, max, application_name: 'kinewatch queue' });
  return {
    name: 'postgres',
    queue: (name) => new PgQueue(name, { connection: connect(2), streams: STREAMS }),
    worker: (name, work, concurrency) =>
      new PgWorker(name, (job) => work(job.data), { connection: connect(Math.min(concurrency + 1, 4)), concurrency, ...WORKER_OPTIONS }),
    close: () => Promise.resolve(),
    abandon: () => undefined,
  };
}

/** `work` or, once the time is over, `late`. */
async function within<T>(ms: number, work: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  try {
    const first = await Promise.race([work.then((value) => ({ value })), timeUp]);
    return first === 'late' ? late() : first.value;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Opens the queues and waits until they can be used.
 * @throws KinewatchError `queue-unreachable` where the backend fails (its error is the cause) or does not answer in time
 */
export async function openQueues({
  redisUrl,
  connectionString,
  prefix = 'kinewatch',
  asmsHintsPerSecond,
  patienceMs = 10_000,
  log,
}: QueueOptions): Promise<Queues> {
  const warn = (error: unknown, message: string): void =>
    log?.warn({ error: error instanceof Error ? error.message : String(error) }, message);
  const onError = (error: Error): void => warn(error, 'queue connection');
  const backend = redisUrl ? redisBackend(redisUrl, prefix, onError) : postgresBackend(connectionString);
  const counts = { enqueued: 0, enqueueFailed: 0, processed: 0, failed: 0 };
  const queues = new Map<QueueName, HintQueue>();
  const coalescers = new Map<QueueName, Coalescer>();
  const workers = new Set<HintWorker>();
  const queueOf = (name: QueueName): HintQueue => {
    const queue = queues.get(name);
    if (queue === undefined) throw new RangeError(`no queue ${name}`);
    return queue;
  };

  for (const name of QUEUE_NAMES) {
    const queue = backend.queue(name);
    queue.on('error', onError);
    queues.set(name, queue);
  }
  // BullMQ migrates its schema under a lock, so all of them may do so at once. Redis's client would try for ever.
  const opening = Promise.allSettled([...queues.values()].map((queue) => queue.waitUntilReady()));
  const opened = await within(patienceMs, opening, () => []);
  const fault = opened.find((one) => one.status === 'rejected');
  if (fault !== undefined || opened.length === 0) {
    for (const queue of queues.values()) queue.close().catch(() => undefined);
    backend.abandon();
    const why = fault === undefined ? `does not answer within ${patienceMs} ms` : 'cannot be used';
    throw new KinewatchError('queue-unreachable', `the queues' ${backend.name} ${why}`, { retry: true, cause: fault?.reason });
  }

  const write = async <N extends QueueName>(name: N, job: QueueJobs[N]): Promise<void> => {
    try {
      await queueOf(name).add(name, job, jobOptions(SUBJECT[name](job)));
      counts.enqueued += 1;
    } catch (error) {
      counts.enqueueFailed += 1;
      warn(error, `hint for ${name} not written`);
    }
  };
  coalescers.set(
    QUEUE_ASMS,
    createCoalescer((athleteId) => write(QUEUE_ASMS, { athleteId }), {
      perSecond: asmsHintsPerSecond ?? ASMS_HINTS_PER_SECOND[backend.name],
    }),
  );
  coalescers.set(
    QUEUE_WEBHOOK,
    createCoalescer((deliveryId) => write(QUEUE_WEBHOOK, { deliveryId })),
  );
  coalescers.set(
    QUEUE_METRICS,
    createCoalescer((sessionId) => write(QUEUE_METRICS, { sessionId })),
  );
  coalescers.set(
    QUEUE_EXPLAIN,
    createCoalescer((explanationId) => write(QUEUE_EXPLAIN, { explanationId })),
  );
  coalescers.set(
    QUEUE_PLAN,
    createCoalescer((athleteId) => write(QUEUE_PLAN, { athleteId })),
  );
  coalescers.set(
    QUEUE_PLAN_ALTERNATIVES,
    createCoalescer((planId) => write(QUEUE_PLAN_ALTERNATIVES, { planId })),
  );
  coalescers.set(
    QUEUE_DAILY,
    createCoalescer((subject) => write(QUEUE_DAILY, dailyJobOf(subject))),
  );
  const coalescedOf = (pick: (coalescer: Coalescer) => number): number => [...coalescers.values()].reduce((sum, one) => sum + pick(one), 0);
  const settled = async (): Promise<void> => {
    await Promise.all([...coalescers.values()].map((coalescer) => coalescer.settled()));
  };

  const part = async (): Promise<void> => {
    await settled();
    await Promise.all([...workers].map((worker) => worker.close()));
    workers.clear();
    await Promise.all([...queues.values()].map((queue) => queue.close()));
    await backend.close();
  };

  return {
    backend: backend.name,
    enqueueAsms: (athleteId) => coalescers.get(QUEUE_ASMS)?.push(athleteId),
    enqueueWebhook: (deliveryId) => coalescers.get(QUEUE_WEBHOOK)?.push(deliveryId),
    enqueueMetrics: (sessionId) => coalescers.get(QUEUE_METRICS)?.push(sessionId),
    enqueueExplain: (explanationId) => coalescers.get(QUEUE_EXPLAIN)?.push(explanationId),
    enqueuePlan: (athleteId) => coalescers.get(QUEUE_PLAN)?.push(athleteId),
    enqueuePlanAlternatives: (planId) => coalescers.get(QUEUE_PLAN_ALTERNATIVES)?.push(planId),
    enqueueDaily: (job) => coalescers.get(QUEUE_DAILY)?.push(SUBJECT[QUEUE_DAILY](job)),
    async startWorker<N extends QueueName>(name: N, work: (job: QueueJobs[N]) => Promise<void>, concurrency: number) {
      const worker = backend.worker(
        name,
        async (data) => {
          try {
            await work(data as QueueJobs[N]);
            counts.processed += 1;
          } catch (error) {
            counts.failed += 1;
            warn(error, `job of ${name} failed`);
            throw error;
          }
        },
        concurrency,
      );
      worker.on('error', onError);
      workers.add(worker);
      await worker.waitUntilReady();
      return {
        close: async () => {
          workers.delete(worker);
          await worker.close();
        },
      };
    },
    async depth() {
      const depths = await Promise.all(
        QUEUE_NAMES.map(async (name) => [name, await queueOf(name).getJobCountByTypes('active', 'waiting')] as const),
      );
      return Object.fromEntries(depths) as Record<QueueName, number>;
    },
    release: async (name, subject) => {
      await queueOf(name).removeDeduplicationKey(subject);
    },
    wipe: async () => {
      for (const name of QUEUE_NAMES) await queueOf(name).obliterate({ force: true });
    },
    settled,
    stats: () => ({
      backend: backend.name,
      ...counts,
      coalesced: coalescedOf((one) => one.coalesced()),
      pending: coalescedOf((one) => one.pending()),
    }),
    close: async () => {
      // A backend that is gone must not hold up the stop: hints that are lost are found again by the sweeper.
      const parting = part();
      await within(patienceMs, parting, () => {
        parting.catch(() => undefined);
        backend.abandon();
      });
    },
  };
}
