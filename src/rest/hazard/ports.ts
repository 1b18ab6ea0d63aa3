/** What the hazard's route needs from the store. */
import type { Candidate } from '../../asms/feedback/ledger.ts';
import type { LearnedHazard } from '../../asms/feedback/shown.ts';
import type { TeamScope } from '../paging/ports.ts';

export type { Candidate, LearnedHazard };

/** A day as it was computed. */
export interface StoredDay {
  readonly day: string;
  readonly modelVersion: string;
  readonly probability: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly terms: Readonly<Record<string, number>> | null;
  readonly notEnoughData: string | null;
  readonly input: Readonly<Record<string, unknown>>;
  readonly methodVersion: string;
  readonly computedAt: string;
}

export interface AthleteHazard {
  readonly timeZone: string;
  readonly days: readonly StoredDay[];
  /** In order of knownUs. */
  readonly learned: readonly LearnedHazard[];
  readonly serves: Candidate;
}

export interface HazardRepository {
  /** Days of the range, one row each: the active model's, or else the newest. null: no such athlete in the team. */
  read(team: TeamScope, athleteId: string, range: { readonly from: string; readonly to: string }): Promise<AthleteHazard | null>;
  timeZone(team: TeamScope, athleteId: string): Promise<string | null>;
}
