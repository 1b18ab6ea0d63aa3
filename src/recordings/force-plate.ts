import { type RecordedStream, type Recording, RecordingError } from './recording.ts';
import { requireNumber, splitCsv } from './text.ts';

const SQUAT_COLUMNS = [
  'time',
  'ground_force1_vx',
  'ground_force1_vy',
  'ground_force1_vz',
  'ground_force2_vx',
  'ground_force2_vy',
  'ground_force2_vz',
] as const;
/** The header of the export is seven lines; some slack for exports with more fields. */
const HEADER_LINES = 40;

const headerLine = (lines: readonly string[]): number =>
  lines.slice(0, HEADER_LINES).findIndex((line) => SQUAT_COLUMNS.every((name) => line.split(',').some((field) => field.trim() === name)));

export const isSquatJump = (lines: readonly string[]): boolean => headerLine(lines) >= 0;

/** Steps of the time column may differ from the nominal one by this share before the file is refused. */
const STEP_TOLERANCE = 0.5;

function rateOf(times: readonly number[], firstLine: number): number {
  const steps = times.slice(1).map((time, i) => time - (times[i] as number));
  const rateHz = (times.length - 1) / ((times.at(-1) as number) - (times[0] as number));
  if (!(rateHz > 0 && Number.isFinite(rateHz))) throw new RecordingError('the time column does not advance', firstLine);
  const bad = steps.findIndex((step) => Math.abs(step * rateHz - 1) > STEP_TOLERANCE);
  if (bad >= 0) throw new RecordingError(`the time column jumps by ${(steps[bad] as number).toFixed(4)} s`, firstLine + bad + 1);
  // Stamps have three decimals: 1000.04 Hz is 1000 Hz.
  return Math.round(rateHz);
}

function plateStream(rows: readonly (readonly number[])[], placement: string, rateHz: number): RecordedStream {
  return {
    kind: 'force-plate',
    placement,
    rateHz,
    channels: ['fv', 'fap', 'fml'].map((name) => ({ name, unit: 'N' })),
    encoding: 'float32',
    segments: [{ startS: 0, samples: Float32Array.from(rows.flat()) }],
  };
}

/**
 * Dual force plates in OpenSim's .mot columns: y is vertical, x anterior-posterior, z medio-lateral.
 * Plate 1 is under the right foot and plate 2 under the left one, as the data set's authors state (andrewlba/ACL_squat_jump, project_starter/README.md).
 * @throws RecordingError naming the line that cannot be read.
 */
export function parseSquatJump(lines: readonly string[]): Recording {
  const at = headerLine(lines);
  if (at < 0) throw new RecordingError(`no line names the columns ${SQUAT_COLUMNS.join(', ')}`);
  const header = splitCsv(lines[at] as string, at + 1).map((name) => name.trim());
  const columns = SQUAT_COLUMNS.map((name) => header.indexOf(name));
  const times: number[] = [];
  const left: number[][] = [];
  const right: number[][] = [];
  for (let i = at + 1; i < lines.length; i += 1) {
    const text = lines[i] as string;
    if (text.replaceAll(',', '').trim() === '') continue;
    const fields = splitCsv(text, i + 1);
    if (fields.length < header.length) throw new RecordingError(`${fields.length} fields where the header names ${header.length}`, i + 1);
    const value = (k: number): number => requireNumber(fields[columns[k] as number], i + 1, SQUAT_COLUMNS[k] as string);
    times.push(value(0));
    right.push([value(2), value(1), value(3)]);
    left.push([value(5), value(4), value(6)]);
  }
  if (times.length < 2) throw new RecordingError('no samples after the header', at + 1);
  const declared = /^nRows=(\d+)/i.exec(lines.slice(0, at).find((line) => /^nRows=/i.test(line)) ?? '')?.[1];
  if (declared !== undefined && Number(declared) !== times.length) {
    throw new RecordingError(`the header says ${declared} rows and ${times.length} are there`, lines.length);
  }
  const rateHz = rateOf(times, at + 2);
  const title = (lines[0] ?? '').replaceAll(',', '').trim();
  return {
    format: 'squat-jump',
    streams: [plateStream(left, 'left', rateHz), plateStream(right, 'right', rateHz)],
    startUs: null,
    metadata: { title },
  };
}

/** Lines looked at to tell a column of numbers. */
const CMJ_PROBE_LINES = 50;
/** Shorter than this there is nothing to weigh, let alone a jump. */
const CMJ_FEWEST_SAMPLES = 100;

export function isCmjText(lines: readonly string[]): boolean {
  const probe = lines.slice(0, CMJ_PROBE_LINES).filter((line) => line.trim() !== '');
  return probe.length > 0 && probe.every((line) => /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(line));
}

/**
 * One vertical force in N a line, at `rateHz`.
 * @throws RecordingError naming the line that is not a number.
 */
export function parseCmjText(lines: readonly string[], rateHz: number): Recording {
  const samples: number[] = [];
  lines.forEach((line, i) => {
    if (line.trim() !== '') samples.push(requireNumber(line, i + 1, 'force'));
  });
  if (samples.length < CMJ_FEWEST_SAMPLES) throw new RecordingError(`${samples.length} samples are too few for a jump`, lines.length);
  return {
    format: 'cmj',
    streams: [
      {
        kind: 'force-plate',
        placement: 'single',
        rateHz,
        channels: [{ name: 'fv', unit: 'N' }],
        encoding: 'float32',
        segments: [{ startS: 0, samples: Float32Array.from(samples) }],
      },
    ],
    startUs: null,
    metadata: {},
  };
}
