/** Bringing one athlete's pipeline to where its stored frames end: checkpoint, hellos, and the frames since. */
import { KinewatchError } from '../contracts/errors.ts';
import type { ModelContract } from '../contracts/model.ts';
import { INDEX_FIELDS, type FrameBatch, type OpenedStream } from '../contracts/stream.ts';
import { createAthletePipeline, type AthletePipeline } from './athlete-pipeline.ts';
import { decodeCheckpoint } from './checkpoint.ts';
import type { ShardStore } from './ports.ts';

export interface RecoveryPlan {
  readonly pipeline: AthletePipeline;
  /** First sequence to read of each known stream. */
  readonly fromSequence: ReadonlyMap<number, number>;
}

/**
 * Context, checkpoint and hellos of an athlete. The caller then pushes the frames from `fromSequence` on and calls `endRefill`.
 * `useCheckpoint: false` begins at the first stored frame (the oracle).
 * @throws KinewatchError unknown-athlete, checkpoint-unreadable
 */
export async function planRecovery(
  store: ShardStore,
  contract: ModelContract,
  athleteId: string,
  options: { readonly useCheckpoint: boolean },
): Promise<RecoveryPlan> {
  const [athlete] = await store.loadAthletes([athleteId]);
  if (athlete === undefined) throw new KinewatchError('unknown-athlete', `athlete ${athleteId} is not in the store`);
  const stored = options.useCheckpoint ? await store.loadCheckpoint(athleteId, contract.version) : null;
  const opened = await store.loadStreams(athleteId);
  const pipeline = createAthletePipeline({ contract, athlete, ...(stored === null ? {} : { checkpoint: stored.data }) });
  for (const stream of opened) pipeline.open(stream);
  return { pipeline, fromSequence: stored === null ? new Map() : readFrom(decodeCheckpoint(stored.data, contract), opened) };
}

/**
 * Streams that the checkpoint names are read from the first sequence the next window needs. Any other stream had all its frames up to the
 * checkpoint's newest receipt stamp processed and let go: it is read from the first hello after that stamp, or from its last hello.
 */
function readFrom(checkpoint: ReturnType<typeof decodeCheckpoint>, opened: readonly OpenedStream[]): Map<number, number> {
  const from = new Map<number, number>();
  const settled = new Set<number>();
  // Oldest hello first: the first that is later than the checkpoint decides, until then the newest.
  for (const hello of opened) {
    if (settled.has(hello.streamId)) continue;
    from.set(hello.streamId, hello.nextSequence);
    if (hello.receivedUs > checkpoint.newestReceivedUs) settled.add(hello.streamId);
  }
  for (const stream of checkpoint.streams) from.set(stream.streamId, stream.firstNeeded);
  return from;
}

/** Calls `visit` for each frame of a batch; `bytes` is a view into the batch. */
export function eachFrame(
  batch: FrameBatch,
  visit: (streamId: number, sequence: number, receivedUs: number, bytes: Uint8Array, position: number) => void,
): void {
  const { index } = batch;
  for (let i = 0, position = 0; i < index.length; i += INDEX_FIELDS, position += 1) {
    const offset = index[i + 3] as number;
    const bytes = batch.bytes.subarray(offset, offset + (index[i + 4] as number));
    visit(index[i] as number, index[i + 1] as number, index[i + 2] as number, bytes, position);
  }
}
