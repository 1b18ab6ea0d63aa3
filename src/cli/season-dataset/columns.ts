/** Landmark rows of one athlete as an Arrow record batch; models/binn/hazard_data.py reads it. */
import {
  Field,
  FixedSizeList,
  Float32,
  Int32,
  makeData,
  makeVector,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
  type Data,
} from 'apache-arrow';
import { VALUES, type ValueName } from './rows.ts';

export interface AthleteRows {
  readonly number: number;
  readonly split: string;
  readonly days: Int32Array;
  /** One array a name, one entry a row. */
  readonly values: Readonly<Record<ValueName, Float32Array>>;
  readonly activeWindows: Int32Array;
  readonly stateLogit: Float32Array;
  readonly rehab: Float32Array;
  /** Rows x width. */
  readonly fAttn: Float32Array;
}

export function toRecordBatch(athlete: AthleteRows, width: number): RecordBatch {
  const rows = athlete.days.length;
  const numbers = (data: Float32Array): Data => makeData({ type: new Float32(), data });
  const integers = (data: Int32Array): Data => makeData({ type: new Int32(), data });
  const lists = (data: Float32Array): Data =>
    makeData({
      type: new FixedSizeList(width, new Field('item', new Float32(), false)),
      length: rows,
      nullCount: 0,
      child: makeVector(makeData({ type: new Float32(), data })).data[0]!,
    });
  const columns: [string, Data][] = [
    ['athlete', integers(new Int32Array(rows).fill(athlete.number))],
    ['day', integers(athlete.days)],
    [
      'split',
      vectorFromArray(
        Array.from({ length: rows }, () => athlete.split),
        new Utf8(),
      ).data[0]!,
    ],
    ...VALUES.map((name): [string, Data] => [name, numbers(athlete.values[name])]),
    ['activeWindows', integers(athlete.activeWindows)],
    ['stateLogit', numbers(athlete.stateLogit)],
    ['rehab', numbers(athlete.rehab)],
    ['fAttn', lists(athlete.fAttn)],
  ];
  const fields = columns.map(([name, data]) => new Field(name, data.type, false));
  const struct = makeData({ type: new Struct(fields), length: rows, nullCount: 0, children: columns.map(([, data]) => data) });
  return new RecordBatch(new Schema(fields), struct);
}
