/** PURE. Stored frames that wait to be consumed, in receipt order. */
export interface PendingFrame {
  readonly streamId: number;
  readonly sequence: number;
  readonly receivedUs: number;
  readonly bytes: Uint8Array;
}

export interface FrameQueue {
  push(frame: PendingFrame): void;
  /** The next frame, left in its place; undefined where none waits. */
  peek(): PendingFrame | undefined;
  /** Lets go of the frame that `peek` gave. */
  advance(): void;
  readonly frames: number;
  readonly bytes: number;
}

export function createFrameQueue(): FrameQueue {
  let pending: PendingFrame[] = [];
  let head = 0;
  let bytes = 0;
  return {
    push(frame) {
      pending.push(frame);
      bytes += frame.bytes.byteLength;
    },
    peek: () => pending[head],
    advance() {
      const frame = pending[head];
      if (frame === undefined) return;
      bytes -= frame.bytes.byteLength;
      head += 1;
      // Consumed frames are let go in bulk: shifting one at a time would be quadratic over a long re-read.
      if (head > 256 && head * 2 > pending.length) {
        pending = pending.slice(head);
        head = 0;
      }
    },
    get frames() {
      return pending.length - head;
    },
    get bytes() {
      return bytes;
    },
  };
}
