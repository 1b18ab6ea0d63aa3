/**
 * PURE. Who plays: the parts of a window that an explanation names, and windows in which some parts are the explained window's and the rest a background's.
 */
import type { ModelContract, ScalarChannel } from '../../contracts/model.ts';
import type { WindowInput } from '../ports.ts';
import { isMember, type Coalition } from './coalitions.ts';

/** `sensor`: one player a sensor (both feet, trunk, plates, muscles, joint angles); `channel`: one a movement channel. Scalars are named in both. */
export type Grain = 'sensor' | 'channel';
export type Branch = 'bio' | 'phys' | 'perf' | 'context';
const SCALARS = ['phys', 'perf', 'context'] as const;

/** Value and mask together, all steps of the window. `history` stands for the recurrent state and the hops since it was made. */
export type Player =
  | { readonly kind: Branch; readonly name: string; readonly channels: readonly number[] }
  | { readonly kind: 'history'; readonly name: 'history' };

const HISTORY: Player = { kind: 'history', name: 'history' };
const MASK_OF = { bio: 'bioMask', phys: 'physMask', perf: 'perfMask', context: 'contextMask' } as const;

const hasHistory = (window: WindowInput): boolean => window.elapsedHops > 0;

/** Indices of the channels that were observed at any step. */
function observedIn(window: WindowInput, branch: Branch, channels: number): number[] {
  const mask = window[MASK_OF[branch]];
  const seen = new Set<number>();
  for (let i = 0; i < mask.length; i += 1) if (mask[i] !== 0) seen.add(i % channels);
  return [...seen].toSorted((a, b) => a - b);
}

/** The sensor of a movement channel: "foot-left" of "foot-left.ax". */
const sensorOf = (name: string): string => name.split('.')[0] ?? name;

/** Players in the contract's order, `history` last. Channels that the window did not observe have none, nor has a history it did not have. */
export function playersOf(contract: ModelContract, window: WindowInput, grain: Grain): readonly Player[] {
  const sensors = new Map<string, number[]>();
  for (const index of observedIn(window, 'bio', contract.bio.length)) {
    const channel = contract.bio[index]?.name ?? '';
    const name = grain === 'sensor' ? sensorOf(channel) : channel;
    sensors.set(name, [...(sensors.get(name) ?? []), index]);
  }
  const bio = [...sensors].map(([name, channels]): Player => ({ kind: 'bio', name, channels }));
  const scalars = SCALARS.flatMap((kind) =>
    observedIn(window, kind, contract[kind].length).map((index): Player => ({
      kind,
      name: (contract[kind][index] as ScalarChannel).name,
      channels: [index],
    })),
  );
  return [...bio, ...scalars, ...(hasHistory(window) ? [HISTORY] : [])];
}

/** A background must have observed whatever the window observed: its value there stands for "normal", and a mask would stand for "no sensor". */
export function isComparable(contract: ModelContract, players: readonly Player[], background: WindowInput): boolean {
  const observed = (branch: Branch): ReadonlySet<number> => new Set(observedIn(background, branch, contract[branch].length));
  const seen = { bio: observed('bio'), phys: observed('phys'), perf: observed('perf'), context: observed('context') };
  return players.every((player) =>
    player.kind === 'history' ? hasHistory(background) : player.channels.every((channel) => seen[player.kind].has(channel)),
  );
}

/** Whether the player's part is the same in both windows: such a player changes nothing. */
export function isSame(contract: ModelContract, player: Player, a: WindowInput, b: WindowInput): boolean {
  if (player.kind === 'history') {
    return a.elapsedHops === b.elapsedHops && (['final', 'a', 'h'] as const).every((part) => areEqual(a.state[part], b.state[part]));
  }
  const width = contract[player.kind].length;
  return [player.kind, MASK_OF[player.kind]].every((name) =>
    player.channels.every((channel) => areEqualAt(a[name], b[name], channel, width)),
  );
}

const areEqual = (a: Float32Array, b: Float32Array): boolean => areEqualAt(a, b, 0, 1);

function areEqualAt(a: Float32Array, b: Float32Array, from: number, stride: number): boolean {
  for (let i = from; i < a.length; i += stride) if (a[i] !== b[i]) return false;
  return true;
}

/** Memory for one mixed window's movement, used again for the next; and for all else of it. */
export type MovementMixture = Pick<WindowInput, 'bio' | 'bioMask'>;
export type RestMixture = Omit<WindowInput, 'bio' | 'bioMask' | 'state' | 'elapsedHops'>;

export const createMovementMixture = (window: WindowInput): MovementMixture => ({
  bio: new Float32Array(window.bio.length),
  bioMask: new Float32Array(window.bio.length),
});

export const createRestMixture = (window: WindowInput): RestMixture => ({
  phys: new Float32Array(window.phys.length),
  physMask: new Float32Array(window.phys.length),
  perf: new Float32Array(window.perf.length),
  perfMask: new Float32Array(window.perf.length),
  context: new Float32Array(window.context.length),
  contextMask: new Float32Array(window.context.length),
});

/**
 * The window's movement with the parts of players outside the coalition taken from the background. What has no player stays as in the window: a channel
 * that it did not observe is masked in every mixture. The arrays are `memory`'s, overwritten by the next call with it.
 */
export function mixMovement(
  contract: ModelContract,
  players: readonly Player[],
  coalition: Coalition,
  window: WindowInput,
  background: WindowInput,
  memory: MovementMixture,
): MovementMixture {
  memory.bio.set(window.bio);
  memory.bioMask.set(window.bioMask);
  players.forEach((player, i) => {
    if (player.kind !== 'bio' || isMember(coalition, i)) return;
    for (const channel of player.channels) {
      copyChannel(background.bio, memory.bio, channel, contract.bio.length);
      copyChannel(background.bioMask, memory.bioMask, channel, contract.bio.length);
    }
  });
  return memory;
}

/** The same of all else: scalars, and the state that was carried into the window. */
export function mixRest(
  contract: ModelContract,
  players: readonly Player[],
  coalition: Coalition,
  window: WindowInput,
  background: WindowInput,
  memory: RestMixture,
): Omit<WindowInput, 'bio' | 'bioMask'> {
  for (const branch of SCALARS) {
    memory[branch].set(window[branch]);
    memory[MASK_OF[branch]].set(window[MASK_OF[branch]]);
  }
  let carried = window;
  players.forEach((player, i) => {
    if (player.kind === 'bio' || isMember(coalition, i)) return;
    if (player.kind === 'history') {
      carried = background;
      return;
    }
    for (const name of [player.kind, MASK_OF[player.kind]] as const) {
      for (const channel of player.channels) copyChannel(background[name], memory[name], channel, contract[player.kind].length);
    }
  });
  return { ...memory, state: carried.state, elapsedHops: carried.elapsedHops };
}

function copyChannel(from: Float32Array, to: Float32Array, channel: number, width: number): void {
  for (let i = channel; i < to.length; i += width) to[i] = from[i] as number;
}
