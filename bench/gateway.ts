/**
 * Gateway path (header, checks, append, hand-off; store and shards are counting sinks) against its limit program, a bare `ws` server, on the
 * same bytes. The server has a process of its own; the load generator writes prepared, masked WebSocket frames to plain sockets, so that
 * it costs little more than the copy. Pairs are interleaved, medians reported.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeFrame } from '../src/contracts/frame.ts';
import { FRAME_HEADER_BYTES, FrameOffset, type StreamDeclaration } from '../src/contracts/protocol.ts';

const CONNECTIONS = 4;
const SAMPLES = 100;
const CHANNELS = 6;
const RATE_HZ = 200;
/** Recorded time, begun long ago: at this speed a live clock would soon be a day ahead and its frames refused. */
const START_US = 946_684_800_000_000;
const FRAMES_A_WRITE = 32;
const MEASURE_MS = 1000;
const WARM_UP_MS = 700;
const PAIRS = 5;

const FRAME_BYTES = FRAME_HEADER_BYTES + SAMPLES * CHANNELS * 2;
/** Opcode and FIN, length as 16 bits, mask. */
const WS_HEADER_BYTES = 8;
const WIRE_BYTES = WS_HEADER_BYTES + FRAME_BYTES;

/** Fixed, so that sequences can be written in place, and not zero: ws skips the unmasking of a zero mask. */
const MASK = Buffer.from([0x5a, 0xc3, 0x1f, 0x96]);
const MASK_LE = MASK.readUInt32LE(0);

/** A client's WebSocket message. */
function maskedMessage(opcode: number, payload: Uint8Array): Buffer {
  const message = Buffer.alloc(WS_HEADER_BYTES + payload.length);
  message[0] = 0x80 | opcode;
  message[1] = 0x80 | 126;
  message.writeUInt16BE(payload.length, 2);
  MASK.copy(message, 4);
  payload.forEach((byte, i) => (message[WS_HEADER_BYTES + i] = byte ^ (MASK[i % 4] ?? 0)));
  return message;
}

function prepareWrite(stream: number): Buffer {
  const samples = Int16Array.from({ length: SAMPLES * CHANNELS }, (_, i) => Math.round(2000 * Math.sin(i / 7)));
  const message = maskedMessage(2, encodeFrame({ flags: 0, channels: CHANNELS, stream, sequence: 0, deviceTimeUs: 0 }, samples));
  return Buffer.concat(Array.from({ length: FRAMES_A_WRITE }, () => message));
}

/** The fields of the header lie on multiples of four, as the mask does. */
const writeMasked = (write: Buffer, value: number, at: number): void => void write.writeUInt32LE((value ^ MASK_LE) >>> 0, at);

function number(write: Buffer, firstSequence: number): void {
  for (let i = 0; i < FRAMES_A_WRITE; i += 1) {
    const at = i * WIRE_BYTES + WS_HEADER_BYTES;
    const sequence = firstSequence + i;
    const deviceTimeUs = START_US + (sequence * SAMPLES * 1e6) / RATE_HZ;
    writeMasked(write, sequence, at + FrameOffset.sequence);
    writeMasked(write, deviceTimeUs % 2 ** 32, at + FrameOffset.deviceTimeUs);
    writeMasked(write, Math.floor(deviceTimeUs / 2 ** 32), at + FrameOffset.deviceTimeUs + 4);
  }
}

const declarationOf = (index: number): StreamDeclaration => ({
  stream: index,
  device: String(index + 1),
  boot: 'bench',
  kind: 'imu',
  placement: 'trunk',
  channels: ['ax', 'ay', 'az', 'gx', 'gy', 'gz'].map((name) => ({ name, unit: 'raw' })),
  mode: 'recorded',
  rateHz: RATE_HZ,
  encoding: 'int16',
});

async function openLoad(port: number, index: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    `GET /v1/ingest HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nAuthorization: Bearer bench\r\n\r\n`,
  );
  await once(socket, 'data');
  const hello = JSON.stringify({ type: 'hello', protocol: 1, streams: [declarationOf(index)] });
  socket.write(maskedMessage(1, Buffer.from(hello)));
  await once(socket, 'data');
  socket.resume();
  return socket;
}

/** Keeps the socket full until it ends. */
function pour(socket: Socket, index: number): void {
  const writes = [prepareWrite(index), prepareWrite(index), prepareWrite(index), prepareWrite(index)];
  let sequence = 0;
  let slot = 0;
  const next = (): void => {
    const write = writes[slot % writes.length];
    if (write === undefined || socket.destroyed) return;
    slot += 1;
    number(write, sequence);
    sequence += FRAMES_A_WRITE;
    // The callback comes when the kernel has the bytes: only then is the buffer free to be numbered again.
    socket.write(write, next);
  };
  socket.on('error', () => {});
  for (const _ of writes) next();
}

interface Reading {
  readonly frames: number;
  readonly refused: number;
  readonly cpuUs: number;
  readonly atUs: number;
}

async function read(child: ChildProcess): Promise<Reading> {
  child.send('count');
  const [reading] = (await once(child, 'message')) as [Reading];
  return reading;
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Measured {
  readonly framesPerS: number;
  readonly cpuUsPerFrame: number;
  /** Share of a core the server had. */
  readonly busy: number;
}

type Kind = 'bare' | 'gateway' | 'stored';

async function measure(kind: Kind): Promise<Measured> {
  const child = fork(new URL('./gateway-server.js', import.meta.url), [kind]);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => openLoad(port, index)));
  sockets.forEach(pour);
  await delay(WARM_UP_MS);
  const from = await read(child);
  await delay(MEASURE_MS);
  const to = await read(child);
  if (to.refused > 0) throw new Error(`${to.refused} frames were refused: the measurement is void`);
  for (const socket of sockets) socket.destroy();
  child.disconnect();
  await once(child, 'exit');
  const frames = to.frames - from.frames;
  const wallUs = to.atUs - from.atUs;
  const cpuUs = to.cpuUs - from.cpuUs;
  return { framesPerS: (frames * 1e6) / wallUs, cpuUsPerFrame: cpuUs / frames, busy: cpuUs / wallUs };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export interface GatewayBench {
  readonly name: string;
  readonly ours: number;
  readonly limit: number;
  readonly ratio: number;
  readonly unit: string;
  /** The limit's CPU time a frame over ours: what the ratio would be were nothing else running on the machine. */
  readonly cpuRatio: number;
  /** Share of a core each server had. Well below 1: the load generator or other programs held it back, and `ratio` says little. */
  readonly busy: { readonly ours: number; readonly limit: number };
}

const medianOf = (runs: readonly Measured[], field: keyof Measured): number => median(runs.map((run) => run[field]));

/** One kind of server against the bare one: frames per second, medians of interleaved pairs; the ratio is that of the medians. */
async function compare(name: string, kind: Kind): Promise<GatewayBench> {
  const ours: Measured[] = [];
  const limit: Measured[] = [];
  for (let pair = 0; pair < PAIRS; pair += 1) {
    // One at a time: they would measure each other. The order alternates, so that neither always runs on the warmer machine.
    for (const each of pair % 2 === 0 ? (['bare', kind] as const) : ([kind, 'bare'] as const)) {
      (each === 'bare' ? limit : ours).push(await measure(each));
    }
  }
  const [oursPerS, limitPerS] = [medianOf(ours, 'framesPerS'), medianOf(limit, 'framesPerS')];
  return {
    name,
    ours: oursPerS,
    limit: limitPerS,
    ratio: oursPerS / limitPerS,
    unit: 'frames/s',
    cpuRatio: medianOf(limit, 'cpuUsPerFrame') / medianOf(ours, 'cpuUsPerFrame'),
    busy: { ours: medianOf(ours, 'busy'), limit: medianOf(limit, 'busy') },
  };
}

/** Header, checks, append and hand-off, with store and shards as counting sinks. Runs from dist (the server is a child process). */
export const benchGateway = (): Promise<GatewayBench> => compare('gateway path', 'gateway');

/** The gateway and the real frame writer: frames committed durably to PostgreSQL and acknowledged. Shards are left out. */
export const benchAcknowledged = (): Promise<GatewayBench> => compare('acknowledged end to end', 'stored');
