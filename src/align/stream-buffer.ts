/** The newest samples of one stream in device time: frames as blocks over a planar sample buffer. */
import { createSampleBuffer, type SampleBuffer } from '../signal/ring-buffer.ts';

export interface Block {
  readonly sequence: number;
  /** Device time of the block's first sample. */
  readonly startUs: number;
  readonly count: number;
  /** Absolute number of its first sample in the buffer. */
  readonly firstSample: number;
  /** Segment of the device clock; null for recorded streams, whose time is server time. */
  readonly segmentId: number | null;
  readonly hasNaN: boolean;
}

export interface StreamBuffer {
  readonly rateHz: number;
  readonly samples: SampleBuffer;
  /** Oldest first; the caller reads only. */
  readonly blocks: readonly Block[];
  append(sequence: number, startUs: number, segmentId: number | null, rows: Float32Array, count: number): void;
  /** Forgets leading blocks for which `isPast` holds; stops at the first that is still needed. */
  dropWhile(isPast: (block: Block) => boolean): void;
}

/** BOUNDED: a window of 2 s, 2 s of waiting and a lead-in fit into a tenth of this at any rate; one frame of 4,096 samples always fits. */
const MAX_SECONDS = 64;
const MIN_CAPACITY = 16_384;
/** First allocation: what a live stream holds when nothing is late. */
const INITIAL_SECONDS = 5;
/** BOUNDED: blocks of one stream; frames of a single sample would otherwise cost more than the samples. */
const MAX_BLOCKS = 4_096;

export function createStreamBuffer(channels: number, rateHz: number): StreamBuffer {
  const max = Math.max(MIN_CAPACITY, Math.ceil(rateHz * MAX_SECONDS));
  const samples = createSampleBuffer(channels, Math.min(max, Math.max(64, Math.ceil(rateHz * INITIAL_SECONDS))), max);
  let blocks: Block[] = [];
  return {
    rateHz,
    samples,
    get blocks() {
      return blocks;
    },
    append(sequence, startUs, segmentId, rows, count) {
      let hasNaN = false;
      for (let i = 0; i < count * samples.channels && !hasNaN; i += 1) hasNaN = Number.isNaN(rows[i]);
      blocks.push({ sequence, startUs, count, firstSample: samples.end, segmentId, hasNaN });
      samples.append(rows, count);
      let gone = 0;
      while (gone < blocks.length - 1 && ((blocks[gone] as Block).firstSample < samples.first || blocks.length - gone > MAX_BLOCKS))
        gone += 1;
      if (gone > 0) blocks = blocks.slice(gone);
      samples.dropBefore((blocks[0] as Block).firstSample);
    },
    dropWhile(isPast) {
      let gone = 0;
      while (gone < blocks.length && isPast(blocks[gone] as Block)) gone += 1;
      if (gone === 0) return;
      blocks = blocks.slice(gone);
      samples.dropBefore(blocks[0]?.firstSample ?? samples.end);
    },
  };
}
