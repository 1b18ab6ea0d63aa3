/** A mixed-integer linear programme in one form: minimise offset + cost x, lower <= x <= upper, rowLower <= A x <= rowUpper, some x whole. */
import type { Affine } from './affine.ts';

/** Rows sparse by row: row r has the entries starts[r] to starts[r + 1]. Plain arrays: it can be sent to another thread as it is. */
export interface Programme {
  readonly offset: number;
  readonly cost: readonly number[];
  readonly lower: readonly number[];
  readonly upper: readonly number[];
  readonly isInteger: readonly boolean[];
  readonly rowLower: readonly number[];
  readonly rowUpper: readonly number[];
  /** Name of the limit that a row belongs to; null: a definition, not a limit. */
  readonly rowGroup: readonly (string | null)[];
  readonly starts: readonly number[];
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

export interface Row {
  readonly expression: Affine;
  readonly lower: number;
  readonly upper: number;
  readonly group: string | null;
}

export interface Column {
  readonly lower: number;
  readonly upper: number;
  readonly isInteger: boolean;
}

export const BINARY: Column = { lower: 0, upper: 1, isInteger: true };

/** Columns, rows and objective as they are written down, and the arrays made of them. A row's constant moves to its bounds. */
export function createProgramme() {
  const lower: number[] = [];
  const upper: number[] = [];
  const isInteger: boolean[] = [];
  const rows: Row[] = [];
  return {
    lower,
    upper,
    addColumn(added: Column): number {
      lower.push(added.lower);
      upper.push(added.upper);
      isInteger.push(added.isInteger);
      return lower.length - 1;
    },
    addRow(row: Row): void {
      rows.push(row);
    },
    finish: (objective: Affine): Programme => ({
      offset: objective.constant,
      cost: lower.map((_, index) => objective.terms.get(index) ?? 0),
      lower,
      upper,
      isInteger,
      ...packRows(rows),
    }),
  };
}

export type ProgrammeBuilder = ReturnType<typeof createProgramme>;

type PackedRows = Pick<Programme, 'rowLower' | 'rowUpper' | 'rowGroup' | 'starts' | 'indices' | 'values'>;

function packRows(rows: readonly Row[]): PackedRows {
  const starts = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (const { expression } of rows) {
    for (const [index, value] of expression.terms) {
      indices.push(index);
      values.push(value);
    }
    starts.push(indices.length);
  }
  return {
    starts,
    indices,
    values,
    rowLower: rows.map((row) => row.lower - row.expression.constant),
    rowUpper: rows.map((row) => row.upper - row.expression.constant),
    rowGroup: rows.map((row) => row.group),
  };
}

/** The programme with more rows. */
export function withRows(programme: Programme, rows: readonly Row[]): Programme {
  const added = packRows(rows);
  const from = programme.indices.length;
  return {
    ...programme,
    starts: [...programme.starts, ...added.starts.slice(1).map((start) => start + from)],
    indices: [...programme.indices, ...added.indices],
    values: [...programme.values, ...added.values],
    rowLower: [...programme.rowLower, ...added.rowLower],
    rowUpper: [...programme.rowUpper, ...added.rowUpper],
    rowGroup: [...programme.rowGroup, ...added.rowGroup],
  };
}

/** The programme with the rows of these groups left free. */
export const withoutGroups = (programme: Programme, groups: ReadonlySet<string>): Programme => {
  const isFree = (row: number): boolean => {
    const group = programme.rowGroup[row] ?? null;
    return group !== null && groups.has(group);
  };
  return {
    ...programme,
    rowLower: programme.rowLower.map((bound, row) => (isFree(row) ? -Infinity : bound)),
    rowUpper: programme.rowUpper.map((bound, row) => (isFree(row) ? Infinity : bound)),
  };
};
