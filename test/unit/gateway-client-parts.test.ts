import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs } from '../../src/client/backoff.ts';
import { SendBuffer } from '../../src/client/send-buffer.ts';
import { bestOffset, offsetOf } from '../../src/client/time-sync.ts';

describe('backoff', () => {
  test('full jitter between nothing and the doubled bound, never above the cap', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
        const delayMs = backoffMs(attempt, { baseMs: 200, capMs: 15_000 }, random);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(Math.min(15_000, 200 * 2 ** attempt));
      }),
    );
    expect([0, 1, 2, 20].map((attempt) => backoffMs(attempt, { baseMs: 200, capMs: 15_000 }, 0.5))).toEqual([100, 200, 400, 7500]);
  });
});

const make = (roundTripUs: number) => ({ offsetUs: roundTripUs * 10, roundTripUs });
describe('four stamps', () => {
  test('the offset is off by at most half the asymmetry of the way', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), fc.nat(1e6), fc.nat(1e6), fc.nat(1e5), (offsetUs, thereUs, backUs, workUs) => {
        const t0 = 1e9;
        const t1 = t0 + thereUs + offsetUs;
        const t2 = t1 + workUs;
        const found = offsetOf(t0, t1, t2, t2 - offsetUs + backUs);
        expect(found.roundTripUs).toBe(thereUs + backUs);
        expect(Math.abs(found.offsetUs - offsetUs)).toBeLessThanOrEqual(found.roundTripUs / 2);
      }),
    );
  });
  test('the exchange with the least round trip wins; none gives null', () => {
    expect(bestOffset([make(5), make(2), make(9)])).toEqual(make(2));
    expect(bestOffset([])).toBeNull();
  });
});

test('send buffer: whatever is sent, acknowledged, lost and resumed, the service gets each frame once and in order', () => {
  const step = fc.oneof(
    fc.record({ add: fc.nat(2) }),
    fc.record({ send: fc.integer({ min: 1, max: 5 }) }),
    fc.constant({ ack: true as const }),
    fc.constant({ cut: true as const }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const buffer = new SendBuffer();
      const stored = [0, 0, 0];
      const sendOne = (): boolean => {
        const frame = buffer.peek();
        if (frame === undefined) return false;
        buffer.markSent(frame);
        expect(((frame.bytes[2] ?? 0) & 2) !== 0).toBe(frame.sequence < (sentUpTo[frame.stream] ?? 0));
        sentUpTo[frame.stream] = Math.max(sentUpTo[frame.stream] ?? 0, frame.sequence + 1);
        expect(frame.sequence).toBe(stored[frame.stream]);
        stored[frame.stream] = frame.sequence + 1;
        return true;
      };
      const sentUpTo = [0, 0, 0];
      const resume = (first: boolean): void =>
        buffer.resume(
          stored.map((nextSequence, stream) => ({ stream, nextSequence })),
          first,
        );
      resume(true);
      for (const one of steps) {
        if ('add' in one) buffer.add(one.add, new Uint8Array(24 + one.add));
        else if ('send' in one) for (let i = 0; i < one.send; i += 1) sendOne();
        else if ('ack' in one) stored.forEach((next, stream) => buffer.ack(stream, next));
        else {
          // What was on the wire may be lost: the service forgets down to what is acknowledged.
          stored.forEach((next, stream) => {
            const lost = Math.min(2, next - buffer.oldestSequence(stream));
            stored[stream] = next - lost;
          });
          resume(false);
        }
      }
      while (sendOne());
      stored.forEach((next, stream) => buffer.ack(stream, next));
      expect(buffer).toMatchObject({ bytes: 0, frames: 0, wireBytes: 0 });
      expect(stored).toEqual([0, 1, 2].map((stream) => buffer.nextSequence(stream)));
      expect(buffer.acked).toBe(stored.reduce((sum, next) => sum + next, 0));
      expect(buffer.sent).toBe(buffer.acked);
    }),
  );
});

test('a service that wants what it acknowledged is refused', () => {
  const buffer = new SendBuffer();
  buffer.add(0, new Uint8Array(24));
  buffer.ack(0, 1);
  expect(() => buffer.resume([{ stream: 0, nextSequence: 0 }], false)).toThrow('everything below 1 was acknowledged');
});
