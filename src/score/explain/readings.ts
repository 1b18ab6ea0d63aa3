/** PURE. What a player's part of a window measured, beside what it measures in the background: figures for a person to hold the contribution against. */
import type { ModelContract } from '../../contracts/model.ts';
import type { WindowInput } from '../ports.ts';
import type { Player } from './players.ts';

export interface Reading {
  readonly value: number;
  /** Mean of the same over the background windows. */
  readonly normal: number;
  readonly unit: string;
}

/** Unit of a movement reading without the athlete's own scale: standard deviations of the athlete's own baseline. */
export const OWN_SD = 'SD';

/**
 * A scalar's value in its own unit. For movement the root mean square of z over the player's channels and observed steps, in the athlete's own SD;
 * for one channel whose scale is given, times that scale: the spread about the athlete's own mean in the channel's unit. Null for `history`.
 * @param ownScale scale of each movement channel in the athlete's baseline of the window's activity class, in the channel's unit
 */
export function readingOf(
  contract: ModelContract,
  player: Player,
  window: WindowInput,
  backgrounds: readonly WindowInput[],
  ownScale?: Float32Array,
): Reading | null {
  if (player.kind === 'history') return null;
  const [read, unit] = player.kind === 'bio' ? movementReader(contract, player.channels, ownScale) : scalarReader(contract, player);
  return { value: read(window), normal: backgrounds.reduce((sum, own) => sum + read(own), 0) / backgrounds.length, unit };
}

type Reader = readonly [read: (window: WindowInput) => number, unit: string];

function scalarReader(contract: ModelContract, { kind, channels }: Exclude<Player, { kind: 'history' }>): Reader {
  const [index = 0] = channels;
  const channel = kind === 'bio' ? undefined : contract[kind][index];
  const { location, scale } = channel?.prior ?? { location: 0, scale: 1 };
  return [(window) => location + scale * (window[kind][index] as number), channel?.unit ?? ''];
}

function movementReader(contract: ModelContract, channels: readonly number[], ownScale: Float32Array | undefined): Reader {
  const width = contract.bio.length;
  const spread = (window: WindowInput): number => {
    let [count, squares] = [0, 0];
    for (const channel of channels) {
      for (let i = channel; i < window.bio.length; i += width) {
        const observed = window.bioMask[i] as number;
        count += observed;
        squares += observed * (window.bio[i] as number) ** 2;
      }
    }
    return Math.sqrt(squares / count);
  };
  const [only] = channels;
  if (ownScale === undefined || channels.length !== 1 || only === undefined) return [spread, OWN_SD];
  const scale = ownScale[only] as number;
  return [(window) => scale * spread(window), contract.bio[only]?.unit ?? ''];
}
