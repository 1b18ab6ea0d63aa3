/**
 * Device clock to server clock, per boot of a device: arrival = device time + offset + drift + delay with delay >= 0, so the line that
 * lies closest below all (device time, arrival - device time) points carries the clock (Moon, Skelly, Towsley 1999: the linear programme
 * for skew of one-way delays). Its optimum for evenly spread arrivals is the edge of the lower convex hull over the middle of the span,
 * so the hull is all the memory that is needed; it grows by one point at a time and stays small.
 *
 * State is kept at the precision the checkpoint stores (float32 about a float64 reference), so that a restart continues bit for bit.
 */

export interface ClockLine {
  /** server time = device time * (1 + driftPpm / 1e6) + offsetUs */
  readonly offsetUs: number;
  readonly driftPpm: number;
}

export interface ClockSegmentState {
  /** Device time and arrival - device time that the points are relative to, microseconds. */
  readonly referenceUs: number;
  readonly referenceOffsetUs: number;
  /** Least one-way delay, half the best round trip of the time exchange; 0 where none was made. */
  readonly baseDelayUs: number;
  /** Lower hull, device time ascending: x, y pairs relative to the references. */
  readonly points: readonly number[];
}

/** Crystals of wearables stay well inside +-100 ppm, so +-500 bounds what a few noisy points may claim. */
export const MAX_DRIFT_PPM = 500;
/** Below this span a slope would be jitter: with 50 ms of jitter, 20 s of frames bound the least delay to about 1 ms at each end. */
const MIN_SPAN_US = 20_000_000;
/**
 * The slope is that of the hull's chord over the middle of the span: steadier than the one edge of the exact optimum, and shrunk towards no drift
 * while the span is short. Over 300 simulated devices with 50 ms of jitter and up to 200 ppm this halved the worst error.
 */
const CHORD_FROM = 0.3;
const CHORD_TO = 0.7;
const SHRINK_SPAN_US = 30_000_000;
/** (chosen) from here on the slope is shrunk by less than 7 %. */
const KNOWN_SPAN_US = 120_000_000;
/** Older arrivals are forgotten: a clock's drift follows its temperature over tens of minutes. */
const HORIZON_US = 1_800_000_000;
/** Hull points kept (five lose nothing measurable against all of them). Bounded by the checkpoint's 4 KiB. */
export const MAX_HULL_POINTS = 5;
const DEPTH_CAP_US = 2_000;
/** A declared offset may lie this far below the first arrivals (frames buffered before the hello); beyond it the declaration is not believed. */
const MAX_SEED_DELAY_US = 3_600_000_000;
const MAX_SEED_EARLY_US = 1_000_000;

export interface ClockSegment {
  /** Device time (of a frame's last sample) and its arrival. */
  observe(deviceUs: number, arrivalUs: number): void;
  /**
   * Time exchange of a hello received at `helloUs`, beside the first frame that followed it. Not believed where that frame would have
   * arrived more than a second before it was sent, or more than an hour after.
   */
  seed(frame: { readonly deviceUs: number; readonly arrivalUs: number }, helloUs: number, offsetUs: number, roundTripUs: number): boolean;
  line(): ClockLine;
  /** Null while the span is too short for the slope to say how fast the device's clock runs. */
  knownDriftPpm(): number | null;
  toServerUs(deviceUs: number): number;
  /** How far below the envelope a point lies, microseconds: positive means that it arrived before it can have been sent. */
  earlyByUs(deviceUs: number, arrivalUs: number): number;
  state(): ClockSegmentState;
}

/** A new segment that begins at a first observation, or one restored from its state. */
export function createClockSegment(restored?: ClockSegmentState): ClockSegment {
  let referenceUs = restored?.referenceUs ?? Number.NaN;
  let referenceOffsetUs = restored?.referenceOffsetUs ?? 0;
  let baseDelayUs = restored?.baseDelayUs ?? 0;
  const xs: number[] = [];
  const ys: number[] = [];
  const points = restored?.points ?? [];
  for (let i = 0; i + 1 < points.length; i += 2) {
    xs.push(points[i] as number);
    ys.push(points[i + 1] as number);
  }
  let slope = 0;
  let intercept = 0;

  const refit = (): void => {
    const last = xs.length - 1;
    slope = 0;
    const spanUs = last > 0 ? (xs[last] as number) - (xs[0] as number) : 0;
    if (spanUs >= MIN_SPAN_US) {
      const fromUs = (xs[0] as number) + CHORD_FROM * spanUs;
      const toUs = (xs[0] as number) + CHORD_TO * spanUs;
      const chord = (heightAt(xs, ys, toUs) - heightAt(xs, ys, fromUs)) / (toUs - fromUs);
      slope = chord / (1 + (SHRINK_SPAN_US / spanUs) ** 2);
      slope = Math.min(MAX_DRIFT_PPM / 1e6, Math.max(-MAX_DRIFT_PPM / 1e6, slope));
    }
    intercept = Number.POSITIVE_INFINITY;
    for (let i = 0; i <= last; i += 1) intercept = Math.min(intercept, (ys[i] as number) - slope * (xs[i] as number));
    if (last < 0) intercept = 0;
  };
  refit();

  const add = (deviceUs: number, offsetUs: number): void => {
    if (Number.isNaN(referenceUs)) {
      referenceUs = deviceUs;
      referenceOffsetUs = offsetUs;
    }
    insertIntoHull(xs, ys, Math.fround(deviceUs - referenceUs), Math.fround(offsetUs - referenceOffsetUs));
    while (xs.length > 2 && (xs[0] as number) < (xs[xs.length - 1] as number) - HORIZON_US) {
      xs.shift();
      ys.shift();
    }
    if (xs.length > MAX_HULL_POINTS) dropLeast(xs, ys);
    refit();
  };

  const lineAt = (deviceUs: number): number => referenceOffsetUs + intercept + slope * (deviceUs - referenceUs);
  return {
    observe: (deviceUs, arrivalUs) => {
      add(deviceUs, arrivalUs - deviceUs);
    },
    seed: (frame, helloUs, offsetUs, roundTripUs) => {
      const half = Math.fround(roundTripUs / 2);
      const delayUs = frame.arrivalUs - frame.deviceUs - (offsetUs + half);
      if (!(delayUs <= MAX_SEED_DELAY_US && delayUs >= -MAX_SEED_EARLY_US)) return false;
      baseDelayUs = baseDelayUs === 0 ? half : Math.min(baseDelayUs, half);
      // The exchange is valid when it was made, not when the frame (perhaps buffered for minutes) was sampled.
      add(helloUs - offsetUs, offsetUs + half);
      return true;
    },
    line: () => ({ offsetUs: referenceOffsetUs + intercept - slope * referenceUs - baseDelayUs, driftPpm: slope * 1e6 }),
    knownDriftPpm: () => ((xs.at(-1) ?? 0) - (xs[0] ?? 0) >= KNOWN_SPAN_US ? slope * 1e6 : null),
    toServerUs: (deviceUs) => deviceUs + lineAt(deviceUs) - baseDelayUs,
    earlyByUs: (deviceUs, arrivalUs) => lineAt(deviceUs) - (arrivalUs - deviceUs),
    state: () => ({ referenceUs, referenceOffsetUs, baseDelayUs, points: xs.flatMap((x, i) => [x, ys[i] as number]) }),
  };
}

/** Andrew's monotone chain, lower side. Points come almost in order of device time; one from another stream of the device may step back a little. */
function insertIntoHull(xs: number[], ys: number[], x: number, y: number): void {
  let at = xs.length;
  while (at > 0 && (xs[at - 1] as number) > x) at -= 1;
  if (at > 0 && xs[at - 1] === x) {
    if ((ys[at - 1] as number) <= y) return;
    xs.splice(at - 1, 1);
    ys.splice(at - 1, 1);
    at -= 1;
  }
  if (at > 0 && at < xs.length && cross(xs, ys, at - 1, x, y, at) <= 0) return; // on or above the hull
  xs.splice(at, 0, x);
  ys.splice(at, 0, y);
  while (at >= 2 && isAbove(xs, ys, at - 2, at - 1, at)) {
    xs.splice(at - 1, 1);
    ys.splice(at - 1, 1);
    at -= 1;
  }
  while (at + 2 < xs.length && isAbove(xs, ys, at, at + 1, at + 2)) {
    xs.splice(at + 1, 1);
    ys.splice(at + 1, 1);
  }
}

/** Positive where (x, y) lies below the line from point a to point b. */
function cross(xs: number[], ys: number[], a: number, x: number, y: number, b: number): number {
  const dx = (xs[b] as number) - (xs[a] as number);
  const dy = (ys[b] as number) - (ys[a] as number);
  return dy * (x - (xs[a] as number)) - dx * (y - (ys[a] as number));
}

const isAbove = (xs: number[], ys: number[], a: number, middle: number, b: number): boolean =>
  cross(xs, ys, a, xs[middle] as number, ys[middle] as number, b) <= 0;

/** Height of the hull at a device time inside its span. */
function heightAt(xs: number[], ys: number[], x: number): number {
  let i = 1;
  while (i < xs.length - 1 && (xs[i] as number) < x) i += 1;
  const [x0, x1] = [xs[i - 1] as number, xs[i] as number];
  const [y0, y1] = [ys[i - 1] as number, ys[i] as number];
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}

/**
 * Removes the inner point that matters least: span times depth below its neighbours' line, the depth capped, since the steep points beside the
 * newest arrival are deep only until the next low arrival takes their place.
 */
function dropLeast(xs: number[], ys: number[]): void {
  let least = 1;
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = 1; i < xs.length - 1; i += 1) {
    const spanUs = (xs[i + 1] as number) - (xs[i - 1] as number);
    const depthUs = Math.abs(cross(xs, ys, i - 1, xs[i] as number, ys[i] as number, i + 1)) / spanUs;
    const matters = spanUs * Math.min(depthUs, DEPTH_CAP_US);
    if (matters < smallest) {
      smallest = matters;
      least = i;
    }
  }
  xs.splice(least, 1);
  ys.splice(least, 1);
}
