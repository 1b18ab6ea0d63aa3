import type pg from 'pg';
import type { Candidate, HazardRepository, LearnedHazard, StoredDay } from '../../rest/hazard/ports.ts';
import type { TeamScope } from '../../rest/ports.ts';

interface DayRow extends Omit<StoredDay, 'computedAt'> {
  readonly computedAt: Date;
}

const timeZoneOf = async (pool: pg.Pool, team: TeamScope, athleteId: string): Promise<string | null> => {
  const { rows } = await pool.query<{ time_zone: string }>(
    'SELECT t.time_zone FROM athlete a JOIN team t ON t.id = a.team_id WHERE a.id = $1 AND ($2::uuid IS NULL OR a.team_id = $2)',
    [athleteId, team],
  );
  return rows[0]?.time_zone ?? null;
};

/** Steps of the hazard's ledgers, by athlete and time. */
export async function readLearned(pool: pg.Pool, athleteIds: readonly string[]): Promise<ReadonlyMap<string, readonly LearnedHazard[]>> {
  const { rows } = await pool.query<{ athlete_id: string; known_us: string; centre: number; intercept: number[]; personal: number[] }>(
    `SELECT athlete_id, known_us, (lesson->>'offset')::float8 AS centre, intercept_only->'after' AS intercept, personal->'after' AS personal
     FROM feedback_step WHERE athlete_id = ANY($1::uuid[]) AND target = 'injury' AND undone_at IS NULL ORDER BY athlete_id, position`,
    [athleteIds],
  );
  const byAthlete = new Map<string, LearnedHazard[]>();
  for (const row of rows) {
    const own = byAthlete.get(row.athlete_id) ?? [];
    own.push({ knownUs: Number(row.known_us), centreLogit: row.centre, interceptOnly: row.intercept, personal: row.personal });
    byAthlete.set(row.athlete_id, own);
  }
  return byAthlete;
}

/** Whose forecasts the guard lets serve; the population's where it has not judged yet. */
export async function readServes(pool: pg.Pool, teamId: string): Promise<Candidate> {
  const { rows } = await pool.query<{ serves: Candidate }>(`SELECT serves FROM feedback_verdict WHERE team_id = $1 AND target = 'injury'`, [
    teamId,
  ]);
  return rows[0]?.serves ?? 'population';
}

export function createHazardRepository(pool: pg.Pool): HazardRepository {
  return {
    timeZone: (team, athleteId) => timeZoneOf(pool, team, athleteId),
    async read(team, athleteId, { from, to }) {
      const { rows } = await pool.query<{ team_id: string; time_zone: string }>(
        'SELECT a.team_id, t.time_zone FROM athlete a JOIN team t ON t.id = a.team_id WHERE a.id = $1 AND ($2::uuid IS NULL OR a.team_id = $2)',
        [athleteId, team],
      );
      const [athlete] = rows;
      if (athlete === undefined) return null;
      const days = await pool.query<DayRow>(
        `SELECT DISTINCT ON (day) day::text AS day, model_version AS "modelVersion", probability, lower, upper, terms, not_enough_data AS "notEnoughData",
           input, method_version AS "methodVersion", computed_at AS "computedAt"
         FROM daily_hazard WHERE athlete_id = $1 AND day BETWEEN $2 AND $3
         ORDER BY day, model_version = (SELECT version FROM model WHERE status = 'active') DESC NULLS LAST, computed_at DESC`,
        [athleteId, from, to],
      );
      return {
        timeZone: athlete.time_zone,
        days: days.rows.map((row) => ({ ...row, computedAt: row.computedAt.toISOString() })),
        learned: (await readLearned(pool, [athleteId])).get(athleteId) ?? [],
        serves: await readServes(pool, athlete.team_id),
      };
    },
  };
}
