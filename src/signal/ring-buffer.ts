/**
 * The newest samples of one stream, channel by channel (planar), addressed by an absolute sample number that only grows.
 * Memory is a sliding linear buffer: samples of a channel always lie side by side, so that a filter's inner loop needs no wrap-around.
 * BOUNDED: it grows by doubling up to `maxSamples`; beyond that the oldest samples go and are counted.
 */
export interface SampleBuffer {
  readonly channels: number;
  /** Absolute number of the oldest sample held. */
  readonly first: number;
  /** Absolute number just past the newest sample. */
  readonly end: number;
  /** Samples that fell out at the bound. */
  readonly overwritten: number;
  /** Appends `count` rows of row-major samples (count x channels). NaN is kept. */
  append(rows: Float32Array, count: number): void;
  /** Forgets samples below the absolute number. */
  dropBefore(sample: number): void;
  /** Storage of one channel; the absolute sample n is at `n + base()`. Valid until the next append or drop. */
  channel(index: number): Float32Array;
  base(): number;
}

/** @throws RangeError where channels or capacities are not positive integers */
export function createSampleBuffer(channels: number, initialSamples: number, maxSamples: number): SampleBuffer {
  if (!(channels >= 1 && initialSamples >= 1 && maxSamples >= initialSamples))
    throw new RangeError('sample buffer: channels and capacities are positive');
  let capacity = Math.ceil(initialSamples);
  let data = new Float32Array(channels * capacity);
  let planes = planesOf(data, channels, capacity);
  let first = 0;
  let end = 0;
  let offset = 0; // place of sample `first` in each plane
  let overwritten = 0;

  const moveTo = (target: Float32Array[]): void => {
    const held = end - first;
    for (let c = 0; c < channels; c += 1) {
      const from = planes[c] as Float32Array;
      const to = target[c] as Float32Array;
      if (from === to) from.copyWithin(0, offset, offset + held);
      else to.set(from.subarray(offset, offset + held));
    }
    offset = 0;
  };
  const makeRoom = (count: number): void => {
    if (offset + (end - first) + count <= capacity) return;
    if (end - first + count > capacity && capacity < maxSamples) {
      let larger = capacity;
      while (larger < maxSamples && larger < end - first + count) larger = Math.min(maxSamples, larger * 2);
      const moved = new Float32Array(channels * larger);
      const target = planesOf(moved, channels, larger);
      moveTo(target);
      data = moved;
      capacity = larger;
      planes = target;
    }
    const excess = end - first + count - capacity;
    if (excess > 0) {
      overwritten += excess;
      first += excess;
      offset += excess;
    }
    moveTo(planes);
  };

  return {
    channels,
    get first() {
      return first;
    },
    get end() {
      return end;
    },
    get overwritten() {
      return overwritten;
    },
    append(rows, count) {
      const skip = Math.max(0, count - maxSamples);
      if (skip > 0) {
        // One append beyond the bound: only its newest samples fit.
        overwritten += skip + (end - first);
        end += skip;
        first = end;
        offset = 0;
      }
      const fitting = count - skip;
      makeRoom(fitting);
      const at = offset + (end - first);
      for (let c = 0; c < channels; c += 1) {
        const plane = planes[c] as Float32Array;
        for (let i = 0, r = skip * channels + c; i < fitting; i += 1, r += channels) plane[at + i] = rows[r] as number;
      }
      end += fitting;
    },
    dropBefore(sample) {
      const to = Math.min(end, Math.max(first, sample));
      offset += to - first;
      first = to;
    },
    channel(index) {
      const plane = planes[index];
      if (plane === undefined) throw new RangeError(`channel ${index} of ${channels}`);
      return plane;
    },
    base: () => offset - first,
  };
}

function planesOf(data: Float32Array, channels: number, capacity: number): Float32Array[] {
  return Array.from({ length: channels }, (_, c) => data.subarray(c * capacity, (c + 1) * capacity));
}
