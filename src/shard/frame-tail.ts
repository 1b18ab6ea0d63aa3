/**
 * Frames for the shards of a process that is no gateway: read from the tables where gateway processes commit them, in the order a gateway
 * would have handed them over. Notices say whose frames to read; a slow sweep finds what no notice named, so a lost notice costs time, never
 * a frame. A read ends where all streams stood in one snapshot: what was committed up to an instant is complete up to a receipt stamp, as long
 * as an athlete's frames come in through one gateway process.
 *
 * What a scorer that starts finds below the first snapshot, the shards' recovery reads (every stamp there is before `liveFromUs`); what is
 * committed later comes from here. A frame that both read is dropped in the shard by its sequence.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { OpenedStream } from '../contracts/stream.ts';
import type { CommittedFrame } from './pool.ts';
import type { StreamStand, TailStore } from './ports.ts';

/** What the tail needs of the shard pool. */
export interface TailSink {
  open(streams: readonly OpenedStream[]): void;
  push(frames: readonly CommittedFrame[]): void;
  readonly isReady: boolean;
  whenReady(): Promise<void>;
}

export interface FrameTailOptions {
  readonly store: TailStore;
  readonly onError: (error: unknown) => void;
  /** Between two sweeps; 5 s unless told. */
  readonly sweepMs?: number;
  /** After a fault of the store; 1 s unless told. */
  readonly retryMs?: number;
}

export interface FrameTailStats {
  readonly frames: number;
  readonly reads: number;
  readonly failedReads: number;
  /** Athletes whose frames a sweep found. */
  readonly swept: number;
}

export interface FrameTail {
  /** The shards' `liveFromUs`: every frame received from here on comes from the tail. */
  readonly liveFromUs: number;
  /** Athletes that may have new frames. May be called before `start`. */
  notice(athleteIds: Iterable<string>): void;
  /** Looks for athletes whose streams moved; also done every `sweepMs`. Never rejects. */
  sweep(): Promise<void>;
  /** From here on frames go to the shards. */
  start(sink: TailSink): void;
  stats(): FrameTailStats;
  /** Resolves when nothing is under way. */
  close(): Promise<void>;
}

/** Athletes in one read. */
const MAX_ATHLETES = 512;

/** What was handed over of one stream: frames below `next`, hellos up to `helloUs`. */
interface Followed {
  next: number;
  helloUs: number;
}

/**
 * Takes the first snapshot. Listen for notices before this, start the shards after it.
 * @throws the store's error
 */
export async function openFrameTail({ store, onError, sweepMs = 5_000, retryMs = 1_000 }: FrameTailOptions): Promise<FrameTail> {
  const begun = await store.begin();
  /** By athlete and stream. A few dozen bytes a stream ever seen. */
  const followed = new Map<string, Map<number, Followed>>();
  const waiting = new Set<string>();
  const closing = new AbortController();
  const closed = new Promise<void>((resolve) => closing.signal.addEventListener('abort', () => resolve(), { once: true }));
  const counts = { frames: 0, reads: 0, failedReads: 0, swept: 0 };
  let sink: TailSink | null = null;
  let working: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function follow({ athleteId, streamId }: Pick<StreamStand, 'athleteId' | 'streamId'>): Followed {
    let streams = followed.get(athleteId);
    if (streams === undefined) followed.set(athleteId, (streams = new Map()));
    let stream = streams.get(streamId);
    if (stream === undefined) streams.set(streamId, (stream = { next: 0, helloUs: Number.NEGATIVE_INFINITY }));
    return stream;
  }
  for (const stand of begun.streams) follow(stand).next = stand.nextSequence;

  /** Hellos not handed over yet, of athletes one of whose moved streams has one. All streams of a hello together, before its first frame. */
  async function openNew(sink: TailSink, moved: Awaited<ReturnType<TailStore['movedStreams']>>): Promise<void> {
    const athleteIds = new Set(moved.filter((stand) => stand.newestHelloUs > follow(stand).helloUs).map(({ athleteId }) => athleteId));
    for (const athleteId of athleteIds) {
      const hellos = await store.loadStreams(athleteId);
      const news = hellos.filter((hello) => hello.receivedUs > follow(hello).helloUs);
      for (const hello of news) follow(hello).helloUs = Math.max(follow(hello).helloUs, hello.receivedUs);
      if (news.length > 0) sink.open(news);
    }
  }

  async function read(sink: TailSink, athleteIds: readonly string[]): Promise<void> {
    counts.reads += 1;
    const known = new Map(
      athleteIds.flatMap((id) => [...(followed.get(id) ?? [])].map(([streamId, { next }]) => [streamId, next] as const)),
    );
    const moved = await store.movedStreams(athleteIds, known);
    await openNew(sink, moved);
    const owners = new Map(moved.map(({ streamId, athleteId }) => [streamId, athleteId]));
    const ranges = moved.map((stand) => ({ streamId: stand.streamId, from: follow(stand).next, until: stand.nextSequence }));
    for await (const stored of store.readRanges(ranges)) {
      // BOUNDED: what the shards cannot take yet stays in the tables.
      if (!sink.isReady) await Promise.race([sink.whenReady(), closed]);
      if (closing.signal.aborted) return;
      const frames = stored.map((frame) => ({ ...frame, athleteId: owners.get(frame.streamId) ?? '' }));
      sink.push(frames);
      for (const frame of frames) follow(frame).next = frame.sequence + 1;
      counts.frames += frames.length;
    }
    // Refused frames leave gaps, also at the end.
    for (const stand of moved) follow(stand).next = stand.nextSequence;
  }

  async function work(sink: TailSink): Promise<void> {
    while (waiting.size > 0 && !closing.signal.aborted) {
      const athleteIds = [...waiting].slice(0, MAX_ATHLETES);
      for (const athleteId of athleteIds) waiting.delete(athleteId);
      try {
        await read(sink, athleteIds);
      } catch (error) {
        counts.failedReads += 1;
        onError(error);
        for (const athleteId of athleteIds) waiting.add(athleteId);
        await delay(retryMs, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }

  function stir(): void {
    if (sink === null || closing.signal.aborted || waiting.size === 0) return;
    working ??= work(sink).finally(() => {
      working = undefined;
      stir();
    });
  }

  function notice(athleteIds: Iterable<string>): void {
    for (const athleteId of athleteIds) waiting.add(athleteId);
    stir();
  }

  async function sweep(): Promise<void> {
    try {
      const sums = await store.sequenceSums();
      const moved = [...sums].filter(([athleteId, sum]) => {
        const streams = [...(followed.get(athleteId)?.values() ?? [])];
        return !waiting.has(athleteId) && sum > streams.reduce((total, { next }) => total + next, 0);
      });
      // While a read is under way what it is about to hand over looks as if it had been missed.
      if (working === undefined) counts.swept += moved.length;
      notice(moved.map(([athleteId]) => athleteId));
    } catch (error) {
      onError(error);
    }
  }

  function scheduleSweep(): void {
    timer = setTimeout(() => {
      void sweep().finally(() => {
        if (!closing.signal.aborted) scheduleSweep();
      });
    }, sweepMs);
    timer.unref();
  }

  return {
    liveFromUs: begun.newestReceivedUs + 1,
    notice,
    sweep,
    start(shards) {
      sink = shards;
      scheduleSweep();
      stir();
    },
    stats: () => ({ ...counts }),
    close: async () => {
      clearTimeout(timer);
      closing.abort();
      await working;
    },
  };
}
