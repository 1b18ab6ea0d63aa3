/** What the routes of plans read from the store. */
import type { StoredPlan } from '../../plan/ports.ts';
import type { AttemptView } from './schemas.ts';

export interface PlanRepository {
  get(team: string | null, athleteId: string, planId: string): Promise<StoredPlan | null>;
  /** Newest first, `limit` at most, after the plan named. */
  list(
    team: string | null,
    athleteId: string,
    page: { readonly limit: number; readonly after: string | null; readonly status: string | null },
  ): Promise<readonly StoredPlan[]>;
  /** The newest try to plan for the athlete. */
  lastAttempt(athleteId: string): Promise<AttemptView | null>;
}
