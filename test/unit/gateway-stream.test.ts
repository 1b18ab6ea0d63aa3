import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFrameHeader, decodeSamples, encodeFrame } from '../../src/contracts/frame.ts';
import { FRAME_REFUSALS } from '../../src/contracts/errors.ts';
import { DEFAULT_LIMITS, type StreamDeclaration } from '../../src/contracts/protocol.ts';
import {
  explainRefusal,
  hasHeader,
  readCount,
  readDeviceTimeUs,
  readSequence,
  readStream,
  refusalOf,
} from '../../src/gateway/frame-check.ts';
import { createReceiptClock } from '../../src/gateway/receipt-clock.ts';
import {
  advanceDeviceTime,
  createStreamState,
  DAY_US,
  enterFrame,
  judgeDeviceTime,
  settleBelow,
  type StreamState,
} from '../../src/gateway/stream-state.ts';

const declaration: StreamDeclaration = {
  stream: 0,
  device: 'd',
  boot: 'b',
  kind: 'imu',
  placement: 'trunk',
  channels: [
    { name: 'ax', unit: 'm/s2' },
    { name: 'ay', unit: 'm/s2' },
  ],
  mode: 'live',
  rateHz: 100,
  encoding: 'int16',
};
const NOW_US = 1_800_000_000_000_000;
const stateOf = (more: Partial<StreamDeclaration> = {}, lastDeviceTimeUs: number | null = null): StreamState =>
  createStreamState({
    streamId: 1,
    athleteId: 'a',
    declaration: { ...declaration, ...more },
    receivedUs: 0,
    nextSequence: 0,
    lastDeviceTimeUs,
  });

describe('receipt clock', () => {
  test('strictly increasing integers, whatever the wall clock says', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e15, max: 9e15 }), { minLength: 2 }), (readings) => {
        let at = 0;
        const stamp = createReceiptClock(() => readings[at++] ?? 0);
        const stamps = readings.map(() => stamp());
        expect(stamps.every((value, i) => Number.isSafeInteger(value) && (i === 0 || value > (stamps[i - 1] ?? Infinity)))).toBe(true);
      }),
    );
  });
  test('cuts fractions, ignores readings that are no time, begins above the stamps of the process before', () => {
    const readings = [100.9, Number.NaN, Infinity, 200];
    let at = 0;
    const stamp = createReceiptClock(() => readings[at++] ?? 0, 50);
    expect([stamp(), stamp(), stamp(), stamp()]).toEqual([100, 101, 102, 200]);
    expect(createReceiptClock(() => 10, 5000)()).toBe(5001);
  });
});

/** What becomes of bytes that may be anything; throws where the parts do not fit together. */
function outcomeOf(bytes: Uint8Array, encoding: 'int16' | 'float32'): string {
  const header = decodeFrameHeader(bytes);
  if (!hasHeader(bytes) || header === null) return hasHeader(bytes) === (header !== null) ? 'no header' : 'the readers disagree';
  const state = stateOf({ encoding });
  const refusal = refusalOf(bytes, state, DEFAULT_LIMITS);
  judgeDeviceTime(state, readDeviceTimeUs(bytes), NOW_US);
  if (refusal !== null)
    return FRAME_REFUSALS.includes(refusal) && explainRefusal(refusal, bytes, state, DEFAULT_LIMITS) !== '' ? 'refused' : refusal;
  const out = new Float32Array(header.count * header.channels);
  decodeSamples(bytes, header, undefined, out);
  return out.every(Number.isFinite) ? 'decoded' : 'a value that is not finite';
}

describe('header readers', () => {
  test('agree with the codec', () => {
    fc.assert(
      fc.property(
        fc.record({
          flags: fc.constantFrom(0, 2),
          channels: fc.integer({ min: 1, max: 64 }),
          stream: fc.integer({ min: 0, max: 65_535 }),
          sequence: fc.integer({ min: 0, max: 0xffff_ffff }),
          deviceTimeUs: fc.maxSafeInteger(),
        }),
        fc.integer({ min: 0, max: 20 }),
        (header, count) => {
          const bytes = encodeFrame(header, new Int16Array(count * header.channels));
          expect(hasHeader(bytes)).toBe(true);
          expect(decodeFrameHeader(bytes)).toEqual({ ...header, count });
          expect({
            stream: readStream(bytes),
            sequence: readSequence(bytes),
            deviceTimeUs: readDeviceTimeUs(bytes),
            count: readCount(bytes),
          }).toEqual({
            stream: header.stream,
            sequence: header.sequence,
            deviceTimeUs: header.deviceTimeUs,
            count,
          });
        },
      ),
    );
  });

  test('samples come back in their units', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -32_768, max: 32_767 }), fc.integer({ min: -32_768, max: 32_767 })), { maxLength: 50 }),
        (rows) => {
          const bytes = encodeFrame({ flags: 0, channels: 2, stream: 0, sequence: 0, deviceTimeUs: 0 }, Int16Array.from(rows.flat()));
          const out = new Float32Array(rows.length * 2);
          const header = decodeFrameHeader(bytes);
          if (header === null) throw new Error('no header');
          decodeSamples(bytes, header, [0.5, 2], out);
          expect([...out]).toEqual(rows.flatMap(([a, b]) => [a * 0.5, b * 2]));
        },
      ),
    );
  });

  test('random bytes never throw: no header, a known refusal, or a frame that decodes', () => {
    const anyBytes = fc.uint8Array({ maxLength: 200 });
    const framed = fc.uint8Array({ minLength: 24, maxLength: 200 }).map((bytes) => {
      bytes[0] = 0x4b;
      bytes[1] = 1;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(anyBytes, framed), fc.constantFrom('int16' as const, 'float32' as const), (bytes, encoding) => {
        expect(outcomeOf(bytes, encoding)).toMatch(/^(no header|decoded|refused)$/);
      }),
      { numRuns: 2000 },
    );
  });

  test('every non-finite float32 is found, at every place, and no finite one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float(), { minLength: 2, maxLength: 40 }).filter((values) => values.length % 2 === 0),
        (values) => {
          const bytes = encodeFrame({ flags: 0, channels: 2, stream: 0, sequence: 0, deviceTimeUs: 0 }, Float32Array.from(values));
          const expected = values.every(Number.isFinite) ? null : 'non-finite';
          expect(refusalOf(bytes, stateOf({ encoding: 'float32' }), DEFAULT_LIMITS)).toBe(expected);
        },
      ),
    );
  });
});

const after = (state: StreamState, deviceTimeUs: number, count = 50): StreamState => {
  advanceDeviceTime(state, deviceTimeUs, count, NOW_US, false);
  return state;
};

describe('device time', () => {
  test.each([
    ['the next frame', 1_500_000, 'fits'],
    ['a sample early: the device runs slower than it says', 1_494_000, 'fits'],
    ['more than that', 1_480_000, 'time-backwards'],
    ['a second back from the last sample', 490_001, 'time-backwards'],
    ['beyond a second back', 489_999, 'jump'],
    ['a lost frame', 2_000_000, 'fits'],
    ['a second ahead', 2_510_000, 'fits'],
    ['beyond a second ahead', 2_510_001, 'jump'],
    ['a day ahead', 1_000_000 + DAY_US + 1, 'time-ahead'],
    ['no time at all', 2 ** 60, 'time-ahead'],
    ['no time at all, before', -(2 ** 60), 'time-backwards'],
  ])('live: %s', (_what, deviceTimeUs, verdict) => {
    expect(judgeDeviceTime(after(stateOf(), 1_000_000), deviceTimeUs, NOW_US)).toBe(verdict);
  });

  test('the first frame of a live clock may say anything, unless the declared offset tells better', () => {
    expect(judgeDeviceTime(stateOf(), 5e15, NOW_US)).toBe('fits');
    const declared = stateOf({ clock: { offsetUs: NOW_US, roundTripUs: 10 } });
    expect(judgeDeviceTime(declared, 3_600_000_000, NOW_US)).toBe('fits');
    expect(judgeDeviceTime(declared, DAY_US + 1, NOW_US)).toBe('time-ahead');
  });

  test('a jump begins a new segment with its own offset', () => {
    const state = after(stateOf(), 100_000_000);
    advanceDeviceTime(state, 5000, 50, NOW_US + 600_000, true);
    expect(state.offsetUs).toBe(NOW_US + 595_000);
    expect(judgeDeviceTime(state, 505_000, NOW_US + 1_100_000)).toBe('fits');
  });

  test('a slow clock is followed: 500 ppm over long frames is no step back', () => {
    const state = stateOf({ rateHz: 200 });
    let deviceTimeUs = 0;
    for (let frame = 0; frame < 1000; frame += 1) {
      expect(judgeDeviceTime(state, Math.round(deviceTimeUs), NOW_US)).toBe('fits');
      advanceDeviceTime(state, Math.round(deviceTimeUs), 4096, NOW_US, false);
      deviceTimeUs += (4096 / 200) * 1e6 * (1 - 500e-6);
    }
  });

  test('recorded: trusted, never back, a day ahead of now is refused', () => {
    const state = stateOf({ mode: 'recorded' }, NOW_US - 1_000_000);
    expect(judgeDeviceTime(state, NOW_US - 1_000_000, NOW_US)).toBe('fits');
    expect(judgeDeviceTime(state, NOW_US + 3_600_000_000, NOW_US)).toBe('fits');
    expect(judgeDeviceTime(state, NOW_US - 500_000_000, NOW_US)).toBe('time-backwards');
    expect(judgeDeviceTime(state, NOW_US + DAY_US + 1, NOW_US)).toBe('time-ahead');
  });
});

test('costs under way: what is settled is freed once, whatever the order of entering and settling', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.record({ enter: fc.integer({ min: 1, max: 70_000 }) }), fc.record({ settle: fc.nat(60) })), { maxLength: 300 }),
      (steps) => {
        const state = stateOf();
        const costs: number[] = [];
        let underWay = 0;
        for (const step of steps) {
          if ('enter' in step) {
            enterFrame(state, step.enter);
            costs.push(step.enter);
            underWay += step.enter;
          } else underWay -= settleBelow(state, Math.min(step.settle, state.expected));
          const model = costs.slice(state.stored).reduce((sum, cost) => sum + cost, 0);
          expect(underWay).toBe(model);
        }
      },
    ),
  );
});
