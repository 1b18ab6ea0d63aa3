import { type RecordedStream, type Recording, RecordingError } from './recording.ts';
import { linesOf, splitCsv } from './text.ts';

const COLUMNS = 16;
const ROW_BYTES = COLUMNS * 2;
const RATE_HZ = 100;
/** Of LAV LAX LAY LAZ LRV LRX LRY LRZ RAV ... the sensor's own axes; V is made from them. */
const LEFT_COLUMNS = [1, 2, 3, 5, 6, 7];
const RIGHT_COLUMNS = [9, 10, 11, 13, 14, 15];

/** Row of trials.csv for one trial. */
export interface TrialRow {
  readonly code: string;
  readonly subject: string;
  readonly samples: number;
  readonly heightM: number | null;
  readonly massKg: number | null;
  readonly age: number | null;
  readonly sex: string | null;
  readonly group: string;
  /** Number of the trial within its subject, and the affected or dominant side, as the source has them. */
  readonly trial: string;
  readonly laterality: string;
  /** The source's speed column; its unit is not m/s, whatever its name says. */
  readonly walkingSpeed: number | null;
  /** Annotated [start, end] sample indices. */
  readonly leftSteps: readonly (readonly [number, number])[];
  readonly rightSteps: readonly (readonly [number, number])[];
}

const REQUIRED = ['code', 'subject', 'samples', 'left_steps', 'right_steps'] as const;

/** Whether a CSV is the list of gait trials: known by its column names. */
export function isTrialList(bytes: Uint8Array): boolean {
  const header = splitHeader(bytes);
  return REQUIRED.every((name) => header.includes(name));
}

function splitHeader(bytes: Uint8Array): string[] {
  const line = linesOf(bytes.subarray(0, 4096))[0] ?? '';
  return line.includes('"') ? [] : line.split(',').map((name) => name.trim());
}

const isPair = (pair: unknown): pair is [number, number] =>
  Array.isArray(pair) && pair.length === 2 && pair.every((x) => typeof x === 'number');

function stepsOf(field: string | undefined, line: number, column: string): [number, number][] {
  let value: unknown;
  try {
    value = JSON.parse(field ?? '');
  } catch (cause) {
    throw new RecordingError(`column ${column} is not a JSON list`, line, cause);
  }
  if (!Array.isArray(value) || !value.every(isPair)) throw new RecordingError(`column ${column} is not a list of [start, end]`, line);
  return value;
}

const finiteOrNull = (field: string | undefined): number | null => {
  const value = Number.parseFloat(field ?? '');
  return Number.isFinite(value) ? value : null;
};

/**
 * The list of gait trials.
 * @throws RecordingError naming the line that cannot be read.
 */
export function parseTrialList(bytes: Uint8Array): TrialRow[] {
  const lines = linesOf(bytes);
  const header = splitCsv(lines[0] ?? '', 1).map((name) => name.trim());
  const missing = REQUIRED.filter((name) => !header.includes(name));
  if (missing.length > 0) throw new RecordingError(`trials.csv has no column ${missing.join(', ')}`, 1);
  return lines.slice(1).flatMap((text, i) => {
    if (text.trim() === '') return [];
    const line = i + 2;
    const fields = splitCsv(text, line);
    const field = (name: string): string | undefined => fields[header.indexOf(name)];
    const samples = Number(field('samples'));
    if (!Number.isInteger(samples) || samples <= 0)
      throw new RecordingError(`"${field('samples') ?? ''}" in column samples is not a count`, line);
    return {
      code: field('code') ?? '',
      subject: field('subject') ?? '',
      samples,
      heightM: finiteOrNull(field('height_m')),
      massKg: finiteOrNull(field('mass_kg')),
      age: finiteOrNull(field('age')),
      sex: field('sex') ?? null,
      group: field('group') ?? '',
      trial: field('trial') ?? '',
      laterality: field('laterality') ?? '',
      walkingSpeed: finiteOrNull(field('walking_speed_m_s')),
      leftSteps: stepsOf(field('left_steps'), line, 'left_steps'),
      rightSteps: stepsOf(field('right_steps'), line, 'right_steps'),
    };
  });
}

function footStream(values: Int16Array, placement: string, columns: readonly number[]): RecordedStream {
  const rows = values.length / COLUMNS;
  const samples = new Int16Array(rows * columns.length);
  for (let row = 0; row < rows; row += 1) {
    columns.forEach((column, i) => {
      samples[row * columns.length + i] = values[row * COLUMNS + column] as number;
    });
  }
  return {
    kind: 'imu',
    placement,
    rateHz: RATE_HZ,
    channels: ['ax', 'ay', 'az', 'gx', 'gy', 'gz'].map((name, i) => ({ name, unit: i < 3 ? 'g' : 'deg/s' })),
    gravity: 'removed',
    frame: 'sensor',
    encoding: 'int16',
    scale: [0.001, 0.001, 0.001, 0.1, 0.1, 0.1],
    segments: [{ startS: 0, samples }],
  };
}

/**
 * Two foot IMUs from the decompressed bytes of one trial: rows of 16 little-endian int16. `trial` is its row of trials.csv.
 * @throws RecordingError where the bytes are empty, not whole rows, or not as many rows as trials.csv says.
 */
export function parseGaitImu(bytes: Uint8Array, trial: TrialRow): Recording {
  if (bytes.byteLength === 0 || bytes.byteLength % ROW_BYTES !== 0) {
    throw new RecordingError(
      `row ${Math.floor(bytes.byteLength / ROW_BYTES) + 1} is cut short: ${bytes.byteLength} bytes are not whole rows of ${ROW_BYTES} bytes`,
    );
  }
  const rows = bytes.byteLength / ROW_BYTES;
  if (rows !== trial.samples) throw new RecordingError(`${rows} rows, but trials.csv says ${trial.samples} for ${trial.code}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Int16Array.from({ length: rows * COLUMNS }, (_, i) => view.getInt16(i * 2, true));
  return {
    format: 'gait-imu',
    streams: [footStream(values, 'foot-left', LEFT_COLUMNS), footStream(values, 'foot-right', RIGHT_COLUMNS)],
    startUs: null,
    metadata: { code: trial.code, subject: trial.subject, heightM: trial.heightM, massKg: trial.massKg, age: trial.age, sex: trial.sex },
  };
}
