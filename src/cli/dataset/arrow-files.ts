/** Writes windows as Arrow IPC files: a record batch an athlete, files of bounded size. models/binn/data.py reads them without copies. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  Field,
  FixedSizeList,
  Float16,
  Float32,
  Int32,
  makeData,
  makeVector,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Uint8,
  Utf8,
  vectorFromArray,
  type Data,
  type DataType,
} from 'apache-arrow';
import { toFloat16 } from './float16.ts';

/** Widths of a window's vectors. */
export interface Widths {
  readonly bio: number;
  readonly phys: number;
  readonly perf: number;
  readonly context: number;
  readonly domain: number;
}

export interface WindowRow {
  readonly bio: Float32Array;
  readonly bioMask: Float32Array;
  readonly phys: Float32Array;
  readonly physMask: Float32Array;
  readonly perf: Float32Array;
  readonly perfMask: Float32Array;
  readonly context: Float32Array;
  readonly contextMask: Float32Array;
  readonly elapsed: number;
  readonly activity: string;
  readonly altered: number;
  readonly severity: number;
  readonly rehab: number;
  readonly performance: number;
  readonly domain: readonly number[];
  readonly windowIndex: number;
  /** Number of the sensor fault active in the window, 0 for none (and where nobody knows). */
  readonly fault?: number;
}

/** Growing column of numbers. */
class Column<T extends Uint8Array | Uint16Array | Float32Array | Int32Array> {
  private array: T;
  private used = 0;
  private readonly make: (length: number) => T;
  constructor(make: (length: number) => T, length: number) {
    this.make = make;
    this.array = make(length);
  }
  reserve(count: number): { readonly array: T; readonly at: number } {
    if (this.used + count > this.array.length) {
      const larger = this.make(Math.max(2 * this.array.length, this.used + count));
      larger.set(this.array);
      this.array = larger;
    }
    const at = this.used;
    this.used += count;
    return { array: this.array, at };
  }
  append(values: ArrayLike<number>): void {
    const { array, at } = this.reserve(values.length);
    array.set(values, at);
  }
  take(): T {
    return this.array.slice(0, this.used) as T;
  }
}

const u8 = (n: number): Uint8Array => new Uint8Array(n);
const f32 = (n: number): Float32Array => new Float32Array(n);

/** The windows of one athlete, gathered into columns. */
export class AthleteBatch {
  rows = 0;
  private readonly widths: Widths;
  private readonly bio: Column<Uint16Array>;
  private readonly bioMask: Column<Uint8Array>;
  private readonly vectors: Record<'phys' | 'perf' | 'context' | 'domain', Column<Float32Array>>;
  private readonly masks: Record<'phys' | 'perf' | 'context', Column<Uint8Array>>;
  private readonly scalars = {
    elapsed: new Column(f32, 512),
    label_altered: new Column(f32, 512),
    label_severity: new Column(f32, 512),
    label_rehab: new Column(f32, 512),
    label_performance: new Column(f32, 512),
  };
  private readonly windowIndex = new Column((n) => new Int32Array(n), 512);
  private readonly faults = new Column(u8, 512);
  private readonly activities: string[] = [];
  private ceiling: Float32Array | null = null;

  constructor(widths: Widths, expectedRows: number) {
    this.widths = widths;
    this.bio = new Column((n) => new Uint16Array(n), expectedRows * widths.bio);
    this.bioMask = new Column(u8, expectedRows * widths.bio);
    this.vectors = {
      phys: new Column(f32, 4096),
      perf: new Column(f32, 4096),
      context: new Column(f32, 4096),
      domain: new Column(f32, 4096),
    };
    this.masks = { phys: new Column(u8, 4096), perf: new Column(u8, 4096), context: new Column(u8, 4096) };
  }

  /** Copies the row's values; its arrays may be used again afterwards. `baseIndex` is taken off the window index to fit 32 bits. */
  push(row: WindowRow, baseIndex: number): void {
    const { array, at } = this.bio.reserve(row.bio.length);
    for (let i = 0; i < row.bio.length; i += 1) array[at + i] = toFloat16(row.bio[i]!);
    this.bioMask.append(row.bioMask);
    this.vectors.phys.append(row.phys);
    this.vectors.perf.append(row.perf);
    this.vectors.context.append(row.context);
    this.vectors.domain.append(row.domain);
    this.masks.phys.append(row.physMask);
    this.masks.perf.append(row.perfMask);
    this.masks.context.append(row.contextMask);
    this.scalars.elapsed.append([row.elapsed]);
    this.scalars.label_altered.append([row.altered]);
    this.scalars.label_severity.append([row.severity]);
    this.scalars.label_rehab.append([row.rehab]);
    this.scalars.label_performance.append([row.performance]);
    this.windowIndex.append([row.windowIndex - baseIndex]);
    this.faults.append([row.fault ?? 0]);
    this.activities.push(row.activity);
    this.rows += 1;
  }

  /** P(altered) that the best filter gives, one value a row that was pushed; NaN throughout where this is not called. */
  setCeiling(values: Float32Array): void {
    if (values.length !== this.rows) throw new RangeError(`${values.length} ceilings for ${this.rows} windows`);
    this.ceiling = values;
  }

  toRecordBatch(athlete: number, split: string): RecordBatch {
    const { rows, widths } = this;
    const columns: [string, Data][] = [
      ['bio', listOf(makeData({ type: new Float16(), data: this.bio.take() }), widths.bio, rows)],
      ['bio_mask', listOf(makeData({ type: new Uint8(), data: this.bioMask.take() }), widths.bio, rows)],
    ];
    for (const name of ['phys', 'perf', 'context'] as const) {
      columns.push([name, listOf(makeData({ type: new Float32(), data: this.vectors[name].take() }), widths[name], rows)]);
      columns.push([`${name}_mask`, listOf(makeData({ type: new Uint8(), data: this.masks[name].take() }), widths[name], rows)]);
    }
    columns.push(['domain', listOf(makeData({ type: new Float32(), data: this.vectors.domain.take() }), widths.domain, rows)]);
    for (const [name, column] of Object.entries(this.scalars)) columns.push([name, makeData({ type: new Float32(), data: column.take() })]);
    columns.push(['ceiling', makeData({ type: new Float32(), data: this.ceiling ?? f32(rows).fill(NaN) })]);
    columns.push(['window_index', makeData({ type: new Int32(), data: this.windowIndex.take() })]);
    columns.push(['fault', makeData({ type: new Uint8(), data: this.faults.take() })]);
    columns.push(['athlete', makeData({ type: new Int32(), data: new Int32Array(rows).fill(athlete) })]);
    columns.push(['activity', vectorFromArray(this.activities, new Utf8()).data[0]!]);
    columns.push([
      'split',
      vectorFromArray(
        Array.from({ length: rows }, () => split),
        new Utf8(),
      ).data[0]!,
    ]);
    const fields = columns.map(([name, data]) => new Field(name, data.type, false));
    const struct = makeData({ type: new Struct(fields), length: rows, nullCount: 0, children: columns.map(([, data]) => data) });
    return new RecordBatch(new Schema(fields), struct);
  }
}

function listOf<T extends DataType>(child: Data<T>, width: number, rows: number): Data {
  return makeData({
    type: new FixedSizeList(width, new Field('item', child.type, false)),
    length: rows,
    nullCount: 0,
    child: makeVector(child).data[0]!,
  });
}

export interface WrittenFile {
  readonly name: string;
  readonly bytes: number;
  readonly rows: number;
}

/** Collects record batches and writes a file whenever `maxBytes` are reached; `close` writes the rest. */
export class ArrowFiles {
  readonly written: WrittenFile[] = [];
  private readonly directory: string;
  private readonly prefix: string;
  private readonly maxBytes: number;
  private batches: RecordBatch[] = [];
  private bytes = 0;

  constructor(directory: string, prefix: string, maxBytes: number) {
    this.directory = directory;
    this.prefix = prefix;
    this.maxBytes = maxBytes;
  }

  async add(batch: RecordBatch): Promise<void> {
    if (batch.numRows === 0) return;
    if (this.bytes > 0 && this.bytes + batch.data.byteLength > this.maxBytes) await this.close();
    this.batches.push(batch);
    this.bytes += batch.data.byteLength;
  }

  async close(): Promise<void> {
    if (this.batches.length === 0) return;
    const table = new Table(this.batches);
    const bytes = tableToIPC(table, 'file');
    const name = `${this.prefix}-${String(this.written.length).padStart(4, '0')}.arrow`;
    await writeFile(join(this.directory, name), bytes);
    this.written.push({ name, bytes: bytes.byteLength, rows: table.numRows });
    this.batches = [];
    this.bytes = 0;
  }
}
