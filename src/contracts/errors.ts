/** The error catalogue: every code a gateway, a REST client or a log reader can meet. */

/** Refusals of one frame's content: settled (stored with the reason, sequence advanced, acknowledged). */
export const FRAME_REFUSALS = [
  'channel-count',
  'non-finite',
  'time-backwards',
  'time-ahead',
  'bad-length',
  'empty-frame',
  'bad-encoding',
  'bad-senml',
  'frame-too-large',
] as const;
export type FrameRefusal = (typeof FRAME_REFUSALS)[number];

/** Protocol faults, with the WebSocket close code where the connection cannot go on (null: it can). */
export const PROTOCOL_ERRORS = {
  'unknown-stream': null,
  'sequence-gap': null,
  'frame-refused': null,
  'invalid-json': 4400,
  'invalid-message': 4400,
  'bad-frame': 4400,
  'hello-expected': 4401,
  'hello-repeated': 4401,
  'protocol-version': 4406,
  'unknown-athlete': 4404,
  'unknown-device': 4404,
  'assignment-mismatch': 4409,
  'stream-conflict': 4409,
  'token-revoked': 4403,
  'credit-exceeded': 4429,
  'too-many-streams': 4413,
  'message-too-large': 1009,
  'service-stopping': 1001,
  internal: 1011,
} as const;
export type ProtocolErrorCode = keyof typeof PROTOCOL_ERRORS;

/** Base of our own errors: a stable code, and whether trying again can help. */
export class KinewatchError extends Error {
  readonly code: string;
  readonly retry: boolean;
  constructor(code: string, message: string, options: { readonly retry?: boolean; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KinewatchError';
    this.code = code;
    this.retry = options.retry ?? false;
  }
}
