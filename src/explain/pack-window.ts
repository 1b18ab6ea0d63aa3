/** A window's tensors as bytes and back, bit for bit: float32, little-endian, deflated (masks and channels that nobody measured are most of it). */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { KinewatchError } from '../contracts/errors.ts';
import type { ModelContract } from '../contracts/model.ts';
import { graphInputs } from '../score/graph.ts';
import type { WindowInput } from '../score/ports.ts';

export function packWindow(window: WindowInput): Uint8Array {
  const { state } = window;
  const parts = [
    window.bio,
    window.bioMask,
    window.phys,
    window.physMask,
    window.perf,
    window.perfMask,
    window.context,
    window.contextMask,
    state.final,
    state.a,
    state.h,
    Float32Array.of(window.elapsedHops),
  ];
  return deflateRawSync(Buffer.concat(parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength))));
}

/** @throws KinewatchError window-unreadable where the bytes are not a window of this contract */
export function unpackWindow(bytes: Uint8Array, contract: ModelContract): WindowInput {
  const widths = graphInputs(contract).map(({ dimensions }) => dimensions.reduce((product, size) => product * size, 1));
  const values = inflated(bytes, 4 * widths.reduce((sum, width) => sum + width, 0), contract);
  let end = 0;
  const next = (): Float32Array => {
    const from = end;
    end += widths.shift() ?? 0;
    return values.slice(from, end);
  };
  return {
    bio: next(),
    bioMask: next(),
    phys: next(),
    physMask: next(),
    perf: next(),
    perfMask: next(),
    context: next(),
    contextMask: next(),
    state: { final: next(), a: next(), h: next() },
    elapsedHops: next()[0] as number,
  };
}

function inflated(bytes: Uint8Array, expected: number, contract: ModelContract): Float32Array {
  const unreadable = (cause?: unknown): KinewatchError =>
    new KinewatchError('window-unreadable', `stored window does not fit model ${contract.version}`, { cause });
  try {
    const raw = inflateRawSync(bytes, { maxOutputLength: expected });
    if (raw.byteLength !== expected) throw unreadable();
    return new Float32Array(Uint8Array.from(raw).buffer);
  } catch (cause) {
    throw cause instanceof KinewatchError ? cause : unreadable(cause);
  }
}
