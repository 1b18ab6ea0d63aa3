import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCheckpoint, MAX_CHECKPOINT_BYTES } from '../../src/shard/checkpoint.ts';
import { createAthletePipeline, type AthletePipeline, type DueWindow } from '../../src/shard/athlete-pipeline.ts';
import { phaseUsOf } from '../../src/align/grid.ts';
import type { ScoredWindow } from '../../src/contracts/score.ts';
import type { StreamKind } from '../../src/contracts/protocol.ts';
import type { OpenedStream } from '../../src/contracts/stream.ts';
import { IMU_CHANNELS, inReceiptOrder, makeDevice, randomFrom, type DeviceOptions, type StoredFrame } from '../support/athlete-frames.ts';
import { standInContract } from '../support/contract.ts';
import { fakeOutput } from '../support/fake-scorer.ts';

const contract = standInContract();
const ATHLETE = 'athlete-1';
const athlete = { athleteId: ATHLETE, context: { massKg: 70, age: 24 }, baselineFrozen: false };
const START_US = 1_790_000_000_000_000;

const imu = (streamId: number, placement: string, seed: number, options: Partial<DeviceOptions> = {}) =>
  makeDevice({
    streamId,
    athleteId: ATHLETE,
    declaration: { device: `imu-${placement}`, kind: 'imu', placement, channels: IMU_CHANNELS, rateHz: 200 },
    startUs: START_US,
    seconds: 20,
    samplesPerFrame: 50,
    value: (timeUs, c) => Math.sin((2 * Math.PI * (c + 1) * (timeUs - START_US)) / 1e6) * (c < 3 ? 5 : 3),
    random: randomFrom(seed),
    ...options,
  });
const wearable = (streamId: number, options: Partial<DeviceOptions> = {}) =>
  makeDevice({
    streamId,
    athleteId: ATHLETE,
    declaration: { device: 'strap', kind: 'wearable', placement: 'chest', channels: [{ name: 'heartRate', unit: 'bpm' }], rateHz: 1 },
    startUs: START_US,
    seconds: 20,
    samplesPerFrame: 1,
    value: (timeUs) => 100 + (timeUs - START_US) / 1e6,
    random: randomFrom(streamId),
    ...options,
  });

function drain(pipeline: AthletePipeline, out: ScoredWindow[], checkpoints: Uint8Array[] = []): void {
  for (let due = pipeline.takeDue(); due !== null; due = pipeline.takeDue()) {
    const done = pipeline.complete(due, due.scorable ? fakeOutput(contract, due.input) : null, 0);
    out.push(done.scored);
    checkpoints.push(done.checkpoint);
  }
}

function run(
  opened: readonly OpenedStream[],
  frames: readonly StoredFrame[],
): { windows: ScoredWindow[]; checkpoints: Uint8Array[]; pipeline: AthletePipeline } {
  const pipeline = createAthletePipeline({ contract, athlete });
  for (const stream of opened) pipeline.open(stream);
  const windows: ScoredWindow[] = [];
  const checkpoints: Uint8Array[] = [];
  for (const frame of frames) {
    pipeline.push(frame.streamId, frame.sequence, frame.receivedUs, frame.bytes);
    drain(pipeline, windows, checkpoints);
  }
  return { windows, checkpoints, pipeline };
}

/** Restores from checkpoint bytes, reads again what it names, and goes on with every frame. */
function resume(checkpoint: Uint8Array, opened: readonly OpenedStream[], frames: readonly StoredFrame[], batch = 1): ScoredWindow[] {
  const saved = decodeCheckpoint(checkpoint, contract);
  const from = new Map(saved.streams.map((s) => [s.streamId, s.firstNeeded]));
  const pipeline = createAthletePipeline({ contract, athlete, checkpoint });
  for (const stream of opened) pipeline.open(stream);
  const windows: ScoredWindow[] = [];
  let queued = 0;
  for (const frame of frames) {
    if (frame.sequence < (from.get(frame.streamId) ?? 0)) continue;
    pipeline.push(frame.streamId, frame.sequence, frame.receivedUs, frame.bytes);
    queued += 1;
    if (queued % batch === 0) drain(pipeline, windows);
  }
  pipeline.endRefill();
  drain(pipeline, windows);
  return windows;
}

function dueOf(pipeline: AthletePipeline): DueWindow {
  const due = pipeline.takeDue();
  if (due === null) throw new Error('no window is due');
  return due;
}
const channelsOf = (names: readonly string[], unit: string) => names.map((name) => ({ name, unit }));

describe('athlete pipeline', () => {
  it('gives one window a second on the athlete grid, with the channels that were sent and the rest masked', () => {
    const left = imu(1, 'foot-left', 1);
    const right = imu(2, 'foot-right', 2);
    const strap = wearable(3);
    const { windows, pipeline } = run([left.opened, right.opened, strap.opened], inReceiptOrder(left.frames, right.frames, strap.frames));
    expect(windows.length).toBeGreaterThanOrEqual(15);
    windows.forEach((window, i) => {
      expect(window.windowIndex).toBe((windows[0] as ScoredWindow).windowIndex + i);
      expect(window.startUs).toBe(window.windowIndex * 1e6 + phaseUsOf(ATHLETE));
    });
    const middle = windows[5] as ScoredWindow;
    expect(middle.observedFraction).toBeCloseTo(12 / contract.bio.length, 6);
    expect(middle.state).not.toBeNull();
    expect(middle.streams.map((s) => s.streamId)).toEqual([3, 2, 1]);
    expect(middle.phys[0]).toBeCloseTo(100 + (middle.startUs + 1e6 - START_US) / 1e6, 0);
    expect(middle.channelSummary[17]).toBeNaN();
    expect(pipeline.stats().lateSamples).toBe(0);
  });

  it('reproduces a known signal on the grid: amplitude within 1 %, timing within a millisecond', () => {
    const left = imu(1, 'foot-left', 1, { jitterUs: 0, baseDelayUs: 0 });
    const pipeline = createAthletePipeline({ contract: { ...contract, zClip: 1e9 }, athlete: { ...athlete, baselineFrozen: true } });
    pipeline.open(left.opened);
    for (const frame of left.frames) pipeline.push(1, frame.sequence, frame.receivedUs, frame.bytes);
    pipeline.skip(dueOf(pipeline));
    const due = dueOf(pipeline);
    for (const [channel, scale] of [
      [0, 5],
      [4, 2],
    ] as const) {
      for (let k = 0; k < 200; k += 1) {
        const timeUs = due.meta.startUs + k * 10_000;
        const expected = (Math.sin((2 * Math.PI * (channel + 1) * (timeUs - START_US)) / 1e6) * (channel < 3 ? 5 : 3)) / scale;
        expect(due.input.bio[k * contract.bio.length + channel]).toBeCloseTo(expected, 1);
      }
    }
  });

  it('says "not enough data" below the minimum, emits the row and leaves the model state alone', () => {
    const strap = wearable(3);
    const { windows } = run([strap.opened], strap.frames);
    expect(windows.length).toBeGreaterThan(10);
    for (const window of windows) expect(window).toMatchObject({ state: null, stateLogit: null, observedFraction: 0 });
  });

  it('closes windows 2 s after their end when a stream falls silent, and counts what comes later as late', () => {
    const left = imu(1, 'foot-left', 1);
    const right = imu(2, 'foot-right', 2, { outage: { fromUs: START_US + 5e6, toUs: START_US + 12e6 } });
    const { windows, pipeline } = run([left.opened, right.opened], inReceiptOrder(left.frames, right.frames));
    const during = windows.find((w) => w.startUs > START_US + 6e6) as ScoredWindow;
    expect(during.observedFraction).toBeCloseTo(6 / contract.bio.length, 6);
    expect(during.closedByUs).toBeLessThan(during.endUs + 2.3e6);
    expect(pipeline.stats().lateSamples).toBeGreaterThan(500);
    expect((windows.at(-1) as ScoredWindow).observedFraction).toBeCloseTo(12 / contract.bio.length, 6);
  });

  it('passes over windows without a sample, and counts them in elapsed hops', () => {
    const first = imu(1, 'foot-left', 1, { seconds: 6 });
    const second = imu(2, 'foot-left', 2, {
      seconds: 6,
      startUs: START_US + 60e6,
      declaration: { device: 'imu-foot-left', boot: 'b2', kind: 'imu', placement: 'foot-left', channels: IMU_CHANNELS, rateHz: 200 },
    });
    const { windows } = run([first.opened, second.opened], inReceiptOrder(first.frames, second.frames));
    const gaps = windows.slice(1).map((w, i) => w.windowIndex - (windows[i] as ScoredWindow).windowIndex);
    expect(Math.max(...gaps)).toBeGreaterThan(50);
    expect(gaps.filter((gap) => gap !== 1)).toHaveLength(1);
  });

  it('takes recorded streams by their own time, whatever the receipt stamps say', () => {
    const recorded = { device: 'r', kind: 'imu', placement: 'trunk', channels: IMU_CHANNELS, rateHz: 100, mode: 'recorded' } as const;
    const made = imu(1, 'trunk', 1, { declaration: recorded, startUs: START_US - 86_400e6 * 300 });
    // Played at full speed today.
    const frames = made.frames.map((frame, i) => ({ ...frame, receivedUs: START_US + i * 100 }));
    const { windows } = run([{ ...made.opened, receivedUs: START_US - 1 }], frames);
    expect(windows.length).toBeGreaterThanOrEqual(16);
    expect((windows[0] as ScoredWindow).startUs).toBeLessThan(START_US - 86_400e6 * 299);
    expect((windows[3] as ScoredWindow).streams[0]).toMatchObject({ offsetUs: 0, driftPpm: 0 });
  });

  it('drops a frame that comes twice and refuses one that does not decode, without a fault', () => {
    const left = imu(1, 'foot-left', 1);
    const clean = run([left.opened], left.frames).windows;
    const doubled = left.frames.flatMap((f) => [f, f, { ...f, streamId: 99 }]);
    const { windows, pipeline } = run([left.opened], doubled);
    expect(windows).toEqual(clean);
    expect(pipeline.stats()).toMatchObject({ duplicateFrames: left.frames.length, refusedFrames: left.frames.length });
  });

  it('does the same whatever the batches are: one frame at a time or all at once', () => {
    const left = imu(1, 'foot-left', 1);
    const right = imu(2, 'foot-right', 2, { driftPpm: 80 });
    const frames = inReceiptOrder(left.frames, right.frames);
    const one = run([left.opened, right.opened], frames).windows;
    const pipeline = createAthletePipeline({ contract, athlete });
    pipeline.open(left.opened);
    pipeline.open(right.opened);
    for (const frame of frames) pipeline.push(frame.streamId, frame.sequence, frame.receivedUs, frame.bytes);
    const all: ScoredWindow[] = [];
    drain(pipeline, all);
    expect(all).toEqual(one);
  });

  it('continues from a checkpoint bit for bit, wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        fc.nat(),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: -300, max: 300 }),
        fc.constantFrom(0, 3_600e6, -3_600e6, 4e6),
        (seed, cut, batch, driftPpm, jumpUs) => {
          const jumps = jumpUs === 0 ? [] : [{ atUs: START_US + 11e6, byUs: jumpUs }];
          const seconds = 30;
          const left = imu(1, 'foot-left', seed, { driftPpm, jitterUs: 50_000, seconds, jumps });
          const right = imu(2, 'foot-right', seed + 1, {
            seconds,
            jitterUs: 30_000,
            outage: { fromUs: START_US + 8e6, toUs: START_US + 10e6 + (seed % 4) * 1e6 },
            declaration: {
              device: 'imu-foot-right',
              kind: 'imu',
              placement: 'foot-right',
              channels: IMU_CHANNELS,
              rateHz: 200,
              clock: { offsetUs: START_US - 5_000_000, roundTripUs: 4_000 },
            },
          });
          const strap = wearable(3, { seconds });
          const again: OpenedStream = { ...right.opened, receivedUs: START_US + 9.9e6 };
          const opened = [left.opened, right.opened, strap.opened, again];
          const frames = inReceiptOrder(left.frames, right.frames, strap.frames);
          const { windows, checkpoints } = run(opened, frames);
          const at = cut % checkpoints.length;
          const rest = resume(checkpoints[at] as Uint8Array, opened, frames, batch);
          expect(rest).toEqual(windows.slice(at + 1));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps the checkpoint within 4 KiB at its worst: every channel in 4 classes from 14 devices, and clocks that jump', () => {
    const devices = [
      ...['foot-left', 'foot-right', 'trunk', 'shank'].map((placement) => ({ kind: 'imu', placement, channels: IMU_CHANNELS })),
      ...['left', 'right'].map((placement) => ({ kind: 'force-plate', placement, channels: channelsOf(['fv', 'fap', 'fml'], 'BW') })),
      ...['quadriceps-left', 'quadriceps-right', 'hamstring-left', 'hamstring-right'].map((placement) => ({
        kind: 'emg',
        placement,
        channels: channelsOf(['envelope'], '%MVC'),
      })),
      { kind: 'mocap', placement: 'body', channels: channelsOf(['knee-left', 'knee-right', 'hip-left', 'hip-right'], 'rad') },
      ...['chest', 'thigh-left', 'thigh-right'].map((placement) => ({
        kind: 'wearable',
        placement,
        channels: channelsOf(['heartRate'], 'bpm'),
      })),
    ] as const;
    const seconds = 90;
    const made = devices.map((device, i) =>
      makeDevice({
        streamId: 10 + i,
        athleteId: ATHLETE,
        declaration: {
          device: `d${i}`,
          kind: device.kind as StreamKind,
          placement: device.placement,
          channels: [...device.channels],
          rateHz: 25,
        },
        startUs: START_US,
        seconds,
        samplesPerFrame: 10,
        jitterUs: 50_000,
        driftPpm: i * 10,
        jumps: [{ atUs: START_US + 60e6, byUs: 5e6 }],
        // Every class in turn: still, slow, fast, and thrown off the plates.
        value: (timeUs, c) => {
          const phase = Math.floor((timeUs - START_US) / 10e6) % 4;
          const shake = Math.sin(timeUs / 5e4 + c);
          if (device.kind === 'force-plate') return phase === 3 ? (Math.floor(timeUs / 5e5) % 2) * 2 : 0.5;
          return shake * ([0.1, 2, 8, 2][phase] as number);
        },
        random: randomFrom(i),
      }),
    );
    const { checkpoints, pipeline } = run(
      made.map((m) => m.opened),
      inReceiptOrder(...made.map((m) => m.frames)),
    );
    const sizes = checkpoints.map((bytes) => bytes.byteLength);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_CHECKPOINT_BYTES);
    const last = decodeCheckpoint(checkpoints.at(-1) as Uint8Array, contract);
    expect(last.baselines.count.filter((n) => n > 0).length).toBe(4 * contract.bio.length);
    expect(pipeline.stats()).toMatchObject({ streamsShed: 0 });
  });

  it('refuses a checkpoint of another contract with a sentence', () => {
    const left = imu(1, 'foot-left', 1);
    const { checkpoints } = run([left.opened], left.frames);
    const bytes = checkpoints[0] as Uint8Array;
    const other = standInContract({ sizes: { ...contract.sizes, final: 32 } });
    expect(() => createAthletePipeline({ contract: other, athlete, checkpoint: bytes })).toThrow(/state_final of 64, expected 32/);
    expect(() => createAthletePipeline({ contract, athlete, checkpoint: bytes.subarray(0, 900) })).toThrow(/truncated/);
  });
});
