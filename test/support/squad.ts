/** Athletes with two feet each whose frames a gateway process stored: what shards are tried on. */
import type pg from 'pg';
import { decodeFrameHeader } from '../../src/contracts/frame.ts';
import type { OpenedStream } from '../../src/contracts/stream.ts';
import type { IncomingFrame } from '../../src/gateway/ports.ts';
import { createFrameWriter } from '../../src/store/frame-writer.ts';
import { createGatewayDirectory } from '../../src/store/gateway-directory.ts';
import { IMU_CHANNELS, inReceiptOrder, makeDevice, randomFrom, type StoredFrame } from './athlete-frames.ts';
import { createRoster } from './roster.ts';

export const SQUAD_SECONDS = 20;

export interface Squad {
  readonly athleteIds: readonly string[];
  readonly opened: readonly OpenedStream[];
  readonly frames: readonly (StoredFrame & { readonly athleteId: string })[];
}

/** Athletes with two feet each, stored as a gateway process would have stored them; the last part of the session can be held back. */
export async function makeSquad(pool: pg.Pool, count: number, startUs: number, seconds = SQUAD_SECONDS): Promise<Squad> {
  const roster = await createRoster(pool, count);
  const directory = createGatewayDirectory(pool);
  const made = roster.athletes.flatMap(({ id, serial }, i) =>
    ['foot-left', 'foot-right'].map((placement, side) => ({
      athleteId: id,
      ...makeDevice({
        streamId: 0,
        athleteId: id,
        declaration: { stream: i * 2 + side, device: serial, kind: 'imu', placement, channels: IMU_CHANNELS, rateHz: 100 },
        startUs: startUs + i * 37_000,
        seconds,
        samplesPerFrame: 25,
        driftPpm: 40 * i,
        jitterUs: 20_000,
        value: (timeUs, c) => Math.sin(timeUs / (6e4 + 5e3 * i) + c + side * Math.PI) * (c < 3 ? 4 : 3),
        random: randomFrom(100 * i + side),
      }),
    })),
  );
  const opened = await directory.openStreams(
    { gatewayId: roster.gatewayId, teamId: roster.teamId, name: 'gateway' },
    made.map((m) => m.opened.declaration),
    startUs - 1_000,
  );
  const lists = made.map((m, i) => m.frames.map((frame) => ({ ...frame, streamId: (opened[i] as OpenedStream).streamId })));
  const athleteOf = new Map(opened.map((stream) => [stream.streamId, stream.athleteId]));
  const frames = inReceiptOrder(...lists).map((frame) => ({ ...frame, athleteId: athleteOf.get(frame.streamId) as string }));
  return { athleteIds: roster.athletes.map((a) => a.id), opened, frames };
}

export async function storeFrames(
  pool: pg.Pool,
  frames: Squad['frames'],
  onCommitted: (frames: readonly IncomingFrame[]) => void = () => undefined,
): Promise<void> {
  const writer = createFrameWriter({ pool, commitIntervalMs: 5, maxBufferedBytes: 64e6, onCommitted, log: () => undefined });
  for (const frame of frames) {
    const header = decodeFrameHeader(frame.bytes);
    const endDeviceTimeUs = (header?.deviceTimeUs ?? 0) + (header?.count ?? 0) * 10_000;
    writer.append({ ...frame, endDeviceTimeUs }, { onStored: () => undefined });
  }
  await writer.flush();
  await writer.close();
}
