/**
 * The explainer as the service uses it: one worker thread that starts with the first explanation. A thread that dies is lost with the explanation it had in
 * hand; its row is found again when the claim has run out, and gets a new thread. A thread is never ended from outside: inside the runtime that would end the
 * process. Nor has it a time limit: at the lowest priority a busy machine may leave it waiting, and nobody waits for it.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { KinewatchError } from '../contracts/errors.ts';
import type { ExplainerSettings, FromExplainerWorker, ToExplainerWorker } from './messages.ts';

export interface Explainer {
  /** Explains one row and settles it; one at a time. @throws KinewatchError explainer-fault, explainer-died: the row may be tried again */
  explain(id: string): Promise<void>;
  /** Ends after the batch in hand; the explanation in hand stays to be made. */
  close(): Promise<void>;
}

/** A stop has to be out within 10 s; a thread that a busy machine keeps waiting for longer ends with the process. */
const CLOSE_LIMIT_MS = 5_000;

/** The compiled worker: beside this file in dist; from a source run (tests) the build's. */
const workerUrl = (): URL =>
  import.meta.url.endsWith('.ts') ? new URL('../../dist/src/explain/worker.js', import.meta.url) : new URL('./worker.js', import.meta.url);

interface InHand {
  readonly id: string;
  readonly settle: (error: KinewatchError | null) => void;
}

export function createExplainer(settings: ExplainerSettings): Explainer {
  let worker: Worker | null = null;
  let inHand: InHand | null = null;

  const tell = (to: Worker, message: ToExplainerWorker): void => to.postMessage(message);
  const lose = (lost: Worker, message: string, cause?: unknown): void => {
    if (worker !== lost) return;
    worker = null;
    inHand?.settle(new KinewatchError('explainer-died', message, { retry: true, cause }));
  };
  const start = (): Worker => {
    const started = new Worker(workerUrl(), { name: 'explainer', workerData: settings });
    started.on('message', ({ id, fault }: FromExplainerWorker) => {
      if (inHand?.id === id) inHand.settle(fault === null ? null : new KinewatchError('explainer-fault', fault, { retry: true }));
    });
    started.on('error', (error) => lose(started, `the explainer's thread ended: ${error.message}`, error));
    started.on('exit', (code) => lose(started, `the explainer's thread ended with code ${code}`));
    started.unref();
    return started;
  };

  return {
    explain: async (id) => {
      if (inHand !== null) throw new RangeError('the explainer has one explanation in hand');
      const held = (worker ??= start());
      try {
        await new Promise<void>((resolve, reject) => {
          inHand = { id, settle: (error) => (error === null ? resolve() : reject(error)) };
          tell(held, { type: 'explain', id });
        });
      } finally {
        inHand = null;
      }
    },
    close: async () => {
      const held = worker;
      if (held === null) return;
      const ended = once(held, 'exit');
      tell(held, { type: 'close' });
      await Promise.race([ended, delay(CLOSE_LIMIT_MS, undefined, { ref: false })]);
      lose(held, 'the explainer was closed');
    },
  };
}
