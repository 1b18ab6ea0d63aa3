/** Every recording in the folder is known by its content and gives the figures of its kind. */
import { describe, expect, test } from 'vitest';
import { readRecording } from '../../src/recordings/read-recording.ts';
import { countSamples, type Recording } from '../../src/recordings/recording.ts';
import { recordingSession } from '../../src/recordings/session.ts';
import { computeSessionMetrics, summariseSession } from '../../src/signal/session-metrics.ts';
import { haveRecordings, recordingPath } from '../support/recordings.ts';

const shape = ({ streams }: Recording): unknown =>
  streams.map((stream) => [stream.kind, stream.placement, stream.rateHz, stream.channels.map(({ name }) => name).join(' ')]);
const summaryOf = (recording: Recording) => summariseSession(recordingSession(recording, 0));

describe.skipIf(!haveRecordings)('recordings by their content', () => {
  test('VO2master: decimal comma, three muscle sensors, no cadence or speed sensor', async () => {
    const recording = await readRecording(recordingPath('wearable', 'vo2master.csv'));
    expect(recording.format).toBe('vo2master');
    expect(shape(recording)).toEqual([
      ['wearable', 'chest', 1, 'heartRate rrMs'],
      ['wearable', 'muscle-1', 1, 'smo2 thb'],
      ['wearable', 'muscle-2', 1, 'smo2 thb'],
      ['wearable', 'muscle-3', 1, 'smo2 thb'],
    ]);
    const { wearable, gait, jumps } = summaryOf(recording);
    expect([gait, jumps]).toEqual([null, null]);
    expect(wearable?.heartRateBpm).toBeGreaterThan(130);
    expect(wearable?.heartRateBpm).toBeLessThan(180);
    // Exercise, and beats come faster than the column's rows.
    expect(wearable?.variability?.provisional).toBe(true);
    expect(wearable?.smo2Pct).toBeGreaterThan(10);
    expect(wearable?.smo2Pct).toBeLessThan(60);
    const names = computeSessionMetrics(recordingSession(recording, 0)).map(({ name }) => name);
    expect(names).toEqual(['heartRate', 'lnRmssd', 'smo2']);
  });

  test('Moxy: no year in its dates, no heart sensor', async () => {
    const recording = await readRecording(recordingPath('wearable', 'moxy_intervals.csv'));
    expect(recording.format).toBe('moxy');
    expect(recording.startUs).toBeNull();
    expect(shape(recording)).toEqual([['wearable', 'muscle-1', 0.5, 'smo2 thb']]);
    expect(recording.streams[0] === undefined ? 0 : countSamples(recording.streams[0])).toBe(931);
    const { wearable } = summaryOf(recording);
    expect(wearable).toMatchObject({ heartRateBpm: null, variability: null });
    expect(wearable?.smo2Pct).toBeGreaterThan(20);
  });

  test('Train.Red: preamble, byte-order mark, right and left thigh on a 10 Hz grid', async () => {
    const recording = await readRecording(recordingPath('wearable', 'train.red_intervals.csv'));
    expect(recording.format).toBe('train.red');
    expect(shape(recording)).toEqual([
      ['wearable', 'thigh-right', 10, 'smo2'],
      ['wearable', 'thigh-left', 10, 'smo2'],
    ]);
    const [right] = recording.streams;
    // 12 s are missing from the file: a gap, not samples made up.
    expect(right?.segments.length).toBeGreaterThan(1);
    expect(right === undefined ? 0 : countSamples(right)).toBeLessThan((3295.48 - 2084.15 - 10) * 10);
    expect(summaryOf(recording).wearable?.smo2Pct).toBeGreaterThan(50);
  });

  test('gait trial: two feet of six channels, int16 as recorded', async () => {
    const recording = await readRecording(recordingPath('gait-imu', 'trials', '3-1.i16.gz'));
    expect(recording.format).toBe('gait-imu');
    expect(recording.metadata.subject).toBe('3');
    expect(recording.streams.map(({ placement, encoding }) => [placement, encoding])).toEqual([
      ['foot-left', 'int16'],
      ['foot-right', 'int16'],
    ]);
    expect(recording.streams.map(countSamples)).toEqual([2008, 2008]);
  });

  test('squat jump: left plate first, vertical force first', async () => {
    const recording = await readRecording(recordingPath('force-plate', 'squat-jump-003.csv.gz'));
    expect(shape(recording)).toEqual([
      ['force-plate', 'left', 1000, 'fv fap fml'],
      ['force-plate', 'right', 1000, 'fv fap fml'],
    ]);
    expect(recording.streams[1]?.segments[0]?.samples[0]).toBeCloseTo(392.891, 3);
  });

  test('a table of results is refused, with what was looked for', async () => {
    await expect(readRecording(recordingPath('force-plate', 'cmj-reference.csv'))).rejects.toThrow(
      /not a known recording: looked for a gait-imu trial/,
    );
  });
});
