/** What the explainer needs from the store. */
import type { ActivityClass } from '../contracts/model.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import type { Explanation } from '../score/explain/explanation.ts';
import type { Grain } from '../score/explain/players.ts';

export type { Explanation };

/** A claimed row of table `explanation`. */
export interface ExplainTask {
  readonly id: string;
  readonly athleteId: string;
  readonly teamId: string;
  readonly windowIndex: number;
  readonly modelVersion: string;
  readonly startUs: number;
  readonly grain: Grain;
}

/** Which windows may stand for normal: those before the one explained, of its model version and activity class. */
export interface QuietSearch {
  readonly athleteId: string;
  readonly teamId: string;
  readonly modelVersion: string;
  readonly activity: ActivityClass;
  readonly beforeIndex: number;
  /** State at most. */
  readonly maxState: number;
}

/** A quiet window whose tensors are stored. */
export interface StoredBackground extends UsedBackground {
  /** As pack-window.ts made them. */
  readonly packed: Uint8Array;
}

/** A quiet window that would have to be built again, and what it observed. */
export type QuietScore = Pick<
  ScoredWindow,
  'athleteId' | 'windowIndex' | 'modelVersion' | 'activity' | 'state' | 'stateLogit' | 'provisional' | 'channelSummary' | 'phys' | 'perf'
>;

/** Of the athlete, and of the others of the team. */
export interface OwnAndSquad<T> {
  readonly own: readonly T[];
  readonly squad: readonly T[];
}

/** A window that an explanation took for normal. */
export interface UsedBackground {
  readonly athleteId: string;
  readonly windowIndex: number;
}

export interface Refusal {
  readonly code: string;
  readonly detail: string;
}

export interface ExplainStore {
  /**
   * Takes a pending row for `leaseMs`. Null where it is gone, done or another's; a row that was taken too often without an end is refused here, so that
   * what kills its thread does not come back for ever.
   */
  claim(id: string, leaseMs: number): Promise<ExplainTask | null>;
  /** The claim lasts for `leaseMs` from now. */
  renew(id: string, leaseMs: number): Promise<void>;
  /** The claim ends, and does not count as a try. */
  release(id: string): Promise<void>;
  /** The score that the task names; null where it is gone. */
  score(task: ExplainTask): Promise<ScoredWindow | null>;
  /** Stored quiet windows, the best first: with own baselines before provisional, then the newest. */
  storedBackgrounds(search: QuietSearch): Promise<OwnAndSquad<StoredBackground>>;
  /** Scores of quiet windows that are not stored yet, in the order in which they should be tried, the same for the same rows. BOUNDED: a few dozen. */
  quietScores(search: QuietSearch): Promise<OwnAndSquad<QuietScore>>;
  /** BOUNDED: of each athlete the newest few stay. */
  saveBackground(score: QuietScore, packed: Uint8Array): Promise<void>;
  save(id: string, explanation: Explanation, background: readonly UsedBackground[], tookMs: number): Promise<void>;
  refuse(id: string, refusal: Refusal): Promise<void>;
}
