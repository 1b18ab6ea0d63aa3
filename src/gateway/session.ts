/**
 * One connection of a gateway: its state, what is under way on it, and how it ends. The message files act on it; it reads no message itself.
 *
 * ACKED-IS-STORED: `stored` of a stream moves in onStored only, which the sink calls after its commit, and acks are made from `stored` alone.
 * BOUNDED: bytes under way by the credit, replies by the outbox, the sink by pausing the socket, streams by the limits of the hello.
 */
import type { WebSocket } from 'ws';
import { PROTOCOL_ERRORS, type FrameRefusal, type ProtocolErrorCode } from '../contracts/errors.ts';
import type { OpenedStream } from '../contracts/stream.ts';
import { FRAME_HEADER_BYTES } from '../contracts/protocol.ts';
import { explainRefusal } from './frame-check.ts';
import { countError } from './metrics.ts';
import type { GatewaySettings } from './options.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import type { FrameOwner, GatewayIdentity, StoredUpTo } from './ports.ts';
import type { Registry } from './registry.ts';
import { createStreamState, enterFrame, settleBelow, type StreamState } from './stream-state.ts';

/** greeting: no hello yet. opening: the hello is being worked on. open: data flows. leaving: waits for commits, then closes. closed: reads nothing. */
export type SessionPhase = 'greeting' | 'opening' | 'open' | 'leaving' | 'closed';

export interface FaultPlace {
  readonly stream?: number;
  readonly sequence?: number;
  readonly expected?: number;
  readonly reason?: FrameRefusal;
  readonly retry?: boolean;
}

/** Faults that may be gone when the gateway comes back. */
const WORTH_RETRYING: ReadonlySet<ProtocolErrorCode> = new Set(['service-stopping', 'internal', 'credit-exceeded', 'sequence-gap']);

export class Session implements FrameOwner {
  readonly settings: GatewaySettings;
  readonly identity: GatewayIdentity;
  readonly token: string;
  readonly registry: Registry<Session>;
  phase: SessionPhase = 'greeting';
  /** Cleared by a ping, set by whatever the peer answers. */
  heard = true;
  /** Bytes taken and not yet stored. */
  underWayBytes = 0;
  readonly #socket: WebSocket;
  readonly #outbox: Outbox;
  readonly #byIndex = new Map<number, StreamState>();
  readonly #byId = new Map<number, StreamState>();
  readonly #unknownReported = new Set<number>();
  #ackDue: StreamState[] = [];
  #flushPlanned = false;
  #waitsForSink = false;
  #settledWaiters: (() => void)[] = [];
  readonly #helloTimer: NodeJS.Timeout;

  constructor(socket: WebSocket, identity: GatewayIdentity, token: string, settings: GatewaySettings, registry: Registry<Session>) {
    this.#socket = socket;
    this.identity = identity;
    this.token = token;
    this.settings = settings;
    this.registry = registry;
    this.#outbox = createOutbox(socket, {
      maxBytes: settings.maxOutgoingBytes,
      stuckMs: settings.slowReaderMs,
      onFull: () => {
        settings.metrics.pausesForReader += 1;
        socket.pause();
      },
      onDrained: () => {
        this.#flushAcks();
        this.#resumeReading();
      },
      onStuck: () => {
        settings.metrics.slowReaders += 1;
        settings.log.warn(
          { gatewayId: identity.gatewayId, bufferedBytes: socket.bufferedAmount },
          'gateway does not read its replies; dropped',
        );
        socket.terminate();
      },
    });
    this.#helloTimer = setTimeout(
      () => this.fail('hello-expected', `no hello within ${settings.helloTimeoutMs} ms`),
      settings.helloTimeoutMs,
    );
    this.#helloTimer.unref();
  }

  get streams(): Iterable<StreamState> {
    return this.#byIndex.values();
  }

  streamAt(index: number): StreamState | undefined {
    return this.#byIndex.get(index);
  }

  /** The hello was accepted: data may flow. */
  open(streams: readonly OpenedStream[]): void {
    for (const opened of streams) {
      const state = createStreamState(opened);
      this.#byIndex.set(state.index, state);
      this.#byId.set(state.streamId, state);
    }
    this.phase = 'open';
  }

  helloArrived(): void {
    clearTimeout(this.#helloTimer);
  }

  send(message: Parameters<Outbox['send']>[0]): void {
    this.#outbox.send(message);
  }

  /** Tells the gateway of a fault that the connection survives, and counts it. */
  report(code: ProtocolErrorCode, detail: string, place: FaultPlace = {}): void {
    countError(this.settings.metrics, code);
    const { retry = WORTH_RETRYING.has(code), ...rest } = place;
    this.send({ type: 'error', code, detail, retry, ...rest });
  }

  /** Tells the gateway of a fault and closes with the code of the catalogue. Data that is still on its way is not read any more. */
  fail(code: ProtocolErrorCode, detail: string, place: FaultPlace = {}): void {
    if (this.phase === 'closed') return;
    this.report(code, detail, place);
    this.settings.log.warn({ gatewayId: this.identity.gatewayId, code, detail, ...place }, 'gateway connection refused');
    this.#close(PROTOCOL_ERRORS[code] ?? 1011, code);
  }

  /** Bytes may be under way; one frame always may, or a frame larger than the credit could never be sent. */
  hasCreditFor(bytes: number): boolean {
    return this.underWayBytes === 0 || this.underWayBytes + bytes <= this.settings.creditBytes;
  }

  /** Hands one frame, its sequence already found to be the expected one, to the sink. */
  take(stream: StreamState, bytes: Uint8Array, costBytes: number, receivedUs: number): void {
    const { sink, metrics } = this.settings;
    const sequence = stream.expected;
    enterFrame(stream, costBytes);
    this.underWayBytes += costBytes;
    stream.lastReceivedUs = receivedUs;
    metrics.framesAccepted += 1;
    const { streamId, athleteId, endDeviceTimeUs } = stream;
    if (!sink.append({ streamId, athleteId, sequence, receivedUs, bytes, endDeviceTimeUs }, this)) this.#waitForSink();
  }

  /** Settles one frame whose content is refused: the header and the reason are stored, the sequence advances, it will be acknowledged. */
  refuse(stream: StreamState, bytes: Uint8Array, costBytes: number, receivedUs: number, reason: FrameRefusal, explanation?: string): void {
    const { sink, metrics, limits } = this.settings;
    const detail = explanation ?? explainRefusal(reason, bytes, stream, limits);
    const sequence = stream.expected;
    enterFrame(stream, costBytes);
    this.underWayBytes += costBytes;
    countError(metrics, reason);
    this.report('frame-refused', detail, { reason, stream: stream.index, sequence });
    const frame = {
      streamId: stream.streamId,
      athleteId: stream.athleteId,
      sequence,
      receivedUs,
      // A copy: a view of an oversized message would keep all of it alive until the commit.
      bytes: Uint8Array.prototype.slice.call(bytes, 0, FRAME_HEADER_BYTES),
      endDeviceTimeUs: Number.isNaN(stream.endDeviceTimeUs) ? 0 : stream.endDeviceTimeUs,
      refusal: { reason, detail },
    };
    if (!sink.append(frame, this)) this.#waitForSink();
  }

  reportUnknownStream(index: number): void {
    if (this.#unknownReported.has(index)) {
      countError(this.settings.metrics, 'unknown-stream');
      return;
    }
    this.#unknownReported.add(index);
    this.report('unknown-stream', `stream ${index} was not declared in the hello`, { stream: index });
  }

  onStored(update: StoredUpTo): void {
    const stream = this.#byId.get(update.streamId);
    if (stream === undefined) return;
    this.underWayBytes -= settleBelow(stream, update.next);
    this.acknowledge(stream);
    if (this.underWayBytes === 0) this.#announceSettled();
  }

  /** Plans an ack of the stream; all acks of one turn of the event loop leave in one message. */
  acknowledge(stream: StreamState): void {
    if (!stream.ackDue) {
      stream.ackDue = true;
      this.#ackDue.push(stream);
    }
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setImmediate(() => this.#flushAcks());
  }

  /** Ends in good order: a bye with the reason, what is under way is committed and acknowledged, then the socket closes. */
  async leave(reason: string, closeCode: number): Promise<void> {
    if (this.phase === 'leaving' || this.phase === 'closed') return;
    this.phase = 'leaving';
    this.send({ type: 'bye', reason });
    await this.settled();
    this.#flushAcks();
    this.#close(closeCode, reason);
  }

  /** Resolves once nothing is under way, or after the bound of the settings. */
  settled(): Promise<void> {
    if (this.underWayBytes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.settings.settleTimeoutMs);
      this.#settledWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  ping(): void {
    if (this.#socket.isPaused) return;
    if (!this.heard) {
      this.settings.metrics.silentPeers += 1;
      this.#socket.terminate();
      return;
    }
    this.heard = false;
    this.#socket.ping();
  }

  /** The socket is gone. Frames under way are still committed; the gateway learns of them from its next welcome. */
  dispose(): void {
    this.phase = 'closed';
    clearTimeout(this.#helloTimer);
    this.#outbox.dispose();
    this.registry.remove(this);
    void this.#releaseStreams();
  }

  /** The streams stay claimed until what is under way is committed, so that a reconnect is told exact sequences. */
  async #releaseStreams(): Promise<void> {
    await this.settled();
    this.registry.release(this);
  }

  #announceSettled(): void {
    const waiters = this.#settledWaiters;
    this.#settledWaiters = [];
    for (const waiter of waiters) waiter();
  }

  #flushAcks(): void {
    this.#flushPlanned = false;
    if (this.#ackDue.length === 0 || this.#outbox.full || this.phase === 'closed') return;
    const acks = this.#ackDue.map((stream): readonly [number, number] => {
      stream.ackDue = false;
      return [stream.index, stream.stored];
    });
    this.#ackDue = [];
    this.settings.metrics.acksSent += acks.length;
    this.send({ type: 'ack', acks });
  }

  #waitForSink(): void {
    if (this.#waitsForSink) return;
    this.#waitsForSink = true;
    this.settings.metrics.pausesForSink += 1;
    // Advice, so that the gateway keeps what would only fill the sockets between us; what was granted before is still honoured.
    this.send({ type: 'credit', creditBytes: Math.ceil(this.settings.creditBytes / 4) });
    this.#socket.pause();
    void this.#resumeWhenDrained();
  }

  async #resumeWhenDrained(): Promise<void> {
    const { sink, log } = this.settings;
    try {
      await sink.whenDrained();
    } catch (error) {
      log.error({ err: error }, 'the sink gave up');
      this.fail('internal', 'frames cannot be stored now');
    }
    this.#waitsForSink = false;
    this.send({ type: 'credit', creditBytes: this.settings.creditBytes });
    this.#resumeReading();
  }

  #resumeReading(): void {
    if (!this.#waitsForSink && !this.#outbox.full) this.#socket.resume();
  }

  #close(code: number, reason: string): void {
    this.phase = 'closed';
    this.registry.remove(this);
    this.#socket.close(code, reason);
    // A paused socket would never read the peer's half of the closing handshake.
    this.#socket.resume();
  }
}
