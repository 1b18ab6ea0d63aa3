/** What stands for normal in an explanation: a few quiet windows of the athlete's own and of the squad, stored ones first, else built again and stored. */
import type { ModelContract } from '../contracts/model.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import { isComparable, playersOf } from '../score/explain/players.ts';
import type { WindowInput } from '../score/ports.ts';
import { packWindow, unpackWindow } from './pack-window.ts';
import type { ExplainStore, ExplainTask, QuietScore, QuietSearch, StoredBackground, UsedBackground } from './ports.ts';

/** Windows of the athlete's own, and of as many others of the squad (chosen: four backgrounds leave room for ten players to be enumerated). */
const WANTED = 2;
/** BOUNDED: windows built again for each of the two sides, since each costs up to a minute's replay. */
const MAX_TRIES = 4;

export interface QuietWindow extends UsedBackground {
  readonly input: WindowInput;
}

export interface Background {
  readonly own: readonly QuietWindow[];
  readonly squad: readonly QuietWindow[];
}

export interface BackgroundSources {
  readonly store: ExplainStore;
  readonly contract: ModelContract;
  /** The window of a score as it was scored; null where it cannot be had. */
  readonly rebuild: (score: QuietScore) => Promise<WindowInput | null>;
}

/** Every scalar and movement channel that `score` observed, `other` observed too. */
export const covers = (other: Observed, score: Observed): boolean =>
  (['channelSummary', 'phys', 'perf'] as const).every((part) =>
    score[part].every((value, i) => Number.isNaN(value) || !Number.isNaN(other[part][i] ?? Number.NaN)),
  );
type Observed = Pick<ScoredWindow, 'channelSummary' | 'phys' | 'perf'>;

/**
 * Deterministic in what is stored. May give fewer than wanted, or none: who explains decides whether that is enough.
 * @param window the tensors of the score that is explained
 */
export async function chooseBackground(
  { store, contract, rebuild }: BackgroundSources,
  task: ExplainTask,
  score: ScoredWindow,
  window: WindowInput,
): Promise<Background> {
  const { athleteId, teamId, modelVersion, windowIndex } = task;
  const search: QuietSearch = {
    athleteId,
    teamId,
    modelVersion,
    activity: score.activity,
    beforeIndex: windowIndex,
    maxState: contract.thresholds.low,
  };
  const players = playersOf(contract, window, 'sensor');
  const fits = ({ input }: QuietWindow): boolean => isComparable(contract, players, input);
  const unpacked = ({ packed, ...one }: StoredBackground): QuietWindow => ({ ...one, input: unpackWindow(packed, contract) });
  const stored = await store.storedBackgrounds(search);
  const own = stored.own.map(unpacked).filter(fits).slice(0, WANTED);
  const squad = oneEach(stored.squad.map(unpacked).filter(fits)).slice(0, WANTED);
  if (own.length === WANTED && squad.length === WANTED) return { own: inOrder(own), squad: inOrder(squad) };
  const candidates = await store.quietScores(search);
  const complete = async (have: readonly QuietWindow[], from: readonly QuietScore[], each: boolean): Promise<QuietWindow[]> => {
    const found = [...have];
    const tries = from.filter((one) => covers(one, score)).slice(0, MAX_TRIES);
    for (const one of tries) {
      if (found.length >= WANTED) break;
      if (each && found.some((other) => other.athleteId === one.athleteId)) continue;
      const input = await rebuild(one);
      if (input === null) continue;
      await store.saveBackground(one, packWindow(input));
      const background = { athleteId: one.athleteId, windowIndex: one.windowIndex, input };
      if (fits(background)) found.push(background);
    }
    return found;
  };
  return {
    own: inOrder(await complete(own, candidates.own, false)),
    squad: inOrder(await complete(squad, candidates.squad, true)),
  };
}

/** The same windows in the same order, wherever they came from: sums are rounded alike. */
const inOrder = (windows: readonly QuietWindow[]): QuietWindow[] =>
  windows.toSorted((a, b) => a.windowIndex - b.windowIndex || (a.athleteId < b.athleteId ? -1 : 1));

/** The first of each athlete. */
function oneEach(backgrounds: readonly QuietWindow[]): QuietWindow[] {
  const seen = new Set<string>();
  return backgrounds.filter(({ athleteId }) => !seen.has(athleteId) && seen.add(athleteId));
}
