/**
 * One athlete from stored frames to windows and scores: clocks, grid, baselines, model state, checkpoint. Wires align, normalise and the
 * model's carried state; PURE: no clock, no timer, no I/O. Scoring is a function of stored frames, stored receipt stamps, the hellos and the
 * athlete's context, nothing else (SCORED-IS-STORED): the same calls give the same windows bit for bit, also when cut at any
 * point and continued from a checkpoint.
 *
 * Frames are consumed only while no window is in flight, one at a time, and due windows are looked for after each: so neither batching nor
 * the speed of the scorer can change what a window sees.
 *
 * A frame's way through the folder `athlete/`: frame-queue, place-frame (adopt-hello, tick-clock, follow-streams), next-due-window, build-window
 * (window-features, window-scalars), then, scored elsewhere, scored-window, finish-window, take-checkpoint, clock-report. What they move is athlete-state.
 */
import { KinewatchError } from '../contracts/errors.ts';
import type { NewObservation } from '../contracts/observation.ts';
import type { ScoredWindow } from '../contracts/score.ts';
import type { OpenedStream } from '../contracts/stream.ts';
import type { WindowOutput } from '../score/ports.ts';
import { keepHello, restoreHellos } from './athlete/adopt-hello.ts';
import { createAthleteState, type ClockJump, type PipelineOptions, type PipelineStats } from './athlete/athlete-state.ts';
import { buildWindow, createWindowBench, type BuiltWindow, type DueWindow } from './athlete/build-window.ts';
import { clockReport } from './athlete/clock-report.ts';
import { finishWindow } from './athlete/finish-window.ts';
import { createFrameQueue } from './athlete/frame-queue.ts';
import { nextDueIndex } from './athlete/next-due-window.ts';
import { isNew, placeFrame } from './athlete/place-frame.ts';
import { scoredWindow, unscoredWindow } from './athlete/scored-window.ts';
import { takeCheckpoint } from './athlete/take-checkpoint.ts';
import type { AthleteContext } from './ports.ts';

export type { ClockJump, DueWindow, PipelineOptions, PipelineStats };

export interface Completed {
  readonly scored: ScoredWindow;
  readonly checkpoint: Uint8Array<ArrayBuffer>;
  /** What the pipeline builds windows with beside frames: from it and the checkpoint the windows that follow can be built again. */
  readonly athlete: AthleteContext;
  /** What the device clocks tell with this window; null: nothing. */
  readonly clocks: NewObservation | null;
}

export interface AthletePipeline {
  readonly athleteId: string;
  /** A hello's stream. All streams of one hello are opened together, before the first frame that followed it. */
  open(stream: OpenedStream): void;
  /** Queues a stored frame; frames come in receipt order. `bytes` is kept until it is consumed. */
  push(streamId: number, sequence: number, receivedUs: number, bytes: Uint8Array): void;
  /** All frames that the checkpoint had already seen have been pushed again. Implied by the first frame that is new. */
  endRefill(): void;
  /** Consumes frames until a window falls due; null where none is, or while one is in flight. */
  takeDue(): DueWindow | null;
  /**
   * Ends the window in flight: baselines move, model state is carried (unchanged where output is null), the fence advances.
   * @throws KinewatchError score-not-finite where the model's answer is not a number, window-order where the window is not in flight
   */
  complete(due: DueWindow, output: WindowOutput | null, scoredAtUs: number): Completed;
  /**
   * Ends the window in flight without a score (data set export): baselines move and `elapsed` counts on, model state does not.
   * @throws KinewatchError window-order where the window is not in flight
   */
  skip(due: DueWindow): void;
  stats(): PipelineStats;
  /** Clock jumps since the last call. */
  takeClockJumps(): readonly ClockJump[];
  readonly pendingFrames: number;
  readonly pendingBytes: number;
}

/** @throws KinewatchError checkpoint-unreadable */
export function createAthletePipeline(options: PipelineOptions): AthletePipeline {
  const { contract, athlete } = options;
  const { athleteId } = athlete;
  const state = createAthleteState(options);
  const bench = createWindowBench(contract, athlete);
  const queue = createFrameQueue();
  let inFlight: BuiltWindow | null = null;
  /** Frames that the checkpoint had seen fill the buffers again; no window falls due meanwhile. */
  let refilling = state.restored !== null;

  function finish(due: DueWindow, isScored: boolean): void {
    if (inFlight?.due !== due) throw new KinewatchError('window-order', `window ${due.meta.windowIndex} of ${athleteId} is not in flight`);
    finishWindow(state, inFlight, isScored);
    inFlight = null;
  }

  return {
    athleteId,
    open(stream) {
      keepHello(state, stream);
    },
    push(streamId, sequence, receivedUs, bytes) {
      queue.push({ streamId, sequence, receivedUs, bytes });
    },
    endRefill() {
      if (refilling) restoreHellos(state);
      for (let frame = queue.peek(); refilling && frame !== undefined && !isNew(state, frame); frame = queue.peek()) {
        queue.advance();
        placeFrame(state, frame);
      }
      refilling = false;
    },
    takeDue() {
      if (inFlight !== null) return null;
      if (refilling) restoreHellos(state);
      for (;;) {
        const index = refilling ? null : nextDueIndex(state);
        if (index !== null) {
          inFlight = buildWindow(state, bench, index);
          return inFlight.due;
        }
        const frame = queue.peek();
        if (frame === undefined) return null;
        if (refilling && isNew(state, frame)) {
          refilling = false;
          continue;
        }
        queue.advance();
        placeFrame(state, frame);
      }
    },
    complete(due, output, scoredAtUs) {
      if (output !== null && !Number.isFinite(output.stateLogit)) {
        throw new KinewatchError(
          'score-not-finite',
          `model ${contract.version} gave ${output.stateLogit} for window ${due.meta.windowIndex} of ${athleteId}`,
        );
      }
      finish(due, output !== null);
      if (output === null) state.stats.windowsUnscored += 1;
      else state.modelState = output.next; // the caller's own copies (Scorer)
      const scored = output === null ? unscoredWindow(due.meta, scoredAtUs) : scoredWindow(due.meta, output, scoredAtUs);
      return { scored, checkpoint: takeCheckpoint(state), athlete, clocks: clockReport(state, due.meta.closedByUs) };
    },
    skip(due) {
      finish(due, due.scorable);
    },
    stats: () => ({ ...state.stats }),
    takeClockJumps() {
      const taken = state.jumps;
      state.jumps = [];
      return taken;
    },
    get pendingFrames() {
      return queue.frames;
    },
    get pendingBytes() {
      return queue.bytes;
    },
  };
}
