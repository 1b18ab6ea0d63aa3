/** What an explanation says: values, whoever made them. */
import type { Grain, Player } from './players.ts';
import type { Reading } from './readings.ts';

export interface Contribution {
  /** A sensor, a channel of the contract, or "history". */
  readonly name: string;
  readonly kind: Player['kind'];
  /** In logit: how far it moved the score from the base. */
  readonly logit: number;
  readonly reading: Reading | null;
}

export interface Attention {
  /** Weight of each step of the window (eq. 13), 40 ms a step. */
  readonly time: Float32Array;
  /** Weight of each token (eq. 19). */
  readonly modality: readonly { readonly name: string; readonly weight: number }[];
}

export interface Explanation {
  readonly modelVersion: string;
  readonly grain: Grain;
  /** `exact`: every coalition was scored. `sampled`: of some players every coalition, the others joined in sampled orders. */
  readonly method: 'exact' | 'sampled';
  /** Players of whom every coalition was scored, of those that are not the same against every background. */
  readonly enumerated: number;
  /** Windows scored. */
  readonly evaluations: number;
  /** Background windows used. */
  readonly background: { readonly own: number; readonly squad: number };
  /** Mean logit over the background, with the channels masked that the window did not observe. */
  readonly baseLogit: number;
  /** The window's logit. */
  readonly logit: number;
  /** One a player, in the contract's order; their sum is logit - baseLogit. */
  readonly contributions: readonly Contribution[];
  readonly attention: Attention;
}
