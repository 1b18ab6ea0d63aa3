import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planStarts, type RecordingFile } from '../../src/cli/replay/files.ts';
import { readOptions } from '../../src/cli/replay/options.ts';
import { deviceSerial } from '../../src/cli/replay/play.ts';
import { replayMetrics } from '../../src/cli/replay/report.ts';

const file = (externalId: string, seconds: number): RecordingFile => ({
  path: `${externalId}.txt`,
  externalId,
  recording: {
    format: 'cmj',
    startUs: null,
    metadata: {},
    streams: [
      {
        kind: 'force-plate',
        placement: 'single',
        rateHz: 100,
        channels: [{ name: 'fv', unit: 'N' }],
        encoding: 'float32',
        segments: [{ startS: 0, samples: new Float32Array(seconds * 100) }],
      },
    ],
  },
});

describe('replay options', () => {
  test('by default: an embedded service, as fast as it goes, 1200 Hz', () => {
    expect(readOptions(['a.txt'])).toMatchObject({
      paths: ['a.txt'],
      target: null,
      speed: Number.POSITIVE_INFINITY,
      rateHz: 1200,
      json: false,
    });
    expect(readOptions(['a', '--speed', '2.5', '--rate-hz', '1000', '--json', '--url', 'http://x:1', '--token', 't'])).toMatchObject({
      speed: 2.5,
      rateHz: 1000,
      json: true,
      target: { url: 'http://x:1', token: 't' },
    });
  });
  test.each([
    [[]],
    [['a', '--url', 'http://x']],
    [['a', '--speed', '0']],
    [['a', '--speed', 'fast']],
    [['a', '--rate-hz', '-1']],
    [['a', '--what']],
    [['a', '--url', 'x', '--token', 't']],
  ])('%j is wrong use', (args) => {
    expect(() => readOptions(args)).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
  });
  test('a negative number meets the range, not the parser; another dash is told its form', () => {
    for (const args of [['--rate-hz', '-3'], ['--rate-hz=-3']])
      expect(() => readOptions(['a', ...args])).toThrow('--rate-hz must be a number above 0 and at most 10000, not "-3"');
    expect(() => readOptions(['a', '--athlete', '-x'])).toThrow('--athlete lacks its value; one that begins with a dash');
    expect(readOptions(['a', '--athlete=-x'])).toMatchObject({ athlete: '-x' });
  });
});

describe('replay times', () => {
  test('files of one athlete follow one another without overlap, all in the past', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 300 })), { minLength: 1, maxLength: 20 }),
        (specs) => {
          const nowUs = 1_790_000_000e6;
          const files = specs.map(([id, seconds]) => file(id, seconds));
          const starts = planStarts(files, nowUs);
          const ends = new Map<string, number>();
          files.forEach((one, i) => {
            const start = starts[i] ?? 0;
            expect(start).toBeGreaterThan(ends.get(one.externalId) ?? 0);
            const end = start + (specs[i]?.[1] ?? 0) * 1e6;
            expect(end).toBeLessThan(nowUs);
            ends.set(one.externalId, end);
          });
        },
      ),
    );
  });
});

describe('replay report', () => {
  test('a device serial fits the protocol whatever the athlete is called', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 128 }), (id) => {
        expect(deviceSerial(id, 'foot-left')).toMatch(/^[A-Za-z0-9._:-]{1,64}$/);
      }),
    );
  });
  test('has only the keys of the kind', () => {
    expect(replayMetrics(file('a', 3))).toEqual({ jumps: [] });
  });
});
