import type pg from 'pg';
import type { PlanRepository } from '../../rest/plans/ports.ts';
import { listPlans, readPlan } from '../stored-plans.ts';

type Attempt = NonNullable<Awaited<ReturnType<PlanRepository['lastAttempt']>>>;

export function createPlanRepository(pool: pg.Pool): PlanRepository {
  return {
    get: (team, athleteId, planId) => readPlan(pool, { team, athleteId, planId }),
    list: (team, athleteId, page) => listPlans(pool, { team, athleteId }, page),
    lastAttempt: async (athleteId) => {
      const { rows } = await pool.query<Omit<Attempt, 'at'> & { readonly at: Date }>(
        'SELECT at, trigger, refusal FROM plan_attempt WHERE athlete_id = $1',
        [athleteId],
      );
      return rows.map((row) => ({ ...row, at: row.at.toISOString() }))[0] ?? null;
    },
  };
}
