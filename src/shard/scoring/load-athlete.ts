/** An athlete comes into memory: checkpoint, hellos, stored frames, then the live ones that waited meanwhile. A few at a time. */
import type { OpenedStream } from '../../contracts/stream.ts';
import { canHelpToTryAgain } from '../commit-queue.ts';
import { earlierOf, eachFrame, planAthlete } from '../recovery.ts';
import { detach, quarantine, readUpToPushed } from './leave.ts';
import { boundShadows, failShadow, offerShadow, pushShadow } from './shadow.ts';
import {
  addAthlete,
  messageOf,
  nextTurn,
  sleep,
  stir,
  whenSettled,
  type Athlete,
  type ScoringModels,
  type ShardState,
} from './shard-state.ts';

/** BOUNDED: athletes loaded side by side. */
export const MAX_LOADS = 4;
/** BOUNDED: frames pushed into a pipeline ahead of its consumption while it is read back. */
const MAX_READ_AHEAD = 2_048;
const LOAD_RETRY_MS = 1_000;

/** The athlete of that id, whose load is asked for where it is not known. */
export function athleteOf(shard: ShardState, athleteId: string): Athlete {
  const known = shard.athletes.get(athleteId);
  if (known !== undefined) return known;
  const made = addAthlete(shard, athleteId);
  requestLoad(shard, made);
  return made;
}

/** The same, of one of whom something came: loaded again where it was unloaded. */
export function awake(shard: ShardState, athleteId: string): Athlete {
  const sleeping = shard.asleep.get(athleteId);
  if (sleeping !== undefined) {
    shard.asleep.delete(athleteId);
    requestLoad(shard, sleeping);
  }
  return sleeping ?? athleteOf(shard, athleteId);
}

/** From what is committed, with the models in use now. */
export function loadAnew(shard: ShardState, athlete: Athlete): void {
  detach(shard, athlete);
  if (athlete.status === 'loading') return; // its load sees the change and begins again
  readUpToPushed(athlete);
  requestLoad(shard, athlete);
}

export function openStream(athlete: Athlete, stream: OpenedStream): void {
  athlete.pipeline?.open(stream);
  athlete.shadow?.pipeline.open(stream);
}

export function pushFrame(athlete: Athlete, streamId: number, sequence: number, receivedUs: number, bytes: Uint8Array): void {
  athlete.pipeline?.push(streamId, sequence, receivedUs, bytes);
  pushShadow(athlete, streamId, sequence, receivedUs, bytes);
}

function requestLoad(shard: ShardState, athlete: Athlete): void {
  athlete.status = 'loading';
  shard.loads.push(athlete);
  startLoads(shard);
}

function startLoads(shard: ShardState): void {
  while (shard.loading < MAX_LOADS && !shard.stopped) {
    const next = shard.loads.shift();
    if (next === undefined) return;
    shard.loading += 1;
    void load(shard, next).finally(() => {
      shard.loading -= 1;
      startLoads(shard);
      stir(shard);
    });
  }
}

/** Begins again where the models were changed meanwhile, and where the store is away. */
async function load(shard: ShardState, athlete: Athlete): Promise<void> {
  while (!shard.stopped) {
    try {
      await whenSettled(shard, athlete);
      const using = shard.models;
      await readBack(shard, athlete, using);
      if (athlete.status !== 'loading' || using === shard.models) return;
    } catch (error) {
      detach(shard, athlete);
      if (!canHelpToTryAgain(error)) {
        quarantine(shard, athlete, error);
        return;
      }
      const { athleteId } = athlete;
      shard.options.log('warn', 'athlete could not be loaded; trying again', { athleteId, error: messageOf(error) });
      await sleep(LOAD_RETRY_MS);
    }
  }
}

async function readBack(shard: ShardState, athlete: Athlete, using: ScoringModels): Promise<void> {
  const { store } = shard.options;
  const contracts = { active: using.active.contract, shadow: using.shadow?.contract ?? null };
  const plan = await planAthlete(store, contracts, athlete.athleteId);
  if (using !== shard.models) return;
  const { pipeline, fromSequence } = plan.active;
  athlete.pipeline = pipeline;
  athlete.shadow = plan.shadow;
  athlete.shadowWaits = false;
  athlete.countsUpTo = plan.countsUpTo;
  for (const stream of athlete.opens) openStream(athlete, stream);
  if (plan.shadowFault !== null) failShadow(shard, athlete, plan.shadowFault);
  const readFrom = plan.shadow === null ? fromSequence : earlierOf(fromSequence, plan.shadow.fromSequence);
  for await (const batch of store.readFrames(athlete.athleteId, readFrom)) {
    if (shard.stopped || using !== shard.models) return;
    eachFrame(batch, (streamId, sequence, receivedUs, bytes) => {
      if (receivedUs >= athlete.liveFromUs) return;
      if (sequence >= (fromSequence.get(streamId) ?? 0)) pipeline.push(streamId, sequence, receivedUs, bytes);
      pushShadow(athlete, streamId, sequence, receivedUs, bytes);
    });
    boundShadows(shard);
    while (pipeline.pendingFrames > MAX_READ_AHEAD && athlete.pipeline === pipeline && !shard.stopped) {
      shard.batcher.offer(athlete);
      stir(shard);
      await nextTurn();
    }
  }
  if (athlete.pipeline !== pipeline || using !== shard.models) return;
  goLive(shard, athlete);
}

/** What waited while the athlete was read back. Synchronous: no frame can slip in between. */
function goLive(shard: ShardState, athlete: Athlete): void {
  for (const stream of athlete.opens) openStream(athlete, stream);
  athlete.pipeline?.endRefill();
  athlete.shadow?.pipeline.endRefill();
  for (const frame of athlete.waiting) pushFrame(athlete, frame.streamId, frame.sequence, frame.receivedUs, frame.bytes);
  athlete.opens = [];
  athlete.waiting = [];
  athlete.waitingBytes = 0;
  athlete.status = 'ready';
  boundShadows(shard);
  shard.batcher.offer(athlete);
  offerShadow(shard, athlete);
}
