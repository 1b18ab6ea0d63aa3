/** What the gateway needs from the rest of the house. The store and the shards implement these; main.ts wires them. */
import type { FrameRefusal } from '../contracts/errors.ts';
import type { StreamDeclaration } from '../contracts/protocol.ts';
import type { OpenedStream } from '../contracts/stream.ts';

export interface GatewayIdentity {
  readonly gatewayId: string;
  readonly teamId: string;
  readonly name: string;
}

export interface GatewayDirectory {
  /** The gateway of a bearer token, or null where the token is unknown or revoked. */
  authenticate(token: string): Promise<GatewayIdentity | null>;
  /**
   * Registers the streams of a hello: finds device, assignment and athlete, creates the stream row where it is new and stores the
   * declaration under receivedUs. All or nothing.
   * @throws KinewatchError unknown-device, unknown-athlete, assignment-mismatch, stream-conflict
   */
  openStreams(gateway: GatewayIdentity, declarations: readonly StreamDeclaration[], receivedUs: number): Promise<readonly OpenedStream[]>;
}

/** One frame on its way to the store; `bytes` is the frame as sent (header included). */
export interface IncomingFrame {
  readonly streamId: number;
  readonly athleteId: string;
  readonly sequence: number;
  /** Strictly increasing within the process. */
  readonly receivedUs: number;
  readonly bytes: Uint8Array;
  /** Device time just past the last sample; kept on the stream row. */
  readonly endDeviceTimeUs: number;
  /** Set where the content was refused: the header and the reason are stored, nothing is scored. */
  readonly refusal?: { readonly reason: FrameRefusal; readonly detail: string };
}

/** For each stream touched by a commit: everything below `next` is stored or settled. */
export interface StoredUpTo {
  readonly streamId: number;
  readonly next: number;
}

export interface FrameSink {
  /**
   * Appends to the batch of the next commit (synchronous: no promise a frame). `onStored` of the connection is called after the commit.
   * Returns false where the sink's buffer is over its bound: the caller pauses its socket until `whenDrained` resolves.
   */
  append(frame: IncomingFrame, owner: FrameOwner): boolean;
  whenDrained(): Promise<void>;
}

export interface FrameOwner {
  onStored(update: StoredUpTo): void;
}
