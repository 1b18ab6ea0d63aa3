/** Just enough of ONNX's protobuf (onnx.proto) to read a graph's nodes: for tests that hold what no run on a CPU would show. */

export interface GraphNode {
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  /** Names; empty where an optional input is left out. */
  readonly inputs: readonly string[];
  /** Integers as numbers, strings and lists of strings as lists; others as NaN. */
  readonly attributes: ReadonlyMap<string, number | readonly string[]>;
}

export interface OnnxGraph {
  /** Version of ONNX's own operator set. */
  readonly opset: number;
  readonly nodes: readonly GraphNode[];
  /** Names of the tensors that are stored in the file. */
  readonly initializers: ReadonlySet<string>;
}

interface Field {
  readonly number: number;
  readonly value: number;
  readonly bytes: Uint8Array;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** The fields of a message in order. @throws RangeError at a wire type that ONNX does not use */
function* fieldsOf(message: Uint8Array): Generator<Field> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = view.getUint8(at);
      at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wire = key % 8;
    const value = wire === 0 || wire === 2 ? varint() : Number.NaN;
    const size = wire === 0 ? 0 : wire === 2 ? value : wire === 5 ? 4 : wire === 1 ? 8 : Number.NaN;
    if (Number.isNaN(size)) throw new RangeError(`wire type ${wire} at byte ${at}`);
    yield { number, value, bytes: message.subarray(at, at + size) };
    at += size;
  }
}

const all = (message: Uint8Array, number: number): Uint8Array[] =>
  [...fieldsOf(message)].filter((field) => field.number === number).map(({ bytes }) => bytes);
const one = (message: Uint8Array, number: number): string => text(all(message, number)[0] ?? new Uint8Array());
const integer = (message: Uint8Array, number: number): number | undefined =>
  [...fieldsOf(message)].find((field) => field.number === number)?.value;

/** AttributeProto: name 1, integer 3, string 4, strings 9. */
function attributeOf(message: Uint8Array): readonly [string, number | readonly string[]] {
  const strings = [...all(message, 4), ...all(message, 9)].map(text);
  return [one(message, 1), strings.length > 0 ? strings : (integer(message, 3) ?? Number.NaN)];
}

/** NodeProto: input 1, operator 4, attribute 5, domain 7. */
const nodeOf = (message: Uint8Array): GraphNode => ({
  op: one(message, 4),
  domain: one(message, 7),
  inputs: all(message, 1).map(text),
  attributes: new Map(all(message, 5).map(attributeOf)),
});

/** ModelProto: graph 7, operator sets 8 (domain 1, version 2). GraphProto: node 1, initializer 5 (name 8). */
export function readOnnxGraph(model: Uint8Array): OnnxGraph {
  const graph = all(model, 7)[0] ?? new Uint8Array();
  const own = all(model, 8).find((set) => one(set, 1) === '');
  return {
    opset: (own && integer(own, 2)) ?? Number.NaN,
    nodes: all(graph, 1).map(nodeOf),
    initializers: new Set(all(graph, 5).map((tensor) => one(tensor, 8))),
  };
}
