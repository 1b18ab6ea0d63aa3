/** Athletes of a data set on several threads, answers in the order asked for. */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { exportAthlete, priorWindows, type AthleteExport, type MemberSetup, type PriorWindow } from './member.ts';

const WORK = { windows: exportAthlete, priors: priorWindows };
interface Answers {
  readonly windows: AthleteExport;
  readonly priors: PriorWindow[];
}
type Job = keyof Answers;

interface Request {
  readonly task: typeof TASK;
  readonly job: Job;
  readonly setup: MemberSetup;
}
const TASK = 'kinewatch-dataset';
type Reply = { readonly number: number; readonly answer: unknown } | { readonly number: number; readonly error: string };

const work = <J extends Job>(job: J, setup: MemberSetup, number: number): Answers[J] => WORK[job](setup, number) as Answers[J];

/** One thread: a queue of its own numbers, one answer each. */
interface Hand {
  ask(number: number): Promise<unknown>;
  end(): Promise<void>;
}

function hire(job: Job, setup: MemberSetup): Hand {
  const request: Request = { task: TASK, job, setup };
  const worker = new Worker(new URL(import.meta.url), { workerData: request });
  const open = new Map<number, { readonly resolve: (answer: unknown) => void; readonly reject: (error: Error) => void }>();
  let gone: Error | null = null;
  const fail = (error: Error): void => {
    gone = error;
    for (const { reject } of open.values()) reject(error);
    open.clear();
  };
  worker.on('message', (reply: Reply) => {
    const waiting = open.get(reply.number);
    open.delete(reply.number);
    if ('error' in reply) waiting?.reject(new Error(reply.error));
    else waiting?.resolve(reply.answer);
  });
  worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', (code) => fail(new Error(`a data-set thread ended with ${code}`)));
  return {
    ask: (number) =>
      new Promise((resolve, reject) => {
        if (gone !== null) {
          reject(gone);
          return;
        }
        open.set(number, { resolve, reject });
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a browser's window
        worker.postMessage(number);
      }),
    end: async () => void (await worker.terminate()),
  };
}

/**
 * Does `job` for each athlete of `numbers` and yields the answers in that order, which makes the outcome the same for any number of threads.
 * BOUNDED: at most two athletes a thread are begun and not yet taken. One thread, or a run from sources (Node runs no .ts file in a thread): here.
 * @throws Error with the thread's words where an athlete fails
 */
export async function* eachAthlete<J extends Job>(
  job: J,
  setup: MemberSetup,
  numbers: readonly number[],
  threads: number,
): AsyncGenerator<{ readonly number: number; readonly answer: Answers[J] }> {
  if (threads === 1 || import.meta.url.endsWith('.ts')) {
    for (const number of numbers) yield { number, answer: work(job, setup, number) };
    return;
  }
  const hands = Array.from({ length: Math.min(threads, numbers.length) }, () => hire(job, setup));
  try {
    const begun: Promise<unknown>[] = [];
    const begin = (place: number): void => {
      if (place >= numbers.length) return;
      const answer = hands[place % hands.length]!.ask(numbers[place]!);
      // Taken in order: one that fails early must not count as unhandled until its turn.
      answer.catch(() => undefined);
      begun.push(answer);
    };
    for (let place = 0; place < 2 * hands.length; place += 1) begin(place);
    for (const [place, number] of numbers.entries()) {
      const answer = (await begun.shift()) as Answers[J];
      begin(place + 2 * hands.length);
      yield { number, answer };
    }
  } finally {
    await Promise.all(hands.map((hand) => hand.end()));
  }
}

function isRequest(data: unknown): data is Request {
  return typeof data === 'object' && data !== null && 'task' in data && data.task === TASK;
}

function reply(message: Reply, transfer: ArrayBuffer[]): void {
  parentPort?.postMessage(message, transfer);
}

if (!isMainThread && isRequest(workerData)) {
  const { job, setup } = workerData;
  parentPort?.on('message', (number: number) => {
    try {
      const answer = work(job, setup, number);
      reply({ number, answer }, 'windows' in answer ? [answer.windows.buffer as ArrayBuffer] : []);
    } catch (error) {
      reply({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, []);
    }
  });
}
