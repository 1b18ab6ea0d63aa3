/** PURE. Everything an athlete's pipeline carries from frame to frame and from window to window. The steps beside this file move it. */
import type { ChannelMap } from '../../align/channel-map.ts';
import { createDeviceClock, type DeviceClock } from '../../align/device-clock.ts';
import { phaseUsOf } from '../../align/grid.ts';
import type { StreamBuffer } from '../../align/stream-buffer.ts';
import { ACTIVITY_CLASSES, type ActivityClass, type ModelContract } from '../../contracts/model.ts';
import type { StreamDeclaration } from '../../contracts/protocol.ts';
import type { OpenedStream } from '../../contracts/stream.ts';
import { createBaselines, type Baselines } from '../../normalise/baseline.ts';
import type { ModelState } from '../../score/ports.ts';
import { decodeCheckpoint, type StreamCheckpoint } from '../checkpoint.ts';
import type { AthleteContext } from '../ports.ts';

export interface PipelineOptions {
  readonly contract: ModelContract;
  readonly athlete: AthleteContext;
  /** Bytes of the athlete's newest checkpoint of this model version. The pipeline then refills its buffers until `endRefill`. */
  readonly checkpoint?: Uint8Array;
}

export interface ClockJump {
  readonly athleteId: string;
  readonly streamId: number;
  readonly device: string;
  readonly boot: string;
  readonly atUs: number;
  readonly jumpUs: number;
}

export interface PipelineStats {
  windowsDue: number;
  windowsCompleted: number;
  /** Rows with state null for want of data. */
  windowsUnscored: number;
  /** Samples that came after a window they belonged to had closed. */
  lateSamples: number;
  /** z values clipped. */
  clipped: number;
  /** Frames whose bytes did not decode, or of a stream without a hello. */
  refusedFrames: number;
  duplicateFrames: number;
  /** Samples lost at the bound of a buffer. */
  overwrittenSamples: number;
  clockJumps: number;
  /** Declared offsets that contradicted the frames. */
  seedsRefused: number;
  /** Streams dropped from a checkpoint that would not fit, or over the bound of streams followed. */
  streamsShed: number;
}

/** One stream of the athlete: its hellos, its clock and its newest samples. */
export interface TrackedStream {
  readonly streamId: number;
  /** Oldest first. */
  hellos: OpenedStream[];
  /** Of the hello in force; null before the first. */
  declaration: StreamDeclaration | null;
  helloUs: number;
  map: ChannelMap;
  buffer: StreamBuffer | null;
  lookBackUs: number;
  clockKey: string | null;
  /** Null: a recorded stream, whose time is server time. */
  clock: DeviceClock | null;
  /** Everything below was processed. */
  nextSequence: number;
  /** Everything below is in the buffer or was let go. */
  bufferedTo: number;
  /** Newest receipt stamp (live) or sample time (recorded). */
  heardUs: number;
  /** Device time just past the newest sample; NaN before the first. */
  endDeviceUs: number;
  segmentId: number | null;
  segmentFrom: number;
  /** Receipt stamp of the hello whose time exchange the clock has seen. */
  seededUs: number;
  followed: boolean;
}

/** What a checkpoint says of frames that are read again. */
export interface Restored {
  readonly newestReceivedUs: number;
  readonly streams: ReadonlyMap<number, StreamCheckpoint>;
  readonly clocks: readonly DeviceClock[];
}

export interface AthleteState {
  readonly athlete: AthleteContext;
  readonly contract: ModelContract;
  /** Where the athlete's windows begin within a hop. */
  readonly phaseUs: number;
  readonly massKg: number | null;
  readonly streams: Map<number, TrackedStream>;
  /** Those that feed the model, newest id first: the order in which they fill a window. */
  followed: readonly TrackedStream[];
  /** By device and boot. */
  readonly clocks: Map<string, DeviceClock>;
  /** Null where the pipeline began without a checkpoint. */
  readonly restored: Restored | null;
  /** Newest receipt stamp of any frame. */
  newestReceivedUs: number;
  /** Newest receipt stamp of a live frame, newest sample time of a recorded one: what is now for streams of either mode. */
  liveNowUs: number;
  recordedNowUs: number;
  /** Window that is looked at next; NaN before the first sample. */
  nextIndex: number;
  /** NaN before the first score. */
  lastScoredIndex: number;
  /** End of the newest window that was closed. */
  closedEndUs: number;
  activity: ActivityClass;
  readonly baselines: Baselines;
  /** What the network carries across windows. */
  modelState: ModelState;
  readonly stats: PipelineStats;
  /** Not yet taken by the caller. */
  jumps: ClockJump[];
  /** Not yet told (clock-report.ts), and the turn of the last report; NaN before the first. */
  untoldJumps: ClockJump[];
  clockTurn: number;
}

export const noStats = (): PipelineStats => ({
  windowsDue: 0,
  windowsCompleted: 0,
  windowsUnscored: 0,
  lateSamples: 0,
  clipped: 0,
  refusedFrames: 0,
  duplicateFrames: 0,
  overwrittenSamples: 0,
  clockJumps: 0,
  seedsRefused: 0,
  streamsShed: 0,
});

/** @throws KinewatchError checkpoint-unreadable */
export function createAthleteState({ contract, athlete, checkpoint }: PipelineOptions): AthleteState {
  const kept = checkpoint === undefined ? null : decodeCheckpoint(checkpoint, contract);
  return {
    athlete,
    contract,
    phaseUs: phaseUsOf(athlete.athleteId),
    massKg: athlete.context['massKg'] ?? null,
    streams: new Map(),
    followed: [],
    clocks: new Map(),
    restored:
      kept === null
        ? null
        : {
            newestReceivedUs: kept.newestReceivedUs,
            streams: new Map(kept.streams.map((s) => [s.streamId, s])),
            clocks: kept.clocks.map((clock) => createDeviceClock(clock)),
          },
    newestReceivedUs: kept?.newestReceivedUs ?? Number.NEGATIVE_INFINITY,
    liveNowUs: kept?.liveNowUs ?? Number.NEGATIVE_INFINITY,
    recordedNowUs: kept?.recordedNowUs ?? Number.NEGATIVE_INFINITY,
    nextIndex: kept?.nextIndex ?? Number.NaN,
    lastScoredIndex: kept?.lastScoredIndex ?? Number.NaN,
    closedEndUs: kept?.closedEndUs ?? Number.NEGATIVE_INFINITY,
    activity: ACTIVITY_CLASSES[kept?.activityIndex ?? 0] ?? 'rest',
    baselines: kept?.baselines ?? createBaselines(contract),
    modelState: kept?.state ?? {
      final: new Float32Array(contract.sizes.final),
      a: new Float32Array(contract.sizes.hidden),
      h: new Float32Array(2 * contract.sizes.hidden),
    },
    stats: noStats(),
    jumps: [],
    untoldJumps: [],
    clockTurn: Number.NaN,
  };
}

/** What is now for a stream: by receipt stamps where it is live, by sample times where it is recorded. */
export const nowUsOf = (state: AthleteState, stream: TrackedStream): number =>
  stream.clock === null ? state.recordedNowUs : state.liveNowUs;
