import type { RecordedSegment } from './recording.ts';

/** Rows with a NaN are missing; a run without one this much longer than the sampling interval is a gap. */
const GAP_INTERVALS = 3;

/**
 * Puts rows with irregular stamps on a regular grid by linear interpolation, one segment between gaps.
 * `timesS` must not go back (equal stamps: the last row counts); `rows` is row-major, `width` channels; a row with any NaN is missing.
 * Segments shorter than two samples are dropped; a stream whose stamps are already regular comes back unchanged.
 */
export function toSegments(timesS: readonly number[], rows: readonly (readonly number[])[], rateHz: number): RecordedSegment[] {
  const segments: RecordedSegment[] = [];
  let times: number[] = [];
  let kept: (readonly number[])[] = [];
  const close = (): void => {
    if (times.length > 1) segments.push(interpolate(times, kept, rateHz));
    times = [];
    kept = [];
  };
  rows.forEach((row, i) => {
    if (row.some((value) => !Number.isFinite(value))) return;
    const at = timesS[i] as number;
    const last = times.at(-1);
    if (last !== undefined && at - last > GAP_INTERVALS / rateHz) close();
    if (times.at(-1) === at) {
      kept[kept.length - 1] = row;
      return;
    }
    times.push(at);
    kept.push(row);
  });
  close();
  return segments;
}

function interpolate(times: readonly number[], rows: readonly (readonly number[])[], rateHz: number): RecordedSegment {
  const startS = times[0] as number;
  const width = (rows[0] as readonly number[]).length;
  // The small addition keeps a last stamp that rounding has put just below its grid point.
  const count = Math.floor(((times.at(-1) as number) - startS) * rateHz + 1e-6) + 1;
  const samples = new Float32Array(count * width);
  let before = 0;
  for (let i = 0; i < count; i += 1) {
    const at = startS + i / rateHz;
    while (before < times.length - 2 && (times[before + 1] as number) <= at) before += 1;
    const t0 = times[before] as number;
    const t1 = times[before + 1] as number;
    const share = Math.min(1, Math.max(0, (at - t0) / (t1 - t0)));
    for (let c = 0; c < width; c += 1) {
      const a = (rows[before] as readonly number[])[c] as number;
      const b = (rows[before + 1] as readonly number[])[c] as number;
      samples[i * width + c] = a + (b - a) * share;
    }
  }
  return { startS, samples };
}
