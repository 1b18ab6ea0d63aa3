/**
 * Why a window's score is what it is: Shapley values (Shapley 1953; Lundberg and Lee 2017) of the state's LOGIT over the parts of the window, against
 * background windows that observed the same channels. It asks a scorer many questions and gives way after each batch, so it belongs on a session
 * and a thread of its own, never on those that score live windows.
 */
import { KinewatchError } from '../../contracts/errors.ts';
import type { ModelContract } from '../../contracts/model.ts';
import type { StagedScorer, WindowInput, WindowOutput } from '../ports.ts';
import { planCoalitions, type Budget, type Coalition, type CoalitionPlan, type Evaluation } from './coalitions.ts';
import type { Attention, Explanation } from './explanation.ts';
import {
  createMovementMixture,
  createRestMixture,
  isComparable,
  isSame,
  mixMovement,
  mixRest,
  playersOf,
  type Grain,
  type Player,
} from './players.ts';
import { readingOf } from './readings.ts';

/**
 * Windows scored for one explanation at most, and different movements among them, which are most of the work (chosen: about half a second and a second of one
 * idle core; docs/explanations.md has what they cost and how exact that is).
 */
const MAX_EVALUATIONS = 32_768;
const MAX_MOVEMENTS = 2_048;

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
  /** Windows scored at most, if fewer than by default. */
  readonly maxEvaluations?: number;
}

/** Tokens of eq. 19 in the graph's order (TOKENS in models/binn/network.py). */
const MODALITIES = ['movement', 'residual', 'cumulative', 'physiology', 'performance', 'context', 'memory'] as const;

/**
 * Explains one window. Deterministic in its inputs and random numbers.
 * @throws KinewatchError explain-nothing-observed where the window has no player; explain-background where no background window observed the same channels;
 *   explain-budget where `maxEvaluations` is too small; score-not-finite where the model's answer is not a number
 */
export async function explainWindow(scorer: StagedScorer, request: ExplainRequest): Promise<Explanation> {
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
  const budget: Budget = {
    evaluations: request.maxEvaluations ?? MAX_EVALUATIONS,
    dearSets: MAX_MOVEMENTS,
    isDear: (player) => moving[player]?.kind === 'bio',
  };
  const plan = planCoalitions(moving.length, backgrounds.length, budget, request.random);
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

function attentionOf(output: Output): Attention {
  const modality = Array.from(output.attnTokens, (weight, i) => ({ name: MODALITIES[i] ?? `token ${i}`, weight }));
  return { time: output.attnTime, modality };
}

type Output = Pick<WindowOutput, 'stateLogit' | 'attnTime' | 'attnTokens'>;

interface Values {
  readonly logits: Float64Array;
  /** Of the window itself. */
  readonly output: Output;
}

/** The evaluations that have one mixed movement, by their places in the plan. */
interface SharedMovement {
  readonly evaluation: Evaluation;
  readonly places: number[];
}

function byMovement(players: readonly Player[], evaluations: readonly Evaluation[]): readonly SharedMovement[] {
  let movement: Coalition = 0n;
  players.forEach(({ kind }, i) => {
    if (kind === 'bio') movement |= 1n << BigInt(i);
  });
  const shared = new Map<string, SharedMovement>();
  evaluations.forEach((evaluation, place) => {
    const own = evaluation.coalition & movement;
    // All of it as in the window: the background does not matter.
    const key = own === movement ? 'window' : `${own} ${evaluation.background}`;
    const known = shared.get(key);
    if (known === undefined) shared.set(key, { evaluation, places: [place] });
    else known.places.push(place);
  });
  return [...shared.values()];
}

/** Scores the plan's mixtures: a batch of movements is encoded, then everything that has one of them is finished. */
async function valueAll(
  scorer: StagedScorer,
  { contract, window, pause }: ExplainRequest,
  players: readonly Player[],
  backgrounds: readonly WindowInput[],
  plan: CoalitionPlan,
): Promise<Values> {
  const { evaluations } = plan;
  const logits = new Float64Array(evaluations.length);
  const shared = byMovement(players, evaluations);
  const movements = Array.from({ length: Math.min(scorer.maxEncode, shared.length) }, () => createMovementMixture(window));
  const rests = Array.from({ length: Math.min(scorer.maxFinish, evaluations.length) }, () => createRestMixture(window));
  const everybody = (1n << BigInt(players.length)) - 1n;
  const backgroundOf = ({ background }: Evaluation): WindowInput => backgrounds[background] as WindowInput;
  const evaluationAt = (place: number): Evaluation => evaluations[place] as Evaluation;
  let own: Output | null = null;
  for (let from = 0; from < shared.length; from += movements.length) {
    const batch = shared.slice(from, from + movements.length);
    const encoded = await scorer.encode(
      batch.map(({ evaluation }, i) => {
        const memory = movements[i] as (typeof movements)[number];
        return mixMovement(contract, players, evaluation.coalition, window, backgroundOf(evaluation), memory);
      }),
    );
    await pause();
    const asked = batch.flatMap(({ places }, i) => places.map((place) => ({ place, movement: encoded[i] as (typeof encoded)[number] })));
    for (let first = 0; first < asked.length; first += rests.length) {
      const some = asked.slice(first, first + rests.length);
      const outputs = await scorer.finish(
        some.map(({ place, movement }, i) => {
          const evaluation = evaluationAt(place);
          const memory = rests[i] as (typeof rests)[number];
          return { movement, rest: mixRest(contract, players, evaluation.coalition, window, backgroundOf(evaluation), memory) };
        }),
      );
      outputs.forEach((output, i) => {
        const { place } = some[i] as (typeof some)[number];
        if (!Number.isFinite(output.stateLogit)) {
          throw new KinewatchError('score-not-finite', `model ${scorer.modelVersion} gave ${output.stateLogit} for a mixture of windows`);
        }
        logits[place] = output.stateLogit;
        if (evaluationAt(place).coalition === everybody) own = output;
      });
      await pause();
    }
  }
  if (own === null) throw new RangeError('the plan does not value the window itself');
  return { logits, output: own };
}
