/**
 * Why a window's score is what it is: Shapley values (Shapley 1953; Lundberg and Lee 2017) of the state's LOGIT over the parts of the window, against
 * background windows that observed the same channels. It asks a Scorer many questions and gives way after each batch, so it belongs on a session
 * and a thread of its own, never on those that score live windows.
 */
import { KinewatchError } from '../../contracts/errors.ts';
import type { ModelContract } from '../../contracts/model.ts';
import type { Scorer, WindowInput, WindowOutput } from '../ports.ts';
import { planCoalitions, type CoalitionPlan } from './coalitions.ts';
import type { Attention, Explanation } from './explanation.ts';
import { createMixture, isComparable, isSame, mixWindow, playersOf, type Grain, type Player } from './players.ts';
import { readingOf } from './readings.ts';

/** Windows scored for one explanation at most (chosen: about 1.5 s of one idle core; docs/explanations.md has what it costs and how exact it is). */
export const MAX_EVALUATIONS = 4_096;

export interface ExplainRequest {
  readonly contract: ModelContract;
  readonly window: WindowInput;
  /** Quiet windows: the athlete's own, and other athletes' of the squad. Those that did not observe what the window observed are passed over. */
  readonly own: readonly WindowInput[];
  readonly squad: readonly WindowInput[];
  readonly grain: Grain;
  /** Of the athlete's baseline in the window's activity class, one a movement channel, in its unit: single channels are then read in it. */
  readonly ownScale?: Float32Array;
  /** Uniform in [0, 1); the same numbers give the same explanation. */
  readonly random: () => number;
  /** Awaited after each batch: the place to let other work on this thread go first. */
  readonly pause: () => Promise<void>;
  /** Default MAX_EVALUATIONS. */
  readonly maxEvaluations?: number;
}

/** Tokens of eq. 19 in the graph's order (TOKENS in models/binn/network.py). */
const MODALITIES = ['movement', 'residual', 'cumulative', 'physiology', 'performance', 'context', 'memory'] as const;

/**
 * Explains one window. Deterministic in its inputs and random numbers.
 * @throws KinewatchError explain-nothing-observed where the window has no player; explain-background where no background window observed the same channels;
 *   explain-budget where `maxEvaluations` is too small; score-not-finite where the model's answer is not a number
 */
export async function explainWindow(scorer: Scorer, request: ExplainRequest): Promise<Explanation> {
  const { contract, window, grain, ownScale } = request;
  const players = playersOf(contract, window, grain);
  if (players.length === 0)
    throw new KinewatchError('explain-nothing-observed', 'the window observed nothing and has no history: there is nothing to explain');
  const comparable = (candidates: readonly WindowInput[]): readonly WindowInput[] =>
    candidates.filter((background) => isComparable(contract, players, background));
  const [own, squad] = [comparable(request.own), comparable(request.squad)];
  const backgrounds = [...own, ...squad];
  if (backgrounds.length === 0) {
    const names = players.map((player) => player.name).join(', ');
    throw new KinewatchError(
      'explain-background',
      `none of ${request.own.length + request.squad.length} background windows observed all that the window observed (${names})`,
    );
  }
  // Who is the same against every background has a value of zero, and asking would cost half of the budget.
  const moving = byStrength(players).filter((player) => !backgrounds.every((background) => isSame(contract, player, window, background)));
  const plan = planCoalitions(moving.length, backgrounds.length, request.maxEvaluations ?? MAX_EVALUATIONS, request.random);
  const { logits, output } = await valueAll(scorer, request, moving, backgrounds, plan);
  const { base, full, contributions } = plan.attribute(logits);
  return {
    modelVersion: scorer.modelVersion,
    grain,
    method: plan.enumerated === moving.length ? 'exact' : 'sampled',
    enumerated: plan.enumerated,
    evaluations: plan.evaluations.length,
    background: { own: own.length, squad: squad.length },
    baseLogit: base,
    logit: full,
    contributions: players.map((player) => {
      const at = moving.indexOf(player);
      return {
        name: player.name,
        kind: player.kind,
        logit: at < 0 ? 0 : (contributions[at] as number),
        reading: readingOf(contract, player, window, backgrounds, ownScale),
      };
    }),
    attention: attentionOf(output),
  };
}

/** What the effects of the others depend on most comes first, to be enumerated: the carried state, then movement (docs/explanations.md has what it gains). */
const byStrength = (players: readonly Player[]): readonly Player[] => [
  ...players.filter(({ kind }) => kind === 'history'),
  ...players.filter(({ kind }) => kind !== 'history'),
];

function attentionOf(output: WindowOutput): Attention {
  const modality = Array.from(output.attnTokens, (weight, i) => ({ name: MODALITIES[i] ?? `token ${i}`, weight }));
  return { time: output.attnTime, modality };
}

interface Values {
  readonly logits: Float64Array;
  /** Of the window itself. */
  readonly output: WindowOutput;
}

/** Scores the plan's mixtures, a batch at a time. */
async function valueAll(
  scorer: Scorer,
  { contract, window, pause }: ExplainRequest,
  players: readonly Player[],
  backgrounds: readonly WindowInput[],
  plan: CoalitionPlan,
): Promise<Values> {
  const { evaluations } = plan;
  const logits = new Float64Array(evaluations.length);
  const memory = Array.from({ length: Math.min(scorer.maxBatch, evaluations.length) }, () => createMixture(window));
  const everybody = (1n << BigInt(players.length)) - 1n;
  let own: WindowOutput | null = null;
  for (let from = 0; from < evaluations.length; from += memory.length) {
    const asked = evaluations.slice(from, from + memory.length);
    const mixtures = memory.slice(0, asked.length).map((mixture, i) => {
      const { coalition, background } = asked[i] as (typeof asked)[number];
      return mixWindow(contract, players, coalition, window, backgrounds[background] as WindowInput, mixture);
    });
    const outputs = await scorer.score(mixtures);
    outputs.forEach((output, i) => {
      if (!Number.isFinite(output.stateLogit)) {
        throw new KinewatchError('score-not-finite', `model ${scorer.modelVersion} gave ${output.stateLogit} for a mixture of windows`);
      }
      logits[from + i] = output.stateLogit;
      if (asked[i]?.coalition === everybody) own = output;
    });
    await pause();
  }
  if (own === null) throw new RangeError('the plan does not value the window itself');
  return { logits, output: own };
}
