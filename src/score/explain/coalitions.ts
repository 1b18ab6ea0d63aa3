/**
 * PURE. Shapley values of a game that is played against several backgrounds: which coalitions to value, and what their values say of each player.
 * Knows nothing of windows or models; random numbers are an argument.
 */
import { KinewatchError } from '../../contracts/errors.ts';

/** A set of players: bit i stands for player i. */
export type Coalition = bigint;

/** One value to be found: the players of the coalition as in the window explained, all others as in this background. */
export interface Evaluation {
  readonly coalition: Coalition;
  readonly background: number;
}

export interface Attribution {
  /** Mean value of the empty coalition over the backgrounds. */
  readonly base: number;
  /** Value of the coalition of all. */
  readonly full: number;
  /** One a player; their sum is full - base. */
  readonly contributions: Float64Array;
}

export interface CoalitionPlan {
  /** Players of whom every subset is valued: all of them where the values are exact. The others come in sampled orders. */
  readonly enumerated: number;
  /** Each once. The coalition of all is the same against every background and stands once, with background 0. */
  readonly evaluations: readonly Evaluation[];
  /** From the values of `evaluations`, in their order. */
  attribute(values: ArrayLike<number>): Attribution;
}

export const isMember = (coalition: Coalition, player: number): boolean => ((coalition >> BigInt(player)) & 1n) === 1n;
const bitOf = (player: number): Coalition => 1n << BigInt(player);
const everybody = (players: number): Coalition => bitOf(players) - 1n;

interface Ledger {
  readonly evaluations: Evaluation[];
  /** The place of a value, which is asked for where it is new. */
  place(background: number, coalition: Coalition): number;
}

function createLedger(players: number, backgrounds: number): Ledger {
  const evaluations: Evaluation[] = [];
  const places = Array.from({ length: backgrounds }, () => new Map<Coalition, number>());
  const full = everybody(players);
  const place = (given: number, coalition: Coalition): number => {
    const background = coalition === full ? 0 : given;
    const known = places[background]?.get(coalition);
    if (known !== undefined) return known;
    places[background]?.set(coalition, evaluations.length);
    return evaluations.push({ coalition, background }) - 1;
  };
  return { evaluations, place };
}

/** How much may be asked. Players that are dear (movement, which has to be encoded) are counted apart. */
export interface Budget {
  /** Values at most. */
  readonly evaluations: number;
  /** Different sets of dear players, each against its background, at most. */
  readonly dearSets: number;
  readonly isDear: (player: number) => boolean;
}

/** Values that one round asks for: every subset of the enumerated players at every step of an order of the others and of its reverse. */
const leastCost = (enumerated: number, sampled: number, backgrounds: number): number =>
  2 ** enumerated * Math.max(1, 2 * sampled) * backgrounds - (backgrounds - 1);

/** Different sets of dear players that one round can meet: every subset of the enumerated ones at every step at which a dear player joins. */
function leastDear(enumerated: number, players: number, backgrounds: number, isDear: Budget['isDear']): number {
  const dear = Array.from({ length: players }, (_, player) => isDear(player));
  const first = dear.slice(0, enumerated).filter(Boolean).length;
  const joining = dear.slice(enumerated).filter(Boolean).length;
  return 2 ** first * Math.max(1, 2 * joining) * backgrounds;
}

/**
 * As many of the first players as the budget allows are enumerated: all subsets, which is exact. The others join in sampled orders, each with its
 * reverse and against every background: the base is the mean over all backgrounds and the sum is kept to rounding. What is left to chance are interactions
 * of three players or more of which one or more are sampled, so players whose effects depend most on the others should come first.
 * @param random uniform in [0, 1)
 * @throws RangeError without a background; KinewatchError explain-budget where not even one round fits
 */
export function planCoalitions(players: number, backgrounds: number, budget: Budget, random: () => number): CoalitionPlan {
  if (!Number.isInteger(players) || players < 0) throw new RangeError(`players ${players}`);
  if (!Number.isInteger(backgrounds) || backgrounds < 1) throw new RangeError(`backgrounds ${backgrounds}`);
  const least = leastCost(0, players, backgrounds);
  if (least > budget.evaluations) {
    throw new KinewatchError(
      'explain-budget',
      `${players} players against ${backgrounds} background windows take at least ${least} evaluations, ${budget.evaluations} are allowed`,
    );
  }
  let enumerated = 0;
  const fits = (first: number): boolean =>
    leastCost(first, players - first, backgrounds) <= budget.evaluations &&
    leastDear(first, players, backgrounds, budget.isDear) <= budget.dearSets;
  while (enumerated < players && fits(enumerated + 1)) enumerated += 1;
  const sampled = players - enumerated;
  const ledger = createLedger(players, backgrounds);
  const nextOrder = createOrders(enumerated, sampled, random);
  const walks: Walk[] = [];
  const addRound = (): void => {
    for (let background = 0; background < backgrounds; background += 1) {
      const order = nextOrder();
      walks.push(walkOf(ledger, background, enumerated, order));
      if (sampled > 0) walks.push(walkOf(ledger, background, enumerated, order.toReversed()));
    }
  };
  addRound();
  // What was met before costs nothing, so that more rounds may fit than their cost suggests; the last condition ends a stuck source of random numbers.
  const roundCost = 2 ** enumerated * 2 * (sampled - 1) * backgrounds;
  const roundDear = leastDear(enumerated, players, backgrounds, budget.isDear);
  const dear = createDearCount(players, budget.isDear);
  const hasRoom = (): boolean =>
    ledger.evaluations.length + roundCost <= budget.evaluations && dear(ledger.evaluations) + roundDear <= budget.dearSets;
  for (let rounds = 1; sampled > 0 && hasRoom() && rounds < budget.evaluations; rounds += 1) addRound();
  const emptyPlaces = Array.from({ length: backgrounds }, (_, background) => ledger.place(background, 0n));
  const fullPlace = ledger.place(0, everybody(players));
  const attribute = (values: ArrayLike<number>): Attribution => {
    const contributions = new Float64Array(players);
    for (const walk of walks) addWalk(contributions, walk, enumerated, values);
    return {
      base: emptyPlaces.reduce((sum, place) => sum + (values[place] as number), 0) / backgrounds,
      full: values[fullPlace] as number,
      contributions: contributions.map((sum) => sum / walks.length),
    };
  };
  return { enumerated, evaluations: ledger.evaluations, attribute };
}

/** Counts the different sets of dear players in a list that grows; each evaluation is looked at once. */
function createDearCount(players: number, isDear: Budget['isDear']): (evaluations: readonly Evaluation[]) => number {
  let dear = 0n;
  for (let player = 0; player < players; player += 1) if (isDear(player)) dear |= bitOf(player);
  const seen = new Set<string>();
  let looked = 0;
  return (evaluations) => {
    for (; looked < evaluations.length; looked += 1) {
      const { coalition, background } = evaluations[looked] as Evaluation;
      seen.add(`${coalition & dear} ${background}`);
    }
    return seen.size;
  };
}

/** One order of the sampled players; places[k][subset] is the value with the first k of them and that subset of the enumerated players. */
interface Walk {
  readonly order: readonly number[];
  readonly places: readonly Int32Array[];
}

function walkOf(ledger: Ledger, background: number, enumerated: number, order: readonly number[]): Walk {
  let prefix = 0n;
  const placesOf = (): Int32Array =>
    Int32Array.from({ length: 2 ** enumerated }, (_, subset) => ledger.place(background, prefix | BigInt(subset)));
  const places = [placesOf()];
  for (const player of order) {
    prefix |= bitOf(player);
    places.push(placesOf());
  }
  return { order, places };
}

/**
 * Shapley 1953: the mean over all orders of what a player adds to those before it, s players with weight s! (m - 1 - s)! / m!. A walk stands for all
 * orders in which the sampled players come in its order: of the C(n, k) sets of k sampled players it shows one, which takes the weight of all
 * (for the sampled player at place k: of the C(n - 1, k) sets of others, at one of n places).
 */
function addWalk(into: Float64Array, { order, places }: Walk, enumerated: number, values: ArrayLike<number>): void {
  const sampled = order.length;
  const players = enumerated + sampled;
  const weightOf = (size: number): number => 1 / (players * binomial(players - 1, size));
  const valueAt = (step: number, subset: number): number => values[places[step]?.[subset] as number] as number;
  for (let step = 0; step <= sampled; step += 1) {
    const ownWeight = binomial(sampled, step);
    const joinWeight = sampled * binomial(sampled - 1, step);
    const joining = order[step];
    for (let subset = 0; subset < 2 ** enumerated; subset += 1) {
      const value = valueAt(step, subset);
      const weight = weightOf(step + sizeOf(subset));
      if (joining !== undefined) into[joining] = (into[joining] as number) + joinWeight * weight * (valueAt(step + 1, subset) - value);
      for (let player = 0; player < enumerated; player += 1) {
        const bit = 2 ** player;
        if ((subset & bit) !== 0) continue;
        into[player] = (into[player] as number) + ownWeight * weight * (valueAt(step, subset | bit) - value);
      }
    }
  }
}

function binomial(from: number, picked: number): number {
  let value = 1;
  for (let i = 0; i < picked; i += 1) value *= (from - i) / (i + 1);
  return value;
}

function sizeOf(subset: number): number {
  let size = 0;
  for (let rest = subset; rest > 0; rest &= rest - 1) size += 1;
  return size;
}

/**
 * Orders of the players behind the enumerated ones, in turn: the rotations of one shuffled order before the next is drawn, so that every player takes every
 * place equally often (a Latin square, as in stratified sampling).
 */
function createOrders(enumerated: number, sampled: number, random: () => number): () => readonly number[] {
  let order: number[] = [];
  let turn = 0;
  return () => {
    const at = sampled === 0 ? 0 : turn % sampled;
    if (at === 0) order = shuffled(sampled, random).map((player) => enumerated + player);
    turn += 1;
    return [...order.slice(at), ...order.slice(0, at)];
  };
}

function shuffled(players: number, random: () => number): number[] {
  const order = Array.from({ length: players }, (_, i) => i);
  for (let i = players - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}
