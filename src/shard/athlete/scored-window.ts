/** PURE. The row of a window: what is known of it, and the model's answer. */
import type { ScoredWindow } from '../../contracts/score.ts';
import type { WindowOutput } from '../../score/ports.ts';
import type { WindowMeta } from './build-window.ts';

const NOTHING = new Float32Array(0);

/** Not enough data: state null. */
export function unscoredWindow(meta: WindowMeta, scoredAtUs: number): ScoredWindow {
  return {
    ...meta,
    state: null,
    stateLogit: null,
    logitSd: null,
    rehab: null,
    performance: null,
    residualNorm: null,
    fAttn: NOTHING,
    attnTime: NOTHING,
    attnTokens: NOTHING,
    scoredAtUs,
  };
}

/** `state` is P(movement altered as in an injured athlete now), eq. 20 and 25: the logistic of the model's logit. */
export function scoredWindow(meta: WindowMeta, output: WindowOutput, scoredAtUs: number): ScoredWindow {
  return {
    ...meta,
    state: 1 / (1 + Math.exp(-output.stateLogit)),
    stateLogit: output.stateLogit,
    logitSd: output.logitSd,
    rehab: output.rehab,
    performance: output.performance,
    residualNorm: output.residualNorm,
    fAttn: output.fAttn,
    attnTime: output.attnTime,
    attnTokens: output.attnTokens,
    scoredAtUs,
  };
}
