/**
 * What was accepted and is not acknowledged yet. Keeps frames in the order of their sending, knows which are on the wire, and forgets a frame
 * only when the service says it is stored. No I/O.
 */
import { FrameFlag, FrameOffset } from '../contracts/protocol.ts';
import { clientError } from './errors.ts';

export interface BufferedFrame {
  readonly stream: number;
  readonly sequence: number;
  readonly ordinal: number;
  readonly bytes: Uint8Array;
  sentBefore: boolean;
  onWire: boolean;
  settled: boolean;
}

interface Lane {
  next: number;
  unacked: BufferedFrame[];
  head: number;
}

const COMPACT_AT = 256;
const lastSequence = 0xffff_ffff;

export class SendBuffer {
  /** Bytes accepted and not acknowledged. */
  bytes = 0;
  frames = 0;
  /** Of these, bytes sent on this connection: what the credit bounds. */
  wireBytes = 0;
  acked = 0;
  sent = 0;
  resent = 0;
  readonly #lanes = new Map<number, Lane>();
  #unsent: BufferedFrame[] = [];
  #unsentHead = 0;
  #ordinal = 0;

  /** The sequence the stream's next frame takes. */
  nextSequence(stream: number): number {
    return this.#lanes.get(stream)?.next ?? 0;
  }

  /** The first sequence that is not acknowledged yet. */
  oldestSequence(stream: number): number {
    const lane = this.#lane(stream);
    return lane.unacked[lane.head]?.sequence ?? lane.next;
  }

  /** @throws GatewayClientError sequence-exhausted */
  add(stream: number, bytes: Uint8Array): void {
    const lane = this.#lane(stream);
    if (lane.next > lastSequence) throw clientError('sequence-exhausted', `stream ${stream} has used up its sequences`, { stream });
    const frame: BufferedFrame = {
      stream,
      sequence: lane.next,
      ordinal: this.#ordinal,
      bytes,
      sentBefore: false,
      onWire: false,
      settled: false,
    };
    this.#ordinal += 1;
    lane.next += 1;
    lane.unacked.push(frame);
    this.#unsent.push(frame);
    this.bytes += bytes.length;
    this.frames += 1;
  }

  /** The next frame to send, or undefined. */
  peek(): BufferedFrame | undefined {
    while (this.#unsent[this.#unsentHead]?.settled === true) this.#unsentHead += 1;
    return this.#unsent[this.#unsentHead];
  }

  /** The frame of peek goes on the wire; one that was there before carries the `resent` flag from now on. */
  markSent(frame: BufferedFrame): void {
    this.#unsentHead += 1;
    if (this.#unsentHead >= COMPACT_AT && this.#unsentHead * 2 >= this.#unsent.length) {
      this.#unsent = this.#unsent.slice(this.#unsentHead);
      this.#unsentHead = 0;
    }
    if (frame.sentBefore) {
      frame.bytes[FrameOffset.flags] = (frame.bytes[FrameOffset.flags] ?? 0) | FrameFlag.resent;
      this.resent += 1;
    } else this.sent += 1;
    frame.sentBefore = true;
    frame.onWire = true;
    this.wireBytes += frame.bytes.length;
  }

  /** Everything of the stream below `next` is stored. */
  ack(stream: number, next: number): void {
    const lane = this.#lanes.get(stream);
    if (lane === undefined) return;
    for (let frame = lane.unacked[lane.head]; frame !== undefined && frame.sequence < next; frame = lane.unacked[lane.head]) {
      lane.head += 1;
      frame.settled = true;
      this.bytes -= frame.bytes.length;
      this.frames -= 1;
      this.acked += 1;
      if (frame.onWire) this.wireBytes -= frame.bytes.length;
    }
    if (lane.head >= COMPACT_AT && lane.head * 2 >= lane.unacked.length) {
      lane.unacked = lane.unacked.slice(lane.head);
      lane.head = 0;
    }
  }

  /**
   * A new connection stands where `welcome` says: what is stored is forgotten, all the rest is to be sent again, in its order.
   * @throws GatewayClientError sequence-lost where the service wants a frame that it had acknowledged
   */
  resume(welcome: readonly { readonly stream: number; readonly nextSequence: number }[], first: boolean): void {
    for (const { stream, nextSequence } of welcome) {
      this.ack(stream, nextSequence);
      const lane = this.#lane(stream);
      const oldest = this.oldestSequence(stream);
      if (!first && nextSequence < oldest) {
        throw clientError(
          'sequence-lost',
          `the service expects ${nextSequence} of stream ${stream}; everything below ${oldest} was acknowledged`,
          { stream },
        );
      }
      // Another client of the same boot may have gone on where this one had nothing to send.
      if (first || nextSequence > lane.next) lane.next = nextSequence;
    }
    const pending = [...this.#lanes.values()].flatMap((lane) => lane.unacked.slice(lane.head));
    for (const frame of pending) frame.onWire = false;
    this.#unsent = pending.toSorted((a, b) => a.ordinal - b.ordinal);
    this.#unsentHead = 0;
    this.wireBytes = 0;
  }

  #lane(stream: number): Lane {
    let lane = this.#lanes.get(stream);
    if (lane === undefined) {
      lane = { next: 0, unacked: [], head: 0 };
      this.#lanes.set(stream, lane);
    }
    return lane;
  }
}
