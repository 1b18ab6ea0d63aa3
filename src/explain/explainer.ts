/**
 * The explainer as the service uses it: one worker thread that starts with the first explanation. A thread that dies or does not answer in time is lost with
 * the explanation it had in hand; its row is found again when the claim has run out, and gets a new thread.
 */
import { Worker } from 'node:worker_threads';
import { KinewatchError } from '../contracts/errors.ts';
import { LEASE_MS } from './explain-score.ts';
import type { ExplainerSettings, FromExplainerWorker, ToExplainerWorker } from './messages.ts';

export interface Explainer {
  /** Explains one row and settles it; one at a time. @throws KinewatchError explainer-fault, explainer-died, explainer-timeout: the row may be tried again */
  explain(id: string): Promise<void>;
  close(): Promise<void>;
}

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

  const lose = (lost: Worker, code: string, message: string, cause?: unknown): void => {
    if (worker !== lost) return;
    worker = null;
    void lost.terminate();
    inHand?.settle(new KinewatchError(code, message, { retry: true, cause }));
  };
  const start = (): Worker => {
    const started = new Worker(workerUrl(), { name: 'explainer', workerData: settings });
    started.on('message', ({ id, fault }: FromExplainerWorker) => {
      if (inHand?.id === id) inHand.settle(fault === null ? null : new KinewatchError('explainer-fault', fault, { retry: true }));
    });
    started.on('error', (error) => lose(started, 'explainer-died', `the explainer's thread ended: ${error.message}`, error));
    started.on('exit', (code) => lose(started, 'explainer-died', `the explainer's thread ended with code ${code}`));
    started.unref();
    return started;
  };

  return {
    explain: async (id) => {
      if (inHand !== null) throw new RangeError('the explainer has one explanation in hand');
      const held = (worker ??= start());
      const timer = setTimeout(() => lose(held, 'explainer-timeout', `no explanation within ${LEASE_MS} ms`), LEASE_MS);
      try {
        await new Promise<void>((resolve, reject) => {
          inHand = { id, settle: (error) => (error === null ? resolve() : reject(error)) };
          held.postMessage({ id } satisfies ToExplainerWorker);
        });
      } finally {
        clearTimeout(timer);
        inHand = null;
      }
    },
    close: async () => {
      const held = worker;
      if (held === null) return;
      lose(held, 'explainer-died', 'the explainer was closed');
      await held.terminate();
    },
  };
}
