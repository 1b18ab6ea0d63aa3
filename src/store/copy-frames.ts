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
const FIELDS = 4;
const TWO_32 = 4_294_967_296;

function writeBigint(out: Buffer, value: number, at: number): number {
  const high = Math.floor(value / TWO_32);
  out.writeInt32BE(8, at);
  out.writeInt32BE(high, at + 4);
  out.writeUInt32BE(value - high * TWO_32, at + 8);
  return at + 12;
}

/** A COPY message holds about this much: larger ones cost fresh pages for every batch. */
const CHUNK_BYTES = 96 * 1024;

const rowBytes = (frame: IncomingFrame): number => ROW_BYTES + frame.bytes.byteLength;

/** Rows [from, to) of the frames at `at` of `out`; returns where they end. */
function writeRows(out: Buffer, frames: readonly IncomingFrame[], from: number, to: number, start: number): number {
  let at = start;
  for (let i = from; i < to; i += 1) {
    const { streamId, sequence, receivedUs, bytes } = frames[i] as IncomingFrame;
    at = out.writeInt16BE(FIELDS, at);
    at = writeBigint(out, streamId, at);
    at = writeBigint(out, sequence, at);
    at = writeBigint(out, receivedUs, at);
    at = out.writeInt32BE(bytes.byteLength, at);
    out.set(bytes, at);
    at += bytes.byteLength;
  }
  return at;
}

/** The rows (stream_id, sequence, received_us, bytes) as COPY messages in turn; one copy of the bytes. */
export function* encodeFrames(frames: readonly IncomingFrame[]): Generator<Buffer> {
  const header = Buffer.alloc(HEADER_BYTES);
  SIGNATURE.copy(header);
  yield header;
  for (let from = 0; from < frames.length;) {
    let to = from;
    let size = 0;
    for (; to < frames.length && (to === from || size < CHUNK_BYTES); to += 1) size += rowBytes(frames[to] as IncomingFrame);
    const out = Buffer.allocUnsafe(size);
    writeRows(out, frames, from, to, 0);
    yield out;
    from = to;
  }
  yield Buffer.from([0xff, 0xff]);
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
  private readonly chunks: Iterable<Buffer>;
  private readonly done: (error: Error | null) => void;
  private failure: Error | null = null;
  constructor(text: string, chunks: Iterable<Buffer>, done: (error: Error | null) => void) {
    this.text = text;
    this.chunks = chunks;
    this.done = done;
  }
  submit(connection: Connection): void {
    (connection as unknown as CopyConnection).query(this.text);
  }
  handleCopyInResponse(connection: CopyConnection): void {
    for (const chunk of this.chunks) connection.sendCopyFromChunk(chunk);
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
