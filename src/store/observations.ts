/** Observations on their way into an athlete's own sequence, in the transaction of what they tell of. */
import type pg from 'pg';
import type { NewObservation, Observation } from '../contracts/observation.ts';
import { DAY_US } from './partitions.ts';

/** Locks the athlete's row until the commit: sequences commit in order, so that none can appear below a fence that has passed it. */
export async function lockObserving(client: pg.PoolClient, athleteId: string): Promise<void> {
  await client.query({
    name: 'kw-observing-lock',
    text: 'INSERT INTO observing (athlete_id) VALUES ($1) ON CONFLICT (athlete_id) DO UPDATE SET athlete_id = excluded.athlete_id',
    values: [athleteId],
  });
}

const TELL = {
  name: 'kw-observation-tell',
  text: `WITH told AS (
      INSERT INTO observation (athlete_id, sequence, kind, subject, at_us, body)
      SELECT $1, o.last_sequence + row_number() OVER (ORDER BY n.place), n.kind, n.subject, n.at_us, n.body
      FROM observing o, unnest($2::text[], $3::text[], $4::bigint[], $5::jsonb[]) WITH ORDINALITY AS n(kind, subject, at_us, body, place)
      WHERE o.athlete_id = $1
        AND NOT EXISTS (SELECT 1 FROM observation known WHERE known.athlete_id = $1 AND known.kind = n.kind AND known.subject = n.subject)
      ON CONFLICT (athlete_id, kind, subject) DO NOTHING RETURNING sequence
    )
    UPDATE observing SET last_sequence = (SELECT max(sequence) FROM told) WHERE athlete_id = $1 AND EXISTS (SELECT 1 FROM told)`,
};

/**
 * Tells what is new of it; what stands under the same kind and subject already is left out. Athletes are locked in the order of their ids, so that two
 * writers cannot wait for each other. Returns the athletes of whom something was told.
 */
export async function tellObservations(client: pg.PoolClient, observations: readonly NewObservation[]): Promise<string[]> {
  const told: string[] = [];
  for (const athleteId of [...new Set(observations.map((one) => one.athleteId))].toSorted()) {
    const own = observations.filter((one) => one.athleteId === athleteId);
    await lockObserving(client, athleteId);
    const { rowCount } = await client.query({
      ...TELL,
      values: [
        athleteId,
        own.map(({ observed }) => observed.kind),
        own.map(({ subject }) => subject),
        own.map(({ atUs }) => Math.round(atUs)),
        own.map(({ observed: { kind: _kind, ...body } }) => JSON.stringify(body)),
      ],
    });
    if (rowCount === 1) told.push(athleteId);
  }
  return told;
}

interface ObservationRow {
  readonly sequence: string;
  readonly kind: string;
  readonly at_us: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Observations past a sequence, in order. */
export async function observationsAfter(client: pg.PoolClient, athleteId: string, sequence: number, limit: number): Promise<Observation[]> {
  const { rows } = await client.query<ObservationRow>({
    name: 'kw-observations',
    text: 'SELECT sequence, kind, at_us, body FROM observation WHERE athlete_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3',
    values: [athleteId, sequence, limit],
  });
  return rows.map((row) => ({ ...row.body, kind: row.kind, sequence: Number(row.sequence), atUs: Number(row.at_us) }) as Observation);
}

/** Retention: deletes observations older than `days` that are applied. Returns how many. */
export async function dropOldObservations(pool: pg.Pool, nowMs: number, days: number): Promise<number> {
  const { rowCount } = await pool.query(
    `DELETE FROM observation o USING asms_state s WHERE s.athlete_id = o.athlete_id AND o.sequence <= s.last_observation AND o.at_us < $1`,
    [nowMs * 1_000 - days * DAY_US],
  );
  return rowCount ?? 0;
}
