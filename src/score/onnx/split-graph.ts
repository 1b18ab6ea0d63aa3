/**
 * An ONNX graph cut in two behind everything that the movement inputs alone decide: the encoder, which is nearly all of the work, and the rest. Works on the
 * bytes (protobuf): nodes, initialisers and inputs are sorted into the two halves as they are, nothing is computed or renamed. Knows no model; whether the two
 * halves answer as the whole does is for the caller to try.
 */

/** A graph as bytes, with the names of the tensors that go in and come out. */
export interface GraphPart {
  readonly bytes: Uint8Array;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface SplitGraph {
  /** Inputs: those named. Outputs: what the rest needs of it, and outputs of the whole that it decides. */
  readonly first: GraphPart;
  /** Inputs: the first part's outputs that it needs, and the other inputs. Outputs: the other outputs of the whole. */
  readonly second: GraphPart;
}

/** Field numbers of onnx.proto. */
const MODEL = { graph: 7 } as const;
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13 } as const;
const NODE = { input: 1, output: 2 } as const;
const TENSOR_NAME = 8;
const VALUE_NAME = 1;
const LENGTH_DELIMITED = 2;
const FLOAT = 1;

interface Field {
  readonly number: number;
  /** Tag and all. */
  readonly raw: Uint8Array;
  /** Of a length-delimited field; empty otherwise. */
  readonly body: Uint8Array;
}

const text = new TextDecoder();
const toBytes = new TextEncoder();

/** @throws RangeError where the bytes are no protobuf message */
function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at];
      if (byte === undefined) throw new RangeError('a protobuf message ends in the middle of a number');
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a protobuf number is too long');
  };
  while (at < bytes.length) {
    const from = at;
    const tag = varint();
    let body = bytes.subarray(0, 0);
    const wire = tag & 7;
    if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === LENGTH_DELIMITED) {
      const length = varint();
      body = bytes.subarray(at, at + length);
      at += length;
    } else throw new RangeError(`protobuf wire type ${wire}`);
    if (at > bytes.length) throw new RangeError('a protobuf message ends in the middle of a field');
    fields.push({ number: tag >>> 3, raw: bytes.subarray(from, at), body });
  }
  return fields;
}

function varintBytes(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) out.push((rest & 0x7f) | 0x80);
  return [...out, rest];
}

const delimited = (number: number, body: Uint8Array): Uint8Array =>
  joined([Uint8Array.from([...varintBytes(number * 8 + LENGTH_DELIMITED), ...varintBytes(body.length)]), body]);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const stringIn = (fields: readonly Field[], number: number): string => text.decode(fields.find((field) => field.number === number)?.body);

/** ValueInfoProto of a float tensor of any shape. */
function floatTensor(name: string): Uint8Array {
  const tensorType = delimited(1, Uint8Array.from([8, FLOAT]));
  return joined([delimited(VALUE_NAME, toBytes.encode(name)), delimited(2, tensorType)]);
}

interface GraphNode {
  readonly raw: Uint8Array;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

interface Named {
  readonly name: string;
  readonly raw: Uint8Array;
}

function nodeOf({ raw, body }: Field): GraphNode {
  const parts = fieldsOf(body);
  const names = (number: number): string[] => parts.filter((part) => part.number === number).map((part) => text.decode(part.body));
  return { raw, inputs: names(NODE.input).filter((name) => name !== ''), outputs: names(NODE.output).filter((name) => name !== '') };
}

/**
 * @param firstInputs names of the inputs that the first half has
 * @throws RangeError where the bytes are no ONNX model, or nothing depends on these inputs alone
 */
export function splitGraph(model: Uint8Array, firstInputs: ReadonlySet<string>): SplitGraph {
  const modelFields = fieldsOf(model);
  const graph = fieldsOf(modelFields.find(({ number }) => number === MODEL.graph)?.body ?? new Uint8Array(0));
  const named = (number: number, nameField: number): Named[] =>
    graph.filter((field) => field.number === number).map(({ raw, body }) => ({ raw, name: stringIn(fieldsOf(body), nameField) }));
  const nodes = graph.filter(({ number }) => number === GRAPH.node).map(nodeOf);
  const inputs = named(GRAPH.input, VALUE_NAME);
  const outputs = named(GRAPH.output, VALUE_NAME);
  const initializers = named(GRAPH.initializer, TENSOR_NAME);

  const { first, second, constant } = sortNodes(nodes, inputs, firstInputs);
  const made = new Set(first.flatMap((node) => node.outputs));
  const needed = new Set([...second.flatMap((node) => node.inputs), ...outputs.map(({ name }) => name)].filter((name) => made.has(name)));
  if (needed.size === 0) throw new RangeError('nothing in the graph depends on these inputs alone');
  const isOutput = new Map(outputs.map((output) => [output.name, output.raw]));

  /** A model of these nodes and whatever constants they need. */
  const part = (own: readonly GraphNode[], from: readonly Named[], to: readonly Named[]): GraphPart => {
    const kept = withConstants(own, constant);
    const used = new Set(kept.flatMap((node) => node.inputs));
    const fields = [
      ...nodes.filter((node) => kept.includes(node)).map(({ raw }) => raw),
      ...initializers.filter(({ name }) => used.has(name)).map(({ raw }) => raw),
      ...graph.filter(({ number }) => !Object.values<number>(GRAPH).includes(number)).map(({ raw }) => raw),
      ...from.map(({ raw }) => raw),
      ...to.map(({ raw }) => raw),
    ];
    const bytes = joined(modelFields.map(({ number, raw }) => (number === MODEL.graph ? delimited(MODEL.graph, joined(fields)) : raw)));
    return { bytes, inputs: from.map(({ name }) => name), outputs: to.map(({ name }) => name) };
  };
  const cut = [...needed].map((name): Named => ({ name, raw: isOutput.get(name) ?? delimited(GRAPH.output, floatTensor(name)) }));
  const wantedBySecond = new Set(second.flatMap((node) => node.inputs));
  const secondInputs = [
    ...inputs.filter(({ name }) => wantedBySecond.has(name)),
    ...cut
      .filter(({ name }) => wantedBySecond.has(name))
      .map(({ name }): Named => ({ name, raw: delimited(GRAPH.input, floatTensor(name)) })),
  ];
  return {
    first: part(
      first,
      inputs.filter(({ name }) => firstInputs.has(name)),
      cut,
    ),
    second: part(
      second,
      secondInputs,
      outputs.filter(({ name }) => !made.has(name)),
    ),
  };
}

/** By what each node depends on: these inputs alone, anything else, or no input at all. */
function sortNodes(nodes: readonly GraphNode[], inputs: readonly Named[], firstInputs: ReadonlySet<string>) {
  type Side = 'first' | 'second' | 'constant';
  const sideOf = new Map<string, Side>(inputs.map(({ name }) => [name, firstInputs.has(name) ? 'first' : 'second']));
  const sorted: Record<Side, GraphNode[]> = { first: [], second: [], constant: [] };
  for (const node of nodes) {
    const sides = node.inputs.map((name) => sideOf.get(name) ?? 'constant');
    const side = sides.includes('second') ? 'second' : sides.includes('first') ? 'first' : 'constant';
    for (const name of node.outputs) sideOf.set(name, side);
    sorted[side].push(node);
  }
  return sorted;
}

/** The nodes, and those of the constants that lead to them. */
function withConstants(own: readonly GraphNode[], constants: readonly GraphNode[]): readonly GraphNode[] {
  const makerOf = new Map(constants.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const kept = new Set(own);
  // A Set is walked to its end also where it grows meanwhile.
  for (const node of kept) {
    for (const name of node.inputs) {
      const maker = makerOf.get(name);
      if (maker !== undefined) kept.add(maker);
    }
  }
  return [...kept];
}
