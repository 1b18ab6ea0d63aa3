/**
 * Array parameters in PostgreSQL's binary wire format (array_send): a Buffer given to `pg` as a parameter travels as binary, so a batch of
 * frames goes out as it is instead of as hexadecimal text of twice the size.
 */

const OID = { bytea: 17, int8: 20 } as const;
const HEADER_BYTES = 20;
const TWO_32 = 4_294_967_296;

function writeHeader(out: Buffer, elementType: number, length: number): void {
  out.writeInt32BE(1, 0); // dimensions
  out.writeInt32BE(0, 4); // no nulls
  out.writeInt32BE(elementType, 8);
  out.writeInt32BE(length, 12);
  out.writeInt32BE(1, 16); // lower bound
}

/** A `bigint[]` parameter. Values are integers within +-2^53; an empty array is an empty array. */
export function int8Array(values: ArrayLike<number>): Buffer {
  const out = Buffer.allocUnsafe(HEADER_BYTES + values.length * 12);
  writeHeader(out, OID.int8, values.length);
  for (let i = 0, at = HEADER_BYTES; i < values.length; i += 1, at += 12) {
    const value = values[i] ?? 0;
    const high = Math.floor(value / TWO_32);
    out.writeInt32BE(8, at);
    out.writeInt32BE(high, at + 4);
    out.writeUInt32BE(value - high * TWO_32, at + 8);
  }
  return out;
}

/** A `bytea[]` parameter: one copy of the bytes. */
export function byteaArray(values: readonly Uint8Array[]): Buffer {
  let size = HEADER_BYTES;
  for (const value of values) size += 4 + value.byteLength;
  const out = Buffer.allocUnsafe(size);
  writeHeader(out, OID.bytea, values.length);
  let at = HEADER_BYTES;
  for (const value of values) {
    out.writeInt32BE(value.byteLength, at);
    out.set(value, at + 4);
    at += 4 + value.byteLength;
  }
  return out;
}
