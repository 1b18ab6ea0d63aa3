/**
 * The best filter on strides: P(altered at t | every stride ended by then), from the simulator's own law, as an upper bound of what any model
 * of the signals can reach. Particles over courses of severity, side and expression; everything Gaussian is integrated in closed form.
 * Method: iterated batch importance sampling (Chopin 2002†) with differential-evolution moves (ter Braak 2006†). Mathematics: docs/ceilings.md.
 */
import {
  expressionQuantiles,
  latticePlace,
  latticeSize,
  pathOf,
  LATTICE_FROM,
  PATH_LATTICE,
  severityOn,
  type SeverityLaw,
} from './best-filter-law.ts';
import { strideLikelihood, SUMS } from './best-filter-likelihood.ts';
import type { StrideMeasurements } from './best-filter-strides.ts';
import { ALTERED_THRESHOLD } from './constants.ts';
import { createRandom, type RandomStream } from './random.ts';

/** A moment asked for: the probability at `atS` from the strides that ended by `untilS`. */
export interface Asked {
  readonly atS: number;
  readonly untilS: number;
}

export interface BestFilterOptions {
  readonly durationS: number;
  readonly law: SeverityLaw;
  /**
   * Particles from the 60th stride (default 400); up to six times as many before, when a move costs little and the profiles are told apart.
   * Rounds of moves whenever the weights have grown uneven (default 3).
   */
  readonly particles?: number;
  readonly rounds?: number;
  /** Of the filter's own randomness. */
  readonly seed?: number;
}

/** Sessions longer than this have too many wobbles for the particles. */
export const MAX_FILTER_S = 600;

/**
 * Probability of altered movement at each asked moment, in [1/(2n), 1 - 1/(2n)] for n `particles`; `asked` must be in order of `untilS`.
 * Without strides it is the law's share at that moment. Empty for no moments. Deterministic in table, asked and options.
 * @throws RangeError where the duration is not in (0, MAX_FILTER_S], a moment lies outside the session, or moments are out of order.
 */
export function bestFilter(table: StrideMeasurements, asked: readonly Asked[], options: BestFilterOptions): Float64Array {
  checkAsked(asked, options.durationS);
  const cloud = new Cloud(table, options);
  const rounds = options.rounds ?? 3;
  let strides = 0;
  return Float64Array.from(asked, ({ atS, untilS }) => {
    const before = strides;
    while (strides < table.count && table.endS[strides]! <= untilS) strides += 1;
    if (strides > before) cloud.advance(before, strides, rounds);
    return cloud.probability(atS);
  });
}

function checkAsked(asked: readonly Asked[], durationS: number): void {
  if (!(durationS > 0 && durationS <= MAX_FILTER_S)) throw new RangeError(`the filter takes sessions of up to ${MAX_FILTER_S} s`);
  let last = -Infinity;
  for (const { atS, untilS } of asked) {
    if (!(atS >= 0 && atS <= durationS)) throw new RangeError(`moment ${atS} lies outside the session`);
    if (!(untilS >= last)) throw new RangeError('moments must be in order of untilS');
    last = untilS;
  }
}

/** Strides from which the number of particles is the lasting one, and how many times more there are at most before. */
const SETTLED_STRIDES = 60;
const EARLY_TIMES = 6;

/** Weighted particles. Slot `capacity` of every array is the proposal under trial. */
class Cloud {
  private readonly lasting: number;
  private readonly capacity: number;
  private size: number;
  private readonly dims: number;
  private readonly lattice: number;
  private readonly pathWidth: number;
  private readonly law: SeverityLaw;
  private readonly quantiles: Float64Array;
  private readonly likelihood: ReturnType<typeof strideLikelihood>;
  private readonly random: RandomStream;
  private z: Float64Array;
  private paths: Float64Array;
  private sums: Float64Array;
  /** Twice the profile, plus one where the left is affected. */
  private kinds: Uint8Array;
  private readonly logLikelihood: Float64Array;
  private readonly logAtResampling: Float64Array;
  private readonly weights: Float64Array;

  constructor(table: StrideMeasurements, options: BestFilterOptions) {
    this.lasting = options.particles ?? 400;
    this.capacity = EARLY_TIMES * this.lasting;
    this.size = this.capacity;
    this.lattice = latticeSize(options.durationS);
    this.dims = LATTICE_FROM + this.lattice;
    this.pathWidth = PATH_LATTICE + this.lattice;
    this.law = options.law;
    this.quantiles = expressionQuantiles(options.law);
    this.likelihood = strideLikelihood(table);
    this.random = createRandom(options.seed ?? 1, 0xbe57);
    const slots = this.capacity + 1;
    this.z = Float64Array.from({ length: slots * this.dims }, () => this.random.normal());
    this.paths = new Float64Array(slots * this.pathWidth);
    this.sums = new Float64Array(slots * SUMS);
    this.kinds = Uint8Array.from({ length: slots }, (_, i) => this.drawKind((i + 0.5) / this.size));
    this.logLikelihood = new Float64Array(slots);
    this.logAtResampling = new Float64Array(slots);
    this.weights = new Float64Array(this.size).fill(1 / this.size);
    for (let i = 0; i < this.size; i += 1) this.derivePath(i);
  }

  /** Weighted share of particles whose severity is above the threshold. */
  probability(atS: number): number {
    const { cell, weight } = latticePlace(atS);
    let sum = 0;
    for (let i = 0; i < this.size; i += 1) {
      if (severityOn(this.paths, i * this.pathWidth, atS, cell, weight) > ALTERED_THRESHOLD) sum += this.weights[i]!;
    }
    const least = 0.5 / this.lasting;
    return Math.min(1 - least, Math.max(least, sum));
  }

  /** Takes strides [from, to) in; resamples and moves where the effective number has fallen below half. */
  advance(from: number, to: number, rounds: number): void {
    for (let i = 0; i < this.size; i += 1) {
      this.likelihood.add(this.paths, i * this.pathWidth, this.sideOf(i), this.sums, i * SUMS, from, to);
      this.logLikelihood[i] = this.likelihood.value(this.sums, i * SUMS);
    }
    if (this.weigh() > this.size / 2) return;
    this.resample(Math.ceil((this.lasting * SETTLED_STRIDES) / to));
    for (let round = 0; round < rounds; round += 1) this.move(to);
    this.logAtResampling.set(this.logLikelihood);
  }

  private drawKind(share: number): number {
    const [healthy, altered] = this.law.shares;
    const low = share < healthy ? 0 : share < healthy + altered ? healthy : healthy + altered;
    const width = share < healthy ? healthy : share < healthy + altered ? altered : 1 - healthy - altered;
    const profile = share < healthy ? 0 : share < healthy + altered ? 1 : 2;
    return 2 * profile + ((share - low) / width < 0.5 ? 0 : 1);
  }

  private sideOf(slot: number): number {
    return (this.kinds[slot]! & 1) === 1 ? 1 : -1;
  }

  private derivePath(slot: number): void {
    const profile = this.kinds[slot]! >> 1;
    pathOf(this.law, this.quantiles, profile, this.z, slot * this.dims, this.lattice, this.paths, slot * this.pathWidth);
  }

  /** Weights from the likelihood gained since resampling. Returns the effective number of particles. */
  private weigh(): number {
    let top = -Infinity;
    for (let i = 0; i < this.size; i += 1) top = Math.max(top, this.logLikelihood[i]! - this.logAtResampling[i]!);
    let total = 0;
    for (let i = 0; i < this.size; i += 1) {
      this.weights[i] = Math.exp(this.logLikelihood[i]! - this.logAtResampling[i]! - top);
      total += this.weights[i]!;
    }
    let squares = 0;
    for (let i = 0; i < this.size; i += 1) {
      this.weights[i]! /= total;
      squares += this.weights[i]! ** 2;
    }
    return 1 / squares;
  }

  /** Systematic resampling to `wanted` particles (at least the lasting number, never more than now), each kept in proportion to its weight. */
  private resample(wanted: number): void {
    const [z, paths, sums, kinds] = [this.z.slice(), this.paths.slice(), this.sums.slice(), this.kinds.slice()];
    const logs = this.logLikelihood.slice();
    const size = Math.min(this.size, Math.max(this.lasting, wanted));
    const offset = this.random.next();
    let source = 0;
    let reached = this.weights[0]!;
    for (let i = 0; i < size; i += 1) {
      const place = (i + offset) / size;
      while (reached < place && source < this.size - 1) {
        source += 1;
        reached += this.weights[source]!;
      }
      this.z.set(z.subarray(source * this.dims, (source + 1) * this.dims), i * this.dims);
      this.paths.set(paths.subarray(source * this.pathWidth, (source + 1) * this.pathWidth), i * this.pathWidth);
      this.sums.set(sums.subarray(source * SUMS, (source + 1) * SUMS), i * SUMS);
      this.kinds[i] = kinds[source]!;
      this.logLikelihood[i] = logs[source]!;
    }
    this.size = size;
    this.weights.fill(1 / size);
  }

  /** One Metropolis step of every particle on the strides [0, strides). */
  private move(strides: number): void {
    const members = this.membersByKind();
    for (let i = 0; i < this.size; i += 1) {
      const logPrior = this.propose(i, members[this.kinds[i]!]!);
      const slot = this.capacity;
      this.derivePath(slot);
      this.sums.fill(0, slot * SUMS, (slot + 1) * SUMS);
      this.likelihood.add(this.paths, slot * this.pathWidth, this.sideOf(slot), this.sums, slot * SUMS, 0, strides);
      const logLikelihood = this.likelihood.value(this.sums, slot * SUMS);
      if (Math.log(1 - this.random.next()) < logLikelihood - this.logLikelihood[i]! + logPrior) this.accept(i, logLikelihood);
    }
  }

  private membersByKind(): number[][] {
    const members: number[][] = [[], [], [], [], [], []];
    for (let i = 0; i < this.size; i += 1) members[this.kinds[i]!]!.push(i);
    return members;
  }

  private accept(i: number, logLikelihood: number): void {
    const slot = this.capacity;
    this.z.copyWithin(i * this.dims, slot * this.dims, (slot + 1) * this.dims);
    this.paths.copyWithin(i * this.pathWidth, slot * this.pathWidth, (slot + 1) * this.pathWidth);
    this.sums.copyWithin(i * SUMS, slot * SUMS, (slot + 1) * SUMS);
    this.kinds[i] = this.kinds[slot]!;
    this.logLikelihood[i] = logLikelihood;
  }

  /**
   * Writes a proposal for particle i to the last slot; returns the log of the prior's ratio. Mostly a step along the difference of two
   * particles of the same kind in some of the coordinates; now and then a step towards the prior, or another kind at the same place.
   */
  private propose(i: number, peers: readonly number[]): number {
    const { dims, random, z } = this;
    const [own, slot] = [i * dims, this.capacity * dims];
    z.copyWithin(slot, own, own + dims);
    this.kinds[this.capacity] = this.kinds[i]!;
    const choice = random.next();
    if (choice < 0.06) {
      this.kinds[this.capacity] = this.drawKind(random.next());
      return 0;
    }
    if (choice < 0.16 || peers.length < 8) {
      // Reversible under the prior: its ratio cancels.
      const keep = choice < 0.08 ? 0 : 0.9;
      const share = random.uniform(0.1, 0.6);
      for (let d = 0; d < dims; d += 1)
        if (random.next() < share) z[slot + d] = keep * z[own + d]! + Math.sqrt(1 - keep * keep) * random.normal();
      return 0;
    }
    const a = peers[Math.floor(random.next() * peers.length)]! * dims;
    const b = peers[Math.floor(random.next() * peers.length)]! * dims;
    const share = random.next() < 0.5 ? 1 : random.uniform(0.15, 0.6);
    const gamma = random.next() < 0.1 ? 1 : (2.38 / Math.sqrt(2 * dims * share)) * random.uniform(0.5, 1.1);
    let logPrior = 0;
    for (let d = 0; d < dims; d += 1) {
      if (share < 1 && random.next() > share) continue;
      const next = z[own + d]! + gamma * (z[a + d]! - z[b + d]!) + 0.02 * (random.next() - 0.5);
      logPrior += 0.5 * (z[own + d]! * z[own + d]! - next * next);
      z[slot + d] = next;
    }
    return logPrior;
  }
}
