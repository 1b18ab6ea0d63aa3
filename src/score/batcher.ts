/**
 * PURE. Which windows go into the next batch: whatever fell due since the last one (natural batching: no timer, a batch waits for nothing
 * but the one before it), at most one an athlete, at most `maxBatch`. Athletes take turns, so that one who is catching up cannot hold the others back.
 */
export interface Batcher<Source, Item> {
  /** Something may be due there. A source that is already waiting keeps its place. */
  offer(source: Source): void;
  /** Asks waiting sources in turn; one that gives nothing is let go until it is offered again, one that gave goes to the end of the line. */
  next(take: (source: Source) => Item | null): readonly (readonly [Source, Item])[];
  remove(source: Source): void;
  readonly waiting: number;
  stats(): BatcherStats;
}

export interface BatcherStats {
  readonly batches: number;
  readonly items: number;
  readonly largest: number;
}

/** @throws RangeError where maxBatch is not a positive integer */
export function createBatcher<Source, Item>(maxBatch: number): Batcher<Source, Item> {
  if (!Number.isInteger(maxBatch) || maxBatch < 1) throw new RangeError(`maxBatch ${maxBatch}`);
  // Insertion order of a Set is the line.
  const line = new Set<Source>();
  let batches = 0;
  let items = 0;
  let largest = 0;
  return {
    offer: (source) => {
      line.add(source);
    },
    next: (take) => {
      const batch: (readonly [Source, Item])[] = [];
      for (const source of Array.from(line)) {
        if (batch.length >= maxBatch) break;
        line.delete(source);
        const item = take(source);
        if (item !== null) batch.push([source, item]);
      }
      for (const [source] of batch) line.add(source);
      if (batch.length > 0) {
        batches += 1;
        items += batch.length;
        largest = Math.max(largest, batch.length);
      }
      return batch;
    },
    remove: (source) => {
      line.delete(source);
    },
    get waiting() {
      return line.size;
    },
    stats: () => ({ batches, items, largest }),
  };
}
