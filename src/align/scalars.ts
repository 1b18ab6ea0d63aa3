/** Low-rate observations of one window: means of what fell into it, or the newest value of the seconds before. */
import type { ScalarName, ScalarSource } from './channel-map.ts';
import type { TimeMapOf } from './align-window.ts';
import { WINDOW_US } from './grid.ts';
import type { StreamBuffer } from './stream-buffer.ts';

/** A sensor that reports every few seconds has not stopped: its newest value stands for this long. */
export const HOLD_US = 10_000_000;
/** RR intervals are read over this long: rMSSD over 60 s agrees with the 5 min standard within its typical error (Esco and Flatt 2014). */
export const RR_SPAN_US = 60_000_000;
/** Physiological bounds of an RR interval, and the change between neighbours beyond which one of them is an artefact (Malik's 20 % rule). */
const RR_LOW_MS = 300;
const RR_HIGH_MS = 2_000;
const RR_MAX_CHANGE = 0.2;
const RR_MIN_PAIRS = 20;

export interface ScalarReading {
  /** Mean over the window, or the newest value held; NaN where nothing was measured. */
  mean: number;
  max: number;
  /** First and last value inside the window (NaN where none): distance is their difference. */
  first: number;
  last: number;
  /** Samples inside the window. */
  count: number;
}

/** Reads one scalar channel of a stream for the window that starts at startUs. */
export function readScalar(stream: StreamBuffer, source: ScalarSource, startUs: number, mapOf: TimeMapOf): ScalarReading {
  const reading: ScalarReading = { mean: Number.NaN, max: Number.NaN, first: Number.NaN, last: Number.NaN, count: 0 };
  let sum = 0;
  let held = Number.NaN;
  eachSample(stream, source, startUs + WINDOW_US - HOLD_US, startUs + WINDOW_US, mapOf, (value, timeUs) => {
    held = value;
    if (timeUs < startUs) return;
    if (reading.count === 0) reading.first = value;
    reading.last = value;
    reading.max = reading.count === 0 ? value : Math.max(reading.max, value);
    reading.count += 1;
    sum += value;
  });
  reading.mean = reading.count > 0 ? sum / reading.count : held;
  return reading;
}

/** ln rMSSD over the RR intervals of the last 60 s, artefacts left out; NaN below 20 valid pairs. */
export function readLnRmssd(stream: StreamBuffer, source: ScalarSource, startUs: number, mapOf: TimeMapOf): number {
  const endUs = startUs + WINDOW_US;
  let previous = Number.NaN;
  let sum = 0;
  let pairs = 0;
  eachSample(stream, source, endUs - RR_SPAN_US, endUs, mapOf, (rrMs) => {
    const valid = rrMs >= RR_LOW_MS && rrMs <= RR_HIGH_MS;
    if (valid && Math.abs(rrMs - previous) <= RR_MAX_CHANGE * previous) {
      sum += (rrMs - previous) ** 2;
      pairs += 1;
    }
    previous = valid ? rrMs : Number.NaN;
  });
  // A sensor that repeats one interval has measured no variability.
  return pairs >= RR_MIN_PAIRS && sum > 0 ? 0.5 * Math.log(sum / pairs) : Number.NaN;
}

function eachSample(
  stream: StreamBuffer,
  source: ScalarSource,
  fromUs: number,
  toUs: number,
  mapOf: TimeMapOf,
  visit: (value: number, timeUs: number) => void,
): void {
  const plane = stream.samples.channel(source.source);
  const base = stream.samples.base();
  for (const block of stream.blocks) {
    const map = mapOf(block.segmentId);
    if (map === null) continue;
    const periodUs = (1e6 / stream.rateHz) * map.rate;
    const blockStart = block.startUs * map.rate + map.offsetUs;
    if (blockStart >= toUs || blockStart + block.count * periodUs <= fromUs) continue;
    for (let i = 0; i < block.count; i += 1) {
      const timeUs = blockStart + i * periodUs;
      if (timeUs < fromUs || timeUs >= toUs) continue;
      const value = plane[base + block.firstSample + i] as number;
      if (!Number.isNaN(value)) visit(value * source.factor + source.offset, timeUs);
    }
  }
}

/** Which scalar channels a set of sources holds; used to decide how much history a stream keeps. */
export const lookBackUs = (names: readonly ScalarName[]): number => (names.includes('rrMs') ? RR_SPAN_US : names.length > 0 ? HOLD_US : 0);
