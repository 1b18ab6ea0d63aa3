/** Plans as they are stored. */
import type pg from 'pg';
import type { StoredPlan } from '../plan/ports.ts';

const STORED = `p.id, p.athlete_id AS "athleteId", a.team_id AS "teamId", t.time_zone AS "timeZone", p.recommendation_id AS "recommendationId", p.problem,
  p.sources, p.outcome AS plan, p.alternatives, p.status, p.decided_at AS "decidedAt", p.decided_by AS "decidedBy", p.reason, p.decision AS changed,
  p.trigger, p.created_at AS "createdAt" FROM plan p JOIN athlete a ON a.id = p.athlete_id JOIN team t ON t.id = a.team_id`;

type StoredRow = Omit<StoredPlan, 'decidedAt' | 'createdAt'> & { readonly decidedAt: Date | null; readonly createdAt: Date };

const view = ({ decidedAt, createdAt, ...row }: StoredRow): StoredPlan => ({
  ...row,
  decidedAt: decidedAt?.toISOString() ?? null,
  createdAt: createdAt.toISOString(),
});

/** `team` null: every team; `athleteId` null: whoever's it is. */
export async function readPlan(
  pool: pg.Pool,
  { team, athleteId, planId }: { readonly team: string | null; readonly athleteId: string | null; readonly planId: string },
): Promise<StoredPlan | null> {
  const { rows } = await pool.query<StoredRow>(
    `SELECT ${STORED} WHERE p.id = $1 AND ($2::uuid IS NULL OR p.athlete_id = $2) AND ($3::uuid IS NULL OR a.team_id = $3)`,
    [planId, athleteId, team],
  );
  return rows.map(view)[0] ?? null;
}

/** Newest first, after the plan named; an unknown one gives none. */
export async function listPlans(
  pool: pg.Pool,
  { team, athleteId }: { readonly team: string | null; readonly athleteId: string },
  { limit, after, status }: { readonly limit: number; readonly after: string | null; readonly status: string | null },
): Promise<readonly StoredPlan[]> {
  const { rows } = await pool.query<StoredRow>(
    `SELECT ${STORED} WHERE p.athlete_id = $1 AND ($2::uuid IS NULL OR a.team_id = $2) AND ($3::text IS NULL OR p.status = $3)
       AND ($4::uuid IS NULL OR (p.created_at, p.id) < (SELECT created_at, id FROM plan WHERE id = $4 AND athlete_id = $1))
     ORDER BY p.created_at DESC, p.id DESC LIMIT $5`,
    [athleteId, team, status, after, limit],
  );
  return rows.map(view);
}
