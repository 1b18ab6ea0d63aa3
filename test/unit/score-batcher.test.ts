import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatcher } from '../../src/score/batcher.ts';

describe('batcher', () => {
  it('takes at most one item a source and at most maxBatch, and gives every source its turn', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 20 }),
        (maxBatch, owed) => {
          const batcher = createBatcher<number, number>(maxBatch);
          const left = [...owed];
          const taken = owed.map(() => 0);
          left.forEach((_, source) => {
            batcher.offer(source);
          });
          for (let round = 0; round < 200 && batcher.waiting > 0; round += 1) {
            const batch = batcher.next((source) => {
              if (left[source] === 0) return null;
              left[source] = (left[source] as number) - 1;
              return source;
            });
            expect(batch.length).toBeLessThanOrEqual(maxBatch);
            expect(new Set(batch.map(([source]) => source)).size).toBe(batch.length);
            for (const [source] of batch) taken[source] = (taken[source] as number) + 1;
            // Nobody is two turns ahead of a source that still has something.
            taken.forEach((n, source) => {
              if ((left[source] as number) > 0) expect(Math.max(...taken) - n).toBeLessThanOrEqual(1);
            });
          }
          expect(taken).toEqual(owed);
          expect(batcher.stats().items).toBe(owed.reduce((a, b) => a + b, 0));
        },
      ),
    );
  });

  it('lets a source go that gives nothing, until it is offered again', () => {
    const batcher = createBatcher<string, number>(4);
    batcher.offer('a');
    expect(batcher.next(() => null)).toEqual([]);
    expect(batcher.waiting).toBe(0);
    batcher.offer('a');
    expect(batcher.next(() => 1)).toEqual([['a', 1]]);
    batcher.remove('a');
    expect(batcher.waiting).toBe(0);
  });

  it('refuses a bound that is not a positive integer', () => {
    expect(() => createBatcher(0)).toThrow(RangeError);
  });
});
