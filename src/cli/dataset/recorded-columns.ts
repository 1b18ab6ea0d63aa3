/** Columns that recordings have beside those of a simulated export: who, which trial, where the window lies, what the trial shows. */
import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  makeVector,
  RecordBatch,
  Schema,
  Struct,
  Uint8,
  Utf8,
  vectorFromArray,
  type Data,
} from 'apache-arrow';
import type { GaitTrial, Place } from './recorded-trial.ts';

type Row = readonly [GaitTrial, Place];

const text = (rows: readonly Row[], of: (trial: GaitTrial) => string): Data =>
  vectorFromArray(
    rows.map(([trial]) => of(trial)),
    new Utf8(),
  ).data[0]!;

const numbers = (rows: readonly Row[], of: (trial: GaitTrial) => number | null): Data =>
  makeData({ type: new Float32(), data: Float32Array.from(rows, ([trial]) => of(trial) ?? Number.NaN) });

const flags = (rows: readonly Row[], of: (place: Place) => boolean): Data =>
  makeData({ type: new Uint8(), data: Uint8Array.from(rows, ([, place]) => (of(place) ? 1 : 0)) });

function lists(rows: readonly Row[], width: number, of: (trial: GaitTrial) => readonly number[]): Data {
  const child = makeData({ type: new Float32(), data: Float32Array.from(rows.flatMap(([trial]) => of(trial))) });
  const type = new FixedSizeList(width, new Field('item', child.type, false));
  return makeData({ type, length: rows.length, nullCount: 0, child: makeVector(child).data[0]! });
}

/** The batch with the recordings' columns after its own; `rows` has one entry a row of the batch. Numbers that are not known are NaN. */
export function withRecordedColumns(batch: RecordBatch, rows: readonly Row[]): RecordBatch {
  const [trial] = rows[0]!;
  const added: [string, Data][] = [
    ['subject', text(rows, ({ row }) => row.subject)],
    ['trial', text(rows, ({ row }) => row.code)],
    ['group', text(rows, ({ row }) => row.group)],
    ['sex', text(rows, ({ row }) => row.sex ?? '')],
    ['side', text(rows, ({ row }) => row.laterality)],
    ['age', numbers(rows, ({ row }) => row.age)],
    ['height_m', numbers(rows, ({ row }) => row.heightM)],
    ['mass_kg', numbers(rows, ({ row }) => row.massKg)],
    ['walking_speed', numbers(rows, ({ row }) => row.walkingSpeed)],
    ['walking', flags(rows, (place) => place.walking)],
    ['standing', flags(rows, (place) => place.standing)],
    ['standing_mean', lists(rows, trial.standingMean.length, (t) => t.standingMean)],
    ['standing_samples', numbers(rows, (t) => t.standingSamples)],
    ['gait', lists(rows, trial.features.length, (t) => t.features)],
  ];
  const fields = [...batch.schema.fields, ...added.map(([name, data]) => new Field(name, data.type, false))];
  const children = [...batch.data.children, ...added.map(([, data]) => data)];
  return new RecordBatch(new Schema(fields), makeData({ type: new Struct(fields), length: batch.numRows, nullCount: 0, children }));
}
