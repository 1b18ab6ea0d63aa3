/** The shadow model of an athlete: fed what the active one is fed, and set aside where it fails or lags. The active score goes on whatever happens here. */
import { messageOf, type Athlete, type ShardState } from './shard-state.ts';

/** BOUNDED: bytes of frames that wait for the shadow model. Beyond it the shadow of the athlete with the most is set aside, counted and tried again later. */
const MAX_SHADOW_BYTES = 64 * 1024 * 1024;

export function pushShadow({ shadow }: Athlete, streamId: number, sequence: number, receivedUs: number, bytes: Uint8Array): void {
  if (shadow === null || sequence < (shadow.fromSequence.get(streamId) ?? 0)) return;
  shadow.pipeline.push(streamId, sequence, receivedUs, bytes);
}

export function offerShadow({ shadowBatcher }: ShardState, athlete: Athlete): void {
  if (athlete.shadow !== null) shadowBatcher.offer(athlete);
}

export function dropShadow({ shadowBatcher }: ShardState, athlete: Athlete): void {
  athlete.shadow = null;
  shadowBatcher.remove(athlete);
}

export function failShadow(shard: ShardState, athlete: Athlete, error: unknown): void {
  shard.counts.shadowFailed += 1;
  dropShadow(shard, athlete);
  const { athleteId } = athlete;
  shard.options.log('error', 'the shadow model failed: it is set aside for this athlete until the next start', {
    athleteId,
    reason: messageOf(error),
  });
}

/** Sets shadows aside, those with the most first, until what waits for the rest is within the bound. */
export function boundShadows(shard: ShardState): void {
  const { maxShadowBytes = MAX_SHADOW_BYTES, log } = shard.options;
  const behind = [...shard.athletes.values()].flatMap((athlete) => {
    const bytes = athlete.shadow?.pipeline.pendingBytes ?? 0;
    return bytes === 0 ? [] : [{ athlete, bytes }];
  });
  let total = behind.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= maxShadowBytes) return;
  for (const { athlete, bytes } of behind.toSorted((a, b) => b.bytes - a.bytes)) {
    if (total <= maxShadowBytes) break;
    total -= bytes;
    shard.counts.shadowLagged += 1;
    athlete.shadowWaits = true;
    dropShadow(shard, athlete);
    log('warn', 'the shadow model cannot keep up: it is set aside for this athlete', { athleteId: athlete.athleteId });
  }
}
