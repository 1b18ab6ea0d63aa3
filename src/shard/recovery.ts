/** Bringing an athlete's pipelines to where the stored frames end: checkpoints, hellos, and the frames since. */
import { KinewatchError } from '../contracts/errors.ts';
import type { ModelContract } from '../contracts/model.ts';
import { INDEX_FIELDS, type FrameBatch, type OpenedStream } from '../contracts/stream.ts';
import { createAthletePipeline, type AthletePipeline } from './athlete-pipeline.ts';
import { decodeCheckpoint, graftCheckpoint } from './checkpoint.ts';
import type { AthleteContext, ShardStore, StandingCheckpoint } from './ports.ts';

export interface RecoveryPlan {
  readonly pipeline: AthletePipeline;
  /** First sequence to read of each known stream. */
  readonly fromSequence: ReadonlyMap<number, number>;
}

/**
 * Context and hellos of an athlete, for a pass over every stored frame from the first on (the oracle, a re-score).
 * @throws KinewatchError unknown-athlete
 */
export async function planFromStart(store: ShardStore, contract: ModelContract, athleteId: string): Promise<AthletePipeline> {
  const [athlete] = await store.loadAthletes([athleteId]);
  if (athlete === undefined) throw new KinewatchError('unknown-athlete', `athlete ${athleteId} is not in the store`);
  return planFrom(contract, athlete, null, await store.loadStreams(athleteId)).pipeline;
}

/** An athlete's pipelines brought back: of the model whose scores count, and of the one beside it. */
export interface AthletePlan {
  readonly active: RecoveryPlan;
  readonly shadow: RecoveryPlan | null;
  /** Windows up to here have a score that counts: what the active model still scores there stands beside it. -Infinity: none has. */
  readonly countsUpTo: number;
  /** Why the shadow could not be brought back, where it could not: no reason to stop the active one. */
  readonly shadowFault: unknown;
}

/**
 * A version whose checkpoint is at most this far behind the newest score that counts catches up on the windows between, so that its state
 * misses none (five minutes: a few seconds' work). One further behind goes on from the newest window: `elapsed` tells it how long it was away.
 */
const CATCH_UP_WINDOWS = 300;

/**
 * Both pipelines of an athlete from what is stored. The border between two versions is what the tables say: windows with a score that counts
 * keep it, every later one is the active version's; what that scored ahead as a shadow is promoted here.
 * @throws KinewatchError unknown-athlete, checkpoint-unreadable
 */
export async function planAthlete(
  store: ShardStore,
  models: { readonly active: ModelContract; readonly shadow: ModelContract | null },
  athleteId: string,
): Promise<AthletePlan> {
  const [athlete] = await store.loadAthletes([athleteId]);
  if (athlete === undefined) throw new KinewatchError('unknown-athlete', `athlete ${athleteId} is not in the store`);
  const opened = await store.loadStreams(athleteId);
  const stored = await store.loadCheckpoints(athleteId);
  const newest = stored.find(({ activeIndex }) => activeIndex !== null);
  const leader = leaderOf(stored, newest, models.active.version);
  const counted = newest?.activeIndex ?? Number.NEGATIVE_INFINITY;
  if (leader !== undefined && leader.windowIndex > counted) await store.promote(athleteId, leader.modelVersion, Math.max(-1, counted));
  const countsUpTo = leader === undefined ? counted : Math.max(counted, leader.windowIndex);
  const plan = (contract: ModelContract): RecoveryPlan => planFrom(contract, athlete, checkpointFor(stored, leader, contract), opened);
  const active = plan(models.active);
  try {
    return { active, shadow: models.shadow === null ? null : plan(models.shadow), countsUpTo, shadowFault: null };
  } catch (shadowFault) {
    return { active, shadow: null, countsUpTo, shadowFault };
  }
}

/** Whose checkpoint the athlete goes on from: the active version's own where it is not far behind, else the one whose scores counted last. */
function leaderOf(
  stored: readonly StandingCheckpoint[],
  newest: StandingCheckpoint | undefined,
  active: string,
): StandingCheckpoint | undefined {
  const own = stored.find(({ modelVersion }) => modelVersion === active);
  const isNear = own !== undefined && own.windowIndex >= (newest?.activeIndex ?? Number.NEGATIVE_INFINITY) - CATCH_UP_WINDOWS;
  return isNear ? own : newest;
}

/** The version's own checkpoint, or its own state at the leader's place where it is far behind; null where nothing is stored. */
function checkpointFor(
  stored: readonly StandingCheckpoint[],
  leader: StandingCheckpoint | undefined,
  contract: ModelContract,
): Uint8Array | null {
  const own = stored.find(({ modelVersion }) => modelVersion === contract.version);
  if (leader === undefined) return own?.data ?? null;
  if (own !== undefined && own.windowIndex >= leader.windowIndex - CATCH_UP_WINDOWS) return own.data;
  return graftCheckpoint(leader.data, own?.data ?? null, contract);
}

/** @throws KinewatchError checkpoint-unreadable */
export function planFrom(
  contract: ModelContract,
  athlete: AthleteContext,
  data: Uint8Array | null,
  opened: readonly OpenedStream[],
): RecoveryPlan {
  const pipeline = createAthletePipeline({ contract, athlete, ...(data === null ? {} : { checkpoint: data }) });
  for (const stream of opened) pipeline.open(stream);
  return { pipeline, fromSequence: data === null ? new Map() : readFrom(decodeCheckpoint(data, contract), opened) };
}

/** For each stream the earlier of two places to read from; a stream that either does not name is read from its first frame. */
export function earlierOf(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): Map<number, number> {
  const from = new Map<number, number>();
  for (const [streamId, sequence] of a) {
    const other = b.get(streamId);
    if (other !== undefined) from.set(streamId, Math.min(sequence, other));
  }
  return from;
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
