import { KinewatchError } from '../contracts/errors.ts';

/** A fault the service reported, or the connection's own: `code` is one of the protocol's codes or of the client's below. */
export class GatewayClientError extends KinewatchError {
  readonly stream: number | undefined;
  readonly sequence: number | undefined;
  constructor(
    code: string,
    message: string,
    options: { retry?: boolean; cause?: unknown; stream?: number | undefined; sequence?: number | undefined } = {},
  ) {
    super(code, message, options);
    this.name = 'GatewayClientError';
    this.stream = options.stream;
    this.sequence = options.sequence;
  }
}

/** The client's own codes, beside those of the protocol. */
export type ClientErrorCode =
  /** Token unknown or revoked at the upgrade. */
  | 'unauthenticated'
  /** The address answers, but not as an ingest socket. */
  | 'not-a-gateway-endpoint'
  /** Socket lost, refused or silent; the client reconnects. */
  | 'disconnected'
  | 'connect-timeout'
  /** The service expects a sequence the client was told is stored. */
  | 'sequence-lost'
  /** 2^32 frames: declare a new boot. */
  | 'sequence-exhausted'
  /** More calls of send wait than are allowed: await them. */
  | 'too-many-waiting'
  | 'closed'
  | 'close-timeout';

export const clientError = (
  code: ClientErrorCode,
  message: string,
  options: { retry?: boolean; cause?: unknown; stream?: number } = {},
): GatewayClientError => new GatewayClientError(code, message, options);
