import { toSegments } from './grid.ts';
import { type RecordedStream, type Recording, RecordingError } from './recording.ts';
import { parseNumber, requireNumber, splitCsv } from './text.ts';

interface Column {
  readonly index: number;
  readonly name: string;
  readonly unit: string;
  /** Brings the export's unit to `unit`. */
  readonly factor?: number;
  /** Zero is a dropout of the sensor and not a reading. */
  readonly zeroIsMissing?: boolean;
}

interface Table {
  readonly timesS: readonly number[];
  /** One list a line of the file. */
  readonly rows: readonly (readonly number[])[];
  readonly columns: readonly Column[];
}

const valuesOf = (table: Table, k: number): number[] => table.rows.map((row) => row[k] as number);

/** Zero in a column that never moves is "no sensor": a stream has the columns that a sensor filled, and is not there without one. */
function streamOf(table: Table, names: readonly string[], placement: string, rateHz: number): RecordedStream[] {
  const present = names
    .map((name) => table.columns.findIndex((column) => column.name === name))
    .filter((k) => k >= 0 && valuesOf(table, k).some((value) => Number.isFinite(value) && value !== 0));
  if (present.length === 0) return [];
  const columns = present.map((k) => table.columns[k] as Column);
  const rows = table.rows.map((row) =>
    present.map((k, i) => {
      const value = row[k] as number;
      return (columns[i] as Column).zeroIsMissing === true && value === 0 ? Number.NaN : value * ((columns[i] as Column).factor ?? 1);
    }),
  );
  const segments = toSegments(table.timesS, rows, rateHz);
  if (segments.length === 0) return [];
  // The channel of the n-th sensor is called as that of the first: the placement tells them apart.
  const channels = columns.map(({ name, unit }) => ({ name: name.replace(/-\d+$/, ''), unit }));
  return [{ kind: 'wearable', placement, rateHz, channels, encoding: 'float32', segments }];
}

/** Reads the columns of every line from `first` (index into `lines`) on. Time must not go back. */
function readTable(
  lines: readonly string[],
  first: number,
  columns: readonly Column[],
  timeOf: (fields: readonly string[], line: number) => number,
): Table {
  const fewest = Math.max(...columns.map((column) => column.index)) + 1;
  const timesS: number[] = [];
  const rows: number[][] = [];
  for (let i = first; i < lines.length; i += 1) {
    const text = lines[i] as string;
    if (text.replaceAll(',', '').trim() === '') continue;
    const fields = splitCsv(text, i + 1);
    if (fields.length < fewest) throw new RecordingError(`${fields.length} fields where at least ${fewest} are needed`, i + 1);
    const at = timeOf(fields, i + 1);
    if (timesS.length > 0 && at < (timesS.at(-1) as number)) throw new RecordingError('time goes back', i + 1);
    timesS.push(at);
    rows.push(columns.map((column) => parseNumber(fields[column.index], i + 1, column.name)));
  }
  if (timesS.length < 2) throw new RecordingError('no samples after the header', first);
  const zero = timesS[0] as number;
  return { timesS: timesS.map((at) => at - zero), rows, columns };
}

function requireStreams(recording: Recording): Recording {
  if (recording.streams.length === 0) throw new RecordingError('no column holds a sensor: every one is zero or empty throughout');
  return recording;
}

/** Which sensors have columns depends on what was paired; the first column and units in brackets do not. */
export const isVo2Master = (lines: readonly string[]): boolean => /^Time\[s\],.*(HR\[bpm\]|SmO2\[%\]|RR\[ms\])/.test(lines[0] ?? '');

const VO2_COLUMNS: readonly {
  readonly pattern: RegExp;
  readonly name: string;
  readonly unit: string;
  readonly factor?: number;
  readonly zeroIsMissing?: boolean;
}[] = [
  { pattern: /^HR\[bpm\]$/, name: 'heartRate', unit: 'bpm', zeroIsMissing: true },
  { pattern: /^RR\[ms\]$/, name: 'rrMs', unit: 'ms', zeroIsMissing: true },
  { pattern: /^SmO2\[%\]$/, name: 'smo2', unit: '%', zeroIsMissing: true },
  { pattern: /^SmO2 - +2\[%\]$/, name: 'smo2-2', unit: '%', zeroIsMissing: true },
  { pattern: /^SmO2 - +3\[%\]$/, name: 'smo2-3', unit: '%', zeroIsMissing: true },
  { pattern: /^THb\[THb\]$/, name: 'thb', unit: 'g/dL', zeroIsMissing: true },
  { pattern: /^THb - +2\[THb\]$/, name: 'thb-2', unit: 'g/dL', zeroIsMissing: true },
  { pattern: /^THb - +3\[THb\]$/, name: 'thb-3', unit: 'g/dL', zeroIsMissing: true },
  { pattern: /^RPM\[rpm\]$/, name: 'cadence', unit: '1/min' },
  { pattern: /^Speed\[km\/h\]$/, name: 'speed', unit: 'm/s', factor: 1 / 3.6 },
];

/**
 * VO2master export, 1 Hz, decimal comma inside quotes. One stream a sensor: heart, up to three muscles, and movement.
 * @throws RecordingError naming the line that cannot be read.
 */
export function parseVo2Master(lines: readonly string[]): Recording {
  const header = splitCsv(lines[0] ?? '', 1).map((name) => name.trim());
  const columns = VO2_COLUMNS.flatMap(({ pattern, ...column }) => {
    const index = header.findIndex((name) => pattern.test(name));
    return index < 0 ? [] : [{ ...column, index }];
  });
  const table = readTable(lines, 1, columns, (fields, line) => requireNumber(fields[0], line, 'Time[s]'));
  return requireStreams({
    format: 'vo2master',
    streams: [
      ...streamOf(table, ['heartRate', 'rrMs'], 'chest', 1),
      ...streamOf(table, ['smo2', 'thb'], 'muscle-1', 1),
      ...streamOf(table, ['smo2-2', 'thb-2'], 'muscle-2', 1),
      ...streamOf(table, ['smo2-3', 'thb-3'], 'muscle-3', 1),
      ...streamOf(table, ['cadence', 'speed'], 'body', 1),
    ],
    startUs: null,
    metadata: {},
  });
}

/** The names of the columns stand below a preamble of a few lines. */
const PREAMBLE_LINES = 80;
const MOXY_HEADER = /^mm-dd,hh:mm:ss,SmO2 Live,SmO2 Averaged,THb/;
const moxyHeader = (lines: readonly string[]): number => lines.slice(0, PREAMBLE_LINES).findIndex((line) => MOXY_HEADER.test(line));
export const isMoxy = (lines: readonly string[]): boolean => moxyHeader(lines) >= 0;

const MOXY_RATE_HZ = 0.5;
const DAY_S = 86_400;

/** Seconds of a "hh:mm:ss" clock. */
function clockS(field: string | undefined, line: number): number {
  const match = /^(\d{1,2}):(\d{2}):(\d{2})$/.exec((field ?? '').trim());
  if (match === null) throw new RecordingError(`"${field ?? ''}" is not a time hh:mm:ss`, line);
  return Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]);
}

/**
 * Moxy export, a sample every two seconds; dates without a year ("06-Feb"), so only the time within the recording is used.
 * @throws RecordingError naming the line that cannot be read.
 */
export function parseMoxy(lines: readonly string[]): Recording {
  const at = moxyHeader(lines);
  const columns: Column[] = [
    { index: 2, name: 'smo2', unit: '%', zeroIsMissing: true },
    { index: 4, name: 'thb', unit: 'g/dL', zeroIsMissing: true },
  ];
  let days = 0;
  let lastDate: string | undefined;
  const table = readTable(lines, at + 1, columns, (fields, line) => {
    const date = (fields[0] ?? '').trim();
    if (!/^\d{1,2}-[A-Za-z]{3}$/.test(date)) throw new RecordingError(`"${date}" is not a date dd-Mon`, line);
    // Without a year all that a new date can mean is the next day.
    if (lastDate !== undefined && date !== lastDate) days += 1;
    lastDate = date;
    return days * DAY_S + clockS(fields[1], line);
  });
  return requireStreams({
    format: 'moxy',
    streams: streamOf(table, ['smo2', 'thb'], 'muscle-1', MOXY_RATE_HZ),
    startUs: null,
    metadata: {},
  });
}

const TRAIN_RED_HEADER = /^Timestamp \(seconds passed\),/;
const trainRedHeader = (lines: readonly string[]): number =>
  lines.slice(0, PREAMBLE_LINES).findIndex((line) => TRAIN_RED_HEADER.test(line));
export const isTrainRed = (lines: readonly string[]): boolean =>
  (lines[0] ?? '').startsWith('Train.Red Export') && trainRedHeader(lines) > 0;

const TRAIN_RED_RATE_HZ = 10;

interface TrainRedSensor {
  readonly id: string;
  readonly position: string;
}

/** The sensors named in the preamble, by the id that heads their columns. */
function trainRedSensors(lines: readonly string[], header: number): TrainRedSensor[] {
  const sensors: { id: string; position: string }[] = [];
  lines.slice(0, header).forEach((line, i) => {
    const [key, value] = splitCsv(line, i + 1);
    if (key?.trim() === 'Sensor ID') sensors.push({ id: value?.trim() ?? '', position: '' });
    const last = sensors.at(-1);
    if (key?.trim() === 'Sensor Position' && last !== undefined) last.position = value?.trim() ?? '';
  });
  return sensors;
}

/** "legLeftUpperFront" is the left thigh; any other position keeps its own name. */
function trainRedPlacement(position: string, ordinal: number): string {
  const side = /left/i.test(position) ? 'left' : /right/i.test(position) ? 'right' : null;
  if (side !== null && /legL?R?.*Upper/i.test(position)) return `thigh-${side}`;
  const clean = position.replace(/[^A-Za-z0-9._-]/g, '').slice(0, 48);
  return clean === '' ? `muscle-${ordinal}` : clean;
}

/** "Session at 2025-05-06 2:15 p.m." without a zone: kept as text, for nothing says which zone it means. */
const sessionText = (lines: readonly string[]): string | null => /Session at ([^,]+)/.exec(lines[0] ?? '')?.[1]?.trim() ?? null;

/**
 * Train.Red export, nominally 10 Hz with jitter: one stream a sensor, put on a 10 Hz grid.
 * @throws RecordingError naming the line that cannot be read.
 */
export function parseTrainRed(lines: readonly string[]): Recording {
  const at = trainRedHeader(lines);
  const names = splitCsv(lines[at] ?? '', at + 1).map((name) => name.trim());
  const ids = splitCsv(lines[at - 1] ?? '', at).map((name) => name.trim());
  const sensors = trainRedSensors(lines, at);
  const starts = names.flatMap((name, index) => (name === 'SmO2' ? [index] : []));
  if (starts.length === 0) throw new RecordingError('no column is called SmO2', at + 1);
  const columns = starts.map((index, k) => ({ index, name: k === 0 ? 'smo2' : `smo2-${k + 1}`, unit: '%', zeroIsMissing: true }));
  const table = readTable(lines, at + 1, columns, (fields, line) => requireNumber(fields[0], line, 'Timestamp'));
  const placements = starts.map((index, k) => {
    const sensor = sensors.find((candidate) => candidate.id !== '' && candidate.id === ids[index]) ?? sensors[k];
    return trainRedPlacement(sensor?.position ?? '', k + 1);
  });
  const unique = placements.map((placement, k) => (placements.indexOf(placement) === k ? placement : `${placement}-${k + 1}`));
  return requireStreams({
    format: 'train.red',
    streams: columns.flatMap((column, k) => streamOf(table, [column.name], unique[k] as string, TRAIN_RED_RATE_HZ)),
    startUs: null,
    metadata: { session: sessionText(lines) },
  });
}
