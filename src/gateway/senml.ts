/**
 * Sensor Measurement Lists (RFC 8428), JSON form, resolved into rows of the stream's declared channels. Pure.
 *
 * Base fields (bn, bt, bu, bv, bver; section 4.1) hold from the record they stand in on. A record resolves to name bn+n, time bt+t, value bv+v
 * and unit u, or bu where it has none. A record of base fields alone is no measurement. Sums (s, bs), strings, booleans and data (vs, vb, vd)
 * are no samples of a channel and are refused, as are unknown fields that must be understood (name ending in "_", section 4.4).
 */
import type { FrameRefusal } from '../contracts/errors.ts';
import type { ChannelDeclaration } from '../contracts/protocol.ts';

export interface SenmlTarget {
  readonly channels: readonly ChannelDeclaration[];
  readonly rateHz: number;
  /** Recorded streams: what times below 2^28 s are relative to (section 4.5.3). Null: all times are seconds of the device's own clock. */
  readonly relativeToUs: number | null;
  readonly maxSamples: number;
  /** Bound of samples times channels. */
  readonly maxValues: number;
}

export interface SenmlRows {
  readonly deviceTimeUs: number;
  /** Row-major, samples x channels; NaN where the pack has no value. */
  readonly values: Float32Array;
}
export interface SenmlRefusal {
  readonly reason: FrameRefusal;
  readonly detail: string;
}

interface Measurement {
  readonly channel: number;
  readonly timeUs: number;
  readonly value: number;
}

const VERSION = 10;
const RELATIVE_BELOW_S = 2 ** 28;
/** SenML's names (RFC 8428 section 12.1, RFC 8798) of units that are declared otherwise here, and the factor between them. */
const UNIT_ALIASES: Readonly<Record<string, readonly [unit: string, factor: number]>> = {
  'beat/min': ['bpm', 1],
  '/': ['%', 100],
  'beat/s': ['bpm', 60],
  s: ['ms', 1000],
};
const OTHER_VALUES = ['vs', 'vb', 'vd', 's', 'bs'] as const;
const KNOWN = new Set(['n', 't', 'u', 'v', 'ut', 'bn', 'bt', 'bu', 'bv', 'bver']);

class Fault extends Error {}

function text(record: Readonly<Record<string, unknown>>, field: string, absent: string): string {
  const value = record[field];
  if (value === undefined) return absent;
  if (typeof value !== 'string') throw new Fault(`${field} must be a string`);
  return value;
}

function number(record: Readonly<Record<string, unknown>>, field: string, absent: number): number {
  const value = record[field];
  if (value === undefined) return absent;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Fault(`${field} must be a number`);
  return value;
}

function checkFields(record: Readonly<Record<string, unknown>>): void {
  for (const field of OTHER_VALUES) if (Object.hasOwn(record, field)) throw new Fault(`${field} is no sample of a channel`);
  for (const field of Object.keys(record)) {
    if (field.endsWith('_') && !KNOWN.has(field)) throw new Fault(`${field} must be understood and is not`);
  }
  if (number(record, 'bver', VERSION) > VERSION) throw new Fault(`bver is above ${VERSION}`);
}

/** The channel's name is what follows the last ":" or "/" of the resolved name; channel names hold neither. */
const channelName = (name: string): string => name.slice(Math.max(name.lastIndexOf(':'), name.lastIndexOf('/')) + 1);

function convert(value: number, unit: string, declared: ChannelDeclaration): number {
  if (unit === '' || unit === declared.unit) return value;
  const alias = UNIT_ALIASES[unit];
  if (alias?.[0] !== declared.unit) throw new Fault(`${declared.name} is in ${unit}; ${declared.unit} was declared`);
  return value * alias[1];
}

function readPack(pack: readonly Readonly<Record<string, unknown>>[], target: SenmlTarget): Measurement[] {
  const base = { name: '', timeS: 0, unit: '', value: 0 };
  const channelOf = new Map(target.channels.map((channel, index) => [channel.name, index]));
  const measurements: Measurement[] = [];
  for (const record of pack) {
    checkFields(record);
    base.name = text(record, 'bn', base.name);
    base.timeS = number(record, 'bt', base.timeS);
    base.unit = text(record, 'bu', base.unit);
    base.value = number(record, 'bv', base.value);
    if (record['v'] === undefined) {
      if (record['n'] !== undefined || record['t'] !== undefined) throw new Fault('a record has no value');
      continue;
    }
    const name = channelName(base.name + text(record, 'n', ''));
    const channel = channelOf.get(name);
    const declared = channel === undefined ? undefined : target.channels[channel];
    if (channel === undefined || declared === undefined)
      throw new Fault(`${name === '' ? 'an empty name' : name} is no channel of the stream`);
    const timeS = base.timeS + number(record, 't', 0);
    const originUs = target.relativeToUs !== null && timeS < RELATIVE_BELOW_S ? target.relativeToUs : 0;
    const value = convert(base.value + number(record, 'v', 0), text(record, 'u', base.unit), declared);
    measurements.push({ channel, timeUs: Math.round(originUs + timeS * 1e6), value });
  }
  return measurements;
}

/**
 * Resolves a pack. Records may stand in any order; the earliest one is the first sample and every other one falls on the nearest step of the
 * nominal rate after it. Two values of one channel on one step are refused: the declared rate is too low for what is sent.
 *
 * @returns rows, or the refusal ('bad-senml', 'empty-frame' for a pack without measurements, 'frame-too-large')
 */
export function resolveSenml(pack: readonly Readonly<Record<string, unknown>>[], target: SenmlTarget): SenmlRows | SenmlRefusal {
  try {
    const measurements = readPack(pack, target);
    if (measurements.length === 0) return { reason: 'empty-frame', detail: 'the pack has no measurement' };
    const firstUs = measurements.reduce((least, { timeUs }) => Math.min(least, timeUs), Infinity);
    const lastUs = measurements.reduce((most, { timeUs }) => Math.max(most, timeUs), -Infinity);
    const rowOf = (timeUs: number): number => Math.round(((timeUs - firstUs) * target.rateHz) / 1e6);
    const channels = target.channels.length;
    const count = rowOf(lastUs) + 1;
    if (!(count <= target.maxSamples && count * channels <= target.maxValues)) {
      return { reason: 'frame-too-large', detail: `the pack spans ${count} samples of ${channels} channels` };
    }
    const values = new Float32Array(count * channels).fill(Number.NaN);
    for (const { channel, timeUs, value } of measurements) {
      const at = rowOf(timeUs) * channels + channel;
      if (!Number.isNaN(values[at]))
        throw new Fault(`two values of ${target.channels[channel]?.name ?? ''} within one step of ${target.rateHz} Hz`);
      values[at] = value;
    }
    return { deviceTimeUs: firstUs, values };
  } catch (error) {
    if (error instanceof Fault) return { reason: 'bad-senml', detail: error.message };
    throw error;
  }
}
