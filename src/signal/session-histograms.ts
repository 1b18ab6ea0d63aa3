/**
 * What a session's heart-rate and speed streams say about its load, as time spent at each value: a load can be made from it under whatever limits, long
 * after the frames are gone. Pure: decoded streams in, bins out.
 */
import { column, endUsOf, type SessionStream } from './session-metrics.ts';
import { HEART_PARAMETERS } from './heart-rate.ts';

export const HISTOGRAM_METHOD = 'session-histogram-1';

/** Channel, unit and bounds of each quantity, the grid its samples are brought to, and how long a value stands where none follows. */
const QUANTITIES = {
  // A wearable's value stands for up to 10 s (docs/protocol.md). Outside the bounds the strap has no contact.
  'heart-rate': {
    channel: 'heartRate',
    unit: 'bpm',
    binWidth: 1,
    gridHz: 1,
    holdS: 10,
    lowest: HEART_PARAMETERS.lowestBpm,
    highest: HEART_PARAMETERS.highestBpm,
  },
  // 10 Hz is what satellite units report (chosen); nobody on foot or on a bicycle in a team's session is faster than 30 m/s (chosen).
  speed: { channel: 'speed', unit: 'm/s', binWidth: 0.1, gridHz: 10, holdS: 0, lowest: 0, highest: 30 },
} as const;
export type Quantity = keyof typeof QUANTITIES;

export interface SessionHistogram {
  readonly quantity: Quantity;
  readonly unit: string;
  readonly binWidth: number;
  /** Bin b holds b * width <= value < (b + 1) * width: seconds spent in it, and value times seconds. Ascending, none of 0 s. */
  readonly bins: readonly (readonly [bin: number, seconds: number, sum: number])[];
  /** From the session's first to its last sample of any stream, and the part of it in which the quantity was measured. */
  readonly sessionSeconds: number;
  readonly observedSeconds: number;
  /** Only the first part of the session was read. */
  readonly truncated: boolean;
  readonly method: string;
}

interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

/** (chosen) a stretch that begins further than this from the longest one could not be placed on the session's clock. */
const ONE_CLOCK_US = 12 * 3_600e6;

/** The streams that lie on the clock of the longest one, and the time from their first to their last sample; null without any. */
function onOneClock(streams: readonly SessionStream[]): { readonly streams: readonly SessionStream[]; readonly span: Span } | null {
  const longest = streams.toSorted((a, b) => endUsOf(b) - b.startUs - (endUsOf(a) - a.startUs))[0];
  if (longest === undefined) return null;
  const placed = streams.filter(({ startUs }) => Math.abs(startUs - longest.startUs) <= ONE_CLOCK_US);
  return {
    streams: placed,
    span: { fromUs: Math.min(...placed.map(({ startUs }) => startUs)), toUs: Math.max(...placed.map(endUsOf)) },
  };
}

/** Minutes from the first to the last sample of a session; null where there is none. */
export function sessionMinutes(streams: readonly SessionStream[]): number | null {
  const placed = onOneClock(streams);
  return placed === null ? null : (placed.span.toUs - placed.span.fromUs) / 60e6;
}

/** Puts a stretch's valid values into the cells that no stretch before it filled; a cell is the mean of what fell into it. */
function fillCells(cells: Float64Array, stream: SessionStream, values: Float64Array, fromUs: number, quantity: Quantity): void {
  const { gridHz, holdS, lowest, highest } = QUANTITIES[quantity];
  const hold = Math.ceil(Math.max(holdS, 1 / stream.rateHz) * gridHz - 1e-6);
  let [at, sum, count] = [-1, 0, 0];
  const flush = (next: number, longest: number): void => {
    if (count === 0) return;
    const until = Math.min(next, at + longest, cells.length);
    for (let cell = at; cell < until; cell += 1) if (Number.isNaN(cells[cell])) cells[cell] = sum / count;
  };
  values.forEach((value, row) => {
    if (!(value >= lowest && value <= highest)) return;
    const cell = Math.floor(((stream.startUs - fromUs) / 1e6 + row / stream.rateHz) * gridHz + 1e-6);
    if (cell !== at) {
      flush(cell, hold);
      [at, sum, count] = [cell, 0, 0];
    }
    sum += value;
    count += 1;
  });
  // Nothing follows the last value: it stands for its own sampling period.
  flush(Number.POSITIVE_INFINITY, Math.ceil(gridHz / stream.rateHz - 1e-6));
}

function histogramOf(quantity: Quantity, streams: readonly SessionStream[], span: Span, truncated: boolean): SessionHistogram | null {
  const { channel, unit, binWidth, gridHz } = QUANTITIES[quantity];
  const measured = streams
    .filter(({ kind }) => kind === 'wearable' || kind === 'position')
    .flatMap((stream) => {
      const values = column(stream, channel, unit);
      return values === null ? [] : [{ stream, values }];
    });
  if (measured.length === 0) return null;
  const cells = new Float64Array(Math.max(1, Math.ceil(((span.toUs - span.fromUs) / 1e6) * gridHz - 1e-6))).fill(Number.NaN);
  // Two devices may measure the same: the one with more samples is believed first.
  for (const { stream, values } of measured.toSorted((a, b) => b.values.length - a.values.length))
    fillCells(cells, stream, values, span.fromUs, quantity);
  const bins = new Map<number, [seconds: number, sum: number]>();
  let observed = 0;
  for (const value of cells) {
    if (Number.isNaN(value)) continue;
    observed += 1;
    // The sliver keeps 19.8 km/h, a 32-bit number, in the bin of 5.5 m/s.
    const bin = Math.floor(value / binWidth + 1e-4);
    const [seconds, sum] = bins.get(bin) ?? [0, 0];
    bins.set(bin, [seconds + 1 / gridHz, sum + value / gridHz]);
  }
  return {
    quantity,
    unit,
    binWidth,
    bins: [...bins].toSorted(([a], [b]) => a - b).map(([bin, [seconds, sum]]) => [bin, round(seconds), round(sum)] as const),
    sessionSeconds: cells.length / gridHz,
    observedSeconds: observed / gridHz,
    truncated,
    method: HISTOGRAM_METHOD,
  };
}

/** Tenths added up many times: what is stored need not show it. */
const round = (value: number): number => Math.round(value * 1e6) / 1e6;

/**
 * A histogram of each quantity that a stream of the session has a channel for, whether it measured anything or not.
 * Streams are whole rows (summariseSession refuses others).
 */
export function sessionHistograms(streams: readonly SessionStream[], truncated: boolean): SessionHistogram[] {
  const placed = onOneClock(streams);
  if (placed === null) return [];
  return (Object.keys(QUANTITIES) as Quantity[]).flatMap((quantity) => histogramOf(quantity, placed.streams, placed.span, truncated) ?? []);
}
