import type pg from 'pg';

export interface StoredCounts {
  readonly frames: number;
  readonly refusedFrames: number;
  /** Those that count: no shadow's, no re-score. */
  readonly scores: number;
}

/** Rows in the tables: what an account of sent and scored is held against. Reads every row: for the demo, tests and benchmarks. */
export async function countStored(pool: pg.Pool): Promise<StoredCounts> {
  const { rows } = await pool.query<Record<keyof StoredCounts, string>>(
    `SELECT (SELECT count(*) FROM raw_frame) AS "frames", (SELECT count(*) FROM refused_frame) AS "refusedFrames", (SELECT count(*) FROM score WHERE NOT shadow) AS "scores"`,
  );
  const [row] = rows;
  return { frames: Number(row?.frames), refusedFrames: Number(row?.refusedFrames), scores: Number(row?.scores) };
}
