/** One stream's native samples onto the 100 Hz grid of one window: positions by the clock, values by the kernel, gaps masked. */
import { interpolateEdge, kernelWeights, resampleKernel } from '../signal/resample.ts';
import type { BioTarget } from './channel-map.ts';
import { GRID_HZ, STEP_US, STEPS, WINDOW_US } from './grid.ts';
import type { Block, StreamBuffer } from './stream-buffer.ts';

/** Device time of a block's segment to server time. Null where the segment is no longer known: its samples are masked. */
export interface TimeMap {
  /** server = device * rate + offsetUs */
  readonly rate: number;
  readonly offsetUs: number;
}
export type TimeMapOf = (segmentId: number | null) => TimeMap | null;

/** Missing samples up to this long are bridged (or 2.5 native periods, where those are longer): 50 ms is a tenth of a fast stride. */
const GAP_BOUND_US = 50_000;
const GAP_BOUND_PERIODS = 2.5;
/** Frame stamps of one run may jitter by this many periods against the count of samples between them. */
const JITTER_PERIODS = 1.5;
const MAX_RUNS = 64;

/** Scratch of one thread, reused for every window: no allocation in the loops. */
const positions = new Float64Array(STEPS);
const runOf = new Int16Array(STEPS);
const runLow = new Float64Array(MAX_RUNS);
const runHigh = new Float64Array(MAX_RUNS);
const longest = { weights: new Float64Array(64) };
/** A declaration has at most 64 channels. */
const values = new Float64Array(64);

/** How far past a grid time the kernel reads, in microseconds. */
export function reachUs(rateHz: number): number {
  return (resampleKernel(rateHz, GRID_HZ).half * 1e6) / rateHz;
}

export interface UsedFrames {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Segment of the newest block that was used. */
  readonly segmentId: number | null;
}

/**
 * Adds one stream to a window. `bio` and `mask` are row-major STEPS x channels; only places whose mask is 0 are written, so the stream
 * given first wins. Returns which frames were read, or null where the stream has no sample for the window.
 */
export function alignStream(
  stream: StreamBuffer,
  targets: readonly BioTarget[],
  startUs: number,
  mapOf: TimeMapOf,
  bio: Float32Array,
  mask: Float32Array,
  channels: number,
): UsedFrames | null {
  const used = place(stream, startUs, mapOf);
  if (used === null) return null;
  resample(stream, targets, bio, mask, channels);
  removeMeans(targets, bio, mask, channels);
  return used;
}

/** Frames with samples in [fromUs, toUs), for streams that are read sample by sample; null where there are none. */
export function framesBetween(stream: StreamBuffer, fromUs: number, toUs: number, mapOf: TimeMapOf): UsedFrames | null {
  let first: Block | null = null;
  let last: Block | null = null;
  for (const block of stream.blocks) {
    const map = mapOf(block.segmentId);
    if (map === null) continue;
    const blockStart = block.startUs * map.rate + map.offsetUs;
    if (blockStart >= toUs || blockStart + ((block.count * 1e6) / stream.rateHz) * map.rate <= fromUs) continue;
    first ??= block;
    last = block;
  }
  return first === null || last === null ? null : { firstSequence: first.sequence, lastSequence: last.sequence, segmentId: last.segmentId };
}

/** Fills `positions` (fractional sample number of every grid time) and the runs; runOf is -1 where nothing was measured. */
function place(stream: StreamBuffer, startUs: number, mapOf: TimeMapOf): UsedFrames | null {
  runOf.fill(-1);
  const reach = reachUs(stream.rateHz);
  const endUs = startUs + WINDOW_US;
  const { blocks } = stream;
  // Sample numbers are taken relative to the oldest block: after a restart they begin at another number, and rounding must not tell.
  const origin = blocks[0]?.firstSample ?? 0;
  let run = -1;
  let first: Block | null = null;
  let last: Block | null = null;
  let previous: { block: Block; startUs: number; endUs: number } | null = null;
  for (const block of blocks) {
    const map = mapOf(block.segmentId);
    if (map === null) {
      previous = null;
      continue;
    }
    const periodUs = (1e6 / stream.rateHz) * map.rate;
    const blockStart = block.startUs * map.rate + map.offsetUs;
    const blockEnd = blockStart + block.count * periodUs;
    if (blockStart > endUs + reach) break;
    if (blockEnd < startUs - reach) {
      previous = { block, startUs: blockStart, endUs: blockEnd };
      continue;
    }
    first ??= block;
    last = block;
    const at = block.firstSample - origin;
    const gapUs = previous === null ? Number.POSITIVE_INFINITY : blockStart - previous.endUs;
    const joined = previous !== null && previous.block.segmentId === block.segmentId && gapUs >= -JITTER_PERIODS * periodUs;
    const bound = Math.max(GAP_BOUND_US, GAP_BOUND_PERIODS * periodUs);
    if (joined && run >= 0 && gapUs <= JITTER_PERIODS * periodUs) {
      // The stamps say how long these samples took; the nominal rate does not.
      const before = previous as { block: Block; startUs: number };
      placeLine(startUs, run, before.startUs, before.block.firstSample - origin, blockStart, at);
      runHigh[run] = at + block.count - 1;
    } else if (joined && run >= 0 && gapUs <= bound) {
      const before = previous as { block: Block; endUs: number };
      placeLine(startUs, run, before.endUs - periodUs, at - 1, blockStart, at);
      runHigh[run] = at + block.count - 1;
    } else {
      if (run + 1 >= MAX_RUNS) break;
      run += 1;
      runLow[run] = at;
      runHigh[run] = at + block.count - 1;
      // Half a period before the first sample is nearer to it than to anything else.
      placeLine(startUs, run, blockStart - periodUs / 2, at - 0.5, blockStart, at);
    }
    placeLine(startUs, run, blockStart, at, blockEnd - periodUs / 2, at + block.count - 0.5);
    previous = { block, startUs: blockStart, endUs: blockEnd };
  }
  if (first === null || last === null) return null;
  return { firstSequence: first.sequence, lastSequence: last.sequence, segmentId: last.segmentId };
}

/** Gives the grid times in [fromUs, toUs) positions on the line from (fromUs, fromSample) to (toUs, toSample). */
function placeLine(startUs: number, run: number, fromUs: number, fromSample: number, toUs: number, toSample: number): void {
  if (!(toUs > fromUs)) return;
  const slope = (toSample - fromSample) / (toUs - fromUs);
  const begin = Math.max(0, Math.ceil((fromUs - startUs) / STEP_US));
  const end = Math.min(STEPS, Math.ceil((toUs - startUs) / STEP_US));
  for (let k = begin; k < end; k += 1) {
    positions[k] = fromSample + slope * (startUs + k * STEP_US - fromUs);
    runOf[k] = run;
  }
}

function resample(stream: StreamBuffer, targets: readonly BioTarget[], bio: Float32Array, mask: Float32Array, channels: number): void {
  const kernel = resampleKernel(stream.rateHz, GRID_HZ);
  const { half } = kernel;
  const taps = 2 * half;
  if (longest.weights.length < taps) longest.weights = new Float64Array(taps);
  const { weights } = longest;
  const base = stream.samples.base() + (stream.blocks[0]?.firstSample ?? 0);
  const hasNaN = stream.blocks.some((block) => block.hasNaN);
  const planes = targets.map((t) => stream.samples.channel(t.source));
  for (let k = 0; k < STEPS; k += 1) {
    const run = runOf[k] as number;
    if (run < 0) continue;
    const low = runLow[run] as number;
    const high = runHigh[run] as number;
    const position = Math.min(high, Math.max(low, positions[k] as number));
    const index = Math.floor(position);
    kernelWeights(kernel, position - index, weights);
    const whole = !hasNaN && index - half + 1 >= low && index + half <= high;
    if (whole) convolve(planes, weights, taps, base + index - half + 1, values);
    for (let t = 0; t < targets.length; t += 1) {
      const target = targets[t] as BioTarget;
      const at = k * channels + target.target;
      if (mask[at] !== 0) continue;
      const value = whole
        ? (values[t] as number)
        : interpolateEdge(planes[t] as Float32Array, base + index, weights, half, base + low, base + high);
      if (Number.isNaN(value)) continue;
      bio[at] = value * target.factor + target.offset;
      // 2 marks "written by this stream" until the means are off.
      mask[at] = 2;
    }
  }
}

/** The innermost loop of alignment: three channels a pass, so that a weight is read once for three products. */
function convolve(planes: readonly Float32Array[], weights: Float64Array, taps: number, from: number, out: Float64Array): void {
  let t = 0;
  for (; t + 2 < planes.length; t += 3) {
    const p = planes[t] as Float32Array;
    const q = planes[t + 1] as Float32Array;
    const r = planes[t + 2] as Float32Array;
    let a = 0;
    let b = 0;
    let c = 0;
    for (let j = 0, i = from; j < taps; j += 1, i += 1) {
      const weight = weights[j] as number;
      a += weight * (p[i] as number);
      b += weight * (q[i] as number);
      c += weight * (r[i] as number);
    }
    out[t] = a;
    out[t + 1] = b;
    out[t + 2] = c;
  }
  for (; t < planes.length; t += 1) {
    const plane = planes[t] as Float32Array;
    let sum = 0;
    for (let j = 0, i = from; j < taps; j += 1, i += 1) sum += (weights[j] as number) * (plane[i] as number);
    out[t] = sum;
  }
}

/**
 * Gravity: a stream declared with gravity included loses the window's mean acceleration vector. Over a whole number of strides the
 * mean of the movement itself is near zero, so what is left is the mean gravity vector in the sensor's frame.
 */
function removeMeans(targets: readonly BioTarget[], bio: Float32Array, mask: Float32Array, channels: number): void {
  for (const target of targets) {
    let sum = 0;
    let count = 0;
    for (let at = target.target; at < STEPS * channels; at += channels) {
      if (mask[at] !== 2) continue;
      sum += bio[at] as number;
      count += 1;
    }
    const mean = target.removeMean && count > 0 ? sum / count : 0;
    for (let at = target.target; at < STEPS * channels; at += channels) {
      if (mask[at] !== 2) continue;
      bio[at] = (bio[at] as number) - mean;
      mask[at] = 1;
    }
  }
}
