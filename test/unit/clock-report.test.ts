/** What an athlete's pipeline tells of its device clocks, from frames. */
import { describe, expect, it } from 'vitest';
import type { NewObservation } from '../../src/contracts/observation.ts';
import { createAthletePipeline } from '../../src/shard/athlete-pipeline.ts';
import { decodeCheckpoint } from '../../src/shard/checkpoint.ts';
import { inReceiptOrder, makeDevice, randomFrom, type DeviceOptions } from '../support/athlete-frames.ts';
import { standInContract } from '../support/contract.ts';
import { fakeOutput } from '../support/fake-scorer.ts';

const contract = standInContract();
const ATHLETE = 'athlete-1';
const athlete = { athleteId: ATHLETE, context: {}, baselineFrozen: false };
/** A border of ten minutes. */
const START_US = 1_790_000_400_000_000;

const strap = (streamId: number, options: Partial<DeviceOptions> = {}) =>
  makeDevice({
    streamId,
    athleteId: ATHLETE,
    declaration: {
      device: `strap-${streamId}`,
      kind: 'wearable',
      placement: 'chest',
      channels: [{ name: 'heartRate', unit: 'bpm' }],
      rateHz: 1,
    },
    startUs: START_US,
    seconds: 1_500,
    samplesPerFrame: 1,
    value: () => 100,
    random: randomFrom(streamId),
    ...options,
  });
type Device = ReturnType<typeof strap>;

/** The reports, and the checkpoint of each window. */
function play(
  devices: readonly Device[],
  checkpoint?: Uint8Array,
): { readonly told: NewObservation[]; readonly checkpoints: Uint8Array[] } {
  const pipeline = createAthletePipeline({ contract, athlete, ...(checkpoint === undefined ? {} : { checkpoint }) });
  for (const { opened } of devices) pipeline.open(opened);
  const from = new Map(
    checkpoint === undefined ? [] : decodeCheckpoint(checkpoint, contract).streams.map((s) => [s.streamId, s.firstNeeded]),
  );
  const told: NewObservation[] = [];
  const checkpoints: Uint8Array[] = [];
  for (const frame of inReceiptOrder(...devices.map(({ frames }) => frames))) {
    if (frame.sequence < (from.get(frame.streamId) ?? 0)) continue;
    pipeline.push(frame.streamId, frame.sequence, frame.receivedUs, frame.bytes);
    for (let due = pipeline.takeDue(); due !== null; due = pipeline.takeDue()) {
      const done = pipeline.complete(due, due.scorable ? fakeOutput(contract, due.input) : null, 0);
      if (done.clocks !== null) told.push(done.clocks);
      checkpoints.push(done.checkpoint);
    }
  }
  return { told, checkpoints };
}
const devicesOf = ({ observed }: NewObservation) => (observed.kind === 'clocks' ? observed.devices : []);

describe('what is told of device clocks', () => {
  const sound = strap(1);
  const fast = strap(2, { driftPpm: 320 });

  it('is how far each runs off, once it is known and then every ten minutes', () => {
    const { told } = play([sound, fast]);
    expect(told.map(({ atUs }) => Math.floor((atUs - START_US) / 600e6))).toEqual([0, 1, 2]);
    expect((told[0]?.atUs ?? 0) - START_US).toBeGreaterThan(120e6);
    for (const one of told) {
      const [first, second] = devicesOf(one);
      expect(first).toMatchObject({ deviceId: 'strap-1', jumpS: null });
      expect(Math.abs(first?.driftPpm ?? 999)).toBeLessThan(60);
      expect(second?.deviceId).toBe('strap-2');
    }
    expect(devicesOf(told.at(-1) as NewObservation)[1]?.driftPpm).toBeLessThan(-280);
  });

  it('is a jump at once, with the device that jumped', () => {
    const { told } = play([sound, strap(2, { jumps: [{ atUs: START_US + 300e6, byUs: 5e6 }] })]);
    const jump = told.find(({ subject }) => subject.startsWith('jump of strap-2'));
    expect((jump?.atUs ?? 0) - START_US).toBeLessThan(310e6);
    expect(devicesOf(jump as NewObservation)).toMatchObject([
      { deviceId: 'strap-1', jumpS: null },
      { deviceId: 'strap-2', jumpS: expect.closeTo(5, 0) as number },
    ]);
  });

  it('is under the same subjects after a restart at any window', () => {
    const { told, checkpoints } = play([sound, fast]);
    const subjects = new Set(told.map(({ subject }) => subject));
    for (const at of [200, 700, 1_300]) {
      const again = play([sound, fast], checkpoints[at]).told;
      expect(again.length).toBeGreaterThan(0);
      for (const { subject } of again) expect(subjects).toContain(subject);
    }
  });

  it('is nothing of recorded streams, whose time is trusted', () => {
    const recorded = strap(1, {
      declaration: {
        device: 'old',
        kind: 'wearable',
        placement: 'chest',
        channels: [{ name: 'heartRate', unit: 'bpm' }],
        rateHz: 1,
        mode: 'recorded',
      },
      seconds: 700,
    });
    expect(play([recorded]).told).toEqual([]);
  });
});
