/** BOUNDED: frames that wait in a shard. Above the bound the gateway is paused, at half of it it is let go. */
import type { ShardState } from './shard-state.ts';

/** Half a minute of 200 athletes. */
const MAX_QUEUED_BYTES = 128 * 1024 * 1024;

/** Frames that wait to be consumed, for the models whose scores count. */
export function queued({ athletes }: ShardState): { readonly frames: number; readonly bytes: number } {
  let frames = 0;
  let bytes = 0;
  for (const { pipeline, waiting, waitingBytes } of athletes.values()) {
    frames += waiting.length + (pipeline?.pendingFrames ?? 0);
    bytes += waitingBytes + (pipeline?.pendingBytes ?? 0);
  }
  return { frames, bytes };
}

export function raisePressure(shard: ShardState): void {
  if (shard.pressed || queued(shard).bytes <= MAX_QUEUED_BYTES) return;
  shard.pressed = true;
  shard.options.onPressure(true);
}

export function relievePressure(shard: ShardState): void {
  if (!shard.pressed || queued(shard).bytes > MAX_QUEUED_BYTES / 2) return;
  shard.pressed = false;
  shard.options.onPressure(false);
}
