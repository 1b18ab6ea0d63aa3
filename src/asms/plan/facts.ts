/** What is known of an athlete when a plan is asked for, as the store keeps it. Days are the team's, written as ISO dates. */
import type { ReturnProtocol } from '../return-protocol.ts';
import type { ReturnState } from '../return-to-play.ts';
import type { StoredRating, StoredSession } from '../session-ratings.ts';
import type { Intervention, Weights } from './problem.ts';

/** What staff set; absent: not set here, the team's or the default holds. Null: no limit. */
export interface PlanLimits {
  /** gamma, for seven days; a longer or shorter horizon has its share. */
  readonly costBudget?: number | null;
  /** lambda_i. */
  readonly dailyLoadLimit?: number | null;
  readonly loadStep?: number | null;
  readonly weights?: Weights;
}

export interface PlannedLoad {
  readonly day: string;
  readonly load: number;
  readonly minimum: number;
  readonly maximum: number;
  /** A match is planned. */
  readonly isMatch: boolean;
}

/** A catalogue entry in force for the athlete's team. */
export interface CatalogueVersion {
  readonly entryId: string;
  readonly version: number;
  readonly entry: Intervention;
}

export interface KnownHazard {
  /** The day it is of. */
  readonly day: string;
  readonly modelVersion: string;
  /** P(new time-loss injury within 7 days); null: not enough data, for this reason. */
  readonly probability: number | null;
  readonly notEnoughData: string | null;
}

export interface KnownInjury {
  readonly injuryId: string;
  readonly region: string;
  readonly onsetUs: number;
  readonly timeLossDays: number;
  /** R at a time, from the ASMS state; null: no window was seen since the onset. */
  readonly recovery: { readonly r: number; readonly atUs: number } | null;
  /** Where the athlete stands on the way back; null: nobody has begun it. */
  readonly returning: ReturnState | null;
  /** The team's own protocol that the return goes by; null: the default, or not known. */
  readonly protocol: ReturnProtocol | null;
}

/** A share of a full dose on a day. */
export interface DayDose {
  readonly day: string;
  readonly interventionId: string;
  readonly share: number;
}

export interface AcceptedPlan {
  readonly planId: string;
  readonly days: readonly string[];
  readonly doses: readonly DayDose[];
}

export interface PlanFacts {
  readonly athleteId: string;
  readonly teamId: string;
  /** IANA. */
  readonly timeZone: string;
  readonly ratings: readonly StoredRating[];
  readonly sessions: readonly StoredSession[];
  /** Days of the last weeks on which the athlete played a match. */
  readonly matchDays: readonly string[];
  readonly plannedLoads: { readonly athlete: readonly PlannedLoad[]; readonly team: readonly PlannedLoad[] };
  readonly limits: { readonly athlete: PlanLimits; readonly team: PlanLimits };
  readonly conditions: readonly string[];
  readonly catalogue: readonly CatalogueVersion[];
  readonly hazard: KnownHazard | null;
  /** hazard.json of the model in service, which says what load does to the rate; null: there is none. */
  readonly hazardText: string | null;
  readonly injuries: readonly KnownInjury[];
  /** Oldest first: of two for one day the later counts. */
  readonly accepted: readonly AcceptedPlan[];
  readonly done: readonly DayDose[];
}

/** Days of load that are looked at: as many as the load view shows figures from. */
export const HISTORY_DAYS = 400;
