/**
 * One explanation from its row to its result: the window built again, held against its stored score, its background, Shapley values, and the row settled. Runs in
 * the explainer's thread (worker.ts), or in a test.
 */
import { hashOf } from '../align/grid.ts';
import { KinewatchError } from '../contracts/errors.ts';
import type { ModelContract } from '../contracts/model.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import { explainWindow } from '../score/explain/explain-window.ts';
import type { Scorer, StagedScorer, WindowInput } from '../score/ports.ts';
import type { RebuildStore } from '../shard/ports.ts';
import { rebuildWindow, type RebuiltWindow } from '../shard/rebuild.ts';
import { chooseBackground } from './choose-background.ts';
import type { ExplainStore, ExplainTask, QuietScore } from './ports.ts';

export interface Model {
  readonly contract: ModelContract;
  readonly scorer: Scorer;
  /** Of the same graph. */
  readonly staged: StagedScorer;
}

export interface ExplainTools {
  readonly store: ExplainStore;
  readonly frames: RebuildStore;
  /** @throws KinewatchError unknown-model and those of opening a graph */
  readonly modelOf: (version: string) => Promise<Model>;
  /** Awaited after each batch; what it throws ends the work. */
  readonly pause: () => Promise<void>;
  /** Milliseconds, from any moment on. */
  readonly nowMs: () => number;
}

/** The largest difference between a stored score and the rebuilt window's (NO-CROSSTALK allows as much); of the logit relative where it is beyond 1. */
const TOLERANCE = 1e-5;
/** A claim lasts this long and is renewed while the work goes on (chosen: what a dead thread's explanation waits for). */
const LEASE_MS = 60_000;

/** Thrown by a pause: the work is put down, to be taken up again at once. */
const STOPPED = 'explainer-closed';

/** What a person can act on or must know; anything else is a fault, and the row stays pending for another try. */
const REFUSALS: ReadonlySet<string> = new Set([
  'explain-not-rebuilt',
  'explain-not-the-score',
  'explain-no-score',
  'explain-background',
  'explain-nothing-observed',
  'explain-budget',
  'unknown-model',
  'score-not-finite',
]);

/** Explains one row and settles it: done, or refused with the reason. A row that is not to be had is left alone. @throws what is nobody's refusal */
export async function explainScore(tools: ExplainTools, id: string): Promise<void> {
  const task = await tools.store.claim(id, LEASE_MS);
  if (task === null) return;
  try {
    await explain({ ...tools, pause: renewing(tools, id) }, task);
  } catch (error) {
    const code = error instanceof KinewatchError ? error.code : '';
    if (code === STOPPED) await tools.store.release(id);
    if (!(error instanceof KinewatchError) || !REFUSALS.has(code)) throw error;
    await tools.store.refuse(id, { code, detail: error.message });
  }
}

/** The pause, with the claim renewed in time: a busy machine may leave the lowest priority waiting. */
function renewing({ store, pause, nowMs }: ExplainTools, id: string): () => Promise<void> {
  let renewedMs = nowMs();
  return async () => {
    await pause();
    if (nowMs() - renewedMs < LEASE_MS / 3) return;
    renewedMs = nowMs();
    await store.renew(id, LEASE_MS);
  };
}

async function explain(tools: ExplainTools, task: ExplainTask): Promise<void> {
  const begun = tools.nowMs();
  const score = await tools.store.score(task);
  if (score === null || score.state === null)
    throw new KinewatchError('explain-no-score', `window ${task.windowIndex} has no score to explain`);
  const { contract, scorer, staged } = await tools.modelOf(task.modelVersion);
  const { input, ownScale } = await rebuilt(tools, scorer, contract, score);
  const rebuild = (quiet: QuietScore): Promise<WindowInput | null> =>
    rebuilt(tools, scorer, contract, quiet).then((one) => one.input, ifRefused);
  const { own, squad } = await chooseBackground({ store: tools.store, contract, rebuild }, task, score, input);
  const explanation = await explainWindow(staged, {
    contract,
    window: input,
    own: own.map((one) => one.input),
    squad: squad.map((one) => one.input),
    grain: task.grain,
    ownScale,
    random: randomOf(task),
    pause: tools.pause,
  });
  const used = [...own, ...squad].map(({ athleteId, windowIndex }) => ({ athleteId, windowIndex }));
  await tools.store.save(task.id, explanation, used, tools.nowMs() - begun);
}

/** A quiet window that cannot be had is passed over. */
function ifRefused(error: unknown): null {
  if (error instanceof KinewatchError && REFUSALS.has(error.code)) return null;
  throw error;
}

/**
 * The window as it was scored.
 * @throws KinewatchError explain-not-the-score where what is built now does not answer what was stored: an explanation of it would be of something else
 */
async function rebuilt(
  { frames, pause }: ExplainTools,
  scorer: Scorer,
  contract: ModelContract,
  score: Pick<ScoredWindow, 'athleteId' | 'windowIndex' | 'stateLogit'>,
): Promise<RebuiltWindow> {
  const window = await rebuildWindow(frames, scorer, contract, score, pause);
  const stored = score.stateLogit ?? Number.NaN;
  const difference = Math.abs(window.output.stateLogit - stored);
  if (!(difference <= TOLERANCE * Math.max(1, Math.abs(stored)))) {
    throw new KinewatchError(
      'explain-not-the-score',
      `window ${score.windowIndex} built again has logit ${window.output.stateLogit}, its stored score ${stored}: what it was scored from is not what is stored now`,
    );
  }
  return window;
}

/** mulberry32, from what is asked: the same question has the same answer. */
function randomOf({ athleteId, windowIndex, grain }: ExplainTask): () => number {
  let state = hashOf(`${athleteId} ${windowIndex} ${grain}`);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
