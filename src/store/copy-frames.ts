/**
 * Frames into raw_frame by COPY in PostgreSQL's binary format. COPY fills whole pages at a time and logs them as such, which an INSERT does not:
 * bench/README.md has what that gives. The fence around it is the frame writer's.
 */
import type { Connection, PoolClient, Submittable } from 'pg';
import type { IncomingFrame } from '../gateway/ports.ts';

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
/** Signature, flags, length of the extension. */
const HEADER_BYTES = SIGNATURE.byteLength + 8;
/** Field count, three bigints and the length of the bytes. */
const ROW_BYTES = 2 + 3 * 12 + 4;
const TRAILER_BYTES = 2;
const FIELDS = 4;
const TWO_32 = 4_294_967_296;

function writeBigint(out: Buffer, value: number, at: number): number {
  const high = Math.floor(value / TWO_32);
  out.writeInt32BE(8, at);
  out.writeInt32BE(high, at + 4);
  out.writeUInt32BE(value - high * TWO_32, at + 8);
  return at + 12;
}

/** The rows (stream_id, sequence, received_us, bytes) as one COPY message; one copy of the bytes. */
export function encodeFrames(frames: readonly IncomingFrame[]): Buffer {
  let size = HEADER_BYTES + TRAILER_BYTES;
  for (const { bytes } of frames) size += ROW_BYTES + bytes.byteLength;
  const out = Buffer.allocUnsafe(size);
  let at = SIGNATURE.copy(out);
  at = out.writeInt32BE(0, at);
  at = out.writeInt32BE(0, at);
  for (const { streamId, sequence, receivedUs, bytes } of frames) {
    at = out.writeInt16BE(FIELDS, at);
    at = writeBigint(out, streamId, at);
    at = writeBigint(out, sequence, at);
    at = writeBigint(out, receivedUs, at);
    at = out.writeInt32BE(bytes.byteLength, at);
    out.set(bytes, at);
    at += bytes.byteLength;
  }
  out.writeInt16BE(-1, at);
  return out;
}

/** What `pg` sends and hears of while it copies in: the part of its connection that its types leave out. */
interface CopyConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** One COPY ... FROM STDIN as pg takes queries of others' making. */
class CopyIn implements Submittable {
  private readonly text: string;
  private readonly data: Buffer;
  private readonly done: (error: Error | null) => void;
  private failure: Error | null = null;
  constructor(text: string, data: Buffer, done: (error: Error | null) => void) {
    this.text = text;
    this.data = data;
    this.done = done;
  }
  submit(connection: Connection): void {
    (connection as unknown as CopyConnection).query(this.text);
  }
  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.data);
    connection.endCopyFrom();
  }
  handleCommandComplete(): void {}
  handleError(error: Error): void {
    this.failure = error;
    // A connection that broke sends no ReadyForQuery.
    this.done(error);
  }
  handleReadyForQuery(): void {
    if (this.failure === null) this.done(null);
  }
}

/** Stores the frames inside the client's transaction. @throws the driver's error; the transaction is then to be rolled back */
export async function copyFrames(client: PoolClient, frames: readonly IncomingFrame[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const copy = new CopyIn(
      'COPY raw_frame (stream_id, sequence, received_us, bytes) FROM STDIN (FORMAT binary)',
      encodeFrames(frames),
      (error) => (error === null ? resolve() : reject(error)),
    );
    client.query(copy);
  });
}
