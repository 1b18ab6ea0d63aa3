/** Long replays of a ledger on a thread of their own: hundreds of steps take seconds, and the main thread never computes. */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { learn, prequential, stepsToLearn, type FeedbackLedger, type JudgedForecast } from '../../asms/feedback/ledger.ts';
import type { Lesson } from '../../asms/feedback/lessons.ts';
import type { FeedbackTarget } from '../../asms/feedback/params.ts';

export interface Learned {
  /** Steps that stand are the very objects of the ledger before. */
  readonly ledger: FeedbackLedger;
  /** Of the ledger's lessons, in order. */
  readonly judged: readonly JudgedForecast[];
}

interface Request {
  readonly task: typeof TASK;
  readonly before: FeedbackLedger;
  readonly target: FeedbackTarget;
  readonly put: readonly Lesson[];
  readonly withdraw: readonly string[];
}
const TASK = 'kinewatch-learn';

/** A day or two of steps take milliseconds: less than a thread takes to start. (chosen) */
const STEPS_HERE = 8;

function learnHere({ before, target, put, withdraw }: Omit<Request, 'task'>): Learned {
  const ledger = learn(before, target, put, withdraw);
  return { ledger, judged: prequential(ledger, target) };
}

/**
 * `learn` and the forecasts it judges, in a worker thread where there are many steps to take. Node runs no .ts file in a thread, so from sources (tests) it
 * stays where it is.
 * @throws RangeError as learn; what the thread dies of
 */
export async function learnInThread(
  before: FeedbackLedger,
  target: FeedbackTarget,
  put: readonly Lesson[],
  withdraw: readonly string[],
): Promise<Learned> {
  const request = { before, target, put, withdraw };
  if (import.meta.url.endsWith('.ts') || stepsToLearn(before, target, put, withdraw) <= STEPS_HERE) return learnHere(request);
  const worker = new Worker(new URL(import.meta.url), { workerData: { task: TASK, ...request } satisfies Request });
  try {
    const { ledger, judged } = await new Promise<Learned>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the learning thread ended with ${code}`)));
    });
    const kept = ledger.lessons.length - stepsToLearn(before, target, put, withdraw);
    return { ledger: { ...ledger, steps: [...before.steps.slice(0, kept), ...ledger.steps.slice(kept)] }, judged };
  } finally {
    await worker.terminate();
  }
}

const isRequest = (data: unknown): data is Request => typeof data === 'object' && data !== null && 'task' in data && data.task === TASK;

if (!isMainThread && isRequest(workerData)) {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a browser's window
  parentPort?.postMessage(learnHere(workerData));
}
