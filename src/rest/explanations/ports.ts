/** What the explanations' routes need from the store. */
import type { Explanation } from '../../score/explain/explanation.ts';
import type { ScoreExplanation } from './schemas.ts';

export type { Explanation };
type Grain = ScoreExplanation['grain'];

export interface StoredExplanation extends Omit<ScoreExplanation, 'sentence' | 'result'> {
  /** Null unless done. */
  readonly explanation: Explanation | null;
}

export interface WindowKey {
  readonly athleteId: string;
  readonly windowIndex: number;
  readonly grain: Grain;
}

export interface SummaryRange {
  readonly from: Date;
  readonly to: Date;
  readonly grain: Grain;
  /** null: that of the newest explanation. */
  readonly modelVersion: string | null;
}

export interface ExplanationRepository {
  /**
   * Asks for the explanation of a window's score that counts; a refused one is tried again, any other stays as it is. null: no such window in the team.
   * @throws KinewatchError `window-not-scored`, `explain-busy` (BOUNDED: what staff asked for and is not done)
   */
  ask(team: string | null, key: WindowKey, by: string): Promise<StoredExplanation | null>;
  /** The newest of the window, whatever version scored it. */
  get(team: string | null, key: WindowKey): Promise<StoredExplanation | null>;
  /** The newest explanations of the team's windows that start in the range. null: no such team. */
  ofTeam(
    team: string | null,
    teamId: string,
    range: SummaryRange,
  ): Promise<{ readonly teamName: string; readonly explanations: readonly Explanation[]; readonly truncated: boolean } | null>;
}
