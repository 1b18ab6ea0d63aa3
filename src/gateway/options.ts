/** What the gateway plugin is given, and the bounds it keeps (BOUNDED). */
import { DEFAULT_CREDIT_BYTES, DEFAULT_LIMITS, type Limits, type StreamDeclaration } from '../contracts/protocol.ts';
import type { OpenedStream } from '../contracts/stream.ts';
import { createGatewayMetrics, type GatewayMetrics } from './metrics.ts';
import type { FrameSink, GatewayDirectory } from './ports.ts';
import { createReceiptClock } from './receipt-clock.ts';

export interface GatewayLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface GatewayOptions {
  readonly directory: GatewayDirectory;
  readonly sink: FrameSink;
  /** Wall clock, microseconds since the epoch. */
  readonly nowUs?: () => number;
  /** Receipt stamps begin above this: the newest stamp in the store. */
  readonly newestReceiptUs?: number;
  /** Told of every hello's streams, before the welcome: whoever works on frames hears of a stream before its first frame. */
  readonly onOpened?: (streams: readonly OpenedStream[]) => void;
  /** Channels of a declaration that nothing reads, in words; they become the warnings of the welcome. */
  readonly describeUnused?: (declaration: StreamDeclaration) => readonly string[];
  readonly limits?: Limits;
  readonly creditBytes?: number;
  readonly metrics?: GatewayMetrics;
  readonly log?: GatewayLog;
  /** Connections at once; one more is refused with 503. */
  readonly maxConnections?: number;
  /** Unread replies a connection may cause before its socket is no longer read. */
  readonly maxOutgoingBytes?: number;
  /** How long a peer may leave its replies unread before the connection is dropped. */
  readonly slowReaderMs?: number;
  readonly helloTimeoutMs?: number;
  /** Ping interval; a peer that answered nothing for two of them is dropped. */
  readonly pingMs?: number;
  /** Tokens of open connections are looked up again this often, for revocations made by another process. */
  readonly recheckMs?: number;
  /** How long a stop, a bye or a takeover waits for commits that are under way. */
  readonly settleTimeoutMs?: number;
}

export interface GatewaySettings extends Required<GatewayOptions> {
  /** Strictly increasing receipt stamps, microseconds. */
  readonly stamp: () => number;
}

const silent: GatewayLog = { info: () => {}, warn: () => {}, error: () => {} };
const wallClockUs = (): number => (performance.timeOrigin + performance.now()) * 1000;

/** Fills in the defaults. */
export function resolveOptions(options: GatewayOptions): GatewaySettings {
  const clockUs = options.nowUs ?? wallClockUs;
  // Whole microseconds: what gateways are told are integers.
  const nowUs = (): number => Math.floor(clockUs());
  const newestReceiptUs = options.newestReceiptUs ?? 0;
  return {
    directory: options.directory,
    sink: options.sink,
    nowUs,
    newestReceiptUs,
    stamp: createReceiptClock(nowUs, newestReceiptUs),
    onOpened: options.onOpened ?? (() => {}),
    describeUnused: options.describeUnused ?? (() => []),
    limits: options.limits ?? DEFAULT_LIMITS,
    creditBytes: options.creditBytes ?? DEFAULT_CREDIT_BYTES,
    metrics: options.metrics ?? createGatewayMetrics(),
    log: options.log ?? silent,
    maxConnections: options.maxConnections ?? 1024,
    maxOutgoingBytes: options.maxOutgoingBytes ?? 262_144,
    slowReaderMs: options.slowReaderMs ?? 10_000,
    helloTimeoutMs: options.helloTimeoutMs ?? 10_000,
    pingMs: options.pingMs ?? 15_000,
    recheckMs: options.recheckMs ?? 60_000,
    settleTimeoutMs: options.settleTimeoutMs ?? 5000,
  };
}
