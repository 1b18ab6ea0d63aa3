/**
 * What is wrong with an inertial sensor, told from its samples alone: intervals in which it was at the end of its range, silent, frozen, or its
 * gyroscope off zero. Nothing here says what the samples should have been.
 */
import { mean, sampleSd } from './order-statistics.ts';
import type { ImuStretch } from './side-swap.ts';

/** All chosen from what the parts and bodies allow, none fitted. */
export const SENSOR_FAULT_PARAMETERS = {
  /** The lowest ranges of common parts are 2 g and 250 deg/s; a plateau below nine tenths of them is no end of a range. m/s2, rad/s. */
  leastAccLimit: 17.6,
  leastGyroLimit: 3.9,
  /** Equal samples in a row at a channel's plateau, and how often the very same value must come back. */
  plateauSamples: 2,
  plateauRuns: 3,
  /** Plateaus nearer than this are one interval: a walking foot clips once a stride. */
  joinSaturationS: 5,
  /** A gap that holds fewer samples is no dropout. */
  dropoutSamples: 2,
  /** All six channels without the least change for this long. */
  flatS: 1,
  /** The gyroscope's zero is read in pieces of stillS in which the sensor stands: SD below these. A foot that rolls over its sole is not still. rad/s, m/s2. */
  stillS: 0.5,
  stillGyroSd: 0.05,
  stillAccSd: 0.25,
  /** Zero is off beyond offRadS on any axis, in at least this many readings in a row. */
  driftReadings: 2,
  offRadS: 0.12,
} as const;

export const SENSOR_FAULT_METHOD = 'imu-sample-faults-1';

export const SENSOR_FAULT_KINDS = ['saturation', 'dropout', 'flat', 'drift'] as const;
export type SensorFaultKind = (typeof SENSOR_FAULT_KINDS)[number];

export interface SensorFault {
  readonly kind: SensorFaultKind;
  readonly startS: number;
  readonly endS: number;
}

/** Half-open in rows. */
type Rows = readonly [from: number, to: number];

const rowsOf = (imu: ImuStretch): number => Math.floor(imu.samples.length / 6);
const at = (imu: ImuStretch, row: number, column: number): number => imu.samples[row * 6 + column] as number;

/** Joins intervals in order that lie nearer than `gap` rows. */
function joined(intervals: readonly Rows[], gap: number): Rows[] {
  const result: [number, number][] = [];
  for (const [from, to] of intervals) {
    const last = result.at(-1);
    if (last !== undefined && from - last[1] < gap) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

/** Maximal runs of rows for which `holds`. */
function runsOf(rows: number, holds: (row: number) => boolean): Rows[] {
  const runs: Rows[] = [];
  let from = -1;
  for (let row = 0; row <= rows; row += 1) {
    const now = row < rows && holds(row);
    if (now && from < 0) from = row;
    if (now || from < 0) continue;
    runs.push([from, row]);
    from = -1;
  }
  return runs;
}

/** Runs of equal values of one channel beyond the least limit, of those values that come back. */
function plateaus(imu: ImuStretch, column: number): Rows[] {
  const p = SENSOR_FAULT_PARAMETERS;
  const limit = column < 3 ? p.leastAccLimit : p.leastGyroLimit;
  const byValue = new Map<number, Rows[]>();
  for (let row = 0; row < rowsOf(imu);) {
    const value = at(imu, row, column);
    let end = row + 1;
    while (end < rowsOf(imu) && at(imu, end, column) === value) end += 1;
    if (Math.abs(value) >= limit && end - row >= p.plateauSamples) {
      const runs = byValue.get(value) ?? [];
      runs.push([row, end]);
      byValue.set(value, runs);
    }
    row = end;
  }
  return [...byValue.values()].filter((runs) => runs.length >= p.plateauRuns).flat();
}

function saturation(imu: ImuStretch): Rows[] {
  const runs = [0, 1, 2, 3, 4, 5].flatMap((column) => plateaus(imu, column)).toSorted((a, b) => a[0] - b[0]);
  return joined(runs, SENSOR_FAULT_PARAMETERS.joinSaturationS * imu.rateHz);
}

const isMissing = (imu: ImuStretch, row: number): boolean => [0, 1, 2, 3, 4, 5].some((column) => Number.isNaN(at(imu, row, column)));

const dropouts = (imu: ImuStretch): Rows[] =>
  runsOf(rowsOf(imu), (row) => isMissing(imu, row)).filter(([from, to]) => to - from >= SENSOR_FAULT_PARAMETERS.dropoutSamples);

/** Rows that repeat the row before them in every channel; the interval begins with the row that is repeated. */
function flatLines(imu: ImuStretch): Rows[] {
  const repeats = (row: number): boolean =>
    row > 0 && [0, 1, 2, 3, 4, 5].every((column) => at(imu, row, column) === at(imu, row - 1, column));
  const least = SENSOR_FAULT_PARAMETERS.flatS * imu.rateHz;
  return runsOf(rowsOf(imu), repeats)
    .map(([from, to]) => [from - 1, to] as const)
    .filter(([from, to]) => to - from >= least);
}

/** The mean angular velocity of a piece in which the sensor stands still; null where it moves, is frozen, or has gaps. */
function zeroOf(imu: ImuStretch, from: number, to: number): readonly number[] | null {
  const p = SENSOR_FAULT_PARAMETERS;
  const columns = [0, 1, 2, 3, 4, 5].map((column) => Array.from({ length: to - from }, (_, i) => at(imu, from + i, column)));
  const isStill = columns.every((values, c) => {
    const sd = sampleSd(values);
    return sd > 0 && sd <= (c < 3 ? p.stillAccSd : p.stillGyroSd) && !values.some((value) => Number.isNaN(value));
  });
  return isStill ? columns.slice(3).map(mean) : null;
}

/** From the first to the last of readings in a row of which each finds the zero off, movement between them included. */
function drifts(imu: ImuStretch): Rows[] {
  const p = SENSOR_FAULT_PARAMETERS;
  const piece = Math.max(3, Math.round(p.stillS * imu.rateHz));
  const intervals: Rows[] = [];
  let off: Rows[] = [];
  const close = (): void => {
    if (off.length >= p.driftReadings) intervals.push([(off[0] as Rows)[0], (off.at(-1) as Rows)[1]]);
    off = [];
  };
  for (let row = 0; row + piece <= rowsOf(imu); row += piece) {
    const zero = zeroOf(imu, row, row + piece);
    if (zero === null) continue;
    if (zero.some((value) => Math.abs(value) > p.offRadS)) off.push([row, row + piece]);
    else close();
  }
  close();
  return intervals;
}

function faultsOf(imu: ImuStretch): SensorFault[] {
  const timed = (kind: SensorFaultKind, intervals: readonly Rows[]): SensorFault[] =>
    intervals.map(([from, to]) => ({ kind, startS: imu.startS + from / imu.rateHz, endS: imu.startS + to / imu.rateHz }));
  return [
    ...timed('saturation', saturation(imu)),
    ...timed('dropout', dropouts(imu)),
    ...timed('flat', flatLines(imu)),
    ...timed('drift', drifts(imu)),
  ];
}

/** The silence between the stretches of one sensor. */
const betweenStretches = (stretches: readonly ImuStretch[]): SensorFault[] =>
  stretches.slice(1).flatMap((next, k) => {
    const before = stretches[k] as ImuStretch;
    const startS = before.startS + rowsOf(before) / before.rateHz;
    return next.startS - startS >= SENSOR_FAULT_PARAMETERS.dropoutSamples / next.rateHz
      ? [{ kind: 'dropout' as const, startS, endS: next.startS }]
      : [];
  });

/**
 * Faults of one sensor from its stretches in order of time, in order of start; intervals of one kind do not overlap within a stretch. Rows with a NaN are
 * missing samples. Empty streams have none. Limits: where a device takes gravity out by itself its plateaus are no longer flat and saturation is not seen;
 * the gyroscope's zero is only seen while the sensor stands still for half a second (standing, hardly ever in walking); what is short of offRadS is within what filters bear.
 */
export function detectSensorFaults(stretches: readonly ImuStretch[]): SensorFault[] {
  return [...stretches.flatMap(faultsOf), ...betweenStretches(stretches)].toSorted((a, b) => a.startS - b.startS || a.endS - b.endS);
}
