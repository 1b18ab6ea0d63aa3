import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isMember,
  planCoalitions as planWithin,
  type Attribution,
  type CoalitionPlan,
  type Evaluation,
} from '../../src/score/explain/coalitions.ts';
import { randomFrom } from '../support/athlete-frames.ts';

type Game = (evaluation: Evaluation) => number;
const play = (plan: CoalitionPlan, game: Game): Attribution => plan.attribute(plan.evaluations.map(game));
const sumOf = (values: Iterable<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0);
/** A game without any structure: a value of its own for each coalition and background, but one for the coalition of all. */
const drawnGame =
  (players: number, seed: number): Game =>
  ({ coalition, background }) => {
    const everybody = coalition === (1n << BigInt(players)) - 1n;
    return 20 * randomFrom(seed * 7_919 + Number(coalition) * 101 + (everybody ? 0 : background))() - 10;
  };
/** A plan of which only the number of values is bounded. */
const planCoalitions = (players: number, backgrounds: number, evaluations: number, random: () => number): CoalitionPlan =>
  planWithin(players, backgrounds, { evaluations, dearSets: Number.POSITIVE_INFINITY, isDear: () => false }, random);
const exactPlan = (players: number, backgrounds: number): CoalitionPlan => planCoalitions(players, backgrounds, 1e6, () => 0);
/** Enough to enumerate some players in a round or two, and not for all coalitions. */
const sampledPlan = (players: number, backgrounds: number, seed: number): CoalitionPlan =>
  planCoalitions(players, backgrounds, (2 + (seed % 9)) * 2 * players * backgrounds, randomFrom(seed));

const players = fc.integer({ min: 1, max: 7 });
const manyPlayers = fc.integer({ min: 9, max: 20 });
const backgrounds = fc.integer({ min: 1, max: 5 });
const seed = fc.integer({ min: 0, max: 1e6 });

describe('planCoalitions', () => {
  it('adds up to full minus base, whatever the game', () => {
    fc.assert(
      fc.property(players, manyPlayers, backgrounds, seed, (few, many, count, drawn) => {
        for (const [plan, size] of [
          [exactPlan(few, count), few],
          [sampledPlan(many, count, drawn), many],
        ] as const) {
          expect(plan.enumerated === size).toBe(size === few);
          const game = drawnGame(size, drawn);
          const { base, full, contributions } = play(plan, game);
          expect(Math.abs(sumOf(contributions) - (full - base))).toBeLessThan(1e-9);
          const empties = Array.from({ length: count }, (_, background) => game({ coalition: 0n, background }));
          expect(base).toBeCloseTo(sumOf(empties) / count, 9);
          expect(full).toBe(game({ coalition: (1n << BigInt(size)) - 1n, background: 0 }));
        }
      }),
    );
  });

  it('gives a player who changes nothing exactly nothing', () => {
    fc.assert(
      fc.property(manyPlayers, backgrounds, seed, fc.integer({ min: 0, max: 6 }), (many, count, drawn, idle) => {
        for (const [plan, size] of [
          [exactPlan(7, count), 7],
          [sampledPlan(many, count, drawn), many],
        ] as const) {
          const game = drawnGame(size, drawn);
          const bit = 1n << BigInt(idle);
          const { contributions } = play(plan, ({ coalition, background }) => game({ coalition: coalition | bit, background }));
          expect(contributions[idle]).toBe(0);
        }
      }),
    );
  });

  it('gives two players who can stand for each other the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 7 }), backgrounds, seed, (size, count, drawn) => {
        const game = drawnGame(size, drawn);
        const swapped = (coalition: bigint): bigint => {
          const [a, b] = [coalition & 1n, (coalition >> 1n) & 1n];
          return (coalition & ~3n) | (a << 1n) | b;
        };
        const even: Game = ({ coalition, background }) =>
          game({ coalition, background }) + game({ coalition: swapped(coalition), background });
        const { contributions } = play(exactPlan(size, count), even);
        expect(contributions[0]).toBeCloseTo(contributions[1]!, 9);
      }),
    );
  });

  it('finds the known values of the glove game: one left glove, two right ones', () => {
    const pairs: Game = ({ coalition }) => (isMember(coalition, 0) && (isMember(coalition, 1) || isMember(coalition, 2)) ? 1 : 0);
    const { contributions } = play(exactPlan(3, 1), pairs);
    expect(contributions[0]).toBeCloseTo(4 / 6, 12);
    expect(contributions[1]).toBeCloseTo(1 / 6, 12);
    expect(contributions[2]).toBeCloseTo(1 / 6, 12);
  });

  it('samples without error where interactions are between two players: a pair of a permutation and its reverse sees both orders', () => {
    fc.assert(
      fc.property(manyPlayers, backgrounds, seed, (many, count, drawn) => {
        const random = randomFrom(drawn);
        const alone = Array.from({ length: many * count }, () => random() - 0.5);
        const together = Array.from({ length: many * many * count }, () => random() - 0.5);
        const members = (coalition: bigint): number[] => Array.from({ length: many }, (_, i) => i).filter((i) => isMember(coalition, i));
        const game: Game = ({ coalition, background }) => {
          const inside = members(coalition);
          if (inside.length === many) return 3;
          const own = sumOf(inside.map((i) => alone[background * many + i]!));
          return own + sumOf(inside.flatMap((i) => inside.filter((j) => j > i).map((j) => together[(background * many + i) * many + j]!)));
        };
        // What completes each background's game to the common value of all is put on the first player alone.
        const rest = Array.from({ length: count }, (_, background) => {
          const own = sumOf(alone.slice(background * many, (background + 1) * many));
          let pairs = 0;
          for (let i = 0; i < many; i += 1) for (let j = i + 1; j < many; j += 1) pairs += together[(background * many + i) * many + j]!;
          return 3 - own - pairs;
        });
        const completed: Game = ({ coalition, background }) =>
          coalition === (1n << BigInt(many)) - 1n ? 3 : game({ coalition, background }) + (isMember(coalition, 0) ? rest[background]! : 0);
        const plan = sampledPlan(many, count, drawn);
        expect(plan.enumerated).toBeLessThan(many - 2);
        const { contributions } = play(plan, completed);
        for (let player = 0; player < many; player += 1) {
          let wanted = 0;
          for (let b = 0; b < count; b += 1) {
            wanted += alone[b * many + player]! + (player === 0 ? rest[b]! : 0);
            for (let other = 0; other < many; other += 1) {
              const [i, j] = [Math.min(player, other), Math.max(player, other)];
              if (i !== j) wanted += 0.5 * together[(b * many + i) * many + j]!;
            }
          }
          expect(contributions[player]).toBeCloseTo(wanted / count, 9);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('asks for each value once, for no more than it may, and never for more than there are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 }), backgrounds, fc.integer({ min: 300, max: 3_000 }), seed, (size, count, most, drawn) => {
        const plan = planCoalitions(size, count, most, randomFrom(drawn));
        expect(plan.evaluations.length).toBeLessThanOrEqual(most);
        expect(new Set(plan.evaluations.map(({ coalition, background }) => `${coalition} ${background}`)).size).toBe(
          plan.evaluations.length,
        );
        expect(plan.enumerated === size).toBe((2 ** size - 1) * count + 1 <= most);
      }),
    );
  });

  it('meets no more sets of dear players than it may, unless even one round does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        backgrounds,
        fc.integer({ min: 200, max: 900 }),
        seed,
        (size, dear, count, most, drawn) => {
          const isDear = (player: number): boolean => player > 0 && player <= dear;
          const plan = planWithin(size, count, { evaluations: 4_000, dearSets: most, isDear }, randomFrom(drawn));
          let bits = 0n;
          for (let player = 0; player < size; player += 1) if (isDear(player)) bits |= 1n << BigInt(player);
          const met = new Set(plan.evaluations.map(({ coalition, background }) => `${coalition & bits} ${background}`));
          expect(met.size).toBeLessThanOrEqual(most);
          expect(plan.evaluations.length).toBeLessThanOrEqual(4_000);
        },
      ),
    );
  });

  it('leaves nothing to chance in what the enumerated players do together', () => {
    fc.assert(
      fc.property(seed, seed, (drawn, other) => {
        // Four players tangled at will; each of the others has an effect of its own and one with the first.
        const game = drawnGame(4, drawn);
        const tangled: Game = ({ coalition }) => {
          let sum = game({ coalition: coalition & 15n, background: 0 });
          for (let i = 4; i < 12; i += 1) if (isMember(coalition, i)) sum += isMember(coalition, 0) ? 2 * i : i - 7;
          return sum;
        };
        const plan = planCoalitions(12, 1, 2 ** 4 * 2 * 8, randomFrom(other));
        expect(plan.enumerated).toBe(4);
        const sampled = play(plan, tangled).contributions;
        const wanted = play(exactPlan(12, 1), tangled).contributions;
        for (let player = 0; player < 12; player += 1) expect(sampled[player]).toBeCloseTo(wanted[player]!, 9);
      }),
      { numRuns: 10 },
    );
  });

  it('ends with random numbers that never change', () => {
    expect(planCoalitions(12, 1, 2_000, () => 0).evaluations.length).toBeLessThanOrEqual(2_000);
  });

  it('refuses what cannot be planned', () => {
    expect(() => planCoalitions(3, 0, 100, () => 0)).toThrow(RangeError);
    expect(() => planCoalitions(40, 8, 100, () => 0)).toThrow(expect.objectContaining({ code: 'explain-budget' }));
  });
});
