/** Which execution provider a session gets, and the sentence that says why it is not the one hoped for. The runtime itself is handed in. */
import { KinewatchError } from '../../contracts/errors.ts';

export type ExecutionProvider = 'auto' | 'cuda' | 'cpu';

export interface Opened<Session> {
  readonly session: Session;
  readonly provider: 'cuda' | 'cpu';
  /** Why it is not CUDA although `auto` would have taken it; null otherwise. */
  readonly note: string | null;
}

const INSTALL = 'node node_modules/onnxruntime-node/script/install --onnxruntime-node-install=cuda12';
const LONGEST_REASON = 200;

/** The runtime's message goes on with its own log line and colour codes: the first line says it. */
function reasonOf(cause: unknown): string {
  const [line = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
  return line.slice(0, LONGEST_REASON);
}

const sentenceOf = (cause: unknown): string =>
  `CUDA cannot be used: ${reasonOf(cause)}. It takes an NVIDIA GPU with its driver, the libraries of CUDA 12 and cuDNN 9, and those of onnxruntime-node, which \`${INSTALL}\` installs`;

/**
 * Opens a session with the provider asked for. `open` makes one that has been seen to run, and rejects where it cannot; a KinewatchError of its own
 * (a graph that does not fit its contract) says nothing about CUDA and is passed on.
 * @throws KinewatchError cuda-unavailable where cuda was asked for and cannot be had
 */
export async function openWithProvider<Session>(
  asked: ExecutionProvider,
  open: (provider: 'cuda' | 'cpu') => Promise<Session>,
): Promise<Opened<Session>> {
  if (asked === 'cpu') return { session: await open('cpu'), provider: 'cpu', note: null };
  try {
    return { session: await open('cuda'), provider: 'cuda', note: null };
  } catch (cause) {
    if (cause instanceof KinewatchError) throw cause;
    const sentence = sentenceOf(cause);
    if (asked === 'cuda') throw new KinewatchError('cuda-unavailable', sentence, { cause });
    return { session: await open('cpu'), provider: 'cpu', note: sentence };
  }
}
