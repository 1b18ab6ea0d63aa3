/** The session's measures on a thread of their own: hours of samples take seconds, and the main thread never computes. */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { sessionHistograms, sessionMinutes } from '../signal/session-histograms.ts';
import { computeSessionMetrics, type SessionStream } from '../signal/session-metrics.ts';
import type { SessionMeasures } from './ports.ts';

interface Request {
  readonly task: typeof TASK;
  readonly streams: readonly SessionStream[];
  readonly truncated: boolean;
}
type Answer = { readonly measures: SessionMeasures } | { readonly error: string };
const TASK = 'kinewatch-session-metrics';

/** Metrics, histograms and minutes of a session. @throws RangeError as computeSessionMetrics */
const measure = (streams: readonly SessionStream[], truncated: boolean): SessionMeasures => ({
  metrics: computeSessionMetrics(streams),
  histograms: sessionHistograms(streams, truncated),
  minutes: sessionMinutes(streams),
});

/**
 * The measures in a worker thread; the samples are moved, not copied. Node runs no .ts file in a thread, so from sources (tests) the
 * computation stays where it is.
 * @throws RangeError with the computation's words where it refuses the streams
 */
export async function computeInThread(streams: readonly SessionStream[], truncated: boolean): Promise<SessionMeasures> {
  if (import.meta.url.endsWith('.ts')) return measure(streams, truncated);
  const request: Request = { task: TASK, streams, truncated };
  const worker = new Worker(new URL(import.meta.url), {
    workerData: request,
    transferList: streams.map((stream) => stream.samples.buffer as ArrayBuffer),
  });
  try {
    const answer = await new Promise<Answer>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the metrics thread ended with ${code}`)));
    });
    if ('error' in answer) throw new RangeError(answer.error);
    return answer.measures;
  } finally {
    await worker.terminate();
  }
}

function isRequest(data: unknown): data is Request {
  return typeof data === 'object' && data !== null && 'task' in data && data.task === TASK;
}

function answer(message: Answer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a browser's window
  parentPort?.postMessage(message);
}

if (!isMainThread && isRequest(workerData)) {
  try {
    answer({ measures: measure(workerData.streams, workerData.truncated) });
  } catch (error) {
    answer({ error: error instanceof Error ? error.message : String(error) });
  }
}
