/** Plans that staff accepted, as they were or changed: days under one are treated, and teach nothing of the risk without it. */
import type pg from 'pg';
import type { AcceptedPlan } from '../queue/daily/ports.ts';

/** By athlete, in days since 1970. A plan acts from its decision on: what was forecast of the days before it was untreated. */
export async function readAcceptedPlans(
  client: pg.Pool | pg.PoolClient,
  athleteIds: readonly string[],
): Promise<ReadonlyMap<string, readonly AcceptedPlan[]>> {
  const { rows } = await client.query<{ athlete_id: string; from_day: number; until_day: number }>(
    `SELECT athlete_id, greatest(first_day, decided_at::date) - '1970-01-01'::date AS from_day, last_day - '1970-01-01'::date AS until_day
     FROM plan WHERE athlete_id = ANY($1::uuid[]) AND status IN ('accepted', 'changed') ORDER BY first_day, id`,
    [athleteIds],
  );
  const byAthlete = new Map<string, AcceptedPlan[]>();
  for (const row of rows) {
    const own = byAthlete.get(row.athlete_id) ?? [];
    own.push({ fromDay: row.from_day, untilDay: row.until_day });
    byAthlete.set(row.athlete_id, own);
  }
  return byAthlete;
}
