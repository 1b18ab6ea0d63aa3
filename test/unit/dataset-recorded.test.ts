/** Recordings as a data set, on a folder of the gait-imu form made up here, and on the real one where it is. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Table, tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportRecorded, type RecordedSummary } from '../../src/cli/dataset/recorded.ts';
import type { FootSteps } from '../../src/cli/dataset/recorded-steps.ts';
import { GAIT_FEATURES, placeOf, standingRanges, walkingBouts } from '../../src/cli/dataset/recorded-trial.ts';
import type { ModelContract } from '../../src/contracts/model.ts';
import type { TrialRow } from '../../src/recordings/gait-imu.ts';
import { haveRecordings, recordingPath } from '../support/recordings.ts';
import { matchSteps } from '../support/step-matching.ts';

const HEADER = 'code,subject,trial,group,age,sex,height_m,mass_kg,laterality,walking_speed_m_s,samples,left_steps,right_steps';
const ROWS = 1_500;
/** Milli-g and tenths of deg/s that every sample of a trial carries: the offset of its sensors. */
const OFFSET = [7, -3, 5, 0, 12, -8, 4, 0, -6, 9, 2, 0, -11, 3, 6, 0];

type Steps = readonly (readonly [number, number])[];

/** Sixty samples of motion a step, the other foot half a stride later. */
const stepsFrom = (first: number): Steps => Array.from({ length: 9 }, (_, k) => [first + 100 * k, first + 100 * k + 60] as const);
const LEFT = stepsFrom(400);
const RIGHT = stepsFrom(450);

/** Swings of both feet over the offset; nothing but the offset while a foot stands. */
function trialBytes(gain: number): Buffer {
  const values = new Int16Array(ROWS * 16);
  const swing = (steps: Steps, row: number): number => {
    const step = steps.find(([a, b]) => row >= a && row < b);
    return step === undefined ? 0 : Math.sin((Math.PI * (row - step[0])) / 60);
  };
  for (let row = 0; row < ROWS; row += 1) {
    const moves = [swing(LEFT, row), swing(RIGHT, row)];
    for (let c = 0; c < 16; c += 1) {
      const foot = moves[c < 8 ? 0 : 1]!;
      const motion = c % 8 < 4 ? 800 * gain * foot : (c % 8 === 6 ? 3_000 : 400) * gain * foot;
      values[row * 16 + c] = Math.round(OFFSET[c]! + motion);
    }
  }
  return gzipSync(Buffer.from(values.buffer));
}

const line = (code: string, subject: string, group: string, samples = ROWS): string =>
  `${code},${subject},1,${group},41,F,1.7,60,Left,2.5,${samples},"${JSON.stringify(LEFT)}","${JSON.stringify(RIGHT)}"`;

const rowOf = (part: Partial<TrialRow>): TrialRow => ({
  code: 'x-1',
  subject: 'x',
  samples: 1_000,
  heightM: null,
  massKg: null,
  age: null,
  sex: null,
  group: 'healthy',
  trial: '1',
  laterality: 'Left',
  walkingSpeed: null,
  leftSteps: [[300, 360]],
  rightSteps: [[350, 410]],
  ...part,
});

describe('a trial', () => {
  it('stands for two seconds before its first step, or as long as there is', () => {
    expect(standingRanges(rowOf({}), 100)).toEqual([[100, 300]]);
    expect(standingRanges(rowOf({ leftSteps: [[80, 140]] }), 100)).toEqual([[0, 80]]);
  });
  it('with less than half a second before counts standing after the last step too', () => {
    expect(standingRanges(rowOf({ leftSteps: [[20, 80]] }), 100)).toEqual([
      [0, 20],
      [410, 610],
    ]);
    expect(() => standingRanges(rowOf({ samples: 410, leftSteps: [[0, 60]] }), 100)).toThrow(/x-1 has no standing sample/);
    expect(() => standingRanges(rowOf({ leftSteps: [], rightSteps: [] }), 100)).toThrow(/no annotated step/);
  });
  it('walks in bouts that a second without a step ends', () => {
    expect(walkingBouts(rowOf({ leftSteps: [[300, 360]], rightSteps: [[460, 500]] }), 100)).toEqual([[3, 5]]);
    const parted = walkingBouts(rowOf({ leftSteps: [[300, 360]], rightSteps: [[461, 500]] }), 100);
    expect(parted).toEqual([
      [3, 3.6],
      [4.61, 5],
    ]);
    expect(placeOf([3, 3.6], parted)).toEqual({ walking: true, standing: false });
    expect(placeOf([3, 4], parted)).toEqual({ walking: false, standing: false });
    expect(placeOf([3.6, 4.61], parted)).toEqual({ walking: false, standing: true });
  });
});

describe('the export of a folder', () => {
  let folder = '';
  let contract: ModelContract;
  let summary: RecordedSummary;
  let table: Table;
  const write = async (name: string, lines: readonly string[]): Promise<string> => {
    const data = join(folder, name);
    await mkdir(join(data, 'trials'), { recursive: true });
    await writeFile(join(data, 'trials.csv'), [HEADER, ...lines].join('\n'));
    return data;
  };
  const refused = (data: string): Promise<unknown> => exportRecorded({ data, out: join(folder, 'refused'), contract, priors: null });
  const column = (name: string): unknown[] => [...table.getChild(name)!];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kinewatch-recorded-'));
    contract = JSON.parse(await readFile('models/binn.json', 'utf8')) as ModelContract;
    const data = await write('good', [line('a-1', 'a', 'healthy'), line('a-2', 'a', 'healthy'), line('b-1', 'b', 'orthopedic')]);
    for (const [code, gain] of [
      ['a-1', 1],
      ['a-2', 1],
      ['b-1', 0.6],
    ] as const)
      await writeFile(join(data, 'trials', `${code}.i16.gz`), trialBytes(gain));
    summary = await exportRecorded({ data, out: join(folder, 'out'), contract, priors: null });
    table = tableFromIPC(await readFile(join(folder, 'out', 'windows-0000.arrow')));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('has a window a second and says which are walking', () => {
    // 15 s: windows of 2 s begin a second apart at the athlete's phase, and the last one waits for a later sample.
    expect(summary.windows).toBeGreaterThanOrEqual(3 * 12);
    expect(summary.windows).toBeLessThanOrEqual(3 * 13);
    expect(table.numRows).toBe(summary.windows);
    // Steps from 4.0 s to 13.1 s: eight windows of each trial lie wholly inside, seven where the phase is late.
    const walking = column('walking').filter((flag) => flag === 1).length;
    expect(walking).toBe(summary.walkingWindows);
    expect(walking).toBeGreaterThanOrEqual(3 * 7);
    expect(walking).toBeLessThanOrEqual(3 * 8);
    expect(column('walking').some((flag, i) => flag === 1 && column('standing')[i] === 1)).toBe(false);
  });
  it('carries who it was, and the label', () => {
    expect(new Set(column('subject'))).toEqual(new Set(['a', 'b']));
    expect(new Set(column('trial'))).toEqual(new Set(['a-1', 'a-2', 'b-1']));
    column('group').forEach((group, i) => expect(column('label_altered')[i]).toBe(group === 'orthopedic' ? 1 : 0));
    expect(table.get(0)!.toJSON()).toMatchObject({ age: 41, sex: 'F', side: 'Left', walking_speed: 2.5, mass_kg: 60, elapsed: 0 });
    expect(column('label_rehab').every((value) => Number.isNaN(value))).toBe(true);
  });
  it('observes the feet and nothing else', () => {
    const mask = [...(table.get(3)!['bio_mask'] as Iterable<number>)];
    const channels = contract.bio.length;
    const feet = contract.bio.flatMap(({ placement }, c) => (placement.startsWith('foot-') ? [c] : []));
    for (let c = 0; c < channels; c += 1) {
      const seen = new Set(mask.filter((_, i) => i % channels === c));
      expect(seen).toEqual(new Set([feet.includes(c) ? 1 : 0]));
    }
    expect([...(table.get(3)!['phys_mask'] as Iterable<number>)]).toEqual(contract.phys.map(() => 0));
    expect([...(table.get(3)!['context_mask'] as Iterable<number>)].filter((seen) => seen === 1)).toHaveLength(4);
  });
  it('takes the standing mean off and keeps it beside', async () => {
    const { contract: used } = JSON.parse(await readFile(join(folder, 'out', 'dataset.json'), 'utf8')) as { contract: ModelContract };
    const means = [...(table.get(0)!['standing_mean'] as Iterable<number>)];
    const expected = [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15].map((c) =>
      c % 8 < 4 ? (OFFSET[c]! / 1000) * 9.80665 : ((OFFSET[c]! / 10) * Math.PI) / 180,
    );
    means.forEach((mean, i) => expect(mean).toBeCloseTo(expected[i]!, 5));
    const still = column('standing').indexOf(1);
    const z = [...(table.get(still)!['bio'] as Iterable<number>)];
    for (let c = 0; c < 12; c += 1) {
      const { location, scale } = used.bio[c]!.prior.walk;
      const back = z.filter((_, i) => i % contract.bio.length === c).map((value) => value * scale + location);
      // float16 has eleven bits: a thousandth of the location, which is what a standing foot's z comes from.
      for (const value of back) expect(Math.abs(value)).toBeLessThan(2e-3 * Math.abs(location) + 2e-4 * scale);
    }
  });
  it('has the steps found beside the annotated ones, foot by foot, in samples', async () => {
    const steps = JSON.parse(await readFile(join(folder, 'out', 'steps.json'), 'utf8')) as FootSteps[];
    expect(steps.map(({ subject, trial, foot }) => [subject, trial, foot])).toEqual(
      ['a-1', 'a-2', 'b-1'].flatMap((trial) => ['left', 'right'].map((foot) => [trial[0], trial, foot])),
    );
    for (const { foot, samples, truth, predicted } of steps) {
      expect(samples).toBe(ROWS);
      expect(truth).toEqual(foot === 'left' ? LEFT : RIGHT);
      expect(matchSteps(predicted, truth, 0.5)).toEqual({ matched: 9, detected: 9, annotated: 9 });
    }
  });
  it('has the figures of the whole trial', () => {
    const features = [...(table.get(0)!['gait'] as Iterable<number>)];
    const of = (name: (typeof GAIT_FEATURES)[number]['name']): number => features[GAIT_FEATURES.findIndex((f) => f.name === name)]!;
    expect(of('strideTimeS')).toBeCloseTo(1, 1);
    expect(of('interLimbPhase')).toBeCloseTo(0.5, 1);
    expect(Math.abs(of('footFlatSymmetryPct'))).toBeLessThan(5);
  });
  it('goes by the location and scale of another export where it is told to', async () => {
    const out = join(folder, 'second');
    await exportRecorded({ data: join(folder, 'good'), out, contract, priors: join(folder, 'out') });
    const again = tableFromIPC(await readFile(join(out, 'windows-0000.arrow')));
    expect([...(again.get(5)!['bio'] as Iterable<number>)]).toEqual([...(table.get(5)!['bio'] as Iterable<number>)]);
    await expect(exportRecorded({ data: join(folder, 'good'), out, contract, priors: folder })).rejects.toThrow(
      /--priors wants the folder/,
    );
    const fewer = { ...contract, perf: contract.perf.slice(1) };
    await expect(exportRecorded({ data: join(folder, 'good'), out, contract: fewer, priors: join(folder, 'out') })).rejects.toThrow(
      /lists other channels than the contract/,
    );
  });
  it('refuses what it cannot read, in a sentence', async () => {
    await expect(refused(folder)).rejects.toThrow(/has no trials\.csv; readable is the gait-imu form only/);
    const absent = await write('absent', [line('c-1', 'c', 'healthy')]);
    await expect(refused(absent)).rejects.toThrow(/c-1\.i16\.gz: there is no such file/);
    await writeFile(join(absent, 'trials', 'c-1.i16.gz'), trialBytes(1).subarray(0, 900));
    await expect(refused(absent)).rejects.toThrow(/c-1\.i16\.gz: the gzip is damaged or cut short/);
    await writeFile(join(absent, 'trials', 'c-1.i16.gz'), gzipSync(Buffer.alloc(32 * 700)));
    await expect(refused(absent)).rejects.toThrow(/700 rows, but trials\.csv says 1500 for c-1/);
    await expect(refused(await write('twice', [line('c-1', 'c', 'healthy'), line('c-2', 'c', 'orthopedic')]))).rejects.toThrow(
      /subject c is listed in both groups/,
    );
    await expect(refused(await write('group', [line('c-1', 'c', 'tired')]))).rejects.toThrow(/group of trial c-1 is "tired"/);
    await expect(refused(await write('none', []))).rejects.toThrow(/lists no trial/);
    await expect(refused(await write('away', [line('../c-1', 'c', 'healthy')]))).rejects.toThrow(/is not a file name/);
    await writeFile(join(absent, 'trials.csv'), 'code,subject,samples,left_steps,right_steps\n');
    await expect(refused(absent)).rejects.toThrow(/has no column trial, group, age/);
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });
});

describe.skipIf(!haveRecordings)('the export of the gait recordings', () => {
  it('has every subject, and no channel but the feet', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kinewatch-gait-'));
    try {
      const contract = JSON.parse(await readFile('models/binn.json', 'utf8')) as ModelContract;
      const summary = await exportRecorded({ data: recordingPath('gait-imu'), out: folder, contract, priors: null });
      expect(summary).toMatchObject({ subjects: 69, trials: 307 });
      expect(summary.walkingWindows).toBeGreaterThan(5_000);
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 180_000);
});
