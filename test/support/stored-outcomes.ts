/** Outcomes as they may lie in a database of an earlier version: not judged on the way in. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';

export async function insertOutcome(pool: pg.Pool, athleteId: string, kind: string, at: Date, value: object): Promise<string> {
  const id = randomUUID();
  await pool.query('INSERT INTO outcome (id, athlete_id, kind, at, value) VALUES ($1, $2, $3, $4, $5)', [
    id,
    athleteId,
    kind,
    at.toISOString(),
    JSON.stringify(value),
  ]);
  return id;
}
