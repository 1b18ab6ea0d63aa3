/**
 * Replies on their way to a peer. BOUNDED: once more than `maxBytes` wait unread the outbox is full; the session then stops reading from the
 * peer (a peer that does not listen is not listened to), holds its acknowledgements back, and drops the connection where it stays full.
 */
import type { WebSocket } from 'ws';
import type { ServerMessage } from '../contracts/protocol.ts';

export interface Outbox {
  send(message: ServerMessage): void;
  readonly full: boolean;
  dispose(): void;
}

export interface OutboxOptions {
  readonly maxBytes: number;
  readonly stuckMs: number;
  onFull(): void;
  onDrained(): void;
  onStuck(): void;
}

/** Wraps the writing side of a socket. */
export function createOutbox(socket: WebSocket, options: OutboxOptions): Outbox {
  let full = false;
  let timer: NodeJS.Timeout | undefined;
  const onWritten = (): void => {
    if (!full || socket.bufferedAmount > options.maxBytes / 2) return;
    full = false;
    clearTimeout(timer);
    options.onDrained();
  };
  return {
    get full() {
      return full;
    },
    send(message) {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(JSON.stringify(message), onWritten);
      if (full || socket.bufferedAmount <= options.maxBytes) return;
      full = true;
      timer = setTimeout(() => options.onStuck(), options.stuckMs);
      timer.unref();
      options.onFull();
    },
    dispose() {
      clearTimeout(timer);
    },
  };
}
