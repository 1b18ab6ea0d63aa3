/** What the morning view needs from the store, beside availability and the squad's hazards. */
import type { StoredRating, StoredSession } from '../../asms/session-ratings.ts';
import type { TeamScope } from '../paging/ports.ts';

export interface TodayRange {
  /** ISO dates of the team's calendar. */
  readonly yesterday: string;
  readonly today: string;
  /** Ratings and sessions from here on: they may belong to yesterday. */
  readonly recordsFrom: Date;
  /** First instant of yesterday: windows from here on count. */
  readonly windowsFromUs: number;
}

export interface StoredMorning {
  readonly athleteId: string;
  readonly name: string;
  /** The newest of a day before today; null: none was ever computed. */
  readonly hazard: {
    readonly day: string;
    readonly probability: number | null;
    readonly lower: number | null;
    readonly upper: number | null;
    readonly notEnoughData: string | null;
  } | null;
  /** As ASMS left it (src/asms/deviation.ts); it may be of another version of the method. */
  readonly drift: unknown;
  readonly alerts: readonly {
    readonly alertId: string;
    readonly type: string;
    readonly severity: 'amber' | 'red';
    readonly sentence: string;
    readonly raisedAt: string;
  }[];
  /** The athlete's own plan of a day, or else the team's. */
  readonly planned: readonly { readonly day: string; readonly load: number }[];
  readonly ratings: readonly StoredRating[];
  readonly sessions: readonly StoredSession[];
  readonly windows: number;
  readonly observedShare: number | null;
  readonly lastWindowEndUs: number | null;
}

export interface TodayRepository {
  /** Active athletes of the team by name, at most `limit`. */
  read(team: TeamScope, teamId: string, range: TodayRange, limit: number): Promise<readonly StoredMorning[]>;
}
