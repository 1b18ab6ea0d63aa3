/** Population priors: robust location and scale of each bio channel and activity class, mean and SD of the scalars, over training athletes. */
import { ACTIVITY_CLASSES, type ActivityClass, type LocationScale, type ModelContract, type ScalarChannel } from '../../contracts/model.ts';
import type { WindowInput } from '../../score/ports.ts';
import { huber, stepLocation, stepScale } from '../../signal/running-statistics.ts';
import { createRandom } from '../../simulate/random.ts';

const UNIT: LocationScale = { location: 0, scale: 1 };
/** Values kept of a channel and class: the standard error of a location is then below 1 % of the scale. */
const RESERVOIR = 16_384;
/** Every eighth step of a window: neighbours at 100 Hz say nearly the same. */
const STRIDE_STEPS = 8;
/** A prior's scale is at least this share of the channel's scale over all classes: a resting gyroscope must not make a touch of the shoe z = 8. */
const SCALE_FLOOR = 0.02;

/** What the meter reads of a window. */
export type PriorInput = Pick<WindowInput, 'bio' | 'bioMask' | 'phys' | 'physMask' | 'perf' | 'perfMask' | 'context' | 'contextMask'>;

/** A copy of what the meter would read: every eighth row, so that a window costs 7 kB on its way from a thread. Add it with everyRow 1. */
export function thinWindow(input: WindowInput, channels: number): PriorInput {
  const rows = (values: Float32Array): Float32Array => {
    const kept = new Float32Array(Math.ceil(values.length / channels / STRIDE_STEPS) * channels);
    for (let row = 0; row * channels < kept.length; row += 1) {
      kept.set(values.subarray(row * STRIDE_STEPS * channels, (row * STRIDE_STEPS + 1) * channels), row * channels);
    }
    return kept;
  };
  const { phys, physMask, perf, perfMask, context, contextMask } = input;
  return {
    bio: rows(input.bio),
    bioMask: rows(input.bioMask),
    phys: phys.slice(),
    physMask: physMask.slice(),
    perf: perf.slice(),
    perfMask: perfMask.slice(),
    context: context.slice(),
    contextMask: contextMask.slice(),
  };
}

interface Reservoir {
  readonly values: Float32Array;
  seen: number;
}

/** Where no window of a class was seen, another class stands in: jumping is nearest to running. */
const STAND_IN: Readonly<Record<ActivityClass, readonly ActivityClass[]>> = {
  rest: ['walk', 'run'],
  walk: ['run', 'rest'],
  run: ['walk', 'rest'],
  jump: ['run', 'walk'],
};

/**
 * Gathers raw windows (of a pipeline with the blank contract and frozen baselines) and measures priors. Deterministic.
 * Channels that nobody had keep location 0 and scale 1: they are masked in training and serving alike until they are measured.
 */
export class PriorMeter {
  private readonly contract: ModelContract;
  private readonly random = createRandom(0x7072696f);
  private readonly bio = new Map<string, Reservoir>();
  private readonly scalars = new Map<string, { sum: number; squares: number; count: number }>();

  constructor(contract: ModelContract) {
    this.contract = contract;
  }

  /** Adds a window of an activity class; of its rows every eighth, or as told where it has been thinned. */
  add(input: PriorInput, activity: ActivityClass, everyRow = STRIDE_STEPS): void {
    const channels = this.contract.bio.length;
    for (let c = 0; c < channels; c += 1) {
      const reservoir = this.reservoir(activity, c);
      for (let at = c; at < input.bio.length; at += everyRow * channels) {
        if (input.bioMask[at] !== 0) this.keep(reservoir, input.bio[at]!);
      }
    }
    this.addScalars('phys', input.phys, input.physMask);
    this.addScalars('perf', input.perf, input.perfMask);
    this.addScalars('context', input.context, input.contextMask);
  }

  /** The contract with the measured priors and the given clip. */
  finish(zClip: number): ModelContract {
    const { contract } = this;
    return {
      ...contract,
      zClip,
      bio: contract.bio.map((channel, c) => ({ ...channel, prior: this.bioPrior(c) })),
      phys: contract.phys.map((channel, i) => this.withPrior('phys', channel, i)),
      perf: contract.perf.map((channel, i) => this.withPrior('perf', channel, i)),
      context: contract.context.map((channel, i) => this.withPrior('context', channel, i)),
    };
  }

  private reservoir(activity: ActivityClass, channel: number): Reservoir {
    const key = `${activity}/${channel}`;
    const found = this.bio.get(key);
    if (found !== undefined) return found;
    const made = { values: new Float32Array(RESERVOIR), seen: 0 };
    this.bio.set(key, made);
    return made;
  }

  /** Algorithm R (Vitter 1985). */
  private keep(reservoir: Reservoir, value: number): void {
    const place = reservoir.seen < RESERVOIR ? reservoir.seen : Math.floor(this.random.next() * (reservoir.seen + 1));
    if (place < RESERVOIR) reservoir.values[place] = value;
    reservoir.seen += 1;
  }

  private addScalars(group: string, values: Float32Array, mask: Float32Array): void {
    for (let i = 0; i < values.length; i += 1) {
      if (mask[i] === 0) continue;
      const key = `${group}/${i}`;
      const sums = this.scalars.get(key) ?? { sum: 0, squares: 0, count: 0 };
      sums.sum += values[i]!;
      sums.squares += values[i]! ** 2;
      sums.count += 1;
      this.scalars.set(key, sums);
    }
  }

  private withPrior(group: string, channel: ScalarChannel, index: number): ScalarChannel {
    const sums = this.scalars.get(`${group}/${index}`);
    if (sums === undefined || sums.count < 2) return { ...channel, prior: UNIT };
    const location = sums.sum / sums.count;
    const variance = Math.max(0, sums.squares / sums.count - location * location);
    return { ...channel, prior: { location, scale: variance > 1e-12 ? Math.sqrt(variance) : 1 } };
  }

  private bioPrior(channel: number): Record<ActivityClass, LocationScale> {
    const measured = new Map<ActivityClass, LocationScale>();
    for (const activity of ACTIVITY_CLASSES) {
      const reservoir = this.bio.get(`${activity}/${channel}`);
      if (reservoir !== undefined && reservoir.seen >= 256) {
        measured.set(activity, robustLocationScale(reservoir.values.subarray(0, Math.min(RESERVOIR, reservoir.seen))));
      }
    }
    const largest = Math.max(0, ...[...measured.values()].map((prior) => prior.scale));
    const priorOf = (activity: ActivityClass): LocationScale => {
      const source = [activity, ...STAND_IN[activity]].find((candidate) => measured.has(candidate));
      const prior = source === undefined ? UNIT : measured.get(source)!;
      return { location: prior.location, scale: Math.max(prior.scale, SCALE_FLOOR * largest) };
    };
    return { rest: priorOf('rest'), walk: priorOf('walk'), run: priorOf('run'), jump: priorOf('jump') };
  }
}

/** The fixed point of the service's own running estimator (Huber location and scale) over the values, so that a baseline starts at rest. */
export function robustLocationScale(values: Float32Array): LocationScale {
  if (values.length === 0) return UNIT;
  let location = values.reduce((sum, value) => sum + value, 0) / values.length;
  let scale = Math.sqrt(values.reduce((sum, value) => sum + (value - location) ** 2, 0) / values.length);
  if (!(scale > 1e-9)) return { location, scale: 1 };
  const [lowest, highest] = [scale * 1e-3, scale * 10];
  for (let pass = 0; pass < 60; pass += 1) {
    let sum = 0;
    let squares = 0;
    for (const value of values) {
      const h = huber((value - location) / scale);
      sum += h;
      squares += h * h;
    }
    location = stepLocation(location, scale, sum / values.length, 1);
    scale = stepScale(scale, squares / values.length, 0.7, lowest, highest);
  }
  return { location, scale };
}
