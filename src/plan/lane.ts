/**
 * One worker thread with a bounded queue before it (BOUNDED). The thread starts with the first task; when it dies or does not answer in time, the task
 * it held fails with one error, and the next task gets a new thread.
 */
import { Worker } from 'node:worker_threads';
import { KinewatchError } from '../contracts/errors.ts';
import type { FromPlannerWorker, PlannerTask } from './messages.ts';

export interface Lane {
  /** Rejects with planner-busy (queue full), planner-died, planner-timeout or planner-closed: with all but the last, trying again can help. */
  run(asked: PlannerTask, limitMs: number): Promise<unknown>;
  readonly waiting: number;
  close(): Promise<void>;
}

export interface LaneOptions {
  readonly name: string;
  readonly workerUrl: URL;
  readonly maximumWaiting: number;
}

interface Job {
  readonly asked: PlannerTask;
  readonly limitMs: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Running extends Job {
  readonly task: number;
  readonly timer: NodeJS.Timeout;
}

const failure = (code: string, message: string, cause?: unknown): KinewatchError =>
  new KinewatchError(code, message, { retry: code !== 'planner-closed', cause });

export function createLane({ name, workerUrl, maximumWaiting }: LaneOptions): Lane {
  const queue: Job[] = [];
  let worker: Worker | null = null;
  let running: Running | null = null;
  let tasks = 0;
  let isClosed = false;

  /** Ends the running task with an error and forgets the thread: what is left of it is stopped. */
  const lose = (lost: Worker, error: KinewatchError): void => {
    if (worker !== lost) return;
    worker = null;
    void lost.terminate();
    const job = running;
    running = null;
    if (job !== null) {
      clearTimeout(job.timer);
      job.reject(error);
    }
    next();
  };

  const settle = (message: FromPlannerWorker): void => {
    const job = running;
    if (job?.task !== message.task) return;
    clearTimeout(job.timer);
    running = null;
    worker?.unref();
    if ('fault' in message) job.reject(new KinewatchError(message.fault.code, message.fault.message));
    else job.resolve(message.result);
    next();
  };

  const start = (): Worker => {
    const started = new Worker(workerUrl, { name });
    started.on('message', settle);
    started.on('error', (error) => {
      lose(started, failure('planner-died', `the planner's thread ended: ${error.message}; the next plan starts a new one`, error));
    });
    started.on('exit', (code) => {
      lose(started, failure('planner-died', `the planner's thread ended with code ${code}; the next plan starts a new one`));
    });
    return started;
  };

  const next = (): void => {
    if (running !== null) return;
    const job = queue.shift();
    if (job === undefined) return;
    const held = (worker ??= start());
    held.ref();
    const task = (tasks += 1);
    const timer = setTimeout(() => {
      lose(held, failure('planner-timeout', `no answer within ${job.limitMs} ms: give a shorter horizon or fewer interventions`));
    }, job.limitMs);
    running = { ...job, task, timer };
    held.postMessage({ task, asked: job.asked });
  };

  return {
    run: (asked, limitMs) =>
      new Promise((resolve, reject) => {
        if (isClosed) reject(failure('planner-closed', 'the planner is closed'));
        else if (queue.length >= maximumWaiting)
          reject(failure('planner-busy', `${maximumWaiting} plans are waiting: try again in a few seconds`));
        else {
          queue.push({ asked, limitMs, resolve, reject });
          next();
        }
      }),
    get waiting() {
      return queue.length;
    },
    close: async () => {
      isClosed = true;
      const closed = failure('planner-closed', 'the planner was closed before this plan was done');
      for (const job of queue.splice(0)) job.reject(closed);
      const stopped = worker;
      if (stopped !== null) {
        const ended = stopped.terminate();
        lose(stopped, closed);
        await ended;
      }
    },
  };
}
