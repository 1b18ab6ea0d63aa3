/** Rows that tests of the store and of the queues start from. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';

export interface TestPeople {
  readonly teamId: string;
  readonly athleteId: string;
}

/** A team with one athlete. */
export async function addAthlete(pool: pg.Pool): Promise<TestPeople> {
  const [teamId, athleteId] = [randomUUID(), randomUUID()];
  await pool.query('INSERT INTO team (id, name) VALUES ($1, $2)', [teamId, `team ${teamId}`]);
  await pool.query('INSERT INTO athlete (id, team_id, external_id, name) VALUES ($1, $2, $3, $4)', [
    athleteId,
    teamId,
    'A1',
    'Test Person',
  ]);
  return { teamId, athleteId };
}

export async function addEndpoint(
  pool: pg.Pool,
  teamId: string,
  url: string,
  secret: string,
  eventTypes: readonly string[],
): Promise<string> {
  const id = randomUUID();
  await pool.query('INSERT INTO webhook_endpoint (id, team_id, url, event_types, secret) VALUES ($1, $2, $3, $4, $5)', [
    id,
    teamId,
    url,
    eventTypes,
    secret,
  ]);
  return id;
}
