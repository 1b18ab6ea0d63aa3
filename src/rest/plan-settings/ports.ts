/** What the routes of limits, planned loads and doses need from the store. */
import type { LimitsBody } from './schemas.ts';

/** Of an athlete, or of every athlete of the team. */
export interface PlanSubject {
  readonly teamId: string;
  readonly athleteId: string | null;
}

export interface SettingVersion<Value> {
  readonly version: number;
  readonly value: Value;
  readonly by: string;
  readonly at: string;
}

export interface StoredPlannedLoad {
  readonly day: string;
  readonly load: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly match: boolean;
}

/** The caller checked that athlete and team are its own. */
export interface PlanSettingsRepository {
  /** Is the team there and in the caller's reach? */
  hasTeam(team: string | null, teamId: string): Promise<boolean>;
  timeZone(teamId: string): Promise<string>;
  limits(subject: PlanSubject): Promise<readonly SettingVersion<LimitsBody>[]>;
  putLimits(subject: PlanSubject, value: LimitsBody, by: string): Promise<void>;
  conditions(athleteId: string): Promise<readonly SettingVersion<readonly string[]>[]>;
  putConditions(subject: PlanSubject, value: readonly string[], by: string): Promise<void>;
  plannedLoads(
    subject: PlanSubject,
    range: { readonly from: string; readonly to: string },
  ): Promise<readonly (StoredPlannedLoad & { readonly by: string; readonly at: string })[]>;
  /** A day that stands there already is replaced. */
  putPlannedLoads(subject: PlanSubject, days: readonly StoredPlannedLoad[], by: string): Promise<void>;
  /** What was said of the same day and intervention before is corrected. */
  putDoses(
    athleteId: string,
    doses: readonly { readonly day: string; readonly interventionId: string; readonly share: number }[],
    by: string,
  ): Promise<void>;
}
