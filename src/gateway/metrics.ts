/** Plain counters of the gateway; the metrics endpoint reads them, nothing resets them. */
import { FRAME_REFUSALS, PROTOCOL_ERRORS } from '../contracts/errors.ts';

export interface GatewayMetrics {
  /** Connections open now. */
  connections: number;
  connectionsTotal: number;
  helloTotal: number;
  /** Frames whose header was readable, of every outcome. */
  framesReceived: number;
  /** Frames handed to the sink with their content accepted. */
  framesAccepted: number;
  bytesReceived: number;
  /** Below the expected sequence: dropped and acknowledged again. */
  duplicates: number;
  /** Data that came after a bye, an error or a takeover; the gateway sends it again on its next connection. */
  droppedAfterClose: number;
  acksSent: number;
  clockJumps: number;
  takeovers: number;
  pausesForSink: number;
  pausesForReader: number;
  /** Connections dropped because the peer did not read, or did not answer pings. */
  slowReaders: number;
  silentPeers: number;
  /** By kind: codes of PROTOCOL_ERRORS, FRAME_REFUSALS, and what ends a connection below the protocol. */
  readonly errors: Record<string, number>;
}

const TRANSPORT_ERRORS = [
  'unauthenticated',
  'directory-unavailable',
  'too-many-connections',
  'fragment-flood',
  'bad-websocket-frame',
] as const;

/** All counters at zero, with every known error kind present so that a scrape shows them before the first one happens. */
export function createGatewayMetrics(): GatewayMetrics {
  const errors: Record<string, number> = {};
  for (const kind of [...Object.keys(PROTOCOL_ERRORS), ...FRAME_REFUSALS, ...TRANSPORT_ERRORS]) errors[kind] = 0;
  return {
    connections: 0,
    connectionsTotal: 0,
    helloTotal: 0,
    framesReceived: 0,
    framesAccepted: 0,
    bytesReceived: 0,
    duplicates: 0,
    droppedAfterClose: 0,
    acksSent: 0,
    clockJumps: 0,
    takeovers: 0,
    pausesForSink: 0,
    pausesForReader: 0,
    slowReaders: 0,
    silentPeers: 0,
    errors,
  };
}

/** Adds one to the kind's counter. */
export function countError(metrics: GatewayMetrics, kind: string): void {
  metrics.errors[kind] = (metrics.errors[kind] ?? 0) + 1;
}
